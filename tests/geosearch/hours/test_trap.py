"""Nights that a rule cuts: every real cut is named, nothing else is, and nothing changes."""

import pytest

from geosearch.hours.trap import Trap, overnight_trap


@pytest.mark.parametrize(
    ("expression", "rule", "meant"),
    [
        ("Fr 18:00-02:00; Sa 10:00-20:00", "Sa 10:00-20:00", "Fr 18:00-02:00, Sa 10:00-20:00"),
        ("Fr 18:00-26:00 ;Sa 10:00-20:00", "Sa 10:00-20:00", "Fr 18:00-26:00, Sa 10:00-20:00"),
        ("Su 20:00-03:00; Mo 10:00-20:00", "Mo 10:00-20:00", "Su 20:00-03:00, Mo 10:00-20:00"),
        (
            "Mo-Th 11:00-23:00; Fr-Sa 11:00-02:00; Su 12:00-22:00",
            "Su 12:00-22:00",
            "Mo-Th 11:00-23:00; Fr-Sa 11:00-02:00, Su 12:00-22:00",
        ),
        (
            'Fr 18:00-02:00 open "a;b"; Sa 10:00-20:00',
            "Sa 10:00-20:00",
            'Fr 18:00-02:00 open "a;b", Sa 10:00-20:00',
        ),
        # in one season only, on one day of the year only
        (
            "Apr-Sep Fr 18:00-02:00; Apr-Sep Sa 18:00-23:00",
            "Apr-Sep Sa 18:00-23:00",
            "Apr-Sep Fr 18:00-02:00, Apr-Sep Sa 18:00-23:00",
        ),
        (
            "Mo-Su,PH 15:00-03:00; easter -2 days 15:00-24:00",
            "easter -2 days 15:00-24:00",
            "Mo-Su,PH 15:00-03:00, easter -2 days 15:00-24:00",
        ),
        # a closed day closes the night before; written with times it closes its own night
        ("18:00-02:00; PH off", "PH off", "18:00-02:00; PH 02:00-26:00 off"),
        (
            'Mo-Fr 18:00-03:00, Sa,Su 19:00-02:00; PH off "no"',
            'PH off "no"',
            'Mo-Fr 18:00-03:00, Sa,Su 19:00-02:00; PH 03:00-27:00 off "no"',
        ),
        ("Su 18:00-02:00; Mo off", "Mo off", "Su 18:00-02:00; Mo 02:00-26:00 off"),
        ("Su 18:00-02:00, Mo off", "Mo off", "Su 18:00-02:00, Mo 02:00-26:00 off"),
        (
            "Mo-Su 09:00-01:00; PH 08:00-02:00",
            "PH 08:00-02:00",
            "Mo-Su 09:00-01:00, PH 08:00-02:00",
        ),
        (
            "Mo-Su 18:00-02:00; Dec 25 off; Jan 1 closed",
            "Dec 25 off",
            "Mo-Su 18:00-02:00; Dec 25 02:00-26:00 off; Jan 1 02:00-26:00 closed",
        ),
        # a comma would add hours of the day as well, so none is proposed
        ("Mo-Su 18:00-02:00; Sa 20:00-23:00", "Sa 20:00-23:00", None),
        (
            "Mo-Th 10:00-23:00; Fr-Sa 10:00-02:00; Su,PH 11:00-23:00",
            "Su,PH 11:00-23:00",
            None,
        ),
    ],
)
def test_a_cut_is_named(expression: str, rule: str, meant: str | None) -> None:
    assert overnight_trap(expression) == Trap(rule, meant)
    # What is proposed has no trap itself.
    assert meant is None or overnight_trap(meant) is None


@pytest.mark.parametrize(
    "expression",
    [
        "Fr 18:00-02:00, Sa 10:00-20:00",
        "Fr 18:00-24:00; Sa 10:00-20:00",
        "Fr 18:00-00:00; Sa 10:00-20:00",
        "Mo 18:00-02:00; We 10:00-20:00",
        "Mo-Fr 10:00-18:00; Sa 10:00-14:00; PH off",
        # an earlier rule cuts nothing of a later one
        "Mo 10:00-20:00; Su 20:00-03:00",
        "Su-Th 12:00-24:00; Fr-Sa 12:00-01:00",
        "Mo 06:00-15:00; Fr-Su 09:00-17:00; Tu-Th 07:00-04:00",
        # the later rule is open just then
        "Mo-Su 18:00-02:00; Sa 00:00-04:00,18:00-02:00",
        "Mo-Su 18:00-02:00; Su 00:00-03:00,18:00-02:00",
        # the night is closed on purpose: it says which hours
        "Mo-Su 18:00-03:00; Tu 00:00-03:00 off",
        # nobody knows that it is open
        'Fr 18:00-02:00 "on request"; Sa 10:00-20:00',
        "Fr 18:00+; Sa 10:00-20:00",
        # the cut night is none: Friday is closed
        "Fr off; Sa 10:00-20:00",
    ],
)
def test_what_is_not_cut_is_not_named(expression: str) -> None:
    assert overnight_trap(expression) is None
