"""Error codes and RFC 9457 `application/problem+json` bodies.

Every body has `type`, `title`, `status`, a stable `code`, `detail` (one sentence) and `errors`,
the list of what is wrong where. It never has a stack trace: `detail` names an unexpected error by
an id that the log has too.
"""

from http import HTTPStatus

import orjson

from geosearch.errors import BadRequest, Misdirected, Problem

MEDIA_TYPE = b"application/problem+json"

MAX_QUERY_STRING = 16_384
"""Longest query string in bytes; a larger wallet needs a body."""

CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "A parameter is missing, unknown, repeated, malformed or out of range."),
    "at_outside_horizon": (400, "The instant is outside the time horizon of the index."),
    "unknown_zone": (400, "The snapshot has no such zone."),
    "zone_not_in_force": (400, "The zone is not in force on that day."),
    "bad_polygon": (400, "The polygon has no valid area."),
    "batch_too_heavy": (400, "The queries of a batch ask for too much together."),
    "polygon_too_complex": (400, "Edges of the polygon cross or touch too often."),
    "not_json": (400, "The body is not JSON."),
    "not_http": (400, "The request is not valid HTTP/1.1."),
    "bad_host": (400, "The `Host` header is missing, repeated, or names no host."),
    "bad_cursor": (400, "The cursor is not one of ours, or belongs to another query."),
    "unauthorized": (401, "The request does not carry the token of `geosearch ingest`."),
    "origin_not_allowed": (403, "The setting `cors_origins` does not name the origin of the page."),
    "not_the_writer": (403, "The index follows another one, which takes its changes."),
    "not_found": (404, "Nothing has that name or path."),
    "method_not_allowed": (405, "The route does not take this method."),
    "request_timeout": (408, "The request did not arrive in time."),
    "cursor_expired": (410, "The index version of the cursor is no longer kept."),
    "too_large": (413, "The request body is too long."),
    "uri_too_long": (414, "The request target or its query string is too long; use a POST."),
    "wrong_media_type": (415, "The request body is not uncompressed application/json."),
    "bad_range": (416, "The header `Range` is missing, or not one range of bytes of the file."),
    "misdirected": (421, "Another region answers this; `region_id` names it."),
    "headers_too_large": (431, "The header section is too long."),
    "fault": (500, "A fault of ours; `detail` has the id under which it is logged."),
    "unknown_transfer_coding": (501, "The transfer coding of the body is not `chunked`."),
    "busy": (503, "Too many large requests or connections are under way."),
    "stopping": (503, "The service is stopping, and the time for requests under way is over."),
    "region_down": (503, "A region whose shops the answer needs cannot be reached."),
    "regions_differ": (503, "Regions have different versions; ask again in a moment."),
    "not_durable": (503, "The disk of the log is full or fails; no change was accepted."),
    "behind": (503, "The index does not show the change `min_seq` yet; ask again."),
    "not_ready": (503, "There is no index yet, or its time horizon does not include now."),
}
"""HTTP status and meaning of each stable code."""


class HttpProblem(Exception):
    """Refusal of a request for a reason other than a bad query, with code and headers."""

    def __init__(self, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def uri_too_long() -> HttpProblem:
    """Return the refusal of a query string that is longer than `MAX_QUERY_STRING`."""
    expected = f"Expected a query string of at most {MAX_QUERY_STRING} bytes, got more"
    return HttpProblem("uri_too_long", expected)


def no_such_shop() -> HttpProblem:
    """Return the refusal of a question why about a shop that the index does not have."""
    detail = "There is no merchant with this id, or it has closed for good or was withdrawn"
    return HttpProblem("not_found", detail)


def status_of(code: str) -> int:
    """Return the HTTP status of a code; 400 for a code that is not in `CODES`."""
    return CODES.get(code, CODES["bad_request"])[0]


def problem_body(
    code: str, detail: str, errors: list[Problem] | None = None, **more: str | None
) -> bytes:
    """Return the body of an error, UTF-8 JSON, with more members."""
    status = HTTPStatus(status_of(code))
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "code": code,
            "detail": detail,
            "errors": errors or [],
            **more,
        }
    )


def refusal_body(refusal: BadRequest) -> bytes:
    """Return the body of a bad request, with all its errors.

    `detail` is the first sentence and the number of the others, which are only in `errors`.
    """
    errors = refusal.errors
    detail = str(refusal)
    if len(errors) > 1:
        others = len(errors) - 1
        detail = f"{errors[0]['detail']} (and {others} more in `errors`)"
    more = {"region_id": refusal.region_id} if isinstance(refusal, Misdirected) else {}
    return problem_body(refusal.code, detail, errors, **more)


def relocated(refusal: BadRequest, position: int) -> BadRequest:
    """A query's refusal with pointers into its batch."""
    errors: list[Problem] = [
        {
            "pointer": f"/queries/{position}{found['pointer']}",
            "code": found["code"],
            "detail": found["detail"].replace("at `$", f"at `$.queries[{position}]"),
        }
        for found in refusal.errors
    ]
    message = "; ".join(found["detail"] for found in errors) or str(refusal)
    if isinstance(refusal, Misdirected):
        return Misdirected(message, errors, refusal.region_id)
    return BadRequest(message, errors, refusal.code)
