"""Why a command failed, in a line."""

import sys

from benchmarks.peers.commands import run


def test_says_why_a_command_failed() -> None:
    assert run([sys.executable, "-c", ""]) == ""
    assert run([sys.executable, "-c", "raise SystemExit('bad')"]) == "failed, bad"
    assert run([sys.executable, "-c", "raise SystemExit(3)"]) == "failed, without a word"
    assert run(["no-such-program-at-all"]).startswith("failed, ")
