"""Reasons why a shop does not match a query, and why its deals do not count: codes and numbers.

Useful for: `Searcher.why`, which has a kernel judge the shop first.
Not useful for: deciding who matches; a condition that fails here failed in the kernel.

A reason has `code`, `expected`, `got`, and the numbers that a person needs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from geosearch.kernel.verdict import (
    AFFORDABLE,
    BILL,
    CARD_ON,
    CATEGORY,
    CLOSES,
    COMBINES,
    DEALS,
    ELIGIBLE,
    HOURS,
    IN_WINDOW,
    LEAST_PAY,
    MINUTE,
    MOST_SAVED,
    ON,
    OPENS,
    OPENS_AGAIN,
    PAY,
    PUBLIC_COUNT,
    PUBLIC_DEALS,
    PUBLIC_SAVED,
    RATED,
    SAVED,
    STATE,
    STATUS,
    STAYS,
)
from geosearch.money.offers import UNKNOWN_MONEY, UNUSABLE
from geosearch.query.query import Query
from indexes.timetable import CLOSED, HORIZON_MINUTES, UNKNOWN

Json = Mapping[str, Any]
Reason = dict[str, Any]

SHOP_CODES = (
    *("CLOSED", "HOURS_UNKNOWN", "CLOSES_TOO_SOON", "OUTSIDE_RADIUS", "OUTSIDE_AREA"),
    *("NOT_AMONG_IDS", "WRONG_CATEGORY", "RATING_TOO_LOW", "TEXT_NOT_FOUND", "OVER_BUDGET"),
    "NO_DEAL",
)
"""Codes of conditions that a shop fails."""

DEAL_CODES = (
    *("CARD_NOT_HELD", "NEEDS_NO_CARD", "PROGRAM_SUSPENDED", "PROGRAM_ENDED", "NOT_YET_VALID"),
    *("EXPIRED", "OUTSIDE_WINDOW", "UNREADABLE_HOURS", "SOLD_OUT", "NEW_CUSTOMERS_ONLY"),
    *("WRONG_OFFER_TYPE", "PARTY_TOO_SMALL", "PARTY_TOO_LARGE", "MIN_SPEND_SHORT"),
    *("FACE_VALUE_SHORT", "OVER_BUDGET", "UNREADABLE"),
)
"""Codes of conditions that a deal fails."""

_INACTIVE = {"SUSPENDED": "PROGRAM_SUSPENDED", "ENDED": "PROGRAM_ENDED"}


class Moments(NamedTuple):
    """Minutes of the horizon as local times of a shop."""

    texts: Mapping[int, str | None]
    """RFC 3339 text of minutes; None for the end of the horizon."""
    day: date
    """Local date of the query."""


class OfferFacts(NamedTuple):
    """A deal at a shop: its stored texts, and its row of `kernel.verdict.judge`."""

    deal: Json
    card: Json
    """The stored card; empty without one."""
    row: Sequence[int]


def known(money: int) -> int | None:
    """An amount, None if unknown."""
    return None if money == UNKNOWN_MONEY else money


def hours_reasons(
    query: Query, until: int, verdict: Sequence[int], moments: Moments
) -> Iterator[Reason]:
    """Reasons of opening hours; `until` is the minute up to which the query wants them."""
    if verdict[HOURS]:
        return
    state, include = verdict[STATE], query.hours_unknown == "include"
    if state == CLOSED:
        yield {
            "code": "CLOSED",
            "expected": "open",
            "got": "closed",
            "opens_at": moments.texts[verdict[OPENS]],
        }
    elif state == UNKNOWN and not include:
        yield {"code": "HOURS_UNKNOWN", "expected": "open", "got": "unknown"}
    else:
        closes = verdict[STAYS if include else CLOSES]
        short = until - closes
        yield {
            "code": "CLOSES_TOO_SOON",
            "expected": query.min_minutes_left,
            "got": query.min_minutes_left - short,
            "by": short,
            "closes_at": moments.texts[closes],
        }


def kind_reasons(query: Query, verdict: Sequence[int], merchant: Json) -> Iterator[Reason]:
    """Reasons of category and rating."""
    if not verdict[CATEGORY]:
        yield {
            "code": "WRONG_CATEGORY",
            "expected": list(query.categories),
            "got": merchant.get("categories") or [],
        }
    if not verdict[RATED]:
        rating, least = merchant.get("rating"), query.min_rating
        assert least is not None
        reason = {"code": "RATING_TOO_LOW", "expected": least, "got": rating}
        yield reason if rating is None else reason | {"by": round(least - rating, 3)}


def deal_of_shop_reasons(
    query: Query,
    verdict: Sequence[int],
    offers: Sequence[OfferFacts],
    deal_id: Callable[[int], str],
) -> Iterator[Reason]:
    """The reason why the deals of a shop are not as asked, or its bill above the budget.

    Parameters
    ----------
    deal_id
        Id of a deal by its number.
    """
    if verdict[DEALS]:
        return
    together = [verdict[LEAST_PAY]] if verdict[LEAST_PAY] != UNKNOWN_MONEY else []
    mode = query.deals_mode
    by_card = mode in ("card", "card_best")
    usable = [one for one in offers if _is_usable(one)]
    own = [one for one in usable if one.card or not by_card]
    if mode == "optional":
        pays = [one.row[PAY] for one in usable if one.row[PAY] != UNKNOWN_MONEY]
        yield _over_budget(query, min([*pays, *together], default=verdict[BILL]))
    elif not own:
        yield {"code": "NO_DEAL", "expected": mode, "got": None}
    elif verdict[MOST_SAVED] == UNKNOWN_MONEY and not any(one.row[AFFORDABLE] for one in own):
        pays = [one.row[PAY] for one in own if one.row[PAY] != UNKNOWN_MONEY]
        yield _over_budget(query, min([*pays, *together], default=UNKNOWN_MONEY))
    else:
        yield _rivalled(mode, verdict, [one for one in usable if one.row[AFFORDABLE]], deal_id)


def _rivalled(
    mode: str,
    verdict: Sequence[int],
    affordable: Sequence[OfferFacts],
    deal_id: Callable[[int], str],
) -> Reason:
    """The reason that a public deal, or several together, save as much as the wallet."""
    own = [verdict[MOST_SAVED], *(_saved(one) for one in affordable if one.card)]
    public = max((one for one in affordable if not one.card), key=_saved, default=None)
    saved = UNKNOWN_MONEY if public is None else _saved(public)
    reason = {"code": "NO_DEAL", "expected": mode, "got": known(max(own))}
    if public is not None and saved >= verdict[PUBLIC_SAVED]:
        return reason | {"better_public": public.deal["deal_id"], "better_saving": known(saved)}
    deals = verdict[PUBLIC_DEALS : PUBLIC_DEALS + verdict[PUBLIC_COUNT]]
    together = {"better_public_combination": [deal_id(deal) for deal in deals]}
    return reason | together | {"better_saving": known(verdict[PUBLIC_SAVED])}


def _saved(one: OfferFacts) -> int:
    return one.row[SAVED]


def _is_usable(one: OfferFacts) -> bool:
    """Whether a deal is usable and eligible, the budget aside."""
    row = one.row
    counts = row[ELIGIBLE] and row[CARD_ON] and row[ON] and row[IN_WINDOW]
    return bool(counts and row[STATUS] != UNUSABLE)


def _over_budget(query: Query, pay: int) -> Reason:
    assert query.max_pay is not None
    reason = {"code": "OVER_BUDGET", "expected": query.max_pay, "got": known(pay)}
    return reason if pay == UNKNOWN_MONEY else reason | {"by": pay - query.max_pay}


def deal_reasons(
    query: Query, verdict: Sequence[int], one: OfferFacts, moments: Moments
) -> list[Reason]:
    """Every condition that a deal fails; empty if and only if it counts, alone or with others."""
    row = one.row
    if row[COMBINES]:
        return []
    found = list(_card_reasons(query, one))
    if not row[IN_WINDOW]:
        found += _window_reasons(one, moments)
    if not row[ON]:
        found += _stock_reasons(query, one.deal)
    if row[STATUS] == UNUSABLE:
        found += _terms_reasons(query, verdict[BILL], one.deal)
    elif not row[AFFORDABLE]:
        found.append(_over_budget(query, row[PAY]))
    return found


def _card_reasons(query: Query, one: OfferFacts) -> Iterator[Reason]:
    card = one.card
    if not card:
        if query.deals_mode in ("card", "card_best"):
            yield {"code": "NEEDS_NO_CARD", "expected": query.deals_mode, "got": None}
        return
    name = {"program_id": card["program_id"]}
    if not one.row[ELIGIBLE]:
        fee = card.get("fee", 0)
        yield {
            "code": "CARD_NOT_HELD",
            "expected": card["program_id"],
            "got": None,
            "fee": fee,
        } | name
    if not one.row[CARD_ON]:
        status = card.get("status")
        code = _INACTIVE.get(status or "", "UNREADABLE")
        yield {"code": code, "expected": "ACTIVE", "got": status} | name


def _window_reasons(one: OfferFacts, moments: Moments) -> Iterator[Reason]:
    """Reasons of dates and hours of use; of hours only where no date explains the window."""
    is_dated = False
    for holder, name in ((one.deal, {}), (one.card, {"program_id": one.card.get("program_id")})):
        for code, field in (("NOT_YET_VALID", "valid_from"), ("EXPIRED", "valid_through")):
            edge, day = holder.get(field), moments.day.isoformat()
            if edge is not None and (day < edge if field == "valid_from" else day > edge):
                is_dated = True
                number = "from" if field == "valid_from" else "until"
                yield {"code": code, "expected": edge, "got": day, number: edge} | name
    hours = one.deal.get("use_hours")
    if hours is not None and not _is_readable(hours):
        yield {"code": "UNREADABLE_HOURS", "expected": "opening_hours", "got": hours}
    elif not is_dated:
        opens = moments.texts[one.row[OPENS_AGAIN]]
        yield {"code": "OUTSIDE_WINDOW", "expected": hours, "got": None, "opens_at": opens}


def _is_readable(hours: str) -> bool:
    from geosearch.hours.schedules import UnreadableHours, read_hours

    try:
        read_hours(hours)
    except UnreadableHours:
        return False
    return True


def _stock_reasons(query: Query, deal: Json) -> Iterator[Reason]:
    is_told = False
    if deal.get("stock") == 0:
        is_told = True
        yield {"code": "SOLD_OUT", "expected": 1, "got": 0}
    if deal.get("new_customer_only") and not query.new_customer:
        is_told = True
        yield {"code": "NEW_CUSTOMERS_ONLY", "expected": True, "got": False}
    if query.offer_type and deal["offer_type"] not in query.offer_type:
        is_told = True
        expected = list(query.offer_type)
        yield {"code": "WRONG_OFFER_TYPE", "expected": expected, "got": deal["offer_type"]}
    if not is_told:
        yield {"code": "UNREADABLE", "expected": "terms without doubt", "got": None}


def _terms_reasons(query: Query, bill: int, deal: Json) -> Iterator[Reason]:
    """Reasons of party and bill; those of the bill only where it is known."""
    party, least, most = query.party_size, deal.get("party_min"), deal.get("party_max")
    if least is not None and party < least:
        yield {"code": "PARTY_TOO_SMALL", "expected": least, "got": party, "by": least - party}
    if most is not None and party > most:
        yield {"code": "PARTY_TOO_LARGE", "expected": most, "got": party, "by": party - most}
    if bill == UNKNOWN_MONEY or deal["offer_type"] in ("bundle", "free_item"):
        return
    for code, field in (("MIN_SPEND_SHORT", "min_spend"), ("FACE_VALUE_SHORT", "face_value")):
        needed = deal.get(field)
        if field == "face_value" and deal["offer_type"] != "voucher":
            continue
        if needed is not None and bill < needed:
            yield {"code": code, "expected": needed, "got": bill, "by": needed - bill}


def minutes_of(verdict: Sequence[int], offers: Sequence[Sequence[int]]) -> set[int]:
    """Minutes that reasons may show, those beyond the horizon included."""
    shown = {verdict[part] for part in (OPENS, CLOSES, STAYS, MINUTE)}
    return shown | {row[OPENS_AGAIN] for row in offers} | {HORIZON_MINUTES}
