"""Common columns of made-up deals: dates, hours, stock, redemption, terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.sources.synth import hours as synth_hours
from geosearch.sources.synth.categories import KINDS
from geosearch.sources.synth.lines import number, pick
from geosearch.sources.synth.places import Floats, Ints

RAW = frozenset({"merchant_ids", "percent", "redemption", "new_customer_only"})
"""Columns of deals that hold JSON text."""

_FIRST_DAY, _LAST_DAY = -400, 420
_GROUPS = tuple(dict.fromkeys(kind.deals for kind in KINDS))
_GROUP_OF_KIND = np.array([_GROUPS.index(kind.deals) for kind in KINDS])
_WINDOWS = tuple(text for group in _GROUPS for text in synth_hours.windows(group))
_WINDOW_COUNT = np.array([len(synth_hours.windows(group)) for group in _GROUPS])
_WINDOW_START = np.cumsum(_WINDOW_COUNT) - _WINDOW_COUNT

_TERMS = (
    "不与其他优惠同享",
    "需提前一小时预约",
    "节假日通用",
    "仅限堂食",
    "每桌限用一张",
    "酒水除外",
    "不兑现不找零",
    "到店后购买即可使用",
    "特价商品除外",
    "以门店公示为准",
)
_CHANNELS = ("qr", "barcode", "phone_number", "show_card", "online")


@dataclass(frozen=True)
class Odds:
    """Shares of deals in a family with each limit; `card` selects the redemption channels."""

    hours: float = 0.2
    stock: float = 0.0
    dated: float = 0.8
    new_customer: float = 0.0
    card: bool = False


def of_group(kind: Ints, *groups: str) -> npt.NDArray[np.bool_]:
    """Return whether the deals of each shop, by its kind, belong to one of `groups`."""
    return np.isin(_GROUP_OF_KIND[kind], [_GROUPS.index(group) for group in groups])


def common(rng: np.random.Generator, kind: Ints, now: datetime, odds: Odds) -> dict[str, pl.Series]:
    """Return the columns of every offer type, for deals at shops of `kind`."""
    count = len(kind)
    group = _GROUP_OF_KIND[kind]
    window = _WINDOW_START[group] + (rng.random(count) * _WINDOW_COUNT[group]).astype(np.int64)
    window[rng.random(count) >= odds.hours] = -1
    pieces = np.where(rng.random(count) < 0.12, 0, rng.lognormal(4.0, 1.4, count).astype(np.int64))
    return {
        **_dates(rng, count, now.date(), odds.dated),
        "use_hours": pick(_WINDOWS, window),
        "new_customer_only": pick(["true"], np.where(rng.random(count) < odds.new_customer, 0, -1)),
        "stock": number(pieces, rng.random(count) < odds.stock),
        "redemption": pick(*_redemption(rng, count, card=odds.card)),
        "terms": pick(_TERMS, _some(rng, count, len(_TERMS), 0.5)),
        "verified_at": pick(_stamps(now), _some(rng, count, 400, 0.7)),
    }


def _some(rng: np.random.Generator, count: int, choices: int, share: float) -> Ints:
    """Return a random choice for `share` of the rows, -1 for the others."""
    chosen = rng.integers(0, choices, count)
    return np.where(rng.random(count) < share, chosen, -1)


def _dates(rng: np.random.Generator, count: int, today: date, dated: float) -> dict[str, pl.Series]:
    """Return the validity of deals.

    Of the dated ones 5 % are over, 4 % begin within a month, and 8 % end within three weeks.
    """
    start = -rng.integers(0, 300, count)
    end = rng.integers(21, 400, count)
    drawn = rng.random(count)
    over, ahead, ending = (
        drawn < 0.05,
        (drawn >= 0.05) & (drawn < 0.09),
        (drawn >= 0.09) & (drawn < 0.17),
    )
    start[over] -= 60
    end[over] = -rng.integers(2, 60, count)[over]
    start[ahead] = rng.integers(2, 31, count)[ahead]
    end[ahead] += 31
    end[ending] = rng.integers(0, 21, count)[ending]
    undated = rng.random(count) >= dated
    open_end = rng.random(count) < 0.1
    texts = [(today + timedelta(days=day)).isoformat() for day in range(_FIRST_DAY, _LAST_DAY + 50)]
    first = np.where(undated, -1, start - _FIRST_DAY)
    last = np.where(undated | (open_end & ~over), -1, end - _FIRST_DAY)
    return {"valid_from": pick(texts, first), "valid_through": pick(texts, last)}


def _redemption(rng: np.random.Generator, count: int, *, card: bool) -> tuple[Sequence[str], Ints]:
    texts = [
        f'{{"channel":"{channel}","appointment":{appointment}}}'
        for channel in _CHANNELS
        for appointment in ("false", "true")
    ]
    odds = (0.35, 0.1, 0.1, 0.4, 0.05) if card else (0.62, 0.12, 0.1, 0.03, 0.13)
    channel = np.searchsorted(np.cumsum(odds)[:-1], rng.random(count), side="right")
    return texts, channel * 2 + (rng.random(count) < 0.12)


def _stamps(now: datetime) -> list[str]:
    stamps = (now - timedelta(hours=5 * hour + 1, minutes=hour * 7 % 60) for hour in range(400))
    return [stamp.isoformat(timespec="seconds") for stamp in stamps]


def weigh(rng: np.random.Generator, weight: Floats, count: int) -> Ints:
    """Return `count` distinct rows, drawn with probability proportional to `weight`, ascending.

    Rows of weight 0 are drawn only if no others are left. Source: Efraimidis and Spirakis, weighted
    random sampling with a reservoir (2006): the largest u ** (1 / weight).
    """
    count = min(count, len(weight))
    with np.errstate(divide="ignore"):
        keys = np.log(rng.random(len(weight))) / weight
    keys[weight == 0] = -np.inf
    chosen = np.argpartition(-keys, count - 1)[:count] if count else np.empty(0, np.int64)
    return np.sort(chosen).astype(np.int64)
