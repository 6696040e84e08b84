"""`serve` as a process over files that are damaged before it starts and while it answers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from geosearch.indexing.pipeline import SEGMENT, build
from geosearch.segment.versions import current, versions
from geosearch.sources.synth.world import synthesise
from indexes.storage import BLOCK_BYTES, FAST_BYTES, FolderWriter, open_folder
from tests.geosearch.service.test_app_process import NEARBY, Server
from tests.geosearch.waiting import PATIENCE_S, until


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damage")
    synthesise(folder / "snapshot", merchants=400, seed=1, created_at=datetime.now(UTC))
    for _ in range(2):
        build(folder / "snapshot", folder / "index")
    return folder / "index"


@pytest.fixture
def index(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "index", symlinks=True))


class Lines(NamedTuple):
    """The log of a process as it stands: lines of JSON, and all the text."""

    file: Path

    def text(self) -> str:
        return self.file.read_text("utf-8")

    def events(self, name: str) -> list[dict[str, str]]:
        lines = [line for line in self.text().splitlines() if line.startswith("{")]
        return [told for told in map(json.loads, lines) if told["event"] == name]


@contextmanager
def serving(index: Path, log: Path, *options: str) -> Iterator[tuple[Server, Lines]]:
    """A service that may be killed, so its log is a file that any process may write to."""
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index), "--port", "0"]
    with log.open("w") as stderr:
        process = subprocess.Popen([*command, *options], stderr=stderr, text=True)
    lines = Lines(log)
    try:

        def serves() -> bool:
            assert process.poll() is None, lines.text()
            return bool(lines.events("serving"))

        until(serves, lines.text)
        server = Server(int(lines.events("serving")[0]["port"]), process, [])
        yield server, lines
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def until_ready(server: Server, log: Lines) -> None:
    """Wait until it answers, and has compared the version of its start, which would end it."""
    until(lambda: status_of(server, "/readyz") == 200)
    until(lambda: bool(log.events("index verified")), log.text)


def status_of(server: Server, path: str) -> int:
    try:
        return server.get(path)[0]
    except OSError:
        return 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_cut_short_under_the_service_costs_no_more_than_a_moment(
    index: Path, tmp_path: Path, workers: int
) -> None:
    served, before = current(index).name, versions(index)[-2]
    with serving(index, tmp_path / "log", "--workers", str(workers)) as (server, log):
        until_ready(server, log)
        assert server.get("/v1/index")[1]["version"] == served
        os.truncate(current(index) / SEGMENT / "merchant_payload.npy", 4_096)
        answers: list[int] = []

        def recovers() -> bool:
            answers.append(status_of(server, NEARBY))
            return len(log.events("went back")) >= workers and answers[-20:] == [200] * 20

        until(recovers, log.text)
        assert set(answers) == {0, 200}, "killed or answered, and never 503"
        told = server.get("/v1/index")[1]
        assert (told["version"], told["refused"]["version"]) == (before, served)
        assert "truncated - at `versions/" in told["refused"]["detail"]
        assert server.get("/readyz")[1] == {"status": "ready", "version": before}
    assert server.process.returncode == 0
    assert "Fatal Python error: Bus error" in log.text()
    killed = log.events("server killed" if workers == 1 else "worker killed")
    assert {line["signal"] for line in killed} == {"SIGBUS"}
    for line in log.events("went back"):
        assert (line["version"], line["refused"]) == (before, served)
        assert "merchant_payload.npy" in line["error"]


@pytest.mark.parametrize("workers", [1, 2])
def test_where_no_version_is_left_the_service_ends(
    index: Path, tmp_path: Path, workers: int
) -> None:
    with serving(index, tmp_path / "log", "--workers", str(workers)) as (server, log):
        until_ready(server, log)
        for name in versions(index):
            os.truncate(index / "versions" / name / SEGMENT / "merchant_payload.npy", 4_096)

        def ends() -> bool:
            status_of(server, NEARBY)
            return server.process.poll() is not None

        until(ends, log.text)
        assert server.process.returncode == 3
    last = log.text().splitlines()[-1]
    # One worker says what is wrong with the version that it would serve.
    said = "Expected " if workers == 1 else "No version of the index can be opened"
    assert last.startswith(f"geosearch: {said}")


@pytest.mark.parametrize("verify", ["fast", "full"])
def test_a_damaged_version_at_the_start_ends_the_service(
    index: Path, tmp_path: Path, verify: str
) -> None:
    """Of stored text, which a fast check samples: found before the first answer, or right after."""
    file = current(index) / SEGMENT / "deal_payload.npy"
    grow_and_damage(file)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index), "--port", "0"]
    with log.open("w") as stderr:
        ended = subprocess.run(
            [*command, "--verify", verify], stderr=stderr, timeout=PATIENCE_S, check=False
        )
    lines = Lines(log)
    assert ended.returncode == 3, lines.text()
    assert bool(lines.events("serving")) == (verify == "fast")
    last = lines.text().splitlines()[-1]
    assert last.startswith("geosearch: Expected the file as written, got altered bytes between ")
    assert last.endswith("deal_payload.npy`")


def grow_and_damage(file: Path) -> None:
    """Make stored text so large that a fast check samples it, and flip a bit that it leaves out.

    The last row ends with zeros then, which nobody asks for.
    """
    folder = file.parent
    columns, manifest = open_folder(folder)
    grown = np.concatenate([columns[file.stem], np.zeros(FAST_BYTES + 8 * BLOCK_BYTES, np.uint8)])
    starts = columns[f"{file.stem}_start"].copy()
    starts[-1] = len(grown)
    changed = {file.stem: grown, f"{file.stem}_start": starts}
    other = folder.with_name("grown")
    with FolderWriter(other) as writer:
        for name, column in columns.items():
            writer.add(name, changed.get(name, column))
        own = ("format_version", "files")
        writer.finish({key: value for key, value in manifest.items() if key not in own})
    shutil.rmtree(folder)
    other.rename(folder)
    with file.open("r+b") as content:
        # The second of two blocks is left out.
        content.seek(BLOCK_BYTES + 1_000)
        content.write(b"!")


def test_a_guard_that_is_killed_leaves_no_server(index: Path, tmp_path: Path) -> None:
    with serving(index, tmp_path / "log") as (server, log):
        until_ready(server, log)
        server.process.kill()
        until(lambda: bool(log.events("stopped")), log.text)
        assert status_of(server, "/healthz") == 0
