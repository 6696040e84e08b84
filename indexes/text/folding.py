"""Text normalisation: folds width, case, accents and traditional Chinese to one form.

Useful for: comparing, hashing or cutting text that people wrote, in any script.
Not useful for: showing text; the folded form is for looking up only.

A table folds each character on its own, and computes an entry at first use. So a query and a
million names follow the same rule.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence

MAX_TEXT = 4096
"""Leading characters of a text that count, in documents and queries alike."""

BREAK = "\0"
"""Separator of the texts that `fold_all` joins; no folded text holds it."""

# Characters that readers take for something else than their Unicode decomposition.
_SPECIAL = {
    **dict.fromkeys("’‘ʼ＇´′ꞌ", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–−", "-"),
    # Trade marks follow a name without a space: the decomposition TM would join the name.
    **dict.fromkeys("™®©℠", " "),
    # Unicode classes these Hangul fillers as letters; a reader sees a blank.
    **dict.fromkeys("\u115f\u1160\u3164\uffa0", " "),
    # The full stops of Indic scripts; `tokens` takes the whole block for letters.
    **dict.fromkeys("।॥", " "),
    # 85°C is the brand 85度C.
    **dict.fromkeys("°˚", "度"),
    "℃": "度c",
    # The dot inside a foreign name; many people leave it out.
    **dict.fromkeys("·・･‧", ""),
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ı": "i",
    "ŋ": "n",
    "ħ": "h",
    "ŧ": "t",
    # Half rings of transcribed Arabic and Hebrew; many people leave them out.
    **dict.fromkeys("ʾʿ", ""),
    BREAK: BREAK,
}

# Pairs that OpenCC keeps apart because they differ in some words. People confuse them, so the first
# folds to the second.
_SAME = {
    pair[0]: pair[1]
    for pair in """
揹背 瞭了 薰熏 伕夫 鉅巨 钜巨 鍾钟 锺钟 馀余 餘余 暱昵 侭尽 託托 讬托 甦苏 迳径 逕径 澂澄 彷仿
藉借 拏拿 諮咨 谘咨 麴曲 麹曲 著着 幺么 簷檐 痺痹 顎腭 颚腭 鯰鲇 鲶鲇 斲斫 𠮷吉
""".split()
}

# Marks above and below Latin, Greek, Cyrillic, Hebrew and Arabic letters, which people leave out.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
_WITH_MARKS = ((0x0000, 0x0530), (0x1E00, 0x2000))
"""The alphabets whose accents are dropped: Latin, Greek and Cyrillic."""

_HIRAGANA = ("\u3041", "\u3096"), ("\u309d", "\u309e")
_TO_KATAKANA = 0x60
"""Distance from a hiragana to its katakana; people write ramen in either."""

# ASCII respellings of letters and signs that a keyboard lacks; `normalise` only drops the mark.
_INSTEAD = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa", "Ø": "Oe"}
)
_LACKED = re.compile("[äöüåøÄÖÜÅØ℃]|[aouAOU][\u0308\u030a]|[°˚度]\\s?[CcＣｃ]")
_DEGREES = re.compile("(?<=\\d)(?:[°˚度]\\s?[CcＣｃ]|℃)")

_BLANK = {"Cc", "Cn", "Co", "Cs", "Sk", "So", "Zl", "Zp", "Zs"}


@functools.cache
def _converters() -> tuple[Callable[[str], str], ...]:
    """Converters to simplified characters: general, then for Hong Kong, Taiwan and Japan."""
    from opencc import OpenCC  # slow to load, and needed for Chinese only

    simplify: Callable[[str], str] = OpenCC("t2s").convert
    modern: Callable[[str], str] = OpenCC("jp2t").convert
    return (
        simplify,
        OpenCC("hk2s").convert,
        OpenCC("tw2s").convert,
        lambda char: simplify(modern(char)),
    )


def _simplified(char: str) -> str:
    """The simplified form of one character.

    The function tries regional forms only for characters outside GB 2312, which simplified Chinese
    does not use: 黒 is Japanese for 黑, but 芸 is also a Chinese character of its own.
    """
    if char in _SAME:
        return _SAME[char]
    for convert in _converters():
        simple = convert(char)
        if simple != char:
            return _SAME.get(simple, simple)
        if _is_common(char):
            return char
    return char


def _is_common(char: str) -> bool:
    """Whether GB 2312 has the character: the 6,763 of everyday simplified Chinese."""
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _fold_char(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    # Drop accents first: case folding splits some letters, and people type `ᾳ` as an alpha.
    plain = "".join(map(_without_marks, unicodedata.normalize("NFKC", char)))
    once = unicodedata.normalize("NFKC", plain.casefold())
    return "".join(_fold_part(part) for part in once)


def _without_marks(char: str) -> str:
    """A Latin, Greek or Cyrillic letter without accents; empty for a combining accent alone."""
    if any(first <= ord(char) < end for first, end in _WITH_MARKS) or _MARKS.match(char):
        return _MARKS.sub("", unicodedata.normalize("NFD", char))
    return char


def _fold_part(char: str) -> str:
    """Fold a character after NFKC and case folding."""
    if char in _SPECIAL:
        return _SPECIAL[char]
    category = unicodedata.category(char)
    if category == "Cf" or not (char := _without_marks(char)):
        return ""
    if category in _BLANK or (category == "Sm" and char != "+"):
        return " "
    if category == "Nd":
        return str(unicodedata.digit(char))
    if any(first <= char <= last for first, last in _HIRAGANA):
        return chr(ord(char) + _TO_KATAKANA)
    if "\u3400" <= char <= "\u9fff" or "\U00020000" <= char <= "\U0003ffff":
        return _simplified(char)
    return char


class _Folds(dict[int, str]):
    """Code point to folded text; computes an entry at first use."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_char(chr(code))
        return folded


_FOLDS = _Folds()


def _fold(text: str) -> str:
    """Fold each character, then compose (NFC): か and its two dots become one character."""
    folded = text.translate(_FOLDS)
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def normalise(text: str) -> str:
    """The folded form of a text, for comparing and looking up.

    Applies NFKC, drops case and accents, and writes hiragana as katakana. Traditional, Hong Kong,
    Taiwanese and Japanese characters become simplified ones. Apostrophes and hyphens become the
    ASCII ones. Control characters, emoji and other symbols become spaces; runs of spaces become one
    space, and those at the ends disappear. Punctuation stays. Only the first `MAX_TEXT` characters
    count.

    Examples
    --------
    >>> normalise("  ＫＦＣ肯德基　（樂高廣場）  Café🍔")
    'kfc肯德基 (乐高广场) cafe'
    """
    return " ".join(_fold(text[:MAX_TEXT].replace(BREAK, " ")).split())


def otherwise(text: str) -> str:
    """ASCII respelling of umlauts, å, ø and °C; empty if it is the same as the text.

    Examples
    --------
    >>> otherwise("Bäckerei"), otherwise("85°C"), otherwise("Café")
    ('Baeckerei', '85C', '')
    """
    if text.isascii() or not _LACKED.search(text):
        return ""
    instead = _DEGREES.sub("C", unicodedata.normalize("NFC", text)).translate(_INSTEAD)
    return "" if instead == text else instead


def fold_all(texts: Sequence[str]) -> str:
    """The folded texts, each followed by `BREAK`; keeps repeated and outer spaces."""
    joined = BREAK.join(texts)
    if max(map(len, texts), default=0) > MAX_TEXT or joined.count(BREAK) >= max(len(texts), 1):
        joined = BREAK.join([text[:MAX_TEXT].replace(BREAK, " ") for text in texts])
    return _fold(joined + BREAK) if texts else ""
