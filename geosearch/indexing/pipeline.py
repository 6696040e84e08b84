"""`build`: validates a snapshot, builds its index and publishes it as a new version.

If a step fails, the published versions stay unchanged. Each step has its own module (`snapshot`,
the others of this package, `segment.writer`, `segment.versions`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from geosearch.errors import BadData, BadRequest
from geosearch.hours.schedules import Horizon
from geosearch.indexing.carry_over import Cut, carry_over, cut_of
from geosearch.indexing.encoding import VersionSetting, write_rows
from geosearch.indexing.report import BuildReport, changes_since
from geosearch.indexing.writer import catch_up
from geosearch.live.kept_rows import keep_rows
from geosearch.money.ranking import Weights
from geosearch.segment.versions import REGIONS, REPORT_FILES, publish
from geosearch.snapshot.reader import MAX_REJECTED, Snapshot, read_snapshot
from geosearch.snapshot.rejects import RejectLog
from indexes.files import write_file

SEGMENT = "segment-0000"
REJECTED, REPORT = REPORT_FILES
FAILED = "rejected.failed.ndjson"
"""File in the index folder with the rejects and warnings of a snapshot that was not built."""


def build(
    snapshot: Path,
    out: Path,
    *,
    now: datetime | None = None,
    max_rejected: float = MAX_REJECTED,
    weights: Weights | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuildReport:
    """Validate a snapshot, build its index and publish it in `out`.

    Parameters
    ----------
    snapshot
        Snapshot folder.
    out
        Index folder; created if missing. It keeps the last versions.
    now
        Instant with an offset, around which the horizon is built; by default the current one.
    max_rejected
        Share of a table's rows that may be rejected, 0 to 1.
    weights
        Weights of the net benefit; by default `ranking.Weights()`.
    progress
        Called with the name of each step.

    Returns
    -------
    BuildReport
        Counts, rejects by code, and changes against the version before.

    Raises
    ------
    BadData
        The snapshot as a whole is unusable; or `out` is a folder of regions. The published version
        stays. `rejected.failed.ndjson` in `out` lists the faults of single rows until the next
        build.
    BadRequest
        `now` has no offset.
    """
    say = progress or (lambda step: None)
    built_at = datetime.now(UTC) if now is None else now
    if built_at.utcoffset() is None:
        raise BadRequest(f"Expected `now` with an offset, got {built_at.isoformat()}")
    if (out / REGIONS).exists():
        raise BadData(f"Expected a folder for one index, got one of regions - at `{out}`")
    read = read_or_list_rejects(snapshot, out, max_rejected, progress)
    cut = cut_of(out, read.envelope.changes_through, read.envelope.created_at)
    return publish_rows(out, lambda: Taken(read, cut, weights or Weights()), built_at, say)


class Taken(NamedTuple):
    """Rows to build a version of, and the last live change that they contain.

    `rejected` and the counts are those of an earlier build of the rows; None for those that the log
    of the snapshot has. `orphans` are those of changes that the rows contain.
    """

    snapshot: Snapshot
    cut: Cut
    weights: Weights
    orphans: Sequence[tuple[str, str]] = ()
    rejected: bytes | None = None
    rejects: dict[str, dict[str, int]] | None = None
    warnings: dict[str, dict[str, int]] | None = None


def publish_rows(
    out: Path, take: Callable[[], Taken], built_at: datetime, say: Callable[[str], None]
) -> BuildReport:
    """Build a version and publish it; `take` is called while no other build runs.

    Raises
    ------
    BadData
        Another build is running, or `take` raises it. The published version stays.
    """
    reports: list[BuildReport] = []

    def write(folder: Path) -> None:
        taken = take()
        read, cut = taken.snapshot, taken.cut
        keep_rows(folder, read)  # Before the next line, which frees them.
        setting = VersionSetting(built_at, Horizon.for_build(built_at), taken.weights, cut.seq)
        counts, guesses = write_rows(folder / SEGMENT, read, setting, say)
        orphans = [*taken.orphans, *carry_over(out, folder)]
        say("Comparing with the version before")
        log = read.rejects
        report = BuildReport(
            snapshot_id=read.envelope.snapshot_id,
            counts=counts,
            rejected=log.counts("reject") if taken.rejects is None else taken.rejects,
            warnings=log.counts("warning") if taken.warnings is None else taken.warnings,
            changes=changes_since(out, folder),
            provisional_holidays=guesses,
            live=_live_report(cut, orphans),
        )
        if taken.rejected is None:
            log.write(folder / REJECTED)
        else:
            write_file(folder / REJECTED, taken.rejected)
        # `publish` names the version later.
        reported = {name: value for name, value in report.as_dict().items() if name != "version"}
        write_file(folder / REPORT, orjson.dumps(reported, option=orjson.OPT_INDENT_2))
        reports.append(report)

    version = publish(out, write)
    catch_up(out)
    return reports[0].published(version)


def _live_report(cut: Cut, orphans: list[tuple[str, str]]) -> dict[str, Any] | None:
    """Member `live` of a report; None if the index has no live changes."""
    if not cut.seq and not cut.guessed and not orphans:
        return None
    listed = [{"table": table, "id": key} for table, key in dict.fromkeys(orphans)]
    return {"changes_through": cut.seq, "no_cut": cut.guessed, "orphans": listed}


def read_or_list_rejects(
    snapshot: Path, out: Path, max_rejected: float, progress: Callable[[str], None] | None
) -> Snapshot:
    """Return the snapshot; if it is unusable, write its rejects and warnings to `out` and raise."""
    failed = out / FAILED
    with suppress(NotADirectoryError):  # `publish` reports that the index is a file
        failed.unlink(missing_ok=True)
    rejects = RejectLog()
    try:
        return read_snapshot(
            snapshot, max_rejected=max_rejected, progress=progress, rejects=rejects
        )
    except BadData as error:
        if not rejects.entries or out.is_file():
            raise
        out.mkdir(parents=True, exist_ok=True)
        draft = failed.with_name(f".tmp-{FAILED}")
        rejects.write(draft)
        draft.replace(failed)
        raise type(error)(f"{error}, all listed in `{failed}`") from error
