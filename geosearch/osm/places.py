"""One OpenStreetMap place to one row of `merchants`, in the two forms that `importer` reads.

Useful for: ids, positions and tags, wherever a form keeps them. Whatever is absent stays absent and
whatever is wrong stays as it is, for the build to reject.
Not useful for: the meaning of tags; that is `geosearch.osm.tags`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import orjson
import shapely

from geosearch.hours.holidays import is_country
from geosearch.osm import tags as osm_tags

Object = Mapping[str, object]

_TYPES = {"n": "node", "w": "way", "r": "relation"}
_ID = re.compile(r"(node|way|relation)/(\d+)")
_UNDERSCORED = re.compile("^(addr|contact)_")

# Icons of GeoJSON made by veggiekarte, which keeps an icon instead of the tag it came from.
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


class Place(NamedTuple):
    """The row of a place, and the country its address names."""

    row: dict[str, object]
    country: str | None


def of_feature(feature: Object) -> Place:
    """Return the place of a GeoJSON feature.

    Tags are its properties or an object `tags` among them; its number is in `_type` and `_id`, or
    in an id such as `node/123`.
    """
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    nested = properties.get("tags")
    tags = _tags(nested if isinstance(nested, dict) else properties)
    for key, value in _ICONS.get(tags.get("icon", ""), {}).items():
        tags.setdefault(key, value)
    kind, number = properties.get("_type"), properties.get("_id")
    if number is None:
        found = _ID.search(str(properties.get("@id") or feature.get("id") or properties.get("id")))
        kind, number = found.groups() if found else (None, None)
    place = _place(kind, number, _position(feature.get("geometry")), tags)
    diet = tags.get("category", "")
    if diet.startswith(("vegan", "vegetarian")):
        place.row["tags"] = [*osm_tags.tag_list(tags), diet]
    return place


def of_line(place: Object) -> Place:
    """Return the place of `{"type": "node", "id": 1, "lat": 31.2, "lon": 121.4, "tags": {}}`."""
    raw = place.get("tags")
    tags = _tags(raw if isinstance(raw, dict) else {})
    position = {"lat": place.get("lat"), "lng": place.get("lon", place.get("lng"))}
    return _place(place.get("type"), place.get("id"), position, tags)


def _tags(raw: Object) -> dict[str, str]:
    """Return tags as text without spaces around; `addr_street` becomes `addr:street`."""
    return {
        _UNDERSCORED.sub(r"\1:", key): str(value).strip()
        for key, value in raw.items()
        if isinstance(value, str | int | float)
    }


def _position(geometry: object) -> Object:
    """Return the point, or the centroid of any other shape; nothing where there is none."""
    if not isinstance(geometry, dict):
        return {}
    if geometry.get("type") == "Point":
        coordinates = geometry.get("coordinates")
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            return {"lat": coordinates[1], "lng": coordinates[0]}
        return {}
    try:
        centre = shapely.from_geojson(orjson.dumps(geometry)).centroid
    except shapely.GEOSException:
        return {}
    return {} if centre.is_empty else {"lat": round(centre.y, 7), "lng": round(centre.x, 7)}


def _place(kind: object, number: object, position: Object, tags: dict[str, str]) -> Place:
    row: dict[str, object] = {}
    if number is not None:
        row["merchant_id"] = f"osm-{_TYPES.get(str(kind), kind or 'node')}-{number}"
    fields = osm_tags.fields(tags)
    if "name" in fields:
        row["name"] = fields.pop("name")
    row |= {key: value for key, value in position.items() if value is not None}
    country = tags.get("addr:country", "").strip().upper()
    return Place(row | fields, country if is_country(country) else None)
