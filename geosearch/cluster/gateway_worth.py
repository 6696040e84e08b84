"""What cards are worth over several regions: each habit is measured by the owner of its position.

A region values all measured habits together, so each sum is made once, in the order of one index.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx2
import msgspec
import orjson

from geosearch.cluster.gateway import Regions, reply_of, understood
from geosearch.cluster.gateway_merge import lowest_seq
from geosearch.cluster.gateway_questions import oldest_of
from geosearch.service.edge import Asked, Reply
from geosearch.service.owned_parts import AskedWorth, ToldHabits
from geosearch.service.problems import HttpProblem
from geosearch.service.request import read_worth
from geosearch.studies.worth import HabitPart

PATH = "/v1/cards:worth"

_read_told = msgspec.json.Decoder(ToldHabits).decode


async def worth(body: bytes, asked: Asked, regions: Regions) -> Reply:
    """What cards are worth to a person with the habits of a body.

    Raises
    ------
    BadRequest
        As `read_worth`.
    Refusal
        A region refuses the question.
    HttpProblem
        No region owns a position, or one cannot be reached.
    """
    query = read_worth(body)
    record: dict[str, Any] = orjson.loads(body)
    if query.at is None:
        record["at"] = datetime.now(UTC).isoformat()
    question = msgspec.Raw(orjson.dumps(record))
    numbers: dict[str, list[int]] = {}
    for number, habit in enumerate(query.habits):
        owner = regions.owner(habit.lat, habit.lng)
        if owner is None:
            raise HttpProblem("not_found", f"No region owns the position of habit {number + 1}")
        numbers.setdefault(owner, []).append(number)

    async def ask(name: str, part: AskedWorth) -> httpx2.Response:
        content = msgspec.json.encode(part)
        return await regions.ask_part(name, "POST", asked, path=PATH, content=content)

    async def told(name: str, version: str | None = None) -> ToldHabits:
        part = AskedWorth(question, numbers[name], version=version)
        return understood(name, await ask(name, part), _read_told)

    parts = dict(zip(numbers, await asyncio.gather(*map(told, numbers)), strict=True))
    oldest = oldest_of(part.version for part in parts.values())
    newer = [name for name, part in parts.items() if part.version != oldest]
    again = await asyncio.gather(*(told(name, oldest) for name in newer))
    parts |= dict(zip(newer, again, strict=True))
    seq = lowest_seq([part.as_of_seq for part in parts.values()])
    measured = _in_order(parts, numbers, len(query.habits))
    part = AskedWorth(question, measured=measured, version=oldest, as_of_seq=seq)
    return reply_of(await ask(next(iter(numbers)), part))


def _in_order(
    parts: Mapping[str, ToldHabits], numbers: Mapping[str, Sequence[int]], habits: int
) -> list[HabitPart]:
    """The measured habits in their order, to the first that is refused."""
    # A region measures none after the first that it refuses.
    by_number = {
        number: habit
        for name, part in parts.items()
        for number, habit in zip(numbers[name], part.habits, strict=False)
    }
    measured = (by_number[number] for number in range(habits) if number in by_number)
    refused = (number for number, part in by_number.items() if part.seen is None)
    return list(islice(measured, min(refused, default=habits) + 1))
