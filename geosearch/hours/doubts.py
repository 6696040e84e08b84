"""Warnings about valid opening hours whose author may have meant something else.

A data team can then check the source. The warnings change no meaning. Where readings differ, the
evaluation is closed or unknown, or open if the specification and its reference checker agree.
`trap` warns about nights that a later rule cuts.
"""

from geosearch.hours.rules import Rule, parse
from indexes.timetable import CLOSED


def doubt(expression: str) -> str | None:
    """Return how the expression may be meant otherwise; None if there is no doubt.

    Examples
    --------
    >>> doubt("Mo-Fr 08:00-12:00; 14:00-18:00")
    '`14:00-18:00` names no days, so it replaces all hours before it'
    """
    rules = parse(expression)
    for number, rule in enumerate(rules):
        why = _why(rule, rules[:number])
        if why is not None:
            return f"`{expression[rule.begin : rule.end]}` {why}"
    return None


def _why(rule: Rule, before: tuple[Rule, ...]) -> str | None:
    if rule.has_label:
        return "has a condition in words, so nobody knows"
    if rule.has_school_holidays:
        return "names school holidays, which are not known"
    if len(rule.days) > 1 and rule.has_season:
        return "lists a season beside days, and closes on any of them"
    if rule.state == CLOSED or not before:
        return None
    if rule.separator == ";" and not rule.days:
        return "names no days, so it replaces all hours before it"
    if rule.separator == "," and rule.days and before[-1].has_dates and not rule.has_dates:
        return "names no season, so it holds all year"
    return None
