"""The demo behind `make run`: a synthetic Shanghai, built once, served, and asked three questions.

Every step is a command of `geosearch`.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from geosearch.cli.app import run
from geosearch.cli.tables import answer_table, console
from geosearch.errors import BadData
from geosearch.search.searcher import open_index
from geosearch.search.warm import warm

HOST = "127.0.0.1"
MERCHANTS = 100_000


START = "lat=31.2320&lng=121.4720&cards=red"
"""Fragment of the page's address: where it begins, and with which cards."""


@dataclass(frozen=True)
class Example:
    """A question in words, and as parameters of `/v1/nearby`."""

    words: str
    parameters: dict[str, str]


EXAMPLES = (
    Example(
        "Where near People's Square, open now, does my card get me the best deal?",
        {"lat": "31.2320", "lng": "121.4720", "cards": "red", "open": "now", "limit": "5"},
    ),
    Example(
        "Two of us want dinner near Jing'an Temple for at most ¥300: where?",
        {
            "lat": "31.2235",
            "lng": "121.4450",
            "radius": "1500",
            "categories": "food.restaurant",
            "party_size": "2",
            "max_pay": "30000",
            "limit": "5",
        },
    ),
    Example(
        "Nearest coffee in Lujiazui rated 4 or better for at most ¥30, and how many are there?",
        {
            "lat": "31.2370",
            "lng": "121.5030",
            "categories": "food.cafe",
            "min_rating": "4",
            "max_pay": "3000",
            "sort": "distance",
            "limit": "5",
            "total": "true",
        },
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the demo index if needed, serve it, ask the examples; return the exit status."""
    parser = argparse.ArgumentParser(prog="geosearch.cli.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--folder", type=Path, default=Path("demo"))
    parser.add_argument("--merchants", type=int, default=MERCHANTS)
    parser.add_argument("--once", action="store_true", help="stop after the examples")
    options = parser.parse_args(arguments)
    index = options.folder / "index"
    if not _port_is_free(options.port):
        said = f"Port {options.port} is already in use - choose another with --port"
        print(f"{said} (make run PORT={options.port + 1})", file=sys.stderr)
        return 2
    status = _prepare(options.folder / "snapshot", index, options.merchants)
    if status:
        return status
    server = _geosearch("serve", "--index", index, "--host", HOST, "--port", options.port)
    # SIGTERM ends the demo and its service, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = _ask_when_ready(server, f"http://{HOST}:{options.port}")
        if status or options.once:
            return status
        print(f"\nServing until Ctrl-C. The map: http://{HOST}:{options.port}/#{START}", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(server)


def _say(doing: str) -> None:
    print(doing, file=sys.stderr, flush=True)


def _prepare(snapshot: Path, index: Path, merchants: int) -> int:
    """Build the index unless there is one whose horizon includes today; return an exit status."""
    warm(_say)
    if _is_usable(index, f"synth-shanghai-{merchants}-1-"):
        return 0
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
    synth = ["synth", f"{snapshot}", "--merchants", f"{merchants}", "--created-at", today]
    for command in ([*synth, "--force"], ["build", f"{snapshot}", "--out", f"{index}"]):
        _say(f"$ {shlex.join(['geosearch', *command])}")
        if status := run(command):
            return status
    return 0


def _is_usable(index: Path, snapshot: str) -> bool:
    try:
        engine = open_index(index)
    except BadData:
        return False
    return engine.is_current() and engine.info()["snapshot_id"].startswith(snapshot)


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As in the server: connections of an earlier run may still be closing.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _geosearch(*arguments: object) -> subprocess.Popen[bytes]:
    """Start a `geosearch` command in another process."""
    command = [sys.executable, "-m", "geosearch", *map(str, arguments)]
    # Log lines of requests would hide the answers.
    return subprocess.Popen(command, env={"GEOSEARCH_LOG_LEVEL": "warning", **os.environ})


def _ask_when_ready(server: subprocess.Popen[bytes], base: str) -> int:
    """Wait for the service, and print the answer to each example; return an exit status."""
    while not _is_ready(base):
        if server.poll() is not None:
            return server.returncode or 1
        time.sleep(0.05)
    for example in EXAMPLES:
        url = f"{base}/v1/nearby?{urlencode(example.parameters, safe=',')}"
        screen = console()
        screen.print(f"\n[bold]{example.words}[/bold]")
        screen.print(f"curl {shlex.quote(url)}", style="cyan", soft_wrap=True)
        # Who copies the line above has no use for an option of `geosearch search`.
        screen.print(answer_table(_get(url) | {"next_cursor": None}), crop=False)
    return 0


def _is_ready(base: str) -> bool:
    try:
        return bool(_get(f"{base}/readyz"))
    except OSError:  # The server does not listen yet, is not ready, or is slow on a busy machine.
        return False


def _get(url: str) -> Any:
    with urlopen(url, timeout=10) as response:
        return json.load(response)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the service and wait for it; a Ctrl-C that it got before does no harm."""
    server.terminate()
    try:
        server.wait(10)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
