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
from numpy.typing import NDArray

from geosearch.answer.contents import Contents
from geosearch.answer.model import Answer
from geosearch.errors import BadRequest, NotReady
from geosearch.live.changed_segment import ChangedSegment
from geosearch.live.moment import SegmentChanges
from geosearch.query.query import Query
from geosearch.search.merge import Found
from geosearch.search.query_planner import PlannedQuery
from geosearch.search.searcher import Searcher, check_first_page
from geosearch.search.why import count_before
from geosearch.segment.segment import LIST_BYTES, Listed, Segment
from geosearch.suggest.suggester import Suggester
from geosearch.text.segment_terms import QueryTerm
from indexes.arrays import U64
from indexes.cache import BoundedCache
from indexes.prepared import Prepared

Key = tuple[float | None, float, str]
"""Sort keys and id of a result; the first key is None if infinite."""


NO_TEXT = msgspec.Raw(b"")
"""In place of JSON text where there is none; msgspec has no other optional text."""


class PartOf(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the gateway asks of a region besides the question.

    Attributes
    ----------
    at
        Instant of a question that names none.
    version
        Version to answer from; the current one without it.
    after
        `Key` of the last result before the page.
    found
        Keys of `RegionPart.words` that another region answered with yes.
    is_moved
        Whether the pages before covered the business area that the text names.
    """

    at: datetime | None = None
    version: str | None = None
    after: Key | None = None
    found: tuple[str, ...] = ()
    is_moved: bool = False


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
        `Key` of each, and of one more if there are more.
    words
        By key, whether the region found what it asked about words.
    near_misses
        The near misses, best first.
    owned_ids
        Those of the question's `ids` whose shops the region owns, also withdrawn ones.
    """

    version: str
    answer: Answer
    results: list[msgspec.Raw]
    keys: list[Key]
    words: dict[str, bool]
    near_misses: list[RegionMiss] = []
    owned_ids: list[str] = []


class WhyPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A region's part of an answer why a shop is, or is not, in an answer.

    Attributes
    ----------
    version
        The version that answered.
    words
        As `RegionPart.words`.
    told
        The answer of the region that owns the shop, whose rank counts that region's shops; else
        `NO_TEXT`.
    key
        `Key` of the shop, if it matches.
    before
        Number of the region's matches that come before the key that was asked about.
    """

    version: str
    words: dict[str, bool]
    told: msgspec.Raw = NO_TEXT
    key: Key | None = None
    before: int = 0


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
        return doc if doc is None or self.owns_any(np.array([doc])) else None

    def owns_any(self, docs: NDArray[Any]) -> bool:
        """Whether the region owns one of these documents."""
        owned = self.doc_owned
        if owned is None:
            return len(docs) > 0
        bits = owned[docs >> 6] >> (docs & 63).astype(np.uint64) & np.uint64(1)
        return bool(bits.any())


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
        self._own = segments = [OwnedSegment(segment) for segment in whole.segments]
        pairs = zip(self._views, segments, strict=True)
        self._views = [view.at(own, apart=True) for view, own in pairs]
        self.segments = [view.segment for view in self._views]
        self._planner = self._planner.at([view.planner for view in self._views])
        self._contents = _OwnedContents(segments)
        self._suggester = Suggester(
            [view.suggest for view in self._views], self._contents, self.manifest["snapshot_id"]
        )

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
            [_written(first, second, one) for (first, second), one in rows],
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
            [one for one in query.distinct_ids or () if self.has(one)],
        )

    def has(self, merchant_id: str) -> bool:
        """Whether the region owns a shop, which may be withdrawn."""
        return any(segment.doc_of(merchant_id) is not None for segment in self.segments)

    def why_part(
        self, merchant_id: str, query: Query, asked: PartOf, before: Key | None
    ) -> WhyPart:
        """The region's part of `Searcher.why`.

        Parameters
        ----------
        before
            Key of the shop, of another region, before which matches count; None counts none.

        Raises
        ------
        BadRequest
            As `Searcher.why`.
        """
        check_first_page(query)
        own = _OnePart(self, asked)
        inquiry = own._inquiry(merchant_id, query)
        if inquiry is not None:
            told = msgspec.Raw(orjson.dumps(own._told_of(*inquiry)))
            case = inquiry[1]
            key = _written(*case.key) if case.matches else None
            return WhyPart(self.version, own.words, told, key)
        if before is None and query.q is None:
            return WhyPart(self.version, {})
        try:
            planned, _ = own._answered(query, 1)
            own._allowed(planned)  # For the words of its fixes.
        except (BadRequest, NotReady):  # So says the region that owns the shop, if any does.
            return WhyPart(self.version, {})
        count = 0
        if before is not None:
            key = (np.inf if before[0] is None else before[0], before[1], before[2])
            count = count_before(own._views, planned, key)
        return WhyPart(self.version, own.words, before=count)

    def zones_with_shops(self) -> list[str]:
        """Zones in which the region owns a shop, also a withdrawn one, by id."""
        return sorted(
            {
                zone
                for segment in self._own
                for zone, number in segment.zone_numbers.items()
                if segment.owns_any(segment.zone_docs(number))
            }
        )


class _OnePart(OwnedSearcher):
    """The searcher of one part: it remembers what it asked about words."""

    def __init__(self, owned: OwnedSearcher, asked: PartOf) -> None:
        self.__dict__.update(owned.__dict__)
        self._asked_of = asked
        self.words: dict[str, bool] = {}

    def _begun(self, query: Query, top_k: int) -> PlannedQuery:
        at, after = query.at, self._asked_of.after
        if at is None and self._asked_of.at is not None:
            at = self._asked_of.at.astimezone(self.local_zone)
        if after is None:
            return self._planner.planned(query, top_k, at)
        primary = np.inf if after[0] is None else after[0]
        ranks = [segment.id_rank_through(after[2]) for segment in self.segments]
        afters = [(float(primary), after[1], rank) for rank in ranks]
        moved = self._contents.moved(query) if self._asked_of.is_moved else None
        if moved is None:
            return self._planner.planned(query, top_k, at, afters)
        planned = self._planner.planned(moved.query, top_k, at, afters)
        return msgspec.structs.replace(planned, around=moved.around)

    def _is_found_as_typed(self, planned: PlannedQuery, found: Found) -> bool:
        return self._told(planned, "typed", super()._is_found_as_typed(planned, found))

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


def _written(primary: float, secondary: float, merchant_id: str) -> Key:
    return (None if np.isinf(primary) else primary, secondary, merchant_id)
