"""Typed queries: `Query` for a search, and `MerchantQuery` for one shop.

Both are frozen, and their constructors check every field, so no other module checks again.
`service.request` reads HTTP requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from math import inf
from typing import Any

import msgspec

from geosearch.errors import BadRequest
from geosearch.query.checks import find_problems
from geosearch.query.parameters import (
    DEFAULT_LANGUAGE,
    PARAMETERS,
    Parameter,
    fill_defaults,
    problem,
)
from geosearch.query.result_fields import FEATURE_FIELDS, FIELD_NAMES
from geosearch.query.route_parameters import (
    MERCHANT_PARAMETERS,
)

DEFAULT_RADIUS_M = 3_000.0
_FIELD_NAMES = frozenset(FIELD_NAMES)


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a search: shops near `lat`, `lng` at the instant `at`, for a wallet of cards.

    Names, defaults and meanings are those of the HTTP parameters (see `parameters.PARAMETERS`).
    Units: degrees, metres, minutes, minor units of money.

    Raises
    ------
    BadRequest
        A value is of the wrong type or out of range; `errors` lists every such value.

    Notes
    -----
    A valid query takes about 1 µs: a compiled check requires the exact type of each field, so that
    Numba never compiles a kernel for a second set of types. Any other value (an `int` latitude, a
    list of cards, a wrong value) takes a slower path, which converts it to the exact type or
    refuses it.

    Examples
    --------
    >>> query = Query(lat=31.23, lng=121.47, cards=("red",), open="now")
    >>> query.deals_mode, query.radius_m
    ('card', 3000.0)
    """

    lat: float
    lng: float
    crs: str = "WGS84"
    radius: float | None = None
    at: datetime | None = None
    open: str = "any"
    hours_unknown: str = "exclude"
    min_minutes_left: int = 0
    cards: tuple[str, ...] = ()
    deals: str | None = None
    new_customer: bool = False
    offer_type: tuple[str, ...] = ()
    party_size: int = 1
    spend: int | None = None
    max_pay: int | None = None
    stacking: str = "off"
    q: str | None = None
    categories: tuple[str, ...] = ()
    business_area: tuple[str, ...] = ()
    min_rating: float | None = None
    ids: tuple[str, ...] | None = None
    zone: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    polygon: dict[str, Any] | None = None
    sort: str = "best"
    limit: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] = ()
    total: bool = False
    explain: bool = False
    near_misses: int = 0
    near_minutes: int = 30
    fields: tuple[str, ...] = ()
    lang: str | None = None
    format: str = "json"
    min_seq: int | None = None

    def __post_init__(self) -> None:
        """Check every field; the first line accepts a valid query."""
        if not _is_plainly_valid(self):
            _normalise(self)

    @property
    def deals_mode(self) -> str:
        """`card`, `card_best`, `any` or `optional`: `deals`, or its default for this wallet.

        `offer_type` turns `optional` into `any`, because it requires a deal.
        """
        mode = self.deals or ("card" if self.cards else "optional")
        return "any" if self.offer_type and mode == "optional" else mode

    @property
    def has_area(self) -> bool:
        """Whether a zone, box or polygon bounds the search."""
        return self.zone is not None or self.bbox is not None or self.polygon is not None

    @property
    def radius_m(self) -> float | None:
        """The radius in metres, or None if only an area or `ids` bound the search."""
        if self.radius is not None:
            return self.radius
        return None if self.has_area or self.ids is not None else DEFAULT_RADIUS_M

    @property
    def language(self) -> str:
        """The language of the answer: `lang`, or the default."""
        return self.lang or DEFAULT_LANGUAGE

    @property
    def written_fields(self) -> tuple[str, ...]:
        """The members that results are written with, all without any: `fields`.

        With GeoJSON also those that a Feature is made of; `answer.geojson` removes them again.
        """
        if self.format == "geojson" and self.fields:
            return (*self.fields, *FEATURE_FIELDS)
        return self.fields

    @property
    def distinct_ids(self) -> list[str] | None:
        """The ids in their order by code points, each once; None if not given."""
        return None if self.ids is None else sorted(set(self.ids))

    @property
    def must_be_open(self) -> bool:
        """Whether a shop must be open at `at`: by `open=now`, or by `min_minutes_left`."""
        return self.open == "now" or self.min_minutes_left > 0


def is_instant(value: datetime) -> bool:
    """Whether a time has an offset, and a datetime can hold it in every time zone."""
    return value.utcoffset() is not None and 1 < value.year < 9999


def _is_text(value: object, longest: int) -> bool:
    return type(value) is str and 0 < len(value) <= longest


def _are_texts(values: tuple[object, ...], most: int, longest: int) -> bool:
    if len(values) > most:
        return False
    for value in values:  # noqa: SIM110 - in a third of the time of `all`
        if not _is_text(value, longest):
            return False
    return True


def _is_plain_box(box: object) -> bool:
    if type(box) is not tuple or len(box) != 4:
        return False
    for end in box:
        if type(end) is not float:
            return False
    ends: tuple[float, float, float, float] = box
    west, south, east, north = ends
    return -180.0 <= west <= 180.0 and -180.0 <= east <= 180.0 and -90.0 <= south <= north <= 90.0


def _is_plain_geometry(geometry: object) -> bool:
    return (
        type(geometry) is dict
        and geometry.get("type") in ("Polygon", "MultiPolygon")
        and type(geometry.get("coordinates")) is list
    )


# Conditions, by kind of parameter, of a value of the exact type and in range.
_PLAIN: dict[str, str] = {
    "number": "type({x}) is float and {low} <= {x} <= {high}",
    "integer": "type({x}) is int and {low} <= {x} <= {high}",
    "flag": "type({x}) is bool",
    "text": "_is_text({x}, {longest}) and not ({blankable} and {x}.isspace())",
    "choice": "{x} in {name}_choices",
    "instant": "type({x}) is datetime and is_instant({x})",
    "texts": "type({x}) is tuple and (not {x} or _are_texts({x}, {high}, {longest}))",
    "choices": "type({x}) is tuple and len({x}) <= {high} and {name}_choices.issuperset({x})",
    "fields": "type({x}) is tuple and len({x}) <= {high} and _FIELD_NAMES.issuperset({x})",
    "box": "_is_plain_box({x})",
    "geometry": "_is_plain_geometry({x})",
}


def plain_check(
    query: type[msgspec.Struct], table: Mapping[str, Parameter]
) -> Callable[[Any], bool]:
    """Return a function: whether each field of a query has its exact type and range.

    The function is compiled from the table, as `dataclasses` compiles `__init__`: a loop over the
    table takes 0.7 to 1.3 µs longer. It may raise TypeError for a value of a wrong type.

    Raises
    ------
    KeyError
        `table` lacks a field.
    """
    names: dict[str, Any] = globals() | {"inf": inf}
    conditions = []
    for field in msgspec.structs.fields(query):
        parameter = table[field.name]
        names[f"{parameter.name}_choices"] = frozenset(parameter.choices)
        condition = _PLAIN[parameter.kind].format(x=f"query.{field.name}", **asdict(parameter))
        optional = f"query.{field.name} is None or " if field.default is None else ""
        conditions.append(f"({optional}{condition})")
    check: Callable[[Any], bool] = eval(f"lambda query: {' and '.join(conditions)}", names)
    return check


_has_plain_fields = plain_check(Query, PARAMETERS)


def _is_plainly_valid(query: Query) -> bool:
    """Whether a query is valid and has exact types; False requires a closer look."""
    try:
        return (
            _has_plain_fields(query)
            and (bool(query.cards) or query.deals not in ("card", "card_best"))
            and (query.sort != "relevance" or query.q is not None)
            and (not query.near_misses or query.cursor is None)
        )
    except TypeError:
        return False


def _normalise(query: Query) -> None:
    """Convert a query to exact types, or raise `BadRequest` with all its problems."""
    values = msgspec.structs.asdict(query)
    problems = find_problems(values)
    if problems:
        raise BadRequest("; ".join(found["detail"] for found in problems), problems)
    fill_defaults(query, PARAMETERS)
    for name in values:
        value, exact = getattr(query, name), _EXACT.get(PARAMETERS[name].kind)
        if value is not None and exact is not None:
            msgspec.structs.force_setattr(query, name, exact(value))


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


_EXACT: dict[str, Callable[[Any], Any]] = {
    "number": float,
    "integer": int,
    "texts": tuple,
    "choices": tuple,
    "fields": tuple,
    "box": _floats,
}
"""Conversions to the exact type of a kind of parameter."""


class MerchantQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a query for one shop: instant, position and cards.

    Names, defaults and meanings are those of `Query`. `lat` requires `lng`, and `lng` requires
    `lat`.

    Raises
    ------
    BadRequest
        A value is of the wrong type or out of range; `errors` lists every such value.
    """

    lat: float | None = None
    lng: float | None = None
    crs: str = "WGS84"
    at: datetime | None = None
    cards: tuple[str, ...] = ()
    deals: str | None = None
    new_customer: bool = False
    party_size: int = 1
    spend: int | None = None
    stacking: str = "off"

    def __post_init__(self) -> None:
        """Check every field."""
        values = msgspec.structs.asdict(self)
        problems = find_problems(values, table=MERCHANT_PARAMETERS)
        for name, other in (("lat", "lng"), ("lng", "lat")):
            if values[name] is None and values[other] is not None:
                problems.append(problem("missing", f"`{name}` with `{other}`", "none", (name,)))
        if problems:
            raise BadRequest("; ".join(found["detail"] for found in problems), problems)
        fill_defaults(self, MERCHANT_PARAMETERS)

    def as_query(self, **changes: Any) -> Query:
        """A `Query` with these values and some fields changed; without a position at 0, 0."""
        values = msgspec.structs.asdict(self) | changes
        return Query(**values | {"lat": values["lat"] or 0.0, "lng": values["lng"] or 0.0})
