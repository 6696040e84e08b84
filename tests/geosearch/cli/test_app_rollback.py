"""`geosearch build --rollback` serves nothing that this release cannot open."""

import json
from pathlib import Path

import pytest

from geosearch.cli.app import BAD_DATA, DONE, run
from geosearch.segment.versions import current
from indexes.storage import FORMAT_VERSION
from tests.geosearch.snapshot_files import write_snapshot


def test_a_rollback_refuses_a_version_of_an_older_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot, index = tmp_path / "snapshot", tmp_path / "index"
    write_snapshot(snapshot)
    build = ["build", str(snapshot), "--out", str(index), "--now", "2026-11-22T00:00:00+08:00"]
    assert run(build) == DONE
    manifest = current(index) / "segment-0000" / "manifest.json"
    written = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(written | {"format_version": FORMAT_VERSION - 1}))
    assert run(build) == DONE
    assert "or none that this release reads" in capsys.readouterr().out
    served = current(index)
    assert run(["build", "--rollback", "--out", str(index)]) == BAD_DATA
    assert "older release: build it again" in capsys.readouterr().err
    assert current(index) == served
