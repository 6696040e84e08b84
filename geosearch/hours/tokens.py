"""Tokenizer of free-text opening hours: words, times on the 24-hour clock, and signs.

`geosearch.hours.grammar` parses the tokens.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from geosearch.hours.words import (
    CHINESE_DAYS,
    LONGEST_CHINESE_WORD,
    SHORT_DAYS,
    WORDS,
    WordKind,
    days_by_language,
)

NOON: Final = 720
MIDNIGHT: Final = 1440


@dataclass(slots=True)
class Token:
    """One word, time or sign.

    `kind` is a `WordKind`, the sign itself, `time`, `number`, `comment` or `nth`. `minute` of a
    time counts from midnight. `sure` says that a time is on the 24-hour clock or has am, pm or a
    similar word. `word` is the word of the text, in lower case.
    """

    kind: WordKind | str
    text: str
    at: int
    minute: int = 0
    sure: bool = False
    word: str = ""


_SIGNS: Final = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−〜~∼～－﹣", "-"),
        **dict.fromkeys("“”„‟«»", '"'),
        **dict.fromkeys("、，", ","),
        **dict.fromkeys("；。", ";"),
        **dict.fromkeys("：∶︰﹕", ":"),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u200e\u200f", None),
    }
)

_ALWAYS: Final = re.compile(
    r"(?:24/7|24-7|24x7|24/24|7/7|7 ?j/7|24 ?h(?:(?:ou)?rs?)?/24)", re.IGNORECASE
)
_TIME: Final = re.compile(
    r"(?P<hour>\d{1,2})(?:"
    r"[:](?P<colon>\d{2})(?::00)?(?!\d)"
    r"|(?P<dotted>\.)(?P<dot>\d{2})(?![\d.])"
    r"| ?[hH](?P<h>\d{2})?(?![a-zA-Z])"
    r"|[点點时時](?:(?P<half>半)|(?P<quarter>一刻)|(?P<minutes>\d{1,2})分?|整)?"
    r")"
)
_NUMBER: Final = re.compile(r"\d+")
_WORD: Final = re.compile(r"[ap]\. ?m\b\.?|[^\W\d_]+", re.IGNORECASE)
_NTH: Final = re.compile(r" ?\[ ?-?\d(?: ?[-,] ?-?\d)* ?\]")
_COMMENT: Final = re.compile(r'"[^"]+"')
_ALL_DAY: Final = re.compile(r"24 ?(?:h|hrs?|hours?|std|stunden)\b", re.IGNORECASE)


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text, in order; times include am, 下午, Uhr and similar words.

    Raises
    ------
    ValueError
        A word or sign is not understood, or a time may be morning or afternoon. The message has the
        place and the reason.
    """
    tokens = _tokens(text)
    _settle_clock(tokens)
    return tokens


def _tokens(text: str) -> list[Token]:
    # NFKC makes full-width digits and signs narrow; the table maps the remaining dashes and quotes.
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        token, at = _token(text, at, tokens)
        if token is not None:
            tokens.append(token)
    _settle_days(tokens)
    return tokens


def _settle_days(tokens: list[Token]) -> None:
    """Turn names of days into OSM's, by the language of the text."""
    _settle_mar(tokens)
    days = [token for token in tokens if token.kind in (WordKind.DAY, "short day")]
    ranges = frozenset(
        (first.text, last.text)
        for first, dash, last in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if first in days and dash.kind in DASHES and last in days
    )
    shorts = [token for token in days if token.kind == "short day"]
    found = days_by_language(frozenset(token.text for token in days), ranges) if shorts else {}
    for token in days:
        if shorts and not found:
            raise refusal(shorts[0], "is a day in more than one language, or in none beside these")
        token.kind, token.text = WordKind.DAY, found.get(token.text) or WORDS[token.text][1]


def _settle_mar(tokens: list[Token]) -> None:
    """Read `mar` as Tuesday if the text has short days of a language and no other month."""
    months = {token.text for token in tokens if token.kind is WordKind.MONTH}
    if months == {"Mar"} and any(token.kind == "short day" for token in tokens):
        for token in tokens:
            if token.kind is WordKind.MONTH and token.word == "mar":
                token.kind, token.text = "short day", "mar"


def _token(text: str, at: int, before: list[Token]) -> tuple[Token | None, int]:
    """Return the token that begins at `at` (None for a filler word), and its end."""
    if found := _COMMENT.match(text, at):
        return Token("comment", found[0], at), found.end()
    if found := _ALWAYS.match(text, at):
        return Token(WordKind.ALL_DAY, "", at), found.end()
    if (
        before
        and before[-1].kind in (WordKind.DAY, "short day")
        and (found := _NTH.match(text, at))
    ):
        return Token("nth", found[0].replace(" ", ""), at), found.end()
    if text[at].isdigit():
        return _digits(text, at)
    if ord(text[at]) >= 0x2E80:
        return _chinese(text, at, before)
    if found := _WORD.match(text, at):
        return _word(found, at, before)
    if text.startswith("||", at):
        raise ValueError(f"character {at + 1}: a fallback rule is not repaired")
    if text[at] in "\r\n|":
        return Token(";", ";", at), at + 1
    if text[at] in ",;:-+&/()":
        return Token(text[at], text[at], at), at + 1
    raise ValueError(f"character {at + 1}: {text[at]!r} is not understood")


def _digits(text: str, at: int) -> tuple[Token | None, int]:
    for word in ("24小时", "24小時", "24時間"):
        if text.startswith(word, at):
            return Token(WordKind.ALL_DAY, word, at), at + len(word)
    if found := _ALL_DAY.match(text, at):
        return Token(WordKind.ALL_DAY, found[0], at), found.end()
    found = _TIME.match(text, at)
    if found is not None:
        minute = found["colon"] or found["dot"] or found["h"] or found["minutes"] or "0"
        minutes = 30 if found["half"] else 15 if found["quarter"] else int(minute)
        if int(found["hour"]) > 26 or minutes > 59:
            raise ValueError(f"character {at + 1}: {found[0]!r} is no time")
        # A number with a dot may be a date, 01.05 to 30.09, if the second part is 1 to 12.
        if found["dotted"] and 1 <= minutes <= 12:
            raise ValueError(f"character {at + 1}: {found[0]!r} may be a date")
        sure = int(found["hour"]) > 12 or found["hour"].startswith("0")
        total = int(found["hour"]) * 60 + minutes
        return Token("time", found[0], at, total, sure), found.end()
    number = _NUMBER.match(text, at)
    assert number is not None
    return Token("number", number[0], at), number.end()


def _chinese(text: str, at: int, before: list[Token]) -> tuple[Token | None, int]:
    for length in range(LONGEST_CHINESE_WORD, 0, -1):
        word = text[at : at + length]
        if len(word) == length and word in WORDS:
            return _meant(word, at), at + length
    joined = [token.kind for token in before[-2:]]
    after_day = joined[-1:] == [WordKind.DAY] or (
        len(joined) == 2
        and joined[0] is WordKind.DAY
        and joined[1] in (WordKind.TO, WordKind.AND, ",", "-")
    )
    if text[at] in CHINESE_DAYS and after_day:
        return Token(WordKind.DAY, "周" + text[at], at), at + 1
    raise ValueError(f"character {at + 1}: {text[at]!r} is not understood")


def _word(found: re.Match[str], at: int, before: list[Token]) -> tuple[Token | None, int]:
    word, end = "".join(found[0].lower().split()), found.end()
    rest = found.string[end:].lstrip()
    if found.string.startswith(".", end) and len(word) <= 5:
        end += 1
    # `M-F`, `M-Sat`; no other single letter is a day.
    if word == "m" and rest.startswith("-"):
        word = "mo"
    if word == "f" and [token.kind for token in before[-2:]] == [WordKind.DAY, "-"]:
        word = "fr"
    if word in WORDS:
        return _meant(word, at), end
    if word in SHORT_DAYS:
        return Token("short day", word, at, word=word), end
    raise ValueError(f"character {at + 1}: {found[0]!r} is not understood")


def _meant(word: str, at: int) -> Token | None:
    """Return the token of a word in `WORDS`; None for a filler word."""
    kind, meaning = WORDS[word]
    if kind is WordKind.FILLER:
        return None
    if kind is WordKind.NAMED_TIME:
        return Token("time", word, at, int(meaning[:2]) * 60, word=word)
    # Days keep their word for now: its language may decide the meaning of another word.
    return Token(kind, word if kind is WordKind.DAY else meaning or word, at, word=word)


def refusal(token: Token, why: str) -> ValueError:
    """Return the error that names the position of the token and what is wrong with it."""
    return ValueError(f"character {token.at + 1}: {token.text!r} {why}")


def _settle_clock(tokens: list[Token]) -> None:
    """Turn hours with words (10am, 下午2:00, 8 Uhr) into times, and remove the words."""
    _join_numbers_and_words(tokens)
    _apply_words_after(tokens)
    _apply_words_before(tokens)


DASHES: Final = ("-", WordKind.TO)
_HALVES: Final = (WordKind.MORNING, WordKind.AFTERNOON, WordKind.EVENING, WordKind.NOON)


def _join_numbers_and_words(tokens: list[Token]) -> None:
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.kind != "number":
            continue
        latin_half = (
            following is not None and following.kind in _HALVES and following.text.isascii()
        )
        clock = following is not None and following.kind is WordKind.CLOCK
        # Four digits below 1900, such as 0800 and 1730, are not years.
        four_digits = len(token.text) == 4 and (token.text[0] == "0" or int(token.text) < 1900)
        if latin_half or clock or four_digits:
            make_time(token)
    # "8-18 Uhr": the word applies to both numbers.
    for place, token in enumerate(tokens):
        if token.kind is WordKind.CLOCK:
            for earlier in tokens[max(0, place - 3) : place]:
                if earlier.kind == "number":
                    make_time(earlier)
                earlier.sure = True
    tokens[:] = [token for token in tokens if token.kind is not WordKind.CLOCK]


def make_time(token: Token) -> None:
    """Turn a number token such as 8 or 1730 into a time.

    Raises
    ------
    ValueError
        The number is not a time.
    """
    hour, minute = int(token.text), 0
    if len(token.text) == 4:
        hour, minute = divmod(hour, 100)
    if hour > 24 or minute > 59 or len(token.text) == 3:
        raise refusal(token, "is no time")
    token.kind, token.minute = "time", hour * 60 + minute
    token.sure = hour > 12 or token.text[0] == "0"


def _apply_words_after(tokens: list[Token]) -> None:
    """Apply and remove am and pm, which follow their time; if one time has them, all must."""
    named: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind in _HALVES and token.text.isascii():
            time = tokens[place - 1] if place else token
            if time.kind != "time" or time in named or not 60 <= time.minute < 13 * 60:
                raise refusal(token, "follows no time of a twelve-hour clock")
            if token.kind is WordKind.AFTERNOON and time.minute < NOON:
                time.minute += NOON
            if token.kind is WordKind.MORNING and time.minute >= NOON:
                time.minute -= NOON
            time.sure = True
            named.append(time)
    tokens[:] = [t for t in tokens if not (t.kind in _HALVES and t.text.isascii())]
    if named:
        _settle_starts(tokens, named)
    for token in tokens if named else []:
        if token.kind == "number" or (
            token.kind == "time"
            and token not in named
            and not token.word
            and token.minute < 13 * 60
        ):
            raise refusal(token, "may be morning or afternoon")


def _settle_starts(tokens: list[Token], named: list[Token]) -> None:
    """Decide the half of the day of a start such as that of `1-5PM` after `8AM-12PM, `.

    A start without am or pm follows an earlier span of the same days. It gets the half in which it
    is after that span and before its own end, if only one half is possible: 1 AM is before 12 PM.
    """
    for earlier, comma, start, dash, end in zip(*(tokens[n:] for n in range(5)), strict=False):
        follows = (
            earlier in named and comma.kind in (",", WordKind.AND, "&") and dash.kind in DASHES
        )
        if not follows or end not in named or start.kind not in ("number", "time"):
            continue
        if start.kind == "number":
            make_time(start)
        if start in named or start.word or not 60 <= start.minute < 13 * 60:
            continue
        halves = [start.minute % NOON, start.minute % NOON + NOON]
        possible = [minute for minute in halves if earlier.minute <= minute < (end.minute or 1440)]
        if len(possible) == 1:
            start.minute, start.sure = possible[0], True
            named.append(start)


def _apply_words_before(tokens: list[Token]) -> None:
    """Apply and remove 上午, 下午 and similar words, which precede a time or a whole span."""
    half: WordKind | None = None
    kept: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind in _HALVES:
            assert isinstance(token.kind, WordKind)
            half = token.kind
            if place + 1 == len(tokens) or tokens[place + 1].kind != "time":
                raise refusal(token, "is followed by no time")
            continue
        if token.kind is WordKind.NEXT_DAY:
            half = None
            if place + 1 == len(tokens) or tokens[place + 1].kind not in ("time", *_HALVES):
                raise refusal(token, "is followed by no time")
            tokens[place + 1].sure = True
            continue
        if token.kind == "time" and half is not None:
            _in_half(token, half)
            is_start = place + 1 < len(tokens) and tokens[place + 1].kind in DASHES
            half = half if is_start else None
        elif token.kind not in DASHES:
            half = None
        kept.append(token)
    tokens[:] = kept


def _in_half(token: Token, half: WordKind) -> None:
    hour = token.minute // 60
    if half is WordKind.MORNING and hour > 12:
        raise refusal(token, "is not in the morning")
    # Hours that the word moves to the second half of the day. 晚上2点 is at night (2:00), 晚上12点
    # is midnight, 中午1点 is one hour after noon.
    moved = {WordKind.AFTERNOON: range(12), WordKind.EVENING: range(4, 13), WordKind.NOON: range(4)}
    if hour in moved.get(half, ()):
        token.minute += NOON
    token.sure = True
