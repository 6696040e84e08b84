"""Compiling is announced, with how far it is; loading is not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from geosearch.search import warm as subject
from geosearch.search.warm import COMPILING, compile_others, warm


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Empty until all kernels are marked as compiled; nothing is, at first."""
    marks: list[str] = []
    monkeypatch.setattr(subject, "is_compiled", lambda: bool(marks))
    monkeypatch.setattr(subject, "mark_compiled", lambda: marks.append("whole"))
    return marks


def percents(reported: list[str]) -> list[int]:
    return [int(re.findall(r"(\d+) % done", line)[0]) for line in reported]


def test_only_a_compilation_is_announced_with_how_far_it_is(
    whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []

    @contextmanager
    def others(done: Any) -> Iterator[None]:
        yield
        for part in subject._parts()[subject._OWN :]:
            done(part.name)

    monkeypatch.setattr(subject, "_others_beside", others)
    warm(reported.append)
    assert reported[0] == f"{COMPILING}: 0 % done"
    assert reported[1] == f"{COMPILING}: 24 % done, ranking compiled"
    assert percents(reported) == sorted(set(percents(reported)))
    assert percents(reported)[-1] == 100
    assert whole == ["whole"]
    count = len(reported)
    warm(reported.append)
    assert (len(reported), whole) == (count, ["whole"])


def test_another_process_compiles_the_other_parts(whole: list[str]) -> None:
    """It takes two seconds to start: no fake would show that it finds the package."""
    reported: list[str] = []
    warm(reported.append)
    names = {line.rpartition(", ")[2].removesuffix(" compiled") for line in reported[1:]}
    assert names == {part.name for part in subject._parts()}
    assert sorted(percents(reported))[-1] == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [("sched_getaffinity", lambda _: {0}), ("access", lambda *_: False)],
    ids=["one core", "no folder to write to"],
)
def test_one_process_compiles_all_where_two_are_of_no_use(
    whole: list[str], monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    monkeypatch.setattr(os, name, value)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process"))
    warm()
    assert whole == ["whole"]


def test_the_other_process_says_what_it_has_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    compile_others()
    printed = capsys.readouterr().out.splitlines()
    assert printed == [part.name for part in subject._parts()[subject._OWN :]]


def test_the_shares_of_the_parts_make_a_whole() -> None:
    assert sum(part.percent for part in subject._parts()) == 100


def test_the_other_process_imports_nothing_from_the_folder_it_starts_in(
    whole: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platform.py").write_text("print('from the folder')")
    monkeypatch.setattr(sys, "path", [entry or os.getcwd() for entry in sys.path])
    monkeypatch.chdir(tmp_path)
    other = subject._start_other()
    assert other is not None
    with other:
        assert other.stdout is not None
        assert "from the folder" not in other.stdout.read()


def test_the_other_process_ends_with_the_one_that_started_it(whole: list[str]) -> None:
    other = subject._start_other()
    assert other is not None
    assert other.stdin is not None
    other.stdin.close()
    assert other.wait() in (0, 1)
    assert other.stdout is not None
    other.stdout.close()


def test_a_system_that_starts_no_process_compiles_in_this_one(
    whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    warm()
    assert whole == ["whole"]
