"""Every format that the importer reads, from small files that each test writes."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from geosearch.errors import BadData
from geosearch.sources.osm import formats
from geosearch.sources.osm.importer import import_osm
from geosearch.sources.osm.places import places
from geosearch.sources.osm.report import ImportReport

Row = dict[str, Any]

NAMES = ["Moon", "月", 'Ünder\n"the" {[moon]}, \\ \x7f']


def element(number: int, name: str) -> Row:
    tags = {"amenity": "cafe", "name": name}
    return {"type": "node", "id": number, "lat": 31.0 + number % 50, "lon": 121.0, "tags": tags}


def feature(number: int, name: str) -> Row:
    return {
        "type": "Feature",
        "id": f"node/{number}",
        "geometry": {"type": "Point", "coordinates": [121.0, 31.0 + number]},
        "properties": {"amenity": "cafe", "name": name},
    }


FEATURES = [feature(number, name) for number, name in enumerate(NAMES)]
ELEMENTS = [element(number, name) for number, name in enumerate(NAMES)]
COLLECTION = {"type": "FeatureCollection", "features": FEATURES}
OVERPASS = {"version": 0.6, "generator": "Overpass API", "elements": ELEMENTS}


def lined(values: list[Row], end: str = "\n", begin: str = "", **how: Any) -> bytes:
    return "".join(f"{begin}{json.dumps(value, **how)}{end}" for value in values).encode()


PLAIN: Row = {"ensure_ascii": False}
FILES: dict[str, bytes] = {
    "collection": json.dumps(COLLECTION).encode(),
    "collection, indented": json.dumps(COLLECTION, indent=2, **PLAIN).encode(),
    "collection, CRLF": json.dumps(COLLECTION, indent=2).replace("\n", "\r\n").encode(),
    "collection, a feature a line": b'{\n"type": "FeatureCollection",\n"features": [\n'
    + b",\n".join(json.dumps(one).encode() for one in FEATURES)
    + b"\n]\n}\n",
    "collection, type last": json.dumps({"features": FEATURES, "type": "x"}).encode(),
    "overpass": json.dumps(OVERPASS).encode(),
    "overpass, indented": json.dumps(OVERPASS, indent=1).encode(),
    "overpass, numbers last": json.dumps(
        {"elements": ELEMENTS, **{f"n{n}": 0.625 for n in range(40)}}
    ).encode(),
    "list of features": json.dumps(FEATURES, indent=1).encode(),
    "list of elements": json.dumps(ELEMENTS).encode(),
    "lines of features": lined(FEATURES),
    "lines of elements": lined(ELEMENTS),
    "lines, as they are": lined(ELEMENTS, **PLAIN),
    "lines, CRLF": lined(ELEMENTS, "\r\n"),
    "lines, CR": lined(ELEMENTS, "\r"),
    "lines, blank ones between": b"\n \n" + lined(ELEMENTS, "\n\n"),
    "lines, no end": lined(ELEMENTS).rstrip(),
    "lines of collections": lined([{"features": [one]} for one in FEATURES]),
    "lines of answers": lined([{"elements": [one]} for one in ELEMENTS]),
    "sequence": lined(FEATURES, begin="\x1e"),
    "sequence of elements": lined(ELEMENTS, begin="\x1e"),
    "sequence, indented": lined(FEATURES, begin="\x1e", indent=1),
    "documents, one after another": lined(FEATURES, indent=1),
}
WRAPS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    "BOM": lambda content: b"\xef\xbb\xbf" + content,
    "gz": lambda content: gzip.compress(content, mtime=0),
    "zst": lambda content: zstandard.ZstdCompressor().compress(content),
}


def imported(path: Path, content: bytes) -> tuple[ImportReport, list[Row]]:
    path.write_bytes(content)
    report = import_osm(path, path.parent / "out", country="CN")
    lines = (path.parent / "out" / "merchants.ndjson").read_bytes().splitlines()
    return report, [json.loads(line) for line in lines]


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("form", FILES)
def test_format(tmp_path: Path, form: str, wrap: str) -> None:
    name = f"places.json.{wrap}" if wrap == "zst" else "places.any"
    report, rows = imported(tmp_path / name, WRAPS[wrap](FILES[form]))
    assert [row["merchant_id"] for row in rows] == [f"osm-node-{n}" for n in range(len(NAMES))]
    assert [row["name"] for row in rows] == NAMES
    assert [row["lat"] for row in rows] == [31.0 + n for n in range(len(NAMES))]
    assert (report.places, report.bad) == (len(NAMES), 0)


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_blocks_may_end_anywhere(
    tmp_path: Path, form: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign, an escape or a number that a block cuts in two is read as if whole.

    The first block is left whole, for the form is told by it.
    """
    path = tmp_path / "places.json"
    path.write_bytes(FILES[form])
    whole = list(formats.PlaceFile(path).records())

    def cut(_path: Path) -> Any:
        yield FILES[form][:256]
        for at in range(256, len(FILES[form]), size):
            yield FILES[form][at : at + size]

    monkeypatch.setattr(formats, "_content", cut)
    found = list(formats.PlaceFile(path).records())
    assert [record.value for record in found] == [record.value for record in whole]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\n\n", b"  \n"])
@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_blank_lines_at_the_end_of_a_block_are_counted(
    tmp_path: Path, blank: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [json.dumps(row).encode() + b"\n" for row in ELEMENTS]
    text = blank.join(rows)

    def cut(_path: Path) -> Any:
        yield text[:256]
        for at in range(256, len(text), size):
            yield text[at : at + size]

    monkeypatch.setattr(formats, "_content", cut)
    numbers = [record.number for record in formats.PlaceFile(tmp_path / "places.json").records()]
    assert numbers == [1 + n * (1 + blank.count(b"\n")) for n in range(len(ELEMENTS))]


def test_values_may_be_cut_anywhere() -> None:
    """Signs, escapes, characters and numbers, in blocks of every length."""
    text = (
        b'{"a": [0.625, -1.5e-7, 1E+22, 12345678901, true, null, "\\\\u00e9 \xf0\x9f\x98\x80\\n", '
        b'{"x": [-0.0]}], "b": -3, "c" :1e+5,"d":""}'
    )
    whole = json.loads(text)
    for size in range(1, len(text) + 1):
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        cursor = formats._Cursor(iter(cut))
        assert {key: cursor.value() for key in cursor.members()} == whole, size
        assert cursor.peek() == ""
        cursor = formats._Cursor(iter(cut))
        found = {k: list(cursor.items()) if k == "a" else cursor.value() for k in cursor.members()}
        assert found == whole, size


def test_memory_holds_one_object(tmp_path: Path) -> None:
    """Reading never asks for more than a block past the object it has given."""
    path = tmp_path / "places.json"
    many = [feature(number, "x" * 1000) for number in range(20_000)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": many}), "utf-8")
    taken = 0

    class Counting(formats.PlaceFile):
        pass

    records = Counting(path).records()
    cursor = formats._Cursor(formats._content(path))
    assert cursor.peek() == "{"
    for key in cursor.members():
        if key != "features":
            cursor.value()
            continue
        for _ in cursor.items():
            taken += 1
            assert len(cursor._text) <= 3 * formats.BLOCK_BYTES
    assert taken == len(many) == sum(1 for _ in records)


def test_header_after_the_places(tmp_path: Path) -> None:
    """`_timestamp` and `osm3s` may stand before or behind the list."""
    stamp = {"osm3s": {"timestamp_osm_base": "2026-11-01T02:03:04Z"}}
    for whole in ({**stamp, **OVERPASS}, {**OVERPASS, **stamp}):
        imported(tmp_path / "places.json", json.dumps(whole).encode())
        envelope = json.loads((tmp_path / "out" / "snapshot.json").read_text("utf-8"))
        assert envelope["created_at"] == "2026-11-01T02:03:04+00:00"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON object at all"),
        (b"hello\nworld\n", "no JSON object at all"),
        (b"[]", "no JSON object at all"),
        (b"[1, 2]", "no JSON object at all"),
        (b'{"type": "FeatureCollection", "features": []}', "Expected places, got none"),
        (
            json.dumps({**OVERPASS, "remark": "runtime error: Query timed out"}).encode(),
            "whole answer of Overpass, got 'runtime error: Query timed out'",
        ),
        (b'{"elements": [], "remark": "runtime error: x"}', "whole answer of Overpass"),
        (json.dumps(COLLECTION).encode()[:-3], "Expected whole GeoJSON or JSON"),
        (json.dumps(COLLECTION, indent=1).encode()[:-30], "Expected whole GeoJSON or JSON"),
        (json.dumps(COLLECTION, indent=1).replace(",", ";").encode(), "Expected whole GeoJSON"),
        (b'{\n"a": 1\n}', "none among 1: 1 lack an id, 1 lack a name, 1 lack a position"),
        (b"[" * 100_000, "no JSON object at all"),
        (b"[\n" + b"[" * 100_000, "Expected whole GeoJSON or JSON"),
        (b'[\n{"a": ' + b"9" * 5000 + b"}]", "Expected whole GeoJSON or JSON"),
        ('{"type": "Feature"}'.encode("utf-16"), "Expected text in UTF-8, got UTF-16"),
        (gzip.compress(lined(ELEMENTS) * 99, mtime=0)[:60], "Cannot read the file"),
        (b"\x1f\x8b\x08broken", "Cannot read the file"),
    ],
)
def test_what_cannot_be_read_is_told_and_leaves_nothing(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "places.json"
    path.write_bytes(content)
    with pytest.raises(BadData, match=says):
        import_osm(path, tmp_path / "out", country="CN")
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("ends", ["\n", "\x1e"])
def test_a_broken_line_is_one_bad_row(tmp_path: Path, ends: str) -> None:
    good = [json.dumps(one) for one in ELEMENTS]
    for bad in ('{"type": "node", "id"', "{broken", "[1]", '"text"', '{"id": "\\ud800"}'):
        lines = ends.join(["", bad, *good, bad, ""])
        report, _ = imported_any(tmp_path / "places.json", lines.encode())
        assert (report.places, report.unreadable) == (len(NAMES) + 2, 2), bad


def imported_any(path: Path, content: bytes) -> tuple[ImportReport, bytes]:
    path.write_bytes(content)
    report = import_osm(path, path.parent / "out", country="CN")
    return report, (path.parent / "out" / "merchants.ndjson").read_bytes()


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type": "Feature", "properties": {"name": "\\ud800"}}',
        b'{"type": "Feature", "properties": {"name": "\xff"}}',
        b'{"type": "Feature", "properties": {"name": "x"}, "geometry": {"type": "Point", '
        b'"coordinates": [1, 99999999999999999999999]}}',
        b"[1]",
        b"17",
    ],
)
def test_a_bad_item_of_a_document_is_one_bad_row(tmp_path: Path, bad: bytes) -> None:
    """Half a surrogate pair, bytes that are no UTF-8 and huge numbers cost one row, one line."""
    good = [json.dumps(one).encode() for one in FEATURES]
    content = b'{"features":\n[' + b",\n".join([bad, *good]) + b"]}"
    report, written = imported_any(tmp_path / "places.json", content)
    assert (report.places, report.unreadable) == (len(NAMES) + 1, 1)
    assert written.count(b"\n") == len(NAMES) + 1


def test_what_is_no_number_is_nothing(tmp_path: Path) -> None:
    """Tables write NaN for an empty cell, which `json` reads and the contract does not."""
    for content in (lined(FEATURES), json.dumps(COLLECTION, indent=1).encode()):
        content = content.replace(b'"amenity": "cafe"', b'"amenity": "cafe", "phone": NaN')
        report, rows = imported(tmp_path / "places.json", content)
        assert report.bad == 0
        assert [row.get("phone") for row in rows] == [None] * len(NAMES)


@pytest.mark.parametrize(
    "tags",
    [
        {"tags": {"amenity": "cafe", "name": "x"}},
        {"amenity": "cafe", "name": "x"},
        {"name": "x", "other_tags": '"amenity"=>"cafe","internet_access"=>"no"'},
        {"tags": '{"amenity": "cafe", "name": "x"}'},
    ],
)
def test_tags_wherever_they_are(tmp_path: Path, tags: Row) -> None:
    one = feature(1, "") | {"properties": tags}
    _, (row,) = imported(tmp_path / "places.json", json.dumps(one).encode())
    assert (row["name"], row["categories"]) == ("x", ["food.cafe"])


# -- OSM JSON: positions of ways and relations


def node(number: int, lng: float, lat: float) -> Row:
    return {"type": "node", "id": number, "lat": lat, "lon": lng}


CORNERS = [node(1, 0, 0), node(2, 2, 0), node(3, 2, 2), node(4, 0, 2)]
TAGS = {"tags": {"amenity": "cafe", "name": "x"}}
WAY = {"type": "way", "id": 9, "nodes": [1, 2, 3, 4, 1], **TAGS}
LINES = [
    {"type": "way", "id": 5, "nodes": [1, 2, 3]},
    {"type": "way", "id": 6, "nodes": [3, 4, 1]},
]


def member(kind: str, ref: int, role: str = "outer", **more: object) -> Row:
    return {"type": kind, "ref": ref, "role": role, **more}


def relation(*members: Row, **more: object) -> Row:
    return {"type": "relation", "id": 9, "members": list(members), **TAGS, **more}


def drawn(*numbers: int) -> list[Row]:
    points = {corner["id"]: corner for corner in CORNERS}
    return [{"lat": points[n]["lat"], "lon": points[n]["lon"]} for n in numbers]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([{**WAY, "center": {"lat": 5, "lon": 6}}], (5, 6)),
        ([{**WAY, "bounds": {"minlat": 1, "maxlat": 3, "minlon": 5, "maxlon": 9}}], (2, 7)),
        (
            [{**WAY, "bounds": {"minlat": 1, "maxlat": 1, "minlon": 179, "maxlon": -178}}],
            (1, -179.5),
        ),
        ([{**WAY, "geometry": drawn(1, 2, 3, 4, 1)}], (1, 1)),
        ([{**WAY, "geometry": drawn(1, 2, 3, 1)}], (0.6666667, 1.3333333)),
        ([{**WAY, "geometry": drawn(1, 2)}], (0, 1)),
        ([relation(member("way", 5, geometry=drawn(1, 2, 3, 4, 1)))], (1, 1)),
        (
            [
                relation(
                    member("way", 5, geometry=drawn(1, 2, 3)),
                    member("way", 6, geometry=drawn(3, 4, 1)),
                )
            ],
            (1, 1),
        ),
        # `out body; >; out skel;`: nodes and ways without tags come behind what they shape
        ([WAY, *CORNERS], (1, 1)),
        ([*CORNERS, WAY], (1, 1)),
        ([{**WAY, "nodes": [1, 2, 7]}, *CORNERS], (0, 1)),
        ([{**WAY, "nodes": [3]}, *CORNERS], (2, 2)),
        ([relation(member("way", 5), member("way", 6)), *LINES, *CORNERS], (1, 1)),
        ([relation(member("way", 5), member("way", 6, "inner")), *LINES, *CORNERS], (0.5, 1.5)),
        ([relation(member("node", 3, "")), *CORNERS], (2, 2)),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_positions_of_elements(
    tmp_path: Path, elements: list[Row], expected: tuple[float, float], lines: bool
) -> None:
    content = lined(elements) if lines else json.dumps({"elements": elements}).encode()
    report, (row,) = imported(tmp_path / "places.json", content)
    assert (row["lat"], row["lng"]) == expected
    assert (
        row["merchant_id"] == f"osm-{elements[0]['type'] if elements[0].get('tags') else 'way'}-9"
    )
    assert report.places == 1


@pytest.mark.parametrize(
    "elements",
    [
        [WAY],
        [{**WAY, "nodes": [7, "x", None, 10**30, True]}, *CORNERS],
        [{**WAY, "bounds": {"minlat": 1}}],
        [{**WAY, "center": "here"}],
        [{**WAY, "geometry": [{"lat": None, "lon": 1}, 7]}],
        [relation(member("way", 5)), *CORNERS],
        [relation(), *CORNERS],
        [relation(member("way", 5, geometry=None))],
    ],
)
def test_elements_without_a_position_are_bad_rows(tmp_path: Path, elements: list[Row]) -> None:
    fine = element(100, "fine")
    report, rows = imported(
        tmp_path / "p.json", json.dumps({"elements": [fine, *elements]}).encode()
    )
    assert (report.places, report.bad, report.without_position) == (2, 1, 1)
    assert [row.get("lat") for row in rows] == [31.0, None]


def test_places_come_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "places.jsonl"
    path.write_bytes(b"\n" + lined([WAY, *CORNERS, element(1, "x")]))
    found = [
        (record.number, place and place.merchant_id)
        for record, place in places(formats.PlaceFile(path).records())
    ]
    assert found == [(7, "osm-node-1"), (2, "osm-way-9")]
