"""Which words are searched for a text: as typed, as perhaps meant, or as many as are found.

Useful for: `searcher`, for all its segments at once.
Not useful for: what a term is (`indexes.analysis`), lists of documents (`word_book`), or whether
words are found nearby: `searcher` asks the kernel that.

Close readings are looked up only for a word that is not found nearby as typed: words that begin
with it, words within one or two typing mistakes, names that sound like it or have its initials. So
an exact match is never outranked by a guess.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import log
from typing import Any, NamedTuple

from geosearch.columns import Words
from geosearch.word_book import SOUND_FACTOR, Choice, Reading, WordBook, Wording
from indexes.analysis import read_query, whole_key
from indexes.terms import PINYIN, Word, text_key

TOLD_WORDS = 5
"""Most words that an answer names as meant by a word."""

KEPT_TEXTS = 4_096
KEPT_BYTES = 64 << 20
"""What was made for a text is kept for the next one like it, up to so many and so large lists."""

_UNKNOWN = Choice("", ())

_Searched = tuple[tuple[Choice, ...], int]
"""The parts of a wording that decide its lists."""

MOST_WORDS = 8
"""Words whose subsets are tried: 254 look-ups at most."""


class Typed(NamedTuple):
    """A text as it was typed: its words, none of them changed, and each segment's lists."""

    words: tuple[Word, ...]
    wording: Wording
    lists: tuple[Words, ...]
    again: bool = False
    """Whether it came more than once, so that the lists are worth some work; see `WordBook.noted`.
    """


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
        self._read: dict[str, Typed] = {}
        self._lists: dict[_Searched, tuple[Words, ...]] = {}
        self._lists_bytes = 0
        self._close: dict[Word, Choice | None] = {}

    def as_typed(self, text: str) -> Typed:
        """A text as it was typed, for a question with it."""
        found = self._read.get(text)
        if found is None:
            return self._typed(text)
        if not found.again:
            lists = self._noted(found.wording)
            found = self._read[text] = found._replace(lists=lists, again=True)
        return found

    def _typed(self, text: str) -> Typed:
        """A text as it was typed; kept, as the same few come again and again."""
        found = self._read.get(text)
        if found is None:
            if len(self._read) >= KEPT_TEXTS:
                self._read.clear()
            whole = whole_key(text)

            def is_phrase(piece: str) -> bool:
                # What is a name as a whole is not cut at a phrase inside it.
                return any(book.is_phrase(piece) for book in self._books) or (
                    whole_key(piece) == whole and self._is_term(whole)
                )

            words = tuple(read_query(text, is_phrase))
            wording = Wording(tuple(self._exact(word) for word in words), whole=whole)
            found = self._read[text] = Typed(words, wording, self.lists(wording))
        return found

    def lists(self, wording: Wording) -> tuple[Words, ...]:
        """What each segment is searched for; kept too."""
        searched = (wording.choices, wording.whole)
        found = self._lists.get(searched)
        if found is None:
            shares = self._shares(wording.choices)
            found = tuple(book.words(wording, shares) for book in self._books)
            size = sum(
                words.docs.nbytes + words.impacts.nbytes
                for words, book in zip(found, self._books, strict=True)
                if words.docs is not book.none.docs
            )
            self._keep(searched, found, size)
        return found

    def _noted(self, wording: Wording) -> tuple[Words, ...]:
        """`lists`, the long ones with `below`; from now on these are kept."""
        known = self.lists(wording)
        found = tuple(book.noted(words) for book, words in zip(self._books, known, strict=True))
        fresh = [one for one, before in zip(found, known, strict=True) if one is not before]
        if fresh:
            searched = (wording.choices, wording.whole)
            self._keep(searched, found, sum(words.below.nbytes for words in fresh))
        return found

    def _keep(self, searched: _Searched, found: tuple[Words, ...], size: int) -> None:
        """Keep lists, which take so many bytes more; forget all others where that is too much."""
        if len(self._lists) >= KEPT_TEXTS or self._lists_bytes + size > KEPT_BYTES:
            self._lists.clear()
            self._read.clear()
            self._lists_bytes = 0
        self._lists[searched] = found
        self._lists_bytes += size

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
            if len(self._close) >= KEPT_TEXTS:
                self._close.clear()
            found = self._close[word] = self._look_around(word)
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
        if not words or is_found(typed.choices):
            return typed
        choices: list[Choice] = []
        dropped: list[str] = []
        for word, choice in zip(words, typed.choices, strict=True):
            found = [choice] if is_found((choice,)) else self._instead(word, is_found)
            choices += found
            dropped += [] if found else [word.text]
        if not choices:
            return typed
        together = tuple(dict.fromkeys(choices))[:MOST_WORDS]
        if together == typed.choices:
            reread = self._one_reread(words, together, is_found)
            found_together, together = reread is not None, reread or together
        else:
            found_together = is_found(together)
        if not found_together:
            # A subset of one is found, so there is one.
            subset = next(filter(is_found, self._subsets(together)))
            dropped += [choice.typed for choice in together if choice not in subset]
            together = subset
        return Wording(together, tuple(dropped), typed.whole)

    def _one_reread(
        self,
        words: tuple[Word, ...],
        choices: tuple[Choice, ...],
        is_found: Callable[[tuple[Choice, ...]], bool],
    ) -> tuple[Choice, ...] | None:
        """Words that are found each, but not together, with the first that may be mistyped reread.

        Somewhere else the mistake may be a word: `chiba merchants bank` for `China`.
        """
        for at, word in enumerate(words[: len(choices)]):
            close = self.close(word)
            if close is not None:
                reread = (*choices[:at], close, *choices[at + 1 :])
                if is_found(reread):
                    return reread
        return None

    def _instead(self, word: Word, is_found: Callable[[tuple[Choice, ...]], bool]) -> list[Choice]:
        """Words to search for one that is not found as typed: what was meant, or its parts."""
        close = self.close(word)
        if close is not None and is_found((close,)):
            return [close]
        if word.kind == "latin" or len(word.readings[0]) == 1:
            return []
        parts = (Choice(word.text, (Reading((term,)),)) for term in word.readings[0])
        return [part for part in parts if is_found((part,))]
