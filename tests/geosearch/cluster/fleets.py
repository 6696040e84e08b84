"""Regions as they are set up: `serve` for each, `gateway`, HAProxy with the file of the build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from geosearch.cluster.routing import CONFIGURATION, variable_of
from tests import generators
from tests.geosearch.asking import free_ports, is_ready
from tests.geosearch.cluster.gateway_fronts import application, opened
from tests.geosearch.cluster.processes import Processes
from tests.geosearch.cluster.proxies import haproxy, proxying
from tests.geosearch.cluster.region_worlds import Cut, spread
from tests.geosearch.waiting import until


class Answered(NamedTuple):
    """An answer: status, `HEADERS` and body."""

    status: int
    headers: tuple[str | None, ...]
    body: bytes


HEADERS = ("content-type", "content-language", "cache-control", "vary", "etag")
"""What apps and their caches go by."""


FAR_AREAS = ("Westgate", "Eastgate")
"""Business areas at two ends of a world, so that a text may name one of another region."""


def recent_world(rng: Random, kind: str, size: int) -> generators.World:
    """A world of today, for a service is ready only within the horizon of its index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generators, "NOWS", (datetime.now(UTC).replace(microsecond=0),))
        world = spread(rng, generators.make_world(rng, kind, size))
    rows = sorted(world.merchants, key=lambda row: float(row["lng"]))
    for name, some in zip(FAR_AREAS, (rows[: size // 10], rows[-size // 10 :]), strict=True):
        for row in some:
            row["business_area"] = name
    return world


def told_by(headers: Any) -> tuple[str | None, ...]:
    """`HEADERS` of an answer, but for what depends on its size and so on the time it took."""
    found = [headers.get(name) for name in HEADERS]
    return tuple(one and one.replace(", accept-encoding", "") for one in found)


class Fleet:
    """One index in this process, and its regions behind a proxy as processes.

    Attributes
    ----------
    port
        Port of the proxy.
    twins
        Names of the processes of which there are two, so that one may be killed.
    """

    def __init__(self, cut: Cut, port: int, processes: Processes, ports: dict[str, int]) -> None:
        self.cut, self.port, self.processes = cut, port, processes
        self._ports = ports
        self.twins = [name for name in ports if f"{name}-2" in ports or name.endswith("-2")]
        self.one = TestClient(application(opened(cut.folder.parent / "one")))

    def is_ready(self, name: str) -> bool:
        """Whether a process answers."""
        path = "/healthz" if name.startswith("gateway") else "/readyz"
        return is_ready(self._ports[name], path)

    def of_one(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Answered:
        """The answer of one index."""
        method = "GET" if body is None else "POST"
        plain = {"accept-encoding": "identity"}  # What `http.client` asks for, too.
        got = self.one.request(method, path, json=body, headers=plain | headers)
        return Answered(got.status_code, told_by(got.headers), got.content)


def through(
    connection: HTTPConnection, path: str, body: dict[str, Any] | None = None, **headers: str
) -> Answered:
    """The answer through the proxy."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    if body is not None:
        named["Content-Type"] = "application/json"
    sent = None if body is None else json.dumps(body).encode()
    connection.request("GET" if body is None else "POST", path, sent, named)
    got = connection.getresponse()
    return Answered(got.status, told_by(got.headers), got.read())


@contextmanager
def fleet(cut: Cut, folder: Path, second: Sequence[str] = ()) -> Iterator[Fleet]:
    """Start it; `second` names what runs twice: regions, or `gateway`."""
    haproxy()
    names = [*cut.regions, "gateway"]
    names += [f"{name}-2" for name in second]
    proxy, inside, *rest = free_ports(2 + len(names))
    ports = dict(zip(names, rest, strict=True))
    environment = {"GEOSEARCH_BIND": proxy, "GEOSEARCH_INSIDE": inside}
    with ExitStack() as stack:
        processes = Processes(folder)
        stack.callback(processes.stop)
        for name, port in ports.items():
            region, _, is_second = name.partition("-")
            if region == "gateway":
                urls = [f"--region={one}=http://127.0.0.1:{inside}" for one in cut.regions]
                processes.start(name, "gateway", str(cut.folder), *urls, "--port", str(port))
                environment["GEOSEARCH_GATEWAY" + ("_2" if is_second else "")] = port
            else:
                index = str(cut.folder / region)
                processes.start(name, "serve", "--index", index, "--port", str(port))
                environment[variable_of(region, "REPLICA" if is_second else "REGION")] = port
        made = Fleet(cut, proxy, processes, ports)
        until(lambda: all(map(made.is_ready, ports)))
        addresses = {name: f"127.0.0.1:{port}" for name, port in environment.items()}
        log = folder / "proxy.log"
        stack.enter_context(proxying(cut.folder / CONFIGURATION, log, **addresses))
        until(lambda: is_ready(proxy), log.read_text)
        yield made
