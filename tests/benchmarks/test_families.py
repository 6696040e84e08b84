"""Families ask peers what they ask the engine."""

import math
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from shapely.geometry import shape

from benchmarks.brute import BruteForce
from benchmarks.families import (
    EVENINGS,
    FAMILIES,
    FAR_M,
    LATER,
    LIKE,
    MIX,
    MIXED,
    MIXED_COLD,
    PILE_FAMILIES,
    WALLET,
    Family,
    another_minute,
    another_wallet,
    asked_in,
    like_wallets,
    question_of,
    wallets_like,
)
from benchmarks.places import moved, places
from benchmarks.table import UNKNOWN_PAY, PeerTable, table_of
from benchmarks.world_deals import ALL_SHARES, BANKS, RED, SHARES, TINY
from benchmarks.worlds import BUILT_AT, USUAL_TIME
from geosearch.hours.schedules import Horizon
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.oracles import haversine_m


@pytest.fixture(scope="module")
def table(toy: Searcher) -> PeerTable:
    return table_of(BruteForce(toy), USUAL_TIME, LATER, RED)


@pytest.mark.parametrize("family", [*FAMILIES, MIXED, MIXED_COLD], ids=lambda family: family.name)
def test_peers_are_asked_the_same(toy: Searcher, table: PeerTable, family: Family) -> None:
    asked = asked_in(toy.segments[0].columns, table, family, 50, seed=1)
    assert len(asked.queries) == 50
    for query, question in zip(asked.queries, asked.questions, strict=False):
        assert isinstance(query, Query)
        assert (query.lat, query.lng, query.limit) == (question.lat, question.lng, question.limit)
        assert question.radius_m == (query.radius_m or 0.0)
        assert bool(question.polygon) == (query.polygon is not None)
        assert question.programs.bit_count() == len(query.cards)
        assert (question.hours == "") == (query.open != "now")
        assert question.counted == query.total
        assert question.at == (query.at if family.cold_of else None)
    assert (len(asked.questions) == 0) == (not family.peers)
    assert asked.once == bool(family.cold_of) == bool(asked.cold_of)


def test_the_columns_of_peers_find_what_the_engine_finds(toy: Searcher, table: PeerTable) -> None:
    compared = 0
    columns = toy.segments[0].columns
    for family in FAMILIES:
        asked = asked_in(columns, table, family, 10, seed=2)
        if not asked.questions or family.drawn:
            continue
        for query, question in zip(asked.queries, asked.questions, strict=True):
            assert isinstance(query, Query)
            apart = [
                haversine_m(question.lat, question.lng, lat, lng)
                for lat, lng in zip(table.lat.tolist(), table.lng.tolist(), strict=True)
            ]
            matching = np.array(apart) <= question.radius_m
            if question.rows is not None:
                matching = np.isin(np.arange(len(table)), question.rows)
            if question.max_pay is not None:
                assert table.pay is not None
                matching &= (table.pay != UNKNOWN_PAY) & (table.pay <= question.max_pay)
            if question.wins:
                assert table.wins is not None
                matching &= table.wins
            is_open, programs = getattr(table, question.hours or "open_now"), table.programs
            if question.at is not None:
                minute = table.at(question.at, question.programs, "distance")
                is_open, programs = minute.is_open[table.schedule], minute.programs
            if question.hours:
                matching &= is_open
            if question.programs:
                matching &= (programs & question.programs) != 0
            counted = toy.rank(msgspec.structs.replace(query, total=True))
            assert counted.total == matching.sum()
            compared += int(matching.sum())
    assert compared > 1_000


def test_every_family_with_hours_or_cards_has_a_cold_twin() -> None:
    """But one that differs from another by its instant only."""
    names = {family.name for family in FAMILIES}
    timeless = {"count_all", "nearest_later"}
    warm = {family.name: family for family in FAMILIES if not family.cold_of}
    assert {name for name in warm if f"{name}_cold" not in names} == timeless
    for twin in (family for family in FAMILIES if family.cold_of):
        family = warm[twin.cold_of]
        assert twin.label == f"{family.label}, cold"
        assert twin.wishes == family.wishes
        # Peers know budgets and winning cards at the minute of their table only.
        known = not {"max_pay", "deals"} & family.wishes.keys()
        assert twin.peers == (family.peers and known)


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.cold_of], ids=lambda family: family.name
)
def test_no_cold_query_has_the_minute_or_the_wallet_of_another(
    toy: Searcher, family: Family
) -> None:
    asked = asked_in(toy.segments[0].columns, None, family, 2_000, seed=1)
    queries = [query for query in asked.queries if isinstance(query, Query)]
    assert len({query.at for query in queries}) == 2_000
    cards = family.wishes.get("cards", ())
    wallets = {query.cards for query in queries}
    if cards:
        known = set(like_wallets(cards))
        assert wallets <= known
        assert len(wallets) > 0.95 * len(known) > 7
    warm = next(one for one in FAMILIES if one.name == family.cold_of)
    for query in queries[:50]:
        same = warm.at(query.lat, query.lng, at=query.at, cards=query.cards, ids=query.ids)
        assert query == same


def test_cold_families_have_minutes_of_their_own(toy: Searcher) -> None:
    columns = toy.segments[0].columns
    twins = [family for family in (*FAMILIES, MIXED_COLD) if family.cold_of]
    asked = [asked_in(columns, None, family, 20, seed=1).queries for family in twins]
    minutes = {tuple(query.at for query in queries) for queries in asked}  # type: ignore[union-attr]
    assert len(minutes) == len(twins)


@pytest.mark.parametrize("cards", [(RED,), (TINY,), BANKS, ("bank-1", "government")])
def test_wallets_of_a_kind_are_taken_by_as_many_shops(
    toy: Searcher, cards: tuple[str, ...]
) -> None:
    wallets = like_wallets(cards)
    assert cards in wallets
    assert len({frozenset(wallet) for wallet in wallets}) == len(wallets)
    assert {len(wallet) for wallet in wallets} == {len(cards)}
    held = [1 - math.prod(1 - ALL_SHARES[card] for card in wallet) for wallet in wallets]
    assert max(held) - min(held) <= 2 * LIKE


@pytest.mark.parametrize(
    ("shares", "wallets"),
    [
        ({"a": 0.1}, [("a",)]),
        ({"a": 0.1, "b": 0.095, "c": 0.105}, [("a",), ("b",)]),  # none larger than the largest
        ({"a": 0.1, "b": 0.085}, [("a",)]),  # too few shops
        ({"a": 0.01, "b": 0.004}, [("a",)]),  # less than half
        ({"a": 0.01, "b": 0.005}, [("a",), ("b",)]),
    ],
)
def test_wallets_are_like_by_share(
    shares: dict[str, float], wallets: list[tuple[str, ...]]
) -> None:
    assert wallets_like(("a",), shares) == wallets


def test_the_mixed_families_ask_the_same_families(toy: Searcher) -> None:
    columns = toy.segments[0].columns
    warm, twin = (asked_in(columns, None, one, 300, seed=1) for one in (MIXED, MIXED_COLD))
    assert [q.lat for q in warm.queries] == [q.lat for q in twin.queries]
    assert [q.sort for q in warm.queries] == [q.sort for q in twin.queries]  # type: ignore[union-attr]
    assert len({q.at for q in twin.queries}) == 300  # type: ignore[union-attr]


def test_no_minute_comes_twice_and_all_are_evenings() -> None:
    instants = [wish["at"] for wish in another_minute(np.random.default_rng(1), 2_000)]
    assert len(set(instants)) == 2_000
    assert {18, 19, 20, 21} == {instant.hour for instant in instants}
    assert len({instant.date() for instant in instants}) == EVENINGS
    horizon = Horizon.for_build(BUILT_AT)
    assert all(
        0 <= (at - horizon.start) // timedelta(minutes=1) < horizon.minutes for at in instants
    )


def test_wallets_differ_and_hold_every_programme() -> None:
    wallets = [frozenset(wish["cards"]) for wish in another_wallet(np.random.default_rng(1), 2_000)]
    assert {len(wallet) for wallet in wallets} == {WALLET}
    assert len(set(wallets)) > 200
    assert frozenset.union(*wallets) == set(SHARES)


def test_places_are_as_far_away_as_they_say(toy: Searcher) -> None:
    columns = toy.segments[0].columns
    near, far = (
        np.array(places(columns, 400, 3, away)) - np.array(places(columns, 400, 3, 0.0))
        for away in (150.0, FAR_M)
    )
    assert 50 < np.median(np.abs(near[:, 0])) * 111_195 < 150
    assert 10_000 < np.median(np.abs(far[:, 0])) * 111_195 < 25_000


def test_moved_is_so_many_metres_away() -> None:
    assert haversine_m(31.2, 121.4, *moved(31.2, 121.4, 300.0, 400.0)) == pytest.approx(500, abs=1)


def test_the_polygon_is_as_large_as_its_label_says() -> None:
    family = next(family for family in FAMILIES if family.drawn)
    polygon = shape(family.at(0.0, 0.0).polygon)
    assert polygon.is_valid
    assert polygon.area * 111.195**2 == pytest.approx(5.0, abs=0.5)


def test_what_peers_do_not_know_is_refused(table: PeerTable) -> None:
    here = Query(lat=31.2, lng=121.4, at=USUAL_TIME)
    for wishes in ({"sort": "rating"}, {"categories": ("food",)}):
        with pytest.raises(ValueError, match="Expected an order"):
            question_of(msgspec.structs.replace(here, **wishes), table)
    with pytest.raises(ValueError, match="Expected the wallet 'red'"):
        question_of(msgspec.structs.replace(here, sort="best", cards=BANKS), table)


def test_mixes_name_families() -> None:
    assert sum(MIX.values()) == 100
    assert {*MIX, *PILE_FAMILIES} <= {family.name for family in FAMILIES if family.peers}
