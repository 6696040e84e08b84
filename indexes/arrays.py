"""Types of arrays, for annotations: `F64` is an array of doubles, `F64Matrix` has two dimensions.

`indexes.jit.entry_point` compiles kernels for the annotations of their parameters.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Arrays = TypeVar("Arrays", bound=tuple[Any, ...])

MATRIX: Final = "two dimensions"
READ_ONLY: Final = "read-only"

I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

I16Matrix = Annotated[I16, MATRIX]
I32Matrix = Annotated[I32, MATRIX]
I64Matrix = Annotated[I64, MATRIX]
U32Matrix = Annotated[U32, MATRIX]
U64Matrix = Annotated[U64, MATRIX]
F32Matrix = Annotated[F32, MATRIX]
F64Matrix = Annotated[F64, MATRIX]

ReadOnly = Annotated[T, READ_ONLY]
"""A kernel's parameter whose arrays it must not change, such as memory-mapped columns."""


def array_type(hint: Any) -> tuple[np.dtype[Any], int]:
    """Type of the elements, and number of dimensions, of arrays with an annotation.

    Examples
    --------
    >>> array_type(F64), array_type(I32Matrix)
    ((dtype('float64'), 1), (dtype('int32'), 2))
    """
    marks = getattr(hint, "__metadata__", ())
    array = get_args(hint)[0] if marks else hint
    return np.dtype(get_args(get_args(array)[1])[0]), 2 if MATRIX in marks else 1


def check_array(name: str, array: NDArray[Any], hint: Any) -> None:
    """Check that an array has the elements and the dimensions of an annotation.

    Raises
    ------
    ValueError
        It has others.
    """
    dtype, dimensions = array_type(hint)
    if array.dtype != dtype or array.ndim != dimensions:
        raise ValueError(
            f"Expected {dimensions}-dimensional {dtype}, got {array.ndim}-dimensional "
            f"{array.dtype} - at `{name}`"
        )


def read_only_arrays(kind: type[Arrays], arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Named tuple of read-only views of the arrays that have the names of its fields.

    Raises
    ------
    ValueError
        An array has other elements or dimensions than the annotation of its field.
    """
    views = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        check_array(name, arrays[name], hint)
        view = arrays[name].view()
        view.flags.writeable = False
        views.append(view)
    return kind(*views)
