"""Handlers of the map page: the page itself, its ground, its streets and its coverage layer.

`handlers` has their routes, and the handlers of questions.
"""

import asyncio
from typing import Protocol

import orjson

from geosearch.answer.contents import Box
from geosearch.service.basemap import open_basemap
from geosearch.service.coverage_layer import open_coverage
from geosearch.service.edge import GEOJSON, Asked, Reply, lasting
from geosearch.service.engines import Engines
from geosearch.service.land import land_around
from geosearch.service.page_files import FOR_EVER, page, page_reply
from geosearch.service.problems import HttpProblem
from geosearch.service.request import read_coverage, read_nothing
from geosearch.service.settings import Settings
from geosearch.service.welcome import example_of, wants_page, welcome

PMTILES = b"application/vnd.pmtiles"


class MapSource(Protocol):
    """What the map page needs to know of an index."""

    async def facts(self, asked: Asked) -> tuple[str, str | None]:
        """Id of the snapshot, and URL of an example; None without a shop."""

    async def place(self, asked: Asked) -> tuple[str, Box | None]:
        """Version, and the box around all shops."""


class EnginesShown:
    """A `MapSource` of the current version."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def facts(self, asked: Asked) -> tuple[str, str | None]:
        """Id of the snapshot, and URL of an example; None without a shop."""
        loaded = self._engines.current()
        return loaded.snapshot_id, example_of(loaded)

    async def place(self, asked: Asked) -> tuple[str, Box | None]:
        """Version, and the box around all shops."""
        loaded = self._engines.current()
        return loaded.version, loaded.engine.info()["bounds"]


class MapHandlers:
    """Handlers of what the map page is made of.

    Parameters
    ----------
    source
        What the page is about.
    settings
        Source of the files to show.

    Raises
    ------
    BadData
        A file to show cannot be used.
    """

    def __init__(self, source: MapSource, settings: Settings) -> None:
        self._source = source
        self._basemap = open_basemap(settings.basemap)
        self._coverage = open_coverage(settings.coverage)
        self._land: tuple[str, bytes] | None = None

    async def welcome(self, asked: Asked) -> Reply:
        """`GET /`: the map page for a browser; else links and an example, as JSON."""
        read_nothing(asked.query_string)
        varies = (b"accept",)
        if wants_page(asked.accept):
            # Without an index too: the page says so, and asks again.
            return page_reply(page().files["index.html"], b"no-cache", varies)
        answer = welcome(
            *await self._source.facts(asked),
            has_basemap=self._basemap is not None,
            has_coverage=self._coverage is not None,
        )
        return Reply((orjson.dumps(answer),), varies=varies)

    async def page_file(self, asked: Asked) -> Reply:
        """`GET /page/{version}/{name}`: a file of the map page, which a browser keeps for ever."""
        read_nothing(asked.query_string)
        version, name = asked.path_params["version"], asked.path_params["name"]
        file = page().files.get(name) if version == page().version else None
        if file is None:
            raise HttpProblem("not_found", "The page of this version has no such file - reload it")
        return page_reply(file, FOR_EVER)

    async def land(self, asked: Asked) -> Reply:
        """`GET /land.geojson`: land around the shops of the index."""
        read_nothing(asked.query_string)
        version, box = await self._source.place(asked)
        land = self._land
        if land is None or land[0] != version:
            bounds = box or (0.0, 0.0, 0.0, 0.0)
            self._land = land = version, await asyncio.to_thread(land_around, bounds)
        return lasting(land[1], media_type=GEOJSON)

    async def basemap(self, asked: Asked) -> Reply:
        """`GET /basemap.pmtiles`: a part of the basemap."""
        read_nothing(asked.query_string)
        basemap = self._basemap
        if basemap is None:
            raise HttpProblem("not_found", "There is no basemap: the setting `basemap` is empty")
        part = await asyncio.to_thread(basemap.part, asked.range)
        headers = ((b"content-range", part.place), (b"accept-ranges", b"bytes"))
        return Reply(
            (part.body,), 206, PMTILES, headers,
            cache_control=b"no-cache", etag=basemap.etag, is_whole=False,
        )  # fmt: skip

    async def coverage(self, asked: Asked) -> Reply:
        """`GET /v1/coverage`: where a card beats the public price, as counted before."""
        query = read_coverage(asked.query_string)
        if self._coverage is None:
            raise HttpProblem("not_found", "There is no coverage: the setting `coverage` is empty")
        return lasting(self._coverage.layer(query), media_type=GEOJSON)
