"""A version with its live changes: their state, and the moments that show them."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import msgspec
import polars as pl

from geosearch.indexing.hours import warn_of_hours
from geosearch.indexing.small_segments import SmallSegments
from geosearch.live.base import Base
from geosearch.live.changes import TABLES, ChangeRefused, LiveChange
from geosearch.live.log import ChangeLog
from geosearch.live.moment import Moment, remove_others, write_moment
from geosearch.live.moments import SegmentDelta
from geosearch.live.state import LiveState, check_rows
from geosearch.snapshot.rejects import Entry, RejectLog
from geosearch.snapshot.single_rows import SingleRow, checked_rows

_HOURS = {"merchants": "opening_hours", "deals": "use_hours"}
"""Fields with hours, by table."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Context manager that pauses the garbage collector, half the time of a long replay.

    A replay makes no cycles, so counted references free all that it drops. A first moment makes
    few, and would have all rows of the replay searched for more.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class LiveVersion:
    """One version and the live changes since.

    Parameters
    ----------
    base
        The version.
    state
        Its changed rows.
    """

    @_uncollected()
    def __init__(self, base: Base, state: LiveState) -> None:
        self.base, self.state = base, state
        self.small = SmallSegments(base, state)
        """Segments of the merchants that bits cannot show."""
        self._deltas = [
            SegmentDelta(built, state, base.horizon, deals={}, elsewhere=state.moved)
            for built in base.built
        ]
        self._follow(
            chain(
                (("merchants", key) for key in {*state.merchants, *state.moved}),
                (("deals", key) for key in state.deals),
                (("programs", key) for key in state.programs),
            )
        )

    @_uncollected()
    def publish(self, seq: int) -> None:
        """Write the moment after change number `seq`.

        Raises
        ------
        OSError
            The disk is full or fails; the old moment stays.
        """
        touched = dict.fromkeys(self.state.touched)
        for table, key in touched:
            self.small.follow(table, key)
        self._follow(touched)
        self.state.touched.clear()
        self.small.refresh()
        parts = [*(delta.made() for delta in self._deltas), *self.small.made()]
        moment = Moment(seq=seq, parts=tuple(parts), small=self.small.names)
        write_moment(self.base.folder, moment)
        remove_others(self.base.folder, moment)

    def close(self) -> None:
        """End what runs in the background."""
        self.small.close()

    def _follow(self, rows: Iterable[tuple[str, str]]) -> None:
        for table, key in rows:
            for delta in self._deltas:
                delta.follow(table, key)


Checked = tuple[LiveChange | ChangeRefused, tuple[Entry, ...]]
"""A change that may be applied, or its refusal; and warnings."""


def checked_changes(base: Base, changes: Sequence[LiveChange | ChangeRefused]) -> list[Checked]:
    """Changes with their whole rows in normal form; a bad row becomes a refusal."""
    found: list[Checked] = [(change, ()) for change in changes]
    by_table: dict[str, list[tuple[int, LiveChange]]] = {}
    for place, change in enumerate(changes):
        if isinstance(change, LiveChange) and change.row is not None:
            by_table.setdefault(change.table, []).append((place, change))
    for name, places in by_table.items():
        try:
            check_rows(base)
        except ChangeRefused as refusal:
            for place, _ in places:
                found[place] = refusal, ()
            continue
        envelope = base.kept.envelope
        rows = checked_rows(TABLES[name], [change.row or {} for _, change in places], envelope)
        doubts = _faults_of_hours(name, rows)
        for line, ((place, change), (row, faults)) in enumerate(zip(places, rows, strict=True)):
            if row is None:
                fault = next(one for one in faults if one.kind == "reject")
                refused = ChangeRefused(fault.code, sentence_of(fault))
                found[place] = refused, ()
            else:
                warned = *faults, *doubts.get(line, ())
                found[place] = msgspec.structs.replace(change, checked=row), warned
    return found


def _faults_of_hours(table: str, rows: Sequence[SingleRow]) -> dict[int, list[Entry]]:
    """What a build says of the hours in accepted rows, by place."""
    faults: dict[int, list[Entry]] = {}
    if (field := _HOURS.get(table)) is None:
        return faults
    kept = {line: row[field] for line, (row, _) in enumerate(rows) if row is not None}
    log = RejectLog()
    frame = pl.DataFrame([*kept.items()], {"line": pl.UInt32, field: pl.String}, orient="row")
    warn_of_hours(log, table, field, frame)
    for entry in log.entries:
        faults.setdefault(entry.line, []).append(entry)
    return faults


def sentence_of(fault: Entry) -> str:
    """The sentence of a fault without the place of its row, which is the line of the change."""
    return fault.message.rpartition(" - at ")[0]


@_uncollected()
def replayed(base: Base, log: ChangeLog) -> tuple[LiveState, int]:
    """The rows of a version after all changes of a log, and the number of the last one."""
    state, head = LiveState(base), base.cut
    for changes in log.changes_after(head):
        replay(state, base, changes)
        state.touched.clear()  # Who shows the state follows all of it.
        head += len(changes)
    return state, head


def replay(state: LiveState, base: Base, changes: Sequence[LiveChange]) -> None:
    """Apply accepted changes to the rows of another version."""
    rows = [change for change in changes if change.row is not None]
    checked = zip(rows, checked_changes(base, rows), strict=True)
    # A row that is refused stays unchecked, which makes it an orphan.
    fit = (row if isinstance(change, ChangeRefused) else change for row, (change, _) in checked)
    state.replay(change if change.row is None else next(fit) for change in changes)
