"""Combinations of deals by the contract alone: every subset, one after the other.

Like `tests.oracles` it imports neither `indexes` nor `geosearch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from tests.oracles import GIFT_SHARE, REFERENCE_BILL, Row, conditions_met, saving_and_pay

ORDER = ("bundle", "percent_off", "amount_off", "voucher", "cashback", "free_item")


@dataclass(frozen=True)
class Combined:
    """Deals in the order in which they apply; `steps` are savings, and the bill after each."""

    deals: tuple[Row, ...]
    steps: tuple[tuple[int | None, int | None], ...]
    saving: int | None
    pay: int | None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the deals."""
        return tuple(deal["deal_id"] for deal in self.deals)

    @property
    def rank(self) -> tuple[bool, int, bool, int, int, tuple[str, ...]]:
        """Ascending, best first: largest known saving, lower pay, fewer deals, ids."""
        saving, pay = self.saving, self.pay
        return saving is None, -(saving or 0), pay is None, pay or 0, len(self.deals), self.ids

    @property
    def has_card(self) -> bool:
        """Whether a deal needs a card."""
        return any(deal.get("program_id") is not None for deal in self.deals)


def alone(deal: Row, saving: int | None, pay: int | None) -> Combined:
    """One deal with its figures by the table."""
    return Combined((deal,), ((saving, pay),), saving, pay)


def combined(deals: Iterable[Row], spend: int, party_size: int) -> Combined | None:
    """These deals together; None if a condition fails."""
    ordered = sorted(deals, key=lambda deal: (ORDER.index(deal["offer_type"]), deal["deal_id"]))
    bill, total, steps = spend, 0, []
    for deal in ordered:
        if not conditions_met(deal, bill, party_size):
            return None
        saving, pay = saving_and_pay(deal, bill)
        assert saving is not None
        assert pay is not None
        bill = min(pay, bill)
        total += saving
        steps.append((saving, bill))
    return Combined(tuple(ordered), tuple(steps), total, bill)


def all_combined(deals: Iterable[Row], spend: int | None, party_size: int) -> Iterator[Combined]:
    """Every valid combination of two deals or more."""
    grouped = [deal for deal in deals if deal.get("stack_group")]
    if spend is None:
        return
    for size in range(2, len({deal["stack_group"] for deal in grouped}) + 1):
        for some in combinations(grouped, size):
            if _may_combine(some) and (found := combined(some, spend, party_size)) is not None:
                yield found


def _may_combine(deals: Sequence[Row]) -> bool:
    """Whether each deal has a group of its own, and at most one is a bundle."""
    bundles = sum(deal["offer_type"] == "bundle" for deal in deals)
    return len({deal["stack_group"] for deal in deals}) == len(deals) and bundles < 2


def best_of(found: Iterable[Combined]) -> Combined | None:
    """The best combination; None of none."""
    return min(found, key=lambda one: one.rank, default=None)


def counted_together(request: Row, one: Combined) -> float:
    """What the net benefit counts: of gifts a share, and of all on no more than the reference."""
    if one.saving is None:
        return 0.0
    reference = request.get("spend")
    if reference is None:
        reference = REFERENCE_BILL * int(request.get("party_size", 1))
    worth = sum(
        (saving or 0) * Fraction(GIFT_SHARE if deal["offer_type"] == "free_item" else 1)
        for deal, (saving, _) in zip(one.deals, one.steps, strict=True)
    )
    bill = one.saving + (one.pay or 0)
    return float(worth * Fraction(reference, bill) if bill > reference else worth)
