"""What is the same to a reader folds to the same text, and nothing else does."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from indexes.text.folding import BREAK, MAX_TEXT, fold_all, normalise, otherwise
from tests.conftest import SOURCES
from tests.indexes.texts import ODD, names_of, texts

SAME = [
    # As written, as folded.
    ("KFC", "kfc"),
    ("ＫＦＣ　７", "kfc 7"),
    ("  a \t b\n", "a b"),
    ("Café Ærø Straße Łódź", "cafe aero strasse lodz"),
    ("CAFE\u0301", "cafe"),
    ("Mövenpick hǎidǐlāo lǜ", "movenpick haidilao lu"),
    ("İstanbul ΣΊΣ", "istanbul σισ"),
    ("Ёлка", "елка"),
    ("McDonald’s", "mcdonald's"),
    ("7‑Eleven 7–11", "7-eleven 7-11"),
    ("Café™ UNO®", "cafe uno"),
    ("①Ⅷ ½", "1viii 1⁄2".replace("⁄", " ")),
    ("٣ ๓", "3 3"),
    ("85℃ 85°C 361˚", "85度c 85度c 361度"),
    ("麥當勞", "麦当劳"),
    ("臺灣 台湾 裡里裏", "台湾 台湾 里里里"),
    ("乾隆 干燥 皇后 後面 髮 發", "干隆 干燥 皇后 后面 发 发"),
    ("著名 着 藉口", "着名 着 借口"),
    ("衞 粧 糭 枱", "卫 妆 粽 台"),
    ("黒 駅 広 気 鉄 関西", "黑 驿 广 气 铁 关西"),
    ("芸 缶 弁", "芸 缶 弁"),
    ("𠮷野家", "吉野家"),
    ("ｶﾞｽﾄ か\u3099", "ガスト ガ"),
    ("らーめん ラーメン ゔ ゕ ゞ", "ラーメン ラーメン ヴ ヵ ヾ"),
    ("Phở Thìn Bún Chả Đặng Xá", "pho thin bun cha dang xa"),
    ("Ḿ ṥ Ẁ ỹ ẛ ẞ ẚ", "m s w y s ss a"),
    ("ᾄλφα ᾳ ᾼ Ὦ ἡ ΐ ᾷ", "αλφα α α ω η ι α"),
    ("ʿAmmān Ħal Ŧ", "amman hal t"),
    ("한국 \u1112\u1161\u11ab", "한국 한"),
    ("（全角，！）", "(全角,!)"),
    ("约翰·沃克 コ・コ", "约翰沃克 ココ"),
    ("火🍔锅 7️⃣ 🇨🇳", "火 锅 7"),
    ("a\u200bb\u00adc\u202ed", "abcd"),
    ("a\x00b\ud800c", "a b c"),
    ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
]


@pytest.mark.parametrize(("written", "folded"), SAME)
def test_folds(written: str, folded: str) -> None:
    assert normalise(written) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [("景点", "经典"), ("大众", "大中"), ("が", "か"), ("한", "하"), ("7", "1"), ("芸", "艺")],
)
def test_does_not_fold(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Bäckerei", "Baeckerei"),
        ("Ba\u0308ckerei", "Baeckerei"),
        ("ÖLMÜHLE", "OeLMUeHLE"),
        ("Smørrebrød Åre", "Smoerrebroed Aare"),
        ("85°C 咖啡", "85C 咖啡"),
        ("85度C", "85C"),
        ("85℃", "85C"),
        ("Café", ""),
        ("Baeckerei", ""),
        ("绿lǜ", ""),
        ("361°", ""),
        ("温度计", ""),
    ],
)
def test_is_written_otherwise(text: str, instead: str) -> None:
    assert otherwise(text) == instead


def test_no_latin_or_greek_letter_keeps_an_accent() -> None:
    letters = [chr(code) for code in (*range(0xC0, 0x250), *range(0x370, 0x400))]
    letters += [chr(code) for code in range(0x1E00, 0x2000)]
    accented = [char for char in letters if len(unicodedata.normalize("NFD", char)) > 1]
    assert len(accented) > 600
    for char in accented:
        bare = unicodedata.normalize("NFD", char)[0]
        assert normalise(f"x{char}") == normalise(f"x{bare}"), char
        assert normalise(unicodedata.normalize("NFD", f"x{char}")) == normalise(f"x{char}"), char


@given(texts() | st.text())
def test_composed_is_decomposed(text: str) -> None:
    forms = {normalise(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


@given(texts() | st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()
    assert "  " not in once
    assert not {unicodedata.category(char) for char in once} & {"Cc", "Cf", "Cs", "So", "Zl"}


@given(st.lists(texts(), max_size=6))
def test_many_at_once_fold_as_each_alone(many: list[str]) -> None:
    folded = fold_all(many).split(BREAK)
    assert folded.pop() == ""
    assert [" ".join(text.split()) for text in folded] == [normalise(text) for text in many]


@pytest.mark.parametrize("name", ODD)
def test_only_so_much_of_a_text_counts(name: str) -> None:
    text = ODD[name]
    assert normalise(text) == normalise(text[:MAX_TEXT])
    assert fold_all([text, "b"]).count(BREAK) == 2


@given(texts())
def test_width_and_case_do_not_matter(text: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    if unicodedata.is_normalized("NFKC", text):
        assert normalise(wide) == normalise(text)
    assert normalise(text.casefold()) == normalise(text)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("config", ["s2t", "s2tw", "s2hk", "t2s", "tw2s", "hk2s"])
def test_names_fold_alike_in_every_script(
    request: pytest.FixtureRequest, config: str, source: str
) -> None:
    convert = OpenCC(config).convert
    names = names_of(request, source)
    changed = [name for name in names if convert(name) != name]
    assert len(changed) > 500
    assert not [name for name in changed if normalise(convert(name)) != normalise(name)]
