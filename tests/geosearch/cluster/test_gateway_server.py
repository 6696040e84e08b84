"""`geosearch gateway` as a process: settings, limits, regions that are down or slow, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from geosearch.cluster.gateway_server import read_regions
from geosearch.cluster.gateway_settings import GATEWAY_SETTINGS, load_gateway_settings
from geosearch.errors import BadData
from geosearch.service.settings import unknown_variables
from tests.geosearch.waiting import PATIENCE_S

WEST = "/v1/nearby?lat=1&lng=-1"
EAST = "/v1/nearby?lat=1&lng=1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"region_id": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, -90], [x + 180, -90], [x + 180, 90], [x, 90], [x, -90]]],
            },
        }
        for name, x in (("west", -180), ("east", 0))
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (tmp_path / "regions.geojson").write_text(text)
    return tmp_path


class SlowRegion(BaseHTTPRequestHandler):
    """A region that answers when it may."""

    asked, may_answer = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        self.asked.set()
        self.may_answer.wait(PATIENCE_S)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def slow() -> Iterator[str]:
    SlowRegion.asked.clear()
    SlowRegion.may_answer.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowRegion) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        SlowRegion.may_answer.set()
        server.shutdown()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, east: str, **settings: str) -> Iterator[tuple[int, Any]]:
    """The gateway, whose western region is down."""
    regions = {"west": f"http://127.0.0.1:{free_port()}", "east": east}
    options = [part for name, url in regions.items() for part in ("--region", f"{name}={url}")]
    environment = {f"GEOSEARCH_GATEWAY_{name.upper()}": text for name, text in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "geosearch", "gateway", str(folder), *options, "--port", "0"],
        env=os.environ | environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        lines = (json.loads(line) for line in process.stderr)
        yield next(line["port"] for line in lines if line["event"] == "serving"), process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        process.stderr.close()


def ask(port: int, method: str, path: str, **how: Any) -> tuple[int, dict[str, str], Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request(method, path, **how)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    headers = {name.lower(): text for name, text in response.getheaders()}
    return response.status, headers, json.loads(body) if body else None


def test_limits_are_those_of_the_service(folder: Path, slow: str) -> None:
    """One process, since each takes seconds to start."""
    limits = {"max_body_bytes": "2000", "region_timeout_seconds": "0.3", "max_batch": "2"}
    limits |= {"header_timeout_seconds": "0.3", "cors_origins": "https://app.example.com"}
    with running(folder, slow, **limits) as (port, process):
        status, _, told = ask(port, "GET", WEST)
        assert (status, told["code"]) == (503, "region_down")
        assert "Region `west` cannot be reached: ConnectError" in told["detail"]
        status, _, told = ask(port, "GET", EAST)
        assert (status, told["code"]) == (503, "region_down")
        assert "Region `east` cannot be reached: ReadTimeout" in told["detail"]
        assert ask(port, "GET", "/readyz")[0] == 503
        assert ask(port, "GET", "/healthz")[0] == 200
        kind = {"content-type": "application/json"}
        status, _, told = ask(port, "POST", "/v1/nearby", body=b" " * 3_000, headers=kind)
        assert (status, told["code"]) == (413, "too_large")
        three = json.dumps({"queries": [{"lat": 1, "lng": 1}] * 3})
        status, _, told = ask(port, "POST", "/v1/nearby:batch", body=three, headers=kind)
        assert (status, told["errors"][0]["code"]) == (400, "too_many")
        origin = {"origin": "https://app.example.com", "access-control-request-method": "GET"}
        status, headers, _ = ask(port, "OPTIONS", "/v1/nearby", headers=origin)
        assert (status, headers["access-control-allow-origin"]) == (204, origin["origin"])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert b"408" in client.recv(100)
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 10_000)
            assert b"431" in client.recv(100)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_a_stop_waits_for_requests_under_way(folder: Path, slow: str) -> None:
    with running(folder, slow) as (port, process):
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(ask(port, "GET", EAST)[0]))
        thread.start()
        assert SlowRegion.asked.wait(PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        SlowRegion.may_answer.set()
        thread.join(PATIENCE_S)
        assert found == [200]
        assert process.wait(PATIENCE_S) == 0


def test_settings_have_an_environment_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("max_batch = 7\nregion_timeout_seconds = 2\n")
    environment = {"GEOSEARCH_PORT": "1", "GEOSEARCH_GATEWAY_HOST": "::1"}
    settings = load_gateway_settings({"max_batch": "9"}, environment=environment, file=file)
    assert (settings.port, settings.host, settings.max_batch) == (8100, "::1", 9)
    assert settings.region_timeout_seconds == 2.0
    assert "index" not in GATEWAY_SETTINGS
    assert not unknown_variables(environment)
    for wrong in ({"index": "x"}, {"workers": "2"}, {"port": "x"}):
        with pytest.raises(BadData):
            load_gateway_settings(wrong, environment={})


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        ({}, "Expected the address of region `west`, got none - at `--region`"),
        ({"north": "http://x"}, "Expected one of west, east, got `north` - at `--region`"),
        *(
            ({"west": url, "east": "http://x"}, "Expected http://HOST:PORT of region `west`, got")
            for url in ("http://", "http://a:x", "http://a:65536", "http://a:0", "a:80", "ftp://a")
        ),
    ],
)
def test_wrong_regions_are_told(folder: Path, urls: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadData, match=sentence):
        read_regions(folder, urls)
    (folder / "regions.geojson").write_text('{"features": [{}]}')
    with pytest.raises(BadData, match="Expected areas of regions, got: 'properties'"):
        read_regions(folder, {})
