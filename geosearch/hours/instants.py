"""RFC 3339 instants as people and programs write them, leap seconds included.

Useful for: every instant that comes as text, in requests, options and snapshots.
Not useful for: local dates, or where an instant lies on the clock of an index (`clock`).
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import orjson

LEAP_SECOND = r"(:[25]9):60"
"""Minute and second of a leap second: 23:59:60 in UTC, in zones of whole and half hours."""

_LEAP_SECOND = re.compile(rf"(?<=[Tt ]\d\d){LEAP_SECOND}")
_SECOND = timedelta(seconds=1)


def read_instant(text: str, read: Callable[[str], datetime] = datetime.fromisoformat) -> datetime:
    """Return the instant that a text names; a leap second is the second after it.

    No clock here has a second 60 (POSIX counts none), and refusing one would fail callers for a
    second every few years.

    Parameters
    ----------
    read
        Reads any other text.

    Raises
    ------
    ValueError
        Whatever `read` raises.

    Examples
    --------
    >>> read_instant("2026-12-31T23:59:60Z").isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    plain = _LEAP_SECOND.sub(r"\1:59", text, count=1) if ":60" in text else text
    return read(plain) if plain == text else read(plain) + _SECOND


def instant_text(at: datetime) -> str:
    """`at.isoformat()`, for time zones of the standard library in a quarter of its time."""
    try:
        return orjson.dumps(at)[1:-1].decode()
    except orjson.JSONEncodeError:
        return at.isoformat()
