"""JSON schemas of answers: every member with its description, unit, and when it is null or absent.

`openapi` and the reference page use them; `query.parameters` describes requests. The tables of the
snapshot (`snapshot.tables`) describe its members, and this module those that the engine adds. A
test compares both with answers of the service.
"""

from typing import Any

from geosearch.answer.stored import ALWAYS, DEAL_FIELDS, MERCHANT_FIELDS, PROGRAM_FIELDS
from geosearch.money.ranking import WEIGHT_HELP
from geosearch.query.parameters import FACETS
from geosearch.service.problems import CODES
from geosearch.service.schemas import box_schema, ref
from geosearch.service.schemas import choice_schema as _choice
from geosearch.service.schemas import list_schema as _list
from geosearch.service.schemas import map_schema as _map
from geosearch.service.schemas import object_schema as _object
from geosearch.service.schemas import or_null_schema as _or_null
from geosearch.service.schemas import said_schema as _said
from geosearch.service.welcome import LINKS
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS, Field, Kind, Table
from geosearch.suggest.directory import KINDS

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_NUMBER: Json = {"type": "number"}
_METRES: Json = {"type": "number", "minimum": 0}
_COUNT: Json = {"type": "integer", "minimum": 0}
_FLAG: Json = {"type": "boolean"}
_LAT: Json = {"type": "number", "minimum": -90, "maximum": 90}
_LNG: Json = {"type": "number", "minimum": -180, "maximum": 180}
_REDEMPTION: Json = {
    "type": "object",
    "properties": {
        "channel": {**_TEXT, "description": "What to show. Absent where the snapshot has none."},
        "appointment": {
            **_FLAG,
            "description": "Whether one must book. Absent where the snapshot has none.",
        },
    },
}
_JSON_TYPES: dict[Kind, Json] = {
    Kind.ID: _TEXT,
    Kind.TEXT: _TEXT,
    Kind.TEXTS: {"type": "array", "items": _TEXT},
    Kind.NUMBER: _NUMBER,
    Kind.INTEGER: {"type": "integer"},
    Kind.FLAG: _FLAG,
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.INSTANT: _INSTANT,
    Kind.JSON: _REDEMPTION,
}


def answer_schemas() -> dict[str, Json]:
    """Return the schemas of all answers by name."""
    return {
        "Answer": _answer(),
        "FeatureCollection": _feature_collection(),
        "Feature": _feature(),
        "Answers": _object(
            {"answers": _list(ref("Answer"), "One answer a query, in the order of the queries.")}
        ),
        "Result": _result(),
        "Merchant": _merchant(),
        "MerchantRecord": _merchant_record(),
        "Hours": _object(
            {
                "state": _choice(("open", "unknown"), "Whether the shop is open in this span."),
                "from": _said(_INSTANT, "Start of the span, in the time zone of the shop."),
                "to": _or_null(
                    _INSTANT, "End of the span; null where it is beyond the time horizon."
                ),
            }
        ),
        "OpenState": _object(
            {
                "state": _choice(("open", "closed", "unknown"), "Whether it is open at `at`."),
                "closes_at": _or_null(
                    _INSTANT,
                    "When it closes, in its time zone; null unless it is open, and where it does "
                    "not close within the time horizon.",
                ),
                "opens_at": _or_null(
                    _INSTANT,
                    "When it opens, in its time zone; null unless it is closed, and where it does "
                    "not open within the time horizon.",
                ),
            }
        ),
        "Deal": _object(*_deal_members()),
        "DealRecord": _deal_record(),
        "Suggestions": _object(
            {
                "snapshot_id": _SNAPSHOT_ID,
                "took_us": _TOOK_US,
                "suggestions": _list(ref("Suggestion"), "Suggestions, the best first."),
                "outside_coverage": _beyond(),
            },
            "outside_coverage",
        ),
        "Suggestion": _suggestion(),
        "Zones": _object({"zones": _list(ref("Zone"), "Zones that are in force.")}),
        "Zone": _zone(),
        "Categories": _object({"categories": _list(ref("Category"), "Categories by id.")}),
        "Category": _object(
            {
                "category_id": _said(_TEXT, "Dotted path, for `categories`."),
                "names": _said(_map(_TEXT), "Name by language; empty where none is known."),
                "merchants": _said(_COUNT, "Number of shops of it and of the categories below it."),
            }
        ),
        "Programs": _object({"programs": _list(ref("Program"), "Cards by id.")}),
        "Program": _program(),
        "Index": _index(),
        "Status": _object(
            {
                "status": _said(_TEXT, "`alive` or `ready`."),
                "version": _said(_TEXT, "Version of the index. Absent in `/healthz`."),
            },
            "version",
        ),
        "Problem": _object(
            {
                "type": _said(_TEXT, "Always `about:blank`; see RFC 9457."),
                "title": _said(_TEXT, "HTTP status in words."),
                "status": _said({"type": "integer"}, "HTTP status."),
                "code": _choice(tuple(CODES), "What is wrong, for programs; never renamed."),
                "detail": _said(_TEXT, "What is wrong, for people: the first sentence."),
                "errors": _list(
                    ref("ProblemItem"), "Everything that is wrong with the parameters."
                ),
            }
        ),
        "Welcome": _welcome(),
        "Explanation": _explanation(),
        "ProblemItem": _object(
            {
                "pointer": _said(_TEXT, "JSON pointer to the parameter."),
                "code": _said(_TEXT, "What is wrong with it, for programs."),
                "detail": _said(_TEXT, "What was expected, what came, and where."),
            }
        ),
    }


_SNAPSHOT_ID = _said(_TEXT, "Which snapshot the index was built from.")
_TOOK_US = _said(_COUNT, "Microseconds inside the engine.")
_AT = _said(_INSTANT, "The instant everything was evaluated for.")
_DISTANCE_M = _said(_METRES, "Metres from the position, cut to decimetres: never above the radius.")
_CURRENCY = _said(_TEXT, "ISO 4217 code of all amounts.")
_POSITION = {
    "lat": _said(_LAT, "Latitude, degrees, in the datum asked for."),
    "lng": _said(_LNG, "Longitude, degrees, in the datum asked for."),
}
_BOX_ORDER = "min_lng, min_lat, max_lng, max_lat, degrees, in the datum asked for"


def _stored(table: Table, names: tuple[str, ...]) -> tuple[Json, list[str]]:
    """Return the schemas of a table's members, and the names of those that may be absent."""
    fields = {field.name: field for field in table.fields}
    optional = [name for name in names if name not in ALWAYS and not fields[name].required]
    return {name: _member(fields[name]) for name in names}, optional


def _member(field: Field) -> Json:
    schema = dict(_JSON_TYPES[field.kind])
    if field.choices:
        schema["enum"] = list(field.choices)
    help_text = field.help[:1].upper() + field.help[1:]
    unit = ", minor units" if field.money else ""
    description = f"{help_text}{unit}."
    if field.required:
        return _said(schema, description)
    meaning = f"means {field.absent}" if field.absent else "where the snapshot has none"
    if field.name in ALWAYS and field.kind is Kind.TEXTS:
        return _said(schema, f"{description} Empty {meaning}.")
    if field.name in ALWAYS:
        return _or_null(schema, f"{description} Null {meaning}.")
    return _said(schema, f"{description} Absent {meaning}.")


def _merchant() -> Json:
    members, optional = _stored(MERCHANTS, MERCHANT_FIELDS)
    return _object(members | _POSITION, *optional)


def _program() -> Json:
    members, optional = _stored(PROGRAMS, PROGRAM_FIELDS)
    counted = {"merchants": _said(_COUNT, "Number of shops that have a deal of it.")}
    return _object(members | counted, *optional)


def _deal_members() -> tuple[Any, ...]:
    members, optional = _stored(DEALS, DEAL_FIELDS)
    worth = {
        "saving": _or_null(
            {"type": "integer"}, "What it saves, minor units; null where the bill is unknown."
        ),
        "pay": _or_null(
            {"type": "integer"}, "What is left to pay, minor units; null where the bill is unknown."
        ),
        "currency": _CURRENCY,
        "usable_until": _or_null(
            _INSTANT,
            "End of the window that `at` lies in; null where it is beyond the time horizon.",
        ),
    }
    return (members | worth, *optional)


def _deal_record() -> Json:
    members, *optional = _deal_members()
    # Only a usable deal has a saving.
    for name in ("saving", "pay", "usable_until"):
        members[name] = _said(
            members[name], f"{members[name]['description'][:-1]}, and unless it is `usable`."
        )
    more = {
        "usable": _said(_FLAG, "Whether somebody can use it at `at`."),
        "eligible": _said(_FLAG, "Whether it needs no card, or one of `cards`."),
    }
    return _object(members | more, *optional)


_BETTER_PUBLIC = "With `deals=card`, the best public deal that saves more. Absent where none does."


def _result() -> Json:
    return _object(
        {
            "merchant": _said(ref("Merchant"), "The shop."),
            "distance_m": _DISTANCE_M,
            "open": _said(ref("OpenState"), "Whether it is open, and until when."),
            "best_deal": {
                "oneOf": [ref("Deal"), {"type": "null"}],
                "description": "The deal that counts and saves most; null where none does.",
            },
            "better_public": _said(ref("Deal"), _BETTER_PUBLIC),
            "deals": _list(ref("Deal"), "The other usable deals: those that count, then the rest."),
            "score": _said(_NUMBER, "Net benefit, minor units: the order of `sort=best`."),
            "reasons": _list(_TEXT, "Why to go there, in words."),
            "explain": _said(
                _map(_NUMBER),
                "Parts of the score, minor units, and the probability that a redemption works. "
                "Absent unless `explain` asks for it.",
            ),
        },
        *("better_public", "explain"),
    )


def _merchant_record() -> Json:
    return _object(
        {
            "snapshot_id": _SNAPSHOT_ID,
            "at": _AT,
            "merchant": _said(ref("Merchant"), "The shop."),
            "open": _said(ref("OpenState"), "Whether it is open, and until when."),
            "best_deal": {
                "oneOf": [ref("DealRecord"), {"type": "null"}],
                "description": "The deal that counts and saves most; null where none does.",
            },
            "better_public": _said(ref("DealRecord"), _BETTER_PUBLIC),
            "hours": _list(ref("Hours"), "Spans of the coming seven days that are not closed."),
            "deals": _list(ref("DealRecord"), "All of its deals, usable or not."),
            "distance_m": _said(_METRES, "Metres from the position. Absent without one."),
        },
        *("better_public", "distance_m"),
    )


def _suggestion() -> Json:
    return _object(
        {
            "text": _said(_TEXT, "What to show, and to search for."),
            "kind": _choice(KINDS, "What it names."),
            "id": _said(_TEXT, "Id of a category, for `categories`; of other kinds the name."),
            "count": _said(
                {"type": "integer", "minimum": 1}, "Number of shops of it within the radius."
            ),
            "distance_m": _said(_METRES, "Metres to the nearest of them."),
            "highlight": _list(
                _list(_COUNT, "Begin and end, numbers of characters.")
                | {"minItems": 2, "maxItems": 2},
                "Parts of `text` that were typed: begin and end of each, numbers of characters.",
            ),
            "merchant_id": _said(_TEXT, "Id of the nearest shop. Absent for categories and areas."),
            "other": _said(_TEXT, "Other name that was typed. Absent where `text` was."),
            "lat": _said(
                _LAT, "Latitude of the middle of an area, degrees. Absent for other kinds."
            ),
            "lng": _said(
                _LNG, "Longitude of the middle of an area, degrees. Absent for other kinds."
            ),
            "bbox": _said(
                box_schema(),
                f"Box around the shops of an area: {_BOX_ORDER}. Absent for other kinds.",
            ),
        },
        *("merchant_id", "other", "lat", "lng", "bbox"),
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
            "zone_id": _said(_TEXT, "Id, for `zone`."),
            "name": _said(_TEXT, "Name to show."),
            "kind": _or_null(_TEXT, "What it is; null where the snapshot does not say it."),
            "valid_from": _or_null(day, "First local day; null where there is no bound."),
            "valid_through": _or_null(day, "Last local day; null where there is no bound."),
            "bounds": _said(box_schema(), f"Box around it: {_BOX_ORDER}."),
            "geometry": _said(shape, "Outline, in the datum asked for. Absent without `bbox`."),
        },
        "geometry",
    )  # fmt: skip


def _index() -> Json:
    guessed = {
        "country": _said(_TEXT, "ISO 3166 code."),
        "since": _or_null(_TEXT, "First day that is guessed; null where all are."),
        "days": _list(_TEXT, "Days that are guessed."),
    }
    horizon = {
        "start": _said(_INSTANT, "First instant."),
        "end": _said(_INSTANT, "First instant that is no longer part of it."),
    }
    refused = {
        "version": _said(_TEXT, "Name of the damaged version."),
        "detail": _said(_TEXT, "What is wrong with it."),
    }
    counts = {
        "merchants": "Number of shops.", "deals": "Number of deals.",
        "programs": "Number of cards.", "zones": "Number of zones.",
        "segments": "Number of segments.", "hot_bytes": "Bytes of the columns that queries read.",
        "age_seconds": "Seconds since it was built; an entity tag does not count them.",
    }  # fmt: skip
    return _object(
        {
            "snapshot_id": _SNAPSHOT_ID,
            "version": _said(_TEXT, "Name of the version that answers."),
            "built_at": _said(_INSTANT, "When it was built."),
            "currency": _CURRENCY,
            "time_zone": _said(_TEXT, "IANA time zone, unless a shop has another."),
            "horizon": _object(horizon)
            | {"description": "Span of time that the index answers for."},
            "country": _said(
                _TEXT, "ISO 3166 code: whose public holidays hold, unless a shop says otherwise."
            ),
            "provisional_holidays": _list(_object(guessed), "Holidays that are guessed."),
            **{name: _said(_COUNT, text) for name, text in counts.items()},
            "bounds": _or_null(
                box_schema(),
                "Box around all shops: min_lng, min_lat, max_lng, max_lat, WGS-84; null where the "
                "index has none.",
            ),
            "refused": _object(refused)
            | {"description": "A newer version that is damaged. Absent where there is none."},
        },
        "refused",
    )


def _welcome() -> Json:
    links = {
        "example": _or_null(
            _TEXT, "A question that has an answer; null where the index has no shop."
        ),
        **{name: _said(_TEXT, f"Path of {purpose}.") for name, _, purpose in LINKS},
    }
    return _object(
        {
            "service": _said(_TEXT, "Always `geosearch`."),
            "version": _said(_TEXT, "Version of the service."),
            "description": _said(_TEXT, "What it is for."),
            "snapshot_id": _SNAPSHOT_ID,
            "links": _object(links) | {"description": "Where to go on, as paths."},
            "documentation": _said(_TEXT, "Where the documentation is."),
        }
    )


def _beyond() -> Json:
    reached = {
        "bounds": _said(box_schema(), f"Box around all shops: {_BOX_ORDER}."),
        "detail": _said(_TEXT, "The same as a sentence."),
    }
    where = "No shop of the index can be within the radius, box or polygon. Absent otherwise."
    return _object(reached) | {"description": where}


def _answer() -> Json:
    around = {
        "business_area": _said(_TEXT, "Name of the area."),
        **_POSITION,
        "bbox": _said(box_schema(), f"Box around its shops: {_BOX_ORDER}."),
    }
    counts = _map(_map(_COUNT))
    unknown = "that the index does not know. Absent where there are none."
    reworded = _map({"type": "array", "items": _TEXT})
    optional = {
        "total": _said(_COUNT, "Exact number of matches. Absent unless `total` asks for it."),
        "facets": _said(
            counts,
            f"Number of matches by value, of {', '.join(FACETS)}. Absent unless `facets` asks for "
            "some.",
        ),
        "explain": _said(
            ref("Explanation"), "How the answer was found. Absent unless `explain` asks for it."
        ),
        "unknown_cards": _list(_TEXT, f"Cards {unknown}"),
        "unknown_categories": _list(_TEXT, f"Categories {unknown}"),
        "unknown_business_areas": _list(_TEXT, f"Business areas {unknown}"),
        "unknown_ids": _list(_TEXT, "Those of `ids` that it does not have. Absent without `ids`."),
        "outside_coverage": _beyond(),
        "around": _object(around)
        | {
            "description": "The area that `q` names, which was searched instead of the position. "
            "Absent otherwise."
        },
        "corrected": _said(
            reworded,
            "What was searched instead of words of `q`, by word. Absent where no word was.",
        ),
        "relaxed": _list(_TEXT, "Words of `q` that were left out. Absent where there are none."),
    }
    return _object(
        {
            "snapshot_id": _SNAPSHOT_ID,
            "at": _AT,
            "took_us": _TOOK_US,
            "results": _list(ref("Result"), "Shops in the order asked for, the best first."),
            "next_cursor": _or_null(_TEXT, "`cursor` of the next page; null on the last one."),
            **optional,
        },
        *optional,
    )


def _feature_collection() -> Json:
    answer = _answer()
    members = {name: each for name, each in answer["properties"].items() if name != "results"}
    optional = [name for name in members if name not in answer["required"]]
    kind = _choice(("FeatureCollection",), "Type of the GeoJSON object.")
    shops = _list(ref("Feature"), "Shops in the order asked for, the best first.")
    return _object({"type": kind, "features": shops, **members}, *optional)


def _feature() -> Json:
    point = {
        "type": _choice(("Point",), "Type of the GeoJSON geometry."),
        "coordinates": _list(_NUMBER, "Position: [lng, lat], degrees, in the datum asked for.")
        | {"minItems": 2, "maxItems": 2},
    }
    return _object(
        {
            "type": _choice(("Feature",), "Type of the GeoJSON object."),
            "id": _said(_TEXT, "Id of the merchant."),
            "geometry": _object(point) | {"description": "Where the shop is."},
            "properties": _said(ref("Result"), "The result."),
        }
    )


def _explanation() -> Json:
    weights = {name: _said(_NUMBER, text) for name, text in WEIGHT_HELP.items()}
    return {
        "type": "object",
        "description": "How the answer was found; for people, and no member is promised.",
        "properties": {
            "version": _said(_TEXT, "Version of the index."),
            "plan": _list({"type": "object"}, "What drives the search, a segment each."),
            "work": _said(_map(_COUNT), "Work counters."),
            "words": _list({"type": "object"}, "Words of `q`, and what they were read as."),
            "rewording": _said({"type": "object"}, "What it took to choose them."),
            "weights": _object(weights) | {"description": "Weights of the net benefit."},
        },
    }
