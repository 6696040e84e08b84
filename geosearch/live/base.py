"""Rows of a published version as the writer of changes needs them: by id, with what may change."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import xxhash

from geosearch.errors import BadData
from geosearch.hours.schedules import Horizon
from geosearch.live.kept_rows import KeptRows
from geosearch.segment.segment import Segment, segment_folders
from geosearch.segment.texts import Texts
from indexes.arrays import U32
from indexes.terms.keys import ranges

CUT = "changes_through"
"""Member of a segment's manifest: the number of the last change that the snapshot contains."""

IN_DOUBT = "in_doubt"
"""Member of a segment's manifest: ids of the deals and cards in doubt, which stay out of use."""

MANY = 50
"""After look-ups of one in so many ids of a segment, sorting the hashes of all is worth it."""

_DIGEST_BITS = 64


class BuiltDeal(msgspec.Struct, frozen=True, gc=False):
    """Members of the stored object of a deal that changes depend on."""

    stock: int | None = None
    valid_from: str | None = None
    valid_through: str | None = None
    new_customer_only: bool = False


class BuiltMerchant(msgspec.Struct, frozen=True, gc=False):
    """Members of the stored object of a merchant that changes depend on."""

    business_status: str
    closures: tuple[dict[str, str], ...] = ()


# Others are skipped: reading all of an object takes three times as long.
_DEAL, _MERCHANT = msgspec.json.Decoder(BuiltDeal), msgspec.json.Decoder(BuiltMerchant)


class BuiltSegment:
    """A segment as it was written: where its rows are, and what changes depend on.

    Parameters
    ----------
    segment
        The segment, without live changes.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._doubtful = {
            table: frozenset(ids) for table, ids in segment.manifest[IN_DOUBT].items()
        }
        self._deals: dict[str, BuiltDeal] = {}
        self._merchants: dict[str, BuiltMerchant] = {}
        self._numbers: dict[str, dict[str, int]] = {"merchants": {}, "deals": {}}
        self._ids = {
            "merchants": _Ids(segment.merchant_id_texts, segment.doc_of),
            "deals": _Ids(segment.deal_id_texts, segment.deal_of),
        }

    def number(self, table: str, key: str) -> int | None:
        """Number of a row; None if the segment has no such row."""
        if table == "programs":
            return self.segment.program_numbers.get(key)
        found = self._numbers[table].get(key)
        if found is None:
            found = self._ids[table].of(key)
            if found is not None:  # Rows that change once change again; unknown ids are not kept.
                self._numbers[table][key] = found
        return found

    def in_doubt(self, table: str, key: str) -> bool:
        """Whether a value of a deal or card could not be read, so that it stays out of use."""
        return key in self._doubtful[table]

    def merchant(self, key: str) -> BuiltMerchant | None:
        """A merchant as it was built; None if the segment has no document of it."""
        found = self._merchants.get(key)
        if found is None and (doc := self.number("merchants", key)) is not None:
            found = self._merchants[key] = _MERCHANT.decode(self.segment.merchant_payload(doc))
        return found

    def deal(self, key: str) -> BuiltDeal | None:
        """A deal as it was built; None if the segment has no such deal."""
        found = self._deals.get(key)
        if found is None and (number := self.number("deals", key)) is not None:
            found = self._deals[key] = _DEAL.decode(self.segment.deal_payload(number))
        return found

    def program(self, number: int) -> dict[str, Any]:
        """The stored object of a card."""
        record: dict[str, Any] = self.segment.catalogue.programs[number]
        return record

    def offers(self, deals: Sequence[int]) -> tuple[U32, U32]:
        """Offers of deals, those of each ascending, and the documents that they are at."""
        start, offers, docs = self._offers
        numbers = np.array(deals, np.int64)
        begin, end = (start[numbers + after].astype(np.int64) for after in (0, 1))
        own = ranges(begin, end - begin)
        return offers[own], docs[own]

    @cached_property
    def _offers(self) -> tuple[U32, U32, U32]:
        """Offers of each deal, inverted at the first look-up."""
        columns = self.segment.columns
        starts = columns.offer_start.astype(np.int64)
        counts = starts[1:] - starts[:-1]
        docs = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
        order = np.argsort(columns.offer_deal, kind="stable").astype(np.uint32)
        start = np.zeros(len(columns.deal_terms) + 1, np.uint32)
        start[1:] = np.cumsum(np.bincount(columns.offer_deal, minlength=len(start) - 1))
        return start, order, docs[order]


class RowPlace(NamedTuple):
    """A row of a version: a segment that has it, and its number there."""

    built: BuiltSegment
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
        self.built = [BuiltSegment(segment) for segment in self.segments]
        self.kept = KeptRows(version)
        """The rows that it was built of."""

    @property
    def name(self) -> str:
        """Name of the version."""
        return self.folder.name

    def place(self, table: str, key: str) -> RowPlace | None:
        """A segment with a row; None if the version has no such row."""
        for built in self.built:
            number = built.number(table, key)
            if number is not None:
                return RowPlace(built, number)
        return None

    def deal(self, deal_id: str) -> BuiltDeal | None:
        """A deal as it was built; None if the version has no such deal."""
        for built in self.built:
            if (found := built.deal(deal_id)) is not None:
                return found
        return None

    def merchant(self, merchant_id: str) -> BuiltMerchant | None:
        """A merchant as it was built; None if the version has no document of it."""
        for built in self.built:
            if (found := built.merchant(merchant_id)) is not None:
                return found
        return None

    @cached_property
    def horizon(self) -> Horizon:
        """Horizon of the version."""
        manifest = self.segments[0].manifest
        return Horizon(datetime.fromisoformat(manifest["horizon_start"]))


class _Ids:
    """Numbers of ids: found by the segment's own bisection; after many, by sorted hashes.

    The first bits of a hash say about where it is. It takes half a microsecond where that bisection
    calls Python at each of its steps, and a long log has most of the ids.
    """

    def __init__(self, texts: Texts, bisected: Callable[[str], int | None]) -> None:
        self._texts, self._bisected = texts, bisected
        self._left = len(texts) // MANY
        self._shift = _DIGEST_BITS - max(len(texts).bit_length(), 1)

    def of(self, key: str) -> int | None:
        if self._left:
            self._left -= 1
            return self._bisected(key)
        begins, hashes, numbers = self._sorted
        wanted = key.encode()
        digest = xxhash.xxh3_64_intdigest(wanted)
        place = begins[digest >> self._shift]
        while place < len(hashes) and hashes[place] <= digest:
            if hashes[place] == digest and self._texts(numbers[place]) == wanted:
                return numbers[place]
            place += 1
        return None

    @cached_property
    def _sorted(self) -> tuple[memoryview, memoryview, memoryview]:
        """Where the hashes with the same first bits begin; the hashes, ascending; their rows."""
        digests = self._texts.digests()
        order = np.argsort(digests)
        hashes = digests[order]
        firsts = np.arange(1 << _DIGEST_BITS - self._shift, dtype=np.uint64) << self._shift
        begins = np.searchsorted(hashes, firsts).astype(np.uint32)
        return begins.data, hashes.data, order.data
