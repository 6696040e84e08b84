"""Checks of the values of parameters: one sentence for everything that is wrong.

Useful for: values that are wrong, or of a type that is not exact.
Not useful for: valid queries, for which `query` compiles a check that takes a tenth of the time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from numbers import Integral, Real
from typing import Any

from geosearch.errors import Problem
from geosearch.query.parameters import (
    PARAMETERS,
    Kind,
    Parameter,
    Where,
    is_blank,
    problem,
    shown,
)
from geosearch.query.result_fields import FIELD_NAMES, expected_fields


def find_problems(
    values: Mapping[str, object],
    where: Where = (),
    *,
    known: Collection[str] | None = None,
    table: Mapping[str, Parameter] = PARAMETERS,
) -> list[Problem]:
    """All problems of the parameters `values`, in the order of the table.

    Parameters
    ----------
    values
        Parameters by name, in the types of `Query`; a list counts as a tuple. Parameters that are
        not `required` may be missing.
    where
        Path of `values` in the request, such as `("queries", 3)`.
    known
        Names that this request may have; by default those of the table.
    table
        The allowed values of each parameter.

    Returns
    -------
    list of Problem
        Empty if and only if the values are valid.
    """
    problems: list[Problem] = []
    known = table if known is None else known
    for name, parameter in table.items():
        if name not in known:
            continue
        if name not in values:
            if parameter.required:
                problems.append(problem("missing", f"`{name}`", "nothing", (*where, name)))
        elif parameter.required or values[name] is not None:
            problems.extend(_CHECKS[parameter.kind](parameter, values[name], (*where, name)))
    _swapped(values, problems)
    problems.extend(_unknown(name, known, (*where, name)) for name in values if name not in known)
    deals = values.get("deals")
    if "deals" in known and deals in ("card", "card_best") and not values.get("cards"):
        problems.append(
            problem("needs_cards", f"`cards` with deals={deals}", "none", (*where, "cards"))
        )
    no_text = values.get("q") is None or is_blank(values["q"])
    if "q" in known and values.get("sort") == "relevance" and no_text:
        problems.append(problem("needs_q", "`q` with sort=relevance", "none", (*where, "q")))
    continues = values.get("cursor") is not None and not is_blank(values["cursor"])
    if "near_misses" in known and values.get("near_misses") and continues:
        where = (*where, "near_misses")
        problems.append(problem("conflict", "`near_misses` without `cursor`", "both", where))
    return problems


def _unknown(name: str, known: Collection[str], where: Where) -> Problem:
    if name in PARAMETERS and not PARAMETERS[name].in_url:
        return problem("only_in_body", f"`{name}` in the body of a POST", "it in the URL", where)
    expected = f"one of {', '.join(known)}" if known else "no parameters"
    return problem("unknown_parameter", expected, shown(name), where)


def _number(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if not isinstance(value, Real) or isinstance(value, bool):
        return [problem("wrong_type", f"`{parameter.name}` as a number", shown(value), where)]
    return _range(parameter, value, where)


def _integer(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    # In JSON, 20.0 is an integer too.
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if not whole or isinstance(value, bool):
        return [problem("wrong_type", f"`{parameter.name}` as an integer", shown(value), where)]
    return _range(parameter, value, where)


def _range(parameter: Parameter, value: Any, where: Where) -> list[Problem]:
    if parameter.low <= value <= parameter.high:
        return []
    bounds = f"`{parameter.name}` in [{parameter.low}, {parameter.high}]"
    return [problem("out_of_range", bounds, shown(value), where)]


def _swapped(values: Mapping[str, object], problems: list[Problem]) -> None:
    """Add a hint to the problem of a latitude that suggests swapped coordinates."""
    lat, lng = values.get("lat"), values.get("lng")
    for found in problems:
        if (
            found["code"] == "out_of_range"
            and found["pointer"].endswith("/lat")
            and isinstance(lat, int | float)
            and isinstance(lng, int | float)
            and 90.0 < abs(lat) <= 180.0
            and 0.0 < abs(lng) <= 90.0
        ):
            _ask_of_swapped(found)


def _ask_of_swapped(found: Problem) -> None:
    hint = " (are `lat` and `lng` swapped?) - at "
    found["detail"] = hint.join(found["detail"].rsplit(" - at ", 1))


def _flag(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if isinstance(value, bool):
        return []
    return [problem("wrong_type", f"`{parameter.name}` as true or false", shown(value), where)]


def _text(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if parameter.blankable and is_blank(value):
        return []
    if isinstance(value, str) and 0 < len(value) <= parameter.longest:
        return []
    code = "out_of_range" if isinstance(value, str) else "wrong_type"
    expected = f"`{parameter.name}` as text of 1 to {parameter.longest} characters"
    got = f"{len(value)} characters" if isinstance(value, str) else shown(value)
    return [problem(code, expected, got, where)]


def _choice(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if isinstance(value, str) and value in parameter.choices:
        return []
    expected = f"`{parameter.name}` as one of {', '.join(parameter.choices)}"
    return [problem("bad_choice", expected, shown(value), where)]


def _instant(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            got = f"{value.isoformat()} without an offset"
        elif 1 < value.year < 9999:
            return []
        else:
            # A datetime may not hold it in another time zone.
            got = f"{value.isoformat()}, at the end of the calendar"
    else:
        got = shown(value)
    expected = f"`{parameter.name}` as an RFC 3339 instant with offset"
    return [problem("bad_instant", expected, got, where)]


def _items(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [problem("wrong_type", f"`{parameter.name}` as a list", shown(value), where)]
    if len(value) > parameter.high:
        expected = f"`{parameter.name}` of at most {parameter.high} items"
        return [problem("too_many", expected, f"{len(value)}", where)]
    check = _choice if parameter.choices else _text
    return [
        found
        for position, item in enumerate(value)
        for found in check(parameter, item, (*where, position))
    ]


def _fields(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return _items(parameter, value, where)
    wrong = [(place, field) for place, field in enumerate(value) if field not in FIELD_NAMES]
    found = []
    for place, field in wrong:
        expected = f"`fields` as {expected_fields(field if isinstance(field, str) else '')}"
        found.append(problem("unknown_field", expected, shown(field), (*where, place)))
    return found or _items(parameter, value, where)


_BOX_BOUNDS = (
    Parameter("min_lng", "number", "", low=-180, high=180),
    Parameter("min_lat", "number", "", low=-90, high=90),
    Parameter("max_lng", "number", "", low=-180, high=180),
    Parameter("max_lat", "number", "", low=-90, high=90),
)


def _box(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    expected = f"`{parameter.name}` as min_lng,min_lat,max_lng,max_lat"
    if not isinstance(value, list | tuple) or len(value) != len(_BOX_BOUNDS):
        return [problem("bad_box", expected, shown(value), where)]
    found = [
        item
        for position, bound in enumerate(_BOX_BOUNDS)
        for item in _number(bound, value[position], (*where, position))
    ]
    if found and _holds_swapped(value):
        for one in found:
            _ask_of_swapped(one)
    if not found and value[1] > value[3]:
        got = f"min_lat {value[1]} above max_lat {value[3]}"
        found.append(problem("bad_box", expected, got, where))
    return found


def _holds_swapped(box: Sequence[Any]) -> bool:
    """Whether a box with a wrong bound has latitudes first."""
    if not all(isinstance(end, int | float) for end in box):
        return False
    lats, lngs = box[0::2], box[1::2]
    return all(abs(lat) <= 90.0 for lat in lats) and all(90.0 < abs(lng) <= 180.0 for lng in lngs)


def _geometry(parameter: Parameter, value: object, where: Where) -> list[Problem]:
    expected = f"`{parameter.name}` as a GeoJSON Polygon or MultiPolygon"
    if not isinstance(value, dict):
        return [problem("bad_polygon", expected, shown(value), where)]
    if value.get("type") not in ("Polygon", "MultiPolygon"):
        got = f"type {shown(value.get('type'))}"
        return [problem("bad_polygon", expected, got, (*where, "type"))]
    if not isinstance(value.get("coordinates"), list | tuple):
        got = f"coordinates {shown(value.get('coordinates'))}"
        return [problem("bad_polygon", expected, got, (*where, "coordinates"))]
    return []


_CHECKS: dict[Kind, Callable[[Parameter, object, Where], list[Problem]]] = {
    "number": _number,
    "integer": _integer,
    "flag": _flag,
    "text": _text,
    "choice": _choice,
    "instant": _instant,
    "texts": _items,
    "choices": _items,
    "fields": _fields,
    "box": _box,
    "geometry": _geometry,
}
