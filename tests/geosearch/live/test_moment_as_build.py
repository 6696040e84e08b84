"""A moment answers as a build of its rows does: what the oracle of moments does not ask.

Near misses, reasons, blocks and studies have oracles of their own, which compare builds. So the
reference here is a build of the changed rows.
"""

import json
from random import Random
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from geosearch.indexing.pipeline import build
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import Searcher, open_index
from geosearch.studies.coverage import coverage
from geosearch.studies.habits import Habit
from geosearch.studies.stock import limited_deals
from geosearch.studies.worth import worth
from tests.comparison import to_query
from tests.geosearch.live.live_worlds import LiveDuel, LiveRows
from tests.near_worlds import NOW, centre_of, make_islands, make_question
from tests.oracles import Row

ISLANDS, MOMENTS, CHANGES = 12, 3, 40
EARTH = (-180.0, -90.0, 180.0, 90.0)


class Both(NamedTuple):
    """The engine of a moment, the engine of a build of its rows, and the rows."""

    moment: Searcher
    built: Searcher
    rows: LiveRows
    shopless: set[str]
    """Deals whose shops are all withdrawn."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Two moments are asked before the one that is compared: it shares what they learned."""
    folder, rng = tmp_path_factory.mktemp("moments"), Random("whole rows")
    duel = LiveDuel(make_islands(rng, ISLANDS, 9, fewest=4), folder)
    rows = LiveRows(duel.world)
    with Writer(folder / "index") as writer:
        for moment in range(MOMENTS):
            ask_all(duel.engine, rows)
            for number in range(CHANGES):
                change, code = rows.change(rng, moment * CHANGES + number)
                receipt = writer.apply([change])
                assert [one.code for one in receipt.rejected] == ([code] if code else [])
            if moment == MOMENTS - 1:
                assert not writer.apply(put_deals(rows)).rejected
            rows.write()
            duel.engine = duel.engine.latest()
    for deal in duel.world.deals:  # A build refuses a deal of a shop that it does not know.
        deal["merchant_ids"] = [one for one in deal["merchant_ids"] if one in rows.merchants]
    shopless = {deal["deal_id"] for deal in duel.world.deals if not deal["merchant_ids"]}
    duel.world.deals = [deal for deal in duel.world.deals if deal["merchant_ids"]]
    duel.world.write(folder / "again")
    build(folder / "again", folder / "built", now=NOW, max_rejected=1.0)
    return Both(duel.engine, open_index(folder / "built"), rows, shopless)


def put_deals(rows: LiveRows) -> list[Row]:
    """Changes that put a deal of each of three cards, one suspended, everywhere; done in `rows`."""
    changes: list[Row] = []
    for card, status in (("p0", "ACTIVE"), ("p1", "ACTIVE"), ("p2", "SUSPENDED")):
        rows.programs[card] = {"program_id": card, "name": card, "status": status}
        deal: dict[str, Any] = {
            "deal_id": f"{card} everywhere",
            "program_id": card,
            "offer_type": "percent_off",
        }
        deal |= {"percent": 25, "merchant_ids": list(rows.merchants)}
        rows.deals[f"{card} everywhere"] = deal
        changes.append({"table": "programs", "row": rows.programs[card]})
        changes.append({"table": "deals", "row": dict(deal)})
    return changes


def ask_all(engine: Searcher, rows: LiveRows) -> list[Any]:
    """Answers to everything but searches, by what is asked, without numbers of documents."""
    return [
        *near_answers(engine, rows),
        *reasons(engine, rows),
        block(engine),
        worth(engine, habits(), cards=("p0",), at=NOW).cards,
        *map(pl.DataFrame.rows, coverage(engine, cells="h3:7", at=NOW)[:2]),
        engine.density(EARTH, 64),
    ]


def requests(rows: LiveRows, name: str) -> list[tuple[int, Row]]:
    """Four questions about each island."""
    rng = Random(name)
    islands = [island for island in range(ISLANDS) for _ in range(4)]
    return [(island, make_question(rng, rows.world, island)) for island in islands]


def near_answers(engine: Searcher, rows: LiveRows) -> list[Any]:
    answers = [engine.search(to_query(one)).to_json() for _, one in requests(rows, "near")]
    return [known_alike(json.loads(answer)) for answer in answers]


def reasons(engine: Searcher, rows: LiveRows) -> list[Any]:
    found = []
    for island, request in requests(rows, "why"):
        query = to_query(request)
        keys = [key for key in rows.merchants if key.startswith(f"i{island}-")]
        found += [known_alike(engine.why(key, query)) for key in keys]
    return found


def known_alike(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """An answer without what differs between two indexes of the same rows."""
    differing = ("took_us", "as_of_seq", "next_cursor")
    return answer and {name: one for name, one in answer.items() if name not in differing}


def block(engine: Searcher) -> list[tuple[Any, ...]]:
    lat, lng = zip(*map(centre_of, range(ISLANDS)), strict=True)
    asked = pl.DataFrame({"lat": lat * 300, "lng": lng * 300})
    asks: dict[str, Any] = {"at": NOW, "radius": 50_000.0, "open": "now", "sort": "saving"}
    return engine.rank_block(asked, cards=("p0", "p1"), limit=3, **asks).rows.rows()


def habits() -> list[Habit]:
    places = map(centre_of, range(ISLANDS))
    asked: dict[str, Any] = {
        "when": "Mo-Su 11:45-13:00",
        "visits": 20,
        "spend": 20,
        "radius": 50_000.0,
    }
    return [Habit(lat=lat, lng=lng, **asked) for lat, lng in places]


def test_near_misses_and_totals(both: Both) -> None:
    moment, built = (near_answers(engine, both.rows) for engine in both[:2])
    assert moment == built
    codes = {miss["fix"]["code"] for answer in moment for miss in answer["near_misses"]}
    assert codes >= {"wait", "move", "card"}


def test_reasons_and_fixes(both: Both) -> None:
    moment, built = (reasons(engine, both.rows) for engine in both[:2])
    assert moment == built
    told = [deal for answer in moment if answer for deal in answer["deals"]]
    codes = {reason["code"] for deal in told for reason in deal["reasons"]}
    assert codes >= {"SOLD_OUT", "PROGRAM_SUSPENDED", "EXPIRED"}
    assert None in moment


def test_blocks(both: Both) -> None:
    moment, built = map(block, both[:2])
    assert moment == built
    assert sum(row[4] is not None for row in moment) >= 300


def test_studies(both: Both) -> None:
    moment, built = (worth(engine, habits(), at=NOW) for engine in both[:2])
    assert moment.cards == built.cards
    assert moment.habits == built.habits
    assert any(card.per_visit.as_you_go > 0 for card in moment.cards)
    counted, expected = (coverage(engine, cells="h3:7", at=NOW) for engine in both[:2])
    assert counted.total.rows() == expected.total.rows()
    assert sorted(map(str, counted.rows.rows())) == sorted(map(str, expected.rows.rows()))


def test_deals_with_a_limited_stock(both: Both) -> None:
    left = limited(both.built)
    assert left
    assert left == limited(both.moment) - both.shopless


def limited(engine: Searcher) -> set[str]:
    found = set()
    for segment in engine.segments:
        bits = np.unpackbits(limited_deals(segment).view(np.uint8), bitorder="little")
        deals = [int(deal) for deal in np.flatnonzero(bits)]
        found |= {segment.deal_id(deal) for deal in deals if not segment.deal_is_gone(deal)}
    return found


def test_density_and_listings(both: Both) -> None:
    moment, built = (
        (engine.density(EARTH, 64), engine.programs(), engine.info()) for engine in both[:2]
    )
    assert moment[:2] == built[:2]
    for name in ("merchants", "programs"):
        assert moment[2][name] == built[2][name]
