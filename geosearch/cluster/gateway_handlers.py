"""Routes of the gateway: which regions a request goes to, and how their answers become one."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.routing import Route

from geosearch.answer.model import Page
from geosearch.cluster.gateway import Refusal, Regions, reply_of, with_seq
from geosearch.cluster.gateway_map import RegionsShown
from geosearch.cluster.gateway_merge import is_spanning
from geosearch.cluster.gateway_owners import Owners
from geosearch.cluster.gateway_questions import Question, answer
from geosearch.cluster.gateway_why import why
from geosearch.cluster.gateway_worth import worth
from geosearch.query.query import Query
from geosearch.search.searcher import check_first_page
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
    in_language,
    lasting,
    without_slash,
)
from geosearch.service.encode import encode_geojson, encode_page
from geosearch.service.journal import Journal
from geosearch.service.map_handlers import MapHandlers
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

BAD, NOT_FOUND, MISDIRECTED = 400, 404, 421


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
        self._map = MapHandlers(RegionsShown(regions, self._owners), settings)
        self._metrics = metrics
        self._journal = Journal(metrics, logs=settings.log_requests)
        self._request_ids = RequestIds()
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._paths = frozenset(route.path for route in self.routes())

    def routes(self) -> list[Route]:
        """Return every route."""
        return [
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
            self._route("/v1/coverage", GET=self._map.coverage),
            self._route("/", GET=self._map.welcome),
            self._route("/page/{version}/{name:path}", GET=self._map.page_file),
            self._route("/land.geojson", GET=self._map.land),
            self._route("/basemap.pmtiles", GET=self._map.basemap),
            self._route("/healthz", GET=self.alive),
            self._route("/readyz", GET=self.ready),
            self._route("/metrics", GET=self.metrics),
            self._route("/openapi.json", GET=self.any_region),
            self._route("/docs", GET=self.any_region),
        ]

    def elsewhere(self) -> Endpoint:
        """Return the endpoint of all other paths."""
        return self._endpoint("elsewhere", {ANY_METHOD: self.nowhere})

    async def close(self) -> None:
        """Close all connections to regions, and report the last requests."""
        await self._regions.close()
        self._journal.tell()

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
        if question.refusal is not None:
            raise question.refusal
        assert question.page is not None
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
        return in_language(Reply((b'{"answers":[%b]}' % b",".join(answers),)), languages)

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
        refused: list[Reply | BaseException] = []
        for name, told in zip(self._regions.ids, found, strict=True):
            if isinstance(told, BaseException):
                refused.append(told)
            elif told.status_code < BAD:
                self._owners.learn_shop(asked.path_params["merchant_id"], name)
                return reply_of(told)
            else:
                refused.append(reply_of(told))
        # A region that is down may have the shop.
        worst = next((each for each in refused if not _is_absent(each)), refused[0])
        if isinstance(worst, BaseException):
            raise worst
        return worst

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
        return in_language(lasting(body, of=language.encode() + body), language)

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
        return reply_of(await self._regions.any(asked))

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
        """Answer 404, or redirect from a route's path with a trailing slash."""
        if asked.path.endswith("/") and asked.path[:-1] in self._paths:
            return without_slash(asked)
        raise HttpProblem("not_found", "There is no such path - /openapi.json lists all")

    def _route(self, path: str, **handlers: Handler) -> Route:
        return Route(path, self._endpoint(path, handlers))

    def _endpoint(self, name: str, handlers: Mapping[str, Handler]) -> Endpoint:
        return Endpoint(
            name,
            {method: _with_refusals(handler) for method, handler in handlers.items()},
            journal=self._journal,
            request_ids=self._request_ids,
            cross_origin=self._cross_origin,
            max_body_bytes=self._settings.max_body_bytes,
        )


def _is_absent(told: Reply | BaseException) -> bool:
    return isinstance(told, Reply) and told.status == NOT_FOUND


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
    reply = Reply(
        encode_geojson(page) if is_geojson else encode_page(page),
        media_type=GEOJSON if is_geojson else JSON,
        query=query,
        results=page.count,
    )
    return in_language(reply, query.language)
