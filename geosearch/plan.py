"""From a `Query` to an `Ask`: names become numbers of one segment, wishes become limits.

Useful for: resolving wallet, categories, zone and time once, and choosing what drives the search.
Not useful for: validation (`model`) and searching (`kernel`).

Plans of wallets and category lists are kept: the same few come again and again.
"""

import math
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import shapely

from geosearch.bounds import PUBLIC_CLASS, class_of
from geosearch.catalogue import CATEGORY_BITS, program_bit
from geosearch.columns import (
    ANY_DEAL,
    ANY_HOURS,
    CARD_DEAL,
    F64,
    I64,
    OPEN_ONLY,
    OPEN_OR_UNKNOWN,
    OPTIONAL_DEAL,
    SORTS,
    U8,
    U32,
    Ask,
)
from geosearch.errors import BadRequest
from geosearch.model import Query
from geosearch.offers import UNKNOWN_MONEY
from geosearch.parameters import problem, shown
from geosearch.segment import Segment
from indexes.datum import Datum, to_wgs84
from indexes.polygon import from_geojson, from_shapely
from indexes.sphere import (
    EARTH_RADIUS_M,
    UNITS_PER_DEGREE,
    cosine_range,
    haversine_of,
    reach_crosses_antimeridian,
)
from indexes.timetable import HORIZON_MINUTES, HOURS_OF_WEEK

DRIVER_DOCS = 2_048
"""Longest list of documents that drives a search instead of the tree.

Testing a document costs about 10 ns where its columns are warm, so this is some 20 us, about what
the tree needs for a selective question."""

KEPT_PLANS = 4_096
RATING_STEPS = 1_000

_DEAL_MODES = {"optional": OPTIONAL_DEAL, "any": ANY_DEAL, "card": CARD_DEAL}
_SORT_CODES = {name: code for code, name in enumerate(SORTS)}
_NO_DOCS = np.zeros(0, np.uint32)
_NO_EDGES = np.zeros((0, 5), np.float64)
_NO_CATEGORIES = np.zeros(0, np.uint8)
_WORLD = (-180.0, -90.0, 180.0, 90.0)


class Moment(NamedTuple):
    """The instant of a query on the clock of an index."""

    at: datetime
    minute: int
    until_minute: int
    hour: int
    until_hour: int


class _Wallet(NamedTuple):
    eligible: U8
    signature: int
    classes: I64
    driver: U32 | None
    unknown: tuple[str, ...]


class _Categories(NamedTuple):
    allowed: U8
    low: int
    high: int


class _Area(NamedTuple):
    bounds: tuple[float, float, float, float]
    boxed: bool
    box: tuple[int, int, int, int]
    edges: F64
    docs: U32 | None


class Planner:
    """Plans queries for one segment."""

    def __init__(self, segment: Segment, walk_cost_per_m: float) -> None:
        self._segment = segment
        self._walk_cost_per_m = walk_cost_per_m
        self._wallets: dict[tuple[tuple[str, ...], str], _Wallet] = {}
        self._categories: dict[tuple[str, ...], _Categories] = {}
        self._nothing = _Categories(_NO_CATEGORIES, 0, 0)

    def plan(
        self, query: Query, moment: Moment, top_k: int, after: tuple[float, float, int] | None
    ) -> Ask:
        """The query as the kernel takes it.

        Raises
        ------
        BadRequest
            If the zone is unknown or not in force, or the polygon is not one.
        """
        mode = query.deals_mode
        wallet = self._wallet(query.cards, mode)
        categories = self._category_set(query.categories) if query.categories else self._nothing
        lat, lng = query.lat, query.lng
        if query.crs != "WGS84":
            lat, lng = to_wgs84(lat, lng, cast(Datum, query.crs))
        radius_m = query.radius_m
        area = self._area(query, moment.at) if query.has_area else None
        low, high, wraps = _reach(lat, lng, radius_m, area)
        driver, required = wallet.driver, None
        if area is not None and area.docs is not None:
            required = area.docs
            if len(required) <= 2 * DRIVER_DOCS and (driver is None or len(required) < len(driver)):
                driver, required = required, None
        after_primary, after_secondary, after_rank = after or (0.0, 0.0, 0)
        open_mode = ANY_HOURS
        if query.must_be_open:
            open_mode = OPEN_OR_UNKNOWN if query.hours_unknown == "include" else OPEN_ONLY
        spend = query.spend
        return Ask(
            lat=lat,
            lng=lng,
            x=lng * UNITS_PER_DEGREE,
            y=lat * UNITS_PER_DEGREE,
            low_cosines=low,
            high_cosines=high,
            wraps=wraps,
            radius_m=math.inf if radius_m is None else radius_m,
            radius_haversine=haversine_of(math.inf if radius_m is None else radius_m),
            minute=moment.minute,
            until_minute=moment.until_minute,
            open_mode=open_mode,
            hour=moment.hour,
            until_hour=moment.until_hour,
            deal_mode=_DEAL_MODES[mode],
            bits=np.array((wallet.signature, categories.low, categories.high), np.uint64),
            wallet=wallet.eligible,
            classes=wallet.classes,
            usual_spend=spend is None and query.party_size == 1,
            party_size=query.party_size,
            spend=UNKNOWN_MONEY if spend is None else spend,
            category_allowed=categories.allowed,
            min_rating=-1 if query.min_rating is None else _rating_floor(query.min_rating),
            boxed=area is not None and area.boxed,
            box_min_x=area.box[0] if area else 0,
            box_min_y=area.box[1] if area else 0,
            box_max_x=area.box[2] if area else 0,
            box_max_y=area.box[3] if area else 0,
            edges=area.edges if area else _NO_EDGES,
            required=_NO_DOCS if required is None else required,
            restricted=required is not None,
            driver=_NO_DOCS if driver is None else driver,
            driven=driver is not None,
            sort=_SORT_CODES[query.sort],
            walk_cost_per_m=self._walk_cost_per_m,
            top_k=top_k,
            after=after is not None,
            after_primary=after_primary,
            after_secondary=after_secondary,
            after_id_rank=after_rank,
        )

    def describe(self, query: Query, moment: Moment) -> dict[str, Any]:
        """What drives the search, for `explain`."""
        ask = self.plan(query, moment, 1, None)
        return {
            "driver": "documents" if ask.driven else "tree",
            "driver_docs": len(ask.driver) if ask.driven else None,
            "within_docs": len(ask.required) if ask.restricted else None,
            "bound_classes": len(ask.classes),
            "polygon_edges": len(ask.edges),
        }

    def unknown_cards(self, query: Query) -> tuple[str, ...]:
        """Cards of the wallet that the segment does not know."""
        return self._wallet(query.cards, query.deals_mode).unknown

    def _wallet(self, cards: tuple[str, ...], mode: str) -> _Wallet:
        found = self._wallets.get((cards, mode))
        if found is None:
            if len(self._wallets) >= KEPT_PLANS:
                self._wallets.clear()
            found = self._wallets[cards, mode] = self._plan_wallet(cards, mode)
        return found

    def _plan_wallet(self, cards: tuple[str, ...], mode: str) -> _Wallet:
        numbers = self._segment.program_numbers
        held = sorted({numbers[card] for card in cards if card in numbers})
        eligible = np.zeros(len(self._segment.catalogue.programs), np.uint8)
        eligible[[0, *held]] = 1
        classes = {class_of(program) for program in held}
        signature = {program_bit(program) for program in held}
        driver = None
        if mode == "card":
            postings = [self._segment.program_docs(program) for program in held]
            if sum(len(docs) for docs in postings) <= DRIVER_DOCS:
                driver = np.unique(np.concatenate([_NO_DOCS, *postings]))
        else:
            classes.add(PUBLIC_CLASS)
            signature.add(program_bit(0))
        unknown = tuple(dict.fromkeys(card for card in cards if card not in numbers))
        return _Wallet(
            eligible,
            sum(1 << bit for bit in signature),
            np.array(sorted(classes), np.int64),
            driver,
            unknown,
        )

    def _category_set(self, wanted: tuple[str, ...]) -> _Categories:
        found = self._categories.get(wanted)
        if found is None:
            if len(self._categories) >= KEPT_PLANS:
                self._categories.clear()
            found = self._categories[wanted] = self._plan_categories(wanted)
        return found

    def _plan_categories(self, wanted: tuple[str, ...]) -> _Categories:
        catalogue = self._segment.catalogue
        starts = tuple(f"{path}." for path in wanted)
        allowed = np.array(
            [
                any(path in wanted or path.startswith(starts) for path in paths)
                for paths in catalogue.category_sets
            ]
            or [False],
            np.uint8,
        )
        half = CATEGORY_BITS // 2
        bits = {catalogue.category_bits[path] for path in wanted if path in catalogue.category_bits}
        low = sum(1 << bit for bit in bits if bit < half)
        high = sum(1 << bit - half for bit in bits if bit >= half)
        return _Categories(allowed, low, high)

    def _area(self, query: Query, at: datetime) -> _Area:
        bounds, docs = _WORLD, None
        if query.zone is not None:
            zone = self._zone(query.zone, at)
            docs = self._segment.zone_docs(zone)
            bounds = _narrower(bounds, self._segment.catalogue.zones[zone].bounds)
        edges = _NO_EDGES
        if query.polygon is not None:
            edges, polygon_bounds = _polygon(query.polygon, query.crs)
            bounds = _narrower(bounds, polygon_bounds)
        box = (0, 0, 0, 0)
        if query.bbox is not None:
            wide = _box(query.bbox, query.crs)
            box = _outward(wide)
            bounds = _narrower(bounds, wide)
        return _Area(bounds, query.bbox is not None, box, edges, docs)

    def _zone(self, zone_id: str, at: datetime) -> int:
        number = self._segment.zone_numbers.get(zone_id)
        if number is None:
            expected = "`zone` as a `zone_id` of the snapshot"
            found = problem("unknown_zone", expected, shown(zone_id), ("zone",))
            raise BadRequest(found["detail"], [found], "unknown_zone")
        record = self._segment.catalogue.zones[number]
        if not record.in_force(at.astimezone(ZoneInfo(self._segment.manifest["time_zone"])).date()):
            term = f"{record.valid_from or 'ever'} to {record.valid_through or 'ever'}"
            expected = f"`zone` in force at `at` (this one: {term})"
            found = problem("zone_not_in_force", expected, shown(zone_id), ("zone",))
            raise BadRequest(found["detail"], [found], "zone_not_in_force")
        return number


def _rating_floor(rating: float) -> int:
    """Least stored rating, in thousandths, that is not below the one asked for."""
    return math.ceil(round(rating * RATING_STEPS, 6))


def _reach(
    lat: float, lng: float, radius_m: float | None, area: _Area | None
) -> tuple[float, float, bool]:
    """`low_cosines`, `high_cosines` and `wraps` of an `Ask`."""
    here = math.cos(math.radians(lat))
    if radius_m is None:
        bounds = area.bounds if area else _WORLD
        low, _ = cosine_range(bounds[1], bounds[3])
        return max(0.0, here) * low, 1.0, True
    # A hair more than the radius, so that rounding cannot leave a latitude out.
    degrees = math.degrees(radius_m / EARTH_RADIUS_M) * (1.0 + 1e-9) + 1e-9
    low, high = cosine_range(lat - degrees, lat + degrees)
    return max(0.0, here) * low, here * high, reach_crosses_antimeridian(lat, lng, radius_m)


def _narrower(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Latitudes of both boxes; longitudes are not narrowed, for a box may cross 180 degrees."""
    return (-180.0, max(a[1], b[1]), 180.0, max(min(a[3], b[3]), max(a[1], b[1])))


def _outward(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Column units of the positions inside a box of degrees, its border included.

    A border that is a whole unit may be a hair off in floating point; a thousandth of a unit
    (0.01 mm) brings it back.
    """
    return (
        math.ceil(box[0] * UNITS_PER_DEGREE - 1e-3),
        math.ceil(box[1] * UNITS_PER_DEGREE - 1e-3),
        math.floor(box[2] * UNITS_PER_DEGREE + 1e-3),
        math.floor(box[3] * UNITS_PER_DEGREE + 1e-3),
    )


def _box(box: tuple[float, float, float, float], crs: str) -> tuple[float, float, float, float]:
    if crs == "WGS84":
        return box
    min_lat, min_lng = to_wgs84(box[1], box[0], cast(Datum, crs))
    max_lat, max_lng = to_wgs84(box[3], box[2], cast(Datum, crs))
    return (min_lng, min_lat, max_lng, max_lat)


def _polygon(geometry: dict[str, Any], crs: str) -> tuple[F64, tuple[float, float, float, float]]:
    try:
        polygon = from_geojson(geometry)
        if crs != "WGS84":
            shape = shapely.from_geojson(orjson.dumps(geometry))
            polygon = from_shapely(shapely.transform(shape, partial(_corners_to_wgs84, crs)))
    except ValueError as error:
        found = problem(
            "bad_polygon",
            "`polygon` as a GeoJSON Polygon or MultiPolygon",
            str(error),
            ("polygon",),
        )
        raise BadRequest(found["detail"], [found], "bad_polygon") from error
    return polygon.edges, polygon.bounds


def _corners_to_wgs84(crs: str, corners: F64) -> F64:
    lat, lng = to_wgs84(corners[:, 1], corners[:, 0], cast(Datum, crs))
    return np.column_stack([lng, lat])


def moment_of(at: datetime, start: datetime, min_minutes_left: int) -> Moment:
    """Place an instant on the clock of an index.

    Parameters
    ----------
    at
        Aware.
    start
        Start of the horizon, midnight UTC.

    Raises
    ------
    BadRequest
        If the instant lies outside the horizon; the sentence names the bounds.
    """
    seconds = at.timestamp() - start.timestamp()
    minute = math.floor(seconds / 60)
    if not 0 <= minute < HORIZON_MINUTES:
        raise _outside_horizon(at, start)
    first_hour = start.weekday() * 24
    until = -1
    if min_minutes_left:
        # Open up to the instant itself: a shop that closes within its last minute is too early.
        until = min(math.ceil(seconds / 60 + min_minutes_left), HORIZON_MINUTES)
    last = max(until - 1, minute)
    return Moment(
        at,
        minute,
        until,
        (first_hour + minute // 60) % HOURS_OF_WEEK,
        (first_hour + last // 60) % HOURS_OF_WEEK,
    )


def _outside_horizon(at: datetime, start: datetime) -> BadRequest:
    end = start + timedelta(minutes=HORIZON_MINUTES)
    expected = f"`at` in the index's time horizon, {start.isoformat()} to {end.isoformat()},"
    found = problem("at_outside_horizon", expected, at.isoformat(), ("at",))
    return BadRequest(found["detail"], [found], "at_outside_horizon")
