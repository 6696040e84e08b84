"""Cursors: the end of a page of results, as opaque text for the next page.

A cursor names the index version and the instant, and has a fingerprint of the query. So the next
page continues the same list, or the service refuses it; it never skips results. A cursor holds no
wallet and no position. A checksum detects a cut or mistyped cursor. It is no signature: anybody can
write a cursor, so `read_cursor` checks all of it. The searcher looks a version up among the kept
ones, and never opens it by name.
"""

import base64
import binascii
import math
from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Protocol, TypeVar

import msgspec
import xxhash

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query, is_instant

_NOT_THE_QUESTION = (
    *("at", "cursor", "limit", "total", "facets", "explain", "fields", "lang", "format"),
    *("near_misses", "near_minutes", "min_seq"),
)
"""Fields outside of the fingerprint; `continue_from` compares `at` on its own."""

_MEANT = {"radius": "radius_m", "deals": "deals_mode", "ids": "distinct_ids"}
"""Properties with the effective value of a field, also without a given one."""

_SETS = ("cards", "categories", "business_area", "offer_type")
"""Lists whose order and repetitions mean nothing."""

_question_of = attrgetter(
    *(
        _MEANT.get(name, name)
        for name in Query.__struct_fields__
        if name not in (*_NOT_THE_QUESTION, *_SETS, "polygon")
    )
)
_sets_of = attrgetter(*_SETS)

_CHECKSUM_BYTES = 4
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


T = TypeVar("T")


class PageEnd(Protocol):
    """What any cursor has: the instant of the page, and the fingerprint of its query."""

    @property
    def at(self) -> datetime:
        """The instant of the page."""

    @property
    def question(self) -> int:
        """`fingerprint` of the query."""


class Cursor(
    msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True
):
    """The end of one page.

    Attributes
    ----------
    version
        Name of the index version of the page.
    at
        The instant of the page.
    question
        `fingerprint` of the query.
    keys, doc
        Sort keys of the last hit, and its document, which stands for its place in the order of
        ties. The next page begins after them. The primary key is infinite if the hit's value is
        unknown.
    merchant_id
        Id of the last hit if its document may have another number in the next moment, else "".
    """

    version: str
    at: datetime
    question: int
    keys: tuple[float, float]
    doc: int
    merchant_id: str = ""


def fingerprint(query: Query) -> int:
    """Hash of a query without instant, page and extras; 63 bits.

    It is stable across processes, so that any worker can read another one's cursor.
    """
    polygon = query.polygon
    area = None if polygon is None else (polygon["type"], polygon["coordinates"])
    # JSON, because its integers may have any size. The shift keeps the hash positive as int64.
    asked = _question_of(query), [sorted(set(items)) for items in _sets_of(query)], area
    return xxhash.xxh3_64_intdigest(_encode_json(asked)) >> 1


def write_cursor(cursor: Cursor) -> str:
    """URL-safe text of a cursor."""
    return written(_encode(cursor))


def written(packed: bytes) -> str:
    """URL-safe text of bytes, with a checksum."""
    checksum = xxhash.xxh32_digest(packed)
    text = binascii.b2a_base64(checksum + packed, newline=False)
    return text.translate(_URL_SAFE).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Cursor of a text.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: the text is not that of a cursor, is cut, or has impossible values.
    """
    return read_written(text, _decoder.decode, _is_possible)


def read_written(text: str, decode: Callable[[bytes], T], is_possible: Callable[[T], bool]) -> T:
    """The cursor of a text that `written` made.

    Raises
    ------
    BadRequest
        As `read_cursor`.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if xxhash.xxh32_digest(raw[_CHECKSUM_BYTES:]) == raw[:_CHECKSUM_BYTES]:
            cursor = decode(raw[_CHECKSUM_BYTES:])
            if is_possible(cursor):
                return cursor
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        pass
    raise _refused("`next_cursor` of an earlier answer", shown(text))


def continue_from(query: Query) -> Cursor:
    """Cursor of a query that has one.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: not a cursor, or one of another query or instant.
    """
    cursor = read_cursor(query.cursor or "")
    check_of(cursor, query)
    return cursor


def check_of(cursor: PageEnd, query: Query) -> None:
    """Check that a cursor belongs to a query and its instant.

    Raises
    ------
    BadRequest
        Code `bad_cursor`: it is one of another query or instant.
    """
    if not is_of(cursor, query):
        raise _refused("a `cursor` with the parameters it was given for", "other parameters")
    if query.at is not None and query.at != cursor.at:
        raise _refused(f"`at` of the first page, {cursor.at.isoformat()}", query.at.isoformat())


def _is_possible(cursor: Cursor) -> bool:
    """Whether a page can end with these values; a kernel must not continue after a NaN."""
    primary, secondary = cursor.keys
    return (
        is_instant(cursor.at)
        and not math.isnan(primary)
        and primary != -math.inf
        and 0.0 <= secondary < math.inf
        and 0 <= cursor.doc < 1 << 63
    )


def is_of(cursor: PageEnd, query: Query) -> bool:
    """Whether a cursor belongs to a query, at any instant."""
    try:
        return cursor.question == fingerprint(query)
    except RecursionError:  # deeply nested coordinates; `Query` checks only that they are a list
        return False


def misplaced(doc: int) -> BadRequest:
    """Error for a cursor whose document is not in its index version."""
    return _refused("`next_cursor` of an earlier answer", f"one behind document {doc}")


def expired(version: str) -> BadRequest:
    """Error for a cursor whose index version is no longer kept."""
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


_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder(order="deterministic").encode
_decoder = msgspec.msgpack.Decoder(Cursor)
