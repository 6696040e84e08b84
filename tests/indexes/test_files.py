"""Files that are written: errors have a name, whichever call of the system fails."""

import errno
import os
from pathlib import Path

import pytest

from indexes.files import (
    create,
    link_or_copy,
    named,
    replace_file,
    sync_file,
    sync_folder,
    write_file,
)

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="a system without /dev/full")


def test_what_is_written_is_there(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"one")
    write_file(tmp_path / "a", b"2")
    with create(tmp_path / "b") as file:
        file.write(b"x" * 100_000)
    sync_file(tmp_path / "a")
    sync_folder(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"2"
    assert (tmp_path / "b").stat().st_size == 100_000


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file(tmp_path / "a", b"one")
    with (tmp_path / "a").open("rb") as reading:
        replace_file(tmp_path / "a", b"two")
        assert reading.read() == b"one"

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="output error"):
        replace_file(tmp_path / "a", b"three")
    assert (tmp_path / "a").read_bytes() == b"two"


def test_a_file_has_another_name_also_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "a", b"one")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")

    def refuse(file: Path, name: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(tmp_path / "a", tmp_path / "c")
    assert not (tmp_path / "a").samefile(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"one"


@needs_full
@pytest.mark.parametrize("size", [1, 8_192, 100_000])
def test_a_full_disk_is_told_with_the_file(size: int) -> None:
    """Small content fails when the file is closed, large content when it is written."""
    with pytest.raises(OSError, match="No space left") as caught:
        write_file(FULL, b"x" * size)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(FULL))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG])
def test_a_sync_that_fails_is_told_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    write_file(tmp_path / "a", b"")
    monkeypatch.setattr(os, "fsync", fail)
    for sync, path in ((sync_file, tmp_path / "a"), (sync_folder, tmp_path)):
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            sync(path)
        assert (caught.value.errno, caught.value.filename) == (number, str(path))


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        (OSError(errno.EIO, "broken"), "here"),
        (OSError(errno.EIO, "broken", "there"), "there"),
        (OSError("no number"), None),
    ],
)
def test_a_name_is_added_where_there_is_none(raised: OSError, name: str | None) -> None:
    with pytest.raises(OSError, match=r"broken|no number") as caught, named(Path("here")):
        raise raised
    assert caught.value.filename == name


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="mine"), named(Path("here")):
        raise ValueError("mine")
