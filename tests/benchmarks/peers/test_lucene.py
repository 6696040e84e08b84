"""Lucene answers as plain loops do, and is gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import Missing, PeerQuestion, install, lucene
from benchmarks.peers.lucene import Lucene
from tests.benchmarks.peers.agreement import (
    assert_agrees,
    assert_agrees_at_the_edge,
    assert_agrees_in_small_circles,
    assert_nothing_is_left,
    assert_words_need_texts,
    built,
    matches,
    table,
)

MADE = table()

# A process of its own: it builds the peer, says its process id, and is killed.
_OWNER = """
import os, signal, sys
from pathlib import Path
from benchmarks.peers.lucene import Lucene
from tests.benchmarks.peers.agreement import table
print(Lucene(table(50), Path(sys.argv[1])).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lucene]:
    made = built(Lucene, MADE, tmp_path_factory.mktemp("lucene"))
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the library and without a program."""
    if shutil.which("javac") is None or not lucene.jar_file().exists():
        pytest.skip("needs a JDK and Lucene")
    jar = lucene.jar_file()
    monkeypatch.setattr(lucene, "CACHE", tmp_path / "cache")
    lucene.CACHE.mkdir()
    lucene.jar_file().symlink_to(jar)
    return lucene.CACHE


def test_agrees_with_loops(peer: Lucene) -> None:
    assert_agrees(peer, MADE, least=60)


def test_agrees_where_the_circle_is_small(peer: Lucene) -> None:
    assert_agrees_in_small_circles(peer, MADE)


def test_circle_that_ends_at_a_shop(peer: Lucene) -> None:
    assert_agrees_at_the_edge(peer, MADE, off_m=1e-4)


def test_polygon_that_ends_a_millimetre_beside_a_shop(peer: Lucene) -> None:
    for row in range(0, len(MADE), 60):
        lat, lng = float(MADE.lat[row]), float(MADE.lng[row])
        for off in (-1e-8, 1e-8):
            east, north = lng + off, lat + off
            ring = ((east, north), (east + 0.01, north), (east + 0.01, north + 0.01),
                    (east, north + 0.01))  # fmt: skip
            asked = PeerQuestion(lat, lng, polygon=ring, counted=True, limit=3_000)
            right = matches(MADE, asked)
            found = peer.ask(asked)
            assert sorted(found.rows) == right
            assert found.total == len(right)
            assert (row in right) == (off < 0)


def test_words_need_texts(peer: Lucene) -> None:
    assert_words_need_texts(peer)


def test_says_what_it_is(peer: Lucene) -> None:
    assert peer.version == lucene.VERSION
    assert peer.size() > len(MADE) * 20


def test_nothing_is_left(tmp_path: Path) -> None:
    made = built(Lucene, table(50), tmp_path)
    assert_nothing_is_left(made, tmp_path, made.pid)


def test_says_that_the_program_has_ended(tmp_path: Path) -> None:
    made = built(Lucene, table(50), tmp_path)
    os.kill(made.pid, signal.SIGKILL)
    with pytest.raises((RuntimeError, BrokenPipeError)):
        made.ask(PeerQuestion(31.23, 121.47))
    made.close()
    assert not list(tmp_path.iterdir())


def test_gone_with_its_owner(tmp_path: Path, peer: Lucene) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _OWNER, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert told.returncode == -signal.SIGKILL, told.stderr
    end = time.monotonic() + 120
    while _runs(int(told.stdout)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(int(told.stdout))


def _runs(process: int) -> bool:
    """Whether it runs; a zombie that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_compiled_again_when_the_source_changed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lucene.compiled()
    assert (before / "LuceneShops.class").exists()
    changed = tmp_path / lucene.SOURCE.name
    changed.write_text(lucene.SOURCE.read_text("utf-8") + "// More.\n", "utf-8")
    monkeypatch.setattr(lucene, "SOURCE", changed)
    assert lucene.compiled() != before
    assert sorted(path.is_dir() for path in cache.iterdir()) == [False, True, True]
    changed.write_text("public class", "utf-8")
    with pytest.raises(RuntimeError, match=r"LuceneShops\.java"):
        lucene.compiled()
    assert "failed" in lucene.install()
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(Missing, match="Maven"):
        lucene.compiled()


def test_missing_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lucene, "CACHE", tmp_path / "cache")
    with pytest.raises(Missing, match="Maven"):
        Lucene(MADE, tmp_path)


def test_install_says_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    assert lucene.install() == f"lucene: {lucene.VERSION} is installed"
    lucene.jar_file().unlink()
    monkeypatch.setattr(install, "run", lambda command: "failed, no network")
    assert lucene.install() == "lucene: failed, no network"
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "mvn" else name)
    assert lucene.install() == "lucene: cannot be installed here, no mvn"
