"""Entity tags of answers, and requests that are conditional on them (RFC 9110, section 13).

Useful for: answers that stay the same until the index has a new version, or longer.
Not useful for: searches. Their answers hold for one instant, and nobody keeps them.

A tag is a checksum of the content, so it cannot be out of date. It is a weak one, because the same
tag stands for the plain and for the compressed body.
"""

import re

from xxhash import xxh3_128_hexdigest

_OPAQUE = re.compile(rb'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def entity_tag(content: bytes) -> bytes:
    """Return the weak entity tag of an answer with this content."""
    return b'W/"%b"' % xxh3_128_hexdigest(content).encode()


def is_current(tag: bytes, asked: bytes | None) -> bool:
    """Return whether a client has the answer with this tag already.

    Parameters
    ----------
    tag
        The tag of the answer, weak or strong.
    asked
        `If-None-Match` of the request, several joined by commas; None without one.

    Examples
    --------
    >>> is_current(b'W/"a"', b'"b", "a"'), is_current(b'W/"a"', b"*"), is_current(b'W/"a"', b'"b"')
    (True, True, False)
    """
    if asked is None:
        return False
    opaque = tag.removeprefix(b"W/").strip(b'"')
    return asked.strip() == b"*" or opaque in _OPAQUE.findall(asked)
