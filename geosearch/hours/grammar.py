"""Parser of free-text opening hours: tokens to rules to an OSM opening_hours expression.

`geosearch.hours.text.read_hours` calls `written_expression` for texts that are not valid
expressions.

`geosearch.hours.tokens` splits the text into tokens. This module builds rules (days, times, state)
from them, and writes the rules in OSM's language. A text that is not understood, or that is
ambiguous, raises `ValueError`; its message has the place and the reason.
"""

from dataclasses import dataclass, field
from typing import Final

from geosearch.hours.tokens import (
    DASHES,
    MIDNIGHT,
    NOON,
    Token,
    make_time,
    refusal,
    tokens_of,
)
from geosearch.hours.words import WEEKDAYS, WordKind

_DAYS: Final = (WordKind.DAY, WordKind.DAYS, WordKind.WORKDAYS, WordKind.HOLIDAY)
_HOURS: Final = (WordKind.ALL_DAY, WordKind.SUN, "time", "number")


@dataclass(slots=True)
class ReadRule:
    """Days, times and state of one rule, and the separator before it."""

    joined_by: str
    wide: str = ""
    days: list[str] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)
    modifier: str = ""
    overnight: bool = False

    def written(self) -> str:
        """Return the rule in OSM's language."""
        selectors = [self.wide, ",".join(self.days), ",".join(self.spans), self.modifier]
        return " ".join(part for part in selectors if part)

    def weekdays(self) -> set[str]:
        """Return the weekdays that the rule may match, without holidays."""
        found: set[str] = set()
        for item in self.days or ["Mo-Su"]:
            if item in ("PH", "SH"):
                continue
            for days in item.partition("[")[0].split(","):
                first, _, last = days.partition("-")
                begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
                found |= {WEEKDAYS[(begin + step) % 7] for step in range((end - begin) % 7 + 1)}
        return found


def written_expression(text: str) -> str:
    """Return the text as an opening_hours expression.

    Raises
    ------
    ValueError
        The text is not understood or ambiguous; the message says where and why.
    """
    return _written(_Reader(tokens_of(text)).rules())


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


class _Reader:
    """Recursive-descent parser of rules; every error names its token."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._works = any(token.kind is WordKind.WORKDAYS for token in tokens)
        times = [token for token in tokens if token.kind == "time"]
        # In a text with 09:00 or 18:00, 5:00 is five in the morning.
        self._has_24_hours = any(token.sure for token in times) or any(
            token.kind == "number" and int(token.text) > 12 for token in tokens
        )

    def rules(self) -> list[ReadRule]:
        rules: list[ReadRule] = []
        joined_by = ""
        while self._skip(";", ",", ":"):
            pass
        while self._peek() is not None:
            rules.append(self._rule(joined_by))
            joined_by = ""
            while (token := self._peek()) is not None and token.kind in (";", ","):
                joined_by = ";" if ";" in (joined_by, token.kind) else ","
                self._next += 1
        if not rules:
            raise ValueError("its end: there are no hours in it")
        if self._works and not any("PH" in rule.days for rule in rules):
            # A holiday is not a working day.
            rules.append(ReadRule(";", days=["PH Mo-Fr"], modifier="off"))
        return rules

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _kind(self, ahead: int = 0) -> WordKind | str | None:
        token = self._peek(ahead)
        return None if token is None else token.kind

    def _skip(self, *kinds: WordKind | str) -> bool:
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
        return ValueError(f"its end: {why}") if token is None else refusal(token, why)

    def _rule(self, joined_by: str) -> ReadRule:
        rule = ReadRule(joined_by)
        if self._kind() is WordKind.MONTH:
            rule.wide = self._months()
            self._skip(":", ",")
        if self._peek_text() == "open" and self._kind(1) in (*_DAYS, *_HOURS):
            # "Open 24 hours", "open Mo-Fr 9:00-17:00"
            self._next += 1
        closed_first = self._kind() is WordKind.MODIFIER and self._kind(1) in _DAYS
        if closed_first:
            rule.modifier = self._take().text
        if self._next_is_day():
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
        return self._kind() in _DAYS

    def _ends(self, ahead: int) -> bool:
        return self._kind(ahead) in (None, ";", ",")

    def _peek_text(self) -> str:
        token = self._peek()
        return "" if token is None else token.text

    def _hours(self, rule: ReadRule) -> None:
        if self._kind() is WordKind.ALL_DAY:
            rule.spans = ["00:00-24:00"]
            while self._kind() in (WordKind.ALL_DAY, WordKind.DAYS):
                self._next += 1
        elif self._kind() in ("time", "number", WordKind.SUN):
            self._spans(rule)
        elif rule.days and self._kind() == "-" and self._ends(1):
            # "Sunday -"
            self._next += 1
            rule.modifier = "off"
        if self._kind() is WordKind.MODIFIER:
            rule.modifier = self._take().text
        if self._kind() == "comment":
            rule.modifier = f"{rule.modifier or 'unknown'} {self._take().text}"
        if not rule.spans and not rule.modifier:
            raise self._fail("stands where hours or `closed` are expected")

    def _months(self) -> str:
        parts = [self._month_range()]
        while self._kind() in (",", WordKind.AND, "&") and self._kind(1) in (
            WordKind.MONTH,
            "number",
        ):
            self._next += 1
            if self._kind() is WordKind.MONTH:
                parts.append(self._month_range())
            else:
                parts.append(f"{parts[-1].split('-')[-1][:3]} {self._day_of_month()}")
        return ",".join(parts)

    def _month_range(self) -> str:
        first = self._month_day()
        if self._kind() not in DASHES:
            return first
        self._next += 1
        if self._kind() is WordKind.MONTH:
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
            raise refusal(token, "stands where a day of the month is expected")
        return f"{int(token.text):02}"

    def _days(self) -> list[str]:
        items = [self._day_item()]
        while True:
            joined = self._kind() in (",", WordKind.AND, "&", "/", "+") and self._kind(1) in _DAYS
            if joined:
                self._next += 1
            elif not self._next_is_day():
                return items
            elif not self._follows(items[-1]):
                raise self._fail("follows a day with no sign between them")
            items.append(self._day_item())

    def _follows(self, item: str) -> bool:
        """Return whether a day without a separator can only be the next item of a list."""
        token = self._peek()
        if token is None or token.kind is not WordKind.DAY or item not in WEEKDAYS:
            return "-" in item or (token is not None and token.kind is WordKind.HOLIDAY)
        return (WEEKDAYS.index(item) + 1) % 7 == WEEKDAYS.index(token.text)

    def _day_item(self) -> str:
        token = self._take()
        if token.kind is not WordKind.DAY:
            return token.text
        if self._kind() == "nth":
            return token.text + self._take().text
        if self._kind() in DASHES and not self._ends(1):
            self._next += 1
            if self._kind() is not WordKind.DAY:
                raise self._fail("stands where a day is expected")
            return f"{token.text}-{self._take().text}"
        return token.text

    def _spans(self, rule: ReadRule) -> None:
        last_end = 0
        while True:
            begin, end = self._span(rule, last_end)
            if begin is not None and end is not None:
                last_end = end
            if self._kind() in (",", WordKind.AND, "&", "/", "+") and self._is_time(1):
                self._next += 1
            elif not self._is_time(0):
                return

    def _is_time(self, ahead: int) -> bool:
        if self._kind(ahead) == "number":
            return self._kind(ahead + 1) in DASHES
        return self._kind(ahead) in ("time", WordKind.SUN)

    def _span(self, rule: ReadRule, last_end: int) -> tuple[int | None, int | None]:
        start = self._time(rule)
        if start.word and start.minute == MIDNIGHT:
            start.minute = 0
        if self._open_end() and start.minute < MIDNIGHT:
            rule.spans.append(f"{self._written_time(start)}+")
            rule.overnight = True  # the end is unknown
            return None, None
        if self._kind() not in DASHES:
            raise self._fail("stands where the end of a span is expected")
        self._next += 1
        end = self._time(rule)
        if WordKind.SUN in (start.kind, end.kind):
            rule.spans.append(f"{self._written_time(start)}-{self._written_time(end)}")
            return None, None
        begin, until = start.minute, end.minute
        if until == 0:
            until = MIDNIGHT
        if begin < last_end or begin >= MIDNIGHT or begin == until:
            raise refusal(start, "begins before the span before it has ended, or never ends")
        self._check_half(start, end, begin, until)
        rule.overnight = rule.overnight or until < begin or until > MIDNIGHT
        plus = "+" if self._open_end() else ""
        rule.spans.append(f"{_clock(begin)}-{_clock(until)}{plus}")
        return begin, until if until > begin else MIDNIGHT

    def _open_end(self) -> bool:
        """Take a `+` that means an open end; a `+` between times or days joins them."""
        return self._kind(1) in (None, ";", ",", WordKind.MODIFIER) and self._skip("+")

    def _check_half(self, start: Token, end: Token, begin: int, until: int) -> None:
        """Refuse 9-5, 8-12, 1:00-4:00: without a 24-hour clock they may be later in the day.

        Raises
        ------
        ValueError
            The span is ambiguous.
        """
        if NOON < until < begin:
            raise refusal(start, "begins a span that ends after the next noon")
        if self._has_24_hours:
            return
        if end.word and not start.word and not start.sure:
            raise refusal(start, "begins a span that may begin in the morning or in the evening")
        bare = start.text.isdigit() and until <= NOON
        if until < begin or bare or (begin < 6 * 60 and until <= NOON):
            raise refusal(start, "begins a span that may end in the morning or in the afternoon")

    def _time(self, rule: ReadRule) -> Token:
        token = self._take()
        if token.kind is WordKind.ALL_DAY and token.text.lower().startswith("24"):
            # "8h-24h"
            token.kind, token.minute, token.sure = "time", MIDNIGHT, True
        if token.kind == "number" and not rule.wide:
            make_time(token)
        if token.kind not in ("time", WordKind.SUN):
            raise refusal(token, "stands where a time is expected")
        return token

    def _written_time(self, token: Token) -> str:
        return token.text if token.kind is WordKind.SUN else _clock(token.minute)


def _written(rules: list[ReadRule]) -> str:
    overnight = any(rule.overnight for rule in rules)
    written = rules[0].written()
    for place, rule in enumerate(rules[1:], start=1):
        if rule.modifier != "off":
            _check_order(rules[:place], rule)
            if rule.joined_by != ";":
                _check_join(rules[:place], rule, overnight)
        # A comma adds to earlier rules, a semicolon replaces them on its days. If the days are
        # disjoint and no span runs past midnight, both mean the same. A semicolon is right for
        # holidays, which replace.
        separator = ", " if overnight and rule.joined_by != ";" else "; "
        written += separator + rule.written()
    return written


def _check_order(before: list[ReadRule], rule: ReadRule) -> None:
    """Refuse a rule that by the specification opens what the text seems to close.

    A later rule replaces an earlier one on its days. A rule without days or without a season
    replaces it on every day or in every season. The author of `Mo off; 10:00-20:00` probably does
    not know that.
    """
    closed = [earlier for earlier in before if earlier.modifier == "off"]
    reopened = any(
        "PH" in earlier.days or "SH" in earlier.days or earlier.weekdays() & rule.weekdays()
        for earlier in closed
    )
    seasonal = any(earlier.wide for earlier in before if earlier not in closed)
    if not rule.wide and (not rule.days or reopened or seasonal):
        raise ValueError(
            f"{rule.written()!r}: it is not said whether the rules before it still hold"
        )


def _check_join(before: list[ReadRule], rule: ReadRule, overnight: bool) -> None:
    """Refuse rules without `;` between them if one of them may have to replace the other."""
    shared = any(rule.weekdays() & earlier.weekdays() for earlier in before)
    holidays = any("PH" in each.days or "SH" in each.days for each in [*before, rule])
    if shared or any(each.wide for each in [*before, rule]) or (overnight and holidays):
        raise ValueError(
            f"{rule.written()!r}: without `;` it may replace the rules before it or add to them"
        )
