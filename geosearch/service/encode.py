"""Bodies of answers as JSON bytes, from `Page` and `Suggestions`.

`answer.result_text` writes the results of a page; this module only inserts their text.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from geosearch.answer.geojson import feature_collection
from geosearch.answer.model import Page
from geosearch.suggest.suggester import Suggestion, Suggestions

_dumps = orjson.dumps

Pieces = tuple[bytes | memoryview, ...]
"""A text in consecutive pieces: a long piece is copied only when it is sent."""


def encode_page(page: Page) -> Pieces:
    """Return the body of `GET /v1/nearby`, UTF-8 JSON.

    `Answer.members` says which members are absent.
    """
    answer = page.answer
    head = {"snapshot_id": answer.snapshot_id, "at": answer.at, "took_us": answer.took_us}
    record = answer.members()
    misses = b""
    if answer.near_misses is not None:
        misses = b'"near_misses":[%b],' % b",".join(one.as_text() for one in answer.near_misses)
    return (_dumps(head)[:-1], b',"results":', page.results, b"," + misses, _dumps(record)[1:])


def encode_geojson(page: Page) -> Pieces:
    """Return the body of `GET /v1/nearby?format=geojson`, UTF-8 JSON.

    It reads the results again, 20 of them in 150 us: nobody else pays for it.
    """
    results, answer = orjson.loads(page.results), page.answer
    return (_dumps(feature_collection(results, answer.metadata(), answer.fields)),)


def encode_pages(pages: Sequence[Page]) -> bytes:
    """Return the body of `POST /v1/nearby:batch`: `{"answers": [...]}`, in the given order."""
    answers = b",".join(b"".join(encode_page(page)) for page in pages)
    return b'{"answers":[%b]}' % answers


def encode_suggestions(found: Suggestions) -> bytes:
    """Return the body of `GET /v1/suggest`, UTF-8 JSON.

    Shops and brands have `merchant_id`, categories `name`. A suggestion that an alias matched has
    `other`. Areas have `lat`, `lng` and `bbox`.
    """
    body: dict[str, Any] = {
        "snapshot_id": found.snapshot_id,
        "took_us": found.took_us,
        "suggestions": [_suggestion(one) for one in found.suggestions],
    }
    for name in ("outside_coverage", "as_of_seq"):
        if (value := getattr(found, name)) is not None:
            body[name] = value
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
    for name in ("name", "other", "lat", "lng", "bbox"):
        if (value := getattr(one, name)) is not None:
            record[name] = value
    return record
