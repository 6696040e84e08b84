"""Everything a query needs is compiled before the first one comes."""

import pytest
from numba import config

from geosearch import counting, details, kernel
from geosearch.columns import Columns, column_types
from geosearch.kernels import empty_columns, kernels, warm


def test_warming_says_so_once() -> None:
    told: list[str] = []
    warm(told.append)
    assert len(told) == 1
    assert "kernels" in told[0]
    warm()


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
