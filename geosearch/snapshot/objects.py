"""Decoding of JSON objects inside a field, such as `redemption`: each distinct text once.

The text of an object comes from NDJSON, Parquet, or a CSV cell.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import numpy as np
import orjson
import polars as pl

from geosearch.hours.instants import read_instant
from geosearch.snapshot.checks import Checker, RowFault
from geosearch.snapshot.rejects import shown
from geosearch.snapshot.tables import REDEMPTION_CHANNELS

T = TypeVar("T")

MOST_CLOSURES = 100
"""Most closures of a merchant."""


class BadObject(ValueError):
    """An object that its field does not accept; `code` is the code of the fault."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def read_objects(checker: Checker, field: str, read: Callable[[object], T]) -> dict[str, T]:
    """Return what `read` makes of each distinct JSON text of a field; bad texts become null.

    `read` gets the decoded object, and raises `BadObject` to refuse it. It gets a text that is not
    JSON unchanged: NDJSON passes a text in place of an object without its quotes. A repeated key is
    a warning.
    """
    texts = checker.frame[field]
    values: dict[str, T] = {}
    faults: dict[str, RowFault] = {}
    twice: dict[str, RowFault] = {}
    for text in texts.drop_nulls().unique():
        try:
            values[text] = read(decoded(text, field))
        except BadObject as error:
            faults[text] = RowFault(error.code, str(error))
        except RecursionError:
            sentence = f"Expected `{field}` to be an object, got one nested too deep"
            faults[text] = RowFault("wrong_type", sentence)
        else:
            if key := repeated_key(text):
                twice[text] = RowFault("duplicate_key", key_sentence(key, f" of `{field}`"))
    rows, found = _rows_of(texts, twice)
    lines = checker.frame["line"].gather(rows).to_list()
    sentences = [fault.sentence for fault in found]
    checker.log.warn_many(checker.table.name, lines, "duplicate_key", sentences)
    checker.lose_rows(field, *_rows_of(texts, faults))
    return values


def _rows_of(texts: pl.Series, faults: dict[str, RowFault]) -> tuple[list[int], list[RowFault]]:
    """Return the row numbers of the faulty texts, ascending, and the fault of each."""
    if not faults:
        return [], []
    rows: list[int] = np.flatnonzero(texts.is_in(list(faults)).fill_null(False).to_numpy()).tolist()
    return rows, [faults[texts[row]] for row in rows]


def decoded(text: str, field: str) -> object:
    """Return the value of a JSON text; the text itself if it is not JSON.

    Raises
    ------
    BadObject
        The text is JSON except for half a surrogate pair, a number that is not finite, or too many
        levels.
    """
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        lenient = json.loads(text)
    except RecursionError:
        expected = f"Expected `{field}` to be an object"
        raise BadObject("wrong_type", f"{expected}, got one nested too deep") from None
    except ValueError:
        return text
    if has_half_surrogate(lenient):
        raise BadObject("not_utf8", f"Expected `{field}` in Unicode, got {text[:60]!a}")
    raise BadObject("not_finite", f"Expected finite numbers in `{field}`, got {shown(lenient)}")


def has_half_surrogate(value: object) -> bool:
    """Return whether any text in a decoded value has half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def repeated_key(text: str | bytes) -> str | None:
    """Return a key that an object of a JSON text repeats; None if there is none.

    Examples
    --------
    >>> repeated_key('[{"day": 1, "day": 2}]'), repeated_key('[{"day": 1}, {"day": 2}]')
    ('day', None)
    """
    found: list[str] = []

    def collect(pairs: list[tuple[str, object]]) -> None:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            found.append(max(keys, key=keys.count))

    try:
        json.loads(text, object_pairs_hook=collect)
    except (ValueError, RecursionError):
        return None
    return found[0] if found else None


def key_sentence(key: str, where: str = "") -> str:
    """Return the sentence about a repeated key."""
    return f"Expected each key{where} once, got {shown(key)} again, of which the last counts"


def wrong_type(expected: str, value: object) -> BadObject:
    """Return the fault of a value of the wrong type, with a hint if it is broken JSON text."""
    broken = isinstance(value, str) and value.lstrip().startswith(("{", "["))
    hint = ", which is no JSON" if broken else ""
    return BadObject("wrong_type", f"Expected {expected}, got {shown(value)}{hint}")


def read_redemption(value: object) -> dict[str, object] | None:
    """Return channel and appointment of a `redemption` object; None if it has neither.

    Raises
    ------
    BadObject
        The value is not an object, or a member is not one that `redemption` takes.
    """
    if not isinstance(value, dict):
        raise wrong_type("`redemption` to be an object", value)
    channel, appointment = value.get("channel"), value.get("appointment")
    if channel is not None and channel not in REDEMPTION_CHANNELS:
        expected = f"`redemption.channel` to be one of {', '.join(REDEMPTION_CHANNELS)}"
        raise BadObject("bad_enum", f"Expected {expected}, got {shown(channel)}")
    if not (appointment is None or isinstance(appointment, bool)):
        raise wrong_type("`redemption.appointment` to be true or false", appointment)
    if channel is None and appointment is None:
        return None
    return {"channel": channel, "appointment": appointment}


def read_closures(value: object) -> list[dict[str, str]]:
    """Return the closures of a merchant: RFC 3339 instants `from` and `until`, and `reason`.

    Raises
    ------
    BadObject
        The value is not a list of such objects, or a closure ends before it begins.
    """
    value = without_nulls(value)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise wrong_type("`closures` to be a list of objects", value)
    if len(value) > MOST_CLOSURES:
        expected = f"at most {MOST_CLOSURES} `closures`"
        raise BadObject("out_of_range", f"Expected {expected}, got {len(value)}")
    return [_read_closure(one) for one in value]


def _read_closure(one: dict[str, object]) -> dict[str, str]:
    for name, text in one.items():
        if name not in ("from", "until", "reason"):
            expected = "members from, until and reason of `closures`"
            raise BadObject("wrong_type", f"Expected {expected}, got {shown(name)}")
        if not isinstance(text, str):
            raise wrong_type(f"`closures.{name}` to be text", text)
    begin, end = (_closure_instant(one, name) for name in ("from", "until"))
    if begin >= end:
        raise BadObject("bad_order", f"Expected `from` before `until`, got {shown(one['from'])}")
    return {name: str(text) for name, text in one.items()}


def _closure_instant(one: dict[str, object], name: str) -> datetime:
    text = str(one.get(name, ""))
    try:
        instant = read_instant(text)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None or not 1 < instant.year < 9999:
        got = shown(text or None)
        expected = f"`closures.{name}` as an RFC 3339 instant"
        raise BadObject("bad_instant", f"Expected {expected}, got {got}")
    return instant


def read_names(value: object) -> str:
    """Return names by language as JSON text without null members.

    Raises
    ------
    BadObject
        The value is not an object of texts.
    """
    value = without_nulls(value)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        raise wrong_type("`names` to be texts by language", value)
    return orjson.dumps(value).decode()


def read_aliases(value: object) -> str:
    """Return aliases by language as JSON text without null members.

    Raises
    ------
    BadObject
        The value is not an object of lists of texts.
    """
    value = without_nulls(value)
    if not isinstance(value, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in value.values()
    ):
        raise wrong_type("`aliases` to be lists of texts by language", value)
    return orjson.dumps(value).decode()


def without_nulls(value: object) -> object:
    """Return a value without null members, which Parquet writes for absent ones.

    Examples
    --------
    >>> without_nulls([{"open": {"day": 0}, "close": None}])
    [{'open': {'day': 0}}]
    """
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
