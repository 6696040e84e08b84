"""Structured logs: one JSON object a line on stderr, from the service and from its HTTP server.

A request is logged by route, status, time, results and its position rounded to 0.01 degree (about
1 km). Never the URL, the wallet, the cursor or the words of an error, which may repeat any of them.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec
import orjson
import structlog

POSITION_DECIMALS = 2
"""Decimals of a degree that a log may know: 0.01 degree is 1.1 km of latitude."""


_encoder = msgspec.json.Encoder()

_info_stream: BinaryIO | None = None


def configure_logs(level: str, stream: BinaryIO | None = None) -> None:
    """Send the logs of this process to `stream`, by default stderr, from `level` on."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=orjson.dumps)
    out = stream or sys.stderr.buffer
    global _info_stream
    _info_stream = out if logging.getLevelName(level.upper()) <= logging.INFO else None
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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
