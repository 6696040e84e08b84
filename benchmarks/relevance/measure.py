"""How often the right shop comes first: recall in the first 1 and 5, and mean reciprocal rank.

Measured per way of typing over the first ten results of `engine.search` with `sort="relevance"`
and over `engine.suggest`, from a place in the city, within 50 km: a result counts by its rank
among shops (branches of one wrong brand fill ranks), a suggestion by its rank among suggestions;
it is right where the shop that it leads to is.
For category words it is the share of the first ten results that are of the category; ten such
shops always exist, so an answer too short counts as partly wrong.

Useful for: figures and misses. Not useful for: which answers are right; `ways` says that.
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
    """What a query brought.

    Attributes
    ----------
    rights
        Whether each of the first ten results is right, in their order.
    shown
        The first results in words, and what the engine says it searched instead.
    """

    case: Case
    rights: tuple[bool, ...]
    shown: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Rank of the first right result, 1 for the first; 0 where none is right."""
        return self.rights.index(True) + 1 if any(self.rights) else 0


def cases(way: Way, city: City, *, seed: int, most: int | None = None) -> list[Case]:
    """Queries of a way; `most` of them, drawn at random, where given."""
    rng = random.Random(f"{seed} {way.name}")
    found = list(way.cases(city, rng))
    return found if most is None or most >= len(found) else rng.sample(found, most)


def outcomes(engine: Searcher, way: Way, asked: Sequence[Case]) -> list[Outcome]:
    """What each query of a way brought."""
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
    """Outcomes that are not as they should be: a wrong first result, or a wrong one of a category.

    The worst first: nothing right at all, then the first right one far down.
    """
    if way.measure == "category":
        bad = [outcome for outcome in found if sum(outcome.rights) < DEPTH]
        return sorted(bad, key=lambda outcome: sum(outcome.rights))
    bad = [outcome for outcome in found if outcome.rank != 1]
    return sorted(bad, key=lambda outcome: -(outcome.rank or DEPTH + 1))


def miss_line(outcome: Outcome) -> str:
    """One line on a miss: what was typed and meant, the rank it got, what came instead."""
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
