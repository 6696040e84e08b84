"""What columns promise each other: each rule kept, and broken in each way that it can be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from indexes.layout import (
    Ascending,
    Begins,
    Bounded,
    Column,
    Fields,
    Of,
    Packed,
    Promise,
    Range,
    Starts,
    Tail,
    below,
    check_layout,
)
from indexes.storage import IndexFormatError

STARTS = np.array([0, 2, 2, 5], np.uint32)
SIZES = SimpleNamespace(five=5, none=0)
NAN, INF = float("nan"), float("inf")


def verdict(rule: Promise, values: Any, dtype: Any = np.uint32) -> str:
    column = np.array(values, dtype)
    table = {
        "starts": Column(np.dtype(np.uint32), (4,)),
        "it": Column(column.dtype, column.shape, (rule,)),
    }
    told = ""
    try:
        check_layout(table, {"starts": STARTS, "it": column}, SIZES, Path("folder"))
    except IndexFormatError as error:
        told = str(error)
    assert not told or told.endswith(" - at `folder/it.npy`")
    return told.removesuffix(" - at `folder/it.npy`")


@pytest.mark.parametrize(
    ("rule", "values", "dtype"),
    [
        (below("five"), [0, 4], np.uint32),
        (below(5), [], np.uint32),
        (below("starts"), [3], np.uint8),
        (below(Of("five", 2, 1)), [10], np.int64),
        (Range(-1, None), [-1, 2**31 - 1], np.int32),
        (Range(None, 3), [-(2**31), 2], np.int32),
        (Range(None, None), [-(2**31)], np.int32),
        (Fields({1: below(3)}), [[9, 0], [-9, 2]], np.int32),
        (Fields({1: below(3)}), np.zeros((0, 2)), np.int32),
        (Fields({0: Range(-2, 40)}), [[row - 2] for row in range(42)], np.int32),
        (Starts("five"), [0, 0, 5, 5], np.uint64),
        (Starts("five", filled=True), [0, 1, 5], np.uint32),
        (Starts("none"), [0], np.uint32),
        (Ascending(), [], np.uint32),
        (Ascending(), [0, 1, 2**32 - 1], np.uint32),
        (Ascending("starts"), [7, 8, 1, 2, 3], np.uint32),
        (Begins("starts", 0), [0, 9, 0, 9, 9, 0], np.uint16),
        (Bounded(), [-INF, 0, 3.4e38], np.float32),
        (Bounded(finite=True), [-3.4e38, 3.4e38], np.float32),
        (Bounded(), [], np.float64),
        (Packed("five"), [0, 4, 8 + 4, 2**32 - 8], np.uint32),
        (Packed("none"), [], np.uint32),
        (Tail("five"), [0b11111], np.uint64),
        (Tail(64), [2**64 - 1], np.uint64),
        (Tail("none"), [], np.uint64),
    ],
)
def test_a_promise_that_is_kept(rule: Promise, values: Any, dtype: Any) -> None:
    assert verdict(rule, values, dtype) == ""


@pytest.mark.parametrize(
    ("rule", "values", "dtype", "sentence"),
    [
        (below("five"), [0, 5], np.uint32, "Expected numbers below 5, got 5"),
        (below("five"), [2**32 - 1, 0], np.uint32, "Expected numbers below 5, got 4294967295"),
        (below("five"), [-1, 0], np.int32, "Expected numbers of at least 0, got -1"),
        (below("none"), [0], np.uint32, "Expected numbers below 0, got 0"),
        (below(Of("five", 2, 1)), [11], np.int64, "Expected numbers below 11, got 11"),
        (Range(-1, None), [-2], np.int32, "Expected numbers of at least -1, got -2"),
        (Range(1, None), [0], np.uint32, "Expected numbers of at least 1, got 0"),
        (Fields({1: below(3)}), [[0, 0], [0, 3]], np.int32, "below 3, got 3 in field 1"),
        (Fields({1: below(3)}), [[0, -1]], np.int32, "at least 0, got -1 in field 1"),
        (Starts("five"), [], np.uint32, "Expected starts from 0 to 5, got []"),
        (Starts("five"), [1, 5], np.uint32, "Expected starts from 0 to 5, got [1, 5]"),
        (Starts("five"), [0, 6], np.uint32, "Expected starts from 0 to 5, got [0, 6]"),
        (Starts("five"), [0, 2**32 - 1, 5], np.uint32, "got 5 after 4294967295 in row 2"),
        (Starts("five", filled=True), [0, 3, 3, 5], np.uint32, "got 3 after 3 in row 2"),
        (Ascending(), [1, 1], np.uint32, "Expected ascending numbers, got 1 after 1 in row 1"),
        (Ascending("starts"), [7, 8, 1, 2, 2], np.uint32, "got 2 after 2 in row 4"),
        (Ascending("starts"), [7, 6, 1, 2, 3], np.uint32, "got 6 after 7 in row 1"),
        (Begins("starts", 0), [0, 9, 1, 9, 9, 0], np.uint16, "another in run 1"),
        (Bounded(), [0, NAN], np.float32, "Expected numbers, got nan to nan"),
        (Bounded(), [0, INF], np.float32, "Expected numbers, got 0.0 to inf"),
        (Bounded(finite=True), [-INF, 0], np.float32, "Expected numbers, got -inf to 0.0"),
        (Packed("five"), [8 + 5], np.uint32, "below 5 in the lowest bits, got 5"),
        (Tail("five"), [0b111111], np.uint64, "Expected no bit behind 5, got some"),
    ],
)
def test_a_promise_that_is_broken(rule: Promise, values: Any, dtype: Any, sentence: str) -> None:
    assert sentence in verdict(rule, values, dtype)


def test_every_row_of_a_long_column_counts() -> None:
    """Columns are read in parts, and records many at a time."""
    for rows in (1, 15, 16, 17, 33):
        for row in range(rows):
            records = np.zeros((rows, 2), np.int32)
            records[row, 1] = 3
            assert "got 3 in field 1" in verdict(Fields({1: below(3)}), records, np.int32)
    part = 1 << 18
    for row in (1, part - 1, part, part + 1, 2 * part, 2 * part + 4):
        starts = np.arange(2 * part + 6, dtype=np.uint32)
        starts[row] = starts[row] + 2
        wrong = verdict(Starts(len(starts) - 1), starts)
        assert f"in row {row + 1}" in wrong
        packed = np.zeros(2 * part + 6, np.uint32)
        packed[row] = 7
        assert "got 7" in verdict(Packed("five"), packed)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (None, "Expected column `it`, got none - at `folder`"),
        (np.zeros(5, np.int32), "Expected 1-dimensional uint32, got 1-dimensional int32"),
        (np.zeros((5, 1), np.uint32), "Expected 1-dimensional uint32, got 2-dimensional uint32"),
        (np.zeros(4, np.uint32), "Expected shape (5,), got (4,)"),
    ],
)
def test_a_column_of_another_form_is_refused(column: Any, sentence: str) -> None:
    table = {"it": Column(np.dtype(np.uint32), ("five",))}
    arrays = {} if column is None else {"it": column}
    with pytest.raises(IndexFormatError) as caught:
        check_layout(table, arrays, SIZES, Path("folder"))
    assert sentence in str(caught.value)


def test_columns_that_the_table_does_not_know_are_ignored() -> None:
    check_layout({}, {"newer": np.zeros(1)}, SIZES, Path("folder"))
