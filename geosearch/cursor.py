"""`Cursor`: where a page of results ended, as the opaque text an answer carries.

It pins the index version and the instant, and a fingerprint of the question, so that the next page
continues the same list or is refused; it never silently skips. It holds no wallet and no position.
A checksum tells a cut or mistyped cursor from a real one; it is no signature, so whatever is read
from a cursor is checked before use (a version is looked up among those kept, never opened by name).
"""

import base64
import binascii
from datetime import datetime
from operator import attrgetter

import msgspec
import xxhash

from geosearch.errors import BadRequest
from geosearch.model import Query
from geosearch.parameters import problem, shown

_NOT_THE_QUESTION = ("at", "cursor", "limit", "total", "facets", "explain")
"""Fields that may differ between pages; `at` is compared on its own."""

_question_of = attrgetter(
    *(name for name in Query.__struct_fields__ if name not in _NOT_THE_QUESTION)
)

_CHECKSUM_BYTES = 4
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Cursor(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The end of one page.

    Attributes
    ----------
    version
        Name of the index version that gave the page.
    at
        The instant the page was evaluated for.
    question
        `fingerprint` of the query.
    keys
        Sort keys of the last hit, and `doc` its position in the order of ties: the next page
        starts behind them.
    """

    version: str
    at: datetime
    question: int
    keys: tuple[float, ...]
    doc: int


def fingerprint(query: Query) -> int:
    """Return 64 bits of what `query` asks, apart from instant, page and extras.

    Stable across processes, so that any worker can read another one's cursor.
    """
    # msgpack has integers of either sign.
    return xxhash.xxh3_64_intdigest(_encode(_question_of(query))) >> 1


def write_cursor(cursor: Cursor) -> str:
    """Return the text of `cursor`, safe in a URL."""
    packed = _encode(cursor)
    checksum = xxhash.xxh32_digest(packed)
    text = binascii.b2a_base64(checksum + packed, newline=False)
    return text.translate(_URL_SAFE).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Return the cursor that `text` holds.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: it is not the text of a cursor, or was cut.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if xxhash.xxh32_digest(raw[_CHECKSUM_BYTES:]) == raw[:_CHECKSUM_BYTES]:
            return _decoder.decode(raw[_CHECKSUM_BYTES:])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        pass
    raise _refused("`next_cursor` of an earlier answer", shown(text))


def continue_from(query: Query) -> Cursor:
    """Return the cursor of a `query` that has one.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: not a cursor, or one of another question or instant.
    """
    cursor = read_cursor(query.cursor or "")
    if cursor.question != fingerprint(query):
        raise _refused("a `cursor` with the parameters it was given for", "other parameters")
    if query.at is not None and query.at != cursor.at:
        raise _refused(f"`at` of the first page, {cursor.at.isoformat()}", query.at.isoformat())
    return cursor


def expired(version: str) -> BadRequest:
    """Return the error for a cursor whose index version is no longer kept."""
    found = problem(
        "cursor_expired",
        "`cursor` of an index version that is still kept",
        shown(version),
        ("cursor",),
    )
    return BadRequest(found["detail"], [found], "cursor_expired")


def _refused(expected: str, got: str) -> BadRequest:
    found = problem("bad_cursor", expected, got, ("cursor",))
    return BadRequest(found["detail"], [found], "bad_cursor")


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decoder = msgspec.msgpack.Decoder(Cursor)
