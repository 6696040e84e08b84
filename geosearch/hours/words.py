"""The words that people write in opening hours, and what each means in OSM's language.

Useful for: `geosearch.hours.text`, which reads hours that are not quite opening_hours.
Not useful for: guessing. A word that means different days in different languages is not here, or
only where another word of the text shows the language (`GERMAN_DAYS`).
"""

from enum import Enum, auto
from typing import Final


class Kind(Enum):
    """What part of speech a word is."""

    DAY = auto()
    DAYS = auto()
    HOLIDAY = auto()
    MONTH = auto()
    MODIFIER = auto()
    SUN = auto()
    TO = auto()
    AND = auto()
    MORNING = auto()
    NIGHT = auto()
    AFTERNOON = auto()
    EVENING = auto()
    NOON = auto()
    NEXT_DAY = auto()
    CLOCK = auto()
    ALL_DAY = auto()
    FILLER = auto()


WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS: Final = tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())

# Each of these is another day in another language (Do: Spanish Sunday, Di: French Sunday, So: Czech
# Saturday). With one of the other words in the same text it can only be German.
GERMAN_DAYS: Final = {
    "di": ("Tu", frozenset(("mo", "fr", "mi", "do", "so"))),
    "mi": ("We", frozenset(("mo", "fr", "sa", "di", "do", "so", "mi"))),
    "do": ("Th", frozenset(("mo", "fr", "di", "so"))),
    "so": ("Su", frozenset(("mo", "fr", "sa", "di", "mi", "do"))),
}

_DAY_NAMES: Final = (
    "mo mon monday mondays montag montags lundi lunes lunedì maandag пн понедельник 月曜日 月曜",
    "tu tue tues tuesday tuesdays dienstag dienstags mardi martes martedì dinsdag вт вторник "
    "火曜日 火曜",
    "we wed weds wednesday wednesdays mittwoch mittwochs mercredi miércoles miercoles mercoledì "
    "woensdag ср среда 水曜日 水曜",
    "th thu thur thurs thursday thursdays donnerstag donnerstags jeudi jueves giovedì donderdag "
    "чт четверг 木曜日 木曜",
    "fr fri friday fridays freitag freitags vendredi viernes venerdì vrijdag пт пятница "
    "金曜日 金曜",
    "sa sat saturday saturdays samstag samstags samedi sábado sabado sabato zaterdag сб суббота "
    "土曜日 土曜",
    "su sun sunday sundays sonntag sonntags dimanche domingo domenica zondag вс воскресенье "
    "日曜日 日曜",
)

_MONTH_NAMES: Final = (
    "jan january januar",
    "feb february februar",
    "mar march mär märz",
    "apr april",
    "may mai",
    "jun june juni",
    "jul july juli",
    "aug august",
    "sep sept september",
    "oct october okt oktober",
    "nov november",
    "dec december dez dezember",
)

_OTHERS: Final = {
    (
        Kind.DAYS,
        "Mo-Su",
    ): "daily everyday täglich taglich diariamente quotidiennement 每天 每日 天天",
    (Kind.DAYS, "Sa,Su"): "weekend weekends wochenende 周末 週末 土日",
    (
        Kind.HOLIDAY,
        "PH",
    ): "ph holiday holidays feiertag feiertage feiertags 法定节假日 法定假日 公众假期 "
    "公眾假期 国定假日 國定假日",
    (Kind.HOLIDAY, "SH"): "sh",
    (Kind.MODIFIER, "off"): "off closed geschlossen ruhetag fermé ferme cerrado chiuso fechado "
    "выходной 休息 不营业 不營業 公休 店休 定休日 休業",
    (Kind.MODIFIER, "open"): "open",
    (Kind.MODIFIER, "unknown"): "unknown",
    (Kind.SUN, "sunrise"): "sunrise",
    (Kind.SUN, "sunset"): "sunset",
    (Kind.SUN, "dawn"): "dawn",
    (Kind.SUN, "dusk"): "dusk",
    (Kind.TO, "-"): "to til till until thru through bis à al hasta tot 至 到",
    (Kind.AND, ","): "and und et y 和 及 与 與",
    (Kind.MORNING, ""): "am a.m a.m. 上午 早上 早晨 凌晨 清晨",
    (Kind.AFTERNOON, ""): "pm p.m p.m. 下午",
    (Kind.EVENING, ""): "晚上 晚 傍晚 夜间 夜間",
    (Kind.NOON, ""): "中午",
    (Kind.NEXT_DAY, ""): "次日 翌日 第二天 隔天",
    (Kind.CLOCK, ""): "uhr",
    (
        Kind.ALL_DAY,
        "",
    ): "全天 全天候 24小时 24小時 24時間 二十四小时 二十四小時 24hrs 24hr 24h 24hours",
    (
        Kind.FILLER,
        "",
    ): "from von de das public hours hrs opening times 营业时间 營業時間 营业 營業 开放 開放 "
    "开门 開門 每周 每週 the",
}

_CHINESE_WEEK: Final = ("周", "週", "星期", "礼拜", "禮拜")
# What follows the first day: the five of "周一至五", the seven of "周六日".
CHINESE_DAYS: Final = {
    **{sign: WEEKDAYS[number] for number, sign in enumerate("一二三四五六日")},
    "天": "Su",
}


def _words() -> dict[str, tuple[Kind, str]]:
    words: dict[str, tuple[Kind, str]] = {}
    for kind, meanings, names in (
        (Kind.DAY, WEEKDAYS, _DAY_NAMES),
        (Kind.MONTH, MONTHS, _MONTH_NAMES),
    ):
        for meaning, spellings in zip(meanings, names, strict=True):
            words.update(dict.fromkeys(spellings.split(), (kind, meaning)))
    for what, spellings in _OTHERS.items():
        words.update(dict.fromkeys(spellings.split(), what))
    for week in _CHINESE_WEEK:
        for sign, day in CHINESE_DAYS.items():
            words[week + sign] = (Kind.DAY, day)
    return words


WORDS: Final = _words()
"""Each word, in lower case, with its kind and its meaning."""

LONGEST_CHINESE_WORD: Final = max(len(word) for word in WORDS if ord(word[0]) >= 0x2E80)
