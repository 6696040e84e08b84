"""The savings table deal by deal; whole answers are in `test_offers_oracle`."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.money.offers import (
    KNOWN_SAVING,
    MAX_USES,
    NO_LIMIT,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PPM,
    PRICE,
    TERMS_WIDTH,
    TYPE,
    UNKNOWN_MONEY,
    UNKNOWN_SAVING,
    UNUSABLE,
    VALUE,
    Terms,
    expected_spend,
    is_better,
    offer_value,
    saving_ceiling,
)
from geosearch.money.offers import MAX_DISCOUNT as CAP
from geosearch.money.offers import MIN_SPEND as FLOOR
from tests.generators import make_deal
from tests.oracles import conditions_met, saving_and_pay

U = UNKNOWN_MONEY
MOST = 2_000_000_000
"""The largest amount a snapshot may hold."""


def terms_of(kind: str, value: int = 0, **limits: int) -> Terms:
    """One row of `deal_terms`."""
    names = {"price": PRICE, "floor": FLOOR, "cap": CAP, "uses": MAX_USES}
    names |= {"party_min": PARTY_MIN, "party_max": PARTY_MAX}
    terms = np.zeros((1, TERMS_WIDTH), np.int32)
    terms[0, [TYPE, VALUE, CAP, MAX_USES, PARTY_MAX]] = (
        *(OFFER_TYPES.index(kind), value),
        *(NO_LIMIT, 1, NO_LIMIT),
    )
    for name, limit in limits.items():
        terms[0, names[name]] = limit
    return terms


PERCENT = terms_of("percent_off", 100_000)
CAPPED = terms_of("percent_off", 100_000, cap=500, floor=1000)
AMOUNT = terms_of("amount_off", 600, floor=500)
VOUCHER = terms_of("voucher", 5000, price=4000)
VOUCHERS = terms_of("voucher", 5000, price=4000, uses=3, floor=6000)
BUNDLE = terms_of("bundle", 9900, price=6800, party_min=2, party_max=4, floor=10**6)
CASHBACK = terms_of("cashback", 50_000, cap=300)
FREE = terms_of("free_item", 1800, floor=10**6)
LINES = [
    (PERCENT, 12_345, 1, KNOWN_SAVING, 1234, 11_111),
    (PERCENT, 9, 1, KNOWN_SAVING, 0, 9),
    (PERCENT, 0, 1, KNOWN_SAVING, 0, 0),
    (PERCENT, U, 1, UNKNOWN_SAVING, U, U),
    (CAPPED, 999, 1, UNUSABLE, U, U),
    (CAPPED, 1000, 1, KNOWN_SAVING, 100, 900),
    (CAPPED, 5001, 1, KNOWN_SAVING, 500, 4501),
    (CAPPED, U, 1, UNKNOWN_SAVING, U, U),
    (AMOUNT, 499, 1, UNUSABLE, U, U),
    (AMOUNT, 500, 1, KNOWN_SAVING, 500, 0),
    (AMOUNT, 601, 1, KNOWN_SAVING, 600, 1),
    (AMOUNT, U, 1, UNKNOWN_SAVING, U, U),
    (VOUCHER, 4999, 1, UNUSABLE, U, U),
    (VOUCHER, 12_000, 1, KNOWN_SAVING, 1000, 11_000),
    (VOUCHER, U, 1, UNKNOWN_SAVING, U, U),
    (VOUCHERS, 5999, 1, UNUSABLE, U, U),
    (VOUCHERS, 9999, 1, KNOWN_SAVING, 1000, 8999),
    (VOUCHERS, 15_000, 1, KNOWN_SAVING, 3000, 12_000),
    (VOUCHERS, 90_000, 1, KNOWN_SAVING, 3000, 87_000),
    (BUNDLE, 50, 1, UNUSABLE, U, U),
    (BUNDLE, 50, 2, KNOWN_SAVING, 3100, 6800),
    (BUNDLE, U, 4, KNOWN_SAVING, 3100, 6800),
    (BUNDLE, 50, 5, UNUSABLE, U, U),
    (CASHBACK, 2000, 1, KNOWN_SAVING, 100, 2000),
    (CASHBACK, 9000, 1, KNOWN_SAVING, 300, 9000),
    (CASHBACK, U, 1, UNKNOWN_SAVING, U, U),
    (FREE, 0, 1, KNOWN_SAVING, 1800, 0),
    (FREE, U, 1, KNOWN_SAVING, 1800, U),
    # No room for overflow: the largest bill there is.
    (terms_of("percent_off", PPM), MOST * 1000, 1000, KNOWN_SAVING, MOST * 1000, 0),
    (terms_of("voucher", 1, uses=NO_LIMIT), MOST * 1000, 1, KNOWN_SAVING, NO_LIMIT, U),
]


@pytest.mark.parametrize(("terms", "spend", "party", "status", "saving", "pay"), LINES)
def test_line(terms: Terms, spend: int, party: int, status: int, saving: int, pay: int) -> None:
    found = offer_value(terms, 0, spend, party)
    if terms[0, MAX_USES] == NO_LIMIT:
        pay = spend - saving
    assert found == (status, saving, pay)


def test_every_type_has_lines() -> None:
    assert {int(line[0][0, TYPE]) for line in LINES} == set(range(len(OFFER_TYPES)))


@pytest.mark.parametrize(
    ("spend", "price", "party", "expected"),
    [
        (U, -1, 3, U),
        (U, 0, 3, 0),
        (U, 2500, 3, 7500),
        (U, MOST, 1000, 1000 * MOST),
        (700, 2500, 3, 700),
        (0, 2500, 3, 0),
        (700, -1, 3, 700),
    ],
)
def test_expected_spend(spend: int, price: int, party: int, expected: int) -> None:
    assert expected_spend(spend, price, party) == expected


def terms_row(deal: dict[str, Any]) -> Terms:
    """The row of a deal as a snapshot has it."""
    percent = deal["offer_type"] in ("percent_off", "cashback")
    name = {"amount_off": "amount", "bundle": "list_price"}.get(deal["offer_type"], "face_value")
    value = round(deal["percent"] * 10_000) if percent else deal[name]
    fields = {"price": "price", "min_spend": "floor", "max_discount": "cap", "max_uses": "uses"}
    fields |= {"party_min": "party_min", "party_max": "party_max"}
    limits = {column: deal[field] for field, column in fields.items() if field in deal}
    return terms_of(deal["offer_type"], value, **limits)


def test_random_deals_against_the_slow_table() -> None:
    rng, usable = Random("offers"), 0
    for number in range(3000):
        deal = make_deal(rng, OFFER_TYPES[number % len(OFFER_TYPES)])
        spend = rng.choice((None, 0, 999, 1000, 4999, 5000, rng.randrange(200_000)))
        party = rng.choice((1, 2, 4, 6, 7, 1000))
        status, saving, pay = offer_value(terms_row(deal), 0, U if spend is None else spend, party)
        assert (status != UNUSABLE) == conditions_met(deal, spend, party), deal
        if status != UNUSABLE:
            known = tuple(None if value == U else value for value in (saving, pay))
            assert known == saving_and_pay(deal, spend), (deal, spend)
            assert (status == KNOWN_SAVING) == (saving != U)
            usable += 1
    assert usable > 1500


MONEY = st.one_of(st.sampled_from([0, 1, 999, 1000, MOST - 1, MOST]), st.integers(0, MOST))


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    """Any row a build may write, sensible or not."""
    kind = draw(st.sampled_from(OFFER_TYPES))
    percent = kind in ("percent_off", "cashback")
    value = draw(st.integers(0, PPM)) if percent else draw(MONEY)
    limits = {"floor": draw(MONEY), "cap": draw(st.one_of(st.just(NO_LIMIT), MONEY))}
    limits["uses"] = draw(st.sampled_from([1, 2, 1000, NO_LIMIT]))
    if kind in ("voucher", "bundle"):
        limits["price"] = draw(MONEY)
    if draw(st.booleans()):
        limits |= {"party_min": draw(st.integers(0, 9)), "party_max": draw(st.integers(0, 9))}
    return terms_of(kind, value, **limits)


@given(any_terms(), st.one_of(st.just(U), st.integers(0, 1000 * MOST)), st.integers(1, 1000))
@settings(max_examples=1000)
def test_no_saving_is_above_its_ceiling(terms: Terms, spend: int, party: int) -> None:
    if terms[0, TYPE] == OFFER_TYPES.index("voucher") and terms[0, VALUE] == 0:
        return  # the snapshot refuses a voucher of no value
    fixed, ppm = saving_ceiling(terms, 0)
    assert fixed == 0 or ppm == 0
    status, saving, _ = offer_value(terms, 0, spend, party)
    if status == KNOWN_SAVING:
        assert saving <= max(fixed, max(spend, 0) * ppm // PPM)


@pytest.mark.parametrize("line", LINES)
def test_a_ceiling_is_reached_where_no_limit_is(line: tuple[Any, ...]) -> None:
    """The bound is the saving itself on a bill that is large enough, limits aside."""
    terms = line[0].copy()
    terms[0, FLOOR], terms[0, CAP], party = 0, NO_LIMIT, max(1, int(terms[0, PARTY_MIN]))
    fixed, ppm = saving_ceiling(terms, 0)
    spend = 1000 * MOST
    assert offer_value(terms, 0, spend, party)[1] == max(fixed, spend * ppm // PPM)


OFFER = st.tuples(st.sampled_from([U, 0, 5, 9]), st.sampled_from([U, 0, 5, 9]), st.integers(0, 9))
Offer = tuple[int, int, int]


def slow_key(offer: Offer) -> tuple[float, float, int]:
    """Known saving first, largest first; then known pay, least first; then the id."""
    saving, pay, deal = offer
    return -saving, float("inf") if pay == U else pay, deal


@given(OFFER, OFFER)
def test_better_is_the_order_of_the_contract(one: Offer, other: Offer) -> None:
    assert is_better(*one, *other) == (slow_key(one) < slow_key(other))
