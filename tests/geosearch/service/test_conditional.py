"""Which requests name a tag that is current."""

import pytest

from geosearch.service.conditional import entity_tag, is_current


@pytest.mark.parametrize(
    ("asked", "current"),
    [
        (None, False),
        (b"", False),
        (b"*", True),
        (b" * ", True),
        (b'"a"', True),
        (b'W/"a"', True),
        (b'"b", W/"a"', True),
        (b'"b","c","a"', True),
        (b'"b", *', False),
        (b'"b"', False),
        (b'"A"', False),
        (b"a", False),
        (b'"a', False),
        (b'a"', False),
        (b'w/"b"', False),
        (b'"b,a"', False),
        (b'"b, "a', False),
        (b'""', False),
        (b'"a b"', False),
        (b'"a\x00"', False),
        (b'"' * 16_000, False),
        (b'W/"' * 4_999 + b'"a"', False),
    ],
)
def test_a_tag_is_current(asked: bytes | None, current: bool) -> None:
    assert is_current(b'W/"a"', asked) is current
    assert is_current(b'"a"', asked) is current


def test_tags_of_different_content_differ() -> None:
    tags = {entity_tag(b"%d" % number) for number in range(1_000)}
    assert len(tags) == 1_000
    assert entity_tag(b"1") in tags
    assert all(is_current(tag, tag) for tag in tags)
