"""Live changes are measured at toy size, and the index that is measured stays as it is."""

from pathlib import Path

import pytest
from msgspec import structs

from benchmarks import changes as subject
from benchmarks.reports import sentences
from benchmarks.result import ChangesResult, Latency, SegmentsCost, Times
from benchmarks.texts import text_world
from geosearch.indexing import small_segments
from geosearch.search.searcher import open_index


def test_everything_is_measured(world_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (
        ("LINES", 500), ("BODIES", 2), ("DOCUMENT_LINES", 40), ("QUESTIONS", 25), ("TICKS", 40),
        ("PAUSES", (0.1, 0.15)),
    ):  # fmt: skip
        monkeypatch.setattr(subject, name, few)
    for owner in (subject, small_segments):
        monkeypatch.setattr(owner, "FEW", 20)
    index, told = text_world(4_000), list[str]()
    found = subject.run(index, seconds=0.2, changes=10, say=told.append)
    assert found.bit_visible.count == 2
    assert found.sync.p50_ms <= found.sync.p99_ms
    assert 0 < found.bit_acknowledged.p50_ms <= found.bit_visible.p50_ms
    assert found.bits_a_second > 100
    assert found.quiet.requests == found.beside.requests > 0
    assert [cost.segments for cost in found.segments] == [0, 1, 2]
    assert len(told) == 6
    assert open_index(index).as_of_seq is None
    text = " ".join(sentences.changes(found))
    for times in (found.bit_visible, found.postgres, found.redis):
        assert times is None or f"{times.p50_ms:.1f} / {times.p99_ms:.1f} ms" in text


def test_what_is_missing_is_said() -> None:
    one = Times(count=1, p50_ms=1.0, p99_ms=2.0)
    few = Latency(requests=1, p50_ms=1.0, p99_ms=2.0, longest_ms=3.0)
    found = ChangesResult(
        merchants=1,
        sync=one,
        bit_acknowledged=one,
        bit_visible=one,
        document_visible=None,
        bits_a_second=1.0,
        documents_a_second=None,
        quiet=few,
        beside=few,
        postgres=None,
        redis=None,
    )
    text = " ".join(sentences.changes(found))
    assert "A whole row of a shop, shown: not taken." in text
    assert "no peer is installed" in text
    assert "small segments" not in text
    both = structs.replace(found, document_visible=one, documents_a_second=5.0, redis=one)
    text = " ".join(sentences.changes(both))
    assert "5 whole rows" in text
    assert "Redis 1.0 / 2.0 ms" in text
    costs = [SegmentsCost(segments=n, rank_us=10.0 + n, page_us=50.0 + 2 * n) for n in range(3)]
    text = " ".join(sentences.changes(structs.replace(found, segments=tuple(costs))))
    assert "beside 1 of them +1.0 and +2.0 us, beside 2 of them +2.0 and +4.0 us." in text
