"""Validation of merchants: raw frame to the columns of the build.

It converts positions to WGS-84, resolves countries, and turns `opening_periods` into
`opening_hours`. The build parses `opening_hours`, once for each distinct text.
"""

import zoneinfo

import numpy as np
import orjson
import polars as pl

from geosearch.hours.holidays import read_country
from geosearch.hours.periods import periods_expression
from geosearch.snapshot.checks import Checker, FieldRule, typed
from geosearch.snapshot.objects import (
    BadObject,
    read_closures,
    read_objects,
    without_nulls,
    wrong_type,
)
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.tables import MERCHANTS
from indexes.geo.datum import DATUMS, Datum, to_wgs84

_POSITION_STEPS = 1e7
"""Steps in a degree: positions are rounded to 1e-7 degree, 1.1 cm."""

_RATING_DECIMALS = 3

COUNTRY_CODE = "to be an ISO 3166-1 alpha-2 or ISO 3166-2 code"
"""Wording for what `country` must be."""


def merchants_frame(
    raw: pl.DataFrame, log: RejectLog, *, crs: Datum, time_zone: str
) -> pl.DataFrame:
    """Return the accepted merchants, in file order.

    Rows in doubt (bad `time_zone` or `business_status`) have no hours; `in_doubt` marks them.

    Parameters
    ----------
    raw
        `raw_schema(MERCHANTS)` and `line`.
    log
        Gets rejected rows and warnings.
    crs, time_zone
        Datum and time zone of rows that name none.
    """
    latitude = pl.col("lat").abs()
    swapped = latitude.is_between(90, 180, closed="right") & (pl.col("lng").abs() <= 90)
    hint = " (are `lat` and `lng` swapped?)"
    rule = FieldRule(swapped, "out_of_range", "lat", "`lat` in [-90, 90]", hint)
    checker = typed(raw, MERCHANTS, log, before=[rule])
    checker.lose([_time_zone_rule(checker.frame["time_zone"])])
    _read_closures(checker)
    checker.mark_doubts()
    checker.frame = checker.frame.with_columns(
        pl.col("time_zone").fill_null(time_zone),
        pl.col("business_status").fill_null("OPERATIONAL"),
        # Not `(r * 1000).round() / 1000`: polars makes that 3.5300000000000002 of 3.53.
        pl.col("rating").round(_RATING_DECIMALS),
    )
    checker.reject_duplicates()
    _resolve_countries(checker)
    _resolve_hours(checker)
    sure = pl.when(~pl.col("in_doubt")).then(pl.col("opening_hours")).alias("opening_hours")
    checker.frame = checker.frame.with_columns(sure)
    return _positioned(checker.frame, crs).drop("crs", "opening_periods")


def is_time_zone(name: str) -> bool:
    """Return whether this machine knows `name` as an IANA time zone.

    Examples
    --------
    >>> is_time_zone("Asia/Shanghai"), is_time_zone("Asia/Atlantis"), is_time_zone("../UTC")
    (True, False, False)
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _time_zone_rule(zones: pl.Series) -> FieldRule:
    unknown = [name for name in zones.drop_nulls().unique() if not is_time_zone(name)]
    wrong = pl.col("time_zone").is_in(unknown) if unknown else pl.lit(False)
    return FieldRule(wrong, "bad_time_zone", "time_zone", "`time_zone` to be an IANA time zone")


def unknown_subdivision(code: str, country: str) -> str:
    """Return the sentence about a part of a country without a calendar."""
    expected = "`country` with a known holiday calendar"
    return f"Expected {expected}, got {shown(code)}; the holidays of {shown(country)} apply"


def _resolve_countries(checker: Checker) -> None:
    """Replace each `country` by the code of its calendar, or by null.

    A part without a calendar gets one warning, at its first row, because every row may name it.
    """
    frame = checker.frame
    read = {code: read_country(code) for code in frame["country"].drop_nulls().unique()}
    wrong = [code for code, country in read.items() if country is None]
    if wrong:
        is_wrong = pl.col("country").is_in(wrong)
        checker.warn([FieldRule(is_wrong, "bad_country", "country", f"`country` {COUNTRY_CODE}")])
    known = {code: country for code, country in read.items() if country is not None}
    for code in sorted(code for code, country in known.items() if country.part_unknown):
        rows = frame.filter(pl.col("country") == code)
        sentence = f"{unknown_subdivision(code, known[code].code)} (rows: {rows.height:,})"
        checker.log.warn("merchants", rows["line"][0], "unknown_subdivision", sentence)
    codes = [country.code for country in known.values()]
    checker.frame = frame.with_columns(
        pl.col("country").replace_strict(list(known), codes, default=None, return_dtype=pl.String)
    )


def _resolve_hours(checker: Checker) -> None:
    """Fill missing `opening_hours` from `opening_periods`."""
    frame = checker.frame
    if frame["opening_periods"].null_count() == frame.height:
        return
    both = pl.col("opening_hours").is_not_null() & pl.col("opening_periods").is_not_null()
    expected = "either `opening_hours` or `opening_periods`"
    checker.warn([FieldRule(both, "two_for_one", "opening_periods", expected, " as well")])
    only = pl.when(~both).then(pl.col("opening_periods")).alias("opening_periods")
    checker.frame = frame.with_columns(only)
    expressions = read_objects(checker, "opening_periods", _periods)
    mapped = pl.col("opening_periods").replace_strict(
        list(expressions), list(expressions.values()), default=None, return_dtype=pl.String
    )
    checker.frame = checker.frame.with_columns(pl.col("opening_hours").fill_null(mapped))


def _read_closures(checker: Checker) -> None:
    """Make `closures` JSON texts of the same form, null without any."""
    if checker.frame["closures"].null_count() == checker.frame.height:
        return
    read = read_objects(checker, "closures", _closures_text)
    mapped = pl.col("closures").replace_strict(
        list(read), list(read.values()), default=None, return_dtype=pl.String
    )
    checker.frame = checker.frame.with_columns(mapped)


def _closures_text(value: object) -> str | None:
    closures = read_closures(value)
    return orjson.dumps(closures).decode() if closures else None


def _periods(value: object) -> str | None:
    periods = without_nulls(value)
    if not isinstance(periods, list) or not all(isinstance(period, dict) for period in periods):
        fault = wrong_type("`opening_periods` to be a list of objects", value)
        raise BadObject("unreadable_hours", str(fault))
    try:
        return periods_expression(periods) if periods else None
    except ValueError as error:
        sentence = str(error).replace(" - at `", " at `")  # the log appends the place of the row
        raise BadObject("unreadable_hours", sentence) from error


def _positioned(frame: pl.DataFrame, crs: Datum) -> pl.DataFrame:
    """Return the frame with `lat` and `lng` in WGS-84, rounded to 1e-7 degree."""
    lat, lng = frame["lat"].to_numpy(writable=True), frame["lng"].to_numpy(writable=True)
    datums = frame["crs"].fill_null(crs)
    for datum in DATUMS:
        rows = (datums == datum).to_numpy()
        if datum != "WGS84" and rows.any():
            lat[rows], lng[rows] = to_wgs84(lat[rows], lng[rows], datum)
    return frame.with_columns(
        pl.Series("lat", np.rint(lat * _POSITION_STEPS) / _POSITION_STEPS),
        pl.Series("lng", np.rint(lng * _POSITION_STEPS) / _POSITION_STEPS),
    )
