"""Structured logs: one JSON object a line on stderr, from the service and from its HTTP server.

A request is logged by route, status, time and results. Never the position, the wallet, the cursor,
the URL or the words of an error, which may repeat any of them.

Whoever reads the log may stop reading: lines then wait in a `LineQueue`, and are dropped when that
is full; the number of them is a metric, and a line of its own when the reader goes on.
"""

import atexit
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import msgspec
import orjson
import structlog

from geosearch.service.line_queue import LineQueue

_encoder = msgspec.json.Encoder()

CLOSE_SECONDS = 1.0
"""How long the end of a process waits for the reader of its log."""

_info_stream: BinaryIO | None = None
_queue: LineQueue | None = None
_dropped_told = 0


def configure_logs(level: str, stream: BinaryIO | None = None) -> None:
    """Send the logs of this process to `stream`, by default stderr, from `level` on."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=orjson.dumps)
    out = stream or cast(BinaryIO, _stderr_queue())
    global _info_stream
    _info_stream = out if logging.getLevelName(level.upper()) <= logging.INFO else None
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = _LinesHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(
                    serializer=lambda event, **_: orjson.dumps(event).decode()
                ),
            ],
        )
    )
    # Libraries speak up from warnings on: some would log whole URLs at lower levels.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn").setLevel(level.upper())


def write_lines(lines: Sequence[msgspec.Struct]) -> None:
    """Write lines of level info at once, past the processors of structlog.

    A line has event, level and timestamp already, and what it may not know is left out.
    """
    if _info_stream is not None:
        _info_stream.write(_encoder.encode_lines(lines))
        _info_stream.flush()


def take_dropped() -> int:
    """Return how many lines were dropped since this was asked last."""
    global _dropped_told
    dropped = _queue.dropped if _queue is not None else 0
    since, _dropped_told = dropped - _dropped_told, dropped
    return since


def end_logs() -> None:
    """Write the lines that wait, as far as their reader takes them; for a process about to end.

    Whoever logs after it calls `configure_logs` first.
    """
    global _queue
    if _queue is not None:
        _queue.close(CLOSE_SECONDS)
        _queue = None


def _begin_anew() -> None:
    """Forget the queue of the process before a fork: its thread is not in this one."""
    global _queue
    _queue = None


os.register_at_fork(after_in_child=_begin_anew)


class _LinesHandler(logging.Handler):
    """Writes records of the standard library's logging as lines, each at once."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        self._out.write(self.format(record).encode() + b"\n")


def _stderr_queue() -> LineQueue:
    """Return the queue of this process to its stderr."""
    global _queue
    if _queue is None:
        _queue = LineQueue(sys.stderr.fileno(), _dropped_line)
        atexit.register(end_logs)
    return _queue


def _dropped_line(number: int) -> bytes:
    now = datetime.now(UTC)
    line = {"event": "log lines dropped", "level": "warning", "timestamp": now, "lines": number}
    return orjson.dumps(line) + b"\n"
