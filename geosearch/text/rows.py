"""Terms and impacts of the texts of merchants, made once at build time.

`indexes.text.analysis` and `indexes.text.sounds` cut texts into terms; `fields` has the impacts.
"""

from collections.abc import Iterable
from itertools import chain, compress
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.segment.numbers import numbered
from geosearch.text.categories import CategoryWords
from geosearch.text.columns import TextRows
from geosearch.text.fields import (
    CATEGORIES,
    FEWEST_PINYINS,
    FIELDS,
    LONGEST_WHOLE,
    PHRASE_FIELDS,
    PINYINS_A_MERCHANT,
    TextField,
    impacts,
    length_factor,
)
from indexes.arrays import F64, I64, U8, U32, U64
from indexes.terms.keys import (
    BESIDE,
    CODE_BITS,
    GRAM1,
    GRAM2,
    INITIALS,
    KIND_BITS,
    PAYLOAD,
    PINYIN,
    WHOLE,
    ranges,
    text_key,
)
from indexes.terms.postings import DocTexts, WeightedTexts
from indexes.text.analysis import analyse, beside_keys, whole_key, whole_keys
from indexes.text.folding import normalise
from indexes.text.sounds import analyse_sounds

_UNITS = ("新区", "市", "区", "县")
"""Endings that people leave out of the name of a place: `浦东` for `浦东新区`."""


class FieldTexts(NamedTuple):
    """Distinct texts of a field, and pairs of a merchant's row and the number of a text."""

    texts: list[str]
    merchant: I64  # ascending
    text: U32


class _Entries(NamedTuple):
    """Terms of n texts with impacts, concatenated text by text."""

    key: U64
    impact: U8
    size: I64  # [n] terms of each


def text_rows(
    merchants: pl.DataFrame,
    categories: pl.DataFrame | None,
    *,
    category_set: U32,
    category_sets: list[list[str]],
) -> TextRows:
    """Terms, texts and phrases of merchants, for `columns.text_columns`.

    Parameters
    ----------
    merchants, categories
        Frames of a snapshot.
    category_set, category_sets
        Row of each merchant in the distinct lists of category paths, and these lists.
    """
    words = CategoryWords(categories)
    fields = {
        field.column: field_texts(merchants, field.column)
        for field in FIELDS
        if field.column != CATEGORIES
    }
    everyone = np.arange(merchants.height)
    fields[CATEGORIES] = FieldTexts(words.of_all(category_sets), everyone, category_set)
    known = _Analysis({column: field.texts for column, field in fields.items()})
    entries = [
        _category_entries(known, field, fields[CATEGORIES].texts, map(words.of_set, category_sets))
        if field.column == CATEGORIES
        else known.entries(field, known.numbers[field.column])
        for field in FIELDS
    ]
    of_merchants = _by_merchant(
        [fields[field.column] for field in FIELDS],
        [len(part.size) for part in entries],
        merchants.height,
    )
    every = _Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))
    return _numbered_terms(every, of_merchants, known, _phrases(fields))


def field_texts(merchants: pl.DataFrame, column: str) -> FieldTexts:
    """Distinct texts in a column of texts or of lists of texts, with their merchants."""
    frame = merchants.select(text=column).with_row_index("merchant")
    if isinstance(merchants.schema[column], pl.List):
        frame = frame.explode("text")
    frame = frame.filter(pl.col("text") != "")
    number, texts = numbered(frame["text"])
    return FieldTexts(texts, frame["merchant"].to_numpy().astype(np.int64), number)


class _Analysis:
    """Terms of the distinct texts of all fields; it analyses each text once.

    Parameters
    ----------
    texts
        Distinct texts by field.
    """

    def __init__(self, texts: dict[str, list[str]]) -> None:
        # Fields with sounds come first, so their texts have the lowest numbers.
        ordered = sorted(FIELDS, key=lambda field: not field.by_sound)
        lists = [texts[field.column] for field in ordered]
        number, distinct = numbered(pl.Series(list(chain.from_iterable(lists)), dtype=pl.String))
        ends = np.cumsum([len(part) for part in lists])
        self.numbers: dict[str, U32] = {
            field.column: part
            for field, part in zip(ordered, np.split(number, ends[:-1]), strict=True)
        }
        """Number of each text of each field among all distinct texts."""
        heard = int(ends[sum(field.by_sound for field in FIELDS) - 1])
        called = distinct[: int((number[:heard] + 1).max(initial=0))]
        exact, sounds, whole = analyse(distinct), analyse_sounds(called), whole_keys(called)
        beside = self._beside(texts, len(distinct))
        self.words = list({*exact.words, *sounds.words})
        self.pinyins = sounds.pinyins
        self._length = exact.length
        says = (whole != whole_key("")) & (exact.length[: len(called)] <= LONGEST_WHOLE)
        parts = [
            (exact.key, np.diff(exact.start), False),
            (sounds.key, np.diff(sounds.start), True),
            (whole[says], says.astype(np.int64), False),
            (*beside, False),
        ]
        self._count = np.zeros(len(distinct), np.int64)
        for _, count, _ in parts:
            self._count[: len(count)] += count
        self._start = _starts(self._count)
        self._key = np.empty(self._start[-1], np.uint64)
        self._is_sound = np.zeros(self._start[-1], np.bool_)
        place = self._start[:-1].copy()
        for key, count, is_sound in parts:
            at = ranges(place[: len(count)], count)
            self._key[at] = key
            self._is_sound[at] = is_sound
            place[: len(count)] += count

    def _beside(self, texts: dict[str, list[str]], size: int) -> tuple[U64, I64]:
        """Keys of numbers joined to the word beside them, and the count of keys of each text."""
        count = np.zeros(size, np.int64)
        found: dict[int, list[int]] = {}
        for field in FIELDS:
            if field.by_number:
                each = (list(dict.fromkeys(keys)) for keys in beside_keys(texts[field.column]))
                found |= zip(self.numbers[field.column].tolist(), each, strict=True)
        for number, keys in found.items():
            count[number] = len(keys)
        flat = [key for number in sorted(found) for key in found[number]]
        return np.array(flat, np.uint64), count

    def entries(self, field: TextField, numbers: U32, factors: F64 | float = 1.0) -> _Entries:
        """Terms of the texts with these numbers in a field, with impacts times `factors`."""
        count = self._count[numbers]
        at = ranges(self._start[numbers], count)
        text = np.repeat(np.arange(len(numbers)), count)
        key = self._key[at]
        kind = key >> np.uint64(KIND_BITS)
        kept = np.ones(len(key), np.bool_)
        if not field.by_sound:
            kept &= ~self._is_sound[at]
        if not field.by_character:
            kept &= ~_is_inner(key, text)
        if not field.by_initials:
            kept &= kind != INITIALS
        if not field.whole_weight:
            kept &= kind != WHOLE
        if not field.by_number:
            kept &= kind != BESIDE
        factors = np.broadcast_to(factors, len(numbers))
        of_part = impacts(
            field.weight * factors * length_factor(self._length[numbers], field.usual_length)
        )
        of_whole = impacts(field.whole_weight * factors)
        impact = np.where(kind == WHOLE, of_whole[text], of_part[text])
        return _Entries(key[kept], impact[kept], np.bincount(text[kept], minlength=len(numbers)))


def _is_inner(key: U64, text: I64) -> NDArray[np.bool_]:
    """Whether a term is a character that is also part of a pair in its text."""
    kind = key >> np.uint64(KIND_BITS)
    code = (key & np.uint64(PAYLOAD)).astype(np.int64)
    alone, pair = kind == GRAM1, kind == GRAM2
    place = text << CODE_BITS
    halves = np.concatenate(
        [place[pair] | code[pair] >> CODE_BITS, place[pair] | code[pair] & ((1 << CODE_BITS) - 1)]
    )
    inner = np.zeros(len(key), np.bool_)
    inner[alone] = np.isin(place[alone] | code[alone], halves)
    return inner


def _category_entries(
    known: _Analysis, field: TextField, words: list[str], sets: Iterable[dict[str, float]]
) -> _Entries:
    """Terms of each set of categories: those of its words, each with its greatest impact."""
    numbers = dict(zip(words, known.numbers[field.column].tolist(), strict=True))
    factors = [list(words.items()) for words in sets]
    flat = list(chain.from_iterable(factors))
    entries = known.entries(
        field,
        np.array([numbers[word] for word, _ in flat], np.uint32),
        np.array([factor for _, factor in flat]),
    )
    sizes = np.diff(_starts(entries.size)[_starts(np.array([len(part) for part in factors]))])
    owner = np.repeat(np.arange(len(sizes)), sizes)
    # Each term once: a repeated one would not share a list of postings with terms like it.
    order = np.lexsort((-entries.impact.astype(np.int64), entries.key, owner))
    owner, key, impact = owner[order], entries.key[order], entries.impact[order]
    is_first = np.ones(len(key), np.bool_)
    is_first[1:] = (key[1:] != key[:-1]) | (owner[1:] != owner[:-1])
    return _Entries(
        key[is_first], impact[is_first], np.bincount(owner[is_first], minlength=len(sizes))
    )


def _numbered_terms(
    entries: _Entries, merchants: DocTexts, known: _Analysis, phrases: list[str]
) -> TextRows:
    """`TextRows` with terms numbered by key, without the pinyins that too few merchants have."""
    keys, term_row = _rows_by_key(entries.key)
    text = np.repeat(np.arange(len(entries.size), dtype=np.uint32), entries.size)
    bearers = np.bincount(merchants.text, minlength=len(entries.size))
    kept = _kept_terms(keys, term_row, bearers[text], len(merchants.start) - 1)
    of_entry = kept[term_row]
    pinyin = np.array([text_key(PINYIN, pinyin) for pinyin in known.pinyins], np.uint64)
    return TextRows(
        keys=keys[kept],
        words=known.words,
        pinyins=list(compress(known.pinyins, kept[np.searchsorted(keys, pinyin)].tolist())),
        texts=WeightedTexts(
            (np.cumsum(kept, dtype=np.uint32) - 1)[term_row[of_entry]],
            entries.impact[of_entry],
            _starts(np.bincount(text[of_entry], minlength=len(entries.size))),
        ),
        merchants=merchants,
        phrases=phrases,
    )


def _rows_by_key(key: U64) -> tuple[U64, U32]:
    """Distinct keys, ascending, and the row of each key among them.

    `np.unique` also sorts the numbers of keys: it takes 3.1 s for eleven million, this 0.9 s.
    """
    ascending = np.sort(key)
    keys = ascending[np.diff(ascending, prepend=~ascending[:1]) != 0]
    rows = pl.DataFrame({"key": keys, "row": np.arange(len(keys), dtype=np.uint32)})
    found = pl.DataFrame({"key": key}).join(rows, on="key", how="left", maintain_order="left")
    return keys, found["row"].to_numpy()


def _kept_terms(keys: U64, term_row: U32, bearers: I64, merchants: int) -> NDArray[np.bool_]:
    """Mask of the terms to keep: all, but of too many pinyins only those of most merchants.

    Parameters
    ----------
    bearers
        Number of merchants with the text of each entry of `term_row`.
    merchants
        Number of merchants.
    """
    first, end = np.searchsorted(keys, np.array([PINYIN, PINYIN + 1], np.uint64) << KIND_BITS)
    of_pinyin = (term_row >= first) & (term_row < end)
    freq = np.bincount(term_row[of_pinyin] - first, bearers[of_pinyin], minlength=end - first)
    limit = max(FEWEST_PINYINS, int(PINYINS_A_MERCHANT * merchants))
    kept = np.ones(len(keys), np.bool_)
    if len(freq) > limit:
        # Pinyins that tie with the first one past the limit go too, or chance would choose.
        kept[first:end] = freq > np.sort(freq)[-limit - 1]
    return kept


def _by_merchant(fields: list[FieldTexts], sizes: list[int], merchants: int) -> DocTexts:
    """Texts of each merchant, numbered through all fields; `sizes` has the texts of each field."""
    counts = [np.bincount(field.merchant, minlength=merchants) for field in fields]
    start = _starts(np.sum(counts, axis=0))
    text, place, first = np.empty(start[-1], np.uint32), start[:-1].copy(), 0
    for field, count, size in zip(fields, counts, sizes, strict=True):
        text[ranges(place, count)] = field.text + np.uint32(first)
        place += count
        first += size
    return DocTexts(start, text)


def _phrases(fields: dict[str, FieldTexts]) -> list[str]:
    texts = {text for column in PHRASE_FIELDS for text in fields[column].texts}
    for column in ("city", "district"):
        texts |= {_without_unit(text) for text in fields[column].texts}
    return sorted({normalise(text) for text in texts})


def _without_unit(place: str) -> str:
    unit = next(
        (unit for unit in _UNITS if place.endswith(unit) and len(place) > len(unit) + 1), ""
    )
    return place.removesuffix(unit)


def _starts(counts: I64) -> I64:
    """Begin of each of consecutive runs, and the end of the last one."""
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
