"""`Engines`: the engine of the current index version, and of older versions that cursors pin.

A background thread polls the index folder. It compares every byte of a new version with its
checksum, opens the version beside the old one, and runs one query on it. Only then one assignment
replaces the old engine. A request takes its engine once and keeps it, so no request fails and none
sees two versions. An old engine stays open while its version is on disk, for the cursors that name
it. Its memory is unmapped when the last request drops it.

A version that cannot be opened is refused, and the version before it goes on answering. The log,
`/v1/index` and the metrics report this until somebody repairs the version or publishes another.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
import orjson
import structlog

from geosearch.answer.contents import Box
from geosearch.answer.model import Page
from geosearch.errors import BadData, GeosearchError, Misdirected
from geosearch.query.cursor import expired
from geosearch.query.query import MerchantQuery, Query
from geosearch.segment.segment import verify_version
from geosearch.segment.versions import REGIONS, current, is_older, versions
from geosearch.service.problems import HttpProblem
from geosearch.suggest.suggester import Suggestions, SuggestQuery
from indexes.allowance import TooMuchWork
from indexes.geo.datum import Datum

STOP_SECONDS = 0.2
"""How long a shutdown waits for the thread that opens a version."""

CHANGES_SECONDS = 0.01
"""Pause between two looks at the live changes of the current version; a look takes 2 us."""

REACH_SECONDS = 1.0
"""How long a request waits for the live change that it wants to read."""

REACH_PAUSE = 0.005
"""Seconds between two looks whether it is there."""

RETRY_SECONDS = 0.5
"""First pause before another attempt to open a version; each failure doubles the pause."""

LONGEST_RETRY_SECONDS = 60.0
"""Longest pause between attempts: each one takes processor time from requests."""


class Engine(Protocol):
    """What the service needs of an engine; `geosearch.open_index` returns one."""

    as_of_seq: int | None
    """Number of the last live change that it shows; None without any."""

    @property
    def as_of(self) -> dict[str, int]:
        """Return `as_of_seq` as a member of answers; empty without live changes."""

    def latest(self) -> "Engine":
        """Return an engine of the same version with its newest live changes."""

    def page(self, query: Query) -> Page:
        """Return the page of one query, with its results as JSON text."""

    def pages(
        self, queries: Sequence[Query], most_work: int
    ) -> Sequence[Page | TooMuchWork | None]:
        """Return the page of each query; None for one that `page` refuses (`BadRequest`).

        The result of one that takes more than `most_work` steps is `TooMuchWork`.
        """

    def suggest(self, query: SuggestQuery) -> Suggestions:
        """Return completions of a half-typed text."""

    def merchant(
        self, merchant_id: str, at: datetime | None, asked: MerchantQuery
    ) -> dict[str, Any] | None:
        """Return one merchant with hours and deals; None for an unknown id."""

    def why(self, merchant_id: str, query: Query) -> dict[str, Any] | None:
        """Return why a merchant matches a query or not; None for an unknown id."""

    def zones_at(
        self, lat: float, lng: float, at: datetime | None, crs: Datum
    ) -> list[dict[str, Any]]:
        """Return the zones that contain a point."""

    def zones_in(self, box: Box, at: datetime | None, crs: Datum) -> list[dict[str, Any]]:
        """Return the zones that intersect a box, with geometry."""

    def density(self, box: Box, cells: int) -> list[list[int]]:
        """Return the number of shops in each cell of a box."""

    def categories(self, language: str = ...) -> list[dict[str, Any]]:
        """Return every category."""

    def programs(self) -> list[dict[str, Any]]:
        """Return every card."""

    def info(self) -> dict[str, Any]:
        """Return snapshot id, version, counts, horizon and time of build."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One open version: its engine, and facts of it that requests need."""

    engine: Engine
    version: str
    snapshot_id: str
    built_at: datetime
    horizon_start: datetime
    horizon_end: datetime
    regions: bytes = b""
    """GeoJSON of all regions, with the `region_id` of this one; empty in an index of all shops."""
    region_id: str | None = None
    """The region of the index; None in an index of all shops."""


class Refused(msgspec.Struct, frozen=True):
    """A version that cannot be opened, and why."""

    version: str
    detail: str


class Engines:
    """The open versions of one index folder; a thread follows the current version.

    Parameters
    ----------
    index
        Index folder, with `versions` and `CURRENT`.
    open_version
        Opens the folder of one version.
    poll_seconds
        Seconds between two looks at the folder.
    verify
        `"full"` compares every byte of the first version with its checksum before it answers. Later
        versions are always compared.
    """

    def __init__(
        self,
        index: Path,
        open_version: Callable[[Path], Engine],
        *,
        poll_seconds: float,
        verify: Literal["fast", "full"] = "fast",
    ) -> None:
        self.index = index
        self._open_version = open_version
        self._poll_seconds = poll_seconds
        self._verify = verify
        self._opened: dict[str, Loaded] = {}
        self._opening = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow-index", daemon=True)
        self._log = structlog.get_logger()
        self._sentence = ""
        self._waiting = ""
        self._retry_at = 0.0
        self._pause = 0.0
        self.loaded: Loaded | None = None
        self.refused: Refused | None = None
        """The current version of the folder, if it could not be opened."""
        self.failures = 0

    def load(self) -> None:
        """Open the current version, and close versions that are no longer on disk.

        Raises
        ------
        BadData
            There is no current version, or it cannot be opened. The old version stays open.
        """
        folder = current(self.index)
        if self.loaded is None or self.loaded.version != folder.name:
            self._take(folder, verify=self.loaded is not None or self._verify == "full")
        self.take_changes()
        self.refused = None
        kept = {*versions(self.index), folder.name}
        self._opened = {name: old for name, old in self._opened.items() if name in kept}

    def recover(self) -> None:
        """Open the newest intact version, from the current one back.

        A process calls this after it replaced a killed one: a damaged file of the served version
        may have caused the signal. Every byte is compared with its checksum.

        Raises
        ------
        BadData
            No version is intact; the message says what is wrong with the current one.
        """
        first = current(self.index)
        names = [name for name in versions(self.index) if name != first.name]
        older = [name for name in names if is_older(name, first.name)]
        for folder in (first, *(self.index / "versions" / name for name in reversed(older))):
            try:
                self._take(folder, verify=True)
                break
            except Exception as error:
                self.failures += 1
                if self.refused is None:
                    self.refused = Refused(folder.name, self._message(error))
                    self._sentence = str(error)
                else:
                    self._log.error("version refused", version=folder.name, error=str(error))
        if self.refused is None:
            return
        if self.loaded is None:
            raise BadData(self._sentence)
        version, refused = self.loaded.version, self.refused.version
        self._log.error("went back", version=version, refused=refused, error=self._sentence)
        self._wait_to_retry()

    def start(self) -> None:
        """Open the current version, if there is one, and start the thread that follows it."""
        self.refresh()
        self._thread.start()

    def stop(self) -> bool:
        """Stop following, close the versions, and return whether the thread has ended.

        The thread may still be opening a version.
        """
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        self.loaded = None
        self._opened = {}
        return not self._thread.is_alive()

    def current(self) -> Loaded:
        """Return the version to answer from.

        Raises
        ------
        HttpProblem
            Code `not_ready`: no version is open yet.
        """
        loaded = self.loaded
        if loaded is None:
            raise HttpProblem("not_ready", "There is no index to answer from yet")
        return loaded

    def has_reached(self, seq: int) -> bool:
        """Return whether the current version shows the live change of a number."""
        return self.loaded is not None and _seq(self.loaded) >= seq

    def waits_for(self, seq: int | None) -> Iterator[None]:
        """Yield until the current version shows a live change, at most for `REACH_SECONDS`."""
        until = time.monotonic() + REACH_SECONDS
        while seq and not self.has_reached(seq) and time.monotonic() < until:
            yield

    def reach(self, seq: int | None) -> Iterator[None]:
        """Wait in a thread as `waits_for`, and yield after each look."""
        for _ in self.waits_for(seq):
            time.sleep(REACH_PAUSE)
            yield

    def wait_for(self, seq: int | None) -> None:
        """Wait in a thread as `waits_for`."""
        for _ in self.reach(seq):
            pass

    def take_changes(self) -> None:
        """Take over the newest live changes of the version that answers.

        Raises
        ------
        BadData
            Their file is damaged. The version goes on with those it has.
        """
        with self._opening:
            loaded = self.loaded
            if loaded is not None:
                self.loaded = self._with_changes(loaded)

    def opened(self, version: str) -> Loaded | None:
        """Return a version that is open already, else None. Never blocks."""
        loaded = self._opened.get(version)
        return None if loaded is None or self._is_outdated(loaded) else loaded

    def pinned(self, version: str) -> Loaded:
        """Return the version that a cursor names. It may open the version from disk and so block.

        Raises
        ------
        BadRequest
            Code `cursor_expired`: the version is no longer on disk, cannot be opened, or lacks
            live changes that the current one has.
        """
        loaded = self._opened.get(version)
        # Only names that the folder lists are opened, so a cursor cannot name another path.
        if loaded is None and version in versions(self.index):
            try:
                loaded = self._open(self.index / "versions" / version)
            except (GeosearchError, OSError) as error:
                self._log.warning("pinned version not opened", version=version, error=str(error))
        if loaded is None or self._is_outdated(loaded):
            raise expired(version)
        return loaded

    def _is_outdated(self, pinned: Loaded) -> bool:
        """Whether a version lacks live changes that the current one shows.

        The writer changes only the current version, and no answer may show what was withdrawn.
        """
        return not (self.loaded is None or _seq(pinned) >= _seq(self.loaded))

    def refresh(self) -> None:
        """Call `load` without raising; log and count a failure, and retry later.

        The log has one line for consecutive failures with the same message.
        """
        if time.monotonic() < self._retry_at and not self._has_another():
            return
        try:
            self.load()
            self._sentence = ""
            self._pause = 0.0
        except Exception as error:
            self.failures += 1
            self._wait_to_retry()
            if str(error) != self._sentence:
                self._sentence = str(error)
                self._log.error("index not opened", error=self._sentence)
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
                self._let_go_of_older()

    def _let_go_of_older(self) -> None:
        """Close older versions to free file descriptors; cursors reopen them later."""
        with self._opening:
            loaded = self.loaded
            self._opened = {} if loaded is None else {loaded.version: loaded}

    def _has_another(self) -> bool:
        """Whether the folder's current version is another one than the refused one."""
        try:
            return self.refused is not None and current(self.index).name != self.refused.version
        except BadData:
            return False

    def _wait_to_retry(self) -> None:
        self._pause = min(max(RETRY_SECONDS, 2 * self._pause), LONGEST_RETRY_SECONDS)
        self._retry_at = time.monotonic() + self._pause

    def _take(self, folder: Path, *, verify: bool) -> None:
        """Open a version, and answer from it."""
        try:
            if verify and folder.name not in self._opened:
                verify_version(folder)
            taken = self._open(folder)
        except Exception as error:
            if self.loaded is not None:
                self.refused = Refused(folder.name, self._message(error))
            raise
        if self._is_outdated(taken):
            # Until the writer has given it the changes that were accepted meanwhile.
            self._report_waiting(taken)
            return
        self.loaded = taken
        self._log.info("index opened", version=folder.name, snapshot_id=taken.snapshot_id)

    def _report_waiting(self, taken: Loaded) -> None:
        if self._waiting != taken.version and self.loaded is not None:
            self._waiting = taken.version
            seqs = {"has": _seq(taken), "needs": _seq(self.loaded)}
            self._log.warning("version waits for live changes", version=taken.version, **seqs)

    def _message(self, error: Exception) -> str:
        """Return the message of an error without the path of the index folder."""
        return str(error).replace(f"{self.index}{os.sep}", "")

    def _open(self, folder: Path) -> Loaded:
        with self._opening:
            loaded = self._opened.get(folder.name)
            if loaded is None:
                loaded = _load(self._open_version(folder), folder)
                self._opened = {**self._opened, folder.name: loaded}
            return self._with_changes(loaded)

    def _with_changes(self, loaded: Loaded) -> Loaded:
        """Return an open version with its newest live changes; the caller holds the lock."""
        engine = loaded.engine.latest()
        if engine is not loaded.engine:
            loaded = msgspec.structs.replace(loaded, engine=engine)
            self._opened = {**self._opened, loaded.version: loaded}
        return loaded

    def _follow(self) -> None:
        pause = min(self._poll_seconds, CHANGES_SECONDS)
        next_look = time.monotonic() + self._poll_seconds
        while not self._stopping.wait(pause):
            if time.monotonic() >= next_look:
                self.refresh()
                next_look = time.monotonic() + self._poll_seconds
                continue
            with suppress(GeosearchError, OSError):  # `refresh` reports it
                self.take_changes()


def _load(engine: Engine, folder: Path) -> Loaded:
    info = engine.info()
    regions, region_id = b"", info.get("region_id")
    if region_id is not None:
        areas = orjson.loads((folder / REGIONS).read_bytes())
        regions = orjson.dumps({**areas, "region_id": region_id})
    loaded = Loaded(
        engine=engine,
        version=folder.name,
        regions=regions,
        region_id=region_id,
        snapshot_id=info["snapshot_id"],
        built_at=_instant(info["built_at"]),
        horizon_start=_instant(info["horizon"]["start"]),
        horizon_end=_instant(info["horizon"]["end"]),
    )
    # One query before the engine takes over: no request then pays for loading code (also that of
    # another datum) and the first pages, and an engine that cannot answer never takes over.
    with suppress(Misdirected):  # A region elsewhere, which has planned the query all the same.
        engine.page(Query(lat=31.0, lng=121.0, crs="GCJ02", at=loaded.horizon_start))
    # The same for listings, which count whole columns once.
    engine.programs()
    engine.categories()
    return loaded


def _seq(loaded: Loaded) -> int:
    return loaded.engine.as_of_seq or 0


def _instant(value: str | datetime) -> datetime:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
