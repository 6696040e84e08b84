"""The slow, obvious twin of the studies: plain loops over shops, deals and minutes.

Like `tests.oracle` it imports neither `indexes` nor `geosearch`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.oracle import Oracle, Shop
from tests.oracles import (
    HORIZON_MINUTES,
    OPEN,
    WALK_COST_PER_M,
    Row,
    conditions_met,
    expected_spend,
    haversine_m,
    hours_states,
    saving_and_pay,
)


def days_later(at: datetime, days: int, zone: str) -> datetime:
    """The same time of the clock some days later: an hour more or less where clocks change."""
    later = at.astimezone(ZoneInfo(zone)) + timedelta(days=days)
    return later.astimezone(UTC)


def quarter_hours(oracle: Oracle, envelope: Row, when: str, at: datetime) -> list[int]:
    """Minutes of the quarter hours inside `when` of the 28 days from `at`, days of the clock."""
    states = hours_states(when, envelope["time_zone"], envelope["country"], oracle.start, None)
    assert states is not None
    found = []
    end = days_later(at, 28, envelope["time_zone"])
    for minute in range(0, HORIZON_MINUTES, 15):
        instant = oracle.start + timedelta(minutes=minute)
        if at <= instant < end and states[minute] == OPEN:
            found.append(minute)
    return found


def saving_at(shop: Shop, cards: Iterable[str | None], habit: Row, minute: int) -> float:
    """What a visit is likely to save there with these cards, `None` for deals of the public."""
    spend, party = habit["spend"], habit.get("party_size", 1)
    best = 0
    for deal, mask in shop.deals:
        if not mask[minute] or deal.get("program_id") not in cards:
            continue
        if deal.get("new_customer_only") or deal.get("stock") is not None:
            continue
        if not conditions_met(deal, spend, party):
            continue
        saving, pay = saving_and_pay(deal, spend)
        assert saving is not None
        assert pay is not None
        if pay <= 1.5 * spend:
            best = max(best, min(saving, spend))
    return shop.redeem_share * best


def choice_set(oracle: Oracle, habit: Row, edge_m: float) -> tuple[list[tuple[Shop, float]], bool]:
    """Shops that a habit may choose with quality less walk, and whether noise decides one."""
    found, unsure = [], False
    for shop in oracle.shops.values():
        metres = haversine_m(habit["lat"], habit["lng"], shop.lat, shop.lng)
        radius = habit.get("radius", 1000)
        unsure |= abs(metres - radius) <= edge_m
        bill = expected_spend({"party_size": habit.get("party_size", 1)}, shop.row)
        wanted = habit.get("categories")
        if wanted and shop.category_prefixes.isdisjoint(wanted):
            continue
        if metres > radius or bill is None:
            continue
        if 0.5 * habit["spend"] <= bill <= 1.5 * habit["spend"]:
            found.append((shop, shop.quality_minor - WALK_COST_PER_M * metres))
    return found, unsure


def worth(
    oracle: Oracle,
    shops: Sequence[tuple[Shop, float]],
    habit: Row,
    cards: Sequence[str],
    candidate: str,
    minutes: Sequence[int],
) -> tuple[float, float, float]:
    """As you go, share of visits and advised of one candidate: means over the minutes."""
    as_you_go, share, advised = [], [], []
    for minute in minutes:
        now_open = [(shop, value) for shop, value in shops if shop.states[minute] == OPEN]
        if not now_open:
            continue
        top = max(value for _, value in now_open)
        weights = [math.exp((value - top) / (0.25 * habit["spend"])) for _, value in now_open]
        before = [saving_at(shop, (None, *cards), habit, minute) for shop, _ in now_open]
        after = [saving_at(shop, (None, *cards, candidate), habit, minute) for shop, _ in now_open]
        for weight, without, with_card in zip(weights, before, after, strict=True):
            as_you_go.append(weight / math.fsum(weights) * (with_card - without))
            share.append(weight / math.fsum(weights) * (with_card > without))
        values = [value for _, value in now_open]
        advised.append(
            max(value + saving for value, saving in zip(values, after, strict=True))
            - max(value + saving for value, saving in zip(values, before, strict=True))
        )
    sums = math.fsum(as_you_go), math.fsum(share), math.fsum(advised)
    return tuple(one / max(1, len(minutes)) for one in sums)  # type: ignore[return-value]


def coverage(
    oracle: Oracle, cells_of: Mapping[str, Sequence[str]], program: str, minutes: Sequence[int]
) -> dict[str, tuple[int, int, int, int]]:
    """Open shops, usable ones, wins and the sum of gains of each cell, added over minutes.

    `cells_of` names the cells of each merchant; a cell `""` counts every shop.
    """
    found: dict[str, list[int]] = {}
    for minute in minutes:
        for name, shop in oracle.shops.items():
            if shop.states[minute] != OPEN:
                continue
            usable, own, public = _prices(shop, program, minute)
            for cell in (*cells_of[name], ""):
                sums = found.setdefault(cell, [0, 0, 0, 0])
                sums[0] += 1
                sums[1] += usable
                if own > public:
                    sums[2] += 1
                    sums[3] += own - public
    return {cell: (a, b, c, d) for cell, (a, b, c, d) in found.items()}


def _prices(shop: Shop, program: str, minute: int) -> tuple[bool, int, int]:
    """Whether the card can be used, its best saving, and the best public one; 0 if unknown."""
    spend = expected_spend({}, shop.row)
    usable, own, public = False, 0, 0
    for deal, mask in shop.deals:
        if not mask[minute] or deal.get("new_customer_only") or not conditions_met(deal, spend, 1):
            continue
        saving = saving_and_pay(deal, spend)[0] or 0
        if deal.get("program_id") == program:
            usable, own = True, max(own, saving)
        elif deal.get("program_id") is None:
            public = max(public, saving)
    return usable, own, public


def third_m(
    oracle: Oracle, centre: tuple[float, float], program: str, minutes: Sequence[int]
) -> float | None:
    """Metres to the third nearest win at the worst minute; None without three within 50 km."""
    worst = 0.0
    for minute in minutes:
        metres = []
        for shop in oracle.shops.values():
            if shop.states[minute] == OPEN:
                _, own, public = _prices(shop, program, minute)
                if own > public:
                    metres.append(haversine_m(*centre, shop.lat, shop.lng))
        metres.sort()
        if len(metres) < 3 or metres[2] > 50_000:
            return None
        worst = max(worst, metres[2])
    return worst
