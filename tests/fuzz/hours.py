"""Hours that nobody wrote yet: drawn rules, evaluated and compared with the plain twin.

Useful for: `make fuzz`, and a short run of CI. A failure prints the seed and the expression.
"""

import random
from datetime import date, timedelta

import numpy as np

from geosearch.hours.days import Holidays
from geosearch.hours.local import minute_states
from geosearch.hours.rules import parse
from indexes import timetable
from tests.hours_oracle import CLOSED, OPEN, UNKNOWN, drawn, state, written

NAMES = {timetable.OPEN: OPEN, timetable.CLOSED: CLOSED, timetable.UNKNOWN: UNKNOWN}
FIRST = date(2026, 12, 18)
DAYS = 18
HOLIDAYS = {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}


def fuzz(seed: int, count: int) -> dict[str, int]:
    """Compare `count` drawn expressions with the oracle, around every change and at random."""
    numbers = random.Random(seed)
    did = {"expressions": 0, "rules": 0, "minutes": 0, "open": 0, "unknown": 0}
    for _ in range(count):
        rules = drawn(numbers)
        expression = written(rules, numbers)
        found = minute_states(
            parse(expression),
            FIRST,
            FIRST + timedelta(days=DAYS - 1),
            holidays=Holidays(frozenset(HOLIDAYS), frozenset()),
        ).states
        changes = np.flatnonzero(found[1:] != found[:-1]) + 1
        minutes = {int(minute) + step for minute in changes for step in (-1, 0)}
        minutes |= set(numbers.sample(range(found.size), 30))
        for minute in sorted(minutes):
            day = FIRST + timedelta(days=minute // 1440)
            expected = state(rules, day, minute % 1440, HOLIDAYS)
            got = NAMES[int(found[minute])]
            if got != expected:
                raise AssertionError(
                    f"seed {seed}: {expression!r} on {day} at {minute % 1440 // 60:02}:"
                    f"{minute % 60:02} is {expected}, got {got}"
                )
            did["minutes"] += 1
            did["open"] += got == OPEN
            did["unknown"] += got == UNKNOWN
        did["expressions"] += 1
        did["rules"] += len(rules)
    return did
