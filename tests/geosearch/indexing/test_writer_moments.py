"""`Writer`: when accepted changes become visible, and what happens where they cannot."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from geosearch.errors import BadData
from geosearch.indexing import carry_over, pipeline
from geosearch.indexing import go_back as go_back_module
from geosearch.indexing.go_back import go_back
from geosearch.indexing.pipeline import build
from geosearch.indexing.writer import Writer
from geosearch.live import moment
from geosearch.live.log import NotDurable
from geosearch.live.moment import LIVE, read_moment
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import ROWS, current
from tests.geosearch.indexing.test_writer import (
    AT,
    DEALS,
    apply,
    best,
    built,
    counts,
    status,
    stock,
)
from tests.geosearch.snapshot_files import merchant


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def test_nothing_is_visible_of_what_is_not_durable(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(index) as writer:
        writer.apply([stock(0, 1)])
        (pages,) = writer._log._connection.execute("PRAGMA page_count").fetchone()
        writer._log._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = [stock(0, left) for left in range(2, 2_000)]
        with pytest.raises(NotDurable):
            writer.apply([status("SUSPENDED"), {"table": "merchants", "delete": "m1"}, *many])
        assert writer.head == 1
        engine = open_index(index)
        assert engine.as_of_seq == 1
        writer._log._connection.execute("PRAGMA max_page_count = 1000000")
        # The state is that before, so the shop is known and the stock adds up.
        add = stock(0, {"add": 1}, change_id="one more")
        receipt = writer.apply([add, {"table": "merchants", "delete": "m1"}])
        assert counts(receipt) == (3, 2, 0, 0, 0)
    record = open_index(index).merchant("m0", AT)
    assert record is not None
    assert record["deals"][0]["stock"] == 2


def test_accepted_changes_become_visible_when_the_moment_can_be_written(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    now = 1_000.0
    monkeypatch.setattr("geosearch.indexing.writer.time.monotonic", lambda: now)
    with Writer(index) as writer:
        with monkeypatch.context() as patched:
            patched.setattr("geosearch.live.moment.sync_file", fail)
            assert counts(writer.apply([stock(0, 0)])) == (1, 1, 0, 0, 0)
            assert (writer.head, writer.progress.visible) == (1, 0)
            assert best(index)["m0"] == "d0"
            rests = [writer.pause(60.0)]
            for _ in range(7):
                now += writer.pause(60.0)
                writer.follow()
                rests.append(writer.pause(60.0))
            # So that a night with a full disk does not fill the log.
            assert rests == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
        now += writer.pause(60.0)
        writer.follow()
        assert writer.progress.visible == 1
    assert best(index)["m0"] is None


@pytest.mark.parametrize("name", ["merchants.blocks", "deals.blocks", "lookups.columns"])
def test_a_change_that_needs_damaged_rows_is_not_accepted(index: Path, name: str) -> None:
    file = current(index) / ROWS / name
    content = file.read_bytes()
    file.write_bytes(content[:-9] + b"\0damaged\0")
    later = {"merchant_id": "m1", "business_status": "CLOSED_PERMANENTLY"}
    needing: list[dict[str, Any]] = [
        {"table": "merchants", "row": merchant(1)},
        {"table": "programs", "delete": "red"},
    ]
    with Writer(index) as writer:
        for change in needing:
            with pytest.raises(BadData, match=r"Cannot read the rows .*; build it again from a s"):
                writer.apply([stock(1, 7), change])
        assert writer.head == 0
        # Others go on, also after a restart.
        assert counts(writer.apply([stock(0, 0), {"table": "merchants", "patch": later}]))[1] == 2
        assert writer.progress.lag == 0
    with Writer(index) as writer:
        assert (writer.head, writer.progress.lag) == (2, 0)
    assert best(index)["m0"] is None


def test_a_writer_rests_after_a_moment(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0

    def write(*given: Any) -> None:
        nonlocal now
        now += 1 / 16
        moment.write_moment(*given)

    monkeypatch.setattr("geosearch.indexing.writer.time.monotonic", lambda: now)
    monkeypatch.setattr("geosearch.indexing.live_version.write_moment", write)
    shown = []
    with Writer(index) as writer:
        assert writer.pause(1.0) == 1.0  # Nothing waits.
        for number in range(20):  # A change each 16 ms.
            now += 1 / 64
            writer.accept([[stock(0, number)]])
            assert writer.pause(1.0) <= 1 / 8
            writer.follow()
            shown.append(writer.progress.visible)
        # The first one at once; then twice as long without a moment as one takes.
        assert shown == [*[1] * 8, *[9] * 8, *[17] * 4]
        assert best(index)["m0"] == "d0"
        assert writer.progress.lag == 3
    assert open_index(index).as_of_seq == 20


def test_a_damaged_moment_is_refused(index: Path) -> None:
    apply(index, stock(0, 0))
    file = current(index) / LIVE
    engine, content = open_index(index), file.read_bytes()
    file.unlink()
    for wrong in (content[:-1], content[:20] + b"x" + content[21:], b""):
        file.write_bytes(wrong)
        with pytest.raises(BadData, match="Expected live changes with their checksum"):
            Searcher(current(index))
        with pytest.raises(BadData, match="Expected live changes with their checksum"):
            engine.latest()
    file.write_bytes(content)
    assert Searcher(current(index)).as_of_seq == 1
    with pytest.raises(BadData, match="of 2 segments"):
        read_moment(current(index), [None, None])


@pytest.mark.parametrize("is_open", [False, True])
def test_a_change_that_comes_while_a_version_is_published_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    index, carried = built(tmp_path, DEALS), carry_over.carry_over
    writers = [Writer(index)] if is_open else []

    def carry_and_accept(*given: Path) -> list[tuple[str, str]]:
        orphans = carried(*given)
        if is_open:
            writers[0].apply([stock(0, 0)])
        else:
            apply(index, stock(0, 0))
        return orphans

    for owner, publish in (
        (pipeline, partial(build, tmp_path / "snapshot", index, now=AT)),
        (go_back_module, partial(go_back, index)),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(owner, "carry_over", carry_and_accept)
            publish()
        for writer in writers:
            writer.close()
        assert best(index)["m0"] is None
        apply(index, stock(0, 2))
        writers = [Writer(index)] if is_open else []
        assert best(index)["m0"] == "d0"
    for writer in writers:
        writer.close()


def test_the_stamp_of_a_moment_has_nanoseconds(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where a sync takes no time, three moments may fall between two ticks of the file system, and
    # the third has the inode of the first.
    for clock in (10**18 + 1, 10**18 + 2):
        monkeypatch.setattr("time.time_ns", lambda clock=clock: clock)
        moment.write_moment(current(index), moment.Moment(seq=1, parts=()))
        stamp = moment.moment_stamp(current(index))
        assert stamp is not None
        assert stamp[1] == clock
