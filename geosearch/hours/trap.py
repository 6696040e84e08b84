"""Detection of the overnight trap: a rule that closes hours past midnight of an earlier rule.

`Fr 18:00-02:00; Sa 10:00-20:00` is closed on Saturday at 01:00, and `18:00-02:00; PH off` also
closes the night before a holiday. The warning shows a data team what to write instead. It never
changes the meaning of an expression.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from geosearch.hours.days import Holidays
from geosearch.hours.local import MinuteStates, minute_states
from geosearch.hours.rules import Rule, parse
from geosearch.hours.spans import DAY_MINUTES
from indexes.timetable import CLOSED, OPEN

# A leap year has every season and every day of the year. Every eighth day of it is a holiday here,
# so each weekday is a holiday once, with workdays around it. Weekly hours show all their effects
# within 8 weeks and a day, without holidays within two weeks and a day.
_FIRST: Final = date(2024, 1, 1)
_YEAR: Final = 366
_WEEKS_WITH_HOLIDAYS: Final = 57
_WEEKS: Final = 15
_HOLIDAYS: Final = frozenset(_FIRST + timedelta(days=n) for n in range(-8, _YEAR, 8))

_CLOSED_WORD: Final = re.compile(r"\b(?:off|closed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trap:
    """A rule that cuts a night, and a corrected expression.

    Parameters
    ----------
    rule
        Text of the rule that cuts.
    meant
        Expression that keeps the nights and changes nothing else; None if there is none.
    """

    rule: str
    meant: str | None


def overnight_trap(expression: str) -> Trap | None:
    """Return the first rule that closes open hours of the night before; None if none does."""
    rules = parse(expression)
    if not any(span.is_overnight or _ends_late(rule) for rule in rules for span in rule.spans):
        return None
    if not any(rule.clears_days for rule in rules[1:]):
        return None
    days = _days_to_see(rules)
    before = _evaluated(rules, days)
    cutters = [number for number in np.unique(before.cut_by).tolist() if number >= 0]
    if not cutters:
        return None
    first = rules[cutters[0]]
    return Trap(expression[first.begin : first.end], _meant(expression, before, cutters, days))


def _ends_late(rule: Rule) -> bool:
    return any(span.end is not None and span.end.usual > DAY_MINUTES for span in rule.spans)


def _days_to_see(rules: tuple[Rule, ...]) -> int:
    if not all(rule.is_weekly for rule in rules):
        return _YEAR
    return _WEEKS_WITH_HOLIDAYS if any(rule.has_holidays for rule in rules) else _WEEKS


def _evaluated(rules: tuple[Rule, ...], days: int) -> MinuteStates:
    last = _FIRST + timedelta(days=days - 1)
    return minute_states(rules, _FIRST, last, holidays=Holidays(_HOLIDAYS, _HOLIDAYS))


def _meant(expression: str, before: MinuteStates, cutters: list[int], days: int) -> str | None:
    """Return an expression that keeps the nights, else None.

    The last rule is edited first, so that the positions of earlier rules stay valid.
    """
    rules = parse(expression)
    meant = expression
    for number in reversed(cutters):
        rule = rules[number]
        if rule.state == CLOSED:
            minutes = np.flatnonzero(before.cut_by == number) % DAY_MINUTES
            meant = _with_times(meant, rule, int(minutes.max()) + 1)
        else:
            meant = _with_comma(meant, rule)
    try:
        after = _evaluated(parse(meant), days)
    except ValueError:
        return None
    newly_open = (after.states == OPEN) & (before.states != OPEN)
    cut = before.cut_by >= 0
    return meant if np.array_equal(newly_open, cut) else None


def _with_comma(expression: str, rule: Rule) -> str:
    semicolon = expression.rindex(";", 0, rule.begin)
    return f"{expression[:semicolon].rstrip()}, {expression[rule.begin :]}"


def _with_times(expression: str, rule: Rule, end_of_night: int) -> str:
    """Turn `PH off` into `PH 03:00-27:00 off`: from the end of a night to the end of the next."""
    begin, end = (
        f"{minute // 60:02}:{minute % 60:02}" for minute in (end_of_night, end_of_night + 1440)
    )
    text = expression[rule.begin : rule.end]
    timed = _CLOSED_WORD.sub(lambda found: f"{begin}-{end} {found[0]}", text, count=1)
    return expression[: rule.begin] + timed + expression[rule.end :]
