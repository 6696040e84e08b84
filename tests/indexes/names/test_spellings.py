"""What is typed for a text, and which characters of it that stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.names.spellings import (
    as_sounds,
    leading_run,
    matched,
    typed_form,
    written_form,
)
from tests.indexes.names.spelled import spellings

MARKED = [
    ("海底捞火锅", "海底", "海底"),
    ("海底捞火锅", "haid", "海底"),
    ("海底捞火锅", "haidilaoh", "海底捞火"),
    ("海底捞火锅", "hdlhg", "海底捞火锅"),
    ("海底捞火锅", "海di", "海底"),
    ("海底捞火锅", "hai底l", "海底捞"),
    ("海底撈火鍋", "海底捞", "海底撈"),
    ("西安小吃", "xian", "西安"),
    ("先生", "xian", "先"),
    ("重庆小面", "chongq", "重庆"),
    ("绿茶", "lvc", "绿茶"),
    ("绿茶", "luc", "绿茶"),
    ("Café 海底捞", "caf", "Caf"),
    ("Café 海底捞", "cafe", "Café"),
    ("Café 海底捞", "hai", "海"),
    ("Moon Isle Tea", "moonis", "Moon Is"),
    ("Moon Isle Tea", "isle", "Isle"),
    ("This Isle", "is", "Is"),
    ("7-Eleven", "7e", "7-E"),
    ("🍔KFC 肯德基", "kfck", "KFC 肯"),
    ("ＫＦＣ", "kf", "ＫＦ"),
    ("海底捞", "zzz", None),
    ("海底捞", "di", None),
    ("😀", "a", None),
]


@pytest.mark.parametrize(("text", "typed", "expected"), MARKED)
def test_characters_that_something_typed_stands_for(
    text: str, typed: str, expected: str | None
) -> None:
    found = matched(text, typed)
    assert (found and text[found[0] : found[1]]) == expected


TYPED = st.text(
    st.one_of(st.sampled_from("海底捞重庆长绿 KfC'-7é😀ßﬁ（）ラ"), st.characters()), max_size=40
)


@given(TYPED)
def test_every_beginning_of_a_spelling_is_marked(text: str) -> None:
    for spelled, _, _ in spellings(text):
        for size in {1, len(spelled) // 2, len(spelled)} - {0}:
            found = matched(text, spelled[:size])
            assert found is not None
            assert 0 <= found[0] < found[1] <= len(text)


@given(TYPED)
def test_what_is_typed_in_full_is_the_written_spelling(text: str) -> None:
    written = spellings(text)[:1]
    assert [spelled for spelled, _, _ in written] == [typed_form(text)] * bool(written)
    assert [written_form(text)] == [typed_form(text)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("重q", ["zhongq", "chongq"]),
        ("lu", ["lu", "lv"]),
        ("hai底", ["haidi"]),
        ("kfc", ["kfc"]),
        ("ラ", ["ラ"]),
    ],
)
def test_as_sounds(typed: str, expected: list[str]) -> None:
    assert as_sounds(typed) == expected


def test_ways_to_sound_are_bounded() -> None:
    assert len(as_sounds("重长乐行会都" * 20)) == 4


@pytest.mark.parametrize(
    ("typed", "expected"), [("海底lao", "海底"), ("hai底", ""), ("", ""), ("海", "海")]
)
def test_leading_run(typed: str, expected: str) -> None:
    assert leading_run(typed) == expected
