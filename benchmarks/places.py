"""Places where queries are asked: random shops, moved a little, so places are where shops are."""

import numpy as np
from numpy.typing import NDArray

from geosearch.segment.columns import Columns
from indexes.geo.sphere import UNITS_PER_DEGREE

NEAR_M = 150.0
"""Usual distance of a place from its shop."""

METRES_PER_DEGREE = 111_195.0


def moved(lat: float, lng: float, east_m: float, north_m: float) -> tuple[float, float]:
    """Return the position `east_m` and `north_m` away, in degrees rounded to 1e-7."""
    east = east_m / METRES_PER_DEGREE / float(np.cos(np.radians(lat)))
    return round(lat + north_m / METRES_PER_DEGREE, 7), round(lng + east, 7)


def places(
    columns: Columns, count: int, seed: int, away_m: float = NEAR_M
) -> list[tuple[float, float]]:
    """Return latitude and longitude of `count` places about `away_m` from shops, in degrees."""
    rng = np.random.default_rng(seed)
    return places_near(columns, rng.integers(0, len(columns.doc_position), count), rng, away_m)


def places_near(
    columns: Columns, docs: NDArray[np.int64], rng: np.random.Generator, away_m: float = NEAR_M
) -> list[tuple[float, float]]:
    """Return latitude and longitude of a place about `away_m` from each document, in degrees."""
    lng, lat = columns.doc_position[docs].T / UNITS_PER_DEGREE
    north, east = rng.normal(0.0, away_m, (2, len(docs)))
    spots = zip(lat.tolist(), lng.tolist(), east.tolist(), north.tolist(), strict=True)
    return [moved(*spot) for spot in spots]


def crowded_place(columns: Columns) -> int:
    """Return a document at the most common position."""
    _, first, counts = np.unique(
        columns.doc_position, axis=0, return_index=True, return_counts=True
    )
    return int(first[counts.argmax()])
