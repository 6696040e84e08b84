"""Cold start of an index in a new process: time to open, to the first answer, and memory.

`suite` runs it in a new process.

It first drops the pages of the index from the system's cache, if the system allows that. So the
first answer waits for the disk. Starting Python and loading the kernels are not counted.

    python -m benchmarks.fresh INDEX
"""

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.families import WARM_FAMILIES
from benchmarks.places import places
from benchmarks.record import peak_rss_gb
from geosearch.search.searcher import Searcher
from geosearch.search.warm import warm
from geosearch.segment.versions import current

ASKED = 200
SEED = 5


def drop_pages(folder: Path) -> None:
    """Drop the files of a folder from the system's page cache, if the system allows that."""
    if not hasattr(os, "posix_fadvise"):
        return
    for file in folder.rglob("*.*"):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def measure(folder: Path) -> dict[str, float]:
    """Return milliseconds to open and to the first answer, and peak resident bytes."""
    warm()
    version = current(folder)
    drop_pages(version)
    family = WARM_FAMILIES[0]
    begin = time.perf_counter()
    engine = Searcher(version)
    opened = time.perf_counter()
    ((lat, lng),) = places(engine.segments[0].columns, 1, SEED)
    query = family.at(lat, lng)
    asked = time.perf_counter()
    engine.rank(query)
    answered = time.perf_counter()
    for one in WARM_FAMILIES:
        for spot in places(engine.segments[0].columns, ASKED, SEED):
            engine.rank(one.at(*spot))
    return {
        "open_ms": round((opened - begin) * 1e3, 2),
        "cold_ms": round((opened - begin + answered - asked) * 1e3, 2),
        "rss_bytes": int(peak_rss_gb() * 1e9),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
