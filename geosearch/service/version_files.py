"""Files of the served version, for replicas: their list with checksums, and their bytes.

Useful for: `GET /v1/versions` of `geosearch ingest`.
Not useful for: live changes, which the feed brings; their files are made by each replica itself.
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import msgspec
import xxhash

from geosearch.segment.versions import current, version_files, versions
from indexes.files import named

_PIECE_BYTES = 1 << 20


class VersionFile(msgspec.Struct, frozen=True):
    """A file of a version: its path below the folder, its length, and XXH3-128 in hex."""

    path: str
    bytes: int
    xxh3: str


class Listing(msgspec.Struct, frozen=True):
    """The files of a version by path."""

    version: str
    files: tuple[VersionFile, ...]


class VersionFiles:
    """Lists versions of an index; each is read once, since its files never change.

    Parameters
    ----------
    index
        Index folder.
    """

    def __init__(self, index: Path) -> None:
        self._index = index
        self._listed: dict[str, Mapping[str, VersionFile]] = {}
        self._listing = Lock()

    def served(self) -> Listing:
        """The files of the served version. The first call for a version reads all its bytes.

        Raises
        ------
        BadData
            There is no index.
        OSError
            The version was removed meanwhile, or cannot be read.
        """
        with self._listing:
            version = current(self._index)
            if version.name not in self._listed:
                kept = set(versions(self._index))
                self._listed = {name: one for name, one in self._listed.items() if name in kept}
                self._listed[version.name] = {one.path: one for one in list_files(version)}
            return Listing(version.name, tuple(self._listed[version.name].values()))

    def file(self, version: str, path: str) -> Path | None:
        """A listed file of a version; None if it is not listed, or gone."""
        if path not in self._listed.get(version, ()):
            return None
        file = self._index / "versions" / version / path
        return file if file.is_file() else None


def list_files(version: Path) -> list[VersionFile]:
    """The files that a build wrote into the folder of a version."""
    return [
        VersionFile(path, (version / path).stat().st_size, checksum(version / path))
        for path in version_files(version)
    ]


def checksum(file: Path) -> str:
    """XXH3-128 of a file in hex."""
    hasher = xxhash.xxh3_128()
    with named(file), file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            hasher.update(piece)
    return hasher.hexdigest()
