"""Questions at the gateway: each goes to the region that answers it whole, or to several in parts.

A round asks each region once for all questions that need it. Another round follows where regions
have to agree about words or versions, or where a region says that another one answers.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from geosearch.answer.model import Page
from geosearch.cluster.gateway import Regions, other_release, understood
from geosearch.cluster.gateway_merge import (
    merged_page,
    read_cursor,
    regions_of,
    unanswered,
)
from geosearch.cluster.gateway_owners import Owners
from geosearch.errors import BadRequest, Misdirected
from geosearch.query.query import Query
from geosearch.search.owned import PartOf, RegionPart, WhyPart
from geosearch.segment.versions import is_older
from geosearch.service.edge import Asked
from geosearch.service.owned_parts import Told, ToldParts
from geosearch.service.problems import HttpProblem

ROUNDS = 200
"""Most times that regions are asked about words: at least one is settled each time."""

_read_told = msgspec.json.Decoder(ToldParts).decode
_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Query)}


def short(query: Query) -> dict[str, Any]:
    """JSON values of a query, without those that are its defaults."""
    values = msgspec.to_builtins(query)
    return {name: value for name, value in values.items() if value != _DEFAULTS[name]}


class Question:
    """One question under way.

    Attributes
    ----------
    query
        The question.
    next
        Regions to ask in the next round: for their part, or for the whole answer where None.
    body, page, refusal
        The answer in the end: JSON of a whole answer, a merged one, or a refusal.
    """

    def __init__(self, query: Query, every: Sequence[str]) -> None:
        self.query = query
        self.next: dict[str, PartOf | None] = {}
        self.body: bytes | None = None
        self.page: Page | None = None
        self.refusal: BadRequest | None = None
        self._every, self._started = every, time.perf_counter_ns()
        self._first = PartOf()
        self._parts: dict[str, RegionPart] = {}
        self._known_at: str | None = None

    def ask_whole(self, region_id: str) -> None:
        """Let one region answer."""
        self.next = {region_id: None}

    def ask_parts(self, ids: Sequence[str], known_at: str | None = None) -> None:
        """Let several regions answer together.

        Parameters
        ----------
        known_at
            Version whose owners say that no other region has a part; None if no owner was needed.
        """
        query = self.query
        self._parts, self._known_at = {}, known_at
        self._first = PartOf(at=query.at or datetime.now(UTC))
        if query.cursor is None:
            self.next = dict.fromkeys(ids, self._first)
            return
        try:
            cursor = read_cursor(query)
            names = regions_of(cursor, self._every)
        except BadRequest as refusal:
            self.next, self.refusal = {}, refusal
            return
        self._known_at = None
        self._first = PartOf(
            at=query.at or cursor.at,
            version=cursor.version,
            after=cursor.after,
            is_moved=cursor.is_moved,
        )
        self.next = dict.fromkeys(names, self._first)

    def take(self, told: Iterable[tuple[str, Told]], owners: Owners) -> None:
        """Take over what regions told, and decide whom to ask next."""
        self.next = {}
        for name, one in told:
            if refused := bytes(one.refused):
                refusal = refusal_of(refused)
                if isinstance(refusal, Misdirected) and not self._parts:
                    self.ask_parts(self._every)
                else:
                    self.refusal = check_kept(refusal, self.query)
                return
            if page := bytes(one.page):
                self.body = page
                return
            assert one.part is not None
            self._parts[name] = one.part
        parts = {name: self._parts[name] for name in self._every if name in self._parts}
        if self._known_at is not None and any(
            part.version != self._known_at for part in parts.values()
        ):
            owners.forget()
            self.ask_parts(self._every)
            return
        self.next = dict(next_round(parts, self._first))
        if not self.next:
            if self.query.ids is not None:
                owners.learn(parts)
            took_us = (time.perf_counter_ns() - self._started) // 1000
            at = self._first.at or datetime.now(UTC)
            self.page = merged_page(self.query, at, parts, self._every, took_us)


def next_round(parts: Mapping[str, RegionPart | WhyPart], first: PartOf) -> dict[str, PartOf]:
    """What regions are asked next: those with newer versions than others, else about words.

    Parameters
    ----------
    parts
        The part of each region so far.
    first
        What all of them were asked first.
    """
    oldest = oldest_of(part.version for part in parts.values())
    newer: dict[str, tuple[str, ...]]
    newer = {name: () for name, part in parts.items() if part.version != oldest}
    return {
        name: msgspec.structs.replace(first, found=found, version=oldest)
        for name, found in (newer or unanswered(parts)).items()
    }


def undecided() -> HttpProblem:
    """The problem of regions that were asked `ROUNDS` times."""
    return HttpProblem("busy", "Regions do not agree about the words of the text; ask again")


def check_kept(refusal: BadRequest, query: Query) -> BadRequest:
    """A refusal of a region.

    Raises
    ------
    HttpProblem
        Code `regions_differ`: a region no longer has the version of another one, which no cursor
        of the caller named.
    """
    if refusal.code == "cursor_expired" and query.cursor is None:
        raise HttpProblem("regions_differ", f"Regions have different versions: {refusal}")
    return refusal


def oldest_of(versions: Iterable[str]) -> str:
    """The oldest of some versions, by their names."""
    oldest, *others = versions
    for version in others:
        oldest = version if is_older(version, oldest) else oldest
    return oldest


def refusal_of(body: bytes) -> BadRequest:
    """The refusal of a region, from the body of its problem."""
    told = orjson.loads(body)
    errors, code = told["errors"], told["code"]
    message = "; ".join(found["detail"] for found in errors) or told["detail"]
    if code == "misdirected":
        return Misdirected(message, errors, told.get("region_id"))
    return BadRequest(message, errors, code)


async def answer(
    questions: Sequence[Question], regions: Regions, owners: Owners, asked: Asked
) -> None:
    """Ask regions until all questions are answered or refused.

    Raises
    ------
    HttpProblem
        A region cannot be reached, or has no version of the others.
    Refusal
        A region answers nothing now.
    """
    for _ in range(ROUNDS):
        waiting: dict[str, list[Question]] = {}
        for question in questions:
            for name in question.next:
                waiting.setdefault(name, []).append(question)
        if not waiting:
            return
        found = await asyncio.gather(
            *(_told(regions, name, some, asked) for name, some in waiting.items())
        )
        told: dict[int, list[tuple[str, Told]]] = {}
        for (name, some), answers in zip(waiting.items(), found, strict=True):
            for question, one in zip(some, answers, strict=True):
                told.setdefault(id(question), []).append((name, one))
        for question in questions:
            if id(question) in told:
                question.take(told[id(question)], owners)
    raise undecided()


async def _told(
    regions: Regions, name: str, questions: Sequence[Question], asked: Asked
) -> list[Told]:
    """What a region says to its questions of a round."""
    rows = [{"query": short(one.query), "part": one.next[name]} for one in questions]
    body = msgspec.json.encode({"questions": rows})
    response = await regions.ask_part(name, "POST", asked, path="/v1/nearby:batch", content=body)
    if 400 <= response.status_code < 500:  # Refusals of questions are in the answer.
        raise other_release(name)
    return understood(name, response, _read_told).told
