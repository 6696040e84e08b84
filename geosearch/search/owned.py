"""A region's part of an answer that several regions give together: its own shops, and their order.

Useful for: the gateway (`geosearch.cluster`), which merges parts.
Not useful for: a question with a radius; the region that owns its position answers it whole.

A part counts and finds documents that the region owns. Clearing bits of `doc_live` is what a
withdrawal does, so every bound stays admissible, and the parts of all regions hold each shop once.

Words of a text depend on what other regions find: as typed if any finds them so, else the first
rewording that any finds. So a part tells which of these questions it asked itself, with its
answers, and is asked again with those that another region answered with yes.
"""

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import orjson
import xxhash

from geosearch.answer.contents import Contents
from geosearch.answer.model import Answer
from geosearch.live.changed_segment import ChangedSegment
from geosearch.live.moment import SegmentChanges, check_reached
from geosearch.query.query import Query
from geosearch.search.merge import Found, place_of
from geosearch.search.query_planner import PlannedQuery
from geosearch.search.searcher import Searcher
from geosearch.segment.segment import LIST_BYTES, Listed, Segment
from geosearch.suggest.suggester import Suggester
from geosearch.text.segment_terms import QueryTerm
from indexes.arrays import U64
from indexes.cache import BoundedCache
from indexes.prepared import Prepared


class PartOf(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the gateway asks of a region besides the question: the header `X-Owned`.

    Attributes
    ----------
    at
        Instant of a question that names none.
    version
        Version to answer from; the current one without it.
    after
        Sort keys and id of the last result before the page; a key is None if infinite.
    found
        Keys of `RegionPart.words` that another region answered with yes.
    """

    at: datetime | None = None
    version: str | None = None
    after: tuple[float | None, float, str] | None = None
    found: tuple[str, ...] = ()


class RegionMiss(msgspec.Struct, frozen=True):
    """A near miss of a region: its JSON, and what orders it."""

    text: msgspec.Raw
    value: float
    distance_m: float
    merchant_id: str

    def as_text(self) -> bytes:
        """JSON text, as `NearMiss.as_text`."""
        return bytes(self.text)

    def as_json(self) -> dict[str, Any]:
        """JSON values, as `NearMiss.as_json`."""
        record: dict[str, Any] = orjson.loads(self.as_text())
        return record


class RegionPart(msgspec.Struct, frozen=True):
    """A region's part of an answer.

    Attributes
    ----------
    version
        The version that answered.
    answer
        The answer without results, near misses and cursor.
    results
        JSON objects of the results, at most `limit`.
    keys
        Sort keys and id of each, and of one more if there are more; a key is None if infinite.
    words
        By key, whether the region found what it asked about words.
    near_misses
        The near misses, best first.
    """

    version: str
    answer: Answer
    results: list[msgspec.Raw]
    keys: list[tuple[float | None, float, str]]
    words: dict[str, bool]
    near_misses: list[RegionMiss] = []


class OwnedSegment(ChangedSegment):
    """A segment of which only the documents that its region owns are live."""

    def __init__(self, segment: Segment) -> None:
        changed = segment
        if not isinstance(changed, ChangedSegment):
            changed = ChangedSegment(segment, SegmentChanges())
        self.__dict__.update(changed.__dict__)
        owned = segment.doc_owned
        if owned is None:
            return
        self._owned = owned
        self._lists = BoundedCache[tuple[str, ...], Listed](LIST_BYTES)
        self._chosen = {}
        self._trees = {
            tree: Prepared(_of_owner(columns.value, owned)) for tree, columns in self._trees.items()
        }

    def doc_of(self, merchant_id: str) -> int | None:
        """Document of a merchant; None if the region does not own it."""
        doc = super().doc_of(merchant_id)
        owned = self.doc_owned
        if doc is None or owned is None or int(owned[doc >> 6]) >> (doc & 63) & 1:
            return doc
        return None


def _of_owner(columns: Any, owned: U64) -> Any:
    live = columns.doc_live & owned
    bits = np.unpackbits(owned.view(np.uint8), bitorder="little")[: len(columns.doc_always)]
    always = np.where(bits == 1, columns.doc_always, np.uint64(0)).astype(np.uint64)
    for column in (live, always):
        column.flags.writeable = False
    return columns._replace(doc_live=live, doc_always=always)


class _OwnedContents(Contents):
    """Contents that answer about any place: the gateway chose the region."""

    def check_owner(self, *place: Any) -> None:
        """Accept every position."""


class OwnedSearcher(Searcher):
    """Searcher of the documents that a region owns, at the moment of another searcher."""

    def __init__(self, whole: Searcher) -> None:
        self.__dict__.update(whole.__dict__)
        self.__dict__.pop("blocks", None)
        segments = [OwnedSegment(segment) for segment in whole.segments]
        pairs = zip(self._views, segments, strict=True)
        self._views = [view.at(own, apart=True) for view, own in pairs]
        self.segments = [view.segment for view in self._views]
        self._planner = self._planner.at([view.planner for view in self._views])
        self._contents = _OwnedContents(segments)
        self._suggester = Suggester(
            [view.suggest for view in self._views], self._contents, self.manifest["snapshot_id"]
        )

    def has(self, merchant_id: str) -> bool:
        """Whether the region owns a live merchant."""
        return place_of(self.segments, merchant_id) is not None

    def part(self, query: Query, asked: PartOf) -> RegionPart:
        """The region's part of an answer.

        Raises
        ------
        BadRequest
            As `Searcher.page`.
        """
        own = _OnePart(self, asked)
        planned, found = own._first(msgspec.structs.replace(query, cursor=None))
        doc_ids, keys, _ = found
        results = own._results(planned, found).each()
        answer = own._answer(planned, found, 0)
        ids = self.merchant_ids(doc_ids)
        rows = zip(keys.tolist(), ids, strict=True)
        return RegionPart(
            self.version,
            msgspec.structs.replace(answer, near_misses=None, next_cursor=None, took_us=0),
            [msgspec.Raw(bytes(text)) for text in results],
            [(_finite(primary), distance, one) for (primary, distance), one in rows],
            own.words,
            [
                RegionMiss(
                    msgspec.Raw(one.as_text()),
                    one.value,
                    one.distance_m,
                    one.merchant["merchant_id"],
                )
                for one in answer.near_misses or ()
            ],
        )


class _OnePart(OwnedSearcher):
    """The searcher of one part: it remembers what it asked about words."""

    def __init__(self, owned: OwnedSearcher, asked: PartOf) -> None:
        self.__dict__.update(owned.__dict__)
        self._asked_of = asked
        self.words: dict[str, bool] = {}

    def _answered(self, query: Query, top_k: int) -> tuple[PlannedQuery, Found]:
        if query.min_seq is not None:
            check_reached(self.as_of_seq, query.min_seq)
        at, after = query.at, self._asked_of.after
        if at is None and self._asked_of.at is not None:
            at = self._asked_of.at.astimezone(self.local_zone)
        afters = None
        if after is not None:
            primary = np.inf if after[0] is None else after[0]
            ranks = [segment.id_rank_through(after[2]) for segment in self.segments]
            afters = [(float(primary), after[1], rank) for rank in ranks]
        planned = self._planner.planned(query, top_k, at, afters)
        if query.q is None:
            return planned, self._best(planned)
        together = self._rewriter.together(query.q)
        if together is not None and self._is_found(planned, together.choices, {}):
            return self._asked(planned, together)
        found = self._best(planned)
        if self._told(planned, "typed", len(found[0]) > 0):
            return planned, found
        tried = {planned.text_query.choices: (planned, found)}
        text_query = self._reworded(planned, tried)
        planned, found = tried.get(text_query.choices) or self._asked(planned, text_query)
        return msgspec.structs.replace(planned, text_query=text_query), found

    def _is_found(
        self,
        planned: PlannedQuery,
        choices: tuple[QueryTerm, ...],
        asked: dict[tuple[QueryTerm, ...], tuple[PlannedQuery, Found]],
    ) -> bool:
        return self._told(planned, repr(choices), super()._is_found(planned, choices, asked))

    def _told(self, planned: PlannedQuery, about: str, is_found: bool) -> bool:
        """Whether any region finds something; `words` remembers what this one says."""
        key = xxhash.xxh3_64_hexdigest(repr((planned.query, planned.at, about)).encode())
        self.words[key] = is_found or key in self._asked_of.found
        return self.words[key]


def _finite(key: float) -> float | None:
    return None if np.isinf(key) else key
