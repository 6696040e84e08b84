"""Dictionary of the words in free-text opening hours, in many languages.

`geosearch.hours.tokens` uses it. A word that is a day in several languages counts only if the other
words of the text show the language (`days_by_language`).
"""

from enum import Enum, auto
from typing import Final


class WordKind(Enum):
    """Role of a word in opening hours."""

    DAY = auto()
    DAYS = auto()
    WORKDAYS = auto()
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
    NAMED_TIME = auto()
    CLOCK = auto()
    ALL_DAY = auto()
    FILLER = auto()


WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS: Final = tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())

# Short names from Monday to Sunday that do not show the language alone: `do` is Thursday in German
# and Dutch, Sunday in Spanish. `WORDS` has full names, English names and OSM's. Finnish `to` is
# left out, because it is the English word in spans.
_SHORT_DAYS: Final = {
    "de": "mo|di|mi|do|fr|sa sam|so",
    "nl": "ma|di|wo|do|vr|za|zo",
    "fr": "lu lun|ma mar|me mer|je jeu|ve ven|sa sam|di dim",
    "es": "lu lun|ma mar|mi mie mié|ju jue|vi vie|sa sab sáb|do dom",
    "it": "lu lun|ma mar|me mer|gi gio|ve ven|sa sab|do dom",
    "pt": "seg|ter|qua|qui|sex|sab sáb|dom",
    "pl": "pn pon|wt|śr sr|cz czw|pt pią|sb so sob|nd niedz",
    "cs": "po|út ut|st|čt ct|pá pa|so|ne",
    "sv": "mån|tis|ons|tor tors|fre|lör|sön",
    "da": "man|tir|ons|tor|fre|lør|søn",
    "fi": "ma|ti|ke||pe|la|su",
    "tr": "pzt|sal|çar|per|cum|cmt|paz",
}

_DAY_NAMES: Final = (
    "mo mon monday mondays montag montags lundi lunes lunedì maandag пн понедельник "
    "月曜日 月曜 月 월요일 월",
    "tu tue tues tuesday tuesdays dienstag dienstags mardi martes martedì dinsdag вт вторник "
    "火曜日 火曜 火 화요일 화",
    "we wed weds wednesday wednesdays mittwoch mittwochs mercredi miércoles miercoles mercoledì "
    "woensdag ср среда 水曜日 水曜 水 수요일 수",
    "th thu thur thurs thursday thursdays donnerstag donnerstags jeudi jueves giovedì donderdag "
    "чт четверг 木曜日 木曜 木 목요일 목",
    "fr fri friday fridays freitag freitags vendredi viernes venerdì vrijdag пт пятница "
    "金曜日 金曜 金 금요일 금",
    "sa sat saturday saturdays samstag samstags samedi sábado sabado sabato zaterdag сб суббота "
    "土曜日 土曜 土 토요일 토",
    "su sun sunday sundays sonntag sonntags dimanche domingo domenica zondag вс нд воскресенье "
    "日曜日 日曜 日 일요일 일",
)

_MONTH_NAMES: Final = (
    "jan january januar januari janvier janv enero ene gennaio gen janeiro",
    "feb february februar februari février févr febrero febbraio fevereiro fev",
    "mar march mär märz maart mars marzo março",
    "apr april avril avr abril abr aprile",
    "may mai mei mayo maggio mag maio",
    "jun june juni juin junio giugno giu junho",
    "jul july juli juillet juil julio luglio lug julho",
    "aug august augustus août aout agosto ago",
    "sep sept september septembre septiembre settembre setembro set",
    "oct october okt oktober octobre octubre ottobre ott outubro out",
    "nov november novembre noviembre novembro",
    "dec december dez dezember décembre déc diciembre dic dicembre dezembro",
)

_OTHERS: Final = {
    (
        WordKind.DAYS,
        "Mo-Su",
    ): "daily everyday täglich taglich diariamente quotidiennement 每天 每日 天天",
    (WordKind.DAYS, "Sa,Su"): "weekend weekends wochenende 周末 週末 土日",
    (WordKind.DAYS, "Mo-Fr"): "weekday weekdays 平日 평일",
    (WordKind.WORKDAYS, "Mo-Fr"): "workday workdays 工作日",
    (
        WordKind.HOLIDAY,
        "PH",
    ): "ph holiday holidays feiertag feiertage feiertags 法定节假日 法定假日 公众假期 "
    "公眾假期 国定假日 國定假日 祝日",
    (WordKind.HOLIDAY, "SH"): "sh",
    (WordKind.MODIFIER, "off"): "off closed geschlossen ruhetag fermé ferme cerrado chiuso fechado "
    "выходной 休息 不营业 不營業 公休 店休 定休日 休業",
    (WordKind.MODIFIER, "open"): "open",
    (WordKind.MODIFIER, "unknown"): "unknown",
    (WordKind.SUN, "sunrise"): "sunrise sunup",
    (WordKind.SUN, "sunset"): "sunset sundown",
    (WordKind.SUN, "dawn"): "dawn",
    (WordKind.SUN, "dusk"): "dusk",
    (WordKind.TO, "-"): "to til till until thru through bis à al hasta tot 至 到",
    (WordKind.AND, ","): "and und et y 和 及 与 與",
    (WordKind.MORNING, ""): "am a.m a.m. 上午 早上 早晨 凌晨 清晨",
    (WordKind.AFTERNOON, ""): "pm p.m p.m. 下午",
    (WordKind.EVENING, ""): "晚上 晚 傍晚 夜间 夜間",
    (WordKind.NOON, ""): "中午",
    (WordKind.NEXT_DAY, ""): "次日 翌日 第二天 隔天",
    (WordKind.NAMED_TIME, "12:00"): "noon midday mittags midi mediodía mediodia mezzogiorno 正午",
    (
        WordKind.NAMED_TIME,
        "24:00",
    ): "midnight mitternacht minuit medianoche mezzanotte 午夜 半夜 零点",
    (WordKind.CLOCK, ""): "uhr",
    (
        WordKind.ALL_DAY,
        "",
    ): "全天 全天候 24小时 24小時 24時間 二十四小时 二十四小時 24hrs 24hr 24h 24hours",
    (
        WordKind.FILLER,
        "",
    ): "from von de das public hours hrs opening times 营业时间 營業時間 营业 營業 开放 開放 "
    "开门 開門 每周 每週 the",
}

_CHINESE_WEEK: Final = ("周", "週", "星期", "礼拜", "禮拜")
# Days after the first one: the five of "周一至五", the seven of "周六日".
CHINESE_DAYS: Final = {
    **{sign: WEEKDAYS[number] for number, sign in enumerate("一二三四五六日")},
    "天": "Su",
}


def _words() -> dict[str, tuple[WordKind, str]]:
    words: dict[str, tuple[WordKind, str]] = {}
    for kind, meanings, names in (
        (WordKind.DAY, WEEKDAYS, _DAY_NAMES),
        (WordKind.MONTH, MONTHS, _MONTH_NAMES),
    ):
        for meaning, spellings in zip(meanings, names, strict=True):
            words.update(dict.fromkeys(spellings.split(), (kind, meaning)))
    for what, spellings in _OTHERS.items():
        words.update(dict.fromkeys(spellings.split(), what))
    for week in _CHINESE_WEEK:
        for sign, day in CHINESE_DAYS.items():
            words[week + sign] = (WordKind.DAY, day)
    return words


def _short_days() -> dict[str, dict[str, str]]:
    return {
        language: {
            word: day
            for day, words in zip(WEEKDAYS, table.split("|"), strict=True)
            for word in words.split()
        }
        for language, table in _SHORT_DAYS.items()
    }


WORDS: Final = _words()
"""Kind and meaning of each word; words are in lower case."""

LONGEST_CHINESE_WORD: Final = max(len(word) for word in WORDS if ord(word[0]) >= 0x2E80)

_LANGUAGES: Final = _short_days()

SHORT_DAYS: Final = frozenset(word for words in _LANGUAGES.values() for word in words)
"""Short names of days in any language, in lower case."""

# Nearly every language has this word, so it shows no language.
_NO_PROOF: Final = frozenset(("sa",))


def days_by_language(words: frozenset[str], ranges: frozenset[tuple[str, str]]) -> dict[str, str]:
    """Return the weekday of each word, by the language that has the most of the words.

    Parameters
    ----------
    words
        Names of days in a text, in lower case, all known.
    ranges
        Pairs of these names with a dash between.

    Returns
    -------
    dict
        Empty if no language has all words (English and full names fit every language), or if two
        languages disagree: `di, sa` is Sunday and Saturday in French, Tuesday and Saturday in
        German. A language is excluded if a range would be the whole week (`di-sa` in French), or if
        two words would be the same day (`sa, so` in Czech).
    """
    readings: list[tuple[int, dict[str, str]]] = []
    for days in _LANGUAGES.values():
        if not all(word in days or _is_day(word) for word in words):
            continue
        reading = {word: days.get(word) or WORDS[word][1] for word in words}
        foreign = {reading[word] for word in words if word not in days}
        own = {reading[word] for word in words if word in days and not _is_day(word)}
        whole_week = any(
            (WEEKDAYS.index(reading[end]) + 1) % 7 == WEEKDAYS.index(reading[begin])
            for begin, end in ranges
            if begin in days and not _is_day(begin)
        )
        if not whole_week and not foreign & own:
            readings.append((len(words & days.keys() - _NO_PROOF), reading))
    most = max((count for count, _ in readings), default=0)
    best = [reading for count, reading in readings if count == most]
    return best[0] if best and all(reading == best[0] for reading in best) else {}


def _is_day(word: str) -> bool:
    return word in WORDS and WORDS[word][0] is WordKind.DAY
