"""Everything a query needs is compiled before the first one comes."""

import re

import pytest
from numba import config

from geosearch import counting, details, kernel
from geosearch import kernels as kernels_module
from geosearch.columns import Columns, column_types
from geosearch.kernels import empty_columns, kernels, warm


def test_only_a_compilation_is_announced_with_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    whole: list[str] = []
    monkeypatch.setattr(kernels_module, "is_compiled", lambda: bool(whole))
    monkeypatch.setattr(kernels_module, "note_compiled", lambda: whole.append("noted"))
    warm(told.append)
    assert told[0] == (
        "Compiling the search kernels (once for this version, one to two minutes): 0 % done"
    )
    percents = [int(re.findall(r"(\d+) % done", line)[0]) for line in told]
    assert percents == sorted(set(percents))
    assert len(percents) == 7
    assert whole == ["noted"]
    warm(told.append)
    assert (len(told), whole) == (7, ["noted"])


def test_the_shares_of_the_parts_make_a_whole() -> None:
    assert sum(percent for percent, _ in kernels_module._parts()) == 100


def test_kernels_are_made_once() -> None:
    assert kernels() is kernels()


def test_empty_columns_have_the_types_of_a_segment() -> None:
    columns = empty_columns()
    for name, (dtype, dimensions) in column_types().items():
        column = getattr(columns, name)
        assert (column.dtype, column.ndim) == (dtype, dimensions)
        assert not column.flags.writeable
        assert column.flags.c_contiguous
    assert isinstance(columns, Columns)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_query_compiles_nothing_more() -> None:
    """One signature a kernel: another would mean a second compilation at some query."""
    kernels()
    for compiled in (kernel.rank, counting.count, details.describe):
        assert len(getattr(compiled, "signatures")) == 1  # noqa: B009, a dispatcher has them
