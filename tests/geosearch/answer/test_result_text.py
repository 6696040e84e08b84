"""The text of results says, member by member, what typed hits are encoded to."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest

import geosearch
from geosearch.answer.model import Answer, Page
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search import segment_view
from geosearch.search.searcher import Searcher
from geosearch.service.encode import page_of
from tests.comparison import to_query
from tests.generators import KINDS, make_world
from tests.geosearch.answer.test_hits import DEALS, NOW, SHOPS
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant, write_snapshot
from tests.questions import make_request

# As in `test_searcher_oracle`: less where kernels are slow.
QUESTIONS = int(os.environ.get("GEOSEARCH_COMPARISONS", "24000")) // (8 * len(KINDS))
CURRENCIES = ("CNY", "JPY", "KWD", "CHF")


def members(text: bytes | memoryview) -> Any:
    """What a text says, in its order; numbers may be spelled in two ways (`1e-7`)."""
    return json.loads(bytes(text), object_pairs_hook=list)


def compared(engine: Searcher, query: Query) -> Answer:
    """The typed answer, after `page` has said the same."""
    answer, page = engine.search(query), engine.page(query)
    told: Page = page_of(answer)
    assert members(page.results) == members(told.results)
    assert page.count == told.count == len(answer.hits)
    for name in set(Answer.__struct_fields__) - {"hits", "took_us"}:
        assert getattr(page.answer, name) == getattr(answer, name), name
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_worlds(kind: str, tmp_path: Path) -> None:
    rng = Random(f"text {kind}")
    world = make_world(rng, kind, 150)
    world.write(tmp_path / "snapshot")
    build(tmp_path / "snapshot", tmp_path / "index", now=world.now, max_rejected=1.0)
    engine = geosearch.open_index(tmp_path / "index")
    hits = deals = 0
    for _ in range(max(1, QUESTIONS)):
        crs = rng.choice(("WGS84", "WGS84", "GCJ02", "BD09"))
        answer = compared(engine, to_query(make_request(rng, world), crs=crs, explain=False))
        hits += len(answer.hits)
        deals += sum(len(hit.deals) for hit in answer.hits)
    if QUESTIONS >= 100:
        assert hits > QUESTIONS / 4
        assert deals > 0


def shops_in(folder: Path, **envelope: Any) -> Searcher:
    tables: dict[str, Any] = {"merchants": SHOPS, "deals": DEALS, "programs": [PROGRAM]}
    write_snapshot(folder / "snapshot", tables)
    (folder / "snapshot" / "snapshot.json").write_text(json.dumps(ENVELOPE | envelope))
    build(folder / "snapshot", folder / "index", now=NOW)
    return geosearch.open_index(folder / "index")


@pytest.mark.parametrize("currency", CURRENCIES)
def test_every_state_time_and_amount(currency: str, tmp_path: Path) -> None:
    """Amounts of each currency; states, zones and distances of the shops of `test_hits`."""
    engine = shops_in(tmp_path, currency=currency)
    reasons: set[str] = set()
    last = engine.end - timedelta(minutes=1)
    for at, spend in ((NOW, None), (NOW, 0), (NOW, 2_000), (NOW, 1_999_999), (last, None)):
        query = Query(
            lat=31.23, lng=121.47, at=at, radius=50_000.0, cards=("red",), deals="optional",
            spend=spend,
        )  # fmt: skip
        answer = compared(engine, query)
        assert len(answer.hits) == len(SHOPS)
        reasons.update(reason for hit in answer.hits for reason in hit.reasons)
    said = " ".join(sorted(reasons))
    for words in ("saves ", "1 min walk", "km away", "open until 22:00", "open around the clock"):
        assert words in said
    assert "open now" in reasons


def test_no_results_are_an_empty_list(tmp_path: Path) -> None:
    engine = shops_in(tmp_path)
    for crs in ("WGS84", "BD09"):
        assert not compared(engine, Query(lat=-31.0, lng=1.0, at=NOW, crs=crs)).hits
    assert engine.page(Query(lat=-31.0, lng=1.0, at=NOW)).results == b"[]"


@pytest.mark.parametrize("room", [1, 700, 5_000])
def test_a_page_that_is_longer_than_usual_is_whole(room: int, tmp_path: Path) -> None:
    shops: list[Row | bytes] = [merchant(n, name="长" * 300) for n in range(100)]
    deals: list[Row | bytes] = [
        deal(n, merchant_ids=[f"m{n % 100}"], title="长" * 200) for n in range(400)
    ]
    write_snapshot(tmp_path / "snapshot", {"merchants": shops, "deals": deals})
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    engine = geosearch.open_index(tmp_path / "index")
    with mock.patch.object(segment_view, "_TEXT_BYTES", room):
        answer = compared(engine, Query(lat=31.23, lng=121.47, at=NOW, limit=100))
    assert sum(len(hit.deals) for hit in answer.hits) == 300
