"""Structured logs: one JSON object a line on stderr, from the service and from its HTTP server.

The line of a request has route, status, time and number of results. It never has the position, the
wallet, the cursor, the URL or the message of an error, which may repeat any of them.

If the reader of the log stops, lines wait in a `LineQueue`. A full queue drops lines. A metric
counts them, and a line reports them when the reader goes on.
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
"""How long a process that ends waits for the reader of its log."""

_info_stream: BinaryIO | None = None
_queue: LineQueue | None = None
_dropped_reported = 0


def configure_logs(level: str, stream: BinaryIO | None = None) -> None:
    """Send the logs of this process to `stream` (default: stderr), from `level` on."""
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
    # Libraries log only warnings and errors: below, some would log whole URLs.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn").setLevel(level.upper())


def write_lines(lines: Sequence[msgspec.Struct]) -> None:
    """Write lines of level info, without the processors of structlog.

    Each line must already have event, level and timestamp, and nothing that logs must not have.
    """
    if _info_stream is not None:
        _info_stream.write(_encoder.encode_lines(lines))
        _info_stream.flush()


def take_dropped() -> int:
    """Return how many lines were dropped since the last call."""
    global _dropped_reported
    dropped = _queue.dropped if _queue is not None else 0
    since, _dropped_reported = dropped - _dropped_reported, dropped
    return since


def end_logs() -> None:
    """Write the queued lines, for at most `CLOSE_SECONDS`, before the process ends.

    Call `configure_logs` before logging again.
    """
    global _queue
    if _queue is not None:
        _queue.close(CLOSE_SECONDS)
        _queue = None


def _begin_anew() -> None:
    """Forget the parent's queue after a fork: its thread does not run in the child."""
    global _queue
    _queue = None


os.register_at_fork(after_in_child=_begin_anew)


class _LinesHandler(logging.Handler):
    """Handler that writes each record of the standard library's logging as a line."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        self._out.write(self.format(record).encode() + b"\n")


def _stderr_queue() -> LineQueue:
    """Return the queue for stderr of this process; create it on the first call."""
    global _queue
    if _queue is None:
        _queue = LineQueue(sys.stderr.fileno(), _dropped_line)
        atexit.register(end_logs)
    return _queue


def _dropped_line(number: int) -> bytes:
    now = datetime.now(UTC)
    line = {"event": "log lines dropped", "level": "warning", "timestamp": now, "lines": number}
    return orjson.dumps(line) + b"\n"
