"""Files that are written: durable, and a disk that is full or fails is told with the file's name.

Useful for: whoever writes. The system names a file that cannot be opened, and none that cannot be
written to.
Not useful for: reading.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Context in which an error of the system that names no file names this one.

    Examples
    --------
    >>> with named(Path("deals.ndjson")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device: 'deals.ndjson'
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


class _NamedFile(io.FileIO):
    def write(self, data: Any, /) -> int:
        with named(Path(str(self.name))):
            return super().write(data)


def create(path: Path) -> io.BufferedWriter:
    """A file to write bytes to, from its beginning; its errors name it, also when it is closed."""
    return io.BufferedWriter(_NamedFile(path, "w"))


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file, from its beginning."""
    with create(path) as file:
        file.write(content)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Make the names inside a folder durable (`fsync` of the folder itself)."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        with named(path):
            os.fsync(handle)
    finally:
        os.close(handle)
