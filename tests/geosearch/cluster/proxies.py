"""HAProxy as a process of a test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.geosearch.waiting import PATIENCE_S

HAPROXY_CFG = Path(__file__).resolve().parents[3] / "deploy" / "haproxy.cfg"


def haproxy() -> str:
    """Path of HAProxy; a test that needs it skips without, and fails where it has to be there."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None and os.environ.get("NEEDS_HAPROXY"):
        pytest.fail("Expected haproxy, got none: apt-get install haproxy")
    if found is None:
        pytest.skip("apt-get install haproxy")
    return found


@contextmanager
def proxying(configuration: Path, log: Path, **environment: str) -> Iterator[None]:
    """HAProxy with a configuration file, and with variables that the file names."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [haproxy(), "-db", "-f", str(configuration)],
            env=os.environ | environment, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
