"""The ASGI edge: one request in, one `Reply` out, with limits, problems, metrics and logs.

Useful for: everything that is the same for every route, so that a handler is parse, search, encode.
Not useful for: knowing what a route does.

Routes are plain ASGI applications, not Starlette request functions: for a constant answer that is
29 µs of processor time a request against 40 µs, and answers are ready-made bytes anyway.
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from geosearch.errors import BadRequest, NotReady
from geosearch.query.query import Query
from geosearch.service.encode import Pieces
from geosearch.service.heavy import ClientGone
from geosearch.service.journal import Answered, Journal
from geosearch.service.problems import (
    MAX_QUERY_STRING,
    HttpProblem,
    problem_body,
    refusal_body,
    status_of,
    uri_too_long,
)
from geosearch.service.problems import MEDIA_TYPE as PROBLEM
from geosearch.service.protocol import Headers, Prompt, Request

JSON = b"application/json"


ANY_METHOD = "*"
"""Key of a handler that takes whatever method comes."""


class Asked:
    """What a handler gets of a request.

    Attributes
    ----------
    query_string
        As it came, percent-encoded.
    path
        Path without escapes.
    path_params
        What the path holds for the names of the route's template.
    """

    __slots__ = ("_max_body_bytes", "_receive", "_scope", "path", "path_params", "query_string")

    def __init__(self, scope: Scope, receive: Receive, max_body_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._max_body_bytes = max_body_bytes
        self.query_string: bytes = scope["query_string"]
        self.path: str = scope["path"]
        self.path_params: dict[str, str] = scope.get("path_params", {})

    @property
    def accept(self) -> str:
        """What the client wants to get: its headers `Accept`, empty where it says nothing."""
        named = (text for name, text in self._scope["headers"] if name == b"accept")
        return b",".join(named).decode("latin-1")

    async def body(self) -> bytes:
        """Return the body.

        Raises
        ------
        HttpProblem
            It is not plain `application/json`, or too long; a body that says so itself is not read.
        """
        if read_body_headers(self._scope["headers"]) > self._max_body_bytes:
            raise self._too_large()
        whole = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            whole += message.get("body", b"")
            more = message.get("more_body", False)
            if len(whole) > self._max_body_bytes:
                raise self._too_large()
        return bytes(whole)

    async def left(self) -> None:
        """Return when the client has left; for requests whose body is read, or that have none."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _too_large(self) -> HttpProblem:
        # What was not read would be taken for the next request: the connection ends here.
        return HttpProblem(
            "too_large",
            f"Expected a body of at most {self._max_body_bytes} bytes, got more",
            {"connection": "close"},
        )


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers. `query` and `results` are for log and metrics of nearby queries."""

    body: Pieces
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    code: str = ""
    query: Query | None = None
    results: int = 0


def without_slash(asked: Asked) -> Reply:
    """Return the redirection from a path with a slash at its end to the one without.

    It is relative, since a proxy may have taken a part from the path. Method and body stay.
    """
    last = quote(asked.path[:-1].rpartition("/")[2], safe=":").encode()
    query = b"?" + asked.query_string if asked.query_string else b""
    return Reply((), 308, headers=((b"location", b"../" + last + query),))


Handler = Callable[[Asked], Awaitable[Reply]]

PromptHandler = Callable[[Sequence[Request]], Sequence[Reply | None]]
"""Answers requests; None where one is refused, or takes longer than a search."""


class Endpoint:
    """The ASGI application of one route.

    Parameters
    ----------
    route
        Its name in logs and metrics: the path as a template, never the path that came.
    handlers
        By method. HEAD is answered as GET without the body.
    journal
        Where every answered request is noted.
    max_body_bytes
        Longest body; more is refused, at once if the request says so.
    """

    def __init__(
        self,
        route: str,
        handlers: Mapping[str, Handler],
        *,
        journal: Journal,
        max_body_bytes: int,
    ) -> None:
        self.route = route
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))
        self._journal = journal
        self._max_body_bytes = max_body_bytes
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter_ns()
        try:
            reply = await self._reply(scope, receive)
        except ClientGone:
            return
        body = b"".join(reply.body)
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", reply.media_type),
                    (b"content-length", b"%d" % len(body)),
                    # An answer holds for one wallet at one instant.
                    (b"cache-control", b"no-store"),
                    *reply.headers,
                ],
            }
        )
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})
        self._note(scope["method"], reply, time.perf_counter_ns() - started)

    def prompt(self, handler: PromptHandler) -> Prompt:
        """Return what answers requests for which `handler` has a reply.

        What is wrong with any other request is left for the long way to find and say.
        """

        def answer(requests: Sequence[Request]) -> list[Pieces | None]:
            started = time.perf_counter_ns()
            try:
                replies = handler(requests)
            except Exception:
                return [None] * len(requests)
            elapsed_ns = time.perf_counter_ns() - started
            for request, reply in zip(requests, replies, strict=True):
                if reply is not None:
                    self._note(request.method.decode(), reply, elapsed_ns)
            return [None if reply is None else reply.body for reply in replies]

        return answer

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        """Return what the handler answers, or the problem it ends in."""
        try:
            method = scope["method"]
            handler = self._handlers.get(method) or self._handlers.get(ANY_METHOD)
            if handler is None:
                raise HttpProblem(
                    "method_not_allowed",
                    f"Expected {self._allow}, got {method[:20]} - at `{self.route}`",
                    {"allow": self._allow},
                )
            if len(scope["query_string"]) > MAX_QUERY_STRING:
                raise uri_too_long()
            return await handler(Asked(scope, receive, self._max_body_bytes))
        except BadRequest as refusal:
            code = refusal.code
            return Reply((refusal_body(refusal),), status_of(code), PROBLEM, code=code)
        except HttpProblem as refusal:
            code = refusal.code
            headers = tuple(
                (name.encode(), text.encode()) for name, text in refusal.headers.items()
            )
            body = problem_body(code, str(refusal))
            return Reply((body,), status_of(code), PROBLEM, headers, code)
        except ClientGone:
            raise
        except NotReady as refusal:
            body = problem_body("not_ready", str(refusal))
            return Reply((body,), status_of("not_ready"), PROBLEM, code="not_ready")
        except Exception:
            fault = uuid.uuid4().hex
            self._log.exception("fault", route=self.route, fault=fault)
            detail = f"A fault of ours, logged as {fault}"
            return Reply((problem_body("fault", detail),), 500, PROBLEM, code="fault")

    def _note(self, method: str, reply: Reply, elapsed_ns: int) -> None:
        query = reply.query
        if query is None:
            self._journal.add(Answered(method, self.route, reply.status, elapsed_ns, reply.code))
            return
        self._journal.add(
            Answered(
                *(method, self.route, reply.status, elapsed_ns, reply.code),
                *(query.sort, reply.results),
            )
        )


def read_body_headers(headers: Headers) -> int:
    """Return the length that a body says it has, 0 where it does not.

    Raises
    ------
    HttpProblem
        It is not plain `application/json`.
    """
    media_type, encoding, length = b"", b"", b"0"
    for name, value in headers:
        if name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"content-length":
            length = value
    if media_type != JSON:
        raise _wrong_media_type("content type application/json", media_type)
    if encoding not in (b"", b"identity"):
        raise _wrong_media_type("a body without content encoding", encoding)
    return int(length)


def _wrong_media_type(expected: str, got: bytes) -> HttpProblem:
    words = ascii(got[:60].decode("latin-1")) if got else "nothing"
    return HttpProblem("wrong_media_type", f"Expected {expected}, got {words}")
