"""Cells of a map: H3 hexagons, or the zones of an index.

Useful for: `coverage`, which counts the shops of each.
Not useful for: searches within a zone (`geosearch.search.plan`).
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import h3
import numpy as np
import shapely
from numpy.typing import NDArray

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem, shown
from geosearch.search.searcher import Searcher
from geosearch.segment.segment import Segment
from indexes.arrays import F64, I64
from indexes.geo.sphere import UNITS_PER_DEGREE

RESOLUTIONS = range(7, 11)
"""H3 resolutions: cells of 5.2 km² down to 0.015 km²."""

_EARTH = (-180.0, -90.0, 180.0, 90.0)
_H3 = re.compile(r"h3:(\d{1,2})")


class Cell(NamedTuple):
    """Name and centre of a cell; `geometry` makes its GeoJSON geometry, WGS-84."""

    cell: str
    name: str | None
    lat: float
    lng: float
    geometry: Callable[[], dict[str, Any]]


class CellMap(NamedTuple):
    """The cells that hold a shop, and for each segment the cells of its documents, as lists."""

    cells: list[Cell]
    lists: list[tuple[I64, I64]]
    """Where the list of each document begins, int64[d + 1], and the numbers of cells."""


def read_cells(text: str) -> int | None:
    """Return the H3 resolution of `h3:9`; None for `zones`.

    Raises
    ------
    BadRequest
        The text is another one.
    """
    if text == "zones":
        return None
    named = _H3.fullmatch(text)
    if named is None or int(named[1]) not in RESOLUTIONS:
        expected = "`cells` as h3:7, h3:8, h3:9, h3:10 or zones"
        found = problem("not_a_choice", expected, shown(text), ("cells",))
        raise BadRequest(found["detail"], [found])
    return int(named[1])


def hexagons(engine: Searcher, resolution: int) -> CellMap:
    """The H3 cells of a resolution that hold a shop; 0.7 µs a shop."""
    locate = partial(h3.api.basic_int.latlng_to_cell, res=resolution)
    found = [_located(segment, locate) for segment in engine.segments]
    distinct = np.unique(np.concatenate(found))
    lists = [
        (np.arange(len(cells) + 1), np.searchsorted(distinct, cells).astype(np.int64))
        for cells in found
    ]
    return CellMap([_hexagon(h3.int_to_str(cell)) for cell in distinct.tolist()], lists)


def _located(segment: Segment, locate: Callable[[float, float], int]) -> NDArray[np.uint64]:
    degrees = segment.columns.doc_position / UNITS_PER_DEGREE
    lng, lat = degrees.T.tolist() if len(degrees) else ([], [])
    return np.fromiter(map(locate, lat, lng), np.uint64, len(degrees))


def _hexagon(cell: str) -> Cell:
    lat, lng = h3.cell_to_latlng(cell)
    return Cell(cell, None, lat, lng, partial(_outline, cell))


def _outline(cell: str) -> dict[str, Any]:
    """The GeoJSON polygon of an H3 cell; one over the antimeridian goes on past 180 degrees."""
    ring = [[round(lng, 6), round(lat, 6)] for lat, lng in h3.cell_to_boundary(cell)]
    if max(lng for lng, _ in ring) - min(lng for lng, _ in ring) > 180:
        ring = [[lng + 360 if lng < 0 else lng, lat] for lng, lat in ring]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def zones(engine: Searcher, at: datetime) -> CellMap:
    """The zones that are in force at an instant, with and without shops."""
    records = engine.zones_in(_EARTH, at)
    lists = []
    for segment in engine.segments:
        pairs = [np.zeros((0, 2), np.int64)]
        for number, record in enumerate(records):
            zone = segment.zone_numbers.get(record["zone_id"])
            if zone is not None:
                docs = segment.zone_docs(zone).astype(np.int64)
                pairs.append(np.stack([docs, np.full(len(docs), number)], axis=1))
        lists.append(_listed(np.concatenate(pairs), len(segment)))
    return CellMap(list(map(_zone, records)), lists)


def _zone(record: dict[str, Any]) -> Cell:
    geometry = record["geometry"]
    centre = shapely.geometry.shape(geometry).representative_point()
    return Cell(record["zone_id"], record["name"], centre.y, centre.x, lambda: geometry)


def _listed(pairs: I64, docs: int) -> tuple[I64, I64]:
    """The lists of all documents from pairs of document and cell."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    starts = np.searchsorted(pairs[:, 0], np.arange(docs + 1)).astype(np.int64)
    return starts, np.ascontiguousarray(pairs[:, 1])


def centres(cells: list[Cell]) -> tuple[F64, F64]:
    """Latitudes and longitudes of the centres."""
    return np.array([cell.lat for cell in cells]), np.array([cell.lng for cell in cells])
