"""Objects inside a field, such as `redemption`: each distinct text is read once.

Useful for: fields that few distinct objects fill, in JSON lines, Parquet or as JSON text in CSV.
Not useful for: fields with their own column type.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import orjson
import polars as pl

from geosearch.snapshot.checks import Checker
from geosearch.snapshot.rejects import shown
from geosearch.snapshot.tables import REDEMPTION_CHANNELS

T = TypeVar("T")


class BadObject(ValueError):
    """An object that is not what its field holds; `code` says in which way."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def read_distinct(
    texts: pl.Series, read: Callable[[object], T]
) -> tuple[dict[str, T], dict[str, BadObject]]:
    """What `read` makes of each distinct JSON text, and what is wrong with the others.

    `read` gets the decoded object and raises `BadObject` for one it does not take. A text that is
    no JSON it gets as it is: in JSON lines a text in place of an object comes without its quotes.
    """
    values: dict[str, T] = {}
    faults: dict[str, BadObject] = {}
    for text in texts.drop_nulls().unique():
        hint = ""
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
            hint = ", which is no JSON" if text.lstrip().startswith(("{", "[")) else ""
        try:
            values[text] = read(value)
        except BadObject as error:
            faults[text] = BadObject(error.code, f"{error}{hint}")
    return values, faults


def reject_faults(checker: Checker, field: str, faults: dict[str, BadObject]) -> None:
    """Reject the rows whose `field` is one of the texts in `faults`."""
    rows, found = rows_of_faults(checker.frame[field], faults)
    checker.reject_rows(rows, [fault.code for fault in found], [str(fault) for fault in found])


def rows_of_faults(
    texts: pl.Series, faults: dict[str, BadObject]
) -> tuple[list[int], list[BadObject]]:
    """Places of the faulty texts, ascending, and what is wrong with each."""
    if not faults:
        return [], []
    faulty = texts.is_in(list(faults)).fill_null(False).to_numpy()
    rows: list[int] = np.flatnonzero(faulty).tolist()
    return rows, [faults[texts[row]] for row in rows]


def read_redemption(value: object) -> dict[str, object] | None:
    """Channel and appointment of a `redemption` object; None for an empty one."""
    if not isinstance(value, dict):
        expected = "`redemption` to be an object"
        raise BadObject("wrong_type", f"Expected {expected}, got {shown(value)}")
    channel, appointment = value.get("channel"), value.get("appointment")
    if channel is not None and channel not in REDEMPTION_CHANNELS:
        expected = f"`redemption.channel` to be one of {', '.join(REDEMPTION_CHANNELS)}"
        raise BadObject("bad_enum", f"Expected {expected}, got {shown(channel)}")
    if not (appointment is None or isinstance(appointment, bool)):
        expected = "`redemption.appointment` to be true or false"
        raise BadObject("wrong_type", f"Expected {expected}, got {shown(appointment)}")
    if channel is None and appointment is None:
        return None
    return {"channel": channel, "appointment": appointment}


def read_names(value: object) -> str:
    """Names by language as tidy JSON text."""
    value = without_nulls(value)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        expected = "`names` to be texts by language"
        raise BadObject("wrong_type", f"Expected {expected}, got {shown(value)}")
    return orjson.dumps(value).decode()


def read_aliases(value: object) -> str:
    """Aliases by language as tidy JSON text."""
    value = without_nulls(value)
    if not isinstance(value, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in value.values()
    ):
        expected = "`aliases` to be lists of texts by language"
        raise BadObject("wrong_type", f"Expected {expected}, got {shown(value)}")
    return orjson.dumps(value).decode()


def without_nulls(value: object) -> object:
    """An object without its null members, as Parquet writes an absent one.

    Examples
    --------
    >>> without_nulls([{"open": {"day": 0}, "close": None}])
    [{'open': {'day': 0}}]
    """
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
