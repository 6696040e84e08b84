"""A reader finds a complete version at any moment: after failures, kills, races, rollbacks."""

import itertools
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from geosearch import publish as publish_module
from geosearch.errors import BadData
from geosearch.publish import CURRENT, current, publish, rollback, versions
from indexes.storage import FolderWriter, open_folder

COLUMN = 3000
SECOND = timedelta(seconds=1)


def writer(number: int) -> Callable[[Path], None]:
    """Give a writer of a version that holds `number` in every place."""

    def write(folder: Path) -> None:
        with FolderWriter(folder / "segment") as columns:
            columns.add("number", np.full(COLUMN, number, np.int32))
            columns.finish({"number": number})
        (folder / "report.json").write_text(str(number))

    return write


def served(index: Path) -> int:
    """Read the served version completely."""
    folder = current(index)
    columns, manifest = open_folder(folder / "segment", verify="full")
    number = int(manifest["number"])
    assert (columns["number"] == number).all()
    assert columns["number"].shape == (COLUMN,)
    assert (folder / "report.json").read_text() == str(number)
    return number


def leftovers(index: Path) -> list[str]:
    return [path.name for path in index.rglob(".tmp-*")]


def test_a_version_is_published_and_served(tmp_path: Path) -> None:
    index = tmp_path / "deep" / "index"
    name = publish(index, writer(1))
    assert re.fullmatch(r"\d{8}T\d{6}Z-\d{4}", name)
    assert versions(index) == [name]
    assert current(index) == index / "versions" / name
    assert (index / CURRENT).read_text() == name + "\n"
    assert served(index) == 1
    assert leftovers(index) == []


def test_three_versions_are_kept(tmp_path: Path) -> None:
    names = [publish(tmp_path, writer(number)) for number in range(5)]
    assert names == sorted(set(names))
    assert versions(tmp_path) == names[-3:]
    assert sorted(os.listdir(tmp_path / "versions")) == names[-3:]
    assert served(tmp_path) == 4
    publish(tmp_path, writer(5), keep=1)
    assert len(versions(tmp_path)) == 1
    assert served(tmp_path) == 5
    with pytest.raises(ValueError, match="`keep` of at least 1, got 0"):
        publish(tmp_path, writer(6), keep=0)


def test_rollback_goes_back_until_nothing_is_left(tmp_path: Path) -> None:
    names = [publish(tmp_path, writer(number)) for number in range(3)]
    assert rollback(tmp_path) == names[1]
    assert served(tmp_path) == 1
    assert rollback(tmp_path) == names[0]
    assert served(tmp_path) == 0
    with pytest.raises(BadData, match=f"a version before {names[0]} to go back to, got none"):
        rollback(tmp_path)
    assert served(tmp_path) == 0
    assert versions(tmp_path) == names


def test_what_was_rolled_back_is_not_served_again(tmp_path: Path) -> None:
    good = publish(tmp_path, writer(1))
    bad = publish(tmp_path, writer(2))
    rollback(tmp_path)
    better = publish(tmp_path, writer(3))
    assert better > bad
    assert versions(tmp_path) == [good, better]
    assert rollback(tmp_path) == good


def test_names_ascend_when_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    names = []
    for step in (0, 0, -3600, 0, 5, 4000):
        clock.now += step * SECOND
        names.append(publish(tmp_path, writer(step), keep=9))
    assert names == [
        "20261122T193000Z-0001",
        "20261122T193000Z-0002",
        "20261122T193000Z-0003",
        "20261122T193000Z-0004",
        "20261122T193000Z-0005",
        "20261122T193645Z-0001",
    ]
    assert versions(tmp_path) == names


def test_more_than_9999_versions_a_second_still_sort(tmp_path: Path) -> None:
    for count in (9999, 10_000, 2):
        (tmp_path / "versions" / f"29991231T235959Z-{count:04d}").mkdir(parents=True)
    assert [name[17:] for name in versions(tmp_path)] == ["0002", "9999", "10000"]
    assert publish(tmp_path, writer(1)) == "29991231T235959Z-10001"


class Clock:
    """A clock that stands still, in the place of the one `publish` reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
        clock = self

        class Frozen(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return clock.now.astimezone(tz)

        monkeypatch.setattr(publish_module, "datetime", Frozen)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), BlockingIOError("no"), KeyboardInterrupt()]
)
def test_a_write_that_fails_changes_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        writer(2)(folder)
        raise error

    with pytest.raises(type(error)) as raised:
        publish(tmp_path / "new", fail)
    assert raised.value is error
    assert leftovers(tmp_path) == []
    with pytest.raises(BadData, match="Expected an index"):
        current(tmp_path / "new")

    name = publish(tmp_path, writer(1))
    before = (tmp_path / CURRENT).stat()
    with pytest.raises(type(error)):
        publish(tmp_path, fail)
    after = (tmp_path / CURRENT).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert versions(tmp_path) == [name]
    assert os.listdir(tmp_path / "versions") == [name]
    assert served(tmp_path) == 1


@pytest.mark.parametrize("step", ["_sync_tree", "_remove_newer", "sync_folder", "_serve"])
def test_a_step_that_fails_changes_nothing(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish(tmp_path, writer(1))

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish_module, step, fail)
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path, writer(2))
    monkeypatch.undo()
    assert served(tmp_path) == 1
    assert os.listdir(tmp_path / "versions") == [name]


def test_a_removal_that_fails_does_not_undo_a_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, writer(1))

    def fail(*_: Any) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(publish_module, "_remove", fail)
    publish(tmp_path, writer(2), keep=1)
    monkeypatch.undo()
    assert served(tmp_path) == 2
    publish(tmp_path, writer(3), keep=1)
    assert len(versions(tmp_path)) == 1


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    publish(tmp_path, writer(1), keep=1)
    columns, _ = open_folder(current(tmp_path) / "segment")
    publish(tmp_path, writer(2), keep=1)
    assert (columns["number"] == 1).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got ''"),
        (b"20261122T193000Z-0001\n", "got '20261122T193000Z-0001'"),  # not there
        (b"../versions\n", r"got '\.\./versions'"),
        (b"..", r"got '\.\.'"),
        (b"\xff\xfe", "no text"),
        (b"x" * 1000, "got 'x{60}'"),
    ],
)
def test_a_current_that_names_no_version_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    publish(tmp_path, writer(1))
    (tmp_path / CURRENT).write_bytes(content)
    with pytest.raises(BadData, match=message):
        current(tmp_path)
    with pytest.raises(BadData, match=message):
        rollback(tmp_path)
    # A new build repairs it.
    publish(tmp_path, writer(2))
    assert served(tmp_path) == 2


@pytest.mark.parametrize("path", ["missing", "file", "file/below"])
def test_where_no_index_is(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("x")
    assert versions(tmp_path / path) == []
    for ask in (current, rollback):
        with pytest.raises(BadData, match="Expected an index"):
            ask(tmp_path / path)
    if path != "missing":
        with pytest.raises(BadData, match="got a file"):
            publish(tmp_path / path, writer(1))


def test_one_build_at_a_time(tmp_path: Path) -> None:
    publish(tmp_path, writer(1))
    publish(tmp_path, writer(2))

    def disturb(folder: Path) -> None:
        with pytest.raises(BadData, match="no other build or rollback, got one that is running"):
            publish(tmp_path, writer(9))
        with pytest.raises(BadData, match="no other build or rollback, got one that is running"):
            rollback(tmp_path)
        assert folder.is_dir()  # the other one has not swept it away
        writer(3)(folder)

    publish(tmp_path, disturb)
    assert served(tmp_path) == 3
    rollback(tmp_path)
    assert served(tmp_path) == 2


# Processes that are killed. They are forked from a server that has imported this module once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def publish_for_ever(index: Path, number: int) -> None:
    while True:
        number += 1
        publish(index, writer(number))
        if number % 5 == 4:
            rollback(index)


def without_fsync() -> None:
    """Save time where no power can fail; ends with the process."""
    setattr(os, "fsync", lambda _: None)  # noqa: B010


def publish_and_die(index: Path, number: int, line: int) -> None:
    """Publish, but die by SIGKILL before the given line of those `publish` runs."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if Path(frame.f_code.co_filename).name not in ("publish.py", "shutil.py"):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    without_fsync()
    sys.settrace(trace)
    publish(index, writer(number))


def test_killed_at_random_moments(tmp_path: Path) -> None:
    publish(tmp_path, writer(1))
    moments = random.Random(20261122)
    before, found = 1, Counter[str]()
    for first in range(1000, 41_000, 1000):
        name = (tmp_path / CURRENT).read_text()
        process = FORKS.Process(target=publish_for_ever, args=(tmp_path, first))
        process.start()
        while process.is_alive() and (tmp_path / CURRENT).read_text() == name:
            time.sleep(0.001)
        time.sleep(moments.uniform(0.0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        number = served(tmp_path)
        # A rollback may have gone back to what was there before.
        assert number == before or first < number < first + 1000
        before = number
        found["unfinished" if leftovers(tmp_path) else "finished"] += 1
        for name in versions(tmp_path):
            open_folder(tmp_path / "versions" / name / "segment", verify="full")
    assert found["unfinished"] >= 5, found
    publish(tmp_path, writer(1))
    assert leftovers(tmp_path) == []
    assert len(versions(tmp_path)) <= 3


def test_killed_at_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old before some line, new from it on; and the next publish cleans up."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    origin = tmp_path / "origin"
    for number in (0, 1, 2, 3):
        publish(origin, writer(number))
    rollback(origin)
    results = []
    for line in itertools.count(1):
        index = Path(shutil.copytree(origin, tmp_path / "copy"))
        process = FORKS.Process(target=publish_and_die, args=(index, 4, line))
        process.start()
        process.join()
        results.append(served(index))
        for name in versions(index):
            open_folder(index / "versions" / name / "segment", verify="full")
        publish(index, writer(5))
        assert served(index) == 5
        assert leftovers(index) == []
        assert len(versions(index)) <= 3
        shutil.rmtree(index)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert results == sorted(results)
    assert set(results) == {2, 4}
    assert results.count(2) > 60
    assert results.count(4) > 5


def test_two_processes_build_at_once(tmp_path: Path) -> None:
    publish(tmp_path, writer(0))
    processes = [
        FORKS.Process(target=publish_while_others_do, args=(tmp_path, number * 1000))
        for number in (1, 2, 3)
    ]
    for process in processes:
        process.start()
    seen = set()
    while any(process.is_alive() for process in processes):
        seen.add(served(tmp_path) // 1000)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(seen) >= 2
    assert leftovers(tmp_path) == []


def publish_while_others_do(index: Path, number: int) -> None:
    done = 0
    while done < 8:
        try:
            publish(index, writer(number + done), keep=100)
        except BadData as error:
            if "no other build" not in str(error):
                raise
        else:
            done += 1


class PublishMachine(RuleBasedStateMachine):
    """Publishes, failures, crashes, rollbacks and clock changes, in any order."""

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock(self.patch)
        self.patch.setattr(os, "fsync", lambda _: None)
        self.root = Path(tempfile.mkdtemp())
        self.index = self.root / "index"
        self.number = 0
        self.history: list[tuple[str, int]] = []
        self.at = -1  # place of the served version in the history

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.patch.undo()
            shutil.rmtree(self.root)

    @rule(keep=st.integers(1, 4))
    def publish(self, keep: int) -> None:
        self.number += 1
        name = publish(self.index, writer(self.number), keep=keep)
        assert all(name > other for other, _ in self.history)
        self.history = [*self.history[: self.at + 1], (name, self.number)][-keep:]
        self.at = len(self.history) - 1
        assert leftovers(self.index) == []

    @rule(written=st.booleans())
    def fail(self, written: bool) -> None:
        def write(folder: Path) -> None:
            if written:
                writer(-1)(folder)
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space left"):
            publish(self.index, write)
        assert leftovers(self.index) == []

    @rule()
    def die_while_writing(self) -> None:
        folder = self.index / "versions" / ".tmp-20261122T193000Z-0001"
        (folder / "segment").mkdir(parents=True, exist_ok=True)
        (folder / "segment" / "number.npy").write_bytes(b"half")

    @rule()
    def die_before_serving(self) -> None:
        if self.at >= 0:
            stamp, count = (self.history[-1][0]).split("-")
            name = f"{stamp}-{int(count) + 1:04d}"
            writer(-2)(self.index / "versions" / name)
            self.history.append((name, -2))

    @rule()
    def rollback(self) -> None:
        if self.at <= 0:
            with pytest.raises(BadData):
                rollback(self.index)
            return
        assert rollback(self.index) == self.history[self.at - 1][0]
        self.at -= 1

    @rule(seconds=st.sampled_from([-7200, -1, 1, 86_400]))
    def tick(self, seconds: int) -> None:
        self.clock.now += seconds * SECOND

    @invariant()
    def the_right_version_is_served(self) -> None:
        if not hasattr(self, "history"):
            return
        assert versions(self.index) == [name for name, _ in self.history]
        if self.at < 0:
            with pytest.raises(BadData):
                current(self.index)
            return
        name, number = self.history[self.at]
        assert current(self.index).name == name
        assert served(self.index) == number


TestPublishMachine = PublishMachine.TestCase
TestPublishMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
