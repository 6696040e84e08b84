"""Everything a query needs is compiled before the first one comes."""

import pytest
from numba import config

from geosearch.answer.result_text import result_writer, write_results
from geosearch.kernel import count, rank
from geosearch.kernel.compiled import kernels


def test_kernels_are_made_once() -> None:
    assert kernels() is kernels()


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_query_compiles_nothing_more() -> None:
    """One signature a kernel: another would mean a second compilation at some query."""
    kernels()
    result_writer()
    for compiled in (rank.rank, count.count, write_results):
        assert len(getattr(compiled, "signatures")) == 1  # noqa: B009, a dispatcher has them
