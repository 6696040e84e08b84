"""Bodies of answers as JSON bytes: the results of a page are spliced in as they are.

Useful for: `Page` and `Suggestions`. Not useful for: results; `result_text` writes them.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from geosearch.answer.model import Page
from geosearch.suggest.suggester import Suggestion, Suggestions

_dumps = orjson.dumps

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
