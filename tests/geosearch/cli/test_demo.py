"""The demo of `make run`, at toy size."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from geosearch.cli import demo

# The line below every answer, whatever the clock says about who is open.
ANSWERED = re.compile(r"^at .+, snapshot synth-shanghai-4000-1-\S+, \d+ µs", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_demo(folder: Path, *, port: int) -> int:
    arguments: Sequence[object] = ("--folder", folder, "--merchants", 4000, "--port", port)
    return demo.main([*map(str, arguments), "--once"])


def test_demo_builds_once_and_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    ask = demo._ask_when_ready

    def ask_and_open(server: Any, base: str) -> int:
        status = ask(server, base)
        with urlopen(f"{base}/") as page:  # the address that the demo prints next
            opened.append(page.status)
        return status

    monkeypatch.setattr(demo, "_ask_when_ready", ask_and_open)
    assert run_demo(tmp_path, port=free_port()) == 0
    assert opened == [200]
    first = capsys.readouterr()
    assert len(re.findall(r"^curl 'http", first.out, re.MULTILINE)) == len(demo.EXAMPLES) == 3
    assert len(ANSWERED.findall(first.out)) == 3
    versions = sorted((tmp_path / "index" / "versions").iterdir())
    assert run_demo(tmp_path, port=free_port()) == 0
    second = capsys.readouterr()
    assert "placing" not in second.err
    assert len(ANSWERED.findall(second.out)) == 3
    assert sorted((tmp_path / "index" / "versions").iterdir()) == versions


def test_demo_says_that_the_port_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run_demo(tmp_path, port=port) == 2
    assert f"Port {port} is already in use - choose another with --port" in capsys.readouterr().err
    assert not (tmp_path / "index").exists()
