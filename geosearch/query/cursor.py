"""`Cursor`: where a page of results ended, as the opaque text an answer carries.

It pins the index version and the instant, and a fingerprint of the question, so that the next page
continues the same list or is refused; it never silently skips. It holds no wallet and no position.
A checksum tells a cut or mistyped cursor from a real one. It is no signature: anybody can write a
cursor, so `read_cursor` checks all of it; a version is looked up among those kept, never opened by
name.
"""

import base64
import binascii
import math
from datetime import datetime
from operator import attrgetter

import msgspec
import xxhash

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query, is_instant

_NOT_THE_QUESTION = ("at", "cursor", "limit", "total", "facets", "explain")
"""Fields that may differ between pages; `at` is compared on its own."""

_MEANT = {"radius": "radius_m", "deals": "deals_mode"}
"""Properties that say what a field means, also where it is left out."""

_SETS = ("cards", "categories", "business_area", "offer_type")
"""Lists of which neither order nor repetition means anything."""

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


class Cursor(
    msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True
):
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
        starts behind them. The primary key is infinite where the hit's value is unknown.
    """

    version: str
    at: datetime
    question: int
    keys: tuple[float, float]
    doc: int


def fingerprint(query: Query) -> int:
    """Return 64 bits of what `query` asks, apart from instant, page and extras.

    Stable across processes, so that any worker can read another one's cursor.
    """
    polygon = query.polygon
    area = None if polygon is None else (polygon["type"], polygon["coordinates"])
    # JSON has integers of any size; msgpack, where it is kept, of either sign.
    asked = _question_of(query), [sorted(set(items)) for items in _sets_of(query)], area
    return xxhash.xxh3_64_intdigest(_encode_json(asked)) >> 1


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
        Code `bad_cursor`: it is not the text of a cursor, was cut, or holds impossible values.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if xxhash.xxh32_digest(raw[_CHECKSUM_BYTES:]) == raw[:_CHECKSUM_BYTES]:
            cursor = _decoder.decode(raw[_CHECKSUM_BYTES:])
            if _is_possible(cursor):
                return cursor
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
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
    if not is_of(cursor, query):
        raise _refused("a `cursor` with the parameters it was given for", "other parameters")
    if query.at is not None and query.at != cursor.at:
        raise _refused(f"`at` of the first page, {cursor.at.isoformat()}", query.at.isoformat())
    return cursor


def _is_possible(cursor: Cursor) -> bool:
    """Whether some page may have ended so: the kernel is never asked to go on behind a NaN."""
    primary, secondary = cursor.keys
    return (
        is_instant(cursor.at)
        and not math.isnan(primary)
        and primary != -math.inf
        and 0.0 <= secondary < math.inf
        and 0 <= cursor.doc < 1 << 63
    )


def is_of(cursor: Cursor, query: Query) -> bool:
    """Whether a cursor continues a query, whatever the instant."""
    try:
        return cursor.question == fingerprint(query)
    except RecursionError:  # of a polygon that is none; see `Query`, which looks at its type only
        return False


def misplaced(doc: int) -> BadRequest:
    """Return the error for a cursor behind a document that its version does not have."""
    return _refused("`next_cursor` of an earlier answer", f"one behind document {doc}")


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


_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder(order="deterministic").encode
_decoder = msgspec.msgpack.Decoder(Cursor)
