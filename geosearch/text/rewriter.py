"""Which words are searched for a text: as typed, as perhaps meant, or as many as are found.

Useful for: `searcher`, for all its segments at once.
Not useful for: what a term is (`indexes.text.analysis`), lists of documents (`segment_terms`), or
whether words are found nearby: `searcher` asks the kernel that.

Close readings are looked up only for a word that is not found nearby as typed: words that begin
with it, words within one or two typing mistakes, names that sound like it or have its initials. So
an exact match is never outranked by a guess.

Rewording takes at most `MOST_SEARCHES` searches, whatever was typed, and `explain` counts them.
Words past the bounds are left out and named in `relaxed`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from math import log
from sys import getsizeof
from typing import Any, NamedTuple

from geosearch.kernel.criteria import Words
from geosearch.text import rewording
from geosearch.text.rewording import Lookups, reworded
from geosearch.text.segment_terms import SOUND_FACTOR, QueryTerm, SegmentTerms, TextQuery, Variant
from geosearch.text.word_roles import AREA, CONTENT, role
from geosearch.text.word_roles import is_phrase as is_function
from indexes.cache import BoundedCache
from indexes.terms.keys import PINYIN, WORD, Word, text_key
from indexes.text.analysis import beside, read_words, whole_key
from indexes.text.pinyin import sound_readings
from indexes.text.writings import Writing, writings

REPORTED_WORDS = 5
"""Most words that an answer names as meant by a word."""

LISTS_BYTES = 64 << 20
TEXT_BYTES = 16 << 20
CLOSE_BYTES = 8 << 20
"""What was made for a text is kept for the next one like it: lists of documents, words, and what
may have been meant by one."""

_LISTS_BYTES = 1_024
"""Of lists in one segment, without their documents."""

_WORD_BYTES = 2_048
"""Of a word as it was typed, at most."""

_LEFT_OUT_BYTES = 128
"""Of a word that is left out, at most, without its characters."""

_UNKNOWN = QueryTerm("", ())

_Searched = tuple[tuple[QueryTerm, ...], int, tuple[QueryTerm, ...]]
"""The parts of a wording that decide its lists."""

_UNWANTED = re.compile(r"(?<=\s)-(?=[^\W_])\S+")
"""A word that no match holds: `招商 -公司`. A minus within a word, or alone, only joins."""

MOST_READINGS = 16
"""Of neighbouring words that are one."""

MOST_SEARCHES = 64
"""Searches for words to find something nearby with: some 10 ms in a city of 100,000 shops."""


class Typed(NamedTuple):
    """A text as it was typed: the words of each choice, none changed, and each segment's lists."""

    words: tuple[tuple[Word, ...], ...]
    text_query: TextQuery
    """Its `dropped` are the words past the bound on their number."""
    lists: tuple[Words, ...]
    again: bool = False
    """Whether it came more than once, so that the lists are worth some work; see
    `SegmentTerms.noted`.
    """


class Rewriter:
    """Reads texts for all segments of a searcher.

    Parameters
    ----------
    segments
        One of each segment.
    docs
        Number of documents of all of them.
    """

    def __init__(self, segments: Sequence[SegmentTerms], docs: int) -> None:
        self._segments = segments
        self._docs = docs
        self._read = BoundedCache[str, Typed](TEXT_BYTES)
        self._lists = BoundedCache[_Searched, tuple[Words, ...]](LISTS_BYTES)
        self._close = BoundedCache[Word, QueryTerm | None](CLOSE_BYTES)

    def as_typed(self, text: str) -> Typed:
        """A text as it was typed, for a question with it."""
        found = self._read.get(text)
        if found is None:
            return self._typed(text)
        if not found.again:
            lists = self._noted(found.text_query)
            found = self._keep_text(text, found._replace(lists=lists, again=True))
        return found

    def _typed(self, text: str) -> Typed:
        """A text as it was typed; kept, as the same few come again and again."""
        found = self._read.get(text)
        if found is None:
            wanted = _UNWANTED.sub(" ", text)
            whole = whole_key(wanted)

            def is_phrase(piece: str) -> bool:
                # What is a name as a whole is not cut at a phrase inside it.
                return (
                    is_function(piece)
                    or any(segment.is_phrase(piece) for segment in self._segments)
                    or (whole_key(piece) == whole and self._is_term(whole))
                )

            words, left_out = read_words(wanted, is_phrase)
            groups, exact = self._written(words)
            text_query = TextQuery(exact, tuple(left_out), whole)
            if words and wanted != text:
                unwanted = read_words(" ".join(_UNWANTED.findall(text)), is_phrase)[0]
                text_query = text_query._replace(without=tuple(map(self.exact, unwanted)))
            found = self._keep_text(text, Typed(groups, text_query, self.lists(text_query)))
        return found

    def _written(
        self, words: list[Word]
    ) -> tuple[tuple[tuple[Word, ...], ...], tuple[QueryTerm, ...]]:
        """Words as typed, and in other ways to write them that find more, some of them as one."""
        choices = {(at, at + 1): self.exact(word) for at, word in enumerate(words)}
        for way in writings(words):
            span = (way.first, way.end)
            if not all(map(self._is_term, way.terms)) or not (
                span in choices or all((at, at + 1) in choices for at in range(*span))
            ):
                continue
            known = choices.get(span) or _together(words[slice(*span)], choices, way.first)
            factor = SOUND_FACTOR if way.by_sound else 1.0
            more = tuple(
                Variant(terms, factor)
                for terms in self._terms_of(way, words[slice(*span)])
                if any(segment.finds_more(terms, known.readings) for segment in self._segments)
            )
            if more:
                for at in range(*span):
                    choices.pop((at, at + 1), None)
                choices[span] = QueryTerm(known.typed, (*known.readings, *more))
        spans = sorted(choices)
        groups = tuple(tuple(words[slice(*span)]) for span in spans)
        return groups, tuple(choices[span] for span in spans)

    def _terms_of(self, way: Writing, words: Sequence[Word]) -> Iterable[tuple[int, ...]]:
        """The terms of a way to write words, with each key of its initials if it has some.

        Letters that some shop has as a word are no initials: `银行atm`.
        """
        if not way.initials:
            return [way.terms]
        if any(word.kind == "latin" and self._is_term(text_key(WORD, word.text)) for word in words):
            return []
        found = (key for segment in self._segments for key in segment.with_initials(way.initials))
        return [(*way.terms, key) for key in dict.fromkeys(found)]

    def _keep_text(self, text: str, typed: Typed) -> Typed:
        # The text, its words and what is left out; the words have the terms of their choices.
        size = 4 * getsizeof(text) + 2 * _nbytes(typed.text_query.choices)
        size += _LEFT_OUT_BYTES * len(typed.text_query.dropped)
        return self._read.keep(text, typed, size + self._size(typed.lists))

    def together(self, text: str) -> TextQuery | None:
        """A text with each number and the word beside it as one; None where no address has them.

        Words in one field together beat words that are scattered: `201 mission street` is one
        house, not number 201 of another street in the Mission District.
        """
        typed = self._typed(text)
        words = [word for group in typed.words for word in group]
        if len(words) != len(typed.words):
            return None
        choices = list(typed.text_query.choices)
        found = [(at, key) for at, key in beside(words) if self._is_term(key)]
        for at, key in found:
            name = f"{words[at].text} {words[at + 1].text}"
            choices[at] = choices[at + 1] = QueryTerm(name, (Variant((key,)),))
        return typed.text_query._replace(choices=tuple(dict.fromkeys(choices))) if found else None

    def lists(self, text_query: TextQuery) -> tuple[Words, ...]:
        """What each segment is searched for; kept too."""
        searched = (text_query.choices, text_query.whole, text_query.without)
        found = self._lists.get(searched)
        if found is None:
            shares = self._shares(text_query.choices)
            found = tuple(segment.words(text_query, shares) for segment in self._segments)
            self._keep_lists(searched, found)
        return found

    def _noted(self, text_query: TextQuery) -> tuple[Words, ...]:
        """`lists`, the long ones with `below`; from now on these are kept."""
        known = self.lists(text_query)
        found = tuple(
            segment.noted(words) for segment, words in zip(self._segments, known, strict=True)
        )
        if any(one is not before for one, before in zip(found, known, strict=True)):
            self._keep_lists((text_query.choices, text_query.whole, text_query.without), found)
        return found

    def _keep_lists(self, searched: _Searched, lists: tuple[Words, ...]) -> None:
        self._lists.keep(searched, lists, _nbytes(searched[0]) + self._size(lists))

    def _size(self, lists: tuple[Words, ...]) -> int:
        """Bytes of lists, without what is in the postings of a segment."""
        size = len(lists) * _LISTS_BYTES
        for words, segment in zip(lists, self._segments, strict=True):
            size += words.below.nbytes
            if words.docs is not segment.match_all.docs:
                size += words.docs.nbytes + words.impacts.nbytes + words.blocks.nbytes
        return size

    def are_somewhere(self, lists: tuple[Words, ...]) -> bool:
        """Whether some segment has documents for every word of `lists`, if not in one place."""
        segments = zip(lists, self._segments, strict=True)
        return any(words is not segment.match_none for words, segment in segments)

    def exact(self, word: Word) -> QueryTerm:
        """A word as typed; pinyin is, where it is that of a whole name, then of longer ones too."""
        readings = tuple(Variant(terms) for terms in word.readings)
        pinyin = text_key(PINYIN, word.text)
        if word.kind == "latin" and self._is_term(pinyin):
            readings += (Variant((pinyin,), SOUND_FACTOR),)
            for terms in sound_readings(word):
                if any(segment.finds_more(terms, readings) for segment in self._segments):
                    readings += (Variant(terms, SOUND_FACTOR),)
        return QueryTerm(word.text, readings)

    def _is_term(self, key: int) -> bool:
        return any(segment.is_term(key) for segment in self._segments)

    def alternatives(self, word: Word) -> QueryTerm | None:
        """What may have been meant by a word that is not found as typed; None without an idea."""
        found = self._close.get(word, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._look_around(word)
            self._close.keep(word, found, _WORD_BYTES + (0 if found is None else found.nbytes))
        return found

    def _look_around(self, word: Word) -> QueryTerm | None:
        readings: dict[tuple[int, ...], Variant] = {}
        meant: dict[str, float] = {}
        for segment in self._segments:
            for reading, text in segment.alternatives(word):
                known = readings.get(reading.terms)
                if known is None or known.factor < reading.factor:
                    readings[reading.terms] = reading
                if text not in ("", word.text):
                    meant[text] = max(reading.factor, meant.get(text, 0.0))
        if not readings:
            return None
        best_first = sorted(readings.values(), key=lambda reading: -reading.factor)
        told = sorted(meant, key=lambda text: (-meant[text], len(text), text))[:REPORTED_WORDS]
        return QueryTerm(word.text, tuple(best_first), tuple(told), is_guess=True)

    def role(self, text: str) -> int:
        """Role of a word, one of `word_roles`; a name that no shop or category has is a place."""
        found = role(text)
        if found == CONTENT and any(segment.is_phrase(text) for segment in self._segments):
            return CONTENT if self._is_term(whole_key(text)) else AREA
        return found

    def telling(self, choice: QueryTerm) -> float:
        """How rare a word is, and twice that if a shop, a brand or a category is called so."""
        # A plural and its singular are in the same shops, mostly.
        rarity = min(self._rarity_of((reading,)) for reading in choice.readings)
        return 2.0 * rarity if self._is_term(whole_key(choice.typed)) else rarity

    def _shares(self, choices: tuple[QueryTerm, ...]) -> tuple[float, ...]:
        """Part of the relevance of all words that each one gives: the rarer it is, the more.

        Inverse document frequency as in BM25: Robertson and Zaragoza (2009), "The Probabilistic
        Relevance Framework: BM25 and Beyond", equation 3.2, kept above 0.
        """
        if len(choices) == 1:
            return (1.0,)
        rarities = [self._rarity(choice) for choice in choices]
        whole = sum(rarities)
        return tuple(rarity / whole for rarity in rarities)

    def _rarity(self, choice: QueryTerm) -> float:
        """Inverse document frequency of a word."""
        return self._rarity_of(choice.readings)

    def _rarity_of(self, readings: tuple[Variant, ...]) -> float:
        freq = min(sum(segment.doc_freq(readings) for segment in self._segments), self._docs)
        return log(1.0 + (self._docs - freq + 0.5) / (freq + 0.5))

    def described(self, text_query: TextQuery) -> list[dict[str, Any]]:
        """Words with their readings, for `explain`."""
        shares = self._shares(text_query.choices)
        return [
            {
                "typed": choice.typed,
                "meant": choice.meant,
                "share": share,
                "readings": [
                    {
                        "terms": len(reading.terms),
                        "factor": reading.factor,
                        "docs": sum(segment.doc_freq((reading,)) for segment in self._segments),
                    }
                    for reading in choice.readings
                ],
            }
            for choice, share in zip(text_query.choices, shares, strict=True)
        ]

    def reworded(self, text: str, is_found: Callable[[tuple[QueryTerm, ...]], bool]) -> TextQuery:
        """What to search for a text of which nothing that is asked for matches as typed.

        Words that are not found as typed give way to what may have been meant; of what is found
        then, the most telling words that are found together.

        Parameters
        ----------
        is_found
            Whether a shop in the area holds all of these words, whatever else was asked for.

        Returns
        -------
        Wording
            That of `as_typed` where all words are found together, or none of them is.
        """
        typed = self._typed(text)
        lookups = Lookups(is_found, MOST_SEARCHES)
        return reworded(rewording.TypedWords(typed.words, typed.text_query), self, lookups)


def _together(
    words: Sequence[Word], choices: Mapping[tuple[int, int], QueryTerm], at: int
) -> QueryTerm:
    """Neighbouring words as one: any reading of each."""
    each = [choices[place, place + 1].readings for place in range(at, at + len(words))]
    readings = (
        Variant(
            tuple(dict.fromkeys(key for part in parts for key in part.terms)),
            min(part.factor for part in parts),
        )
        for parts in islice(product(*each), MOST_READINGS)
    )
    typed = "".join(
        word.text if number == 0 or word.is_glued else f" {word.text}"
        for number, word in enumerate(words)
    )
    return QueryTerm(typed, tuple(readings))


def _nbytes(choices: Iterable[QueryTerm]) -> int:
    return sum([choice.nbytes for choice in choices])
