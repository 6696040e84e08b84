"""A region's segment, cut from the segment of all shops.

Useful for: `regional_build`. Names keep their numbers, hours and texts are read once for all
regions, and documents keep their order.
Not useful for: choosing the documents (`cuts`, `halo`).

The writer gets the rows that it wrote, for some documents. Names and terms stay those of the whole:
so a region knows what exists elsewhere, as one index does.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import shapely
from numpy.typing import NDArray

from geosearch.answer.contents import place_of
from geosearch.segment.columns import (
    DOC_PRICE,
    DOC_QUALITY,
    DOC_RATING,
    DOC_REDEEM,
    DOC_TIME_ZONE,
)
from geosearch.segment.layout import SAMPLED
from geosearch.segment.numbers import packed
from geosearch.segment.regional import NAMES
from geosearch.segment.segment import Segment
from geosearch.segment.writer import DealRows, MerchantRows, SegmentLookups, write_segment
from geosearch.suggest.directory import directory_part
from geosearch.text.columns import POSTING_COLUMNS, text_part
from indexes.arrays import I64
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.storage import FolderWriter, open_folder
from indexes.timetable import Timetable

Arrays = dict[str, NDArray[Any]]

_OF_WRITER = ("format_version", "files", "docs", "deals", "offers")
"""Members of a manifest that the writer adds."""


class WholeSegment:
    """The segment of all shops, opened for cutting.

    Parameters
    ----------
    folder
        Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.arrays, self.manifest = open_folder(folder, sampled=SAMPLED)
        self.segment = Segment(folder)
        self.position = self.arrays["doc_position"]
        """Positions of the documents in column units, int32[n, 2]."""

    def cut(self, folder: Path, docs: I64, owned: NDArray[np.bool_], region_id: str) -> None:
        """Write the segment of a region.

        Parameters
        ----------
        docs
            Its documents, ascending.
        owned
            Whether the region owns each of them.
        """
        deals, offers = self._offers(docs)
        manifest = {name: each for name, each in self.manifest.items() if name not in _OF_WRITER}
        write_segment(
            folder,
            self._merchants(docs),
            self._deals(deals, offers),
            self._lookups(),
            manifest | {"region": region_id},
            parts=(
                lambda order: text_part(self.arrays, docs[order]),
                lambda order: directory_part(self.arrays, docs[order]),
                lambda order: {
                    "doc_owned": packed(owned[order]),
                    "doc_whole": docs[order].astype(np.uint32),
                },
            ),
        )

    def _merchants(self, docs: I64) -> MerchantRows:
        record = self.arrays["doc_record"][docs]
        return MerchantRows(
            merchant_id=self._texts("merchant_id", docs),
            x=self.position[docs, 0],
            y=self.position[docs, 1],
            schedule=self.arrays["doc_schedule"][docs],
            time_zone=record[:, DOC_TIME_ZONE].astype(np.uint16),
            category_set=self.arrays["doc_category_set"][docs],
            area=self.arrays["doc_area"][docs],
            rating=record[:, DOC_RATING].astype(np.int16),
            redeem=record[:, DOC_REDEEM].astype(np.uint16),
            quality=record[:, DOC_QUALITY],
            price=record[:, DOC_PRICE],
            payload=self._texts("merchant_payload", docs),
        )

    def _offers(self, docs: I64) -> tuple[I64, Arrays]:
        """Deals of some documents, ascending, and their offers by row of document and deal."""
        starts = self.arrays["offer_start"].astype(np.int64)
        counts = np.diff(starts)[docs]
        ends = np.cumsum(counts)
        rows = np.repeat(starts[docs] - (ends - counts), counts) + np.arange(counts.sum())
        deals, deal = np.unique(self.arrays["offer_deal"][rows], return_inverse=True)
        return deals.astype(np.int64), {
            "merchant": np.repeat(np.arange(len(docs), dtype=np.uint32), counts),
            "deal": deal.astype(np.uint32),
            "window": self.arrays["offer_window"][rows],
            "group": self.arrays["offer_group"][rows],
            "program": self.arrays["offer_program"][rows],
        }

    def _deals(self, deals: I64, offers: Arrays) -> DealRows:
        on, for_new = (self._flags(name)[deals] for name in ("deal_on", "deal_new"))
        program = np.zeros(len(deals), np.uint16)
        program[offers["deal"]] = offers["program"]
        return DealRows(
            deal_id=self._texts("deal_id", deals),
            terms=self.arrays["deal_terms"][deals],
            program=program,
            on=on | for_new,
            for_new=for_new,
            payload=self._texts("deal_payload", deals),
            programs=self.segment.catalogue.programs[1:],
            program_on=self.arrays["program_on"][1:],
            offer_merchant=offers["merchant"],
            offer_deal=offers["deal"],
            offer_window=offers["window"],
            offer_group=offers["group"],
        )

    def _lookups(self) -> SegmentLookups:
        catalogue = self.segment.catalogue
        start = datetime.fromisoformat(self.manifest["horizon_start"])
        names = ("schedule_start", "change_minute", "change_state")
        zones = range(len(catalogue.zones))
        return SegmentLookups(
            timetable=Timetable(*(self.arrays[name].copy() for name in names)),
            start_hour_of_week=start.weekday() * 24,
            category_sets=catalogue.category_sets,
            areas=catalogue.areas,
            time_zones=catalogue.time_zones,
            zones=catalogue.zones,
            zone_shapes=[shapely.from_wkb(self._piece("zone_shape", zone)) for zone in zones],
            zone_datums=catalogue.zone_datums,
            category_names=catalogue.category_names,
        )

    def _flags(self, name: str) -> NDArray[np.uint8]:
        return np.unpackbits(self.arrays[name].view(np.uint8), bitorder="little")

    def _piece(self, name: str, row: int) -> bytes:
        starts = self.arrays[f"{name}_start"]
        return self.arrays[name][int(starts[row]) : int(starts[row + 1])].tobytes()

    def _texts(self, name: str, rows: I64) -> pl.Series:
        pieces = (self._piece(name, row).decode() for row in rows.tolist())
        return pl.Series(name, list(pieces), dtype=pl.String)

    def write_statistics(self, folder: Path) -> None:
        """Write what answers depend on of shops everywhere; see `geosearch.segment.regional`."""
        docs = len(self.position)
        with FolderWriter(folder) as writer:
            for name in (
                *POSTING_COLUMNS.values(),
                "merchant_id",
                "merchant_id_start",
                "doc_by_id",
            ):
                writer.add(f"whole_{name}", self.arrays[name])
            starts = np.zeros(docs + 1, np.uint64)
            with writer.stream("whole_names") as column:
                for doc in range(docs):
                    shop = orjson.loads(self._piece("merchant_payload", doc))
                    kept = {name: shop[name] for name in NAMES if shop.get(name)}
                    column.write(orjson.dumps(kept))
                    starts[doc + 1] = column.size
            writer.add("whole_names_start", starts)
            writer.finish({"docs": docs, "bounds": self._bounds(), "areas": self._areas()})

    def _bounds(self) -> Sequence[float] | None:
        if not len(self.position):
            return None
        low, high = self.position.min(axis=0), self.position.max(axis=0)
        return list(map(float, np.concatenate((low, high)) / UNITS_PER_DEGREE))

    def _areas(self) -> dict[str, Any]:
        """Place of the shops of each business area; see `answer.contents.place_of`."""
        area = self.arrays["doc_area"]
        order = np.argsort(area, kind="stable")
        ends = np.searchsorted(area[order], np.arange(len(self.segment.catalogue.areas) + 1))
        named = list(enumerate(self.segment.catalogue.areas))[1:]
        found = {
            name: place_of(self.position[order[ends[number] : ends[number + 1]]])
            for number, name in named
        }
        return {name: tuple(place) for name, place in found.items() if place is not None}
