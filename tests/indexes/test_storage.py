"""Columns come back as written, and every kind of damage is refused with the file's name."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from indexes import storage
from indexes.storage import (
    BLOCK_BYTES,
    FolderWriter,
    IndexFormatError,
    open_folder,
    verify_folder,
)

OWN = {"horizon": {"start": "2026-11-21", "minutes": 64_800}, "name": "上海"}
FILES = ("big.npy", "empty.npy", "small.npy", "text.npy", "checksums.bin", "manifest.json")


def write_sample(path: Path) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "big": np.arange(300_000, dtype=np.float64),
        "empty": np.empty((0, 4), np.int32),
        "small": np.array([[1, 2, 3], [4, 5, 6]], np.uint16),
    }
    writer = FolderWriter(path)
    for name, array in arrays.items():
        writer.add(name, array)
    text = b"payload " * 200_000
    with writer.stream("text") as column:
        for start in range(0, len(text), 77_777):
            assert column.size == start
            column.write(text[start : start + 77_777])
    writer.finish(OWN)
    return arrays | {"text": np.frombuffer(text, np.uint8)}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("storage") / "columns"
    write_sample(path)
    return path


@pytest.fixture
def damaged(sample: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample, tmp_path / "damaged"))


def test_columns_come_back(tmp_path: Path) -> None:
    expected = write_sample(tmp_path / "a")
    for verify in ("fast", "full"):
        columns, manifest = open_folder(tmp_path / "a", verify=verify)
        assert columns.keys() == expected.keys()
        for name, array in expected.items():
            got = columns[name]
            assert type(got) is np.ndarray
            assert (got.dtype, got.shape) == (array.dtype, array.shape)
            assert not got.flags.writeable
            assert got.flags.c_contiguous
            assert got.ctypes.data % 64 == 0
            np.testing.assert_array_equal(got, array)
        assert {key: manifest[key] for key in OWN} == OWN
        assert manifest["format_version"] == storage.FORMAT_VERSION


def test_columns_are_plain_npy_files(sample: Path) -> None:
    columns, _ = open_folder(sample)
    for name, array in columns.items():
        np.testing.assert_array_equal(np.load(sample / f"{name}.npy"), array)


@given(
    array=hnp.arrays(
        st.sampled_from(
            ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i4"]
        ),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    ),
    order=st.sampled_from(["C", "F", "reversed"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_array_comes_back(
    array: NDArray[Any], order: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if order == "F":
        array = np.asfortranarray(array)
    if order == "reversed":
        array = array[::-1]
    path = tmp_path_factory.mktemp("any") / "a"
    writer = FolderWriter(path)
    writer.add("column", array)
    writer.finish({})
    columns, _ = open_folder(path)
    np.testing.assert_array_equal(columns["column"], array)
    assert columns["column"].shape == array.shape
    assert columns["column"].dtype.isnative


@pytest.mark.parametrize("excess", [-129, -128, -127, 0, 1, BLOCK_BYTES - 128, BLOCK_BYTES])
def test_streams_around_block_borders(tmp_path: Path, excess: int) -> None:
    text = np.random.default_rng(1).integers(0, 256, max(0, BLOCK_BYTES + excess), np.uint8)
    writer = FolderWriter(tmp_path / "a")
    with writer.stream("piecewise") as column:
        for piece in np.array_split(text, 7):
            column.write(piece)
    with writer.stream("nothing") as column:
        column.write(b"")
    writer.add("whole", text)
    writer.finish({})
    columns, _ = open_folder(tmp_path / "a", verify="full")
    np.testing.assert_array_equal(columns["piecewise"], text)
    np.testing.assert_array_equal(columns["whole"], text)
    assert columns["nothing"].shape == (0,)
    whole = (tmp_path / "a/whole.npy").read_bytes()
    assert (tmp_path / "a/piecewise.npy").read_bytes() == whole


def test_a_folder_without_columns_is_a_folder(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "a") as writer:
        writer.finish({"empty": True})
    columns, manifest = open_folder(tmp_path / "a")
    assert columns == {}
    assert manifest["empty"] is True


def test_unfinished_folder_is_refused(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "a") as writer:
        writer.add("x", np.arange(3))
    with pytest.raises(IndexFormatError, match=r"manifest\.json"):
        open_folder(tmp_path / "a")


@pytest.mark.parametrize("path", ["missing", "file/inside"])
def test_a_missing_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexFormatError, match=r"got none - at `.*manifest\.json"):
        open_folder(tmp_path / path)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused(damaged: Path, name: str) -> None:
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[:-1])
    with pytest.raises(IndexFormatError, match=f"{name}`$"):
        open_folder(damaged)


@pytest.mark.parametrize("name", FILES)
def test_a_longer_file_is_refused(damaged: Path, name: str) -> None:
    with open(damaged / name, "ab") as file:
        file.write(b"\n")
    with pytest.raises(IndexFormatError, match=f"{name}`$"):
        open_folder(damaged)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    with pytest.raises(IndexFormatError, match=f"got none - at `.*{name}`$"):
        open_folder(damaged)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_refused(damaged: Path, name: str) -> None:
    random = np.random.default_rng(len(name))
    content = bytearray((damaged / name).read_bytes())
    offsets = {0, len(content) - 1, *map(int, random.integers(0, len(content), 40))}
    for offset in sorted(offsets):
        old = content[offset]
        content[offset] ^= int(random.integers(1, 256))
        (damaged / name).write_bytes(content)
        with pytest.raises(IndexFormatError, match=f"{name}`$"):
            open_folder(damaged)
        content[offset] = old
    (damaged / name).write_bytes(content)
    open_folder(damaged)


def test_each_bit_of_the_manifest_counts(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "a") as writer:
        writer.add("x", np.arange(3))
        writer.finish({"note": 1})
    file = tmp_path / "a/manifest.json"
    content = file.read_bytes()
    for offset in range(len(content)):
        for bit in range(8):
            altered = bytearray(content)
            altered[offset] ^= 1 << bit
            file.write_bytes(altered)
            with pytest.raises(IndexFormatError, match=r"manifest\.json`$"):
                open_folder(tmp_path / "a")


def sign(manifest: dict[str, Any]) -> bytes:
    """Give a manifest a right digest, whatever it says."""
    manifest = {key: value for key, value in manifest.items() if key != "digest"}
    body = orjson.dumps(manifest)[:-1]
    digest: bytes = xxhash.xxh3_128_hexdigest(body).encode()
    return body + b',"digest":"' + digest + b'"}\n'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": storage.FORMAT_VERSION + 1}, "newer release"),
        ({"format_version": storage.FORMAT_VERSION - 1}, "older release: build it again"),
        ({"format_version": 0}, "format_version"),
        ({"format_version": "1"}, "format_version"),
        ({"files": None}, "columns"),
        ({"files": {"x": {"size": 128, "dtype": "<i4", "shape": [1]}}}, "column 'x'"),
        ({"files": {"../x": {"size": 132, "dtype": "<i4", "shape": [1]}}}, r"column '\.\./x'"),
        ({"files": {"x": {"size": 136, "dtype": "|O8", "shape": [1]}}}, "column 'x'"),
        ({"files": {"x": {"size": 136, "dtype": "what", "shape": [1]}}}, "what"),
        ({"files": {"x": {"size": 136, "dtype": "<i4", "shape": [-1, -2]}}}, "column 'x'"),
        ({"checksums": "0" * 32}, "altered"),
    ],
)
def test_a_forged_manifest_is_refused(damaged: Path, change: dict[str, Any], message: str) -> None:
    file = damaged / "manifest.json"
    file.write_bytes(sign(orjson.loads(file.read_bytes()) | change))
    with pytest.raises(IndexFormatError, match=message):
        open_folder(damaged)


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b"[]", b"{}", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_none_is_refused(damaged: Path, content: bytes) -> None:
    (damaged / "manifest.json").write_bytes(content)
    with pytest.raises(IndexFormatError, match=r"manifest\.json"):
        open_folder(damaged)


def test_fast_reads_a_sample_and_full_everything(
    sample: Path, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(storage, "FAST_BYTES", 64 * 4096)
    with FolderWriter(damaged / "inner") as writer:
        writer.add("big", np.arange(300_000, dtype=np.float64))
        writer.add("small", np.arange(10))
        writer.finish({})
    file = damaged / "inner/big.npy"
    content = bytearray(file.read_bytes())

    def refused(offset: int, verify: Any) -> bool:
        content[offset] ^= 1
        file.write_bytes(content)
        content[offset] ^= 1
        try:
            open_folder(damaged / "inner", verify=verify)
        except IndexFormatError:
            return True
        return False

    assert refused(0, "fast")
    assert refused(len(content) - 1, "fast")
    offsets = range(2048, len(content), 4096)
    seen = sum(refused(offset, "fast") for offset in offsets)
    assert 40 <= seen <= 64
    assert all(refused(offset, "full") for offset in offsets)

    def verified(offset: int) -> bool:
        content[offset] ^= 1
        file.write_bytes(content)
        content[offset] ^= 1
        with pytest.raises(IndexFormatError, match=r"altered bytes between .*big\.npy"):
            verify_folder(damaged / "inner")
        return True

    assert all(verified(offset) for offset in offsets)
    # What may not be sampled is compared as a whole by any check.
    for offset in offsets:
        content[offset] ^= 1
        file.write_bytes(content)
        content[offset] ^= 1
        with pytest.raises(IndexFormatError, match=r"altered bytes between .*big\.npy"):
            open_folder(damaged / "inner", sampled=["small"])


def test_what_a_disk_does_not_give_is_refused_by_name(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are read before they are mapped: the same from a mapping would be SIGBUS."""

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    for check in (open_folder, verify_folder):
        with pytest.raises(IndexFormatError, match=r"got Input/output error - at `.*\.npy`"):
            check(sample)
    monkeypatch.setattr(os, "preadv", lambda *_: 1)
    with pytest.raises(IndexFormatError, match=r"got fewer, truncated - at `.*\.npy`"):
        verify_folder(sample)


def test_too_many_open_files_say_nothing_of_one(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def fail(path: Path, flags: int) -> int:
        if str(path).endswith(".npy"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match="Too many open files"):
        verify_folder(sample)


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "a.b", "1a", "a\n", "x"])
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    writer = FolderWriter(tmp_path / "a")
    writer.add("x", np.arange(3))
    with pytest.raises(ValueError, match="Expected a new name"):
        writer.add(name, np.arange(3))


@pytest.mark.parametrize(
    "array", [np.array(1), np.array(["a"]), np.array([None]), np.array([1j]), np.zeros(2, "M8[s]")]
)
def test_bad_arrays_are_refused(tmp_path: Path, array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="at column `x`"):
        FolderWriter(tmp_path / "a").add("x", array)


def test_bad_use_is_refused(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="finished"):
        FolderWriter(sample)
    with pytest.raises(ValueError, match="files"):
        FolderWriter(tmp_path / "a").finish({"files": 1})
    with pytest.raises(ValueError, match="verify"):
        open_folder(sample, verify="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fewer dimensions"):
        FolderWriter(tmp_path / "b").add("x", np.zeros((1,) * 40))


def test_a_stream_that_fails_is_no_column(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "a")

    def fail() -> None:
        with writer.stream("x") as column:
            column.write(b"abc")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    writer.finish({})
    assert open_folder(tmp_path / "a")[0] == {}


def test_columns_outlive_the_files(damaged: Path) -> None:
    columns, _ = open_folder(damaged)
    shutil.rmtree(damaged)
    assert columns["big"].sum() == 300_000 * 299_999 / 2
