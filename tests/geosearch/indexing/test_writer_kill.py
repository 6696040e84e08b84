"""kill -9 of a writer: what it acknowledged is there, and everything else whole or absent.

`GEOSEARCH_KILLS` sets how often it is killed at random.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from geosearch.indexing.writer import Writer
from geosearch.live.changes import read_change
from geosearch.live.log import ChangeLog
from geosearch.search.searcher import open_index
from tests.geosearch.indexing.test_writer import AT, DEALS, built

KILLS = int(os.environ.get("GEOSEARCH_KILLS", "4"))

BATCH = 3
"""Changes of a batch."""

# Each batch sets one stock twice, so that half of a batch would show: d0 is even, d2 its half. Its
# whole row has the same number, and small segments merge all the time.
_WRITING = """
import sys
from geosearch.indexing import small_segments, writer
from geosearch.live import moment, moments
from geosearch.live.log import ChangeLog

small_segments.FEW = 2
name = sys.argv[2]
if name != "random":
    import os, signal
    places = {
        "before commit": (ChangeLog, "add"),
        "after commit": (moments.SegmentDelta, "follow"),
        "in a small segment": (small_segments, "build_small"),
        "before rename": (moment, "sync_file"),
        "after rename": (moment, "sync_folder"),
    }
    owner, attribute = places[name]
    called = getattr(owner, attribute)
    count = 0
    def die(*arguments):
        global count
        count += 1
        if count == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return called(*arguments)
    setattr(owner, attribute, die)
with writer.Writer(sys.argv[1]) as one:
    first = one.head // 3
    print("ready", flush=True)
    for number in range(first + 1, first + 100_000):
        patch = {"deal_id": "d0", "stock": 2 * number}, {"deal_id": "d2", "stock": number}
        row = {"merchant_id": f"new {number % 7}", "name": f"Shop {number}", "lat": 31, "lng": 121}
        changes = [{"table": "deals", "patch": each} for each in patch]
        receipt = one.apply([*changes, {"table": "merchants", "row": row}])
        print(receipt.seq, flush=True)
"""


def check(index: Path, acknowledged: int) -> int:
    """Check log and moment; return the number of changes that the log has."""
    log = ChangeLog(index)
    changes = [read_change(one.change) for one in log.after(0)]
    assert [one.seq for one in log.after(0)] == list(range(1, log.head + 1))
    assert log.head >= acknowledged
    assert log.head % BATCH == 0, "half of a batch"
    stocks = [one.patch["stock"] for one in changes if one.patch is not None]
    names = {one.key: one.row["name"] for one in changes if one.row is not None}
    assert all(even == 2 * half for even, half in zip(stocks[::2], stocks[1::2], strict=True))
    log.close()
    engine = open_index(index)
    assert (engine.as_of_seq or 0) >= acknowledged
    with Writer(index):
        pass
    engine = engine.latest()
    assert (engine.as_of_seq or 0) == log.head
    record = engine.merchant("m0", AT)
    assert record is not None
    if stocks:
        assert record["deals"][0]["stock"] == stocks[-2]
    for key, name in names.items():
        record = engine.merchant(key, AT)
        assert record is not None
        assert record["merchant"]["name"] == name
    assert engine.info()["merchants"] == 3 + len(names)
    return log.head


def killed(index: Path, name: str, count: int, seconds: float | None = None) -> int:
    """Run the writer until it is killed; return the last number that it acknowledged."""
    command = [sys.executable, "-c", _WRITING, str(index), name, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if seconds is not None:
            assert first == "ready\n"
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().splitlines()
    assert process.returncode == -signal.SIGKILL
    # A line that was cut off by the kill is none.
    return max((int(line) for line in lines if line.isdigit()), default=0)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("before commit", 1), ("before commit", 8)),
        *(("after commit", 1), ("after commit", 4)),
        # The fourth is a merge, beside which the others go on.
        *(("in a small segment", number) for number in (1, 4, 5)),
        *(("before rename", 2), ("before rename", 4), ("after rename", 3), ("after rename", 5)),
    ],
)
def test_killed_at_a_named_point(name: str, count: int, tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    check(index, killed(index, name, count))


def test_killed_at_random(tmp_path: Path) -> None:
    index, rng, found = built(tmp_path, DEALS), Random(7), 0
    for _ in range(KILLS):
        acknowledged = killed(index, "random", 0, rng.uniform(0.0, 0.5))
        found = check(index, max(acknowledged, found))
    assert found > 0
