"""Lifecycle of OpenStreetMap places by their tags: open, gone, or not open yet.

It ignores `opening_hours`.

Source: the OpenStreetMap wiki, "Lifecycle prefix", "Key:end_date", "Key:start_date" (date forms).
AllThePlaces writes `end_date=yes` for a shop that its brand calls closed.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum

Tags = Mapping[str, str]


class Stage(Enum):
    """Stage in the life of a place."""

    OPEN = "open"
    GONE = "gone"
    NOT_YET = "not_yet"


_GONE = (
    "disused abandoned was demolished razed removed closed destroyed dismantled ruins ruined "
    "historic former old vacant gone no not"
).split()
_NOT_YET = "construction proposed planned".split()
_STAGES = {**dict.fromkeys(_GONE, Stage.GONE), **dict.fromkeys(_NOT_YET, Stage.NOT_YET)}

# Keys that say what an object is. `was:name` is an old name, not an object that is gone.
_FEATURES = (
    "amenity shop tourism leisure healthcare craft office club building landuse man_made "
    "public_transport railway aeroway emergency highway historic"
).split()
_PREFIXED = re.compile(f"({'|'.join(_STAGES)})[:_]({'|'.join(_FEATURES)})")

# `disused=yes` and so on. `historic=yes`, `old=yes` and `no=yes` have another meaning or none.
_FLAGS_GONE = frozenset({*_GONE[:9], "vacant", "end_date"})
_FLAGS_NOT_YET = frozenset(_NOT_YET)
_YES = frozenset({"yes", "true", "1"})

DEAD_VALUES = frozenset(
    "no none vacant disused abandoned closed empty demolished removed razed construction proposed "
    "planned".split()
)
"""Values of `shop`, `amenity` and similar keys that mean no operating business."""

_DATE = r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2})(?:[T ].*)?)?)?"
_ABOUT = re.compile(r"(?:~|c(?:a|irca)?\.?\s|early|mid|late|before|after|\s)+", re.IGNORECASE)
_DECADE = re.compile(r"(\d{3}0)s")
_CENTURY = re.compile(r"C(\d{1,2})", re.IGNORECASE)


def stage(tags: Tags, *, live: bool, today: date) -> Stage:
    """Return whether a place is open for business, gone, or not open yet.

    Parameters
    ----------
    tags
        All tags of the place.
    live
        Whether a tag without a prefix says what the place is. `disused:shop` beside such an
        `amenity` is the former tenant.
    today
        A place is gone if the last day that its `end_date` allows is before today. It is not open
        yet if the first day that its `start_date` or `opening_date` allows is after today.

    Examples
    --------
    >>> day = date(2026, 11, 29)
    >>> stage({"disused:shop": "shoes"}, live=False, today=day).value
    'gone'
    >>> stage({"end_date": "~2019", "shop": "shoes"}, live=True, today=day).value
    'gone'
    """
    if any(_holds(tags[key], today) for key in _FLAGS_GONE & tags.keys()):
        return Stage.GONE
    if any(_is_yes(tags[key]) for key in _FLAGS_NOT_YET & tags.keys()):
        return Stage.NOT_YET
    for key in ("opening_date", "start_date"):
        span = date_span(tags[key]) if key in tags else None
        if span and span[0] > today:
            return Stage.NOT_YET
    return Stage.OPEN if live else _of_dead(tags)


def _of_dead(tags: Tags) -> Stage:
    """Return the stage of a place whose kind no tag without a prefix names."""
    stages = [
        _STAGES[found[1]]
        for key, value in tags.items()
        if (found := _PREFIXED.fullmatch(key)) and value != "no"
    ]
    if any(tags.get(key) in DEAD_VALUES for key in _FEATURES[:8]):
        stages.append(Stage.GONE)
    return min(stages, key=list(Stage).index, default=Stage.OPEN)


def _holds(value: str, today: date) -> bool:
    """Return whether a value is yes, or a date in the past."""
    span = date_span(value)
    return _is_yes(value) or (span is not None and span[1] < today)


def _is_yes(value: str) -> bool:
    return value.strip().lower() in _YES


def date_span(text: str) -> tuple[date, date] | None:
    """Return the first and the last day that an OpenStreetMap date allows; None if it is none.

    Examples
    --------
    >>> [str(day) for day in date_span("2019-02") or ()]
    ['2019-02-01', '2019-02-28']
    >>> str(date_span("before 2020")[1]), date_span("long ago")
    ('2019-12-31', None)
    """
    first, _, second = text.strip().partition("..")
    begin, end = _span(first), _span(second) if second else None
    if second:
        return (begin[0], end[1]) if begin and end else None
    return begin


def _span(text: str) -> tuple[date, date] | None:
    about = _ABOUT.match(text)
    plain = text[about.end() :].strip() if about else text.strip()
    found = _plain_span(plain)
    if found and about and "before" in about[0].lower():
        return date.min, max(found[0], date.min + timedelta(1)) - timedelta(1)
    return found


def _plain_span(text: str) -> tuple[date, date] | None:
    if decade := _DECADE.fullmatch(text):
        year, years = int(decade[1]), 10
    elif century := _CENTURY.fullmatch(text):
        year, years = 100 * (int(century[1]) - 1) + 1, 100
    elif found := re.fullmatch(_DATE, text):
        return _calendar_span(*(None if part is None else int(part) for part in found.groups()))
    else:
        return None
    if not 0 < year <= 9990 - years:
        return None
    return date(year, 1, 1), date(year + years, 1, 1) - timedelta(1)


def _calendar_span(
    year: int | None, month: int | None = None, day: int | None = None
) -> tuple[date, date] | None:
    try:
        first = date(year or 0, 1 if month is None else month, 1 if day is None else day)
        if day is not None:
            return first, first
        after = date(first.year + (month in {None, 12}), (month or 12) % 12 + 1, 1)
    except ValueError:
        return None
    return first, after - timedelta(1)
