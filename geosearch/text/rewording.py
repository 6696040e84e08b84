"""Query relaxation: replaces or leaves out words of a text that matches nothing as typed.

`rewriter` supplies the alternatives of a word and its weight.

The role of a word (`word_roles`) decides what goes first: function words, then words of kind, and
so on. Among words of one role the lightest go first. Guesses go before words that are found as
typed. The answer always names what was left out or changed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, groupby, pairwise
from typing import Final, NamedTuple, Protocol

from geosearch.text.segment_terms import TYPO_FACTORS, QueryTerm, TextQuery, Variant
from geosearch.text.word_roles import AREA, CONTENT, FUNCTION, role, without_kind
from indexes.terms.keys import Word, gram_keys
from indexes.text.tokens import MAX_TERMS

MOST_WORDS: Final = 8
"""Most words that a search combines."""

SURE_LETTERS: Final = 6
"""Least letters of a mistyped word whose correction counts on its own. A shorter one counts only if
all other words are found too: `gluten free` is no `tree`."""


class Meanings(Protocol):
    """Query terms, alternatives, roles and weights of words in an index: a `Rewriter`."""

    def exact(self, word: Word) -> QueryTerm:
        """Query term of a word as typed."""

    def alternatives(self, word: Word) -> QueryTerm | None:
        """Query term of what the word may mean; None if there is nothing."""

    def role(self, text: str) -> int:
        """Role of a word, one of `word_roles`."""

    def weight(self, choice: QueryTerm) -> float:
        """Weight of a word, above 0: the rarer, the higher."""


class TypedWords(NamedTuple):
    """A text as typed: the words of each query term, and the terms."""

    words: Sequence[tuple[Word, ...]]
    text_query: TextQuery


class Lookups:
    """Cached and bounded searches for words that are found together nearby.

    Parameters
    ----------
    is_found
        The search: whether a shop nearby holds all of these words.
    most
        Most searches.
    """

    def __init__(self, is_found: Callable[[tuple[QueryTerm, ...]], bool], most: int) -> None:
        self._is_found = is_found
        self._most = most
        self._known: dict[tuple[QueryTerm, ...], bool] = {}
        self._apart: list[frozenset[QueryTerm]] = []

    @property
    def searches(self) -> int:
        """Number of searches so far."""
        return len(self._known)

    def may_find(self, choices: tuple[QueryTerm, ...]) -> bool:
        """Whether words may be found together: False if some of them are known not to be."""
        words = frozenset(choices)
        return not any(apart <= words for apart in self._apart)

    def __call__(self, choices: tuple[QueryTerm, ...]) -> bool:
        """Whether words are found together; False if that needs a search past the bound."""
        found = self._known.get(choices)
        if found is None:
            if len(self._known) >= self._most:
                return False
            found = self._known[choices] = self._is_found(choices)
            self._apart += [] if found else [frozenset(choices)]
        return found


def reworded(typed: TypedWords, meanings: Meanings, lookups: Lookups) -> TextQuery:
    """Other words for a text that matches nothing as typed.

    Returns
    -------
    TextQuery
        That of `typed` if all words are found together, or if no useful word is found.
    """
    text_query = typed.text_query
    if not text_query.choices or lookups(text_query.choices):
        return text_query
    return _Rewording(meanings, lookups).of(typed)._replace(searches=lookups.searches)


class _Rewording:
    """The rewording of one text, with the words that it leaves out on the way."""

    def __init__(self, meanings: Meanings, lookups: Lookups) -> None:
        self._meanings = meanings
        self._lookups = lookups
        self._missed: dict[str, None] = {}
        """Words that are not found in any form."""
        self._pieces: dict[str, list[QueryTerm]] = {}
        """Runs that are not found whole, and their pairs of characters that are found."""

    def of(self, typed: TypedWords) -> TextQuery:
        distinct = tuple(dict.fromkeys(self._choices(typed)))
        most = MOST_WORDS
        if any(role(text) == FUNCTION for text in self._missed):
            # Function words go together: some name may hold one of `in der Nähe`.
            others = [one for one in distinct if role(one.typed) != FUNCTION]
            most = min(most, len(others))
            distinct = (*others, *(one for one in distinct if one not in others))
        together, after = distinct[:most], distinct[most:]
        if not together:
            return typed.text_query
        best = together if self._lookups(together) else None
        best = best or self._without_fillers(together)
        if best is None and together == typed.text_query.choices:
            best = self._one_reread(typed.words, together)
        best = best or self._heaviest(together)
        kept = set(best)
        left = [choice.typed for choice in (*together, *after) if choice not in kept]
        reread = {choice.typed for choice in best}
        dropped = [*self._missed, *(text for text in left if text not in reread)]
        dropped, pieces = self._reported(dropped, best)
        if not self._is_useful(best, dropped):
            return typed.text_query
        text = " ".join(word.text for words in typed.words for word in words)
        dropped.sort(key=text.find)
        reported = tuple(dict.fromkeys((*dropped, *typed.text_query.dropped)))
        return typed.text_query._replace(choices=best, dropped=reported, pieces=pieces)

    def _choices(self, typed: TypedWords) -> Iterator[QueryTerm]:
        """Query terms for each word that is found: as typed, as perhaps meant, or its pieces."""
        # Exact words use the bounded searches first, guesses use what is left.
        alone = [self._lookups((choice,)) for choice in typed.text_query.choices]
        for words, choice, found in zip(typed.words, typed.text_query.choices, alone, strict=True):
            if found:
                yield choice
            else:
                for word in words:
                    yield from self._found(word) if len(words) > 1 else self._instead(word)

    def _found(self, word: Word) -> list[QueryTerm]:
        choice = self._meanings.exact(word)
        return [choice] if self._lookups((choice,)) else self._instead(word)

    def _instead(self, word: Word) -> list[QueryTerm]:
        """Query terms in place of a word that is not found as typed: alternatives or its parts."""
        if role(word.text) == FUNCTION:
            self._missed[word.text] = None
            return []
        alternatives = self._meanings.alternatives(word)
        if alternatives is not None and self._lookups((alternatives,)):
            return [alternatives]
        if word.kind == "cjk":
            return self._without_kind(word.text) or self._pairs(word.text)
        self._missed[word.text] = None
        return []

    def _without_kind(self, run: str) -> list[QueryTerm]:
        """A run split from the word of kind it ends with; empty if the rest is not found."""
        rest, kind = without_kind(run)
        if not kind:
            return []
        choice = self._meanings.exact(_run(rest))
        found = [choice] if self._lookups((choice,)) else []
        if not found:
            alternatives = self._meanings.alternatives(_run(rest))
            found = (
                [alternatives]
                if alternatives is not None and self._lookups((alternatives,))
                else []
            )
        if not found:
            return []
        of_kind = self._meanings.exact(_run(kind))
        if self._lookups((of_kind,)):
            return [*found, of_kind]
        self._missed[kind] = None
        return found

    def _pairs(self, run: str) -> list[QueryTerm]:
        """Pairs of neighbouring characters that are found, of a run that is not found whole."""
        pairs = dict.fromkeys(a + b for a, b in pairwise(run[: MAX_TERMS + 1]))
        parts = (QueryTerm(pair, (Variant(gram_keys(pair)),), is_guess=True) for pair in pairs)
        found = [part for part in parts if self._lookups((part,))]
        if found:
            self._pieces[run] = found
        else:
            self._missed[run] = None
        return found

    def _rank(self, choices: tuple[QueryTerm, ...]) -> dict[QueryTerm, tuple[int, float]]:
        """Rank of each word's role, 0 for the most important, and the word's weight.

        Exact content words rank before guesses, and guesses before all other roles.
        """
        found = {}
        first = True
        for choice in choices:
            kind = self._meanings.role(choice.typed)
            place = CONTENT - kind + 1 if kind < CONTENT else int(choice.is_guess)
            weight = self._meanings.weight(choice)
            if kind == CONTENT and choice.typed.isascii() and first:
                # In Latin script people write what before where: `mildreds soho`.
                first, weight = False, 2.0 * weight
            found[choice] = place, weight
        return found

    def _subsets(self, choices: tuple[QueryTerm, ...]) -> list[tuple[QueryTerm, ...]]:
        """Proper, non-empty subsets of words, best first.

        The weight of the words of rank 0 decides, then that of rank 1, and so on. More words win
        ties, then earlier words. The words of a subset keep the order of the query.
        """
        rank = self._rank(choices)
        places = range(CONTENT + 2)

        def negated_weights(subset: tuple[QueryTerm, ...]) -> tuple[float, ...]:
            negated = [0.0] * len(places)
            for choice in subset:
                place, weight = rank[choice]
                negated[place] -= weight
            return tuple(negated)

        found = [
            subset
            for size in range(len(choices) - 1, 0, -1)
            for subset in combinations(choices, size)
        ]
        return sorted(found, key=negated_weights)

    def _without_fillers(self, choices: tuple[QueryTerm, ...]) -> tuple[QueryTerm, ...] | None:
        """All content words, with the heaviest other words that are found with them.

        It tries no function words: some name may hold one of `in der Nähe`.
        """
        roles = {choice: self._meanings.role(choice.typed) for choice in choices}
        content = {choice for choice in choices if roles[choice] == CONTENT}
        if not content or len(content) == len(choices):
            return None
        subsets = (
            subset
            for subset in self._subsets(choices)
            if content <= set(subset) and all(roles[choice] != FUNCTION for choice in subset)
        )
        return next(
            filter(
                lambda subset: self._lookups.may_find(subset) and self._lookups(subset), subsets
            ),
            None,
        )

    def _heaviest(self, choices: tuple[QueryTerm, ...]) -> tuple[QueryTerm, ...]:
        """The best subset of words that are found together; each word is found alone.

        A greedy pass finds a good subset: it starts from each word in turn, and adds the others,
        heaviest first, if they are found with those before. Then all better subsets follow, best
        first, until the searches run out. A subset that contains words known not to be found
        together cannot be found, so it takes no search.
        """
        lookups = self._lookups
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
        self, words: Sequence[tuple[Word, ...]], choices: tuple[QueryTerm, ...]
    ) -> tuple[QueryTerm, ...] | None:
        """The words with one alternative in place of a word; None if no such words are found.

        Each word is found alone, but not all together: elsewhere the mistyped word may be a word,
        as in `chiba merchants bank` for `China`. The first alternative that is found wins.
        """
        for at, of_choice in enumerate(words[: len(choices)]):
            alternatives = (
                self._meanings.alternatives(of_choice[0]) if len(of_choice) == 1 else None
            )
            if alternatives is not None:
                reread = (*choices[:at], alternatives, *choices[at + 1 :])
                if self._lookups(reread):
                    return reread
        return None

    def _reported(
        self, dropped: list[str], kept: tuple[QueryTerm, ...]
    ) -> tuple[list[str], tuple[tuple[str, tuple[str, ...]], ...]]:
        """Left-out words and characters, and the runs whose pieces leave nothing out."""
        pieces = []
        of_runs = {part.typed for parts in self._pieces.values() for part in parts}
        reported = [text for text in dropped if text not in of_runs]
        for run, parts in self._pieces.items():
            covered = [False] * len(run)
            for part in parts:
                at = run.find(part.typed) if part in kept else -1
                while at >= 0:
                    covered[at : at + len(part.typed)] = [True] * len(part.typed)
                    at = run.find(part.typed, at + 1)
            split = groupby(zip(run, covered, strict=True), lambda pair: pair[1])
            runs = [(is_kept, "".join(char for char, _ in group)) for is_kept, group in split]
            left = [text for is_kept, text in runs if not is_kept]
            reported += left
            if not left:
                pieces.append((run, tuple(part.typed for part in parts if part in kept)))
        return reported, tuple(pieces)

    def _is_useful(self, kept: tuple[QueryTerm, ...], dropped: list[str]) -> bool:
        """Whether an answer for these words is better than no answer."""
        roles = [self._meanings.role(choice.typed) for choice in kept]
        if dropped and all(one == FUNCTION for one in roles):
            return False
        missed = any(self._meanings.role(text) == CONTENT for text in dropped)
        content = [
            choice for choice, one in zip(kept, roles, strict=True) if one not in (FUNCTION, AREA)
        ]
        return not (missed and content and all(map(_is_unsure, content)))


def _is_unsure(choice: QueryTerm) -> bool:
    """Whether the readings of a word are corrections of a short, mistyped word."""
    best = max(reading.factor for reading in choice.readings)
    return (
        choice.is_guess
        and len(choice.typed) < SURE_LETTERS
        and best <= max(TYPO_FACTORS)
        and choice.typed.isascii()
    )


def _run(text: str) -> Word:
    return Word(text, "cjk", (gram_keys(text),))
