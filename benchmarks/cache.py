"""Cache of benchmark worlds, in folders named after a hash of the sources that wrote them.

`worlds` and `texts` use it: writing a large world takes minutes.
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
    """Return `$GEOSEARCH_BENCH_CACHE`, else a folder below the user's cache."""
    base = os.environ.get(VARIABLE)
    return Path(base) if base else Path.home() / ".cache" / "geosearch" / "worlds"


def kept(name: str, sources: Sequence[str], write: Callable[[Path], None]) -> Path:
    """Return the index folder of a world, written by exactly these sources.

    If the cache lacks it, this writes it, and first removes folders of the same name that other
    sources wrote or that are incomplete.

    Parameters
    ----------
    sources
        Glob patterns of files below the checkout.
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
