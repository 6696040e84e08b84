"""Everything a query needs is compiled before the first one comes."""

import pytest
from numba import config

from geosearch.answer.result_text import result_writer, write_results
from geosearch.kernel import count, rank
from geosearch.kernel.compiled import empty_columns, kernels
from geosearch.segment.columns import Columns, column_types


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
    result_writer()
    for compiled in (rank.rank, count.count, write_results):
        assert len(getattr(compiled, "signatures")) == 1  # noqa: B009, a dispatcher has them
