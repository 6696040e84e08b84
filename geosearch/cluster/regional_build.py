"""`build --regions`: one snapshot becomes an index for each region.

The snapshot is read, checked and evaluated once. Processes, or tasks of a Ray cluster, then cut the
regions from the result side by side, and nothing is published before all are done.

An index folder of regions holds

- `regions.geojson`, a feature a region: its `region_id` and the area that it owns;
- `REGION_ID/`, the index of each region, which `serve` takes;
- `haproxy.cfg` and `regions.lua`, which send questions to regions; see `routing`;
- `report.json` and `rejected.ndjson` of the snapshot.
"""

import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
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
from geosearch.cluster.workers import RESTARTS, connected, result_of, told_of_death
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.carry_over import Cut
from geosearch.indexing.pipeline import SEGMENT, Taken, publish_rows, read_or_list_rejects
from geosearch.indexing.report import BuildReport
from geosearch.money.ranking import Weights
from geosearch.search.cores import usable_cores
from geosearch.segment.regional import STATISTICS
from geosearch.segment.versions import REGIONS, REPORT_FILES, current, locked, next_name, publish
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
    ray: str | None = None,
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
    ray
        Address of a Ray cluster that cuts instead, or `local`. Each of its machines has `out` under
        the same path.

    Raises
    ------
    BadData
        As `build`; or the polygons are not usable, or a region cannot be cut. Every published
        version stays.
    BadRequest
        `now` has no offset, the number of regions is out of range, or there is no Ray.
    """
    say = progress or (lambda step: None)
    built_at = datetime.now(UTC) if now is None else now
    if built_at.utcoffset() is None:
        raise BadRequest(f"Expected `now` with an offset, got {built_at.isoformat()}")
    nowhere = np.zeros((0, 2), np.int32)
    # Before the work, if the number or the file is wrong.
    if isinstance(regions, int):
        rectangles(nowhere, regions)
    else:
        polygons(regions, nowhere, str)
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
            return _cut(out, work, whole, regions, partial(_cut_all, processes=processes, ray=ray))
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _cut(
    out: Path,
    work: Path,
    whole: BuildReport,
    regions: int | Path,
    cut_all: Callable[[Sequence[_Task]], None],
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
    cut_all(tasks)
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


def _cut_all(tasks: Sequence[_Task], processes: int | None, ray: str | None) -> None:
    if ray is not None:
        _cut_on_ray(tasks, ray)
        return
    if processes is None:
        few = sum(len(task.docs) for task in tasks) < _WORTH_PROCESSES
        processes = 1 if few else usable_cores()
    if processes == 1 or len(tasks) == 1:
        for task in tasks:
            _cut_one(task)
        return
    # A new interpreter each: threads of polars do not survive a fork.
    with (
        told_of_death(),
        ProcessPoolExecutor(min(processes, len(tasks)), get_context("spawn")) as pool,
    ):
        list(pool.map(_cut_one, tasks))


def _cut_on_ray(tasks: Sequence[_Task], address: str) -> None:
    with connected(address) as ray:
        cut = ray.remote(num_cpus=1, max_retries=RESTARTS)(_cut_one)
        for submitted in [cut.remote(task) for task in tasks]:
            result_of(ray, submitted)
    missing = [task.region_id for task in tasks if not (task.draft / SEGMENT).exists()]
    if missing:
        raise BadData(
            f"Expected a folder that all machines share, got no region `{missing[0]}` in it - at "
            f"`{tasks[0].segment.parent}`"
        )


def _cut_one(task: _Task) -> None:
    if not task.segment.exists():
        raise BadData(f"Expected a folder that all machines share, got none - at `{task.segment}`")
    # A cluster may do a task twice, even at once, so each attempt has a folder of its own.
    attempt = task.draft.with_name(f"{task.region_id}.{uuid.uuid4().hex}")
    source = WholeSegment(task.segment)
    source.cut(attempt / SEGMENT, task.docs, task.owned, task.region_id)
    try:
        attempt.rename(task.draft)
    except OSError:
        if not (task.draft / SEGMENT).exists():  # Another attempt was first.
            raise


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
