"""Everything compiled that a query needs, before the first one asks for it.

Useful for: `build` and `serve`, which call it.
Not useful for: the entry points themselves; see `geosearch.kernel.compiled`.
"""

from collections.abc import Callable
from typing import Any

from geosearch.answer.result_text import result_writer
from geosearch.kernel.compiled import kernels, makers
from geosearch.suggest.view import suggest_kernels
from indexes.geo.crossings import warm as warm_crossings
from indexes.geo.datum import warm as warm_datum
from indexes.jit import is_compiled, mark_compiled
from indexes.terms.unions import warm as warm_unions
from indexes.terms.vocabulary import warm as warm_vocabulary
from indexes.text.folding import normalise
from indexes.text.pinyin import full_pinyin

COMPILING = "Compiling the search kernels (once for this version, one to two minutes)"
SHOWN_PERCENT = 3
"""Share of the time from which on a part is worth a message."""


def _parts() -> list[tuple[int, Callable[[], Any]]]:
    """What `warm` makes, each part with its share of the time that all take, in percent."""
    return [
        *zip((52, 10, 1, 0), makers(), strict=True),
        *((12, result_writer), (16, suggest_kernels), (0, warm_crossings), (1, warm_datum)),
        *((5, warm_vocabulary), (3, warm_unions)),
    ]


def warm(progress: Callable[[str], None] | None = None) -> None:
    """Load everything a query needs from disk; compile it first where that was never done.

    Parameters
    ----------
    progress
        Called before each longer part that is compiled, with what is done and how far it is; never
        where all parts are on disk.

    Notes
    -----
    Loading takes 0.4 s. Compiling took one core of two 68 s, or 127 s beside another load. It
    happens once for each version of the sources, and removes what was compiled of versions that
    nobody uses any more.
    """
    compiling, done = not is_compiled(), 0
    for percent, make in _parts():
        if compiling and progress is not None and percent >= SHOWN_PERCENT:
            progress(f"{COMPILING}: {done} % done")
        make()
        done += percent
    kernels()
    if compiling:
        mark_compiled()
    # Dictionaries that the first Chinese query would wait half a second for.
    normalise("馬")
    full_pinyin("重庆")
