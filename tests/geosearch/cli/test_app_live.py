"""`geosearch change` on the command line."""

import json
from pathlib import Path

import pytest

from geosearch.cli.app import BAD_DATA, DONE, run
from geosearch.live.writer import Writer
from geosearch.search.searcher import open_index
from tests.geosearch.live.test_writer import DEALS, built, stock

TOKEN = "0123456789abcdef"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def test_change_applies_a_file(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changes.ndjson"
    many = [stock(0, number) for number in range(1_500)]
    file.write_text("\n".join(map(json.dumps, many)) + "\n")
    assert run(["change", str(index), str(file)]) == DONE
    assert capsys.readouterr().out.strip() == (
        "accepted 1,500, stale 0, duplicate 0, rejected 0; last change 1,500"
    )
    file.write_text("\n".join(map(json.dumps, [*many, stock(99, 0)])))
    assert run(["change", str(index), str(file), "--json"]) == BAD_DATA
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["seq"], receipt["accepted"]) == (3_000, 1_500)
    assert [(one["line"], one["code"]) for one in receipt["rejected"]] == [(1_501, "unknown_deal")]
    assert open_index(index).as_of_seq == 3_000


def test_change_says_what_is_wrong(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changes.ndjson"
    assert run(["change", str(index), str(file)]) == BAD_DATA
    assert "Cannot read the changes" in capsys.readouterr().err
    file.write_text("")
    assert run(["change", str(tmp_path / "nowhere"), str(file)]) == BAD_DATA
    assert "There is no index" in capsys.readouterr().err
    with Writer(index):
        assert run(["change", str(index), str(file)]) == BAD_DATA
    assert "Another process writes changes to this index" in capsys.readouterr().err
