"""Rows of a version are found by their ids, few or many."""

from pathlib import Path

import pytest

from geosearch.live import base as module
from geosearch.live.base import Base, RowPlace
from geosearch.segment.versions import current
from tests.geosearch.indexing.test_writer import DEALS, built


@pytest.mark.parametrize("many", [1, 10**9])
def test_ids_are_found_by_bisection_and_by_hashes(
    tmp_path: Path, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY", many)
    base = Base(current(built(tmp_path, DEALS)))
    (segment,) = base.segments
    ids = {
        "merchants": {segment.merchant_id(doc): doc for doc in range(len(segment))},
        "deals": {segment.deal_id(deal): deal for deal in range(segment.deals())},
        "programs": segment.program_numbers,
    }
    found = 0
    for _ in range(3):  # By hashes from the second time on, where few are many.
        for table, keys in ids.items():
            for key, number in keys.items():
                assert base.place(table, key) == RowPlace(base.built[0], number)
                base.built[0]._numbers.get(table, {}).clear()
                assert base.place(table, f"{key}.") is None
                assert base.place(table, "") is None
                found += 1
    assert found == 3 * sum(map(len, ids.values())) >= 12
