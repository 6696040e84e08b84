"""Hours against opening_hours.js, the reference checker of the specification, on real values.

Each of the 21,749 real values is compared over every minute of two weeks in Germany. That takes
half a minute, nearly all of it in Node.
"""

import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from geosearch.hours.days import Holidays
from geosearch.hours.local import minute_states
from geosearch.hours.rules import parse
from indexes.timetable import CLOSED, OPEN, UNKNOWN
from tests.hours_differences import counted, differences, table
from tests.hours_oracle import Days, Rule, drawn, written
from tests.opening_hours_js import answers, missing

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", autouse=True)
def peer() -> None:
    why = missing()
    if why is not None:
        pytest.skip(why)


def test_every_difference_on_real_values_has_a_reason(shared_data: Path) -> None:
    values = counted(shared_data / "opening_hours_values" / "veg_osm_2022_value_counts.tsv.gz")
    found = list(differences(values))
    some = [each for each in found if each is not None]
    assert len(found) > 21_500
    assert not [each for each in some if each.reason is None]
    uses = sum(count for count, _ in values)
    assert sum(each.uses for each in some) < 0.005 * uses
    # Only we say open: in prose, of which it makes one rule; a minute or two at sunset; where an
    # open end follows stated hours.
    opened = [each for each in some if each.newly_open]
    assert {each.reason for each in opened} <= {"prose", "sun", "open end"}
    assert sum(each.uses for each in opened) < 0.002 * uses
    # The document shows this very table.
    assert table(found) in (ROOT / "docs" / "opening_hours.md").read_text("utf-8")


def test_holidays_and_years_end_have_no_other_differences(shared_data: Path) -> None:
    values = counted(shared_data / "opening_hours_values" / "veg_osm_2022_value_counts.tsv.gz")
    dated = [pair for pair in values if "PH" in pair[1] or "Dec" in pair[1]]
    assert len(dated) > 2_500
    found = list(differences(dated[::4], first=date(2026, 12, 20), days=20))
    assert not [each for each in found if each is not None and each.reason is None]


def is_read_alike(rules: list[Rule]) -> bool:
    """Whether both read the rules alike; the kinds left out are those of docs/opening_hours.md.

    And one more, which no real value has: opening_hours.js forgets past midnight that a rule is a
    fallback.
    """
    for rule in rules:
        days = rule.days
        both_kinds = bool(days.dates) and (days.holidays or bool(days.weekdays))
        open_end = bool(rule.plus) or any(end is None for _, end in rule.spans)
        if both_kinds or open_end or days == Days():
            return False
    fallback = [rule for rule in rules if rule.separator != ";"]
    overnight = any(end is not None and end > 1440 for rule in fallback for _, end in rule.spans)
    return not (overnight and any(rule.separator == "||" for rule in rules))


def test_drawn_rules_are_read_alike() -> None:
    numbers = random.Random(20261129)
    first, days = date(2026, 12, 18), 18
    # Those of Berlin, so that both have the same.
    holidays = Holidays(
        frozenset([date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)]), frozenset()
    )
    sets = [rules for rules in (drawn(numbers) for _ in range(4000)) if is_read_alike(rules)]
    expressions = [written(rules, numbers) for rules in sets]
    compared = 0
    for expression, stretches in zip(expressions, answers(expressions, first, days), strict=True):
        if stretches is None:
            continue
        theirs = np.full(days * 1440, CLOSED, np.uint8)
        for begin, end, is_unknown in stretches:
            theirs[begin:end] = UNKNOWN if is_unknown else OPEN
        last = first + timedelta(days=days - 1)
        ours = minute_states(parse(expression), first, last, holidays=holidays).states
        differ = np.flatnonzero(ours != theirs)
        assert differ.size == 0, (
            expression,
            first + timedelta(minutes=int(differ[0])),
            differ[0] % 1440,
        )
        compared += 1
    assert compared > 1_000
