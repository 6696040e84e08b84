"""Validation of deals: raw frame to the columns of the build.

It checks what each offer type needs, makes percents exact, and decodes `redemption`. `links` checks
that the merchants and cards exist; `money` computes savings.
"""

import polars as pl

from geosearch.snapshot.checks import Checker, FieldRule, as_reject, typed
from geosearch.snapshot.objects import read_objects, read_redemption
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.tables import DEALS

PPM_PER_PERCENT = 10_000
"""Parts per million in a percent; whole parts keep savings exact."""

_PERCENT = next(field for field in DEALS.fields if field.name == "percent")
LIMITS = {
    "min_spend": ("percent_off", "amount_off", "voucher", "cashback"),
    "max_discount": ("percent_off", "cashback"),
    "max_uses": ("voucher",),
}
"""Limits of a deal, and the offer types that have each."""

_REDEMPTION = pl.Struct({"channel": pl.String, "appointment": pl.Boolean})


def deals_checker(raw: pl.DataFrame, log: RejectLog) -> Checker:
    """Return a checker with the deals that pass the checks of their own row, in file order.

    Duplicate ids remain: the links decide which row is the first accepted one. Deals with a bad
    value that may hide a limit are `in_doubt`.
    """
    checker = typed(raw, DEALS, log)
    precise = _precision_rule()
    percents = as_reject(precise, _PERCENT)
    checker.reject([*_scope_rules(), *_type_rules(), *percents, *_number_rules()])
    checker.lose([precise])
    checker.mark_doubts()
    objects = read_objects(checker, "redemption", read_redemption)
    redemption = checker.frame["redemption"].replace_strict(
        list(objects),
        pl.Series(list(objects.values()), dtype=_REDEMPTION),
        default=None,
        return_dtype=_REDEMPTION,
    )
    ids = pl.col("merchant_ids")
    checker.frame = checker.frame.with_columns(
        redemption,
        pl.when(ids.list.len() > 0).then(ids),
        pl.col("new_customer_only").fill_null(False),
        (pl.col("percent") * PPM_PER_PERCENT).round().cast(pl.Int64).alias("percent_ppm"),
    )
    return checker


def warn_of_deals(checker: Checker) -> None:
    """Log warnings about accepted deals: two scopes, ignored limits, no saving."""
    both = pl.col("merchant_ids").is_not_null() & pl.col("brand").is_not_null()
    rules = [
        FieldRule(both, "two_for_one", "brand", "either `merchant_ids` or `brand`", " as well")
    ]
    for field, types in LIMITS.items():
        ignored = (pl.col(field) > 0) & ~pl.col("offer_type").is_in(types)
        expected = f"`{field}` only for {', '.join(types)}"
        rules.append(FieldRule(ignored, "limit_ignored", field, expected))
    checker.warn([*rules, *_no_saving_rules()])


def _is(offer_type: str) -> pl.Expr:
    return pl.col("offer_type") == offer_type


def _scope_rules() -> list[FieldRule]:
    nowhere = (pl.col("merchant_ids").list.len() == 0) & pl.col("brand").is_null()
    return [FieldRule(nowhere, "missing_field", "brand", "`merchant_ids` or `brand`")]


def _type_rules() -> list[FieldRule]:
    return [
        FieldRule(
            _is(offer_type) & pl.col(field.name).is_null(),
            "missing_for_type",
            field.name,
            f"`{field.name}` for offer type {offer_type}",
        )
        for field in DEALS.fields
        for offer_type in field.needed_by
    ]


def _precision_rule() -> FieldRule:
    parts = pl.col("percent") * PPM_PER_PERCENT
    # As a double, a number of 4 decimals is within 1e-10 of whole parts; a fifth decimal adds 0.1.
    fine = (parts - parts.round()).abs() > 1e-6
    return FieldRule(fine, "too_precise", "percent", "`percent` of at most 4 decimals")


def _number_rules() -> list[FieldRule]:
    worthless = _is("voucher") & (pl.col("face_value") < 1)
    crowd = pl.col("party_min") > pl.col("party_max")
    return [
        FieldRule(
            worthless, "out_of_range", "face_value", "`face_value` >= 1 for offer type voucher"
        ),
        FieldRule(crowd, "bad_order", "party_min", "`party_min` <= `party_max`"),
    ]


def _no_saving_rules() -> list[FieldRule]:
    share = _is("percent_off") | _is("cashback")
    dear_voucher = _is("voucher") & (pl.col("price") >= pl.col("face_value"))
    dear_bundle = _is("bundle") & (pl.col("price") >= pl.col("list_price"))
    rules = [
        (share & (pl.col("percent") == 0), "percent", "`percent` > 0"),
        (share & (pl.col("max_discount") == 0), "max_discount", "`max_discount` > 0"),
        (_is("amount_off") & (pl.col("amount") == 0), "amount", "`amount` > 0"),
        (dear_voucher, "price", "`price` < `face_value`"),
        (dear_bundle, "price", "`price` < `list_price`"),
        (_is("free_item") & (pl.col("face_value") == 0), "face_value", "`face_value` > 0"),
    ]
    return [FieldRule(broken, "no_saving", field, expected) for broken, field, expected in rules]
