"""The curve visits every cell once, steps to a neighbour each time, and tells positions apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexes.geo.hilbert import hilbert_values

LOW, HIGH = -(2**31), 2**31 - 1
SIDE = 32


def block(x: int, y: int, step: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of a square of `SIDE` by `SIDE` cells, `step` apart."""
    xs, ys = np.meshgrid(np.arange(SIDE) * step + x, np.arange(SIDE) * step + y)
    return xs.ravel(), ys.ravel()


def values(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.uint64]:
    return hilbert_values(x.astype(np.int32), y.astype(np.int32))


def one_step(x: NDArray[np.int64], y: NDArray[np.int64], order: NDArray[np.int64]) -> bool:
    """Whether each position in order is next to the one before."""
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    return bool((steps == 1).all())


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (0, 0),
        (-SIDE, 0),
        (LOW, LOW),
        (HIGH + 1 - SIDE, LOW),
        (LOW, HIGH + 1 - SIDE),
        (HIGH + 1 - SIDE, HIGH + 1 - SIDE),
        (1_214_737_024, 312_304_000),
    ],
)
def test_a_square_is_a_run_of_neighbours(x: int, y: int) -> None:
    assert x % SIDE == y % SIDE == 0, "a square of the curve starts at a multiple of its side"
    xs, ys = block(x, y)
    found = values(xs, ys)
    assert found.dtype == np.uint64
    order = np.argsort(found)
    assert (np.diff(found[order]) == 1).all(), "each cell once, none left out"
    assert one_step(xs, ys, order)


def test_the_whole_plane_is_one_run_of_neighbours() -> None:
    step = 2**32 // SIDE
    xs, ys = block(LOW, LOW, step)
    cells = (values(xs, ys) // np.uint64(2**64 // SIDE**2)).astype(np.int64)
    assert sorted(cells.tolist()) == list(range(SIDE * SIDE))
    assert one_step(xs // step, ys // step, np.argsort(cells))


COORDINATE = st.one_of(
    st.sampled_from([LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH]), st.integers(LOW, HIGH)
)
POSITION = st.tuples(COORDINATE, COORDINATE)


@given(st.lists(POSITION, min_size=1, max_size=30))
def test_equal_values_are_equal_positions(positions: list[tuple[int, int]]) -> None:
    x, y = np.array(positions).T
    assert len(set(values(x, y).tolist())) == len(set(positions))


@given(POSITION, st.integers(0, 31))
def test_a_corner_shares_the_high_bits_of_its_square(position: tuple[int, int], bits: int) -> None:
    """Positions of one square of side 2**bits agree in all but the lowest 2 * bits bits."""
    corner = [(value >> bits) << bits for value in position]
    found = values(*np.array([position, corner]).T)
    assert int(found[0]) >> (2 * bits) == int(found[1]) >> (2 * bits)


def test_order_of_the_first_square() -> None:
    xs, ys = np.array([LOW, LOW, LOW + 1, LOW + 1]), np.array([LOW, LOW + 1, LOW + 1, LOW])
    assert values(xs, ys).tolist() == [0, 3, 2, 1]


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="as many x as y, got 2 and 1"):
        hilbert_values(np.zeros(2, np.int32), np.zeros(1, np.int32))
    assert len(hilbert_values(np.zeros(0, np.int32), np.zeros(0, np.int32))) == 0
