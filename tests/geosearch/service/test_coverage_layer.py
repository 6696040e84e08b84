"""`GET /v1/coverage`: layers of a file of `geosearch coverage`, and files that are none."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosearch.errors import BadData
from geosearch.service.coverage_layer import CoverageQuery, coverage_schemas, open_coverage
from tests.geosearch.fakes import publish_fake, running

CELLS, SLOTS, CARDS = ("8830e1", "8830e3", "8830e5"), ("lunch", "late"), ("red", "blue", "green")


def feature(cell: str, slot: str, program_id: str) -> dict[str, Any]:
    number = CELLS.index(cell)
    ring = [[121 + number, 31], [122 + number, 31], [122 + number, 32], [121 + number, 31]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "cell": cell, "name": None, "lat": 31.5, "lng": 121.5 + number, "slot": slot,
            "program_id": program_id, "open": 4.5, "usable": 2.0, "wins": 1.0, "gain_mean": 320.5,
            "win_share": 0.222222, "third_m": None,
        },
    }  # fmt: skip


ROWS = [
    feature(cell, slot, card)
    for slot in SLOTS
    for cell in CELLS[: 2 if slot == "late" else 3]
    for card in CARDS
    if (slot, card) != ("late", "green")
]


def written(path: Path, features: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, indent=1))
    return path


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    publish_fake(tmp_path / "index")
    path = written(tmp_path / "city.geojson", ROWS)
    with running(tmp_path / "index", coverage=str(path)) as client:
        yield client


@pytest.mark.parametrize(
    ("asked", "slot", "card"),
    [
        ("", "lunch", "red"), ("?slot=late", "late", "red"), ("?program_id=blue", "lunch", "blue"),
        ("?slot=late&program_id=blue", "late", "blue"),
        ("?slot=late&program_id=green", "late", "green"),
    ],
)  # fmt: skip
def test_a_layer_has_the_rows_of_one_slot_and_card(
    client: TestClient, asked: str, slot: str, card: str
) -> None:
    answer = client.get(f"/v1/coverage{asked}")
    assert answer.headers["content-type"] == "application/geo+json"
    found = answer.json()
    rows = found.pop("features")
    assert found == {
        "type": "FeatureCollection", "slot": slot, "program_id": card,
        "slots": list(SLOTS), "program_ids": list(CARDS),
    }  # fmt: skip
    expected = [
        row
        for row in ROWS
        if (row["properties"]["slot"], row["properties"]["program_id"]) == (slot, card)
    ]
    assert rows == expected
    assert len(rows) == {("lunch", card): 3, ("late", "green"): 0}.get((slot, card), 2)


def test_it_is_kept_and_compressed(client: TestClient) -> None:
    headers = {"accept-encoding": "gzip"}
    answer = client.get("/v1/coverage", headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(answer.content)) < len(answer.content) / 2
    known = {**headers, "if-none-match": answer.headers["etag"]}
    assert client.get("/v1/coverage", headers=known).status_code == 304
    assert client.get("/v1/coverage?slot=late", headers=known).status_code == 200


@pytest.mark.parametrize(
    ("asked", "code", "detail"),
    [
        (
            "slot=noon",
            "unknown_slot",
            "`slot` among those of the coverage (lunch, late), got 'noon' - at `$.slot`",
        ),
        (
            "program_id=pink",
            "unknown_card",
            "`program_id` among those of the coverage (red, blue, green), got 'pink' - at "
            "`$.program_id`",
        ),
    ],
)
def test_what_the_file_lacks(client: TestClient, asked: str, code: str, detail: str) -> None:
    answer = client.get(f"/v1/coverage?{asked}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    assert answer.json()["detail"] == f"Expected {detail}"


def test_the_page_knows_whether_there_is_one(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/").json()["links"]["coverage"] == "/v1/coverage"
    with running(tmp_path / "index") as without:
        assert without.get("/").json()["links"]["coverage"] is None
        answer = without.get("/v1/coverage")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_every_member_of_a_row_is_described() -> None:
    assert {*ROWS[0]["properties"], "leader"} == coverage_schemas()["CoverageRow"][
        "properties"
    ].keys()


OTHER = "Expected a coverage as GeoJSON of `geosearch coverage`, got another file ("


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "Cannot read the coverage: No such file or directory - at `"),
        (b"", OTHER),
        (b"PMTiles\x03", OTHER),
        (b"\xff\xfe{}", OTHER),
        (b"cell,name\n", OTHER),
        (b"{}", OTHER),
        (b'{"type":"FeatureCollection"}', OTHER),
        (
            b'{"type":"FeatureCollection","features":[]}',
            "Expected a coverage with at least one row",
        ),
        (b'{"type":"Feature","features":[]}', OTHER),
        (b'{"type":"FeatureCollection","features":[{"type":"Feature"}]}', OTHER),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadData) as wrong:
        open_coverage(str(tmp_path / "x"))
    assert str(wrong.value).startswith(sentence)
    assert str(wrong.value).endswith(f"- at `{tmp_path / 'x'}`")


@pytest.mark.parametrize(
    "changed",
    [{"win_share": None}, {"win_share": "a"}, {"open": "many"}, {"slot": 1}, {"program_id": None}],
)
def test_a_row_that_is_none(tmp_path: Path, changed: dict[str, Any]) -> None:
    row = feature(CELLS[0], "late", "red")
    row["properties"] |= changed
    path = written(tmp_path / "x", [*ROWS, row])
    with pytest.raises(BadData, match=f"{next(iter(changed))}"):
        open_coverage(str(path))
    point = {**ROWS[0], "geometry": {"type": "Point", "coordinates": [1, 2]}}
    with pytest.raises(BadData, match="Point"):
        open_coverage(str(written(tmp_path / "x", [point])))


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x", ROWS)
    monkeypatch.setattr("geosearch.service.coverage_layer.LARGEST", path.stat().st_size)
    layers = open_coverage(str(path))
    assert layers is not None
    assert layers.layer(CoverageQuery())
    monkeypatch.setattr("geosearch.service.coverage_layer.LARGEST", path.stat().st_size - 1)
    with pytest.raises(BadData, match="choose larger cells"):
        open_coverage(str(path))


def test_a_service_with_a_wrong_file_does_not_start(tmp_path: Path) -> None:
    """The sentence comes once and at once, also where several workers would open it."""
    publish_fake(tmp_path / "index")
    (tmp_path / "x").write_bytes(b"{}")
    asked = ["--index", f"{tmp_path / 'index'}", "--port", "0", "--coverage", f"{tmp_path / 'x'}"]
    command = [sys.executable, "-m", "geosearch", "serve", *asked, "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.count("Expected a coverage as GeoJSON") == 1
