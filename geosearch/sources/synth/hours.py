"""Opening hours of made-up shops: weighted lists of expressions by kind of shop.

The expressions have many shapes. Each is valid by the specification, and means what a shop would
mean: a `,` follows a span past midnight, because a later `;` rule would cut it off at midnight.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

Weighted = Iterator[tuple[str, float]]

UNKNOWN_SHARE = 0.07
PERIODS_SHARE = 0.03


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _shift(time: str, minutes: int) -> str:
    return _clock(int(time[:2]) * 60 + int(time[3:]) + minutes)


def _times(first: str, last: str, step: int) -> list[str]:
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (first, last))
    return [_clock(minute % 1440) for minute in range(start, end + 1, step)]


def _span(opens: str, closes: str) -> str:
    return f"{opens}-{'24:00' if closes == '00:00' else closes}"


def _daily(opens: list[str], closes: list[str], weight: float) -> Weighted:
    for a in opens:
        for z in closes:
            span = _span(a, z)
            yield span, weight * 0.5
            yield f"Mo-Su {span}", weight
            yield f"Mo-Su,PH {span}", weight * 0.2


def _weekend_differs(opens: list[str], closes: list[str], weight: float) -> Weighted:
    for a in opens:
        for z in closes:
            later = _clock((int(z[:2]) * 60 + int(z[3:]) + 60) % 1440)
            yield f"Mo-Th,Su {_span(a, z)}, Fr-Sa {_span(a, later)}", weight
            yield f"Mo-Fr {_span(a, z)}, Sa-Su,PH {_span('09:30', z)}", weight * 0.5


def _own_weekend(opens: list[str], closes: list[str], weight: float) -> Weighted:
    """Yield hours that differ on Saturday and Sunday, in many variants, none past midnight."""
    for a in opens:
        for z in closes:
            for later, earlier in ((30, 0), (30, 30), (60, 0), (60, 60), (90, 30), (0, 90)):
                saturday = f"{_shift(a, later)}-{_shift(z, -earlier)}"
                yield f"Mo-Fr {a}-{z}; Sa {saturday}; Su {_shift(a, later + 30)}-{z}", weight
                yield f"Mo-Fr {a}-{z}; Sa {saturday}; Su off", weight * 0.6


def _day_off(opens: list[str], closes: list[str], weight: float) -> Weighted:
    days = ("Tu-Su", "Mo,We-Su", "Mo-Tu,Th-Su", "Mo-Sa")
    for day in days:
        for a in opens:
            for z in closes:
                yield f"{day} {_span(a, z)}", weight


def _split(lunch: list[str], dinner: list[str], weight: float) -> Weighted:
    for a in lunch:
        for z in dinner:
            middle = f"{a}-14:00,17:00-{z}"
            yield f"Mo-Su {middle}", weight
            yield f"Mo-Fr {middle}; Sa-Su {_span(a, z)}", weight
            yield f"Tu-Su {a}-14:30,17:30-{z}", weight * 0.5
            yield f"{a}-13:30,16:30-{z}", weight * 0.3


def _meal() -> Weighted:
    opens, closes = _times("10:00", "11:30", 30), _times("20:30", "22:30", 30)
    yield from _daily(opens, closes, 3)
    yield from _weekend_differs(opens, closes, 1.5)
    yield from _day_off(opens[1:], closes, 0.2)
    yield from _split(_times("10:30", "11:30", 15), _times("20:30", "22:00", 15), 0.8)
    yield from _own_weekend(_times("10:00", "11:30", 15), _times("20:30", "22:30", 30), 0.2)
    yield "Mo-Su 10:00-22:00; Jan 01 off", 2


def _split_meal() -> Weighted:
    yield from _split(_times("11:00", "12:00", 15), _times("21:00", "23:00", 15), 2)
    yield from _daily(_times("11:00", "12:00", 30), _times("21:30", "23:00", 30), 1)
    yield "Mo-Th 11:30-14:00,17:30-22:00; Fr 11:30-14:00,17:30-23:00; Sa-Su 11:30-23:00", 8
    yield "We-Su 17:30-23:00; Mo-Tu off", 4


def _late() -> Weighted:
    opens, closes = _times("09:30", "11:00", 30), _times("22:00", "24:00", 30)
    yield from _daily(opens, closes, 2)
    yield from _weekend_differs(opens, closes[:4], 1)
    yield from _daily(opens, ["01:00", "02:00"], 0.6)


def _night() -> Weighted:
    opens, closes = _times("15:00", "18:00", 30), ["00:30", "01:00", "02:00", "03:00", "04:00"]
    yield from _daily(opens, closes, 2)
    yield from _weekend_differs(opens, closes, 1)
    yield "Mo-Su 11:00-14:00,17:00-02:00", 20
    yield "Mo-Su 11:00-02:00", 20
    yield "24/7", 8


def _bar() -> Weighted:
    opens, closes = _times("17:00", "20:00", 30), ["01:00", "02:00", "03:00", "05:00"]
    yield from _daily(opens, closes, 1)
    yield from _weekend_differs(opens, closes, 2)
    yield "Tu-Th 18:00-01:00, Fr-Sa 18:00-03:00, Su 18:00-00:00", 10
    yield "Su-Th 19:00-02:00, Fr-Sa 19:00-04:00", 10


def _day() -> Weighted:
    opens, closes = _times("06:30", "09:30", 30), _times("19:00", "22:00", 30)
    yield from _daily(opens, closes, 1)
    yield from _day_off(opens[-3:], closes, 0.1)
    yield from _own_weekend(_times("07:00", "09:30", 15), _times("18:30", "21:30", 30), 0.05)
    yield "24/7", 3
    yield "Mo-Sa 07:00-20:30; Su 08:00-14:00", 4


def _morning() -> Weighted:
    yield from _daily(_times("05:00", "06:30", 15), _times("09:30", "14:00", 30), 1)
    yield "Mo-Fr 05:30-10:30; Sa-Su 06:00-11:30", 8
    yield "Mo-Fr 06:00-10:00; PH off", 8


def _cafe() -> Weighted:
    opens, closes = _times("07:30", "10:30", 30), _times("18:30", "22:30", 30)
    yield from _daily(opens, closes, 1)
    yield from _day_off(opens[2:], closes[:5], 0.15)
    yield from _own_weekend(_times("07:15", "10:15", 30), _times("18:00", "21:00", 30), 0.06)
    for a in opens[:4]:
        for z in closes[:5]:
            yield f"Mo-Fr {a}-{z}; Sa-Su,PH 10:00-{z}", 0.8
            yield f"Mo-Fr {a}-{z}; PH off", 0.25


def _season() -> Weighted:
    for opens in ("10:00", "11:00", "12:00"):
        for closes in ("20:00", "21:00", "22:00"):
            yield f"Apr-Oct {opens}-{closes}; Nov-Mar {opens}-18:00", 2
            yield f"Mar 15-Nov 15 {opens}-{closes}", 1


def _mall() -> Weighted:
    yield "Mo-Su 10:00-22:00", 60
    yield "10:00-22:00", 20
    yield "Mo-Th,Su 10:00-22:00, Fr-Sa 10:00-22:30", 20
    yield from _daily(_times("09:00", "11:00", 30), _times("20:00", "22:00", 30), 1)
    yield from _day_off(["10:00"], ["20:00", "21:00"], 0.5)


def _office() -> Weighted:
    for a in _times("08:00", "10:00", 30):
        for z in _times("17:00", "19:30", 30):
            yield f"Mo-Fr {a}-{z}; PH off", 2
            yield f"Mo-Sa {a}-{z}; PH off", 1.5
            yield f"Mo-Fr {a}-12:00,13:30-{z}; PH off", 0.7
            yield f"Mo-Fr {a}-{z}; Sa 09:00-12:00; PH off", 0.7
            yield f"Mo-We,Fr {a}-{z}; Th {a}-20:00; Sa-Su,PH off", 0.3
            yield f"Mo-Su {a}-{z}", 1


def _service() -> Weighted:
    opens, closes = _times("09:00", "11:00", 30), _times("19:00", "22:00", 30)
    yield from _daily(opens, closes, 1)
    yield from _day_off(opens, closes, 0.3)
    yield from _own_weekend(_times("09:00", "10:45", 15), _times("19:00", "21:30", 30), 0.08)


def _pharmacy() -> Weighted:
    yield "24/7", 20
    yield from _daily(_times("07:30", "09:00", 30), _times("20:00", "22:00", 30), 2)
    yield "Mo-Fr 08:00-21:00; Sa-Su 08:30-20:30", 5


def _always() -> Weighted:
    yield "24/7", 60
    yield "Mo-Su 00:00-24:00", 10
    yield from _daily(["06:00", "07:00"], ["23:00", "00:00", "01:00"], 3)


def _cinema() -> Weighted:
    yield from _daily(["09:00", "09:30", "10:00"], ["00:00", "01:00", "02:00"], 2)


def _gym() -> Weighted:
    opens, closes = _times("06:30", "10:00", 30), _times("21:00", "23:00", 30)
    yield from _own_weekend(_times("06:45", "09:45", 60), _times("21:00", "22:30", 30), 0.1)
    for a in opens:
        for z in closes:
            yield f"Mo-Fr {a}-{z}; Sa-Su,PH 09:00-20:00", 1
            yield f"Mo-Su {a}-{z}", 0.6
    yield "24/7", 15


def _lessons() -> Weighted:
    for z in _times("19:30", "21:30", 30):
        yield f"We-Fr 13:00-{z}; Sa-Su 08:30-{z}", 2
        yield f"Mo-Fr 16:00-{z}; Sa-Su 09:00-18:00; PH off", 2
        yield f"Mo-Fr 15:30-{z}; Sa-Su 08:30-17:30", 0.5


def _sight() -> Weighted:
    yield "Tu-Su 09:00-17:00", 10
    yield "Tu-Su,PH 09:00-17:00", 6
    yield "Apr-Oct 09:00-17:30; Nov-Mar 09:00-16:30", 5
    yield "Tu-Th 10:00-18:00; Fr-Su 10:00-21:00", 5


def _park() -> Weighted:
    yield "24/7", 10
    yield "Apr-Oct 05:00-21:00; Nov-Mar 06:00-20:00", 10
    yield "06:00-18:00", 5
    yield "sunrise-sunset", 0.1


_FAMILIES: dict[str, Callable[[], Weighted]] = {
    "meal": _meal,
    "split": _split_meal,
    "late": _late,
    "night": _night,
    "bar": _bar,
    "day": _day,
    "morning": _morning,
    "cafe": _cafe,
    "season": _season,
    "mall": _mall,
    "office": _office,
    "service": _service,
    "pharmacy": _pharmacy,
    "always": _always,
    "cinema": _cinema,
    "gym": _gym,
    "lessons": _lessons,
    "sight": _sight,
    "park": _park,
}

# Windows in which a deal can be used, by its kind of shop.
_WINDOWS: dict[str, tuple[str, ...]] = {
    "meal": (
        "Mo-Fr 11:00-14:00",
        "Mo-Fr 11:00-14:00; PH off",
        "Mo-Th 17:00-21:00",
        "Mo-Fr",
        "Mo-Fr; PH off",
        "Mo-Su 14:00-17:30",
        "Mo-Su 21:00-02:00",
        "Su-Th",
        "Mo-Su 11:00-13:30,17:00-20:30",
        "Fr 17:00-22:00, Sa-Su 11:00-22:00",
    ),
    "drink": (
        "Mo-Fr 14:00-17:00",
        "Mo-Fr 07:30-10:00",
        "Mo-Fr; PH off",
        "Mo-Su 18:00-21:00",
        "Tu,Th",
        "Mo-Su 20:00-02:00",
        "We 00:00-24:00",
    ),
    "service": ("Mo-Th 10:00-18:00", "Mo-Fr; PH off", "Mo-Fr", "Mo-Su 00:00-12:00", "Tu-Th"),
    "goods": ("Mo-Fr", "Sa-Su", "Fr-Su", "Mo-Fr; PH off", "Sa-Su,PH"),
    "none": ("Mo-Fr",),
}


def _point(day: int, minute: int) -> dict[str, int]:
    return {"day": (day + minute // 1440) % 7, "hour": minute % 1440 // 60, "minute": minute % 60}


def _periods() -> Iterator[str]:
    """Yield JSON lists of opening periods: daily, with a day off, split, past midnight, always."""
    weeks = [range(7), range(1, 7), (0, 2, 3, 4, 5, 6)]
    spans = [
        [(600, 1320)],
        [(660, 840), (1020, 1290)],
        [(480, 1230)],
        [(1080, 1560)],
        [(630, 1350)],
    ]
    for week in weeks:
        for span in spans:
            periods = [
                {"open": _point(day, a), "close": _point(day, z)} for day in week for a, z in span
            ]
            yield json.dumps(periods, separators=(",", ":"))
    yield json.dumps([{"open": _point(0, 0)}], separators=(",", ":"))


PERIODS: tuple[str, ...] = tuple(_periods())
"""Lists of opening periods as JSON text."""

FAMILIES: tuple[str, ...] = tuple(_FAMILIES)


@cache
def _cumulative(family: str) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    expressions, weights = zip(*_FAMILIES[family](), strict=True)
    total = np.cumsum(np.asarray(weights, dtype=np.float64))
    return expressions, total / total[-1]


@cache
def vocabulary() -> tuple[str, ...]:
    """Return every expression of a shop, family by family."""
    return tuple(text for family in FAMILIES for text in _cumulative(family)[0])


def draw(
    rng: np.random.Generator, families: npt.NDArray[np.int64], uniform: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Return an index into `vocabulary()` for each shop; -1 for unknown hours.

    `families` are indices into `FAMILIES`; `uniform` in [0, 1) chooses within the family.
    """
    chosen = np.full(len(families), -1, dtype=np.int64)
    first = 0
    for family, name in enumerate(FAMILIES):
        expressions, cumulative = _cumulative(name)
        members = np.flatnonzero(families == family)
        chosen[members] = first + np.searchsorted(cumulative, uniform[members], side="right")
        first += len(expressions)
    chosen[rng.random(len(families)) < UNKNOWN_SHARE] = -1
    return chosen


def windows(deals: str) -> tuple[str, ...]:
    """Return the use-hours expressions of shops whose deals are of this kind."""
    return _WINDOWS[deals]
