"""From a snapshot's frames to the names that are suggested, and the keys they are typed by.

Useful for: `build`.
Not useful for: asking; see `geosearch.suggest`.
"""

import gc
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from geosearch.build.rows import numbered
from geosearch.catalogue import prefixes
from geosearch.columns import I64, U32
from geosearch.directory import (
    AREA,
    BRAND,
    CATEGORY,
    FIRST,
    LATER,
    MERCHANT,
    OTHER,
    SCORING,
    TRANSLATED,
    Category,
    DirectoryRows,
    way_of,
)
from indexes.completion_lists import SortedKeys
from indexes.completions import WAY_BITS
from indexes.spellings import (
    MAX_LETTERS,
    MAX_STARTS,
    WRITTEN,
    Spelling,
    spellings,
    typed_form,
)

MAX_OTHERS = 8
"""Other names that a shop's name or a brand can be typed by."""

_LIST_SEPARATOR = "\x1f"
_MOST_FAME = (1 << 32) - 1


class _Entry:
    """An entry in the making. Of several ways to write a name the most frequent is shown."""

    __slots__ = ("kind", "number", "others", "rows", "spelled", "text", "translated")

    def __init__(self, kind: int, text: str, spelled: list[Spelling], rows: int) -> None:
        self.kind, self.text, self.spelled, self.rows = kind, text, spelled, rows
        self.translated: list[list[Spelling]] = []
        self.others: dict[str, list[Spelling]] = {}
        self.number = -1


class _Column(NamedTuple):
    """A column by number, and the entries of each number: none for a text nobody can type."""

    number: U32  # [rows]
    entries: list[list[_Entry]]


def directory_rows(merchants: pl.DataFrame, categories: pl.DataFrame | None) -> DirectoryRows:
    """Names, brands, categories and areas of merchants, and what they are typed by.

    Parameters
    ----------
    merchants
        Those that are indexed.
    categories
        The snapshot's, None where it has none. A category that it does not name is called by the
        end of its path.
    """
    # Millions of small objects are made that hold no cycles: looking for some is half the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _directory_rows(merchants, categories)
    finally:
        if collects:
            gc.enable()


def _directory_rows(merchants: pl.DataFrame, categories: pl.DataFrame | None) -> DirectoryRows:
    shops: dict[str, _Entry] = {}
    areas: dict[str, _Entry] = {}
    # Brands first: a name that is also a brand is that brand.
    columns = [
        _column(merchants["brand"], BRAND, shops),
        _column(merchants["name"], MERCHANT, shops),
        _column(merchants["business_area"], AREA, areas),
    ]
    _add_aliases(merchants, columns[1])
    sets, held = _category_sets(merchants)
    named = _categories(categories, sorted({path for paths in held for path in paths}))
    of_path = {path: _category_entry(category) for path, category in named.items()}
    columns.append(_Column(sets, [[of_path[path] for path in paths] for paths in held]))
    entries = [*shops.values(), *areas.values(), *of_path.values()]
    entries.sort(key=lambda entry: (entry.spelled[0].source, entry.kind, entry.text))
    for number, entry in enumerate(entries):
        entry.number = number
    numbers, row = _pairs(columns)
    by_number = {of_path[path].number: category for path, category in named.items()}
    return DirectoryRows(
        keys=_keys(entries),
        kind=np.array([entry.kind for entry in entries], np.uint8),
        fame=_fame(merchants, numbers, row, len(entries)),
        entry=numbers,
        row=row,
        texts=[entry.text for entry in entries],
        others={
            entry.number: list(entry.others)
            for entry in entries
            if entry.others and entry.kind != CATEGORY
        },
        categories=[by_number[number] for number in sorted(by_number)],
    )


def _column(texts: pl.Series, kind: int, known: dict[str, _Entry]) -> _Column:
    """Entries of the distinct texts of a column; adds to `known`, by what they are equal by."""
    number, distinct = numbered(texts.fill_null(""))
    rows = np.bincount(number, minlength=len(distinct)).tolist()
    found: list[list[_Entry]] = []
    for text, count in zip(distinct, rows, strict=True):
        spelled = spellings(text)
        if not spelled:
            found.append([])
            continue
        entry = known.get(spelled[0].source)
        if entry is None:
            entry = known[spelled[0].source] = _Entry(kind, text, spelled, count)
        elif entry.kind == kind and (-count, text) < (-entry.rows, entry.text):
            entry.text, entry.spelled, entry.rows = text, spelled, count
        found.append([entry])
    return _Column(number, found)


def _add_aliases(merchants: pl.DataFrame, names: _Column) -> None:
    """Add the aliases of the shops of a name, but for those that are typed like the name."""
    pairs = (
        merchants.select(pl.Series("number", names.number), "aliases")
        .explode("aliases")
        .drop_nulls()
        .unique(maintain_order=True)
    )
    for number, alias in pairs.iter_rows():
        for entry in names.entries[number]:
            if len(entry.others) < MAX_OTHERS and not _is_typed_like(entry, alias):
                entry.others[alias] = spellings(alias)


def _is_typed_like(entry: _Entry, alias: str) -> bool:
    """Whether what is typed for an alias is typed for the entry anyway, or nothing is."""
    # Most aliases are a half of a name in two languages; no need to spell them out.
    if entry.text.startswith(alias) or (
        len(entry.text) <= MAX_LETTERS
        and entry.text.count(" ") < MAX_STARTS
        and f" {alias}" in entry.text
    ):
        return True
    typed = typed_form(alias)
    return not typed or any(
        one.source.startswith(typed, one.start)
        for spelled in (entry.spelled, *entry.others.values())
        for one in spelled
        if one.how == WRITTEN
    )


def _category_sets(merchants: pl.DataFrame) -> tuple[U32, list[list[str]]]:
    """Number of the categories of each row, and the paths and prefixes each number stands for."""
    number, distinct = numbered(merchants["categories"].list.join(_LIST_SEPARATOR).fill_null(""))
    held = [
        sorted({prefix for path in text.split(_LIST_SEPARATOR) for prefix in prefixes(path)})
        if text
        else []
        for text in distinct
    ]
    return number, held


def _categories(table: pl.DataFrame | None, paths: list[str]) -> dict[str, Category]:
    rows = {} if table is None else {row["category_id"]: row for row in table.iter_rows(named=True)}
    found = {}
    for path in paths:
        row = rows.get(path, {})
        names = {
            language: name
            for language, name in _by_language(row.get("names")).items()
            if spellings(name)
        }
        plain = path.rpartition(".")[2].replace("_", " ")
        found[path] = Category(path, names or {"en": plain}, _by_language(row.get("aliases")))
    return found


def _by_language(text: str | None) -> dict[str, Any]:
    """A JSON object by language: Chinese first, then English, then the others."""
    found: dict[str, Any] = orjson.loads(text) if text else {}
    order = {"zh": 0, "en": 1}
    ranked = sorted(found, key=lambda language: order.get(language[:2].lower(), len(order)))
    return {language: found[language] for language in ranked}


def _category_entry(category: Category) -> _Entry:
    first, *more = category.names.values()
    # A path without any letter or digit is typed as it stands, that is, not at all.
    spelled = spellings(first) or [Spelling(category.category_id, 0, WRITTEN, False)]
    entry = _Entry(CATEGORY, first, spelled, 0)
    entry.translated = [spellings(name) for name in more]
    entry.others = {
        other: spellings(other) for others in category.others.values() for other in others
    }
    return entry


def _pairs(columns: list[_Column]) -> tuple[I64, I64]:
    """Numbers of entries and rows that belong together, ascending, each pair once."""
    rows = len(columns[0].number)
    pairs = [np.zeros(0, np.int64)]
    for column in columns:
        size = np.array([len(entries) for entries in column.entries], np.int64)
        numbers = np.array([one.number for entries in column.entries for one in entries], np.int64)
        sizes = size[column.number]
        row = np.repeat(np.arange(rows), sizes)
        # Entry e of a row is entry e of the row's number.
        first = np.repeat((np.cumsum(size) - size)[column.number], sizes)
        entry = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        pairs.append(numbers[first + entry] * rows + row)
    found = np.sort(np.concatenate(pairs))
    found = found[np.diff(found, prepend=-1) > 0]
    return found // max(rows, 1), found % max(rows, 1)


def _fame(merchants: pl.DataFrame, number: I64, row: I64, entries: int) -> U32:
    """Ratings and past redemptions of the shops of each entry."""
    known = merchants.select(
        pl.col("rating_count").cast(pl.Float64).fill_null(0.0)
        + pl.col("redemptions_ok").cast(pl.Float64).fill_null(0.0)
    ).to_series()
    fame = np.bincount(number, weights=known.to_numpy()[row], minlength=entries)
    return np.minimum(fame, _MOST_FAME).astype(np.uint32)


def _keys(entries: list[_Entry]) -> SortedKeys:
    """Sorted keys of all entries."""
    sources: list[str] = []
    source: list[int] = []
    start: list[int] = []
    value: list[int] = []
    for entry in entries:
        base = entry.number << WAY_BITS
        for origin, spelled in _spelled(entry):
            for text, at, how, inside in spelled:
                if not sources or sources[-1] is not text:
                    sources.append(text)
                source.append(len(sources) - 1)
                start.append(at)
                value.append(base | _WAYS[origin][inside][how])
    texts = pl.Series(sources, dtype=pl.String)
    size = texts.str.len_bytes().to_numpy().astype(np.int64) + 1
    columns = {
        "source": np.array(source, np.int64),
        "start": np.array(start, np.int64),
        "value": np.array(value, np.int64),
    }
    keys = pl.DataFrame(columns)
    value_of = keys["value"].to_numpy()
    keys = keys.with_columns(
        text=texts.gather(keys["source"]).str.slice(keys["start"]),
        entry=value_of >> WAY_BITS,
        worth=SCORING.way[value_of & ((1 << WAY_BITS) - 1)],
    )
    # One key an entry and text: the way that is worth most.
    keys = keys.sort("text", "entry", "worth", "value", descending=[False, False, True, False])
    again = (keys["text"] == keys["text"].shift()) & (keys["entry"] == keys["entry"].shift())
    keys = keys.filter(~again.fill_null(False))
    end = np.cumsum(size) - 1
    at = end[keys["source"].to_numpy()] - keys["text"].str.len_bytes().to_numpy()
    content = "\0".join([*sources, ""]).encode()
    return SortedKeys(
        np.frombuffer(content, np.uint8),
        at.astype(np.uint32),
        keys["value"].to_numpy().astype(np.uint32),
    )


_WAYS = [
    [
        [way_of(LATER if inside and origin != OTHER else origin, how) for how in range(3)]
        for inside in (False, True)
    ]
    for origin in range(4)
]
"""Way of a key: by where its name stands, whether it begins with a later word, how it is typed."""


def _spelled(entry: _Entry) -> list[tuple[int, list[Spelling]]]:
    return [
        (FIRST, entry.spelled),
        *((TRANSLATED, spelled) for spelled in entry.translated),
        *((OTHER, spelled) for spelled in entry.others.values()),
    ]
