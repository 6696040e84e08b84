"""A plain twin of opening hours: rules as numbers, and the state of one minute by definition.

Useful for: comparing the evaluation of hours with something that shares no code with it, and no
library either.
Not useful for: reading expressions; it writes them.

A minute is asked alone. The rules are gone through in their order; each is asked whether it names
this day or the day before, and what it says.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

WEEKDAYS = "Mo Tu We Th Fr Sa Su".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
OPEN, CLOSED, UNKNOWN = "open", "closed", "unknown"


@dataclass
class Days:
    """Days that a rule names: weekdays, holidays, dates, months; none of them is every day.

    `both` wants weekday and holiday together: `PH Su`.
    """

    weekdays: set[int] = field(default_factory=set)
    holidays: bool = False
    both: bool = False
    dates: set[tuple[int, int]] = field(default_factory=set)
    months: set[int] = field(default_factory=set)

    def has(self, day: date, holidays: set[date]) -> bool:
        if self.months and day.month not in self.months:
            return False
        by_name = []
        if self.weekdays:
            by_name.append(day.weekday() in self.weekdays)
        if self.holidays:
            by_name.append(day in holidays)
        if self.dates:
            by_name.append((day.month, day.day) in self.dates)
        if not by_name:
            return True
        return all(by_name) if self.both else any(by_name)

    def written(self, numbers: random.Random) -> str:
        def listed(names: list[str]) -> str:
            return "".join(
                name if place == 0 else numbers.choice([",", ", "]) + name
                for place, name in enumerate(names)
            )

        weekdays = listed(_weekday_names(self.weekdays, numbers))
        if self.both:
            small = " ".join(numbers.sample(["PH", weekdays], 2))
        else:
            names = [weekdays] * bool(self.weekdays) + ["PH"] * self.holidays
            numbers.shuffle(names)
            dates = [f"{MONTHS[month - 1]} {day:02}" for month, day in sorted(self.dates)]
            small = listed(names + dates)
        months = listed([MONTHS[month - 1] for month in sorted(self.months)])
        return " ".join(filter(None, [months, small]))


def _weekday_names(weekdays: set[int], numbers: random.Random) -> list[str]:
    """Write some runs of days as ranges, `Sa-Mo` among them."""
    left, names = set(weekdays), []
    for first in numbers.sample(sorted(weekdays), len(weekdays)):
        if first not in left:
            continue
        last = first
        while (last + 1) % 7 in left and (last + 1) % 7 != first and numbers.random() < 0.7:
            last = (last + 1) % 7
        run = [(first + step) % 7 for step in range((last - first) % 7 + 1)]
        left -= set(run)
        if len(run) == 1:
            names.append(WEEKDAYS[first])
        else:
            dash = numbers.choice(["-", "-", " - "])
            names.append(f"{WEEKDAYS[first]}{dash}{WEEKDAYS[last]}")
    return names


@dataclass
class Rule:
    """One rule. Spans are (begin, end) in minutes, the end perhaps past 1440, None for an open end.

    `plus` are the places of spans whose stated end is open too: `17:00-18:00+`.
    """

    separator: str
    days: Days
    spans: list[tuple[int, int | None]]
    state: str
    comment: bool = False
    plus: set[int] = field(default_factory=set)

    @property
    def meaning(self) -> str:
        """A rule of which only a comment tells the state is unknown; state "" is not written."""
        if self.state:
            return self.state
        return UNKNOWN if self.comment else OPEN

    def says(self, minute: int) -> str | None:
        """What the rule says of a minute since midnight of a day that it names."""
        if not self.spans:
            return self.meaning if 0 <= minute < 1440 else None
        for begin, end in self.spans:
            if end is not None and begin <= minute < end:
                return self.meaning
        for place, (begin, end) in enumerate(self.spans):
            if end is None or place in self.plus:
                last_sure = begin if end is None else end
                until = last_sure + 600 if last_sure >= 17 * 60 else 1440
                if last_sure >= 22 * 60:
                    until = last_sure + 480
                later = [other for other, _ in self.spans if other > begin]
                until = min([until, 2880, *(other for other in later if other >= last_sure)])
                if last_sure <= minute < until:
                    return CLOSED if self.meaning == CLOSED else UNKNOWN
        return None

    def written(self, numbers: random.Random) -> str:
        spans = []
        for place, (begin, end) in enumerate(self.spans):
            text = _clock(begin)
            if end is None:
                text += "+"
            else:
                wraps = end > 1440 and end - 1440 <= begin and numbers.random() < 0.7
                text += f"-{_clock(end - 1440 if wraps else end)}"
                text += "+" if place in self.plus else ""
            spans.append(text)
        times = "".join(
            text if place == 0 else numbers.choice([",", ", "]) + text
            for place, text in enumerate(spans)
        )
        days = self.days.written(numbers)
        if days and times and numbers.random() < 0.1:
            days += numbers.choice([":", ","])
        word = numbers.choice(["off", "closed"]) if self.state == CLOSED else self.state
        comment = '"by the bell; or, 10:00-12:00 ask"' if self.comment else ""
        return " ".join(filter(None, [days, times, word, comment]))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def written(rules: list[Rule], numbers: random.Random) -> str:
    """Write rules as an expression, with the freedom that mappers take."""
    text = rules[0].written(numbers)
    for rule in rules[1:]:
        signs = {";": [";", "; ", " ; "], ",": [", "], "||": ["||", " || "]}
        text += numbers.choice(signs[rule.separator]) + rule.written(numbers)
    return text


def state(rules: list[Rule], day: date, minute: int, holidays: set[date]) -> str:
    """State of one minute of a day."""
    now = CLOSED
    separator = ";"
    for number, rule in enumerate(rules):
        is_today = rule.days.has(day, holidays)
        # What is added to a fallback is one itself.
        is_fallback = rule.separator == "||" or (rule.separator == "," and separator == "||")
        separator = "||" if is_fallback else rule.separator
        is_replaced = rule.separator == ";" and rule.meaning != CLOSED
        if number and is_today and is_replaced:
            now = CLOSED
        is_yesterday = rule.days.has(day - timedelta(days=1), holidays)
        said = [
            what
            for is_named, at in ((is_yesterday, minute + 1440), (is_today, minute))
            if is_named and (what := rule.says(at)) is not None
        ]
        if not said:
            continue
        # Stated hours count more than a guess how long an open end lasts.
        what = rule.meaning if rule.meaning in said else said[-1]
        if not is_fallback or now == CLOSED:
            now = what
    return now


def drawn(numbers: random.Random) -> list[Rule]:
    """Draw rules that an expression can say, with trouble where it is likely."""
    rules = [_rule(";", numbers)]
    while len(rules) < 5 and numbers.random() < 0.6:
        separator = numbers.choice([";", ";", ";", ",", ",", "||"])
        rule = _rule(separator, numbers)
        before = rules[-1]
        # `10:00-12:00, 14:00-16:00` would be one rule, `Mo, Tu 10:00-12:00` a list.
        needs_end = not (before.spans or before.state or before.comment)
        goes_on = rule.days == Days() and before.spans and not (before.state or before.comment)
        if separator == "," and (needs_end or (goes_on and rule.spans)):
            continue
        rules.append(rule)
    return rules


def _rule(separator: str, numbers: random.Random) -> Rule:
    days, spans = _days(numbers), _spans(numbers)
    state = numbers.choices(["", OPEN, CLOSED, UNKNOWN], [10, 1, 4, 1])[0]
    comment = numbers.random() < 0.12
    if days == Days() and not spans and not state and not comment:
        state = CLOSED
    plus = {place for place, span in enumerate(spans) if span[1] and numbers.random() < 0.1}
    return Rule(separator, days, spans, state, comment, plus)


def _days(numbers: random.Random) -> Days:
    kind = numbers.random()
    some = set(numbers.sample(range(7), numbers.randint(1, 5)))
    if kind < 0.1:
        return Days()
    if kind < 0.6:
        return Days(weekdays=some)
    if kind < 0.75:
        return Days(weekdays=some, holidays=True)
    if kind < 0.83:
        return Days(holidays=True)
    if kind < 0.9:
        return Days(weekdays=some, holidays=True, both=True)
    dates = {(12, numbers.randint(20, 31)), (1, numbers.randint(1, 3))}
    if kind < 0.96:
        return Days(dates=dates)
    return Days(weekdays=some, months={numbers.choice([11, 12]), 1})


def _spans(numbers: random.Random) -> list[tuple[int, int | None]]:
    spans: list[tuple[int, int | None]] = []
    begin = 0
    while numbers.random() < (0.9 if not spans else 0.3):
        begin += 15 * numbers.randint(0 if not spans else 1, 60)
        if begin >= 1440:
            break
        if numbers.random() < 0.08:
            spans.append((begin, None))
            begin += 60
            continue
        end = begin + 15 * numbers.choice([1, 4, 12, 24, 40, 48, 60, 96])
        spans.append((begin, end))
        if end > 1440:
            break
        begin = end
    return spans
