"""The parser: what a comma means, line by line, and what is refused."""

import pytest

from geosearch.hours.days import DayList, Holiday
from geosearch.hours.rules import Rule, parse, uses_holidays, uses_sun
from geosearch.hours.spans import Span, Time
from indexes.timetable import CLOSED, OPEN, UNKNOWN

PH, SH = Holiday("PH", 0), Holiday("SH", 0)
STATES = {OPEN: "", CLOSED: "closed", UNKNOWN: "unknown"}


def plain(rule: Rule) -> str:
    """Short form: separator, lists of days with `&` for and, `|` for or, spans, state."""
    days = "|".join("&".join(map(listed, lists)) for lists in rule.days)
    spans = ",".join(
        f"{clock(span.begin)}-{'' if span.end is None else clock(span.end)}{'+' * span.open_end}"
        for span in rule.spans
    )
    return " ".join(filter(None, [rule.separator, days, spans, STATES[rule.state]]))


def listed(days: DayList) -> str:
    names = [f"{kind}{offset:+}" if offset else kind for kind, offset in days.holidays]
    return ",".join(filter(None, [days.days, *names]))


def clock(time: Time) -> str:
    return time.event + f"{time.minutes // 60:02}:{time.minutes % 60:02}" * (not time.event)


@pytest.mark.parametrize(
    ("expression", "rules"),
    [
        # between selectors a comma makes a list, with a space or without
        ("Mo, We, Fr 09:00-12:00", "; Mo,We,Fr 09:00-12:00"),
        ("Mo-Su, PH 10:00-22:00", "; Mo-Su,PH 10:00-22:00"),
        ("PH, Mo-Su 10:00-22:00", "; Mo-Su,PH 10:00-22:00"),
        ("Su, PH off", "; Su,PH closed"),
        ("Dec 25, Jan 1 off", "; Dec 25,Jan 1 closed"),
        ("Dec 24,25, 31 off", "; Dec 24,Dec 25,Dec 31 closed"),
        ("2024 May 19, 20 off", "; 2024 May 19,2024 May 20 closed"),
        ("Dec 24-26, Jan 1 off", "; Dec 24-26,Jan 1 closed"),
        ("Jan, Mar-May Mo 10:00-12:00", "; Jan,Mar-May&Mo 10:00-12:00"),
        ("week 1-10, week 40-53 Mo 10:00-12:00", "; week 1-10,40-53&Mo 10:00-12:00"),
        ("Su[1], Su[3] 10:00-12:00", "; Su[1],Su[3] 10:00-12:00"),
        ("Nov Su[1],Su[3] 10:00-12:00", "; Nov&Su[1],Su[3] 10:00-12:00"),
        ("Jul 4, Nov Th[4], easter off", "; Jul 4,Nov Th[4],easter closed"),
        ("Su, PH, Dec 24 off", "; Su,PH|Dec 24 closed"),
        ("Dec 24, Su 10:00-12:00", "; Dec 24|Su 10:00-12:00"),
        ("Sa, PH, Aug off", "; Sa,PH|Aug closed"),
        # after the last selector it means nothing
        ("Mo-Fr, 09:00-17:00", "; Mo-Fr 09:00-17:00"),
        ("Mo-Fr: 09:00-17:00", "; Mo-Fr 09:00-17:00"),
        ("Su, off", "; Su closed"),
        ('Su, "by appointment"', "; Su unknown"),
        # after hours it begins a rule, unless a time follows
        ("Mo-Fr 09:00-12:00, 14:00-18:00", "; Mo-Fr 09:00-12:00,14:00-18:00"),
        ("Mo-Fr 09:00-12:00, Sa, Su 10:00-12:00", "; Mo-Fr 09:00-12:00 / , Sa,Su 10:00-12:00"),
        ("Mo-Fr 09:00-12:00,Sa 10:00-12:00", "; Mo-Fr 09:00-12:00 / , Sa 10:00-12:00"),
        ("Mo-Fr 09:00-12:00, PH off", "; Mo-Fr 09:00-12:00 / , PH closed"),
        ('Mo 09:00-12:00 "a", 14:00-16:00', "; Mo 09:00-12:00 unknown / , 14:00-16:00"),
        ("Mo off, Tu 09:00-12:00", "; Mo closed / , Tu 09:00-12:00"),
        # a space makes a condition more
        ("PH Su off", "; PH&Su closed"),
        ("Su PH off", "; Su&PH closed"),
        ("SH Mo-Fr 10:00-12:00", "; SH&Mo-Fr 10:00-12:00"),
        ("SH,PH Mo-Fr 10:00-12:00", "; SH,PH&Mo-Fr 10:00-12:00"),
        ("Dec Mo-Fr,PH 10:00-12:00", "; Dec&Mo-Fr,PH 10:00-12:00"),
        ("2026 Dec 24-2027 Jan 06 off", "; 2026 Dec 24-2027 Jan 06 closed"),
        ("Mar Su[-1]-Oct Su[-1] 10:00-18:00", "; Mar Su[-1]-Oct Su[-1] 10:00-18:00"),
        ("Mar-Oct Su[-1] 10:00-18:00", "; Mar-Oct&Su[-1] 10:00-18:00"),
        ("Apr 1-Oct 15: Mo-Su 12:00-22:00", "; Apr 1-Oct 15&Mo-Su 12:00-22:00"),
        ("week01:10:00-12:00", "; week01 10:00-12:00"),
        ("easter -2 days off", "; easter -2 days closed"),
        ("PH +1 day, SH off", "; PH+1,SH closed"),
        # states and comments
        ("off", "; closed"),
        ("24/7", "; 00:00-24:00"),
        ("Mo-Su 24/7 closed", "; Mo-Su 00:00-24:00 closed"),
        ('"ask"', "; unknown"),
        ('Mo-Fr 09:00-17:00 "by appointment"', "; Mo-Fr 09:00-17:00 unknown"),
        ('Mo-Fr 09:00-17:00 open "by appointment"', "; Mo-Fr 09:00-17:00"),
        ('Mo closed "moved; 10:00-12:00, see door"', "; Mo closed"),
        ('"in term": Mo-Fr 09:00-17:00', "; Mo-Fr 09:00-17:00 unknown"),
        ('Tu 09:00-11:00 || "by appointment"', "; Tu 09:00-11:00 / || unknown"),
        ("Mo 09:00-11:00 || Tu off, We unknown", "; Mo 09:00-11:00 / || Tu closed / || We unknown"),
        # times
        ("17:00-18:00+", "; 17:00-18:00+"),
        ("11:30+", "; 11:30-+"),
        ("Fr 18:00-26:00", "; Fr 18:00-26:00"),
        ("(sunrise+01:00)-sunset", "; sunrise-sunset"),
        # the freedom that mappers take
        ("mo-fr 8:00 - 18:00;ph OFF;", "; Mo-Fr 08:00-18:00 / ; PH closed"),
        ("Mo-Sa10:00-20:00", "; Mo-Sa 10:00-20:00"),
    ],
)
def test_rules(expression: str, rules: str) -> None:
    assert " / ".join(map(plain, parse(expression))) == rules


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "there are no hours in it"),
        (" ; ", "there are no hours in it"),
        ("soon", "character 1: 'soon' is not understood"),
        ("Mo-Fr 10:00-18:00 Sa 10:00-12:00", "'Sa' follows hours with no sign between"),
        ("Mo 10:00-12:00 14:00-16:00", "'14:00-16:00' follows hours with no sign between"),
        ("Mo Fr 10:00-12:00", "'Fr' follows days with no sign between"),
        ("PH SH 10:00-12:00", "'SH' follows days with no sign between"),
        ("Jan-Mar, Mo-Fr 10:00-12:00", "'Jan-Mar' in a list with weekdays may mean two things"),
        ("Mo 10:00", "a point in time, not a span"),
        ("Mo 10:00-16:00/90", "is not understood"),
        ("10:00-12:60", "is no time"),
        ("25:00-26:00", "begins after 24:00"),
        ("10:00-48:01", "ends after 48:00"),
        ("Feb 31-Mar, 10:00-12:00", "is not understood"),
        ("31 10:00-12:00", "'31' is no day"),
        ("Mo open closed", "a second state"),
        ('Mo "a" "b"', "a second comment"),
        ('10:00-12:00 "a":', "follows what it is a condition for"),
        (": 10:00-12:00", "separates nothing"),
        ('"open', "is not understood"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"character|its end") as refused:
        parse(expression)
    assert why in str(refused.value)


def test_places_of_rules_are_those_of_the_text() -> None:
    expression = ' Mo-Fr 08:00-18:00 ;Sa 10:00-12:00 "a;b" || PH off, Su off '
    assert [expression[rule.begin : rule.end] for rule in parse(expression)] == [
        "Mo-Fr 08:00-18:00",
        'Sa 10:00-12:00 "a;b"',
        "PH off",
        "Su off",
    ]


def test_what_an_expression_depends_on() -> None:
    assert uses_sun("Mo 10:00-12:00; Tu sunrise-12:00")
    assert uses_sun("dusk+")
    assert not uses_sun('10:00-18:00 "until sunset"')
    assert uses_holidays("Mo 10:00-12:00; Tu,PH off")
    assert uses_holidays("SH Mo-Fr 10:00-12:00")
    assert not uses_holidays('10:00-18:00 open "PH off?"')


def test_a_span_is_kept_as_it_is_written() -> None:
    (rule,) = parse("(sunset-00:30)-02:00+")
    assert rule.spans == (Span(Time(-30, "sunset"), Time(120), open_end=True),)
    assert rule.spans[0].is_overnight
