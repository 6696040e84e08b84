"""ASGI application of the service (`create_app`), and the server that runs it (`serve`).

Useful for: `geosearch serve`, and tests that need the application.
Not useful for: what a route answers (`handlers`), or anything that should also work without HTTP.

The server is uvicorn with uvloop and httptools. This table compares servers of one Starlette
application that answers 6 kB of constant bytes. The server had one core, `wrk` with 16 connections
the other; each figure is the best of four runs:

    ================================  ==========================  ======================
    server                            Request and Response        plain ASGI route
    ================================  ==========================  ======================
    uvicorn 0.54, uvloop, httptools   24,700 a s, 40 us of CPU    33,900 a s, 29 us
    granian 2.8, uvloop, mt           22,200 a s, 45 us           27,200 a s, 37 us
    granian 2.8, uvloop, st           21,100 a s, 47 us           26,300 a s, 38 us
    ================================  ==========================  ======================

granian passes each request from a Rust thread to Python's thread and back, which costs time on one
core. TLS and limits for each client address belong to a proxy in front of the service.
"""

import asyncio
import faulthandler
import gc
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import httptools
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from geosearch.errors import BadData
from geosearch.search.searcher import Searcher
from geosearch.search.warm import warm
from geosearch.segment.segment import verify_version
from geosearch.segment.versions import current
from geosearch.service.basemap import open_basemap
from geosearch.service.coverage_layer import open_coverage
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.edge import Endpoint
from geosearch.service.engines import Engines
from geosearch.service.guard import CLIENTS, CROSS_ORIGIN, GuardedProtocol, guarded
from geosearch.service.handlers import Handlers
from geosearch.service.limits import Clients, raise_descriptor_limit
from geosearch.service.listener import bound, not_free
from geosearch.service.logs import configure_logs, end_logs
from geosearch.service.metrics import MULTIPROCESS_VARIABLE, Metrics
from geosearch.service.polling import BusyPolling
from geosearch.service.settings import (
    Settings,
    as_environment,
    load_settings,
    unknown_variables,
)
from geosearch.service.supervisor import (
    RECOVERY_VARIABLE,
    Report,
    Supervisor,
    end_with_parent,
    split_off,
)

BACKLOG = 2_048

SWITCH_SECONDS = 0.000_1
"""How long a thread keeps the GIL where another one wants it.

Beside a thread of Python code a small search took 9 ms with 5 ms, Python's default, 1.3 ms with
1 ms, and 0.23 ms with 0.1 ms (medians)."""

WORKER_FAILURE = 1
"""Exit status of a worker after an unexpected error; `STARTUP_FAILURE` would end all workers."""

_log = structlog.get_logger()


def create_app(
    settings: Settings, engines: Engines, *, leave: Callable[[], None] = lambda: None
) -> Starlette:
    """Return the ASGI application; it follows the index folder from its start to its stop.

    Parameters
    ----------
    leave
        Called last, if a thread still computes; otherwise the process would wait for that thread.
    """
    metrics = Metrics(engines)
    handlers = Handlers(engines, metrics, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        await asyncio.to_thread(engines.start)
        yield {
            CLIENTS: Clients(settings, metrics.count_ended),
            CROSS_ORIGIN: CrossOrigin(settings.cors_origins),
        }
        ended = await asyncio.to_thread(handlers.close)
        ended = await asyncio.to_thread(engines.stop) and ended
        if not ended:
            leave()

    return make_app(handlers, lifespan)


class Routes(Protocol):
    """Handlers of a service: `Handlers`, or those of the gateway."""

    def routes(self) -> list[Route]:
        """Return every route."""

    def elsewhere(self) -> Endpoint:
        """Return the endpoint of all other paths."""


def make_app(handlers: Routes, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Return the application of `handlers`; without `lifespan` it does not follow the index."""
    app = _Application(routes=handlers.routes(), middleware=[], lifespan=lifespan)
    # A catch-all route would not do: the pattern of a path does not match a line feed.
    app.router.default = handlers.elsewhere()
    app.router.redirect_slashes = False
    return app


class _Application(Starlette):
    """Starlette with a dictionary lookup for routes without path parameters.

    The lookup saves 8 us a request: Starlette's route matching, and its middleware for exceptions.
    An `Endpoint` turns exceptions into answers itself.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._endpoints = {
            route.path: route.endpoint
            for route in self.routes
            if isinstance(route, Route) and not route.param_convertors
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        await guarded(endpoint or super().__call__, scope, receive, send)


def app_from_environment() -> Starlette:
    """Return the application of one worker, with the settings that its parent exported."""
    faulthandler.enable()
    end_with_parent()
    settings = load_settings(environment=os.environ)
    configure_logs(settings.log_level)
    try:
        return _worker_app(settings)
    except Exception:
        _log.exception("worker failed")
        sys.exit(WORKER_FAILURE)


def _worker_app(settings: Settings) -> Starlette:
    _get_ready()
    _settle()
    engines = open_engines(settings)
    if RECOVERY_VARIABLE not in os.environ:
        engines.refresh()
    if engines.loaded is None:
        try:
            engines.recover()
        except BadData as error:
            _log.error("no version to serve", error=str(error))
            # This status stops the supervisor: every further worker would fail too.
            sys.exit(STARTUP_FAILURE)
    return create_app(settings, engines, leave=_leave)


def _leave() -> None:
    """End this process at once, without waiting for its threads: their clients have left."""
    _log.warning("stopped before its threads ended")
    end_logs()
    os._exit(0)


def _get_ready() -> None:
    """Load every kernel, and log it if kernels have to be compiled.

    Otherwise the first text query and the first suggestion would wait for their kernels: 0.3 s to
    load them, minutes to compile them.
    """
    warm(lambda doing: _log.info("not ready yet", doing=doing))


def _settle() -> None:
    """Exclude loaded objects from garbage collection, and make collections rare.

    A request leaves no reference cycles. A collection over all objects of the libraries takes
    milliseconds, and a request would wait for it. The event loop also waits for the GIL where a
    thread of `heavy` runs Python code, so that thread gives way soon.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def open_engines(settings: Settings) -> Engines:
    """Return the `Engines` of the index in `settings`, before any version is open."""
    verify = cast(Literal["fast", "full"], settings.verify)
    return Engines(
        Path(settings.index), Searcher, poll_seconds=settings.poll_seconds, verify=verify
    )


def serve(settings: Settings) -> None:
    """Answer over HTTP until SIGTERM or SIGINT; then finish the running requests.

    After `graceful_seconds` the service refuses the requests that still run. The process ends
    within a second after that, even if one of its threads still computes.

    If a signal kills the process, for example on a damaged disk, another process replaces it. The
    new process compares every byte with its checksum before it answers, and serves the newest
    intact version.

    Raises
    ------
    BadData
        There is no index, it is damaged, or the service cannot listen on the address.
    """
    faulthandler.enable()
    raise_descriptor_limit()
    try:
        _serve(settings)
    finally:
        # Log lines come before the message of the error that ended the service.
        end_logs()


def _serve(settings: Settings) -> None:
    with bound(settings.host, settings.port) as listener:
        server = split_off(settings.log_level, listener) if settings.workers == 1 else None
        configure_logs(settings.log_level)
        _log.info("starting", index=settings.index, workers=settings.workers)
        for variable, closest in unknown_variables(os.environ).items():
            _log.warning("unknown environment variable", variable=variable, closest=closest)
        engines = open_engines(settings)
        # A missing index and a wrong file of the map raise here, before the kernels are compiled.
        current(engines.index)
        open_basemap(settings.basemap)
        open_coverage(settings.coverage)
        _get_ready()
        killed = server is not None and server.replaces_killed
        if killed:
            engines.recover()
        else:
            engines.load()
        _settle()
        listen(listener, settings)
        serving = partial(_tell_serving, settings, listener.getsockname())
        if server is not None:
            to_check = settings.verify == "fast" and not killed
            _run_here(
                *(settings, engines, listener),
                waiting=server.waiting,
                serving=serving,
                to_check=to_check,
            )
        else:
            _run_workers(settings, engines, listener, serving)
    _log.info("stopped")


def _tell_serving(settings: Settings, address: tuple[Any, ...]) -> None:
    host, port = address[:2]
    shown = f"[{host}]" if ":" in host else host
    _log.info(
        "serving", url=f"http://{shown}:{port}/", host=host, port=port, workers=settings.workers,
        index=settings.index, uvicorn=uvicorn.__version__, httptools=httptools.__version__,
        uvloop=uvloop.__version__,  # type: ignore[attr-defined]
    )  # fmt: skip


def _run_here(
    settings: Settings,
    engines: Engines,
    listener: socket.socket,
    *,
    waiting: Connection,
    serving: Callable[[], None],
    to_check: bool,
) -> None:
    """Serve in this process."""

    def stop() -> None:
        server.should_exit = True

    def answer() -> None:
        serving()
        if to_check:
            checking.start()

    app = create_app(settings, engines, leave=_leave)
    server = uvicorn.Server(server_config(app, settings, Report(waiting, answer)))
    checking = _Checking(engines, stop)
    server.run(sockets=[listener])
    checking.tell()


def _run_workers(
    settings: Settings, engines: Engines, listener: socket.socket, serving: Callable[[], None]
) -> None:
    """Run several processes that share the listener, the pages of the index and the metrics."""

    def answer() -> None:
        serving()
        if settings.verify == "fast":
            checking.start()

    reports, waiting = multiprocessing.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="geosearch-metrics-") as folder:
        os.environ |= as_environment(settings) | {MULTIPROCESS_VARIABLE: folder}
        app = "geosearch.service.app:app_from_environment"
        config = server_config(app, settings, Report(waiting))
        supervisor = Supervisor(config, [listener], reports=reports, serving=answer)
        checking = _Checking(engines, supervisor.should_exit.set)
        supervisor.run()
    os.environ.pop(RECOVERY_VARIABLE, None)
    checking.tell()
    if supervisor.no_version:
        raise BadData(
            f"No version of the index can be opened; the log says why - at `{settings.index}`"
        )
    if supervisor.failure is not None:
        raise supervisor.failure


class _Checking:
    """Compares every byte of the first version with its checksum, while the service answers.

    Parameters
    ----------
    engines
        The engines, with that version loaded.
    stop
        Called if a byte differs.
    """

    def __init__(self, engines: Engines, stop: Callable[[], None]) -> None:
        self._error: BadData | None = None
        self._engines = engines
        self._stop = stop
        self._version = engines.current().version

    def start(self) -> None:
        """Start the check in a thread."""
        threading.Thread(target=self._check, args=(self._version,), daemon=True).start()

    def tell(self) -> None:
        """Raise the error that the check found, if any.

        Raises
        ------
        BadData
            The version is damaged.
        """
        if self._error is not None:
            raise self._error

    def _check(self, version: str) -> None:
        started = time.perf_counter()
        folder = self._engines.index / "versions" / version
        while folder.exists():
            try:
                verify_version(folder)
            except OSError:
                time.sleep(1.0)  # Too many files are open; the version may be intact.
            except BadData as error:
                # Another version may have replaced this one, and its files may be half removed.
                if current(self._engines.index) == folder:
                    self._error = error
                    self._stop()
                return
            else:
                seconds = round(time.perf_counter() - started, 2)
                _log.info("index verified", version=version, seconds=seconds)
                return


def server_config(app: Starlette | str, settings: Settings, report: Report) -> uvicorn.Config:
    """Return the configuration of the server, with its guard and its limits."""
    busy_polling = BusyPolling(settings.busy_poll_us / 1e6)
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        loop="geosearch.service.acceptor:AcceptingLoop",
        http=cast(Any, partial(GuardedProtocol, busy_polling=busy_polling)),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.graceful_seconds,
        callback_notify=report,
    )


def listen(listener: socket.socket, settings: Settings) -> None:
    """Begin to accept connections; a signal to stop is no failure from now on.

    Raises
    ------
    BadData
        The address cannot be had.
    """
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise not_free(settings.host, settings.port, error) from error
    # uvicorn raises the stop signal again when it has stopped.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
