"""HAProxy before regions: each question reaches its owner, also on borders, by GET and by POST.

HAProxy runs as a plain process on loopback. `GEOSEARCH_ROUTED` sets how many positions it routes.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import shapely

from geosearch.cluster.cuts import Region, rectangles
from geosearch.cluster.routing import (
    CONFIGURATION,
    SCRIPT,
    haproxy_configuration,
    lua_script,
    variable_of,
)
from indexes.geo.territories import Territories
from tests.geosearch.asking import free_ports
from tests.geosearch.cluster.proxies import haproxy

ROUTED = int(os.environ.get("GEOSEARCH_ROUTED", "300"))


class Proxy:
    """A running HAProxy."""

    def __init__(self, folder: Path, **addresses: str) -> None:
        self.port, inside = free_ports(2)
        binds = {"BIND": self.port, "INSIDE": inside}
        named = {f"GEOSEARCH_{name}": f"127.0.0.1:{port}" for name, port in binds.items()}
        environment = os.environ | named | addresses
        command = [haproxy(), "-f", str(folder / CONFIGURATION)]
        checked = subprocess.run([*command, "-c"], env=environment, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        self._process = subprocess.Popen([*command, "-db"], env=environment)
        wait_for(self.port, "/", statuses=range(200, 600))
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, str]:
        """Status, body and the header `X-Went-To` of an answer."""
        method = "GET" if body is None else "POST"
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if sent is not None:
            named["Content-Type"] = "application/json"
        self._connection.request(method, path, sent, named)
        reply = self._connection.getresponse()
        return reply.status, reply.read(), reply.headers.get("X-Went-To", "")

    def stop(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()


def wait_for(port: int, path: str, statuses: Any = (200,)) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status in statuses:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise AssertionError(f"nothing answers at port {port}")


def told(folder: Path, regions: list[Region]) -> None:
    """Write the files; HAProxy then says where it would send a request, and sends none."""
    lines = haproxy_configuration(regions).splitlines()
    at = next(row for row, line in enumerate(lines) if "use_backend" in line)
    lines[at] = "    http-request return status 200 hdr X-Went-To %[var(txn.backend)]"
    (folder / CONFIGURATION).write_text("\n".join(lines) + "\n", "utf-8")
    (folder / SCRIPT).write_text(lua_script(regions), "utf-8")


@pytest.fixture(scope="module")
def regions() -> list[Region]:
    rng = Random(3)
    position = [(rng.gauss(121, 9) * 1e7, rng.gauss(31, 9) * 1e7) for _ in range(400)]
    found = rectangles(np.array(position).astype(np.int32), 7)
    # A polygon with a hole and slanted sides comes first, so it owns what it holds.
    outline = [(118.1, 28.2), (125.7, 29.9), (123.3, 37.7), (117.3, 33.1)]
    hole = [(120.0, 31.0), (121.3, 31.1), (120.7, 32.9)]
    return [Region("slanted-1", shapely.Polygon(outline, [hole])), *found]


@pytest.fixture(scope="module")
def router(regions: list[Region], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("router")
    told(folder, regions)
    proxy = Proxy(folder)
    yield proxy
    proxy.stop()


def positions(rng: Random, regions: list[Region], count: int) -> Iterator[tuple[float, float]]:
    """Positions on corners and edges and one double beside them, and any others."""
    corners = [corner for each in regions for corner in shapely.get_coordinates(each.area).tolist()]
    for _ in range(count):
        lng, lat = rng.choice(corners)
        if rng.random() < 0.5:
            other_lng, other_lat = rng.choice(corners)
            part = rng.random()
            lng, lat = lng + (other_lng - lng) * part, lat + (other_lat - lat) * part
        if rng.random() < 0.4:
            lng = float(np.nextafter(lng, rng.choice((-200, 200))))
        if rng.random() < 0.2:
            lng, lat = rng.uniform(-180, 180), rng.uniform(-90, 90)
        yield min(90.0, max(-90.0, lat)), min(180.0, max(-180.0, lng))


def test_lua_finds_the_owner_that_python_finds(regions: list[Region], router: Proxy) -> None:
    owners = Territories([region.area for region in regions])
    rng = Random(4)
    seen = set()
    for lat, lng in positions(rng, regions, ROUTED):
        expected = f"region-{regions[owners.owner(lat, lng)].region_id}"
        query = urlencode({"lat": repr(lat), "lng": repr(lng), "q": "a&b=c"})
        body = {"q": '{"lat": 1}', "cards": ["]", {"lat": 2}], "lat": lat, "lng": lng}
        assert router.ask(f"/v1/nearby?{query}")[2] == expected, (lat, lng)
        assert router.ask("/v1/nearby", body)[2] == expected, (lat, lng)
        seen.add(expected)
    assert len(seen) == len(regions)


HERE = {"lat": 30.0, "lng": 119.5}


@pytest.mark.parametrize(
    ("path", "body", "headers", "expected"),
    [
        ("/v1/nearby?lat=30.0&lng=119.5", None, {}, "region-slanted-1"),
        ("/v1/suggest?q=a&lng=119.5&lat=30", None, {}, "region-slanted-1"),
        ("/v1/nearby?lat=3%30&lng=119%2E5", None, {}, "region-slanted-1"),
        ("/v1/nearby", HERE | {"zone": None, "ids": None}, {}, "region-slanted-1"),
        ("/v1/nearby", HERE | {"bbox": [1, 2, 3, 4], "radius": 9}, {}, "region-slanted-1"),
        (
            "/v1/nearby",
            b' {\n"lat" : 30e0 ,"a":"\\\\\\"", "lng":119.5\n}\n',
            {},
            "region-slanted-1",
        ),
        ("/v1/nearby:batch", {"queries": [HERE]}, {"X_Region": "r2"}, "region-r2"),
        ("/v1/programs", None, {"X_Region": "r2"}, "region-r2"),
        # What spans regions, names no position, or cannot be read.
        ("/v1/nearby:batch", {"queries": [HERE]}, {}, "gateway"),
        ("/v1/nearby", HERE | {"bbox": [1, 2, 3, 4]}, {}, "gateway"),
        ("/v1/nearby", HERE | {"ids": []}, {}, "gateway"),
        ("/v1/nearby?zone=z&lat=30.0&lng=119.5", None, {}, "gateway"),
        ("/v1/nearby", {"lat": 30.0}, {}, "gateway"),
        ("/v1/nearby", {"lat": "30.0", "lng": 119.5}, {}, "gateway"),
        ("/v1/nearby", {"near": HERE}, {}, "gateway"),
        ("/v1/nearby", [HERE], {}, "gateway"),
        ("/v1/nearby", b'{"lat": 30.0, "lng', {}, "gateway"),
        ("/v1/nearby", b"", {}, "gateway"),
        ("/v1/nearby", b'{"a": [[[', {}, "gateway"),
        ("/v1/nearby?lat=abc&lng=119.5", None, {}, "gateway"),
        # An area bounds it, however its name is written.
        ("/v1/nearby?lat=30.0&lng=119.5&ids[]=a&ids[]=b", None, {}, "gateway"),
        ("/v1/nearby?lat=30.0&lng=119.5&ids%5B0%5D=a", None, {}, "gateway"),
        ("/v1/nearby?lat=30.0&lng=119.5&i%64s=a", None, {}, "gateway"),
        ("/v1/nearby", b'{"lat": 30.0, "lng": 119.5, "\\u0069ds": ["a"]}', {}, "gateway"),
        # What may follow is not read: only the first 64 kB of a body are there.
        ("/v1/nearby", HERE | {"cards": ["c" * 70_000], "zone": "z"}, {}, "gateway"),
        ("/v1/nearby", b'{"lat": 30.0, "lng": 119.5, "q": "x', {}, "gateway"),
        ("/v1/nearby", b'{"lat": 30.0, "lng": 119.5} x', {}, "gateway"),
        ("/v1/cards:worth", {"habits": [HERE]}, {}, "gateway"),
        ("/v1/merchants/m1/why?lat=30.0&lng=119.5&radius=9", None, {}, "gateway"),
        ("/v1/zones?lat=30.0&lng=119.5", None, {}, "gateway"),
        ("/v1/nearby?lat=30.0&lng=119.5&cursor=x&q=a", None, {}, "region-slanted-1"),
        ("/v1/nearby?lat=30.0&lng=119.5&radius=9&zone=z&ids=a", None, {}, "region-slanted-1"),
        ("/v1/nearby?lat=30.0&lng=119.5", None, {"X_Region": "nowhere"}, "gateway"),
        ("/v1/nearby?lat=30.0&lng=119.5", None, {"X_Region": "*"}, "gateway"),
        ("/v1/programs", None, {}, "gateway"),
        ("/v1/merchants/m1", None, {}, "gateway"),
    ],
)
def test_where_a_request_goes(
    router: Proxy, path: str, body: Any, headers: dict[str, str], expected: str
) -> None:
    assert router.ask(path, body, **headers)[2] == expected


@pytest.mark.parametrize(
    ("name", "variable"), [("r1", "GEOSEARCH_REGION_R1"), ("a-b_c", "GEOSEARCH_REGION_A_B_C")]
)
def test_an_address_may_come_from_the_environment(name: str, variable: str) -> None:
    assert variable_of(name) == variable
    assert f'"${{{variable}-127.0.0.1:8101}}"' in haproxy_configuration(
        [Region(name, shapely.box(0, 0, 1, 1))]
    )
