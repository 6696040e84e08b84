"""Autocomplete in one segment: entries near a position whose names match typed text.

`suggester` queries the view of each segment and merges the results.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import NamedTuple

import numpy as np

from geosearch.segment.segment import Segment
from geosearch.suggest.directory import (
    BRAND,
    CATEGORY,
    FIRST,
    KINDS,
    MERCHANT,
    Directory,
    Name,
    match_kind_of,
)
from indexes.cache import BoundedCache
from indexes.geo.cover import SPANS, TESTED, CircleCover, PointTree, clear, new_cover
from indexes.geo.sphere import Circle
from indexes.jit import entry_point
from indexes.names.completions import (
    CROWD,
    MATCH_KIND_BITS,
    MAX_PREFIXES,
    Finding,
    TypedPrefixes,
    best_completions,
    new_finding,
    prefix_range,
    score_of,
    tally_item,
)
from indexes.names.spellings import WRITTEN, as_sounds, leading_run, matched, written_form
from indexes.text.hangul import unfinished

CHECKED = 64
"""Candidates that `matches` compares letter by letter with a mixture of characters and sounds."""

SHOWN_BYTES = 4 << 20
"""Bytes of the cache of shown names, by entry and typed text."""

WORK = ("keys", "items", "lists", "docs", "spans")
"""Work counters: keys read, entries whose shops were counted, lists read, documents tested, spans
of documents that the circle touches."""

FEWEST_MISTYPED, MOST_MISTYPED = 4, 24
"""Fewest and most letters of a text with one typing mistake; most names are one edit away from a
shorter text."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Work = dict[str, int]
Range = tuple[int, int, int]
Shown = tuple[Name, tuple[int, int]]

_ANY_ITEM = 1 << 40
_NOT_LOOKED_UP: Shown = (Name("", None), (0, 0))
_PLAIN = match_kind_of(FIRST, WRITTEN)
_MATCH_KIND = (1 << MATCH_KIND_BITS) - 1


class Match(NamedTuple):
    """An entry of one segment with its shops within the circle."""

    item: int
    score: float
    worth: float  # the part of the score for the key
    docs: int  # number of live documents within the circle
    near_m: float  # metres to the nearest of them
    nearest: int  # doc id of the nearest


class SuggestScratch(NamedTuple):
    """Working memory of one query at a time."""

    cover: CircleCover
    finding: Finding


class SuggestKernels(NamedTuple):
    """The kernels of `indexes.names.completions`, compiled for the columns of segments."""

    prefix_range: Callable[..., tuple[int, int]]
    best: Callable[..., int]
    tally: Callable[..., tuple[int, float, int]]
    score: Callable[..., float]
    clear: Callable[..., None]


@cache
def suggest_kernels() -> SuggestKernels:
    """Entry points of the kernels; kept on disk."""
    return SuggestKernels(
        entry_point(prefix_range),
        entry_point(best_completions),
        entry_point(tally_item),
        entry_point(score_of),
        entry_point(clear),
    )


class DirectoryView:
    """Autocomplete queries against one segment."""

    def __init__(self, segment: Segment, directory: Directory) -> None:
        columns = segment.columns
        self.segment = segment
        self.directory = directory
        self._kernels = suggest_kernels()
        self._ground = PointTree(
            columns.doc_position,
            columns.doc_live,
            segment.live_docs() == len(segment),
            columns.level_start,
            columns.node_box,
        )
        self._spare: list[SuggestScratch] = []
        self._shown = BoundedCache[tuple[int, str], Shown | None](SHOWN_BYTES)

    def at(self, segment: Segment) -> "DirectoryView":
        """View of the segment at another moment; it shares caches and working memory."""
        view = copy(self)
        view.segment = segment
        live = segment.columns.doc_live
        view._ground = self._ground._replace(
            live=live, all_live=segment.live_docs() == len(segment)
        )
        return view

    @contextmanager
    def scratch(self, work: Work) -> Iterator[SuggestScratch]:
        """Context manager of working memory with clear marks; adds its counters to `work`."""
        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = SuggestScratch(new_cover(len(self.segment)), new_finding())
        try:
            yield scratch
        finally:
            work["docs"] += int(scratch.cover.size[TESTED])
            work["spans"] += max(0, int(scratch.cover.size[SPANS]))
            self._kernels.clear(scratch.cover)
            self._spare.append(scratch)

    def matches(
        self, typed: str, circle: Circle, scratch: SuggestScratch, top_k: int, work: Work
    ) -> list[Match]:
        """The best entries of the segment with a name that begins with `typed`."""
        if typed.isascii():
            # Sounds and initials have keys of their own. `as_sounds` only adds v for ü here.
            return self._ranked(as_sounds(typed), circle, scratch, top_k, work)
        found = self._ranked([typed], circle, scratch, top_k, work)
        if any("a" <= char <= "z" for char in typed):
            known = {match.item for match in found}
            items = self._items_with(leading_run(typed))
            heard = self._ranked(as_sounds(typed), circle, scratch, CHECKED, work, items)
            found += [
                match
                for match in heard
                if match.item not in known and self.shown(match.item, typed)
            ]
            found.sort(key=lambda match: (-match.score, match.item))
        return found

    def near_matches(
        self, typed: str, circle: Circle, scratch: SuggestScratch, top_k: int, work: Work
    ) -> list[Match]:
        """The best entries for a half-typed Hangul syllable, for the same sound, or one mistake."""
        ranges = [self._between(*way) for way in unfinished(typed)]
        if not ranges and not any(char.isascii() for char in typed):
            return self._ranked(as_sounds(typed), circle, scratch, top_k, work)
        if typed.isascii() and FEWEST_MISTYPED <= len(typed) <= MOST_MISTYPED:
            ranges = self._mistyped(typed)
        return self._best_of(ranges, circle, scratch, top_k, work)

    def _range(self, prefix: str) -> Range:
        """First key with a prefix, the key after the last, and the prefix's number of bytes."""
        typed = np.frombuffer(prefix.encode(), np.uint8)
        first, after = self._kernels.prefix_range(self.directory.completions, typed)
        return first, after, len(typed)

    def _between(self, before: str, first: int, last: int) -> Range:
        """Keys that begin with `before` and a character from `first` to `last`; at most `CROWD`."""
        begin, _, size = self._range(before + chr(first))
        _, end, _ = self._range(before + chr(last))
        return begin, min(end, begin + CROWD), size

    def _mistyped(self, typed: str) -> list[Range]:
        """Key ranges of prefixes one edit away from `typed`, the most keys first.

        The mistake is at or before the first letter after which no key matches.
        """
        reached = 0
        while reached < len(typed) and self._has(typed[: reached + 1]):
            reached += 1
        found = {}
        for at in range(min(reached, len(typed) - 1) + 1):
            head, wrong, tail = typed[:at], typed[at], typed[at + 1 :]
            if at and not self._has(head):
                break
            ways = {head + tail, head + tail[:1] + wrong + tail[1:]}
            ways |= {head + letter + rest for letter in _LETTERS for rest in (tail, wrong + tail)}
            for way in ways - {typed}:
                first, after, size = self._range(way)
                if first < after:
                    found[first, min(after, first + CROWD), size] = after - first
        return sorted(found, key=lambda span: (-found[span], span))[:MAX_PREFIXES]

    def _has(self, prefix: str) -> bool:
        first, after, _ = self._range(prefix)
        return first < after

    def tally(self, item: int, circle: Circle, scratch: SuggestScratch) -> tuple[int, float, int]:
        """Number of an entry's live documents in the circle, metres to the nearest, its doc id."""
        columns = self.directory.completions
        return self._kernels.tally(columns, self._ground, circle, scratch.cover, item)

    def key(self, item: int) -> tuple[str, str]:
        """Identity of an entry across segments: a group of kinds, and a spelling or an id.

        A brand and a shop's name with the same spelling have the same key, as within a segment.
        """
        kind = self.directory.kind(item)
        if kind == CATEGORY:
            return KINDS[kind], self.directory.identity(item)
        group = KINDS[MERCHANT if kind == BRAND else kind]
        return group, written_form(self.directory.text(item))

    def find(self, key: tuple[str, str], text: str) -> int:
        """The entry with a key, -1 if the segment has none.

        Parameters
        ----------
        text
            Name of the entry in another segment.
        """
        columns = self.directory.completions
        typed = (written_form(text) or key[1]).encode()
        first, after = self._kernels.prefix_range(columns, np.frombuffer(typed, np.uint8))
        for number in range(first, after):
            if columns.key_text[int(columns.key_start[number]) + len(typed)]:
                break  # keys equal to the prefix come before longer ones
            item, match_kind = divmod(int(columns.key_item[number]), _MATCH_KIND + 1)
            if match_kind == _PLAIN and self.key(item) == key:
                return item
        return -1

    def shown(self, item: int, typed: str) -> Shown | None:
        """The first name of an entry that `typed` matches, and the matched characters."""
        found = self._shown.get((item, typed), _NOT_LOOKED_UP)
        if found is _NOT_LOOKED_UP:
            found = self._shown.keep((item, typed), self._find_shown(item, typed))
        return found

    def _find_shown(self, item: int, typed: str) -> Shown | None:
        for name in self.directory.names(item):
            span = matched(name.other or name.text, typed)
            if span:
                return name, span
        return None

    def _ranked(
        self,
        prefixes: list[str],
        circle: Circle,
        scratch: SuggestScratch,
        top_k: int,
        work: Work,
        items: tuple[int, int] = (0, _ANY_ITEM),
    ) -> list[Match]:
        """The best entries with a key that begins with one of these prefixes."""
        ranges = [self._range(prefix) for prefix in prefixes]
        return self._best_of(ranges, circle, scratch, top_k, work, items)

    def _best_of(
        self,
        ranges: list[Range],
        circle: Circle,
        scratch: SuggestScratch,
        top_k: int,
        work: Work,
        items: tuple[int, int] = (0, _ANY_ITEM),
    ) -> list[Match]:
        """The best entries with a key in one of these ranges."""
        columns, finding = self.directory.completions, scratch.finding
        found = self._kernels.best(
            columns,
            self.directory.scoring,
            self._ground,
            circle,
            _prefixes(ranges, *items),
            scratch.cover,
            finding,
            top_k,
        )
        for name, done in zip(("keys", "items", "lists"), finding.work.tolist(), strict=True):
            work[name] += done
        rows = (
            finding.top_item[:found].tolist(),
            finding.top_score[:found].tolist(),
            finding.top_worth[:found].tolist(),
            finding.top_count[:found].tolist(),
            finding.top_near_m[:found].tolist(),
            finding.top_nearest[:found].tolist(),
        )
        return list(map(Match, *rows))

    def _items_with(self, prefix: str) -> tuple[int, int]:
        """Range of the entries whose names begin with a prefix; entries ascend by name."""
        if not prefix:
            return 0, _ANY_ITEM
        columns = self.directory.completions
        typed = np.frombuffer(prefix.encode(), np.uint8)
        first, after = self._kernels.prefix_range(columns, typed)
        keys = columns.key_item[first:after]
        items = keys[(keys & _MATCH_KIND) == _PLAIN] >> MATCH_KIND_BITS
        return (int(items[0]), int(items[-1]) + 1) if len(items) else (0, 0)


def _prefixes(ranges: list[Range], first_item: int, after_item: int) -> TypedPrefixes:
    table = np.zeros((3, MAX_PREFIXES), np.int64)
    for column, found in enumerate(ranges):
        table[:, column] = found
    return TypedPrefixes(table[0], table[1], table[2], len(ranges), first_item, after_item)
