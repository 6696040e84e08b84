"""`GET /openapi.json`: the HTTP interface for programs, made from the tables the code reads.

Parameters come from `parameters.PARAMETERS` with the defaults of `Query`, limits from the settings,
error codes from `problems.CODES`; so the document cannot say another limit than the code keeps.
"""

import math
from importlib.metadata import version
from typing import Any

import msgspec

from geosearch.directory import KINDS
from geosearch.model import Query
from geosearch.parameters import MAX_TEXT, PARAMETERS, SUGGEST_PARAMETERS, Parameter
from geosearch.service.problems import CODES
from geosearch.service.settings import Settings
from geosearch.suggest import SuggestQuery

Json = dict[str, Any]

_SUGGEST_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(SuggestQuery)
    if field.default is not msgspec.NODEFAULT
}
_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Query)
    if field.default is not msgspec.NODEFAULT
}


def openapi_document(settings: Settings) -> Json:
    """Return the OpenAPI 3.1 document of the service."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "geosearch",
            "version": version("geosearch"),
            "description": "Which shop near me, open now, gives the cards I hold the best deal.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(settings),
        "components": {"schemas": _schemas(settings)},
    }


def _paths(settings: Settings) -> Json:
    lat, lng = _in_url("lat"), _in_url("lng")
    crs = {**_in_url("crs"), "description": "Datum of the position."}
    merchant_id = {
        "name": "merchant_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }
    in_url = [_in_url(name) for name, parameter in PARAMETERS.items() if parameter.in_url]
    return {
        "/v1/nearby": {
            "get": _operation("nearby", "Shops near a position", "Answer", 410, parameters=in_url),
            "post": _operation(
                "nearbyPost",
                "Shops near a position; the wallet stays out of the URL",
                "Answer",
                *(410, 413, 415),
                body="Query",
            ),
        },
        "/v1/nearby:batch": {
            "post": _operation(
                "nearbyBatch",
                "Several queries at once, of one version, answered as a whole or not at all",
                "Answers",
                *(410, 413, 415),
                body="Queries",
            )
        },
        "/v1/suggest": {
            "get": _operation(
                "suggest",
                "Names that begin with what was typed and have a shop nearby",
                "Suggestions",
                parameters=[_suggest_parameter(each) for each in SUGGEST_PARAMETERS.values()],
            )
        },
        "/v1/merchants/{merchant_id}": {
            "get": _operation(
                "merchant",
                "One shop with its hours and deals",
                "MerchantRecord",
                404,
                parameters=[merchant_id, _in_url("at")],
            )
        },
        "/v1/zones": {
            "get": _operation(
                "zones",
                "Zones that hold a position",
                "Zones",
                parameters=[lat, lng, crs, _in_url("at")],
            )
        },
        "/v1/programs": {"get": _operation("programs", "Cards and schemes", "Programs")},
        "/v1/index": {"get": _operation("index", "Version, counts, horizon, age", "Index")},
        "/healthz": {"get": _operation("alive", "The process answers", "Status")},
        "/readyz": {
            "get": _operation("ready", "An index is loaded and within its horizon", "Status")
        },
        "/metrics": {"get": _plain_operation("metrics", "For Prometheus", "text/plain")},
        "/openapi.json": {"get": _plain_operation("openapi", "This interface", "application/json")},
    }


def _operation(
    name: str,
    summary: str,
    answer: str,
    *statuses: int,
    parameters: list[Json] | None = None,
    body: str | None = None,
) -> Json:
    operation: Json = {"operationId": name, "summary": summary}
    if parameters:
        operation["parameters"] = parameters
        if any(parameter["in"] == "query" for parameter in parameters):
            statuses = (*statuses, 414)
    if body:
        content = {"application/json": {"schema": _ref(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {
        "200": {
            "description": "The answer.",
            "content": {"application/json": {"schema": _ref(answer)}},
        },
        **{str(status): _problem_response(status) for status in (400, *sorted(statuses), 500, 503)},
    }
    return operation


def _plain_operation(name: str, summary: str, media_type: str) -> Json:
    schema = {"type": "string"} if media_type == "text/plain" else {"type": "object"}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "The text.", "content": {media_type: {"schema": schema}}},
            "500": _problem_response(500),
        },
    }


def _problem_response(status: int) -> Json:
    said = [f"`{code}`: {text}" for code, (known, text) in CODES.items() if known == status]
    return {
        "description": " ".join(said),
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _suggest_parameter(parameter: Parameter) -> Json:
    described = _described(parameter)
    schema = {name: value for name, value in described["schema"].items() if name != "default"}
    default = _SUGGEST_DEFAULTS.get(parameter.name)
    return {**described, "schema": schema if default is None else {**schema, "default": default}}


def _in_url(name: str) -> Json:
    return _described(PARAMETERS[name])


def _described(parameter: Parameter) -> Json:
    name = parameter.name
    schema = _schema(parameter, nullable=False)
    described: Json = {"name": name, "in": "query", "description": parameter.help}
    if parameter.required:
        described["required"] = True
    if schema["type"] == "array":
        described |= {"style": "form", "explode": False}
        if "items" in schema and schema["items"].get("type") == "string":
            # A comma separates items here; an id that has one needs a POST. A single item that is
            # empty is an empty list.
            schema["items"] = {**schema["items"], "pattern": "^[^,]*$"}
    return {**described, "schema": schema}


def _schema(parameter: Parameter, *, nullable: bool) -> Json:
    """Return the JSON schema of one parameter."""
    schema: Json
    match parameter.kind:
        case "number" | "integer":
            schema = {"type": parameter.kind}
            schema |= {"minimum": parameter.low} if math.isfinite(parameter.low) else {}
            schema |= {"maximum": parameter.high} if math.isfinite(parameter.high) else {}
        case "flag":
            schema = {"type": "boolean"}
        case "text":
            schema = {"type": "string", "minLength": 1, "maxLength": parameter.longest}
        case "choice":
            schema = {"type": "string", "enum": list(parameter.choices)}
        case "instant":
            schema = {"type": "string", "format": "date-time"}
        case "texts":
            item = {"type": "string", "minLength": 1, "maxLength": parameter.longest}
            schema = {"type": "array", "items": item, "maxItems": parameter.high}
        case "choices":
            item = {"type": "string", "enum": list(parameter.choices)}
            schema = {"type": "array", "items": item, "maxItems": parameter.high}
        case "box":
            schema = _BOX
        case "geometry":
            schema = _GEOMETRY
    default = _DEFAULTS.get(parameter.name)
    if default is not None and default != ():
        schema = {**schema, "default": default}
    if nullable and not parameter.required:
        schema = {**schema, "type": [schema["type"], "null"]}
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


_LNG = {"type": "number", "minimum": -180, "maximum": 180}
_LAT = {"type": "number", "minimum": -90, "maximum": 90}
_BOX: Json = {
    "type": "array",
    "prefixItems": [_LNG, _LAT, _LNG, _LAT],
    "minItems": 4,
    "maxItems": 4,
    "items": {"type": "number"},
}
_GEOMETRY: Json = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"enum": ["Polygon", "MultiPolygon"]},
        "coordinates": {"type": "array"},
    },
}
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INTEGER_OR_NULL = {"type": ["integer", "null"]}
_COUNT = {"type": "integer", "minimum": 0}


def _object(properties: Json, *optional: str, closed: bool = False) -> Json:
    required = [name for name in properties if name not in optional]
    schema: Json = {"type": "object", "required": required, "properties": properties}
    return {**schema, "additionalProperties": False} if closed else schema


def _list(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


def _schemas(settings: Settings) -> Json:
    return {
        "Query": {
            "type": "object",
            "required": [name for name, parameter in PARAMETERS.items() if parameter.required],
            "additionalProperties": False,
            "properties": {
                name: {**_schema(parameter, nullable=True), "description": parameter.help}
                for name, parameter in PARAMETERS.items()
            },
        },
        "Queries": {
            **_object(
                {"queries": _list(_ref("Query"), minItems=1, maxItems=settings.max_batch)},
                closed=True,
            ),
            "description": f"Limits of at most {settings.max_batch_results:,} together; at most "
            f"{settings.max_batch_heavy} polygons, totals and facets without a radius.",
        },
        "Answer": _answer_schema(),
        "Answers": _object({"answers": _list(_ref("Answer"))}),
        "Result": _object(
            {
                "merchant": _ref("Merchant"),
                "distance_m": {"type": "number", "minimum": 0},
                "open": _ref("OpenState"),
                "best_deal": {"oneOf": [_ref("Deal"), {"type": "null"}]},
                "deals": _list(_ref("Deal")),
                "score": {"type": ["number", "null"]},
                "reasons": _list(_TEXT),
                "explain": {"type": "object"},
            },
            "explain",
        ),
        "Merchant": _object(
            {
                "merchant_id": _TEXT,
                "name": _TEXT,
                "lat": _LAT,
                "lng": _LNG,
                "categories": _list(_TEXT),
                "address": _TEXT_OR_NULL,
                "rating": {"type": ["number", "null"]},
            },
        ),
        "MerchantRecord": {"type": "object"},
        "OpenState": _object(
            {
                "state": {"enum": ["open", "closed", "unknown"]},
                "closes_at": _TEXT_OR_NULL,
                "opens_at": _TEXT_OR_NULL,
            },
        ),
        "Deal": _object(
            {
                "deal_id": _TEXT,
                "program_id": _TEXT_OR_NULL,
                "offer_type": _TEXT,
                "title": _TEXT_OR_NULL,
                "saving": _INTEGER_OR_NULL,
                "pay": _INTEGER_OR_NULL,
                "currency": _TEXT,
                "usable_until": _TEXT_OR_NULL,
                "redemption": {"type": ["object", "null"]},
            },
        ),
        "Suggestions": _object(
            {"snapshot_id": _TEXT, "took_us": _COUNT, "suggestions": _list(_ref("Suggestion"))}
        ),
        "Suggestion": _object(
            {
                "text": _TEXT,
                "kind": {"enum": list(KINDS)},
                "id": _TEXT,
                "count": {"type": "integer", "minimum": 1},
                "distance_m": {"type": "number", "minimum": 0},
                "highlight": _list(_list(_COUNT, minItems=2, maxItems=2)),
                "merchant_id": _TEXT,
                "other": _TEXT,
            },
            *("merchant_id", "other"),
        ),
        "Zones": _object({"zones": _list(_object({"zone_id": _TEXT}))}),
        "Programs": _object({"programs": _list(_object({"program_id": _TEXT}))}),
        "Index": _object(
            {
                "snapshot_id": _TEXT,
                "version": _TEXT,
                "built_at": _TEXT,
                "country": _TEXT,
                "provisional_holidays": _list(
                    _object(
                        {
                            "country": _TEXT,
                            "since": {"type": ["string", "null"]},
                            "days": _list(_TEXT),
                        }
                    )
                ),
                "refused": _object({"version": _TEXT, "detail": _TEXT}),
            },
            "refused",
        ),
        "Status": _object({"status": _TEXT}),
        "Problem": _object(
            {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer"},
                "code": {"enum": list(CODES)},
                "detail": _TEXT,
                "errors": _list(_object({"pointer": _TEXT, "code": _TEXT, "detail": _TEXT})),
            },
        ),
    }


def _answer_schema() -> Json:
    counts = {"type": "object", "additionalProperties": _COUNT}
    return _object(
        {
            "snapshot_id": _TEXT,
            "at": {"type": "string", "format": "date-time"},
            "took_us": _COUNT,
            "results": _list(_ref("Result")),
            "next_cursor": _TEXT_OR_NULL,
            "total": _COUNT,
            "facets": {"type": "object", "additionalProperties": counts},
            "explain": {"type": "object"},
            "unknown_cards": _list({"type": "string", "maxLength": MAX_TEXT}),
            "corrected": {"type": "object", "additionalProperties": _list(_TEXT)},
            "relaxed": _list(_TEXT),
        },
        *("total", "facets", "explain", "unknown_cards", "corrected", "relaxed"),
    )
