"""What a query is answered with: `Answer`, `Page` and `Ranked`.

All are frozen. A hit is decoded from the JSON text of a result (`results.hits_of`); merchants and
deals stay JSON in it until somebody looks. Not for writing JSON (`result_text`, `service.encode`).
"""

from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
import orjson


class OpenState(msgspec.Struct, frozen=True, gc=False):
    """Whether a shop is open at `at`, and when that changes.

    Times are RFC 3339 text in the shop's zone. `closes_at` is None unless open, or when it does
    not close within the horizon; `opens_at` is None unless closed, or when it does not open.
    """

    state: Literal["open", "closed", "unknown"]
    closes_at: str | None = None
    opens_at: str | None = None


class BestDeal(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A deal that can be used at `at`, and what it saves.

    Attributes
    ----------
    saving, pay
        Minor units of `currency`; None where the spend is unknown.
    usable_until
        RFC 3339 text: the end of the window `at` lies in; None if beyond the horizon.
    payload
        The deal's JSON object as the answer has it. Decoded only when looked at.
    """

    saving: int | None
    pay: int | None
    currency: str
    usable_until: str | None
    payload: msgspec.Raw = msgspec.Raw(b"{}")

    @cached_property
    def record(self) -> dict[str, Any]:
        """The deal as the snapshot gave it."""
        record: dict[str, Any] = orjson.loads(memoryview(self.payload))
        for name in ("saving", "pay", "currency", "usable_until"):
            del record[name]
        return record

    @property
    def deal_id(self) -> str:
        """The deal's id."""
        return str(self.record["deal_id"])

    @property
    def program_id(self) -> str | None:
        """The card it needs; None for anyone."""
        return self.record.get("program_id")

    @property
    def offer_type(self) -> str | None:
        """One of the types of the savings table."""
        return self.record.get("offer_type")

    @property
    def title(self) -> str | None:
        """What the deal calls itself."""
        return self.record.get("title")

    @property
    def redemption(self) -> dict[str, Any] | None:
        """How it is redeemed: `channel` and `appointment`."""
        return self.record.get("redemption")


_NO_DEAL = msgspec.Raw(b"null")
_decode_deal = msgspec.json.Decoder(BestDeal).decode


def _deal(payload: msgspec.Raw) -> BestDeal:
    deal = _decode_deal(payload)
    msgspec.structs.force_setattr(deal, "payload", payload)
    return deal


class Hit(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    dict=True,
    rename={"payload": "merchant", "best_deal_payload": "best_deal", "deal_payloads": "deals"},
):
    """One shop of an answer; its members are those of a result of the service.

    It keeps the text of its page in memory, some kilobytes a hit, as long as it lives.

    Attributes
    ----------
    payload
        The merchant's JSON object with its position. Decoded only when looked at.
    distance_m
        The exact number it was filtered and ordered by.
    best_deal_payload, deal_payloads
        JSON of `best_deal` (`null` where there is none) and of each of `deals`.
    score
        Net benefit, minor units, whatever the order.
    explain
        Score parts by name, where asked for.
    """

    payload: msgspec.Raw
    distance_m: float
    open: OpenState
    best_deal_payload: msgspec.Raw
    deal_payloads: tuple[msgspec.Raw, ...]
    score: float
    reasons: tuple[str, ...]
    explain: dict[str, Any] | None = None

    @cached_property
    def merchant(self) -> dict[str, Any]:
        """The merchant with its position in the `crs` of the query."""
        record: dict[str, Any] = orjson.loads(memoryview(self.payload))
        return record

    @property
    def lat(self) -> float:
        """Latitude in the `crs` of the query, degrees."""
        return float(self.merchant["lat"])

    @property
    def lng(self) -> float:
        """Longitude in the `crs` of the query, degrees."""
        return float(self.merchant["lng"])

    @cached_property
    def best_deal(self) -> BestDeal | None:
        """The usable and eligible deal that saves most."""
        payload = self.best_deal_payload
        return None if payload == _NO_DEAL else _deal(payload)

    @cached_property
    def deals(self) -> tuple[BestDeal, ...]:
        """The other deals that are usable and eligible, best first."""
        return tuple(map(_deal, self.deal_payloads))


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What `Searcher.search` returns.

    Attributes
    ----------
    at
        RFC 3339 text: the instant everything was evaluated for.
    took_us
        Microseconds inside the engine.
    total, facets, explain
        None unless asked for; facets are counts by value, by facet.
    unknown_cards, unknown_categories, unknown_business_areas
        Cards of the wallet, and categories and areas asked for, that the index does not know.
    outside_coverage
        Where no shop of the index can be within the radius, the box or the polygon: `bounds` of all
        its shops, and a sentence.
    around
        The business area that `q` names, where none of its shops is near the position: the search
        went around its middle instead, without `q`.
    corrected
        What was searched instead of words of `q` that are not found nearby, by word as typed.
    relaxed
        Words of `q` that were left out, as nothing nearby matches all of them.
    """

    snapshot_id: str
    at: str
    took_us: int
    hits: tuple[Hit, ...] = ()
    next_cursor: str | None = None
    total: int | None = None
    facets: dict[str, dict[str, int]] | None = None
    explain: dict[str, Any] | None = None
    unknown_cards: tuple[str, ...] = ()
    unknown_categories: tuple[str, ...] = ()
    unknown_business_areas: tuple[str, ...] = ()
    outside_coverage: dict[str, Any] | None = None
    around: dict[str, Any] | None = None
    corrected: dict[str, tuple[str, ...]] = {}
    relaxed: tuple[str, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What `Searcher.page` returns: an answer whose hits are JSON text already.

    Attributes
    ----------
    answer
        Everything but the hits.
    results
        JSON array of the hits, UTF-8: bytes, or a view of some that nobody changes.
    count
        Number of hits.
    """

    answer: Answer
    results: bytes | memoryview
    count: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """What `Searcher.rank` returns: arrays, no payloads.

    Attributes
    ----------
    doc_ids
        Integers, shape (n,), best first.
    keys
        float64, shape (n, 2): the sort key and the distance in metres.
    total, facets, explain
        None unless asked for.
    """

    doc_ids: np.ndarray[Any, np.dtype[Any]]
    keys: np.ndarray[Any, np.dtype[np.float64]]
    total: int | None = None
    facets: dict[str, dict[str, int]] | None = None
    explain: dict[str, Any] | None = None
