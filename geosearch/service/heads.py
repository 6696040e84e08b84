"""Checks of an HTTP request head: the rules of RFC 9110 and RFC 9112 that the parser skips.

The parser (llhttp) refuses a bare line feed, a folded header, control characters and two lengths of
a body. `incoming` calls `head_problem` for each request. Paths, parameters and bodies are checked
where they are read.
"""

import re
from collections.abc import Sequence

import httptools

from geosearch.service.problems import MAX_QUERY_STRING, HttpProblem

MAX_TARGET = MAX_QUERY_STRING + 1_024
"""Longest request target in bytes: the longest query string, and a path before it."""

MAX_HEADERS = 16_384
"""Longest header section in bytes; each header counts four bytes besides its name and value."""

_AROUND_HEADER = len(": \r\n")
_HOST = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=%:\[\]]*")

NOT_HTTP = HttpProblem("not_http", "Expected a request of HTTP/1.1, got something else")
TARGET_TOO_LONG = HttpProblem(
    "uri_too_long", f"Expected a request target of at most {MAX_TARGET} bytes, got more"
)
HEADERS_TOO_LARGE = HttpProblem(
    "headers_too_large", f"Expected a header section of at most {MAX_HEADERS} bytes, got more"
)
_CONNECT = HttpProblem("not_http", "Expected a request for this server, got one for a proxy")


def head_problem(
    target: bytes, method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]
) -> HttpProblem | None:
    """Return what is wrong with the head of a request that the parser accepted; None if nothing is.

    The end of the body of a bad request is unknown, so its connection must be closed. The problem
    is not raised: each raising adds its frames to an exception, and most of these are constants.

    Parameters
    ----------
    target
        Request target: path and query string.
    method
        Method in capitals.
    version
        Version of HTTP, such as `1.1`.
    headers
        Headers, names in lower case.
    """
    size, hosts, host, coding = 0, 0, b"", None
    for name, value in headers:
        size += len(name) + len(value) + _AROUND_HEADER
        if name == b"host":
            hosts, host = hosts + 1, value
        elif name == b"transfer-encoding":
            # A second header adds a coding to the list.
            coding = value if coding is None else coding + b", " + value
    if len(target) > MAX_TARGET:
        return TARGET_TOO_LONG
    if size > MAX_HEADERS:
        return HEADERS_TOO_LARGE
    if version not in ("1.1", "1.0"):
        return NOT_HTTP
    if method == b"CONNECT":
        return _CONNECT
    if not target.startswith(b"/") and not _has_path(target):
        return NOT_HTTP
    if hosts != 1 and not (hosts == 0 and version == "1.0"):
        return _bad_host("two or more" if hosts else "none")
    if not _HOST.fullmatch(host):
        return _bad_host("something else")
    return None if coding is None else _coding_problem(coding, version)


def _has_path(target: bytes) -> bool:
    """Return whether a target has a path; uvicorn has no answer to any other."""
    try:
        return httptools.parse_url(target).path is not None
    except httptools.HttpParserInvalidURLError:
        return False


def _coding_problem(coding: bytes, version: str) -> HttpProblem | None:
    if version == "1.0":
        return HttpProblem("not_http", "Expected a transfer coding only in HTTP/1.1, got HTTP/1.0")
    if coding.strip(b" \t").lower() != b"chunked":
        detail = "Expected the transfer coding `chunked` and no other, got something else"
        return HttpProblem("unknown_transfer_coding", detail)
    return None


def _bad_host(got: str) -> HttpProblem:
    return HttpProblem("bad_host", f"Expected one header `Host` with the name of a host, got {got}")
