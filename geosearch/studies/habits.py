"""Habits: where, when and for how much a person goes out, for `worth`.

Useful for: reading and checking them, from a file, a request or Python.
Not useful for: queries of searches (`geosearch.query`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from geosearch.errors import BadRequest, Problem
from geosearch.hours.text import LONGEST_TEXT
from geosearch.query.checks import find_problems
from geosearch.query.parameters import (
    MAX_TEXT,
    PARAMETERS,
    Parameter,
    Where,
    fill_defaults,
    problem,
    shown,
)

DEFAULT_RADIUS_M = 1_000.0
MOST_VISITS = 1_000
"""Most visits a month."""

MOST_CANDIDATES = 100
"""Most cards that one request values."""

HABIT_PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter("name", "text", "What the habit is called.", longest=MAX_TEXT),
        PARAMETERS["lat"],
        PARAMETERS["lng"],
        PARAMETERS["crs"],
        replace(PARAMETERS["radius"], help="Metres that the person walks at most. Default 1000."),
        Parameter(
            "when",
            "text",
            "When the visits are, as opening hours in local time: `Mo-Fr 12:00-13:30`.",
            longest=LONGEST_TEXT,
            required=True,
        ),
        Parameter("visits", "number", "Visits a month.", low=0, high=MOST_VISITS, required=True),
        PARAMETERS["party_size"],
        replace(
            PARAMETERS["spend"],
            help="The usual bill of the whole party, minor units.",
            low=1,
            required=True,
        ),
        PARAMETERS["categories"],
    )
}
"""Members of a habit."""


WORTH_PARAMETERS: dict[str, Parameter] = {
    "cards": replace(PARAMETERS["cards"], help="Cards that the person holds already."),
    "candidates": replace(
        PARAMETERS["cards"],
        name="candidates",
        high=MOST_CANDIDATES,
        help="Cards to value. Default: all active ones that are not held.",
    ),
    "at": replace(
        PARAMETERS["at"],
        help="RFC 3339 instant with offset from which the study looks 28 days ahead, or to the end "
        "of the time horizon. Now when left out.",
    ),
}
"""Members of a request for `POST /v1/cards:worth`, beside its `habits`."""


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """A place and a time at which a person goes out.

    Units: degrees, metres, visits a month, minor units of money.

    Raises
    ------
    BadRequest
        A value is wrong; `errors` lists every one.
    """

    lat: float
    lng: float
    when: str
    visits: float
    spend: int
    name: str | None = None
    crs: str = "WGS84"
    radius: float = DEFAULT_RADIUS_M
    party_size: int = 1
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        values = msgspec.structs.asdict(self)
        _refuse(find_problems(values, table=HABIT_PARAMETERS))
        fill_defaults(self, HABIT_PARAMETERS)
        for name in ("lat", "lng", "visits", "radius"):
            msgspec.structs.force_setattr(self, name, float(getattr(self, name)))
        msgspec.structs.force_setattr(self, "categories", tuple(self.categories))


def read_habits(record: Any, *, most: int | None = None, where: Where = ("habits",)) -> list[Habit]:
    """Return the habits of a JSON list.

    Parameters
    ----------
    record
        The decoded list.
    most
        Most habits; None is no limit.
    where
        Its path in the request.

    Raises
    ------
    BadRequest
        It is no list of habits, empty or too long, or a value of a habit is wrong.
    """
    if not isinstance(record, Sequence) or isinstance(record, str):
        expected = "`habits` as a list of habits"
        _refuse([problem("wrong_type", expected, shown(record), where)])
    if not record or (most is not None and len(record) > most):
        expected = (
            "`habits` of at least 1 item" if most is None else f"`habits` of 1 to {most} items"
        )
        code = "too_many" if record else "out_of_range"
        _refuse([problem(code, expected, f"{len(record)}", where)])
    problems: list[Problem] = []
    for number, each in enumerate(record):
        if isinstance(each, Mapping):
            problems += find_problems(each, (*where, number), table=HABIT_PARAMETERS)
        else:
            problems.append(problem("wrong_type", "a habit", shown(each), (*where, number)))
    _refuse(problems)
    return [Habit(**each) for each in record]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        message = "; ".join(found["detail"] for found in problems)
        raise BadRequest(message, problems)
