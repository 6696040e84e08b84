"""The demo of `make run`, at toy size."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from geosearch.cli import demo
from geosearch.cli.tables import answer_table

# The line below every answer, whatever the clock says about who is open.
ANSWERED = re.compile(r"^at .+, snapshot synth-shanghai-4000-1-\S+, \d+ µs", re.MULTILINE)


def free_port() -> int:
    """A free port with a free one after it."""
    while True:
        with socket.socket() as probe, socket.socket() as another:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            try:
                another.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def run_demo(folder: Path, *, port: int) -> int:
    arguments: Sequence[object] = ("--folder", folder, "--merchants", 4000, "--port", port)
    return demo.main([*map(str, arguments), "--once"])


def deals_of(answer: Any) -> list[str]:
    return [deal["deal_id"] for one in answer["results"] if (deal := one["best_deal"])]


def test_demo_builds_once_and_answers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    ask = demo._ask_when_ready

    def ask_and_open(server: Any, base: str) -> int:
        status = ask(server, base)
        with urlopen(f"{base}/") as page:  # the address that the demo prints next
            opened.append(page.status)
        return status

    answers: list[Any] = []
    table = answer_table

    def shown(answer: Any) -> Any:
        answers.append(answer)
        return table(answer)

    monkeypatch.setattr(demo, "_ask_when_ready", ask_and_open)
    monkeypatch.setattr(demo, "answer_table", shown)
    assert run_demo(tmp_path, port=free_port()) == 0
    assert opened == [200]
    first = capfd.readouterr()
    # Each example, and one of them again after its best deal was sold out.
    assert len(re.findall(r"^curl 'http", first.out, re.MULTILINE)) == len(demo.EXAMPLES) + 1 == 4
    assert len(ANSWERED.findall(first.out)) == 4
    (sold,) = re.findall(r'"deal_id": "([^"]+)", "stock": 0', first.out)
    *before, after = map(deals_of, answers)
    assert any(sold in deals for deals in before)
    assert sold not in after
    assert answers[3]["as_of_seq"] == 1
    versions = sorted((tmp_path / "index" / "versions").iterdir())
    assert run_demo(tmp_path, port=free_port()) == 0
    second = capfd.readouterr()
    assert '"event"' not in first.out + first.err + second.out + second.err, "lines of logs"
    assert "placing" not in second.err
    assert len(ANSWERED.findall(second.out)) == 4
    assert "min_seq=3" in second.out, "the first run took its change back"
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
