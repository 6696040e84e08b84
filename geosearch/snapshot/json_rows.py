"""Slow reader of NDJSON lines: one raw row from a line, with a reason for each bad value.

`ndjson` uses it for lines that its fast decoder refuses, or may accept wrongly. It takes ten times
as long as the fast decoder.
"""

import json
import re
from math import inf, isfinite
from typing import Any

import msgspec
import orjson

from geosearch.snapshot.checks import RowFault
from geosearch.snapshot.fields import WRITTEN, Cost, Field, Kind, Table
from geosearch.snapshot.objects import has_half_surrogate, key_sentence
from geosearch.snapshot.rejects import RejectLog, shown

KEY_WITH_ESCAPE = r'\\u[^"]*"\s*:'
"""Pattern of a key with escapes, which may repeat another key: `"\\u006eame"` is `"name"`."""

_KEY_WITH_ESCAPE = re.compile(KEY_WITH_ESCAPE.encode())
# Types of values by kind, as the raw column holds them; an object stays text.
_TYPES: dict[Kind, Any] = dict.fromkeys(WRITTEN, str) | {
    Kind.NUMBER: float,
    Kind.INTEGER: float,
    Kind.FLAG: bool,
    Kind.TEXTS: list[str],
}
_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def key_marks(table: Table) -> list[str]:
    """Return the quoted keys of the table's fields, as a line has them."""
    return [f'"{field.name}"' for field in table.fields]


class RowReader:
    """Reads lines of one table; `log` gets their faults."""

    def __init__(self, table: Table, log: RejectLog) -> None:
        self._table = table
        self._log = log
        self._marks = [mark.encode() for mark in key_marks(table)]

    def read(self, number: int, line: bytes) -> dict[str, object] | None:
        """Return the raw row of a line, with its number as `line`; None if it is rejected.

        A bad value becomes null with a warning, or rejects the row, as `fields.Cost` says. The last
        value of a repeated key counts.
        """
        try:
            row, exact = orjson.loads(line), line
        except ValueError:
            row, exact = _lenient_row(line), None
        if not isinstance(row, dict):
            fault = row if isinstance(row, RowFault) else _not_json(shown(row))
            self._log.reject(self._table.name, number, *fault)
            return None
        raw: dict[str, object] = {"line": number}
        faults: list[tuple[RowFault, Cost]] = []
        for field in self._table.fields:
            value = row.get(field.name)
            read = None if value is None else _read(value, field, exact)
            if isinstance(read, RowFault):
                faults.append((read, field.cost_for(row.get("offer_type"))))
                read = None
            raw[field.name] = read
        if not self._stays(number, faults):
            return None
        self._warn_of_repeats(number, line)
        return raw

    def _stays(self, number: int, faults: list[tuple[RowFault, Cost]]) -> bool:
        """Log the faults, and return whether the row stays; a reject logs only its first fault."""
        worst = [pair for pair in faults if pair[1] is Cost.ROW][:1]
        for fault, cost in worst or faults:
            self._log.bad_value(self._table.name, number, *fault, cost=cost)
        return not worst

    def _warn_of_repeats(self, number: int, line: bytes) -> None:
        repeated = any(line.count(mark) > 1 for mark in self._marks)
        if not (repeated or _KEY_WITH_ESCAPE.search(line)):
            return
        keys = [key for key, _ in json.loads(line, object_pairs_hook=list)]
        for field in self._table.fields:
            if keys.count(field.name) > 1:
                sentence = key_sentence(field.name)
                self._log.warn(self._table.name, number, "duplicate_key", sentence)


def _lenient_row(line: bytes) -> object:
    """Return a row with NaN, infinities and half surrogates, so that a fault can name its field."""
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        place = f"byte 0x{line[error.start]:02x} at byte {error.start + 1} of it"
        return RowFault("not_utf8", f"Expected a line in UTF-8, got {place}")
    except RecursionError:
        return _not_json("one nested too deep")
    except ValueError as error:
        start = shown(line.decode("utf-8").strip(), longest=40)
        return _not_json(f"{start} ({error})")


def _not_json(got: str) -> RowFault:
    return RowFault("not_json", f"Expected a JSON object, got {got}")


def _read(value: object, field: Field, line: bytes | None) -> object:
    """Return a value as its raw column holds it, or its fault.

    `line` is the line of the value, None if only the lenient decoder accepts that line.
    """
    if field.kind is Kind.JSON:
        return _object_text(value, field.name, line)
    kind = _TYPES[field.kind]
    try:
        if kind == list[str] and isinstance(value, str) and value.startswith("["):
            value = orjson.loads(value)  # a list as JSON text
        read = msgspec.convert(value, kind)
    except (ValueError, msgspec.ValidationError):  # ValueError: half a surrogate pair, no JSON
        if kind is not float or type(value) is not int:
            return _wrong_type(field, value)
        read = inf  # a whole number of more than 308 digits
    if kind is float and not isfinite(read):
        return RowFault("not_finite", f"Expected `{field.name}` to be finite, got {shown(value)}")
    # The strict decoder refuses half a surrogate pair.
    texts = [] if line is not None else read if kind == list[str] else [read]
    for text in filter(has_half_surrogate, texts):
        return RowFault("not_utf8", f"Expected `{field.name}` in Unicode, got {text!a}")
    return read


def _object_text(value: object, name: str, line: bytes | None) -> object:
    """Return the text of an object, if possible exactly as in the line, with repeated keys."""
    if line is not None and isinstance(value, str):
        return value
    try:
        return json.dumps(value) if line is None else bytes(_RAW_OBJECT.decode(line)[name]).decode()
    except RecursionError:
        return RowFault("wrong_type", f"Expected `{name}` to be an object, got one nested too deep")


def _wrong_type(field: Field, value: object) -> RowFault:
    expected = f"`{field.name}` to be {field.kind.described}"
    return RowFault("wrong_type", f"Expected {expected}, got {shown(value)}{field.hint}")
