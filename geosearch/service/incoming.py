"""What a client has sent so far: how many requests, how far the last one is, what is wrong with it.

`guard` reads the bytes of a connection here before it passes them to uvicorn, which parses them
again: uvicorn tells nobody of a request before its head is complete, or why it refuses one. The
second parser costs 4 us a request.
"""

import re
from collections import deque

import httptools

from geosearch.service.heads import (
    HEADERS_TOO_LARGE,
    MAX_HEADERS,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
    head_problem,
)
from geosearch.service.limits import Phase
from geosearch.service.problems import HttpProblem

MAX_FRAMING = 16_384
"""Most bytes in a row of a chunked body that are not content: sizes, extensions, trailers."""

_AROUND_TARGET = 64
"""Upper bound of the bytes of a request line outside its target."""

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_FRAMING = HttpProblem(
    "not_http", f"Expected at most {MAX_FRAMING} bytes between parts of a body, got more"
)

Headers = list[tuple[bytes, bytes]]


class _InvalidHead(Exception):
    """Stops the parser."""


class Incoming:
    """Reader of the requests of one connection; the `on_` methods are called by its parser.

    Attributes
    ----------
    begun, complete
        Number of requests that have begun, and of those that are complete.
    stage
        Phase of the last request: `HEAD`, `BODY`, or `IDLE` when it is complete.
    heads
        Headers of the requests that the application has not taken yet.
    problem
        Why the last request is refused. Nothing is read after it.
    """

    def __init__(self) -> None:
        self.begun = self.complete = 0
        self.stage = Phase.HEAD
        self.heads: deque[Headers] = deque()
        self.problem: HttpProblem | None = None
        self._parser = httptools.HttpRequestParser(self)
        # As uvicorn, which ignores what follows the last request of a connection.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._in_request_line = self._content = False
        self._unended = 0
        self._url = b""
        self._headers: Headers = []
        self._head: Headers = []

    def read(self, data: bytes) -> bytes:
        """Read received data, and return it with its request line in ASCII."""
        if self.stage is Phase.IDLE or not self.begun:
            self._in_request_line = True
        if self._in_request_line:
            data = self._escaped(data)
        begun, stage = self.begun, self.stage
        self._content = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # As uvicorn, which answers over HTTP/1.1.
        except httptools.HttpParserError:
            self.problem = self.problem or NOT_HTTP
        if self.stage is not Phase.IDLE and self.problem is None:
            self._count_unended(len(data), begun, stage)
        return data

    def close(self) -> None:
        """Drop the parser, which refers to this object."""
        del self._parser

    def header(self, name: bytes) -> bytes | None:
        """Return a header of the last request; None if it has none, several or not sent it yet."""
        found = [value for each, value in self._head or self._headers if each == name]
        return found[0] if len(found) == 1 else None

    def _escaped(self, data: bytes) -> bytes:
        """Percent-encode the non-ASCII bytes of a request line, as curl sends them from a shell.

        The parser refuses such bytes. This checks only the first request of the data: clients that
        pipeline requests encode their URLs.
        """
        begin = len(data) - len(data.lstrip(b"\r\n"))
        end = data.find(b"\n", begin) + 1
        self._in_request_line = not end
        line = data[:end] if end else data
        if line.isascii():
            return data
        return _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line) + data[len(line) :]

    def _count_unended(self, length: int, begun: int, stage: Phase) -> None:
        new = self.begun - begun
        if self._content or new > 1 or (new and stage is Phase.BODY):
            self._unended = 0  # The bytes after it are fewer than one read of the socket.
        elif new:
            self._unended = length
        else:
            self._unended += length
        if self.stage is Phase.HEAD:
            # The target has its own limit.
            if len(self._url) > MAX_TARGET:
                self.problem = TARGET_TOO_LONG
            elif self._unended - len(self._url) > MAX_HEADERS + _AROUND_TARGET:
                self.problem = HEADERS_TOO_LARGE
        elif self._unended > MAX_FRAMING:
            self.problem = _FRAMING

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.begun += 1
        self.stage = Phase.HEAD
        self._url, self._headers, self._head = b"", [], []

    def on_url(self, url: bytes) -> None:
        """Collect a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head; an exception stops the parser at an invalid one."""
        self.stage, self._content = Phase.BODY, True
        # Trailers after a body are not headers of the request.
        self._head, self._headers = self._headers, []
        method, version = self._parser.get_method(), self._parser.get_http_version()
        self.problem = head_problem(self._url, method, version, self._head)
        if self.problem is not None:
            raise _InvalidHead
        self.heads.append(self._head)

    def on_body(self, body: bytes) -> None:
        """Note that a part of the body has arrived."""
        self._content = True

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self.stage = Phase.IDLE
        self.complete += 1
