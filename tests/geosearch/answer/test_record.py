"""A merchant in full: hours of the week, and every deal with whether it can be used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from geosearch.query.query import MerchantQuery
from geosearch.search.searcher import Searcher
from tests.comparison import Duel, to_query
from tests.generators import make_world
from tests.geosearch.answer.few_shops import NOW, shops_in
from tests.oracle import Question
from tests.questions import make_request
from tests.result_oracle import record_of


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return shops_in(tmp_path_factory.mktemp("few")).engine


def test_a_record_has_the_hours_of_the_week_and_every_deal(engine: Searcher) -> None:
    record = engine.merchant("m0", NOW)
    assert record is not None
    spans = record["hours"]
    assert spans[0] == {
        "state": "open",
        "from": "2026-11-22T10:00:00+08:00",
        "to": "2026-11-22T22:00:00+08:00",
    }
    assert len(spans) == 8, "today's, and those of the seven days ahead that begin in time"
    late = engine.merchant("m0", NOW + timedelta(hours=3))
    assert late is not None
    usable = {one["deal_id"]: (one["usable"], one["saving"]) for one in late["deals"]}
    assert usable == {"d0": (True, 500), "d1": (False, None)}
    five = engine.merchant("m5", NOW)
    assert five is not None
    assert {one["deal_id"]: one["usable"] for one in five["deals"]} == {"d4": True, "d5": False}


def test_hours_of_the_week_keep_unknown_apart(engine: Searcher) -> None:
    record = engine.merchant("m8", NOW)
    assert record is not None
    assert [span["state"] for span in record["hours"][:3]] == ["unknown", "open", "unknown"]
    always = engine.merchant("m2", NOW)
    assert always is not None
    assert [span["to"] for span in always["hours"]] == [None]
    never = engine.merchant("m4", NOW)
    assert never is not None
    assert never["hours"] == []


@pytest.mark.parametrize(("kind", "fewest"), [("time_zones", 1), ("many_programs", 0)])
def test_records_of_a_world(kind: str, fewest: int, tmp_path: Path) -> None:
    """Of every shop, for a wallet, at an instant at which something changes."""
    rng = Random(f"records {kind}")
    duel = Duel(make_world(rng, kind, 60), tmp_path)
    currency, usable, bettered = duel.world.envelope["currency"], 0, 0
    for shop in duel.oracle.shops.values():
        request = {"at": make_request(rng, duel.world)["at"], "lat": 0.0, "lng": 0.0}
        wallet = set(rng.sample(sorted(duel.oracle.programs), 2))
        at = to_query(request).at
        record = duel.engine.merchant(shop.merchant_id, at, MerchantQuery(cards=tuple(wallet)))
        assert record is not None
        question = Question(request, duel.oracle)
        offers = question.usable(shop)
        expected = record_of(shop, duel.oracle, question.minute, wallet, offers, currency)
        assert record["hours"] == expected["hours"]
        best = record["best_deal"]
        assert (None if best is None else best["deal_id"]) == expected["best"]
        better = record.get("better_public")
        assert (None if better is None else better["deal_id"]) == expected["better_public"]
        bettered += better is not None
        for told in record["deals"]:
            eligible = told.pop("eligible")
            assert eligible == (told["program_id"] in {None, *wallet})
            if told.pop("usable"):
                assert told == expected["usable"].pop(told["deal_id"])
                usable += 1
            else:
                assert (told["saving"], told["pay"], told["usable_until"]) == (None, None, None)
        assert not expected["usable"]
    assert usable > 20
    assert bettered >= fewest
