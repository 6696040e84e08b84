"""Terms of one segment: alternatives of a word, and the lists of documents that hold words.

Useful for: `rewriter`, which chooses words, and `plan`, which takes the `Words` for the kernel.
Not useful for: cutting text into terms (`indexes.text.analysis`) and choosing words (`rewriter`).

A `QueryTerm` is a word with its readings; a match holds at least one reading. A reading, a
`Variant`, is one or more terms; a match holds all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from sys import getsizeof
from typing import NamedTuple

import msgspec
import numpy as np
import orjson

from geosearch.kernel.compiled import kernels
from geosearch.kernel.criteria import Words
from geosearch.kernel.scratch import MAX_CARRIED
from geosearch.segment.regional import Regional
from geosearch.segment.segment import Segment
from geosearch.text.columns import SegmentText
from indexes.allowance import MERGED, SORTED, take
from indexes.arrays import U8, U32
from indexes.cache import BoundedCache
from indexes.terms.keys import KIND_BITS, PINYIN, Word, gram_keys, sound_keys
from indexes.terms.postings import block_maxima
from indexes.terms.unions import Spans, Unions
from indexes.text.hangul import unfinished
from indexes.text.near_sounds import near_sounds
from indexes.text.pinyin import heard_in, initials_range, sound_readings, spelled_in

PREFIX_FACTOR = 0.8
SOUND_FACTOR = 0.7
TYPO_FACTORS = (0.6, 0.6, 0.4)
INITIALS_FACTOR = 0.5
ALL_INITIALS_FACTOR = 0.85
"""Relevance of a reading relative to the typed word: a word that begins with it, the same sound,
zero, one or two typing mistakes, initials that begin with it, exactly its initials. A likelier
reading has a higher factor."""

NEAR_SOUND_FACTOR = 0.45
"""Relevance of a reading whose sounds people confuse with those of the typed word, or misspell."""

SHOPS_ASKED = 4
"""Shops whose names show which characters a sound stands for."""

TELLING_INITIALS = 3
"""Least number of initials of a whole name that are hardly a mistyped word."""

WHOLE_SHARE = 0.3
"""Share of the relevance for a name, brand, alias or category that equals the whole text. It puts
`Giant` before `Giant Hypermarket`, and banks before a name with `bank` in it."""

CLOSE_READINGS = 16
"""Most alternatives of a word, of each kind."""

CLOSE_DOCS = 100_000
"""Number of documents after which a union takes no further reading: it bounds the work."""

SPANS_BYTES = 4 << 20
"""Most bytes of cached spans of postings: a query looks up each term a few times."""

_SPAN_BYTES = 192
"""Bytes of a cached span."""

UNION_WORK = 100
"""Steps of work of a union of short lists, some 10 us."""

RARE = 32
"""If each word is in at least one in `RARE` documents, `Words.below` says who holds all words:
narrowing the lists from node to node would cost more."""

_STEPS = 255

_ALL = 1 << 62
"""A bound that no union reaches."""

_CHOICE_BYTES, _READING_BYTES, _TERM_BYTES = 256, 192, 48
"""Bytes of a `QueryTerm`, a reading and a term, with the references to them."""


class Variant(NamedTuple):
    """One reading of a word: terms that a match holds together, and their relevance factor."""

    terms: tuple[int, ...]
    factor: float = 1.0


class QueryTerm(msgspec.Struct, frozen=True, cache_hash=True):
    """A word of a query with its readings; a key of several caches, hashed once.

    `meant` names the words of the alternatives that replace it, most likely first. It is empty if
    the readings are the typed word, or only its pinyin or initials. `is_guess` says that no
    reading is the word as typed.
    """

    typed: str
    readings: tuple[Variant, ...]
    meant: tuple[str, ...] = ()
    is_guess: bool = False

    @property
    def nbytes(self) -> int:
        """Most memory in bytes; an exact count would cost a third of the time of a new text."""
        terms = sum([len(reading.terms) for reading in self.readings])
        texts = sum(map(getsizeof, self.meant)) + getsizeof(self.typed)
        return _CHOICE_BYTES + _READING_BYTES * len(self.readings) + _TERM_BYTES * terms + texts


class _List(NamedTuple):
    """Ascending documents with impacts, 1 to 255 steps of `weight`."""

    begin: int
    end: int
    weight: float
    rank: int
    """Number of documents, of shops everywhere."""
    own: tuple[U32, U8] | None = None
    """Documents and impacts of the list; None if it is a span of the segment's postings."""

    @property
    def size(self) -> int:
        return self.end - self.begin


_EMPTY = _List(0, 0, 0.0, 0)


class TextQuery(NamedTuple):
    """The words to search for a text: those that a match holds, and those left out."""

    choices: tuple[QueryTerm, ...]
    dropped: tuple[str, ...] = ()
    """Left-out words, and left-out characters of runs that the search splits into pieces."""
    whole: int = 0
    """Key of the whole text, for shops with exactly this name; 0 = not searched."""
    searches: int = 0
    """Searches that chose these words; 0 = the words as typed."""
    pieces: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Runs that the search splits into pieces without leaving characters out, and the pieces."""
    without: tuple[QueryTerm, ...] = ()
    """Words that a match must not hold: those typed with a minus."""

    @property
    def corrected(self) -> dict[str, tuple[str, ...]]:
        """The words that replace each typed word that the search does not use as typed."""
        meant = {choice.typed: choice.meant for choice in self.choices if choice.meant}
        return meant | dict(self.pieces) if self.choices else {}


CategoryNames = Callable[[Sequence[str]], Iterator[str]]


class SegmentTerms:
    """Vocabulary and postings of one segment, for the words of queries.

    Parameters
    ----------
    segment
        The segment, or what it knows of shops everywhere.
    worth
        `ranking.Weights.relevance_value`.
    category_names
        Returns the names of categories and their ancestors by category ids.
    """

    def __init__(
        self, segment: Segment | Regional, worth: float, category_names: CategoryNames
    ) -> None:
        self._segment = segment
        regional = None if isinstance(segment, Regional) else segment.regional
        self.everywhere = (
            self if regional is None else SegmentTerms(regional, worth, category_names)
        )
        """Terms of the shops of all regions, in numbers of one index; these in an ordinary one."""
        self._category_names = category_names
        text = SegmentText(segment)
        self._postings, self._vocabulary = text.postings, text.vocabulary
        self._unions = Unions(text.postings)
        self._fill_common = kernels().fill_common
        self._spans_kept = BoundedCache[int, tuple[int, int]](SPANS_BYTES)
        self.is_phrase = text.is_phrase
        self.match_all = Words(
            self._postings.doc,
            self._postings.impact,
            self._postings.block,
            np.zeros((0, 2), np.int64),
            np.zeros(0),
            0,
            0,
            worth,
            np.zeros(0, np.uint16),
        )
        """Words of a query without text: every document matches."""
        self.match_none = self._words(self.match_all, [_EMPTY], 1)
        """Words that no document has: none matches."""

    def __len__(self) -> int:
        """Number of documents."""
        return len(self._segment)

    def is_term(self, key: int) -> bool:
        """Whether some document holds a term."""
        return self._vocabulary.term(key) >= 0

    def finds_more(self, terms: tuple[int, ...], readings: tuple[Variant, ...]) -> bool:
        """Whether some document holds all of these terms but none of the readings."""
        spans = self._spans(terms)
        if not spans:
            return False
        found, _ = self._united([(spans, 1.0)])
        known = [(spans, each.factor) for each in readings if (spans := self._spans(each.terms))]
        if not known:
            return True
        others, _ = self._united(known)
        take(len(found) // SORTED)
        return bool(np.isin(found, others, invert=True).any())

    def doc_freq(self, readings: tuple[Variant, ...]) -> int:
        """Upper bound of the documents that match: the rarest term of each reading, summed."""
        return sum(
            min(end - begin for begin, end in spans)
            for reading in readings
            if (spans := self._spans(reading.terms))
        )

    def alternatives(self, word: Word) -> Iterator[tuple[Variant, str]]:
        """Alternative readings of a word, best first in each kind, each with its text.

        The text is empty if an answer need not name the reading.
        """
        is_heard = is_named = False
        sounds = sound_readings(word)
        for terms in sounds:
            is_heard |= bool(self._spans(terms))
            said = self._heard(terms) if word.kind == "cjk" else ""
            yield Variant(terms, SOUND_FACTOR), said
        for way in near_sounds(word, self.is_term):
            terms = sound_keys(way)
            said = self._heard(terms)
            # Characters that also have a typed sound are no guess.
            if said and not any(heard_in(said, exact) for exact in sounds):
                is_named = True
                yield Variant(terms, NEAR_SOUND_FACTOR), said
        vocabulary = self._vocabulary
        for begun in unfinished(word.text) if word.kind == "cjk" else ():
            ends = (begun.before[-1:] + chr(code) for code in (begun.first, begun.last))
            first, last = (gram_keys(end)[0] for end in ends)
            before = gram_keys(begun.before) if len(begun.before) > 1 else ()
            for row in vocabulary.rows_between(first, last + 1)[:CLOSE_READINGS]:
                yield Variant((*before, self._key(row)), PREFIX_FACTOR), ""
        if word.kind != "latin":
            return
        for row in vocabulary.with_prefix(word.text, limit=CLOSE_READINGS):
            key = self._key(row)
            if key >> KIND_BITS != PINYIN:
                yield Variant((key,), PREFIX_FACTOR), vocabulary.text(row)
            elif not (word.syllables and is_heard):
                # Pinyin counts as typed even if the name goes on. `xi'an` is not 先.
                said = "" if is_heard else self._as_written(row, vocabulary.text(row))
                yield Variant((key,), PREFIX_FACTOR), said
        for row, text, distance in vocabulary.similar(word.text, limit=CLOSE_READINGS):
            reading = Variant((self._key(row),), TYPO_FACTORS[distance])
            said = self._as_written(row, text)
            # The answer names pinyin only if it names no characters.
            is_pinyin = self._key(row) >> KIND_BITS == PINYIN
            yield reading, "" if is_named and is_pinyin and said == text else said
        span = initials_range(word)
        if span is not None:
            rows = vocabulary.rows_between(*span)
            # The shortest names begin the range, so names with exactly these initials come first.
            for row in rows[:CLOSE_READINGS]:
                key = self._key(row)
                whole = key == span[0] and len(word.text) >= TELLING_INITIALS
                yield Variant((key,), ALL_INITIALS_FACTOR if whole else INITIALS_FACTOR), ""

    def with_initials(self, letters: str) -> list[int]:
        """Keys of at most `CLOSE_READINGS` initials that begin with `letters`, shortest first."""
        span = initials_range(Word(letters, "latin", ()))
        rows = [] if span is None else self._vocabulary.rows_between(*span)
        return [self._key(row) for row in rows[:CLOSE_READINGS]]

    def _heard(self, terms: tuple[int, ...]) -> str:
        """Characters of a shop that sound like these terms; empty if there are none."""
        return next(filter(None, (heard_in(text, terms) for text in self._texts(terms))), "")

    def _as_written(self, row: int, text: str) -> str:
        """The text of a row as people write it: the characters of a shop instead of pinyin."""
        key = self._key(row)
        if key >> KIND_BITS != PINYIN:
            return text
        return next(filter(None, (spelled_in(one, text) for one in self._texts((key,)))), text)

    def _texts(self, terms: tuple[int, ...]) -> Iterator[str]:
        """Names, brands, aliases and categories of at most `SHOPS_ASKED` shops with these terms."""
        spans = self._spans(terms)
        if not spans:
            return
        docs, _ = self._united([(spans, 1.0)])
        for doc in docs[:SHOPS_ASKED].tolist():
            shop = orjson.loads(self._segment.merchant_payload(doc))
            yield from filter(None, [shop["name"], shop.get("brand"), *(shop.get("aliases") or ())])
            yield from self._category_names(shop.get("categories") or ())

    def words(self, text_query: TextQuery, shares: tuple[float, ...]) -> Words:
        """The word lists of a match, shortest first; `match_none` without words or matches.

        Parameters
        ----------
        shares
            Share of each word in the relevance; the shares add up to 1.
        """
        lists: list[_List] = []
        for choice, share in zip(text_query.choices, shares, strict=True):
            lists += self._lists(choice, share * (1.0 - WHOLE_SHARE))
        if not lists or not all(part.size for part in lists):
            return self.match_none
        # The order decides how sums round, so it is that of the lists of all shops.
        lists.sort(key=lambda part: part.rank)
        if text_query.without:
            lists[0] = self._without(lists[0], text_query.without)
            if not lists[0].size:
                return self.match_none
        required = len(lists)
        whole = self._spans((text_query.whole,))
        if whole:
            lists.append(_List(*whole[0], WHOLE_SHARE / _STEPS, 0))
        if any(part.own is not None for part in lists):
            return self._joined(lists, required)
        return self._words(self.match_all, lists, required)

    def _without(self, part: _List, choices: tuple[QueryTerm, ...]) -> _List:
        """The list without the documents that hold any of these words."""
        every = [reading for choice in choices for reading in choice.readings]
        readings = self.everywhere.first_taken(every, most=len(self.everywhere))
        taken = [(spans, 1.0) for each in readings if (spans := self._spans(each.terms))]
        if not taken:
            return part
        docs, impacts = part.own or (
            self._postings.doc[part.begin : part.end],
            self._postings.impact[part.begin : part.end],
        )
        unwanted, _ = self._united(taken, most=_ALL)
        take((len(docs) + len(unwanted)) // SORTED)
        left = np.isin(docs, unwanted, invert=True)
        own = docs[left], impacts[left]
        return _List(0, len(own[0]), part.weight, part.rank, own)

    def with_below(self, words: Words) -> Words:
        """The same lists, with `below` if the shortest is long enough: some 100 us of work."""
        span = words.span[: words.required]
        size = span[0, 1] - span[0, 0]
        if size == 0 or size * RARE < len(self._segment) or len(words.below):
            return words
        take(int(size) * len(span) // MERGED)
        assert isinstance(self._segment, Segment)
        starts = self._segment.columns.level_start
        below = np.zeros(starts[-1], np.uint16)
        self._fill_common(words.docs, span, starts, below, np.empty(len(span), np.int64))
        return words._replace(below=below)

    def _words(self, source: Words, lists: list[_List], required: int) -> Words:
        return source._replace(
            span=np.array([[part.begin, part.end] for part in lists], np.int64),
            weight=np.array([part.weight for part in lists]),
            required=required,
            carried=min(required, MAX_CARRIED),
        )

    def _joined(self, lists: list[_List], required: int) -> Words:
        """Words with arrays of their own, because not all lists are spans of the postings."""
        own = [
            part.own
            or (
                self._postings.doc[part.begin : part.end],
                self._postings.impact[part.begin : part.end],
            )
            for part in lists
        ]
        take(sum(part.size for part in lists) // MERGED)
        docs = np.concatenate([docs for docs, _ in own])
        impacts = np.concatenate([impacts for _, impacts in own])
        ends = np.cumsum([part.size for part in lists]).tolist()
        placed = [
            part._replace(begin=end - part.size, end=end)
            for part, end in zip(lists, ends, strict=True)
        ]
        source = self.match_all._replace(docs=docs, impacts=impacts, blocks=block_maxima(impacts))
        return self._words(source, placed, required)

    def _lists(self, choice: QueryTerm, share: float) -> list[_List]:
        """The lists of a word: one for each term of its one reading, or the union of readings."""
        if len(choice.readings) > 1:
            return [self._union(choice.readings, share)]
        reading = choice.readings[0]
        weight = reading.factor * share / len(reading.terms) / _STEPS
        known = self.everywhere
        ranks = (end - begin for begin, end in known._spans(reading.terms))
        spans = self._spans(reading.terms)
        return [
            _List(begin, end, weight, rank)
            for (begin, end), rank in zip(spans, ranks, strict=False)
        ] or [_EMPTY]

    def _spans(self, terms: tuple[int, ...]) -> Spans:
        """Begin and end of the postings of each term; empty if one of the terms has none."""
        spans = tuple(self._span(key) for key in terms)
        return spans if all(begin < end for begin, end in spans) else ()

    def _span(self, key: int) -> tuple[int, int]:
        """Begin and end of the postings of a term, equal if it has none."""
        return self._spans_kept.get(key) or self._note(key, self._vocabulary.term(key))

    def _note(self, key: int, row: int) -> tuple[int, int]:
        """Begin and end of the postings of a row, -1 for no row; cached under the key."""
        begin = size = 0
        if row >= 0:
            begin, size = int(self._postings.begin[row]), int(self._postings.doc_freq[row])
        return self._spans_kept.keep(key, (begin, begin + size), _SPAN_BYTES)

    def _key(self, row: int) -> int:
        """Key of a row; caches the row's span, because the caller needs its postings next."""
        key = self._vocabulary.key(row)
        self._note(key, row)
        return key

    def _union(self, readings: Sequence[Variant], share: float) -> _List:
        """Documents that hold any of the readings, each with the impact of its best reading."""
        rank = None
        if self.everywhere is not self:
            readings = self.everywhere.first_taken(readings, most=CLOSE_DOCS)
            rank = self.everywhere._union(readings, share).size
        taken = [(spans, each.factor) for each in readings if (spans := self._spans(each.terms))]
        own = self._united(taken, most=CLOSE_DOCS if rank is None else _ALL)
        size = len(own[0])
        return _List(0, size, share / _STEPS, size if rank is None else rank, own)

    def first_taken(self, readings: Sequence[Variant], *, most: int) -> Sequence[Variant]:
        """The readings that a union with this bound takes; see `Unions.union`."""
        known = [spans for each in readings if (spans := self._spans(each.terms))]
        if sum(min(end - begin for begin, end in spans) for spans in known) <= most:
            return readings
        taken = 0
        for number, each in enumerate(readings):
            if taken > most:
                return readings[:number]
            spans = self._spans(each.terms)
            if len(spans) == 1:
                taken += spans[0][1] - spans[0][0]
            elif spans:
                taken += len(self._united([(spans, 1.0)])[0])
        return readings

    def _united(
        self, readings: Sequence[tuple[Spans, float]], most: int = CLOSE_DOCS
    ) -> tuple[U32, U8]:
        """`Unions.union`, whose work is known beforehand: the lengths of its lists."""
        sizes = (min(end - begin for begin, end in spans) for spans, _ in readings)
        take(UNION_WORK + sum(sizes) // MERGED)
        return self._unions.union(readings, most=most)
