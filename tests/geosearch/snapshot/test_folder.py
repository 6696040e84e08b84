"""The folder of a new snapshot: files that are there stay unless they may be replaced."""

from pathlib import Path

import pytest

from geosearch.errors import BadRequest
from geosearch.snapshot.folder import new_snapshot


def test_a_new_or_an_empty_folder_will_do_and_is_left_alone(tmp_path: Path) -> None:
    with new_snapshot(tmp_path, overwrite=False):
        pass
    with new_snapshot(tmp_path / "a" / "b", overwrite=False):
        pass
    assert not (tmp_path / "a").exists()


def test_files_are_replaced_on_request_only(tmp_path: Path) -> None:
    (tmp_path / "merchants.csv").write_text("mine")
    refused = pytest.raises(BadRequest, match=r"files already - choose another, or .* --force")
    with refused, new_snapshot(tmp_path, overwrite=False):
        pass
    assert (tmp_path / "merchants.csv").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_is_no_folder(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "file").write_text("mine")
    refused = pytest.raises(BadRequest, match="Expected a folder, got a file")
    with refused, new_snapshot(tmp_path / "file", overwrite=overwrite):
        pass


def test_tables_of_the_snapshot_before_go_once_the_new_one_is_written(tmp_path: Path) -> None:
    for name in ("merchants.csv", "deals.ndjson.gz", "Programs.CSV", "notes.txt", "snapshot.json"):
        (tmp_path / name).write_text("old")
    with pytest.raises(OSError, match="full"), new_snapshot(tmp_path, overwrite=True):
        raise OSError("full")
    assert len(list(tmp_path.iterdir())) == 5
    with new_snapshot(tmp_path, overwrite=True):
        (tmp_path / "merchants.ndjson").write_text("new")
        (tmp_path / "Programs.CSV").write_text("newer")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"merchants.ndjson", "Programs.CSV", "notes.txt", "snapshot.json"}
