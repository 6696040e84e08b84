"""Typed queries: `Query` for a search, and `MerchantQuery` for one shop.

Both are frozen, and their constructors check every field, so no other module checks again.
`service.request` reads HTTP requests.
"""

from datetime import datetime
from typing import Any

import msgspec

from geosearch.errors import BadRequest
from geosearch.query.parameters import (
    CRS,
    DEALS,
    FACETS,
    HOURS_UNKNOWN,
    MAX_CARDS,
    MAX_CATEGORIES,
    MAX_CURSOR,
    MAX_MONEY,
    MAX_TEXT,
    MERCHANT_PARAMETERS,
    OFFER_TYPES,
    OPEN,
    PARAMETERS,
    SORTS,
    fill_defaults,
    find_problems,
    problem,
)

DEFAULT_RADIUS_M = 3_000.0

_CRS, _OPEN, _HOURS_UNKNOWN = frozenset(CRS), frozenset(OPEN), frozenset(HOURS_UNKNOWN)
_OFFER_TYPES = frozenset(OFFER_TYPES)
_DEALS, _SORTS, _FACETS = frozenset((*DEALS, None)), frozenset(SORTS), frozenset(FACETS)


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
    A valid query takes about 1 µs: an inline check requires the exact type of each field, so that
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
    offer_type: tuple[str, ...] = ()
    party_size: int = 1
    spend: int | None = None
    q: str | None = None
    categories: tuple[str, ...] = ()
    business_area: tuple[str, ...] = ()
    min_rating: float | None = None
    zone: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    polygon: dict[str, Any] | None = None
    sort: str = "best"
    limit: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] = ()
    total: bool = False
    explain: bool = False

    def __post_init__(self) -> None:
        """Check every field; the first line accepts a valid query."""
        if not _is_plainly_valid(self):
            _normalise(self)

    @property
    def deals_mode(self) -> str:
        """`card`, `any` or `optional`: the value of `deals`, or its default for this wallet.

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
        """The radius in metres, or None if only an area bounds the search."""
        if self.radius is not None:
            return self.radius
        return None if self.has_area else DEFAULT_RADIUS_M

    @property
    def must_be_open(self) -> bool:
        """Whether a shop must be open at `at`: by `open=now`, or by `min_minutes_left`."""
        return self.open == "now" or self.min_minutes_left > 0


def _is_plainly_valid(query: Query) -> bool:
    """Whether every field has its exact type and range; False requires a closer look."""
    lat, lng, radius, at = query.lat, query.lng, query.radius, query.at
    spend, min_rating = query.spend, query.min_rating
    cards, categories = query.cards, query.categories
    try:
        return (
            type(lat) is float
            and -90.0 <= lat <= 90.0
            and type(lng) is float
            and -180.0 <= lng <= 180.0
            and (radius is None or (type(radius) is float and 1.0 <= radius <= 50_000.0))
            and (at is None or (type(at) is datetime and is_instant(at)))
            and (type(query.limit) is int and 1 <= query.limit <= 100)
            and (type(query.party_size) is int and 1 <= query.party_size <= 1_000)
            and (type(query.min_minutes_left) is int and 0 <= query.min_minutes_left <= 10_080)
            and (spend is None or (type(spend) is int and 0 <= spend <= MAX_MONEY))
            and (min_rating is None or (type(min_rating) is float and 0.0 <= min_rating <= 5.0))
            and query.sort in _SORTS
            and query.open in _OPEN
            and query.crs in _CRS
            and query.hours_unknown in _HOURS_UNKNOWN
            and query.deals in _DEALS
            and (query.deals != "card" or bool(cards))
            and type(cards) is tuple
            and (not cards or _are_texts(cards, MAX_CARDS))
            and type(categories) is tuple
            and (not categories or _are_texts(categories, MAX_CATEGORIES))
            and type(query.business_area) is tuple
            and (not query.business_area or _are_texts(query.business_area, MAX_CATEGORIES))
            and type(query.offer_type) is tuple
            and (not query.offer_type or _OFFER_TYPES.issuperset(query.offer_type))
            and len(query.offer_type) <= len(_OFFER_TYPES)
            and type(query.facets) is tuple
            and (not query.facets or _FACETS.issuperset(query.facets))
            and len(query.facets) <= len(_FACETS)
            and (query.q is None or (_is_text(query.q, MAX_TEXT) and not query.q.isspace()))
            and (query.sort != "relevance" or query.q is not None)
            and (query.zone is None or _is_text(query.zone, MAX_TEXT))
            and (
                query.cursor is None
                or (_is_text(query.cursor, MAX_CURSOR) and not query.cursor.isspace())
            )
            and type(query.total) is bool
            and type(query.explain) is bool
            and query.bbox is None
            and query.polygon is None
        )
    except TypeError:
        return False


def is_instant(value: datetime) -> bool:
    """Whether a time has an offset, and a datetime can hold it in every time zone."""
    return value.utcoffset() is not None and 1 < value.year < 9999


def _is_text(value: object, longest: int) -> bool:
    return type(value) is str and 0 < len(value) <= longest


def _are_texts(values: tuple[str, ...], most: int) -> bool:
    if len(values) > most:
        return False
    for value in values:  # noqa: SIM110 - in a third of the time of `all`
        if not _is_text(value, MAX_TEXT):
            return False
    return True


def _normalise(query: Query) -> None:
    """Convert a query to exact types, or raise `BadRequest` with all its problems."""
    values = msgspec.structs.asdict(query)
    problems = find_problems(values)
    if problems:
        raise BadRequest("; ".join(found["detail"] for found in problems), problems)
    fill_defaults(query, PARAMETERS)
    for name, exact in _EXACT.items():
        value = getattr(query, name)
        if value is not None:
            msgspec.structs.force_setattr(query, name, exact(value))


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


_EXACT: dict[str, Any] = {
    "lat": float,
    "lng": float,
    "radius": float,
    "min_rating": float,
    "limit": int,
    "party_size": int,
    "min_minutes_left": int,
    "spend": int,
    "cards": tuple,
    "categories": tuple,
    "business_area": tuple,
    "offer_type": tuple,
    "facets": tuple,
    "bbox": _floats,
}


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
    party_size: int = 1
    spend: int | None = None

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
