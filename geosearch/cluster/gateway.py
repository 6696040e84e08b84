"""Gateway: one front for an index of regions. It answers what spans them, and passes on the rest.

Useful for: `geosearch gateway`; HAProxy sends it what no single region answers.
Not useful for: an ordinary index.

A question with a radius, and one whose box or polygon lies in one region, is passed on. Another one
goes to every region that its area meets with the header `X-Owned`, and `gateway_merge` joins the
parts. A region that cannot be reached makes a problem, never an answer without its shops.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx2
import msgspec
import orjson
import shapely

from geosearch.cluster.gateway_merge import lowest_seq, merged_page, read_cursor, unanswered
from geosearch.query.query import Query
from geosearch.search.owned import PartOf, RegionPart
from geosearch.service.edge import GEOJSON, JSON, Asked, Reply
from geosearch.service.encode import encode_geojson, encode_page
from geosearch.service.problems import HttpProblem
from indexes.geo.territories import Territories

WAIT_SECONDS = 30.0
"""Longest wait for a region."""

ROUNDS = 200
"""Most times that regions are asked about words: at least one is settled each time."""

_BEND = 0.05
"""Degrees by which a datum, or a side that bends in it, may move a position."""

_OWNED = "x-owned"


class RegionAddress(NamedTuple):
    """A region: its id, the area that it owns, and the URL of its service."""

    region_id: str
    area: Any
    url: str


class Refusal(Exception):
    """A region refuses the question; its answer is that of the gateway."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class Regions:
    """The services of all regions.

    Parameters
    ----------
    regions
        The regions, in the order in which they own positions.
    transports
        Transport of each region, in tests; by default the network.
    """

    def __init__(
        self,
        regions: Sequence[RegionAddress],
        transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
    ) -> None:
        self.ids = [region.region_id for region in regions]
        self._areas = [region.area for region in regions]
        self._territories = Territories(self._areas)
        given = transports or {}
        self._clients = {
            region.region_id: httpx2.AsyncClient(
                base_url=region.url,
                transport=given.get(region.region_id),
                timeout=WAIT_SECONDS,
                headers={"accept-encoding": "identity", "x-region": region.region_id},
            )
            for region in regions
        }

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def owner(self, lat: float, lng: float) -> str | None:
        """The region that owns a position; None if none does."""
        number = self._territories.owner(lat, lng)
        return None if number < 0 else self.ids[number]

    def of_area(self, query: Query) -> list[str]:
        """Regions that a question without a radius meets: one if it lies in the area of one."""
        drawn = _drawn(query)
        if drawn is None:
            return self.ids
        bend = 1e-6 if query.crs == "WGS84" else _BEND
        # A position at 180 degrees belongs to whoever owns -180, so boxes go around the Earth.
        wide = shapely.union_all(
            [
                shapely.box(west - bend + turn, south - bend, east + bend + turn, north + bend)
                for west, south, east, north in drawn
                for turn in (-360.0, 0.0, 360.0)
            ]
        )
        pairs = zip(self.ids, self._areas, strict=True)
        met = [name for name, area in pairs if shapely.intersects(area, wide)]
        return met or self.ids[:1]

    async def ask(self, region_id: str, method: str, asked: Asked, **how: Any) -> httpx2.Response:
        """The answer of a region.

        Raises
        ------
        HttpProblem
            Code `region_down`: it cannot be reached.
        """
        headers = {**asked.passed_on, **how.pop("headers", {})}
        if how.get("content") is not None:
            headers["content-type"] = "application/json"  # Also where it came in a URL.
        try:
            return await self._clients[region_id].request(
                method, how.pop("path", asked.target), headers=headers, **how
            )
        except httpx2.HTTPError as error:
            detail = f"Region `{region_id}` cannot be reached: {type(error).__name__}"
            raise HttpProblem("region_down", detail) from error

    async def parts(self, ids: Sequence[str], asked: Asked, method: str, **how: Any) -> list[Any]:
        """The answers of regions for the shops that they own, in their order.

        Raises
        ------
        Refusal
            The first refusal.
        HttpProblem
            A region cannot be reached.
        """
        headers = {_OWNED: how.pop("owned", "{}")}
        waiting = (self.ask(name, method, asked, headers=headers, **how) for name in ids)
        found = await asyncio.gather(*waiting)
        for response in found:
            if response.status_code != 200:
                raise Refusal(reply_of(response))
        return [response.content for response in found]


def _drawn(query: Query) -> list[tuple[float, float, float, float]] | None:
    """Boxes that hold the area of a question; None if it has neither a box nor a polygon."""
    if query.bbox is not None:
        west, south, east, north = query.bbox
        if west <= east:
            return [query.bbox]
        return [(west, south, 180.0, north), (-180.0, south, east, north)]
    if query.polygon is not None:
        try:
            return [shapely.geometry.shape(query.polygon).bounds]
        except Exception:  # The region says what is wrong with it.
            return None
    return None


def reply_of(response: httpx2.Response) -> Reply:
    """The answer of a region, as it is."""
    headers = tuple(
        (name.encode(), response.headers[name].encode())
        for name in ("content-language", "location")
        if name in response.headers
    )
    media_type = response.headers.get("content-type", "application/json").encode()
    code = ""
    if response.status_code >= 400:
        code = str(orjson.loads(response.content).get("code", ""))
    return Reply(
        (response.content,),
        response.status_code,
        media_type,
        headers,
        code,
        cache_control=response.headers.get("cache-control", "no-store").encode(),
        etag=response.headers.get("etag", "").encode(),
        varies=tuple(
            name.strip().encode()
            for name in response.headers.get("vary", "").split(",")
            if name.strip() not in ("", "accept-encoding")  # That is the gateway's to say.
        ),
    )


class Spanning:
    """Answers of several regions to questions like `/v1/nearby`."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions

    async def page(self, query: Query, ids: Sequence[str], asked: Asked, body: bytes) -> Reply:
        """The merged answer; `body` is the question as JSON."""
        started = time.perf_counter_ns()
        at = query.at
        first = PartOf(at=at or datetime.now(UTC))
        versions: dict[str, str] = {}
        if query.cursor is not None:
            cursor = read_cursor(query)
            at, versions = at or cursor.at, cursor.versions
            first = PartOf(at=at, after=cursor.after)
            ids = [name for name in self._regions.ids if name in versions]
        parts = await self._settled(ids, asked, body, first, versions)
        took_us = (time.perf_counter_ns() - started) // 1000
        page = merged_page(query, first.at or datetime.now(UTC), parts, took_us)
        language = query.language.encode()
        is_geojson = query.format == "geojson"
        return Reply(
            encode_geojson(page) if is_geojson else encode_page(page),
            media_type=GEOJSON if is_geojson else JSON,
            headers=((b"content-language", language),),
            query=query,
            results=page.count,
            varies=(b"accept-language",),
        )

    async def _settled(
        self, ids: Sequence[str], asked: Asked, body: bytes, first: PartOf, versions: dict[str, str]
    ) -> dict[str, RegionPart]:
        """The parts of regions that agree about the words of the text."""
        parts: dict[str, RegionPart] = {}
        again: dict[str, tuple[str, ...]] = dict.fromkeys(ids, ())
        for _ in range(ROUNDS):
            waiting = [
                self._part(
                    name,
                    asked,
                    body,
                    msgspec.structs.replace(first, found=found, version=versions.get(name)),
                )
                for name, found in again.items()
            ]
            parts |= dict(zip(again, await asyncio.gather(*waiting), strict=True))
            again = unanswered(parts)
            if not again:
                return {name: parts[name] for name in ids}
        raise HttpProblem("busy", "Regions do not agree about the words of the text; ask again")

    async def _part(self, name: str, asked: Asked, body: bytes, part: PartOf) -> RegionPart:
        (content,) = await self._regions.parts(
            [name], asked, "POST", path="/v1/nearby", content=body,
            owned=json.dumps(msgspec.to_builtins(part)),
        )  # fmt: skip
        return _decode(content)


_decode = msgspec.json.Decoder(RegionPart).decode


def with_seq(answers: Sequence[dict[str, Any]]) -> dict[str, int]:
    """The member `as_of_seq` of several answers, if they have it."""
    seq = lowest_seq([each.get("as_of_seq") for each in answers])
    return {} if seq is None else {"as_of_seq": seq}
