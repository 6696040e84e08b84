"""Deals of a benchmark world, as rows of a segment.

`sources.synth.world` makes more realistic deals.

Corpus model, by share of the shops: a paid card `red` at 3 %; eight bank cards at 10 to 30 % each,
together at 80 %; a platform membership at 15 %, a government voucher at 5 %, a card `tiny` at
0.05 %; public bundles, vouchers and gifts at 30 %, two at each. For wallets that nobody asked for
before there are four more banks, seven more cards like `red` and seven like `tiny`. A shop has
about 3.3 offers and 2.0 deals. Paid cards and some bank deals apply to many shops, the other deals
to one. Deals of paid cards are always usable. Half of the others are always usable, the rest only
in hours of the week or until a date; a few are sold out or over.
The deals of every twentieth shop are in three groups that combine.
All are drawn independently of the place and of each other, and the cards of `SHARES` as if there
were no others.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.hours.schedules import Horizon, window
from geosearch.indexing.payload import json_rows
from geosearch.money.offers import (
    AMOUNT_OFF,
    BUNDLE,
    CASHBACK,
    FREE_ITEM,
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    NO_LIMIT,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PERCENT_OFF,
    PRICE,
    TERMS_WIDTH,
    TYPE,
    VALUE,
    VOUCHER,
)
from geosearch.segment.writer import DealRows
from indexes.arrays import I32
from indexes.timetable import ALWAYS, NEVER, TimetableBuilder

Ints = NDArray[np.int64]

RED = "red"
TINY = "tiny"
BANKS = tuple(f"bank-{number}" for number in range(1, 9))
SHARES = {
    RED: 0.03,
    **dict(zip(BANKS, (0.30, 0.26, 0.22, 0.18, 0.16, 0.14, 0.12, 0.10), strict=True)),
    "platform": 0.15,
    "government": 0.05,
    TINY: 0.0005,
}
"""Share of shops with a deal of each card that a family names."""

PAID = (RED, *(f"red-{number}" for number in range(2, 9)))
"""Cards whose deals are always usable, for the whole bill."""
FURTHER_SHARES = {
    **dict(
        zip((f"bank-{number}" for number in range(9, 13)), (0.28, 0.2, 0.15, 0.11), strict=True)
    ),
    **dict.fromkeys(PAID[1:], SHARES[RED]),
    **{f"tiny-{number}": SHARES[TINY] for number in range(2, 9)},
}
"""Share of shops with a deal of each further card, which only wallets drawn by share hold."""
ALL_SHARES = SHARES | FURTHER_SHARES

PUBLIC_SHARE = 0.3
OWN_DEAL_SHARE = 0.6
SHARED_DEALS = 24
SOLD_OUT_SHARE = 0.02
ALWAYS_SHARE = 0.5
OVER_SHARE = 0.02
STACKED_SHARE = 0.05
PRICE_IF_UNKNOWN = 6_000

_USE_HOURS = (
    *("Mo-Fr 11:00-14:00", "Mo-Th 17:00-21:00", "Mo-Fr", "Mo-Fr; PH off", "Mo-Su 14:00-17:30"),
    *("Mo-Su 21:00-02:00", "Su-Th", "Mo-Su 11:00-13:30,17:00-20:30", "Sa-Su", "We 00:00-24:00"),
)
_LAST_DAYS = (date(2026, 11, 30), date(2026, 12, 15), date(2026, 12, 31))
_TITLES = ("会员折扣", "满减", "代金券", "双人套餐", "返现", "赠品")
_PIECE = 1_000_000
_FIELDS = ("deal_id", "program_id", "offer_type", "title", "terms", "source", "redemption")


class _Drawn(NamedTuple):
    """Deals and offers of some programs; deals count from 0."""

    terms: I32
    program: NDArray[np.uint16]
    window: NDArray[np.uint32]
    on: NDArray[np.uint8]
    ids: pl.Series
    offer_merchant: Ints
    offer_deal: Ints


def draw_deals(
    rng: np.random.Generator, price: I32, book: TimetableBuilder, horizon: Horizon
) -> DealRows:
    """Return the deals of merchants with these usual prices; add their schedules to `book`."""
    limited = _limited_windows(book, horizon)
    # Spawning leaves the stream of `rng` as it is.
    further, groups = rng.spawn(2)
    bill = np.where(price < 0, PRICE_IF_UNKNOWN, price).astype(np.int64)
    first = _draw(rng, SHARES, limited, shops=len(price), bill=bill)
    second = _draw(further, FURTHER_SHARES, limited, shops=len(price), after=first)
    # In one chunk, so that putting it in order later moves views and copies no text.
    ids = pl.concat([first.ids, second.ids], rechunk=True)
    terms = np.concatenate([first.terms, second.terms])
    program = np.concatenate([first.program, second.program])
    window = np.concatenate([first.window, second.window])
    deal = np.concatenate([first.offer_deal, second.offer_deal])
    shop = np.concatenate([first.offer_merchant, second.offer_merchant]).astype(np.uint32)
    return DealRows(
        deal_id=ids,
        terms=terms,
        program=program,
        on=np.concatenate([first.on, second.on]),
        for_new=np.zeros(len(ids), np.uint8),
        payload=_payloads(ids, program, terms),
        programs=[
            {"program_id": name, "name": name, "kind": "bank_card", "status": "ACTIVE", "fee": 0}
            for name in ALL_SHARES
        ],
        program_on=np.ones(len(ALL_SHARES), np.uint8),
        offer_merchant=shop,
        offer_deal=deal.astype(np.uint32),
        offer_window=window[deal],
        offer_group=_groups(groups, shop),
    )


def _groups(rng: np.random.Generator, shop: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return a random group, 1 to 3, for each offer of `STACKED_SHARE` of the shops, else 0."""
    stacked = rng.random(int(shop.max(initial=0)) + 1) < STACKED_SHARE
    return np.where(stacked[shop], rng.integers(1, 4, len(shop)), 0).astype(np.uint8)


def _draw(
    rng: np.random.Generator,
    shares: dict[str, float],
    limited: NDArray[np.uint32],
    *,
    shops: int,
    bill: Ints | None = None,
    after: _Drawn | None = None,
) -> _Drawn:
    """Return the deals of cards, numbered after those of `after`; with `bill`, public ones too."""
    names = list(ALL_SHARES)
    terms, program, offer_merchant, offer_deal = [], [], [], []
    before = 0 if after is None else len(after.terms)
    deals = 0
    if bill is not None:
        public = np.flatnonzero(rng.random(shops) < PUBLIC_SHARE)
        at = np.repeat(public, rng.integers(1, 4, len(public)))
        terms.append(_public_terms(rng, bill[at]))
        program.append(np.zeros(len(at), np.uint16))
        offer_merchant.append(at)
        offer_deal.append(np.arange(len(at)))
        deals = len(at)
    for name, share in shares.items():
        held = np.flatnonzero(rng.random(shops) < share)
        own = rng.random(len(held)) < (0.0 if name in PAID else OWN_DEAL_SHARE)
        deal = rng.integers(0, SHARED_DEALS, len(held))
        deal[own] = SHARED_DEALS + np.arange(own.sum())
        drawn = SHARED_DEALS + int(own.sum())
        terms.append(_paid_terms(rng, drawn) if name in PAID else _card_terms(rng, drawn))
        program.append(np.full(drawn, 1 + names.index(name), np.uint16))
        offer_merchant.append(held)
        offer_deal.append(deals + deal)
        deals += drawn
    all_programs = np.concatenate(program)
    windows = _windows(rng, deals, limited)
    on = (rng.random(deals) >= SOLD_OUT_SHARE).astype(np.uint8)
    of_paid = np.isin(all_programs, [1 + names.index(name) for name in PAID])
    windows[of_paid], on[of_paid] = ALWAYS, 1
    ids = pl.Series(rng.permutation(deals) + before)
    return _Drawn(
        terms=np.concatenate(terms),
        program=all_programs,
        window=windows,
        on=on,
        ids="d" + ids.cast(pl.String).str.zfill(8),
        offer_merchant=np.concatenate(offer_merchant),
        offer_deal=np.concatenate(offer_deal) + before,
    )


def _blank_terms(count: int) -> I32:
    terms = np.zeros((count, TERMS_WIDTH), np.int32)
    terms[:, [MAX_DISCOUNT, PARTY_MAX]] = NO_LIMIT
    terms[:, MAX_USES] = 1
    return terms


def _public_terms(rng: np.random.Generator, bill: Ints) -> I32:
    """Return bundles for one to four people, vouchers for a part of the bill, money off, gifts."""
    count = len(bill)
    terms = _blank_terms(count)
    kind = rng.choice([BUNDLE, VOUCHER, AMOUNT_OFF, FREE_ITEM], count, p=[0.45, 0.4, 0.1, 0.05])
    terms[:, TYPE] = kind
    people = rng.integers(1, 5, count)
    part = np.select(
        [kind == BUNDLE, kind == VOUCHER, kind == AMOUNT_OFF],
        [people * rng.uniform(0.9, 1.5, count), rng.uniform(0.4, 1.0, count), 0.15],
        0.1,
    )
    terms[:, VALUE] = np.maximum(bill * part / 100, 1).astype(np.int64) * 100
    paid = np.select([kind == BUNDLE, kind == VOUCHER], rng.uniform(0.55, 0.92, (2, count)), 0.0)
    terms[:, PRICE] = terms[:, VALUE] * paid
    terms[:, MAX_USES] = np.where(kind == VOUCHER, rng.integers(1, 4, count), 1)
    terms[:, MIN_SPEND] = np.where(kind == AMOUNT_OFF, bill * rng.uniform(0.5, 1.5, count), 0)
    limited = (kind == BUNDLE) & (rng.random(count) < 0.5)
    terms[:, PARTY_MIN] = np.where(limited, people, 0)
    terms[limited, PARTY_MAX] = people[limited] + 1
    return terms


def _paid_terms(rng: np.random.Generator, count: int) -> I32:
    """Return terms of 10, 15 or 20 % off the whole bill, without a limit."""
    terms = _blank_terms(count)
    terms[:, TYPE] = PERCENT_OFF
    terms[:, VALUE] = rng.choice([100_000, 150_000, 200_000], count)
    return terms


def _card_terms(rng: np.random.Generator, count: int) -> I32:
    """Return percentages with a limit, money off from a minimum spend on, and cash back."""
    terms = _blank_terms(count)
    kind = rng.choice([PERCENT_OFF, AMOUNT_OFF, CASHBACK], count, p=[0.6, 0.25, 0.15])
    terms[:, TYPE] = kind
    terms[:, VALUE] = np.where(
        kind == AMOUNT_OFF,
        rng.choice([500, 1_000, 2_000, 3_000], count),
        rng.choice([30_000, 50_000, 80_000, 100_000, 120_000], count),
    )
    limit = rng.choice([1_000, 2_000, 3_000, 5_000], count)
    terms[:, MAX_DISCOUNT] = np.where(kind == AMOUNT_OFF, NO_LIMIT, limit)
    from_spend = np.where(kind == AMOUNT_OFF, rng.choice([3_000, 5_000, 10_000], count), 0)
    terms[:, MIN_SPEND] = from_spend
    return terms


def _limited_windows(book: TimetableBuilder, horizon: Horizon) -> NDArray[np.uint32]:
    """Return the number of each schedule of hours or days, added to `book`."""
    wanted = [(hours, None) for hours in _USE_HOURS] + [(None, day) for day in _LAST_DAYS]
    limited = [
        book.add(
            *window(
                hours,
                zone="Asia/Shanghai",
                country="CN",
                horizon=horizon,
                valid_from=None,
                valid_through=day,
            )
        )
        for hours, day in wanted
    ]
    return np.array(limited, np.uint32)


def _windows(
    rng: np.random.Generator, deals: int, limited: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Return the number of the schedule in which each deal is usable."""
    chance = rng.random(deals)
    drawn = limited[rng.integers(0, len(limited), deals)]
    drawn[chance < ALWAYS_SHARE] = ALWAYS
    drawn[chance >= 1.0 - OVER_SHARE] = NEVER
    return drawn


def _payloads(ids: pl.Series, program: NDArray[np.uint16], terms: I32) -> pl.Series:
    """Return the JSON of each deal, about 200 bytes; pieces of a million bound memory."""
    names = pl.Series([None, *ALL_SHARES])
    kinds = pl.Series(OFFER_TYPES)
    titles = pl.Series(_TITLES)
    pieces = []
    for first in range(0, len(ids), _PIECE):
        piece = slice(first, first + _PIECE)
        kind = terms[piece, TYPE].astype(np.uint32)
        frame = pl.DataFrame(
            {
                "deal_id": ids.slice(first, _PIECE),
                "program_id": names.gather(program[piece].astype(np.uint32)),
                "offer_type": kinds.gather(kind),
                "title": titles.gather(kind),
            }
        ).with_columns(
            terms=pl.lit("不与其他优惠同享，节假日可用"),
            source=pl.lit("meituan"),
            redemption=pl.struct(channel=pl.lit("qr"), appointment=pl.lit(False)),
        )
        pieces.append(json_rows(frame, _FIELDS))
    # In one chunk, so that putting it in order later moves views and copies no text.
    return pl.concat(pieces, rechunk=True)
