"""Compiled entry points of the kernel, made before the first query asks for them.

Useful for: `warm`, which `build` and `serve` call, and the functions `Searcher` calls.
Not useful for: the kernels themselves; see `kernel`.
"""

from collections.abc import Callable
from functools import cache
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
from indexes.jit import entry_point
from indexes.pinyin import full_pinyin
from indexes.prepared import Prepared
from indexes.sphere import Place
from indexes.unions import warm as warm_unions
from indexes.vocabulary import warm as warm_vocabulary


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
    columns, ask, scratch = Prepared(empty_columns()), _example_ask(), Prepared(new_scratch(1))
    place = Place(0.0, 0.0, 0.0, 0.0, 0.0)
    none, scores, detail = np.zeros(0, np.int64), np.zeros(0), scratch.value.detail
    sources, asked = Prepared(result_text.empty_sources()), (columns, ask, scratch)
    words = ask.words
    tally = counting.Tally(none, none, none, none, none)
    return Kernels(
        entry_point(kernel.rank, (columns, ask, place, scratch, none, np.zeros((1, 2)))),
        entry_point(counting.count, (columns, ask, place, scratch, tally)),
        entry_point(counting.count_names, (none, counting.Naming(none, none), none, none)),
        entry_point(details.describe, (*asked, none, np.zeros((1, 2)), 0, detail, scores)),
        entry_point(
            result_text.write_results,
            (*asked, sources, none, np.zeros((1, 2)), 0, detail, np.zeros(1, np.uint8)),
        ),
        entry_point(
            postings.note_common,
            (words.docs, words.span, columns.value.level_start, words.below, none),
        ),
    )


def warm(progress: Callable[[str], None] | None = None) -> None:
    """Compile everything a query needs; some seconds the first time, then read from disk."""
    if progress is not None:
        progress("Preparing the search kernels (compiled at the first start, about a minute)")
    kernels()
    suggest_kernels()
    warm_crossings()
    warm_datum()
    warm_vocabulary()
    warm_unions()
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
