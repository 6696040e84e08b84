"""Compiled entry points of the kernel, made before the first query asks for them.

Useful for: `warm`, which `build` and `serve` call, and the functions `Searcher` calls.
Not useful for: the kernels themselves; see `kernel`.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from geosearch import counting, details, kernel, result_text
from geosearch.columns import (
    Area,
    Ask,
    Bill,
    Columns,
    Filter,
    Hours,
    Lists,
    Page,
    Taste,
    Wallet,
    Words,
    column_types,
    new_scratch,
)
from geosearch.directory_view import suggest_kernels
from indexes import postings
from indexes.crossings import warm as warm_crossings
from indexes.datum import warm as warm_datum
from indexes.folding import normalise
from indexes.jit import entry_point, is_compiled, note_compiled
from indexes.pinyin import full_pinyin
from indexes.prepared import Prepared
from indexes.sphere import Place
from indexes.unions import warm as warm_unions
from indexes.vocabulary import warm as warm_vocabulary

COMPILING = "Compiling the search kernels (once for this version, one to two minutes)"
SHOWN_PERCENT = 3
"""Share of the time from which on a part is worth a message."""


class Kernels(NamedTuple):
    """Compiled functions of the modules imported above, by name."""

    rank: Callable[..., int]
    count: Callable[..., int]
    count_names: Callable[..., int]
    describe: Callable[..., int]
    write_results: Callable[..., int]
    note_common: Callable[..., int]


@cache
def kernels() -> Kernels:
    """Entry points for the column types of every segment; compiled once a process, kept on disk."""
    return Kernels(*(make() for make in _makers()))


def _makers() -> tuple[Callable[[], Callable[..., Any]], ...]:
    """What makes each of `Kernels`; a second time it has them already."""
    columns, ask, scratch = Prepared(empty_columns()), _example_ask(), Prepared(new_scratch(1))
    place = Place(0.0, 0.0, 0.0, 0.0, 0.0)
    none, scores, detail = np.zeros(0, np.int64), np.zeros(0), scratch.value.detail
    sources, asked = Prepared(result_text.empty_sources()), (columns, ask, scratch)
    words = ask.words
    tally = counting.Tally(none, none, none, none, none)
    return (
        _maker(kernel.rank, columns, ask, place, scratch, none, np.zeros((1, 2))),
        _maker(counting.count, columns, ask, place, scratch, tally),
        _maker(counting.count_names, none, counting.Naming(none, none), none, none),
        _maker(details.describe, *asked, none, np.zeros((1, 2)), 0, detail, scores),
        _maker(
            result_text.write_results,
            *(*asked, sources, none, np.zeros((1, 2)), 0, detail, np.zeros(1, np.uint8)),
        ),
        _maker(
            postings.note_common,
            *(words.docs, words.span, columns.value.level_start, words.below, none),
        ),
    )


def _parts() -> list[tuple[int, Callable[[], Any]]]:
    """What `warm` makes, each part with its share of the time that all take, in percent."""
    return [
        *zip((52, 10, 1, 4, 8, 0), _makers(), strict=True),
        *((16, suggest_kernels), (0, warm_crossings), (1, warm_datum)),
        *((5, warm_vocabulary), (3, warm_unions)),
    ]


def _maker(function: Any, *arguments: Any) -> Callable[[], Callable[..., Any]]:
    return partial(entry_point, function, arguments)


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
        note_compiled()
    # Dictionaries that the first Chinese query would wait half a second for.
    normalise("馬")
    full_pinyin("重庆")


def empty_columns() -> Columns:
    """Columns of no document, read-only like those of an opened segment."""
    columns: dict[str, Any] = {}
    for name, (dtype, dimensions) in column_types().items():
        columns[name] = np.zeros((1,) * dimensions, dtype)
        columns[name].flags.writeable = False
    return Columns(**columns)


def _example_ask() -> Ask:
    """An `Ask` of the right types; its values are never used."""
    docs, flags = np.zeros(1, np.uint32), np.zeros(1, np.uint8)
    spans, weights, below = np.zeros((1, 2), np.int64), np.zeros(1), np.zeros(1, np.uint16)
    return Ask(
        Hours(0, 0, 0, 0, 0),
        Wallet(0, np.zeros(1, np.uint64), flags, np.zeros(1, np.int64)),
        Bill(False, 0, 0),
        Taste(np.zeros(2, np.uint64), flags, 0),
        Area(False, 0, 0, 0, 0, np.zeros((1, 5)), 0, 0, 0, 0, 0),
        Lists(False, docs, False, docs, 0),
        Words(docs, flags, flags, spans, weights, 0, 0, 0.0, below),
        Page(0, 0.0, 0, False, 0.0, 0.0, 0),
        Filter(docs, np.zeros(1)),
    )
