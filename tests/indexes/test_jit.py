"""Kernels are compiled once, for exactly their sources, and can run as plain Python."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba import config

from indexes import jit
from indexes.arrays import F64, I64, U8, U32, Bools, F32Matrix, I64Matrix, ReadOnly
from indexes.geo.sphere import haversine_m
from indexes.jit import (
    CACHE_VARIABLE,
    cache_folder,
    called_njit,
    entry_point,
    inline_njit,
    inner_njit,
    int64,
    njit,
    numba_type,
)
from indexes.prepared import Prepared

ROOT = Path(__file__).resolve().parents[2]


@inline_njit
def _double(value: int) -> int:
    return 2 * value


@njit
def _sum_of_doubles(values: I64) -> int:
    total = 0
    for i in range(values.shape[0]):
        total += _double(int64(values[i]))
    return total


def test_a_kernel_computes_what_its_source_says() -> None:
    assert _sum_of_doubles(np.arange(5)) == 20


@inner_njit
def _triple(value: int) -> int:
    return 3 * value


@called_njit
def _nine_times_inside(value: int) -> int:
    return _triple(_triple(value))


@njit
def _nine_times(value: int) -> int:
    return _nine_times_inside(value)


@pytest.mark.skipif(config.DISABLE_JIT, reason="plain Python calls anything")
def test_inner_pieces_are_called_by_kernels_only() -> None:
    for _ in range(2):
        for inner in (_triple, _nine_times_inside):
            with pytest.raises(TypeError, match="Expected a call from a kernel"):
                inner(3)
        assert _nine_times(2) == 18


def test_entry_point_answers_like_the_kernel() -> None:
    entry = entry_point(_sum_of_doubles)
    assert entry(np.arange(7)) == _sum_of_doubles(np.arange(7)) == 42


def test_entry_point_without_compilation_is_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert entry_point(_double) is _double


class Sample(NamedTuple):
    """Every type of a field that a kernel may take."""

    flag: bool
    number: int
    share: float
    bools: Bools
    column: ReadOnly[U32]
    matrix: F32Matrix


class Pair(NamedTuple):
    first: F64
    second: F64


def sample(writeable: bool) -> Sample:
    arrays = np.zeros(3, np.bool_), np.zeros(3, np.uint32), np.zeros((2, 2), np.float32)
    for array in arrays:
        array.flags.writeable = writeable
    arrays[1].flags.writeable = False
    return Sample(True, 1, 0.5, *arrays)


PAIR = Pair(np.zeros(1), np.zeros(1))
HINTS: list[tuple[str, Any, Any]] = [
    ("a number", int, 7),
    ("a column", U8, np.zeros(2, np.uint8)),
    ("a matrix", I64Matrix, np.zeros((2, 2), np.int64)),
    ("fields", Sample, sample(writeable=True)),
    ("read-only fields", ReadOnly[Sample], sample(writeable=False)),
    ("fields of one type", Pair, PAIR),
    ("prepared", Prepared[Pair], Prepared(PAIR)),
]


@pytest.mark.parametrize(("hint", "value"), [h[1:] for h in HINTS], ids=[h[0] for h in HINTS])
def test_annotations_give_the_types_of_values(hint: Any, value: Any) -> None:
    assert numba_type(hint) == numba.typeof(value)


def test_a_read_only_tuple_is_prepared_with_read_only_arrays() -> None:
    prepared: Any = numba_type(Prepared[ReadOnly[Pair]])
    first, second = prepared.kind
    assert not first.mutable
    assert not second.mutable


@pytest.mark.parametrize("hint", [str, list[int], Any])
def test_other_annotations_are_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"^Expected a type for kernels, got .*"):
        numba_type(hint)


@njit
def _clear_first(values: ReadOnly[F64]) -> None:
    values[0] = 0.0


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_kernel_cannot_change_a_read_only_array() -> None:
    with pytest.raises(Exception, match="readonly array"):
        entry_point(_clear_first)


def test_cache_is_where_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_folder().parent == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().parent == tmp_path / "xdg" / "geosearch"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder().parent == tmp_path / "home" / ".cache" / "geosearch"


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the tree's shape, of which the cache folder is asked."""
    for package in ("indexes", "geosearch"):
        (tmp_path / package).mkdir()
    (tmp_path / "indexes" / "kernel.py").write_text("@njit\ndef f(): ...\n")
    (tmp_path / "geosearch" / "callee.py").write_text("from indexes.jit import inline_njit\n")
    (tmp_path / "indexes" / "kinds.py").write_text("from numba.core import types\n")
    (tmp_path / "indexes" / "outline.geojson").write_text("{}\n")
    (tmp_path / "geosearch" / "words.py").write_text("no kernels here\n")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "indexes" / "jit.py"))
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["indexes/kernel.py", "geosearch/callee.py", "indexes/kinds.py", "indexes/outline.geojson"],
)
def test_an_edit_of_any_kernel_source_starts_a_new_cache(sources: Path, name: str) -> None:
    before = cache_folder()
    (sources / name).write_text((sources / name).read_text() + "# edited\n")
    assert cache_folder() != before


def test_other_edits_keep_the_cache(sources: Path) -> None:
    before = cache_folder()
    (sources / "geosearch" / "words.py").write_text("still none\n")
    assert cache_folder() == before


def test_checked_kernels_have_a_cache_of_their_own(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache_folder()
    monkeypatch.setattr(config, "BOUNDSCHECK", 0 if config.BOUNDSCHECK else 1)
    assert cache_folder() != before


def test_installations_share_no_folder(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same sources; the name says whose it is before it says of what."""
    before = cache_folder()
    (sources / "indexes" / "kernel.py").write_text("@njit\ndef g(): ...\n")
    edited = cache_folder()
    assert edited.name.rpartition("-")[0] == before.name.rpartition("-")[0]
    moved = sources.with_name(f"{sources.name}-moved")
    sources.rename(moved)
    monkeypatch.setattr(jit, "__file__", str(moved / "indexes" / "jit.py"))
    assert cache_folder().name.rpartition("-")[2] == edited.name.rpartition("-")[2]
    assert cache_folder().name.rpartition("-")[0] != edited.name.rpartition("-")[0]


def test_kernels_are_noted_as_compiled_for_this_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 0)
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path / "kernels-me-now")
    assert not jit.is_compiled()
    (tmp_path / "kernels-me-now").mkdir()
    jit.mark_compiled()
    assert jit.is_compiled()
    monkeypatch.setattr(config, "CPU_NAME", "another")
    assert not jit.is_compiled()
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert jit.is_compiled(), "nothing is to be compiled"


def test_sources_run_as_plain_python() -> None:
    program = (
        "from indexes.geo.sphere import haversine_m; import types;"
        "assert isinstance(haversine_m, types.FunctionType);"
        "print(f'{haversine_m(31.2304, 121.4737, 31.2397, 121.4998):.9f}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    compiled = f"{haversine_m(31.2304, 121.4737, 31.2397, 121.4998):.9f}\n"
    assert (done.stdout, done.returncode) == (compiled, 0), done.stderr


def started(cache: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python of its own, which keeps kernels in `cache`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {jit.CACHE_VARIABLE: str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_cache_that_cannot_be_written_is_used_if_it_is_whole_and_refused_if_not(
    tmp_path: Path,
) -> None:
    """A file in the place of a folder: root may write to any folder."""
    (tmp_path / "file").write_text("no folder")
    refused = started(tmp_path / "file", "import indexes.jit")
    assert refused.returncode == 1
    assert jit.CACHE_VARIABLE in refused.stderr
    use = "from indexes.geo import hilbert; print(hilbert.hilbert_value(1, 2) >= 0);"
    mark = "import indexes.jit as jit; jit.mark_compiled();"
    locked = (
        "from numba.core.caching import UserProvidedCacheLocator as Own;"
        "Own.ensure_cache_path = lambda self: open('/nowhere/at/all');"
    )
    assert started(tmp_path / "cache", use + mark).stdout == "True\n"
    assert started(tmp_path / "cache", locked + use).stdout == "True\n"
