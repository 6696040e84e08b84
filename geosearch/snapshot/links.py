"""Links between tables: the pairs of deal and merchant, and the rejects of unknown names.

A deal may name a card, merchants or a brand that no accepted row has. `checks` has the rules inside
one table.
"""

import re

import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot.checks import Checker
from geosearch.snapshot.rejects import shown

_SEVERAL = re.compile(r"[;；,，、|\s]")
_MAX_LINKS = 500_000_000
"""Most pairs of deal and merchant, 4 GB; a mistaken brand can produce more and exhaust memory."""


def link_deals(checker: Checker, merchants: pl.DataFrame, programs: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of `deal_row` and `merchant_row` (uint32), by deal, then in its list's order.

    This rejects in `checker` the deals that name an unknown card, merchant or brand, and duplicate
    ids. The frame of `checker` is final afterwards. `deal_row` is a row of that frame,
    `merchant_row` one of `merchants`. Merchants that are closed for good or in doubt have no pairs.

    Raises
    ------
    BadData
        There would be more than `_MAX_LINKS` pairs.
    """
    _reject_programs(checker, programs)
    ids = _listed(checker.frame)
    known = _known(merchants)
    pairs = ids.join(known, on="merchant_id", how="left", maintain_order="left")
    _reject_unknown(checker, pairs)
    _reject_brands(checker, merchants)
    checker.reject_duplicates()
    return pairs_of(checker.frame, merchants)


def _known(merchants: pl.DataFrame) -> pl.DataFrame:
    return merchants.select("merchant_id", _without_deals()).with_row_index("merchant_row")


def _without_deals() -> pl.Expr:
    closed = pl.col("business_status") == "CLOSED_PERMANENTLY"
    return (closed | pl.col("in_doubt")).alias("without_deals")


def _reject_programs(checker: Checker, programs: pl.DataFrame) -> None:
    expected = "`program_id` to be one of the cards"
    wanted = checker.frame["program_id"]
    _reject_others(checker, wanted, programs["program_id"], "unknown_program", expected)


def _reject_others(
    checker: Checker, wanted: pl.Series, known: pl.Series, code: str, expected: str
) -> None:
    """Reject the rows whose `wanted` is neither null nor in `known`."""
    unknown = set(wanted.drop_nulls().unique()) - set(known.drop_nulls().unique())
    if unknown:
        rows = wanted.is_in(list(unknown)).fill_null(False).arg_true().to_list()
        sentences = [f"Expected {expected}, got {shown(wanted[row])}" for row in rows]
        checker.reject_rows(rows, code, sentences)


def _listed(deals: pl.DataFrame) -> pl.DataFrame:
    """Return deal row and merchant id for each item of the deals' `merchant_ids`."""
    return (
        deals.select("merchant_ids", deal_row=pl.int_range(pl.len(), dtype=pl.UInt32))
        .filter(pl.col("merchant_ids").is_not_null())
        .explode("merchant_ids")
        .rename({"merchant_ids": "merchant_id"})
    )


def _reject_unknown(checker: Checker, pairs: pl.DataFrame) -> None:
    lost = pairs.filter(pl.col("merchant_row").is_null()).unique("deal_row", keep="first")
    lost = lost.sort("deal_row")
    sentences = [
        f"Expected `merchant_ids` to name accepted merchants, got {shown(name)}{_hint(name)}"
        for name in lost["merchant_id"]
    ]
    checker.reject_rows(lost["deal_row"].to_list(), "unknown_merchant", sentences)


def _hint(name: str) -> str:
    return " (in CSV, | separates items)" if _SEVERAL.search(name) else ""


def _reject_brands(checker: Checker, merchants: pl.DataFrame) -> None:
    brand = pl.when(pl.col("merchant_ids").is_null()).then(pl.col("brand"))
    wanted = checker.frame.select(brand).to_series()
    expected = "`brand` to be that of an accepted merchant"
    _reject_others(checker, wanted, merchants["brand"], "unknown_brand", expected)


def pairs_of(deals: pl.DataFrame, merchants: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of `link_deals`; ids that no merchant has are left out."""
    known = _known(merchants).with_columns(merchants["brand"]).filter(~pl.col("without_deals"))
    listed = _listed(deals).unique(maintain_order=True)
    by_list = listed.join(known, on="merchant_id", maintain_order="left")
    branded = deals.select(
        "brand", "merchant_ids", deal_row=pl.int_range(pl.len(), dtype=pl.UInt32)
    ).filter(pl.col("merchant_ids").is_null())
    shops = known.filter(pl.col("brand").is_not_null()).group_by("brand").len("shops")
    count = branded.join(shops, on="brand")["shops"].cast(pl.UInt64).sum() + by_list.height
    if count > _MAX_LINKS:
        raise BadData(
            f"Expected at most {_MAX_LINKS} pairs of deal and merchant, got {count} - at deals"
        )
    by_brand = branded.join(known, on="brand", maintain_order="left_right")
    columns = ("deal_row", "merchant_row")
    pairs = pl.concat([by_list.select(columns), by_brand.select(columns)])
    return pairs.cast(pl.UInt32).sort("deal_row", maintain_order=True)
