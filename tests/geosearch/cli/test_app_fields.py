"""`search --fields` prints some members of each result, as JSON or GeoJSON."""

import json
from pathlib import Path

import pytest

from geosearch.cli.app import run
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, shops_in


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("fields")
    shops_in(folder)
    where = ["--lat", str(LAT), "--lng", str(LNG), "--at", NOW.isoformat(), "--limit", "2"]
    return ["search", "--index", str(folder / "index"), *where]


def test_some_members_of_each_result(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fields = ["--fields", "merchant.merchant_id,distance_m", "--fields", "open.state"]
    assert run([*asked, "--json", *fields]) == 0
    for result in json.loads(capsys.readouterr().out)["results"]:
        assert list(result) == ["merchant", "distance_m", "open"]
        assert (list(result["merchant"]), list(result["open"])) == (["merchant_id"], ["state"])
    assert run([*asked, "--format", "geojson", *fields]) == 0
    first = json.loads(capsys.readouterr().out)["features"][0]
    assert list(first["properties"]) == ["merchant", "distance_m", "open"]
    assert first["geometry"]["coordinates"] == [LNG, LAT]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--fields", "score"], "`--fields` chooses members of JSON"),
        (["--json", "--fields", "scores"], "Expected `fields` as members of a result: merchant,"),
    ],
)
def test_wrong_use(
    asked: list[str], more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*asked, *more]) == 2
    assert sentence in capsys.readouterr().err
