"""Cleanup of the kernel cache: marks folders as used or complete, and removes unused ones.

`jit` names the folders, and Numba writes and reads their content.

A cache holds one folder for each state of the sources of each installation, named
`kernels-INSTALLATION-SOURCES`. Installations share nothing, because Numba keys compiled code by the
path of its source. A new state of the sources makes a new folder of 25 MB, and its processes never
read the old folder. A process looks for old folders only after it completed a new one.

`remove_unused` removes an old folder if

- it belongs to the same installation, is not the newest old folder of it, and nobody used it for an
  hour. The newest stays for a developer who goes back to another branch. An hour is more than a
  compiler takes that still writes to the folder; or
- nobody used it for thirty days, whatever its installation. The time of its file `used` counts.
  Older versions did not write that file; without it the last change of the folder counts.

A running process does not need its folder: it has loaded its kernels. A process that starts while
its folder disappears compiles again, as with an empty cache. Several processes may remove at once:
each renames a folder first, and only one of them succeeds.
"""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "kernels-"
KEPT = 1
"""Number of folders of older sources that an installation keeps."""
WRITTEN_WITHIN_S = 3_600.0
UNUSED_AFTER_S = 30 * 86_400.0

_USED = "used"
# With an installation, or without one as in older versions.
_NAME = re.compile(rf"{PREFIX}([0-9a-f]{{12}}-)?[0-9a-f]{{16}}")
_REMOVED = ".removed-"


def mark_used(folder: Path) -> None:
    """Touch the `used` file of a folder, and make the folder; does nothing if it may not write."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _USED).touch()


def is_whole(folder: Path, processor: str) -> bool:
    """Whether a folder has all kernels for a processor."""
    return (folder / f"whole-{processor}").exists()


def mark_whole(folder: Path, processor: str) -> None:
    """Mark that a folder has all kernels for a processor."""
    with suppress(OSError):
        (folder / f"whole-{processor}").touch()


def remove_unused(folder: Path, now: float | None = None) -> list[str]:
    """Remove unused folders beside `folder`, by the rules of the module.

    Parameters
    ----------
    folder
        The folder of the running process, which stays.
    now
        Seconds since 1970; by default the current time.

    Returns
    -------
    list of str
        Names of the removed folders, the longest unused first.
    """
    now = time.time() if now is None else now
    with suppress(OSError):
        for left in folder.parent.glob(f"{_REMOVED}*"):  # a process died before it removed them
            shutil.rmtree(left, ignore_errors=True)
        others = [
            each for each in folder.parent.glob(f"{PREFIX}*") if each != folder and _is_ours(each)
        ]
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


def _is_ours(folder: Path) -> bool:
    """Whether a folder has the name and the content of a cache of kernels."""
    if not _NAME.fullmatch(folder.name):
        return False
    return any(
        file.name == _USED or file.name.startswith("whole-") or file.suffix == ".nbi"
        for file in (*folder.glob("*"), *folder.glob("*/*.nbi"))
    )


def _installation(folder: Path) -> str:
    return folder.name.removeprefix(PREFIX).rpartition("-")[0]


def _used_at(folder: Path) -> float:
    """Time of the last known use of a folder; now if another process is removing it."""
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
