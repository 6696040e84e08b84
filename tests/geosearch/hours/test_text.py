"""The lenient reader: what it repairs and what it refuses, line by line."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.hours.rules import parse
from geosearch.hours.text import HoursText, UnreadableHours, read_hours


@pytest.mark.parametrize(
    "text",
    [
        "24/7",
        "Mo-Fr 10:00-22:00; PH off",
        # The parser takes these though the specification does not: they keep their text.
        "Mo-Fr 8:00-18:00",
        "mo-fr 08:00 - 18:00",
        "Mo-Sa10:00-20:00;PH closed",
        "Mo - Sa 8:00 - 18:00;",
        "Su,Ph 10:00-18:00",
        "Mo-Fr 8:00-18:00,Sa 9:00-13:00",
        "Jan-Dec: 24/7",
        "Mo-We 11:00-01:00,Th-Sa 11:00-05:00",
        "Ph off; Mo-Fr 9:00-18:00",
        'Mo-Sa 10:00-20:00 "ring, twice; please"',
        "Fr 18:00-02:00, Sa 10:00-20:00",
        "Mo-Su sunrise-sunset",
        # Valid, and it means the night, whatever its writer meant.
        "09:00-05:00",
    ],
)
def test_valid_hours_are_left_alone(text: str) -> None:
    assert read_hours(f" {text} ") == HoursText(text, repaired=False, trap=None, doubt=None)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        # full-width digits, signs and letters, all sorts of dashes
        ("１０：００－２２：００", "10:00-22:00"),
        ("Ｍｏ－Ｆｒ　０９：００～１８：００", "Mo-Fr 09:00-18:00"),
        ("Mo–Fr 09:00—18:00", "Mo-Fr 09:00-18:00"),
        ("9:00〜21:45", "09:00-21:45"),
        # Chinese
        ("周一至周五 10:00-22:00", "Mo-Fr 10:00-22:00"),
        ("周一至五10:00-22:00", "Mo-Fr 10:00-22:00"),
        ("週一到週日：11:00～14:00，17:00～21:30", "Mo-Su 11:00-14:00,17:00-21:30"),
        (
            "星期一、三、五 9:00-17:00；周六日 10:00-16:00",
            "Mo,We,Fr 09:00-17:00; Sa,Su 10:00-16:00",
        ),
        ("每天 9:00-21:00", "Mo-Su 09:00-21:00"),
        ("营业时间：每日10:00至22:00", "Mo-Su 10:00-22:00"),
        ("24小时营业", "00:00-24:00"),
        ("全天24小时", "00:00-24:00"),
        ("周一至周日 24小时", "Mo-Su 00:00-24:00"),
        ("上午9:00-下午6:00", "09:00-18:00"),
        ("周一至周五 上午9:00-12:00 下午2:00-6:00", "Mo-Fr 09:00-12:00,14:00-18:00"),
        ("早上8点半到晚上10点", "08:30-22:00"),
        ("9点30分至18点", "09:30-18:00"),
        ("中午12:00-晚上12:00", "12:00-24:00"),
        ("10:00-次日2:00", "10:00-02:00"),
        ("17:00-次日凌晨1:00", "17:00-01:00"),
        ("周二至周日 10:00-22:00，周一休息", "Tu-Su 10:00-22:00; Mo off"),
        ("周一至周五 9:00-18:00 法定节假日休息", "Mo-Fr 09:00-18:00; PH off"),
        # English
        ("Mon-Fri: 9am-5:30pm, Sat 10 a.m. to 4 p.m.", "Mo-Fr 09:00-17:30; Sa 10:00-16:00"),
        ("Monday to Friday 09:00 - 17:00", "Mo-Fr 09:00-17:00"),
        ("daily 11:00 until 23:00", "Mo-Su 11:00-23:00"),
        ("7 AM-12 AM", "07:00-24:00"),
        ("12pm-10pm", "12:00-22:00"),
        ("6pm-2am", "18:00-02:00"),
        ("Dawn to Dusk", "dawn-dusk"),
        ("24 hours", "00:00-24:00"),
        ("24h", "00:00-24:00"),
        ("Mo-Su 24h", "Mo-Su 00:00-24:00"),
        ("0-24", "00:00-24:00"),
        # other languages
        ("Mo-Do: 07:30-16:30; Fr: 7:30-13:30", "Mo-Th 07:30-16:30; Fr 07:30-13:30"),
        ("Di-So 11:00-14:30, 17:00-23:00", "Tu-Su 11:00-14:30,17:00-23:00"),
        ("Montag bis Freitag von 8 bis 18 Uhr", "Mo-Fr 08:00-18:00"),
        ("Mo Ruhetag, Di-So 17-23 Uhr", "Mo off; Tu-Su 17:00-23:00"),
        ("lundi à vendredi 8h30-18h", "Mo-Fr 08:30-18:00"),
        ("Пн-Пт: 10:00-18:00", "Mo-Fr 10:00-18:00"),
        ("Пн-Нд 9:00-18:00", "Mo-Su 09:00-18:00"),
        ("lun-ven 9h00-18h00", "Mo-Fr 09:00-18:00"),
        ("lun.-vie. 9:00-14:00, 16:00-20:00", "Mo-Fr 09:00-14:00,16:00-20:00"),
        ("Lu-Sa 9h-19h; Di fermé", "Mo-Sa 09:00-19:00; Su off"),
        ("lun-mar 9:00-18:00", "Mo-Tu 09:00-18:00"),
        ("Mar-Dom 12:00-15:00", "Tu-Su 12:00-15:00"),
        ("Seg-Sex 08:00-18:00", "Mo-Fr 08:00-18:00"),
        ("Ma-Vr 9:00-17:30; Za 9:00-17:00", "Mo-Fr 09:00-17:30; Sa 09:00-17:00"),
        ("pon-pt 8:00-15:00, sob 8:00-12:00", "Mo-Fr 08:00-15:00; Sa 08:00-12:00"),
        ("Po-Pá 8:00-18:00", "Mo-Fr 08:00-18:00"),
        ("Mån-Fre 07:30-21, Lör - Sön 09-16", "Mo-Fr 07:30-21:00; Sa-Su 09:00-16:00"),
        ("月~金:9:00~15:00", "Mo-Fr 09:00-15:00"),
        ("월~금 09:00~18:00, 토~일 09:00~17:00", "Mo-Fr 09:00-18:00; Sa-Su 09:00-17:00"),
        ("Sa, So 10.00-18.00", "Sa,Su 10:00-18:00"),
        ("Di-Sa 11:00 bis 14:00", "Tu-Sa 11:00-14:00"),
        ("Tu-Fr 17:00+, Sa-So 14:30+", "Tu-Fr 17:00+, Sa-Su 14:30+"),
        # weekdays, working days, weekends
        ("M-F 9am-5pm", "Mo-Fr 09:00-17:00"),
        ("M-Sat: 9am-5pm", "Mo-Sa 09:00-17:00"),
        ("weekdays 9:00-17:00", "Mo-Fr 09:00-17:00"),
        ("平日 9:00-18:00", "Mo-Fr 09:00-18:00"),
        ("工作日 9:00-18:00", "Mo-Fr 09:00-18:00; PH Mo-Fr off"),
        ("工作日 9:00-18:00，法定节假日 10:00-16:00", "Mo-Fr 09:00-18:00; PH 10:00-16:00"),
        ("Mo-Fr 11:00-19:00, Weekend 10:00-19:00", "Mo-Fr 11:00-19:00; Sa,Su 10:00-19:00"),
        ("周一至周五 9:00-18:00，周末 10:00-16:00", "Mo-Fr 09:00-18:00; Sa,Su 10:00-16:00"),
        ("Mon-Fri 08:00-20:00; Sunday -", "Mo-Fr 08:00-20:00; Su off"),
        # the other half of the day cannot be
        ("Tuesday 8AM–12PM, 1–5PM", "Tu 08:00-12:00,13:00-17:00"),
        ("11:30am-2:30pm,4:30-9pm", "11:30-14:30,16:30-21:00"),
        # named times
        ("Mo-Su noon-midnight", "Mo-Su 12:00-24:00"),
        ("midnight-5am", "00:00-05:00"),
        ("9am-noon, 1pm-midnight", "09:00-12:00,13:00-24:00"),
        ("10:00 a. m. to 8:00 P.M.", "10:00-20:00"),
        ("8:00-sundown", "08:00-sunset"),
        ("Open 24 hours", "00:00-24:00"),
        ("open Mon-Fri 9:00-17:00", "Mo-Fr 09:00-17:00"),
        # signs
        ("Mo-Fr 08.30-18.00", "Mo-Fr 08:30-18:00"),
        ("8-20", "08:00-20:00"),
        ("0800-1730", "08:00-17:30"),
        ("Mo-Fr 08:00:00-17:00:00", "Mo-Fr 08:00-17:00"),
        ("Mo-Fr 11:30-14:30 17:30-21:30", "Mo-Fr 11:30-14:30,17:30-21:30"),
        ("Mo & We 9:00-12:00", "Mo,We 09:00-12:00"),
        ("Tu-We 10:00-18:00 Th 10:00-21:30", "Tu-We 10:00-18:00; Th 10:00-21:30"),
        ("10:00-18:00 Mo-Fr", "Mo-Fr 10:00-18:00"),
        (
            "Mo-Fr 08:00–18:00; Dec 24,31 off",
            "Mo-Fr 08:00-18:00; Dec 24,Dec 31 off",
        ),
        ("Mon 10:00-14:00,18:00+", "Mo 10:00-14:00,18:00+"),
        ("Monday 10:00-20:00+; Tuesday off", "Mo 10:00-20:00+; Tu off"),
        ("Su [1] 10:00-15:00", "Su[1] 10:00-15:00"),
        # A comma, where a semicolon would cut off the night.
        ("So-Th 10:00-02:00, Fr,Sat 10:00-02:30", "Su-Th 10:00-02:00, Fr,Sa 10:00-02:30"),
        ('Fri 10:00-12:00; Sat "by appointment"', 'Fr 10:00-12:00; Sa unknown "by appointment"'),
    ],
)
def test_what_has_one_reading_is_repaired(text: str, expression: str) -> None:
    assert read_hours(text) == HoursText(expression, repaired=True, trap=None, doubt=None)
    parse(expression)
    assert not read_hours(expression).repaired


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its end"),
        ("   ", "its end"),
        (";", "its end"),
        ("open", "valid"),
        ("only take away", "character 1: 'only' is not understood"),
        ("by appointment", "character 1: 'by' is not understood"),
        ("10:00-22:00 except PH", "'except' is not understood"),
        ("10:00-22:00 🙂", "'🙂' is not understood"),
        # morning or afternoon?
        ("9-5", "in the morning or in the afternoon"),
        ("8-12", "in the morning or in the afternoon"),
        ("Monday 9:00-5:00", "in the morning or in the afternoon"),
        ("周一至周五 9:00-6:00", "in the morning or in the afternoon"),
        ("Monday 1:00-4:00", "in the morning or in the afternoon"),
        ("11-5pm", "may be morning or afternoon"),
        ("9am-5", "may be morning or afternoon"),
        ("Mo-Fr 4-10 pm", "may be morning or afternoon"),
        ("Mon 8AM-12PM, Tue 1-5PM", "may be morning or afternoon"),
        ("7-9AM, 11-1PM", "may be morning or afternoon"),
        ("M-F: 10-7", "in the morning or in the afternoon"),
        ("noon-5", "in the morning or in the afternoon"),
        ("9-noon", "in the morning or in the evening"),
        ("8-midnight", "in the morning or in the evening"),
        ("1月1日休息", "the end of a span is expected"),
        ("10pm to 2pm", "after the next noon"),
        ("17pm-19pm", "follows no time of a twelve-hour clock"),
        ("Mon 9:00-12:00, 1:00-5:00", "before the span before it has ended"),
        # which day?
        ("Do 16:00 - 18:00", "is a day in more than one language"),
        ("Sa, Do 16:00-18:00", "is a day in more than one language"),
        ("Mo Fr 10:00-20:00", "follows a day with no sign between them"),
        ("节假日 9:00-18:00", "is not understood"),
        ("Ma-Sa 11:00-19:00", "is a day in more than one language"),
        ("So-Tu 12:00-18:00", "is a day in more than one language"),
        ("T-F 9:00-17:00", "'T' is not understood"),
        ("weekends only 10:00-16:00", "'only' is not understood"),
        # a date or a time?
        ("01.05-30.09", "may be a date"),
        ("Dec 24 8-12", "stands where a time is expected"),
        # when does it end?
        ("Su 9:30", "the end of a span is expected"),
        ("Monday 10:00+12:00", "the end of a span is expected"),
        ("10am", "the end of a span is expected"),
        ("19", "the end of a span is expected"),
        ("9:30:15:30", "stands where"),
        ("Monday 10:00-10:00", "or never ends"),
        ("Mo-Fri 011:00-17:00", "is no time"),
        ("25:75-26:00", "is no time"),
        # open all day, or are the hours missing?
        ("Sunday", "stands where hours or `closed` are expected"),
        ("Monday to Friday", "stands where hours or `closed` are expected"),
        # adds or replaces?
        ("daily 9:00-18:00, Su 10:00-14:00", "without `;` it may replace"),
        ("Mon-Fri 8:00-12:00, Mon 14:00-18:00", "without `;` it may replace"),
        # does the rule before still hold? By the grammar it does not, by the look of it it does
        ("Monday off; 10:00-20:00", "whether the rules before it still hold"),
        ("Thu off; Mo-Sa 15:00-20:00", "whether the rules before it still hold"),
        ("Mo-Fr 08:00-12:00；13:30-17:00", "whether the rules before it still hold"),
        ("May-Sep: Mon-Fri 15:00-19:00; Sa 10:00-19:00", "whether the rules before it still hold"),
        # whose is it?
        ("Mon 9:00-18:00 closed Tue", "follows `closed`"),
        ("10:00-18:00 Mo-Fr 9:00-12:00 Sa", "follows days"),
        ("Mon 10:00-20:00 || Sun 10:00-12:00", "fallback"),
        ("Mo-Fr 10:00-20:00; " * 60, "at most 1000 characters"),
    ],
)
def test_what_has_more_than_one_reading_is_refused(text: str, why: str) -> None:
    if why == "valid":
        # An OSM modifier on its own: always open, and it says so.
        assert not read_hours(text).repaired
        return
    with pytest.raises(UnreadableHours) as refused:
        read_hours(text)
    assert why in str(refused.value)
    assert str(refused.value).startswith("Expected ")
    assert " - at " in str(refused.value)
    assert "\n" not in str(refused.value)


pieces = st.sampled_from(
    "Mo Tu Fr Sa Su PH Mon Sunday 周一 周日 至 、 ， ； 每天 上午 下午 次日 休息 点 半 １０".split()
    + '10:00 22:00 9 5 18 24/7 24h am pm - – , ; : / & + ( ) [1] | || " Uhr'.split()
    + "off closed open unknown Jan Dec 24 31 sunset".split()
)
texts = st.lists(pieces | st.sampled_from([" ", " ", " "]), max_size=14).map("".join)


@settings(max_examples=1500)
@given(texts | st.text(max_size=40) | st.text(string.printable, max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_hours(text)
    except UnreadableHours:
        return
    parse(found.expression)
    assert found.repaired or found.expression == text.strip()
