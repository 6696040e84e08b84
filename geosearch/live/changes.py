"""Reading of changes: an object becomes a `LiveChange`, or is refused with code and sentence.

The codes and sentences are those of a snapshot's rows, from the same tables of fields. What a
change means for the current data is in `state`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec
import orjson

from geosearch.snapshot.fields import Field, Kind, Table
from geosearch.snapshot.objects import BadObject, read_closures
from geosearch.snapshot.rejects import shown
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS

TABLES = {table.name: table for table in (MERCHANTS, DEALS, PROGRAMS)}
KEYS = {name: table.key for name, table in TABLES.items()}
"""Fields with the id of a row, by table."""
_FIELDS = {name: {field.name: field for field in table.fields} for name, table in TABLES.items()}

CHANGE_CODES: dict[str, str] = {
    "not_json": "the line is not one JSON object",
    "unknown_table": "`table` is not one of merchants, deals, programs",
    "unknown_field": "a member that a change, or the table, does not have",
    "missing_field": "the change says nothing to do, or names no row",
    "two_for_one": "more than one of `row`, `patch` and `delete`",
    "wrong_type": "a value of another type than the field's",
    "out_of_range": "a number outside its range, also a stock that would fall below 0",
    "bad_id": "an id that is empty, too long, or has control characters",
    "bad_enum": "a word that is not one of the choices",
    "bad_date": "not a date of the calendar, written YYYY-MM-DD",
    "bad_instant": "not an RFC 3339 instant",
    "bad_order": "`valid_through` before `valid_from`, or a closure that ends before it begins",
    "unknown_merchant": "the index has no such merchant",
    "unknown_deal": "the index has no such deal",
    "unknown_program": "the index has no such card",
    "unknown_brand": "no merchant of the index has the brand of a deal",
    "no_change_id": "a change that adds to a stock, without `change_id`",
    "needs_build": "a patch of a field that only a whole row changes, or a change that concerns "
    "too many merchants: put the row, or deliver it with the next snapshot",
    "too_long": "a line of more bytes than a change may have",
}
"""Why a change is rejected, by code; a whole row also by those of a snapshot's rows.

Codes are stable; later versions may add some."""

MOST_BYTES = 65_536
"""Most bytes of one change."""

MOST_LEVELS = 254
"""Most levels of objects and lists in a change: `orjson` writes so many, and reads 1,024."""

MOST_LINES = 200_000
"""Most lines of a body: each may be rejected with a sentence, and the next request waits."""

_MEMBERS = frozenset({"table", "row", "patch", "delete", "change_id", "version"})
_OPS = ("row", "patch", "delete")
_LONGEST_ID = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOST_VERSION = 2**63 - 1

PATCHED = {
    "merchants": ("business_status", "closures"),
    "deals": ("stock", "valid_through"),
    "programs": ("status",),
}
"""Fields that a patch may change, by table; other fields take a whole row."""

MOST_STOCK = 2_000_000_000


class LiveChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One valid change: the members of its line, one of `row`, `patch` and `delete`.

    Attributes
    ----------
    table
        merchants, deals or programs.
    row
        The row as given.
    patch
        The id of the row and new values by field, None removes; `{"add": pieces}` for a stock that
        grows by a number, which may be negative.
    delete
        The id of the row.
    change_id, version
        Of the source; None if not given.
    checked
        The row in normal form, once it is checked.
    """

    table: str
    row: dict[str, Any] | None = None
    patch: dict[str, Any] | None = None
    delete: str | None = None
    change_id: str | None = None
    version: int | None = None
    checked: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Id of the row."""
        if self.delete is not None:
            return self.delete
        key: str = (self.patch or self.row or {})[KEYS[self.table]]
        return key

    def as_json(self) -> bytes:
        """The change as a line of the feed, without its number.

        `read_change` reads it, and so does `read_logged`.
        """
        said: dict[str, Any] = {"table": self.table}
        for name in (*_OPS, "change_id", "version"):
            if (value := getattr(self, name)) is not None:
                said[name] = value
        return orjson.dumps(said)


_LINES = msgspec.json.Decoder(LiveChange)


class ChangeRefused(Exception):
    """A change that is not accepted: a code of `CHANGE_CODES`, and one sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_change(given: bytes | Mapping[str, Any]) -> LiveChange:
    """A change from a line of JSON, or from an object; a whole row is still to be checked.

    Raises
    ------
    ChangeRefused
        It is no change.

    Examples
    --------
    >>> change = read_change(b'{"table": "deals", "patch": {"deal_id": "d1", "stock": 0}}')
    >>> change.key, change.patch
    ('d1', {'deal_id': 'd1', 'stock': 0})
    """
    said = _object_of(given)
    name = said.get("table")
    table = TABLES.get(name) if isinstance(name, str) else None
    if table is None:
        expected = f"`table` to be one of {', '.join(TABLES)}"
        raise _refused("unknown_table", expected, name)
    if not said.keys() <= _MEMBERS:
        expected, other = f"members {', '.join(sorted(_MEMBERS))}", min(said.keys() - _MEMBERS)
        raise _refused("unknown_field", expected, other)
    ops = [op for op in _OPS if op in said]
    if not ops:
        raise _refused("missing_field", "one of `row`, `patch` and `delete`", None)
    if len(ops) > 1:
        got = " and ".join(f"`{op}`" for op in ops)
        raise ChangeRefused(
            "two_for_one", f"Expected one of `row`, `patch` and `delete`, got {got}"
        )
    change_id = _change_id(said.get("change_id"))
    version = _version(said.get("version"))
    op = ops[0]
    value: Any
    if op == "row":
        value = _row(table, said["row"])
    elif op == "delete":
        value = _id(table.key, said["delete"], "delete")
    else:
        value = _patch(table, said["patch"], change_id)
    return LiveChange(table=table.name, change_id=change_id, version=version, **{op: value})


def read_logged(lines: Iterable[bytes]) -> list[LiveChange]:
    """The changes of lines that `LiveChange.as_json` wrote, which are not validated again.

    Useful for: lines of `ChangeLog.after`, which have their checksums.
    Not useful for: lines of anybody else, which may become anything.

    Examples
    --------
    >>> change = read_change({"table": "deals", "delete": "d1"})
    >>> read_logged([change.as_json()]) == [change]
    True
    """
    return _LINES.decode_lines(b"\n".join(lines))


def _object_of(given: bytes | Mapping[str, Any]) -> dict[str, Any]:
    try:
        line = given if isinstance(given, bytes) else orjson.dumps(given)
        if len(line) > MOST_BYTES:
            expected = f"Expected a change of at most {MOST_BYTES} bytes"
            raise ChangeRefused("too_long", f"{expected}, got {len(line)}")
        said = orjson.loads(line)
    except (ValueError, TypeError) as error:  # TypeError: an object that is no JSON
        text = given.decode("utf-8", "replace").strip() if isinstance(given, bytes) else repr(given)
        start = shown(text, longest=40)
        raise ChangeRefused("not_json", f"Expected a JSON object, got {start} ({error})") from None
    if not isinstance(said, dict):
        raise ChangeRefused("not_json", f"Expected a JSON object, got {shown(said)}")
    _check_depth(said)
    return said


def _check_depth(said: dict[str, Any]) -> None:
    try:
        orjson.dumps(said)
    except TypeError:
        expected = f"Expected at most {MOST_LEVELS} levels of objects and lists"
        raise ChangeRefused("wrong_type", f"{expected}, got more") from None


def _row(table: Table, said: object) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _refused("wrong_type", "`row` to be an object", said)
    if said.get(table.key) is None:
        raise _refused("missing_field", f"`{table.key}`", None)
    _id(table.key, said[table.key], "row")
    return said


def _patch(table: Table, said: object, change_id: str | None) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _refused("wrong_type", "`patch` to be an object", said)
    if table.key not in said:
        raise _refused("missing_field", f"`{table.key}` in `patch`", None)
    patch = {table.key: _id(table.key, said[table.key], "patch")}
    for name, value in said.items():
        if name == table.key:
            continue
        field = _FIELDS[table.name].get(name)
        if field is None:
            raise ChangeRefused(
                "unknown_field", f"Expected fields of {table.name}, got {shown(name)} - at `patch`"
            )
        if name not in PATCHED[table.name]:
            allowed = " or ".join(f"`{one}`" for one in PATCHED[table.name])
            expected = f"Expected a patch of {allowed}, got `{name}`"
            raise ChangeRefused("needs_build", f"{expected}, which takes a whole row")
        patch[name] = _value(field, value, change_id)
    if len(patch) == 1:
        raise _refused("missing_field", "a field to change in `patch`", None)
    return patch


def _value(field: Field, value: object, change_id: str | None) -> Any:
    if value is None:
        return None
    if field.name == "stock" and isinstance(value, dict):
        return _add(value, change_id)
    if field.name == "closures":
        return _closures(value)
    if field.kind is Kind.INTEGER:
        return _whole(field, value)
    if not isinstance(value, str):
        raise _refused("wrong_type", f"`{field.name}` to be {field.kind.described}", value)
    if field.kind is Kind.DATE:
        return _date(field.name, value)
    if field.choices and value not in field.choices:
        listed = ", ".join(field.choices)
        raise _refused(field.choice_code, f"`{field.name}` to be one of {listed}", value)
    return value


def _whole(field: Field, value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refused("wrong_type", f"`{field.name}` to be {field.kind.described}", value)
    if not (field.low or 0) <= value <= (field.high or 0):
        expected = f"`{field.name}` in [{field.low}, {field.high}]"
        raise _refused("out_of_range", expected, value)
    return value


def _add(value: dict[str, Any], change_id: str | None) -> dict[str, Any]:
    pieces = value.get("add")
    if value.keys() != {"add"} or not isinstance(pieces, int) or isinstance(pieces, bool):
        expected = '`stock` to be a whole number or {"add": a whole number}'
        raise _refused("wrong_type", expected, value)
    if abs(pieces) > MOST_STOCK:
        raise _refused("out_of_range", f"`add` in [-{MOST_STOCK}, {MOST_STOCK}]", pieces)
    if change_id is None:
        raise _refused("no_change_id", "`change_id` of a change that adds to `stock`", None)
    return value


def _closures(value: object) -> list[dict[str, str]]:
    try:
        return read_closures(value)
    except BadObject as fault:
        raise ChangeRefused(fault.code, str(fault)) from None


def _date(name: str, value: str) -> str:
    try:
        if _DATE.fullmatch(value):
            date.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise _refused("bad_date", f"`{name}` as YYYY-MM-DD", value)


def _id(name: str, value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _refused("wrong_type", f"`{name}` in `{where}` to be text", value)
    if not value.strip() or len(value) > _LONGEST_ID or _CONTROL.search(value):
        expected = f"`{name}` of at most {_LONGEST_ID} characters, none of them control characters"
        raise _refused("bad_id", expected, value)
    return value


def _change_id(value: object) -> str | None:
    return None if value is None else _id("change_id", value, "change")


def _version(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refused("wrong_type", "`version` to be a whole number", value)
    if not 0 <= value <= _MOST_VERSION:
        raise _refused("out_of_range", f"`version` in [0, {_MOST_VERSION}]", value)
    return value


def _refused(code: str, expected: str, got: object) -> ChangeRefused:
    return ChangeRefused(code, f"Expected {expected}, got {shown(got)}")
