"""Live changes of a version that a build or a rollback is about to serve.

A snapshot contains the changes up to its cut. The later ones are applied to its version before
anybody sees it.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from geosearch.errors import BadData
from geosearch.indexing.live_version import LiveVersion, replayed
from geosearch.live.base import Base
from geosearch.live.log import ChangeLog

SLACK = timedelta(seconds=60)
"""How long before `created_at` a change may be accepted that the snapshot lacks."""


class Cut(NamedTuple):
    """Number of the last change that a snapshot contains; whether that is only a guess."""

    seq: int
    guessed: bool


def cut_of(index: Path, changes_through: int | None, created_at: datetime) -> Cut:
    """The cut of a snapshot that is built for an index.

    Parameters
    ----------
    changes_through
        What its envelope says; without it the cut is guessed from `created_at`.

    Raises
    ------
    BadData
        The log has fewer changes than the snapshot says it contains, or cannot be read.
    """
    log = ChangeLog.read(index)
    if log is None:
        return Cut(0, guessed=False)
    try:
        if changes_through is None:
            through = int((created_at - SLACK).timestamp() * 1_000)
            return Cut(log.last_through(through), guessed=log.head > 0)
        if changes_through > log.head:
            raise BadData(
                f"Expected `changes_through` of at most {log.head}, the last change of the index, "
                f"got {changes_through} - at `{index}`"
            )
        return Cut(changes_through, guessed=False)
    finally:
        log.close()


def carry_over(index: Path, version: Path) -> list[tuple[str, str]]:
    """Give a version its moment with all changes that the log has after its cut.

    Returns
    -------
    list of tuple
        Table and id of the changes to rows that the version does not have, or cannot show.

    Raises
    ------
    BadData
        The log cannot be read, or the version takes no live changes.
    """
    log = ChangeLog.read(index)
    if log is None:
        return []
    try:
        base = Base(version)
        state, head = replayed(base, log)
        LiveVersion(base, state).publish(max(head, base.cut))
        return state.orphans
    finally:
        log.close()
