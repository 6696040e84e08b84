"""JSON schemas of answers: every member with its description, unit, and when it is null or absent.

`openapi` and the reference page use them; `query.parameters` describes requests. The tables of the
snapshot (`snapshot.tables`) describe its members, and this module those that the engine adds. A
test compares both with answers of the service.
"""

from typing import Any

from geosearch.money.ranking import WEIGHT_HELP
from geosearch.query.parameters import FACETS
from geosearch.service.combination_schemas import COMBINATION_MEMBERS, combination_schemas
from geosearch.service.coverage_layer import coverage_schemas
from geosearch.service.density import density_schema
from geosearch.service.listings import beyond_schema, listing_schemas
from geosearch.service.near_answers import near_schemas
from geosearch.service.problems import CODES
from geosearch.service.schemas import (
    AT,
    BOX_ORDER,
    COUNT,
    CURRENCY,
    DISTANCE_M,
    FLAG,
    INSTANT,
    INTEGER,
    METRES,
    NUMBER,
    POSITION,
    SNAPSHOT_ID,
    TEXT,
    TOOK_US,
    Json,
    box_schema,
    ref,
    with_as_of,
)
from geosearch.service.schemas import choice_schema as _choice
from geosearch.service.schemas import list_schema as _list
from geosearch.service.schemas import map_schema as _map
from geosearch.service.schemas import object_schema as _object
from geosearch.service.schemas import or_null_schema as _or_null
from geosearch.service.schemas import said_schema as _said
from geosearch.service.worth_schemas import worth_schemas
from geosearch.snapshot.fields import Field, Kind, Table
from geosearch.snapshot.stored import ALWAYS, DEAL_FIELDS, MERCHANT_FIELDS, PROGRAM_FIELDS
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS

_REDEMPTION: Json = {
    "type": "object",
    "properties": {
        "channel": {**TEXT, "description": "What to show. Absent where the snapshot has none."},
        "appointment": {
            **FLAG,
            "description": "Whether one must book. Absent where the snapshot has none.",
        },
    },
}
_CLOSURES: Json = {
    "type": "array",
    "items": _object(
        {
            "from": _said(INSTANT, "When it closes."),
            "until": _said(INSTANT, "When it is open again, if its hours say so."),
            "reason": _said(TEXT, "Why. Absent where the snapshot has none."),
        },
        "reason",
    ),
}
_MEMBERS = {"closures": _CLOSURES, "redemption": _REDEMPTION}
"""Types of the fields of kind `JSON`."""
_JSON_TYPES: dict[Kind, Json] = {
    Kind.ID: TEXT,
    Kind.TEXT: TEXT,
    Kind.TEXTS: {"type": "array", "items": TEXT},
    Kind.NUMBER: NUMBER,
    Kind.INTEGER: INTEGER,
    Kind.FLAG: FLAG,
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.INSTANT: INSTANT,
}


def answer_schemas() -> dict[str, Json]:
    """Return the schemas of all answers by name."""
    lists = ("Zones", "Categories", "Programs", "Suggestions")
    others = ("Why", "Worth", "Density", "Index", "Status", *lists)
    named = ("Answer", "FeatureCollection", "MerchantRecord", *others)
    return with_as_of(_schemas(), named)


def _schemas() -> dict[str, Json]:
    return {
        "Answer": _answer(),
        "FeatureCollection": _feature_collection(),
        "Feature": _feature(),
        "Answers": _object(
            {"answers": _list(ref("Answer"), "One answer a query, in the order of the queries.")}
        ),
        **worth_schemas(),
        "Result": _result(),
        "SparseResult": _sparse_result(),
        "Merchant": _merchant(),
        "MerchantRecord": _merchant_record(),
        "Hours": _object(
            {
                "state": _choice(("open", "unknown"), "Whether the shop is open in this span."),
                "from": _said(INSTANT, "Start of the span, in the time zone of the shop."),
                "to": _or_null(
                    INSTANT, "End of the span; null where it is beyond the time horizon."
                ),
            }
        ),
        "OpenState": _object(
            {
                "state": _choice(("open", "closed", "unknown"), "Whether it is open at `at`."),
                "closes_at": _or_null(
                    INSTANT,
                    "When it closes, in its time zone; null unless it is open, and where it does "
                    "not close within the time horizon.",
                ),
                "opens_at": _or_null(
                    INSTANT,
                    "When it opens, in its time zone; null unless it is closed, and where it does "
                    "not open within the time horizon.",
                ),
            }
        ),
        "Deal": _object(*_deal_members()),
        **combination_schemas(),
        "DealRecord": _deal_record(),
        **listing_schemas(),
        **near_schemas(),
        "Density": density_schema(),
        **coverage_schemas(),
        "Program": _program(),
        "Problem": _object(
            {
                "type": _said(TEXT, "Always `about:blank`; see RFC 9457."),
                "title": _said(TEXT, "HTTP status in words."),
                "status": _said(INTEGER, "HTTP status."),
                "code": _choice(tuple(CODES), "What is wrong, for programs; never renamed."),
                "detail": _said(TEXT, "What is wrong, for people: the first sentence."),
                "errors": _list(
                    ref("ProblemItem"), "Everything that is wrong with the parameters."
                ),
                "region_id": _or_null(
                    TEXT, "Region that answers instead; null where none does. Absent but in a 421."
                ),
            },
            "region_id",
        ),
        "Explanation": _explanation(),
        "ProblemItem": _object(
            {
                "pointer": _said(TEXT, "JSON pointer to the parameter."),
                "code": _said(TEXT, "What is wrong with it, for programs."),
                "detail": _said(TEXT, "What was expected, what came, and where."),
            }
        ),
    }


def _stored(table: Table, names: tuple[str, ...]) -> tuple[Json, list[str]]:
    """Return the schemas of a table's members, and the names of those that may be absent."""
    fields = {field.name: field for field in table.fields}
    optional = [name for name in names if name not in ALWAYS and not fields[name].required]
    return {name: _member(fields[name]) for name in names}, optional


def _member(field: Field) -> Json:
    schema = dict(_MEMBERS.get(field.name) or _JSON_TYPES[field.kind])
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
    return _object(members | POSITION, *optional)


def _program() -> Json:
    members, optional = _stored(PROGRAMS, PROGRAM_FIELDS)
    counted = {"merchants": _said(COUNT, "Number of shops that have a deal of it.")}
    return _object(members | counted, *optional)


def _deal_members() -> tuple[Any, ...]:
    members, optional = _stored(DEALS, DEAL_FIELDS)
    worth = {
        "saving": _or_null(INTEGER, "What it saves, minor units; null where the bill is unknown."),
        "pay": _or_null(
            INTEGER, "What is left to pay, minor units; null where the bill is unknown."
        ),
        "currency": CURRENCY,
        "usable_until": _or_null(
            INSTANT,
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
        "usable": _said(FLAG, "Whether somebody can use it at `at`."),
        "eligible": _said(FLAG, "Whether it needs no card, or one of `cards`."),
    }
    return _object(members | more, *optional)


_BETTER_PUBLIC = "With `deals=card`, the best public deal that saves more. Absent where none does."


def _result() -> Json:
    return _object(
        {
            "merchant": _said(ref("Merchant"), "The shop."),
            "distance_m": DISTANCE_M,
            "open": _said(ref("OpenState"), "Whether it is open, and until when."),
            "best_deal": {
                "oneOf": [ref("Deal"), {"type": "null"}],
                "description": "The deal that counts and saves most; null where none does.",
            },
            "better_public": _said(ref("Deal"), _BETTER_PUBLIC),
            "deals": _list(ref("Deal"), "The other usable deals: those that count, then the rest."),
            **COMBINATION_MEMBERS,
            "score": _said(NUMBER, "Net benefit, minor units: the order of `sort=best`."),
            "reasons": _list(TEXT, "Why to go there, in words."),
            "explain": _said(
                _map(NUMBER),
                "Parts of the score, minor units, and the probability that a redemption works. "
                "Absent unless `explain` asks for it.",
            ),
        },
        *("better_public", *COMBINATION_MEMBERS, "explain"),
    )


_ANY_RESULT: Json = {"anyOf": [ref("Result"), ref("SparseResult")]}


def _sparse_result() -> Json:
    members = _result()["properties"]
    described = "The result where `fields` asks for some members: their types are those of Result."
    sparse = {
        name: _said(_sparse(each), f"{each['description']} Absent unless `fields` names it.")
        for name, each in members.items()
    }
    return _object(sparse, *sparse) | {"description": described}


def _sparse(schema: Json) -> Json:
    """Return the schema of a member of which `fields` may name parts."""
    if "$ref" in schema:
        return {"type": "object"}
    if "oneOf" in schema:
        return {"type": ["object", "null"]}
    return schema | {"items": _sparse(schema["items"])} if "items" in schema else schema


def _merchant_record() -> Json:
    return _object(
        {
            "snapshot_id": SNAPSHOT_ID,
            "at": AT,
            "merchant": _said(ref("Merchant"), "The shop."),
            "open": _said(ref("OpenState"), "Whether it is open, and until when."),
            "best_deal": {
                "oneOf": [ref("DealRecord"), {"type": "null"}],
                "description": "The deal that counts and saves most; null where none does.",
            },
            "better_public": _said(ref("DealRecord"), _BETTER_PUBLIC),
            **COMBINATION_MEMBERS,
            "hours": _list(ref("Hours"), "Spans of the coming seven days that are not closed."),
            "deals": _list(ref("DealRecord"), "All of its deals, usable or not."),
            "distance_m": _said(METRES, "Metres from the position. Absent without one."),
        },
        *("better_public", *COMBINATION_MEMBERS, "distance_m"),
    )


def _answer() -> Json:
    around = {
        "business_area": _said(TEXT, "Name of the area."),
        **POSITION,
        "bbox": _said(box_schema(), f"Box around its shops: {BOX_ORDER}."),
    }
    counts = _map(_map(COUNT))
    unknown = "that the index does not know. Absent where there are none."
    reworded = _map({"type": "array", "items": TEXT})
    optional = {
        "total": _said(COUNT, "Exact number of matches. Absent unless `total` asks for it."),
        "facets": _said(
            counts,
            f"Number of matches by value, of {', '.join(FACETS)}. Absent unless `facets` asks for "
            "some.",
        ),
        "explain": _said(
            ref("Explanation"), "How the answer was found. Absent unless `explain` asks for it."
        ),
        "unknown_cards": _list(TEXT, f"Cards {unknown}"),
        "unknown_categories": _list(TEXT, f"Categories {unknown}"),
        "unknown_business_areas": _list(TEXT, f"Business areas {unknown}"),
        "unknown_ids": _list(TEXT, "Those of `ids` that it does not have. Absent without `ids`."),
        "near_misses": _list(
            ref("NearMiss"), "Shops that match after one change. Absent without `near_misses`."
        ),
        "outside_coverage": beyond_schema(),
        "around": _object(around)
        | {
            "description": "The area that `q` names, which was searched instead of the position. "
            "Absent otherwise."
        },
        "corrected": _said(
            reworded,
            "What was searched instead of words of `q`, by word. Absent where no word was.",
        ),
        "relaxed": _list(TEXT, "Words of `q` that were left out. Absent where there are none."),
    }
    return _object(
        {
            "snapshot_id": SNAPSHOT_ID,
            "at": AT,
            "took_us": TOOK_US,
            "results": _list(_ANY_RESULT, "Shops in the order asked for, the best first."),
            "next_cursor": _or_null(TEXT, "`cursor` of the next page; null on the last one."),
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
        "coordinates": _list(NUMBER, "Position: [lng, lat], degrees, in the datum asked for.")
        | {"minItems": 2, "maxItems": 2},
    }
    return _object(
        {
            "type": _choice(("Feature",), "Type of the GeoJSON object."),
            "id": _said(TEXT, "Id of the merchant."),
            "geometry": _object(point) | {"description": "Where the shop is."},
            "properties": _said(_ANY_RESULT, "The result."),
        }
    )


def _explanation() -> Json:
    weights = {name: _said(NUMBER, text) for name, text in WEIGHT_HELP.items()}
    return {
        "type": "object",
        "description": "How the answer was found; for people, and no member is promised.",
        "properties": {
            "version": _said(TEXT, "Version of the index."),
            "plan": _list({"type": "object"}, "What drives the search, a segment each."),
            "work": _said(_map(COUNT), "Work counters."),
            "near_misses": _said(_map(COUNT), "Work counters of near misses."),
            "words": _list({"type": "object"}, "Words of `q`, and what they were read as."),
            "rewording": _said({"type": "object"}, "What it took to choose them."),
            "weights": _object(weights) | {"description": "Weights of the net benefit."},
        },
    }
