"""The texts that the analyser is tested with hold the trouble they are meant to hold."""

import unicodedata

from hypothesis import find

from tests.indexes.texts import HAN, ODD, TROUBLE, chinese, texts


def test_the_trouble_is_there() -> None:
    categories = {unicodedata.category(char) for char in TROUBLE}
    assert categories >= {"So", "Cf", "Cc", "Cs", "Mn", "Lo"}
    assert any(len(text) >= 10_000 for text in ODD.values())
    assert "" in ODD.values()


def test_generated_texts_mix_scripts() -> None:
    found = find(
        texts(), lambda text: any(c in HAN for c in text) and any(c.isascii() for c in text)
    )
    assert len(found) == 2
    assert find(chinese(), lambda text: "重庆" in text) == "重庆"
