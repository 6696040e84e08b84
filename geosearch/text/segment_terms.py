"""The words of one segment: what may be meant by a word, and lists of documents that hold words.

Useful for: `text_query`, which chooses words, and `plan`: words to the `Words` that the kernel
reads.
Not useful for: what a term is (`indexes.text.analysis`), or which words are searched
(`text_query`).

A *word* has readings, one of which a match holds; a *reading* is one or more terms, all of which a
match holds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import getsizeof
from typing import NamedTuple

import msgspec
import numpy as np
import orjson

from geosearch.kernel.compiled import kernels
from geosearch.kernel.criteria import Words
from geosearch.kernel.scratch import MAX_CARRIED
from geosearch.segment.columns import U8, U32
from geosearch.segment.segment import Segment
from geosearch.text.columns import SegmentText
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
"""Relevance of a reading against that of what was typed: the rest of a word left out, the same
sound, one or two typing mistakes, initials of its beginning, all its initials. The surer it is what
was meant, the higher."""

NEAR_SOUND_FACTOR = 0.45
"""Relevance of a reading whose sounds are taken for those of what was typed, or misspelt."""

SHOPS_ASKED = 4
"""Shops whose names are read for the characters that a sound stands for."""

TELLING_INITIALS = 3
"""So many initials of a whole name are hardly a mistyped word."""

WHOLE_SHARE = 0.3
"""Part of the relevance for being called exactly what was typed, name, brand, alias or category:
so that `Giant` comes before `Giant Hypermarket`, and banks before a name with `bank` in it."""

CLOSE_READINGS = 16
"""Most close readings of a word, of each kind."""

CLOSE_DOCS = 100_000
"""Documents of close readings after which no further one is taken: what bounds the work."""

SPANS_BYTES = 4 << 20
"""Of where the postings of terms stand, which is kept: a question asks for each a few times."""

_SPAN_BYTES = 192
"""Of an entry."""

RARE = 32
"""Where every word is in more than one of so many documents, `Words.below` says who holds all of
them: looking up where lists go on below a node costs more then."""

_STEPS = 255

_CHOICE_BYTES, _READING_BYTES, _TERM_BYTES = 256, 192, 48
"""Of a choice, a reading and a term of it, with what refers to them."""


class Variant(NamedTuple):
    """Terms that stand for a word, all of them together."""

    terms: tuple[int, ...]
    factor: float = 1.0


class QueryTerm(msgspec.Struct, frozen=True, cache_hash=True):
    """A word and the readings that stand for it; a key of several caches, hashed once.

    `meant` is what is searched instead: words that look like it, or how it sounds. Empty where it
    is searched as typed, if only as pinyin or initials. `is_guess` is whether none of the readings
    is what was typed.
    """

    typed: str
    readings: tuple[Variant, ...]
    meant: tuple[str, ...] = ()
    is_guess: bool = False

    @property
    def nbytes(self) -> int:
        """Memory that it takes, at most; counting exactly would cost a third of a cold text."""
        terms = sum([len(reading.terms) for reading in self.readings])
        texts = sum(map(getsizeof, self.meant)) + getsizeof(self.typed)
        return _CHOICE_BYTES + _READING_BYTES * len(self.readings) + _TERM_BYTES * terms + texts


class _List(NamedTuple):
    """Ascending documents with what each is worth, 1 to 255 steps of `weight`."""

    begin: int
    end: int
    weight: float
    own: tuple[U32, U8] | None = None
    """The documents and impacts themselves; None where they are those of the postings."""

    @property
    def size(self) -> int:
        return self.end - self.begin


_EMPTY = _List(0, 0, 0.0)


class TextQuery(NamedTuple):
    """What is searched for a text: words that a match holds, and words that were left out."""

    choices: tuple[QueryTerm, ...]
    dropped: tuple[str, ...] = ()
    """Words that were left out, and characters of a run that was searched in pieces."""
    whole: int = 0
    """Key of the whole text, for what is called exactly that; 0 where it was not searched."""
    searches: int = 0
    """Searches that it took to choose these words; 0 where they are those that were typed."""
    pieces: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Runs that were searched in pieces which leave nothing out, and the pieces."""
    without: tuple[QueryTerm, ...] = ()
    """Words that no match holds: typed behind a minus."""

    @property
    def corrected(self) -> dict[str, tuple[str, ...]]:
        """What was meant by each word that was not searched as typed."""
        meant = {choice.typed: choice.meant for choice in self.choices if choice.meant}
        return meant | dict(self.pieces) if self.choices else {}


CategoryNames = Callable[[Sequence[str]], Iterator[str]]


class SegmentTerms:
    """The words of one segment.

    Parameters
    ----------
    segment
        Whose vocabulary and postings are read.
    worth
        `ranking.Weights.relevance_value`.
    category_names
        Names of categories and of those that hold them, by their ids.
    """

    def __init__(self, segment: Segment, worth: float, category_names: CategoryNames) -> None:
        self._segment = segment
        self._category_names = category_names
        text = SegmentText(segment)
        self._postings, self._vocabulary = text.postings, text.vocabulary
        self._unions = Unions(text.postings)
        self._note_common = kernels().fill_common
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
        """No words: every document matches."""
        self.match_none = self._words(self.match_all, [_EMPTY], 1)
        """Words that no document has."""

    def is_term(self, key: int) -> bool:
        """Whether some document holds a term."""
        return self._vocabulary.term(key) >= 0

    def finds_more(self, terms: tuple[int, ...], readings: tuple[Variant, ...]) -> bool:
        """Whether some document has all of these terms and is in none of the readings."""
        spans = self._spans(terms)
        if not spans:
            return False
        found, _ = self._unions.union([(spans, 1.0)], most=CLOSE_DOCS)
        known = [(spans, each.factor) for each in readings if (spans := self._spans(each.terms))]
        if not known:
            return True
        others, _ = self._unions.union(known, most=CLOSE_DOCS)
        return bool(np.isin(found, others, invert=True).any())

    def doc_freq(self, readings: tuple[Variant, ...]) -> int:
        """Documents of the rarest term of each reading, added up: at least those that match."""
        return sum(
            min(end - begin for begin, end in spans)
            for reading in readings
            if (spans := self._spans(reading.terms))
        )

    def alternatives(self, word: Word) -> Iterator[tuple[Variant, str]]:
        """Readings of what may have been meant, best first in each kind, and what they say."""
        is_heard = is_told = False
        sounds = sound_readings(word)
        for terms in sounds:
            is_heard |= bool(self._spans(terms))
            said = self._heard(terms) if word.kind == "cjk" else ""
            yield Variant(terms, SOUND_FACTOR), said
        for way in near_sounds(word, self.is_term):
            terms = sound_keys(way)
            said = self._heard(terms)
            # What has another reading that was typed is no guess.
            if said and not any(heard_in(said, exact) for exact in sounds):
                is_told = True
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
                # What is pinyin is searched as typed, though the name goes on. `xi'an` is not 先.
                said = "" if is_heard else self._as_written(row, vocabulary.text(row))
                yield Variant((key,), PREFIX_FACTOR), said
        for row, text, distance in vocabulary.similar(word.text, limit=CLOSE_READINGS):
            reading = Variant((self._key(row),), TYPO_FACTORS[distance])
            said = self._as_written(row, text)
            # Pinyin is told only where nothing else is.
            is_pinyin = self._key(row) >> KIND_BITS == PINYIN
            yield reading, "" if is_told and is_pinyin and said == text else said
        span = initials_range(word)
        if span is not None:
            rows = vocabulary.rows_between(*span)
            # The shortest names begin the range: typed in full, initials mean those.
            for row in rows[:CLOSE_READINGS]:
                key = self._key(row)
                whole = key == span[0] and len(word.text) >= TELLING_INITIALS
                yield Variant((key,), ALL_INITIALS_FACTOR if whole else INITIALS_FACTOR), ""

    def with_initials(self, letters: str) -> list[int]:
        """Keys of the first initials that begin with some letters, the shortest first."""
        span = initials_range(Word(letters, "latin", ()))
        rows = [] if span is None else self._vocabulary.rows_between(*span)
        return [self._key(row) for row in rows[:CLOSE_READINGS]]

    def _heard(self, terms: tuple[int, ...]) -> str:
        """Characters of some shop that sound like these terms; empty without such."""
        return next(filter(None, (heard_in(text, terms) for text in self._texts(terms))), "")

    def _as_written(self, row: int, text: str) -> str:
        """The text of a row as a person reads it: pinyin as the characters of some shop."""
        key = self._key(row)
        if key >> KIND_BITS != PINYIN:
            return text
        return next(filter(None, (spelled_in(one, text) for one in self._texts((key,)))), text)

    def _texts(self, terms: tuple[int, ...]) -> Iterator[str]:
        """What some shops with all of these terms are called, and what they are."""
        spans = self._spans(terms)
        if not spans:
            return
        docs, _ = self._unions.union([(spans, 1.0)], most=CLOSE_DOCS)
        for doc in docs[:SHOPS_ASKED].tolist():
            shop = orjson.loads(self._segment.merchant_payload(doc))
            yield from filter(None, [shop["name"], shop.get("brand"), *(shop.get("aliases") or ())])
            yield from self._category_names(shop.get("categories") or ())

    def words(self, text_query: TextQuery, shares: tuple[float, ...]) -> Words:
        """Lists that a match is in, shortest first; `match_none` for no word at all.

        Parameters
        ----------
        shares
            Part of the relevance of all words that each one gives; they add up to 1.
        """
        lists: list[_List] = []
        for choice, share in zip(text_query.choices, shares, strict=True):
            lists += self._lists(choice, share * (1.0 - WHOLE_SHARE))
        if not lists or not all(part.size for part in lists):
            return self.match_none
        lists.sort(key=lambda part: part.size)
        if text_query.without:
            lists[0] = self._without(lists[0], text_query.without)
            if not lists[0].size:
                return self.match_none
        required = len(lists)
        whole = self._spans((text_query.whole,))
        if whole:
            lists.append(_List(*whole[0], WHOLE_SHARE / _STEPS))
        if any(part.own is not None for part in lists):
            return self._joined(lists, required)
        return self._words(self.match_all, lists, required)

    def _without(self, part: _List, choices: tuple[QueryTerm, ...]) -> _List:
        """A list without the documents that hold any of some words."""
        readings = [reading for choice in choices for reading in choice.readings]
        taken = [(spans, 1.0) for each in readings if (spans := self._spans(each.terms))]
        if not taken:
            return part
        docs, impacts = part.own or (
            self._postings.doc[part.begin : part.end],
            self._postings.impact[part.begin : part.end],
        )
        left = np.isin(docs, self._unions.union(taken, most=len(self._segment))[0], invert=True)
        own = docs[left], impacts[left]
        return _List(0, len(own[0]), part.weight, own)

    def noted(self, words: Words) -> Words:
        """The same lists with `below`, where they are long enough: some 100 us of work."""
        span = words.span[: words.required]
        size = span[0, 1] - span[0, 0]
        if size == 0 or size * RARE < len(self._segment) or len(words.below):
            return words
        starts = self._segment.columns.level_start
        below = np.zeros(starts[-1], np.uint16)
        self._note_common(words.docs, span, starts, below, np.empty(len(span), np.int64))
        return words._replace(below=below)

    def _words(self, source: Words, lists: list[_List], required: int) -> Words:
        return source._replace(
            span=np.array([[part.begin, part.end] for part in lists], np.int64),
            weight=np.array([part.weight for part in lists]),
            required=required,
            carried=min(required, MAX_CARRIED),
        )

    def _joined(self, lists: list[_List], required: int) -> Words:
        """Lists in arrays of their own, as one of them is not in the postings."""
        own = [
            part.own
            or (
                self._postings.doc[part.begin : part.end],
                self._postings.impact[part.begin : part.end],
            )
            for part in lists
        ]
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
        """Lists that a match of a word is in: those of its terms, or that of all its readings."""
        if len(choice.readings) > 1:
            return [self._union(choice.readings, share)]
        reading = choice.readings[0]
        weight = reading.factor * share / len(reading.terms) / _STEPS
        return [_List(begin, end, weight) for begin, end in self._spans(reading.terms)] or [_EMPTY]

    def _spans(self, terms: tuple[int, ...]) -> Spans:
        """Where the postings of each term stand; none where a term has none."""
        spans = tuple(self._span(key) for key in terms)
        return spans if all(begin < end for begin, end in spans) else ()

    def _span(self, key: int) -> tuple[int, int]:
        """Where the postings of a term stand, empty where it has none."""
        return self._spans_kept.get(key) or self._note(key, self._vocabulary.term(key))

    def _note(self, key: int, row: int) -> tuple[int, int]:
        """Keep where the postings of a row stand, -1 for none, under its key."""
        begin = size = 0
        if row >= 0:
            begin, size = int(self._postings.begin[row]), int(self._postings.doc_freq[row])
        return self._spans_kept.keep(key, (begin, begin + size), _SPAN_BYTES)

    def _key(self, row: int) -> int:
        """Key of a row, whose postings will be asked for: noted, it is not looked up again."""
        key = self._vocabulary.key(row)
        self._note(key, row)
        return key

    def _union(self, readings: Iterable[Variant], share: float) -> _List:
        """Documents that hold any of the readings, each worth what its best one is."""
        taken = [(spans, each.factor) for each in readings if (spans := self._spans(each.terms))]
        own = self._unions.union(taken, most=CLOSE_DOCS)
        return _List(0, len(own[0]), share / _STEPS, own)
