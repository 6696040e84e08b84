"""What a card is worth to a person: exact sums over the shops and the quarter hours of habits.

Useful for: `geosearch worth`, `POST /v1/cards:worth`, and from Python.
Not useful for: where in a city a card can be used (`coverage`).

A visit happens in one of the quarter hours of the next 28 days that are inside `when`, each as
likely. The person may choose each shop that is open then, within the radius, of the categories, and
whose expected bill is known and from half to one and a half of the spend.

The saving at a shop is the probability that a redemption works times the largest known saving of a
usable deal, public or of a card held, at most the spend. A deal for new customers, one with limited
stock, and one whose pay exceeds one and a half of the spend do not count. The gain of a card is
what it adds to that saving. Each deal counts by itself: combinations (`stacking`) are for searches.

Three figures answer three questions, each per visit:

- `as_you_go`: what does it save if it changes nothing I do? Shops are chosen by quality less the
  walk, with a logit (McFadden 1974) of scale `CHOICE_SHARE` of the spend. Gains count with the
  chances of their shops.
- `only_partners`: what does the brochure say? The mean gain of the visits with a gain, which are
  `share_of_visits` of all.
- `advised`: what does it save one who always takes the best offer? The best of quality less walk
  plus saving, with the card minus without.

A year is 12 months of visits less the fee.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from geosearch.errors import BadRequest, Problem
from geosearch.hours.instants import instant_text
from geosearch.kernel.gains import Cards, Choice, gain_kernels
from geosearch.query.parameters import Where, problem, shown
from geosearch.query.query import Query
from geosearch.search.plan import Plan
from geosearch.search.searcher import Searcher
from geosearch.segment.segment import Segment
from geosearch.studies.card_worth import CardWorth, card_worth
from geosearch.studies.habits import Habit
from geosearch.studies.moments import WallClock, minutes_since
from geosearch.studies.stock import limited_deals
from indexes.arrays import F64, I64
from indexes.geo.datum import Datum, to_wgs84
from indexes.timetable import HORIZON_MINUTES

CHOICE_SHARE = 0.25
"""Share of the spend by which a shop must be worth more to be chosen e times as often."""

DAYS = 28
STEP_MINUTES = 15
"""Days that a study looks ahead, and minutes from one instant to the next.

They are days of the local clock, so that each time of the week comes four times also where clocks
change."""

_PART_SHOPS = 200_000
"""Shops by instants of a part, some 10 ms."""
_SHOPS = 4_096
"""Shops of a choice set for which there is room at first; there is always more."""


class WorthQuery(NamedTuple):
    """Parameters of `worth`."""

    habits: list[Habit]
    cards: Sequence[str] = ()
    candidates: Sequence[str] | None = None
    at: datetime | None = None


class HabitSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a habit meets: its instants, and the mean number of open shops that it may choose."""

    name: str | None
    instants: int
    shops: float


class HabitFigures(NamedTuple):
    """What a habit meets, and the mean figures of the candidates, float64[candidates, 3]."""

    seen: HabitSeen
    means: F64


Measure = Callable[[WorthQuery], Iterable[HabitFigures]]
"""Measures the habits of a query, which names an instant, in their order."""


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `worth`. Cards are in the order of what they save as you go in a year."""

    snapshot_id: str
    at: str
    until: str
    currency: str
    cards: list[CardWorth]
    habits: list[HabitSeen]
    warnings: list[str]
    as_of_seq: int | msgspec.UnsetType = msgspec.UNSET


def worth(
    engine: Searcher,
    habits: Sequence[Habit],
    *,
    cards: Sequence[str] = (),
    candidates: Sequence[str] | None = None,
    at: datetime | None = None,
    measure: Measure | None = None,
) -> Worth:
    """Return what each candidate card is worth to a person with these habits.

    Parameters
    ----------
    cards
        Cards that the person holds already.
    candidates
        Cards to value, by default all active ones that are not held.
    at
        Instant from which the study looks 28 days ahead, or to the end of the horizon; now if None.
    measure
        Measures the habits elsewhere (`cluster.batches`); by default `engine` does, one by one.

    Raises
    ------
    BadRequest
        A card is unknown, `at` is outside the horizon, or `when` is not understood.
    NotReady
        Now is outside the horizon.

    Examples
    --------
    >>> lunch = Habit(lat=31.2, lng=121.5, when="Mo-Fr 12:00-13:30", visits=20, spend=4000)
    >>> worth(engine, [lunch], candidates=["red"]).cards[0].year.as_you_go  # doctest: +SKIP
    """
    query = WorthQuery(list(habits), cards, candidates, at or datetime.now(UTC))
    if measure is not None:
        return _Study(engine, query, None).valued(list(measure(query)))
    return cast(Worth, _finished(worth_in_parts(engine, query)))


def worth_in_parts(
    engine: Searcher, query: WorthQuery, *, most_work: int | None = None
) -> Generator[None, None, Worth]:
    """`worth`, in parts of some milliseconds: it yields between them.

    Parameters
    ----------
    most_work
        Most shops, each counted for every instant; None is no limit.

    Raises
    ------
    BadRequest
        As `worth`; or the habits take more work.
    """
    study = _Study(engine, query, most_work)
    found = []
    for number in range(len(query.habits)):
        found.append((yield from study.habit(number)))
    return study.valued(found)


def habit_figures(engine: Searcher, query: WorthQuery, number: int) -> HabitFigures:
    """What one habit adds to `worth`.

    Raises
    ------
    BadRequest
        As `worth`.
    """
    return cast(HabitFigures, _finished(_Study(engine, query, None).habit(number)))


class HabitPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one habit adds, measured by the region that owns its position.

    Attributes
    ----------
    work
        Shops within reach, each counted for every instant.
    seen, means
        `HabitFigures`; none where the habit is refused.
    sentence, errors, code
        The refusal.
    """

    work: int
    seen: HabitSeen | None = None
    means: list[list[float]] = []
    sentence: str = ""
    errors: list[Problem] = []
    code: str = ""


def habit_parts(
    engine: Searcher, query: WorthQuery, numbers: Sequence[int], *, most_work: int
) -> Generator[None, None, list[HabitPart]]:
    """Measure some habits, until one is refused; it yields between parts as `worth_in_parts`.

    Raises
    ------
    BadRequest
        As `worth`, but for what a habit says.
    """
    study, parts = _Study(engine, query, most_work), []
    for number in numbers:
        before = study.work
        try:
            seen, means = yield from study.habit(number)
        except BadRequest as refusal:
            work, errors = study.work - before, refusal.errors
            sentence, code = str(refusal), refusal.code
            parts.append(HabitPart(work=work, sentence=sentence, errors=errors, code=code))
            break
        parts.append(HabitPart(work=study.work - before, seen=seen, means=means.tolist()))
    return parts


def worth_of_parts(
    engine: Searcher, query: WorthQuery, parts: Sequence[HabitPart], most_work: int
) -> Worth:
    """`worth` of habits that are measured, in their order, to the first that is refused.

    Raises
    ------
    BadRequest
        A habit is refused; or all of them take more work.
    """
    study, found = _Study(engine, query, most_work), []
    for number, part in enumerate(parts):
        study.take(part.work, ("habits", number))
        if part.seen is None:
            raise BadRequest(part.sentence, part.errors, part.code)
        found.append(HabitFigures(part.seen, np.array(part.means).reshape(-1, 3)))
    return study.valued(found)


def _finished(parts: Generator[None, None, Any]) -> Any:
    """What a generator returns in the end."""
    while True:
        try:
            next(parts)
        except StopIteration as done:
            return done.value


def _is_active(program: dict[str, Any]) -> bool:
    return bool((program.get("status") or "ACTIVE") == "ACTIVE")


def _check_cards(programs: dict[str, Any], names: Sequence[str], where: str) -> None:
    """Raise for a card that the index does not have."""
    for number, name in enumerate(names):
        if name not in programs:
            some = ", ".join(programs) or "none"
            expected = f"`{where}` among the cards of the index ({some})"
            found = problem("unknown_card", expected, shown(name), (where, number))
            raise BadRequest(found["detail"], [found])


def _warning(number: int, seen: HabitSeen) -> str | None:
    """Return what a person must know to read zeros; None where there are figures."""
    name = f"Habit {number + 1}" + (f" ({seen.name})" if seen.name else "")
    if seen.instants == 0:
        return f"{name}: no quarter hour of the next {DAYS} days is inside `when`, so all is 0"
    if seen.shops == 0:
        return (
            f"{name}: no open shop within the radius has a usual bill near `spend`: all gains are 0"
        )
    return None


class _Study:
    """One person's cards, and the candidates, at an instant."""

    def __init__(self, engine: Searcher, query: WorthQuery, most_work: int | None) -> None:
        self._programs = {record["program_id"]: record for record in engine.programs()}
        cards, candidates = query.cards, query.candidates
        _check_cards(self._programs, cards, "cards")
        if candidates is None:
            candidates = [name for name, each in self._programs.items() if _is_active(each)]
            candidates = [name for name in candidates if name not in cards]
        _check_cards(self._programs, candidates, "candidates")
        self.candidates = list(dict.fromkeys(candidates))
        self._engine, self._cards, self._habits = engine, tuple(cards), query.habits
        self._most_work, self.work = most_work, 0
        at, zone = query.at, engine.local_zone
        self.at = (at or datetime.now(UTC)).astimezone(zone)
        # Refuses an instant outside the horizon, as a search does.
        engine.check_instant(at)
        self.until = min(self.at + timedelta(days=DAYS), engine.end.astimezone(zone))
        self._clock = WallClock(engine.start, engine.info())
        self._numbered = [self._cards_of(segment) for segment in engine.segments]

    def _cards_of(self, segment: Segment) -> Cards:
        numbers = np.full(len(segment.catalogue.programs), -1, np.int64)
        for place, name in enumerate(self.candidates):
            if name in segment.program_numbers:
                numbers[segment.program_numbers[name]] = place
        return Cards(numbers, limited_deals(segment))

    def minutes(self, habit: Habit, where: Where) -> I64:
        """The quarter hours of a habit, minutes of the horizon."""
        position = to_wgs84(habit.lat, habit.lng, cast(Datum, habit.crs))
        inside = self._clock.inside(habit.when, position, (*where, "when"))
        first = -(-minutes_since(self._engine.start, self.at) // STEP_MINUTES) * STEP_MINUTES
        end = min(minutes_since(self._engine.start, self.until), HORIZON_MINUTES)
        steps = np.arange(first, end, STEP_MINUTES, dtype=np.int64)
        return steps[inside[steps]]

    def valued(self, found: Sequence[HabitFigures]) -> Worth:
        """The result, given the figures of each habit."""
        visits = [habit.visits for habit in self._habits]
        valued = [
            card_worth(self._programs[name], visits, [sums[place] for _, sums in found])
            for place, name in enumerate(self.candidates)
        ]
        valued.sort(key=lambda card: (-card.year.as_you_go, -card.year.advised, card.program_id))
        named = dict.fromkeys((*self._cards, *self.candidates))
        inactive = [name for name in named if not _is_active(self._programs[name])]
        return Worth(
            snapshot_id=self._engine.manifest["snapshot_id"],
            at=instant_text(self.at),
            until=instant_text(self.until),
            currency=self._engine.info()["currency"],
            cards=valued,
            habits=[one for one, _ in found],
            warnings=[
                *(f"Card {name} is not active: no deal of it counts" for name in inactive),
                *(text for each, (one, _) in enumerate(found) if (text := _warning(each, one))),
            ],
            as_of_seq=msgspec.UNSET if self._engine.as_of_seq is None else self._engine.as_of_seq,
        )

    def habit(self, number: int) -> Generator[None, None, HabitFigures]:
        """Measure a habit."""
        habit, where = self._habits[number], ("habits", number)
        minutes = self.minutes(habit, where)
        sums = np.zeros((len(self.candidates), 3))
        if not len(minutes):
            return HabitFigures(HabitSeen(name=habit.name, instants=0, shops=0.0), sums)
        query = Query(
            lat=habit.lat,
            lng=habit.lng,
            crs=habit.crs,
            radius=habit.radius,
            open="now",
            cards=self._cards,
            deals="optional",
            party_size=habit.party_size,
            spend=habit.spend,
            categories=habit.categories,
        )
        kernels, opened = gain_kernels(), 0
        choice, ends = self._choice(query, minutes, where)
        best = np.empty(len(self.candidates))
        segments, part = self._engine.segments, 0
        for minute in minutes.tolist():
            begin, part = 0, part + ends[-1]
            if part > _PART_SHOPS:
                part = 0
                yield
            plans = self._plans(query, minute)
            for segment, cards, plan, end in zip(
                segments, self._numbered, plans, ends, strict=True
            ):
                asked = segment.columns_of(0), plan.criteria, cards, choice, begin, end
                kernels.fill_savings(*asked)
                begin = end
            opened += kernels.add_gains(choice, begin, CHOICE_SHARE * habit.spend, best, sums)
        count = len(minutes)
        seen = HabitSeen(name=habit.name, instants=count, shops=round(opened / count, 1))
        return HabitFigures(seen, sums / count)

    def take(self, work: int, where: Where) -> None:
        """Take the work of a habit from what a request may do."""
        self.work += work
        if self._most_work is not None and self.work > self._most_work:
            expected = f"`habits` of at most {self._most_work:,} shops within reach by instants"
            found = problem("too_many", expected, f"{self.work:,}", where)
            raise BadRequest(found["detail"], [found])

    def _plans(self, query: Query, minute: int) -> list[Plan]:
        return self._engine.blocks.plans(query, minute * 60_000_000)

    def _choice(self, query: Query, minutes: I64, where: Where) -> tuple[Choice, list[int]]:
        """The shops of a habit, and where those of each segment end."""
        plans = self._plans(query, int(minutes[0]))
        room = _SHOPS
        while True:
            choice, ends, end = _new_choice(room, len(self.candidates)), [], 0
            for segment, plan in zip(self._engine.segments, plans, strict=True):
                stack = np.empty(16 * len(segment.columns.level_start) + 1, np.int64)
                asked = segment.columns_of(0), plan.criteria, plan.place, stack, end, choice
                end = gain_kernels().find_choice(*asked)
                ends.append(end)
            if room == _SHOPS:  # The first time: before there is room for more.
                self.take(end * max(len(minutes), len(self.candidates)), where)
            if end <= room:
                return choice, ends
            room = end


def _new_choice(room: int, candidates: int) -> Choice:
    return Choice(
        np.empty(room, np.int64),
        np.empty(room),
        np.empty(room),
        np.zeros(room, np.uint8),
        np.zeros(room, np.int64),
        np.zeros(room, np.uint8),
        np.zeros((room, candidates), np.int64),
        np.empty(room),
    )
