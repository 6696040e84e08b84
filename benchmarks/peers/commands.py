"""Commands that install what a peer needs.

Useful for: `install`, and peers that fetch something of their own.
Not useful for: servers; `benchmarks.servers` starts and stops those.
"""

import os
import subprocess
from collections.abc import Sequence

_SECONDS = 900


def run(command: Sequence[str]) -> str:
    """Why a command failed, in a line; empty if it did not."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"failed, {error}"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines() or ["without a word"]
    return f"failed, {said[-1]}"
