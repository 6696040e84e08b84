"""`geosearch why`, and near misses under the table of `geosearch search`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geosearch.cli.app import BAD_DATA, DONE, WRONG_USE, run
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot

HERE = ["--lat", "31.23", "--lng", "121.47", "--at", "2026-11-22T12:00:00+08:00"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("why")
    shops = [
        merchant(0, name="Amber", opening_hours="12:10-13:00", avg_price=5000),
        merchant(1, name="Carmine", opening_hours="24/7", avg_price=5000),
    ]
    deals = [deal(1, merchant_ids=["m1"], program_id="red", min_spend=6000)]
    cards = [PROGRAM | {"fee": 1200}]
    write_snapshot(folder / "snapshot", {"merchants": shops, "deals": deals, "programs": cards})
    out, now = str(folder / "index"), "2026-11-22T00:00:00+08:00"
    assert run(["build", str(folder / "snapshot"), "--out", out, "--now", now]) == DONE
    return out


def test_near_misses_are_a_line_each(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    search = ["search", "--index", index, *HERE, "--open", "now", "--near-misses", "3"]
    assert run(search) == DONE
    shown = capsys.readouterr().out.splitlines()
    assert "nearly: Amber in 10 min, at 12:10, 0 m" in shown


def test_a_shop_that_does_not_match(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["why", index, "m1", *HERE, "--cards", "red", "--spend", "4000"]
    assert run(asked) == DONE
    assert capsys.readouterr().out.splitlines() == [
        "does not match",
        "  no usable deal of a card in the wallet",
        "deal d1: needs a bill of ¥60, ¥20 more",
        "would match with a bill of ¥60",
    ]
    assert run([*asked, "--json"]) == DONE
    told = json.loads(capsys.readouterr().out)
    assert told["fixes"][0]["spend"] == 6000
    assert not told["matches"]


def test_a_shop_that_matches(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", index, "m1", *HERE]) == DONE
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "matches, number 2",
        "deal d1: needs the card red, ¥12 a year; needs a bill of ¥60, ¥10 more",
    ]


def test_wrong_use(index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", index, "nobody", *HERE]) == WRONG_USE
    assert "There is no merchant 'nobody' in" in capsys.readouterr().err
    assert run(["why", index, "m1", *HERE, "--cursor", "x"]) == WRONG_USE
    assert "Expected no `cursor`" in capsys.readouterr().err
    assert run(["why", str(tmp_path), "m1", *HERE]) == BAD_DATA
