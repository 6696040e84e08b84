"""Parsing of OpenStreetMap ids: `merchant_id` from the spellings of all common tools.

It reads GeoJSON features and OSM JSON elements. A place without an id gets None, and the importer
counts it.

Sources: the manuals of osmium-export (`n101`, `a607`, `@type`, `@id`), overpass-turbo (`node/101`),
QuickOSM (`full_id`), OSMnx (`element_type`, `osmid`), pyrosm, Nominatim (`osm_type`, `osm_id`),
ohsome (`@osmId`), osm2pgsql, imposm and GDAL (signs, `osm_way_id`), AllThePlaces (`@spider`,
`ref`).
"""

import re
from collections.abc import Mapping

Object = Mapping[str, object]

_KIND = re.compile(
    r"(?:(n|nodes?)|(w|ways?|ways_(?:line|poly))|(r|rel|relations?)|(a|areas?))", re.IGNORECASE
)
_KINDS = (None, "node", "way", "relation", "area")
_SHORT = re.compile(r"([nwra])(\d+)", re.IGNORECASE)
_LONG = re.compile(r"(?<![a-z])(node|way|relation|rel|area)[^a-z0-9]{0,4}(\d+)", re.IGNORECASE)

# Pairs of members with a type and a number, the most specific first. Tables with some renamed
# columns may combine any of these types with any of these numbers.
_TYPES_OF = ("osm_type", "@osm_type", "@osmType", "osmType", "element_type", "element")
_NUMBERS_OF = ("osm_id", "@osm_id", "@osmId", "osmId", "osmid", "id")
_PAIRS = (
    ("_type", "_id"),
    ("@type", "@id"),
    *((kind, number) for kind in _TYPES_OF for number in _NUMBERS_OF),
    ("type", "osm_id"),
    ("type", "id"),
)
_TEXTS = ("@id", "full_id", "osm_id", "@osm_id", "@osmId", "osmid", "osm_url", "osm", "id")
_NUMBERS = ("osm_id", "@osm_id", "osmid", "osm_node_id", "_id", "@id")

# Imposm writes -1e17 - id for a relation if one column holds all three types.
_IMPOSM_RELATION = -(10**17)


def of_feature(properties: Object, feature_id: object, geometry: object) -> str | None:
    """Return the id of a GeoJSON feature, such as `osm-node-101`; None without an id.

    The sign and the shape decide the type of a number without one, as osm2pgsql, imposm and GDAL
    write it. Another id becomes `feature-…`, the `ref` of a shop in AllThePlaces `atp-…`.

    Examples
    --------
    >>> of_feature({"@type": "way", "@id": 5}, "a10", None), of_feature({}, "a607", None)
    ('osm-way-5', 'osm-relation-303')
    >>> of_feature({"@spider": "moon_cn", "ref": "12"}, "k9f=", None), of_feature({}, None, None)
    ('atp-moon_cn-12', None)
    """
    spider = _text(properties.get("@spider"))
    name = _text(properties.get("ref")) or _text(feature_id)
    if spider and name:
        return f"atp-{spider}-{name}"
    return (
        _pair(properties)
        or _osm_text(properties, feature_id)
        or _number_alone(properties, geometry)
        or next(
            (
                f"feature-{text}"
                for text in (_text(feature_id), _text(properties.get("id")))
                if text is not None
            ),
            None,
        )
    )


def of_element(element: Object) -> str | None:
    """Return the id of an OSM JSON element; an element without a type is a node.

    Examples
    --------
    >>> of_element({"type": "way", "id": 5}), of_element({"id": 5}), of_element({})
    ('osm-way-5', 'osm-node-5', None)
    """
    found = _pair(element) or _osm_text(element, None) or _number_alone(element, None)
    if found:
        return found
    number = _number(element.get("id"))
    return None if number is None else f"osm-{element.get('type') or 'node'}-{number}"


def _pair(values: Object) -> str | None:
    for kind_key, number_key in _PAIRS:
        if kind_key in values and number_key in values:
            kind, number = _kind(values[kind_key]), _number(values[number_key])
            if kind is not None and number is not None:
                # Editors give new objects negative ids; in `osm_id` the sign comes from SQL.
                return _osm(kind, abs(number) if number_key == "osm_id" else number)
    return None


def _osm_text(values: Object, feature_id: object) -> str | None:
    for value in (*(values.get(key) for key in _TEXTS), feature_id):
        if isinstance(value, str):
            found = _SHORT.fullmatch(value.strip()) or _LONG.search(value)
            kind = _kind(found[1]) if found else None
            if found and kind:
                return _osm(kind, int(found[2]))
    return None


def _number_alone(values: Object, geometry: object) -> str | None:
    way = _number(values.get("osm_way_id"))
    if way is not None:
        return _osm("way", way)
    number = next((n for key in _NUMBERS if (n := _number(values.get(key))) is not None), None)
    if number is None:
        return None
    if number < _IMPOSM_RELATION:
        return _osm("relation", _IMPOSM_RELATION - number)
    # GDAL has a second column for ways, so the first one is a relation's.
    if number < 0 or "osm_way_id" in values:
        return _osm("relation", abs(number))
    shape = geometry.get("type") if isinstance(geometry, dict) else None
    return _osm("way" if shape not in {None, "Point", "MultiPoint"} else "node", number)


def _osm(kind: str, number: int) -> str:
    if kind == "area":
        # libosmium numbers areas: twice the id of a way, or twice the id of a relation plus one.
        kind, number = ("relation" if number % 2 else "way"), number // 2
    return f"osm-{kind}-{number}"


def _kind(value: object) -> str | None:
    found = _KIND.fullmatch(value.strip()) if isinstance(value, str) else None
    return _KINDS[found.lastindex or 0] if found else None


def _number(value: object) -> int | None:
    """Return a whole number, also from a text or a double; None for anything else."""
    if isinstance(value, str):
        digits = value.strip().removesuffix(".0")
        return int(digits) if re.fullmatch(r"-?\d{1,19}", digits, re.ASCII) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == value and abs(value) < 2**63 and value == int(value) else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    number = _number(value) if isinstance(value, float) else None
    return (str(number) if number is not None else str(value).strip()) or None
