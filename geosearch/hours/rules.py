"""Parser of the opening_hours grammar: an expression to rules of days, times and state.

Useful for: `parse`, which also accepts what mappers commonly write (spaces after commas, `Mo - Fr`,
`mo-fr`, empty rules).
Not useful for: the days of a selector (`days`), the effect of rules on each other (`local`), or
free text (`text`).

The context of a comma decides between three meanings. Between two selectors it makes a list
(`Mo, We, Fr`). After the last selector it means nothing (`Mo-Fr, 09:00-17:00`). After times, a
state or a comment it begins an additional rule, unless another time follows.

Source: https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from geosearch.hours.days import Conjunction, DayList, Holiday, day_list
from geosearch.hours.spans import DAY_MINUTES, Span, Time, check_span
from indexes.timetable import CLOSED, OPEN, UNKNOWN

Separator = Literal[";", ",", "||"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an expression.

    Parameters
    ----------
    separator
        `;` replaces earlier rules on its days, `,` adds to them, `||` applies to closed minutes.
    days
        The rule applies to the days that any of these matches; empty matches every day.
    spans
        Times of the rule; empty is the whole day.
    state
        `OPEN`, `CLOSED` or `UNKNOWN`.
    begin, end
        Position of the rule in the expression; its separator is before `begin`.
    has_label
        Whether it begins with a condition in words: `"in term": Mo-Fr 09:00-17:00`.
    """

    separator: Separator
    days: tuple[Conjunction, ...]
    spans: tuple[Span, ...]
    state: int
    begin: int
    end: int
    has_label: bool = False

    @property
    def has_dates(self) -> bool:
        """Whether the rule is limited to dates, months, weeks or years."""
        return any(each.is_wide for conjunction in self.days for each in conjunction)

    @property
    def has_season(self) -> bool:
        """Whether the rule is limited to months, weeks or years, not to single dates."""
        return any(each.is_season for conjunction in self.days for each in conjunction)

    @property
    def is_weekly(self) -> bool:
        """Whether the rule is the same in each week, apart from holidays and the sun."""
        return all(each.is_weekly for conjunction in self.days for each in conjunction)

    @property
    def has_holidays(self) -> bool:
        """Whether the rule depends on a holiday calendar."""
        return any(each.holidays for conjunction in self.days for each in conjunction)

    @property
    def has_school_holidays(self) -> bool:
        """Whether the rule depends on school holidays."""
        return any(
            kind == "SH"
            for conjunction in self.days
            for each in conjunction
            for kind, _ in each.holidays
        )

    @property
    def has_sun(self) -> bool:
        """Whether the rule depends on sunrise, sunset, dawn or dusk."""
        return any(span.has_sun for span in self.spans)

    @property
    def clears_days(self) -> bool:
        """Whether the rule deletes the states of earlier rules on its days."""
        if self.state == CLOSED:
            return not self.spans and self.separator != "||"
        return self.separator == ";"


_WEEKDAY: Final = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_NTH: Final = r"\[\s?-?\d(?:\s?[-,]\s?-?\d)*\s?\]"
_OFFSET: Final = r"\s?[+-]\s?\d+\s?days?\b"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# `week 01:10:00-12:00` has a meaningless colon after the number; in `10:00` the colon is a time's.
_NUMBER: Final = r"\d{1,2}(?!\d|:\d+(?![\d:])|\s?days?\b)"
_YEAR: Final = r"\d{4}(?!\d|:\d+(?![\d:]))"
# `Nov Th[4]` is a date; in `Nov Th[4],Fr[4]` the month precedes a list of weekdays.
_DATE: Final = (
    rf"(?:{_YEAR}\s?)?(?:{_MONTH}(?:\s?{_NUMBER}|\s{_WEEKDAY}\[-?\d\](?!\s*,\s*{_WEEKDAY}))|easter\b)"
    rf"(?:{_OFFSET})?"
)
_MONTHS: Final = rf"(?:{_YEAR}\s?)?{_MONTH}(?![a-z])"
_CLOCK: Final = r"\d{1,2}:\d\d(?!\d)"
_SUN: Final = r"(?:sunrise|sunset|dawn|dusk)\b"
_TIME: Final = rf"(?:{_CLOCK}|{_SUN}|\(\s?{_SUN}\s?[+-]\s?{_CLOCK}\s?\))"

_TOKEN: Final = re.compile(
    rf"""[ \t]*(?:
    (?P<label>"[^"]*"\s*:)
    |(?P<comment>"[^"]*")
    |(?P<separator>;|\|\|)
    |(?P<comma>,)
    |(?P<colon>:)
    |(?P<span>24/7|{_TIME}(?:\s*-\s*{_TIME})?(?:\s?\+)?)
    |(?P<state>(?:open|closed|off|unknown)\b)
    |(?P<holiday>(?:PH|SH)(?![a-z])(?:{_OFFSET})?)
    |(?P<weekday>{_WEEKDAY}(?:{_NTH}(?:{_OFFSET})?|\s?-\s?{_WEEKDAY}(?![a-z])|(?![a-z])))
    |(?P<wide>
        week\s?{_NUMBER}(?:\s?-\s?{_NUMBER})?(?:/\d+)?
        |{_DATE}\s?-\s?(?:{_DATE}|{_NUMBER})(?:/\d+)?
        |{_DATE}\+?
        |{_MONTHS}(?:\s?-\s?{_MONTHS})?
        |{_YEAR}(?:\s?-\s?{_YEAR})?(?:/\d+)?\+?
        |{_NUMBER}(?:\s?-\s?{_NUMBER})?(?:/\d+)?
    ))[ \t]*""",
    re.VERBOSE | re.IGNORECASE,
)
_IS_DATE: Final = re.compile(rf"{_MONTH}\s?(?:\d|{_WEEKDAY})|easter", re.IGNORECASE)
_ONLY_NUMBERS: Final = re.compile(r"\d{1,2}(?!\d)[\s\d/-]*")
_MONTH_OF_DAY: Final = re.compile(rf"(?:\d{{4}} )?{_MONTH}(?=\s?\d)")
_SPACES_AROUND: Final = re.compile(r"\s?([-,])\s?(?=\S)(?!\d+\s?days?)")
_NAMES: Final = re.compile(rf"\b(?:{_WEEKDAY}|{_MONTH})", re.IGNORECASE)
_LOWER: Final = re.compile(r"\b(?:week|easter|days?)", re.IGNORECASE)
_CLOCK_PARTS: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)")
_EVENT: Final = re.compile(_SUN, re.IGNORECASE)
_SPAN: Final = re.compile(
    rf"(?P<begin>{_TIME})(?:\s*-\s*(?P<end>{_TIME}))?\s?(?P<open_end>\+)?", re.IGNORECASE
)
_HOLIDAY: Final = re.compile(r"(?P<kind>PH|SH)(?P<offset>.*?)(?:days?)?", re.IGNORECASE)
_STATES: Final = {"open": OPEN, "closed": CLOSED, "off": CLOSED, "unknown": UNKNOWN}


@lru_cache(maxsize=16_384)
def parse(expression: str) -> tuple[Rule, ...]:
    """Return the rules of an expression, in its order.

    Raises
    ------
    ValueError
        The grammar does not accept the expression, or it is ambiguous. The message has the place
        and the reason.

    Examples
    --------
    >>> [rule.separator for rule in parse("Mo, We 09:00-12:00, Fr 09:00-11:00; PH off")]
    [';', ',', ';']
    """
    reader = _Reader()
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"character {at + 1}: {expression[at:][:20]!r} is not understood")
        assert found.lastgroup is not None
        text = found[found.lastgroup]
        begin = found.start(found.lastgroup)
        reader.take(found.lastgroup, text, begin)
        at = found.end()
    reader.finish()
    if not reader.rules:
        raise ValueError("its end: there are no hours in it")
    return tuple(reader.rules)


def uses_sun(expression: str) -> bool:
    """Return whether the expression uses sunrise, sunset, dawn or dusk, so needs the position."""
    return any(rule.has_sun for rule in parse(expression))


def uses_holidays(expression: str) -> bool:
    """Return whether the expression depends on a holiday calendar."""
    return any(rule.has_holidays for rule in parse(expression))


@dataclass(slots=True)
class _Draft:
    """An incomplete rule; `comma` says whether the last token was a comma."""

    separator: Separator = ";"
    begin: int = -1
    end: int = -1
    selectors: list["_Selector"] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    state: int | None = None
    has_comment: bool = False
    has_label: bool = False
    comma: bool = False

    @property
    def is_complete(self) -> bool:
        return bool(self.spans) or self.state is not None or self.has_comment


class _Selector(NamedTuple):
    """A weekday, holiday or wide selector, and whether a comma precedes it."""

    kind: str
    text: str
    comma: bool


class _Reader:
    """Builds rules from tokens, in order."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._draft = _Draft()

    def take(self, kind: str, text: str, at: int) -> None:
        """Take the next token."""
        draft = self._draft
        if kind == "separator":
            self.finish()
            self._draft = _Draft("||" if text == "||" else ";")
        elif kind == "comma":
            draft.comma = True
        elif kind == "colon":
            # `Mo-Fr: 09:00-17:00`: the colon has no meaning.
            if draft.is_complete or draft.begin < 0:
                raise ValueError(f"character {at + 1}: {text!r} separates nothing")
        else:
            is_more_times = kind == "span" and draft.state is None and not draft.has_comment
            if draft.comma and draft.is_complete and not is_more_times:
                self.finish()
                draft = self._draft = _Draft(",")
            if draft.begin < 0:
                draft.begin = at
            draft.end = at + len(text)
            with _placed(at):
                _add(draft, kind, text)
            draft.comma = False

    def finish(self) -> None:
        """Append the rule of the tokens so far, if it has any."""
        draft = self._draft
        if draft.begin < 0:
            return
        state = draft.state
        if state is None:
            state = UNKNOWN if draft.has_comment else OPEN
        if draft.has_label and state == OPEN:
            state = UNKNOWN
        with _placed(draft.begin):
            days = _days(draft.selectors, any_list=state == CLOSED)
        separator = draft.separator
        if separator == "," and self.rules and self.rules[-1].separator == "||":
            # A rule that is added to a fallback is a fallback itself.
            separator = "||"
        spans = tuple(draft.spans)
        self.rules.append(
            Rule(separator, days, spans, state, draft.begin, draft.end, draft.has_label)
        )
        self._draft = _Draft()


@contextmanager
def _placed(at: int) -> Iterator[None]:
    """Add the position to the message of a `ValueError`."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"character {at + 1}: {error}") from None


def _add(draft: _Draft, kind: str, text: str) -> None:
    if kind in ("wide", "weekday", "holiday"):
        if draft.is_complete:
            raise ValueError(f"{text!r} follows hours with no sign between them")
        draft.selectors.append(_Selector(kind, " ".join(text.split()), draft.comma))
    elif kind == "span":
        if draft.state is not None or draft.has_comment or (draft.spans and not draft.comma):
            raise ValueError(f"{text!r} follows hours with no sign between them")
        draft.spans.append(_span(text))
    elif kind == "state":
        if draft.state is not None or draft.has_comment:
            raise ValueError(f"{text!r} is a second state of one rule")
        draft.state = _STATES[text.lower()]
    elif kind == "label":
        # `"in term": Mo-Fr 09:00-17:00`: a condition in words, so the state is unknown.
        if draft.is_complete or draft.selectors:
            raise ValueError(f"{text!r} follows what it is a condition for")
        draft.has_label = True
    else:
        if draft.has_comment:
            raise ValueError(f"{text!r} is a second comment of one rule")
        draft.has_comment = True


def _span(text: str) -> Span:
    if text == "24/7":
        return Span(Time(0), Time(DAY_MINUTES), open_end=False)
    found = _SPAN.fullmatch(text)
    assert found is not None
    if not (found["end"] or found["open_end"]):
        raise ValueError(f"{text!r} is a point in time, not a span")
    begin, end = _time(found["begin"]), found["end"] and _time(found["end"])
    return check_span(Span(begin, end or None, open_end=bool(found["open_end"])))


def _time(text: str) -> Time:
    clock, event = _CLOCK_PARTS.search(text), _EVENT.search(text)
    minutes = 0
    if clock is not None:
        if int(clock["minute"]) > 59:
            raise ValueError(f"{text!r} is no time")
        minutes = int(clock["hour"]) * 60 + int(clock["minute"])
    if event is None:
        return Time(minutes)
    return Time(-minutes if "-" in text else minutes, event[0].lower())


def _days(selectors: list[_Selector], *, any_list: bool) -> tuple[Conjunction, ...]:
    """Return the alternatives of the selectors: a comma makes a list, a space adds a condition.

    A list of dates and weekdays (`Su, PH, Dec 24`) matches the days of either. With a season
    (`Jan-Mar, Mo-Fr`) it may also mean days that match both. So it is accepted only in a closed
    rule (`any_list`): `Sa, PH, Aug off`.

    Raises
    ------
    ValueError
        The list is ambiguous, or opening-hours-py does not accept it.
    """
    alternatives: list[list[list[_Selector]]] = []
    for selector in selectors:
        before = alternatives[-1][-1] if alternatives else None
        same = before is not None and (before[-1].kind == "wide") == (selector.kind == "wide")
        if before is None or (selector.comma and not same):
            alternatives.append([[selector]])
        elif selector.comma:
            before.append(selector)
        elif same and selector.kind == "wide":
            # `2026 Dec 24`, `2026 week 10`
            before[-1] = before[-1]._replace(text=f"{before[-1].text} {selector.text}")
        else:
            alternatives[-1].append([selector])
    if len(alternatives) > 1 and not any_list:
        for selector in (each for lists in alternatives for group in lists for each in group):
            if selector.kind == "wide" and not _IS_DATE.search(selector.text):
                raise ValueError(f"{selector.text!r} in a list with weekdays may mean two things")
    return tuple(tuple(_conjunction(lists)) for lists in alternatives)


def _conjunction(lists: list[list[_Selector]]) -> Iterator[DayList]:
    small = [group for group in lists if group[0].kind != "wide"]
    if len(small) > 1:
        holidays = [{selector.kind for selector in group} for group in small]
        if len(small) > 2 or holidays[0] == holidays[1] or len(holidays[0] | holidays[1]) != 2:
            raise ValueError(f"{small[1][0].text!r} follows days with no sign between them")
    for group in lists:
        holidays_of_list = tuple(_holiday(each.text) for each in group if each.kind == "holiday")
        yield day_list(_library_text(group), holidays_of_list)


def _library_text(group: list[_Selector]) -> str:
    """Return the days of a list in the syntax of opening-hours-py: `Dec 24,Dec 31`."""
    items: list[str] = []
    month = ""
    for selector in group:
        if selector.kind == "holiday":
            continue
        text = _SPACES_AROUND.sub(r"\1", selector.text).capitalize()
        text = _NAMES.sub(lambda found: found[0].capitalize(), text)
        text = _LOWER.sub(lambda found: found[0].lower(), text)
        if _ONLY_NUMBERS.fullmatch(text):
            if not items:
                raise ValueError(f"{text!r} is no day")
            text = f"{month}{text}"
        elif found := _MONTH_OF_DAY.findall(text):
            month = f"{found[-1]} "
        elif text.startswith("week"):
            month = ""
            if items and items[0].startswith("week"):
                text = text.removeprefix("week").lstrip()
        items.append(text)
    return ",".join(items)


def _holiday(text: str) -> Holiday:
    found = _HOLIDAY.fullmatch(text)
    assert found is not None
    kind: Literal["PH", "SH"] = "PH" if found["kind"].upper() == "PH" else "SH"
    return Holiday(kind, int("".join(found["offset"].split()) or 0))
