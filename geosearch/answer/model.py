"""Typed answers: `Answer` with its hits, `Page` of JSON text, and `Ranked` arrays.

All are frozen. `results.hits_of` decodes a hit from the JSON text of a result. The hit decodes its
merchant and deals at first use. `result_text` and `service.encode` write JSON.
"""

import math
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
import orjson

from geosearch.answer.fix import Fix, cut
from geosearch.answer.geojson import feature_collection
from geosearch.answer.html_table import html_table
from geosearch.query.result_fields import only

_IF_ASKED = ("total", "facets", "explain", "unknown_ids", "as_of_seq")
_IF_ANY = (
    *("unknown_cards", "unknown_categories", "unknown_business_areas", "outside_coverage"),
    *("around", "corrected", "relaxed"),
)


class OpenState(msgspec.Struct, frozen=True, gc=False):
    """Whether a shop is open at `at`, and the time of the next change.

    Times are RFC 3339 text in the shop's time zone. `closes_at` is None unless the shop is open and
    closes within the horizon. `opens_at` is None unless the shop is closed and opens within it.
    """

    state: Literal["open", "closed", "unknown"]
    closes_at: str | None = None
    opens_at: str | None = None


class BestDeal(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A deal that is usable at `at`, with its saving.

    Attributes
    ----------
    saving, pay
        Minor units of `currency`; None if unknown.
    usable_until
        RFC 3339 text: the end of the usable window around `at`; None if beyond the horizon.
    payload
        The deal's JSON object in the answer; `record` decodes it.
    """

    saving: int | None
    pay: int | None
    currency: str
    usable_until: str | None
    payload: msgspec.Raw = msgspec.Raw(b"{}")

    @cached_property
    def record(self) -> dict[str, Any]:
        """The deal's fields from the snapshot."""
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
        """Id of the card that the deal requires; None if it requires none."""
        return self.record.get("program_id")

    @property
    def offer_type(self) -> str | None:
        """Offer type; see `money.offers.OFFER_TYPES`."""
        return self.record.get("offer_type")

    @property
    def title(self) -> str | None:
        """Title of the deal."""
        return self.record.get("title")

    @property
    def redemption(self) -> dict[str, Any] | None:
        """Way to redeem the deal: `channel` and `appointment`."""
        return self.record.get("redemption")


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One deal of a combination.

    Attributes
    ----------
    saving, bill
        What it saves, and what is left of the bill after it, minor units; None if unknown.
    """

    deal_id: str
    saving: int | None
    bill: int | None


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """Deals that are used together, or one deal alone.

    Attributes
    ----------
    deals
        Ids of the deals in the order in which they apply.
    steps
        The deals with their savings, in that order.
    saving, pay
        Sum of the savings, and what is left to pay, minor units of `currency`; None if unknown.
    """

    deals: tuple[str, ...]
    steps: tuple[Step, ...]
    saving: int | None
    pay: int | None
    currency: str


_NO_DEAL = msgspec.Raw(b"null")
_NOT_ASKED = msgspec.Raw(b"")
_decode_combination = msgspec.json.Decoder(Combination | None).decode
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
    rename={
        "payload": "merchant",
        "best_deal_payload": "best_deal",
        "better_public_payload": "better_public",
        "combination_payload": "best_combination",
        "public_combination_payload": "better_public_combination",
        "deal_payloads": "deals",
    },
):
    """One shop of an answer, with the members of a result of the service.

    A hit keeps the text of its page in memory, some kilobytes per hit, as long as it lives.

    Attributes
    ----------
    payload
        The merchant's JSON object with its position; `merchant` decodes it.
    distance_m
        The exact distance, by which the kernel filtered and ordered.
    best_deal_payload, better_public_payload, deal_payloads
        JSON of `best_deal` and `better_public` (`null` without one) and of each of `deals`.
    combination_payload, public_combination_payload
        JSON of `best_combination` and `better_public_combination`; empty where absent.
    score
        Net benefit in minor units, with every `sort`.
    explain
        Score parts by name; None without `explain`.
    """

    payload: msgspec.Raw
    distance_m: float
    open: OpenState
    best_deal_payload: msgspec.Raw
    deal_payloads: tuple[msgspec.Raw, ...]
    score: float
    reasons: tuple[str, ...]
    better_public_payload: msgspec.Raw = msgspec.field(default_factory=lambda: _NO_DEAL)
    combination_payload: msgspec.Raw = msgspec.field(default_factory=lambda: _NOT_ASKED)
    public_combination_payload: msgspec.Raw = msgspec.field(default_factory=lambda: _NOT_ASKED)
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
        """The deal that counts and saves most; with `deals=card`, of the wallet's own."""
        payload = self.best_deal_payload
        return None if payload == _NO_DEAL else _deal(payload)

    @cached_property
    def better_public(self) -> BestDeal | None:
        """With `deals=card`, the best deal without a card that saves more than `best_deal`."""
        payload = self.better_public_payload
        return None if payload == _NO_DEAL else _deal(payload)

    @cached_property
    def best_combination(self) -> Combination | None:
        """With `stacking=on`, the best combination of deals; it may be a single one."""
        return _decode_combination(self.combination_payload or _NO_DEAL)

    @cached_property
    def better_public_combination(self) -> Combination | None:
        """With `deals=card`, the best combination without a card, if it saves more."""
        return _decode_combination(self.public_combination_payload or _NO_DEAL)

    @cached_property
    def deals(self) -> tuple[BestDeal, ...]:
        """The other usable and eligible deals: those that count first, each part best first."""
        return tuple(map(_deal, self.deal_payloads))

    def combinations(self) -> dict[str, Any]:
        """Return the JSON values of its combinations by name; none unless `stacking=on`."""
        payloads = {
            "best_combination": self.combination_payload,
            "better_public_combination": self.public_combination_payload,
        }
        return {
            name: orjson.loads(memoryview(payload))
            for name, payload in payloads.items()
            if payload != _NOT_ASKED
        }

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values, as the service writes it: distance and score cut."""
        loads = orjson.loads
        public = loads(memoryview(self.better_public_payload))
        record: dict[str, Any] = {
            "merchant": self.merchant,
            "distance_m": math.trunc(self.distance_m * 10.0) / 10.0,
            "open": msgspec.to_builtins(self.open),
            "best_deal": loads(memoryview(self.best_deal_payload)),
            **({} if public is None else {"better_public": public}),
            "deals": [loads(memoryview(payload)) for payload in self.deal_payloads],
            **self.combinations(),
            "score": math.trunc(self.score * 100.0) / 100.0,
            "reasons": list(self.reasons),
        }
        return record if self.explain is None else record | {"explain": self.explain}


class NearMiss(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A shop that does not match a query, but matches it after one fix.

    Attributes
    ----------
    payload, open_payload, best_deal_payload, combination_payload
        JSON of `merchant`, `open`, `best_deal` and `best_combination`; the last one is empty where
        deals do not combine.
    distance_m
        The exact distance.
    fix
        The best fix.
    value
        Net benefit with the fix less its cost, minor units.
    """

    payload: msgspec.Raw
    distance_m: float
    open_payload: msgspec.Raw
    fix: Fix
    best_deal_payload: msgspec.Raw
    value: float
    combination_payload: msgspec.Raw = msgspec.field(default_factory=lambda: _NOT_ASKED)

    @cached_property
    def merchant(self) -> dict[str, Any]:
        """The merchant with its position in the `crs` of the query."""
        record: dict[str, Any] = orjson.loads(memoryview(self.payload))
        return record

    @cached_property
    def open(self) -> OpenState:
        """Whether it is open at the instant of the answer, without the fix."""
        return msgspec.json.decode(self.open_payload, type=OpenState)

    @cached_property
    def best_deal(self) -> BestDeal | None:
        """The best deal with the fix."""
        payload = self.best_deal_payload
        return None if payload == _NO_DEAL else _deal(payload)

    @cached_property
    def best_combination(self) -> Combination | None:
        """With `stacking=on`, the best combination of deals with the fix."""
        return _decode_combination(self.combination_payload or _NO_DEAL)

    def as_text(self) -> bytes:
        """Return the JSON text of the service."""
        together = self.combination_payload
        return b'{"merchant":%b,"distance_m":%b,"open":%b,"fix":%b,"best_deal":%b%b,"value":%b}' % (
            self.payload,
            # Cut, as in results.
            orjson.dumps(int(self.distance_m * 10.0) / 10.0),
            self.open_payload,
            msgspec.json.encode(self.fix),
            self.best_deal_payload,
            b"" if together == _NOT_ASKED else b',"best_combination":%b' % together,
            orjson.dumps(cut(self.value)),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON values of the service."""
        record: dict[str, Any] = orjson.loads(self.as_text())
        return record


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `Searcher.search`: hits with the metadata of the search.

    Attributes
    ----------
    at
        RFC 3339 text: the instant of the search.
    took_us
        Microseconds inside the engine.
    fields
        Members of results that the query asked for, all if empty: those of `to_dict`, `to_json` and
        `to_geojson`. Hits have all members.
    total, facets, explain
        None unless the query requests them; facets are counts by facet and value.
    unknown_cards, unknown_categories, unknown_business_areas
        Cards, categories and areas of the query that the index does not have.
    unknown_ids
        Those of `ids` that it does not have; None unless the query lists ids.
    near_misses
        Shops that match after one fix, the best first; None unless the query asks for some.
    outside_coverage
        `bounds` of all shops and a sentence, if no shop of the index can be within the radius, the
        box or the polygon.
    around
        The business area that `q` names, if none of its shops is near the position. The search then
        used the centre of the area instead of the position, and no text.
    corrected
        Replacements of words of `q` that no shop nearby has, by typed word.
    relaxed
        Words of `q` that the search ignored, because no shop nearby matches all words.
    as_of_seq
        Number of the last live change that the answer includes, with all before it; None if the
        index has none.
    """

    snapshot_id: str
    at: str
    took_us: int
    hits: tuple[Hit, ...] = ()
    fields: tuple[str, ...] = ()
    next_cursor: str | None = None
    total: int | None = None
    facets: dict[str, dict[str, int]] | None = None
    explain: dict[str, Any] | None = None
    unknown_cards: tuple[str, ...] = ()
    unknown_categories: tuple[str, ...] = ()
    unknown_business_areas: tuple[str, ...] = ()
    unknown_ids: tuple[str, ...] | None = None
    near_misses: tuple[NearMiss, ...] | None = None
    outside_coverage: dict[str, Any] | None = None
    around: dict[str, Any] | None = None
    corrected: dict[str, tuple[str, ...]] = {}
    relaxed: tuple[str, ...] = ()
    as_of_seq: int | None = None

    def members(self) -> dict[str, Any]:
        """Return the members of the JSON answer that follow its results and near misses.

        What the query did not ask for is absent, as is what has nothing to say.
        """
        record: dict[str, Any] = {"next_cursor": self.next_cursor}
        for name in _IF_ASKED:
            if (value := getattr(self, name)) is not None:
                record[name] = value
        for name in _IF_ANY:
            if value := getattr(self, name):
                record[name] = value
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, as the service writes it, with the members `fields`."""
        found = [hit.as_json() for hit in self.hits]
        results = [only(result, self.fields) for result in found] if self.fields else found
        return {**self._head(), "results": results, **self.members()}

    def to_json(self) -> bytes:
        """Return `to_dict` as JSON, UTF-8."""
        return orjson.dumps(self.to_dict())

    def to_geojson(self) -> dict[str, Any]:
        """Return a GeoJSON FeatureCollection: a point for each hit, the best first.

        The properties of a Feature are the result as the service writes it, with the members
        `fields`; its id is the merchant's. The collection has the other members of the answer.
        Positions are in the `crs` of the query; GeoJSON means WGS-84, the default.
        """
        results = [hit.as_json() for hit in self.hits]
        return feature_collection(results, self.metadata(), self.fields)

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        results = [hit.as_json() for hit in self.hits]
        return html_table({**self.metadata(), "results": results})

    def metadata(self) -> dict[str, Any]:
        """Return all members of the JSON answer but its results."""
        return self._head() | self.members()

    def _head(self) -> dict[str, Any]:
        head: dict[str, Any] = {"snapshot_id": self.snapshot_id, "at": self.at}
        head["took_us"] = self.took_us
        if self.near_misses is not None:
            head["near_misses"] = [one.as_json() for one in self.near_misses]
        return head


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `Searcher.page`: an answer with its hits as JSON text.

    Attributes
    ----------
    answer
        The answer without hits.
    results
        JSON array of the hits, UTF-8: bytes, or a view of bytes that nobody changes.
    count
        Number of hits.
    """

    answer: Answer
    results: bytes | memoryview
    count: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `Searcher.rank`: doc ids and sort keys, without payloads.

    Attributes
    ----------
    doc_ids
        Integers, shape (n,), best first.
    keys
        float64, shape (n, 2): the sort key and the distance in metres.
    total, facets, explain
        None unless the query requests them.
    """

    doc_ids: np.ndarray[Any, np.dtype[Any]]
    keys: np.ndarray[Any, np.dtype[np.float64]]
    total: int | None = None
    facets: dict[str, dict[str, int]] | None = None
    explain: dict[str, Any] | None = None
