"""Logs across processes: a child of a fork has no thread of its parent, and loses no line."""

import subprocess
import sys

FORKED = """
import os, structlog
from geosearch.service.logs import configure_logs, end_logs
configure_logs("info")
structlog.get_logger().info("parent")
if os.fork() == 0:
    configure_logs("info")
    structlog.get_logger().info("child")
    end_logs()
    os._exit(0)
os.wait()
end_logs()
configure_logs("info")
structlog.get_logger().info("again")
"""


def test_a_process_that_was_forked_writes_lines_of_its_own() -> None:
    command = [sys.executable, "-c", FORKED]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    events = sorted(line.split('"event":"')[1].split('"')[0] for line in ended.stderr.splitlines())
    assert events == ["again", "child", "parent"]
