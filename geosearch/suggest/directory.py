"""Directory of a segment: every name that can be suggested, its weights and its columns.

Useful for: kinds of names and match kinds with their weights, the columns of a segment, and the
texts of an entry by number.
Not useful for: the entries that begin with typed text (`indexes.names.completions`), or answering
(`suggester`).

An entry is an item of the completions: a shop's name, a brand, a category or a business area.
Shops with the same name share an entry. A brand and the shops with its name share one too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from geosearch.segment.segment import Segment
from indexes.arrays import F64, I64, U8, U32
from indexes.layout import Ascending, Bounded, Column, Facts, Of, below, flat, starts_of
from indexes.names.completion_lists import SortedKeys, build_completions
from indexes.names.completions import (
    COARSE_BITS,
    FINE_BITS,
    MATCH_KIND_BITS,
    Completions,
    Scoring,
    tiles_of,
)
from indexes.names.spellings import INITIALS, SOUND, WRITTEN

Arrays = dict[str, NDArray[Any]]

KINDS: Final = ("merchant", "brand", "category", "area")
MERCHANT, BRAND, CATEGORY, AREA = range(4)

FIRST, LATER, TRANSLATED, OTHER = range(4)
"""Where a key begins: at the name, at a later word of it, at the name in another language, at
another name of the entry."""

# One unit of score is worth twice as many near shops, or the nearest at half the distance.
_KIND_WEIGHT = {
    MERCHANT: 1.0,
    BRAND: 1.0,
    # Every shop has a category and an area. At full weight they would push out all names.
    CATEGORY: 0.75,
    AREA: 0.5,
}
_HOW_WORTH = {
    WRITTEN: 0.0,
    # People type pinyin on the way to characters, so it is nearly as certain as characters.
    SOUND: -0.25,
    # The same few initials fit many names.
    INITIALS: -2.0,
}
_FROM_WORTH = {
    FIRST: 0.0,
    # People begin with the first word. They begin with an alias only if the shop is known by it,
    # and then no other name begins so.
    LATER: -2.0,
    TRANSLATED: 0.0,
    OTHER: -3.0,
}

SCORING: Final = Scoring(
    kind=np.array([_KIND_WEIGHT[kind] for kind in range(len(KINDS))]),
    match_kind=np.array(
        [_FROM_WORTH[origin] + _HOW_WORTH[how] for origin in range(4) for how in range(3)]
    ),
    # Per doubling of ratings and past redemptions.
    popularity=0.25,
    whole=2.0,
    near_m=1_000.0,
)
"""Weights of the score of an entry. A query uses the weights that the segment was built with."""

_PREFIX = "complete_"
_SEPARATOR = "\n"


def match_kind_of(origin: int, how: int) -> int:
    """Row of `Scoring.match_kind` for a key, by where it begins and the kind of its spelling."""
    return 3 * origin + how


class Category(msgspec.Struct, frozen=True, array_like=True):
    """A category: its id, and its names and other names by language; the first name is shown."""

    category_id: str
    names: dict[str, str]
    others: dict[str, list[str]]


class Name(NamedTuple):
    """A name to show, and the other name that the user typed; None if it is the shown one."""

    text: str
    other: str | None


@dataclass(frozen=True, kw_only=True)
class DirectoryRows:
    """The entries of a segment, with merchants by row in any order.

    Attributes
    ----------
    keys
        Completion keys of the entries.
    kind, popularity
        Kind and popularity of each entry; popularity is ratings and past redemptions of its
        merchants.
    entry, row
        Entries and rows of their merchants, each pair once; rows ascend in an entry.
    texts
        Displayed name of each entry.
    others
        Other names by entry, except those of categories.
    categories
        The categories, in the order of their entries.
    """

    keys: SortedKeys
    kind: U8
    popularity: U32
    entry: I64
    row: I64
    texts: list[str]
    others: dict[int, list[str]]
    categories: list[Category]


def no_directory() -> DirectoryRows:
    """`DirectoryRows` without entries."""
    none = np.zeros(0, np.int64)
    bare, numbers = none.astype(np.uint8), none.astype(np.uint32)
    return DirectoryRows(
        keys=SortedKeys(bare, numbers, numbers),
        kind=bare,
        popularity=numbers,
        entry=none,
        row=none,
        texts=[],
        others={},
        categories=[],
    )


def directory_columns(rows: DirectoryRows, order: I64) -> Arrays:
    """Columns of the directory of a segment.

    Parameters
    ----------
    order
        Row of each document, int64[docs].
    """
    docs = len(order)
    doc_of = np.empty(docs, np.int64)
    doc_of[order] = np.arange(docs)
    pairs = np.sort(rows.entry * docs + doc_of[rows.row])
    completions = build_completions(
        rows.keys,
        rows.kind,
        rows.popularity,
        (pairs // max(docs, 1), pairs % max(docs, 1)),
        SCORING,
        docs=docs,
    )
    items = sorted(rows.others)
    encoded = msgspec.msgpack.encode(rows.categories)
    return {
        **{_PREFIX + name: column for name, column in completions._asdict().items()},
        "complete_scoring": _flat(SCORING),
        **_texts("entry_text", rows.texts),
        **_texts("entry_other", [_SEPARATOR.join(rows.others[item]) for item in items]),
        "entry_with_other": np.array(items, np.uint32),
        "entry_category": np.frombuffer(encoded, np.uint8),
    }


def directory_part(whole: Mapping[str, NDArray[Any]], docs: I64) -> Arrays:
    """Columns of the directory of some documents of a segment; all entries and keys stay.

    An entry keeps its popularity everywhere.

    Parameters
    ----------
    whole
        Columns of the segment.
    docs
        Documents, ascending; they become documents 0, 1 and so on.
    """
    start = whole["complete_item_start"].astype(np.int64)
    item = np.repeat(np.arange(len(start) - 1), np.diff(start))
    held = whole["complete_item_docs"]
    number = np.full(len(whole["doc_by_id"]), -1, np.int64)
    number[docs] = np.arange(len(docs))
    new = number[held]
    kept = new >= 0
    # Copies: the build compiles its loops for arrays that can be written.
    keys = (whole[f"complete_key_{name}"].copy() for name in SortedKeys._fields)
    completions = build_completions(
        SortedKeys(*keys),
        whole["complete_item_kind"].copy(),
        whole["complete_item_popularity"].copy(),
        (item[kept], new[kept]),
        SCORING,
        docs=len(docs),
    )
    own = {_PREFIX + name: column for name, column in completions._asdict().items()}
    return {name: own[name] if name in own else whole[name] for name in DIRECTORY_COLUMNS}


def _flat(scoring: Scoring) -> F64:
    single = (scoring.popularity, scoring.whole, scoring.near_m)
    return np.concatenate([scoring.kind, scoring.match_kind, single])


def _texts(name: str, texts: list[str]) -> Arrays:
    """Columns of texts: UTF-8 in one blob, and starts, uint32[n + 1]."""
    pieces = [text.encode() for text in texts]
    start = np.zeros(len(pieces) + 1, np.uint32)
    start[1:] = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    return {name: np.frombuffer(b"".join(pieces), np.uint8), f"{name}_start": start}


class _Ways:
    """Rule: the lowest bits of a key are a match kind with a weight."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        if not len(column):
            return ""
        kinds = column & np.uint32((1 << MATCH_KIND_BITS) - 1)
        return below(len(SCORING.match_kind)).broken(kinds, facts)


class _EndedKeys:
    """Rule: the last key ends with a zero, so that no reader of a key runs past the column."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        return "Expected a zero at the end, got none" if len(column) and column[-1] else ""


class _Scoring:
    """Rule: the last weight is a distance above 0, because scores divide by it."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        fine = len(column) and column[-1] > 0.0
        return "" if fine else f"Expected a distance above 0, got {column[-1:].tolist()}"


DIRECTORY_COLUMNS: dict[str, Column] = {
    "complete_key_text": flat(np.uint8, "complete_key_text", _EndedKeys()),
    "complete_key_start": flat(np.uint32, "keys", below("complete_key_text")),
    "complete_key_item": flat(np.uint32, "keys", below(Of("items", 1 << MATCH_KIND_BITS)), _Ways()),
    "complete_item_kind": flat(np.uint8, "items", below(len(KINDS))),
    "complete_item_popularity": flat(np.uint32, "items"),
    "complete_item_bound": flat(np.float32, "items", Bounded(finite=True)),
    "complete_item_start": starts_of(np.uint32, "items", "complete_item_docs"),
    "complete_item_docs": flat(np.uint32, "complete_item_docs", below("docs")),
    "complete_list_range": flat(np.int64, "complete_list_range", Ascending()),
    "complete_list_start": starts_of(np.uint32, "lists", "complete_list_key"),
    "complete_list_key": flat(np.uint32, "complete_list_key", below("keys")),
    "complete_scoring": flat(
        np.float64,
        len(SCORING.kind) + len(SCORING.match_kind) + 3,
        Bounded(finite=True),
        _Scoring(),
    ),
    "entry_text": flat(np.uint8, "entry_text"),
    "entry_text_start": starts_of(np.uint32, "items", "entry_text"),
    "entry_other": flat(np.uint8, "entry_other"),
    "entry_other_start": starts_of(np.uint32, "entry_with_other", "entry_other"),
    "entry_with_other": flat(np.uint32, "entry_with_other", below("items"), Ascending()),
    "entry_category": flat(np.uint8, "entry_category"),
}
"""Types and rules of the columns of the directory; see `geosearch.segment.layout`."""


class DirectorySizes:
    """Named sizes of `DIRECTORY_COLUMNS`.

    Parameters
    ----------
    docs
        Number of documents of the segment.
    rows
        Length of a column by name.
    """

    def __init__(self, docs: int, rows: Callable[[str], int]) -> None:
        self.docs = docs
        self._rows = rows

    @property
    def keys(self) -> int:
        """Number of completion keys."""
        return self._rows("complete_key_item")

    @property
    def items(self) -> int:
        """Number of entries."""
        return self._rows("complete_item_kind")

    @property
    def lists(self) -> int:
        """Number of lists of the best entries of a tile."""
        tiles = tiles_of(self.docs, FINE_BITS) + tiles_of(self.docs, COARSE_BITS)
        return self._rows("complete_list_range") * tiles


def open_directory(segment: Segment) -> "Directory":
    """The directory of a segment.

    Raises
    ------
    BadData
        A column of it is missing, or breaks a rule of `DIRECTORY_COLUMNS`.
    """
    return Directory(segment.part(DIRECTORY_COLUMNS, DirectorySizes(len(segment), segment.rows)))


class Directory:
    """The entries of one segment.

    Parameters
    ----------
    arrays
        Columns of the segment.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.completions = Completions(*(arrays[_PREFIX + name] for name in Completions._fields))
        """The columns for kernels."""
        weights = arrays["complete_scoring"]
        kind, match_kind, rest = np.split(weights, [len(SCORING.kind), len(weights) - 3])
        self.scoring = Scoring(kind, match_kind, *rest.tolist())
        """The weights that the segment was built with."""
        self._arrays = arrays
        # A memoryview gives single items three times as fast as an array.
        self._kind = self.completions.item_kind.data
        self._popularity = self.completions.item_popularity.data
        self._text, self._text_start = arrays["entry_text"].data, arrays["entry_text_start"].data

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._kind)

    def kind(self, item: int) -> int:
        """Kind of an entry: an index of `KINDS`."""
        return self._kind[item]

    def popularity(self, item: int) -> int:
        """Popularity of an entry: ratings and past redemptions of its shops."""
        return self._popularity[item]

    def text(self, item: int) -> str:
        """Displayed name of an entry."""
        start = self._text_start
        return str(self._text[start[item] : start[item + 1]], "utf-8")

    def identity(self, item: int) -> str:
        """Id of an entry in answers: the id of a category, the name of any other entry."""
        if self._kind[item] == CATEGORY:
            return self._categories[item].category_id
        return self.text(item)

    def category_names_of(self, item: int) -> dict[str, str]:
        """Names of a category entry by language."""
        return self._categories[item].names

    def names(self, item: int) -> Iterator[Name]:
        """Every name of an entry, the displayed one first.

        Another name of a category comes with the category's name in its language.
        """
        if self._kind[item] != CATEGORY:
            text = self.text(item)
            yield Name(text, None)
            for other in self._others(item):
                yield Name(text, other)
            return
        category = self._categories[item]
        for text in category.names.values():
            yield Name(text, None)
        first = next(iter(category.names.values()))
        for language, others in category.others.items():
            for other in others:
                yield Name(category.names.get(language, first), other)

    def category_names(self, paths: Sequence[str]) -> Iterator[str]:
        """Names and other names of categories and of their ancestors."""
        for path in paths:
            parts = path.split(".")
            for size in range(len(parts), 0, -1):
                category = self._by_path.get(".".join(parts[:size]))
                if category is not None:
                    yield from category.names.values()
                    yield from (name for names in category.others.values() for name in names)

    @cached_property
    def _by_path(self) -> dict[str, Category]:
        return {category.category_id: category for category in self._categories.values()}

    def _others(self, item: int) -> list[str]:
        items = self._arrays["entry_with_other"]
        row = int(np.searchsorted(items, item))
        if row == len(items) or items[row] != item:
            return []
        start = self._arrays["entry_other_start"]
        piece = self._arrays["entry_other"][int(start[row]) : int(start[row + 1])]
        return piece.tobytes().decode().split(_SEPARATOR)

    @cached_property
    def _categories(self) -> dict[int, Category]:
        items = np.flatnonzero(self.completions.item_kind == CATEGORY).tolist()
        content = self._arrays["entry_category"].tobytes()
        found = msgspec.msgpack.decode(content, type=list[Category])
        return dict(zip(items, found, strict=True))
