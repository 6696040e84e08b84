"""Holiday calendar of each merchant whose hours, or whose deals' hours, depend on one.

It fills the column `calendar`, which `indexing.hours` uses. `hours.holidays` knows the codes,
`hours.countries` the places.

A merchant's code is its own `country`, else the envelope's. A code with a part (`GB-ENG`) is used
unchanged. For a code of a country, the position selects the part, also a part with its own country
code: a shop in Hong Kong does not follow the holidays of the mainland. A position never moves a
merchant to another country; that case is a warning.
"""

import polars as pl

from geosearch.hours.countries import countries_at
from geosearch.hours.holidays import OWN_CODES
from geosearch.hours.schedules import UnreadableHours, read_hours, uses_country
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog, shown


def country_users(texts: pl.Series, *, makeup: bool) -> list[str]:
    """Return the distinct texts whose meaning depends on a country."""
    found = []
    for text in texts.drop_nulls().unique().to_list():
        try:
            if uses_country(read_hours(text).expression, makeup=makeup):
                found.append(text)
        except UnreadableHours:
            continue
    return found


def with_calendars(merchants: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Return the merchants with `calendar`; null if neither hours nor deals depend on one.

    Parameters
    ----------
    merchants
        Indexed merchants, with `merchant_row`, their row in the snapshot.
    """
    asking = _asking(merchants, snapshot)
    by_row = asking.select("merchant_row", calendar=_calendars(asking, snapshot))
    return merchants.join(by_row, on="merchant_row", how="left", maintain_order="left")


def _asking(merchants: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Return the merchants whose hours, or whose deals' hours, depend on a country."""
    makeup = snapshot.envelope.makeup_workdays
    hours = country_users(merchants["opening_hours"], makeup=makeup)
    deals = snapshot.deals.with_row_index("deal_row").filter(
        pl.col("use_hours").is_in(country_users(snapshot.deals["use_hours"], makeup=makeup))
    )
    pairs = snapshot.deal_merchants
    rows = pairs.filter(pl.col("deal_row").is_in(deals["deal_row"].implode()))["merchant_row"]
    return merchants.filter(
        pl.col("opening_hours").is_in(hours) | pl.col("merchant_row").is_in(rows.unique().implode())
    )


def _calendars(merchants: pl.DataFrame, snapshot: Snapshot) -> pl.Series:
    codes = merchants["country"].fill_null(snapshot.envelope.country)
    placed = merchants.filter(~codes.str.contains("-"))
    places = countries_at(placed["lat"].to_list(), placed["lng"].to_list())
    bare = codes.filter(~codes.str.contains("-")).to_list()
    exact = [_calendar(code, place) for code, place in zip(bare, places, strict=True)]
    found = placed.select("line", "merchant_row").with_columns(
        pl.Series("code", bare, pl.String),
        pl.Series("place", places, pl.String),
        pl.Series("calendar", exact, pl.String),
    )
    _warn_of_other_countries(found, snapshot.rejects)
    by_row = merchants.select("merchant_row").join(
        found.select("merchant_row", "calendar"),
        on="merchant_row",
        how="left",
        maintain_order="left",
    )
    return by_row["calendar"].fill_null(codes)


def _calendar(code: str, place: str | None) -> str:
    """Return the place's code if it is a part of the country, else the country's code."""
    if place is None:
        return code
    return place if place.startswith(f"{code}-") or place in OWN_CODES.get(code, ()) else code


def _warn_of_other_countries(found: pl.DataFrame, log: RejectLog) -> None:
    """Log one warning for each pair of declared country and other country of the position."""
    elsewhere = found.filter(
        pl.col("place").str.head(2) != pl.col("calendar").str.head(2)
    ).with_columns(pl.col("place").str.head(2))
    for (code, place), rows in elsewhere.group_by("code", "place", maintain_order=True):
        sentence = (
            f"Expected merchants in {shown(code)}, as `country` says, got {rows.height:,} in "
            f"{shown(place)}, whose hours follow the holidays of {shown(code)}"
        )
        log.warn("merchants", rows["line"][0], "other_country", sentence)
