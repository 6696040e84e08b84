"""One file of columns: what is written comes back, and any other byte is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.container import ContainerWriter, open_container
from indexes.storage import IndexFormatError

COLUMNS: dict[str, Any] = {
    "empty": np.zeros((0, 2), np.int32),
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bytes": np.frombuffer(b"deals", np.uint8),
    "words": np.array([1 << 63, 2], np.uint64),
}


def written(path: Path) -> Path:
    writer = ContainerWriter(path)
    for name, column in COLUMNS.items():
        writer.add(name, column)
    with writer.stream("text") as stream:
        stream.write(b"caf")
        stream.write("\u00e9".encode())
        assert stream.size == 5
    writer.finish({"docs": 2})
    return path


def test_columns_come_back_read_only_and_aligned(tmp_path: Path) -> None:
    columns, manifest = open_container(written(tmp_path / "one"))
    assert manifest == {"docs": 2}
    assert columns.pop("text").tobytes().decode() == "caf\u00e9"
    assert columns.keys() == COLUMNS.keys()
    for name, column in columns.items():
        assert column.dtype == COLUMNS[name].dtype
        assert column.shape == COLUMNS[name].shape
        assert column.tolist() == COLUMNS[name].tolist()
        assert not column.flags.writeable
        assert column.flags.aligned
        assert column.flags.c_contiguous


def test_any_altered_byte_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "one")
    content = path.read_bytes()
    for place in (*range(40), 64, 100, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(IndexFormatError, match="one`"):
            open_container(path)
    for size in (0, 63, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(IndexFormatError):
            open_container(path)


def test_a_disk_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        assert path.exists()
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("indexes.container.sync_file", fail)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path / "one")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_container(tmp_path / "none")
