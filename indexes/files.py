"""Durable file writes whose errors name the file.

The system names a file that it cannot open, but not a file that it cannot write because the disk is
full or fails.
"""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Context manager that adds `path` to an `OSError` without a file name.

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
    """A new or truncated file for bytes; its errors name it, even those of `close`."""
    return io.BufferedWriter(_NamedFile(path, "w"))


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file; replaces its content."""
    with create(path) as file:
        file.write(content)


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file durably; a reader sees the old one or the new one.

    Raises
    ------
    OSError
        The disk is full or fails; the old one stays.
    """
    draft = path.with_name(f".tmp-{path.name}")
    write_file(draft, content)
    sync_file(draft)
    draft.replace(path)
    sync_folder(path.parent)


def link_or_copy(file: Path, name: Path) -> None:
    """Give a file that never changes another name; copy it where there are no links."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


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
