"""Checks of an HTTP request head: the rules of RFC 9110 and RFC 9112 that the parser skips.

The parser (llhttp) refuses a bare line feed, a folded header, control characters and two lengths of
a body. `protocol` calls `check_head` for each request. Paths, parameters and bodies are checked
where they are read.
"""

import re
from collections.abc import Sequence

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


def check_head(
    target: bytes, method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]
) -> None:
    """Check the head of a request that the parser accepted.

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

    Raises
    ------
    HttpProblem
        The head is too long, or breaks a rule of HTTP. The end of its body is then unknown, so the
        connection must be closed.
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
        raise TARGET_TOO_LONG
    if size > MAX_HEADERS:
        raise HEADERS_TOO_LARGE
    if version not in ("1.1", "1.0"):
        raise NOT_HTTP
    if method == b"CONNECT":
        raise _CONNECT
    if hosts != 1 and not (hosts == 0 and version == "1.0"):
        raise _bad_host("two or more" if hosts else "none")
    if not _HOST.fullmatch(host):
        raise _bad_host("something else")
    if coding is not None:
        _check_coding(coding, version)


def _check_coding(coding: bytes, version: str) -> None:
    if version == "1.0":
        raise HttpProblem("not_http", "Expected a transfer coding only in HTTP/1.1, got HTTP/1.0")
    if coding.strip(b" \t").lower() != b"chunked":
        detail = "Expected the transfer coding `chunked` and no other, got something else"
        raise HttpProblem("unknown_transfer_coding", detail)


def _bad_host(got: str) -> HttpProblem:
    return HttpProblem("bad_host", f"Expected one header `Host` with the name of a host, got {got}")
