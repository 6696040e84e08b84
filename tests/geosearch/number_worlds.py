"""Segments of drawn numbers, written without a snapshot: large ones within a second.

Useful for: tests of columns, bounds, traversals and work counters.
Not useful for: comparing answers with the contract; `tests.generators` makes snapshots for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.money.offers import NO_LIMIT, TERMS_WIDTH, Terms
from geosearch.money.ranking import Weights
from geosearch.segment.columns import Columns
from geosearch.segment.segment import Segment
from geosearch.segment.writer import DealRows, MerchantRows, SegmentLookups, write_segment
from geosearch.suggest.directory import directory_columns, no_directory
from geosearch.text.columns import no_text, text_columns
from indexes.geo.sphere import to_units
from indexes.prepared import Prepared
from indexes.timetable import ALWAYS, NEVER, UNKNOWN_SCHEDULE, TimetableBuilder

START = datetime(2026, 11, 21, tzinfo=UTC)
"""Start of the horizon, a Saturday."""
NOON = START + timedelta(days=2, hours=12)
CENTRE = (31.2304, 121.4737)
CATEGORY_SETS = [
    [],
    ["food"],
    ["food.cafe"],
    ["food.noodle", "shop"],
    ["shop.book"],
    ["foodie"],
    ["beauty.hair"],
]
AREAS = ["", "静安寺", "陆家嘴"]
DAY = 24 * 60


def random_terms(rng: np.random.Generator, count: int) -> Terms:
    """Deals of all types, mostly odd, with and without limits, int32[count, 8]."""
    terms = np.zeros((count, TERMS_WIDTH), np.int32)
    kind = rng.integers(0, 6, count)
    value = rng.choice([1, 500, 1000, 5000, 100_000, 333_333, 1_000_000, 2_000_000_000], count)
    percent = (kind == 0) | (kind == 4)
    value = np.where(percent, np.minimum(value, 1_000_000), value)
    terms[:, 0] = kind
    terms[:, 1] = value
    priced = (kind == 2) | (kind == 3)
    terms[:, 2] = np.where(priced, value * rng.choice([0.0, 0.5, 0.9, 1.0], count), 0)
    terms[:, 3] = rng.choice([0, 0, 1, 5000], count)
    terms[:, 4] = rng.choice([NO_LIMIT, NO_LIMIT, 0, 700], count)
    terms[:, 5] = rng.choice([1, 1, 2, 5], count)
    terms[:, 6] = rng.choice([0, 0, 0, 2], count)
    terms[:, 7] = rng.choice([NO_LIMIT, NO_LIMIT, 1, 4], count)
    return terms


def usual_terms(rng: np.random.Generator, count: int) -> Terms:
    """Deals as shops make them: a tenth or two off, or a voucher or bundle a little cheaper."""
    terms = np.zeros((count, TERMS_WIDTH), np.int32)
    kind = rng.choice([0, 0, 0, 1, 2, 3, 4], count)
    percent = (kind == 0) | (kind == 4)
    value = np.where(
        percent, rng.integers(5, 21, count) * 10_000, rng.integers(5, 101, count) * 100
    )
    terms[:, 0] = kind
    terms[:, 1] = np.where(kind == 1, value // 5, value)
    terms[:, 2] = np.where((kind == 2) | (kind == 3), value * rng.uniform(0.7, 0.95, count), 0)
    terms[:, 3] = np.where(kind == 1, value, 0)
    terms[:, 4] = np.where(rng.random(count) < 0.3, 3000, NO_LIMIT)
    terms[:, 5] = 1
    terms[:, 7] = NO_LIMIT
    return terms


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a world looks like.

    Attributes
    ----------
    shares
        Share of the shops that each programme's deals are valid at, by programme.
    public
        Share of the shops with a deal that needs no card.
    spread_deg
        Standard deviation of positions around `centre`; 0 = one position for all.
    deals
        Deals of each programme, drawn by `draw_terms`.
    for_new
        Share of the deals that are for new customers only.
    stacked
        Share of the offers with one of four groups that combine.
    """

    docs: int
    seed: int = 0
    shares: tuple[float, ...] = (0.03, 0.1)
    public: float = 0.2
    spread_deg: float = 0.03
    centre: tuple[float, float] = CENTRE
    deals: int = 12
    for_new: float = 0.0
    stacked: float = 0.0
    draw_terms: Callable[[np.random.Generator, int], Terms] = random_terms
    weights: Weights = field(default_factory=Weights)


def write_world(folder: Path, shape: Shape) -> Path:
    """Write the segment of a world and return its folder."""
    rng = np.random.default_rng(shape.seed)
    merchants, around = _merchants(rng, shape)
    parts = (
        partial(text_columns, no_text(len(merchants.x))),
        partial(directory_columns, no_directory()),
    )
    write_segment(folder, merchants, _deals(rng, shape), around, manifest(shape), parts=parts)
    return folder


def open_world(folder: Path, shape: Shape) -> Segment:
    """Write and open the segment of a world."""
    return Segment(write_world(folder, shape))


def manifest(shape: Shape) -> dict[str, Any]:
    """What a build notes beside the columns."""
    return {
        "snapshot_id": f"numbers-{shape.docs}-{shape.seed}",
        "currency": "CNY",
        "country": "CN",
        "time_zone": "Asia/Shanghai",
        "built_at": (START + timedelta(days=1)).isoformat(),
        "horizon_start": START.isoformat(),
        "weights": msgspec.to_builtins(shape.weights),
    }


def _merchants(rng: np.random.Generator, shape: Shape) -> tuple[MerchantRows, SegmentLookups]:
    n = shape.docs
    lat = shape.centre[0] + rng.normal(0.0, 1.0, n) * shape.spread_deg
    lng = shape.centre[1] + rng.normal(0.0, 1.0, n) * shape.spread_deg
    book, schedules = _schedules()
    rating = np.where(rng.random(n) < 0.1, np.nan, np.clip(rng.normal(4.2, 0.4, n), 0, 5).round(1))
    count = rng.integers(0, 300, n)
    ids = pl.Series([f"m{number:06}" for number in rng.permutation(n).tolist()], dtype=pl.String)
    rows = MerchantRows(
        merchant_id=ids,
        x=to_units((lng + 180.0) % 360.0 - 180.0),
        y=to_units(np.clip(lat, -90.0, 90.0)),
        schedule=rng.choice(schedules, n),
        time_zone=np.zeros(n, np.uint16),
        category_set=rng.integers(0, len(CATEGORY_SETS), n).astype(np.uint32),
        area=rng.integers(0, len(AREAS), n).astype(np.uint32),
        rating=np.where(np.isnan(rating), -1, np.rint(rating * 1000)).astype(np.int16),
        redeem=shape.weights.redeem_basis_points(rng.integers(0, 100, n), rng.integers(0, 20, n)),
        quality=shape.weights.quality_minor(rating, count),
        price=np.where(rng.random(n) < 0.1, -1, rng.integers(0, 20_000, n)).astype(np.int32),
        payload='{"merchant_id":"' + ids + '","name":"Shop"}',
    )
    around = SegmentLookups(
        timetable=book.build(),
        start_hour_of_week=START.weekday() * 24,
        category_sets=CATEGORY_SETS,
        areas=AREAS,
        time_zones=["Asia/Shanghai"],
    )
    return rows, around


def _schedules() -> tuple[TimetableBuilder, NDArray[np.uint32]]:
    """Days of different lengths, one past midnight, always open, always closed, unknown."""
    book = TimetableBuilder()
    numbers = [UNKNOWN_SCHEDULE, NEVER, ALWAYS]
    for opens, closes in ((1, 13), (2, 10), (9, 22), (10, 26), (3, 4)):
        edges = [
            (day * DAY + hour * 60, hour == opens) for day in range(44) for hour in (opens, closes)
        ]
        minutes, states = zip(*[(0, False), *edges], strict=True)
        numbers.append(book.add(np.array(minutes), np.array(states, np.uint8)))
    return book, np.array(numbers, np.uint32)


def _deals(rng: np.random.Generator, shape: Shape) -> DealRows:
    """A pool of deals a programme and one for everybody, each valid at its share of the shops."""
    shares = (shape.public, *shape.shares)
    pool = shape.deals
    merchants, deals = [], []
    for program, share in enumerate(shares):
        count = min(shape.docs, max(round(share * shape.docs), 1 if share else 0))
        chosen = rng.choice(shape.docs, count, replace=False)
        twice = chosen[rng.random(count) < 0.3]  # some shops have two deals of a programme
        for shops, first, last in ((chosen, 0, pool // 2), (twice, pool // 2, pool)):
            merchants.append(shops)
            deals.append(program * pool + rng.integers(first, last, len(shops)))
    offer_merchant, offer_deal = np.concatenate(merchants), np.concatenate(deals)
    total = pool * len(shares)
    ids = [f"d{number:05}" for number in rng.permutation(total).tolist()]
    windows = np.array([ALWAYS, ALWAYS, ALWAYS, NEVER, 3, 5], np.uint32)
    return DealRows(
        deal_id=pl.Series(ids, dtype=pl.String),
        terms=shape.draw_terms(rng, total),
        program=np.repeat(np.arange(len(shares)), pool).astype(np.uint16),
        on=(rng.random(total) < 0.9).astype(np.uint8),
        for_new=(rng.spawn(1)[0].random(total) < shape.for_new).astype(np.uint8),
        payload=pl.Series([f'{{"deal_id":"{one}","title":"Deal"}}' for one in ids]),
        programs=[
            {"program_id": f"card{number}", "name": f"Card {number}"}
            for number in range(len(shape.shares))
        ],
        program_on=np.ones(len(shape.shares), np.uint8),
        offer_merchant=offer_merchant.astype(np.uint32),
        offer_deal=offer_deal.astype(np.uint32),
        offer_window=rng.choice(windows, len(offer_deal)),
        offer_group=_groups(rng.spawn(1)[0], len(offer_deal), shape.stacked),
    )


def _groups(rng: np.random.Generator, count: int, share: float) -> NDArray[np.uint8]:
    """One of four groups for a share of the offers."""
    return np.where(rng.random(count) < share, rng.integers(1, 5, count), 0).astype(np.uint8)


def trees_with(segment: Segment, **columns: NDArray[Any]) -> dict[int, Prepared[Columns]]:
    """`Segment._trees` with other columns; of nodes, only those of the tree of all documents."""
    shared = {name: array for name, array in columns.items() if name.startswith("doc_")}
    for array in columns.values():
        array.flags.writeable = False
    return {
        number: Prepared(tree.value._replace(**(shared if number else columns)))
        for number, tree in segment._trees.items()
    }


def trees_without(segment: Segment, dead: Iterable[int]) -> dict[int, Prepared[Columns]]:
    """`Segment._trees` in which some documents are not live."""
    alive = np.zeros(len(segment.columns.doc_live) * 64, np.bool_)
    alive[: len(segment.columns.doc_signature)] = True
    alive[[*dead]] = False
    return trees_with(segment, doc_live=np.packbits(alive, bitorder="little").view(np.uint64))
