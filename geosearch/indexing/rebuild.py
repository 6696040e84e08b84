"""`rebuild`: a new version from the rows of the served one and its live changes.

It moves the time horizon on, and folds the changes in, so that none has to be shown as a change.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson

from geosearch.errors import BadRequest
from geosearch.indexing.carry_over import Cut
from geosearch.indexing.fold import all_changed, fold_changes
from geosearch.indexing.live_version import replayed
from geosearch.indexing.pipeline import REJECTED, REPORT, Taken, publish_rows
from geosearch.indexing.report import BuildReport
from geosearch.live.base import Base
from geosearch.live.kept_rows import read_rows
from geosearch.live.log import ChangeLog
from geosearch.money.ranking import Weights
from geosearch.segment.versions import current
from geosearch.snapshot.links import pairs_of


def rebuild(
    index: Path, *, now: datetime | None = None, progress: Callable[[str], None] | None = None
) -> BuildReport:
    """Build the served version again and publish it.

    The weights stay. Rejects and warnings are those of the build before.

    Parameters
    ----------
    index
        The index folder.
    now
        Instant with an offset, around which the horizon is built; by default the current one.
    progress
        Called with the name of each step.

    Raises
    ------
    BadData
        There is no version that keeps its rows, or another process builds.
    BadRequest
        `now` has no offset.
    """
    built_at = datetime.now(UTC) if now is None else now
    if built_at.utcoffset() is None:
        raise BadRequest(f"Expected `now` with an offset, got {built_at.isoformat()}")
    current(index)  # Publishing would make an index where there is none.

    def take() -> Taken:
        version = current(index)
        rows, base = read_rows(version), Base(version)
        log = ChangeLog.read(index)
        orphans: list[tuple[str, str]] = []
        head = base.cut
        if log is None:
            rows.deal_merchants = pairs_of(rows.deals, rows.merchants)
        else:
            try:
                state, head = replayed(base, log)
            finally:
                log.close()
            fold_changes(rows, all_changed(state))
            orphans = state.orphans
        said = orjson.loads((version / REPORT).read_bytes())
        weights = msgspec.convert(base.segments[0].manifest["weights"], Weights)
        return Taken(
            rows, Cut(head, guessed=False), weights, orphans,
            (version / REJECTED).read_bytes(), said["rejected"], said["warnings"],
        )  # fmt: skip

    return publish_rows(index, take, built_at, progress or (lambda step: None))
