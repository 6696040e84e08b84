"""Fields of a snapshot's tables: names, kinds and limits, in one place for readers and checks.

Useful for: schemas, generic checks, what a bad value costs, documentation of what a row may hold.
Not useful for: rules over more than one field; those stand with their table.
"""

from dataclasses import dataclass
from enum import Enum

import polars as pl

from indexes.datum import DATUMS, Datum

MAX_MONEY = 2_000_000_000
"""Largest number in any whole-number field: fits 32 bits, and sums fit 64."""

OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")
REDEMPTION_CHANNELS = ("qr", "barcode", "phone_number", "show_card", "online")


class Kind(Enum):
    """What a field holds; the value is the type it is decoded to."""

    ID = "id"
    TEXT = "text"
    TEXTS = "a list of texts"
    NUMBER = "a number"
    INTEGER = "a whole number"
    FLAG = "true or false"
    DATE = "date"
    INSTANT = "instant"
    JSON = "JSON"

    @property
    def described(self) -> str:
        """What a value has to be, for sentences."""
        return "text" if self in WRITTEN else self.value

    @property
    def dtype(self) -> pl.DataType:
        """Type of the raw column.

        Whole numbers come as doubles, so that 5.0 is 5 and 1e99 is told by value, not lost in a
        decoder's error; doubles hold every whole number in range.
        """
        if self in (Kind.NUMBER, Kind.INTEGER):
            return pl.Float64()
        if self is Kind.FLAG:
            return pl.Boolean()
        return pl.List(pl.String()) if self is Kind.TEXTS else pl.String()


WRITTEN = (Kind.ID, Kind.TEXT, Kind.DATE, Kind.INSTANT)
"""Kinds whose values are texts in JSON."""


class Cost(Enum):
    """What a bad value costs: a field that only describes, or more where null would promise more.

    A row in doubt stays, but nothing is promised of it: a deal or programme is out of use, a
    merchant has unknown hours and no usable deal. Without that, a deal whose `valid_through` is
    unreadable would be valid for ever.
    """

    FIELD = "the value is null"
    DOUBT = "the value is null, and the row is in doubt"
    ROW = "the row is rejected"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    Attributes
    ----------
    low, high
        Inclusive bounds.
    choices, choice_code
        Words it takes, and the code of another one.
    cost
        What a bad value costs; a required field always costs the row.
    needed_by
        Offer types that need it: a bad value costs a deal of such a type.
    """

    name: str
    kind: Kind
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    choice_code: str = "bad_enum"
    cost: Cost = Cost.FIELD
    needed_by: tuple[str, ...] = ()

    def cost_for(self, offer_type: object = None) -> Cost:
        """What a bad value costs in a row of this offer type.

        Examples
        --------
        >>> percent = Field("percent", Kind.NUMBER, needed_by=("percent_off",))
        >>> percent.cost_for("bundle").name, percent.cost_for("percent_off").name
        ('FIELD', 'ROW')
        """
        return Cost.ROW if self.required or offer_type in self.needed_by else self.cost


def datum_named(name: object) -> Datum | None:
    """The datum of that name, or None.

    Examples
    --------
    >>> datum_named("GCJ02"), datum_named("gcj-02")
    ('GCJ02', None)
    """
    return next((datum for datum in DATUMS if datum == name), None)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, the field that identifies a row, and all fields."""

    name: str
    key: str
    fields: tuple[Field, ...]

    def schema(self) -> dict[str, pl.DataType]:
        """Raw column types by field name."""
        return {field.name: field.kind.dtype for field in self.fields}


def _id(name: str, *, required: bool = True) -> Field:
    return Field(name, Kind.ID, required=required, cost=Cost.ROW)


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, Kind.TEXT) for name in names)


def _whole(name: str, low: int = 0, *, cost: Cost = Cost.FIELD) -> Field:
    return Field(name, Kind.INTEGER, low=low, high=MAX_MONEY, cost=cost)


def _value(name: str, *needed_by: str) -> Field:
    return Field(name, Kind.INTEGER, low=0, high=MAX_MONEY, needed_by=needed_by)


def _validity() -> tuple[Field, ...]:
    return tuple(
        Field(name, Kind.DATE, cost=Cost.DOUBT) for name in ("valid_from", "valid_through")
    )


PROGRAMS = Table(
    "programs",
    "program_id",
    (
        _id("program_id"),
        Field("name", Kind.TEXT, required=True),
        Field(
            "kind",
            Kind.TEXT,
            choices=("membership", "bank_card", "government_voucher", "platform"),
        ),
        Field("status", Kind.TEXT, choices=("ACTIVE", "SUSPENDED", "ENDED"), cost=Cost.DOUBT),
        _whole("fee"),
        *_validity(),
        *_texts("how_to_redeem", "url"),
    ),
)

MERCHANTS = Table(
    "merchants",
    "merchant_id",
    (
        _id("merchant_id"),
        Field("name", Kind.TEXT, required=True),
        Field("branch_name", Kind.TEXT),
        Field("aliases", Kind.TEXTS),
        Field("brand", Kind.TEXT),
        Field("lat", Kind.NUMBER, required=True, low=-90, high=90),
        Field("lng", Kind.NUMBER, required=True, low=-180, high=180),
        # Without it the position, which is required, may be 500 m off.
        Field("crs", Kind.TEXT, choices=DATUMS, choice_code="bad_crs", cost=Cost.ROW),
        Field("categories", Kind.TEXTS),
        *_texts("address", "city", "district", "business_area"),
        Field("time_zone", Kind.TEXT, cost=Cost.DOUBT),
        *_texts("country", "opening_hours"),
        Field("opening_periods", Kind.JSON),
        Field(
            "business_status",
            Kind.TEXT,
            choices=("OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY"),
            cost=Cost.DOUBT,
        ),
        Field("rating", Kind.NUMBER, low=0, high=5),
        _whole("rating_count"),
        _whole("avg_price"),
        _whole("redemptions_ok"),
        _whole("redemptions_failed"),
        Field("tags", Kind.TEXTS),
        *_texts("phone", "url", "image_url"),
        Field("updated_at", Kind.INSTANT),
    ),
)

DEALS = Table(
    "deals",
    "deal_id",
    (
        _id("deal_id"),
        Field("merchant_ids", Kind.TEXTS, cost=Cost.ROW),
        Field("brand", Kind.TEXT, cost=Cost.ROW),
        _id("program_id", required=False),
        *_texts("source", "title", "terms", "url"),
        Field("offer_type", Kind.TEXT, required=True, choices=OFFER_TYPES),
        Field("percent", Kind.NUMBER, low=0, high=100, needed_by=("percent_off", "cashback")),
        _value("amount", "amount_off"),
        _value("price", "voucher", "bundle"),
        _value("list_price", "bundle"),
        _value("face_value", "voucher", "free_item"),
        _whole("min_spend", cost=Cost.DOUBT),
        _whole("max_discount", cost=Cost.DOUBT),
        # Absent it is 1, and the saving the least that it can be.
        _whole("max_uses", low=1),
        _whole("party_min", low=1, cost=Cost.DOUBT),
        _whole("party_max", low=1, cost=Cost.DOUBT),
        *_validity(),
        Field("use_hours", Kind.TEXT, cost=Cost.DOUBT),
        Field("new_customer_only", Kind.FLAG, cost=Cost.DOUBT),
        Field("stack_group", Kind.TEXT),
        _whole("stock", cost=Cost.DOUBT),
        Field("redemption", Kind.JSON),
        Field("verified_at", Kind.INSTANT),
    ),
)

CATEGORIES = Table(
    "categories",
    "category_id",
    (_id("category_id"), Field("names", Kind.JSON), Field("aliases", Kind.JSON)),
)

TABLES = (PROGRAMS, MERCHANTS, DEALS, CATEGORIES)
