"""Index of named polygons: the zones that hold a point, and the points in each zone.

Useful for: thousands of zones (business areas, malls, campaigns) that may overlap. A
libspatialindex R-tree (`rtree`) finds the few zones whose boxes hold a point, and prepared shapely
geometries decide.
Not useful for: one polygon against millions of points inside a kernel; see `polygon`.

`shapely.intersects_xy` answers both questions, so they agree: a point on a border is inside.
Longitudes 180 and -180 are one meridian. Each zone has a datum. The index converts a WGS-84 point
to the datum of the zone, because the straight sides of a zone in GCJ-02 are not straight in WGS-84.
"""

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray
from rtree.index import Index
from shapely.geometry.base import BaseGeometry

from indexes.geo.datum import Datum, appearances
from indexes.geo.polygon import CROSSES, INSIDE, OUTSIDE, box_relation, edges_of
from indexes.jit import njit

_BLOCK_DOCS = 64


class ZoneIndex:
    """Immutable index of zones; the ordinal of a zone is its position in `ids`.

    Many threads may use it at once.

    Parameters
    ----------
    ids
        Unique names of the zones.
    geometries
        A valid, non-empty shapely Polygon or MultiPolygon per zone, in degrees (lng, lat).
    datums
        The datum of each geometry; WGS-84 by default.

    Raises
    ------
    ValueError
        If the lengths differ, an id occurs twice, or a geometry is not as above.
    """

    def __init__(
        self,
        ids: Sequence[str],
        geometries: Sequence[BaseGeometry],
        *,
        datums: Sequence[Datum] = (),
    ) -> None:
        if len(ids) != len(geometries):
            raise ValueError(
                f"Expected a geometry for each of {len(ids)} ids, got {len(geometries)}"
            )
        usual: Datum = "WGS84"
        self._datums = tuple(datums) or (usual,) * len(ids)
        if len(self._datums) != len(ids):
            raise ValueError(
                f"Expected a datum for each of {len(ids)} ids, got {len(self._datums)}"
            )
        self.ids = tuple(ids)
        self._ordinals = {name: ordinal for ordinal, name in enumerate(self.ids)}
        if len(self._ordinals) < len(self.ids):
            twice = next(name for i, name in enumerate(self.ids) if self._ordinals[name] != i)
            raise ValueError(f"Expected unique zone ids, got {twice!r} twice")
        for name, geometry in zip(ids, geometries, strict=True):
            _check(name, geometry)
        self._geometries = np.array(geometries, dtype=object)
        shapely.prepare(self._geometries)
        self._boxes = shapely.bounds(self._geometries).reshape(-1, 4)
        # `Index` refuses an empty stream.
        self._tree = Index(self._entries()) if self.ids else Index()
        # libspatialindex keeps state during a query, and ctypes releases the GIL.
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.ids)

    def ordinal(self, zone_id: str) -> int:
        """Ordinal of a zone; raises `KeyError` for an unknown id."""
        return self._ordinals[zone_id]

    def geometry(self, ordinal: int) -> BaseGeometry:
        """Prepared geometry of a zone."""
        geometry: BaseGeometry = self._geometries[ordinal]
        return geometry

    def holding(self, lng: float, lat: float) -> list[int]:
        """Ordinals of the zones that hold a WGS-84 point, ascending; borders are inside.

        Raises
        ------
        ValueError
            If the position is not finite and in range.

        Examples
        --------
        >>> ZoneIndex(["bund", "park"], [shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)]).holding(
        ...     lng=2, lat=2
        ... )
        [0, 1]
        """
        if not (-180.0 <= lng <= 180.0 and -90.0 <= lat <= 90.0):
            raise ValueError(
                "Expected a position with lng in [-180, 180] and lat in [-90, 90], "
                f"got [{lng}, {lat}]"
            )
        held: set[int] = set()
        for datum in dict.fromkeys(self._datums):
            xs, ys = appearances(np.array([lng]), np.array([lat]), datum)
            x, y = xs.item(), ys.item()
            names = (x, -x) if abs(x) == 180.0 else (x,)
            for name in names:
                near = self._holding(name, y)
                held.update(ordinal for ordinal in near if self._datums[ordinal] == datum)
        return sorted(held)

    def _drawn_in(self, datum: Datum) -> list[int]:
        return [ordinal for ordinal, own in enumerate(self._datums) if own == datum]

    def members(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """Points inside each zone, as an array of starts and one of point numbers.

        Parameters
        ----------
        x, y
            WGS-84 longitudes and latitudes in degrees, both of shape (n,), n < 2**32; finite.

        Returns
        -------
        zone_start
            Shape (zones + 1,).
        docs
            Zone z holds the points `docs[zone_start[z]:zone_start[z + 1]]`, ascending.

        Raises
        ------
        ValueError
            If shapes differ or a position is not finite.

        Notes
        -----
        A block is 64 points. The box of a block inside or outside the zone decides the whole block;
        shapely tests the points of other blocks. The order of points changes only the speed, which
        is high if neighbours in the array are neighbours on the map.
        """
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"Expected `x` and `y` of one shape (n,), got {x.shape}, {y.shape}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("Expected finite positions, got NaN or infinity")
        found = [np.zeros(0, np.uint32)] * len(self)
        for datum in dict.fromkeys(self._datums):
            shown_x, shown_y = appearances(x, y, datum)
            boxes = _block_boxes(shown_x, shown_y)
            meridian = np.flatnonzero(np.abs(shown_x) == 180.0)
            for ordinal in self._drawn_in(datum):
                held = self._members_of(ordinal, shown_x, shown_y, boxes)
                # A point on the antimeridian also counts at the opposite sign of its longitude.
                hit = shapely.intersects_xy(
                    self._geometries[ordinal], -shown_x[meridian], shown_y[meridian]
                )
                if hit.any():
                    held = np.union1d(held, meridian[hit]).astype(np.uint32)
                found[ordinal] = held
        zone_start = np.zeros(len(self) + 1, np.uint64)
        zone_start[1:] = np.cumsum([docs.size for docs in found], dtype=np.uint64)
        return zone_start, np.concatenate([np.empty(0, np.uint32), *found])

    def _members_of(
        self,
        ordinal: int,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        boxes: NDArray[np.float64],
    ) -> NDArray[np.uint32]:
        geometry = self._geometries[ordinal]
        min_x, min_y, max_x, max_y = self._boxes[ordinal]
        relations = np.empty(len(boxes), np.uint8)
        edges = edges_of(shapely.get_parts(geometry))
        _relations(edges, boxes, self._boxes[ordinal], relations)
        some = _docs_of(relations == CROSSES, x.size)
        near = (x[some] >= min_x) & (x[some] <= max_x) & (y[some] >= min_y) & (y[some] <= max_y)
        some = some[near]
        some = some[shapely.intersects_xy(geometry, x[some], y[some])]
        return np.sort(np.concatenate([_docs_of(relations == INSIDE, x.size), some]))

    def _entries(self) -> Iterator[tuple[int, tuple[float, ...], None]]:
        for ordinal, box in enumerate(self._boxes):
            yield ordinal, tuple(box), None

    def _holding(self, lng: float, lat: float) -> list[int]:
        with self._lock:
            near = list(self._tree.intersection((lng, lat, lng, lat)))
        near.sort()
        hit = shapely.intersects_xy(self._geometries[near], lng, lat) if near else ()
        return [ordinal for ordinal, inside in zip(near, hit, strict=True) if inside]


def _check(name: str, geometry: BaseGeometry) -> None:
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"Expected polygons, got a {geometry.geom_type} - at zone {name!r}")
    if geometry.is_empty or not geometry.is_valid:
        raise ValueError(
            f"Expected a valid polygon with an area, got {shapely.is_valid_reason(geometry)}, "
            f"area {geometry.area} - at zone {name!r}"
        )
    min_lng, min_lat, max_lng, max_lat = geometry.bounds
    if not (min_lng >= -180.0 and max_lng <= 180.0 and min_lat >= -90.0 and max_lat <= 90.0):
        raise ValueError(
            "Expected bounds within [-180, -90, 180, 90], "
            f"got {list(geometry.bounds)} - at zone {name!r}"
        )


def _block_boxes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    starts = np.arange(0, x.size, _BLOCK_DOCS)
    if not x.size:
        return np.empty((0, 4), np.float64)
    low = [np.minimum.reduceat(values, starts) for values in (x, y)]
    high = [np.maximum.reduceat(values, starts) for values in (x, y)]
    return np.column_stack([*low, *high])


def _docs_of(blocks: NDArray[np.bool_], docs: int) -> NDArray[np.uint32]:
    first = np.flatnonzero(blocks)[:, np.newaxis] * _BLOCK_DOCS
    members = (first + np.arange(_BLOCK_DOCS)).reshape(-1)
    return members[members < docs].astype(np.uint32)


@njit
def _relations(
    edges: NDArray[np.float64],
    boxes: NDArray[np.float64],
    bounds: NDArray[np.float64],
    relations: NDArray[np.uint8],
) -> None:
    for i in range(boxes.shape[0]):
        if (
            boxes[i, 0] > bounds[2]
            or boxes[i, 2] < bounds[0]
            or boxes[i, 1] > bounds[3]
            or boxes[i, 3] < bounds[1]
        ):
            relations[i] = OUTSIDE
        else:
            relations[i] = box_relation(edges, boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3])
