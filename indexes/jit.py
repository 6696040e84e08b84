"""Numba decorators of all kernels: without the GIL, with one cache on disk.

Use `njit` for a hot loop, `inline_njit`, `inner_njit` and `called_njit` for its pieces, and
`entry_point` for the few kernels that Python calls per query.

Numba's cache notices an edit of the file of a function, but not of a callee in another file. So the
name of the cache folder has a hash of every source that mentions Numba and of the data compiled
into kernels. It also has a hash of the versions and switches that determine the machine code, and
of the path of the sources. `kernel_cache` removes folders that nobody needs.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import llvmlite.binding
import numba
import numpy as np
from numba import config
from numba.core import types
from numba.core.caching import UserProvidedCacheLocator
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.types.containers import BaseTuple

from indexes.arrays import READ_ONLY, array_type
from indexes.kernel_cache import PREFIX, is_whole, mark_used, mark_whole, remove_unused

int64 = cast(Callable[[Any], int], np.int64)
uint64 = cast(Callable[[Any], int], np.uint64)
"""NumPy's types for kernels; for mypy they return Python integers."""

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "GEOSEARCH_KERNEL_CACHE"
_SOURCES = ("indexes", "geosearch")


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in _SOURCES:
        for source in sorted((_root() / package).rglob("*")):
            # Kernels hold this data as constants.
            data = source.suffix == ".geojson"
            if not data and source.suffix != ".py":
                continue
            text = source.read_bytes()
            if data or b"njit" in text or b"numba" in text:
                digest.update(source.name.encode())
                digest.update(text)
    return digest.hexdigest()[:16]


def _installation_digest() -> str:
    """Hash of the path of an installation, and of versions and switches of its compiler."""
    switches = (sys.version, numba.__version__, llvmlite.__version__, bool(config.BOUNDSCHECK))
    return hashlib.sha256(repr((str(_root()), switches)).encode()).hexdigest()[:12]


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """Folder of the compiled kernels of exactly these sources.

    Returns
    -------
    Path
        Below `$GEOSEARCH_KERNEL_CACHE` if that is set, else below the user's cache folder.
    """
    base = os.environ.get(CACHE_VARIABLE)
    if base is None:
        base = os.path.join(
            os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache")),
            "geosearch",
        )
    return Path(base) / f"{PREFIX}{_installation_digest()}-{_source_digest()}"


CACHE_FOLDER = cache_folder()
"""The cache folder of this process."""


def is_compiled() -> bool:
    """Whether the cache has all kernels for this processor, or compilation is off."""
    return bool(config.DISABLE_JIT) or is_whole(CACHE_FOLDER, _processor())


def mark_compiled() -> None:
    """Mark the cache as complete, and remove unused cache folders."""
    if not config.DISABLE_JIT:
        mark_whole(CACHE_FOLDER, _processor())
        remove_unused(CACHE_FOLDER)


def _processor() -> str:
    return str(config.CPU_NAME or llvmlite.binding.get_host_cpu_name())


class KernelLocator(UserProvidedCacheLocator):  # type: ignore[misc]
    """Place of compiled kernels: `CACHE_FOLDER`, and no other.

    If Numba cannot write to a folder, it chooses another one, whose name does not depend on the
    sources: an upgrade would find stale code there. A complete cache needs no writing, as in an
    image whose file system is read-only.
    """

    def ensure_cache_path(self) -> None:
        """Check that kernels can be kept, unless all of them are there."""
        try:
            super().ensure_cache_path()
        except OSError:
            if not is_compiled():
                raise


def _check_folder() -> None:
    """Refuse a cache that is incomplete and cannot be written to."""
    try:
        CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=CACHE_FOLDER):
            pass
    except OSError as error:
        reason = f"{error.strerror} (it keeps compiled kernels; {CACHE_VARIABLE} names another)"
        raise OSError(error.errno, reason, str(CACHE_FOLDER)) from error


config.CACHE_DIR = str(CACHE_FOLDER)
config.CACHE_LOCATOR_CLASSES = f"{__name__}.{KernelLocator.__name__}"
if not is_compiled():
    _check_folder()
if not config.DISABLE_JIT:
    mark_used(CACHE_FOLDER)

# Nobody calls a kernel from C.
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "_nrt": False, "no_cfunc_wrapper": True}


def njit(function: F) -> F:
    """Compile a kernel at its first call.

    A kernel allocates nothing: it takes arrays and cannot slice them. In return it counts no
    references, which would take most of the time for a tuple of 45 arrays passed down four calls.
    The nearest 20 of a million took 700 us with counting and 13 us without.

    Under `NUMBA_DISABLE_JIT=1` the decorator returns the function, for coverage and debugging.
    """
    compiled: F = numba.njit(**_OPTIONS)(function)
    return compiled


def inline_njit(function: F) -> F:
    """Compile a small kernel and inline it into its callers."""
    compiled: F = numba.njit(**_OPTIONS, forceinline=True)(function)
    return compiled


def inner_njit(function: F) -> F:
    """`inline_njit` for a piece that takes tuples of arrays; Python cannot call it.

    Numba compiles a wrapper that unboxes arguments for each function that Python may call. For 45
    arrays the wrapper is larger than most kernels. The kernels of a search took 105 s to compile
    with wrappers and 57 s without.
    """
    return _inner(function, forceinline=True)


def called_njit(function: F) -> F:
    """`inner_njit` for a piece that several kernels call, or that runs seldom: not inlined."""
    return _inner(function, forceinline=False)


def _inner(function: F, **options: bool) -> F:
    if config.DISABLE_JIT:
        return function
    options = _OPTIONS | {"cache": False, "no_cpython_wrapper": True} | options
    compiled = numba.njit(**options, pipeline_class=_InnerCompiler)(function)
    # Otherwise Numba would jump to the missing wrapper.
    compiled._insert = lambda *_: None
    compiled._compile_for_args = _refuse
    inner: F = compiled
    return inner


def _refuse(*_arguments: object, **_named: object) -> None:
    raise TypeError("Expected a call from a kernel, got one from Python")


class _InnerLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Code of a function that only kernels contain: not optimised alone, and never loaded."""

    def finalize(self) -> None:
        """Link the functions that it calls, once each."""
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._final_module.verify()
        self._finalized = True


class _InnerCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler up to the code that a caller links.

    Numba would optimise each function with all that it calls and translate the result, and do both
    again for each caller that inlines it.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        context = self.state.targetctx  # a copy for this function
        self.state.library = _InnerLibrary(context.codegen(), "inner")
        # Callers find the function by this result, so each has its own.
        context.get_executable = lambda *_: partial(_refuse)


def entry_point(kernel: F) -> F:
    """Compiled wrapper of `kernel` for the types in its annotations, without Numba's dispatcher.

    The dispatcher looks up the types of its arguments at each call: 4 us for a tuple of 40 arrays.
    The wrapper takes 1.5 us, but nothing checks the types of arguments: they must be those of the
    annotations, and arrays must be contiguous.

    Parameters
    ----------
    kernel
        A function decorated with `njit`. Parameters are annotated with `int`, `float`, `bool`,
        names of `indexes.arrays`, named tuples of these, or `Prepared` tuples.

    Returns
    -------
    callable
        The compiled wrapper, or the Python function if compilation is off.
    """
    if config.DISABLE_JIT:
        return kernel
    dispatcher: Any = kernel
    signature = _annotated_types(dispatcher.py_func)
    dispatcher.compile(signature)
    entry: F = dispatcher.overloads[signature].entry_point
    return entry


@cache
def _annotated_types(function: Callable[..., Any]) -> tuple[types.Type, ...]:
    hints = get_type_hints(function, include_extras=True)
    return tuple(numba_type(hint) for name, hint in hints.items() if name != "return")


def numba_type(hint: Any, *, read_only: bool = False) -> types.Type:
    """Numba's type of values with an annotation that `entry_point` names.

    Parameters
    ----------
    read_only
        Whether arrays are read-only even without `ReadOnly` in the annotation.

    Raises
    ------
    TypeError
        The annotation is another one.
    """
    marks = getattr(hint, "__metadata__", ())
    bare = get_args(hint)[0] if marks else hint
    read_only = read_only or READ_ONLY in marks
    if bare in _SCALARS:
        return _SCALARS[bare]
    if get_origin(bare) is np.ndarray:
        dtype, dimensions = array_type(hint)
        return types.Array(numba.from_dtype(dtype), dimensions, "C", readonly=read_only)
    if hasattr(bare, "_fields"):
        hints = get_type_hints(bare, include_extras=True)
        fields = [numba_type(hints[name], read_only=read_only) for name in bare._fields]
        tuple_type: types.Type = BaseTuple.from_types(fields, bare)
        return tuple_type
    if hasattr(bare, "numba_type"):  # `Prepared`
        prepared: types.Type = bare.numba_type(numba_type(*get_args(bare), read_only=read_only))
        return prepared
    raise TypeError(f"Expected a type for kernels, got {hint}")


_SCALARS: dict[Any, types.Type] = {
    bool: types.boolean,
    int: types.int64,
    float: types.float64,
}
