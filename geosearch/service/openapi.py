"""OpenAPI document of the service (`GET /openapi.json`), made from the tables that the code reads.

Parameters come from `parameters.PARAMETERS` with the defaults of `Query`, limits from the settings,
error codes from `problems.CODES`. So the document and the code cannot differ in a limit.
"""

import math
from functools import partial
from typing import Any

import msgspec

from geosearch import __version__
from geosearch.query.parameters import (
    PARAMETERS,
    Parameter,
)
from geosearch.query.query import Query
from geosearch.query.result_fields import FIELD_NAMES
from geosearch.query.route_parameters import (
    CATEGORY_PARAMETERS,
    COVERAGE_PARAMETERS,
    DENSITY_PARAMETERS,
    MERCHANT_PARAMETERS,
    SUGGEST_PARAMETERS,
    ZONE_PARAMETERS,
)
from geosearch.service.answers import answer_schemas
from geosearch.service.density import DensityQuery
from geosearch.service.problems import CODES
from geosearch.service.request import MAX_HABITS
from geosearch.service.schemas import box_schema, ref
from geosearch.service.settings import Settings
from geosearch.service.welcome import DESCRIPTION
from geosearch.service.worth_schemas import worth_request_schemas
from geosearch.suggest.suggester import SuggestQuery

Json = dict[str, Any]

_ITEM_IN_URL = r"^[^,]*[^,\s\u001c-\u001f\u0085][^,]*$"
"""Pattern of an item in a URL: no comma, and at least one character that is not a blank.

Python counts the five code points as blanks. ECMA 262, whose regular expressions JSON Schema uses,
does not.
"""


def _defaults(query: type[msgspec.Struct]) -> Json:
    """Return the defaults of a query that a schema can show."""
    fields = msgspec.structs.fields(query)
    hidden = (msgspec.NODEFAULT, None, ())
    return {field.name: field.default for field in fields if field.default not in hidden}


_DEFAULTS, _SUGGEST_DEFAULTS = _defaults(Query), _defaults(SuggestQuery)
_DENSITY_DEFAULTS = _defaults(DensityQuery)


def openapi_document(settings: Settings) -> Json:
    """Return the OpenAPI 3.1 document of the service."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "geosearch",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {"schemas": _schemas(settings)},
    }


def _paths() -> Json:
    merchant_id = {
        "name": "merchant_id",
        "in": "path",
        "required": True,
        "description": "Id of the shop, as in answers.",
        "schema": {"type": "string", "minLength": 1},
    }
    in_url = [_described(parameter) for parameter in PARAMETERS.values() if parameter.in_url]
    return {
        "/v1/nearby": {
            "get": _or_geojson(
                _operation("nearby", "Shops near a position", "Answer", 410, 421, parameters=in_url)
            ),
            "post": _or_geojson(
                _operation(
                    "nearbyPost",
                    "Shops near a position; the wallet stays out of the URL",
                    "Answer",
                    *(410, 413, 415, 421),
                    body="Query",
                )
            ),
        },
        "/v1/nearby:batch": {
            "post": _operation(
                "nearbyBatch",
                "Several queries at once, of one version, answered as a whole or not at all",
                "Answers",
                *(410, 413, 415, 421),
                body="Queries",
            )
        },
        "/v1/cards:worth": {
            "post": _operation(
                "cardsWorth",
                "What cards are worth to a person with some habits",
                "Worth",
                *(413, 415),
                body="WorthQuery",
            )
        },
        "/v1/suggest": {
            "get": _operation(
                "suggest",
                "Names that begin with what was typed and have a shop nearby",
                "Suggestions",
                421,
                parameters=[
                    _described(each, _SUGGEST_DEFAULTS) for each in SUGGEST_PARAMETERS.values()
                ],
            )
        },
        "/v1/merchants/{merchant_id}": {
            "get": _operation(
                "merchant",
                "One shop with its hours and deals",
                "MerchantRecord",
                404,
                parameters=[merchant_id, *map(_described, MERCHANT_PARAMETERS.values())],
            )
        },
        "/v1/merchants/{merchant_id}/why": {
            "get": _operation(
                "why",
                "Why a shop is in the answer to a query, or not",
                "Why",
                *(404, 410, 421),
                parameters=[merchant_id, *in_url],
            ),
            "post": _operation(
                "whyPost",
                "The same; the wallet stays out of the URL",
                "Why",
                *(404, 410, 413, 415, 421),
                parameters=[merchant_id],
                body="Query",
            ),
        },
        "/v1/zones": {
            "get": _lasting(
                _operation(
                    "zones",
                    "Zones that hold a position, or that share a point with a box",
                    "Zones",
                    parameters=[_described(each) for each in ZONE_PARAMETERS.values()],
                )
            )
        },
        "/v1/density": {
            "get": _lasting(
                _operation(
                    "density",
                    "Number of shops in each cell of a box",
                    "Density",
                    parameters=[
                        _described(each, _DENSITY_DEFAULTS) for each in DENSITY_PARAMETERS.values()
                    ],
                )
            )
        },
        "/v1/coverage": {
            "get": _lasting(
                _geojson_only(
                    _operation(
                        "coverage",
                        "Where a card beats the public price: cells, with the setting `coverage`",
                        "Coverage",
                        404,
                        parameters=list(map(_described, COVERAGE_PARAMETERS.values())),
                    )
                )
            )
        },
        "/v1/programs": {
            "get": _lasting(
                _operation("programs", "Cards, memberships and coupon schemes", "Programs")
            )
        },
        "/v1/categories": {
            "get": _lasting(
                _operation(
                    "categories",
                    "Categories with names and counts",
                    "Categories",
                    parameters=[_described(each) for each in CATEGORY_PARAMETERS.values()],
                )
            )
        },
        "/v1/index": {
            "get": _lasting(_operation("index", "Version, counts, horizon, age", "Index"))
        },
        "/v1/regions": {
            "get": _lasting(
                _geojson_only(
                    _operation("regions", "Areas of regions, for apps that route", "Regions", 404)
                )
            )
        },
        "/healthz": {"get": _operation("alive", "The process answers", "Status")},
        "/readyz": {
            "get": _operation("ready", "An index is loaded and within its horizon", "Status")
        },
        "/": {"get": _welcome_operation()},
        "/metrics": {"get": _plain_operation("metrics", "For Prometheus", "text/plain")},
        "/openapi.json": {
            "get": _lasting(_plain_operation("openapi", "This interface", "application/json"))
        },
        "/docs": {"get": _lasting(_plain_operation("docs", "The same for people", "text/html"))},
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
        content = {"application/json": {"schema": ref(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {
        "200": {
            "description": "The answer.",
            "content": {"application/json": {"schema": ref(answer)}},
        },
        **{str(status): _problem_response(status) for status in (400, *sorted(statuses), 500, 503)},
    }
    return operation


def _or_geojson(operation: Json) -> Json:
    """Return an operation that also answers GeoJSON, with `format`."""
    content = operation["responses"]["200"]["content"]
    content["application/geo+json"] = {"schema": ref("FeatureCollection")}
    return operation


def _geojson_only(operation: Json) -> Json:
    """Return an operation whose answer is GeoJSON."""
    content = operation["responses"]["200"]["content"]
    content["application/geo+json"] = content.pop("application/json")
    return operation


def _lasting(operation: Json) -> Json:
    """Return an operation with what it answers to a client that names a current entity tag."""
    operation["responses"]["304"] = {
        "description": "`If-None-Match` names the `ETag` of the answer: it is still the same."
    }
    return operation


def _plain_operation(name: str, summary: str, media_type: str) -> Json:
    schema = {"type": "object" if media_type == "application/json" else "string"}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "The text.", "content": {media_type: {"schema": schema}}},
            "500": _problem_response(500),
        },
    }


def _welcome_operation() -> Json:
    summary = "Links to go on with, and an example; HTML for browsers"
    operation = _operation("welcome", summary, "Welcome")
    operation["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return operation


def _problem_response(status: int) -> Json:
    said = [f"`{code}`: {text}" for code, (known, text) in CODES.items() if known == status]
    return {
        "description": " ".join(said),
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }


def _described(parameter: Parameter, defaults: Json = _DEFAULTS) -> Json:
    name = parameter.name
    schema = _schema(parameter, nullable=False)
    if name in defaults:
        schema["default"] = defaults[name]
    described: Json = {"name": name, "in": "query", "description": parameter.help}
    if parameter.required:
        described["required"] = True
    if schema["type"] == "array":
        described |= {"style": "form", "explode": False}
        if "items" in schema and schema["items"].get("type") == "string":
            # A comma separates items here; an id that has one needs a POST.
            schema["items"] = {**schema["items"], "pattern": _ITEM_IN_URL}
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
            shortest = 0 if parameter.blankable else 1
            schema = {"type": "string", "minLength": shortest, "maxLength": parameter.longest}
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
        case "fields":
            schema = {"type": "array", "items": ref("ResultField"), "maxItems": parameter.high}
        case "box":
            schema = box_schema()
        case "geometry":
            return {"oneOf": [ref("Polygon"), ref("MultiPolygon"), {"type": "null"}]}
    if nullable and not parameter.required:
        schema = {**schema, "type": [schema["type"], "null"]}
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


_RINGS: Json = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "minItems": 3,
        "items": {"type": "array", "minItems": 2, "items": {"type": "number"}},
    },
}


def _schemas(settings: Settings) -> Json:
    queries: Json = {"queries": {"type": "array", "items": ref("Query")}}
    queries["queries"]["description"] = "Queries, each answered as if it came alone."
    queries["queries"] |= {"minItems": 1, "maxItems": settings.max_batch}
    return {
        "Query": {
            "type": "object",
            "required": [name for name, parameter in PARAMETERS.items() if parameter.required],
            "additionalProperties": False,
            "properties": {
                name: {**_schema(parameter, nullable=True), "description": _help(parameter)}
                for name, parameter in PARAMETERS.items()
            },
        },
        "Queries": {
            "type": "object",
            "required": ["queries"],
            "additionalProperties": False,
            "properties": queries,
            "description": f"Limits and near misses of at most {settings.max_batch_results:,} "
            "together; at most "
            f"{settings.max_batch_heavy} polygons, totals and facets without a radius.",
        },
        "ResultField": {
            "type": "string",
            "enum": list(FIELD_NAMES),
            "description": "A member of a result, or a member of that.",
        },
        "Polygon": _geometry("Polygon", _RINGS),
        "MultiPolygon": _geometry(
            "MultiPolygon", {"type": "array", "items": _RINGS, "minItems": 1}
        ),
        **worth_request_schemas(partial(_schema, nullable=True), MAX_HABITS),
        **answer_schemas(),
    }


def _help(parameter: Parameter) -> str:
    """Return the description of a member of a body, with its default.

    A `default` in the schema would make client generators require the member.
    """
    if parameter.name not in _DEFAULTS:
        return parameter.help
    default = _DEFAULTS[parameter.name]
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"{parameter.help} Default `{shown}`."


def _geometry(kind: str, coordinates: Json) -> Json:
    return {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {
                "type": "string",
                "enum": [kind],
                "description": "Type of the GeoJSON geometry.",
            },
            "coordinates": {**coordinates, "description": "Positions are [lng, lat], degrees."},
        },
    }
