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

from geosearch.answer.model import Page
from geosearch.cluster.gateway import Refusal, RegionAddress, Regions, reply_of, with_seq
from geosearch.cluster.gateway_merge import is_spanning
from geosearch.cluster.gateway_owners import Owners
from geosearch.cluster.gateway_questions import Question, answer
from geosearch.cluster.gateway_why import why
from geosearch.cluster.gateway_worth import worth
from geosearch.errors import BadData, BadRequest
from geosearch.query.query import Query
from geosearch.search.searcher import check_first_page
from geosearch.segment.regional import REGIONS
from geosearch.service.batch_limits import check_batch
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.edge import (
    ANY_METHOD,
    GEOJSON,
    JSON,
    Asked,
    Endpoint,
    Handler,
    Reply,
    lasting,
)
from geosearch.service.encode import encode_geojson, encode_page
from geosearch.service.engines import Engines
from geosearch.service.journal import Journal
from geosearch.service.listener import bound
from geosearch.service.logs import configure_logs, end_logs
from geosearch.service.metrics import MEDIA_TYPE as METRICS_TEXT
from geosearch.service.metrics import Metrics
from geosearch.service.negotiation import spoken
from geosearch.service.problems import HttpProblem, relocated
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

NOT_FOUND, MISDIRECTED = 404, 421


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
        self._owners = Owners(regions)
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
            self._route("/v1/cards:worth", POST=self.worth),
            self._route("/v1/suggest", GET=self.suggest),
            self._route(
                "/v1/merchants/{merchant_id:path}/why", GET=self.why_get, POST=self.why_post
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
        question = await self._question(query, asked)
        if list(question.next.values()) == [None]:
            (owner,) = question.next
            response = await self._regions.ask(owner, method, asked, content=body)
            if response.status_code != MISDIRECTED:
                return reply_of(response)
            question.ask_parts(self._regions.ids)
        await answer([question], self._regions, self._owners, asked)
        if question.page is None:
            raise question.refusal or BadRequest("no answer")
        return merged_reply(query, question.page)

    async def _question(self, query: Query, asked: Asked) -> Question:
        """A question, and the regions that it goes to."""
        question = Question(query, self._regions.ids)
        if query.cursor is not None and is_spanning(query):
            question.ask_parts(self._regions.ids)
            return question
        met = self._met(query)
        if query.radius_m is None and (query.ids is not None or query.zone is not None):
            owners = await self._owners.of(query, asked)
            if owners is None:
                question.ask_parts(met)
            else:
                both = [name for name in met if name in owners]
                question.ask_parts(both or met[:1], self._owners.version)
        elif len(met) == 1:
            question.ask_whole(met[0])
        else:
            question.ask_parts(met)
        return question

    def _met(self, query: Query) -> list[str]:
        """Regions that a question may meet; the owner of its position if it has a radius."""
        if query.radius_m is None:
            return self._regions.of_area(query)
        owner = self._regions.owner(query.lat, query.lng)
        # Shops of several regions may be near a position in a gap.
        return self._regions.ids if owner is None else [owner]

    async def batch(self, asked: Asked) -> Reply:
        """`POST /v1/nearby:batch`: one request a region and round; answers keep their order."""
        read_nothing(asked.query_string)
        body = await asked.body()
        queries = [
            spoken(query, asked.language)
            for query in read_batch(body, most=self._settings.max_batch)
        ]
        check_batch(queries, self._settings)
        questions = [await self._question(query, asked) for query in queries]
        await answer(questions, self._regions, self._owners, asked)
        answers = []
        for position, question in enumerate(questions):
            if question.refusal is not None:
                raise relocated(question.refusal, position)
            page = question.page
            answers.append(question.body or b"".join(() if page is None else encode_page(page)))
        languages = ", ".join(dict.fromkeys(query.language for query in queries))
        return Reply(
            (b'{"answers":[%b]}' % b",".join(answers),),
            headers=((b"content-language", languages.encode()),),
            varies=(b"accept-language",),
        )

    async def why_get(self, asked: Asked) -> Reply:
        """`GET /v1/merchants/{id}/why`."""
        return await self._why(read_url(asked.query_string), asked, "GET", None)

    async def why_post(self, asked: Asked) -> Reply:
        """`POST /v1/merchants/{id}/why`."""
        read_nothing(asked.query_string)
        body = await asked.body()
        return await self._why(read_body(body), asked, "POST", body)

    async def _why(self, query: Query, asked: Asked, method: str, body: bytes | None) -> Reply:
        check_first_page(query)
        met = self._met(query)
        if query.radius_m is not None and len(met) == 1:
            response = await self._regions.ask(met[0], method, asked, content=body)
            if response.status_code not in (NOT_FOUND, MISDIRECTED):
                return reply_of(response)
            met = self._regions.ids  # The shop, or the area that the text names, lies elsewhere.
        return await why(query, met, asked, self._regions, self._owners)

    async def worth(self, asked: Asked) -> Reply:
        """`POST /v1/cards:worth`."""
        read_nothing(asked.query_string)
        return await worth(await asked.body(), asked, self._regions)

    async def suggest(self, asked: Asked) -> Reply:
        """`GET /v1/suggest`: of the region that owns the position."""
        query = read_suggest(asked.query_string)
        owner = self._regions.owner(query.lat, query.lng)
        if owner is None:
            raise HttpProblem("not_found", "No region owns this position")
        return reply_of(await self._regions.ask(owner, "GET", asked))

    async def merchant(self, asked: Asked) -> Reply:
        """`GET /v1/merchants/{id}`: of the region that owns the shop."""
        owner = self._owners.of_id(asked.path_params["merchant_id"])
        if owner is not None:
            response = await self._regions.ask_part(owner, "GET", asked)
            if response.status_code != NOT_FOUND:
                return reply_of(response)
        found = await asyncio.gather(
            *(self._regions.ask_part(name, "GET", asked) for name in self._regions.ids),
            return_exceptions=True,
        )
        down = None
        absent = None
        for name, response in zip(self._regions.ids, found, strict=True):
            if isinstance(response, BaseException):
                if not isinstance(response, HttpProblem):
                    raise response
                down = response
            elif response.status_code == NOT_FOUND:
                absent = response
            else:
                self._owners.learn_shop(asked.path_params["merchant_id"], name)
                return reply_of(response)
        if down is not None or absent is None:
            raise down or HttpProblem("not_found", "There is no merchant with this id")
        return reply_of(absent)

    async def density(self, asked: Asked) -> Reply:
        """`GET /v1/density`: counts of all regions, added up."""
        read_density(asked.query_string)
        told = await self._regions.parts(asked)
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
        told = await self._regions.parts(asked)
        rows: dict[str, dict[str, Any]] = {}
        for each in told:
            for row in each[member]:
                known = rows.setdefault(row[key], {**row, "merchants": 0})
                known["merchants"] += row["merchants"]
        return orjson.dumps({member: [rows[name] for name in sorted(rows)]} | with_seq(told))

    async def index(self, asked: Asked) -> Reply:
        """`GET /v1/index`: of all regions; a deal of several regions counts in each of them."""
        told = await self._regions.parts(asked)
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
        told = await self._regions.parts(asked)
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


def merged_reply(query: Query, page: Page) -> Reply:
    """The merged answer to one question."""
    is_geojson = query.format == "geojson"
    return Reply(
        encode_geojson(page) if is_geojson else encode_page(page),
        media_type=GEOJSON if is_geojson else JSON,
        headers=((b"content-language", query.language.encode()),),
        query=query,
        results=page.count,
        varies=(b"accept-language",),
    )


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
