"""What a result says, by the contract and in plain Python: times, amounts, reasons, states.

It shares no line with the engine (nothing here imports `indexes` or `geosearch`). Times are the
standard library's, amounts are decimals, and rows are read as they stand in the snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tests.oracle import Found, Offer, Oracle, Shop
from tests.oracles import CLOSED, HORIZON_MINUTES, OPEN, STATE_NAMES, WALK_COST_PER_M, Row
from tests.stacking_oracle import Combined

WALK_M_PER_MINUTE = 80
WORDS = {
    "en": {
        "saves": "saves {}", "with": "saves {} with {}", "walk": "{} min walk",
        "away": "{} km away", "always": "open around the clock", "now": "open now",
        "until": "open until {}", "together": "saves {} with {} deals",
        "together with": "saves {} with {} deals ({})",
    },
    "zh": {
        "saves": "省{}", "with": "用{1}省{0}", "walk": "步行{}分钟", "away": "距离{}公里",
        "always": "24小时营业", "now": "营业中", "until": "营业至{}",
        "together": "{1}项优惠叠加省{0}", "together with": "{1}项优惠叠加（{2}）省{0}",
    },
}  # fmt: skip
"""What reasons say in each language."""

LONGEST_WALK = 60
"""Minutes; what is further is so many kilometres away."""

SIGNS = {
    "CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$",
    "JPY": "¥", "KRW": "₩", "TWD": "NT$", "USD": "$",
}  # fmt: skip
SIGNS_IN_CHINESE = SIGNS | {"JPY": "JP¥", "USD": "US$"}
DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3}
"""Digits behind the point by ISO 4217, where they are not two."""

NO_MERCHANT_FIELDS = {"crs", "lat", "lng", "opening_periods"}
NO_DEAL_FIELDS = {"merchant_ids", "brand"}
ALWAYS_OF_MERCHANT: Row = {
    "categories": [], "address": None, "rating": None, "business_status": "OPERATIONAL",
}  # fmt: skip
ALWAYS_OF_DEAL: Row = {
    "program_id": None, "title": None, "redemption": None, "new_customer_only": False,
}  # fmt: skip
"""Fields that are told even where the row has none, and what they are then."""


def result_of(
    one: Found,
    oracle: Oracle,
    minute: int,
    currency: str,
    distance_m: float,
    score: float,
    language: str = "en",
) -> dict[str, Any]:
    """A result but for the position of its merchant, hours written as periods, and `explain`.

    Parameters
    ----------
    distance_m, score
        Exact numbers, which the result has cut.
    """
    deals = [_deal(one.shop, offer, oracle, minute, currency) for offer in one.offers]
    best = None if one.best is None else deals.pop(0)
    public = one.better_public
    better = None if public is None else _deal(one.shop, public, oracle, minute, currency)
    return {
        "merchant": {
            **ALWAYS_OF_MERCHANT,
            **_known(one.shop.row, NO_MERCHANT_FIELDS),
            "time_zone": one.shop.zone,
        },
        "distance_m": math.trunc(distance_m * 10) / 10,
        "open": {
            "state": STATE_NAMES[int(one.shop.states[minute])],
            "closes_at": local_time(oracle, one.shop.closes_at(minute), one.shop.zone),
            "opens_at": local_time(oracle, one.shop.opens_at(minute), one.shop.zone),
        },
        "best_deal": best,
        **({} if better is None else {"better_public": better}),
        "deals": deals,
        **_together(one, currency),
        "score": math.trunc(score * 100) / 100,
        "reasons": reasons(one, oracle, minute, currency, distance_m, language),
    }


def chosen(result: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The members of a result that `fields` name, each whole or with its named members.

    >>> chosen({"a": {"b": 1, "c": 2}, "d": [{"e": 3, "f": 4}], "g": None}, ["a.c", "d.e", "g.h"])
    {'a': {'c': 2}, 'd': [{'e': 3}], 'g': None}
    """
    told: dict[str, Any] = {}
    for name, value in result.items():
        inner = {field[len(name) + 1 :] for field in fields if field.startswith(f"{name}.")}
        if name in fields or (inner and value is None):
            told[name] = value
        elif inner and isinstance(value, list):
            told[name] = [{key: one[key] for key in one if key in inner} for one in value]
        elif inner:
            told[name] = {key: value[key] for key in value if key in inner}
    return told


def record_of(
    shop: Shop,
    oracle: Oracle,
    minute: int,
    wallet: set[str],
    usable: Iterable[Offer],
    currency: str,
) -> dict[str, Any]:
    """What `/v1/merchants/{id}` says beyond the merchant: hours of a week, usable deals by id.

    Parameters
    ----------
    wallet
        Programmes that are held.
    usable
        Deals of the shop that a wallet of all programmes could use.
    """
    old = sorted(
        (offer for offer in usable if not offer.deal.get("new_customer_only")),
        key=lambda offer: offer.rank,
    )
    best = [offer for offer in old if offer.deal.get("program_id") in wallet]
    public = [offer for offer in old if offer.deal.get("program_id") is None]
    worth = best[0].saving if best else None
    better = [
        one
        for one in public[:1]
        if one.saving is not None and (worth is None or one.saving > worth)
    ]
    ends = [*(np.flatnonzero(np.diff(shop.states)) + 1).tolist(), HORIZON_MINUTES]
    spans = [(begin, end, int(shop.states[begin])) for begin, end in pairwise([0, *ends])]
    return {
        "best": best[0].deal["deal_id"] if best else None,
        "better_public": better[0].deal["deal_id"] if better else None,
        "usable": {
            offer.deal["deal_id"]: _deal(shop, offer, oracle, minute, currency) for offer in usable
        },
        "hours": [
            {
                "state": STATE_NAMES[state],
                "from": local_time(oracle, begin, shop.zone),
                "to": local_time(oracle, end if end < HORIZON_MINUTES else None, shop.zone),
            }
            for begin, end, state in spans
            if state != CLOSED and end > minute and begin < minute + 7 * 24 * 60
        ],
    }


def score_parts(one: Found, distance_m: float) -> Row:
    """What a score is made of, without the score."""
    return {
        "saving": one.saving,
        "counted_saving": one.counted,
        "redeem_probability": one.shop.redeem_share,
        "expected_saving": one.shop.redeem_share * one.counted,
        "walk_cost": WALK_COST_PER_M * distance_m,
        "quality": one.shop.quality_minor,
    }


def reasons(
    one: Found,
    oracle: Oracle,
    minute: int,
    currency: str,
    distance_m: float,
    language: str = "en",
) -> list[str]:
    """Why to go there: what it saves, how far it is, how long it stays open."""
    words = WORDS[language]
    said = []
    if one.saving and one.saving > 0:
        said.append(_saves(one, oracle, amount_text(one.saving, currency, language), words))
    said.append(way_text(distance_m, language))
    closes = local_time(oracle, one.shop.closes_at(minute), one.shop.zone)
    if (one.shop.states == OPEN).all():
        said.append(words["always"])
    elif closes is not None:
        said.append(words["until"].format(closes[11:16]))
    elif one.shop.states[minute] == OPEN:
        said.append(words["now"])
    return said


def _saves(one: Found, oracle: Oracle, amount: str, words: dict[str, str]) -> str:
    """What makes the saving: a card, or several deals and their cards."""
    together = one.combined[0] if one.combined else None
    deals = together.deals if together else [one.best.deal] if one.best else []
    cards = [oracle.programs[card]["name"] for deal in deals if (card := deal.get("program_id"))]
    if len(deals) > 1:
        kind = "together with" if cards else "together"
        return words[kind].format(amount, len(deals), " + ".join(cards))
    return words["with" if cards else "saves"].format(amount, *cards)


def _together(one: Found, currency: str) -> dict[str, Any]:
    """The members of a result about combinations."""
    if one.combined is None:
        return {}
    best, public = one.combined
    told = {"best_combination": None if best is None else _combination(best, currency)}
    if public is not None:
        told["better_public_combination"] = _combination(public, currency)
    return told


def _combination(one: Combined, currency: str) -> dict[str, Any]:
    return {
        "deals": [*one.ids],
        "steps": [
            {"deal_id": deal_id, "saving": saving, "bill": bill}
            for deal_id, (saving, bill) in zip(one.ids, one.steps, strict=True)
        ],
        "saving": one.saving,
        "pay": one.pay,
        "currency": currency,
    }


def way_text(distance_m: float, language: str = "en") -> str:
    """A walk of whole minutes, one at least, or kilometres with one decimal; halves go up.

    >>> way_text(0), way_text(119.9), way_text(4_759.9), way_text(4_760), way_text(99_950)
    ('1 min walk', '1 min walk', '59 min walk', '4.8 km away', '100.0 km away')
    >>> way_text(320, "zh"), way_text(99_950, "zh")
    ('步行4分钟', '距离100.0公里')
    """
    minutes = math.floor(distance_m / WALK_M_PER_MINUTE + 0.5)
    if minutes < LONGEST_WALK:
        return WORDS[language]["walk"].format(max(1, minutes))
    tenths = math.floor(distance_m / 100 + 0.5)
    return WORDS[language]["away"].format(f"{tenths // 10}.{tenths % 10}")


def amount_text(minor: int, currency: str, language: str = "en") -> str:
    """An amount with thousands apart; its fraction in full, or left out where it is zero.

    >>> amount_text(1_200, "CNY"), amount_text(1_250, "CHF"), amount_text(1_234_567, "KWD")
    ('¥12', 'CHF 12.50', 'KWD 1,234.567')
    """
    digits = DIGITS.get(currency, 2)
    text = f"{Decimal(minor).scaleb(-digits):,.{digits}f}"
    whole, _, part = text.partition(".")
    signs = SIGNS_IN_CHINESE if language == "zh" else SIGNS
    return signs.get(currency, f"{currency} ") + (text if part.strip("0") else whole)


def local_time(oracle: Oracle, minute: int | None, zone: str) -> str | None:
    """RFC 3339 text of a minute of the horizon on the clock of a zone; None for None."""
    instant = oracle.instant(minute)
    return None if instant is None else instant.astimezone(ZoneInfo(zone)).isoformat()


def _deal(shop: Shop, offer: Offer, oracle: Oracle, minute: int, currency: str) -> dict[str, Any]:
    until = shop.usable_until(offer.deal["deal_id"], minute)
    return {
        **ALWAYS_OF_DEAL,
        **_known(offer.deal, NO_DEAL_FIELDS),
        "saving": offer.saving,
        "pay": offer.pay,
        "currency": currency,
        "usable_until": local_time(oracle, until, shop.zone),
    }


def _known(row: Row, others: set[str]) -> dict[str, Any]:
    """The fields of a row that say something, but for some others."""
    return {
        name: value
        for name, value in row.items()
        if name not in others and value is not None and value != []
    }
