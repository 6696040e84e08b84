"""Query rewriter: chooses the words to search for a text, as typed or as perhaps meant.

Useful for: `searcher`, for all its segments.
Not useful for: cutting text into terms (`indexes.text.analysis`), the documents of words
(`segment_terms`), or choosing which words to leave out (`rewording`).

The rewriter looks for alternatives only if a word is not found nearby as typed: words that begin
with it, words within one or two typing mistakes, names that sound like it or have its initials. So
a guess never outranks an exact match.

Rewording takes at most `MOST_SEARCHES` searches for any text, and `explain` counts them. It leaves
out words past the bounds, and the answer names them in `relaxed`.
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
from indexes.allowance import take
from indexes.cache import BoundedCache
from indexes.terms.keys import PINYIN, WORD, Word, text_key
from indexes.text.analysis import beside, read_words, whole_key
from indexes.text.pinyin import sound_readings
from indexes.text.writings import Writing, writings

REPORTED_WORDS = 5
"""Most alternatives of a word that an answer names."""

LISTS_BYTES = 64 << 20
TEXT_BYTES = 16 << 20
CLOSE_BYTES = 8 << 20
"""Most bytes of three caches: word lists by words, words by text, and alternatives by word."""

_LISTS_BYTES = 1_024
"""Bytes of word lists in one segment, without their documents."""

_WORD_BYTES = 2_048
"""Most bytes of a typed word."""

_LEFT_OUT_BYTES = 128
"""Most bytes of a left-out word, without its characters."""

_UNKNOWN = QueryTerm("", ())

_Searched = tuple[tuple[QueryTerm, ...], int, tuple[QueryTerm, ...]]
"""The parts of a `TextQuery` that its lists depend on."""

_UNWANTED = re.compile(r"(?<=\s)-(?=[^\W_])\S+")
"""A word that no match may hold: `招商 -公司`. A minus within a word, or alone, only joins."""

MOST_READINGS = 16
"""Most readings of neighbouring words that are joined."""

READING_WORK = 500
"""Steps of work that finding an alternative of a word takes, some 50 us."""

MOST_SEARCHES = 64
"""Most searches of a rewording: some 10 ms in a city of 100,000 shops."""


def effort(text_query: TextQuery) -> dict[str, int | bool]:
    """Number of searches that chose the words, its bound, and whether the bound cut them off."""
    searches = text_query.searches
    return {"searches": searches, "most_searches": MOST_SEARCHES, "cut": searches >= MOST_SEARCHES}


class Typed(NamedTuple):
    """A text as typed: the words of each query term, the terms, and each segment's lists."""

    words: tuple[tuple[Word, ...], ...]
    text_query: TextQuery
    """The query terms; `dropped` has the words past the bound on their number."""
    lists: tuple[Words, ...]
    again: bool = False
    """Whether a second query had this text, so `SegmentTerms.with_below` has seen its lists."""


class Rewriter:
    """Rewrites texts for all segments of a searcher.

    Parameters
    ----------
    segments
        The terms of each segment.
    docs
        Number of documents in all segments.
    """

    def __init__(self, segments: Sequence[SegmentTerms], docs: int) -> None:
        self._segments = segments
        regional = [one.everywhere for one in segments if one.everywhere is not one]
        own = [one for one in segments if one.everywhere is one]
        self._known = [*own, *regional[:1]]
        """Terms that say what words mean, also those that only shops of other regions have.

        What one region knows of shops everywhere, all know.
        """
        self._docs = docs + sum(map(len, self._known)) - sum(map(len, segments))
        self._read = BoundedCache[str, Typed](TEXT_BYTES)
        self._lists = BoundedCache[_Searched, tuple[Words, ...]](LISTS_BYTES)
        self._close = BoundedCache[Word, QueryTerm | None](CLOSE_BYTES)

    def as_typed(self, text: str) -> Typed:
        """The words of a text as typed, with lists; its second query fills `Words.below`."""
        found = self._read.get(text)
        if found is None:
            return self._typed(text)
        if not found.again:
            lists = self._with_below(found.text_query)
            found = self._keep_text(text, found._replace(lists=lists, again=True))
        return found

    def _typed(self, text: str) -> Typed:
        """The words of a text as typed; cached, because a few texts recur."""
        found = self._read.get(text)
        if found is None:
            wanted = _UNWANTED.sub(" ", text)
            whole = whole_key(wanted)

            def is_phrase(piece: str) -> bool:
                # A text that is a name as a whole stays whole.
                return (
                    is_function(piece)
                    or any(segment.is_phrase(piece) for segment in self._known)
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
        """Groups of words and a query term for each group.

        A term has the readings of the words as typed, and of other ways to write them that find
        more documents. Such a way may join neighbouring words into one group.
        """
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
                if any(segment.finds_more(terms, known.readings) for segment in self._known)
            )
            if more:
                for at in range(*span):
                    choices.pop((at, at + 1), None)
                choices[span] = QueryTerm(known.typed, (*known.readings, *more))
        spans = sorted(choices)
        groups = tuple(tuple(words[slice(*span)]) for span in spans)
        return groups, tuple(choices[span] for span in spans)

    def _terms_of(self, way: Writing, words: Sequence[Word]) -> Iterable[tuple[int, ...]]:
        """Terms of a way to write words; one tuple for each key of its initials if it has some.

        Letters that a shop has as a word are no initials: `银行atm`.
        """
        if not way.initials:
            return [way.terms]
        if any(word.kind == "latin" and self._is_term(text_key(WORD, word.text)) for word in words):
            return []
        found = (key for segment in self._known for key in segment.with_initials(way.initials))
        return [(*way.terms, key) for key in dict.fromkeys(found)]

    def _keep_text(self, text: str, typed: Typed) -> Typed:
        # The text, its words and the left-out words; words and query terms share their terms.
        size = 4 * getsizeof(text) + 2 * _nbytes(typed.text_query.choices)
        size += _LEFT_OUT_BYTES * len(typed.text_query.dropped)
        return self._read.keep(text, typed, size + self._size(typed.lists))

    def together(self, text: str) -> TextQuery | None:
        """The text with each number and the word beside it joined; None if no address has them.

        Neighbouring words in one field beat scattered words: `201 mission street` is one house,
        not number 201 of another street in the Mission District.
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
        """The word lists of a text in each segment; cached."""
        searched = (text_query.choices, text_query.whole, text_query.without)
        found = self._lists.get(searched)
        if found is None:
            shares = self._shares(text_query.choices)
            found = tuple(segment.words(text_query, shares) for segment in self._segments)
            self._keep_lists(searched, found)
        return found

    def _with_below(self, text_query: TextQuery) -> tuple[Words, ...]:
        """`lists`, the long ones with `below`; the cache keeps these from now on."""
        known = self.lists(text_query)
        found = tuple(
            segment.with_below(words) for segment, words in zip(self._segments, known, strict=True)
        )
        if any(one is not before for one, before in zip(found, known, strict=True)):
            self._keep_lists((text_query.choices, text_query.whole, text_query.without), found)
        return found

    def _keep_lists(self, searched: _Searched, lists: tuple[Words, ...]) -> None:
        self._lists.keep(searched, lists, _nbytes(searched[0]) + self._size(lists))

    def _size(self, lists: tuple[Words, ...]) -> int:
        """Bytes of lists, without the arrays that they share with a segment's postings."""
        size = len(lists) * _LISTS_BYTES
        for words, segment in zip(lists, self._segments, strict=True):
            size += words.below.nbytes
            if words.docs is not segment.match_all.docs:
                size += words.docs.nbytes + words.impacts.nbytes + words.blocks.nbytes
        return size

    def are_somewhere(self, lists: tuple[Words, ...]) -> bool:
        """Whether some segment has documents for each word, not necessarily one for all words."""
        segments = zip(lists, self._segments, strict=True)
        return any(words is not segment.match_none for words, segment in segments)

    def exact(self, word: Word) -> QueryTerm:
        """Query term of a word as typed.

        If the word is the pinyin of a whole name, its readings include that name, and longer
        names that sound like it if these find more documents.
        """
        readings = tuple(Variant(terms) for terms in word.readings)
        pinyin = text_key(PINYIN, word.text)
        if word.kind == "latin" and self._is_term(pinyin):
            readings += (Variant((pinyin,), SOUND_FACTOR),)
            for terms in sound_readings(word):
                if any(segment.finds_more(terms, readings) for segment in self._known):
                    readings += (Variant(terms, SOUND_FACTOR),)
        return QueryTerm(word.text, readings)

    def _is_term(self, key: int) -> bool:
        return any(segment.is_term(key) for segment in self._known)

    def alternatives(self, word: Word) -> QueryTerm | None:
        """Alternatives of a word that is not found as typed; None if there are none. Cached."""
        found = self._close.get(word, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._look_around(word)
            self._close.keep(word, found, _WORD_BYTES + (0 if found is None else found.nbytes))
        return found

    def _look_around(self, word: Word) -> QueryTerm | None:
        readings: dict[tuple[int, ...], Variant] = {}
        meant: dict[str, float] = {}
        for segment in self._known:
            for reading, text in segment.alternatives(word):
                take(READING_WORK)
                known = readings.get(reading.terms)
                if known is None or known.factor < reading.factor:
                    readings[reading.terms] = reading
                if text not in ("", word.text):
                    meant[text] = max(reading.factor, meant.get(text, 0.0))
        if not readings:
            return None
        best_first = sorted(readings.values(), key=lambda reading: -reading.factor)
        reported = sorted(meant, key=lambda text: (-meant[text], len(text), text))[:REPORTED_WORDS]
        return QueryTerm(word.text, tuple(best_first), tuple(reported), is_guess=True)

    def role(self, text: str) -> int:
        """Role of a word, one of `word_roles`.

        A known name that no shop, brand or category is called by is an `AREA`.
        """
        found = role(text)
        if found == CONTENT and any(segment.is_phrase(text) for segment in self._known):
            return CONTENT if self._is_term(whole_key(text)) else AREA
        return found

    def weight(self, choice: QueryTerm) -> float:
        """Weight of a word: its rarity, doubled if it is the name of a shop, brand or category."""
        # Mostly the same shops have a plural and its singular: the more common reading counts.
        rarity = min(self._rarity_of((reading,)) for reading in choice.readings)
        return 2.0 * rarity if self._is_term(whole_key(choice.typed)) else rarity

    def _shares(self, choices: tuple[QueryTerm, ...]) -> tuple[float, ...]:
        """Share of each word in the relevance, higher for rarer words; the shares add up to 1.

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
        freq = min(sum(segment.doc_freq(readings) for segment in self._known), self._docs)
        return log(1.0 + (self._docs - freq + 0.5) / (freq + 0.5))

    def described(self, text_query: TextQuery) -> list[dict[str, Any]]:
        """Description of the words and their readings for `explain`."""
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
                        "docs": sum(segment.doc_freq((reading,)) for segment in self._known),
                    }
                    for reading in choice.readings
                ],
            }
            for choice, share in zip(text_query.choices, shares, strict=True)
        ]

    def reworded(self, text: str, is_found: Callable[[tuple[QueryTerm, ...]], bool]) -> TextQuery:
        """Other words for a text that matches nothing as typed.

        Alternatives replace words that are not found as typed. The result has the heaviest
        words of those that are found together.

        Parameters
        ----------
        is_found
            Whether a shop in the area holds all of these words; other conditions do not count.

        Returns
        -------
        TextQuery
            That of `as_typed` if all words are found together, or if no useful word is found.
        """
        typed = self._typed(text)
        lookups = Lookups(is_found, MOST_SEARCHES)
        return reworded(rewording.TypedWords(typed.words, typed.text_query), self, lookups)


def _together(
    words: Sequence[Word], choices: Mapping[tuple[int, int], QueryTerm], at: int
) -> QueryTerm:
    """One query term for neighbouring words: at most `MOST_READINGS` combinations of readings."""
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
