"""Replica: an index that has the versions and the live changes of another one.

`geosearch serve` beside it answers from it as from any index. A version is fetched while the one
before is served, and it is served when all its bytes are there.
"""

import threading
from functools import partial
from pathlib import Path, PurePosixPath

import structlog

from geosearch.errors import BadData
from geosearch.indexing.carry_over import carry_over
from geosearch.indexing.writer import Writer
from geosearch.live.base import Base
from geosearch.segment.versions import receive, version_files, versions
from geosearch.service.change_source import ChangeSource
from geosearch.service.follower import Copying, Follower
from geosearch.service.ingest import take_changes
from geosearch.service.ingest_settings import IngestSettings
from geosearch.service.version_files import Listing, VersionFile, checksum
from indexes.files import create, link_or_copy, named

POLL_SECONDS = 1.0
"""How often the source is asked for its version."""

_PART = ".part"
_PIECE_BYTES = 1 << 20


def replicate(settings: IngestSettings) -> None:
    """Follow the versions and the live changes of another index until SIGTERM or SIGINT.

    The first version is fetched before the service answers; where the source does not answer, it is
    asked again.

    Raises
    ------
    BadData
        Another process writes to this index, the token cannot be read, or the port is not free.
    """
    index = Path(settings.index)

    def following(token: bytes) -> Follower:
        fetcher = Fetcher(index, ChangeSource(settings.from_url, token))
        fetcher.until_stopped(threading.Event(), once=True)
        return Replica(Writer(index), fetcher)

    take_changes(settings, following)


class Fetcher:
    """Brings an index to the version that a source serves.

    Parameters
    ----------
    index
        Index folder; made if missing.
    source
        What is copied.
    """

    def __init__(self, index: Path, source: ChangeSource) -> None:
        self._index, self.source = index, source
        self._served: Listing | None = None
        self._log = structlog.get_logger()

    def until_stopped(self, stopping: threading.Event, *, once: bool = False) -> None:
        """Fetch each new version until the event is set, or until one is there."""
        event = "version not fetched"
        Copying(self.step, self.source, event, stopping, every=POLL_SECONDS).run(once=once)

    def step(self) -> None:
        """Fetch the version of the source if the index does not serve it.

        Raises
        ------
        BadData
            The source does not answer as a source, a file differs from its checksum, the version
            cannot be opened, or another process is writing to this index.
        OSError
            The source does not answer, or the disk is full or fails.
        """
        listing = self.source.listing()
        if listing == self._served:
            return
        receive(self._index, listing.version, partial(self._fill, listing))
        self._served = listing
        self._log.info("version fetched", version=listing.version, url=self.source.url)

    def _fill(self, listing: Listing, folder: Path) -> None:
        """Make the folder of a version complete; what is whole there stays."""
        for file in listing.files:
            _check_inside(file)
            target = folder / file.path
            if not _is_whole(target, file) and not self._link(file, target):
                self._download(listing.version, file, target)
        for path in set(version_files(folder)) - {file.path for file in listing.files}:
            (folder / path).unlink()
        Base(folder)
        carry_over(self._index, folder)

    def _link(self, file: VersionFile, target: Path) -> bool:
        """Link a file of the newest version if it has the same bytes; return whether it has."""
        for name in versions(self._index)[-1:]:
            same = self._index / "versions" / name / file.path
            if same != target and _is_whole(same, file):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                link_or_copy(same, target)
                return True
        return False

    def _download(self, version: str, file: VersionFile, target: Path) -> None:
        """Fetch a file from the byte on where an earlier attempt stopped."""
        part = target.with_name(target.name + _PART)
        part.parent.mkdir(parents=True, exist_ok=True)
        start = part.stat().st_size if part.exists() else 0
        if start > file.bytes:
            start = 0
        if start < file.bytes or not file.bytes:
            with (
                self.source.file(version, file, start) as answer,
                part.open("r+b") if start else create(part) as copied,
                named(part),
            ):
                copied.seek(start)
                while piece := answer.read(_PIECE_BYTES):
                    copied.write(piece)
        if not _is_whole(part, file):
            if part.stat().st_size >= file.bytes:
                part.unlink()
            raise BadData(f"Expected the bytes of its checksum, got others - at `{file.path}`")
        part.replace(target)


class Replica(Follower):
    """Follows the versions and the live changes of another index."""

    def __init__(self, writer: Writer, fetcher: Fetcher) -> None:
        super().__init__(writer, fetcher.source)
        follow = partial(fetcher.until_stopped, self._stopping)
        self._threads.append(threading.Thread(target=follow, name="fetch-versions", daemon=True))


def _check_inside(file: VersionFile) -> None:
    path = PurePosixPath(file.path)
    if path.is_absolute() or not {"", ".", ".."}.isdisjoint(file.path.split("/")):
        raise BadData(f"Expected a path below the folder of a version, got {file.path[:60]!r}")


def _is_whole(path: Path, file: VersionFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and checksum(path) == file.xxh3
