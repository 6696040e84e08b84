"""Every sentence is there in every language, with the same slots."""

import re

import pytest

from geosearch.answer.languages import SENTENCES, Sentence, name_in
from geosearch.answer.text_sources import SLOTS
from geosearch.query.parameters import LANGUAGES


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_has_its_slots_in_every_language(sentence: Sentence) -> None:
    slots = [sorted(re.findall(r"\{(\w+)\}", text)) for text in sentence.value]
    assert len(slots) == len(LANGUAGES)
    assert all(each == slots[0] for each in slots)
    values = {name: f"<{name}>" for name in slots[0]}
    for language in LANGUAGES:
        pieces = list(sentence.parts(language))
        assert [slot for slot, _ in pieces if slot] == re.findall(
            r"<(\w+)>", sentence.text(language, **values)
        )
        whole = "".join(words or values[slot] for slot, words in pieces)
        assert whole == sentence.text(language, **values)


def test_all_sentences_differ() -> None:
    """Equal members of an `Enum` would be one."""
    assert len(SENTENCES) == len(Sentence.__members__) >= 7
    known = {slot for one in SENTENCES for slot, _ in one.parts("en") if slot}
    assert known >= set(SLOTS), "a slot that no sentence has"


@pytest.mark.parametrize(
    ("names", "language", "name"),
    [
        ({}, "zh", None),
        ({"zh": "茶", "en": "tea"}, "zh", "茶"),
        ({"zh": "茶", "en": "tea"}, "en", "tea"),
        ({"zh-Hans": "茶", "en-GB": "tea"}, "zh", "茶"),
        ({"zh_TW": "茶", "EN-gb": "tea"}, "en", "tea"),
        ({"zh-TW": "茶 (TW)", "zh": "茶"}, "zh", "茶"),
        ({"zh": "茶", "fr": "thé"}, "en", "茶"),
        ({"fr": "thé", "en": "tea"}, "zh", "tea"),
        ({"fr": "thé", "de": "Tee"}, "zh", "thé"),
        ({"zha": "x", "fr": "thé"}, "zh", "x"),
    ],
)
def test_a_name_in_a_language_or_another(
    names: dict[str, str], language: str, name: str | None
) -> None:
    assert name_in(names, language) == name
