"""Two replicas behind HAProxy: processes are killed under load and changes, and nobody notices.

`REPLICA_KILLS=100` kills more often than the one of each kind that CI has time for.
"""

import json
import os
import random
import threading
import time
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest

from geosearch.indexing.pipeline import build
from geosearch.indexing.rebuild import rebuild
from tests.geosearch.asking import asked_once, free_ports, is_ready
from tests.geosearch.cluster.processes import Processes
from tests.geosearch.cluster.proxies import HAPROXY_CFG, haproxy, proxying
from tests.geosearch.indexing.test_writer import DEALS, stock
from tests.geosearch.snapshot_files import PROGRAM, merchant, write_snapshot
from tests.geosearch.waiting import until

KILLS = int(os.environ.get("REPLICA_KILLS", "2"))
TOKEN = "0123456789abcdef"
NEARBY = "/v1/nearby?lat=31.23&lng=121.47&radius=50000&limit=5&deals=optional&open=any"
BODY = json.dumps({"lat": 31.23, "lng": 121.47, "radius": 50_000, "limit": 5, "deals": "optional"})


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replicas")
    shops = [merchant(number, avg_price=10_000) for number in range(3)]
    tables = {"merchants": shops, "deals": DEALS, "programs": [PROGRAM]}
    build(write_snapshot(folder / "snapshot", tables), folder / "index")
    return folder / "index"


def test_a_replica_that_dies_costs_no_request(index: Path, tmp_path: Path) -> None:
    haproxy()
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    source, proxy, *ports = free_ports(6)
    copies, serving = ports[:2], ports[2:]
    faults: list[str] = []
    answers = [0]
    seqs = [0]
    stopping = threading.Event()

    def change() -> None:
        """Change two deals in one request, each time to a number that tells which it was."""
        while not stopping.is_set():
            pieces = seqs[-1] // 2 + 1
            lines = "\n".join(json.dumps(stock(number, pieces)) for number in (0, 2))
            headers = {"content-type": "application/x-ndjson", "authorization": f"Bearer {TOKEN}"}
            status, receipt = asked_once(source, "/v1/changes", lines, **headers)
            assert (status, receipt["seq"]) == (200, 2 * pieces)
            seqs.append(receipt["seq"])
            time.sleep(0.005)

    def ask(number: int) -> None:
        """Ask for the newest change now and then, and check that an answer shows one moment."""
        while not stopping.is_set():
            wanted = seqs[-1] if number == 0 else 0
            path = "/v1/nearby" if number == 1 else f"{NEARBY}&min_seq={wanted}"
            started = time.monotonic()
            try:
                body = BODY if number == 1 else None
                status, told = asked_once(proxy, path, body, **{"content-type": "application/json"})
            except (OSError, HTTPException, ValueError) as error:
                faults.append(f"{path}: {error!r} after {time.monotonic() - started:.2f} s")
                continue
            answers[0] += 1
            time.sleep(0.002)
            if status == 503 and told["code"] == "behind" and wanted:
                continue
            if status != 200:
                faults.append(f"{path}: {status} {told}")
                continue
            seq = told["as_of_seq"]
            left = [one["best_deal"] and one["best_deal"]["stock"] for one in told["results"][:2]]
            if seq < wanted or left != ([seq / 2, seq / 2] if seq else [2, None]):
                faults.append(f"{path}: {left} at {seq}")

    with ExitStack() as stack:
        processes = Processes(tmp_path)
        stack.callback(processes.stop)
        options = ["--token-file", str(token), "--port"]
        processes.start("ingest", "ingest", "--index", str(index), *options, str(source))
        replicas = [tmp_path / f"replica-{number}" for number in (1, 2)]
        for copy, port in zip(replicas, copies, strict=True):
            url = f"http://127.0.0.1:{source}"
            processes.start(copy.name, "replicate", str(copy), "--from", url, *options, str(port))
        until(lambda: all(is_ready(port, "/healthz") for port in copies))
        for number, (copy, port) in enumerate(zip(replicas, serving, strict=True)):
            processes.start(f"serve-{number}", "serve", "--index", str(copy), "--port", str(port))
        until(lambda: all(map(is_ready, serving)))
        addresses = {f"REPLICA_{i}": f"127.0.0.1:{port}" for i, port in enumerate(serving, 1)}
        log = tmp_path / "proxy.log"
        stack.enter_context(proxying(HAPROXY_CFG, log, BIND=f"127.0.0.1:{proxy}", **addresses))
        until(lambda: is_ready(proxy), log.read_text)
        threads = [threading.Thread(target=change)]
        threads += [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            rng = random.Random(KILLS)
            for kill in range(KILLS):
                time.sleep(rng.random() / 2)
                number = kill // 2 % 2
                if kill % 2:
                    processes.kill(replicas[number].name)
                    processes.start_again(replicas[number].name)
                    until(lambda port=copies[number]: is_ready(port, "/healthz"))  # type: ignore[misc]
                else:
                    processes.kill(f"serve-{number}")
                    processes.start_again(f"serve-{number}")
                    until(lambda port=serving[number]: is_ready(port))  # type: ignore[misc]
                if kill % 10 == 1:
                    rebuild(index)
            # Both replicas get there.
            last = seqs[-1]
            for port in serving:
                until(lambda port=port: asked_once(port, "/readyz")[1].get("as_of_seq", 0) >= last)  # type: ignore[misc]
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        versions = {asked_once(port, "/v1/index")[1]["version"] for port in serving}
    print(f"{KILLS} kills, {answers[0]} answers, {seqs[-1]} changes, {len(faults)} faults")
    assert not faults, faults[:5]
    assert answers[0] > 100
    assert len(seqs) > 10
    assert len(versions) == 1
    assert "31.23" not in log.read_text()
