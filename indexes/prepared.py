"""Tuples of arrays that Python hands to kernels many times, made ready for them once.

Useful for: what every call of a kernel takes and never changes, such as the columns of a segment.
Not useful for: a tuple made for one call: making it ready costs more than handing it over.

At each call Numba takes arrays apart, one by one, to find where they are: 0.7 us for a tuple of 36
arrays. `Prepared` does so beforehand. It keeps the arrays as compiled code has them, and a call
takes the address: 0.1 us.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Generic, Self, TypeVar

import numba
import numpy as np
from numba.core import types
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, register_model, typeof_impl, unbox
from numpy.typing import NDArray

T = TypeVar("T", bound=tuple[Any, ...])


class Prepared(int, Generic[T]):
    """Address of a tuple of arrays as compiled code has it; `value` is the tuple, in kernels too.

    Parameters
    ----------
    value
        A named tuple of arrays. Their elements may change; the kernel sees it.

    Raises
    ------
    TypeError
        If Numba has arrays in another way than this module takes them for.
    """

    value: T
    _image: NDArray[np.int64]

    def __new__(cls, value: T) -> Self:
        """Make a tuple ready."""
        image = np.fromiter(_words_of(value), np.int64)
        size = sum(_array_bytes(array.ndim) for array in value)
        if size != image.nbytes:
            raise TypeError(f"Expected arrays of {size} bytes, got {image.nbytes}")
        prepared = super().__new__(cls, image.ctypes.data)
        prepared.value, prepared._image = value, image
        return prepared


@cache
def _array_bytes(dimensions: int) -> int:
    """Bytes that compiled code has of an array."""
    context = cpu_target.target_context
    kind = context.get_value_type(types.Array(types.int64, dimensions, "C"))
    size: int = context.get_abi_sizeof(kind)
    return size


def _words_of(value: tuple[Any, ...]) -> Iterator[int]:
    """What `numba.core.datamodel.models.ArrayModel` has of each array, in its order.

    Nobody counts references to what is prepared, so none of its two owners is told.
    """
    for array in value:
        yield from (0, 0, array.size, array.itemsize, array.ctypes.data)
        yield from (*array.shape, *array.strides)


class PreparedType(types.Type):
    """Type of `Prepared` in kernels; `kind` is that of its value."""

    def __init__(self, kind: types.Type) -> None:
        self.kind = kind
        super().__init__(name=f"Prepared({kind})")


register_model(PreparedType)(models.OpaqueModel)


@typeof_impl.register(Prepared)  # type: ignore[untyped-decorator]
def _type_of(prepared: Prepared[Any], _context: Any) -> PreparedType:
    return PreparedType(numba.typeof(prepared.value))


@unbox(PreparedType)  # type: ignore[untyped-decorator]
def _unbox(_kind: PreparedType, prepared: Any, call: Any) -> NativeValue:
    return NativeValue(call.pyapi.long_as_voidptr(prepared))


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = PreparedType

    def resolve_value(self, prepared: PreparedType) -> types.Type:
        return prepared.kind


@lower_getattr(PreparedType, "value")  # type: ignore[untyped-decorator]
def _load(context: Any, builder: Any, prepared: PreparedType, pointer: Any) -> Any:
    kind = context.get_value_type(prepared.kind)
    return builder.load(builder.bitcast(pointer, kind.as_pointer()))
