"""Reader of OpenStreetMap extracts (PBF, XML): yields elements in the form of Overpass JSON.

It reads only objects that may be businesses, and skips deleted objects. It does not support history
and change files.

libosmium reads the file once for each step: relations, ways, the ways of relations, nodes. So
memory holds only the ways and relations that may be businesses and the positions of their nodes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium

from geosearch.errors import BadData
from geosearch.sources.osm.tags import KEYS

Element = dict[str, Any]

_NODE, _WAY, _RELATION = osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION
_TYPES = {"n": "node", "w": "way", "r": "relation"}


def kind_of(head: bytes) -> str | None:
    """Return `pbf` or `xml` by the first decompressed bytes of a file; None for anything else."""
    if head[4:15] == b"\x0a\x09OSMHeader":
        return "pbf"
    start = head[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    return "xml" if start.startswith((b"<?xml", b"<osm")) else None


def elements(path: Path, kind: str, header: dict[str, object]) -> Iterator[Element]:
    """Yield nodes, ways and relations that have a tag of a business.

    This also yields the untagged nodes and ways that give these ways and relations their position.
    `header` gets the extract's time as `timestamp`, or None.

    Raises
    ------
    BadData
        libosmium cannot read the file.
    """
    try:
        yield from _elements(_file(path, kind), header)
    except (RuntimeError, ValueError) as error:
        raise BadData(f"Cannot read the OSM extract: {error} - at `{path}`") from error


def _file(path: Path, kind: str) -> osmium.io.File:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    if gzipped and kind == "pbf":
        raise BadData(f"Expected a PBF as it is, got it gzipped - at `{path}`")
    return osmium.io.File(path, f"{kind}.gz" if gzipped else kind)


def _elements(file: osmium.io.File, header: dict[str, object]) -> Iterator[Element]:
    about = osmium.FileProcessor(file).header
    header["timestamp"] = about.get("osmosis_replication_timestamp")
    relations = list(_businesses(file, _RELATION))
    ways = list(_businesses(file, _WAY))
    outlines = {ref for relation in relations for ref in _members(relation, "way")}
    lines = list(_numbered(file, _WAY, outlines))
    needed = {ref for relation in relations for ref in _members(relation, "node")}
    for way in (*ways, *lines):
        needed.update(way["nodes"])
    yield from _numbered(file, _NODE, needed)
    yield from lines
    yield from _businesses(file, _NODE)
    yield from ways
    yield from relations


def _members(relation: Element, kind: str) -> Iterator[int]:
    return (member["ref"] for member in relation["members"] if member["type"] == kind)


def _businesses(file: osmium.io.File, kind: osmium.osm.osm_entity_bits) -> Iterator[Element]:
    found = osmium.FileProcessor(file, kind).with_filter(osmium.filter.KeyFilter(*KEYS))
    thing: Any
    for thing in found:
        if not thing.deleted:
            yield _element(thing) | {"tags": dict(thing.tags)}


def _numbered(
    file: osmium.io.File, kind: osmium.osm.osm_entity_bits, ids: set[int]
) -> Iterator[Element]:
    """Yield the objects with these ids, without tags."""
    if ids:
        for thing in osmium.FileProcessor(file, kind).with_filter(osmium.filter.IdFilter(ids)):
            yield _element(thing)


def _element(thing: Any) -> Element:
    kind = _TYPES[thing.type_str()]
    element: Element = {"type": kind, "id": thing.id}
    if kind == "node":
        if thing.location.valid():
            element |= {"lat": thing.lat, "lon": thing.lon}
    elif kind == "way":
        element["nodes"] = [node.ref for node in thing.nodes]
    else:
        element["members"] = [
            {"type": _TYPES[member.type], "ref": member.ref, "role": member.role}
            for member in thing.members
        ]
    return element
