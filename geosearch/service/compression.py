"""Compression of answers, as `Accept-Encoding` asks (RFC 9110, section 12.5.3).

An answer of 27 kB, 20 results, on one core (2026-11-29, medians of 300):

    =======================  ======  =========
    coding, level            time    bytes
    =======================  ======  =========
    zstd 1 (zstandard 0.25)   33 us      5,728
    gzip 2 (isal 1.9)         35 us      6,612
    gzip 3 (isal 1.9)         83 us      6,469
    gzip 6 (zlib-ng 1.1)     101 us      5,487
    gzip 1 (zlib 1.3)        138 us      6,677
    gzip 6 (zlib 1.3)        312 us      5,482
    =======================  ======  =========

A search takes about as long, so speed decides: zstd at level 1, gzip by ISA-L at level 2.
"""

import re
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from isal import isal_zlib
from zstandard import ZstdCompressor

SMALLEST = 1_024
"""Shortest body in bytes that is compressed: a packet has 1,460, and a smaller one saves none."""

IN_THREAD = 262_144
"""Shortest body in bytes that is compressed in a thread: the event loop would stop for 0.3 ms."""

_LONGEST = 256
"""Longest `Accept-Encoding` in bytes that is read; browsers send 30."""

_GZIP_LEVEL, _ZSTD_LEVEL = 2, 1
_GZIP_WINDOW = 31
"""Largest window, with the header of gzip: the `wbits` of zlib."""

_QUALITY = re.compile(rb"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def _gzip(body: bytes) -> bytes:
    compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
    return compressor.compress(body) + compressor.flush()


class _Compressors(threading.local):
    """The compressor of a thread: threads must not share one, and a new one costs 8 us."""

    def __init__(self) -> None:
        self.zstd = ZstdCompressor(level=_ZSTD_LEVEL)


_compressors = _Compressors()


def _zstd(body: bytes) -> bytes:
    return _compressors.zstd.compress(body)


class Coding(NamedTuple):
    """A content coding: its name in headers, its function, and the shortest body it is for."""

    name: bytes
    compress: Callable[[bytes], bytes]
    smallest: int = SMALLEST


_CODINGS = (Coding(b"zstd", _zstd), Coding(b"gzip", _gzip))
"""What the service offers; of equally welcome codings the first one is chosen."""

_ALIASES = {b"x-gzip": b"gzip"}


def coding_for(accepted: bytes | None) -> Coding | None:
    """Return the coding that a client likes best; None to send the body as it is.

    Parameters
    ----------
    accepted
        `Accept-Encoding`, several joined by commas. Where it is invalid, absent or refuses all that
        there is, the body is sent as it is, which every client can read.

    Examples
    --------
    >>> [coding_for(text).name for text in (b"gzip, br, zstd", b"gzip", b"*")]
    [b'zstd', b'gzip', b'zstd']
    >>> coding_for(b"br"), coding_for(b"zstd;q=0")
    (None, None)
    """
    if not accepted or len(accepted) > _LONGEST:
        return None
    return _coding_for(accepted)


def accepts_gzip(accepted: bytes | None) -> bool:
    """Return whether a client reads gzip, however much it likes another coding.

    >>> [accepts_gzip(text) for text in (b"gzip, zstd", b"*", b"gzip;q=0", None)]
    [True, True, False, False]
    """
    if not accepted or len(accepted) > _LONGEST:
        return False
    qualities = _qualities(accepted)
    return qualities.get(b"gzip", qualities.get(b"*", 0.0)) > 0.0


def _qualities(accepted: bytes) -> dict[bytes, float]:
    qualities: dict[bytes, float] = {}
    for item in accepted.lower().split(b","):
        name, _, parameter = (part.strip() for part in item.partition(b";"))
        found = _QUALITY.fullmatch(parameter or b"q=1")
        if name and found:
            qualities[_ALIASES.get(name, name)] = float(found[1])
    return qualities


@lru_cache(maxsize=256)
def _coding_for(accepted: bytes) -> Coding | None:
    qualities = _qualities(accepted)
    rest = qualities.get(b"*", 0.0)
    best = max(_CODINGS, key=lambda coding: qualities.get(coding.name, rest))
    quality = qualities.get(best.name, rest)
    # Unless it is named, the plain body is welcome, but less than anything named.
    plain = qualities.get(b"identity", None if b"*" not in qualities else rest)
    if quality == 0.0 or (plain is not None and plain > quality):
        return None
    return best._replace(smallest=1) if plain == 0.0 else best
