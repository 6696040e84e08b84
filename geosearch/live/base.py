"""Rows of a published version as the writer of changes needs them: by id, with what may change."""

from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import xxhash

from geosearch.errors import BadData
from geosearch.hours.schedules import Horizon
from geosearch.live.kept_rows import KeptRows
from geosearch.segment.segment import Segment, Texts, segment_folders
from indexes.arrays import U32

CUT = "changes_through"
"""Member of a segment's manifest: the number of the last change that the snapshot contains."""

IN_DOUBT = "in_doubt"
"""Member of a segment's manifest: ids of the deals and cards in doubt, which stay out of use."""

MANY = 50
"""After look-ups of one in so many ids of a segment, sorting the hashes of all is worth it."""

_DEAL_MEMBERS = ("stock", "valid_from", "valid_through", "new_customer_only")


class RowPlace(NamedTuple):
    """A row of a version: its segment, and its number there."""

    segment: int
    number: int


class Base:
    """The rows of one version.

    Parameters
    ----------
    version
        Folder of the version.

    Raises
    ------
    BadData
        The version cannot be opened, or an older release built it.
    """

    def __init__(self, version: Path) -> None:
        self.folder = version
        self.segments = [Segment(folder) for folder in segment_folders(version)]
        manifest: dict[str, Any] = self.segments[0].manifest if self.segments else {}
        if CUT not in manifest or IN_DOUBT not in manifest:
            raise BadData(
                "Expected an index that takes live changes, got one of an older release: build it "
                f"again - at `{version}`"
            )
        self.cut: int = manifest[CUT]
        """Number of the last change that the version contains."""
        self._doubtful = {
            table: frozenset(ids)
            for segment in self.segments
            for table, ids in segment.manifest[IN_DOUBT].items()
        }
        self.kept = KeptRows(version)
        """The rows that it was built of."""
        self._places: dict[tuple[str, str], list[RowPlace]] = {}
        self._deals: dict[str, dict[str, Any]] = {}
        self._offers = [_Offers(segment) for segment in self.segments]
        self._numbers = [_Numbers(segment) for segment in self.segments]

    @property
    def name(self) -> str:
        """Name of the version."""
        return self.folder.name

    def places(self, table: str, key: str) -> list[RowPlace]:
        """Where a row is; a deal or card may be in several segments."""
        known = self._places.get((table, key))
        if known is not None:
            return known
        numbers = [(place, rows.of(table, key)) for place, rows in enumerate(self._numbers)]
        found = [RowPlace(segment, number) for segment, number in numbers if number is not None]
        if found:  # Rows that change once change again; ids that nobody has are not kept.
            self._places[table, key] = found
        return found

    def in_doubt(self, table: str, key: str) -> bool:
        """Whether a value of a deal or card could not be read, so that it stays out of use."""
        return key in self._doubtful.get(table, ())

    def deal(self, deal_id: str) -> dict[str, Any]:
        """Members of the stored object of a deal that changes depend on; null ones are absent."""
        found = self._deals.get(deal_id)
        if found is None:
            segment, number = self.places("deals", deal_id)[0]
            record: dict[str, Any] = orjson.loads(self.segments[segment].deal_payload(number))
            found = {name: record[name] for name in _DEAL_MEMBERS if name in record}
            self._deals[deal_id] = found
        return found

    def program(self, place: RowPlace) -> dict[str, Any]:
        """The stored object of a card."""
        record: dict[str, Any] = self.segments[place.segment].catalogue.programs[place.number]
        return record

    def merchant(self, merchant_id: str) -> dict[str, Any] | None:
        """The stored object of a merchant; None if the version has no document of it."""
        places = self.places("merchants", merchant_id)
        if not places:
            return None
        segment, doc = places[0]
        record: dict[str, Any] = orjson.loads(self.segments[segment].merchant_payload(doc))
        return record

    def offers(self, place: RowPlace) -> tuple[U32, U32]:
        """Offers of a deal, ascending, and the documents that they are at."""
        return self._offers[place.segment].of(place.number)

    @cached_property
    def horizon(self) -> Horizon:
        """Horizon of the version."""
        manifest = self.segments[0].manifest
        return Horizon(datetime.fromisoformat(manifest["horizon_start"]))


class _Numbers:
    """Numbers of the rows of a segment by id."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._merchants = _Ids(segment.merchant_id_texts, segment.doc_of)
        self._deals = _Ids(segment.deal_id_texts, segment.deal_of)

    def of(self, table: str, key: str) -> int | None:
        if table == "merchants":
            return self._merchants.of(key)
        return self._deals.of(key) if table == "deals" else self._segment.program_numbers.get(key)


class _Ids:
    """Numbers of ids: found by the segment's own bisection; after many, by sorted hashes.

    A hash takes a microsecond where that bisection calls Python at each of its steps, and a long
    log has most of the ids.
    """

    def __init__(self, texts: Texts, bisected: Callable[[str], int | None]) -> None:
        self._texts, self._bisected = texts, bisected
        self._left = len(texts) // MANY

    def of(self, key: str) -> int | None:
        if self._left:
            self._left -= 1
            return self._bisected(key)
        hashes, numbers = self._sorted
        wanted = key.encode()
        digest = xxhash.xxh3_64_intdigest(wanted)
        place = bisect_left(hashes, digest)
        while place < len(hashes) and hashes[place] == digest:
            if self._texts(numbers[place]) == wanted:
                return numbers[place]
            place += 1
        return None

    @cached_property
    def _sorted(self) -> tuple[memoryview, memoryview]:
        digests = self._texts.digests()
        order = np.argsort(digests)
        return digests[order].data, order.data


class _Offers:
    """Offers of each deal of a segment, inverted at the first look-up."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    @cached_property
    def _lists(self) -> tuple[U32, U32, U32]:
        columns = self._segment.columns
        starts = columns.offer_start.astype(np.int64)
        counts = starts[1:] - starts[:-1]
        docs = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
        order = np.argsort(columns.offer_deal, kind="stable").astype(np.uint32)
        start = np.zeros(len(columns.deal_terms) + 1, np.uint32)
        start[1:] = np.cumsum(np.bincount(columns.offer_deal, minlength=len(start) - 1))
        return start, order, docs[order]

    def of(self, deal: int) -> tuple[U32, U32]:
        start, offers, docs = self._lists
        own = slice(int(start[deal]), int(start[deal + 1]))
        return offers[own], docs[own]
