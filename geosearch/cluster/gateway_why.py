"""Why a shop is, or is not, in an answer of several regions.

The region that owns the shop judges it, and tells its place among its own shops. The others count
what comes before it, and say which words of the text they find.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from geosearch.cluster.gateway import Regions, understood
from geosearch.cluster.gateway_owners import Owners
from geosearch.cluster.gateway_questions import ROUNDS, next_round, short, undecided
from geosearch.query.query import Query
from geosearch.search.owned import Key, PartOf, WhyPart
from geosearch.service.edge import Asked, Reply
from geosearch.service.problems import no_such_shop

_read_part = msgspec.json.Decoder(WhyPart).decode


async def why(
    query: Query, met: Sequence[str], asked: Asked, regions: Regions, owners: Owners
) -> Reply:
    """Why the shop of the path is, or is not, in the answer to a query.

    Parameters
    ----------
    met
        Regions that the question meets.

    Raises
    ------
    Refusal
        A region refuses the question.
    HttpProblem
        No region has the shop, or one cannot be reached.
    """
    merchant_id = asked.path_params["merchant_id"]
    holder = owners.of_id(merchant_id)
    names = regions.ids
    if holder is not None:
        names = [name for name in names if name == holder or (name in met and query.q is not None)]
    first = PartOf(at=query.at or datetime.now(UTC))
    parts = await _settled(query, names, first, asked, regions)
    holder = next((name for name, part in parts.items() if bytes(part.told)), None)
    if holder is None and len(names) < len(regions.ids):
        owners.forget()
        return await why(query, met, asked, regions, owners)
    if holder is None:
        raise no_such_shop()
    holding = parts[holder]
    owners.learn_id(merchant_id, holder, holding.version)
    told: dict[str, Any] = orjson.loads(bytes(holding.told))
    others = [name for name in met if name != holder]
    if holding.key is not None and others:
        found = {key for part in parts.values() for key, is_found in part.words.items() if is_found}
        part = msgspec.structs.replace(first, version=holding.version, found=tuple(sorted(found)))
        ahead = await asyncio.gather(
            *(_part(query, name, part, asked, regions, holding.key) for name in others)
        )
        told["rank"] += sum(each.before for each in ahead)
    return Reply((orjson.dumps(told),))


async def _settled(
    query: Query, names: Sequence[str], first: PartOf, asked: Asked, regions: Regions
) -> dict[str, WhyPart]:
    """The parts of regions that agree about the words of the text, and have one version."""
    parts: dict[str, WhyPart] = {}
    again = dict.fromkeys(names, first)
    for _ in range(ROUNDS):
        asking = (_part(query, name, part, asked, regions) for name, part in again.items())
        parts |= dict(zip(again, await asyncio.gather(*asking), strict=True))
        again = next_round(parts, first)
        if not again:
            return parts
    raise undecided()


async def _part(
    query: Query,
    name: str,
    part: PartOf,
    asked: Asked,
    regions: Regions,
    before: Key | None = None,
) -> WhyPart:
    body = msgspec.json.encode({"query": short(query), "part": part, "before": before})
    path = asked.target.partition("?")[0]
    response = await regions.ask_part(name, "POST", asked, path=path, content=body)
    return understood(name, response, _read_part)
