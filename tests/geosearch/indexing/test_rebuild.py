"""A version of the rows of another: the same as a build of its snapshot."""

import shutil
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from geosearch.cli.app import BAD_DATA, DONE, run
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.pipeline import build
from geosearch.indexing.rebuild import rebuild
from geosearch.money.ranking import Weights
from geosearch.segment.versions import ROWS, current, versions
from tests.generators import World, make_world

DAYS = [("city", 0), ("antimeridian", 20), ("time_zones", 3)]


def built(folder: Path, world: World) -> Path:
    world.write(folder / "snapshot")
    table = folder / "snapshot" / "merchants.ndjson"
    table.write_text(f"{table.read_text('utf-8')}no row\n", "utf-8")
    weights = Weights(gift_value=0.25)
    build(folder / "snapshot", folder / "index", now=world.now, max_rejected=1.0, weights=weights)
    return folder / "index"


def contents(version: Path) -> dict[str, bytes]:
    """The files of a version, but for those that name the moment of the build."""
    files = (path for path in version.rglob("*") if path.is_file())
    different = ("manifest.json", "report.json", "LIVE")
    return {
        str(path.relative_to(version)): path.read_bytes()
        for path in files
        if path.name not in different and path.parent.name != ROWS
    }


@pytest.mark.parametrize(("kind", "days"), DAYS)
def test_equals_a_build(kind: str, days: int, tmp_path: Path) -> None:
    world = make_world(Random(f"rebuild {kind}"), kind, 50)
    index = built(tmp_path, world)
    now = world.now + timedelta(days=days)
    report = rebuild(index, now=now)
    again = rebuild(index, now=now)  # The rows of a version without a snapshot are as good.
    expected = build(
        tmp_path / "snapshot", tmp_path / "other", now=now, max_rejected=1.0,
        weights=Weights(gift_value=0.25),
    )  # fmt: skip
    for name in ("counts", "rejected", "warnings", "provisional_holidays"):
        assert getattr(report, name) == getattr(expected, name)
    assert again.changes is not None
    assert {count for kinds in again.changes.values() for count in kinds.values()} == {0}
    whole = contents(current(tmp_path / "other"))
    assert "segment-0000/doc_position.npy" in whole
    for version in versions(index)[1:]:
        assert contents(index / "versions" / version) == whole
    assert b"not_json" in (index / "rejected.ndjson").read_bytes()


def test_refusals(tmp_path: Path) -> None:
    world = make_world(Random("refused"), "city", 10)
    index = built(tmp_path, world)
    with pytest.raises(BadData, match="There is no index"):
        rebuild(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(BadRequest, match="`now` with an offset"):
        rebuild(index, now=world.now.replace(tzinfo=None))
    rows = current(index) / ROWS
    (rows / "deals.blocks").write_bytes(b"torn")
    with pytest.raises(BadData, match=r"Cannot read the rows of the version: .* - at `.*rows`"):
        rebuild(index)
    shutil.rmtree(rows)
    with pytest.raises(BadData, match="of an older release: build it again from a snapshot"):
        rebuild(index)
    assert len(versions(index)) == 1


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = make_world(Random("command"), "city", 10)
    index = str(built(tmp_path, world))
    assert run(["rebuild", index, "--now", world.now.isoformat()]) == DONE
    assert "changed" in capsys.readouterr().out
    assert run(["inspect", index]) == DONE
    assert "rows to rebuild" in capsys.readouterr().out
    assert run(["rebuild", str(tmp_path)]) == BAD_DATA
