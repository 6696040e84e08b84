"""Where hours are read otherwise than by opening_hours.js, over real values, each with a reason.

Useful for: the table of docs/opening_hours.md (`python -m tests.hours_differences`), and the test
that no difference is without a reason.
Not useful for: speed; opening_hours.js needs its seconds.
"""

import gzip
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geosearch.hours.days import Holidays
from geosearch.hours.holidays import public_holidays
from geosearch.hours.local import minute_states
from geosearch.hours.rules import parse
from geosearch.hours.spans import SunPlace
from geosearch.hours.text import HoursText, UnreadableHours, read_hours
from indexes.timetable import CLOSED, OPEN, UNKNOWN
from tests.opening_hours_js import Stretch, answers

FIRST = date(2026, 11, 2)
DAYS = 14
PLACE = SunPlace(ZoneInfo("Europe/Berlin"), (52.52, 13.405))
COUNTRY = "DE-BE"

REASONS = {
    "times only": "A `;` rule of times only (`Mo-Fr 08:00-12:00; 14:00-18:00`) replaces the rules "
    "before it, as the specification says; opening_hours.js lets them stand. We say closed.",
    "prose": "Not in the grammar. We read it as a person does (`Mo-Fr 10:00-19:00 Sa 10:00-16:00` "
    "is two rules); opening_hours.js makes one rule of it.",
    "refused": "Not in the grammar, and more than one reading: unknown here; opening_hours.js "
    "takes one of them.",
    "open end": "`10:00-04:00+`, `05:30-22:00+`: opening_hours.js lets the guess how long an open "
    "end lasts lie over hours that are stated, and takes `00:00+` for open. We never do.",
    "sun": "Sunrise or sunset differ by a minute or two: another formula, another rounding.",
    "school holidays": "`SH off`: opening_hours.js has school holidays of Germany, we have not; a "
    "warning says so.",
    "days of a month": "`Jul 24-28,31`, and a fallback rule with a season: opening_hours.js opens "
    "other days.",
}
"""Why a value is read otherwise, in the order in which reasons are tried."""


@dataclass(frozen=True)
class Difference:
    """A value that is read otherwise, how often it is used, why, and the minutes by states."""

    value: str
    uses: int
    reason: str | None
    minutes: Counter[tuple[str, str]]

    @property
    def newly_open(self) -> int:
        """Minutes at which only we say open."""
        return sum(count for (ours, _), count in self.minutes.items() if ours == "open")


def counted(path: Path) -> list[tuple[int, str]]:
    """Uses and values of a file of real values."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        pairs = (line.rstrip("\n").split("\t", 1) for line in lines)
        return [(int(count), value) for count, value in pairs]


def differences(
    values: Iterable[tuple[int, str]], first: date = FIRST, days: int = DAYS
) -> Iterator[Difference | None]:
    """For each value that opening_hours.js reads, the difference; None where there is none."""
    pairs = list(values)
    told = answers([value for _, value in pairs], first, days)
    since, until = first - timedelta(days=31), first + timedelta(days=days + 31)
    holidays = Holidays(public_holidays(COUNTRY, since, until), frozenset())
    for (uses, value), stretches in zip(pairs, told, strict=True):
        if stretches is None:
            continue
        try:
            read = read_hours(value)
        except UnreadableHours:
            yield Difference(value, uses, "refused", Counter())
            continue
        ours = minute_states(
            parse(read.expression),
            first,
            first + timedelta(days=days - 1),
            holidays=holidays,
            place=PLACE,
        ).states
        theirs = _minutes(stretches, days)
        differ = np.flatnonzero(ours != theirs)
        if differ.size == 0:
            yield None
            continue
        names = {OPEN: "open", CLOSED: "closed", UNKNOWN: "unknown"}
        by_states = Counter(
            (names[mine], names[other])
            for mine, other in zip(ours[differ].tolist(), theirs[differ].tolist(), strict=True)
        )
        yield Difference(value, uses, _reason(read, differ, days), by_states)


def _minutes(stretches: list[Stretch], days: int) -> NDArray[np.uint8]:
    states = np.full(days * 1440, CLOSED, np.uint8)
    for begin, end, is_unknown in stretches:
        states[begin:end] = UNKNOWN if is_unknown else OPEN
    return states


def _reason(read: HoursText, differ: NDArray[np.int64], days: int) -> str | None:
    rules = parse(read.expression)
    runs = np.split(differ, np.flatnonzero(np.diff(differ) > 1) + 1)
    if any(rule.has_sun for rule in rules) and max(map(len, runs)) <= 2:
        return "sun"
    if read.repaired:
        return "prose"
    if any(rule.separator == ";" and not rule.days and rule.spans for rule in rules[1:]):
        return "times only"
    if any(rule.has_school_holidays for rule in rules):
        return "school holidays"
    if any(span.open_end for rule in rules for span in rule.spans):
        return "open end"
    if any(rule.has_dates for rule in rules):
        return "days of a month"
    return None


def table(found: list[Difference | None]) -> str:
    """The differences as Markdown: reason, values, uses, an example."""
    lines = ["| values | uses | why | such as |", "|--:|--:|---|---|"]
    for reason, why in REASONS.items():
        these = [each for each in found if each is not None and each.reason == reason]
        if these:
            example = min(these, key=lambda each: (len(each.value), each.value)).value
            uses = sum(each.uses for each in these)
            shown = example.replace("|", "\\|")
            lines.append(f"| {len(these):,} | {uses:,} | {why} | `{shown}` |")
    return "\n".join(lines)


def main(path: str) -> None:
    """Print the table for a file of real values."""
    values = counted(Path(path))
    found = list(differences(values))
    some = [each for each in found if each is not None]
    print(
        f"{len(found):,} of {len(values):,} values are read by opening_hours.js; of these "
        f"{len(some):,} with {sum(each.uses for each in some):,} uses are read otherwise, "
        f"{sum(each.reason is None for each in some)} without a reason.\n"
    )
    print(table(found))
    for each in some:
        if each.reason is None or (each.newly_open and each.reason not in ("prose", "sun")):
            print(each)


if __name__ == "__main__":
    main(sys.argv[1])
