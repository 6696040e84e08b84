"""A small PMTiles archive of invented streets, in the layers of a Protomaps basemap.

Written by hand from the two specifications, so that the page's readers are tested with files that
none of them wrote: Mapbox Vector Tile 2.1 and PMTiles 3.
"""

import gzip
import json
import math
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

Line = Sequence[tuple[float, float]]
Feature = tuple[str, str, Line, dict[str, str]]
"""Layer, kind of geometry (`line` or `polygon`), [lng, lat] of its corners, and tags."""

EXTENT = 4_096
GZIP, MVT, ASCENDING = 2, 1, 1
ATTRIBUTION = '<a href="https://www.openstreetmap.org/copyright">© Invented Streets</a>'


def archive(features: Sequence[Feature], box: tuple[float, ...], zooms: range) -> bytes:
    """Return an archive with the tiles of a box (west, south, east, north)."""
    tiles = sorted(_tiles(features, box, zooms))
    data, entries = b"", []
    for number, body in tiles:
        entries.append((number, len(data), len(body)))
        data += body
    layers = [{"id": name, "fields": {}} for name in dict.fromkeys(one[0] for one in features)]
    metadata = gzip.compress(
        json.dumps({"attribution": ATTRIBUTION, "vector_layers": layers}).encode()
    )
    root = gzip.compress(_directory(entries))
    start = 127 + len(root)
    places = (127, len(root), start, len(metadata), start + len(metadata), 0, start + len(metadata))
    header = b"PMTiles\x03" + struct.pack("<8Q", *places, len(data))
    header += struct.pack("<3Q", *[len(tiles)] * 3)
    header += bytes((ASCENDING, GZIP, GZIP, MVT, zooms[0], zooms[-1]))
    corners = [round(degrees * 1e7) for degrees in box]
    middle = [(corners[0] + corners[2]) // 2, (corners[1] + corners[3]) // 2]
    header += struct.pack("<4iB2i", *corners, zooms[0], *middle)
    assert len(header) == 127
    return header + root + metadata + data


def _directory(entries: list[tuple[int, int, int]]) -> bytes:
    """The entries column by column; each number is a difference to the one before."""
    numbers = [0, *(number for number, _, _ in entries)]
    found = _varint(len(entries))
    found += b"".join(_varint(after - before) for before, after in pairwise(numbers))
    found += _varint(1) * len(entries)
    found += b"".join(_varint(length) for _, _, length in entries)
    return found + b"".join(_varint(offset + 1) for _, offset, _ in entries)


def _tiles(
    features: Sequence[Feature], box: tuple[float, ...], zooms: range
) -> Iterator[tuple[int, bytes]]:
    west, south, east, north = box
    for zoom in zooms:
        (left, top), (right, bottom) = _tile(west, north, zoom), _tile(east, south, zoom)
        for x in range(int(left), int(right) + 1):
            for y in range(int(top), int(bottom) + 1):
                yield _number(zoom, x, y), gzip.compress(_vector_tile(features, zoom, x, y))


def _tile(lng: float, lat: float, zoom: int) -> tuple[float, float]:
    """Column and row of a position, in Web Mercator."""
    mercator = math.asinh(math.tan(math.radians(lat)))
    return (lng + 180) / 360 * 2**zoom, (1 - mercator / math.pi) / 2 * 2**zoom


def _number(zoom: int, x: int, y: int) -> int:
    """Number of a tile: those of lower zooms, then its place on the Hilbert curve."""
    number: int = (4**zoom - 1) // 3
    side: int = 2**zoom
    step = side // 2
    while step:
        right, low = int(bool(x & step)), int(bool(y & step))
        number += step * step * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        step //= 2
    return number


def _vector_tile(features: Sequence[Feature], zoom: int, x: int, y: int) -> bytes:
    layers = dict.fromkeys(layer for layer, *_ in features)
    return b"".join(_field(3, _layer(name, features, zoom, x, y)) for name in layers)


def _layer(name: str, features: Sequence[Feature], zoom: int, x: int, y: int) -> bytes:
    """Corners may lie outside the tile: readers cut them."""
    keys: list[str] = []
    values: list[str] = []
    body = _number_field(15, 2) + _field(1, name.encode())
    for layer, kind, corners, tags in features:
        if layer != name:
            continue
        pairs = b""
        for key, value in tags.items():
            for table, text in ((keys, key), (values, value)):
                if text not in table:
                    table.append(text)
                pairs += _varint(table.index(text))
        places = [
            (round((column - x) * EXTENT), round((row - y) * EXTENT))
            for column, row in (_tile(lng, lat, zoom) for lng, lat in corners)
        ]
        shape = _number_field(3, 3 if kind == "polygon" else 2)
        body += _field(2, _field(2, pairs) + shape + _field(4, _path(places, kind == "polygon")))
    body += b"".join(_field(3, key.encode()) for key in keys)
    body += b"".join(_field(4, _field(1, value.encode())) for value in values)
    return body + _number_field(5, EXTENT)


def _path(places: list[tuple[int, int]], is_closed: bool) -> bytes:
    """Move to the first corner, lines to the others, and back: differences in zigzag coding."""
    move, line, close, here, found = 1, 2, 7, (0, 0), b""
    for number, place in enumerate(places):
        if number < 2:
            found += _varint(move | 1 << 3 if number == 0 else line | len(places) - 1 << 3)
        for before, after in zip(here, place, strict=True):
            step = after - before
            found += _varint((step << 1) ^ (step >> 63))
        here = place
    return found + (_varint(close | 1 << 3) if is_closed else b"")


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes((*found, number))


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _number_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)
