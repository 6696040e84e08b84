"""What one card is worth: its figures per visit, a year less its fee, and the visits that pay it.

Useful for: `worth`, which measures the figures of each habit.
Not useful for: measuring them.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from geosearch.kernel.gains import ADVISED, AS_YOU_GO, SHARE
from indexes.arrays import F64

MONTHS_A_YEAR = 12
"""Visits are by the month, and fees by the year."""

_DIGITS = 6
"""Digits of reported figures after the point, so that sums in another order read the same."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a card saves per visit, minor units; `share_of_visits` is a share."""

    as_you_go: float
    share_of_visits: float
    only_partners: float
    advised: float


class Year(msgspec.Struct, frozen=True, kw_only=True):
    """What a card saves in a year less its fee, minor units."""

    as_you_go: int
    only_partners: int
    advised: int


class BreakEven(msgspec.Struct, frozen=True, kw_only=True):
    """Visits a year after which the fee is earned; None where a visit saves nothing."""

    as_you_go: int | None
    only_partners: int | None
    advised: int | None


class CardWorth(msgspec.Struct, frozen=True, kw_only=True):
    """What one card is worth over all habits, weighted by their visits, and in each."""

    program_id: str
    name: str
    fee: int
    per_visit: Figures
    year: Year
    break_even_visits: BreakEven
    habits: list[Figures]


def card_worth(program: dict[str, Any], visits: list[float], means: list[F64]) -> CardWorth:
    """Return the worth of one card; `means` are its figures for each habit."""
    months, fee = sum(visits), int(program.get("fee") or 0)
    weights = [each / months if months else 0.0 for each in visits]
    total = [
        math.fsum(w * mean[i] for w, mean in zip(weights, means, strict=True)) for i in range(3)
    ]
    figures = _figures(total)
    exact = (total[AS_YOU_GO], _only_partners(total), total[ADVISED])
    year = [_rounded(MONTHS_A_YEAR * months * each - fee) for each in exact]
    even = [math.ceil(_settled(fee / each)) if each > 0 else None for each in exact]
    names = ("as_you_go", "only_partners", "advised")
    return CardWorth(
        program_id=program["program_id"],
        name=program.get("name") or program["program_id"],
        fee=fee,
        per_visit=figures,
        year=Year(**dict(zip(names, year, strict=True))),
        break_even_visits=BreakEven(**dict(zip(names, even, strict=True))),
        habits=[_figures(mean) for mean in means],
    )


def _figures(means: Sequence[float] | F64) -> Figures:
    return Figures(
        as_you_go=round(float(means[AS_YOU_GO]), _DIGITS),
        share_of_visits=round(float(means[SHARE]), _DIGITS),
        only_partners=round(_only_partners(means), _DIGITS),
        advised=round(float(means[ADVISED]), _DIGITS),
    )


def _only_partners(means: Sequence[float] | F64) -> float:
    return float(means[AS_YOU_GO] / means[SHARE]) if means[SHARE] > 0 else 0.0


def _rounded(minor: float) -> int:
    """Return the nearest minor unit; half a unit counts as one more."""
    return math.floor(_settled(minor) + 0.5)


def _settled(value: float) -> float:
    """Return a figure without the noise of the last digits, so that 28.000000001 visits are 28."""
    return round(value, _DIGITS)
