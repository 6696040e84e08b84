"""Answers about the shops that a region owns, for the gateway: the header `X-Owned`.

The value is JSON of `PartOf`, `{}` for most. `/v1/nearby` then answers a `RegionPart`, with
the keys that order its results. Cards, categories, density, merchants
and the index count owned shops.
"""

from typing import cast
from weakref import WeakKeyDictionary

import msgspec

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem
from geosearch.query.query import Query
from geosearch.search.owned import OwnedSearcher, PartOf
from geosearch.search.searcher import Searcher
from geosearch.service.engines import Engine, Engines

HEADER = b"x-owned"

_decoder = msgspec.json.Decoder(PartOf)


def read_part_of(value: bytes) -> PartOf:
    """Return what the gateway asks.

    Raises
    ------
    BadRequest
        The header is not JSON of that type.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeError) as error:
        found = problem("bad_request", "a header `X-Owned` of the gateway", str(error), ())
        raise BadRequest(found["detail"], [found]) from None


class OwnedParts:
    """Searchers of owned shops, one a moment."""

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

    def part(self, query: Query, asked: PartOf) -> bytes:
        """Body of the part of an answer; it may wait for the change `min_seq`."""
        self._engines.wait_for(query.min_seq)
        version = asked.version
        loaded = self._engines.current() if version is None else self._engines.pinned(version)
        return msgspec.json.encode(self.of(loaded.engine).part(query, asked))
