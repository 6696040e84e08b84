"""Answers to JSON bytes: what is encoded already is spliced in, not decoded and encoded again.

Useful for: the body of an answer, from a `Page` or from typed hits.
Not useful for: the results of a page; `result_text` writes them as this module writes typed hits.

A merchant's or deal's payload is a JSON object kept as bytes since the build. What is only known
now (position in the asked datum, saving, last usable minute) is added behind its last member.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from geosearch.answer.model import Answer, BestDeal, Hit, Page
from geosearch.suggest.suggester import Suggestion, Suggestions

_fragment, _dumps = orjson.Fragment, orjson.dumps


_IF_ASKED = ("total", "facets", "explain")
_IF_ANY = (
    *("unknown_cards", "unknown_categories", "unknown_business_areas", "outside_coverage"),
    *("around", "corrected", "relaxed"),
)

Pieces = tuple[bytes | memoryview, ...]
"""A text in pieces, one after the other: what is long is copied only where it is sent."""


def encode_page(page: Page) -> Pieces:
    """Return the body of `GET /v1/nearby`, UTF-8 JSON.

    What `_IF_ASKED` and `_IF_ANY` name are members only where the answer has them.
    """
    answer = page.answer
    head = {"snapshot_id": answer.snapshot_id, "at": answer.at, "took_us": answer.took_us}
    record: dict[str, Any] = {"next_cursor": answer.next_cursor}
    for name in _IF_ASKED:
        if (value := getattr(answer, name)) is not None:
            record[name] = value
    for name in _IF_ANY:
        if value := getattr(answer, name):
            record[name] = value
    return (_dumps(head)[:-1], b',"results":', page.results, b",", _dumps(record)[1:])


def encode_pages(pages: Sequence[Page]) -> bytes:
    """Return the body of `POST /v1/nearby:batch`: `{"answers": [...]}` in the order asked."""
    answers = b",".join(b"".join(encode_page(page)) for page in pages)
    return b'{"answers":[%b]}' % answers


def encode_answer(answer: Answer) -> bytes:
    """Return what `encode_page` does, from typed hits and in one piece."""
    return b"".join(encode_page(page_of(answer)))


def page_of(answer: Answer) -> Page:
    """Return `answer` with its hits as JSON text.

    Distances are cut to whole decimetres, so that no result is reported beyond the radius; scores
    to hundredths.
    """
    results = _dumps([_hit(hit) for hit in answer.hits])
    return Page(answer=answer, results=results, count=len(answer.hits))


def encode_suggestions(found: Suggestions) -> bytes:
    """Return the body of `GET /v1/suggest`, UTF-8 JSON.

    `merchant_id` is a member of shops and brands only, `other` where another name was typed; areas
    have `lat`, `lng` and `bbox`.
    """
    body: dict[str, Any] = {
        "snapshot_id": found.snapshot_id,
        "took_us": found.took_us,
        "suggestions": [_suggestion(one) for one in found.suggestions],
    }
    if found.outside_coverage is not None:
        body["outside_coverage"] = found.outside_coverage
    return _dumps(body)


def _suggestion(one: Suggestion) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": one.text,
        "kind": one.kind,
        "id": one.id,
        "count": one.count,
        "distance_m": int(one.distance_m * 10.0) / 10.0,
        "highlight": one.highlight,
    }
    if one.merchant_id is not None:
        record["merchant_id"] = one.merchant_id
    for name in ("other", "lat", "lng", "bbox"):
        if (value := getattr(one, name)) is not None:
            record[name] = value
    return record


def _hit(hit: Hit) -> dict[str, Any]:
    state, best = hit.open, hit.best_deal
    position = _dumps({"lat": hit.lat, "lng": hit.lng})
    record = {
        "merchant": _splice(hit.payload, position[1:]),
        "distance_m": int(hit.distance_m * 10.0) / 10.0,
        "open": {
            "state": state.state,
            "closes_at": state.closes_at,
            "opens_at": state.opens_at,
        },
        "best_deal": None if best is None else _deal(best),
        "deals": [_deal(deal) for deal in hit.deals],
        "score": None if hit.score is None else int(hit.score * 100.0) / 100.0,
        "reasons": hit.reasons,
    }
    if hit.explain is not None:
        record["explain"] = hit.explain
    return record


def _deal(deal: BestDeal) -> orjson.Fragment:
    saving, pay = deal.saving, deal.pay
    tail = _deal_tail(deal.currency, deal.usable_until)
    if saving is None or pay is None:
        money = _dumps({"saving": saving, "pay": pay})[1:-1]
        return _splice(deal.payload, b"%b,%b" % (money, tail))
    return _splice(deal.payload, b'"saving":%d,"pay":%d,%b' % (saving, pay, tail))


def _splice(stored: bytes | memoryview, tail: bytes) -> orjson.Fragment:
    """Return a stored object with more members behind its last one."""
    # Formatting takes a view of bytes as it takes bytes, which the type checker does not know.
    return _fragment(b"%b,%b" % (stored[:-1], tail))  # type: ignore[str-format]


@lru_cache(maxsize=4096)
def _deal_tail(currency: str, usable_until: str | None) -> bytes:
    """Return the last members of a deal; at any time few different ones are in use."""
    return _dumps({"currency": currency, "usable_until": usable_until})[1:]
