"""The rows of a block: which ask alike, and which take the usual road.

Useful for: `block`, which ranks them.
Not useful for: reading files (`geosearch.studies.rank_files`).

A frame is checked by columns: a row whose place and instant are plainly valid, and whose other
values make a valid `Query`, needs no `Query` of its own. Every other row becomes a `Query`, which
says what is wrong with it.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.errors import BadRequest, GeosearchError
from geosearch.hours.instants import read_instant
from geosearch.kernel.block import Rows
from geosearch.query.checks import find_problems
from geosearch.query.parameters import PARAMETERS, problem
from geosearch.query.query import DEFAULT_RADIUS_M, Query
from indexes.arrays import I64, Bools
from indexes.geo.datum import Datum, to_wgs84
from indexes.timetable import HORIZON_MINUTES

MINUTE_US = 60_000_000
HORIZON_US = HORIZON_MINUTES * MINUTE_US
"""Microseconds of a minute, and of the horizon."""

_BY_ROW = ("lat", "lng", "radius", "at")
"""Parameters that differ between queries that ask alike."""

_NOT_IN_BLOCKS = (
    *("cursor", "facets", "explain", "format", "fields", "lang", "near_misses", "near_minutes"),
    "min_seq",
)
"""Parameters without a meaning for rows of results."""

BLOCK_PARAMETERS = tuple(name for name in PARAMETERS if name not in _NOT_IN_BLOCKS)
"""Parameters that a block may have as columns or constants."""

_ALIKE = attrgetter(*(name for name in Query.__struct_fields__ if name not in _BY_ROW))
_MICROSECOND = timedelta(microseconds=1)
_NOWHERE = -(2**62)
"""Microseconds of an instant that is not known."""


class Alike(NamedTuple):
    """Rows that ask alike, and the query of one of them."""

    query: Query
    rows: I64


class RefusedRow(NamedTuple):
    """A row that is no valid query, or that no index answers."""

    row: int
    code: str
    detail: str


class ResultColumns(NamedTuple):
    """Which optional columns the rows of results have: what some query may ask for."""

    totals: bool
    combinations: bool


def columns_for(names: Container[str]) -> ResultColumns:
    """The columns for queries of which some have these parameters."""
    return ResultColumns("total" in names, "stacking" in names)


class BlockRows(NamedTuple):
    """A block by rows."""

    rows: Rows
    micros: I64
    """Instant of each row, microseconds since the start of the horizon."""
    alike: list[Alike]
    others: list[tuple[int, Query]]
    """Rows of the usual road."""
    refused: list[RefusedRow]
    columns: ResultColumns


def refused_row(row: int, error: GeosearchError) -> RefusedRow:
    """A row with the code and the sentence of its refusal."""
    if isinstance(error, BadRequest):
        code = error.errors[0]["code"] if error.errors else error.code
    else:
        code = "not_ready"
    return RefusedRow(row, code, str(error))


def takes_usual_road(query: Query) -> bool:
    """Whether the plan of a query depends on more than its place, its minute and its wishes."""
    return (
        query.q is not None
        or query.has_area
        or bool(query.business_area)
        or query.ids is not None
        or query.cursor is not None
        or bool(query.facets)
        or query.total
        or query.explain
        or query.min_seq is not None
    )


class Records(NamedTuple):
    """A block as queries: `None` for a row that is refused."""

    ids: pl.Series
    queries: Sequence[Query | None]
    refused: list[RefusedRow]
    columns: ResultColumns


def rows_of(records: Records, times: tuple[datetime, datetime], are_usual: bool) -> BlockRows:
    """The rows of a list of queries; one outside the horizon takes the usual road.

    Parameters
    ----------
    times
        Start of the horizon, and the instant of queries that name none.
    """
    start, now = times
    queries, count = records.queries, len(records.queries)
    places = np.full((3, count), np.nan)
    micros = np.full(count, _NOWHERE, np.int64)
    groups: dict[tuple[Any, ...], list[int]] = {}
    others = []
    for row, query in enumerate(queries):
        if query is None:
            continue
        since = ((query.at or now) - start) // _MICROSECOND
        if are_usual or not 0 <= since < HORIZON_US or takes_usual_road(query):
            others.append((row, query))
            continue
        places[:, row] = query.lat, query.lng, query.radius or DEFAULT_RADIUS_M
        micros[row] = since
        groups.setdefault(_ALIKE(query), []).append(row)
    alike = [
        Alike(cast(Query, queries[rows[0]]), np.array(rows, np.int64)) for rows in groups.values()
    ]
    return _asked(places, micros, alike, others, records.refused, records.columns)


def rows_of_frame(
    frame: pl.DataFrame,
    constants: Mapping[str, Any],
    times: tuple[datetime, datetime],
    are_usual: bool,
) -> BlockRows:
    """The rows of a frame whose columns are parameters of queries.

    Parameters
    ----------
    constants
        Values of parameters that are the same in all rows.
    times
        Start of the horizon, and the instant of rows that name none.

    Raises
    ------
    BadRequest
        A column or a constant is no parameter of a block, or both name the same one.
    """
    _check_names(frame.columns, constants)
    frame = frame.drop("query_id", strict=False)
    start, now = times
    radius = numbers(frame, constants, "radius", DEFAULT_RADIUS_M)
    places = np.stack([numbers(frame, constants, "lat"), numbers(frame, constants, "lng"), radius])
    micros = _instants(frame, constants, start, now)
    plain = (micros >= 0) & (micros < HORIZON_US) & np.bool_(not are_usual)
    for name, values in zip(("lat", "lng", "radius"), places, strict=True):
        plain &= (values >= PARAMETERS[name].low) & (values <= PARAMETERS[name].high)
    alike, slow = _alike(frame, constants, plain, now)
    others: list[tuple[int, Query]] = []
    refused: list[RefusedRow] = []
    for row in slow:
        try:
            others.append((row, query_of(_values(frame, row, constants, now))))
        except BadRequest as error:
            refused.append(refused_row(row, error))
    columns = columns_for({*frame.columns, *constants})
    return _asked(places, micros, alike, others, refused, columns)


def _check_names(columns: Iterable[str], constants: Mapping[str, Any]) -> None:
    names = [name for name in columns if name != "query_id"]
    for name in (*names, *constants):
        if name not in BLOCK_PARAMETERS:
            choices = ", ".join(BLOCK_PARAMETERS)
            found = problem("unknown_parameter", f"columns among {choices}", f"`{name}`", (name,))
            raise BadRequest(found["detail"], [found])
        if name in names and name in constants:
            found = problem("conflict", f"`{name}` as a column or as an option", "both", (name,))
            raise BadRequest(found["detail"], [found])


def _alike(
    frame: pl.DataFrame, constants: Mapping[str, Any], plain: Bools, now: datetime
) -> tuple[list[Alike], list[int]]:
    """The plain rows by what they ask, and the rows that need a query of their own."""
    slow = np.flatnonzero(~plain).tolist()
    wishes = [name for name in frame.columns if name not in _BY_ROW]
    rows = pl.Series("row", np.flatnonzero(plain))
    if wishes:
        chosen = frame.select(wishes)[rows].with_columns(rows)
        groups = [
            part.to_numpy()
            for part in chosen.group_by(wishes, maintain_order=True).agg("row")["row"]
        ]
    else:
        groups = [rows.to_numpy()]
    alike = []
    for group in groups:
        if not len(group):
            continue
        try:
            query = query_of(_values(frame, int(group[0]), constants, now))
        except BadRequest:
            slow += group.tolist()
            continue
        if takes_usual_road(query):
            slow += group.tolist()
        else:
            alike.append(Alike(query, np.array(group, np.int64)))
    return alike, sorted(slow)


def _asked(
    places: NDArray[np.float64],
    micros: I64,
    alike: list[Alike],
    others: list[tuple[int, Query]],
    refused: list[RefusedRow],
    columns: ResultColumns,
) -> BlockRows:
    """The block: minutes, WGS-84 places, and room for the results of each row.

    Parameters
    ----------
    places
        float64[3, n]: latitude, longitude, radius.
    """
    count = len(micros)
    limit, until = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    known = np.zeros(count, np.bool_)
    for query, rows in alike:
        limit[rows], known[rows] = query.limit, True
        if query.crs != "WGS84":
            lat, lng = places[0, rows], places[1, rows]
            places[0, rows], places[1, rows] = to_wgs84(lat, lng, cast(Datum, query.crs))
        if query.min_minutes_left:
            # Rounds up, as `clock`: a shop that closes within the last minute closes too early.
            ends = -(-micros[rows] // MINUTE_US) + query.min_minutes_left
            until[rows] = np.minimum(ends, HORIZON_MINUTES)
    for row, query in others:
        limit[row] = query.limit
    # Other rows may have no place or instant; no kernel reads them.
    lat, lng, radius = np.where(known, places, 0.0)
    minute = np.where(known, micros // MINUTE_US, 0)
    first = np.concatenate([[0], np.cumsum(limit)])
    rows_ = Rows(lat.copy(), lng.copy(), radius.copy(), minute, until, first)
    return BlockRows(rows_, micros, alike, others, refused, columns)


def numbers(
    frame: pl.DataFrame, constants: Mapping[str, Any], name: str, default: float = np.nan
) -> NDArray[np.float64]:
    """Numbers of a parameter; NaN where a value is no number, `default` where there is none."""
    if name in frame.columns and not frame[name].dtype.is_numeric():
        absent = frame[name].is_null().to_numpy()
        return np.where(absent, default, np.nan)
    if name in frame.columns:
        return frame[name].cast(pl.Float64).fill_null(default).to_numpy().astype(np.float64)
    value = constants.get(name)
    if value is None:
        return np.full(frame.height, default)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return np.full(frame.height, float(value) if usable else np.nan)


def _instants(
    frame: pl.DataFrame, constants: Mapping[str, Any], start: datetime, now: datetime
) -> I64:
    """Microseconds from the start to the instant of each row; `_NOWHERE` for no instant."""
    if "at" not in frame.columns:
        micros = _micros_of(constants.get("at"), start, now)
        return np.full(frame.height, micros, np.int64)
    column = frame["at"]
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is None:
            return np.where(column.is_null(), _micros_of(None, start, now), _NOWHERE)
        epoch = _micros_of(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), start, now)
        since = (column.dt.epoch("us") + epoch).fill_null(_micros_of(None, start, now))
        return since.cast(pl.Int64).to_numpy().copy()
    # Few instants are distinct, so each is read once.
    distinct = column.unique()
    known = {value: _micros_of(value, start, now) for value in distinct.to_list()}
    return np.fromiter((known[value] for value in column.to_list()), np.int64, frame.height)


def _micros_of(value: object, start: datetime, now: datetime) -> int:
    if value is None:
        value = now
    if isinstance(value, str):
        try:
            value = read_instant(value)
        except (ValueError, OverflowError):
            return _NOWHERE
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return _NOWHERE
    return (value - start) // _MICROSECOND


def query_of(values: dict[str, Any]) -> Query:
    """The query of a row.

    Raises
    ------
    BadRequest
        A value is wrong, or a required one is absent.
    """
    problems = [] if {"lat", "lng"} <= values.keys() else find_problems(values)
    if problems:
        raise BadRequest("; ".join(found["detail"] for found in problems), problems)
    return Query(**values)


def _values(
    frame: pl.DataFrame, row: int, constants: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The parameters of a row of a frame."""
    return {"at": now, **typed({**constants, **frame.row(row, named=True)})}


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in the types of `Query`, without those that are left out.

    A text that is no instant or no polygon stays, and `Query` says what it expected.
    """
    found = {name: value for name, value in values.items() if value is not None}
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = tuple(value)
        elif name == "at" and isinstance(value, str):
            with suppress(ValueError, OverflowError):
                found[name] = read_instant(value)
        elif name == "polygon" and isinstance(value, str):
            with suppress(msgspec.MsgspecError):
                found[name] = msgspec.json.decode(value)
    return found
