"""Every column has one type, and working memory is enough for any tree."""

import numpy as np

from geosearch.kernel.scratch import COUNTERS, MAX_RESULTS, new_scratch
from geosearch.segment.columns import Columns, column_types
from indexes.geo.rtree import level_starts


def test_every_column_has_a_type() -> None:
    types = column_types()
    assert list(types) == list(Columns._fields)
    for name, (dtype, dimensions) in types.items():
        assert dtype.kind in "iuf", name
        assert dimensions in (1, 2), name


def test_node_columns_of_many_rows_are_matrices() -> None:
    types = column_types()
    matrices = {name for name, (_, dimensions) in types.items() if dimensions == 2}
    assert {name for name in types if name.startswith("bound_")} <= matrices
    assert {"node_box", "node_open", "node_category", "doc_record"} <= matrices
    assert not {"node_signature", "doc_signature", "doc_live", "deal_on"} & matrices


def test_types_are_those_the_annotations_name() -> None:
    types = column_types()
    assert types["doc_position"] == (np.dtype(np.int32), 2)
    assert types["change_minute"] == (np.dtype(np.uint16), 1)
    assert types["bound_best"] == (np.dtype(np.float32), 2)


def test_scratch_holds_every_node_and_result() -> None:
    nodes = int(level_starts(70_000)[-1])
    scratch = new_scratch(nodes)
    for name in ("heap_key", "heap_entry"):
        assert len(getattr(scratch, name)) >= nodes
    # One page of 100 and the one that tells of a next.
    assert len(scratch.top_key) == len(scratch.top_doc) == MAX_RESULTS >= 101
    assert scratch.work.tolist() == [0] * len(COUNTERS)
