"""Conversion of GeoJSON features and OSM JSON elements to places: id, position and tags.

Missing and wrong values stay unchanged, so that the build rejects them. `sources.osm.tags` knows
the meaning of tags.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from geosearch.sources.osm import ids, positions
from geosearch.sources.osm.formats import Record

Object = Mapping[str, object]

_UNDERSCORED = ("addr_", "contact_")
# Tags in one text: GDAL writes `"amenity"=>"cafe"`, other tools `{"amenity": "cafe"}`.
_PACKED = re.compile(r'"([^"\\]+)"\s*(?:=>|:)\s*"([^"\\]*)"')
_ELEMENTS = frozenset({"node", "way", "relation"})

# Icons in GeoJSON of veggiekarte, which has an icon instead of the original tag.
_ICONS: dict[str, dict[str, str]] = {
    **{
        value: {"amenity": value}
        for value in (
            "restaurant fast_food cafe pub bar ice_cream fuel library cinema theatre pharmacy "
            "hospital"
        ).split()
    },
    **{
        value: {"shop": value}
        for value in (
            "bakery supermarket convenience confectionery greengrocer butcher clothes alcohol "
            "sports gift hairdresser beauty bicycle department_store music"
        ).split()
    },
    "maki_restaurant-pizza": {"amenity": "restaurant", "cuisine": "pizza"},
    "maki_shop": {"shop": "yes"},
    "maki_school": {"amenity": "school"},
    "maki_college": {"amenity": "college"},
    "guest_house": {"tourism": "guest_house"},
    "museum": {"tourism": "museum"},
    "playground": {"leisure": "playground"},
}


class OsmPlace(NamedTuple):
    """One place: its id or None, its unchecked `lat` and `lng`, and its tags."""

    merchant_id: str | None
    position: Object
    tags: dict[str, str]


def places(records: Iterable[Record]) -> Iterator[tuple[Record, OsmPlace | None]]:
    """Yield each place with its record; None as the place of a record that is not a JSON object.

    Nodes and ways without `tags` are not places: they give a position to ways and relations without
    one. Those come last, because their nodes may follow them in the file.
    """
    skeleton = positions.Skeleton()
    waiting: list[tuple[Record, OsmPlace]] = []
    for record in records:
        for value in _objects(record):
            if value is None:
                yield record, None
                continue
            part = record if value is record.value else Record(record.number, value)
            if _is_feature(value):
                yield part, of_feature(value)
                continue
            skeleton.add(value)
            if value.get("type") in _ELEMENTS and "tags" not in value:
                continue
            place = of_element(value)
            if place.position or not ("nodes" in value or "members" in value):
                yield part, place
            else:
                waiting.append((part, place))
    for part, place in waiting:
        assert part.value is not None
        yield part, place._replace(position=skeleton.position(part.value))


def _objects(record: Record) -> Iterator[Object | None]:
    """Yield the object of a record, or the items of a collection on one line."""
    value = record.value
    for name in ("features", "elements"):
        items = None if value is None else value.get(name)
        if isinstance(items, list):
            yield from (item if isinstance(item, dict) else None for item in items)
            return
    yield value


def _is_feature(value: Object) -> bool:
    return value.get("type") == "Feature" or "properties" in value


def of_feature(feature: Object) -> OsmPlace:
    """Return the place of a GeoJSON feature; its tags are its properties or their `tags`."""
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    nested = properties.get("tags")
    tags = _tags(nested if isinstance(nested, dict) else properties)
    for name in ("tags", "other_tags"):
        tags |= dict(_PACKED.findall(tags.pop(name, "")))
    for key, value in _ICONS.get(tags.get("icon", ""), {}).items():
        tags.setdefault(key, value)
    geometry = feature.get("geometry")
    merchant_id = ids.of_feature(properties, feature.get("id"), geometry)
    return OsmPlace(merchant_id, positions.of_geometry(geometry), tags)


def of_element(element: Object) -> OsmPlace:
    """Return the place of an OSM JSON element such as `{"type": "node", "id": 1, "tags": {}}`.

    An element without `tags` has its tags among its members.
    """
    raw = element.get("tags", element)
    tags = _tags(raw if isinstance(raw, dict) else {})
    return OsmPlace(ids.of_element(element), positions.of_element(element), tags)


def _tags(raw: Object) -> dict[str, str]:
    """Return tags as stripped texts; `addr_street` becomes `addr:street`."""
    return {
        key.replace("_", ":", 1) if key.startswith(_UNDERSCORED) else key: str(value).strip()
        for key, value in raw.items()
        if isinstance(value, str | int | float)
    }
