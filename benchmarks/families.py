"""Families of measured queries, and their queries in a world.

`suite` and `http_load` use them; `texts` has the families with words.

A family is one query at many places. The instant is a Friday evening, and an answer has 20 results.

Every family with hours or cards has a cold twin, made by `cold`: each of its queries has another
minute and another wallet of about the same share, and is timed once. So nothing that an engine kept
of an earlier query helps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import cache
from itertools import combinations
from math import prod
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from msgspec.structs import replace as replace_fields
from numpy.typing import NDArray

from benchmarks.peers import PeerQuestion
from benchmarks.places import NEAR_M, moved, places, places_near
from benchmarks.table import PeerTable
from benchmarks.world_deals import ALL_SHARES, BANKS, RED, SHARES, TINY
from benchmarks.worlds import BUILT_AT, LOCAL_ZONE, USUAL_TIME
from geosearch.query.query import Query
from geosearch.segment.columns import DOC_ID_RANK, Columns
from geosearch.suggest.suggester import SuggestQuery

TOP_K = 20
FAR_M = 25_000.0
RURAL_RADIUS_M = 50_000.0
LATER = USUAL_TIME + timedelta(hours=4)
"""The second instant of queries: most shops are closed by then."""

EVENINGS = 40
EVENING_MINUTES = 240
WALLET = 3
LIKE = 0.01
"""Largest difference between the shares of two wallets of one kind."""
COLD = "_cold"

# Corners of the queries' polygon, metres east and north of the place: 5.4 km2, concave.
_CORNERS = ((-1500, -900), (400, -1300), (1600, -600), (500, 100), (1300, 1300), (-700, 1400))


Draw = Callable[[np.random.Generator, int], list[dict[str, Any]]]


@dataclass(frozen=True)
class Family:
    """One family of queries.

    `wishes` are its parameters. `away_m` is the distance of its places from a shop. `drawn`
    replaces the circle by a polygon. `peers` says whether peers answer it too. `each` draws the
    parameters that differ between its queries. `cold_of` names the family whose cold twin it is.
    `asks` is what is timed: `rank`, `page`, or `why` for a shop at the place. `listed` is how many
    random shops each query lists, if it does.
    """

    name: str
    label: str
    wishes: dict[str, Any] = field(hash=False)
    away_m: float = NEAR_M
    drawn: bool = False
    peers: bool = True
    each: Draw | None = None
    cold_of: str = ""
    asks: str = "rank"
    listed: int = 0

    def at(self, lat: float, lng: float, **more: Any) -> Query:
        """Return the query at a place, with `more` parameters."""
        wishes = {"at": USUAL_TIME, "limit": TOP_K, **self.wishes, **more}
        if self.drawn:
            ring = [moved(lat, lng, east, north) for east, north in _CORNERS]
            corners = [[x, y] for y, x in (*ring, ring[0])]
            wishes["polygon"] = {"type": "Polygon", "coordinates": [corners]}
        return Query(lat=lat, lng=lng, **wishes)

    def wishes_of_each(self, rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
        """Return the parameters that differ between `count` queries."""
        drawn = [{} for _ in range(count)] if self.each is None else self.each(rng, count)
        if not self.cold_of:
            return drawn
        minutes = another_minute(rng, count)
        return [
            wish | _another_like(rng, self.wishes.get("cards", ())) | minute
            for wish, minute in zip(drawn, minutes, strict=True)
        ]


def cold(family: Family) -> Family | None:
    """Return the cold twin of a family: another minute and another wallet in each query.

    A family without hours and cards has none, and neither has one that differs from another by its
    instant.
    """
    timeless = not {"open", "cards"} & family.wishes.keys()
    if timeless or "at" in family.wishes:
        return None
    return _twin(family)


def _twin(family: Family) -> Family:
    name, label = family.name + COLD, f"{family.label}, cold"
    # Tables of other minutes have neither pays nor winning cards.
    narrows = "max_pay" in family.wishes or family.wishes.get("deals") == "card_best"
    peers = family.peers and not narrows
    return replace(family, name=name, label=label, cold_of=family.name, peers=peers)


def _another_like(rng: np.random.Generator, cards: tuple[str, ...]) -> dict[str, Any]:
    """Return another wallet of about the share of `cards`; nothing without cards."""
    wallets = like_wallets(cards)
    return {"cards": wallets[rng.integers(len(wallets))]} if cards else {}


@cache
def like_wallets(cards: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the wallets that stand for `cards` of `world_deals`; see `wallets_like`.

    >>> like_wallets(("red",))[:3]
    [('red',), ('red-2',), ('red-3',)]
    """
    return wallets_like(cards, ALL_SHARES)


def wallets_like(cards: tuple[str, ...], shares: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return all wallets of as many cards of like shares that about as many shops take.

    No card is of less than half the least share of `cards`, or of more than the largest.

    Parameters
    ----------
    shares
        Share of shops with a deal of each card; cards are independent.
    """
    least, most = (edge((shares[card] for card in cards), default=0.0) for edge in (min, max))
    near = [name for name, share in shares.items() if least / 2 <= share <= most]
    whole = _taken_by(cards, shares)
    return [
        wallet
        for wallet in combinations(near, len(cards))
        if abs(_taken_by(wallet, shares) - whole) <= LIKE
    ]


def _taken_by(cards: Sequence[str], shares: Mapping[str, float]) -> float:
    """Return the share of shops that take any of some cards."""
    return 1.0 - prod(1.0 - shares[card] for card in cards)


def another_minute(
    rng: np.random.Generator, count: int, built_at: datetime = BUILT_AT
) -> list[dict[str, Any]]:
    """Return distinct instants from 18:00 to 22:00 on `EVENINGS` days after a build."""
    first = datetime.combine(built_at.astimezone(LOCAL_ZONE), time(18), LOCAL_ZONE)
    chosen = rng.choice(EVENINGS * EVENING_MINUTES, count, replace=False).tolist()
    return [
        {"at": first + timedelta(days=number // EVENING_MINUTES, minutes=number % EVENING_MINUTES)}
        for number in chosen
    ]


def another_wallet(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Return wallets of `WALLET` random cards, uniformly drawn."""
    names = list(SHARES)
    return [
        {"cards": tuple(rng.choice(names, WALLET, replace=False).tolist())} for _ in range(count)
    ]


_OPEN_RED = {"open": "now", "cards": (RED,)}
_COUNTED = {"sort": "distance", "total": True, "facets": ("category",)}

WARM_FAMILIES = (
    Family("nearest_red", "nearest, open now, a card 3 % hold", {**_OPEN_RED, "sort": "distance"}),
    Family("nearest_banks", "nearest, any of 8 cards", {"sort": "distance", "cards": BANKS}),
    Family(
        "nearest_open_banks",
        "nearest, open now, any of 8 cards",
        {"sort": "distance", "open": "now", "cards": BANKS},
    ),
    Family(
        "nearest_tiny",
        "nearest, open now, a card 0.05 % hold",
        {"sort": "distance", "open": "now", "cards": (TINY,)},
    ),
    Family(
        "nearest_later",
        "nearest, open at another time, the 3 % card",
        {**_OPEN_RED, "sort": "distance", "at": LATER},
    ),
    Family(
        "nearest_wallets",
        "nearest, open now, another wallet of 3 cards each",
        {"sort": "distance", "open": "now"},
        each=another_wallet,
    ),
    Family("best_red", "best, open now, the 3 % card", {**_OPEN_RED, "sort": "best"}),
    Family("saving_red", "saving, open now, the 3 % card", {**_OPEN_RED, "sort": "saving"}),
    Family(
        "count_all",
        "nearest, total and facets by category",
        _COUNTED,
    ),
    Family(
        "count_red",
        "nearest, total and facets by category, open now, the 3 % card",
        {**_OPEN_RED, **_COUNTED},
    ),
    Family(
        "count_open_banks",
        "nearest, total and facets by category, open now, any of 8 cards",
        {**_COUNTED, "open": "now", "cards": BANKS},
    ),
    Family(
        "count_open",
        "nearest, total and facets by category, open now, no card",
        {**_COUNTED, "open": "now"},
    ),
    Family(
        "polygon_red",
        "nearest in a polygon of 5 km², open now, the 3 % card",
        {**_OPEN_RED, "sort": "distance"},
        drawn=True,
    ),
    Family(
        "rural_red",
        "nearest in 50 km, asked some 25 km away, open now, the 3 % card",
        {**_OPEN_RED, "sort": "distance", "radius": RURAL_RADIUS_M},
        away_m=FAR_M,
    ),
    Family(
        "best_any_deal",
        "best, open now, any deal for 8 cards",
        {"sort": "best", "open": "now", "cards": BANKS, "deals": "any"},
        peers=False,
    ),
    Family(
        "near_red",
        "a page with 3 near misses, open now, the 3 % card",
        {**_OPEN_RED, "sort": "best", "near_misses": 3},
        peers=False,
        asks="page",
    ),
    Family(
        "near_open",
        "a page with 20 near misses, open now, no card",
        {"open": "now", "sort": "best", "near_misses": 20},
        peers=False,
        asks="page",
    ),
    Family(
        "why_red",
        "why a shop is among the best or not, open now, the 3 % card",
        {**_OPEN_RED, "sort": "best"},
        peers=False,
        asks="why",
    ),
    Family(
        "best_red_stacked",
        "best combination, open now, the 3 % card",
        {**_OPEN_RED, "sort": "best", "stacking": "on"},
        peers=False,
    ),
    Family(
        "best_any_deal_stacked",
        "best combination, open now, any deal for 8 cards",
        {"sort": "best", "open": "now", "cards": BANKS, "deals": "any", "stacking": "on"},
        peers=False,
    ),
    Family(
        "rating_cafe",
        "rating, open now, cafés",
        {"sort": "rating", "open": "now", "categories": ("food.cafe",)},
        peers=False,
    ),
    Family(
        "pay_red",
        "nearest, open now, the 3 % card, at most ¥40 to pay",
        {**_OPEN_RED, "sort": "distance", "max_pay": 4_000},
    ),
    Family(
        "wins_red",
        "best, open now, where the 3 % card saves more than any public deal",
        {**_OPEN_RED, "sort": "best", "deals": "card_best"},
    ),
    Family(
        "ids_100",
        "nearest of 100 saved shops, open now",
        {"open": "now", "sort": "distance"},
        listed=100,
    ),
)

FAMILIES = (*WARM_FAMILIES, *filter(None, map(cold, WARM_FAMILIES)))
"""All families of one kind of query, and their cold twins."""

PILE_FAMILIES = ("nearest_red", "nearest_banks", "best_red", "count_red")
"""Families that are also asked where 10,000 shops share one position."""


def piled(family: Family) -> Family:
    """Return a family's variant for the place where 10,000 shops share one position."""
    name, label = f"pile_{family.name}", f"{family.label}, 10,000 shops on one position"
    return replace(
        family, name=name, label=label, cold_of=family.cold_of and f"pile_{family.cold_of}"
    )


MIXED = Family("mixed", "an app's day: all of these, mixed", {})
MIXED_COLD = _twin(MIXED)
MIX = {
    **{"nearest_red": 30, "nearest_open_banks": 20, "best_red": 20, "saving_red": 10},
    **{"nearest_banks": 5, "nearest_later": 5, "count_red": 5, "polygon_red": 3, "nearest_tiny": 2},
}
"""Shares of the mixed trace, in per cent: chosen by us, not recorded."""


class AskedFamily(NamedTuple):
    """A family in a world: its queries, and as many questions for peers or none."""

    name: str
    label: str
    queries: Sequence[Query | SuggestQuery]
    questions: Sequence[PeerQuestion] = ()
    among: Sequence[NDArray[np.int64]] | None = None
    """Doc ids that match the words of each query; None without words."""
    once: bool = False
    """Whether only the first run of each query is timed, before any caching."""
    cold_of: str = ""
    """Family whose cold twin it is."""
    asks: str = "rank"
    """What is timed: `rank`, `page`, or `why` for a shop at the place."""


def question_of(
    query: Query,
    table: PeerTable,
    words: tuple[str, ...] = (),
    *,
    is_cold: bool = False,
    rows: tuple[int, ...] | None = None,
) -> PeerQuestion:
    """Return a query in the form for peers; a cold one has its own minute.

    Parameters
    ----------
    rows
        Those of the listed ids of the query, if it lists some.

    Raises
    ------
    ValueError
        The columns of the table cannot answer it.
    """
    if query.sort not in ("distance", "best", "saving") or query.categories:
        raise ValueError(f"Expected an order and filters that peers know, got {query}")
    if not is_cold and query.sort != "distance" and query.cards != (table.wallet,):
        raise ValueError(f"Expected the wallet {table.wallet!r}, got {query.cards}")
    ring: tuple[tuple[float, float], ...] = ()
    if query.polygon is not None:
        ring = tuple((x, y) for x, y in query.polygon["coordinates"][0][:-1])
    later = "open_later" if query.at == LATER else "open_now"
    return PeerQuestion(
        lat=query.lat,
        lng=query.lng,
        radius_m=query.radius_m if query.radius_m is not None else 0.0,
        hours="" if query.open != "now" else "open_now" if is_cold else later,
        programs=sum(1 << table.program_bits[card] for card in query.cards),
        sort=query.sort,
        words=words,
        polygon=ring,
        counted=query.total,
        limit=query.limit,
        at=query.at if is_cold else None,
        max_pay=query.max_pay,
        wins=query.deals == "card_best",
        rows=rows,
    )


def asked_in(
    columns: Columns,
    table: PeerTable | None,
    family: Family,
    count: int,
    seed: int,
    *,
    near: int | None = None,
) -> AskedFamily:
    """Return a family's queries in a world; with a table, also its questions for peers.

    With `near`, all places are near that document.
    """
    if near is None:
        spots = places(columns, count, seed, family.away_m)
    else:
        rng = np.random.default_rng(seed)
        spots = places_near(columns, np.full(count, near), rng, family.away_m)
    queries = [
        one.at(*spot, **more)
        for spot, (one, more) in zip(spots, _each(family, count, seed), strict=True)
    ]
    is_cold = bool(family.cold_of)
    lists = _lists(columns, family, count, seed)
    if lists is not None:
        queries = [
            replace_fields(query, ids=_ids_of(columns, docs))
            for query, docs in zip(queries, lists, strict=True)
        ]
    questions = []
    if table is not None and family.peers:
        rows = [None] * count if lists is None else [tuple(docs.tolist()) for docs in lists]
        questions = [
            question_of(query, table, is_cold=is_cold, rows=listed)
            for query, listed in zip(queries, rows, strict=True)
        ]
    return AskedFamily(
        family.name, family.label, queries, questions, lists, once=is_cold,
        cold_of=family.cold_of, asks=family.asks,
    )  # fmt: skip


def _lists(
    columns: Columns, family: Family, count: int, seed: int
) -> list[NDArray[np.int64]] | None:
    """Return the listed documents of each query, ascending; None if the family lists none."""
    if not family.listed:
        return None
    rng, docs = np.random.default_rng((seed, 2)), len(columns.doc_position)
    size = min(family.listed, docs)
    return [np.sort(rng.choice(docs, size, replace=False)) for _ in range(count)]


def _ids_of(columns: Columns, docs: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the ids of documents of a world: their ranks are their numbers."""
    return tuple(f"m{rank:08d}" for rank in columns.doc_record[docs, DOC_ID_RANK].tolist())


def _each(family: Family, count: int, seed: int) -> Iterator[tuple[Family, dict[str, Any]]]:
    """Yield the family of each query, and the parameters in which it differs from the others."""
    # Cold families have minutes of their own, so that none is asked at those of another.
    own = (crc32(family.name.encode()),) if family.cold_of else ()
    rng = np.random.default_rng((seed, 1, *own))
    if family.name not in (MIXED.name, MIXED_COLD.name):
        yield from ((family, wish) for wish in family.wishes_of_each(rng, count))
        return
    by_name = {one.name: one for one in WARM_FAMILIES}
    chosen = Random(seed).choices(list(MIX), list(MIX.values()), k=count)
    minutes = another_minute(rng, count)
    for name, minute in zip(chosen, minutes, strict=True):
        one = by_name[name]
        wish = _another_like(rng, one.wishes.get("cards", ())) | minute
        yield one, wish if family.cold_of else {}
