"""Recall at 1 and at 5, and mean reciprocal rank.

The figures are by way of typing. They count the first ten results of `engine.search` with
`sort="relevance"`, and those of `engine.suggest`, from a place in the city, within 50 km. A result
counts by its rank among shops (branches of one wrong brand fill ranks), a suggestion by its rank
among suggestions. A suggestion is right if its shop is right.
The figure of a category word is the share of right shops in the first ten results. Ten such shops
always exist, so a shorter answer counts as partly wrong.
"""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.relevance.city import City
from benchmarks.relevance.ways import Case, Way
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.suggest.suggester import SuggestQuery

RADIUS_M = 50_000.0
DEPTH = 10
SHOWN = 4


class Outcome(NamedTuple):
    """Outcome of a query.

    Attributes
    ----------
    rights
        Whether each of the first ten results is right, in their order.
    shown
        The first results in words, and the words that the engine searched instead.
    """

    case: Case
    rights: tuple[bool, ...]
    shown: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Rank of the first right result, from 1; 0 if none is right."""
        return self.rights.index(True) + 1 if any(self.rights) else 0


def cases(way: Way, city: City, *, seed: int, most: int | None = None) -> list[Case]:
    """Queries of a way; with `most`, so many of them, drawn at random."""
    rng = random.Random(f"{seed} {way.name}")
    found = list(way.cases(city, rng))
    return found if most is None or most >= len(found) else rng.sample(found, most)


def outcomes(engine: Searcher, way: Way, asked: Sequence[Case]) -> list[Outcome]:
    """Outcome of each query of a way."""
    ask = _suggested if way.measure == "suggest" else _searched
    return [ask(engine, case) for case in asked]


def figures(way: Way, found: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of a way beside its aims, rounded to 4 digits."""
    count = max(len(found), 1)
    result: dict[str, Any] = {"way": way.name, "label": way.label, "queries": len(found)}
    if way.measure == "category":
        right = sum(sum(outcome.rights) for outcome in found) / (count * DEPTH)
        return result | {"right": round(right, 4), "aim_right": way.aims[0]}
    ranks = [outcome.rank for outcome in found]
    return result | {
        "at_1": round(sum(rank == 1 for rank in ranks) / count, 4),
        "at_5": round(sum(1 <= rank <= 5 for rank in ranks) / count, 4),
        "mrr": round(sum(1 / rank for rank in ranks if rank) / count, 4),
        "aim_at_1": way.aims[0],
        "aim_at_5": way.aims[1],
    }


def misses(way: Way, found: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes with a wrong first result, or with any wrong result of a category.

    The worst come first: no right result, then a first right one far down.
    """
    if way.measure == "category":
        bad = [outcome for outcome in found if sum(outcome.rights) < DEPTH]
        return sorted(bad, key=lambda outcome: sum(outcome.rights))
    bad = [outcome for outcome in found if outcome.rank != 1]
    return sorted(bad, key=lambda outcome: -(outcome.rank or DEPTH + 1))


def miss_line(outcome: Outcome) -> str:
    """One line about a miss: typed text, meant name, rank, and the results instead."""
    case = outcome.case
    came = f"rank {outcome.rank}, {sum(outcome.rights)} of {len(outcome.rights)} right"
    return f"{case.typed!r} for {case.meant!r}: {came}: {' | '.join(outcome.shown)}"


def _searched(engine: Searcher, case: Case) -> Outcome:
    answer = engine.search(
        Query(
            lat=case.lat,
            lng=case.lng,
            radius=RADIUS_M,
            q=case.typed,
            sort="relevance",
            limit=DEPTH,
        )
    )
    merchants = [hit.merchant for hit in answer.hits]
    rights = tuple(merchant["merchant_id"] in case.right for merchant in merchants)
    shown = [_merchant(merchant) for merchant in merchants[:SHOWN]]
    shown += [f"{typed} → {', '.join(meant[:5])}" for typed, meant in answer.corrected.items()]
    shown += [f"without {word}" for word in answer.relaxed]
    return Outcome(case, rights, tuple(shown))


def _suggested(engine: Searcher, case: Case) -> Outcome:
    query = SuggestQuery(q=case.typed, lat=case.lat, lng=case.lng, radius=RADIUS_M, limit=DEPTH)
    found = engine.suggest(query).suggestions
    rights = tuple(suggestion.merchant_id in case.right for suggestion in found)
    shown = [f"{suggestion.text} ({suggestion.kind}, {suggestion.count})" for suggestion in found]
    return Outcome(case, rights, tuple(shown[:SHOWN]))


def _merchant(merchant: dict[str, Any]) -> str:
    return f"{merchant['name']} ({', '.join(merchant['categories'])})"
