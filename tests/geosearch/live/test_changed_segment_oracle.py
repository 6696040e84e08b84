"""Live changes against the oracle: at every moment all answers are those of the new rows."""

import json
import os
from pathlib import Path
from random import Random
from unittest import mock

import pytest

from geosearch.indexing.writer import Writer
from geosearch.kernel import filters
from geosearch.search import plan
from geosearch.search.searcher import open_index
from geosearch.suggest.suggester import SuggestQuery
from tests.generators import KINDS, make_world
from tests.geosearch.live.live_worlds import LiveDuel, LiveRows, check_listings, some_closure
from tests.geosearch.search.driving import trees_for_all_cards
from tests.questions import make_request

SHORT = "GEOSEARCH_COMPARISONS" in os.environ
KINDS_ASKED = KINDS[:: 4 if SHORT else 1]
MOMENTS, CHANGES, QUESTIONS = (3, 12, 6) if SHORT else (8, 12, 20)


@pytest.mark.parametrize("kind", KINDS_ASKED)
def test_every_moment_answers_as_its_rows(kind: str, tmp_path: Path) -> None:
    rng = Random(f"live {kind}")
    world = make_world(rng, kind, 130)
    for row in world.merchants[::7]:
        row["closures"] = [some_closure(rng, world)]
    with trees_for_all_cards():
        duel = LiveDuel(world, tmp_path)
    rows = LiveRows(duel.world)
    done = dict.fromkeys(("accepted", "refused", "found", "pages"), 0)
    # Filters are kept from the first time on, so that every moment meets those of earlier ones, or
    # never, so that searches read which documents surely have a deal.
    kept = (0, 1_000_000)[KINDS.index(kind) % 2]
    with (
        Writer(tmp_path / "index") as writer,
        mock.patch.object(filters, "ASKED_BEFORE", kept),
        mock.patch.object(plan, "DRIVER_DOCS", (0, 0, 4, 2_048)[KINDS.index(kind) % 4]),
    ):
        asked = [make_request(rng, duel.world) for _ in range(QUESTIONS)]
        for moment in range(MOMENTS):
            changes = [rows.change(rng, moment * CHANGES + number) for number in range(CHANGES)]
            receipt = writer.apply([json.dumps(change).encode() for change, _ in changes])
            codes = {line: code for line, (_, code) in enumerate(changes, 1) if code}
            assert {one.line: one.code for one in receipt.rejected} == codes, changes
            done["refused"] += len(codes)
            done["accepted"] += len(changes) - len(codes)
            rows.write()
            duel.take_changes()
            assert duel.engine.as_of_seq == writer.head == done["accepted"]
            for place, request in enumerate(asked):
                expected = duel.check_rank(request)
                done["found"] += len(expected)
                if place % 3 == 0:
                    duel.check_search(request, expected)
                if place % 7 == 0:
                    done["pages"] += duel.check_pages(request, expected)
            asked[rng.randrange(len(asked))] = make_request(rng, duel.world)
            check_listings(duel, rows)
    assert done["accepted"] > 20
    assert done["found"] > (10 if SHORT else 50)
    again = open_index(tmp_path / "index")
    assert again.as_of_seq == done["accepted"]
    duel.engine = again
    for request in asked:
        duel.check_rank(request)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_withdrawn_shop_is_not_suggested(deleted: bool, tmp_path: Path) -> None:
    duel = LiveDuel(make_world(Random("suggest"), "city", 60), tmp_path)
    shop = next(iter(duel.oracle.shops.values()))
    query = SuggestQuery(q=shop.row["name"], lat=shop.lat, lng=shop.lng, radius=50_000.0)
    before = {one.id: one.count for one in duel.engine.suggest(query).suggestions}
    named = {one for one in duel.oracle.shops.values() if one.row["name"] == shop.row["name"]}
    change = (
        {"table": "merchants", "delete": shop.merchant_id}
        if deleted
        else {
            "table": "merchants",
            "patch": {
                "merchant_id": shop.merchant_id,
                "business_status": "CLOSED_PERMANENTLY",
            },
        }
    )
    with Writer(tmp_path / "index") as writer:
        writer.apply([change])
    engine = duel.engine.latest()
    after = {one.id: one.count for one in engine.suggest(query).suggestions}
    name = shop.row["name"]
    assert before.get(name) == len(named)
    assert after.get(name, 0) == len(named) - 1
    assert engine.suggest(query).as_of_seq == 1
