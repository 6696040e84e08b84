"""What kernels see of a prepared tuple is what they see of the tuple."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import config

from indexes.arrays import F64, U8, I32Matrix, ReadOnly
from indexes.jit import entry_point, njit
from indexes.prepared import Prepared


class Arrays(NamedTuple):
    one: ReadOnly[U8]
    two: I32Matrix
    three: F64


@njit
def sum_up(arrays: Arrays) -> float:
    total = float(arrays.one.shape[0] + 10 * arrays.two.shape[1] + 100 * arrays.three.size)
    for at in range(arrays.one.shape[0]):
        total += arrays.one[at]
    for row in range(arrays.two.shape[0]):
        for column in range(arrays.two.shape[1]):
            total += (1 + row) * (2 + column) * arrays.two[row, column]
    for at in range(arrays.three.shape[0]):
        total += arrays.three[at]
    return total


@njit
def sum_up_prepared(prepared: Prepared[Arrays]) -> float:
    return sum_up(prepared.value)


def arrays_of(rng: np.random.Generator, rows: int, columns: int) -> Arrays:
    found = Arrays(
        rng.integers(0, 255, rows, np.uint8),
        rng.integers(-9, 9, (rows, columns), np.int32),
        rng.random(columns),
    )
    found.one.flags.writeable = False
    return found


def test_a_kernel_reads_the_same() -> None:
    rng = np.random.default_rng(1)
    entry = entry_point(sum_up_prepared)
    for rows, columns in ((0, 0), (1, 0), (0, 7), (3, 5), (100, 2)):
        arrays = arrays_of(rng, rows, columns)
        prepared = Prepared(arrays)
        assert prepared.value is arrays
        assert entry(prepared) == sum_up_prepared(prepared) == sum_up(arrays)


def test_arrays_of_a_prepared_tuple_can_be_replaced() -> None:
    rng = np.random.default_rng(5)
    arrays, others = arrays_of(rng, 3, 5), arrays_of(rng, 7, 2)
    before = Prepared(arrays)
    for names in ((), ("one",), ("two", "three"), ("one", "two", "three")):
        some = {name: getattr(others, name) for name in names}
        after = before.replaced(**some)
        expected = arrays._replace(**some)
        assert [*map(id, after.value)] == [*map(id, expected)]
        assert sum_up_prepared(after) == sum_up(expected)
    assert sum_up_prepared(before) == sum_up(arrays)
    with pytest.raises(TypeError, match="Expected 1 dimensions, got 2"):
        before.replaced(three=others.two)


def test_a_kernel_sees_what_changes_and_may_change_it() -> None:
    @njit
    def lift(prepared: Prepared[Any]) -> None:
        prepared.value.three[0] += 1.0

    arrays = arrays_of(np.random.default_rng(2), 2, 2)
    prepared = Prepared(arrays)
    arrays.three[:] = 5.0
    lift(prepared)
    assert arrays.three.tolist() == [6.0, 5.0]
    assert sum_up_prepared(prepared) == sum_up(arrays)


def test_a_layout_of_another_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.prepared._words_of", lambda _: iter((1, 2, 3)))
    with pytest.raises(TypeError, match=r"Expected arrays of \d+ bytes, got 24"):
        Prepared(arrays_of(np.random.default_rng(3), 1, 1))


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="types are those of compiled code")
def test_other_tuples_are_other_types() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(Exception, match="one"):
        sum_up_prepared(Prepared((rng.random(1),)))  # type: ignore[arg-type]
