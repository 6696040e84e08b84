"""Streets under the map of the page: parts of a PMTiles file, as `Range` asks (RFC 9110, 14).

One file holds a map of the world or of a city, and a browser reads the parts that it shows. The
service has no map of its own, and refers to nobody else's.
"""

import os
import re
import weakref
from pathlib import Path
from typing import NamedTuple

from geosearch.errors import BadData
from geosearch.service.problems import HttpProblem

LONGEST = 4 << 20
"""Most bytes of one answer: a longer range is cut, as RFC 9110 allows. A tile has 0.5 MB."""

_MAGIC = b"PMTiles\x03"
_RANGE = re.compile(rb"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def open_basemap(path: str) -> "Basemap | None":
    """Return the basemap of the setting; None for an empty one.

    Raises
    ------
    BadData
        The file cannot be read, or is not PMTiles of version 3.
    """
    return Basemap(Path(path)) if path else None


class FilePart(NamedTuple):
    """Bytes of the file, and their place for the header `Content-Range`."""

    body: bytes
    place: bytes


class Basemap:
    """A PMTiles file that stays open, so that all answers are of one content.

    Raises
    ------
    BadData
        The file cannot be read, or is not PMTiles of version 3.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY)
            # Closed with the last reference: requests may still read when the service stops.
            weakref.finalize(self, os.close, self._file)
            begin = os.pread(self._file, len(_MAGIC), 0)
        except OSError as error:
            raise BadData(f"Cannot read the basemap: {error.strerror} - at `{path}`") from error
        if begin != _MAGIC:
            raise BadData(f"Expected PMTiles of version 3, got another file - at `{path}`")
        about = os.fstat(self._file)
        self._size = about.st_size
        self.etag = b'"%x-%x"' % (about.st_size, about.st_mtime_ns)

    def part(self, asked: bytes | None) -> FilePart:
        """Return the bytes that a header `Range` asks for, at most `LONGEST`.

        Raises
        ------
        HttpProblem
            Code `bad_range`: there is no such header, or it is not one range within the file.
        """
        found = _RANGE.fullmatch(asked.replace(b" ", b"")) if asked else None
        first, last = self._ends(*found.groups()) if found else (0, -1)
        if first > last:
            raise HttpProblem(
                "bad_range",
                f"Expected a header `Range` with one range of the {self._size} bytes, got "
                f"{'another' if asked else 'none'}",
                {"content-range": f"bytes */{self._size}"},
            )
        body = os.pread(self._file, min(last - first + 1, LONGEST), first)
        place = b"bytes %d-%d/%d" % (first, first + len(body) - 1, self._size)
        return FilePart(body, place)

    def _ends(
        self, first: bytes | None, last: bytes | None, from_end: bytes | None
    ) -> tuple[int, int]:
        if from_end is not None:
            return max(0, self._size - int(from_end)), self._size - 1 if int(from_end) else -1
        return int(first or 0), min(int(last), self._size - 1) if last else self._size - 1
