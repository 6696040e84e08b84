"""Words, times and signs of hours as people write them, put together as opening_hours rules.

Useful for: `written_expression`, the repair behind `geosearch.hours_text.read_hours`.
Not useful for: valid expressions; they never come here.

The text is cut into tokens, the tokens into rules (days, times, state), and the rules are written
out in OSM's language. What cannot be cut, placed or read in one way only raises `ValueError` whose
message is the place and the reason.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from geosearch.hours_words import (
    CHINESE_DAYS,
    GERMAN_DAYS,
    LONGEST_CHINESE_WORD,
    WEEKDAYS,
    WORDS,
    Kind,
)

NOON: Final = 720
MIDNIGHT: Final = 1440


@dataclass(slots=True)
class Token:
    """One word, time or sign.

    `kind` is a `Kind`, or the sign itself, or `time`, `number`, `comment`, `nth`. A time's `minute`
    counts from midnight; `sure` tells that the writer's clock has 24 hours or names its half.
    """

    kind: Kind | str
    text: str
    at: int
    minute: int = 0
    sure: bool = False


@dataclass(slots=True)
class Rule:
    """Days, times and state of one rule, and what joined it to the one before."""

    joined_by: str
    wide: str = ""
    days: list[str] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)
    modifier: str = ""
    overnight: bool = False

    def written(self) -> str:
        """Write the rule in OSM's language."""
        selectors = [self.wide, ",".join(self.days), ",".join(self.spans), self.modifier]
        return " ".join(part for part in selectors if part)

    def weekdays(self) -> set[str]:
        """Weekdays the rule may be for; holidays left out."""
        found: set[str] = set()
        for item in self.days or ["Mo-Su"]:
            if item in ("PH", "SH"):
                continue
            first, _, last = item.partition("[")[0].partition("-")
            begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
            found |= {WEEKDAYS[(begin + step) % 7] for step in range((end - begin) % 7 + 1)}
        return found


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
_WORD: Final = re.compile(r"[^\W\d_]+(?:\.m\b\.?)?", re.UNICODE)
_NTH: Final = re.compile(r" ?\[ ?-?\d(?: ?[-,] ?-?\d)* ?\]")
_COMMENT: Final = re.compile(r'"[^"]+"')
_ALL_DAY: Final = re.compile(r"24 ?(?:h|hrs?|hours?|std|stunden)\b", re.IGNORECASE)


def written_expression(text: str) -> str:
    """Return the text as an opening_hours expression.

    Raises
    ------
    ValueError
        It cannot be read, or in more than one way; the message says where and why.
    """
    tokens = _tokens(text)
    if not tokens:
        raise ValueError("its end: there are no hours in it")
    _settle_clock(tokens)
    return _written(_Reader(tokens).rules())


def _tokens(text: str) -> list[Token]:
    # NFKC makes full-width digits and signs narrow; the table does the dashes and quotes it leaves.
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
    words = {token.text.lower() for token in tokens if token.kind in (Kind.DAY, "german day")}
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind == "german day":
            day, proof = GERMAN_DAYS[token.text]
            # French "Di, Sa" are Sunday and Saturday; "Di-Sa" would be the whole week.
            starts_range = following is not None and following.kind == "-"
            if not words & proof and not (token.text == "di" and starts_range and "sa" in words):
                raise _refusal(token, "is a day in more than one language")
            token.kind, token.text = Kind.DAY, day
        elif token.kind is Kind.DAY:
            token.text = WORDS[token.text.lower()][1]
    return tokens


def _token(text: str, at: int, before: list[Token]) -> tuple[Token | None, int]:
    """Return the token that begins at `at`, None for one without meaning, and where it ends."""
    if found := _COMMENT.match(text, at):
        return Token("comment", found[0], at), found.end()
    if found := _ALWAYS.match(text, at):
        return Token(Kind.ALL_DAY, "", at), found.end()
    if before and before[-1].kind in (Kind.DAY, "german day") and (found := _NTH.match(text, at)):
        return Token("nth", found[0].replace(" ", ""), at), found.end()
    if text[at].isdigit():
        return _digits(text, at)
    if ord(text[at]) >= 0x2E80:
        return _chinese(text, at, before)
    if found := _WORD.match(text, at):
        return _word(found, at)
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
            return Token(Kind.ALL_DAY, word, at), at + len(word)
    if found := _ALL_DAY.match(text, at):
        return Token(Kind.ALL_DAY, found[0], at), found.end()
    found = _TIME.match(text, at)
    if found is not None:
        minute = found["colon"] or found["dot"] or found["h"] or found["minutes"] or "0"
        minutes = 30 if found["half"] else 15 if found["quarter"] else int(minute)
        if int(found["hour"]) > 26 or minutes > 59:
            raise ValueError(f"character {at + 1}: {found[0]!r} is no time")
        # With a dot it may be a date: 01.05 to 30.09. No month is called 00 or 13 and more.
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
            kind, meaning = WORDS[word]
            if kind is Kind.FILLER:
                return None, at + length
            return Token(kind, _text(kind, word, meaning), at), at + length
    joined = [token.kind for token in before[-2:]]
    after_day = joined[-1:] == [Kind.DAY] or (
        len(joined) == 2 and joined[0] is Kind.DAY and joined[1] in (Kind.TO, Kind.AND, ",", "-")
    )
    if text[at] in CHINESE_DAYS and after_day:
        return Token(Kind.DAY, "周" + text[at], at), at + 1
    raise ValueError(f"character {at + 1}: {text[at]!r} is not understood")


def _word(found: re.Match[str], at: int) -> tuple[Token | None, int]:
    word, end = found[0].lower(), found.end()
    if end < len(found.string) and found.string[end] == "." and len(word) <= 4:
        end += 1
    if word in GERMAN_DAYS:
        return Token("german day", word, at), end
    if word not in WORDS:
        raise ValueError(f"character {at + 1}: {found[0]!r} is not understood")
    kind, meaning = WORDS[word]
    if kind is Kind.FILLER:
        return None, end
    return Token(kind, _text(kind, word, meaning), at), end


def _text(kind: Kind, word: str, meaning: str) -> str:
    """Days keep their word for now: which language it is may matter to another."""
    return word if kind is Kind.DAY else meaning or word


def _refusal(token: Token, why: str) -> ValueError:
    return ValueError(f"character {token.at + 1}: {token.text!r} {why}")


def _settle_clock(tokens: list[Token]) -> None:
    """Turn hours with words (10am, 下午2:00, 8 Uhr) into times; take the words out."""
    _join_numbers_and_words(tokens)
    _apply_words_after(tokens)
    _apply_words_before(tokens)


_DASHES: Final = ("-", Kind.TO)
_HALVES: Final = (Kind.MORNING, Kind.AFTERNOON, Kind.EVENING, Kind.NOON)


def _join_numbers_and_words(tokens: list[Token]) -> None:
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind != "number":
            continue
        latin_half = (
            following is not None and following.kind in _HALVES and following.text.isascii()
        )
        clock = following is not None and following.kind is Kind.CLOCK
        # 0800 and 1730 are no years of a shop.
        four_digits = len(token.text) == 4 and (token.text[0] == "0" or int(token.text) < 1900)
        if latin_half or clock or four_digits:
            _make_time(token)
    # "8-18 Uhr": the word stands for both.
    for place, token in enumerate(tokens):
        if token.kind is Kind.CLOCK:
            for earlier in tokens[max(0, place - 3) : place]:
                if earlier.kind == "number":
                    _make_time(earlier)
                earlier.sure = True
    tokens[:] = [token for token in tokens if token.kind is not Kind.CLOCK]


def _make_time(token: Token) -> None:
    hour, minute = int(token.text), 0
    if len(token.text) == 4:
        hour, minute = divmod(hour, 100)
    if hour > 24 or minute > 59 or len(token.text) == 3:
        raise _refusal(token, "is no time")
    token.kind, token.minute = "time", hour * 60 + minute
    token.sure = hour > 12 or token.text[0] == "0"


def _apply_words_after(tokens: list[Token]) -> None:
    """Take out am and pm, which follow their time; where one has them, all must."""
    named: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind in _HALVES and token.text.isascii():
            time = tokens[place - 1] if place else token
            if time.kind != "time" or time in named or not 60 <= time.minute < 13 * 60:
                raise _refusal(token, "follows no time of a twelve-hour clock")
            if token.kind is Kind.AFTERNOON and time.minute < NOON:
                time.minute += NOON
            if token.kind is Kind.MORNING and time.minute >= NOON:
                time.minute -= NOON
            time.sure = True
            named.append(time)
    tokens[:] = [t for t in tokens if not (t.kind in _HALVES and t.text.isascii())]
    for token in tokens if named else []:
        if token.kind == "number" or (
            token.kind == "time" and token not in named and token.minute < 13 * 60
        ):
            raise _refusal(token, "may be morning or afternoon")


def _apply_words_before(tokens: list[Token]) -> None:
    """上午, 下午 and their like stand before their time and hold for the end of its span."""
    half: Kind | None = None
    kept: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind in _HALVES:
            assert isinstance(token.kind, Kind)
            half = token.kind
            if place + 1 == len(tokens) or tokens[place + 1].kind != "time":
                raise _refusal(token, "is followed by no time")
            continue
        if token.kind is Kind.NEXT_DAY:
            half = None
            if place + 1 == len(tokens) or tokens[place + 1].kind not in ("time", *_HALVES):
                raise _refusal(token, "is followed by no time")
            tokens[place + 1].sure = True
            continue
        if token.kind == "time" and half is not None:
            _in_half(token, half)
            is_start = place + 1 < len(tokens) and tokens[place + 1].kind in _DASHES
            half = half if is_start else None
        elif token.kind not in _DASHES:
            half = None
        kept.append(token)
    tokens[:] = kept


def _in_half(token: Token, half: Kind) -> None:
    hour = token.minute // 60
    if half is Kind.MORNING and hour > 12:
        raise _refusal(token, "is not in the morning")
    # Hours that the word moves to the second half of the day. 晚上2点 is at night, 晚上12点 is
    # midnight, 中午1点 is one hour after noon.
    moved = {Kind.AFTERNOON: range(12), Kind.EVENING: range(4, 13), Kind.NOON: range(4)}
    if hour in moved.get(half, ()):
        token.minute += NOON
    token.sure = True


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


class _Reader:
    """Reads rules from tokens, one step at a time; every refusal names its token."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        times = [token for token in tokens if token.kind == "time"]
        # Somebody who writes 09:00 or 18:00 writes 5:00 for five in the morning.
        self._has_24_hours = any(token.sure for token in times) or any(
            token.kind == "number" and int(token.text) > 12 for token in tokens
        )

    def rules(self) -> list[Rule]:
        rules: list[Rule] = []
        joined_by = ""
        while self._skip(";", ","):
            pass
        while self._peek() is not None:
            rules.append(self._rule(joined_by))
            joined_by = ""
            while (token := self._peek()) is not None and token.kind in (";", ","):
                joined_by = ";" if ";" in (joined_by, token.kind) else ","
                self._next += 1
        if not rules:
            raise ValueError("its end: there are no hours in it")
        return rules

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _kind(self, ahead: int = 0) -> Kind | str | None:
        token = self._peek(ahead)
        return None if token is None else token.kind

    def _skip(self, *kinds: Kind | str) -> bool:
        if self._kind() in kinds:
            self._next += 1
            return True
        return False

    def _take(self) -> Token:
        token = self._peek()
        if token is None:
            raise ValueError("its end: something is missing")
        self._next += 1
        return token

    def _fail(self, why: str) -> ValueError:
        token = self._peek()
        return ValueError(f"its end: {why}") if token is None else _refusal(token, why)

    def _rule(self, joined_by: str) -> Rule:
        rule = Rule(joined_by)
        if self._kind() is Kind.MONTH:
            rule.wide = self._months()
            self._skip(":", ",")
        closed_first = self._kind() is Kind.MODIFIER and self._kind(1) in (
            Kind.DAY,
            Kind.DAYS,
            Kind.HOLIDAY,
        )
        if closed_first:
            rule.modifier = self._take().text
        if self._kind() in (Kind.DAY, Kind.DAYS, Kind.HOLIDAY):
            rule.days = self._days()
            self._skip(":", ",")
        if not closed_first:
            self._hours(rule)
        ended = self._kind() in (None, ";", ",")
        if not ended and rule.modifier == "off" and (closed_first or rule.spans):
            raise self._fail("follows `closed`, which may be said of the hours before or after")
        if not ended and not rule.days and not joined_by and rule.spans and self._next_is_day():
            rule.days = self._days()
            if self._peek() is not None:
                raise self._fail("follows days that may be those of the hours before or after")
        return rule

    def _next_is_day(self) -> bool:
        return self._kind() in (Kind.DAY, Kind.DAYS, Kind.HOLIDAY)

    def _hours(self, rule: Rule) -> None:
        if self._kind() is Kind.ALL_DAY:
            rule.spans = ["00:00-24:00"]
            while self._kind() in (Kind.ALL_DAY, Kind.DAYS):
                self._next += 1
        elif self._kind() in ("time", "number", Kind.SUN):
            self._spans(rule)
        if self._kind() is Kind.MODIFIER:
            rule.modifier = self._take().text
        if self._kind() == "comment":
            rule.modifier = f"{rule.modifier or 'unknown'} {self._take().text}"
        if not rule.spans and not rule.modifier:
            raise self._fail("stands where hours or `closed` are expected")

    def _months(self) -> str:
        parts = [self._month_range()]
        while self._kind() in (",", Kind.AND, "&") and self._kind(1) in (Kind.MONTH, "number"):
            self._next += 1
            if self._kind() is Kind.MONTH:
                parts.append(self._month_range())
            else:
                parts.append(f"{parts[-1].split('-')[-1][:3]} {self._day_of_month()}")
        return ",".join(parts)

    def _month_range(self) -> str:
        first = self._month_day()
        if self._kind() not in _DASHES:
            return first
        self._next += 1
        if self._kind() is Kind.MONTH:
            return f"{first}-{self._month_day()}"
        if " " in first:
            return f"{first}-{self._day_of_month()}"
        raise self._fail("stands where a month is expected")

    def _month_day(self) -> str:
        month = self._take().text
        if self._kind() == "number":
            return f"{month} {self._day_of_month()}"
        return month

    def _day_of_month(self) -> str:
        token = self._take()
        if token.kind != "number" or not 1 <= int(token.text) <= 31:
            raise _refusal(token, "stands where a day of the month is expected")
        return f"{int(token.text):02}"

    def _days(self) -> list[str]:
        items = [self._day_item()]
        while True:
            joined = self._kind() in (",", Kind.AND, "&", "/", "+") and self._kind(1) in (
                Kind.DAY,
                Kind.DAYS,
                Kind.HOLIDAY,
            )
            if joined:
                self._next += 1
            elif not self._next_is_day():
                return items
            elif not self._follows(items[-1]):
                raise self._fail("follows a day with no sign between them")
            items.append(self._day_item())

    def _follows(self, item: str) -> bool:
        """Whether a day that comes with no sign between can only be one more of a list."""
        token = self._peek()
        if token is None or token.kind is not Kind.DAY or item not in WEEKDAYS:
            return "-" in item or (token is not None and token.kind is Kind.HOLIDAY)
        return (WEEKDAYS.index(item) + 1) % 7 == WEEKDAYS.index(token.text)

    def _day_item(self) -> str:
        token = self._take()
        if token.kind is not Kind.DAY:
            return token.text
        if self._kind() == "nth":
            return token.text + self._take().text
        if self._kind() in _DASHES:
            self._next += 1
            if self._kind() is not Kind.DAY:
                raise self._fail("stands where a day is expected")
            return f"{token.text}-{self._take().text}"
        return token.text

    def _spans(self, rule: Rule) -> None:
        last_end = 0
        while True:
            begin, end = self._span(rule, last_end)
            if begin is not None and end is not None:
                last_end = end
            if self._kind() in (",", Kind.AND, "&", "/", "+") and self._is_time(1):
                self._next += 1
            elif not self._is_time(0):
                return

    def _is_time(self, ahead: int) -> bool:
        if self._kind(ahead) == "number":
            return self._kind(ahead + 1) in _DASHES
        return self._kind(ahead) in ("time", Kind.SUN)

    def _span(self, rule: Rule, last_end: int) -> tuple[int | None, int | None]:
        start = self._time(rule)
        if self._kind() not in _DASHES:
            raise self._fail("stands where the end of a span is expected")
        self._next += 1
        end = self._time(rule)
        if Kind.SUN in (start.kind, end.kind):
            rule.spans.append(f"{self._written_time(start)}-{self._written_time(end)}")
            return None, None
        begin, until = start.minute, end.minute
        if until == 0:
            until = MIDNIGHT
        if begin < last_end or begin >= MIDNIGHT or begin == until:
            raise _refusal(start, "begins before the span before it has ended, or never ends")
        self._check_half(start, begin, until)
        rule.overnight = rule.overnight or until < begin or until > MIDNIGHT
        rule.spans.append(f"{_clock(begin)}-{_clock(until)}")
        return begin, until if until > begin else MIDNIGHT

    def _check_half(self, start: Token, begin: int, until: int) -> None:
        """Refuse 9-5, 8-12, 1:00-4:00: without a 24-hour clock they may be later in the day."""
        if NOON < until < begin:
            raise _refusal(start, "begins a span that ends after the next noon")
        if self._has_24_hours:
            return
        bare = start.text.isdigit() and until <= NOON
        if until < begin or bare or (begin < 6 * 60 and until <= NOON):
            raise _refusal(start, "begins a span that may end in the morning or in the afternoon")

    def _time(self, rule: Rule) -> Token:
        token = self._take()
        if token.kind is Kind.ALL_DAY and token.text.lower().startswith("24"):
            # "8h-24h"
            token.kind, token.minute, token.sure = "time", MIDNIGHT, True
        if token.kind == "number" and not rule.wide:
            _make_time(token)
        if token.kind not in ("time", Kind.SUN):
            raise _refusal(token, "stands where a time is expected")
        return token

    def _written_time(self, token: Token) -> str:
        return token.text if token.kind is Kind.SUN else _clock(token.minute)


def _written(rules: list[Rule]) -> str:
    overnight = any(rule.overnight for rule in rules)
    written = rules[0].written()
    for place, rule in enumerate(rules[1:], start=1):
        if rule.joined_by != ";":
            _check_join(rules[:place], rule, overnight)
        # A comma adds, a semicolon replaces, on its days. Where days are disjoint and no span
        # runs past midnight it is the same, and right for holidays, which replace.
        separator = ", " if overnight and rule.joined_by != ";" else "; "
        written += separator + rule.written()
    return written


def _check_join(before: list[Rule], rule: Rule, overnight: bool) -> None:
    """Refuse a comma, or nothing, between rules of which one may have to replace the other."""
    if rule.modifier == "off":
        return
    shared = any(rule.weekdays() & earlier.weekdays() for earlier in before)
    holidays = any("PH" in each.days or "SH" in each.days for each in [*before, rule])
    if shared or any(each.wide for each in [*before, rule]) or (overnight and holidays):
        raise ValueError(
            f"{rule.written()!r}: without `;` it may replace the rules before it or add to them"
        )
