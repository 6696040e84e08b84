"""Build the entries of the directory and their completion keys from a snapshot's frames.

`geosearch.suggest.directory` makes columns of them.
"""

from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from geosearch.segment.catalogue import prefixes
from geosearch.segment.numbers import numbered
from geosearch.suggest.directory import (
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
    match_kind_of,
)
from indexes.arrays import I64, U32
from indexes.names.completion_lists import SortedKeys
from indexes.names.completions import MATCH_KIND_BITS
from indexes.names.spelling_lists import SpelledTexts, spell
from indexes.names.spellings import MAX_LETTERS, MAX_STARTS, WRITTEN, typed_form, written_form
from indexes.terms.keys import ranges
from indexes.text.folding import otherwise

MAX_OTHERS = 8
"""Most other names of a shop's name or a brand."""

_KINDS = {"brand": BRAND, "name": MERCHANT, "business_area": AREA}
"""Kind of the entries of each text column of merchants."""

POPULARITY = ("rating_count", "redemptions_ok")
"""Columns of merchants whose sum is the popularity."""

_LIST_SEPARATOR = "\x1f"
_MOST_POPULARITY = (1 << 32) - 1


class _Column(NamedTuple):
    """A column of merchants: numbers of distinct values, and the entries of each number."""

    number: U32  # [rows]
    size: I64  # [numbers] number of entries; 0 for a text without letters and digits
    entry: I64  # entries of all numbers, one number after the other


class _Texts:
    """Distinct texts of several columns, one column after the other, with their spellings.

    Parameters
    ----------
    columns
        Texts by the name of their column.
    """

    def __init__(self, columns: dict[str, pl.Series]) -> None:
        self.number: dict[str, U32] = {}
        """Number of each row's text among the texts of its column, by column."""
        self.place: dict[str, slice] = {}
        """Slice of `texts` that holds the texts of a column."""
        self.texts: list[str] = []
        for name, column in columns.items():
            self.number[name], texts = numbered(column)
            self.place[name] = slice(len(self.texts), len(self.texts) + len(texts))
            self.texts += texts
        self.instead: dict[int, int] = {}
        """Number of a text to the number of its ASCII respelling, which belongs to no column."""
        for text in range(len(self.texts)):
            other = otherwise(self.texts[text])
            if other:
                self.instead[text] = len(self.texts)
                self.texts.append(other)
        self.spelled = spell(self.texts)
        self._content = self.spelled.text.tobytes()
        # A memoryview gives single items three times as fast as an array.
        self._spelling, self._start = self.spelled.spelling.data, self.spelled.start.data
        self._source, self._how = self.spelled.source.data, self.spelled.how().data

    def written(self) -> pl.Series:
        """Spelling of each text as written; null for a text without letters and digits."""
        content = pl.Series([self._content], dtype=pl.Binary).cast(pl.String)
        begin = self.spelled.source
        row = np.searchsorted(np.flatnonzero(self.spelled.text == 0), begin[:-1])
        sources = content.str.split("\0").explode().gather(row).to_frame("source")
        is_typed = pl.Series(begin[:-1] < begin[1:], dtype=pl.Boolean)
        return sources.select(pl.when(is_typed).then("source")).to_series()

    def typed(self, text: int) -> bytes:
        """Spelling of a text as written, not cut at `MAX_LETTERS`."""
        if self.spelled.is_cut[text]:
            return typed_form(self.texts[text]).encode()
        begin, end = self._source[text], self._source[text + 1]
        return self._content[begin : self._content.index(0, begin)] if begin < end else b""

    def begins(self, text: int, typed: bytes) -> bool:
        """Whether a text or a word of it begins with `typed`, as written."""
        return any(
            self._how[at] == WRITTEN and self._content.startswith(typed, self._start[at])
            for at in range(self._spelling[text], self._spelling[text + 1])
        )


class _CategoryName(NamedTuple):
    """A name of a category, and its origin: FIRST, TRANSLATED or OTHER."""

    path: str
    origin: int
    text: str


def directory_rows(merchants: pl.DataFrame, categories: pl.DataFrame | None) -> DirectoryRows:
    """Entries of the names, brands, categories and areas of merchants, with completion keys.

    Parameters
    ----------
    merchants
        The indexed merchants.
    categories
        The categories of the snapshot, or None. A category without a name there gets the end of its
        path as name.
    """
    sets, held = _category_sets(merchants)
    named = _categories(categories, sorted({path for paths in held for path in paths}))
    category_names = [name for category in named.values() for name in _category_names(category)]
    aliases = merchants.select("aliases").with_row_index("row").explode("aliases").drop_nulls()
    known = _Texts(
        {column: merchants[column].fill_null("") for column in _KINDS}
        | {
            "aliases": aliases["aliases"],
            "categories": pl.Series([name.text for name in category_names], dtype=pl.String),
        }
    )
    entries, entry_of = _entries(known, category_names)
    of_path = dict(entries.drop_nulls("path").select("path", "entry").iter_rows())
    others = _others(known, aliases["row"], entries, entry_of)
    columns = [_column(known, column, entry_of) for column in _KINDS]
    columns.append(
        _Column(
            sets,
            np.array([len(paths) for paths in held], np.int64),
            np.array([of_path[path] for paths in held for path in paths], np.int64),
        )
    )
    numbers, row = _pairs(columns)
    return DirectoryRows(
        keys=_keys(known.spelled, _names(known, entries, category_names, others)),
        kind=entries["kind"].to_numpy().astype(np.uint8),
        popularity=_popularity(merchants, numbers, row, entries.height),
        entry=numbers,
        row=row,
        texts=entries["name"].to_list(),
        others={entry: [known.texts[text] for text in found] for entry, found in others.items()},
        categories=[named[path] for path in of_path],
    )


def _entries(known: _Texts, category_names: list[_CategoryName]) -> tuple[pl.DataFrame, I64]:
    """Entries in their order, and the entry of each text, -1 for none.

    Texts with the same spelling are one entry. The entry is a brand if one of the texts is a brand.
    Its name is the most frequent writing.

    Returns
    -------
    DataFrame
        `entry`, `kind`, `name`, number of the name as `text`, and `path` of a category.
    entry_of
        int64, by number of a text.
    """
    every = pl.DataFrame(
        {"name": pl.Series(known.texts, dtype=pl.String), "written": known.written()}
    ).with_row_index("text")
    texts = pl.concat(
        every[known.place[column]].with_columns(
            kind=pl.lit(kind, pl.Int64), rows=pl.Series(np.bincount(known.number[column]))
        )
        for column, kind in _KINDS.items()
    ).drop_nulls("written")
    same = [pl.col("kind") == AREA, pl.col("written")]
    best = texts.sort(
        *same, "kind", "rows", "name", descending=[False, False, True, True, False]
    ).unique(same, keep="first", maintain_order=True)
    first = {name.path: at for at, name in enumerate(category_names) if name.origin == FIRST}
    of_categories = every[known.place["categories"]][
        known.number["categories"][list(first.values())]
    ].with_columns(path=pl.Series(list(first), dtype=pl.String), kind=pl.lit(CATEGORY, pl.Int64))
    entries = (
        pl.concat([best, of_categories], how="diagonal")
        # A category name without letters and digits has no spelling; its path gives the order.
        .sort(pl.col("written").fill_null(pl.col("path")), "kind", "name", maintain_order=True)
        .with_row_index("entry")
    )
    shops = entries.filter(pl.col("path").is_null())
    found = texts.join(shops, on=same, maintain_order="left")
    entry_of = np.full(len(known.texts), -1)
    entry_of[found["text"].to_numpy()] = found["entry"].to_numpy()
    return entries, entry_of


def _others(
    known: _Texts, rows: pl.Series, entries: pl.DataFrame, entry_of: I64
) -> dict[int, list[int]]:
    """Aliases of each entry's shops, by entry, without those that spell the name or a part of it.

    Parameters
    ----------
    rows
        Row of the merchant of each alias.
    """
    name = known.number["name"][rows.to_numpy()].astype(np.int64) + known.place["name"].start
    alias = known.number["aliases"].astype(np.int64) + known.place["aliases"].start
    pairs = pl.DataFrame({"entry": entry_of[name], "alias": alias}).unique(maintain_order=True)
    pairs = pairs.filter(pl.col("entry") >= 0)
    # Most aliases are half of a name in two languages; their spellings need no comparison.
    both = pl.DataFrame(
        {
            "name": entries["name"].gather(pairs["entry"]),
            "alias": pl.Series(known.texts, dtype=pl.String).gather(pairs["alias"]),
        }
    )
    full, half = pl.col("name"), pl.col("alias")
    is_typed = (full.str.len_chars() <= MAX_LETTERS) & (full.str.count_matches(" ") < MAX_STARTS)
    is_word = full.str.contains(pl.concat_str(pl.lit(" "), half), literal=True)
    is_half = both.select(full.str.starts_with(half) | (is_typed & is_word)).to_series()
    text_of = entries["text"].to_numpy().data
    others: dict[int, list[int]] = {}
    for entry, other in pairs.filter(~is_half).iter_rows():
        found = others.get(entry, [])
        typed = known.typed(other)
        if (
            len(found) < MAX_OTHERS
            and typed
            and not any(known.begins(text, typed) for text in (text_of[entry], *found))
        ):
            others[entry] = [*found, other]
    return others


def _column(known: _Texts, column: str, entry_of: I64) -> _Column:
    entry = entry_of[known.place[column]]
    return _Column(known.number[column], (entry >= 0).astype(np.int64), entry[entry >= 0])


def _names(
    known: _Texts,
    entries: pl.DataFrame,
    category_names: list[_CategoryName],
    others: dict[int, list[int]],
) -> pl.DataFrame:
    """Names of all entries, sorted by entry: `entry`, `origin` and number of the `text`."""
    of_path = dict(entries.drop_nulls("path").select("path", "entry").iter_rows())
    numbers = known.number["categories"] + np.uint32(known.place["categories"].start)
    more = [
        (of_path[name.path], name.origin, text)
        for name, text in zip(category_names, numbers.tolist(), strict=True)
        if name.origin != FIRST
    ]
    more += [(entry, OTHER, text) for entry, found in others.items() for text in found]
    first = entries.select("entry", pl.lit(FIRST).alias("origin"), "text").cast(pl.Int64)
    names = pl.concat([first, pl.DataFrame(more, first.schema, orient="row")])
    instead = {"text": list(known.instead), "instead": list(known.instead.values())}
    others_write = names.join(
        pl.DataFrame(instead, {"text": pl.Int64, "instead": pl.Int64}), on="text"
    ).select("entry", "origin", text="instead")
    return pl.concat([names, others_write]).sort("entry", maintain_order=True)


def _category_sets(merchants: pl.DataFrame) -> tuple[U32, list[list[str]]]:
    """Number of each row's set of categories, and the paths with prefixes of each number."""
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
            if written_form(name)
        }
        plain = path.rpartition(".")[2].replace("_", " ")
        found[path] = Category(path, names or {"en": plain}, _by_language(row.get("aliases")))
    return found


def _by_language(text: str | None) -> dict[str, Any]:
    """Members of a JSON object by language: Chinese first, then English, then the others."""
    found: dict[str, Any] = orjson.loads(text) if text else {}
    order = {"zh": 0, "en": 1}
    ranked = sorted(found, key=lambda language: order.get(language[:2].lower(), len(order)))
    return {language: found[language] for language in ranked}


def _category_names(category: Category) -> list[_CategoryName]:
    path, (first, *more) = category.category_id, category.names.values()
    others = dict.fromkeys(other for others in category.others.values() for other in others)
    return [
        _CategoryName(path, FIRST, first),
        *(_CategoryName(path, TRANSLATED, name) for name in more),
        *(_CategoryName(path, OTHER, other) for other in others),
    ]


def _pairs(columns: list[_Column]) -> tuple[I64, I64]:
    """Distinct pairs of entries and rows, ascending, as two arrays."""
    rows = len(columns[0].number)
    pairs = [np.zeros(0, np.int64)]
    for column in columns:
        size = column.size[column.number]
        first = (np.cumsum(column.size) - column.size)[column.number]
        pairs.append(column.entry[ranges(first, size)] * rows + np.repeat(np.arange(rows), size))
    found = np.sort(np.concatenate(pairs))
    found = found[np.diff(found, prepend=-1) > 0]
    return found // max(rows, 1), found % max(rows, 1)


def _popularity(merchants: pl.DataFrame, number: I64, row: I64, entries: int) -> U32:
    """Popularity of each entry: ratings and past redemptions of its shops."""
    known = merchants.select(
        pl.sum_horizontal(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in POPULARITY)
    ).to_series()
    popularity = np.bincount(number, weights=known.to_numpy()[row], minlength=entries)
    return np.minimum(popularity, _MOST_POPULARITY).astype(np.uint32)


def _keys(spelled: SpelledTexts, names: pl.DataFrame) -> SortedKeys:
    """Sorted completion keys of all names."""
    entry, origin, text = (names[column].to_numpy() for column in ("entry", "origin", "text"))
    begin, end = spelled.source[text], spelled.source[text + 1]
    source = spelled.text.tobytes()
    content = b"".join([source[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)])
    count = spelled.spelling[text + 1] - spelled.spelling[text]
    spelling = ranges(spelled.spelling[text], count)
    # The sources follow one another without gaps, in the order of the names.
    moved = np.cumsum(end - begin) - end
    at = spelled.start[spelling] + np.repeat(moved, count)
    from_where = np.repeat(origin, count), spelled.inside()[spelling], spelled.how()[spelling]
    keys = pl.DataFrame(
        {
            "at": at.astype(np.uint32),
            # Each entry keeps one key per text: the match kind with the greatest weight.
            "rank": np.repeat(entry, count) << MATCH_KIND_BITS
            | _RANK_OF_MATCH_KIND[_MATCH_KINDS[from_where]],
            "text": _until_zero(content, at),
        }
    ).sort("text", "rank")
    number = keys["rank"] // (1 << MATCH_KIND_BITS)
    again = (keys["text"] == keys["text"].shift()) & (number == number.shift())
    kept = keys.filter(~again.fill_null(False))
    rank = kept["rank"].to_numpy()
    item = (
        rank >> MATCH_KIND_BITS << MATCH_KIND_BITS
        | _MATCH_KIND_OF_RANK[rank & ((1 << MATCH_KIND_BITS) - 1)]
    )
    return SortedKeys(
        np.frombuffer(content, np.uint8), kept["at"].to_numpy(), item.astype(np.uint32)
    )


def _until_zero(content: bytes, at: I64) -> pl.Series:
    """The bytes from each position to before the next zero."""
    zeros = np.flatnonzero(np.frombuffer(content, np.uint8) == 0)
    begins = np.concatenate([[0], zeros[:-1] + 1])[: len(zeros)]
    row = np.searchsorted(zeros, at)
    text = pl.Series([content.decode()], dtype=pl.String).str.split("\0").explode()
    rest = text.gather(row).cast(pl.Binary).to_frame("text")
    return rest.select(pl.col("text").bin.slice(pl.Series(at - begins[row]))).to_series()


_MATCH_KINDS = np.array(
    [
        [
            [
                match_kind_of(LATER if inside and origin != OTHER else origin, how)
                for how in range(3)
            ]
            for inside in (False, True)
        ]
        for origin in range(4)
    ],
    np.int64,
)
"""Match kind of a key, by origin of its name, by whether it begins with a later word, and by kind
of its spelling."""

_MATCH_KIND_OF_RANK = np.argsort(-SCORING.match_kind, kind="stable")
_RANK_OF_MATCH_KIND = np.argsort(_MATCH_KIND_OF_RANK)
"""Rank of each match kind by falling weight."""
