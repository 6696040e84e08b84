"""Tables of the parameters of other routes than `/v1/nearby`, made from those of `parameters`."""

from dataclasses import replace

from geosearch.query.parameters import CRS, PARAMETERS, Parameter

SUGGEST_PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "q",
            "text",
            "What was typed so far: Chinese, pinyin, initials or English, from the first key on.",
            required=True,
        ),
        PARAMETERS["lat"],
        PARAMETERS["lng"],
        Parameter("crs", "choice", "Datum of the position.", choices=CRS),
        Parameter(
            "radius",
            "number",
            "Metres, a hard bound: shops within it are counted, and only names that have one there "
            "are suggested.",
            low=1,
            high=50_000,
        ),
        Parameter("limit", "integer", "Number of suggestions.", low=1, high=20),
        replace(PARAMETERS["lang"], help="Language of `name`. By default as `/v1/nearby`."),
    )
}
"""The parameters of `GET /v1/suggest`."""

_POSITION = {name: replace(PARAMETERS[name], required=False) for name in ("lat", "lng")}

MERCHANT_PARAMETERS: dict[str, Parameter] = _POSITION | {
    name: PARAMETERS[name]
    for name in ("crs", "at", "cards", "deals", "new_customer", "party_size", "spend", "stacking")
}
"""The parameters of `GET /v1/merchants/{id}`."""

CATEGORY_PARAMETERS: dict[str, Parameter] = {
    "lang": replace(PARAMETERS["lang"], help="Language of `name`. By default as `/v1/nearby`."),
}
"""The parameters of `GET /v1/categories`."""

ZONE_PARAMETERS: dict[str, Parameter] = _POSITION | {
    "bbox": replace(
        PARAMETERS["bbox"],
        help="min_lng,min_lat,max_lng,max_lat: zones that share a point with it, with their "
        "geometry; instead of a position.",
    ),
    "crs": PARAMETERS["crs"],
    "at": replace(PARAMETERS["at"], help="Only zones that are in force then; now when left out."),
}
"""The parameters of `GET /v1/zones`."""

DENSITY_PARAMETERS: dict[str, Parameter] = {
    "bbox": replace(
        PARAMETERS["bbox"],
        help="min_lng,min_lat,max_lng,max_lat, WGS-84: the box that is divided into cells; "
        "min_lng > max_lng crosses the antimeridian.",
        required=True,
    ),
    "cells": Parameter(
        "cells", "integer", "Number of columns, and of rows, of the box.", low=1, high=128
    ),
}
"""The parameters of `GET /v1/density`."""

COVERAGE_PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter("slot", "text", "When, as `slots` of an answer lists; else the first."),
        Parameter(
            "program_id",
            "text",
            "Card, as `program_ids` of an answer lists; else the first.",
        ),
    )
}
"""The parameters of `GET /v1/coverage`."""
