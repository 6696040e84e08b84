"""Rows of a snapshot, or of a part of one, to a written segment.

Builds write the segment of a version, and the writer of live changes small ones beside it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from geosearch.hours.schedules import Horizon
from geosearch.indexing.countries import with_calendars
from geosearch.indexing.hours import ScheduleBook
from geosearch.indexing.rows import deal_rows, merchant_rows, zone_records
from geosearch.live.base import CUT, IN_DOUBT
from geosearch.money.ranking import Weights
from geosearch.segment.catalogue import ZoneRecord
from geosearch.segment.writer import SegmentLookups, write_segment
from geosearch.snapshot.reader import Snapshot
from geosearch.suggest.directory import directory_columns
from geosearch.suggest.rows import POPULARITY, directory_rows
from geosearch.text.categories import category_names
from geosearch.text.columns import text_columns
from geosearch.text.fields import FOUND_BY
from geosearch.text.rows import text_rows
from indexes.container import ContainerWriter
from indexes.geo.datum import Datum
from indexes.geo.zones import ZoneIndex
from indexes.storage import FolderWriter


class SharedZones(NamedTuple):
    """Zones of another segment, which keeps their shapes."""

    records: list[ZoneRecord]
    datums: list[Datum]
    shapes: ZoneIndex


class VersionSetting(NamedTuple):
    """What all segments of a version share."""

    built_at: datetime
    horizon: Horizon
    weights: Weights
    cut: int
    zones: SharedZones | None = None


def write_rows(
    place: Path,
    snapshot: Snapshot,
    setting: VersionSetting,
    say: Callable[[str], None] = lambda step: None,
    *,
    write: type[FolderWriter | ContainerWriter] = FolderWriter,
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Write a segment; return its counts and its guessed holidays.

    This empties the frames of the snapshot, to save memory.
    """
    envelope, horizon, weights = snapshot.envelope, setting.horizon, setting.weights
    book = ScheduleBook(horizon, snapshot.rejects, makeup=envelope.makeup_workdays)
    merchants = snapshot.merchants.with_row_index("merchant_row").filter(
        pl.col("business_status") != "CLOSED_PERMANENTLY"
    )
    closed_permanently = snapshot.merchants.height - merchants.height
    snapshot.merchants = snapshot.merchants.clear()
    say("Evaluating opening hours")
    merchants = with_calendars(merchants, snapshot)
    rows, names = merchant_rows(merchants, book, weights)
    say("Evaluating deals")
    deals = deal_rows(snapshot, merchants, book)
    in_doubt = {
        name: frame.filter("in_doubt")[f"{name[:-1]}_id"].to_list()
        for name, frame in (("deals", snapshot.deals), ("programs", snapshot.programs))
    }
    guesses = [msgspec.to_builtins(guess._asdict()) for guess in book.guesses()]
    # Frames that are encoded are dropped before the texts need memory: 1 GB for a million
    # merchants.
    snapshot.deals, snapshot.deal_merchants = snapshot.deals.clear(), pl.DataFrame()
    merchants = merchants.select(*FOUND_BY, *POPULARITY)
    say("Reading names, addresses and categories")
    # The two steps share only the merchants: one runs Python while polars sorts for the other.
    with ThreadPoolExecutor(1) as beside:
        suggested = beside.submit(directory_rows, merchants, snapshot.categories)
        text = text_rows(
            merchants,
            snapshot.categories,
            category_set=rows.category_set,
            category_sets=names["category_sets"],
        )
        say("Collecting the names to suggest")
        suggestions = suggested.result()
    del merchants
    say("Sorting, summarising and writing the index")
    manifest = {
        "snapshot_id": envelope.snapshot_id,
        "created_at": envelope.created_at.isoformat(),
        "currency": envelope.currency,
        "country": envelope.country,
        "time_zone": envelope.time_zone,
        "built_at": setting.built_at.isoformat(),
        "horizon_start": horizon.start.isoformat(),
        "provisional_holidays": guesses,
        "weights": msgspec.to_builtins(weights),
        CUT: setting.cut,
        IN_DOUBT: in_doubt,
    }
    around = SegmentLookups(
        timetable=book.build(),
        start_hour_of_week=horizon.hour_of_week(),
        **_zones(snapshot, setting.zones),
        category_names=category_names(snapshot.categories),
        **names,
    )
    parts = (partial(text_columns, text), partial(directory_columns, suggestions))
    write_segment(place, rows, deals, around, manifest, parts=parts, write=write)
    counts = {
        "merchants": len(rows.x),
        "closed_permanently": closed_permanently,
        "deals": len(deals.on),
        "offers": len(deals.offer_deal),
        "programs": snapshot.programs.height,
        "zones": len(snapshot.zones),
    }
    return counts, guesses


def _zones(snapshot: Snapshot, shared: SharedZones | None) -> dict[str, Any]:
    if shared is None:
        return {
            "zones": zone_records(snapshot),
            "zone_shapes": [zone.geometry for zone in snapshot.zones],
            "zone_datums": [zone.crs for zone in snapshot.zones],
        }
    return {"zones": shared.records, "zone_datums": shared.datums, "zone_index": shared.shapes}
