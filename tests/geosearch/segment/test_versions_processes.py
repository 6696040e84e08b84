"""A reader finds a complete version at any moment: processes are killed, and build at once."""

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from geosearch.errors import BadData
from geosearch.segment.versions import CURRENT, publish, rollback, versions
from indexes.storage import open_folder
from tests.geosearch.segment.test_versions import leftovers, served, told, writer

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
    die_before(line)
    publish(index, writer(number))


def roll_back_and_die(index: Path, line: int) -> None:
    die_before(line)
    rollback(index)


def die_before(line: int) -> None:
    left = line
    sources = (publish.__code__.co_filename, shutil.__file__)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in sources:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    without_fsync()
    sys.settrace(trace)


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
        index = Path(shutil.copytree(origin, tmp_path / "copy", symlinks=True))
        process = FORKS.Process(target=publish_and_die, args=(index, 4, line))
        process.start()
        process.join()
        results.append(served(index))
        assert (index / "report.json").read_text() in ("2", "4"), "of a version that is there"
        for name in versions(index):
            open_folder(index / "versions" / name / "segment", verify="full")
        publish(index, writer(5))
        assert served(index) == told(index) == 5
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


def test_a_rollback_killed_at_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    origin = tmp_path / "origin"
    for number in (1, 2):
        publish(origin, writer(number))
    results = []
    for line in itertools.count(1):
        index = Path(shutil.copytree(origin, tmp_path / "copy", symlinks=True))
        process = FORKS.Process(target=roll_back_and_die, args=(index, line))
        process.start()
        process.join()
        results.append((served(index), int((index / "report.json").read_text())))
        publish(index, writer(3))
        assert served(index) == told(index) == 3
        shutil.rmtree(index)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert [*dict.fromkeys(results)] == [(2, 2), (1, 2), (1, 1)]
    assert len(results) > 40


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
            if "Another build" not in str(error):
                raise
        else:
            done += 1
