"""The demo behind `make run`: a synthetic Shanghai, built once, served, and asked three questions.

Every step is a command of `geosearch`. At the end a deal is sold out, and the next answer shows it.
"""

import argparse
import json
import os
import secrets
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
from urllib.request import Request, urlopen

from geosearch.cli.app import run
from geosearch.cli.tables import answer_table, console
from geosearch.errors import BadData
from geosearch.search.searcher import open_index
from geosearch.search.warm import warm
from geosearch.service.settings import INGEST_PREFIX, PREFIX

HOST, LAST_PORT = "127.0.0.1", 65_535
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
    index, token = options.folder / "index", options.folder / "token"
    ports = options.port, options.port + (1 if options.port < LAST_PORT else -1)
    for port in ports:
        if not _port_is_free(port):
            said = f"Port {port} is already in use - choose another with --port"
            print(f"{said} (make run PORT={port + 1})", file=sys.stderr)
            return 2
    status = _prepare(options.folder / "snapshot", index, options.merchants)
    if status:
        return status
    _make_token(token)
    base, changes = (f"http://{HOST}:{port}" for port in ports)
    server = _geosearch("serve", "--index", index, "--host", HOST, "--port", ports[0])
    writer = _geosearch(
        *("ingest", "--index", index, "--host", HOST, "--port", ports[1], "--token-file", token)
    )
    # SIGTERM ends the demo and its service, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = _ask_when_ready(server, base) or _sell_out(writer, base, changes, token)
        if status or options.once:
            return status
        print(f"\nServing until Ctrl-C. The map: {base}/#{START}", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(server)
        _stop(writer)


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
    quiet = {f"{prefix}LOG_LEVEL": "warning" for prefix in (PREFIX, INGEST_PREFIX)}
    return subprocess.Popen(command, env={**quiet, **os.environ})


def _ask_when_ready(server: subprocess.Popen[bytes], base: str) -> int:
    """Wait for the service, and print the answer to each example; return an exit status."""
    if status := _wait_for(server, f"{base}/readyz"):
        return status
    for example in EXAMPLES:
        _ask(base, example.words, example.parameters)
    return 0


def _ask(base: str, words: str, parameters: dict[str, str]) -> None:
    url = _url(base, parameters)
    _show(words, f"curl {shlex.quote(url)}")
    # Who copies the line above has no use for an option of `geosearch search`.
    console().print(answer_table(_get(url) | {"next_cursor": None}), crop=False)


def _url(base: str, parameters: dict[str, str]) -> str:
    return f"{base}/v1/nearby?{urlencode(parameters, safe=',')}"


def _show(words: str, command: str) -> None:
    screen = console()
    screen.print(f"\n[bold]{words}[/bold]")
    screen.print(command, style="cyan", soft_wrap=True)


def _sell_out(writer: subprocess.Popen[bytes], base: str, changes: str, token: Path) -> int:
    """Sell out the best deal of an answer, show the next answer, and take it back."""
    if status := _wait_for(writer, f"{changes}/healthz"):
        return status
    for example in EXAMPLES:
        for result in _get(_url(base, example.parameters))["results"]:
            if deal := result["best_deal"]:
                break
        else:
            continue
        where = f"{changes}/v1/changes"
        change = json.dumps({"table": "deals", "patch": {"deal_id": deal["deal_id"], "stock": 0}})
        _show(
            f"{deal['title']} at {result['merchant']['name']} is sold out. What now?",
            f'curl {where} -H "Authorization: Bearer $(cat {shlex.quote(str(token))})" '
            f"-H 'Content-Type: application/json' -d {shlex.quote(change)}",
        )
        seq = _post(where, change, token)["seq"]
        _ask(base, "The same question, asked once the change is there:",
             {**example.parameters, "min_seq": f"{seq}"})  # fmt: skip
        back = {"deal_id": deal["deal_id"], "stock": deal.get("stock")}
        _post(where, json.dumps({"table": "deals", "patch": back}), token)
        return 0
    return 0


def _make_token(file: Path) -> None:
    """Write the token that changes need, once, for nobody else to read."""
    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as written:
            written.write(secrets.token_urlsafe(24))


def _wait_for(process: subprocess.Popen[bytes], url: str) -> int:
    """Wait until a service answers; return its exit status if it ends before."""
    while True:
        try:
            _get(url)
        except OSError:  # It does not listen yet, is not ready, or is slow on a busy machine.
            if process.poll() is not None:
                return process.returncode or 1
            time.sleep(0.05)
        else:
            return 0


def _post(url: str, body: str, token: Path) -> Any:
    headers = {
        "Authorization": f"Bearer {token.read_text('ascii').strip()}",
        "Content-Type": "application/json",
    }
    with urlopen(Request(url, body.encode(), headers), timeout=10) as response:
        return json.load(response)


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
