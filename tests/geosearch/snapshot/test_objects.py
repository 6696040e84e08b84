"""Values that are objects: what is absent, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from geosearch.snapshot.objects import BadObject, read_aliases, read_names


@pytest.mark.parametrize(
    ("read", "value", "text"),
    [
        (read_names, {"en": "Food", "zh": None}, '{"en":"Food"}'),
        (read_names, {"zh": None}, "{}"),
        (read_aliases, {"en": ["a", "b"], "zh": None}, '{"en":["a","b"]}'),
    ],
)
def test_a_language_that_is_null_is_absent(
    read: Callable[[object], str], value: dict[str, Any], text: str
) -> None:
    """Parquet has every member of a structure in every row."""
    assert read(value) == text


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (read_names, None),
        (read_names, ["Food"]),
        (read_names, {"en": 1}),
        (read_aliases, {"en": "a"}),
        (read_aliases, {"en": ["a", None]}),
    ],
)
def test_what_is_no_text_by_language_is_refused(
    read: Callable[[object], str], value: object
) -> None:
    with pytest.raises(BadObject, match="by language, got "):
        read(value)
