"""Folders of compiled kernels: which are in use, which is whole, which nobody needs any more.

Useful for: `jit`, which says where kernels are kept, and `geosearch.kernel`, whose they are.
Not useful for: what is in a folder; the compiler writes and reads that.

A cache holds one folder for each state of the sources of each installation, named
`kernels-INSTALLATION-SOURCES`. Nothing is shared between installations, since compiled code is kept
by the path of its source. A new state of the sources makes a new folder of 25 MB and leaves the old
one, which no process started from now on can read. Only who made a new folder looks for old ones.

An old folder is removed if

- it is of the same installation, is not the newest of those, and nobody used it for an hour: the
  newest stays for who goes back to it, as with another branch, and an hour is more than a compiler
  takes that still writes to it; or
- nobody used it for thirty days, whosever it is. Its file `used` says when that was; without that
  file, which older versions did not write, the last change of the folder counts.

A process that runs never needs its folder again: it has loaded what it calls. One that starts just
when its folder is removed compiles again, and fails no less than with an empty cache. Several
processes may remove at once: each folder is renamed first, which only one of them can do.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "kernels-"
KEPT = 1
"""Folders of older sources that an installation keeps."""
WRITTEN_WITHIN_S = 3_600.0
UNUSED_AFTER_S = 30 * 86_400.0

_USED = "used"
_REMOVED = ".removed-"


def mark_used(folder: Path) -> None:
    """Note that a process uses the kernels of a folder from now on, where it may write."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _USED).touch()


def is_whole(folder: Path, processor: str) -> bool:
    """Whether all kernels of a folder were compiled for a processor."""
    return (folder / f"whole-{processor}").exists()


def mark_whole(folder: Path, processor: str) -> None:
    """Note that all kernels of a folder are compiled for a processor."""
    with suppress(OSError):
        (folder / f"whole-{processor}").touch()


def remove_unused(folder: Path, now: float | None = None) -> list[str]:
    """Remove folders beside `folder` that nobody needs; see the module for which.

    Parameters
    ----------
    folder
        That of the running process, which stays.
    now
        Seconds since 1970; the clock's by default.

    Returns
    -------
    list of str
        Names of what was removed, the longest unused first.
    """
    now = time.time() if now is None else now
    with suppress(OSError):
        for left in folder.parent.glob(f"{_REMOVED}*"):  # by a process that died
            shutil.rmtree(left, ignore_errors=True)
        others = [each for each in folder.parent.glob(f"{PREFIX}*") if each != folder]
        unused_s = {other: now - _used_at(other) for other in others}
        longest_first = sorted(others, key=unused_s.__getitem__, reverse=True)
        ours = [each for each in longest_first if _installation(each) == _installation(folder)]
        replaced = ours[: len(ours) - KEPT]
        return [
            other.name
            for other in longest_first
            if unused_s[other] > (WRITTEN_WITHIN_S if other in replaced else UNUSED_AFTER_S)
            and _remove(other)
        ]
    return []


def _installation(folder: Path) -> str:
    return folder.name.removeprefix(PREFIX).rpartition("-")[0]


def _used_at(folder: Path) -> float:
    """When a folder was used last, as far as one can see; now where it is just being removed."""
    try:
        return (folder / _USED).stat().st_mtime
    except OSError:
        pass
    try:
        return max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))
    except OSError:
        return time.time()


def _remove(folder: Path) -> bool:
    doomed = folder.with_name(f"{_REMOVED}{os.getpid()}-{folder.name}")
    try:
        folder.rename(doomed)
    except OSError:
        return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True
