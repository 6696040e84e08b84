"""Merge of segments: what the search of a later one skips, and ties by id."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from tests.geosearch.snapshot_files import merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
LIMIT = 5


def joined(folder: Path, parts: Sequence[Sequence[dict[str, object]]]) -> Searcher:
    """A searcher with a segment for each list of merchants."""
    version = folder / "parts" / "20261122T000000Z-0001"
    version.mkdir(parents=True)
    for number, merchants in enumerate(parts):
        write_snapshot(folder / f"s{number}", {"merchants": [*merchants], "deals": []})
        build(folder / f"s{number}", folder / f"i{number}", now=NOW)
        segment = current(folder / f"i{number}") / "segment-0000"
        (version / f"segment-{number:04}").symlink_to(segment)
    return Searcher(version)


def ids_and_work(searcher: Searcher, sort: str) -> tuple[list[str], dict[str, int]]:
    query = Query(lat=31.0, lng=121.0, at=NOW, sort=sort, limit=LIMIT, explain=True)
    answer = searcher.search(query)
    assert answer.explain is not None
    return [hit.merchant["merchant_id"] for hit in answer.hits], answer.explain["work"]


@pytest.mark.parametrize("sort", ["distance", "best", "rating"])
def test_a_segment_with_worse_shops_is_left_at_its_root(sort: str, tmp_path: Path) -> None:
    near = [merchant(n, lat=31.0, lng=121.0 + n * 1e-4) for n in range(40)]
    near = [row | {"rating": 4.9, "rating_count": 500} for row in near]
    far = [merchant(100 + n, lat=31.01, lng=121.0 + n * 1e-4) for n in range(40)]
    far = [row | {"rating": 3.0, "rating_count": 5} for row in far]
    ids, alone = ids_and_work(joined(tmp_path / "alone", [near]), sort)
    found, work = ids_and_work(joined(tmp_path / "both", [near, far]), sort)
    _, whole = ids_and_work(joined(tmp_path / "reverse", [far, near]), sort)
    assert found == ids
    assert work["docs"] == alone["docs"]
    assert work["nodes"] <= alone["nodes"] + 1
    assert whole["docs"] > work["docs"]


def test_ties_go_by_id_whichever_segment_has_them(tmp_path: Path) -> None:
    rows = [merchant(n, lat=31.0, lng=121.0) for n in range(30)]
    ids, _ = ids_and_work(joined(tmp_path, [rows[1::3], rows[2::3], rows[0::3]]), "distance")
    assert ids == sorted(row["merchant_id"] for row in rows)[:LIMIT]
