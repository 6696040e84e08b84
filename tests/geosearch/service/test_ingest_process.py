"""Changes against four workers under load: no request fails, and each reads what it wrote.

`GEOSEARCH_CHANGES=100000` sends more than CI has time for.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from geosearch.indexing.pipeline import build
from tests.geosearch.asking import asked, asked_once, connected, free_ports, is_ready
from tests.geosearch.indexing.test_writer import DEALS, stock
from tests.geosearch.snapshot_files import PROGRAM, merchant, write_snapshot
from tests.geosearch.waiting import PATIENCE_S, until

CHANGES = int(os.environ.get("GEOSEARCH_CHANGES", "1000"))
WRITERS, READERS, WORKERS, LINES = 2, 3, 4, 50
TOKEN = "0123456789abcdef"
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/x-ndjson"}
NEARBY = "/v1/nearby?lat=31.23&lng=121.47&limit=5&deals=optional&open=any"


def started(stack: ExitStack, *command: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "geosearch", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    stack.callback(process.wait, PATIENCE_S)
    stack.callback(process.terminate)


def test_no_request_fails_and_each_reads_what_it_wrote(tmp_path: Path) -> None:
    tables = {"merchants": [merchant(n, avg_price=10_000) for n in range(3)], "deals": DEALS}
    snapshot = write_snapshot(tmp_path / "snapshot", {**tables, "programs": [PROGRAM]})
    build(snapshot, tmp_path / "index")
    (tmp_path / "token").write_text(TOKEN)
    ingest, serve = free_ports(2)
    numbers, stopping = count(), threading.Event()
    faults: list[str] = []
    waits: list[float] = []
    answers = [0]

    def note(place: str, status: int, told: Any, is_right: bool = True) -> None:
        if status != 200 or not is_right:
            faults.append(f"{place}: {status} {str(told)[:200]}")

    def write() -> None:
        """Send changes; then ask a worker for what is acknowledged."""
        with connected(ingest) as own:
            while next(numbers) < CHANGES // LINES:
                lines = "\n".join(json.dumps(stock(0, left)) for left in range(1, LINES + 1))
                status, receipt = asked(own, "/v1/changes", lines, **HEADERS)
                note("changes", status, receipt, receipt.get("accepted") == LINES)
                begun, seq = time.monotonic(), receipt["seq"]
                # A new connection each time, so that each worker takes some.
                status, told = asked_once(serve, f"{NEARBY}&min_seq={seq}")
                note("read", status, told, told.get("as_of_seq", -1) >= seq)
                waits.append(time.monotonic() - begun)

    def read() -> None:
        latest = 0
        with connected(serve) as connection:
            while not stopping.is_set():
                status, told = asked(connection, f"{NEARBY}&min_seq={latest}")
                seq = told.get("as_of_seq", -1)
                # The last change of a request leaves all pieces, and no request shows half.
                shown = told["results"][0]["best_deal"]["stock"] if status == 200 else None
                note("load", status, told, seq >= latest and shown == (LINES if seq else 2))
                latest = seq
                answers[0] += 1

    with ExitStack() as stack:
        index = ["--index", str(tmp_path / "index"), "--port"]
        started(stack, "ingest", *index, str(ingest), "--token-file", str(tmp_path / "token"))
        started(stack, "serve", *index, str(serve), "--workers", str(WORKERS))
        until(lambda: is_ready(ingest, "/healthz") and is_ready(serve, "/readyz"))
        begun = time.monotonic()
        writing = [threading.Thread(target=write) for _ in range(WRITERS)]
        reading = [threading.Thread(target=read) for _ in range(READERS)]
        for thread in (*writing, *reading):
            thread.start()
        for thread in writing:
            thread.join()
        seconds = time.monotonic() - begun
        stopping.set()
        for thread in reading:
            thread.join()
        seq = asked_once(serve, "/readyz")[1]["as_of_seq"]
    waits.sort()
    shown = ", ".join(f"{waits[place] * 1e3:.0f} ms" for place in (len(waits) // 2, -1))
    print(f"{CHANGES} changes in {seconds:.1f} s beside {answers[0]} requests; read after {shown}")
    assert not faults, faults[:3]
    assert answers[0] > 20
    assert seq == CHANGES // LINES * LINES
