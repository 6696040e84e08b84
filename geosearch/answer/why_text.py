"""Reasons and fixes as short English texts, for `detail` of a reason and for the command line.

`why_not` finds reasons; the functions take the JSON values of the service.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from geosearch.money.amounts import money_text

Json = Mapping[str, Any]


def reason_text(reason: Json, currency: str) -> str:
    """Return a reason of `why` in words.

    Examples
    --------
    >>> reason_text({"code": "OVER_BUDGET", "expected": 3000, "got": 4550, "by": 1550}, "CNY")
    'costs ¥45.50, ¥15.50 over the budget'
    >>> reason_text({"code": "CLOSED", "opens_at": None}, "CNY")
    'closed'
    """
    return _TEXTS[reason["code"]](reason, currency)


def fix_text(fix: Json, at: str, currency: str) -> str:
    """Return a fix in words; `at` is the instant of the answer.

    Examples
    --------
    >>> at = "2026-11-22T11:50:00+08:00"
    >>> fix_text({"code": "wait", "minutes": 10, "at": "2026-11-22T12:00:00+08:00"}, at, "CNY")
    'in 10 min, at 12:00'
    >>> card = {"code": "card", "program_id": "red", "name": "Red", "fee": 16800}
    >>> fix_text(card, at, "CNY")
    'with the card Red, ¥168 a year'
    """
    match fix["code"]:
        case "wait":
            return f"in {fix['minutes']} min, at {_clock(fix['at'], at)}"
        case "move":
            return f"within {fix['radius']:,.0f} m"
        case "party":
            return "for one person" if fix["party_size"] == 1 else f"for {fix['party_size']} people"
        case "spend":
            return f"with a bill of {money_text(fix['spend'], currency)}"
        case _:
            cost = f"{money_text(fix['fee'], currency)} a year" if fix["fee"] else "free"
            return f"with the card {fix.get('name') or fix['program_id']}, {cost}"


def miss_lines(answer: Json) -> Iterator[str]:
    """Yield a line for each near miss of an answer of `/v1/nearby`."""
    for miss in answer.get("near_misses") or ():
        # A fix in money leads to a deal.
        told = miss.get("best_combination") or miss["best_deal"]
        currency = told["currency"] if told else ""
        text = f"{miss['merchant']['name']} {fix_text(miss['fix'], answer['at'], currency)}"
        if told is not None and told["saving"] is not None:
            text += f": saves {money_text(told['saving'], currency)}"
        yield f"{text}, {miss['distance_m']:,.0f} m"


def _clock(instant: str | None, at: str | None = None) -> str:
    """Return the time of an instant, with the day unless it is that of `at`."""
    if instant is None:
        return "no time that is known"
    then = datetime.fromisoformat(instant)
    if at is not None and datetime.fromisoformat(at).astimezone(then.tzinfo).date() == then.date():
        return f"{then:%H:%M}"
    return f"{then:%a %d %b %H:%M}"


def _money(reason: Json, name: str, currency: str) -> str:
    return money_text(reason[name], currency)


def _closed(reason: Json, _currency: str) -> str:
    opens = reason.get("opens_at")
    return f"closed, opens {_clock(opens)}" if opens else "closed"


def _area(reason: Json, _currency: str) -> str:
    name = {"zone": "zone", "business_area": "business area", "bbox": "box"}
    return f"outside the {name.get(reason['parameter'], 'polygon')}"


def _text(reason: Json, _currency: str) -> str:
    told = []
    if reason["missing"]:
        told.append(f"without {', '.join(reason['missing'])}")
    if reason["unwanted"]:
        told.append(f"with {', '.join(reason['unwanted'])}")
    return " and ".join(told) or "not with all of these words"


def _no_deal(reason: Json, currency: str) -> str:
    if "better_saving" in reason:
        own, public = (
            "an unknown amount" if reason[name] is None else _money(reason, name, currency)
            for name in ("got", "better_saving")
        )
        rival = "a public deal" if "better_public" in reason else "public deals together"
        return f"the wallet saves {own}, {rival} {public}"
    card = reason["expected"] in ("card", "card_best")
    return "no usable deal of a card in the wallet" if card else "no usable deal"


def _budget(reason: Json, currency: str) -> str:
    if reason["got"] is None:
        return "what it costs is not known"
    got, more = _money(reason, "got", currency), _money(reason, "by", currency)
    return f"costs {got}, {more} over the budget"


def _not_held(reason: Json, currency: str) -> str:
    fee = f"{_money(reason, 'fee', currency)} a year" if reason["fee"] else "free"
    return f"needs the card {reason['program_id']}, {fee}"


def _window(reason: Json, _currency: str) -> str:
    opens = reason["opens_at"]
    return f"usable from {_clock(opens)}" if opens else "not usable within the time horizon"


def _short(what: str) -> Callable[[Json, str], str]:
    def text(reason: Json, currency: str) -> str:
        needed, more = _money(reason, "expected", currency), _money(reason, "by", currency)
        return f"needs {what} {needed}, {more} more"

    return text


def _said(sentence: str) -> Callable[[Json, str], str]:
    return lambda reason, _currency: sentence.format(**reason)


_TEXTS: dict[str, Callable[[Json, str], str]] = {
    "CLOSED": _closed,
    "HOURS_UNKNOWN": _said("hours are not known"),
    "CLOSES_TOO_SOON": _said("stays open {got} min, {by} too few"),
    "OUTSIDE_RADIUS": _said("{got:,.0f} m away, {by:,.0f} m beyond the radius"),
    "OUTSIDE_AREA": _area,
    "NOT_AMONG_IDS": _said("not among the ids asked for"),
    "WRONG_CATEGORY": _said("of another category"),
    "RATING_TOO_LOW": lambda reason, _currency: (
        "not rated" if reason["got"] is None else f"rated {reason['got']}, {reason['by']} too low"
    ),
    "TEXT_NOT_FOUND": _text,
    "OVER_BUDGET": _budget,
    "NO_DEAL": _no_deal,
    "CARD_NOT_HELD": _not_held,
    "NEEDS_NO_CARD": _said("public, not of a card"),
    "PROGRAM_SUSPENDED": _said("card {program_id} is suspended"),
    "PROGRAM_ENDED": _said("card {program_id} has ended"),
    "NOT_YET_VALID": _said("valid from {from}"),
    "EXPIRED": _said("expired on {until}"),
    "OUTSIDE_WINDOW": _window,
    "UNREADABLE_HOURS": _said("its hours cannot be read: {got}"),
    "SOLD_OUT": _said("sold out"),
    "NEW_CUSTOMERS_ONLY": _said("for new customers only"),
    "WRONG_OFFER_TYPE": _said("a deal of type {got}"),
    "PARTY_TOO_SMALL": _said("for {expected} people or more"),
    "PARTY_TOO_LARGE": _said("for {expected} people at most"),
    "MIN_SPEND_SHORT": _short("a bill of"),
    "FACE_VALUE_SHORT": _short("a bill of its face value,"),
    "UNREADABLE": _said("a value could not be read"),
}
