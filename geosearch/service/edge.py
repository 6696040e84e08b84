"""ASGI endpoint of a route: one request in, one `Reply` out, with limits, problems, metrics, logs.

Useful for: everything that is the same for every route, so that a handler is parse, search, encode.
Not useful for: what a route does (`handlers`).

Routes are plain ASGI applications, not Starlette request functions. For a constant answer that
costs 29 µs of processor time a request instead of 40 µs. Answers are ready-made bytes anyway.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import quote

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from geosearch.errors import BadRequest, Behind, NotReady
from geosearch.query.parameters import DEFAULT_LANGUAGE
from geosearch.query.query import Query
from geosearch.service.compression import IN_THREAD, SMALLEST, accepts_gzip, coding_for
from geosearch.service.conditional import entity_tag, is_current
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.encode import Pieces
from geosearch.service.heavy import ClientGone
from geosearch.service.journal import Answered, Journal
from geosearch.service.negotiation import language_for
from geosearch.service.problems import (
    MAX_QUERY_STRING,
    HttpProblem,
    problem_body,
    refusal_body,
    status_of,
    uri_too_long,
)
from geosearch.service.problems import MEDIA_TYPE as PROBLEM
from geosearch.service.request_ids import RequestIds

JSON = b"application/json"
GEOJSON = b"application/geo+json"

_PREFLIGHT = b"access-control-request-method"

REQUEST_HEADERS = {
    b"accept-encoding": "`zstd` or `gzip`, with weights: bodies of 1 kB and more are compressed.",
    b"accept-language": "`zh` or `en`, with weights: the language of `reasons` and of names of "
    "categories, unless `lang` says it. `Content-Language` names it.",
    b"if-none-match": "The `ETag` of an answer that the client has: 304 while it is the same. "
    "Cards, categories, zones, the index, `/openapi.json` and `/docs` have one.",
    b"origin": "Of a web page: the setting `cors_origins` says whether a browser lets it read the "
    "answer.",
    _PREFLIGHT: "With `OPTIONS`, from a browser: whether the page may send a request.",
    b"x-request-id": "Name of the request in the answer and in the log: 1 to 128 letters, digits "
    "and `._~:=@+/-`. A new one where there is none, or another text.",
}
"""Headers of a request that mean the same on every route, in lower case."""

_WITHOUT_BODY = (204, 304)
"""Statuses of answers that have neither a body nor a length."""

Headers = list[tuple[bytes, bytes]]

PART_BODIES = 4
"""How many times longer a body of the gateway may be: it says more than that of its caller."""

ANY_METHOD = "*"
"""Key of a handler for every method."""

_FETCHED = "GET, HEAD, POST"


class Asked:
    """The request that a handler gets.

    Attributes
    ----------
    query_string
        Query string of the URL, percent-encoded.
    path
        Path, percent-decoded.
    path_params
        Values of the path by the names of the route's template.
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
        """The headers `Accept`, joined by commas; empty without one."""
        return self._named(b"accept")

    @property
    def language(self) -> str:
        """The language that the headers `Accept-Language` ask for."""
        return language_for(self._named(b"accept-language"))

    def _named(self, header: bytes) -> str:
        """The headers of a name, joined by commas."""
        named = (text for name, text in self._scope["headers"] if name == header)
        return b",".join(named).decode("latin-1")

    @property
    def target(self) -> str:
        """Path and query string as they were sent."""
        raw = self._scope.get("raw_path") or quote(self.path, safe="/:").encode()
        query = b"?" + self.query_string if self.query_string else b""
        return (raw.partition(b"?")[0] + query).decode("latin-1")

    @property
    def passed_on(self) -> dict[str, str]:
        """Headers that mean the same to whoever answers instead."""
        names = (b"accept", b"accept-language", b"content-type", b"x-request-id")
        found = {name.decode(): self._named(name) for name in names}
        return {name: text for name, text in found.items() if text}

    @property
    def is_part(self) -> bool:
        """Whether the gateway asks for a region's part of an answer: the header `X-Owned`."""
        return any(name == b"x-owned" for name, _ in self._scope["headers"])

    @property
    def region(self) -> str:
        """The region that is meant: the header `X-Region`; empty without one."""
        return self._named(b"x-region")

    @property
    def range(self) -> bytes | None:
        """The header `Range`; None without one, or with several."""
        named = [text for name, text in self._scope["headers"] if name == b"range"]
        return named[0] if len(named) == 1 else None

    @property
    def client(self) -> str:
        """Address of the client, or of the proxy in front; empty if the transport has none."""
        address = self._scope.get("client")
        return address[0] if address else ""

    async def body(self) -> bytes:
        """Return the body.

        Raises
        ------
        HttpProblem
            The body is not plain `application/json`, or is too long. A body whose `Content-Length`
            is too long is not read.
        ClientGone
            The client disconnected.
        """
        most = self._max_body_bytes * (PART_BODIES if self.is_part else 1)
        if read_body_headers(self._scope["headers"]) > most:
            raise self._too_large()
        whole = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            whole += message.get("body", b"")
            more = message.get("more_body", False)
            if len(whole) > most:
                raise self._too_large()
        return bytes(whole)

    async def left(self) -> None:
        """Return when the client has disconnected; the body, if any, must be read before."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _too_large(self) -> HttpProblem:
        # The unread rest would be parsed as the next request, so the connection ends here.
        return HttpProblem(
            "too_large",
            f"Expected a body of at most {self._max_body_bytes} bytes, got more",
            {"connection": "close"},
        )


class Reply(msgspec.Struct, frozen=True):
    """The answer of a handler.

    `cache_control` and `etag` are headers. By default nobody keeps an answer, because it holds for
    one wallet at one instant. `varies` are the headers of requests that decide it. `query` and
    `results` are for log and metrics of nearby queries. `gzip` is the body in that coding, where it
    is stored so. A body that is not whole, but a part of a file, is sent as it is.
    """

    body: Pieces
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    code: str = ""
    query: Query | None = None
    results: int = 0
    cache_control: bytes = b"no-store"
    etag: bytes = b""
    varies: tuple[bytes, ...] = ()
    gzip: bytes = b""
    is_whole: bool = True


def lasting(
    body: bytes, *, of: bytes = b"", media_type: bytes = JSON, is_personal: bool = False
) -> Reply:
    """Return an answer that clients may keep, and ask each time whether it is still the same one.

    Parameters
    ----------
    of
        What has to stay the same; by default the body.
    is_personal
        Whether the URL tells of a person, so that only the client may keep the answer.
    """
    cache_control = b"private, no-cache" if is_personal else b"no-cache"
    etag = entity_tag(of or body)
    return Reply((body,), media_type=media_type, cache_control=cache_control, etag=etag)


def in_language(reply: Reply, language: str | None) -> Reply:
    """Return a reply that says its language, and which header of a request decides it."""
    named = (b"content-language", (language or DEFAULT_LANGUAGE).encode())
    return msgspec.structs.replace(reply, headers=(named,), varies=(b"accept-language",))


def without_slash(asked: Asked) -> Reply:
    """Return the redirect (308) from a path with a trailing slash to the path without it.

    It is relative, because a proxy may have removed a prefix of the path. Method and body stay.
    """
    last = quote(asked.path[:-1].rpartition("/")[2], safe=":").encode()
    query = b"?" + asked.query_string if asked.query_string else b""
    return Reply((), 308, headers=((b"location", b"../" + last + query),))


Handler = Callable[[Asked], Awaitable[Reply]]


class Endpoint:
    """The ASGI application of one route.

    Parameters
    ----------
    route
        Name of the route in logs and metrics: the template of the path, never a client's path.
    handlers
        Handlers by method. HEAD gets the answer of GET without the body.
    journal
        Records every answered request.
    request_ids
        Gives each request its id.
    cross_origin
        Says which pages may read the answers.
    max_body_bytes
        Longest body in bytes; a longer one is refused.
    check
        Raises what refuses a request before its handler.
    """

    def __init__(
        self,
        route: str,
        handlers: Mapping[str, Handler],
        *,
        journal: Journal,
        request_ids: RequestIds,
        cross_origin: CrossOrigin,
        max_body_bytes: int,
        check: Callable[[Asked], None] | None = None,
    ) -> None:
        self.route = route
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allow = ", ".join(sorted(self._handlers))
        self._journal = journal
        self._request_ids = request_ids
        self._cross_origin = cross_origin
        self._max_body_bytes = max_body_bytes
        self._check = check
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter_ns()
        asked = _headers_read(scope["headers"])
        request_id = self._request_ids.of(asked.get(b"x-request-id"))
        try:
            reply = await self._reply(scope, receive, asked, request_id)
        except ClientGone:
            return
        if reply.etag and is_current(reply.etag, asked.get(b"if-none-match")):
            reply = msgspec.structs.replace(reply, body=(), status=304)
        headers = [
            (b"cache-control", reply.cache_control),
            (b"x-request-id", request_id),
            *self._cross_origin.headers(asked.get(b"origin")),
            *reply.headers,
        ]
        if reply.etag:
            headers.append((b"etag", reply.etag))
        varies = [*self._cross_origin.varies, *reply.varies]
        body = await _encoded(reply, asked.get(b"accept-encoding"), headers, varies)
        if varies:
            headers.append((b"vary", b", ".join(varies)))
        if reply.status not in _WITHOUT_BODY:
            headers.append((b"content-type", reply.media_type))
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})
        self._note(scope["method"], reply, time.perf_counter_ns() - started, request_id)

    async def _reply(
        self, scope: Scope, receive: Receive, asked: Mapping[bytes, bytes], request_id: bytes
    ) -> Reply:
        """Return the reply of the handler, or the problem that it raised."""
        try:
            method = scope["method"]
            if method == "OPTIONS" and self._cross_origin.is_on and _PREFLIGHT in asked:
                return self._preflight(asked)
            handler = self._handlers.get(method) or self._handlers.get(ANY_METHOD)
            if handler is None:
                raise HttpProblem(
                    "method_not_allowed",
                    f"Expected {self._allow}, got {method[:20]} - at `{self.route}`",
                    {"allow": self._allow},
                )
            if len(scope["query_string"]) > MAX_QUERY_STRING:
                raise uri_too_long()
            request = Asked(scope, receive, self._max_body_bytes)
            if self._check is not None:
                self._check(request)
            return await handler(request)
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
            code = "behind" if isinstance(refusal, Behind) else "not_ready"
            body = problem_body(code, str(refusal))
            return Reply((body,), status_of(code), PROBLEM, code=code)
        except Exception:
            fault = uuid.uuid4().hex
            named = {"fault": fault, "request_id": request_id.decode()}
            self._log.exception("fault", route=self.route, **named)
            detail = f"A fault of ours, logged as {fault}"
            return Reply((problem_body("fault", detail),), 500, PROBLEM, code="fault")

    def _preflight(self, asked: Mapping[bytes, bytes]) -> Reply:
        """Return the answer to a preflight.

        A path that does not exist is allowed, so that the page can read its problem.
        """
        methods = _FETCHED if ANY_METHOD in self._handlers else self._allow
        allowed = self._cross_origin.preflight(asked.get(b"origin", b""), methods)
        return Reply((), 204, headers=allowed)

    def _note(self, method: str, reply: Reply, elapsed_ns: int, request_id: bytes) -> None:
        told = (method, self.route, reply.status, elapsed_ns, request_id, reply.code)
        query = reply.query
        if query is None:
            self._journal.add(Answered(*told))
        else:
            self._journal.add(Answered(*told, query.sort, reply.results))


async def _encoded(
    reply: Reply, accepted: bytes | None, headers: Headers, varies: list[bytes]
) -> bytes:
    """Return the body, compressed if `accepted` asks for it, and add what says so."""
    body = b"".join(reply.body)
    if not reply.is_whole:
        return body
    if reply.gzip:
        varies.append(b"accept-encoding")
        if reply.status in _WITHOUT_BODY or not accepts_gzip(accepted):
            return body
        headers.append((b"content-encoding", b"gzip"))
        return reply.gzip
    coding = coding_for(accepted)
    is_coded = coding is not None and len(body) >= coding.smallest
    if is_coded or len(body) >= SMALLEST or reply.etag:
        varies.append(b"accept-encoding")
    if coding is None or not is_coded:
        return body
    headers.append((b"content-encoding", coding.name))
    if len(body) < IN_THREAD:
        return coding.compress(body)
    return await asyncio.to_thread(coding.compress, body)


def _headers_read(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers in `REQUEST_HEADERS`; the values of a repeated one with commas."""
    read: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in REQUEST_HEADERS:
            read[name] = read[name] + b"," + value if name in read else value
    return read


def read_body_headers(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the `Content-Length` of a body, 0 without one.

    Raises
    ------
    HttpProblem
        The body is not plain `application/json`.
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
