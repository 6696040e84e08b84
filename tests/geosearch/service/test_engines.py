"""`Engines` opens each version once, keeps what cursors may name, and outlives bad ones."""

import errno
import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from geosearch.errors import BadData, BadRequest
from geosearch.segment.versions import current, rollback
from geosearch.service.engines import Engines
from geosearch.service.logs import configure_logs
from geosearch.service.problems import HttpProblem
from tests.geosearch.fakes import FakeEngine, publish_fake


@pytest.fixture
def log() -> io.BytesIO:
    log = io.BytesIO()
    configure_logs("info", log)
    return log


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def engines_of(index: Path) -> Engines:
    return Engines(index, FakeEngine, poll_seconds=0.01)


def test_nothing_is_current_before_the_first_version(index: Path, log: io.BytesIO) -> None:
    engines = engines_of(index)
    with pytest.raises(BadData, match="There is no index"):
        engines.load()
    engines.refresh()
    assert (engines.loaded, engines.failures) == (None, 1)
    with pytest.raises(HttpProblem, match="There is no index to answer from yet") as refused:
        engines.current()
    assert refused.value.code == "not_ready"
    assert b"index not opened" in log.getvalue()


def test_versions_follow_each_other_and_old_ones_stay_while_on_disk(index: Path) -> None:
    engines = engines_of(index)
    names = []
    for number in range(4):
        names.append(publish_fake(index, snapshot_id=str(number)))
        engines.load()
        assert engines.current().version == names[-1]
    assert engines.opened(names[0]) is None, "three versions are kept on disk"
    with pytest.raises(BadRequest) as refused:
        engines.pinned(names[0])
    assert refused.value.code == "cursor_expired"
    assert engines.pinned(names[1]).snapshot_id == "1"
    rollback(index)
    engines.load()
    assert engines.current().version == names[2]
    assert engines.current() is engines.pinned(names[2]), "it was still open"


@pytest.mark.parametrize("name", ["", ".", "..", "../versions", "/", ".tmp-1", "CURRENT", "x\0y"])
def test_a_cursor_opens_no_other_path(index: Path, name: str) -> None:
    publish_fake(index)
    engines = engines_of(index)
    engines.load()
    with pytest.raises(BadRequest) as refused:
        engines.pinned(name)
    assert refused.value.code == "cursor_expired"


def test_a_version_asked_for_by_many_is_opened_once(index: Path) -> None:
    opened: list[str] = []
    together = threading.Barrier(4)

    def open_version(folder: Path) -> FakeEngine:
        opened.append(folder.name)
        return FakeEngine(folder)

    name = publish_fake(index)
    publish_fake(index)
    engines = Engines(index, open_version, poll_seconds=1)

    def ask(_: int) -> object:
        together.wait()
        return engines.pinned(name)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert len({id(loaded) for loaded in found}) == 1
    assert opened == [name]


def test_what_fails_is_logged_once_and_tried_again(
    index: Path, log: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosearch.service.engines.RETRY_SECONDS", 0.0)
    engines = engines_of(index)
    publish_fake(index, snapshot_id="good")
    engines.refresh()
    publish_fake(index, broken=True)
    for _ in range(3):
        engines.refresh()
    assert engines.current().snapshot_id == "good"
    assert engines.failures == 3
    events = [orjson.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert events.count("index not opened") == 1
    (current(index) / "engine.json").write_bytes(b'{"snapshot_id":"mended"}')
    engines.refresh()
    assert engines.current().snapshot_id == "mended"


@pytest.mark.parametrize(("number", "kept"), [(errno.EMFILE, 1), (errno.ENFILE, 1), (errno.EIO, 2)])
def test_without_descriptors_older_versions_make_room(
    index: Path, log: io.BytesIO, monkeypatch: pytest.MonkeyPatch, number: int, kept: int
) -> None:
    monkeypatch.setattr("geosearch.service.engines.RETRY_SECONDS", 0.0)
    failures: list[int] = []

    def open_version(folder: Path) -> FakeEngine:
        if failures:
            raise OSError(failures.pop(), "no")
        return FakeEngine(folder)

    engines = Engines(index, open_version, poll_seconds=1)
    names = []
    for _ in range(2):
        names.append(publish_fake(index))
        engines.refresh()
    failures.append(number)
    names.append(publish_fake(index))
    engines.refresh()
    assert engines.current().version == names[1]
    assert sum(engines.opened(name) is not None for name in names) == kept
    assert engines.opened(names[1]) is engines.current(), "what answers stays"
    engines.refresh()
    assert engines.current().version == names[2]
    assert engines.pinned(names[0]).version == names[0], "a cursor opens its version again"


def test_an_index_that_vanishes_stays_served(index: Path, log: io.BytesIO) -> None:
    publish_fake(index, snapshot_id="good")
    engines = engines_of(index)
    engines.load()
    shutil.rmtree(index)
    engines.refresh()
    assert engines.current().snapshot_id == "good"


def test_each_version_answers_a_question_before_it_takes_over(index: Path) -> None:
    publish_fake(index)
    engines = engines_of(index)
    engines.load()
    engine = engines.current().engine
    assert isinstance(engine, FakeEngine)
    assert len(engine.asked) == 1


def test_start_follows_and_stop_ends_it(index: Path) -> None:
    publish_fake(index)
    engines = engines_of(index)
    before = threading.active_count()
    engines.start()
    assert threading.active_count() == before + 1
    engines.stop()
    assert threading.active_count() == before
    assert engines.loaded is None


def test_a_version_waits_for_the_changes_that_were_shown(index: Path, log: io.BytesIO) -> None:
    def opened(folder: Path) -> FakeEngine:
        engine = FakeEngine(folder)
        engine.as_of_seq = engine.ways.get("seq")
        return engine

    engines = Engines(index, opened, poll_seconds=0.01)
    first = publish_fake(index, seq=5)
    engines.load()
    second = publish_fake(index, seq=4)
    for _ in range(3):
        engines.load()
    assert engines.current().version == first
    assert log.getvalue().count(b"version waits for live changes") == 1
    with pytest.raises(BadRequest):
        engines.pinned(second)
    assert engines.opened(second) is None
    third = publish_fake(index, seq=6)
    engines.load()
    assert engines.current().version == third
    assert engines.opened(first) is None, "it lacks a change that was shown"
    assert engines.has_reached(6)
    assert not engines.has_reached(7)
