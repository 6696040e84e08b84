"""Which words are searched for a text: as typed, as perhaps meant, or as many as are found.

Useful for: `searcher`, for all its segments at once.
Not useful for: what a term is (`indexes.analysis`), lists of documents (`word_book`), or whether
words are found nearby: `searcher` asks the kernel that.

Close readings are looked up only for a word that is not found nearby as typed: words that begin
with it, words within one or two typing mistakes, names that sound like it or have its initials. So
an exact match is never outranked by a guess.

Rewording takes at most `MOST_SEARCHES` searches, whatever was typed, and `explain` counts them.
Words past the bounds are left out and named in `relaxed`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from math import log
from sys import getsizeof
from typing import Any, NamedTuple

from geosearch.cache import BoundedCache
from geosearch.columns import Words
from geosearch.word_book import SOUND_FACTOR, Choice, Reading, WordBook, Wording
from indexes.analysis import read_words, whole_key
from indexes.terms import PINYIN, Word, text_key

TOLD_WORDS = 5
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

_UNKNOWN = Choice("", ())

_Searched = tuple[tuple[Choice, ...], int]
"""The parts of a wording that decide its lists."""

MOST_WORDS = 8
"""Words that are tried together."""

MOST_SEARCHES = 64
"""Searches for words to find something nearby with: some 10 ms in a city of 100,000 shops."""


class Typed(NamedTuple):
    """A text as it was typed: its words, none of them changed, and each segment's lists."""

    words: tuple[Word, ...]
    wording: Wording
    """Its `dropped` are the words past the bound on their number."""
    lists: tuple[Words, ...]
    again: bool = False
    """Whether it came more than once, so that the lists are worth some work; see `WordBook.noted`.
    """


class _Lookups:
    """Asks whether words are found together nearby, each question once and no more than allowed.

    Parameters
    ----------
    is_found
        What is asked.
    """

    def __init__(self, is_found: Callable[[tuple[Choice, ...]], bool]) -> None:
        self._is_found = is_found
        self._known: dict[tuple[Choice, ...], bool] = {}
        self._apart: list[frozenset[Choice]] = []

    @property
    def searches(self) -> int:
        """How many questions were asked."""
        return len(self._known)

    def may_find(self, choices: tuple[Choice, ...]) -> bool:
        """Whether words may be found together, from what is known of some of them."""
        words = frozenset(choices)
        return not any(apart <= words for apart in self._apart)

    def __call__(self, choices: tuple[Choice, ...]) -> bool:
        """Whether words are found together; False where no more may be asked."""
        found = self._known.get(choices)
        if found is None:
            if len(self._known) >= MOST_SEARCHES:
                return False
            found = self._known[choices] = self._is_found(choices)
            self._apart += [] if found else [frozenset(choices)]
        return found


class Interpreter:
    """Reads texts for all segments of a searcher.

    Parameters
    ----------
    books
        One of each segment.
    docs
        Number of documents of all of them.
    """

    def __init__(self, books: Sequence[WordBook], docs: int) -> None:
        self._books = books
        self._docs = docs
        self._read = BoundedCache[str, Typed](TEXT_BYTES)
        self._lists = BoundedCache[_Searched, tuple[Words, ...]](LISTS_BYTES)
        self._close = BoundedCache[Word, Choice | None](CLOSE_BYTES)

    def as_typed(self, text: str) -> Typed:
        """A text as it was typed, for a question with it."""
        found = self._read.get(text)
        if found is None:
            return self._typed(text)
        if not found.again:
            lists = self._noted(found.wording)
            found = self._keep_text(text, found._replace(lists=lists, again=True))
        return found

    def _typed(self, text: str) -> Typed:
        """A text as it was typed; kept, as the same few come again and again."""
        found = self._read.get(text)
        if found is None:
            whole = whole_key(text)

            def is_phrase(piece: str) -> bool:
                # What is a name as a whole is not cut at a phrase inside it.
                return any(book.is_phrase(piece) for book in self._books) or (
                    whole_key(piece) == whole and self._is_term(whole)
                )

            words, left_out = read_words(text, is_phrase)
            exact = tuple(self._exact(word) for word in words)
            wording = Wording(exact, tuple(left_out), whole)
            found = self._keep_text(text, Typed(tuple(words), wording, self.lists(wording)))
        return found

    def _keep_text(self, text: str, typed: Typed) -> Typed:
        # The text, its words and what is left out; the words have the terms of their choices.
        size = 4 * getsizeof(text) + 2 * _nbytes(typed.wording.choices)
        size += _LEFT_OUT_BYTES * len(typed.wording.dropped)
        return self._read.keep(text, typed, size + self._size(typed.lists))

    def lists(self, wording: Wording) -> tuple[Words, ...]:
        """What each segment is searched for; kept too."""
        searched = (wording.choices, wording.whole)
        found = self._lists.get(searched)
        if found is None:
            shares = self._shares(wording.choices)
            found = tuple(book.words(wording, shares) for book in self._books)
            self._keep_lists(searched, found)
        return found

    def _noted(self, wording: Wording) -> tuple[Words, ...]:
        """`lists`, the long ones with `below`; from now on these are kept."""
        known = self.lists(wording)
        found = tuple(book.noted(words) for book, words in zip(self._books, known, strict=True))
        if any(one is not before for one, before in zip(found, known, strict=True)):
            self._keep_lists((wording.choices, wording.whole), found)
        return found

    def _keep_lists(self, searched: _Searched, lists: tuple[Words, ...]) -> None:
        self._lists.keep(searched, lists, _nbytes(searched[0]) + self._size(lists))

    def _size(self, lists: tuple[Words, ...]) -> int:
        """Bytes of lists, without what is in the postings of a segment."""
        size = len(lists) * _LISTS_BYTES
        for words, book in zip(lists, self._books, strict=True):
            size += words.below.nbytes
            if words.docs is not book.none.docs:
                size += words.docs.nbytes + words.impacts.nbytes + words.blocks.nbytes
        return size

    def are_somewhere(self, lists: tuple[Words, ...]) -> bool:
        """Whether some segment has documents for every word of `lists`, if not in one place."""
        books = zip(lists, self._books, strict=True)
        return any(words is not book.nothing for words, book in books)

    def _exact(self, word: Word) -> Choice:
        """A word as typed; pinyin is, where it is that of a whole name."""
        readings = tuple(Reading(terms) for terms in word.readings)
        pinyin = text_key(PINYIN, word.text)
        if word.kind == "latin" and self._is_term(pinyin):
            readings += (Reading((pinyin,), SOUND_FACTOR),)
        return Choice(word.text, readings)

    def _is_term(self, key: int) -> bool:
        return any(book.is_term(key) for book in self._books)

    def close(self, word: Word) -> Choice | None:
        """What may have been meant by a word that is not found as typed; None without an idea."""
        found = self._close.get(word, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._look_around(word)
            self._close.keep(word, found, _WORD_BYTES + (0 if found is None else found.nbytes))
        return found

    def _look_around(self, word: Word) -> Choice | None:
        readings: dict[tuple[int, ...], Reading] = {}
        meant: dict[str, float] = {}
        for book in self._books:
            for reading, text in book.close(word):
                known = readings.get(reading.terms)
                if known is None or known.factor < reading.factor:
                    readings[reading.terms] = reading
                if text not in ("", word.text):
                    meant[text] = max(reading.factor, meant.get(text, 0.0))
        if not readings:
            return None
        best_first = sorted(readings.values(), key=lambda reading: -reading.factor)
        told = sorted(meant, key=lambda text: (-meant[text], len(text), text))[:TOLD_WORDS]
        return Choice(word.text, tuple(best_first), tuple(told))

    def _shares(self, choices: tuple[Choice, ...]) -> tuple[float, ...]:
        """Part of the relevance of all words that each one gives: the rarer it is, the more.

        Inverse document frequency as in BM25: Robertson and Zaragoza (2009), "The Probabilistic
        Relevance Framework: BM25 and Beyond", equation 3.2, kept above 0.
        """
        if len(choices) == 1:
            return (1.0,)
        rarities = [self._rarity(choice) for choice in choices]
        whole = sum(rarities)
        return tuple(rarity / whole for rarity in rarities)

    def _rarity(self, choice: Choice) -> float:
        """Inverse document frequency of a word."""
        freq = min(sum(book.doc_freq(choice.readings) for book in self._books), self._docs)
        return log(1.0 + (self._docs - freq + 0.5) / (freq + 0.5))

    def described(self, wording: Wording) -> list[dict[str, Any]]:
        """Words with their readings, for `explain`."""
        shares = self._shares(wording.choices)
        return [
            {
                "typed": choice.typed,
                "meant": choice.meant,
                "share": share,
                "readings": [
                    {
                        "terms": len(reading.terms),
                        "factor": reading.factor,
                        "docs": sum(book.doc_freq((reading,)) for book in self._books),
                    }
                    for reading in choice.readings
                ],
            }
            for choice, share in zip(wording.choices, shares, strict=True)
        ]

    def _subsets(self, choices: tuple[Choice, ...]) -> list[tuple[Choice, ...]]:
        """Proper, non-empty subsets of words, in the order of the query, most telling first.

        Telling is the sum of rarities; ties go to the more words, then to the earlier ones.
        """
        rarity = {choice: self._rarity(choice) for choice in choices}
        found = [
            subset
            for size in range(len(choices) - 1, 0, -1)
            for subset in combinations(choices, size)
        ]
        return sorted(found, key=lambda subset: -sum(rarity[choice] for choice in subset))

    def reworded(self, text: str, is_found: Callable[[tuple[Choice, ...]], bool]) -> Wording:
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
        words, typed, _, _ = self._typed(text)
        lookups = _Lookups(is_found)
        if not words or lookups(typed.choices):
            return typed
        choices: list[Choice] = []
        dropped: list[str] = []
        # Before any guess: what guesses may take is then bounded by what is left for them.
        found_alone = [lookups((choice,)) for choice in typed.choices]
        for word, choice, alone in zip(words, typed.choices, found_alone, strict=True):
            found = [choice] if alone else self._instead(word, lookups)
            choices += found
            dropped += [] if found else [word.text]
        if not choices:
            return typed._replace(searches=lookups.searches)
        distinct = tuple(dict.fromkeys(choices))
        together, after = distinct[:MOST_WORDS], distinct[MOST_WORDS:]
        if together == typed.choices:
            reread = self._one_reread(words, together, lookups)
            found_together, together = reread is not None, reread or together
        else:
            found_together = lookups(together)
        if not found_together:
            subset = self._most_telling(together, lookups)
            after += tuple(choice for choice in together if choice not in subset)
            together = subset
        dropped += dict.fromkeys(choice.typed for choice in after)
        return Wording(together, (*dropped, *typed.dropped), typed.whole, searches=lookups.searches)

    def _most_telling(self, choices: tuple[Choice, ...], lookups: _Lookups) -> tuple[Choice, ...]:
        """The most telling of the words that are found together; each of them is found alone.

        First a good answer: from each word on, the others are added that are found with those
        before, the rarest first. Then what would be better is searched, the best first, as far as
        `MOST_SEARCHES` reach: what holds words that are not found together cannot be found.
        """
        subsets = [choices, *self._subsets(choices)]
        rarest_first = [subset[0] for subset in subsets if len(subset) == 1]
        best = len(subsets)
        rank = {subset: place for place, subset in enumerate(subsets)}
        for first in rarest_first:
            words = {first}
            for other in rarest_first:
                wider = tuple(choice for choice in choices if choice in words or choice is other)
                if lookups.may_find(wider) and lookups(wider):
                    words.add(other)
            best = min(best, rank[tuple(choice for choice in choices if choice in words)])
        better = (subset for subset in subsets[:best] if lookups.may_find(subset))
        return next(filter(lookups, better), subsets[best])

    def _one_reread(
        self,
        words: tuple[Word, ...],
        choices: tuple[Choice, ...],
        lookups: _Lookups,
    ) -> tuple[Choice, ...] | None:
        """Words that are found each, but not together, with the first that may be mistyped reread.

        Somewhere else the mistake may be a word: `chiba merchants bank` for `China`.
        """
        for at, word in enumerate(words[: len(choices)]):
            close = self.close(word)
            if close is not None:
                reread = (*choices[:at], close, *choices[at + 1 :])
                if lookups(reread):
                    return reread
        return None

    def _instead(self, word: Word, lookups: _Lookups) -> list[Choice]:
        """Words to search for one that is not found as typed: what was meant, or its parts."""
        close = self.close(word)
        if close is not None and lookups((close,)):
            return [close]
        if word.kind == "latin" or len(word.readings[0]) == 1:
            return []
        parts = (Choice(word.text, (Reading((term,)),)) for term in word.readings[0])
        return [part for part in parts if lookups((part,))]


def _nbytes(choices: Iterable[Choice]) -> int:
    return sum([choice.nbytes for choice in choices])
