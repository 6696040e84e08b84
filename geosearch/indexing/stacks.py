"""Which deals combine at which shop: the number of each offer's group, for `money.stacking`.

A search looks at all combinations of a shop's deals, so their number has a bound. Where a shop has
more groups or deals than that, those with the greatest ceilings combine, and a warning names the
shop; all other deals are still used alone.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.money.offers import (
    BUNDLE,
    CASHBACK,
    MAX_DISCOUNT,
    MAX_USES,
    PERCENT_OFF,
    PPM,
    PRICE,
    TYPE,
    VALUE,
    VOUCHER,
)
from geosearch.money.stacking import MOST_DEALS, MOST_GROUPS
from geosearch.snapshot.rejects import RejectLog
from indexes.timetable import NEVER

BILL_IF_UNKNOWN = 10_000
"""Bill that the ceiling of a percentage is taken of, where a shop has no usual price; minor units.
"""


def offer_groups(
    offers: pl.DataFrame,
    deals: pl.DataFrame,
    merchants: pl.DataFrame,
    *,
    terms: NDArray[np.int32],
    windows: NDArray[np.uint32],
    rejects: RejectLog,
) -> NDArray[np.uint8]:
    """Return the group of each offer, 1 to `MOST_GROUPS`, 0 if the deal is used alone.

    Of a shop's groups, those with the greatest ceiling of a deal count, ties by name. Of their
    deals, those with the greatest ceilings count, ties by `deal_id`. A ceiling is the most that a
    deal saves at any bill; for a percentage, at the shop's usual price. Deals that can never be
    used do not count. A group alone combines with nothing, so its deals have group 0.

    Parameters
    ----------
    offers
        One row for each offer: `deal_row`, and `row` of its merchant.
    deals, merchants
        The deals of the snapshot and its indexed merchants.
    terms
        `deal_terms` in the order of `deals`.
    windows
        Schedule of each offer.
    rejects
        Gets the warnings `many_stacked`.
    """
    groups = np.zeros(offers.height, np.uint8)
    grouped = deals["stack_group"].is_not_null().to_numpy()
    deal_rows = offers["deal_row"].to_numpy()
    chosen = np.flatnonzero(grouped[deal_rows] & (windows != NEVER))
    if not len(chosen):
        return groups
    shop, deal = offers["row"].to_numpy()[chosen], deal_rows[chosen]
    frame = pl.DataFrame(
        {
            "offer": chosen,
            "shop": shop,
            "group": deals["stack_group"].gather(deal),
            "deal_id": deals["deal_id"].gather(deal),
            "ceiling": _ceilings(terms[deal], merchants["avg_price"].gather(shop)),
        }
    )
    counts = frame.group_by("shop", maintain_order=True).agg(
        groups=pl.col("group").n_unique(), deals=pl.len()
    )
    _warn(counts, merchants["line"], rejects)
    combining = counts.filter(pl.col("groups") > 1)["shop"]
    numbered = _numbered(frame.filter(pl.col("shop").is_in(combining.implode())))
    groups[numbered["offer"].to_numpy()] = numbered["number"].to_numpy()
    return groups


def _ceilings(terms: NDArray[np.int32], price: pl.Series) -> NDArray[np.int64]:
    """Return the most that each deal saves at its shop, minor units."""
    wide = terms.astype(np.int64)
    bill = price.cast(pl.Int64).fill_null(BILL_IF_UNKNOWN).to_numpy()
    kind, value = wide[:, TYPE], wide[:, VALUE]
    saved = np.where((kind == BUNDLE) | (kind == VOUCHER), value - wide[:, PRICE], value)
    saved = np.where(kind == VOUCHER, saved * wide[:, MAX_USES], saved)
    shares = (kind == PERCENT_OFF) | (kind == CASHBACK)
    return np.where(shares, np.minimum(bill * value // PPM, wide[:, MAX_DISCOUNT]), saved)


def _warn(counts: pl.DataFrame, lines: pl.Series, rejects: RejectLog) -> None:
    many = counts.filter((pl.col("groups") > MOST_GROUPS) | (pl.col("deals") > MOST_DEALS))
    rejects.warn_many(
        "merchants",
        lines.gather(many["shop"]).to_list(),
        "many_stacked",
        [
            f"Expected at most {MOST_GROUPS} stack groups and {MOST_DEALS} deals in them, got "
            f"{groups} and {deals}, so those that save most combine"
            for groups, deals in many.select("groups", "deals").iter_rows()
        ],
    )


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the offers that combine, with the number of their group at the shop."""
    ranked = (
        frame.group_by("shop", "group")
        .agg(pl.col("ceiling").max())
        .sort("shop", "ceiling", "group", descending=[False, True, False])
        .with_columns(number=pl.col("group").cum_count().over("shop"))
        .filter(pl.col("number") <= MOST_GROUPS)
        .select("shop", "group", "number")
    )
    return (
        frame.join(ranked, on=["shop", "group"])
        .sort("shop", "ceiling", "deal_id", descending=[False, True, False])
        .with_columns(place=pl.col("deal_id").cum_count().over("shop"))
        .filter(pl.col("place") <= MOST_DEALS)
    )
