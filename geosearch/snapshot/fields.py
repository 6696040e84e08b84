"""What a field of a snapshot's table is: its kind, its limits, and what a bad value costs.

`tables` has the tables.
"""

from dataclasses import dataclass
from enum import Enum

from indexes.geo.datums import DATUMS, Datum


class Kind(Enum):
    """Kind of a field; the value names it in sentences."""

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
        """What a value must be, for sentences."""
        return "text" if self in WRITTEN else self.value


WRITTEN = (Kind.ID, Kind.TEXT, Kind.DATE, Kind.INSTANT)
"""Kinds whose values are texts in JSON."""


class Cost(Enum):
    """What a bad value costs: the value, the usability of the row, or the row.

    A row in doubt stays, but is not used: a deal or card is out of use, a merchant has unknown
    hours and no usable deal. Otherwise a deal with an unreadable `valid_through` would be valid for
    ever.
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
        Words that the field takes, and the code of a fault for any other word.
    cost
        What a bad value costs; in a required field it always costs the row.
    needed_by
        Offer types that need the field: a bad value rejects a deal of such a type.
    money
        Whether the number is an amount, in minor units.
    help, absent, example
        Meaning of the field; meaning of an absent value, if not "unknown" or "none"; a value in
        NDJSON. docs/snapshot.md and the descriptions of answers show them.
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
    money: bool = False
    help: str = ""
    absent: str = ""
    example: str = ""

    @property
    def hint(self) -> str:
        """Hint that a sentence about a value of the wrong type appends."""
        return " (money is in minor units: 3800 for ¥38.00)" if self.money else ""

    def cost_for(self, offer_type: object = None) -> Cost:
        """Return what a bad value costs in a row of this offer type.

        Examples
        --------
        >>> percent = Field("percent", Kind.NUMBER, needed_by=("percent_off",))
        >>> percent.cost_for("bundle").name, percent.cost_for("percent_off").name
        ('FIELD', 'ROW')
        """
        return Cost.ROW if self.required or offer_type in self.needed_by else self.cost


def datum_named(name: object) -> Datum | None:
    """Return the datum of that name, or None.

    Examples
    --------
    >>> datum_named("GCJ02"), datum_named("gcj-02")
    ('GCJ02', None)
    """
    return next((datum for datum in DATUMS if datum == name), None)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, its key field, all fields, and a help text."""

    name: str
    key: str
    fields: tuple[Field, ...]
    help: str = ""

    def names(self) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(field.name for field in self.fields)
