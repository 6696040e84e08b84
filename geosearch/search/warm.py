"""Compile or load everything that a query needs, before the first query asks for it.

Compiling happens once for each version of the sources. Two processes share it where there are two
cores: ranking and near misses take a quarter of the time each, one in either process.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from geosearch.answer.result_text import result_writer
from geosearch.kernel.block import block_kernels
from geosearch.kernel.cells import cell_kernels
from geosearch.kernel.compiled import kernels, makers, near_kernels, near_makers
from geosearch.kernel.gains import gain_kernels
from geosearch.search.cores import usable_cores
from geosearch.segment.id_search import id_finder
from geosearch.suggest.view import suggest_kernels
from indexes.geo.crossings import warm as warm_crossings
from indexes.geo.datum import warm as warm_datum
from indexes.jit import CACHE_FOLDER, is_compiled, mark_compiled
from indexes.terms.unions import warm as warm_unions
from indexes.terms.vocabulary import warm as warm_vocabulary
from indexes.text.folding import normalise
from indexes.text.pinyin import full_pinyin

COMPILING = "Compiling the search (once for this version, about a minute)"

_OWN = 4
"""Parts that this process compiles; another one compiles the rest, in about as much time."""

Progress = Callable[[str], None]


class Part(NamedTuple):
    """Some of the kernels."""

    name: str
    percent: int
    """Share of the time that all take."""
    makers: tuple[Callable[[], Any], ...]

    def make(self) -> None:
        """Load them, or compile them."""
        for maker in self.makers:
            maker()


def _parts() -> list[Part]:
    rank, count, names, common = makers()
    misses, judge, before, fixes = near_makers()
    return [
        Part("ranking", 24, (rank,)),
        Part("reasons", 8, (judge, before)),
        Part("counting", 9, (count,)),
        Part("blocks", 8, (block_kernels,)),
        Part("near misses", 27, (misses, fixes)),
        Part("results", 8, (result_writer,)),
        Part("suggestions", 8, (suggest_kernels,)),
        Part("studies", 2, (gain_kernels, cell_kernels)),
        Part("facets", 1, (names,)),
        Part("words", 2, (warm_vocabulary,)),
        Part("ids", 1, (id_finder,)),
        Part("lists of words", 1, (common, warm_unions)),
        Part("positions", 1, (warm_datum, warm_crossings)),
    ]


def warm(progress: Progress | None = None) -> None:
    """Load everything a query needs from disk; compile it first where that was never done.

    Parameters
    ----------
    progress
        Called with what was compiled and how far compiling is; never where all is on disk. It may
        be called from another thread.

    Notes
    -----
    Loading takes 0.4 s. Compiling takes some 50 s on two cores, 90 s on one. It also removes
    what was compiled for versions that nobody uses any more.
    """
    parts = _parts()
    compiling = not is_compiled()
    if compiling:
        done = _Done(parts, progress or (lambda message: None))
        with _others_beside(done):
            for part in parts[:_OWN]:
                part.make()
                done(part.name)
    for part in parts:  # loads what was compiled, and compiles what the other process did not
        part.make()
    kernels()
    near_kernels()
    # Dictionaries that the first Chinese query would wait half a second for.
    normalise("馬")
    full_pinyin("重庆")
    if compiling:
        mark_compiled()


class _Done:
    """Reports how far compiling is, part by part."""

    def __init__(self, parts: list[Part], progress: Progress) -> None:
        self._left = {part.name: part.percent for part in parts}
        self._progress = progress
        self._lock = threading.Lock()
        progress(f"{COMPILING}: 0 % done")

    def __call__(self, name: str) -> None:
        """Report that a part is compiled."""
        with self._lock:
            if self._left.pop(name, None) is None:
                return
            percent = 100 - sum(self._left.values())
            self._progress(f"{COMPILING}: {percent} % done, {name} compiled")


@contextmanager
def _others_beside(done: _Done) -> Iterator[None]:
    """Compile all parts but the first ones in another process, where another core may run it.

    What it compiles comes back by way of the disk.
    """
    other = _start_other() if usable_cores() > 1 and os.access(CACHE_FOLDER, os.W_OK) else None
    if other is None:
        yield
        return

    def listen() -> None:
        assert other.stdout is not None
        for line in other.stdout:
            done(line.strip())

    with other:
        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
            listener.join()
        finally:
            other.terminate()


def _start_other() -> subprocess.Popen[str] | None:
    """Start `compile_others` in another process; None if the system does not let us.

    It imports from where this process does, and from no other folder (`-P`).
    """
    command = [sys.executable, "-P", "-m", "geosearch.search.warm"]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=os.environ | {"PYTHONPATH": path}
        )
    except OSError:
        return None


def compile_others() -> None:
    """Compile all parts but the first ones; print the name of each."""
    for part in _parts()[_OWN:]:
        part.make()
        print(part.name, flush=True)


def _end_with_parent() -> None:
    """End this process when the one that started it closes our input, as its own end does."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent gets it too, and ends.
    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    with suppress(BrokenPipeError):
        compile_others()
