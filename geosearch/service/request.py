"""Parsing of HTTP requests: query strings and JSON bodies to `Query` and its siblings.

A valid request is parsed once, straight to the types of `Query`: under 5 µs for six parameters. A
second, slow parser reads every other request, and reports one sentence for each wrong value. The
sentences are those of `Query` in Python.

Comma lists (`cards=a,b`), repeated names (`cards=a&cards=b`) and names with brackets
(`cards[]=a&cards[]=b`) all make lists. Any other repeated parameter is an error. Blanks around an
item are not part of it. An id with a comma, or with a blank at an end, needs a JSON body.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

import msgspec
import orjson

from geosearch.errors import BadRequest, Problem
from geosearch.hours.instants import read_instant as read_text
from geosearch.query.checks import find_problems
from geosearch.query.parameters import (
    PARAMETERS,
    Kind,
    Parameter,
    Where,
    problem,
    shown,
)
from geosearch.query.query import MerchantQuery, Query
from geosearch.query.route_parameters import (
    CATEGORY_PARAMETERS,
    COVERAGE_PARAMETERS,
    DENSITY_PARAMETERS,
    MERCHANT_PARAMETERS,
    SUGGEST_PARAMETERS,
    ZONE_PARAMETERS,
)
from geosearch.service.coverage_layer import CoverageQuery
from geosearch.service.density import DensityQuery
from geosearch.suggest.suggester import SuggestQuery
from indexes.cache import BoundedCache
from indexes.geo.datum import Datum

if TYPE_CHECKING:
    from geosearch.studies.worth import WorthQuery

MAX_BATCH = 100
"""Most queries in one batch."""

MAX_HABITS = 10
"""Most habits in one request of what cards are worth."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})").fullmatch
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_BRACKETS = re.compile(r"\[[0-9]*\]$")
_OFFSET_AFTER_SPACE = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")


class ZoneQuery(msgspec.Struct, frozen=True):
    """Query of `GET /v1/zones`: zones that contain a point, or intersect a box, at an instant."""

    lat: float = 0.0
    lng: float = 0.0
    bbox: tuple[float, float, float, float] | None = None
    crs: Datum = "WGS84"
    at: datetime | None = None


def read_url(query_string: bytes) -> Query:
    """Return the query of `GET /v1/nearby`.

    Parameters
    ----------
    query_string
        Query string of the URL, percent-encoded or raw UTF-8.

    Raises
    ------
    BadRequest
        With every unknown, repeated, malformed or out of range parameter.
    """
    values: dict[str, Any] = {}
    try:
        text = query_string.decode()
        if "%" in text or "+" in text:
            # None of these separates pairs, so they may be decoded before the split.
            text = text.replace("+", " ").replace("%2B", "+")
            text = text.replace("%3A", ":").replace("%2C", ",")
        for pair in text.split("&"):
            name, value = _pairs.get(pair) or _read_pair(pair)
            if name in values:
                break
            values[name] = value
        else:
            return Query(**values)
    except (KeyError, ValueError, TypeError):
        pass
    return Query(**_read_slowly(query_string, _IN_URL))


def read_body(body: bytes) -> Query:
    """Return the query of `POST /v1/nearby`.

    Raises
    ------
    BadRequest
        With every unknown, malformed or out of range member; or code `not_json`.
    """
    try:
        return _query_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        record, problems = _checked(_read_json(body), ())
    _refuse(problems)
    return Query(**record)


def read_batch(body: bytes, *, most: int = MAX_BATCH) -> list[Query]:
    """Return the queries of `POST /v1/nearby:batch`: `{"queries": [...]}`, 1 to `most` of them.

    Raises
    ------
    BadRequest
        With everything that is wrong in any query; one bad query refuses the whole batch.
    """
    try:
        batch = _batch_decoder.decode(body)
        if 0 < len(batch.queries) <= most:
            return batch.queries
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    return _read_batch_slowly(_read_json(body), most)


def read_worth(body: bytes) -> "WorthQuery":
    """Return the parameters of `POST /v1/cards:worth`.

    Raises
    ------
    BadRequest
        With every unknown, malformed or out of range member; or code `not_json`.
    """
    # They load the grammar of opening hours, which no other request needs.
    from geosearch.studies.habits import WORTH_PARAMETERS, read_habits
    from geosearch.studies.worth import WorthQuery

    record = _read_json(body)
    if not isinstance(record, dict):
        found = problem("wrong_type", "an object with a list `habits`", shown(record), ())
        raise BadRequest(found["detail"], [found])
    if isinstance(record.get("at"), str):
        record["at"] = _value_of("at", record["at"])
    values = {name: value for name, value in record.items() if name != "habits"}
    _refuse(find_problems(values, table=WORTH_PARAMETERS))
    habits = read_habits(record.get("habits", ()), most=MAX_HABITS)
    cards, candidates = record.get("cards") or (), record.get("candidates")
    return WorthQuery(habits, cards, candidates, record.get("at"))


def read_zones(query_string: bytes) -> ZoneQuery:
    """Return the query of `GET /v1/zones`.

    Raises
    ------
    BadRequest
        With every unknown, repeated, malformed or out of range parameter.
    """
    values = _read_slowly(query_string, tuple(ZONE_PARAMETERS), ZONE_PARAMETERS)
    position = [name for name in ("lat", "lng") if name in values]
    if "bbox" in values:
        _refuse([problem("conflict", "`bbox` or a position", "both", (name,)) for name in position])
    else:
        names = (name for name in ("lat", "lng") if name not in values)
        _refuse([problem("missing", f"`{name}`", "nothing", (name,)) for name in names])
    return ZoneQuery(**values)


def read_density(query_string: bytes) -> DensityQuery:
    """Return the query of `GET /v1/density`.

    Raises
    ------
    BadRequest
        With every unknown, repeated, malformed or out of range parameter.
    """
    known = tuple(DENSITY_PARAMETERS)
    return DensityQuery(**_read_slowly(query_string, known, DENSITY_PARAMETERS))


def read_coverage(query_string: bytes) -> CoverageQuery:
    """Return the query of `GET /v1/coverage`.

    Raises
    ------
    BadRequest
        With every unknown, repeated or malformed parameter.
    """
    known = tuple(COVERAGE_PARAMETERS)
    return CoverageQuery(**_read_slowly(query_string, known, COVERAGE_PARAMETERS))


def read_suggest(query_string: bytes) -> SuggestQuery:
    """Return the query of `GET /v1/suggest`.

    Raises
    ------
    BadRequest
        With every unknown, repeated, malformed or out of range parameter.
    """
    known = tuple(SUGGEST_PARAMETERS)
    return SuggestQuery(**_read_slowly(query_string, known, SUGGEST_PARAMETERS))


def read_merchant(query_string: bytes) -> MerchantQuery:
    """Return the query of `GET /v1/merchants/{id}`.

    Raises
    ------
    BadRequest
        With every unknown, repeated, malformed or out of range parameter.
    """
    known = tuple(MERCHANT_PARAMETERS)
    return MerchantQuery(**_read_slowly(query_string, known, MERCHANT_PARAMETERS))


def read_categories(query_string: bytes) -> str | None:
    """Return the language that `GET /v1/categories` asks for, if any.

    Raises
    ------
    BadRequest
        With every unknown, repeated or wrong parameter.
    """
    known = tuple(CATEGORY_PARAMETERS)
    language: str | None = _read_slowly(query_string, known, CATEGORY_PARAMETERS).get("lang")
    return language


def read_nothing(query_string: bytes) -> None:
    """Check that the URL of a route without parameters has none.

    Raises
    ------
    BadRequest
        With every parameter of the URL.
    """
    if query_string:
        _read_slowly(query_string, ())


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    queries: list[Query]


_query_decoder = msgspec.json.Decoder(Query)
_batch_decoder = msgspec.json.Decoder(_Batch)
_convert_instant = partial(msgspec.convert, type=datetime)


def _number(raw: str) -> float:
    if _NUMBER(raw):
        return float(raw)
    raise ValueError(raw)


def _integer(raw: str) -> int:
    if _INTEGER(raw):
        return int(raw)
    raise ValueError(raw)


def _flag(raw: str) -> bool:
    """Return a flag, also from the spelling of Python (`True`) and of forms (`1`)."""
    flag = _FLAGS.get(raw.lower())
    if flag is None:
        raise ValueError(raw)
    return flag


def _instant(raw: str) -> datetime:
    """Return an instant; a space before the offset is an unescaped plus sign."""
    if " " in raw:
        raw = _OFFSET_AFTER_SPACE.sub("+", raw)
    try:
        return read_text(raw, _convert_instant)
    except OverflowError as error:  # a leap second at the end of the year 9999
        raise ValueError(raw) from error


def _texts(raw: str) -> tuple[str, ...]:
    raw = raw.strip()
    return tuple(map(str.strip, raw.split(","))) if raw else ()


def _box(raw: str) -> tuple[float, ...]:
    return tuple(_number(bound.strip()) for bound in raw.split(","))


_READ_KIND: dict[Kind, Callable[[str], Any]] = {
    "number": _number,
    "integer": _integer,
    "flag": _flag,
    "text": str,
    "choice": str,
    "instant": _instant,
    "texts": _texts,
    "choices": _texts,
    "fields": _texts,
    "box": _box,
}
_READERS = {
    name: _READ_KIND[parameter.kind] for name, parameter in PARAMETERS.items() if parameter.in_url
}
_IN_URL = tuple(_READERS)
_LISTS = ("texts", "choices", "fields", "box")
"""Kinds of parameters that a URL may repeat."""


PAIRS_BYTES, _KEPT_LENGTH = 4 << 20, 100
_ONE_PERSONS = frozenset(("lat", "lng", "bbox", "cursor", "q"))
"""Parameters that are never cached: personal, or different in every request."""

_pairs = BoundedCache[str, tuple[str, Any]](PAIRS_BYTES)
"""Cache of parsed `name=value` pairs: requests repeat most of them."""


def _read_pair(pair: str) -> tuple[str, Any]:
    """Return name and value of a parameter; cache them unless the parameter is personal."""
    name, _, raw = pair.partition("=")
    if "%" in raw:
        raw = unquote(raw, errors="strict")
    found = name, _READERS[name](raw)
    if name not in _ONE_PERSONS and len(pair) <= _KEPT_LENGTH:
        _pairs.keep(pair, found)
    return found


def _read_slowly(
    query_string: bytes, known: Collection[str], table: Mapping[str, Parameter] = PARAMETERS
) -> dict[str, Any]:
    """Return the values of `known` parameters.

    Raises
    ------
    BadRequest
        With everything that is wrong.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, raws in _raw_values(query_string).items():
        if len(raws) > 1 and not _is_list(name):
            got = f"{len(raws)} values"
            problems.append(problem("repeated_parameter", f"`{name}` once", got, (name,)))
            raws = raws[:1]
        values[name] = _value_of(name, ",".join(raws), table)
    _refuse(problems + find_problems(values, known=known, table=table))
    return values


def _is_list(name: str) -> bool:
    return name in PARAMETERS and PARAMETERS[name].kind in _LISTS


def _raw_values(query_string: bytes) -> dict[str, list[str]]:
    """Return the texts of each parameter, in the order of the URL."""
    raw_values: dict[str, list[str]] = {}
    try:
        for pair in filter(None, query_string.decode().split("&")):
            name, _, raw = pair.partition("=")
            name, raw = unquote_plus(name, errors="strict"), unquote_plus(raw, errors="strict")
            bare = _BRACKETS.sub("", name)
            name = bare if _is_list(bare) else name
            raw_values.setdefault(name, []).append(raw)
    except UnicodeDecodeError:
        found = problem("not_utf8", "UTF-8, percent-encoded", "other bytes", ())
        raise BadRequest(found["detail"], [found]) from None
    return raw_values


def _value_of(name: str, raw: str, table: Mapping[str, Parameter] = PARAMETERS) -> Any:
    """Return the parsed value, or `raw` itself if it is not of the parameter's kind."""
    try:
        return _READ_KIND[table[name].kind](raw)
    except (KeyError, ValueError):
        return raw


def _read_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        got = f"{error.msg} in line {error.lineno}, column {error.colno}" if body else "nothing"
        found = problem("not_json", "a JSON object in UTF-8", got, ())
        raise BadRequest(found["detail"], [found], "not_json") from None


def _checked(record: Any, where: Where) -> tuple[dict[str, Any], list[Problem]]:
    """Return the parameters of a JSON query, and everything that is wrong with them."""
    if not isinstance(record, dict):
        found = problem("wrong_type", "an object of query parameters", shown(record), where)
        return {}, [found]
    if isinstance(record.get("at"), str):
        record["at"] = _value_of("at", record["at"])
    return record, find_problems(record, where)


def _read_batch_slowly(record: Any, most: int) -> list[Query]:
    """Return the queries of a batch.

    Raises
    ------
    BadRequest
        With everything that is wrong.
    """
    queries = record.get("queries") if isinstance(record, dict) else record
    if not isinstance(record, dict) or not isinstance(queries, list):
        absent = isinstance(record, dict) and "queries" not in record
        got = "an object without it" if absent else shown(queries)
        found = problem("wrong_type", "an object with a list `queries`", got, ())
        raise BadRequest(found["detail"], [found])
    if not 0 < len(queries) <= most:
        expected = f"`queries` of 1 to {most} items"
        code = "too_many" if queries else "out_of_range"
        found = problem(code, expected, f"{len(queries)}", ("queries",))
        raise BadRequest(found["detail"], [found])
    problems = [
        problem("unknown_parameter", "one of queries", shown(name), (name,))
        for name in record
        if name != "queries"
    ]
    read = [_checked(query, ("queries", position)) for position, query in enumerate(queries)]
    problems.extend(found for _, wrong in read for found in wrong)
    _refuse(problems)
    return [Query(**values) for values, _ in read]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise BadRequest("; ".join(found["detail"] for found in problems), problems)
