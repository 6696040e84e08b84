"""Atomic publishing of index versions in a folder, and rollback.

A reader sees the old version or the new one, never half of either, even if the process dies or the
power fails.

An index folder holds

- `versions/NAME/`, complete versions, whose names sort by time;
- `versions/.tmp-*`, unfinished builds and removals; nobody reads them;
- `CURRENT`, a text file with the name of the served version;
- links to the `REPORT_FILES` of the served version: its report and its rejected rows;
- `.lock`, locked while a process writes.

`publish` writes a version under a temporary name, syncs it to disk, renames it, and then replaces
`CURRENT` by one rename. It updates the links last: no search reads them, and the next writer
repairs them after a crash. A rollback, or a build that died before it was done, leaves versions
newer than `CURRENT`. The next publish removes these first, so a later rollback cannot serve them.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from geosearch.errors import BadData
from indexes.files import replace_file, sync_file, sync_folder

CURRENT = "CURRENT"
REGIONS = "regions.geojson"
"""File with the areas of all regions, in a folder of regions and in their versions."""

KEEP = 3
"""Default number of versions that `publish` keeps, the served one included."""

REPORT_FILES = ("rejected.ndjson", "report.json")
"""Files of a version that people look for in the index folder."""

ROWS = "rows"
"""Folder of a version with the rows that it was built of."""

_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d{4,})\Z")
_TEMPORARY = ".tmp-"


def publish(
    index: Path, write: Callable[[Path], None], *, keep: int = KEEP, name: str | None = None
) -> str:
    """Write a new version and serve it.

    Parameters
    ----------
    index
        The index folder; made if missing.
    write
        Fills an empty folder. If it raises, so does `publish`, and the served version stays.
    keep
        Number of versions to keep, the new one included; `publish` removes older ones.
    name
        Name of the version, from `next_name`; by default the next one of this index.

    Returns
    -------
    str
        Name of the version, such as `20261122T193000Z-0001`.

    Raises
    ------
    BadData
        If another process is writing to this index, or a file is in its place; or the index has a
        version that is not older than `name`.
    ValueError
        If `keep` is below 1.
    """
    if keep < 1:
        raise ValueError(f"Expected `keep` of at least 1, got {keep}")
    index = Path(index)
    folder = _versions_folder(index)
    with locked(index):
        _sweep(folder)
        _link_reports(index)
        newest = versions(index)[-1:]
        if name is not None and newest and not is_older(newest[0], name):
            raise BadData(f"Expected versions older than {name}, got {newest[0]} - at `{index}`")
        name = name or next_name(index)
        work = folder / f"{_TEMPORARY}{name}"
        try:
            work.mkdir()
            write(work)
            _sync_tree(work)
            _remove_newer(index)
            work.rename(folder / name)
            sync_folder(folder)
            _serve(index, name)
        except BaseException:
            # Also after an interrupt: nobody reads a version that is not served.
            shutil.rmtree(work, ignore_errors=True)
            if _named(index) != name:
                _remove(folder, name)
            raise
        # The new version is served already; the next publish removes what this one cannot.
        with suppress(OSError):
            for old in versions(index)[:-keep]:
                _remove(folder, old)
    return name


def receive(index: Path, name: str, fill: Callable[[Path], None], *, keep: int = KEEP) -> None:
    """Serve a version that another index has, under its name.

    Parameters
    ----------
    index
        The index folder; made if missing.
    name
        Name of the version.
    fill
        Makes its folder complete: an empty one, one that an earlier call left incomplete, or that
        of the version. If it raises, so does `receive`, the served version stays, and what `fill`
        wrote is there for the next call with this name.
    keep
        Number of versions to keep, the served one included.

    Raises
    ------
    BadData
        If `name` is no name of a version, another process is writing to this index, or a file is
        in its place.
    """
    if not _NAME.match(name):
        raise BadData(f"Expected the name of a version, got {name[:60]!r}")
    index = Path(index)
    folder = _versions_folder(index)
    with locked(index):
        draft = folder / f"{_TEMPORARY}received-{name}"
        _sweep(folder, keep=draft.name)
        if (folder / name).is_dir():
            fill(folder / name)
        else:
            draft.mkdir(exist_ok=True)
            fill(draft)
            _sync_tree(draft)
            draft.rename(folder / name)
            sync_folder(folder)
        _serve(index, name)
        with suppress(OSError):
            others = [old for old in versions(index) if old != name]
            for old in others[: max(len(others) + 1 - keep, 0)]:
                _remove(folder, old)


def version_files(version: Path) -> list[str]:
    """Paths of the files that a build wrote, below the folder of a version, in order.

    What live changes add is not among them.
    """
    found = (file for file in version.glob("*/**/*") if file.is_file())
    paths = [file.relative_to(version).as_posix() for file in found]
    beside = (name for name in (*REPORT_FILES, REGIONS) if (version / name).is_file())
    return sorted([*paths, *beside])


def rollback(index: Path, check: Callable[[Path], object] = lambda folder: None) -> str:
    """Serve the version before the served one.

    Parameters
    ----------
    index
        The index folder.
    check
        Called with the folder of that version. If it raises, so does `rollback`, and the served
        version stays.

    Returns
    -------
    str
        Name of the version that is served now.

    Raises
    ------
    BadData
        If there is no earlier version or no served version, or another process is writing.
    """
    index = Path(index)
    current(index)  # Before the lock, which needs an index folder.
    with locked(index):
        served = current(index).name
        earlier = [name for name in versions(index) if _order(name) < _order(served)]
        if not earlier:
            raise BadData(f"There is no version before {served} to go back to - at `{index}`")
        check(index / "versions" / earlier[-1])
        _serve(index, earlier[-1])
        return earlier[-1]


def current(index: Path) -> Path:
    """Folder of the served version.

    Raises
    ------
    BadData
        If there is no index, or `CURRENT` does not name an existing version.

    Notes
    -----
    `keep` more publishes remove the folder: a reader that does not find it calls `current` again.
    Open files stay readable.
    """
    index = Path(index)
    file = index / CURRENT
    try:
        name = file.read_text("ascii").removesuffix("\n")
    except (FileNotFoundError, NotADirectoryError):
        if (index / REGIONS).exists():
            raise BadData(
                f"Expected one index, got a folder of regions: name one of them - at `{index}`"
            ) from None
        raise BadData(
            f"There is no index (no file {CURRENT}); geosearch build makes one - at `{index}`"
        ) from None
    except UnicodeDecodeError:
        name = "bytes that are no text"
    path = index / "versions" / name
    if not _NAME.match(name) or not path.is_dir():
        got = repr(name[:60])
        raise BadData(f"Expected the name of a version that exists, got {got} - at `{file}`")
    return path


def versions(index: Path) -> list[str]:
    """Names of the complete versions, oldest first; empty if there is no index."""
    try:
        found = os.listdir(Path(index) / "versions")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(filter(_NAME.match, found), key=_order)


def rows_bytes(version: Path) -> int:
    """Bytes of the rows of a version; 0 if it keeps none."""
    return sum(file.stat().st_size for file in (version / ROWS).glob("*"))


def is_older(name: str, other: str) -> bool:
    """Whether a version is older than another one, by their names."""
    return _order(name) < _order(other)


def _versions_folder(index: Path) -> Path:
    folder = index / "versions"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadData(f"Expected the index to be a folder, got a file - at `{index}`") from None
    return folder


def _order(name: str) -> tuple[str, int]:
    stamp, count = name.split("-")
    return stamp, int(count)


def next_name(*indexes: Path) -> str:
    """Name of a version that is newer than every version of these indexes."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    known = sorted((name for index in indexes for name in versions(index)), key=_order)
    stamp, count = _order(known[-1]) if known else ("", 0)
    # A clock that went back must not make the new version older than the last.
    return f"{now}-0001" if now > stamp else f"{stamp}-{count + 1:04d}"


@contextmanager
def locked(index: Path) -> Iterator[None]:
    """Context manager in which no other process writes to an index folder.

    Raises
    ------
    BadData
        Another process is writing.
    """
    handle = os.open(index / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            # The operating system releases the lock when the process dies, even if killed.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadData(
                f"Another build or rollback is running - try again when it has ended - at `{index}`"
            ) from None
        yield
    finally:
        os.close(handle)


def _sync_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            sync_file(Path(folder) / name)
        sync_folder(Path(folder))


def _serve(index: Path, name: str) -> None:
    replace_file(index / CURRENT, f"{name}\n".encode("ascii"))
    _link_reports(index)
    sync_folder(index)


def _link_reports(index: Path) -> None:
    """Link the `REPORT_FILES` of the served version, if any; unlink those that it does not have."""
    served = _named(index)
    if served is None:
        return
    for name in REPORT_FILES:
        link, target = index / name, Path("versions") / served / name
        if not (index / target).exists():
            link.unlink(missing_ok=True)
        elif not link.is_symlink() or link.readlink() != target:
            draft = index / f"{_TEMPORARY}{name}"
            draft.unlink(missing_ok=True)
            draft.symlink_to(target)
            draft.replace(link)


def _named(index: Path) -> str | None:
    try:
        return current(index).name
    except BadData:
        return None


def _remove_newer(index: Path) -> None:
    served = _named(index)
    if served is None:
        return
    for name in versions(index):
        if _order(name) > _order(served):
            _remove(index / "versions", name)


def _remove(folder: Path, name: str) -> None:
    # A rename first, so that a removal that dies half-way leaves no broken version.
    doomed = folder / f"{_TEMPORARY}removed-{name}"
    with suppress(FileNotFoundError):
        (folder / name).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _sweep(folder: Path, keep: str = "") -> None:
    for name in os.listdir(folder):
        if name.startswith(_TEMPORARY) and name != keep:
            shutil.rmtree(folder / name, ignore_errors=True)
