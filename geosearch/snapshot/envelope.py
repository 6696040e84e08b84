"""Envelope of a snapshot (`snapshot.json`): datum, time zone, country and currency of all rows."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import orjson

from geosearch.errors import BadData
from geosearch.hours.holidays import read_country
from geosearch.hours.instants import read_instant
from geosearch.snapshot.fields import datum_named
from geosearch.snapshot.merchants import COUNTRY_CODE, is_time_zone, unknown_subdivision
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.source import read_all
from indexes.geo.datum import DATUMS, Datum

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """Fields of `snapshot.json`; docs/snapshot.md describes them."""

    snapshot_id: str
    schema_version: int
    created_at: dt.datetime
    crs: Datum
    time_zone: str
    country: str
    currency: str
    makeup_workdays: bool = False
    changes_through: int | None = None


def read_envelope(path: Path, log: RejectLog) -> Envelope:
    """Return the envelope in the file `path`; `log` gets a warning for each unknown field.

    Raises
    ------
    BadData
        The file is missing or unreadable, or a field is missing or bad.
    """
    if not path.is_file():
        folder = path.parent
        raise BadData(f"There is no file snapshot.json, the envelope - at `{folder}`")
    try:
        fields = orjson.loads(read_all(path))
    except ValueError as error:
        raise BadData(f"Cannot read the file as JSON: {error} - at `{path}`") from error
    if not isinstance(fields, dict):
        raise BadData(f"Expected a JSON object, got {shown(fields)} - at `{path}`")
    for name in fields.keys() - set(Envelope.__slots__):
        sentence = f"Expected a field of the envelope, got `{name}`, which is ignored"
        log.warn("snapshot", 1, "unknown_field", sentence)
    return _envelope(fields, path, log)


def _envelope(fields: dict[str, object], path: Path, log: RejectLog) -> Envelope:
    version = fields.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise _bad(path, "schema_version", f"to be {SCHEMA_VERSION}", version)
    zone = _text(fields, path, "time_zone")
    if not is_time_zone(zone):
        raise _bad(path, "time_zone", "to be an IANA time zone", zone)
    crs = datum_named(fields.get("crs", "WGS84"))
    if crs is None:
        raise _bad(path, "crs", f"to be one of {', '.join(DATUMS)}", fields["crs"])
    makeup = fields.get("makeup_workdays", False)
    if not isinstance(makeup, bool):
        raise _bad(path, "makeup_workdays", "to be true or false", makeup)
    through = fields.get("changes_through")
    if through is not None and (type(through) is not int or through < 0):
        raise _bad(path, "changes_through", "to be a whole number of at least 0", through)
    return Envelope(
        snapshot_id=_text(fields, path, "snapshot_id"),
        schema_version=SCHEMA_VERSION,
        created_at=_instant(_text(fields, path, "created_at"), path),
        crs=crs,
        time_zone=zone,
        country=_country(fields, path, log),
        currency=_text(fields, path, "currency", r"[A-Z]{3}", "to be an ISO 4217 code"),
        makeup_workdays=makeup,
        changes_through=through,
    )


def _country(fields: dict[str, object], path: Path, log: RejectLog) -> str:
    """Return the code of the holiday calendar.

    The code is checked even if no hours name a holiday: otherwise the first that does would end a
    later build. A part of a country without a calendar is a warning; its country's calendar holds.
    """
    text = _text(fields, path, "country", expected=COUNTRY_CODE)
    country = read_country(text)
    if country is None:
        raise _bad(path, "country", COUNTRY_CODE, text)
    if country.part_unknown:
        log.warn("snapshot", 1, "unknown_subdivision", unknown_subdivision(text, country.code))
    return country.code


def _bad(path: Path, name: str, expected: str, got: object) -> BadData:
    return BadData(f"Expected `{name}` {expected}, got {shown(got)} - at `{path}`")


def _text(
    fields: dict[str, object],
    path: Path,
    name: str,
    pattern: str = r"(?s).*\S.*",
    expected: str = "to be text",
) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise _bad(path, name, expected, value)
    return value


def _instant(text: str, path: Path) -> dt.datetime:
    try:
        instant = read_instant(text)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _bad(path, "created_at", "as an RFC 3339 instant", text)
    return instant
