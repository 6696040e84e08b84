"""Which coding a client gets, and that other libraries read it."""

import gzip
import random

import pyarrow
import pytest

from geosearch.service.compression import SMALLEST, coding_for


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        (None, ""),
        (b"", ""),
        (b"gzip", "gzip"),
        (b"GZip", "gzip"),
        (b"x-gzip", "gzip"),
        (b"zstd", "zstd"),
        (b"gzip, deflate, br, zstd", "zstd"),  # Chrome and Firefox
        (b"gzip, deflate, br", "gzip"),  # Safari
        (b"gzip,zstd", "zstd"),
        (b"gzip;q=1.0, zstd;q=0.9", "gzip"),
        (b"gzip ; q=0.5 , zstd;q=0.7", "zstd"),
        (b"gzip;Q=0.5", "gzip"),
        (b"zstd;q=0, gzip", "gzip"),
        (b"zstd;q=0, gzip;q=0", ""),
        (b"zstd;q=0.000, gzip;q=0.001", "gzip"),
        (b"br, deflate, compress", ""),
        (b"*", "zstd"),
        (b"*;q=0.1", "zstd"),
        (b"*, zstd;q=0", "gzip"),
        (b"*;q=0", ""),
        (b"*;q=0, gzip", "gzip"),
        (b"gzip;q=0.5, *;q=0.8", "zstd"),
        (b"gzip, *;q=0.8", "gzip"),
        (b"identity", ""),
        (b"identity, gzip;q=0.5", ""),
        (b"identity;q=0.5, gzip;q=0.5", "gzip"),
        (b"identity;q=0.2, gzip;q=0.3", "gzip"),
        (b"identity;q=0, gzip;q=0.3", "gzip"),
        (b"identity;q=0", ""),  # nothing that is welcome can be sent
        (b"identity;q=0, br", ""),
        # An item that breaks the rules counts as absent.
        (b"gzip;q=2", ""),
        (b"gzip;q=-1", ""),
        (b"gzip;q=1.5, zstd", "zstd"),
        (b"gzip;q=0.0001", ""),
        (b"gzip;q=", ""),
        (b"gzip;level=9", ""),
        (b";q=1, ,,gzip", "gzip"),
        (b"\xff\xfe, gzip", "gzip"),
        (b"gzip\x00", ""),
        (b"gzip zstd", ""),
        (b"gzip," * 51, "gzip"),
        # Longer than any browser's: not read.
        (b"gzip," * 52, ""),
        (b"a," * 8_000, ""),
    ],
)
def test_which_coding_a_client_gets(accepted: bytes | None, name: str) -> None:
    coding = coding_for(accepted)
    assert (coding.name.decode() if coding else "") == name


def test_a_body_that_must_not_be_plain_is_coded_whatever_its_length() -> None:
    for accepted, smallest in (
        (b"gzip", SMALLEST),
        (b"gzip, identity;q=0", 1),
        (b"gzip, *;q=0", 1),
        (b"zstd, *;q=0.5", SMALLEST),
    ):
        coding = coding_for(accepted)
        assert coding is not None
        assert coding.smallest == smallest


@pytest.mark.parametrize("length", [1, 2, 1_023, 1_024, 70_000, 3_000_000])
def test_what_is_sent_is_the_body(length: int) -> None:
    noise = random.Random(length).randbytes(length)
    for body in (noise, (b'{"name": "\xe5\xba\x97", "saving": 1200}, ' * length)[:length]):
        coded = {accepted: coding_for(accepted) for accepted in (b"gzip", b"zstd")}
        packed = {name: each.compress(body) for name, each in coded.items() if each}
        assert gzip.decompress(packed[b"gzip"]) == body
        buffer = pyarrow.Codec("zstd").decompress(packed[b"zstd"], length)
        assert buffer.to_pybytes() == body
        if body is not noise and length > 100:
            assert all(len(each) < length / 3 for each in packed.values())
