"""Handlers of the HTTP routes: parse, search, encode.

Useful for: what a route answers.
Not useful for: what is the same for all routes (`edge`), or running the service (`app`).

A search runs in the event loop: it takes tens of microseconds, less than a switch to a thread. It
has an allowance of counted work there, `LOOP_WORK`. One that takes more is asked again without an
allowance in the threads of `heavy`, where the kernels release the GIL, so that no request makes
others wait. Batches, polygons, long bodies and zones of a box begin there: their sizes tell.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import msgspec
import orjson
from starlette.routing import Route

from geosearch.answer.model import Page
from geosearch.errors import BadRequest
from geosearch.query.cursor import read_cursor
from geosearch.query.parameters import LANGUAGES
from geosearch.query.query import MerchantQuery, Query
from geosearch.search.searcher import Searcher
from geosearch.service.batch_limits import check_batch
from geosearch.service.batching import Batching
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.density import encode_density
from geosearch.service.docs_page import POLICY, docs_page
from geosearch.service.edge import (
    ANY_METHOD,
    GEOJSON,
    JSON,
    Asked,
    Endpoint,
    Handler,
    Reply,
    in_language,
    lasting,
    without_slash,
)
from geosearch.service.encode import (
    encode_geojson,
    encode_page,
    encode_pages,
    encode_suggestions,
)
from geosearch.service.engines import REACH_PAUSE, Engine, Engines, Loaded
from geosearch.service.heavy import HeavyWork, Work, in_one_part
from geosearch.service.journal import Journal
from geosearch.service.map_handlers import EnginesShown, MapHandlers
from geosearch.service.metrics import MEDIA_TYPE as METRICS_TEXT
from geosearch.service.metrics import Metrics
from geosearch.service.negotiation import spoken
from geosearch.service.openapi import openapi_document
from geosearch.service.owned_parts import OwnedParts
from geosearch.service.problems import HttpProblem, no_such_shop, relocated
from geosearch.service.request import (
    read_batch,
    read_body,
    read_categories,
    read_density,
    read_merchant,
    read_nothing,
    read_suggest,
    read_url,
    read_worth,
    read_zones,
)
from geosearch.service.request_ids import RequestIds
from geosearch.service.settings import Settings
from geosearch.studies.worth import worth_in_parts
from indexes.allowance import Allowance, TooMuchWork

LOOP_WORK = 10_000
"""Allowance of a search in the event loop, steps of work: some 1 ms."""

WORTH_WORK = 20_000_000
"""Most shops, each counted for every instant, that the habits of a request may reach: some 1 s."""

LONG_BODY = 16_384
"""Bytes of a body that is read in a thread: reading a wrong one takes up to 0.2 us a byte."""

HTML = b"text/html; charset=utf-8"

_NAMED = {language: ((b"content-language", language.encode()),) for language in LANGUAGES}
_BY_LANGUAGE = (b"accept-language",)


class Handlers:
    """The handlers of the service and their routes.

    Parameters
    ----------
    engines
        Source of the engine for a request.
    metrics
        The metrics that `/metrics` shows.
    settings
        Source of the limits.
    """

    def __init__(self, engines: Engines, metrics: Metrics, settings: Settings) -> None:
        self._engines = engines
        self._metrics = metrics
        self._settings = settings
        self._journal = Journal(metrics, logs=settings.log_requests)
        self._request_ids = RequestIds()
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._heavy = HeavyWork()
        self._batching = Batching()
        self._map = MapHandlers(EnginesShown(engines), settings)
        self._owned = OwnedParts(engines)
        document = openapi_document(settings)
        self._paths = frozenset(document["paths"])
        self._openapi = orjson.dumps(document)
        self._docs = docs_page(document)

    def routes(self) -> list[Route]:
        """Return every route, the busiest first."""
        return [
            self._route("/v1/nearby", GET=self.nearby_get, POST=self.nearby_post),
            self._route("/v1/nearby:batch", POST=self.batch),
            self._route("/v1/cards:worth", POST=self.worth),
            self._route("/v1/suggest", GET=self.suggest),
            self._route(
                "/v1/merchants/{merchant_id:path}/why", GET=self.why_get, POST=self.why_post
            ),
            self._route("/v1/merchants/{merchant_id:path}", GET=self.merchant),
            self._route("/v1/zones", GET=self.zones),
            self._route("/v1/density", GET=self.density),
            self._route("/v1/coverage", GET=self._map.coverage),
            self._route("/v1/programs", GET=self.programs),
            self._route("/v1/categories", GET=self.categories),
            self._route("/v1/index", GET=self.index),
            self._route("/v1/regions", GET=self.regions),
            self._route("/healthz", GET=self.alive),
            self._route("/readyz", GET=self.ready),
            self._route("/", GET=self._map.welcome),
            self._route("/page/{version}/{name:path}", GET=self._map.page_file),
            self._route("/land.geojson", GET=self._map.land),
            self._route("/basemap.pmtiles", GET=self._map.basemap),
            self._route("/metrics", GET=self.metrics),
            self._route("/openapi.json", GET=self.openapi),
            self._route("/docs", GET=self.docs),
        ]

    def elsewhere(self) -> Endpoint:
        """Return the endpoint of all other paths."""
        return self._endpoint("elsewhere", {ANY_METHOD: self.nowhere})

    async def nearby_get(self, asked: Asked) -> Reply:
        """`GET /v1/nearby`."""
        return await self._nearby(asked, spoken(read_url(asked.query_string), asked.language))

    async def nearby_post(self, asked: Asked) -> Reply:
        """`POST /v1/nearby`: the same parameters as JSON, which keeps a wallet out of URLs."""
        read_nothing(asked.query_string)
        body, language = await asked.body(), asked.language
        if len(body) > LONG_BODY:
            return await self._in_a_thread(asked, lambda: self._search_long(body, language))
        return await self._nearby(asked, spoken(read_body(body), language))

    async def batch(self, asked: Asked) -> Reply:
        """`POST /v1/nearby:batch`: many queries; one bad query refuses the whole batch."""
        read_nothing(asked.query_string)
        body = await asked.body()
        if asked.is_part:
            work = _replied(self._owned.batch(body))
        else:
            work = self._search_all(body, asked.language)
        return await self._heavy.run(work, asked.left, asked.client)

    async def worth(self, asked: Asked) -> Reply:
        """`POST /v1/cards:worth`: what cards are worth to a person with some habits."""
        read_nothing(asked.query_string)
        body = await asked.body()
        if asked.is_part:
            work = _replied(self._owned.worth(body, read_worth, WORTH_WORK))
        else:
            work = self._worth(body)
        return await self._heavy.run(work, asked.left, asked.client)

    async def suggest(self, asked: Asked) -> Reply:
        """`GET /v1/suggest`: completions of a half-typed text."""
        query = spoken(read_suggest(asked.query_string), asked.language)
        suggest = partial(self._engines.current().engine.suggest, query)
        return await self._here_or_in_a_thread(
            asked, lambda: in_language(Reply((encode_suggestions(suggest()),)), query.lang)
        )

    async def merchant(self, asked: Asked) -> Reply:
        """`GET /v1/merchants/{id}`: one merchant with its hours and deals."""
        visit = read_merchant(asked.query_string)
        return await self._here_or_in_a_thread(asked, partial(self._merchant, asked, visit))

    def _merchant(self, asked: Asked, visit: MerchantQuery) -> Reply:
        merchant_id = asked.path_params["merchant_id"]
        engine = self._engine(asked)
        record = engine.merchant(merchant_id, None, visit)
        if record is None:
            if (
                merchant_id.endswith("/")
                and engine.merchant(merchant_id[:-1], None, visit) is not None
            ):
                return without_slash(asked)
            raise HttpProblem("not_found", "There is no merchant with this id")
        return Reply((orjson.dumps(record),))

    async def why_get(self, asked: Asked) -> Reply:
        """`GET /v1/merchants/{id}/why`: why a merchant is in the answer to a query, or not."""
        return await self._why(asked, read_url(asked.query_string))

    async def why_post(self, asked: Asked) -> Reply:
        """`POST /v1/merchants/{id}/why`: the same parameters as JSON."""
        read_nothing(asked.query_string)
        body = await asked.body()
        if asked.is_part:
            part = partial(self._owned.why, asked.path_params["merchant_id"], body)
            return await self._in_a_thread(asked, lambda: Reply((part(),)))
        if len(body) > LONG_BODY:
            return await self._in_a_thread(asked, lambda: self._reasons_long(asked, body))
        return await self._why(asked, read_body(body))

    async def _why(self, asked: Asked, query: Query) -> Reply:
        for _ in self._engines.waits_for(query.min_seq):
            await asyncio.sleep(REACH_PAUSE)
        tell = partial(self._reasons, asked, query)
        if query.polygon is not None:
            return await self._in_a_thread(asked, tell)
        return await self._here_or_in_a_thread(asked, tell)

    def _reasons_long(self, asked: Asked, body: bytes) -> Reply:
        query = read_body(body)
        self._engines.wait_for(query.min_seq)
        return self._reasons(asked, query)

    def _reasons(self, asked: Asked, query: Query) -> Reply:
        told = self._engines.current().engine.why(asked.path_params["merchant_id"], query)
        if told is None:
            raise no_such_shop()
        return Reply((orjson.dumps(told),))

    async def zones(self, asked: Asked) -> Reply:
        """`GET /v1/zones`: zones that contain a point or intersect a box."""
        if asked.is_part:
            return await self._in_a_thread(asked, lambda: Reply((self._owned.zones(),)))
        query = read_zones(asked.query_string)
        engine = self._engines.current().engine
        if query.bbox is not None:
            within = partial(engine.zones_in, query.bbox, query.at, query.crs)
            return await self._in_a_thread(asked, lambda: _zones(engine, within()))
        found = engine.zones_at(query.lat, query.lng, query.at, query.crs)
        return _zones(engine, found, is_personal=True)

    async def density(self, asked: Asked) -> Reply:
        """`GET /v1/density`: number of shops in each cell of a box."""
        query = read_density(asked.query_string)
        loaded = self._engines.current()

        def count() -> Reply:
            counts = self._engine(asked).density(query.bbox, query.cells)
            return lasting(encode_density(loaded.snapshot_id, query, counts, loaded.engine.as_of))

        return await self._in_a_thread(asked, count)

    async def programs(self, asked: Asked) -> Reply:
        """`GET /v1/programs`: every card and scheme."""
        read_nothing(asked.query_string)
        engine = self._engine(asked)
        return lasting(orjson.dumps({"programs": engine.programs(), **engine.as_of}))

    async def categories(self, asked: Asked) -> Reply:
        """`GET /v1/categories`: every category, with its name in one language."""
        language = read_categories(asked.query_string) or asked.language
        engine = self._engine(asked)
        body = orjson.dumps({"categories": engine.categories(language), **engine.as_of})
        # Also where no name differs: a client keeps the answer with its `Content-Language`.
        return in_language(lasting(body, of=language.encode() + body), language)

    async def index(self, asked: Asked) -> Reply:
        """`GET /v1/index`: version, counts, horizon and age, and the refused version if any."""
        read_nothing(asked.query_string)
        info, refused = self._engine(asked).info(), self._engines.refused
        if refused is not None:
            info["refused"] = msgspec.to_builtins(refused)
        return lasting(orjson.dumps(info), of=orjson.dumps(info | {"age_seconds": None}))

    async def regions(self, asked: Asked) -> Reply:
        """`GET /v1/regions`: the areas of all regions, and which one this is."""
        read_nothing(asked.query_string)
        regions = self._engines.current().regions
        if not regions:
            raise HttpProblem("not_found", "This index has all shops, so there are no regions")
        return lasting(regions, media_type=GEOJSON)

    async def alive(self, asked: Asked) -> Reply:
        """`GET /healthz`: the process answers."""
        read_nothing(asked.query_string)
        return Reply((b'{"status":"alive"}',))

    async def ready(self, asked: Asked) -> Reply:
        """`GET /readyz`: an index is loaded, and now lies within its horizon."""
        read_nothing(asked.query_string)
        loaded = self._engines.current()
        now = datetime.now(UTC)
        if not loaded.horizon_start <= now < loaded.horizon_end:
            raise HttpProblem(
                "not_ready",
                f"The time horizon of the index, {loaded.horizon_start.isoformat()} to "
                f"{loaded.horizon_end.isoformat()}, does not include now, "
                f"{now.isoformat(timespec='seconds')} - build a new version",
            )
        return Reply(
            (orjson.dumps({"status": "ready", "version": loaded.version, **loaded.engine.as_of}),)
        )

    async def metrics(self, asked: Asked) -> Reply:
        """`GET /metrics`: metrics in the text format of Prometheus."""
        read_nothing(asked.query_string)
        self._journal.tell()
        return Reply((self._metrics.page(),), media_type=METRICS_TEXT)

    async def openapi(self, asked: Asked) -> Reply:
        """`GET /openapi.json`: the OpenAPI document."""
        read_nothing(asked.query_string)
        return lasting(self._openapi)

    async def docs(self, asked: Asked) -> Reply:
        """`GET /docs`: the OpenAPI document as a page for people."""
        read_nothing(asked.query_string)
        page = lasting(self._docs, media_type=HTML)
        return msgspec.structs.replace(page, headers=((b"content-security-policy", POLICY),))

    async def nowhere(self, asked: Asked) -> Reply:
        """Answer 404, or redirect from a route's path with a trailing slash."""
        if asked.path.endswith("/") and asked.path[:-1] in self._paths:
            return without_slash(asked)
        raise HttpProblem("not_found", "There is no such path - /openapi.json lists all")

    def close(self) -> bool:
        """Report the last requests, and return whether all large requests have ended.

        It blocks for a moment, so call it outside the event loop.
        """
        ended = self._heavy.close()
        self._journal.tell()
        return ended

    def _route(self, path: str, **handlers: Handler) -> Route:
        return Route(path, self._endpoint(path, handlers))

    def _check_region(self, asked: Asked) -> None:
        """Refuse a request for another region, which a wrong address brings."""
        meant, loaded = asked.region, self._engines.loaded
        if not meant or loaded is None or meant == loaded.region_id:
            return
        own = loaded.region_id
        if own is not None or asked.is_part:
            found = "an index of all shops" if own is None else f"region `{own}`"
            detail = f"Region `{meant}` cannot be reached: at its address is {found}"
            raise HttpProblem("region_down", detail)

    def _endpoint(self, name: str, handlers: Mapping[str, Handler]) -> Endpoint:
        return Endpoint(
            name,
            handlers,
            journal=self._journal,
            request_ids=self._request_ids,
            cross_origin=self._cross_origin,
            max_body_bytes=self._settings.max_body_bytes,
            check=self._check_region,
        )

    async def _nearby(self, asked: Asked, query: Query) -> Reply:
        for _ in self._engines.waits_for(query.min_seq):
            await asyncio.sleep(REACH_PAUSE)
        search = partial(self._search, query)
        loaded = self._loaded_now(query)
        if loaded is None or query.polygon is not None:
            return await self._in_a_thread(asked, search)
        try:
            page = await self._batching.page(loaded.engine, query, LOOP_WORK)
        except TooMuchWork:
            return await self._in_a_thread(asked, search)
        return _reply(query, page)

    def _engine(self, asked: Asked) -> Engine:
        """The engine of the current version; of owned shops if the gateway asks."""
        engine = self._engines.current().engine
        return self._owned.of(engine) if asked.is_part else engine

    async def _here_or_in_a_thread(self, asked: Asked, work: Callable[[], Reply]) -> Reply:
        with suppress(TooMuchWork), Allowance(LOOP_WORK):
            return work()
        return await self._in_a_thread(asked, work)

    async def _in_a_thread(self, asked: Asked, work: Callable[[], Reply]) -> Reply:
        return await self._heavy.run(in_one_part(work), asked.left, asked.client)

    def _loaded_now(self, query: Query) -> Loaded | None:
        """Return the version for a query, or None if that version is not open."""
        if query.cursor is None:
            return self._engines.current()
        return self._engines.opened(read_cursor(query.cursor).version)

    def _loaded(self, query: Query) -> Loaded:
        if query.cursor is None:
            return self._engines.current()
        return self._engines.pinned(read_cursor(query.cursor).version)

    def _search_long(self, body: bytes, language: str) -> Reply:
        query = spoken(read_body(body), language)
        self._engines.wait_for(query.min_seq)
        return self._search(query)

    def _search(self, query: Query) -> Reply:
        return _reply(query, self._loaded(query).engine.page(query))

    def _search_all(self, body: bytes, language: str) -> Work[Reply]:
        """Return the answers, all of one version except those whose cursor names another."""
        asked = read_batch(body, most=self._settings.max_batch)
        queries = [spoken(query, language) for query in asked]
        check_batch(queries, self._settings)
        yield from self._engines.reach(max(query.min_seq or 0 for query in queries))
        current = self._engines.current()
        pages = []
        for position, query in enumerate(queries):
            yield
            try:
                loaded = current if query.cursor is None else self._loaded(query)
                pages.append(loaded.engine.page(query))
            except BadRequest as refusal:
                raise relocated(refusal, position) from refusal
        languages = dict.fromkeys(query.language for query in queries)
        return in_language(Reply((encode_pages(pages),)), ", ".join(languages))

    def _worth(self, body: bytes) -> Work[Reply]:
        """Return what cards are worth, part by part."""
        query = read_worth(body)
        engine = cast(Searcher, self._engines.current().engine)
        found = yield from worth_in_parts(engine, query, most_work=WORTH_WORK)
        return Reply((msgspec.json.encode(found),))


def _replied(work: Work[bytes]) -> Work[Reply]:
    """Work of which the result is the body of a reply."""
    body = yield from work
    return Reply((body,))


def _zones(engine: Engine, found: list[dict[str, Any]], *, is_personal: bool = False) -> Reply:
    return lasting(orjson.dumps({"zones": found, **engine.as_of}), is_personal=is_personal)


def _reply(query: Query, page: Page) -> Reply:
    if query.format == "geojson":
        body, media_type = encode_geojson(page), GEOJSON
    else:
        body, media_type = encode_page(page), JSON
    return Reply(
        body,
        media_type=media_type,
        headers=_NAMED[query.language],
        query=query,
        results=page.count,
        varies=_BY_LANGUAGE,
    )
