"""Positions of made-up shops: areas, streets, malls, and the sparse land between them.

Areas and towns are real; streets and malls are invented.

Model: a shop belongs to an area (weighted). It is in a mall (all shops of a mall share one
position), along one of the area's streets, or anywhere around it. Streets are normally distributed
about the area's centre, so density decreases outwards and neighbouring areas overlap.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geosearch.sources.synth import areas as synth_areas
from geosearch.sources.synth.areas import SHANGHAI, SynthArea
from geosearch.sources.synth.towns import TOWNS, Town
from geosearch.sources.synth.words import MALL_TAILS, STREET_TAILS, STREET_WORDS, TOWN_QUARTERS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METRES_PER_DEGREE = 111_195.0
DECIMALS = 6

MALL_SHARE = 0.14
SCATTERED_SHARE = 0.07
SCATTER = 3.0
SHOPS_PER_STREET = 70
LEAST_PER_MALL, MOST_PER_MALL = 10.0, 150.0

STREET, MALL, SCATTERED = 0, 1, 2


@dataclass(frozen=True)
class Malls:
    """Malls of a world: area, name and position (degrees) of each."""

    area: Ints
    names: tuple[str, ...]
    lat: Floats
    lng: Floats


@dataclass(frozen=True)
class Places:
    """Position of each of n shops.

    `area` is an index into the world's areas. `kind` is `STREET`, `MALL` or `SCATTERED`. `spot` is
    the street or the mall, `number` the house or unit number.
    """

    area: Ints
    kind: Ints
    spot: Ints
    number: Ints
    lat: Floats
    lng: Floats


@dataclass(frozen=True)
class SynthWorld:
    """Areas of one world, with their malls and streets; `sample` places shops."""

    name: str
    areas: tuple[SynthArea, ...]
    malls: Malls
    streets: tuple[str, ...]
    street_start: Ints
    street_lat: Floats
    street_lng: Floats
    street_angle: Floats
    street_half_m: Floats

    def sample(self, rng: np.random.Generator, shops: int) -> Places:
        """Return positions of `shops` shops, rounded to 1e-6 degrees (0.1 m)."""
        weights = np.array([area.weight for area in self.areas])
        area = _choose(rng, weights, shops)
        mall_count = np.bincount(self.malls.area, minlength=len(self.areas))
        mall_start = np.concatenate(([0], np.cumsum(mall_count)[:-1]))
        kind = np.searchsorted(
            [1 - MALL_SHARE - SCATTERED_SHARE, 1 - SCATTERED_SHARE], rng.random(shops), side="right"
        ).astype(np.int64)
        kind[(kind == MALL) & (mall_count[area] == 0)] = STREET
        # Squared, so that a few streets and malls of an area are much busier than the others.
        favour = rng.random(shops) ** 2
        streets = np.diff(self.street_start)
        spot = self.street_start[area] + (favour * streets[area]).astype(np.int64)
        in_mall = kind == MALL
        spot[in_mall] = (mall_start[area] + (favour * mall_count[area]).astype(np.int64))[in_mall]
        lat, lng, number = self._stand(rng, area, kind, spot)
        return Places(area, kind, spot, number, np.round(lat, DECIMALS), np.round(lng, DECIMALS))

    def _stand(
        self, rng: np.random.Generator, area: Ints, kind: Ints, spot: Ints
    ) -> tuple[Floats, Floats, Ints]:
        shops = len(area)
        lat, lng = np.empty(shops), np.empty(shops)
        number = rng.integers(1, 400, shops)
        on = np.flatnonzero(kind == STREET)
        street = spot[on]
        half = self.street_half_m[street]
        along = rng.uniform(-1.0, 1.0, len(on))
        side = rng.integers(0, 2, len(on)) * 2 - 1
        across = side * 14.0 + rng.normal(0.0, 3.0, len(on))
        angle = self.street_angle[street]
        east = along * half * np.cos(angle) - across * np.sin(angle)
        north = along * half * np.sin(angle) + across * np.cos(angle)
        lat[on], lng[on] = _move(self.street_lat[street], self.street_lng[street], north, east)
        # House numbers increase along the street, odd on one side and even on the other.
        number[on] = 2 * ((along + 1.0) * half / 12.0).astype(np.int64) + 1 + (side > 0)
        inside = kind == MALL
        lat[inside], lng[inside] = self.malls.lat[spot[inside]], self.malls.lng[spot[inside]]
        off = np.flatnonzero(kind == SCATTERED)
        home = area[off]
        centre_lat, centre_lng, sigma = _centres(self.areas)
        sigma = sigma[home] * SCATTER
        north, east = rng.normal(0.0, 1.0, (2, len(off))) * sigma
        lat[off], lng[off] = _move(centre_lat[home], centre_lng[home], north, east)
        dry = _on_land(self.name, centre_lat[home], centre_lng[home], lat[off], lng[off])
        lat[off], lng[off] = dry
        return lat, lng, number


def build_world(rng: np.random.Generator, name: str, shops: int) -> SynthWorld:
    """Return the world `name`, `shanghai` or `china`, with streets and malls for `shops` shops.

    Raises
    ------
    KeyError
        The name is unknown.
    """
    areas = {"shanghai": _shanghai, "china": _china}[name](rng)
    weights = np.array([area.weight for area in areas])
    expected = shops * weights / weights.sum()
    malls = _build_malls(rng, name, areas, expected)
    counts = np.clip(np.round(expected / SHOPS_PER_STREET), 3, 600).astype(np.int64)
    area = np.repeat(np.arange(len(areas)), counts)
    lat, lng = _scatter(rng, name, areas, area, spread=1.0)
    grid = rng.uniform(-0.3, 0.3, len(areas))[area]
    return SynthWorld(
        name=name,
        areas=areas,
        malls=malls,
        streets=tuple(
            STREET_WORDS[word] + STREET_TAILS[tail]
            for word, tail in zip(
                rng.integers(0, len(STREET_WORDS), len(area)).tolist(),
                rng.integers(0, len(STREET_TAILS), len(area)).tolist(),
                strict=True,
            )
        ),
        street_start=np.concatenate(([0], np.cumsum(counts))),
        street_lat=lat,
        street_lng=lng,
        street_angle=grid
        + rng.integers(0, 2, len(area)) * (np.pi / 2)
        + rng.normal(0, 0.08, len(area)),
        street_half_m=rng.uniform(120.0, 420.0, len(area)),
    )


def _shanghai(_rng: np.random.Generator) -> tuple[SynthArea, ...]:
    return SHANGHAI


def _china(rng: np.random.Generator) -> tuple[SynthArea, ...]:
    """Return the areas of all towns, weights in thousands of people; Shanghai has its own areas."""
    areas: list[SynthArea] = []
    for ordinal, town in enumerate(TOWNS):
        if town.name == "上海":
            total = sum(area.weight for area in SHANGHAI)
            areas += [a._replace(weight=a.weight * town.thousands / total) for a in SHANGHAI]
        else:
            areas += _town_areas(rng, ordinal, town)
    return tuple(areas)


def _town_areas(rng: np.random.Generator, ordinal: int, town: Town) -> list[SynthArea]:
    count = min(len(TOWN_QUARTERS), 2 + town.thousands // 350)
    # Built-up land has about 100 people a hectare, most of them in the inner half.
    radius_m = 1_000.0 * np.sqrt(town.thousands / 100.0 / np.pi) * 1.1
    share = 1.0 / np.arange(1, count + 1) ** 0.6
    share *= town.thousands / share.sum()
    offset = rng.normal(0.0, 0.55 * radius_m, (count, 2))
    offset[0] = 0.0
    lat, lng = _move(town.lat, town.lng, offset[:, 0], offset[:, 1])
    sigma = 0.55 * radius_m / np.sqrt(count) + 150.0
    wealth = 0.65 + 0.35 * min(1.0, town.thousands / 9_000)
    return [
        SynthArea(
            slug=f"{ordinal:03d}-{k:02d}",
            name=town.name + TOWN_QUARTERS[k],
            city=town.name,
            district=None,
            lat=round(float(lat[k]), 5),
            lng=round(float(lng[k]), 5),
            weight=float(share[k]),
            sigma_m=float(sigma),
            price=round(wealth * float(rng.uniform(0.85, 1.2)), 2),
            named=True,
        )
        for k in range(count)
    ]


def _build_malls(
    rng: np.random.Generator, world: str, areas: tuple[SynthArea, ...], expected: Floats
) -> Malls:
    # Malls grow with the world, to 120 shops in a world of a million, so that small worlds have
    # malls too.
    tenants = np.clip(0.12 * np.sqrt(expected.sum()), LEAST_PER_MALL, MOST_PER_MALL)
    wanted = np.floor(expected * MALL_SHARE / tenants + rng.random(len(areas)))
    area = np.repeat(np.arange(len(areas)), np.minimum(wanted, 60).astype(np.int64))
    lat, lng = _scatter(rng, world, areas, area, spread=0.7)
    tails = rng.permutation(len(area))
    names = tuple(
        f"{areas[home].name}{MALL_TAILS[tail % len(MALL_TAILS)]}"
        for home, tail in zip(area.tolist(), tails.tolist(), strict=True)
    )
    return Malls(area, names, np.round(lat, DECIMALS), np.round(lng, DECIMALS))


def _scatter(
    rng: np.random.Generator, world: str, areas: tuple[SynthArea, ...], area: Ints, *, spread: float
) -> tuple[Floats, Floats]:
    centre_lat, centre_lng, sigma = _centres(areas)
    north, east = rng.normal(0.0, 1.0, (2, len(area))) * sigma[area] * spread
    lat, lng = _move(centre_lat[area], centre_lng[area], north, east)
    return _on_land(world, centre_lat[area], centre_lng[area], lat, lng)


def _on_land(
    world: str, home_lat: Floats, home_lng: Floats, lat: Floats, lng: Floats
) -> tuple[Floats, Floats]:
    """Move positions in Shanghai's sea or river towards their area; keep all others."""
    if world != "shanghai":
        return lat, lng
    land = shapely.MultiPolygon([shapely.Polygon(ring) for ring in synth_areas.LAND])
    river = shapely.LineString(synth_areas.RIVER).buffer(
        synth_areas.RIVER_HALF_WIDTH_M / METRES_PER_DEGREE
    )
    dry = shapely.difference(land, river)
    shapely.prepare(dry)
    for _ in range(12):
        wet = ~shapely.contains_xy(dry, lng, lat)
        lat = np.where(wet, home_lat + (lat - home_lat) * 0.8, lat)
        lng = np.where(wet, home_lng + (lng - home_lng) * 0.8, lng)
    return lat, lng


def _centres(areas: tuple[SynthArea, ...]) -> tuple[Floats, Floats, Floats]:
    lat, lng, sigma = np.array([(area.lat, area.lng, area.sigma_m) for area in areas]).T
    return lat, lng, sigma


def _move(
    lat: Floats | float, lng: Floats | float, north_m: Floats, east_m: Floats
) -> tuple[Floats, Floats]:
    up = north_m / METRES_PER_DEGREE
    return lat + up, lng + east_m / (METRES_PER_DEGREE * np.cos(np.radians(lat)))


def _choose(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    # Rounding of the last sum could give an index past the end.
    chosen: Ints = np.minimum(drawn, len(weights) - 1)
    return chosen
