"""The folder that a new snapshot is written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geosearch.errors import BadRequest

TABLES = frozenset(("merchants", "deals", "programs", "categories", "zones"))


@contextmanager
def new_snapshot(out: Path, *, overwrite: bool) -> Iterator[None]:
    """Context in which a new snapshot is written to a folder, which need not exist.

    Tables of an older snapshot that nothing has replaced are removed at the end, in whatever format
    they are; after an error they stay.

    Parameters
    ----------
    overwrite
        Whether the folder may hold files already.

    Raises
    ------
    BadRequest
        `out` is a file, or it holds files and `overwrite` is false.
    """
    if out.exists() and not out.is_dir():
        raise BadRequest(f"Expected a folder, got a file - at `{out}`")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise BadRequest(
            f"The folder has files already - choose another, or replace them with --force "
            f"- at `{out}`"
        )
    before = _tables(out)
    yield
    for path, state in _tables(out).items():
        if before.get(path) == state:
            path.unlink()


def _tables(out: Path) -> dict[Path, tuple[int, int]]:
    """Files of tables, with what changes when they are written again."""
    found = {}
    for path in out.iterdir() if out.is_dir() else ():
        if path.is_file() and path.name.lower().partition(".")[0] in TABLES:
            facts = path.stat()
            found[path] = (facts.st_ino, facts.st_mtime_ns)
    return found
