"""Kernel arguments unboxed once: `Prepared` passes a tuple of arrays to Numba by address.

Useful for: a tuple that every call of a kernel takes, such as the columns of a segment.
Not useful for: a tuple of one call, because preparing costs more than passing it.

Numba unboxes each array at each call: 0.7 us for a tuple of 36 arrays. `Prepared` keeps the arrays
in the layout of compiled code, and a call passes the address: 0.1 us.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Generic, Self, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr, lower_getattr_generic
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, register_model, typeof_impl, unbox
from numpy.typing import NDArray

T = TypeVar("T", bound=tuple[Any, ...])


class Prepared(int, Generic[T]):
    """Address of a tuple of arrays in the layout of compiled code.

    `value` is the tuple, in Python and in kernels.

    Parameters
    ----------
    value
        A named tuple of arrays. A kernel sees changes of their elements.

    Raises
    ------
    TypeError
        If Numba lays out arrays differently from this module.
    """

    value: T
    _image: NDArray[np.int64]

    def __new__(cls, value: T) -> Self:
        """Unbox a tuple."""
        return cls._of(value, np.fromiter(_words_of(value), np.int64))

    def replaced(self, **arrays: NDArray[Any]) -> Self:
        """The tuple with other arrays in some fields; only these are unboxed.

        Raises
        ------
        TypeError
            If an array has another number of dimensions.
        """
        value, image = self.value._replace(**arrays), self._image.copy()  # type: ignore[attr-defined]
        begin = 0
        for before, array in zip(self.value, value, strict=True):
            end = begin + _array_bytes(before.ndim) // image.itemsize
            if array.ndim != before.ndim:
                raise TypeError(f"Expected {before.ndim} dimensions, got {array.ndim}")
            if array is not before:
                image[begin:end] = [*_words_of((array,))]
            begin = end
        return self._of(value, image)

    @classmethod
    def _of(cls, value: T, image: NDArray[np.int64]) -> Self:
        size = sum(_array_bytes(array.ndim) for array in value)
        if size != image.nbytes:
            raise TypeError(f"Expected arrays of {size} bytes, got {image.nbytes}")
        prepared = super().__new__(cls, image.ctypes.data)
        prepared.value, prepared._image = value, image
        return prepared

    @staticmethod
    def numba_type(value: types.Type) -> "PreparedType":
        """Numba's type of a prepared value, from the type of the value."""
        return PreparedType(value)


@cache
def _array_bytes(dimensions: int) -> int:
    """Bytes of an array's descriptor in compiled code."""
    context = cpu_target.target_context
    kind = context.get_value_type(types.Array(types.int64, dimensions, "C"))
    size: int = context.get_abi_sizeof(kind)
    return size


def _words_of(value: tuple[Any, ...]) -> Iterator[int]:
    """The fields of `numba.core.datamodel.models.ArrayModel` of each array, in its order.

    Kernels count no references to prepared arrays, so both owner fields are 0.
    """
    for array in value:
        yield from (0, 0, array.size, array.itemsize, array.ctypes.data)
        yield from (*array.shape, *array.strides)


class PreparedType(types.Type):
    """Numba type of `Prepared`; `kind` is the type of its value."""

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


class ValueType(types.Type):
    """Numba type of `Prepared.value`: the address too, from which kernels read one array at a time.

    As a tuple it would be hundreds of parameters of each function that a kernel calls, and take
    half of the time of compiling.
    """

    def __init__(self, kind: types.Type) -> None:
        self.kind: Any = kind
        super().__init__(name=f"Value({kind})")


register_model(ValueType)(models.OpaqueModel)


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = PreparedType

    def resolve_value(self, prepared: PreparedType) -> types.Type:
        return ValueType(prepared.kind)


@lower_getattr(PreparedType, "value")  # type: ignore[untyped-decorator]
def _value(_context: Any, _builder: Any, _prepared: PreparedType, pointer: Any) -> Any:
    return pointer


@infer_getattr
class _Arrays(AttributeTemplate):  # type: ignore[misc]
    key = ValueType

    def generic_resolve(self, value: ValueType, name: str) -> types.Type | None:
        fields = getattr(value.kind, "fields", ())
        return value.kind.types[fields.index(name)] if name in fields else None


@lower_getattr_generic(ValueType)  # type: ignore[untyped-decorator]
def _array(context: Any, builder: Any, value: ValueType, address: Any, name: str) -> Any:
    """Read the descriptor of an array, number by number, as nobody writes it.

    The compiler may then read a number once, or again instead of keeping it.
    """
    place = value.kind.fields.index(name)
    descriptor = context.get_value_type(value.kind.types[place])
    start = builder.bitcast(address, context.get_value_type(value.kind).as_pointer())
    constant = builder.module.add_metadata([])
    array = ir.Constant(descriptor, ir.Undefined)
    for path in _numbers_in(descriptor):
        steps = [ir.Constant(ir.IntType(32), step) for step in (0, place, *path)]
        number = builder.load(builder.gep(start, steps, inbounds=True))
        number.set_metadata("invariant.load", constant)
        array = builder.insert_value(array, number, path)
    return array


def _numbers_in(descriptor: Any) -> Iterator[tuple[int, ...]]:
    """Places of the numbers and addresses in the descriptor of an array."""
    for place, kind in enumerate(descriptor.elements):
        if isinstance(kind, ir.ArrayType):
            yield from ((place, axis) for axis in range(kind.count))
        else:
            yield (place,)
