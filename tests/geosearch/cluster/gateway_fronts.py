"""One index and the gateway of its regions, side by side, and questions that span regions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from starlette.testclient import TestClient

from geosearch.cluster.gateway_server import gateway
from geosearch.cluster.gateway_settings import GatewaySettings
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from tests.geosearch.cluster.region_worlds import Cut

WORLD = (-180.0, -90.0, 180.0, 90.0)


def opened(index: Path) -> Engines:
    engines = Engines(index, Searcher, poll_seconds=1.0)
    engines.load()
    return engines


def application(engines: Engines) -> Any:
    return make_app(Handlers(engines, Metrics(engines), Settings(log_requests=False)))


class Region(httpx2.ASGITransport):
    """The service of a region, which notes the paths that it is asked for."""

    def __init__(self, index: Path) -> None:
        self.engines = opened(index)
        super().__init__(application(self.engines))
        self.paths: list[str] = []

    async def handle_async_request(self, request: Any) -> Any:
        self.paths.append(request.url.path)
        return await super().handle_async_request(request)


class Fronts:
    """One index and the gateway of its regions."""

    def __init__(self, cut: Cut, folder: Path) -> None:
        self.cut = cut
        self.transports = {name: Region(cut.folder / name) for name in cut.regions}
        self.whole = opened(folder / "one")
        self.one = TestClient(application(self.whole))
        self.gateway = self._new_gateway()

    def _new_gateway(self) -> TestClient:
        urls = dict.fromkeys(self.cut.regions, "http://region")
        settings = GatewaySettings(log_requests=False)
        return TestClient(gateway(self.cut.folder, urls, settings, self.transports))

    @contextmanager
    def fresh(self) -> Iterator[Fronts]:
        """The same with a gateway that has learnt nothing yet."""
        fronts = copy(self)
        fronts.gateway = self._new_gateway()
        with fronts.gateway:
            yield fronts

    def asked(self, method: str, path: str, **how: Any) -> dict[str, list[str]]:
        """The paths that each region is asked for; the answer is that of one index."""
        for region in self.transports.values():
            region.paths.clear()
        self.same(method, path, **how)
        pairs = self.transports.items()
        return {name: list(region.paths) for name, region in pairs if region.paths}

    def same(self, method: str, path: str, **how: Any) -> tuple[Any, Any]:
        one = self.one.request(method, path, **how)
        got = self.gateway.request(method, path, **how)
        assert got.status_code == one.status_code, got.text
        assert plain(got.content) == plain(one.content), how or path
        return one, got


def plain(body: bytes) -> bytes:
    """A body without time and cursors."""
    body = re.sub(rb'"(took_us|age_seconds)":\d+', rb'"\1":0', body)
    return re.sub(rb'"next_cursor":"[^"]+"', b'"next_cursor":"x"', body)


def spanning(rng: Random, cut: Cut) -> dict[str, Any]:
    question = cut.question(rng)
    if rng.random() < 0.8:
        del question["radius"]
        if not {"zone", "bbox", "polygon", "ids"} & set(question) or rng.random() < 0.5:
            question["bbox"] = WORLD
            question.pop("polygon", None)
    return question
