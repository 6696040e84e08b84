"""The one way kernels are compiled: Numba, without the GIL, cached on disk.

Useful for: `njit` for every hot loop, `inline_njit` and `inner_njit` for its pieces, and
`entry_point` for the few that Python calls per query.
Not useful for: choosing what to compile; each module decorates its own kernels.

Numba's cache notices an edit of the file that holds a function, but not of a callee in another
file. The cache folder is therefore keyed by a hash of every kernel source, of the data that kernels
hold as constants and of what is written for Numba itself, of the versions that generate the machine
code, of the switches that change it, and of the path of the sources. `kernel_cache` removes folders
that nobody needs any more.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np
from numba import config

from indexes.kernel_cache import PREFIX, is_whole, mark_used, mark_whole, remove_unused

int64 = cast(Callable[[Any], int], np.int64)
uint64 = cast(Callable[[Any], int], np.uint64)
"""As in NumPy for kernels, typed as what they take them for: Python integers."""

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "GEOSEARCH_KERNEL_CACHE"
_SOURCES = ("indexes", "geosearch")


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in _SOURCES:
        for source in sorted((_root() / package).rglob("*")):
            # Data beside the sources is compiled in.
            data = source.suffix == ".geojson"
            if not data and source.suffix != ".py":
                continue
            text = source.read_bytes()
            if data or b"njit" in text or b"numba" in text:
                digest.update(source.name.encode())
                digest.update(text)
    return digest.hexdigest()[:16]


def _installation_digest() -> str:
    """What tells installations apart: where they are, and what their code is compiled with."""
    switches = (sys.version, numba.__version__, llvmlite.__version__, bool(config.BOUNDSCHECK))
    return hashlib.sha256(repr((str(_root()), switches)).encode()).hexdigest()[:12]


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """Folder that holds the compiled kernels of exactly these sources.

    Returns
    -------
    Path
        Below `$GEOSEARCH_KERNEL_CACHE` where that is set, else below the user's cache folder.
    """
    base = os.environ.get(CACHE_VARIABLE)
    if base is None:
        base = os.path.join(
            os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache")),
            "geosearch",
        )
    return Path(base) / f"{PREFIX}{_installation_digest()}-{_source_digest()}"


CACHE_FOLDER = cache_folder()
"""That of this process."""

config.CACHE_DIR = str(CACHE_FOLDER)
if not config.DISABLE_JIT:
    mark_used(CACHE_FOLDER)


def is_compiled() -> bool:
    """Whether all kernels are on disk for this processor, or compilation is switched off."""
    return bool(config.DISABLE_JIT) or is_whole(CACHE_FOLDER, _processor())


def mark_compiled() -> None:
    """Note that all kernels are on disk, and remove those of versions that nobody uses any more."""
    if not config.DISABLE_JIT:
        mark_whole(CACHE_FOLDER, _processor())
        remove_unused(CACHE_FOLDER)


def _processor() -> str:
    return str(config.CPU_NAME or llvmlite.binding.get_host_cpu_name())


# Nobody calls a kernel from C.
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "_nrt": False, "no_cfunc_wrapper": True}


def njit(function: F) -> F:
    """Compile a kernel at its first call; see the module for what that means.

    A kernel allocates nothing: arrays come in, and slices of them cannot be made. In return no
    reference is counted, which for a tuple of 45 arrays passed down four calls is most of the
    time: the nearest 20 of a million took 700 us with counting, 13 us without.

    Under `NUMBA_DISABLE_JIT=1` the function is returned as it is, for coverage and debugging.
    """
    compiled: F = numba.njit(**_OPTIONS)(function)
    return compiled


def inline_njit(function: F) -> F:
    """Compile a small kernel and offer it to the optimiser to inline into its callers."""
    compiled: F = numba.njit(**_OPTIONS, forceinline=True)(function)
    return compiled


def inner_njit(function: F) -> F:
    """As `inline_njit`, for a piece that takes tuples of arrays: Python cannot call it.

    What turns Python's arguments into a kernel's is written and optimised for every function that
    Python may call, and for 45 arrays is more than most functions: the kernels of a search took
    105 s to compile with it, 57 s without.
    """
    if config.DISABLE_JIT:
        return function
    compiled = numba.njit(**_OPTIONS, forceinline=True, no_cpython_wrapper=True)(function)
    # Numba would jump to the entry that is not there.
    compiled._insert = lambda *_: None
    compiled._compile_for_args = _refuse
    inner: F = compiled
    return inner


def _refuse(*_arguments: object, **_named: object) -> None:
    raise TypeError("Expected a call from a kernel, got one from Python")


def entry_point(kernel: Any, arguments: Iterable[Any]) -> Callable[..., Any]:
    """Direct entry to `kernel`, compiled for the types of `arguments`.

    A dispatcher looks up the types of its arguments at each call: 4 us for a tuple of 40 arrays,
    against 1.5 us here. The price is that nothing checks the types of later calls: they must be
    those of `arguments`.

    Parameters
    ----------
    kernel
        A function decorated with `njit`.
    arguments
        Example arguments. The kernel is compiled, not run.

    Returns
    -------
    callable
        The compiled wrapper, or the Python function where compilation is switched off.
    """
    if config.DISABLE_JIT:
        plain: Callable[..., Any] = kernel
        return plain
    signature = tuple(numba.typeof(argument) for argument in arguments)
    kernel.compile(signature)
    entry: Callable[..., Any] = kernel.overloads[signature].entry_point
    return entry
