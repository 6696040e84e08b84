"""Warnings about values that are allowed but probably wrong.

`geosearch check` and the build log them; rows stay unchanged. `checks` handles values that are
certainly wrong.

A heuristic belongs here only if correct data hardly ever trigger it. The check for GCJ-02 positions
that are declared WGS-84 works only at the border of mainland China, where the shift crosses the
border. Elsewhere a shop 500 m off looks like any other, and this project has no map of land and
water.
"""

from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.hours.countries import countries_at
from geosearch.hours.holidays import OWN_CODES
from geosearch.money.amounts import fraction_digits
from geosearch.snapshot.checks import Checker, FieldRule
from geosearch.snapshot.fields import Kind, Table
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS
from indexes.geo.datum import Datum, Floats, from_wgs84, to_wgs84

PROBABLE_CODES: dict[str, str] = {
    "unlisted_category": "a category that the table `categories` lacks: it has no name and no "
    "synonyms; one warning a category",
    "joined_list": "one item of a list that looks like several: `wifi;安静` (CSV separates by `|`)",
    "money_in_units": "most amounts of a field are below 100 minor units: `38` is ¥0.38, and 3800 "
    "is ¥38.00; one warning a field",
    "odd_percent": "`percent` of at most 1 (cashback: 0.25) or at least 70, or as a title's 折 has "
    "it: 8折 is `percent` 20",
    "odd_id": "an id with blanks, or in scientific notation as spreadsheets write long numbers "
    "(`1.2E+17`)",
    "swapped_position": "a position outside its country that is inside with `lat` and `lng` "
    "swapped",
    "likely_gcj02": "positions declared WGS-84 across the border of mainland China that are inside "
    "if they are GCJ-02; one warning a snapshot",
}
"""Meaning of each warning, by code."""

_SEVERAL = 2
"""Least number of small amounts for a warning: a single one may be right."""

_FEW_MINOR = 100
"""Usual amounts are not below this many minor units: ¥1, $1."""

_JOINS = {
    "categories": "[;；,，、|/\\n]",
    "merchant_ids": "[;；,，、|\\n]",
    "tags": "[;；,，、|\\n]",
}
"""Characters that separate joined items. Names (`aliases`) may contain them, so they are not here.
"""

_SHIFTED: Datum = "GCJ02"
_BLANK = r"\s"
_SCIENTIFIC = r"^[0-9](?:\.[0-9]+)?[eE]\+[0-9]+$"
_ZHE = r"([1-9](?:\.[0-9])?)\s*折"
_LEAST_PERCENT, _LEAST_BACK, _MOST_PERCENT = 1, 0.25, 70
_CELL = 0.05
_LOOKED_AT = 5_000
"""Most rows whose position is checked one by one, 10 to 100 µs each."""


def warn_of_programs(programs: pl.DataFrame, log: RejectLog, *, currency: str) -> None:
    """Log what is probably wrong with the accepted cards."""
    _warn_of_ids(programs, PROGRAMS, log)
    _warn_of_money(programs, PROGRAMS, log, currency)


def warn_of_merchants(
    merchants: pl.DataFrame,
    log: RejectLog,
    *,
    datums: pl.Series,
    country: str,
    currency: str,
    categories: pl.DataFrame | None,
) -> None:
    """Log what is probably wrong with the accepted merchants.

    Parameters
    ----------
    merchants
        Accepted merchants, positions in WGS-84.
    datums
        Declared datum of each position.
    country, currency
        Country and currency of the envelope.
    categories
        The table of categories, or None.
    """
    _warn_of_ids(merchants, MERCHANTS, log)
    _warn_of_lists(merchants, MERCHANTS, log)
    _warn_of_money(merchants, MERCHANTS, log, currency)
    if categories is not None:
        _warn_of_categories(merchants, log, categories["category_id"].to_list())
    placed = merchants.select(
        "line",
        "lat",
        "lng",
        country=pl.col("country").fill_null(country).str.head(2),
        datum=datums,
    )
    _warn_of_swapped(placed, log)
    _warn_of_gcj02(placed, log)


def warn_of_deals(deals: pl.DataFrame, log: RejectLog, *, currency: str) -> None:
    """Log what is probably wrong with the accepted deals."""
    _warn_of_ids(deals, DEALS, log)
    _warn_of_lists(deals, DEALS, log)
    _warn_of_money(deals, DEALS, log, currency)
    percent = pl.col("percent")
    share = pl.col("offer_type").is_in(["percent_off", "cashback"])
    back = pl.col("offer_type") == "cashback"
    little = (percent > 0) & (percent <= pl.when(back).then(_LEAST_BACK).otherwise(_LEAST_PERCENT))
    extreme = little | (percent >= _MOST_PERCENT)
    zhe = pl.col("title").str.extract(_ZHE).cast(pl.Float64)
    # In 85折 the pattern finds 5, so percent 5 is a warning; 15, the right value, is not.
    as_titled = ((percent == zhe) | (percent == 10 * zhe)) & (percent != 100 - 10 * zhe)
    expected = "`percent` to be what is taken off (8折 is 20)"
    Checker(deals, DEALS, log).warn(
        [FieldRule(share & (extreme | as_titled), "odd_percent", "percent", expected)]
    )


def _warn_of_ids(frame: pl.DataFrame, table: Table, log: RejectLog) -> None:
    rules = []
    for field in table.fields:
        if field.kind is Kind.ID:
            column = pl.col(field.name)
            blank, long = column.str.contains(_BLANK), column.str.contains(_SCIENTIFIC)
            name = f"`{field.name}`"
            rules.append(FieldRule(blank, "odd_id", field.name, f"{name} without blanks"))
            hint = ", as spreadsheets shorten long numbers (format the column as text)"
            rules.append(FieldRule(long, "odd_id", field.name, f"{name} in full", hint))
    Checker(frame, table, log).warn(rules)


def _warn_of_lists(frame: pl.DataFrame, table: Table, log: RejectLog) -> None:
    for name, signs in _JOINS.items():
        if name not in frame.columns:
            continue
        items = frame.select("line", name).explode(name)
        joined = items.filter(pl.col(name).str.contains(signs).fill_null(False))
        sentences = [
            f"Expected one item, got {shown(item)} in `{name}`, which looks like several "
            f"(in CSV, | separates items)"
            for item in joined[name]
        ]
        log.warn_many(table.name, joined["line"].to_list(), "joined_list", sentences)


def _warn_of_money(frame: pl.DataFrame, table: Table, log: RejectLog, currency: str) -> None:
    """Log one warning for each field most of whose amounts are implausibly small."""
    if fraction_digits(currency) == 0:
        return  # people count in the minor unit
    names = [field.name for field in table.fields if field.money]
    known = frame.select((pl.col(names) > 0).sum()).row(0)
    few = frame.select(pl.col(names).is_between(1, _FEW_MINOR - 1).sum()).row(0)
    for name, amounts, small in zip(names, known, few, strict=True):
        if small >= _SEVERAL and 2 * small > amounts:
            first = frame.filter(pl.col(name).is_between(1, _FEW_MINOR - 1)).row(0, named=True)
            sentence = (
                f"Expected `{name}` in minor units (3800 for 38.00 {currency}), got {small:,} of "
                f"{amounts:,} below {_FEW_MINOR}, such as {first[name]}"
            )
            log.warn(table.name, first["line"], "money_in_units", sentence)


def _warn_of_categories(merchants: pl.DataFrame, log: RejectLog, known: list[str]) -> None:
    used = merchants.select("line", "categories").explode("categories").drop_nulls()
    unknown = used.filter(~pl.col("categories").is_in(known))
    for (category,), rows in unknown.group_by("categories", maintain_order=True):
        close = get_close_matches(str(category), known, n=1, cutoff=0.8)
        question = f" - is it {shown(close[0])}?" if close else ""
        sentence = (
            f"Expected `categories` to be in the table of categories, got {shown(category)} "
            f"(rows: {rows.height:,}){question}"
        )
        log.warn("merchants", rows["line"][0], "unlisted_category", sentence)


def _warn_of_swapped(placed: pl.DataFrame, log: RejectLog) -> None:
    for line, lat, lng, country in _abroad(placed):
        (swapped,) = countries_at([lng], [lat])
        if _is_home(swapped, country):
            sentence = (
                f"Expected a position in {shown(country)}, got lat {lat}, lng {lng} "
                f"(are `lat` and `lng` swapped?)"
            )
            log.warn("merchants", line, "swapped_position", sentence)


def _abroad(placed: pl.DataFrame) -> Iterator[tuple[int, float, float, str]]:
    """Yield line, position and country of rows outside their country that could be swapped.

    Rows are grouped by square degree and country. If the first position of a group is in its
    country, the group is skipped.
    """
    could = placed.filter(pl.col("lng").abs() <= 90).with_columns(
        cell=pl.struct(pl.col("lat").floor(), pl.col("lng").floor(), "country")
    )
    first = could.unique("cell", keep="first", maintain_order=True)
    places = countries_at(first["lat"].to_list(), first["lng"].to_list())
    pairs = zip(places, first["country"], strict=True)
    outside = first.filter(pl.Series([not _is_home(*pair) for pair in pairs], dtype=pl.Boolean))
    rows = could.join(outside.select("cell"), on="cell", how="semi", maintain_order="left")
    rows = rows.head(_LOOKED_AT)
    lats, lngs = rows["lat"].to_list(), rows["lng"].to_list()
    for row, place in zip(rows.iter_rows(named=True), countries_at(lats, lngs), strict=True):
        if not _is_home(place, row["country"]):
            yield row["line"], row["lat"], row["lng"], row["country"]


def _is_home(place: str | None, country: str) -> bool:
    return place is not None and (place[:2] == country or place in OWN_CODES.get(country, ()))


def _in_mainland(lat: Floats, lng: Floats) -> npt.NDArray[np.bool_]:
    """Return which positions are in mainland China: the only ones that the datum shifts."""
    return np.asarray(from_wgs84(lat, lng, _SHIFTED)[1] != lng)


def _near_border(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in cells of 5 km with a corner outside mainland China: few of a million."""
    placed = rows.with_columns(y=(pl.col("lat") / _CELL).floor(), x=(pl.col("lng") / _CELL).floor())
    cells = placed.select("y", "x").unique()
    y, x = cells["y"].to_numpy(), cells["x"].to_numpy()
    inside = [
        _in_mainland(np.clip((y + up) * _CELL, -90, 90), np.clip((x + right) * _CELL, -180, 180))
        for up in (0, 1)
        for right in (0, 1)
    ]
    border = cells.filter(pl.Series(~np.logical_and.reduce(inside), dtype=pl.Boolean))
    return placed.join(border, on=["y", "x"], how="semi", maintain_order="left")


def _warn_of_gcj02(placed: pl.DataFrame, log: RejectLog) -> None:
    """Log one warning for rows outside mainland China that a shift back would bring inside."""
    rows = _near_border(placed.filter((pl.col("country") == "CN") & (pl.col("datum") == "WGS84")))
    lat, lng = rows["lat"].to_numpy(), rows["lng"].to_numpy()
    # `to_wgs84` shifts a position outside only if the shift brings it inside.
    across = (to_wgs84(lat, lng, _SHIFTED)[1] != lng) & ~_in_mainland(lat, lng)
    found = np.flatnonzero(across)
    if len(found):
        sentence = (
            f"Expected merchants of mainland China to lie inside it, got {len(found):,} across its "
            f"border that would be inside if their positions were {_SHIFTED} (is `crs` missing?)"
        )
        log.warn("merchants", rows["line"][int(found[0])], "likely_gcj02", sentence)
