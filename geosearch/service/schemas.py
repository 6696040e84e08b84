"""Pieces of JSON schemas: the few shapes that schemas of answers and requests are made of."""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
INSTANT: Json = {"type": "string", "format": "date-time"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
METRES: Json = {"type": "number", "minimum": 0}
COUNT: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
LAT: Json = {"type": "number", "minimum": -90, "maximum": 90}
LNG: Json = {"type": "number", "minimum": -180, "maximum": 180}


def ref(name: str) -> Json:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def said_schema(schema: Json, description: str) -> Json:
    """Return a schema with a description."""
    return {**schema, "description": description}


def or_null_schema(schema: Json, description: str) -> Json:
    """Return a schema of the same values and null, with a description."""
    return {**schema, "type": [schema["type"], "null"], "description": description}


def choice_schema(choices: tuple[str, ...], description: str) -> Json:
    """Return the schema of one of some texts."""
    return {"type": "string", "enum": list(choices), "description": description}


def list_schema(items: Json, description: str) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items, "description": description}


def map_schema(values: Json) -> Json:
    """Return the schema of an object whose names are data."""
    return {"type": "object", "additionalProperties": values}


def object_schema(properties: Json, *optional: str) -> Json:
    """Return the schema of an object; all of its members are required but the `optional` ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def with_as_of(schemas: dict[str, Json], names: Iterable[str]) -> dict[str, Json]:
    """Return the schemas, those of these names with the optional member `as_of_seq`."""
    said = (
        "Number of the last live change that the answer includes, with all before it. Absent if "
        "the index has none."
    )
    for name in names:
        schemas[name]["properties"]["as_of_seq"] = {
            "type": "integer", "minimum": 0, "description": said,
        }  # fmt: skip
    return schemas


def box_schema() -> Json:
    """Return the schema of a box: four numbers, in keywords that all client generators know."""
    return {
        "type": "array",
        "items": {"type": "number", "minimum": -180, "maximum": 180},
        "minItems": 4,
        "maxItems": 4,
    }


SNAPSHOT_ID = said_schema(TEXT, "Which snapshot the index was built from.")
TOOK_US = said_schema(COUNT, "Microseconds inside the engine.")
AT = said_schema(INSTANT, "The instant everything was evaluated for.")
DISTANCE_M = said_schema(
    METRES, "Metres from the position, cut to decimetres: never above the radius."
)
CURRENCY = said_schema(TEXT, "ISO 4217 code of all amounts.")
POSITION = {
    "lat": said_schema(LAT, "Latitude, degrees, in the datum asked for."),
    "lng": said_schema(LNG, "Longitude, degrees, in the datum asked for."),
}
BOX_ORDER = "min_lng, min_lat, max_lng, max_lat, degrees, in the datum asked for"
"""Members that several answers have."""
