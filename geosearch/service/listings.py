"""JSON schemas of the answers that list what an index has, and of those about the service.

`answers` describes searches and merchants.
"""

from geosearch.service.schemas import (
    BOX_ORDER,
    COUNT,
    CURRENCY,
    INSTANT,
    LAT,
    LNG,
    METRES,
    SNAPSHOT_ID,
    TEXT,
    TOOK_US,
    Json,
    box_schema,
    ref,
)
from geosearch.service.schemas import choice_schema as _choice
from geosearch.service.schemas import list_schema as _list
from geosearch.service.schemas import map_schema as _map
from geosearch.service.schemas import object_schema as _object
from geosearch.service.schemas import or_null_schema as _or_null
from geosearch.service.schemas import said_schema as _said
from geosearch.service.welcome import LINKS
from geosearch.suggest.directory import KINDS


def listing_schemas() -> dict[str, Json]:
    """Return the schemas of suggestions, zones, categories, cards, the index and the service."""
    return {
        "Suggestions": _object(
            {
                "snapshot_id": SNAPSHOT_ID,
                "took_us": TOOK_US,
                "suggestions": _list(ref("Suggestion"), "Suggestions, the best first."),
                "outside_coverage": beyond_schema(),
            },
            "outside_coverage",
        ),
        "Suggestion": _suggestion(),
        "Zones": _object({"zones": _list(ref("Zone"), "Zones that are in force.")}),
        "Zone": _zone(),
        "Categories": _object({"categories": _list(ref("Category"), "Categories by id.")}),
        "Category": _object(
            {
                "category_id": _said(TEXT, "Dotted path, for `categories`."),
                "name": _said(TEXT, "Name in `lang`, else in another language; else the id."),
                "names": _said(_map(TEXT), "Name by language; empty where none is known."),
                "merchants": _said(COUNT, "Number of shops of it and of the categories below it."),
            }
        ),
        "Programs": _object({"programs": _list(ref("Program"), "Cards by id.")}),
        "Index": _index(),
        "Regions": _regions(),
        "Status": _object(
            {
                "status": _said(TEXT, "`alive` or `ready`."),
                "version": _said(TEXT, "Version of the index. Absent in `/healthz`."),
            },
            "version",
        ),
        "Welcome": _welcome(),
    }


def _suggestion() -> Json:
    return _object(
        {
            "text": _said(TEXT, "What to show, and to search for."),
            "kind": _choice(KINDS, "What it names."),
            "id": _said(TEXT, "Id of a category, for `categories`; of other kinds the name."),
            "count": _said(
                {"type": "integer", "minimum": 1}, "Number of shops of it within the radius."
            ),
            "distance_m": _said(METRES, "Metres to the nearest of them."),
            "highlight": _list(
                _list(COUNT, "Begin and end, numbers of characters.")
                | {"minItems": 2, "maxItems": 2},
                "Parts of `text` that were typed: begin and end of each, numbers of characters.",
            ),
            "merchant_id": _said(TEXT, "Id of the nearest shop. Absent for categories and areas."),
            "name": _said(TEXT, "Name of a category in `lang`. Absent for other kinds."),
            "other": _said(TEXT, "Other name that was typed. Absent where `text` was."),
            "lat": _said(
                LAT, "Latitude of the middle of an area, degrees. Absent for other kinds."
            ),
            "lng": _said(
                LNG, "Longitude of the middle of an area, degrees. Absent for other kinds."
            ),
            "bbox": _said(
                box_schema(),
                f"Box around the shops of an area: {BOX_ORDER}. Absent for other kinds.",
            ),
        },
        *("merchant_id", "name", "other", "lat", "lng", "bbox"),
    )


def _zone() -> Json:
    day = {"type": "string", "format": "date"}
    members = {
        "type": _choice(("Polygon", "MultiPolygon"), "Type of the GeoJSON geometry."),
        "coordinates": _list({}, "Rings, or polygons of rings; positions are [lng, lat], degrees."),
    }
    shape = _object(members)
    return _object(
        {
            "zone_id": _said(TEXT, "Id, for `zone`."),
            "name": _said(TEXT, "Name to show."),
            "kind": _or_null(TEXT, "What it is; null where the snapshot does not say it."),
            "valid_from": _or_null(day, "First local day; null where there is no bound."),
            "valid_through": _or_null(day, "Last local day; null where there is no bound."),
            "bounds": _said(box_schema(), f"Box around it: {BOX_ORDER}."),
            "geometry": _said(shape, "Outline, in the datum asked for. Absent without `bbox`."),
        },
        "geometry",
    )  # fmt: skip


def _index() -> Json:
    guessed = {
        "country": _said(TEXT, "ISO 3166 code."),
        "since": _or_null(TEXT, "First day that is guessed; null where all are."),
        "days": _list(TEXT, "Days that are guessed."),
    }
    horizon = {
        "start": _said(INSTANT, "First instant."),
        "end": _said(INSTANT, "First instant that is no longer part of it."),
    }
    refused = {
        "version": _said(TEXT, "Name of the damaged version."),
        "detail": _said(TEXT, "What is wrong with it."),
    }
    counts = {
        "merchants": "Number of shops.", "deals": "Number of deals.",
        "programs": "Number of cards.", "zones": "Number of zones.",
        "segments": "Number of segments.", "hot_bytes": "Bytes of the columns that queries read.",
        "age_seconds": "Seconds since it was built; an entity tag does not count them.",
    }  # fmt: skip
    return _object(
        {
            "snapshot_id": SNAPSHOT_ID,
            "version": _said(TEXT, "Name of the version that answers."),
            "built_at": _said(INSTANT, "When it was built."),
            "currency": CURRENCY,
            "time_zone": _said(TEXT, "IANA time zone, unless a shop has another."),
            "horizon": _object(horizon)
            | {"description": "Span of time that the index answers for."},
            "country": _said(
                TEXT, "ISO 3166 code: whose public holidays hold, unless a shop says otherwise."
            ),
            "provisional_holidays": _list(_object(guessed), "Holidays that are guessed."),
            **{name: _said(COUNT, text) for name, text in counts.items()},
            "bounds": _or_null(
                box_schema(),
                "Box around all shops: min_lng, min_lat, max_lng, max_lat, WGS-84; null where the "
                "index has none.",
            ),
            "refused": _object(refused)
            | {"description": "A newer version that is damaged. Absent where there is none."},
            "region_id": _said(TEXT, "Region of the index. Absent in an index of all shops."),
        },
        "refused",
        "region_id",
    )


def _regions() -> Json:
    area = {
        "type": _said(TEXT, "`Polygon` or `MultiPolygon`."),
        "coordinates": {"type": "array", "items": {}, "description": "As in GeoJSON, WGS-84."},
    }
    feature = {
        "type": _choice(("Feature",), "Type of the GeoJSON object."),
        "properties": _object({"region_id": _said(TEXT, "Id of the region.")})
        | {"description": "Its id."},
        "geometry": _object(area) | {"description": "Area that it owns."},
    }
    return _object(
        {
            "type": _choice(("FeatureCollection",), "Type of the GeoJSON object."),
            "region_id": _said(TEXT, "The region that answers. Absent where all do."),
            "halo_m": _said(COUNT, "Metres around its area within which a region has all shops."),
            "features": _list(_object(feature), "Regions; the first that holds a place owns it."),
        },
        "region_id",
    )


def _welcome() -> Json:
    links = {
        "example": _or_null(
            TEXT, "A question that has an answer; null where the index has no shop."
        ),
        **{name: _said(TEXT, f"Path of {purpose}.") for name, _, purpose in LINKS},
        "land": _said(TEXT, "Path of the land around the shops, GeoJSON."),
        "basemap": _or_null(TEXT, "Path of the streets, PMTiles; null without the setting."),
        "coverage": _or_null(
            TEXT, "Path of where cards beat the public price; null without the setting."
        ),
    }
    return _object(
        {
            "service": _said(TEXT, "Always `geosearch`."),
            "version": _said(TEXT, "Version of the service."),
            "description": _said(TEXT, "What it is for."),
            "snapshot_id": SNAPSHOT_ID,
            "links": _object(links) | {"description": "Where to go on, as paths."},
            "documentation": _said(TEXT, "Where the documentation is."),
        }
    )


def beyond_schema() -> Json:
    """Return the schema of `outside_coverage`."""
    reached = {
        "bounds": _said(box_schema(), f"Box around all shops: {BOX_ORDER}."),
        "detail": _said(TEXT, "The same as a sentence."),
    }
    where = "No shop of the index can be within the radius, box or polygon. Absent otherwise."
    return _object(reached) | {"description": where}
