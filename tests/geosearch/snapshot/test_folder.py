"""The folder of a new snapshot: files that are there stay unless they may be replaced."""

from pathlib import Path

import pytest

from geosearch.errors import BadRequest
from geosearch.snapshot.folder import check_folder


def test_a_new_or_an_empty_folder_will_do_and_is_left_alone(tmp_path: Path) -> None:
    check_folder(tmp_path, overwrite=False)
    check_folder(tmp_path / "a" / "b", overwrite=False)
    assert not (tmp_path / "a").exists()


def test_files_are_replaced_on_request_only(tmp_path: Path) -> None:
    (tmp_path / "merchants.csv").write_text("mine")
    with pytest.raises(BadRequest, match=r"files already - choose another, or .* --force"):
        check_folder(tmp_path, overwrite=False)
    check_folder(tmp_path, overwrite=True)
    assert (tmp_path / "merchants.csv").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_is_no_folder(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadRequest, match="Expected a folder, got a file"):
        check_folder(tmp_path / "file", overwrite=overwrite)
