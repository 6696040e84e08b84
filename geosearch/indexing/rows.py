"""Encoding of a snapshot's frames to the rows of a segment: texts become numbers.

`snapshot` reads the frames; `segment.writer` sorts and summarises the rows.
"""

from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from geosearch.indexing.hours import ScheduleBook
from geosearch.indexing.payload import deal_payloads, merchant_payloads, program_payloads
from geosearch.indexing.stacks import offer_groups
from geosearch.money.offers import (
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    NO_LIMIT,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PRICE,
    TERMS_WIDTH,
    TYPE,
    VALUE,
)
from geosearch.money.ranking import Weights
from geosearch.segment.catalogue import ZoneRecord
from geosearch.segment.columns import RATING_STEPS
from geosearch.segment.numbers import numbered
from geosearch.segment.writer import DealRows, MerchantRows
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.zones import Zone
from indexes.geo.datum import shift_range
from indexes.geo.sphere import UNITS_PER_DEGREE, to_units

_LIST_SEPARATOR = "\x1f"
_VALUE_FIELD = {
    "percent_off": "percent_ppm",
    "cashback": "percent_ppm",
    "amount_off": "amount",
    "voucher": "face_value",
    "free_item": "face_value",
    "bundle": "list_price",
}


def merchant_weights(
    merchants: pl.DataFrame, weights: Weights
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Return `redeem_basis_points` and `quality_minor` of each merchant."""
    counts = merchants.select(
        pl.col("redemptions_ok", "redemptions_failed", "rating_count").fill_null(0)
    )
    rating = merchants["rating"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return (
        weights.redeem_basis_points(
            counts["redemptions_ok"].to_numpy(), counts["redemptions_failed"].to_numpy()
        ),
        weights.quality_minor(rating, counts["rating_count"].to_numpy()),
    )


def merchant_rows(
    merchants: pl.DataFrame, book: ScheduleBook, weights: Weights
) -> tuple[MerchantRows, dict[str, Any]]:
    """Return the rows of the merchants, and the names that their numbers refer to.

    The names are `category_sets`, `areas` and `time_zones`.
    """
    sets, set_texts = numbered(merchants["categories"].list.join(_LIST_SEPARATOR).fill_null(""))
    areas, area_names = numbered(
        pl.concat([pl.Series([""]), merchants["business_area"].fill_null("")])
    )
    zones, zone_names = numbered(merchants["time_zone"])
    redeem, quality = merchant_weights(merchants, weights)
    rating = merchants["rating"].cast(pl.Float64) * RATING_STEPS
    rows = MerchantRows(
        merchant_id=merchants["merchant_id"],
        x=to_units(merchants["lng"].to_numpy()),
        y=to_units(merchants["lat"].to_numpy()),
        schedule=book.merchant_schedules(merchants),
        time_zone=zones.astype(np.uint16),
        category_set=sets,
        area=areas[1:],
        rating=rating.round(0).fill_null(-1).cast(pl.Int16).to_numpy(),
        redeem=redeem,
        quality=quality,
        price=_int32(merchants["avg_price"], -1),
        payload=merchant_payloads(merchants),
    )
    names = {
        "category_sets": [text.split(_LIST_SEPARATOR) if text else [] for text in set_texts],
        "areas": area_names,
        "time_zones": zone_names,
    }
    return rows, names


def deal_rows(snapshot: Snapshot, merchants: pl.DataFrame, book: ScheduleBook) -> DealRows:
    """Return the rows of the deals of a snapshot.

    Parameters
    ----------
    merchants
        Indexed merchants, with `merchant_row`, their row in the snapshot.
    """
    deals, programs = snapshot.deals, snapshot.programs
    program_numbers = {name: row + 1 for row, name in enumerate(programs["program_id"])}
    program = deals["program_id"].replace_strict(program_numbers, default=0, return_dtype=pl.UInt16)
    offers, terms = _offers(snapshot, merchants), _terms(deals)
    windows = book.offer_windows(offers, deals)
    groups = offer_groups(
        offers, deals, merchants, terms=terms, windows=windows, rejects=snapshot.rejects
    )
    return DealRows(
        deal_id=deals["deal_id"],
        terms=terms,
        program=program.to_numpy(),
        on=((deals["stock"].fill_null(1) > 0) & ~deals["in_doubt"]).cast(pl.UInt8).to_numpy(),
        for_new=deals["new_customer_only"].cast(pl.UInt8).to_numpy(),
        payload=deal_payloads(deals),
        programs=[orjson.loads(text) for text in program_payloads(programs)],
        program_on=((programs["status"] == "ACTIVE") & ~programs["in_doubt"])
        .cast(pl.UInt8)
        .to_numpy(),
        offer_merchant=offers["row"].to_numpy(),
        offer_deal=offers["deal_row"].to_numpy(),
        offer_window=windows,
        offer_group=groups,
    )


def zone_records(snapshot: Snapshot) -> list[ZoneRecord]:
    """Return the zones of a snapshot as records of the catalogue."""
    return [
        ZoneRecord(
            zone_id=zone.zone_id,
            name=zone.name,
            kind=zone.kind,
            valid_from=zone.valid_from.isoformat() if zone.valid_from else None,
            valid_through=zone.valid_through.isoformat() if zone.valid_through else None,
            bounds=_bounds(zone),
        )
        for zone in snapshot.zones
    ]


def _bounds(zone: Zone) -> tuple[float, float, float, float]:
    """Return the WGS-84 box around all positions that the zone may contain."""
    min_lng, min_lat, max_lng, max_lat = zone.geometry.bounds
    min_x, min_y, max_x, max_y = (
        units / UNITS_PER_DEGREE for units in shift_range(zone.geometry.bounds, zone.crs)
    )
    return min_lng - max_x, min_lat - max_y, max_lng - min_x, max_lat - min_y


def _offers(snapshot: Snapshot, merchants: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each offer: `deal_row`, `row` of its merchant, and its window's inputs."""
    validity = snapshot.programs.select(
        "program_id", program_from="valid_from", program_through="valid_through"
    )
    deals = (
        snapshot.deals.select("program_id", "use_hours", "valid_from", "valid_through")
        .join(validity, on="program_id", how="left", maintain_order="left")
        .select(
            "use_hours",
            first_day=pl.max_horizontal("valid_from", "program_from"),
            last_day=pl.min_horizontal("valid_through", "program_through"),
        )
        .with_row_index("deal_row")
    )
    place = ["merchant_row", "time_zone", "calendar", "lat", "lng"]
    indexed = merchants.select(place).with_row_index("row")
    return snapshot.deal_merchants.join(indexed, on="merchant_row", maintain_order="left").join(
        deals, on="deal_row", how="left", maintain_order="left"
    )


def _terms(deals: pl.DataFrame) -> NDArray[np.int32]:
    """Return the `deal_terms` of the deals; see `money.offers`."""
    value = pl.lit(0, pl.Int64)
    for offer_type, name in _VALUE_FIELD.items():
        value = pl.when(pl.col("offer_type") == offer_type).then(name).otherwise(value)
    priced = pl.col("offer_type").is_in(["voucher", "bundle"])
    codes = {name: code for code, name in enumerate(OFFER_TYPES)}
    columns = {
        TYPE: pl.col("offer_type").replace_strict(codes, return_dtype=pl.Int64),
        VALUE: value.fill_null(0),
        PRICE: pl.when(priced).then(pl.col("price").fill_null(0)).otherwise(0),
        MIN_SPEND: pl.col("min_spend").fill_null(0),
        MAX_DISCOUNT: pl.col("max_discount").fill_null(NO_LIMIT),
        # The contract's `max_uses or 1`: a voucher without a number is used once.
        MAX_USES: pl.col("max_uses").fill_null(1).clip(lower_bound=1),
        PARTY_MIN: pl.col("party_min").fill_null(0),
        PARTY_MAX: pl.col("party_max").fill_null(NO_LIMIT),
    }
    terms = deals.select(columns[i].alias(str(i)) for i in range(TERMS_WIDTH))
    return np.ascontiguousarray(terms.to_numpy().astype(np.int32)).reshape(-1, TERMS_WIDTH)


def _int32(values: pl.Series, missing: int) -> NDArray[np.int32]:
    return values.fill_null(missing).cast(pl.Int32).to_numpy()
