"""`GET /v1/coverage`: a layer of a file of `geosearch coverage`, one card at one slot.

The file has a row for each cell, slot and card, more than a map shows at once. A layer is the rows
of one slot and card, which is some hundred kilobytes for a city.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import msgspec
import orjson

from geosearch.errors import BadData, BadRequest
from geosearch.query.parameters import problem, shown
from geosearch.service.schemas import (
    LAT,
    LNG,
    NUMBER,
    TEXT,
    Json,
    choice_schema,
    list_schema,
    object_schema,
    or_null_schema,
    ref,
    said_schema,
)

LARGEST = 256 << 20
"""Most bytes of the file: each worker holds its rows."""


class CoverageQuery(msgspec.Struct, frozen=True):
    """Query of `GET /v1/coverage`: a slot and a card, each by default the first of the file."""

    slot: str | None = None
    program_id: str | None = None


class _Shape(msgspec.Struct):
    type: Literal["Polygon", "MultiPolygon"]
    coordinates: msgspec.Raw


class _Row(msgspec.Struct, tag_field="type", tag="Feature"):
    geometry: _Shape
    properties: msgspec.Raw


class _File(msgspec.Struct, tag_field="type", tag="FeatureCollection"):
    features: list[_Row]


class _Figures(msgspec.Struct):
    """Members of a row that every reader may count on."""

    cell: str
    name: str | None
    lat: float
    lng: float
    slot: str
    program_id: str
    open: float
    usable: float
    wins: float
    win_share: float
    gain_mean: float | None
    third_m: float | None


def open_coverage(path: str) -> "CoverageLayers | None":
    """Return the layers of the file that a setting names; None for an empty setting.

    Raises
    ------
    BadData
        The file cannot be read, is too large, or is not GeoJSON of `geosearch coverage`.
    """
    return CoverageLayers(Path(path)) if path else None


class CoverageLayers:
    """The layers of a file, by slot and card.

    Raises
    ------
    BadData
        The file cannot be read, is too large, or is not GeoJSON of `geosearch coverage`.
    """

    def __init__(self, path: Path) -> None:
        rows = _rows(path)
        # Dictionaries, as ordered sets.
        self._choices = {
            "slot": list(dict.fromkeys(slot for slot, _ in rows)),
            "program_id": list(dict.fromkeys(card for _, card in rows)),
        }
        self._layers = {key: self._layer(*key, some) for key, some in rows.items()}

    def layer(self, query: CoverageQuery) -> bytes:
        """Return the rows of a slot and card: a GeoJSON FeatureCollection, UTF-8.

        Raises
        ------
        BadRequest
            The file has no such slot or card.
        """
        slot = self._chosen("slot", query.slot, "unknown_slot")
        program_id = self._chosen("program_id", query.program_id, "unknown_card")
        return self._layers.get((slot, program_id)) or self._layer(slot, program_id, [])

    def _chosen(self, name: str, value: str | None, code: str) -> str:
        choices = self._choices[name]
        if value is None:
            return choices[0]
        if value not in choices:
            expected = f"`{name}` among those of the coverage ({', '.join(choices)})"
            found = problem(code, expected, shown(value), (name,))
            raise BadRequest(found["detail"], [found])
        return value

    def _layer(self, slot: str, program_id: str, rows: list[bytes]) -> bytes:
        about = {
            "type": "FeatureCollection",
            "slot": slot,
            "program_id": program_id,
            "slots": self._choices["slot"],
            "program_ids": self._choices["program_id"],
        }
        return orjson.dumps(about)[:-1] + b',"features":[' + b",".join(rows) + b"]}"


def _rows(path: Path) -> dict[tuple[str, str], list[bytes]]:
    """Return the rows of each slot and card, as JSON in UTF-8."""
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise BadData(
                f"Expected a coverage of at most {LARGEST:,} bytes, got {size:,}; choose larger "
                f"cells, or fewer cards and slots - at `{path}`"
            )
        for row in msgspec.json.decode(path.read_bytes(), type=_File).features:
            figures = msgspec.json.decode(row.properties, type=_Figures)
            found[figures.slot, figures.program_id].append(msgspec.json.encode(row))
    except OSError as error:
        raise BadData(f"Cannot read the coverage: {error.strerror} - at `{path}`") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(
            f"Expected a coverage as GeoJSON of `geosearch coverage`, got another file ({error}) "
            f"- at `{path}`"
        ) from error
    if not found:
        raise BadData(f"Expected a coverage with at least one row, got none - at `{path}`")
    return found


def coverage_schemas() -> dict[str, Json]:
    """Return the schemas of the answer and its rows by name."""
    count = {"type": "number", "minimum": 0}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    figures: dict[str, Any] = {
        "cell": said_schema(TEXT, "Id of the H3 cell or of the zone."),
        "name": or_null_schema(TEXT, "Name of the zone; null for a hexagon."),
        "lat": said_schema(LAT, "Latitude of the centre, degrees, WGS-84."),
        "lng": said_schema(LNG, "Longitude of the centre, degrees, WGS-84."),
        "slot": said_schema(TEXT, "When."),
        "program_id": said_schema(TEXT, "Which card."),
        "open": said_schema(count, "Number of open shops, the mean of the instants of the slot."),
        "usable": said_schema(count, "Number of those with a usable deal of the card, the mean."),
        "wins": said_schema(
            count, "Number of those where it saves more than every public deal, the mean."
        ),
        "win_share": said_schema(share, "Share of `wins` in `open`."),
        "gain_mean": or_null_schema(
            NUMBER, "How much more it saves where it wins, minor units; null where it never does."
        ),
        "third_m": or_null_schema(
            count, "Metres from the centre to the third nearest win; null beyond 50 km."
        ),
        "leader": or_null_schema(
            TEXT,
            "With `--compare`, the card whose gains add up to more, or `tie`; null without a gain. "
            "Absent without `--compare`.",
        ),
    }
    shape = object_schema(
        {
            "type": choice_schema(("Polygon", "MultiPolygon"), "Type of the GeoJSON geometry."),
            "coordinates": list_schema({}, "Rings, or polygons of rings: [lng, lat], degrees."),
        }
    )
    return {
        "Coverage": object_schema(
            {
                "type": choice_schema(("FeatureCollection",), "Type of the GeoJSON object."),
                "slot": said_schema(TEXT, "The slot of all rows."),
                "program_id": said_schema(TEXT, "The card of all rows."),
                "slots": list_schema(TEXT, "The slots to choose from."),
                "program_ids": list_schema(TEXT, "The cards to choose from."),
                "features": list_schema(
                    object_schema(
                        {
                            "type": choice_schema(("Feature",), "Type of the GeoJSON object."),
                            "geometry": said_schema(shape, "Outline of the cell, WGS-84."),
                            "properties": said_schema(ref("CoverageRow"), "The figures."),
                        }
                    ),
                    "A row for each cell with an open shop.",
                ),
            }
        ),
        "CoverageRow": object_schema(figures, "leader"),
    }
