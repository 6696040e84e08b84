"""Answers about the shops that a region owns, for the gateway: requests with the header `X-Owned`.

Cards, categories, density, merchants and the index count owned shops. The batch route, `why`,
`cards:worth` and `zones` take and give what this module and `search.owned` define.
"""

from collections.abc import Callable
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec
import orjson

from geosearch.errors import BadRequest
from geosearch.query.cursor import read_cursor
from geosearch.query.parameters import problem
from geosearch.query.query import Query
from geosearch.search.owned import NO_TEXT, Key, OwnedSearcher, PartOf, RegionPart
from geosearch.search.searcher import Searcher
from geosearch.service.encode import encode_page
from geosearch.service.engines import Engine, Engines
from geosearch.service.heavy import Work
from geosearch.service.problems import refusal_body
from geosearch.studies.worth import HabitPart, WorthQuery, habit_parts, worth_of_parts

T = TypeVar("T")


class AskedPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question of the gateway: answered whole without `part`, else as `RegionPart`."""

    query: Query
    part: PartOf | None = None


class AskedParts(msgspec.Struct, frozen=True):
    """Body of a batch of the gateway."""

    questions: list[AskedPart]


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a region says to one question: its answer, its part, or the body of its refusal."""

    page: msgspec.Raw = NO_TEXT
    part: RegionPart | None = None
    refused: msgspec.Raw = NO_TEXT


class ToldParts(msgspec.Struct, frozen=True):
    """A region's answer to a batch of the gateway, in the order of the questions."""

    told: list[Told]


class AskedWhy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a question why: `before` is the key of the shop where another region has it."""

    query: Query
    part: PartOf
    before: Key | None = None


class AskedWorth(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a question what cards are worth.

    Attributes
    ----------
    asked
        The body of the caller.
    habits
        Numbers of the habits to measure.
    measured
        All habits, measured, to value; then `habits` counts for nothing.
    version
        Version to answer from; the current one without it.
    as_of_seq
        Change up to which all regions measured; None without live changes.
    """

    asked: msgspec.Raw
    habits: list[int] = []
    measured: list[HabitPart] | None = None
    version: str | None = None
    as_of_seq: int | None = None


class ToldHabits(msgspec.Struct, frozen=True):
    """A region's measures of some habits."""

    version: str
    as_of_seq: int | None
    habits: list[HabitPart]


def read_asked(body: bytes, kind: type[T]) -> T:
    """Return what the gateway asks.

    Raises
    ------
    BadRequest
        The body is not JSON of that type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        found = problem("bad_request", "what the gateway asks", str(error), ())
        raise BadRequest(found["detail"], [found]) from None


class OwnedParts:
    """Searchers of owned shops, one a moment, and what they answer the gateway."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._of: WeakKeyDictionary[Searcher, OwnedSearcher] = WeakKeyDictionary()

    def of(self, engine: Engine) -> OwnedSearcher:
        """The searcher of owned shops at the moment of an engine."""
        whole = cast(Searcher, engine)
        owned = self._of.get(whole)
        if owned is None:
            owned = self._of[whole] = OwnedSearcher(whole)
        return owned

    def batch(self, body: bytes) -> Work[bytes]:
        """Body of the answer to a batch, all of one moment but for what names a version."""
        asked = read_asked(body, AskedParts).questions
        yield from self._engines.reach(max((one.query.min_seq or 0 for one in asked), default=0))
        current = self._engines.current().engine
        told = []
        for one in asked:
            yield
            try:
                told.append(self._told(current, one))
            except BadRequest as refusal:
                told.append(Told(refused=msgspec.Raw(refusal_body(refusal))))
        return msgspec.json.encode(ToldParts(told))

    def _told(self, current: Engine, asked: AskedPart) -> Told:
        query, part = asked.query, asked.part
        version = None if part is None else part.version
        if part is None and query.cursor is not None:
            version = read_cursor(query.cursor).version
        engine = current if version is None else self._engine(version)
        if part is None:
            return Told(page=msgspec.Raw(b"".join(encode_page(engine.page(query)))))
        return Told(part=self.of(engine).part(query, part))

    def why(self, merchant_id: str, body: bytes) -> bytes:
        """Body of the region's part of an answer why."""
        asked = read_asked(body, AskedWhy)
        self._engines.wait_for(asked.query.min_seq)
        own = self.of(self._engine(asked.part.version))
        told = own.why_part(merchant_id, asked.query, asked.part, asked.before)
        return msgspec.json.encode(told)

    def zones(self) -> bytes:
        """Body of the zones in which the region owns shops."""
        loaded = self._engines.current()
        zones = self.of(loaded.engine).zones_with_shops()
        return orjson.dumps({"version": loaded.version, "zones": zones})

    def worth(
        self, body: bytes, read: Callable[[bytes], WorthQuery], most_work: int
    ) -> Work[bytes]:
        """Body of measures of habits, or of what cards are worth by all of them.

        Parameters
        ----------
        read
            Reads the body of the caller.
        most_work
            As `worth_in_parts`.
        """
        asked = read_asked(body, AskedWorth)
        engine = cast(Searcher, self._engine(asked.version))
        query: WorthQuery = read(bytes(asked.asked))
        if asked.measured is not None:
            found = worth_of_parts(engine, query, asked.measured, most_work)
            seq = msgspec.UNSET if asked.as_of_seq is None else asked.as_of_seq
            return msgspec.json.encode(msgspec.structs.replace(found, as_of_seq=seq))
        habits = yield from habit_parts(engine, query, asked.habits, most_work=most_work)
        return msgspec.json.encode(ToldHabits(engine.version, engine.as_of_seq, habits))

    def _engine(self, version: str | None) -> Engine:
        """The engine of a version, by default of the current one."""
        loaded = self._engines.current() if version is None else self._engines.pinned(version)
        return loaded.engine
