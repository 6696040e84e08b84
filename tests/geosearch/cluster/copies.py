"""A replica without HTTP: its source is a folder, and ends an answer where a test says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from geosearch.cluster.replica import Fetcher
from geosearch.indexing.writer import Writer
from geosearch.live.log import ChangeLog, Logged
from geosearch.search.searcher import open_index
from geosearch.segment.versions import current
from geosearch.service.change_source import ChangeSource
from geosearch.service.follower import Follower
from geosearch.service.version_files import Listing, VersionFile, VersionFiles
from tests.generators import World
from tests.geosearch.live.live_worlds import LiveDuel, LiveRows, check_listings
from tests.questions import make_request


class BrokenOff(OSError):
    """The connection ends in the middle of a file."""


class _Body(BytesIO):
    def __init__(self, content: bytes, source: "FolderSource") -> None:
        super().__init__(content)
        self._source = source

    def read(self, most: int | None = -1) -> bytes:
        if self._source.bytes_left <= 0:
            raise BrokenOff
        piece = super().read(min(most or 0, self._source.bytes_left))
        self._source.bytes_left -= len(piece)
        return piece


class FolderSource(ChangeSource):
    """What `geosearch ingest` of an index answers, up to a change and a number of bytes."""

    def __init__(self, index: Path) -> None:
        super().__init__("http://in-this-process", b"")
        self._index, self._files = index, VersionFiles(index)
        self.head = 0
        self.bytes_left = 1 << 40

    def feed(self, after: int, limit: int, wait: float) -> tuple[int, list[Logged]]:
        log = ChangeLog.read(self._index)
        assert log is not None
        try:
            return self.head, list(log.after(after, min(limit, max(self.head - after, 0))))
        finally:
            log.close()

    def listing(self) -> Listing:
        return self._files.served()

    @contextmanager
    def file(self, version: str, file: VersionFile, start: int) -> Iterator[Any]:
        path = self._files.file(version, file.path)
        assert path is not None
        yield _Body(path.read_bytes()[start:], self)


class Copy:
    """A replica of an index, and what it should show."""

    def __init__(self, index: Path, folder: Path) -> None:
        self.folder, self._index = folder, index
        self._source = FolderSource(index)
        self._fetcher = Fetcher(folder, self._source)
        self._writer: Writer | None = None
        self.head = 0

    def fetch(self, bytes_left: int | None) -> bool:
        """Fetch the served version; whether it broke off, and then went on in another process."""
        before = _served(self.folder)
        if bytes_left is not None:
            self._source.bytes_left = bytes_left
        try:
            self._fetcher.step()
        except BrokenOff:
            assert _served(self.folder) == before
        else:
            self._source.bytes_left = 1 << 40
            return False
        self._source.bytes_left = 1 << 40
        self._fetcher = Fetcher(self.folder, self._source)
        self._fetcher.step()
        assert _served(self.folder) == current(self._index).name
        return True

    def restart(self) -> None:
        """End the process that follows."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def follow(self, seq: int) -> None:
        """Copy the changes up to a number."""
        self._writer = self._writer or Writer(self.folder)
        follower = Follower(self._writer, self._source)
        self._source.head = seq
        while self._writer.head < seq:
            follower._copy()
        self._writer.publish()
        self.head = self._writer.head
        assert self.head == self._writer.progress.visible == seq

    def check(self, duel: LiveDuel, world: World, rng: Random) -> None:
        """Compare its answers with those of the rows that it should show."""
        mine = copy(duel)
        mine.engine, mine.world, mine.oracle = open_index(self.folder), world, world.oracle()
        for _ in range(2):
            request = make_request(rng, world)
            mine.check_search(request, mine.check_rank(request))
        check_listings(mine, LiveRows(world))


def _served(index: Path) -> str:
    return current(index).name if (index / "CURRENT").exists() else ""
