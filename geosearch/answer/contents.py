"""Listings of an index: cards, categories, zones, business areas, bounds and metadata."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geosearch.answer.languages import name_in
from geosearch.errors import Misdirected
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query
from geosearch.segment.catalogue import ZoneRecord, prefixes
from geosearch.segment.segment import Segment
from indexes.allowance import READ, take
from indexes.cache import BoundedCache, size_of
from indexes.geo.datum import Datum, from_wgs84, to_wgs84
from indexes.geo.density import density, grid_over
from indexes.geo.sphere import EARTH_RADIUS_M, UNITS_PER_DEGREE
from indexes.names.spellings import typed_form

Box = tuple[float, float, float, float]
"""min_lng, min_lat, max_lng, max_lat in degrees."""

AREA_BYTES = 1 << 20
"""Bytes of the cache of places of areas."""

SHOP_MEMBERS = ("merchant_id", "name", "branch_name", "phone")
"""What `program` tells of each merchant: enough to call it."""

_NOT_LOOKED_UP = object()

_BEND = 0.01
"""Degrees; more than the sides of a WGS-84 box bend in another datum."""


class AreaPlace(NamedTuple):
    """Median position and bounding box of the shops of a business area, WGS-84."""

    lat: float
    lng: float
    box: Box


class Moved(NamedTuple):
    """A query moved to the business area that its text names, and `Answer.around`."""

    query: Query
    around: dict[str, Any]


class Contents:
    """Listings of the segments of one index version; counts of whole columns are made once.

    Parameters
    ----------
    segments
        The segments.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._areas = BoundedCache[str, Any](AREA_BYTES)
        known = (segment.regional for segment in segments)
        self._regional = next((one for one in known if one is not None), None)

    def programs(self) -> list[dict[str, Any]]:
        """Cards of the snapshot by id, each with the number of merchants with a deal of it."""
        return [dict(record) for record in self._programs]

    def program(self, program_id: str) -> dict[str, Any] | None:
        """One card with the merchants that have a deal of it, by id; None for an unknown card."""
        known = {record["program_id"]: record for record in self._programs}.get(program_id)
        if known is None:
            return None
        shops: list[dict[str, Any]] = []
        for segment in self._segments:
            number = segment.program_numbers.get(program_id)
            docs = [] if number is None else segment.program_members(number).tolist()
            stored = (orjson.loads(segment.merchant_payload(doc)) for doc in docs)
            shops += [{name: shop.get(name) for name in SHOP_MEMBERS} for shop in stored]
        return {**known, "shops": sorted(shops, key=lambda shop: shop["merchant_id"])}

    @cached_property
    def _programs(self) -> list[dict[str, Any]]:
        programs: dict[str, dict[str, Any]] = {}
        for segment in self._segments:
            for name, number in segment.program_numbers.items():
                record = segment.catalogue.programs[number]
                known = programs.setdefault(name, {**record, "merchants": 0})
                known["merchants"] += segment.program_merchants(number)
        return [programs[name] for name in sorted(programs)]

    def info(self, version: str, horizon: tuple[datetime, datetime]) -> dict[str, Any]:
        """Version, counts, horizon and age of the index."""
        manifest, (start, end) = self._segments[0].manifest, horizon
        built_at = datetime.fromisoformat(manifest["built_at"])
        return {
            "snapshot_id": manifest["snapshot_id"],
            "version": version,
            "built_at": built_at.isoformat(),
            "age_seconds": max(0, int((datetime.now(UTC) - built_at).total_seconds())),
            "currency": manifest["currency"],
            "time_zone": manifest["time_zone"],
            "horizon": {"start": start.isoformat(), "end": end.isoformat()},
            "country": manifest["country"],
            "provisional_holidays": manifest.get("provisional_holidays", []),
            "merchants": self._live_docs,
            "deals": self._deals,
            "programs": len(self._programs),
            "zones": len(set().union(*(segment.zone_numbers for segment in self._segments))),
            "segments": len(self._segments),
            "hot_bytes": sum(segment.hot_bytes() for segment in self._segments),
            "bounds": self.bounds(),
        } | ({} if self._regional is None else {"region_id": self._regional.region_id})

    @cached_property
    def _live_docs(self) -> int:
        return sum(segment.live_docs() for segment in self._segments)

    @cached_property
    def _deals(self) -> int:
        """Number of deals; one that several segments have counts once."""
        first, *others = self._segments
        count = first.deals()
        for place, segment in enumerate(others, 1):
            for number in range(len(segment.deal_id_texts)):
                deal_id = segment.deal_id(number)
                before = ((one, one.deal_of(deal_id)) for one in self._segments[:place])
                known = any(at is not None and not one.deal_is_gone(at) for one, at in before)
                count += not (known or segment.deal_is_gone(number))
        return count

    def categories(self, language: str) -> list[dict[str, Any]]:
        """Categories by id: those of merchants, their ancestors, and those that the snapshot names.

        `name` is in `language` if there is such a name, and the id without any. `merchants` counts
        the merchants with the category or one below it.
        """
        return [
            {
                "category_id": record["category_id"],
                "name": name_in(record["names"], language) or record["category_id"],
                "names": dict(record["names"]),
                "merchants": record["merchants"],
            }
            for record in self._categories
        ]

    @cached_property
    def _categories(self) -> list[dict[str, Any]]:
        names: dict[str, dict[str, str]] = {}
        counts: dict[str, int] = {}
        for segment in self._segments:
            catalogue = segment.catalogue
            names |= catalogue.category_names
            live = np.unpackbits(segment.columns.doc_live.view(np.uint8), bitorder="little")
            sets = segment.columns.doc_category_set[live[: len(segment)] == 1]
            held = np.bincount(sets, minlength=len(catalogue.category_sets)).tolist()
            for paths, merchants in zip(catalogue.category_sets, held, strict=True):
                for held_path in {prefix for path in paths for prefix in prefixes(path)}:
                    counts[held_path] = counts.get(held_path, 0) + merchants
        return [
            {"category_id": path, "names": names.get(path, {}), "merchants": counts.get(path, 0)}
            for path in sorted({*names, *counts})
        ]

    def zones_at(self, lat: float, lng: float, day: date, crs: Datum) -> list[dict[str, Any]]:
        """Zones that hold a WGS-84 position and are in force on a date, without geometry."""
        found: dict[str, dict[str, Any]] = {}
        for segment in self._segments:
            for number in segment.zone_index.holding(lng, lat):
                zone = segment.catalogue.zones[number]
                if zone.in_force(day):
                    found[zone.zone_id] = _zone(zone, self._shape(segment, number, crs))
        return list(found.values())

    def zones_in(self, box: Box, day: date, crs: Datum) -> list[dict[str, Any]]:
        """Zones in force that share a point with a box, by id; box and geometry in datum `crs`."""
        west, south, east, north = box
        halves = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        area = shapely.union_all([shapely.box(low, south, high, north) for low, high in halves])
        found: dict[str, dict[str, Any]] = {}
        for segment in self._segments:
            for number, zone in enumerate(segment.catalogue.zones):
                if zone.in_force(day) and zone.zone_id not in found:
                    shape = self._shape(segment, number, crs)
                    if shapely.intersects(shape, area):
                        geometry = shapely.geometry.mapping(shape)
                        found[zone.zone_id] = _zone(zone, shape) | {"geometry": geometry}
        return [found[name] for name in sorted(found)]

    def density(self, box: Box, cells: int) -> NDArray[np.int64]:
        """Number of live shops in each of `cells` x `cells` parts of a WGS-84 box.

        Rows run from south to north, their cells from west to east; see `indexes.geo.density`.
        """
        grid = grid_over(box, cells)
        total = np.zeros((cells, cells), np.int64)
        for segment in self._segments:
            columns = segment.columns
            total += density(
                *(columns.doc_position, columns.doc_live, columns.node_box, columns.level_start),
                grid,
            )
        return total

    def area(self, name: str) -> AreaPlace | None:
        """Place of the live shops of a business area; None if it has none."""
        found = self._areas.get(name, _NOT_LOOKED_UP)
        if found is _NOT_LOOKED_UP:
            found = self._areas.keep(name, self._find_area(name), size_of((name,)) + 200)
        return cast("AreaPlace | None", found)

    def unknown_areas(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names that are no business area of the index, each once."""
        known = [segment.area_numbers for segment in self._segments] if names else []
        return tuple(name for name in dict.fromkeys(names) if not any(name in one for one in known))

    def moved(self, query: Query, is_found: bool = False) -> Moved | None:
        """The query moved to the business area that its text names, without the text, or None.

        If something nearby matches the text (`is_found`), the text must equal the name of the area,
        and no shop of the area may be within the radius. Such a match is elsewhere, on a street of
        that name.
        """
        if is_found and (query.q or "").strip() not in self._written_names:
            return None
        name = self._area_names.get(typed_form(query.q or ""))
        is_bound = query.has_area or query.ids is not None
        area = None if name is None or is_bound else self.area(name)
        if name is None or area is None:
            return None
        crs = cast(Datum, query.crs)
        from_lat, from_lng = to_wgs84(query.lat, query.lng, crs)
        if is_found and is_near(area.box, from_lat, from_lng, query.radius_m or 0.0):
            return None
        lat, lng = from_wgs84(area.lat, area.lng, crs)
        sort = "best" if query.sort == "relevance" else query.sort
        moved = msgspec.structs.replace(query, lat=lat, lng=lng, q=None, sort=sort)
        box = shown_box(area.box, crs)
        return Moved(moved, {"business_area": name, "lat": lat, "lng": lng, "bbox": box})

    def check_area(self, moved: Moved) -> None:
        """As `check_owner`, of a query with a radius that is moved to an area."""
        query = moved.query
        if query.radius_m is not None:
            area = f"the business area {shown(moved.around['business_area'])}"
            self.check_owner(query.lat, query.lng, "q", area)

    def check_owner(
        self, lat: float, lng: float, field: str = "lat", got: str = "a position"
    ) -> None:
        """Refuse a question about surroundings of a position that another region owns.

        The position counts as it is given, in whatever datum: so do proxies.

        Raises
        ------
        Misdirected
            Code `misdirected`.
        """
        regional = self._regional
        owner = None if regional is None else regional.owner(lat, lng)
        if regional is not None and owner != regional.region_id:
            place = "no region" if owner is None else f"region `{owner}`"
            expected = f"a question about region `{regional.region_id}`"
            found = problem("misdirected", expected, f"{got} of {place}", (field,))
            raise Misdirected(found["detail"], [found], owner)

    def unknown_ids(self, ids: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The ids of a query that no segment has, each once; None if it lists none."""
        if ids is None:
            return None
        unknown, *others = (segment.listed(ids).unknown for segment in self._segments)
        for other in map(frozenset, others):
            unknown = tuple(one for one in unknown if one in other)
        if self._regional is None:
            return unknown
        nowhere = frozenset(self._regional.unknown(unknown))
        withdrawn = (any(s.doc_of(one) is not None for s in self._segments) for one in unknown)
        rows = zip(unknown, withdrawn, strict=True)
        return tuple(one for one, gone in rows if gone or one in nowhere)

    @cached_property
    def _written_names(self) -> frozenset[str]:
        """Names of business areas as written; a quick test for most texts."""
        return frozenset(self._area_names.values())

    @cached_property
    def _area_names(self) -> dict[str, str]:
        """Names of business areas by their typed form."""
        first, *others = (segment.area_forms for segment in self._segments)
        if not others:
            return first
        return {form: name for names in (*reversed(others), first) for form, name in names.items()}

    def beyond(self, query: Query) -> dict[str, Any] | None:
        """`Answer.outside_coverage` of a query; None if a shop may be in its radius and shape."""
        box, crs = self.bounds(), cast(Datum, query.crs)
        if box is None:
            return None
        if query.radius_m is not None:
            found = self.beyond_circle(query.lat, query.lng, query.radius_m, crs)
            if found is not None:
                return found
        shown = shown_box(box, crs)
        drawn = [] if query.bbox is None else [query.bbox]
        if query.polygon is not None:
            drawn.append(shapely.geometry.shape(query.polygon).bounds)
        for west, south, east, north in drawn:
            if not _meet(shown, (west, south, east, north)):
                return _out_of_reach(shown, is_swapped=_meet(shown, (south, west, north, east)))
        return None

    def beyond_circle(
        self, lat: float, lng: float, radius_m: float, crs: Datum
    ) -> dict[str, Any] | None:
        """`Answer.outside_coverage` of a circle; None if a shop may be within it."""
        box = self.bounds()
        if box is None or is_near(box, *to_wgs84(lat, lng, crs), radius_m):
            return None
        is_swapped = abs(lng) <= 90.0 and is_near(box, lng, lat, 0.0)
        return _out_of_reach(shown_box(box, crs), is_swapped=is_swapped)

    def bounds(self) -> Box | None:
        """Box around all shops, also those of other regions, WGS-84; None without any."""
        return self._bounds if self._regional is None else self._regional.bounds

    @cached_property
    def _bounds(self) -> Box | None:
        boxes = [box for segment in self._segments if (box := segment.box()) is not None]
        if not boxes:
            return None
        ends = np.array(boxes) / UNITS_PER_DEGREE
        low, high = ends[:, :2].min(axis=0).tolist(), ends[:, 2:].max(axis=0).tolist()
        return (*low, *high)

    def _find_area(self, name: str) -> AreaPlace | None:
        if self._regional is not None:
            place = self._regional.areas.get(name)
            return None if place is None else AreaPlace(place[0], place[1], tuple(place[2]))
        places = []
        for segment in self._segments:
            if name in segment.area_numbers:
                take(len(segment) // READ)
                docs = np.flatnonzero(segment.columns.doc_area == segment.area_numbers[name])
                places.append(segment.columns.doc_position[docs[segment.are_live(docs)]])
        return place_of(np.concatenate(places)) if places else None

    def _shape(self, segment: Segment, number: int, crs: Datum) -> Any:
        """Geometry of a zone in a datum."""
        shape = segment.zone_index.geometry(number)
        datums = segment.catalogue.zone_datums
        drawn: Datum = datums[number] if datums else "WGS84"
        if drawn == crs:
            return shape

        def converted(corners: Any) -> Any:
            lat, lng = to_wgs84(corners[:, 1].copy(), corners[:, 0].copy(), drawn)
            lat, lng = from_wgs84(lat, lng, crs)
            return np.column_stack((lng, lat))

        return shapely.transform(shape, converted)


def place_of(position: NDArray[Any]) -> AreaPlace | None:
    """Place of shops by their positions in column units, [n, 2]; None without shops."""
    if not len(position):
        return None
    degrees = position / UNITS_PER_DEGREE
    low, high = degrees.min(axis=0).tolist(), degrees.max(axis=0).tolist()
    # The median by coordinate, because one wrong position would move a mean.
    lng, lat = np.quantile(degrees, 0.5, axis=0, method="lower").tolist()
    return AreaPlace(lat, lng, (*low, *high))


def shown_box(box: Box, crs: Datum) -> Box:
    """Box around the corners of a WGS-84 box in a datum."""
    west, south, east, north = box
    corners = [from_wgs84(lat, lng, crs) for lat in (south, north) for lng in (west, east)]
    lats, lngs = zip(*corners, strict=True)
    return (min(lngs), min(lats), max(lngs), max(lats))


def _out_of_reach(shown: Box, *, is_swapped: bool) -> dict[str, Any]:
    """Value of `Answer.outside_coverage`: bounds and a sentence."""
    hint = "; are `lat` and `lng` swapped?" if is_swapped else ""
    ends = ", ".join(f"{end:.4f}" for end in shown)
    detail = f"All shops lie within {ends} (west, south, east, north), out of reach{hint}"
    return {"bounds": shown, "detail": detail}


def _meet(shown: Box, drawn: Box) -> bool:
    """Whether two boxes share a point, with slack for sides that bend in another datum."""
    west, south, east, north = drawn
    if south > shown[3] + _BEND or north < shown[1] - _BEND:
        return False
    halves = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return any(low <= shown[2] + _BEND and high >= shown[0] - _BEND for low, high in halves)


def is_near(box: Box, lat: float, lng: float, radius_m: float) -> bool:
    """Whether a position is within a radius of a box; may err only to True."""
    west, south, east, north = box
    reach = np.degrees(radius_m / EARTH_RADIUS_M) * 1.001
    if lat + reach < south or lat - reach > north:
        return False
    if abs(lat) + reach >= 89.0:
        return True  # A circle near a pole may meet any meridian.
    wide = reach / np.cos(np.radians(abs(lat) + reach))
    return any(west - wide <= lng + turn <= east + wide for turn in (-360.0, 0.0, 360.0))


def _zone(zone: ZoneRecord, shape: Any) -> dict[str, Any]:
    return {**msgspec.to_builtins(zone), "bounds": tuple(map(float, shapely.bounds(shape)))}
