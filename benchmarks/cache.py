"""Worlds that were written before, kept in folders named after the sources that made them.

Useful for: `worlds` and `texts`, which take minutes to write a large world.
Not useful for: results, and the cache of compiled kernels.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from geosearch.segment.versions import CURRENT

VARIABLE = "GEOSEARCH_BENCH_CACHE"
ROOT = Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """`$GEOSEARCH_BENCH_CACHE`, else a folder below the user's cache."""
    base = os.environ.get(VARIABLE)
    return Path(base) if base else Path.home() / ".cache" / "geosearch" / "worlds"


def kept(name: str, sources: Sequence[str], write: Callable[[Path], None]) -> Path:
    """Index folder of a world as exactly these sources make it, written first where it is not kept.

    Folders of the same name by other sources, or not written to their end, are removed before.

    Parameters
    ----------
    sources
        Patterns of files below the checkout.
    write
        Publishes the world in a folder that does not exist yet.
    """
    digest = hashlib.sha256()
    for pattern in sources:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(file.read_bytes())
    folder = cache_folder() / f"{name}-{digest.hexdigest()[:12]}"
    if not (folder / CURRENT).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        for old in cache_folder().glob(f"{name}-*"):
            shutil.rmtree(old)
        write(folder)
    return folder
