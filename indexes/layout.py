"""Schema checks of columns before use: types, shapes, ranges, starts and orders.

Useful for: memory safety of compiled code, which indexes one column by the values of another
without bounds checks. Columns that pass cannot lead it outside of an array.
Not useful for: wrong values in range; the checksums of `storage` find those.

A rule has a method `broken`, which returns half a sentence: "Expected ..., got ...". A check reads
a column once or twice, at 5 to 10 GB a second.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.storage import IndexFormatError


class Of(NamedTuple):
    """The size `times * size + plus`, with a named size."""

    size: str
    times: int = 1
    plus: int = 0


Size = int | str | Of
"""A number, the name of a column (its number of rows), or an attribute of `Facts.sizes`."""

_FOLDED_ROWS = 16
_PART = 1 << 18


class Facts(NamedTuple):
    """The columns and sizes that a rule may use besides its own column."""

    columns: Mapping[str, NDArray[Any]]
    sizes: object
    """Has the named sizes as attributes."""

    def size(self, size: Size) -> int:
        """A size as a number."""
        if isinstance(size, Of):
            return size.times * self.size(size.size) + size.plus
        if isinstance(size, int):
            return size
        named = self.columns.get(size)
        return int(getattr(self.sizes, size)) if named is None else len(named)


class Promise(Protocol):
    """A rule for the values of a column."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """Half a sentence, "Expected ..., got ..."; empty if the column keeps the rule."""


class Column(NamedTuple):
    """One row of a table: type, shape and rules of a column."""

    dtype: np.dtype[Any]
    shape: tuple[Size, ...]
    rules: tuple[Promise, ...] = ()


def flat(dtype: type[np.generic], size: Size, *rules: Promise) -> Column:
    """A one-dimensional column."""
    return Column(np.dtype(dtype), (size,), rules)


def starts_of(dtype: type[np.generic], runs: str, end: str, *, filled: bool = False) -> Column:
    """A column of `runs + 1` starts: where each run of another column begins, then its end."""
    return flat(dtype, Of(runs, plus=1), Starts(end, filled))


class Range(NamedTuple):
    """Rule: integers from `low` to before `end`; None is no bound."""

    low: int | None
    end: Size | None

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        if not column.size:
            return ""
        # The least of an unsigned column is 0 by its type.
        least = 0 if column.dtype.kind == "u" and self.low == 0 else int(column.min())
        return self.message(least, int(column.max()), facts)

    def message(self, least: int, greatest: int, facts: Facts) -> str:
        """As `broken`, for the least and greatest of some numbers."""
        if self.low is not None and least < self.low:
            return f"Expected numbers of at least {self.low}, got {least}"
        if self.end is not None and greatest >= (end := facts.size(self.end)):
            return f"Expected numbers below {end}, got {greatest}"
        return ""


def below(end: Size) -> Range:
    """Rule: integers from 0 to before `end`, such as rows of another column."""
    return Range(0, end)


class Fields(NamedTuple):
    """Rule: ranges of fields of records, by field number; other fields may have any value."""

    ranges: Mapping[int, Range]

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        if not len(column):
            return ""
        least, greatest = _extremes(column)
        for field, allowed in self.ranges.items():
            wrong = allowed.message(int(least[field]), int(greatest[field]), facts)
            if wrong:
                return f"{wrong} in field {field}"
        return ""


class Starts(NamedTuple):
    """Rule: starts of runs, which ascend from 0 to `end`; with `filled` no run is empty."""

    end: Size
    filled: bool = False

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        end = facts.size(self.end)
        if not len(column) or int(column[0]) != 0 or int(column[-1]) != end:
            ends = [int(value) for value in (*column[:1], *column[-1:])]
            return f"Expected starts from 0 to {end}, got {ends}"
        for first in range(0, len(column) - 1, _PART):
            part = column[first : first + _PART + 1]
            fine = part[1:] > part[:-1] if self.filled else part[1:] >= part[:-1]
            if not fine.all():
                row = first + 1 + int(np.argmin(fine))
                got = f"{int(column[row])} after {int(column[row - 1])} in row {row}"
                return f"Expected ascending starts, got {got}"
        return ""


class Ascending(NamedTuple):
    """Rule: strictly ascending numbers in each run of the column `starts`, or in all."""

    starts: str | None = None

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        falls = np.flatnonzero(column[1:] <= column[:-1]) + 1
        if self.starts is not None and len(falls):
            starts = facts.columns[self.starts]
            falls = falls[starts[np.searchsorted(starts, falls.astype(starts.dtype))] != falls]
        if not len(falls):
            return ""
        row = int(falls[0])
        return f"Expected ascending numbers, got {column[row]} after {column[row - 1]} in row {row}"


class Begins(NamedTuple):
    """Rule: the first number of each run of the column `starts` is `value`."""

    starts: str
    value: int

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        wrong = column[facts.columns[self.starts][:-1]] != self.value
        if not wrong.any():
            return ""
        return f"Expected runs that begin with {self.value}, got another in run {np.argmax(wrong)}"


class Bounded(NamedTuple):
    """Rule: floats without NaN and positive infinity; with `finite` no negative infinity either."""

    finite: bool = False

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        if not column.size:
            return ""
        # A NaN makes both extremes NaN, and no comparison with NaN is true.
        if not column.max() < np.inf or (self.finite and not column.min() > -np.inf):
            return f"Expected numbers, got {column.min()} to {column.max()}"
        return ""


class Packed(NamedTuple):
    """Rule: the lowest bits, as many as `end` has, are numbers below `end`."""

    end: Size

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        end = facts.size(self.end)
        mask = column.dtype.type((1 << end.bit_length()) - 1)
        for first in range(0, len(column), _PART):
            greatest = int((column[first : first + _PART] & mask).max())
            if greatest >= end:
                return f"Expected numbers below {end} in the lowest bits, got {greatest}"
        return ""


class Tail(NamedTuple):
    """Rule: no bit after the first `size` bits of a column of words is set."""

    size: Size

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        """As `Promise`."""
        used = facts.size(self.size) % (8 * column.itemsize)
        if not used or not int(column[-1]) >> used:
            return ""
        return f"Expected no bit behind {facts.size(self.size)}, got some"


def check_layout(
    table: Mapping[str, Column], columns: Mapping[str, NDArray[Any]], sizes: object, folder: Path
) -> None:
    """Refuse columns that break a rule of the table.

    Parameters
    ----------
    table
        Types, shapes and rules by column name. The check follows this order, so a rule or size may
        rely on earlier columns.
    columns
        Arrays by name; arrays that the table does not name may be anything.
    sizes
        Object with the named sizes as attributes; properties may compute them.
    folder
        Folder of the columns, for the message.

    Raises
    ------
    IndexFormatError
        A column is missing, has another type or shape, or breaks a rule. Names the file.

    Examples
    --------
    >>> table = {"row": Column(np.dtype(np.uint32), ("row",), (below(3),))}
    >>> check_layout(table, {"row": np.array([0, 7], np.uint32)}, None, Path("segment"))
    Traceback (most recent call last):
    indexes.storage.IndexFormatError: Expected numbers below 3, got 7 - at `segment/row.npy`
    """
    facts = Facts(columns, sizes)
    for name, promised in table.items():
        column = columns.get(name)
        if column is None:
            raise IndexFormatError(f"Expected column `{name}`, got none - at `{folder}`")
        wrong = _wrong_form(column, promised, facts)
        for rule in () if wrong else promised.rules:
            wrong = wrong or rule.broken(column, facts)
        if wrong:
            raise IndexFormatError(f"{wrong} - at `{folder / name}.npy`")


def _wrong_form(column: NDArray[Any], promised: Column, facts: Facts) -> str:
    dimensions = len(promised.shape)
    if column.dtype != promised.dtype or column.ndim != dimensions:
        return (
            f"Expected {dimensions}-dimensional {promised.dtype}, got {column.ndim}-dimensional "
            f"{column.dtype}"
        )
    shape = tuple(facts.size(size) for size in promised.shape)
    return "" if column.shape == shape else f"Expected shape {shape}, got {column.shape}"


def _extremes(records: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest value of each field.

    Folds many records into one long row, because numpy reduces long rows faster.
    """
    rows, width = records.shape
    folded = records[: rows // _FOLDED_ROWS * _FOLDED_ROWS].reshape(-1, _FOLDED_ROWS * width)
    rest = records[len(folded) * _FOLDED_ROWS :]
    least, greatest = [rest], [rest]
    if len(folded):
        least.append(folded.min(axis=0).reshape(_FOLDED_ROWS, width))
        greatest.append(folded.max(axis=0).reshape(_FOLDED_ROWS, width))
    return np.concatenate(least).min(axis=0), np.concatenate(greatest).max(axis=0)
