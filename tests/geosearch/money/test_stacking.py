"""Combinations of deals: a table by hand, and all subsets of random ones by `stacking_oracle`.

Deals are `a`, `b`, … in their order, which is that of their ids. `ab` means that `a` applies first.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

from geosearch.money.offers import (
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    NO_LIMIT,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PPM,
    PRICE,
    TERMS_WIDTH,
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    VALUE,
    Terms,
    is_better,
    offer_value,
)
from geosearch.money.stacking import (
    ANYONES,
    BEST,
    BEST_COUNT,
    BEST_GIFTS,
    BEST_PAY,
    BEST_SAVING,
    CARDS,
    MOST_DEALS,
    PUBLIC,
    STEPS,
    add_candidate,
    clear,
    find_best,
    may_combine,
    new_memory,
    set_alone,
    set_none,
)
from tests.generators import make_deal
from tests.oracles import Row, conditions_met, saving_and_pay
from tests.stacking_oracle import Combined, all_combined, alone, best_of

ANY_PAY = 2**62
IDS = "abcdefghijklmnopqrstuvwxyz"


def off(percent: float, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "percent_off", "percent": percent, "group": group, **more}


def less(amount: int, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "amount_off", "amount": amount, "group": group, **more}


def voucher(face: int, price: int, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "voucher", "face_value": face, "price": price, "group": group, **more}


def bundle(full: int, price: int, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "bundle", "list_price": full, "price": price, "group": group, **more}


def back(percent: float, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "cashback", "percent": percent, "group": group, **more}


def gift(face: int, group: int = 0, **more: Any) -> Row:
    return {"offer_type": "free_item", "face_value": face, "group": group, **more}


CARD = {"program_id": "red"}


def terms_of(deals: Sequence[Row]) -> Terms:
    """The rows as `deal_terms`."""
    terms = np.zeros((len(deals), TERMS_WIDTH), np.int32)
    for row, deal in zip(terms, deals, strict=True):
        kind = deal["offer_type"]
        value = {"amount_off": "amount", "bundle": "list_price"}.get(kind, "face_value")
        shares = kind in ("percent_off", "cashback")
        row[TYPE] = OFFER_TYPES.index(kind)
        row[VALUE] = round(deal["percent"] * PPM / 100) if shares else deal[value]
        row[PRICE] = deal.get("price", 0)
        row[MIN_SPEND] = deal.get("min_spend", 0)
        row[MAX_DISCOUNT] = deal.get("max_discount", NO_LIMIT)
        row[MAX_USES] = deal.get("max_uses", 1)
        row[PARTY_MIN] = deal.get("party_min", 0)
        row[PARTY_MAX] = deal.get("party_max", NO_LIMIT)
    return terms


class Asked(NamedTuple):
    """A bill, a party, which combinations count, and the most to pay."""

    spend: int | None
    party_size: int = 1
    kind: int = ANYONES
    max_pay: int = ANY_PAY


class Best(NamedTuple):
    """The best combination: ids, savings and bills of its steps, sum, pay, savings of gifts."""

    ids: str
    steps: list[tuple[int, int]]
    saving: int
    pay: int
    gifts: int


def counts(deal: Row, kind: int) -> bool:
    """Whether a deal alone counts."""
    return kind == ANYONES or ("program_id" in deal) == (kind == CARDS)


def best_combination(deals: Sequence[Row], asked: Asked) -> Best | None:
    """What the kernel finds, given the best single deal as a search gives it."""
    terms, memory = terms_of(deals), new_memory()
    spend = UNKNOWN_MONEY if asked.spend is None else asked.spend
    clear(memory)
    set_none(memory)
    best = (UNKNOWN_MONEY, UNKNOWN_MONEY, -1)
    for number, deal in enumerate(deals):
        status, saving, pay = offer_value(terms, number, spend, asked.party_size)
        if status == UNUSABLE:
            continue
        if deal["group"]:
            card = int("program_id" in deal)
            add_candidate(memory, terms, number, deal["group"], card, spend, asked.party_size)
        limited = asked.max_pay != ANY_PAY
        if counts(deal, asked.kind) and not (limited and not 0 <= pay <= asked.max_pay):
            one = (saving, pay, number)
            if best[2] < 0 or is_better(*one, *best):
                best = one
    if best[2] >= 0:
        set_alone(memory, terms, best[2], best[0], best[1])
    if may_combine(memory):
        find_best(memory, terms, spend, asked.party_size, asked.kind, asked.max_pay)
    number = memory[BEST, BEST_COUNT]
    if number == 0:
        return None
    return Best(
        "".join(IDS[memory[STEPS + step, 0]] for step in range(number)),
        [tuple(memory[STEPS + step, 1:3].tolist()) for step in range(number)],
        *memory[BEST, [BEST_SAVING, BEST_PAY, BEST_GIFTS]].tolist(),
    )


U = UNKNOWN_MONEY
THREE = [
    less(3_000, 1, min_spend=20_000),
    less(1_000, 2, min_spend=10_000, **CARD),
    voucher(10_000, 9_000, 3),
]

CASES: list[tuple[str, int | Asked | None, list[Row], str, list[tuple[int, int]]]] = [
    # Each on what is left of the bill.
    ("20 left to take", 40_000, [less(38_000, 1), less(5_000, 2)], "ab",
     [(38_000, 2_000), (2_000, 0)]),
    ("percent before amount", 10_000, [less(2_000, 1), off(10, 2)], "ba",
     [(1_000, 9_000), (2_000, 7_000)]),
    ("amount before voucher", 10_000, [voucher(5_000, 4_000, 1), less(500, 2)], "ba",
     [(500, 9_500), (1_000, 8_500)]),
    ("voucher before cashback", 10_000, [back(10, 1), voucher(5_000, 4_000, 2)], "ba",
     [(1_000, 9_000), (900, 9_000)]),
    ("gift last", 10_000, [gift(500, 1), back(10, 2)], "ba", [(1_000, 10_000), (500, 10_000)]),
    ("bundle first", 10_000, [off(10, 1), bundle(12_000, 8_000, 2)], "ba",
     [(4_000, 8_000), (800, 7_200)]),
    ("ids within a type", 1_000, [off(50, 2), off(10, 1)], "ab", [(500, 500), (50, 450)]),
    ("fewer vouchers on less", 10_000, [less(2_000, 1), voucher(5_000, 4_000, 2, max_uses=2)], "ab",
     [(2_000, 8_000), (1_000, 7_000)]),
    ("cashback leaves the bill", 10_000, [off(20, 1), back(10, 2)], "ab",
     [(2_000, 8_000), (800, 8_000)]),
    ("capped cashback", 10_000, [off(20, 1), back(10, 2, max_discount=300)], "ab",
     [(2_000, 8_000), (300, 8_000)]),
    ("two cashbacks of one bill", 10_000, [back(10, 1), back(20, 2)], "ab",
     [(1_000, 10_000), (2_000, 10_000)]),
    ("capped percent, then the rest", 10_000, [off(50, 1, max_discount=1_000), less(500, 2)], "ab",
     [(1_000, 9_000), (500, 8_500)]),
    ("gift beside an amount", 10_000, [less(1_000, 1), gift(500, 2)], "ab",
     [(1_000, 9_000), (500, 9_000)]),
    # Rounded down at each step.
    ("99.9 and 90", 999, [off(10, 1), off(10, 2)], "ab", [(99, 900), (90, 810)]),
    ("a third twice", 1_000, [off(33.3333, 1), off(33.3333, 2)], "ab", [(333, 667), (222, 445)]),
    ("half of one", 3, [off(50, 1), off(50, 2)], "ab", [(1, 2), (1, 1)]),
    # Bundles.
    ("a bundle and an amount", 10_000, [bundle(12_000, 8_000, 1), less(1_000, 2)], "ab",
     [(4_000, 8_000), (1_000, 7_000)]),
    ("a bundle above the bill", 6_000, [bundle(12_000, 8_000, 1), less(1_000, 2)], "ab",
     [(4_000, 6_000), (1_000, 5_000)]),
    ("a bundle above the bill alone", 6_000, [bundle(12_000, 8_000, 1)], "a", [(4_000, 8_000)]),
    ("one bundle at most", 10_000, [bundle(12_000, 8_000, 1), bundle(9_000, 7_000, 2)], "a",
     [(4_000, 8_000)]),
    ("the better bundle", 10_000,
     [bundle(9_000, 7_000, 1), bundle(12_000, 8_000, 2), less(100, 3)], "bc",
     [(4_000, 8_000), (100, 7_900)]),
    ("the bundle whose price leaves the amount", 10_000,
     [bundle(8_000, 4_000, 1), bundle(8_900, 5_000, 1), less(1_000, 2, min_spend=5_000)], "bc",
     [(3_900, 5_000), (1_000, 4_000)]),
    ("a bundle for nothing lowers the pay", 10_000, [bundle(5_000, 5_000, 1), less(1_000, 2)], "ab",
     [(0, 5_000), (1_000, 4_000)]),
    ("a bundle for two, one comes", Asked(10_000),
     [bundle(12_000, 8_000, 1, party_min=2), less(1_000, 2), gift(200, 3)], "bc",
     [(1_000, 9_000), (200, 9_000)]),
    ("a bundle for two, two come", Asked(10_000, party_size=2),
     [bundle(12_000, 8_000, 1, party_min=2), less(1_000, 2)], "ab",
     [(4_000, 8_000), (1_000, 7_000)]),
    # Conditions with the running bill.
    ("a step leaves too little", 10_000, [off(10, 1), less(2_000, 2, min_spend=9_500)], "b",
     [(2_000, 8_000)]),
    ("a step leaves just enough", 10_000, [off(10, 1), less(2_000, 2, min_spend=9_000)], "ab",
     [(1_000, 9_000), (2_000, 7_000)]),
    ("below the face value", 6_000, [less(2_000, 1), voucher(5_000, 4_000, 2)], "a",
     [(2_000, 4_000)]),
    ("just the face value", 7_000, [less(2_000, 1), voucher(5_000, 4_000, 2)], "ab",
     [(2_000, 5_000), (1_000, 4_000)]),
    ("a cashback needs the bill", 10_000, [less(1_000, 1), back(20, 2, min_spend=9_500)], "b",
     [(2_000, 10_000)]),
    ("a voucher needs more than its face", 10_000,
     [less(2_000, 1), voucher(5_000, 3_500, 2, min_spend=9_000)], "a", [(2_000, 8_000)]),
    ("without the step that spoils it", 10_000,
     [less(3_000, 1, min_spend=10_000), less(1_500, 1), off(20, 2)], "cb",
     [(2_000, 8_000), (1_500, 6_500)]),
    # Groups.
    ("one of a group", 10_000, [less(1_000, 1), less(1_500, 1)], "b", [(1_500, 8_500)]),
    ("the best of each group", 10_000,
     [less(1_000, 1), less(1_500, 1), gift(300, 2), gift(200, 2)], "bc",
     [(1_500, 8_500), (300, 8_500)]),
    ("without a group, alone", 10_000, [gift(5_000), less(1_000, 1), less(1_000, 2)], "a",
     [(5_000, 10_000)]),
    ("without a group, too little", 10_000, [gift(1_500), less(1_000, 1), less(1_000, 2)], "bc",
     [(1_000, 9_000), (1_000, 8_000)]),
    ("without groups nothing combines", 10_000, [less(1_000), less(900)], "a", [(1_000, 9_000)]),
    ("shop, bank and platform", 20_000, THREE, "abc",
     [(3_000, 17_000), (1_000, 16_000), (1_000, 15_000)]),
    ("four groups", 20_000, [*THREE, back(5, 4)], "abcd",
     [(3_000, 17_000), (1_000, 16_000), (1_000, 15_000), (750, 15_000)]),
    # Ties.
    ("lower pay", 10_000, [back(10, 1), less(1_000, 1), gift(500, 2)], "bc",
     [(1_000, 9_000), (500, 9_000)]),
    ("fewer deals", 2_000, [off(10, 1), less(2_000, 2)], "b", [(2_000, 0)]),
    ("nothing left to take", 5_000, [off(100, 1), less(1_000, 2)], "a", [(5_000, 0)]),
    ("the first id", 10_000, [less(1_000, 1), less(1_000, 1), gift(500, 2)], "ac",
     [(1_000, 9_000), (500, 9_000)]),
    ("the first second id", 10_000, [less(500, 1), less(500, 2), less(500, 2)], "ab",
     [(500, 9_500), (500, 9_000)]),
    ("ids as they apply", 10_000, [gift(500, 2), gift(500, 2), less(400, 1), less(400, 1)], "ca",
     [(400, 9_600), (500, 9_600)]),
    ("no bill to take from", 0, [less(1_000, 1), gift(500, 2)], "b", [(500, 0)]),
    # Nothing combines where the bill is unknown.
    ("a known saving", None, [bundle(12_000, 8_000, 1), gift(500, 2)], "a", [(4_000, 8_000)]),
    ("a gift for an unknown bill", None, [off(10, 1), gift(500, 2)], "b", [(500, U)]),
    ("nothing known", None, [off(10, 1), less(500, 2)], "a", [(U, U)]),
    # A voucher above its face value is never a step.
    ("a dear voucher", 10_000, [voucher(1_000, 1_200, 1), less(500, 2)], "b", [(500, 9_500)]),
    # The wallet's, and those of anybody.
    ("with a card", Asked(10_000, kind=CARDS), [less(2_000, 1), less(500, 2, **CARD)], "ab",
     [(2_000, 8_000), (500, 7_500)]),
    ("the card in the same group", Asked(10_000, kind=CARDS),
     [less(2_000, 1), less(500, 1, **CARD)], "b", [(500, 9_500)]),
    ("two cards", Asked(10_000, kind=CARDS), [less(2_000, 1, **CARD), less(500, 2, **CARD)], "ab",
     [(2_000, 8_000), (500, 7_500)]),
    ("no card", Asked(10_000, kind=CARDS), [less(2_000, 1), less(500, 2)], "", []),
    ("without a card", Asked(10_000, kind=PUBLIC),
     [less(2_000, 1), less(500, 2, **CARD), gift(100, 3)], "ac", [(2_000, 8_000), (100, 8_000)]),
    # Budgets.
    ("only together cheap enough", Asked(10_000, max_pay=7_000), [less(2_000, 1), less(1_000, 2)],
     "ab", [(2_000, 8_000), (1_000, 7_000)]),
    ("not even together", Asked(10_000, max_pay=6_999), [less(2_000, 1), less(1_000, 2)], "", []),
    ("less saved, but paid less", Asked(10_000, max_pay=8_400),
     [back(90, 1), less(1_500, 1), less(100, 2)], "bc", [(1_500, 8_500), (100, 8_400)]),
    ("cashback within the budget", Asked(10_000, max_pay=8_500), [less(1_500, 1), back(30, 2)],
     "ab", [(1_500, 8_500), (2_550, 8_500)]),
    # A thousand persons at the dearest shop.
    ("large amounts", 2_000_000_000_000, [off(50, 1), less(2_000_000_000, 2)], "ab",
     [(10**12, 10**12), (2 * 10**9, 998 * 10**9)]),
]  # fmt: skip


def asked_of(spend: int | Asked | None) -> Asked:
    return spend if isinstance(spend, Asked) else Asked(spend)


@pytest.mark.parametrize(("name", "spend", "deals", "ids", "steps"), CASES, ids=lambda case: case)
def test_table(
    name: str,
    spend: int | Asked | None,
    deals: list[Row],
    ids: str,
    steps: list[tuple[int, int]],
) -> None:
    del name
    found = best_combination(deals, asked_of(spend))
    if not ids:
        assert found is None
        return
    saving = sum(saved for saved, _ in steps)
    gifts = sum(
        saved
        for one, (saved, _) in zip(ids, steps, strict=True)
        if deals[IDS.index(one)]["offer_type"] == "free_item"
    )
    assert found == Best(ids, steps, saving, steps[-1][1], gifts)


@pytest.mark.parametrize(("name", "spend", "deals", "ids", "steps"), CASES, ids=lambda case: case)
def test_the_oracle_agrees(
    name: str,
    spend: int | Asked | None,
    deals: list[Row],
    ids: str,
    steps: list[tuple[int, int]],
) -> None:
    del name
    found = expected(with_ids(deals), asked_of(spend))
    told = [(U if saved is None else saved, U if bill is None else bill) for saved, bill in (
        () if found is None else found.steps
    )]  # fmt: skip
    assert ("" if found is None else "".join(found.ids)) == ids
    assert told == steps


def test_the_table_is_long_and_uses_every_type() -> None:
    assert len(CASES) >= 40
    assert len({name for name, *_ in CASES}) == len(CASES)
    together = [deals for _, _, deals, ids, _ in CASES if len(ids) > 1]
    kinds = {deal["offer_type"] for deals in together for deal in deals}
    assert kinds == set(OFFER_TYPES)


def with_ids(deals: Sequence[Row]) -> list[Row]:
    """Rows as a snapshot has them."""
    return [
        {**deal, "deal_id": one, "stack_group": f"g{deal['group']}" if deal["group"] else None}
        for one, deal in zip(IDS, deals, strict=False)
    ]


def expected(deals: list[Row], asked: Asked) -> Combined | None:
    """The best combination by the oracle."""
    usable = [one for one in deals if conditions_met(one, asked.spend, asked.party_size)]
    found = [alone(one, *saving_and_pay(one, asked.spend)) for one in usable]
    # A voucher above its face value raises the bill, which the contract's words do not foresee.
    steps = [one for one in usable if one["offer_type"] != "voucher" or worth_it(one)]
    found += all_combined(steps, asked.spend, asked.party_size)
    if asked.kind != ANYONES:
        found = [one for one in found if one.has_card == (asked.kind == CARDS)]
    if asked.max_pay != ANY_PAY:
        found = [one for one in found if one.pay is not None and one.pay <= asked.max_pay]
    return best_of(found)


def worth_it(deal: Row) -> bool:
    return bool(deal["price"] <= deal["face_value"])


def random_deals(rng: Random) -> list[Row]:
    """Deals of one shop, most of them in groups."""
    deals: list[Row] = []
    for _ in range(rng.choice((2, 3, 4, 5, 6, 7))):
        deal = make_deal(rng, rng.choice(OFFER_TYPES))
        deal["group"] = rng.choice((0, 1, 1, 2, 2, 3, 4))
        if rng.random() < 0.4:
            deal["program_id"] = rng.choice(("red", "blue"))
        deals.append(deal)
    return deals


def random_asked(rng: Random) -> Asked:
    spend = rng.choice((None, 0, 1, 999, 1_000, 2_500, 5_000, 7_777, 10_000, 40_000))
    budget = rng.choice((ANY_PAY, ANY_PAY, 0, 900, 4_000, 9_000))
    return Asked(spend, rng.choice((1, 1, 2, 5)), rng.choice((ANYONES, CARDS, PUBLIC)), budget)


WORLDS = 3_000


def test_random_shops() -> None:
    rng, stacked = Random("stacking"), 0
    for _ in range(WORLDS):
        deals, asked = random_deals(rng), random_asked(rng)
        found, wanted = best_combination(deals, asked), expected(with_ids(deals), asked)
        assert (found is None) == (wanted is None), (deals, asked)
        if found is None or wanted is None:
            continue
        stacked += len(found.ids) > 1
        assert found.ids == "".join(wanted.ids), (deals, asked)
        assert found.saving == (U if wanted.saving is None else wanted.saving)
        assert found.pay == (U if wanted.pay is None else wanted.pay)
        assert [one for one, _ in wanted.steps] in ([s for s, _ in found.steps], [None])
    assert stacked > WORLDS // 4


def test_groups_bound_a_combination() -> None:
    """What the walk and the bounds of nodes rely on: no combination saves more than its groups."""
    rng, checked = Random("bound"), 0
    for _ in range(WORLDS):
        deals, asked = with_ids(random_deals(rng)), random_asked(rng)
        most: dict[str, int] = {}
        for one in deals:
            if asked.spend is not None and conditions_met(one, asked.spend, asked.party_size):
                saving = saving_and_pay(one, asked.spend)[0] or 0
                group = one["stack_group"]
                most[group] = max(most.get(group, 0), saving)
        for found in all_combined(deals, asked.spend, asked.party_size):
            assert found.saving is not None
            assert found.saving <= sum(most[one["stack_group"]] for one in found.deals)
            checked += 1
    assert checked > WORLDS


def test_more_deals_than_fit_are_left_out() -> None:
    """A damaged index leads no kernel outside of its memory."""
    deals = [less(number, number % 2 + 1) for number in range(1, MOST_DEALS + 9)]
    found = best_combination(deals, Asked(10_000))
    assert found is not None
    assert len(found.ids) == 2
