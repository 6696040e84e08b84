"""What rules do to each other, against the plain twin, and line by line."""

from datetime import date, timedelta

import numpy as np
import pytest

from geosearch.hours.days import Holidays
from geosearch.hours.local import join, local_changes, minute_states, part
from geosearch.hours.rules import parse
from indexes.timetable import CLOSED, OPEN, UNKNOWN
from tests.fuzz.hours import fuzz

LETTERS = {OPEN: "o", CLOSED: ".", UNKNOWN: "?"}
# Friday to Monday; Saturday is a holiday.
FIRST = date(2026, 11, 6)
HOLIDAYS = Holidays(frozenset([date(2026, 11, 7)]), frozenset([date(2026, 11, 8)]))


def hours(expression: str) -> str:
    """A letter for 01:00, 04:00 … 22:00 of four days: `o` open, `?` unknown, `.` closed."""
    states = minute_states(
        parse(expression), FIRST, FIRST + timedelta(days=3), holidays=HOLIDAYS
    ).states
    letters = "".join(LETTERS[state] for state in states[60::180].tolist())
    return " ".join(letters[at : at + 8] for at in range(0, 32, 8))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Mo, Fr 09:00-12:00", "...o.... ........ ........ ...o...."),
        ("Fr, PH 09:00-12:00", "...o.... ...o.... ........ ........"),
        ("PH Sa 09:00-12:00; PH Su 12:00-15:00", "........ ...o.... ........ ........"),
        ("SH Mo-Sa 09:00-12:00, SH Su 12:00-15:00", "........ ........ ....o... ........"),
        ("Fr-Su 09:00-12:00; PH off", "...o.... ........ ...o.... ........"),
        # a later rule replaces a day from midnight to midnight, an earlier one nothing
        ("Fr 18:00-06:00; Sa 09:00-12:00", "......oo ...o.... ........ ........"),
        ("Sa 09:00-12:00; Fr 18:00-06:00", "......oo oo.o.... ........ ........"),
        ("Fr 18:00-06:00, Sa 09:00-12:00", "......oo oo.o.... ........ ........"),
        ("Fr-Sa 18:00-06:00; Sa 09:00-12:00", "......oo ...o.... oo...... ........"),
        ("Fr-Su 18:00-06:00; PH off", "......oo ........ oo....oo oo......"),
        # a closed rule with times closes those, and lets the rest stand
        ("Fr-Sa 09:00-18:00; Sa 12:00-15:00 off", "...ooo.. ...o.o.. ........ ........"),
        ("Fr-Sa 18:00-06:00; Sa 21:00-27:00 off", "......oo oo....o. .o...... ........"),
        # times only replace everything
        ("Fr 09:00-12:00; 15:00-18:00", ".....o.. .....o.. .....o.. .....o.."),
        # unknown
        ('Fr 09:00-15:00 "ask"; Sa open "x"', "...??... oooooooo ........ ........"),
        ('Fr 09:00-15:00, Fr 12:00-15:00 "ask"', "...o?... ........ ........ ........"),
        ('Fr 09:00-12:00 || Fr-Sa "ask"', "???o???? ???????? ........ ........"),
        ('Fr 09:00-12:00 || "ask"; Sa off', "???o???? ........ ???????? ????????"),
        ("Fr 09:00-12:00 || Fr 09:00-15:00 unknown", "...o?... ........ ........ ........"),
        # open ends: until midnight, or into the night; another span ends them
        ("Fr 09:00+", "...????? ........ ........ ........"),
        ("Fr 09:00-12:00+", "...o???? ........ ........ ........"),
        ("Fr 18:00+", "......?? ?....... ........ ........"),
        ("Fr 09:00-12:00+,18:00-21:00", "...o??o. ........ ........ ........"),
        ("Fr 18:00+; Sa 00:00-03:00,18:00-21:00", "......?? o.....o. ........ ........"),
        ("Fr-Sa 18:00+,00:00-03:00", "o.....?? o.....?? ?....... ........"),
        # stated hours of one day lie over the guess of another, in a fallback too
        ("Fr-Sa 03:00-06:00+,09:00-09:00", ".o?ooooo oooooooo ooo..... ........"),
        ("Mo off || Fr-Sa 03:00-06:00+,09:00-09:00", ".o?ooooo oooooooo ooo..... ........"),
        ("Fr 18:00+ off", "........ ........ ........ ........"),
    ],
)
def test_rules_together(expression: str, expected: str) -> None:
    assert hours(expression) == expected


def test_drawn_rules_equal_the_plain_twin() -> None:
    did = fuzz(seed=20261129, count=400)
    assert did["expressions"] == 400
    assert did["rules"] > 800
    assert did["minutes"] > 20_000
    assert min(did["open"], did["unknown"]) > 2_000


def test_cut_nights_are_those_no_later_rule_gives_back() -> None:
    def cut_by(expression: str) -> list[int]:
        found = minute_states(
            parse(expression), FIRST, FIRST + timedelta(days=3), holidays=HOLIDAYS
        ).cut_by
        return np.unique(found[found >= 0]).tolist()  # type: ignore[no-any-return]

    assert cut_by("Fr 18:00-06:00; Sa 09:00-12:00") == [1]
    assert cut_by("Fr 18:00-06:00; Sa 09:00-12:00; Sa 00:00-07:00") == []
    assert cut_by("Fr 18:00-06:00; Sa off; Su off") == [1]
    assert cut_by("Fr 18:00-06:00; Th off; Su off") == []


def test_changes_begin_at_zero_and_differ() -> None:
    changes = local_changes(
        "Fr-Sa 22:00-02:00", FIRST, FIRST + timedelta(days=1), holidays=HOLIDAYS
    )
    assert changes.minutes.tolist() == [0, 1320, 1440 + 120, 1440 + 1320]
    assert changes.states.tolist() == [CLOSED, OPEN, CLOSED, OPEN]
    always = local_changes("24/7", FIRST, FIRST, holidays=HOLIDAYS)
    assert (always.minutes.tolist(), always.states.tolist()) == ([0], [OPEN])
    assert join([part(changes, 0, 1400), part(changes, 1400, 2880)]).minutes.tolist() == [
        0,
        1320,
        1440 + 120,
        1440 + 1320,
    ]
    assert part(changes, 5, 5).minutes.size == 0
