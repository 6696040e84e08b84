"""Combinations of deals in whole answers: by hand, and against the oracle's subsets.

`tests.geosearch.money.test_stacking` has the rules; every case here is asked of the oracle, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from geosearch.answer.model import Combination, Step
from geosearch.answer.why_text import miss_lines
from geosearch.errors import BadRequest
from geosearch.kernel import filters
from geosearch.query.query import MerchantQuery, Query
from geosearch.search import plan
from geosearch.search.searcher import Searcher
from geosearch.segment.columns import Columns
from tests.comparison import Duel, to_query
from tests.generators import GROUPS, OFFER_TYPES, World, chance, make_deal, make_world
from tests.geosearch.answer.few_shops import LAT, LNG, NOW
from tests.geosearch.number_worlds import trees_with
from tests.geosearch.search.driving import driven_by, filters_kept_after, trees_for_all_cards
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant, shops_with_deals
from tests.questions import make_request

QUESTIONS = int(os.environ.get("GEOSEARCH_COMPARISONS", "24000")) // 40
SHORT = QUESTIONS < 600
WORLDS = ("city", "crumbs", "many_programs", "narrow_hours")

BLUE = {"program_id": "blue", "name": "Blue", "kind": "bank_card", "status": "ACTIVE"}
SHOPS: list[tuple[int | None, list[Row]]] = [
    (40_000, [
        {"amount": 38_000, "offer_type": "amount_off", "stack_group": "shop"},
        {"amount": 5_000, "offer_type": "amount_off", "stack_group": "platform"},
    ]),
    (20_000, [
        {"amount": 3_000, "offer_type": "amount_off", "stack_group": "shop"},
        {"amount": 1_000, "offer_type": "amount_off", "stack_group": "bank", "program_id": "blue"},
        {"percent": 10, "offer_type": "cashback", "stack_group": "pay", "program_id": "red"},
    ]),
    (10_000, [
        {"amount": 2_000, "offer_type": "amount_off", "stack_group": "shop"},
        {"amount": 1_500, "offer_type": "amount_off", "stack_group": "bank"},
    ]),
    (10_000, [{"percent": 30}, {"amount": 1_000, "offer_type": "amount_off"}]),
    (None, [
        {"face_value": 900, "offer_type": "free_item", "stack_group": "gift"},
        {"percent": 10, "stack_group": "shop"},
    ]),
    (10_000, [
        {"percent": 5, "program_id": "red", "stack_group": "bank"},
        {"amount": 900, "offer_type": "amount_off", "stack_group": "shop"},
        {"amount": 800, "offer_type": "amount_off", "stack_group": "pay"},
    ]),
]  # fmt: skip
"""Usual bill and deals of each shop; deal 1 of shop 5 is `d51`."""


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    shops, deals = shops_with_deals(SHOPS)
    world = World("stacks", ENVELOPE, NOW, shops, deals, [PROGRAM, BLUE])
    return Duel(world, tmp_path_factory.mktemp("stacks"))


@pytest.fixture(scope="module")
def engine(duel: Duel) -> Searcher:
    return duel.engine


def asked(duel: Duel, **wish: Any) -> list[str]:
    """Ids found, in order, with `stacking=on`; the oracle finds the same."""
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "total": True, "stacking": "on"}
    request |= {"facets": ["program", "offer_type"], "explain": True, **wish}
    expected = duel.check_rank(request)
    answer = duel.check_search(request, expected)
    return [hit.merchant["merchant_id"] for hit in answer.hits]


RED, BOTH = {"cards": ["red"]}, {"cards": ["red", "blue"]}
ANY, BEST = {"deals": "any"}, {"deals": "card_best"}


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({"sort": "saving"}, "m0 m2 m1 m3 m5 m4"),
        ({"sort": "saving", "stacking": "off"}, "m0 m1 m3 m2 m4 m5"),
        (RED | {"sort": "saving"}, "m1 m5"),
        (BOTH | {"sort": "saving"}, "m1 m5"),
        (RED | BEST, "m1 m5"),
        (RED | BEST | {"stacking": "off"}, ""),
        (ANY | {"sort": "distance"}, "m0 m1 m2 m3 m4 m5"),
    ],
)
@pytest.mark.parametrize("lists", [0, plan.DRIVER_DOCS])
def test_combinations_make_the_order(
    duel: Duel, wish: dict[str, Any], found: str, lists: int
) -> None:
    with driven_by(lists):
        assert asked(duel, **wish) == found.split()


@pytest.mark.parametrize(
    ("shop", "wish", "deals", "steps", "reason"),
    [
        (0, {}, "d0 d1", [(38_000, 2_000), (2_000, 0)], "saves ¥400 with 2 deals"),
        (1, {}, "d10", [(3_000, 17_000)], "saves ¥30"),
        (1, RED, "d10 d12", [(3_000, 17_000), (1_700, 17_000)], "saves ¥47 with 2 deals (小红卡)"),
        (1, BOTH, "d10 d11 d12", [(3_000, 17_000), (1_000, 16_000), (1_600, 16_000)],
         "saves ¥56 with 3 deals (Blue + 小红卡)"),
        (1, RED | {"spend": 1_000}, "d10", [(1_000, 0)], "saves ¥10"),
        (3, {}, "d30", [(3_000, 7_000)], "saves ¥30"),
        (4, {}, "d40", [(900, None)], "saves ¥9"),
        (4, {"spend": 1_000}, "d41 d40", [(100, 900), (900, 900)], "saves ¥10 with 2 deals"),
        (4, {"offer_type": ["percent_off"]}, "d41", [(None, None)], None),
        (5, RED, "d50 d51 d52", [(500, 9_500), (900, 8_600), (800, 7_800)],
         "saves ¥22 with 3 deals (小红卡)"),
        (5, {"offer_type": ["amount_off"]}, "d51 d52", [(900, 9_100), (800, 8_300)],
         "saves ¥17 with 2 deals"),
    ],
)  # fmt: skip
def test_a_hit_tells_its_combination(
    duel: Duel,
    shop: int,
    wish: dict[str, Any],
    deals: str,
    steps: list[tuple[int | None, int | None]],
    reason: str | None,
) -> None:
    wish = {"deals": "any", **wish} if wish.get("spend") == 1_000 else wish
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "ids": [f"m{shop}"], **wish}
    request["stacking"] = "on"
    (hit,) = duel.check_search(request, duel.check_rank(request)).hits
    ids = tuple(deals.split())
    saving = None if steps[0][0] is None else sum(saved or 0 for saved, _ in steps)
    assert hit.best_combination == Combination(
        deals=ids,
        steps=tuple(
            Step(deal_id=one, saving=saved, bill=bill)
            for one, (saved, bill) in zip(ids, steps, strict=True)
        ),
        saving=saving,
        pay=steps[-1][1],
        currency="CNY",
    )
    assert (hit.reasons[0] if reason else None) == reason
    assert hit.as_json()["best_combination"]["deals"] == [*ids]


@pytest.mark.parametrize(
    ("shop", "wish", "counted"),
    [
        (0, {}, 10_000.0),  # all of it, on a quarter of the bill
        (0, {"stacking": "off"}, 38_000 * 10_000 / 40_000),
        (1, BOTH, 5_600 * 10_000 / 21_600),  # cashback lowers no bill
        (1, BOTH | {"party_size": 2}, 7_600 * 20_000 / 43_600),
        (1, BOTH | {"spend": 21_000}, 5_700 * 21_000 / 22_700),
        (4, {"spend": 1_000}, (100 + 900 / 2) * 1_000 / 1_900),  # half of the gift
        (5, {}, 1_700.0),
    ],
)
def test_what_counts_of_a_combination(
    duel: Duel, shop: int, wish: dict[str, Any], counted: float
) -> None:
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "ids": [f"m{shop}"]}
    request |= {"stacking": "on", "explain": True, **wish}
    (hit,) = duel.check_search(request, duel.check_rank(request)).hits
    assert hit.explain is not None
    assert hit.explain["counted_saving"] == pytest.approx(counted, rel=1e-12)


@pytest.mark.parametrize(
    ("shop", "wish", "least"),
    [
        (0, {}, 0),
        (1, {}, 17_000),
        (1, BOTH | ANY, 16_000),
        (2, {}, 6_500),
        (2, ANY, 6_500),
        (3, {}, 7_000),
        (5, RED, 7_800),
        (5, RED | ANY, 7_800),
        (4, {}, None),
        (4, {"spend": 1_000}, 900),
    ],
)
@pytest.mark.parametrize("sort", ["best", "distance", "saving"])
def test_a_budget_is_that_of_the_combination(
    duel: Duel, shop: int, wish: dict[str, Any], least: int | None, sort: str
) -> None:
    one = {"ids": [f"m{shop}"], "sort": sort, **wish}
    if least is None:
        assert asked(duel, max_pay=2_000_000_000, **one) == []
        return
    assert asked(duel, max_pay=least, **one) == [f"m{shop}"]
    if least:
        assert asked(duel, max_pay=least - 1, **one) == []


def test_only_the_combination_may_be_within_the_budget(engine: Searcher) -> None:
    query = Query(lat=LAT, lng=LNG, at=NOW, ids=("m2",), max_pay=7_000, stacking="on")
    (hit,) = engine.search(query).hits
    assert hit.best_deal is None
    assert hit.best_combination is not None
    assert hit.best_combination.deals == ("d20", "d21")
    assert {one.deal_id for one in hit.deals} == {"d20", "d21"}


def test_the_record_of_a_shop_has_its_combination(engine: Searcher) -> None:
    asked = MerchantQuery(at=NOW, cards=("red", "blue"), stacking="on")
    record = engine.merchant("m1", asked=asked)
    assert record is not None
    assert record["best_combination"]["deals"] == ["d10", "d11", "d12"]
    assert record["best_combination"]["pay"] == 16_000
    assert "better_public_combination" not in record
    plain = engine.merchant("m1", asked=MerchantQuery(at=NOW, cards=("red", "blue")))
    assert plain is not None
    assert "best_combination" not in plain


def test_why_tells_of_public_deals_that_save_more_together(tmp_path: Path) -> None:
    terms: list[Row] = [
        {"amount": 3_000, "offer_type": "amount_off", "program_id": "red"},
        {"amount": 2_000, "offer_type": "amount_off", "stack_group": "shop"},
        {"amount": 1_500, "offer_type": "amount_off", "stack_group": "bank"},
    ]
    shops = [merchant(0, avg_price=10_000, lat=LAT, lng=LNG)]
    deals = [deal(at, merchant_ids=["m0"], **one) for at, one in enumerate(terms)]
    for one in deals:
        one.pop("percent", None)
    engine = Duel(World("rivals", ENVELOPE, NOW, shops, deals, [PROGRAM]), tmp_path).engine
    asked = Query(lat=LAT, lng=LNG, at=NOW, cards=("red",), deals="card_best", stacking="on")
    told = engine.why("m0", asked)
    assert told is not None
    assert told["reasons"] == [{
        "code": "NO_DEAL", "expected": "card_best", "got": 3_000,
        "better_public_combination": ["d1", "d2"], "better_saving": 3_500,
        "detail": "the wallet saves ¥30, public deals together ¥35",
    }]  # fmt: skip
    assert [(one["deal_id"], one["reasons"] == []) for one in told["deals"]] == [
        ("d0", True), ("d1", False), ("d2", False),
    ]  # fmt: skip
    alone = engine.why("m0", replace(asked, stacking="off"))
    assert alone is not None
    assert alone["matches"]


def test_a_deal_that_is_too_dear_alone_counts_in_a_combination(engine: Searcher) -> None:
    within = Query(lat=LAT, lng=LNG, at=NOW, deals="any", max_pay=7_000, stacking="on")
    for query, counts in ((within, True), (replace(within, max_pay=6_000), False)):
        told = engine.why("m2", query)
        assert told is not None
        assert told["matches"] is counts
        assert [one["reasons"] == [] for one in told["deals"]] == [counts, counts]
        if not counts:  # the least that one pays is that of both deals together
            (reason,) = told["reasons"]
            assert (reason["code"], reason["got"], reason["by"]) == ("OVER_BUDGET", 6_500, 500)


def test_a_near_miss_tells_the_combination_that_one_then_has(engine: Searcher) -> None:
    query = Query(
        lat=LAT, lng=LNG, at=NOW, ids=("m1",), cards=("red",), deals="card", max_pay=16_000,
        near_misses=1, stacking="on",
    )  # fmt: skip
    (miss,) = engine.search(query).near_misses or ()
    assert (miss.fix.code, miss.fix.program_id) == ("card", "blue")
    assert miss.best_combination is not None
    assert (miss.best_combination.saving, miss.best_combination.pay) == (5_600, 16_000)
    assert miss.as_json()["best_combination"]["deals"] == ["d10", "d11", "d12"]
    (line,) = miss_lines(engine.search(query).to_dict())
    assert line == "老上海 with the card Blue, free: saves ¥56, 111 m"


def test_what_is_too_dear_at_every_bill_is_not_tried_at_each(engine: Searcher) -> None:
    query = Query(
        lat=LAT, lng=LNG, at=NOW, ids=("m0",), deals="any", spend=1_000_000, max_pay=9,
        near_misses=1, stacking="on", explain=True,
    )  # fmt: skip
    answer = engine.search(query).to_dict()
    assert answer["near_misses"] == []
    assert answer["explain"]["near_misses"]["offers"] < 100


def test_what_is_not_asked_for_is_absent(engine: Searcher) -> None:
    for hit in engine.search(Query(lat=LAT, lng=LNG, at=NOW)).hits:
        assert "best_combination" not in hit.as_json()
        assert hit.best_combination is None


def test_a_cursor_is_of_one_stacking(engine: Searcher) -> None:
    first = Query(lat=LAT, lng=LNG, at=NOW, limit=2, stacking="on")
    cursor = engine.search(first).next_cursor
    more = Query(lat=LAT, lng=LNG, at=NOW, cursor=cursor, stacking="on")
    assert len(engine.search(more).hits) == 4
    with pytest.raises(BadRequest, match="other parameters"):
        engine.search(Query(lat=LAT, lng=LNG, at=NOW, cursor=cursor))


# --- worlds --------------------------------------------------------------------------------------


def stacked_world(rng: Random, kind: str, size: int) -> World:
    """A world whose shops have two to five more deals each, most of them in groups."""
    world = make_world(rng, kind, size)
    cards = [row["program_id"] for row in world.programs[2:5]]
    for number, shop in enumerate(world.merchants):
        for at in range(rng.choice((0, 2, 2, 3, 3, 4, 5))):
            row: Row = {"deal_id": f"s{number}-{at}", "title": "Stacked"}
            row |= make_deal(rng, rng.choice(OFFER_TYPES))
            row["merchant_ids"] = [shop["merchant_id"]]
            if chance(rng, 0.8):
                row["stack_group"] = rng.choice(GROUPS)
            if chance(rng, 0.5):
                row["program_id"] = rng.choice(cards)
            if chance(rng, 0.1):
                row["new_customer_only"] = True
            if chance(rng, 0.1):
                row["stock"] = rng.choice((0, 3))
            world.deals.append(row)
    rng.shuffle(world.deals)
    return world


def stacked_request(rng: Random, world: World) -> Row:
    """A request that combines deals, often of a few cards, often everywhere."""
    request = make_request(rng, world) | {"stacking": "on"}
    if chance(rng, 0.5):
        for name in ("zone", "bbox", "polygon", "categories", "min_rating", "ids", "open"):
            request.pop(name, None)
        request.pop("min_minutes_left", None)
        request["radius"] = 50_000.0
    if chance(rng, 0.4):
        cards = [row["program_id"] for row in world.programs[2:5]]
        request["cards"] = rng.sample(cards, rng.randint(1, len(cards)))
        request["deals"] = rng.choice(("card", "card_best", "any", "optional"))
    return request


@pytest.mark.parametrize("number", range(4))
def test_worlds(number: int, tmp_path: Path) -> None:
    kind = WORLDS[number % len(WORLDS)]
    rng, stacked, cut = Random(f"stacks {number}"), 0, 0
    world = stacked_world(rng, kind, 60 if SHORT else 200)
    if number % 2:
        duel = Duel(world, tmp_path)
    else:
        with trees_for_all_cards():
            duel = Duel(world, tmp_path)
    lists = (0, plan.DRIVER_DOCS, 4, 0)[number]
    with driven_by(lists), filters_kept_after((0, QUESTIONS)[number // 2]):
        for question in range(QUESTIONS // 4):
            request = stacked_request(rng, duel.world)
            expected = duel.check_rank(request)
            stacked += any(one.combined and one.combined[0] and len(one.combined[0].deals) > 1
                           for one in expected)  # fmt: skip
            cut += len(expected) > request.get("limit", 20)
            if question % 4 == 0:
                duel.check_search(request, expected)
            if question % 16 == 0:
                duel.check_pages(request, expected)
    if not SHORT:
        assert stacked > QUESTIONS // 4 * 0.3
        assert cut > QUESTIONS // 4 * 0.1


# --- what it costs where nobody asks for it ------------------------------------------------------


def test_without_stacking_nothing_is_read_or_done(tmp_path: Path) -> None:
    """With groups or without, and whatever the columns of combinations say: the same work."""
    rng = Random("costs nothing")
    world = stacked_world(rng, "city", 60 if SHORT else 150)
    plain = World(**{**vars(world), "deals": [
        {name: value for name, value in row.items() if name != "stack_group"}
        for row in world.deals
    ]})  # fmt: skip
    with trees_for_all_cards():
        stacks, none = Duel(world, tmp_path / "stacks"), Duel(plain, tmp_path / "plain")
    (segment,) = stacks.engine.segments
    names = [
        name for name in Columns._fields
        if "stack" in name or name in ("offer_group", "node_crossing")
    ]  # fmt: skip
    assert len(names) == 12
    nonsense = {name: np.full_like(getattr(segment.columns, name), 3) for name in names}
    segment._trees = trees_with(segment, **nonsense)
    requests = [make_request(rng, world) for _ in range(20 if SHORT else 100)]
    with driven_by(0), filters_kept_after(10**6):
        for request in requests:
            query = to_query({**request, "stacking": "off"}, explain=True)
            works = [duel.engine.rank(query) for duel in (stacks, none)]
            told = [one.explain["work"] for one in works if one.explain is not None]
            assert told[0] == told[1], request
            assert (works[0].keys == works[1].keys).all()


def test_filters_differ(duel: Duel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "ASKED_BEFORE", 0)
    now = {"sort": "saving", "deals": "any"}
    for _ in range(2):
        assert asked(duel, **now) == "m0 m2 m1 m3 m5 m4".split()
        assert asked(duel, **now, stacking="off") == "m0 m1 m3 m2 m4 m5".split()
