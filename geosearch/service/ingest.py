"""Service that takes live changes (`geosearch ingest`): the one writer of an index.

Useful for: `POST /v1/changes` and the feed of accepted changes.
Not useful for: answering users; `app` does, in processes of its own without token, log and disk.
"""

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson
import structlog
import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from geosearch.errors import BadData, BadRequest
from geosearch.indexing.writer import Writer
from geosearch.live.changes import MOST_LINES
from geosearch.live.log import ChangeLog, Logged, NotDurable
from geosearch.query.parameters import problem
from geosearch.service.change_source import ChangeSource
from geosearch.service.committer import Committer
from geosearch.service.follower import Follower
from geosearch.service.ingest_settings import IngestSettings, read_token
from geosearch.service.listener import bound
from geosearch.service.logs import configure_logs, end_logs
from geosearch.service.metrics import MEDIA_TYPE as METRICS_TEXT
from geosearch.service.problems import MEDIA_TYPE as PROBLEM
from geosearch.service.problems import HttpProblem, problem_body, refusal_body, status_of
from geosearch.service.version_files import VersionFiles

MOST_CHANGES = 10_000
"""Most changes in one answer of the feed."""

LONGEST_WAIT = 30.0
"""Most seconds that the feed waits for a change."""

NICENESS = 10
"""Priority of the process, as `nice` has it."""

_FEED_PAUSE = 0.02
_JSON = "application/json"
_MEDIA_TYPES = (_JSON, "application/x-ndjson", "application/jsonl")
_log = structlog.get_logger()

_Endpoint = Callable[[Request], Awaitable[Response]]


class Ingest:
    """Handlers of the service.

    Parameters
    ----------
    index
        Index folder.
    committer
        Accepts the changes, or copies those of another service.
    token
        What requests must carry.
    max_body_bytes
        Longest body in bytes.
    """

    def __init__(
        self, index: Path, committer: Committer | Follower, *, token: bytes, max_body_bytes: int
    ) -> None:
        self._index = index
        self._files = VersionFiles(index)
        self._committer = committer
        self._token = token
        self._max_body_bytes = max_body_bytes
        self.is_stopping: Callable[[], bool] = lambda: False
        """Whether who waits for a change has to go, since the service stops."""
        self._registry = CollectorRegistry()
        self._changes = Counter(
            "geosearch_changes", "Changes by what became of them.", ["outcome"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "geosearch_changes_seconds", "Time until changes are durable.", registry=self._registry
        )
        for name, text, member in (
            ("head", "Number of the last accepted change.", "head"),
            ("visible", "Number of the last change that readers can see.", "visible"),
            ("lag", "Accepted changes that readers cannot see yet.", "lag"),
            ("small_documents", "Documents in small segments.", "documents"),
            ("small_bytes", "Bytes of small segments.", "nbytes"),
        ):
            gauge = Gauge(f"geosearch_changes_{name}", text, registry=self._registry)
            gauge.set_function(partial(self._progress, member))

    def app(self) -> Starlette:
        """Return the ASGI application; it closes the writer when it stops."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self._committer.start()
            yield
            await asyncio.to_thread(self._committer.stop)

        routes = [
            Route(
                "/v1/changes", self._answered(self.changes, of_token=True), methods=["GET", "POST"]
            ),
            Route("/v1/versions", self._answered(self.version, of_token=True), methods=["GET"]),
            Route(
                "/v1/versions/{version}/{path:path}",
                self._answered(self.version_file, of_token=True),
                methods=["GET"],
            ),
            Route("/healthz", self._answered(self.alive), methods=["GET"]),
            Route("/metrics", self._answered(self.metrics), methods=["GET"]),
        ]
        app = Starlette(
            routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _not_allowed}
        )
        app.router.default, app.router.redirect_slashes = _nowhere, False
        return app

    async def changes(self, request: Request) -> Response:
        """`/v1/changes`: a POST brings changes, a GET reads the accepted ones."""
        return await (self.accept if request.method == "POST" else self.feed)(request)

    async def accept(self, request: Request) -> Response:
        """`POST /v1/changes`: one change, or one a line; answers when they are durable."""
        started = time.perf_counter()
        lines = _lines(await self._body(request), request)
        receipt = await self._committer.accept(lines)
        self._seconds.observe(time.perf_counter() - started)
        for outcome in ("accepted", "stale", "duplicate"):
            self._changes.labels(outcome).inc(getattr(receipt, outcome))
        self._changes.labels("rejected").inc(len(receipt.rejected))
        return Response(receipt.as_json(), media_type=_JSON)

    async def feed(self, request: Request) -> Response:
        """`GET /v1/changes`: the accepted changes after a number, in order."""
        after, limit, wait = _feed_parameters(request)
        until = time.monotonic() + wait
        while (
            self._committer.progress.head <= after
            and time.monotonic() < until
            and not self.is_stopping()
        ):
            await asyncio.sleep(_FEED_PAUSE)
        found = await asyncio.to_thread(self._after, after, limit)
        changes = b",".join(map(_told, found))
        head = orjson.dumps(self._committer.progress.head)
        return Response(b'{"changes":[%b],"head":%b}' % (changes, head), media_type=_JSON)

    async def version(self, request: Request) -> Response:
        """`GET /v1/versions`: the served version, its files and their checksums."""
        listing = await asyncio.to_thread(self._files.served)
        return Response(msgspec.json.encode(listing), media_type=_JSON)

    async def version_file(self, request: Request) -> Response:
        """`GET /v1/versions/{version}/{path}`: a file that was listed, or a range of its bytes."""
        version, path = request.path_params["version"], request.path_params["path"]
        file = await asyncio.to_thread(self._files.file, version, path)
        if file is None:
            raise HttpProblem("not_found", "There is no such file of a version that is kept")
        return FileResponse(file, media_type="application/octet-stream")

    async def alive(self, request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return Response(b'{"status":"alive"}', media_type=_JSON)

    async def metrics(self, request: Request) -> Response:
        """`GET /metrics`: metrics in the text format of Prometheus."""
        page = generate_latest(self._registry)
        return Response(page, headers={"content-type": METRICS_TEXT.decode()})

    def _progress(self, member: str) -> float:
        return float(getattr(self._committer.progress, member))

    def _after(self, seq: int, limit: int) -> list[Logged]:
        log = ChangeLog.read(self._index)
        if log is None:
            return []
        try:
            return list(log.after(seq, limit))
        finally:
            log.close()

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > self._max_body_bytes:
                raise HttpProblem(
                    "too_large",
                    f"Expected a body of at most {self._max_body_bytes} bytes, got more",
                    {"connection": "close"},
                )
        return bytes(body)

    def _answered(self, handler: _Endpoint, *, of_token: bool = False) -> _Endpoint:
        """Return the handler with refusals as answers; `of_token` if it requires the token."""

        async def answer(request: Request) -> Response:
            try:
                if of_token:
                    self._check_token(request)
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except BadRequest as refusal:
                body, code, headers = refusal_body(refusal), refusal.code, {}
            except HttpProblem as refusal:
                code, headers = refusal.code, refusal.headers
                body = problem_body(code, str(refusal))
            except NotDurable as failure:
                _log.error("changes not durable", error=str(failure))
                code, headers = "not_durable", {}
                body = problem_body(code, "The disk is full or fails; no change was accepted")
            except BadData as failure:
                _log.error("changes not accepted", error=str(failure))
                code, headers = "not_ready", {}
                body = problem_body(code, "The served version takes no changes; the log says why")
            except Exception:
                _log.exception("fault", path=request.url.path)
                code, headers = "fault", {}
                body = problem_body(code, "A fault of ours; the log says more")
            media_type = PROBLEM.decode()
            return Response(body, status_of(code), headers, media_type)

        return answer

    def _check_token(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1")
        if kind.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            raise HttpProblem(
                "unauthorized",
                "Expected the token of the setting token_file, got none or another",
                {"www-authenticate": "Bearer"},
            )


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    body = problem_body("not_found", "There is no such path")
    await Response(body, status_of("not_found"), media_type=PROBLEM.decode())(scope, receive, send)


async def _not_allowed(request: Request, refusal: Exception) -> Response:
    """Answer a request whose path has other methods."""
    methods = (cast(HTTPException, refusal).headers or {})["Allow"].split(", ")
    allow = ", ".join(sorted(methods, key="GET HEAD POST".index))
    detail = f"Expected {allow}, got {request.method[:20]} - at `{request.url.path}`"
    body, code = problem_body("method_not_allowed", detail), status_of("method_not_allowed")
    return Response(body, code, {"allow": allow}, PROBLEM.decode())


def _lines(body: bytes, request: Request) -> list[bytes]:
    """Return the changes of a body: one, which may have line feeds, or one a line."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        expected = " or ".join(_MEDIA_TYPES[:2])
        got = ascii(media_type[:60]) if media_type else "nothing"
        raise HttpProblem("wrong_media_type", f"Expected content type {expected}, got {got}")
    if encoding := request.headers.get("content-encoding", ""):
        expected = "Expected a body without Content-Encoding"
        raise HttpProblem("wrong_media_type", f"{expected}, got {encoding[:60]!a}")
    if media_type == _JSON:
        with suppress(ValueError):
            orjson.loads(body)
            return [body]
    if (count := body.count(b"\n")) > MOST_LINES:
        raise HttpProblem("too_large", f"Expected at most {MOST_LINES} lines, got {count}")
    return body.split(b"\n")


def _feed_parameters(request: Request) -> tuple[int, int, float]:
    found: dict[str, float] = {}
    problems = []
    ranges = {"after": (0, 2**53), "limit": (1, MOST_CHANGES), "wait": (0, LONGEST_WAIT)}
    for name, text in request.query_params.multi_items():
        if name not in ranges or name in found:
            expected = f"parameters {', '.join(ranges)}, each once"
            problems.append(problem("unknown_parameter", expected, ascii(name[:60]), (name,)))
            continue
        low, high = ranges[name]
        try:
            found[name] = float(text) if name == "wait" else int(text)
        except ValueError:
            found[name] = -1.0
        if not low <= found[name] <= high:
            expected = f"`{name}` in [{low}, {high}]"
            problems.append(problem("out_of_range", expected, ascii(text[:60]), (name,)))
    if problems:
        raise BadRequest("; ".join(one["detail"] for one in problems), problems)
    return int(found.get("after", 0)), int(found.get("limit", 1_000)), found.get("wait", 0.0)


def _told(logged: Logged) -> bytes:
    """Return a change of the feed: its number, when it was accepted, and the change."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(logged.accepted_ms // 1_000))
    head = b'{"seq":%d,"accepted_at":"%b.%03dZ",' % (
        logged.seq, at.encode(), logged.accepted_ms % 1_000,
    )  # fmt: skip
    return head + logged.change[1:]


def ingest(settings: IngestSettings) -> None:
    """Take changes until SIGTERM or SIGINT; then finish what was received.

    Raises
    ------
    BadData
        There is no index, another process writes its changes, the token cannot be read, or the
        port is not free.
    """

    def accepting(token: bytes) -> Committer | Follower:
        writer, url = Writer(Path(settings.index)), settings.from_url
        return Follower(writer, ChangeSource(url, token)) if url else Committer(writer)

    take_changes(settings, accepting)


def take_changes(
    settings: IngestSettings, accepting: Callable[[bytes], Committer | Follower]
) -> None:
    """Run the service until SIGTERM or SIGINT.

    Parameters
    ----------
    accepting
        Makes what accepts or copies changes, given the token.

    Raises
    ------
    BadData
        As `ingest`, or `accepting` raises it.
    """
    token = read_token(settings)
    configure_logs(settings.log_level)
    index = Path(settings.index)
    if Path(settings.token_file).stat().st_mode & 0o007:
        _log.warning("others can read the token", file=settings.token_file)
    listener = bound(settings.host, settings.port)
    try:
        # Processes that answer users go first where the cores are busy.
        os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        committer = accepting(token)
        taking = Ingest(index, committer, token=token, max_body_bytes=settings.max_body_bytes)
        port = listener.getsockname()[1]
        _log.info("taking changes", index=settings.index, host=settings.host, port=port)
        config = uvicorn.Config(
            taking.app(),
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        taking.is_stopping = lambda: server.should_exit
        with suppress(KeyboardInterrupt):  # It has stopped by then.
            server.run(sockets=[listener])
    finally:
        listener.close()
        end_logs()
