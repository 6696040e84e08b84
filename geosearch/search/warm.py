"""Compile or load everything that a query needs, before the first query asks for it.

Compiling happens once for each version of the sources. Two processes share it where there are two
cores: ranking takes half of the time, so it has a process of its own.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from geosearch.answer.result_text import result_writer
from geosearch.kernel.compiled import kernels, makers
from geosearch.suggest.view import suggest_kernels
from indexes.geo.crossings import warm as warm_crossings
from indexes.geo.datum import warm as warm_datum
from indexes.jit import CACHE_FOLDER, is_compiled, mark_compiled
from indexes.terms.unions import warm as warm_unions
from indexes.terms.vocabulary import warm as warm_vocabulary
from indexes.text.folding import normalise
from indexes.text.pinyin import full_pinyin

COMPILING = "Compiling the search (once for this version, about a minute)"

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
    return [
        Part("ranking", 52, (rank,)),
        Part("suggestions", 16, (suggest_kernels,)),
        Part("results", 12, (result_writer,)),
        Part("counting", 10, (count,)),
        Part("facets", 1, (names,)),
        Part("words", 5, (warm_vocabulary,)),
        Part("lists of words", 3, (common, warm_unions)),
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
    Loading takes 0.4 s. Compiling takes 42 s on two quiet cores, 69 s on one. It also removes what
    was compiled for versions that nobody uses any more.
    """
    parts = _parts()
    compiling = not is_compiled()
    if compiling:
        done = _Done(parts, progress or (lambda message: None))
        with _others_beside(done):
            parts[0].make()
            done(parts[0].name)
    for part in parts:  # loads what was compiled, and compiles what the other process did not
        part.make()
    kernels()
    if compiling:
        mark_compiled()
    # Dictionaries that the first Chinese query would wait half a second for.
    normalise("馬")
    full_pinyin("重庆")


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
            self._left.pop(name, None)
            percent = 100 - sum(self._left.values())
            self._progress(f"{COMPILING}: {percent} % done, {name} compiled")


@contextmanager
def _others_beside(done: _Done) -> Iterator[None]:
    """Compile all parts but the first in another process, where another core may run it.

    What it compiles comes back by way of the disk.
    """
    if len(os.sched_getaffinity(0)) < 2 or not os.access(CACHE_FOLDER, os.W_OK):
        yield
        return
    command = [sys.executable, "-m", "geosearch.search.warm"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as other:

        def listen() -> None:
            assert other.stdout is not None
            for line in other.stdout:
                done(line.strip())

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
            listener.join()
        finally:
            other.terminate()


def compile_others() -> None:
    """Compile all parts but the first; print the name of each."""
    for part in _parts()[1:]:
        part.make()
        print(part.name, flush=True)


if __name__ == "__main__":
    compile_others()
