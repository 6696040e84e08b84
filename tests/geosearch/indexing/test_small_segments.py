import errno
from collections.abc import Callable
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from geosearch.indexing import small_segments
from geosearch.indexing.pipeline import build
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import open_index
from geosearch.segment.segment import SMALL
from geosearch.segment.versions import current
from tests.generators import make_world

FEW = 4


class AtOnce:
    """Executor whose work is done when it is handed over; the next change finds it done."""

    def __init__(self, threads: int) -> None: ...

    def submit(self, work: Callable[..., object], *arguments: object) -> "Future[object]":
        done: Future[object] = Future()
        try:
            done.set_result(work(*arguments))
        except OSError as error:
            done.set_exception(error)
        return done

    def shutdown(self) -> None: ...


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of 40 shops whose newest small segment has at most four."""
    monkeypatch.setattr(small_segments, "FEW", FEW)
    monkeypatch.setattr(small_segments, "ThreadPoolExecutor", AtOnce)
    world = make_world(Random(7), "city", 40)
    world.write(tmp_path / "snapshot")
    build(tmp_path / "snapshot", tmp_path / "index", now=world.now, max_rejected=1.0)
    return tmp_path / "index"


def shops_of(index: Path) -> list[dict[str, Any]]:
    engine = open_index(index)
    ids = [segment.merchant_id(doc) for segment in engine.segments for doc in range(len(segment))]
    return [{"merchant_id": key, "name": "Moved", "lat": 1.0, "lng": 2.0} for key in sorted(ids)]


def put(row: dict[str, Any], rating: float = 4.0) -> dict[str, Any]:
    return {"table": "merchants", "row": row | {"rating": rating}}


def sizes(index: Path) -> list[int]:
    """Documents of the small segments, the larger one first."""
    return [len(segment) for segment in open_index(index).segments[1:]]


def files(index: Path) -> set[str]:
    return {file.name for file in current(index).glob(f"*{SMALL}")}


def test_the_newest_segment_becomes_the_larger_one_and_then_merges_into_it(index: Path) -> None:
    shops = shops_of(index)
    with Writer(index) as writer:
        seen = []
        for row in shops[:16]:
            writer.apply([put(row)])
            seen.append(sizes(index))
    assert seen[:5] == [[1], [2], [3], [4], [5]]
    assert seen[5:10] == [[5, 1], [5, 2], [5, 3], [5, 4], [5, 5]]
    assert seen[10:] == [[10, 1], [10, 2], [10, 3], [10, 4], [10, 5], [15, 1]]


def test_bits_show_what_they_can_in_a_small_segment(index: Path) -> None:
    engine = open_index(index)
    segment = engine.segments[0]
    deal = int(segment.columns.offer_deal[0])
    doc = int((segment.columns.offer_start <= 0).sum()) - 1
    row = next(one for one in shops_of(index) if one["merchant_id"] == segment.merchant_id(doc))
    sold_out = {"table": "deals", "patch": {"deal_id": segment.deal_id(deal), "stock": 0}}
    with Writer(index) as writer:
        writer.apply([put(row)])
        before = files(index)
        writer.apply([sold_out])
        writer.apply([{"table": "merchants", "delete": shops_of(index)[0]["merchant_id"]}])
        assert files(index) == before
        writer.apply([{"table": "merchants", "delete": row["merchant_id"]}])
        assert files(index) == before
        assert open_index(index).merchant(row["merchant_id"], engine.start) is None


def test_changes_beside_a_merge_are_in_the_merged_segment(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[tuple[Any, ...]] = []

    class Later:
        def __init__(self, threads: int) -> None: ...

        def submit(self, *work: Any) -> "Future[object]":
            done: Future[object] = Future()
            waiting.append((done, *work))
            return done

        def shutdown(self) -> None: ...

    monkeypatch.setattr(small_segments, "ThreadPoolExecutor", Later)
    shops = shops_of(index)
    with Writer(index) as writer:
        for row in shops[: 2 * FEW + 2]:
            writer.apply([put(row)])
        [(done, work, *arguments)] = waiting
        writer.apply([put(shops[0], rating=1.5), {"table": "merchants", "delete": "nobody"}])
        writer.apply([{"table": "merchants", "delete": shops[1]["merchant_id"]}])
        done.set_result(work(*arguments))
        writer.apply([put(shops[12])])
        engine = open_index(index)
        assert sizes(index) == [2 * FEW + 2, 2]
        assert writer.progress.documents == 2 * FEW + 4
        assert writer.progress.nbytes == sum(
            (current(index) / name).stat().st_size for name in files(index)
        )
        assert [segment.live_docs() for segment in engine.segments[1:]] == [2 * FEW, 2]
        changed = engine.merchant(shops[0]["merchant_id"], engine.start)
        assert changed is not None
        assert changed["merchant"]["rating"] == 1.5
        assert engine.merchant(shops[1]["merchant_id"], engine.start) is None


def test_a_merge_that_fails_is_tried_again(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shops, write = shops_of(index), small_segments.build_small
    failures: list[Path] = []

    def full(path: Path, *rest: Any) -> None:
        if path.suffix != SMALL and not failures:
            failures.append(path)
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *rest)

    monkeypatch.setattr(small_segments, "build_small", full)
    with Writer(index) as writer:
        for row in shops[: 2 * FEW + 4]:
            assert writer.apply([put(row)]).accepted == 1
    assert len(failures) == 1
    assert sizes(index) == [2 * FEW + 3, 1]


def test_a_writer_that_died_leaves_no_half_segment(index: Path) -> None:
    draft = current(index) / f"0123{small_segments.DRAFT}"
    draft.write_bytes(b"half of")
    with Writer(index) as writer:
        writer.apply([put(shops_of(index)[0])])
    assert not draft.exists()
    assert len(files(index)) == 1


def test_a_larger_segment_lets_the_newest_one_grow(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_segments, "SHARE", 2)
    rows = [put(row) for row in shops_of(index)[:30]]
    with Writer(index) as writer:
        writer.apply(rows[:20])
        for one, other in pairwise(range(20, 31, 10)):
            writer.apply(rows[one:other])
        assert sizes(index) == [20, 10]


def test_many_at_once_become_the_larger_segment_themselves(index: Path) -> None:
    rows = [put(row) for row in shops_of(index)]
    with Writer(index) as writer:
        writer.apply(rows[:5])
        assert sizes(index) == [5]
        writer.apply(rows[10:18])
        assert sizes(index) == [13]
        writer.apply(rows[18:19])
        assert sizes(index) == [13, 1]
