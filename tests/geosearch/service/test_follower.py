"""A replica has the changes of the writer that it follows, and shows what that one shows."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from geosearch.indexing.rebuild import rebuild
from geosearch.indexing.writer import Writer
from geosearch.live.log import ChangeLog, Logged
from geosearch.search.searcher import open_index
from geosearch.service import follower
from geosearch.service.change_source import ChangeSource
from geosearch.service.committer import Committer
from geosearch.service.follower import Follower
from geosearch.service.ingest import Ingest
from tests.geosearch.indexing.test_writer import AT, DEALS, built, status, stock
from tests.geosearch.service.test_ingest import TOKEN, ingesting

Logs = list[tuple[int, int, bytes]]


@contextmanager
def source(index: Path, port: int = 0) -> Iterator[tuple[Committer, int]]:
    """A writer over HTTP: what accepts its changes, and its port."""
    committer = Committer(Writer(index))
    app = Ingest(index, committer, token=TOKEN.encode(), max_body_bytes=10_000).app()
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield committer, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def replica(index: Path, port: int, token: str = TOKEN) -> Iterator[Follower]:
    source = ChangeSource(f"http://127.0.0.1:{port}/", token.encode())
    followed = Follower(Writer(index), source)
    followed.start()
    try:
        yield followed
    finally:
        followed.stop()


def until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def accept(committer: Committer, *changes: dict[str, Any]) -> None:
    """Accept changes as a request does."""
    committer._writer.apply(changes)
    committer.progress = committer._writer.progress


def logged(index: Path) -> Logs:
    log = ChangeLog.read(index)
    assert log is not None
    found: Logs = [(*one,) for one in log.after(0)]
    log.close()
    return found


def shown(index: Path) -> list[Any]:
    engine = open_index(index)
    return [engine.as_of_seq, engine.programs(), *(engine.merchant(f"m{n}", AT) for n in range(3))]


@pytest.fixture
def indexes(tmp_path: Path) -> tuple[Path, Path]:
    index = built(tmp_path, DEALS)
    shutil.copytree(index, tmp_path / "copy", symlinks=True)
    return index, tmp_path / "copy"


def test_a_replica_has_the_same_changes(
    indexes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, copy = indexes
    monkeypatch.setattr(follower, "PIECE", 2)
    with source(index) as (committer, port):
        accept(committer, stock(0, 3, change_id="a"), stock(1, 0, version=7), status("SUSPENDED"))
        with replica(copy, port) as followed:
            until(lambda: followed.progress.visible == 3)
            accept(committer, stock(0, {"add": -1}, change_id="b"))
            until(lambda: followed.progress.visible == 4)
            assert shown(copy) == shown(index)
            assert shown(copy)[0] == 4
        # What was accepted while it was down comes when it follows again.
        accept(committer, stock(2, 0))
        with replica(copy, port) as followed:
            until(lambda: followed.progress.visible == 5)
    with replica(copy, port), source(index, port) as (committer, _):  # The source came later.
        accept(committer, status("ACTIVE"))
        until(lambda: len(logged(copy)) == 6)
    assert logged(copy) == logged(index)
    assert shown(copy) == shown(index)
    with Writer(copy) as writer:  # It may take over: ids and versions are known.
        receipt = writer.apply([stock(0, 3, change_id="a"), stock(1, 5, version=6), stock(1, 9)])
        assert (receipt.duplicate, receipt.stale, receipt.accepted, receipt.seq) == (1, 1, 1, 7)


def test_what_was_copied_is_shown_without_the_source(indexes: tuple[Path, Path]) -> None:
    index, copy = indexes
    with Writer(index) as writer:
        writer.apply([stock(0, 3), stock(1, 0)])
    changes = [Logged(*one) for one in logged(index)]

    class Leaving(ChangeSource):
        def feed(self, after: int, limit: int, wait: float) -> tuple[int, list[Logged]]:
            if after == 2:
                raise OSError("gone")
            return 2, changes[after : after + 1]

    followed = Follower(Writer(copy), Leaving("http://127.0.0.1:1/", TOKEN.encode()))
    followed.start()
    # The second change came while the writer rested after the first one.
    until(lambda: followed.failure == "gone" and followed.progress.visible == 2)
    assert shown(copy) == shown(index)
    followed.stop()


def test_a_base_with_changes_is_copied_without_its_log(tmp_path: Path) -> None:
    index = built(tmp_path, [{**DEALS[0], "stock": 5}, *DEALS[1:]])
    with Writer(index) as writer:
        sold = [stock(0, {"add": -1}, change_id=name) for name in "ab"]
        writer.apply([*sold, status("SUSPENDED")])
        assert writer.head == 3
    rebuild(index, now=AT)
    without_log = shutil.ignore_patterns("live", "LIVE")
    shutil.copytree(index, tmp_path / "copy", symlinks=True, ignore=without_log)
    with source(index) as (committer, port), replica(tmp_path / "copy", port) as followed:
        accept(committer, stock(1, 0))
        until(lambda: followed.progress.visible == 4)
    assert shown(tmp_path / "copy") == shown(index)


def test_another_history_or_token_is_not_copied(indexes: tuple[Path, Path]) -> None:
    index, copy = indexes
    with Writer(copy) as writer:
        writer.apply([stock(0, 1)])
    with source(index) as (committer, port):
        accept(committer, stock(0, 2), stock(0, 3))
        for token, sentence in ((TOKEN, "to be that of http"), ("x" * 20, "got status 401")):
            with replica(copy, port, token) as followed:
                until(lambda: followed.failure)
                assert sentence in followed.failure
            assert len(logged(copy)) == 1


def test_a_source_that_went_back_is_not_followed(indexes: tuple[Path, Path]) -> None:
    index, copy = indexes
    shutil.copytree(index, saved := index.parent / "saved", symlinks=True)
    with source(index) as (committer, port), replica(copy, port) as followed:
        accept(committer, *(stock(0, left) for left in range(3)))
        until(lambda: followed.progress.visible == 3)
        # The same address soon answers from a backup, which then has other changes.
        with source(saved) as (committer, other):
            followed._source.url = f"http://127.0.0.1:{other}"
            for changes in (1, 5):
                until(lambda: "Expected change 3 of the index to be that of" in followed.failure)
                accept(committer, *(stock(2, left) for left in range(changes)))
                assert followed.progress.head == 3
            until(lambda: not followed._is_known_copy)
    assert [(seq, b"d0" in change) for seq, _, change in logged(copy)] == [
        (1, True), (2, True), (3, True),
    ]  # fmt: skip


def test_a_replica_takes_no_other_changes(indexes: tuple[Path, Path]) -> None:
    _, copy = indexes
    followed = Follower(Writer(copy), ChangeSource("http://127.0.0.1:9", TOKEN.encode()))
    with ingesting(copy, committer=followed) as client:
        answer = client.post("/v1/changes", json=stock(0, 0))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_the_writer")
        assert client.get("/v1/changes").json() == {"changes": [], "head": 0}
