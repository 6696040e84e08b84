"""Gateway: one front for an index of regions. It answers what spans them, and passes on the rest.

Useful for: `geosearch gateway`; HAProxy sends it what no single region answers.
Not useful for: an ordinary index.

This module knows the regions, their areas and their services. A region that cannot be reached makes
a problem, never an answer without its shops.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import httpx2
import msgspec
import orjson
import shapely
import shapely.affinity

from geosearch.cluster.gateway_merge import lowest_seq
from geosearch.query.query import Query
from geosearch.service.edge import Asked, Reply
from geosearch.service.problems import MEDIA_TYPE, HttpProblem
from indexes.geo.territories import Territories

_BEND = 0.05
"""Degrees by which a datum, or a side that bends in it, may move a position."""

UNABLE = 500
"""From this status on a region, or a proxy in front of it, cannot answer."""

MOST_CORNERS = 2_000
"""Most corners of a polygon that is compared with the areas; of a longer one its bounds are."""

_OWNED = {"x-owned": "1"}
_PROBLEM = MEDIA_TYPE.decode()
_JSON = {"content-type": "application/json"}


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
    wait_seconds
        Longest wait for a region.
    """

    def __init__(
        self,
        regions: Sequence[RegionAddress],
        transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
        *,
        wait_seconds: float = 30.0,
    ) -> None:
        self.ids = [region.region_id for region in regions]
        self._areas = [region.area for region in regions]
        self._territories = Territories(self._areas)
        given = transports or {}
        self._clients = {
            region.region_id: httpx2.AsyncClient(
                base_url=region.url,
                transport=given.get(region.region_id),
                timeout=wait_seconds,
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
        """Regions that a question without a radius may meet: one if its area lies in that one."""
        bend = 1e-6 if query.crs == "WGS84" else _BEND
        # A position at 180 degrees belongs to whoever owns -180, so areas go around the Earth.
        drawn = [
            [shapely.affinity.translate(shape, turn) for turn in (-360.0, 0.0, 360.0)]
            for shape in _drawn(query)
        ]
        met = [
            name
            for name, area in zip(self.ids, self._areas, strict=True)
            if all(shapely.dwithin(area, turned, bend).any() for turned in drawn)
        ]
        return met or self.ids[:1]

    async def ask(self, region_id: str, method: str, asked: Asked, **how: Any) -> httpx2.Response:
        """The answer of a region, to what was asked or to a `path` and `content` instead.

        Raises
        ------
        HttpProblem
            Code `region_down`: it cannot be reached, or another service answers.
        """
        headers = {**asked.passed_on, **how.pop("headers", {})}
        path, mark, query = how.pop("path", asked.target).partition("?")
        # A client takes `..` in a path as a step up; for a region it is a part of an id.
        target = path.replace(".", "%2E") + mark + query
        try:
            response = await self._clients[region_id].request(
                method,
                target,
                headers={name: text.encode("latin-1") for name, text in headers.items()},
                **how,
            )
        except httpx2.HTTPError as error:
            detail = f"Region `{region_id}` cannot be reached: {type(error).__name__}"
            raise HttpProblem("region_down", detail) from error
        kind = response.headers.get("content-type", "")
        if response.status_code != 200 and kind != _PROBLEM:
            detail = f"Region `{region_id}` cannot be reached: at its address is another service"
            raise HttpProblem("region_down", detail)
        return response

    async def ask_part(
        self, region_id: str, method: str, asked: Asked, **how: Any
    ) -> httpx2.Response:
        """As `ask`, for the shops that the region owns; a body is JSON.

        Raises
        ------
        HttpProblem
            As `ask`.
        """
        headers = _OWNED if how.get("content") is None else _OWNED | _JSON
        return await self.ask(region_id, method, asked, headers=headers, **how)

    async def any(self, asked: Asked, **how: Any) -> httpx2.Response:
        """The answer of the first region that can answer.

        Raises
        ------
        HttpProblem
            No region can be reached.
        """
        last: httpx2.Response | HttpProblem = HttpProblem("region_down", "No region can be reached")
        for name in self.ids:
            try:
                last = await self.ask(name, "GET", asked, **how)
            except HttpProblem as problem:
                last = problem
            else:
                if last.status_code < UNABLE:  # Else a proxy may say that the region is down.
                    break
        if isinstance(last, HttpProblem):
            raise last
        return last

    async def parts(self, asked: Asked) -> list[Any]:
        """What all regions tell of the shops that they own, as JSON values, in their order.

        Raises
        ------
        Refusal
            The first refusal.
        HttpProblem
            A region cannot be reached.
        """
        found = await asyncio.gather(*(self.ask_part(name, "GET", asked) for name in self.ids))
        pairs = zip(self.ids, found, strict=True)
        return [understood(name, response, orjson.loads) for name, response in pairs]


T = TypeVar("T")


def understood(name: str, response: httpx2.Response, read: Callable[[bytes], T]) -> T:
    """What a region tells the gateway.

    Raises
    ------
    Refusal
        It is a refusal.
    HttpProblem
        The region has another release.
    """
    try:
        return read(checked(response).content)
    except (msgspec.MsgspecError, orjson.JSONDecodeError) as error:
        raise other_release(name) from error


def other_release(name: str) -> HttpProblem:
    """The problem of a region that does not speak with this gateway."""
    detail = f"Region `{name}` does not understand the gateway: it is of another release"
    return HttpProblem("regions_differ", detail)


def checked(response: httpx2.Response) -> httpx2.Response:
    """A response with an answer.

    Raises
    ------
    Refusal
        It is a refusal.
    """
    if response.status_code != 200:
        raise Refusal(reply_of(response))
    return response


def _drawn(query: Query) -> list[Any]:
    """Box and polygon of a question, those that it has; for a long or wrong polygon, its bounds."""
    found = []
    if query.bbox is not None:
        west, south, east, north = query.bbox
        halves = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        boxes = [shapely.box(low, south, high, north) for low, high in halves]
        found.append(shapely.union_all(boxes))
    if query.polygon is not None:
        with suppress(Exception):  # The region says what is wrong with it.
            shape = shapely.geometry.shape(query.polygon)
            is_short = shapely.get_num_coordinates(shape) <= MOST_CORNERS
            found.append(shape if is_short and shape.is_valid else shapely.box(*shape.bounds))
    return found


def reply_of(response: httpx2.Response) -> Reply:
    """The answer of a region, as it is."""
    varies = response.headers.get("vary", "").split(", ")
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
        varies=tuple(name.encode() for name in varies if name.startswith("accept-l")),
    )


def with_seq(answers: Sequence[dict[str, Any]]) -> dict[str, int]:
    """The member `as_of_seq` of several answers, if they have it."""
    seq = lowest_seq([each.get("as_of_seq") for each in answers])
    return {} if seq is None else {"as_of_seq": seq}
