"""What both configurations of HAProxy do where a service refuses, or accepts and says nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import shapely

from geosearch.cluster.cuts import Region
from geosearch.cluster.routing import CONFIGURATION, SCRIPT, haproxy_configuration, lua_script
from geosearch.service.problems import CODES
from tests.geosearch.asking import asked_once, free_ports, is_ready
from tests.geosearch.cluster.proxies import HAPROXY_CFG, proxying
from tests.geosearch.waiting import until

HERE = "/v1/nearby?lat=1&lng=2"


class Behind(BaseHTTPRequestHandler):
    """A service that shows no change yet: it answers 503 where `min_seq` asks for one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"" if self.path == "/readyz" else b"{}"
        self.send_response(503 if "min_seq" in self.path else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Behind) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextmanager
def proxied(name: str, service: int, folder: Path, second: int | None = None) -> Iterator[int]:
    """Port of HAProxy before a service or two, with the file of replicas or that of regions."""
    proxy, inside, other = free_ports(3)
    if name == "replicas":
        file = HAPROXY_CFG
        # The other replica is not there, so the service is the last one.
        named = {"BIND": proxy, "REPLICA_1": service, "REPLICA_2": second or other}
    else:
        file = folder / CONFIGURATION
        regions = [Region("r1", shapely.box(-180, -90, 180, 90))]
        file.write_text(haproxy_configuration(regions), "utf-8")
        (folder / SCRIPT).write_text(lua_script(regions), "utf-8")
        named = {"BIND": proxy, "INSIDE": inside, "REGION_R1": service, "GATEWAY": other}
        named |= {"REPLICA_R1": second} if second else {}
        named = {f"GEOSEARCH_{key}": port for key, port in named.items()}
    environment = {key: f"127.0.0.1:{port}" for key, port in named.items()}
    with proxying(file, folder / "proxy.log", **environment):
        yield proxy


@pytest.mark.parametrize("name", ["replicas", "regions"])
def test_answers_of_503_take_no_service_out(name: str, behind: int, tmp_path: Path) -> None:
    """Else an app that asks for a change of the future would stop the answers of all others."""
    with proxied(name, behind, tmp_path) as proxy:
        until(lambda: is_ready(proxy, HERE))
        for _ in range(5):
            assert asked_once(proxy, f"{HERE}&min_seq=9")[0] == 503
        assert asked_once(proxy, HERE)[0] == 200


@pytest.mark.parametrize("name", ["replicas", "regions"])
def test_another_one_answers_for_one_that_says_nothing(
    name: str, behind: int, tmp_path: Path
) -> None:
    """Of questions that come at once, the first ones go to both."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        proxied(name, silent.getsockname()[1], tmp_path, behind) as proxy,
        ThreadPoolExecutor(4) as threads,
    ):
        until(lambda: _answers(proxy))
        answers = list(threads.map(asked_once, [proxy] * 4, [HERE] * 4))
    assert answers == [(200, {})] * 4


def test_a_region_that_says_nothing_is_named(tmp_path: Path) -> None:
    """A machine that is gone keeps a question for seconds, not for as long as a batch may take."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        proxied("regions", silent.getsockname()[1], tmp_path) as proxy,
    ):
        until(lambda: _answers(proxy))
        for path, who in ((HERE, "Region `r1`"), ("/v1/programs", "The gateway")):
            status, told = asked_once(proxy, path)
            assert status == told["status"]
            assert status in (503, 504)
            assert told["code"] == "region_down"
            assert told["code"] in CODES
            assert told["detail"] == f"{who} cannot be reached"
            assert told["errors"] == []


def _answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
