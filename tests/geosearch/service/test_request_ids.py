"""Which request ids of clients are taken over, and that ours differ."""

import pytest

from geosearch.service.request_ids import LONGEST, RequestIds


@pytest.mark.parametrize(
    "asked",
    [
        b"0",
        b"x" * LONGEST,
        b"f47ac10b-58cc-4372-a567-0e02b2c3d479",
        b"Root=1-67891233-abcdef012345678912345678",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"JKJaXmPLvHcESHA+/=",
        b"user@host:1~2_3.4",
    ],
)
def test_a_valid_id_is_taken_over(asked: bytes) -> None:
    assert RequestIds().of(asked) == asked


@pytest.mark.parametrize(
    "asked",
    [
        None,
        b"",
        b" ",
        b"x" * (LONGEST + 1),
        b"a b",
        b"a,b",  # two headers
        b"a\n",
        b"a\r\nset-cookie: x=1",
        b"a\x00",
        b'a"b',
        b"a\\u0000",
        b"<script>",
        b"\xff",
        "编号".encode(),
    ],
)
def test_another_id_is_replaced(asked: bytes | None) -> None:
    made = RequestIds().of(asked)
    assert made != asked
    assert RequestIds().of(made) == made, "ours is valid too"


def test_ids_differ_in_a_process_and_between_processes() -> None:
    one, other = RequestIds(), RequestIds()
    made = [ids.of(None) for ids in (one, other) for _ in range(1_000)]
    assert len(set(made)) == 2_000
