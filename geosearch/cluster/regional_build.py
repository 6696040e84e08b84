"""`build --regions`: one snapshot becomes an index for each region.

The snapshot is read, checked and evaluated once. Processes then cut the regions from the result
side by side, and nothing is published before all are done.

An index folder of regions holds

- `regions.geojson`, a feature a region: its `region_id` and the area that it owns;
- `REGION_ID/`, the index of each region, which `serve` takes;
- `haproxy.cfg` and `regions.lua`, which send questions to regions; see `routing`;
- `report.json` and `rejected.ndjson` of the snapshot.
"""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geosearch.cluster.cut_segment import WholeSegment
from geosearch.cluster.cuts import Region, degrees_of, polygons, rectangles
from geosearch.cluster.halo import HALO_M, near_area
from geosearch.cluster.routing import (
    CONFIGURATION,
    SCRIPT,
    haproxy_configuration,
    lua_script,
)
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.carry_over import Cut
from geosearch.indexing.pipeline import SEGMENT, Taken, publish_rows, read_or_list_rejects
from geosearch.indexing.report import BuildReport
from geosearch.money.ranking import Weights
from geosearch.search.cores import usable_cores
from geosearch.segment.regional import REGIONS, STATISTICS
from geosearch.segment.versions import REPORT_FILES, current, locked, next_name, publish
from geosearch.snapshot.reader import MAX_REJECTED
from indexes.arrays import I64
from indexes.files import link_or_copy, replace_file, write_file
from indexes.geo.territories import Territories

_WORK = ".tmp-regions"

_WORTH_PROCESSES = 50_000
"""Shops whose regions take longer to cut than an interpreter takes to start, some 2 s."""


class RegionReport(NamedTuple):
    """Shops of one region: all, and those that it owns; the others are its halo."""

    region_id: str
    shops: int
    owned: int


class RegionsReport(NamedTuple):
    """Outcome of a build of regions."""

    whole: BuildReport
    """The report of the snapshot."""
    regions: tuple[RegionReport, ...]

    @property
    def stored_again(self) -> float:
        """Shops of halos, as a share of all shops."""
        owned = sum(region.owned for region in self.regions)
        return sum(region.shops for region in self.regions) / max(owned, 1) - bool(owned)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        regions = [region._asdict() for region in self.regions]
        return self.whole.as_dict() | {"regions": regions, "stored_again": self.stored_again}

    def text(self, listed: Path | None = None) -> str:
        """The report as lines for a terminal; `listed` is the file with all rejects."""
        lines = [self.whole.text(listed), f"{len(self.regions)} regions, shops and those owned:"]
        lines += [f"  {name:<20}{shops:>12,}{owned:>12,}" for name, shops, owned in self.regions]
        return "\n".join([*lines, f"stored more than once: {self.stored_again:.1%}"])


class _Task(NamedTuple):
    """What a process cuts: some documents of the segment of all shops."""

    segment: Path
    draft: Path
    region_id: str
    docs: I64
    owned: NDArray[np.bool_]


def build_regions(
    snapshot: Path,
    out: Path,
    regions: int | Path,
    *,
    now: datetime | None = None,
    max_rejected: float = MAX_REJECTED,
    weights: Weights | None = None,
    processes: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> RegionsReport:
    """Validate a snapshot, cut it into regions and publish an index for each.

    All regions get a version of the same name, built at the same instant.

    Parameters
    ----------
    snapshot, now, max_rejected, weights, progress
        As in `indexing.pipeline.build`.
    out
        Folder of the regions; made if missing. A region that the new cut lacks stays as it is.
    regions
        Number of rectangles, or a GeoJSON file of polygons; see `cuts`.
    processes
        How many cut at a time; by default one a core, and one for few shops.

    Raises
    ------
    BadData
        As `build`; or the polygons are not usable. Every published version stays.
    BadRequest
        `now` has no offset, or the number of regions is out of range.
    """
    say = progress or (lambda step: None)
    built_at = datetime.now(UTC) if now is None else now
    if built_at.utcoffset() is None:
        raise BadRequest(f"Expected `now` with an offset, got {built_at.isoformat()}")
    if isinstance(regions, int):
        rectangles(np.zeros((0, 2), np.int32), regions)  # Before the work, if the number is wrong.
    if (out / "CURRENT").exists():
        raise BadData(f"Expected a folder of regions, got an ordinary index - at `{out}`")
    read = read_or_list_rejects(snapshot, out, max_rejected, progress)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadData(f"Expected a folder for regions, got a file - at `{out}`") from None
    with locked(out):
        work = out / _WORK
        shutil.rmtree(work, ignore_errors=True)
        try:
            taken = Taken(read, Cut(0, guessed=False), weights or Weights())
            whole = publish_rows(work, lambda: taken, built_at, say)
            say("Cutting the regions")
            return _cut(out, work, whole, regions, processes)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _cut(
    out: Path, work: Path, whole: BuildReport, regions: int | Path, processes: int | None
) -> RegionsReport:
    version = current(work)
    source = WholeSegment(version / SEGMENT)
    lat, lng = degrees_of(source.position)
    if isinstance(regions, int):
        chosen = rectangles(source.position, regions)
    else:
        chosen = polygons(regions, source.position, source.segment.merchant_id)
    owner = Territories([region.area for region in chosen]).owners(lat, lng)
    tasks = []
    for number, region in enumerate(chosen):
        docs = np.flatnonzero((owner == number) | near_area(region.area, lat, lng))
        draft = work / "drafts" / region.region_id
        own = owner[docs] == number
        tasks.append(_Task(version / SEGMENT, draft, region.region_id, docs, own))
    statistics = work / STATISTICS
    source.write_statistics(statistics)
    usual = usable_cores() if len(source.position) >= _WORTH_PROCESSES else 1
    _cut_all(tasks, usual if processes is None else processes)
    indexes = [out / region.region_id for region in chosen]
    name = next_name(*indexes)
    geojson = _geojson(chosen)
    for task, index in zip(tasks, indexes, strict=True):

        def write(folder: Path, task: _Task = task) -> None:
            (task.draft / SEGMENT).rename(folder / SEGMENT)
            write_file(folder / REGIONS, geojson)
            (folder / STATISTICS).mkdir()
            for file in sorted(statistics.iterdir()):
                link_or_copy(file, folder / STATISTICS / file.name)
            for report in REPORT_FILES:
                shutil.copyfile(version / report, folder / report)

        publish(index, write, name=name)
    for report in REPORT_FILES:
        replace_file(out / report, (version / report).read_bytes())
    replace_file(out / CONFIGURATION, haproxy_configuration(chosen).encode())
    replace_file(out / SCRIPT, lua_script(chosen).encode())
    replace_file(out / REGIONS, geojson)
    counts = (RegionReport(task.region_id, len(task.docs), int(task.owned.sum())) for task in tasks)
    return RegionsReport(whole.published(name), tuple(counts))


def _cut_all(tasks: Sequence[_Task], processes: int) -> None:
    if processes == 1 or len(tasks) == 1:
        for task in tasks:
            _cut_one(task)
        return
    # A new interpreter each: threads of polars do not survive a fork.
    with ProcessPoolExecutor(min(processes, len(tasks)), get_context("spawn")) as pool:
        list(pool.map(_cut_one, tasks))


def _cut_one(task: _Task) -> None:
    source = WholeSegment(task.segment)
    source.cut(task.draft / SEGMENT, task.docs, task.owned, task.region_id)


def _geojson(regions: Sequence[Region]) -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {"region_id": region.region_id},
            "geometry": shapely.geometry.mapping(region.area),
        }
        for region in regions
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features, "halo_m": HALO_M})
