"""What a card is worth, against plain loops over small random worlds, and by its properties."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from geosearch.errors import BadRequest
from geosearch.search.searcher import Searcher
from geosearch.studies.card_worth import CardWorth
from geosearch.studies.habits import Habit, read_habits
from geosearch.studies.worth import Worth, worth
from tests.comparison import Duel
from tests.generators import EVERYWHERE, World, make_world, some_position
from tests.geosearch.small_city import LUNCH, NOW, deal, opened, priced, small_world
from tests.oracles import OPEN, Row
from tests.studies_oracle import choice_set, quarter_hours, saving_at
from tests.studies_oracle import worth as expected_worth

WORLDS = int(os.environ.get("GEOSEARCH_STUDIES", "16"))
KINDS = ("city", "grid", "one_position", "time_zones", "antimeridian", "narrow_hours")
CLOCKS_CHANGE = 96
"""A world whose 28 days hold the end of summer time: an hour more than 28 times 24."""

WHENS = (
    "Mo-Fr 12:00-13:30",
    "Sa,Su 18:00-21:00",
    "We",
    "Mo-Su 11:05-11:50",
    "PH off; Tu 09:00-22:00",
)
EDGE_M = 1e-6
PUBLIC = (None,)


def random_habit(rng: Random, world: World) -> dict[str, Any]:
    """A habit in a world, often beside a shop and at its price."""
    lat, lng = some_position(rng, world)
    shop = rng.choice(world.merchants)
    if rng.random() < 0.7 and "crs" not in shop:
        lat, lng = shop["lat"], shop["lng"]
    habit: dict[str, Any] = {
        "lat": lat,
        "lng": lng,
        "when": rng.choice(WHENS),
        "visits": rng.choice((0, 1, 8.5, 20)),
        "spend": rng.choice((1000, 2500, 4000, 5000, shop.get("avg_price") or 3000)),
        "radius": rng.choice((200.0, 1000.0, 5000.0, 50_000.0)),
    }
    if rng.random() < 0.3:
        habit["party_size"] = rng.randint(1, 3)
    if rng.random() < 0.2:
        habit["categories"] = ["food"]
    return habit


def test_equals_plain_loops(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for number in dict.fromkeys((*range(WORLDS), CLOCKS_CHANGE)):
        seen += compare(Random(f"worth {number}"), KINDS[number % len(KINDS)], tmp_path, number)
    assert seen["cards"] >= 2 * WORLDS
    assert seen["gain"] >= WORLDS // 2
    assert seen["beaten"] >= WORLDS // 4
    assert seen["advised"] > 0


def compare(rng: Random, kind: str, folder: Path, number: int) -> Counter[str]:
    """Compare all cards in a world with plain loops; return what was compared."""
    world = priced(rng, make_world(rng, kind, rng.choice((3, 17, 60))))
    duel = Duel(world, folder / f"{number}")
    after = timedelta(minutes=rng.randrange(30 * 1440), seconds=rng.choice((0, 30)))
    at = duel.engine.start + after
    habits = [random_habit(rng, world) for _ in range(2)]
    programs = [row["program_id"] for row in world.programs]
    cards = rng.sample(programs, rng.randint(0, 2))
    candidates = list(dict.fromkeys((EVERYWHERE, *rng.sample(programs, min(3, len(programs))))))
    found = worth(duel.engine, read_habits(habits), cards=cards, candidates=candidates, at=at)
    means: dict[str, list[tuple[float, float, float]]] = {name: [] for name in candidates}
    seen: Counter[str] = Counter(cards=len(candidates))
    for habit in habits:
        shops, unsure = choice_set(duel.oracle, habit, EDGE_M)
        assert not unsure
        minutes = quarter_hours(duel.oracle, world.envelope, habit["when"], at)
        for name in candidates:
            one = expected_worth(duel.oracle, shops, habit, cards, name, minutes)
            means[name].append(one)
            seen["gain"] += one[0] > 0
            seen["advised"] += one[2] > 0
            seen["beaten"] += any(
                0
                < saving_at(shop, (name,), habit, minute)
                < saving_at(shop, (None,), habit, minute)
                for shop, _ in shops[:20]
                for minute in minutes[:3]
                if shop.states[minute] == OPEN
            )
    fees = {row["program_id"]: row["fee"] for row in world.programs}
    assert {card.program_id for card in found.cards} == set(candidates)
    for card in found.cards:
        check_card(card, means[card.program_id], habits, fees[card.program_id])
    return seen


def check_card(
    card: CardWorth, means: list[tuple[float, float, float]], habits: Sequence[Row], fee: int
) -> None:
    """Compare figures with those of the oracle; a year to the last minor unit."""
    visits = [habit["visits"] for habit in habits]
    total = [0.0, 0.0, 0.0]
    for one, count in zip(means, visits, strict=True):
        for column in range(3):
            total[column] += one[column] * count / sum(visits) if sum(visits) else 0.0
    for own, one in zip(card.habits, means, strict=True):
        assert math.isclose(own.as_you_go, one[0], rel_tol=1e-9, abs_tol=1e-6)
        assert math.isclose(own.share_of_visits, one[1], rel_tol=1e-9, abs_tol=1e-6)
        assert math.isclose(own.advised, one[2], rel_tol=1e-9, abs_tol=1e-6)
    partners = total[0] / total[1] if total[1] else 0.0
    assert math.isclose(card.per_visit.only_partners, partners, rel_tol=1e-9, abs_tol=1e-6)
    for name, figure in (
        ("as_you_go", total[0]), ("only_partners", partners), ("advised", total[2])
    ):  # fmt: skip
        exact = 12 * sum(visits) * figure - fee
        assert getattr(card.year, name) == math.floor(round(exact, 6) + 0.5), name
        after = getattr(card.break_even_visits, name)
        if figure == 0:
            assert after is None
        else:
            exact = math.ceil(round(fee / figure, 6))
            assert abs(after - exact) <= 1e-9 * exact, name  # Exact below a billion visits.


# --- a small city, by hand and by properties ------------------------------------------------------


def lunch(engine: Searcher, *cards: str, **changes: Any) -> Worth:
    return worth(engine, read_habits([{**LUNCH, **changes}]), cards=cards, at=NOW)


def of(found: Worth, name: str) -> CardWorth:
    return next(card for card in found.cards if card.program_id == name)


def test_figures_of_a_small_city(tmp_path: Path) -> None:
    found = lunch(opened(small_world(), tmp_path))
    assert [card.program_id for card in found.cards] == ["blue", "red"]
    assert found.habits[0].instants == 4 * 20
    assert found.habits[0].shops == 3
    walks = [0.625 * 6371008.8 * math.radians(number * 1e-3) for number in range(3)]
    weights = [math.exp(-walk / 1000) for walk in walks]
    chance = weights[0] / sum(weights)
    red = of(found, "red").per_visit
    assert red.as_you_go == pytest.approx(chance * 0.9 * 800, abs=1e-2)
    assert red.share_of_visits == pytest.approx(chance, abs=1e-5)
    assert red.only_partners == pytest.approx(720, abs=1e-5)
    # Without it the person goes to m1 only if 10 % there is worth the walk: it is.
    without = max(0.0, 0.9 * 400 - walks[1])
    assert red.advised == pytest.approx(720 - without, abs=1e-2)
    assert of(found, "red").break_even_visits.only_partners == math.ceil(16_800 / 720)
    assert of(found, "red").year.only_partners == 12 * 20 * 720 - 16_800
    # At m1 the public 10 % counts before the 50 % of the card.
    assert of(found, "blue").per_visit.only_partners == pytest.approx(0.9 * 1600, abs=1e-5)
    assert of(found, "blue").break_even_visits.as_you_go == 0


def test_a_card_that_a_public_deal_beats_adds_nothing(tmp_path: Path) -> None:
    world = small_world()
    world.deals = [deal("r1", ["m0"], program_id="red", percent=10), deal("p1", ["m0"], percent=30)]
    red = of(lunch(opened(world, tmp_path)), "red")
    assert red.per_visit.as_you_go == red.per_visit.share_of_visits == red.per_visit.advised == 0


def test_a_held_card_adds_nothing(tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    alone, held = lunch(engine), lunch(engine, "red")
    assert "red" not in [card.program_id for card in held.cards]
    assert of(held, "blue").per_visit.as_you_go == of(alone, "blue").per_visit.as_you_go
    again = worth(engine, read_habits([LUNCH]), cards=["red"], candidates=["red"], at=NOW)
    assert again.cards[0].per_visit == msgspec.convert(
        dict.fromkeys(("as_you_go", "share_of_visits", "only_partners", "advised"), 0.0),
        type(again.cards[0].per_visit),
    )
    twice = worth(engine, read_habits([LUNCH]), cards=["red", "red"], candidates=["blue"], at=NOW)
    once = worth(engine, read_habits([LUNCH]), cards=["red"], candidates=["blue"], at=NOW)
    assert twice == once


def test_two_runs_are_the_same_bytes(tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    first, second = (msgspec.json.encode(lunch(engine)) for _ in range(2))
    assert first == second


def test_figures_grow_with_the_cards_deals_and_shrink_with_public_ones(tmp_path: Path) -> None:
    seen = 0
    for number in range(6):
        rng = Random(f"grow {number}")
        world = priced(rng, make_world(rng, "city", 25))
        habit = read_habits([random_habit(rng, world) | {"radius": 50_000.0, "visits": 10}])
        before = opened(world, tmp_path / f"{number}")
        at = before.start + timedelta(days=1)
        ids = [row["merchant_id"] for row in world.merchants]
        richer = deepcopy(world)
        more = {"program_id": EVERYWHERE, "percent": 30}
        richer.deals.append(deal("zz", rng.sample(ids, 5), **more))
        public = deepcopy(world)
        public.deals.append(deal("zz", rng.sample(ids, 5), percent=30))
        figures = [
            worth(engine, habit, candidates=[EVERYWHERE], at=at).cards[0].per_visit
            for engine in (
                before,
                opened(richer, tmp_path / f"{number}r"),
                opened(public, tmp_path / f"{number}p"),
            )
        ]
        plain, more_deals, more_public = figures
        assert plain.as_you_go >= 0
        assert more_deals.as_you_go >= plain.as_you_go
        assert more_deals.advised >= plain.advised
        assert more_public.as_you_go <= plain.as_you_go
        assert more_public.advised <= plain.advised
        for one in figures:
            product = one.share_of_visits * one.only_partners
            assert math.isclose(one.as_you_go, product, rel_tol=1e-4, abs_tol=1e-2)
        seen += more_deals.as_you_go > plain.as_you_go
    assert seen >= 2


@pytest.mark.parametrize(
    ("terms", "counts"),
    [
        ({"percent": 20}, True),
        ({"percent": 20, "new_customer_only": True}, False),
        ({"percent": 20, "stock": 5}, False),
        ({"percent": 20, "stock": 0}, False),
        ({"percent": 20, "min_spend": 4001}, False),
        ({"percent": 20, "min_spend": 4000}, True),
        ({"percent": 20, "use_hours": "Sa,Su"}, False),
        ({"offer_type": "bundle", "price": 6000, "list_price": 7000}, True),
        ({"offer_type": "bundle", "price": 6001, "list_price": 7001}, False),
        ({"offer_type": "free_item", "face_value": 9000}, True),
        ({"percent": 20, "party_min": 2}, False),
    ],
    ids=str,
)  # fmt: skip
def test_which_deals_count(terms: dict[str, Any], counts: bool, tmp_path: Path) -> None:
    world = small_world()
    world.deals = [deal("r1", ["m0"], program_id="red", **terms)]
    card = of(lunch(opened(world, tmp_path)), "red")
    assert (card.per_visit.as_you_go > 0) == counts
    # A title that looks like a stock is none.
    if counts:
        assert card.per_visit.only_partners <= 0.9 * 4000 + 1e-6


def test_a_title_that_looks_like_a_stock_is_none(tmp_path: Path) -> None:
    world = small_world()
    world.deals = [deal("r1", ["m0"], program_id="red", percent=20) | {"title": 'x","stock":5,"'}]
    assert of(lunch(opened(world, tmp_path)), "red").per_visit.as_you_go > 0


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"lat": 40.0}, "no open shop"),
        ({"spend": 2000}, "no open shop"),
        ({"categories": ["nothing"]}, "no open shop"),
        ({"when": "2020 Jan 1"}, "no quarter hour"),
    ],
)
def test_zeros_come_with_a_warning(changes: dict[str, Any], warning: str, tmp_path: Path) -> None:
    found = lunch(opened(small_world(), tmp_path), **changes)
    assert any(warning in one for one in found.warnings)
    for card in found.cards:
        assert card.per_visit.as_you_go == card.per_visit.advised == 0
        assert card.break_even_visits.as_you_go is None
        assert card.year.as_you_go == -card.fee


def test_a_card_that_is_not_active_warns(tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    found = worth(engine, read_habits([LUNCH]), candidates=["old"], at=NOW)
    assert found.warnings == ["Card old is not active: no deal of it counts"]
    assert found.cards[0].per_visit.as_you_go == 0


BAD = [
    ({"spend": None}, "Expected `spend`"),
    ({"spend": 0}, "Expected `spend`"),
    ({"when": "sometimes"}, "Expected `when` as opening hours"),
    ({"visits": -1}, "Expected `visits`"),
    ({"radius": 60_000.0}, "Expected `radius`"),
    ({"colour": 1}, "colour"),
    ({"lat": "north"}, "Expected `lat`"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=str)
def test_bad_habits(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    habit = {**LUNCH, **changes}
    with pytest.raises(BadRequest) as refusal:
        worth(engine, read_habits([habit]), at=NOW)
    assert sentence in str(refusal.value)
    assert "habits" in refusal.value.errors[0]["pointer"]


def test_a_habit_without_spend_says_so() -> None:
    habit = {name: value for name, value in LUNCH.items() if name != "spend"}
    with pytest.raises(BadRequest) as refusal:
        read_habits([habit])
    assert str(refusal.value) == "Expected `spend`, got nothing - at `$.habits[0].spend`"


@pytest.mark.parametrize("record", [None, {}, "x", [], [1], [[]]])
def test_what_is_no_list_of_habits(record: Any) -> None:
    with pytest.raises(BadRequest, match="Expected"):
        read_habits(record)


def test_other_bad_input(tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    habits = read_habits([LUNCH])
    with pytest.raises(BadRequest, match=r"Expected `candidates` among the cards .* got 'green'"):
        worth(engine, habits, candidates=["green"], at=NOW)
    with pytest.raises(BadRequest, match=r"Expected `cards` among"):
        worth(engine, habits, cards=["green"], at=NOW)
    with pytest.raises(BadRequest, match="time horizon"):
        worth(engine, habits, at=engine.end)
    with pytest.raises(BadRequest, match=r"`habits` of 1 to 2 items, got 3"):
        read_habits([LUNCH] * 3, most=2)
    with pytest.raises(BadRequest, match="`lat`"):
        Habit(lat=91.0, lng=0.0, when="Mo", visits=1.0, spend=100)
