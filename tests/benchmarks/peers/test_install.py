"""What cannot be installed is said, and spoils nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import Missing, install, lucene


class _Here:
    label = "Here"
    version = "1.2"

    def __init__(self, *_: object) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class _Absent(_Here):
    label = "Absent"

    def __init__(self, *_: object) -> None:
        raise Missing("apt-get install absent")


class _Broken(_Here):
    label = "Broken"

    def __init__(self, *_: object) -> None:
        raise OSError("no space left")


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands from now on, none of which is run."""
    asked: list[list[str]] = []

    def run(command: list[str]) -> str:
        asked.append(command)
        return ""

    monkeypatch.setattr(install, "run", run)
    return asked


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (_Here, "Here: 1.2"),
        (_Absent, "Absent: missing, apt-get install absent"),
        (_Broken, "Broken: failed, OSError: no space left"),
    ],
)
def test_state(monkeypatch: pytest.MonkeyPatch, kind: type, expected: str) -> None:
    monkeypatch.setattr(install, "peer_class", lambda name: kind)
    assert install.state("x") == expected


def test_state_of_a_peer_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "x", "no_such_module.Nothing")
    assert install.state("x").startswith("x: failed, ModuleNotFoundError")


def test_a_line_for_every_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "run", lambda command: "failed, no network")
    monkeypatch.setattr(install, "is_installed", lambda package: False)
    monkeypatch.setattr(install, "peer_class", lambda name: _Here)
    monkeypatch.setattr(lucene, "install", lambda: "lucene: failed, no network")
    install.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(install.PACKAGES) + 1 + len(peers.PEERS)
    assert lines[len(install.PACKAGES) + 1] == "lucene: failed, no network"
    assert lines[0] == "pip: failed, no network"
    assert lines[-1] == "Here: 1.2"


def test_without_rights_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "is_installed", lambda package: False)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(install, "run", lambda command: "failed, a password is required")
    assert install.install_package("x") == "x: run  sudo apt-get install x"
    asked = recorded(monkeypatch)
    assert install.install_package("x") == "x: installed"
    assert asked[1][:3] == ["sudo", "-n", "apt-get"]


def test_the_extra_is_installed_from_the_checkout_as_pinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = recorded(monkeypatch)
    assert install.install_python(tmp_path) == "pip: the extra bench is installed"
    # Never by name: the name of another project would install that.
    assert asked[0][-4:] == ["-c", f"{tmp_path}/constraints.txt", "-e", f"{tmp_path}[bench]"]


def test_what_is_not_installed() -> None:
    assert not install.is_installed("no-such-package-at-all")
