"""Query and answer of `GET /v1/density`: shops in each cell of a box, for pictures of a whole city.

`indexes.geo.density` counts.
"""

import msgspec
import orjson

from geosearch.service.schemas import (
    COUNT,
    SNAPSHOT_ID,
    Json,
    box_schema,
    list_schema,
    object_schema,
    said_schema,
)


class DensityQuery(msgspec.Struct, frozen=True):
    """Query of `GET /v1/density`: shops in each of `cells` x `cells` parts of a box."""

    bbox: tuple[float, float, float, float]
    cells: int = 32


def encode_density(
    snapshot_id: str, query: DensityQuery, counts: list[list[int]], as_of: dict[str, int]
) -> bytes:
    """Return the body of the answer, UTF-8 JSON; `as_of` may have its member `as_of_seq`."""
    answer = {
        "snapshot_id": snapshot_id,
        "bbox": query.bbox,
        "cells": query.cells,
        "total": sum(map(sum, counts)),
        "counts": counts,
        **as_of,
    }
    return orjson.dumps(answer)


def density_schema() -> Json:
    """Return the JSON schema of the answer."""
    return object_schema(
        {
            "snapshot_id": SNAPSHOT_ID,
            "bbox": said_schema(
                box_schema(), "The box: min_lng, min_lat, max_lng, max_lat, degrees, WGS-84."
            ),
            "cells": said_schema(COUNT, "Number of columns, and of rows, all of one size."),
            "total": said_schema(COUNT, "Number of shops in the box."),
            "counts": list_schema(
                {"type": "array", "items": COUNT},
                "Number of shops in each cell: rows from south to north, each from west to east. "
                "A shop on a border between cells is in the one north or east of it.",
            ),
        }
    )
