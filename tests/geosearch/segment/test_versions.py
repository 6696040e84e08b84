"""A reader finds a complete version at any moment: after failures, rollbacks, a clock gone back."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from geosearch.errors import BadData
from geosearch.segment import versions as versions_module
from geosearch.segment.versions import CURRENT, current, publish, rollback, versions
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


def told(index: Path) -> int:
    """Read what the index folder tells of the served version."""
    assert (index / "report.json").resolve().parent == current(index).resolve()
    return int((index / "report.json").read_text())


def leftovers(index: Path) -> list[str]:
    return [path.name for path in index.rglob(".tmp-*")]


def test_a_version_is_published_and_served(tmp_path: Path) -> None:
    index = tmp_path / "deep" / "index"
    name = publish(index, writer(1))
    assert re.fullmatch(r"\d{8}T\d{6}Z-\d{4}", name)
    assert versions(index) == [name]
    assert current(index) == index / "versions" / name
    assert (index / CURRENT).read_text() == name + "\n"
    assert served(index) == told(index) == 1
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
    assert served(tmp_path) == told(tmp_path) == 1
    assert rollback(tmp_path) == names[0]
    assert served(tmp_path) == told(tmp_path) == 0
    with pytest.raises(BadData, match=f"no version before {names[0]} to go back to"):
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


def test_what_a_version_does_not_tell_is_not_told_of_another(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        writer(2)(folder)
        (folder / "rejected.ndjson").write_text("{}")

    publish(tmp_path, writer(1))
    publish(tmp_path, write)
    assert (tmp_path / "rejected.ndjson").read_text() == "{}"
    rollback(tmp_path)
    assert not os.path.lexists(tmp_path / "rejected.ndjson")
    assert told(tmp_path) == 1


def test_a_build_puts_right_what_is_told(tmp_path: Path) -> None:
    """Also one that fails: a process that died may have served a version and not linked it."""
    publish(tmp_path, writer(1))
    publish(tmp_path, writer(2))
    left = (tmp_path / "report.json").readlink()
    rollback(tmp_path)
    (tmp_path / "report.json").unlink()
    (tmp_path / "report.json").symlink_to(left)

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path, fail)
    assert served(tmp_path) == told(tmp_path) == 1


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

        monkeypatch.setattr(versions_module, "datetime", Frozen)


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
    with pytest.raises(BadData, match="There is no index"):
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

    monkeypatch.setattr(versions_module, step, fail)
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

    monkeypatch.setattr(versions_module, "_remove", fail)
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
    for criteria in (current, rollback):
        with pytest.raises(BadData, match="There is no index"):
            criteria(tmp_path / path)
    if path != "missing":
        with pytest.raises(BadData, match="got a file"):
            publish(tmp_path / path, writer(1))


def test_one_build_at_a_time(tmp_path: Path) -> None:
    publish(tmp_path, writer(1))
    publish(tmp_path, writer(2))

    def disturb(folder: Path) -> None:
        with pytest.raises(BadData, match="Another build or rollback is running"):
            publish(tmp_path, writer(9))
        with pytest.raises(BadData, match="Another build or rollback is running"):
            rollback(tmp_path)
        assert folder.is_dir()  # the other one has not swept it away
        writer(3)(folder)

    publish(tmp_path, disturb)
    assert served(tmp_path) == 3
    rollback(tmp_path)
    assert served(tmp_path) == 2


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
        assert served(self.index) == told(self.index) == number


TestPublishMachine = PublishMachine.TestCase
TestPublishMachine.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
