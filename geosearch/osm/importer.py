"""OpenStreetMap places to a snapshot.

Useful for: real shops, from a GeoJSON FeatureCollection or JSON lines, gzipped or not; the two
forms are in `geosearch.osm.places`.
Not useful for: deals; `programs.ndjson` and `deals.ndjson` are written empty.

Nothing is lost and nothing is repaired. A shop without a name or a position, hours that nobody can
read, a line that is no JSON: all go to `merchants.ndjson` as they are, so that the build rejects
them, or warns, by the same rules and into the same file as the bad rows of any other snapshot. Only
what is no merchant at all, a bench or a car park that nobody named, stays out, for thousands of
them would hide the bad rows that matter; each is listed in `not_imported.ndjson` with its reason.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import orjson
import tzfpy

from geosearch.errors import BadData, BadRequest
from geosearch.hours.countries import country_at, country_of_zone
from geosearch.hours.holidays import read_country
from geosearch.osm import tags as osm_tags
from geosearch.osm.places import Object, Place, of_feature, of_line
from geosearch.parameters import shown

_GZIP_MAGIC = b"\x1f\x8b"
_LEFT_OUT = (
    "Expected a name or the tags of a shop, got neither; a facility without a name is no merchant"
)


@dataclass
class ImportReport:
    """What an import read.

    `places` counts all, `not_imported` those in `not_imported.ndjson`. Of the others `nameless`,
    `without_position` and `unreadable` (no JSON object) are what a build will reject; `zones` and
    `countries` count the places of each.
    """

    places: int = 0
    not_imported: int = 0
    nameless: int = 0
    without_position: int = 0
    unreadable: int = 0
    zones: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)

    @property
    def bad(self) -> int:
        """Number of rows that a build will reject; one that lacks both counts twice."""
        return self.nameless + self.without_position + self.unreadable


def import_osm(
    file: Path,
    out: Path,
    *,
    country: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> ImportReport:
    """Write the places of `file` as a snapshot to folder `out`; return what was read.

    Parameters
    ----------
    file
        GeoJSON or JSON lines, gzipped or not.
    out
        Folder to write; made if absent, files of the same names are replaced.
    country
        ISO 3166-1 alpha-2 or ISO 3166-2, for the public holidays of places whose position is in
        none. Where absent: the country most addresses name, else that of the commonest time zone.
    progress
        Told one short sentence at each stage.

    Raises
    ------
    BadRequest
        `country` is none; nothing is written then.
    BadData
        The file cannot be read, is of neither form, or no country can be found.

    Notes
    -----
    `created_at` is the file's own `_timestamp` where it has one, else when the file was last
    changed, so the same file gives the same snapshot. `currency` is `XXX`, ISO 4217 for none: there
    is no money in the data. Rows get the time zone and the country of their position
    (`geosearch.hours.countries`), the envelope the commonest zone. 54,196 places take 3 seconds.
    """
    if country is not None and read_country(country) is None:
        expected = "`country` as an ISO 3166-1 alpha-2 or ISO 3166-2 code"
        sentence = f"Expected {expected}, got {shown(country)}"
        raise BadRequest(sentence, code="unknown_country")
    say = progress or _silent
    say(f"reading {file.name}")
    content = _content(file)
    collection = _collection(content, file)
    places = _features(collection) if collection is not None else _lines(content)
    out.mkdir(parents=True, exist_ok=True)
    say("writing places")
    with (
        (out / "merchants.ndjson").open("wb") as rows,
        (out / "not_imported.ndjson").open("wb") as left_out,
    ):
        writer = _Writer(file.name, rows, left_out)
        for line, raw, place in places:
            writer.write(line, raw, place)
    report = writer.report
    if report.unreadable == report.places:
        raise BadData(f"Expected GeoJSON or JSON lines, got no JSON object at all - at `{file}`")
    for name in ("programs.ndjson", "deals.ndjson"):
        (out / name).write_bytes(b"")
    _write_envelope(file, out, _created(file, collection), report, country)
    return report


def _silent(_message: str) -> None:
    return None


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError) as error:
        raise BadData(f"Expected a readable file, got {error} - at `{file}`") from error


def _collection(content: bytes, file: Path) -> Object | None:
    """Return the FeatureCollection, `None` for JSON lines."""
    try:
        whole = orjson.loads(content)
    except ValueError as error:
        if b'"FeatureCollection"' in content[:4096]:
            raise BadData(f"Expected whole GeoJSON, got {error} - at `{file}`") from error
        return None
    if isinstance(whole, dict) and isinstance(whole.get("features"), list):
        return whole
    return None


_Read = tuple[int, bytes, Place | None]


def _features(collection: Object) -> Iterator[_Read]:
    """Yield the number, the text and, where it is an object, the place of every feature."""
    features = collection["features"]
    assert isinstance(features, list)
    for number, feature in enumerate(features, 1):
        place = of_feature(feature) if isinstance(feature, dict) else None
        yield number, orjson.dumps(feature), place


def _lines(content: bytes) -> Iterator[_Read]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            raw = orjson.loads(line)
        except ValueError:
            raw = None
        yield number, line, of_line(raw) if isinstance(raw, dict) else None


@dataclass
class _Writer:
    file: str
    rows: BinaryIO
    left_out: BinaryIO
    report: ImportReport = field(default_factory=ImportReport)

    def write(self, line: int, raw: bytes, place: Place | None) -> None:
        """Write the row of one place, or `raw` where that is no object."""
        report = self.report
        report.places += 1
        if place is None:
            report.unreadable += 1
            self.rows.write(raw + b"\n")
            return
        row, country = place
        if "name" not in row and osm_tags.is_facility(row.get("categories")):
            report.not_imported += 1
            self._leave_out(line, raw)
            return
        if country is not None:
            report.countries[country] += 1
        report.nameless += "name" not in row
        here = _zone_and_country(row)
        if here is None:
            report.without_position += 1
        else:
            report.zones[here["time_zone"]] += 1
            row |= here
        self.rows.write(orjson.dumps(row) + b"\n")

    def _leave_out(self, line: int, raw: bytes) -> None:
        entry = {
            "file": self.file,
            "line": line,
            "code": "not_a_merchant",
            "message": f"{_LEFT_OUT} - at line {line} of {self.file}",
            "row": orjson.Fragment(raw),
        }
        self.left_out.write(orjson.dumps(entry) + b"\n")


def _zone_and_country(row: Object) -> dict[str, str] | None:
    """Fields that the row's position tells, `None` where that is no position on Earth."""
    lat, lng = row.get("lat"), row.get("lng")
    if not isinstance(lat, int | float) or not isinstance(lng, int | float):
        return None
    if not (abs(lat) <= 90 and abs(lng) <= 180):
        return None
    country = country_at(lat, lng)
    return {"time_zone": tzfpy.get_tz(lng, lat)} | ({"country": country} if country else {})


def _write_envelope(
    file: Path, out: Path, created: datetime, report: ImportReport, country: str | None
) -> None:
    zone = report.zones.most_common(1)[0][0] if report.zones else "UTC"
    if country is None and report.countries:
        country = report.countries.most_common(1)[0][0]
    country = country or country_of_zone(zone)
    if country is None:
        raise BadData(f"Expected `country`, got none, and no address names one - at `{file}`")
    envelope = {
        "snapshot_id": f"osm-{file.name.partition('.')[0]}-{created:%Y%m%dT%H%M%SZ}",
        "schema_version": 1,
        "created_at": created.isoformat(timespec="seconds"),
        "crs": "WGS84",
        "time_zone": zone,
        "country": country,
        "currency": "XXX",
    }
    (out / "snapshot.json").write_bytes(orjson.dumps(envelope, option=orjson.OPT_INDENT_2) + b"\n")


def _created(file: Path, collection: Object | None) -> datetime:
    stamp = (collection or {}).get("_timestamp")
    try:
        created = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        created = None
    if created is None:
        return datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    return created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)
