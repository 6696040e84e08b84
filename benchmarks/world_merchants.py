"""Merchants of a benchmark world, as rows of a segment.

`sources.synth.world` makes more realistic shops.

Corpus model: 40 kinds of shops by weight; 60 category sets, a third of them of two categories; the
most common opening hours of these kinds, up to 400 schedules (24/7, split, past midnight, days off,
holidays). A fifth of all shops have office hours, so that about 60 % are open on a Friday evening;
7 % have unknown hours. Prices are log-normal around the kind's, ratings normal around 4.2 and 10 %
unknown, and half of the shops have counts of redemptions. All are independent of the place.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.hours.schedules import Horizon, evaluate
from geosearch.indexing.payload import json_rows
from geosearch.money.ranking import Weights
from geosearch.segment.writer import MerchantRows
from geosearch.sources.synth import hours as synth_hours
from geosearch.sources.synth.categories import KINDS
from geosearch.sources.synth.places import Places
from geosearch.sources.synth.places import SynthWorld as Ground
from indexes.geo.sphere import to_units
from indexes.timetable import UNKNOWN_SCHEDULE, TimetableBuilder

Ints = NDArray[np.int64]

KINDS_IN_USE = 40
PAIRED_KINDS = 20
SCHEDULES = 400
OFFICE_SHARE = 0.2
RATING_UNKNOWN = 0.1
PRICE_UNKNOWN = 0.07
RECORD_SHARE = 0.5

_PIECE = 1_000_000
_SYLLABLES = "老 小 大 金 福 海 山 江 云 禾 一 三 阿 南 北 春 秋 月 星 木 石 竹 梅 兰".split()
_FIELDS = (
    *("merchant_id", "name", "categories", "address", "city", "district", "business_area"),
    *("time_zone", "opening_hours", "rating", "rating_count", "avg_price", "tags"),
)


def draw_merchants(
    rng: np.random.Generator,
    ground: Ground,
    places: Places,
    book: TimetableBuilder,
    horizon: Horizon,
) -> tuple[MerchantRows, list[list[str]]]:
    """Return the rows of merchants at `places`, and the category sets that they number."""
    count = len(places.lat)
    kinds = np.array([kind.weight for kind in KINDS])
    common = np.argsort(-kinds, kind="stable")[:KINDS_IN_USE]
    category_set, sets = _category_sets(rng, common, count)
    kind = np.array([first for first, *_ in sets])[category_set]
    texts, schedules = _schedules(rng, common, book, horizon)
    hours = _hours(rng, kind, texts)
    bill = np.array([kind.price for kind in KINDS])[kind] * rng.lognormal(0.0, 0.4, count)
    price = (np.round(bill / 100) * 100).astype(np.int32)
    price[(price == 0) | (rng.random(count) < PRICE_UNKNOWN)] = -1
    rating = np.clip(rng.normal(4.2, 0.4, count), 1.0, 5.0).round(1)
    rating[rng.random(count) < RATING_UNKNOWN] = np.nan
    votes = np.where(np.isnan(rating), 0, rng.lognormal(4.0, 1.3, count)).astype(np.int64)
    record = (rng.random(count) < RECORD_SHARE) * rng.lognormal(3.0, 1.2, count)
    redeemed = record.astype(np.int64)
    failed = rng.binomial(redeemed, rng.beta(1.2, 14.0, count))
    weights = Weights()
    ids = "m" + pl.Series(rng.permutation(count)).cast(pl.String).str.zfill(8)
    facts = pl.DataFrame(
        {
            "merchant_id": ids,
            "kind": kind.astype(np.uint32),
            "set": category_set.astype(np.uint32),
            "hours": hours.astype(np.uint32),
            "area": places.area.astype(np.uint32),
            "number": places.number.astype(np.uint32),
            "name": rng.integers(0, len(_SYLLABLES) ** 2, count, np.uint32),
            "rating": pl.Series(rating).fill_nan(None),
            "rating_count": votes.astype(np.uint32),
            "avg_price": price,
        }
    )
    rows = MerchantRows(
        merchant_id=ids,
        x=to_units(places.lng),
        y=to_units(places.lat),
        schedule=schedules[hours],
        time_zone=np.zeros(count, np.uint16),
        category_set=category_set.astype(np.uint32),
        area=(places.area + 1).astype(np.uint32),
        rating=np.where(np.isnan(rating), -1, np.rint(rating * 1_000)).astype(np.int16),
        redeem=weights.redeem_basis_points(redeemed - failed, failed),
        quality=weights.quality_minor(rating, votes),
        price=price,
        payload=_payloads(facts, ground, texts, sets),
    )
    return rows, [[KINDS[number].path for number in row] for row in sets]


def _category_sets(
    rng: np.random.Generator, common: Ints, count: int
) -> tuple[Ints, list[list[int]]]:
    """Return the category set of each shop, and the sets: each kind alone, some with another."""
    weight = np.array([KINDS[number].weight for number in common])
    sets = [[number] for number in common.tolist()]
    sets += [[a, b] for a, b in zip(common[:PAIRED_KINDS], common[-PAIRED_KINDS:], strict=True)]
    share = np.concatenate([weight, 0.2 * weight[:PAIRED_KINDS]])
    return rng.choice(len(sets), count, p=share / share.sum()), sets


def _vocabulary_rows(rng: np.random.Generator, kind: Ints) -> Ints:
    """Return an index into the vocabulary of hours for each shop, by kind; -1 if unknown."""
    family = np.array([synth_hours.FAMILIES.index(kind.hours) for kind in KINDS])[kind]
    family[rng.random(len(kind)) < OFFICE_SHARE] = synth_hours.FAMILIES.index("office")
    return synth_hours.draw(rng, family, rng.random(len(kind)))


def _schedules(
    rng: np.random.Generator, common: Ints, book: TimetableBuilder, horizon: Horizon
) -> tuple[list[str | None], NDArray[np.uint32]]:
    """Return the most common expressions, then None for unknown, and the schedule of each."""
    weight = np.array([KINDS[number].weight for number in common])
    drawn = _vocabulary_rows(rng, rng.choice(common, 200_000, p=weight / weight.sum()))
    used, times = np.unique(drawn[drawn >= 0], return_counts=True)
    texts: list[str | None] = []
    numbers: list[int] = []
    for row in used[np.argsort(-times, kind="stable")].tolist():
        text = synth_hours.vocabulary()[row]
        texts.append(text)
        hours = evaluate(text, zone="Asia/Shanghai", country="CN", horizon=horizon)
        numbers.append(book.add(*hours))
        if len(set(numbers)) == SCHEDULES:
            break
    return [*texts, None], np.array([*numbers, UNKNOWN_SCHEDULE], np.uint32)


def _hours(rng: np.random.Generator, kind: Ints, texts: list[str | None]) -> Ints:
    """Return the row of `texts` for each shop; a row of `texts` replaces rare hours."""
    vocabulary = synth_hours.vocabulary()
    kept = {text: row for row, text in enumerate(texts)}
    spread = range(len(vocabulary))
    row_of = np.array(
        [kept.get(text, at % (len(texts) - 1)) for at, text in zip(spread, vocabulary, strict=True)]
        + [len(texts) - 1]
    )
    pieces = [
        row_of[_vocabulary_rows(rng, kind[first : first + _PIECE])]
        for first in range(0, len(kind), _PIECE)
    ]
    return np.concatenate(pieces)


def _payloads(
    facts: pl.DataFrame, ground: Ground, texts: list[str | None], sets: list[list[int]]
) -> pl.Series:
    """Return the JSON of each merchant, about 350 bytes; pieces of a million bound memory."""
    areas = ground.areas
    tables: dict[str, tuple[str, list[Any]]] = {
        "categories": ("set", [[KINDS[number].path for number in row] for row in sets]),
        "tags": ("kind", [list(kind.zh_aliases) for kind in KINDS]),
        "noun": ("kind", [kind.nouns[0] for kind in KINDS]),
        "opening_hours": ("hours", texts),
        "city": ("area", [area.city for area in areas]),
        "district": ("area", [area.district for area in areas]),
        "business_area": ("area", [area.name for area in areas]),
        "first": ("name", [a + b for a in _SYLLABLES for b in _SYLLABLES]),
    }
    pieces = []
    for part in facts.iter_slices(_PIECE):
        looked_up = [
            pl.Series(name, table).gather(part[key]) for name, (key, table) in tables.items()
        ]
        frame = (
            part.drop("name")
            .with_columns(looked_up)
            .with_columns(
                name=pl.concat_str("first", "noun", pl.lit("（"), "business_area", pl.lit("店）")),
                address=pl.concat_str("business_area", pl.lit("路"), "number", pl.lit("号")),
                time_zone=pl.lit("Asia/Shanghai"),
                avg_price=pl.when(pl.col("avg_price") >= 0).then("avg_price"),
            )
        )
        pieces.append(json_rows(frame, _FIELDS))
    # In one chunk, so that sorting it later moves views and copies no text.
    return pl.concat(pieces, rechunk=True)
