"""Answers to JSON bytes: stored payloads are spliced in, not decoded and encoded again.

A merchant's or deal's payload is a JSON object kept as bytes since the build. What is only known
now (position in the asked datum, saving, last usable minute) is added behind its last member, and
the whole goes into the answer as an `orjson.Fragment`. Measured with 20 merchants and 40 deals,
26 kB: 38 µs, against 59 µs for joining bytes by hand.
"""

from functools import lru_cache
from typing import Any

import orjson

from geosearch.model import Answer, BestDeal, Hit

_fragment, _dumps = orjson.Fragment, orjson.dumps


def encode_answer(answer: Answer) -> bytes:
    """Return the body of `GET /v1/nearby` for `answer`, UTF-8 JSON.

    `total`, `facets`, `explain` and `unknown_cards` are members only where the answer has them.
    Distances are cut to whole decimetres, so that no result is reported beyond the radius; scores
    to hundredths. (`round` would take a sixth of the whole time.)
    """
    return _dumps(_answer(answer))


def encode_answers(answers: list[Answer]) -> bytes:
    """Return the body of `POST /v1/nearby:batch`: `{"answers": [...]}` in the order asked."""
    return _dumps({"answers": [_answer(answer) for answer in answers]})


def _answer(answer: Answer) -> dict[str, Any]:
    record: dict[str, Any] = {
        "snapshot_id": answer.snapshot_id,
        "at": answer.at,
        "took_us": answer.took_us,
        "results": [_hit(hit) for hit in answer.hits],
        "next_cursor": answer.next_cursor,
    }
    if answer.total is not None:
        record["total"] = answer.total
    if answer.facets is not None:
        record["facets"] = answer.facets
    if answer.explain is not None:
        record["explain"] = answer.explain
    if answer.unknown_cards:
        record["unknown_cards"] = answer.unknown_cards
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
