"""Routes of the gateway: which regions a request goes to, and how their answers become one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import orjson
import shapely
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from geosearch.cluster.gateway import (
    Refusal,
    RegionAddress,
    Regions,
    Spanning,
    reply_of,
    with_seq,
)
from geosearch.errors import BadData, BadRequest
from geosearch.query.query import Query
from geosearch.segment.regional import REGIONS
from geosearch.service.batch_limits import check_batch
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.edge import ANY_METHOD, GEOJSON, Asked, Endpoint, Handler, Reply, lasting
from geosearch.service.engines import Engines
from geosearch.service.journal import Journal
from geosearch.service.listener import bound
from geosearch.service.logs import configure_logs, end_logs
from geosearch.service.metrics import MEDIA_TYPE as METRICS_TEXT
from geosearch.service.metrics import Metrics
from geosearch.service.negotiation import spoken
from geosearch.service.problems import MEDIA_TYPE as PROBLEM
from geosearch.service.problems import HttpProblem, refusal_body, relocated, status_of
from geosearch.service.request import (
    read_batch,
    read_body,
    read_categories,
    read_density,
    read_nothing,
    read_suggest,
    read_url,
)
from geosearch.service.request_ids import RequestIds
from geosearch.service.settings import Settings

BACKLOG = 2_048

TOGETHER = 16
"""Most questions of a batch that are under way at a time."""


def read_regions(folder: Path, urls: Mapping[str, str]) -> tuple[list[RegionAddress], bytes]:
    """Return the regions of a folder with their addresses, and the text of `regions.geojson`.

    Parameters
    ----------
    urls
        URL of each region; else its property `url` in the file counts.

    Raises
    ------
    BadData
        The file cannot be read, or a region has no address.
    """
    file = folder / REGIONS
    try:
        text = file.read_bytes()
        features = orjson.loads(text)["features"]
        found = [
            RegionAddress(
                feature["properties"]["region_id"],
                shapely.from_geojson(orjson.dumps(feature["geometry"])),
                urls.get(feature["properties"]["region_id"])
                or feature["properties"].get("url", ""),
            )
            for feature in features
        ]
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
        raise BadData(f"Expected areas of regions, got: {error} - at `{file}`") from error
    names = [region.region_id for region in found]
    for name in urls:
        if name not in names:
            raise BadData(f"Expected one of {', '.join(names)}, got `{name}` - at `--region`")
    for region in found:
        if not region.url:
            raise BadData(
                f"Expected the address of region `{region.region_id}`, got none - at `--region`"
            )
    return found, text


class Gateway:
    """The handlers of the gateway and their routes.

    Parameters
    ----------
    regions
        The services of the regions.
    geojson
        Answer of `/v1/regions`.
    settings
        Source of the limits.
    metrics
        Counts requests.
    """

    def __init__(
        self, regions: Regions, geojson: bytes, settings: Settings, metrics: Metrics
    ) -> None:
        self._regions, self._geojson, self._settings = regions, geojson, settings
        self._spanning = Spanning(regions)
        self._metrics = metrics
        self._journal = Journal(metrics, logs=settings.log_requests)
        self._request_ids = RequestIds()

    def app(self) -> Starlette:
        """Return the ASGI application."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            yield
            await self._regions.close()

        routes = [
            self._route("/v1/nearby", GET=self.nearby_get, POST=self.nearby_post),
            self._route("/v1/nearby:batch", POST=self.batch),
            self._route("/v1/suggest", GET=self.suggest),
            # Its rank may span regions, so no single one may answer for all.
            self._route(
                "/v1/merchants/{merchant_id:path}/why", GET=self.nowhere, POST=self.nowhere
            ),
            self._route("/v1/merchants/{merchant_id:path}", GET=self.merchant),
            self._route("/v1/zones", GET=self.any_region),
            self._route("/v1/density", GET=self.density),
            self._route("/v1/programs", GET=self.programs),
            self._route("/v1/categories", GET=self.categories),
            self._route("/v1/index", GET=self.index),
            self._route("/v1/regions", GET=self.regions),
            self._route("/healthz", GET=self.alive),
            self._route("/readyz", GET=self.ready),
            self._route("/metrics", GET=self.metrics),
            self._route("/openapi.json", GET=self.any_region),
            self._route("/docs", GET=self.any_region),
        ]
        app = Starlette(routes=routes, lifespan=lifespan)
        app.router.default = self._endpoint("elsewhere", {ANY_METHOD: self.nowhere})
        app.router.redirect_slashes = False
        return app

    async def nearby_get(self, asked: Asked) -> Reply:
        """`GET /v1/nearby`."""
        query = spoken(read_url(asked.query_string), asked.language)
        return await self._nearby(query, asked, "GET", None)

    async def nearby_post(self, asked: Asked) -> Reply:
        """`POST /v1/nearby`."""
        read_nothing(asked.query_string)
        body = await asked.body()
        return await self._nearby(spoken(read_body(body), asked.language), asked, "POST", body)

    async def _nearby(self, query: Query, asked: Asked, method: str, body: bytes | None) -> Reply:
        ids = self._ids(query)
        if len(ids) == 1:
            response = await self._regions.ask(ids[0], method, asked, content=body)
            return reply_of(response)
        whole = msgspec.json.encode(query)
        return await self._spanning.page(query, ids, asked, whole)

    def _ids(self, query: Query) -> list[str]:
        """Regions that a question goes to."""
        if query.radius_m is None:
            return self._regions.of_area(query)
        return [self._owner(query.lat, query.lng)]

    def _owner(self, lat: float, lng: float) -> str:
        owner = self._regions.owner(lat, lng)
        if owner is None:
            raise HttpProblem("not_found", "No region owns this position")
        return owner

    async def batch(self, asked: Asked) -> Reply:
        """`POST /v1/nearby:batch`: each question goes to its regions, answers keep their order."""
        read_nothing(asked.query_string)
        body = await asked.body()
        queries = [
            spoken(query, asked.language)
            for query in read_batch(body, most=self._settings.max_batch)
        ]
        check_batch(queries, self._settings)
        limit = asyncio.Semaphore(TOGETHER)

        async def answer(position: int, query: Query) -> Reply:
            async with limit:
                try:
                    whole = msgspec.json.encode(query)
                    ids = self._ids(query)
                    if len(ids) > 1:
                        return await self._spanning.page(query, ids, asked, whole)
                    response = await self._regions.ask(
                        ids[0], "POST", asked, path="/v1/nearby", content=whole
                    )
                    if response.status_code != 200:
                        raise Refusal(reply_of(response))
                    return reply_of(response)
                except BadRequest as refusal:
                    return _problem(relocated(refusal, position))
                except Refusal as refusal:
                    return _relocated(refusal.reply, position)

        replies = await asyncio.gather(*(answer(at, query) for at, query in enumerate(queries)))
        for reply in replies:
            if reply.status != 200:
                return reply
        answers = b",".join(b"".join(reply.body) for reply in replies)
        languages = ", ".join(dict.fromkeys(query.language for query in queries))
        return Reply(
            (b'{"answers":[%b]}' % answers,),
            headers=((b"content-language", languages.encode()),),
            varies=(b"accept-language",),
        )

    async def suggest(self, asked: Asked) -> Reply:
        """`GET /v1/suggest`: of the region that owns the position."""
        query = read_suggest(asked.query_string)
        owner = self._owner(query.lat, query.lng)
        return reply_of(await self._regions.ask(owner, "GET", asked))

    async def merchant(self, asked: Asked) -> Reply:
        """`GET /v1/merchants/{id}`: of the region that owns the shop."""
        ids = self._regions.ids
        headers = {"x-owned": "{}"}
        found = await asyncio.gather(
            *(self._regions.ask(name, "GET", asked, headers=headers) for name in ids),
            return_exceptions=True,
        )
        down = None
        absent = None
        for response in found:
            if isinstance(response, BaseException):
                if not isinstance(response, HttpProblem):
                    raise response
                down = response
            elif response.status_code == 404:
                absent = response
            else:
                return reply_of(response)
        if down is not None or absent is None:
            raise down or HttpProblem("not_found", "There is no merchant with this id")
        return reply_of(absent)

    async def density(self, asked: Asked) -> Reply:
        """`GET /v1/density`: counts of all regions, added up."""
        read_density(asked.query_string)
        told = await self._told(asked)
        counts = [
            [sum(cell) for cell in zip(*rows, strict=True)]
            for rows in zip(*(each["counts"] for each in told), strict=True)
        ]
        total = sum(each["total"] for each in told)
        return lasting(orjson.dumps(told[0] | {"total": total, "counts": counts} | with_seq(told)))

    async def programs(self, asked: Asked) -> Reply:
        """`GET /v1/programs`: cards, with the shops of all regions."""
        return lasting(await self._added(asked, "programs", "program_id"))

    async def categories(self, asked: Asked) -> Reply:
        """`GET /v1/categories`: categories, with the shops of all regions."""
        language = read_categories(asked.query_string) or asked.language
        body = await self._added(asked, "categories", "category_id")
        return msgspec.structs.replace(
            lasting(body, of=language.encode() + body),
            headers=((b"content-language", language.encode()),),
            varies=(b"accept-language",),
        )

    async def _added(self, asked: Asked, member: str, key: str) -> bytes:
        """A listing whose rows have numbers of shops, which add up."""
        told = await self._told(asked)
        rows: dict[str, dict[str, Any]] = {}
        for each in told:
            for row in each[member]:
                known = rows.setdefault(row[key], {**row, "merchants": 0})
                known["merchants"] += row["merchants"]
        return orjson.dumps({member: [rows[name] for name in sorted(rows)]} | with_seq(told))

    async def index(self, asked: Asked) -> Reply:
        """`GET /v1/index`: of all regions; a deal of several regions counts in each of them."""
        told = await self._told(asked)
        added = {
            name: sum(each[name] for each in told)
            for name in ("merchants", "deals", "segments", "hot_bytes")
        }
        oldest = {"age_seconds": max(each["age_seconds"] for each in told)}
        own = [
            {name: each.get(name) for name in ("region_id", "version", "merchants", "as_of_seq")}
            for each in told
        ]
        info = told[0] | added | oldest | {"regions": own} | with_seq(told)
        info.pop("region_id", None)
        return Reply((orjson.dumps(info),))

    async def _told(self, asked: Asked) -> list[dict[str, Any]]:
        contents = await self._regions.parts(self._regions.ids, asked, "GET")
        return [orjson.loads(content) for content in contents]

    async def regions(self, asked: Asked) -> Reply:
        """`GET /v1/regions`: the areas of all regions."""
        read_nothing(asked.query_string)
        return lasting(self._geojson, media_type=GEOJSON)

    async def any_region(self, asked: Asked) -> Reply:
        """What every region answers alike: the first that can be reached."""
        down = HttpProblem("region_down", "No region can be reached")
        for name in self._regions.ids:
            try:
                return reply_of(await self._regions.ask(name, "GET", asked))
            except HttpProblem as problem:
                down = problem
        raise down

    async def alive(self, asked: Asked) -> Reply:
        """`GET /healthz`: the process answers."""
        read_nothing(asked.query_string)
        return Reply((b'{"status":"alive"}',))

    async def ready(self, asked: Asked) -> Reply:
        """`GET /readyz`: every region is ready."""
        read_nothing(asked.query_string)
        told = await self._told(asked)
        return Reply((orjson.dumps({"status": "ready", "version": told[0]["version"]}),))

    async def metrics(self, asked: Asked) -> Reply:
        """`GET /metrics`: requests of the gateway."""
        read_nothing(asked.query_string)
        self._journal.tell()
        return Reply((self._metrics.requests_page(),), media_type=METRICS_TEXT)

    async def nowhere(self, asked: Asked) -> Reply:
        """Answer 404."""
        raise HttpProblem("not_found", "The gateway has no such path; a region may have it")

    def _route(self, path: str, **handlers: Handler) -> Route:
        return Route(path, self._endpoint(path, handlers))

    def _endpoint(self, name: str, handlers: Mapping[str, Handler]) -> Endpoint:
        return Endpoint(
            name,
            {method: _with_refusals(handler) for method, handler in handlers.items()},
            journal=self._journal,
            request_ids=self._request_ids,
            cross_origin=CrossOrigin(self._settings.cors_origins),
            max_body_bytes=self._settings.max_body_bytes,
        )


def _with_refusals(handler: Handler) -> Handler:
    async def handled(asked: Asked) -> Reply:
        try:
            return await handler(asked)
        except Refusal as refusal:
            return refusal.reply

    return handled


def _problem(refusal: BadRequest) -> Reply:
    code = refusal.code
    return Reply((refusal_body(refusal),), status_of(code), PROBLEM, code=code)


def _relocated(reply: Reply, position: int) -> Reply:
    """The refusal of one question of a batch, with pointers into the batch."""
    told = orjson.loads(b"".join(reply.body))
    if not told.get("errors"):
        return reply
    refusal = BadRequest(told["detail"], told["errors"], told["code"])
    return _problem(relocated(refusal, position))


def gateway(
    folder: Path,
    urls: Mapping[str, str],
    settings: Settings,
    transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
) -> Starlette:
    """Return the ASGI application of the gateway of a folder of regions.

    Raises
    ------
    BadData
        As `read_regions`.
    """
    addresses, geojson = read_regions(folder, urls)
    metrics = Metrics(Engines(folder, _none, poll_seconds=1.0))
    return Gateway(Regions(addresses, transports), geojson, settings, metrics).app()


def _none(folder: Path) -> Any:
    raise BadData(f"A gateway opens no index - at `{folder}`")


def serve_gateway(folder: Path, urls: Mapping[str, str], host: str, port: int) -> None:
    """Answer over HTTP until SIGTERM or SIGINT.

    Raises
    ------
    BadData
        As `read_regions`, or the address cannot be had.
    """
    settings = Settings(host=host, port=port)
    app = gateway(folder, urls, settings)
    configure_logs(settings.log_level)
    with bound(host, port) as listener:
        listener.listen(BACKLOG)
        config = uvicorn.Config(
            app, access_log=False, log_config=None, server_header=False, proxy_headers=False
        )
        uvicorn.Server(config).run(sockets=[listener])
    end_logs()
