"""A build that fails, or is killed, changes nothing, and says what was wrong."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.errors import BadData, BadRequest
from geosearch.indexing.pipeline import FAILED, REJECTED, REPORT, build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import current
from tests.geosearch.indexing.test_pipeline import NOW, ROOT, found, made
from tests.geosearch.snapshot_files import (
    ENVELOPE,
    PROGRAM,
    Row,
    deal,
    merchant,
    ndjson,
    write_snapshot,
)


@pytest.mark.parametrize(
    ("tables", "wish", "sentence"),
    [
        ({"merchants": [merchant(0, lat=99), merchant(1)]}, {"max_rejected": 0.05}, "rejected"),
        ({"deals": [b"{"] * 9}, {"max_rejected": 0.5}, "rejected"),
    ],
)
def test_a_build_that_fails_changes_nothing(
    tmp_path: Path, tables: dict[str, Any], wish: dict[str, Any], sentence: str
) -> None:
    made(tmp_path)
    before = {path.name: path.resolve() for path in (tmp_path / "index").iterdir()}
    with pytest.raises(BadData, match=sentence):
        made(tmp_path, tables=tables, **wish)
    after = {path.name: path.resolve() for path in (tmp_path / "index").iterdir()}
    assert after.pop(FAILED) == tmp_path / "index" / FAILED
    assert after == before
    assert found(open_index(tmp_path / "index")) == {"m0", "m1", "m3", "m4", "m5", "m6"}


def failed_entries(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "index" / FAILED).read_bytes().splitlines()]


def test_a_build_that_fails_lists_its_rejects_and_the_next_one_removes_the_list(
    tmp_path: Path,
) -> None:
    bad = {"merchants": [merchant(0, lat=99), merchant(1), merchant(2, lng=999, rating=9)]}
    with pytest.raises(BadData, match=f"got 2 of 3 .*, all listed in `.*/{FAILED}`$"):
        made(tmp_path, tables=bad, max_rejected=0.5)
    assert [(e["kind"], e["line"], e["code"]) for e in failed_entries(tmp_path)] == [
        ("reject", 1, "out_of_range"),
        ("reject", 3, "out_of_range"),
    ]
    assert failed_entries(tmp_path)[0]["row"] == merchant(0, lat=99)
    # Another failure leaves its own list, and one without a bad row none.
    with pytest.raises(BadData, match="got 1 of 1"):
        made(tmp_path, tables={"programs": [{"name": "x"}]}, max_rejected=0.5)
    assert [e["file"] for e in failed_entries(tmp_path)] == ["programs.ndjson"]
    write_snapshot(tmp_path / "snapshot")
    (tmp_path / "snapshot" / "deals.ndjson").unlink()
    with pytest.raises(BadData, match=r"^Expected table `deals`.*snapshot`$"):
        build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    assert not (tmp_path / "index" / FAILED).exists()
    with pytest.raises(BadData, match="got 2 of 3"):
        made(tmp_path, tables=bad, max_rejected=0.5)
    made(tmp_path)
    assert not (tmp_path / "index" / FAILED).exists()
    assert sorted(os.listdir(tmp_path / "index")) == sorted(
        [".lock", "CURRENT", REJECTED, REPORT, "versions"]
    )


def test_a_table_that_fails_hides_no_other_table(tmp_path: Path) -> None:
    bad = {
        "programs": [{"name": "x"}],
        "merchants": [merchant(0), merchant(1, lat=99), merchant(2, rating=9)],
        "deals": [deal(0), deal(1, merchant_ids=["m1"]), deal(2, percent=999)],
    }
    option = "mend them, or allow more with --max-rejected - at `programs.ndjson`, all listed in"
    with pytest.raises(BadData, match=option):
        made(tmp_path, tables=bad, max_rejected=0.1)
    assert [(e["file"], e["line"], e["code"]) for e in failed_entries(tmp_path)] == [
        ("deals.ndjson", 3, "out_of_range"),
        ("merchants.ndjson", 2, "out_of_range"),
        ("merchants.ndjson", 3, "out_of_range"),
        ("programs.ndjson", 1, "missing_field"),
    ]


def test_list_of_a_file_that_breaks_off_has_the_rows_before(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot", {"programs": [PROGRAM | {"fee": -1}]})
    lines = ndjson([merchant(0, lat=99), *(merchant(n, name=f"{n * n}") for n in range(1, 9999))])
    (tmp_path / "snapshot" / "merchants.ndjson").unlink()
    packed = gzip.compress(lines)
    (tmp_path / "snapshot" / "merchants.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadData, match=r"^Cannot read the file"):
        build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    assert [(e["file"], e["code"]) for e in failed_entries(tmp_path)] == [
        ("programs.ndjson", "out_of_range")
    ]


def test_a_failure_while_writing_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path)
    served = current(tmp_path / "index")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geosearch.indexing.encoding.write_segment", full)
    with pytest.raises(OSError, match="No space left"):
        made(tmp_path)
    assert current(tmp_path / "index") == served
    assert [path.name for path in served.parent.iterdir()] == [served.name]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot")
    (tmp_path / "snapshot" / "deals.ndjson").unlink()
    with pytest.raises(BadData, match="deals"):
        build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    assert not (tmp_path / "index").exists()


def test_a_country_that_is_none_is_refused(tmp_path: Path) -> None:
    tables: dict[str, list[Row | bytes]] = {"merchants": [merchant(0, opening_hours="PH off")]}
    folder = write_snapshot(tmp_path / "snapshot", tables)
    (folder / "snapshot.json").write_text(json.dumps(ENVELOPE | {"country": "ZZ"}))
    with pytest.raises(BadData, match=r"Expected `country` .* got \"ZZ\" - at `.*snapshot.json`"):
        build(folder, tmp_path / "index", now=NOW)
    assert not (tmp_path / "index").exists()


def test_now_needs_an_offset(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="`now` with an offset"):
        build(tmp_path, tmp_path / "index", now=datetime(2026, 11, 22))


BUILD = """
import sys
from datetime import datetime
from pathlib import Path
from geosearch.indexing.pipeline import build
print("ready", flush=True)
build(Path(sys.argv[1]), Path(sys.argv[2]), now=datetime.fromisoformat(sys.argv[3]))
print("done", flush=True)
"""


def test_a_killed_build_leaves_a_whole_version_served(tmp_path: Path) -> None:
    """SIGKILL at random points: what is served is the old version or the new one, never less."""
    write_snapshot(tmp_path / "old", {"merchants": [merchant(0)], "deals": [deal(0)]})
    build(tmp_path / "old", tmp_path / "index", now=NOW)
    rows = [merchant(n, lat=31.0 + n * 1e-5, opening_hours="24/7") for n in range(1500)]
    write_snapshot(tmp_path / "new", {"merchants": rows, "deals": [deal(0)]})
    rng = random.Random(2)
    delays = [(step + rng.random()) * 0.1 for step in range(6)]
    killed = 0
    for delay in delays:
        killed += killed_after(delay, tmp_path)
        index = tmp_path / "index"
        engine = Searcher(current(index), verify="full")
        assert engine.info()["merchants"] in (1, 1500)
        found_now = engine.rank(Query(lat=31.0, lng=121.47, at=NOW, radius=50_000, total=True))
        assert found_now.total == engine.info()["merchants"]
        assert (index / REPORT).exists()
    assert killed >= 2, "the delays are too long to hit a build at work"
    build(tmp_path / "new", tmp_path / "index", now=NOW)
    left = [path.name for path in (tmp_path / "index" / "versions").iterdir()]
    assert left == [name for name in left if not name.startswith(".")], "leftovers are swept"


def killed_after(delay: float, folder: Path) -> bool:
    """Start a build, kill it so many seconds after it began; return whether it was at work."""
    command = [sys.executable, "-c", BUILD, str(folder / "new"), str(folder / "index")]
    with subprocess.Popen(
        [*command, NOW.isoformat()], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(delay)
        os.kill(child.pid, signal.SIGKILL)
        return "done" not in child.stdout.read()
