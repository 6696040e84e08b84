"""Texts that people write, and texts that nobody should: what the analyser is tested with."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import strategies as st
from pypinyin import Style, pinyin

from indexes.terms.keys import (
    GRAM1,
    GRAM2,
    INITIALS,
    KIND_BITS,
    PAYLOAD,
    PINYIN,
    SOUND1,
    SOUND2,
    WORD,
    Terms,
    text_key,
)
from indexes.text.syllables import SPELLED

# Characters in one reading and in two, words that settle it, forms of other places.
HAN = "海底捞火锅重庆长沙银行朝阳门乐高音快樂廣場麵包发髮乾隆后後里裡台臺黒衞绿女〇々"
OTHERS = "すきや家ガスト한국가ไทยहिन्दीשלוםمرحباПриветΑθήνα"
LATIN = "abcxyzKFCéöüßøłÆ019９Ａ①Ⅷ½"
SIGNS = " 　-'’&._+·()（）,，/!?\"%;*#@~…™°"
TROUBLE = "🍔👨‍👩‍👧🇨🇳7️⃣\x00\x07\n\t\u200b\u200e\u202e\ufeff\u0301\u3099\uff9e\ud800\u115f\ufdfa"

ODD = {
    "nothing": "",
    "spaces": " \t\u3000 ",
    "signs": "!?。，…---''&&..",
    "emoji": "🍔👨‍👩‍👧🇨🇳",
    "control": "\x00\x01\x1f\x7f\u200b\u202e\ufeff",
    "surrogate": "\ud800a\udfff",
    "marks": "\u0301" * 5000,
    "sql": "'; DROP TABLE merchants; -- %_\\",
    "right to left": "\u202eمطعم שלום",
    "one letter": "a" * 10_000,
    "one character": "火" * 10_000,
    "words": "a b " * 2_500,
    "syllables": "hai " * 2_500,
    "parts": "1a" * 5_000,
    "joined": "x-" * 5_000,
    "apostrophes": "x'" * 5_000,
    "open readings": "重长乐" * 3_000,
    "ligatures": "\ufdfa" * 2_000,
    "hangul": "\u1100\u1161" * 5_000,
}
"""Texts that are answered, or answered with nothing, and never slowly."""


def texts(max_size: int = 24) -> st.SearchStrategy[str]:
    """Any of the characters above in any order, and sometimes any text at all."""
    mixed = st.text(HAN + HAN + OTHERS + LATIN + LATIN + SIGNS + TROUBLE, max_size=max_size)
    return mixed | st.text(HAN + SIGNS, max_size=max_size) | st.text(max_size=max_size)


def chinese(max_size: int = 12) -> st.SearchStrategy[str]:
    """Chinese characters alone."""
    return st.text(HAN, min_size=1, max_size=max_size)


def made_up_names() -> list[str]:
    """Names as shops have them: Chinese in both scripts, Japanese, Latin, and mixtures."""
    heads = (
        "海边 重庆 长沙 长乐 银河 朝阳 樂活 臺北 台湾 台風 "
        "後院 皇后 老裡 里弄 发财 白髮 干锅 乾隆 幹線 麵點 面包 "
        "云吞 雲南 松鼠 鬆餅 谷香 穀物 只此 三隻 鍾愛 钟楼 饥饿 系列 體育 万里 萬家 龙凤 龜山 鹽水 "
        "さくら 山田屋 カフェ Blue 7-Moon Olé 88° K&Q"
    ).split()
    tails = (
        "火锅 火鍋 面馆 麵館 餐厅 餐廳 茶饮 咖啡 咖啡廳 便利店 药店 藥局 银行 "
        "銀行 酒店 烤肉 小吃 麦当 号 號 "
        "ラーメン 食堂 Coffee Bar & Grill"
    ).split()
    middles = ("", "记", "小", " ", "·", "1号")
    return [f"{head}{middle}{tail}" for head in heads for middle in middles for tail in tails]


def same_sounds() -> dict[str, str]:
    """Characters that sound like one in one of its readings, for the 3,755 common of GB 2312."""
    common = [bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
    sounds: dict[str, str] = {}
    for char in b"".join(common[:3_755]).decode("gb2312"):
        for sound in pinyin(char, style=Style.NORMAL, heteronym=True)[0]:
            sounds[sound] = sounds.get(sound, "") + char
    found: dict[str, str] = {}
    for alike in sounds.values():
        for char in alike:
            found[char] = found.get(char, "") + alike.replace(char, "")
    return found


def names_of(request: pytest.FixtureRequest, source: str) -> list[str]:
    """Names of a source, `made up` or `real`; skips where the real data is absent."""
    if source == "made up":
        return made_up_names()
    return brand_names(request.getfixturevalue("shared_data"))


def brand_names(shared_data: Path) -> list[str]:
    """Names and aliases of the real brands, each once."""
    names: dict[str, None] = {}
    path = shared_data / "nsi_brands" / "brands_cjk.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for brand in map(json.loads, lines):
            found = (brand["name"], brand["zh"], brand["en"], *brand["match_names"])
            names.update(dict.fromkeys(name for name in found if name))
    return list(names)


def keys_of(terms: Terms, text: int = 0) -> list[int]:
    """Keys of one text."""
    found: list[int] = terms.key[terms.start[text] : terms.start[text + 1]].tolist()
    return found


def shown(terms: Terms, text: int = 0) -> set[str]:
    """Terms of one text as a reader would write them: 火, 火锅, =word, hai-di, "pinyin", *hdl."""
    strings = {text_key(WORD, word): f"={word}" for word in terms.words}
    strings |= {text_key(PINYIN, word): f'"{word}"' for word in terms.pinyins}
    return {strings.get(key) or _shown(key) for key in keys_of(terms, text)}


def _shown(key: int) -> str:
    kind, payload = key >> KIND_BITS, key & PAYLOAD
    if kind == GRAM1:
        return chr(payload)
    if kind == GRAM2:
        return chr(payload >> 21) + chr(payload & 0x1FFFFF)
    if kind == SOUND1:
        return SPELLED[payload]
    if kind == SOUND2:
        return f"{SPELLED[payload >> 10]}-{SPELLED[payload & 1023]}"
    assert kind == INITIALS, f"a key of kind {kind} has no string"
    letters = "".join(chr(96 + (payload >> 5 * place & 31)) for place in reversed(range(12)))
    return "*" + letters.rstrip("`")
