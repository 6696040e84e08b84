"""Annotations of arrays say what an array must be."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from indexes.arrays import (
    F64,
    U8,
    Bools,
    I32Matrix,
    ReadOnly,
    array_type,
    check_array,
    read_only_arrays,
)

TYPES = [
    (U8, "uint8", 1),
    (Bools, "bool", 1),
    (I32Matrix, "int32", 2),
    (ReadOnly[F64], "float64", 1),
    (ReadOnly[I32Matrix], "int32", 2),
]


@pytest.mark.parametrize(("hint", "dtype", "dimensions"), TYPES)
def test_elements_and_dimensions(hint: Any, dtype: str, dimensions: int) -> None:
    assert array_type(hint) == (np.dtype(dtype), dimensions)
    check_array("column", np.zeros((1,) * dimensions, dtype), hint)
    with pytest.raises(ValueError, match=rf"^Expected {dimensions}-dimensional {dtype}, got 3-"):
        check_array("column", np.zeros((1, 1, 1), dtype), hint)
    with pytest.raises(ValueError, match=rf"got {dimensions}-dimensional int16 - at `column`$"):
        check_array("column", np.zeros((1,) * dimensions, np.int16), hint)


class Columns(NamedTuple):
    text: U8
    box: I32Matrix


def test_columns_are_taken_by_name_and_cannot_be_changed() -> None:
    arrays: dict[str, NDArray[Any]] = {
        "more": np.zeros(1),
        "box": np.arange(4, dtype=np.int32).reshape(2, 2),
        "text": np.arange(3, dtype=np.uint8),
    }
    columns = read_only_arrays(Columns, arrays)
    assert columns.text.tolist() == [0, 1, 2]
    assert columns.box.tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="read-only"):
        columns.box[0, 0] = 1
    arrays["box"][0, 0] = 7  # the array itself stays as it was, and is not copied
    assert columns.box[0, 0] == 7
    with pytest.raises(ValueError, match=r"^Expected 2-dimensional int32, .* - at `box`$"):
        read_only_arrays(Columns, {**arrays, "box": np.zeros(4, np.int32)})
