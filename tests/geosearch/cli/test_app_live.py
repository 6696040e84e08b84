"""`geosearch change` and `geosearch ingest` on the command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from geosearch.cli.app import BAD_DATA, DONE, WRONG_USE, run
from geosearch.cli.live import CHANGE_EXAMPLES
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import open_index
from tests.geosearch.indexing.test_writer import DEALS, built, stock

TOKEN = "0123456789abcdef"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def test_change_applies_a_file(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changes.ndjson"
    many = [stock(0, number) for number in range(1_500)]
    file.write_text("\n".join(map(json.dumps, many)) + "\n")
    assert run(["change", str(index), str(file)]) == DONE
    assert capsys.readouterr().out.strip() == (
        "accepted 1,500, stale 0, duplicate 0, rejected 0; last change 1,500"
    )
    file.write_text("\n".join(map(json.dumps, [*many, stock(99, 0)])))
    assert run(["change", str(index), str(file), "--json"]) == BAD_DATA
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["seq"], receipt["accepted"]) == (3_000, 1_500)
    assert [(one["line"], one["code"]) for one in receipt["rejected"]] == [(1_501, "unknown_deal")]
    assert open_index(index).as_of_seq == 3_000


def test_the_examples_of_changes_do_what_they_say(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["change", "--help"]) == DONE
    printed = capsys.readouterr().out
    file = tmp_path / "changes.ndjson"
    file.write_text("".join(f"{line}\n" for _, line in CHANGE_EXAMPLES))
    assert run(["change", str(index), str(file)]) == DONE
    counts = f"accepted {len(CHANGE_EXAMPLES)}, stale 0, duplicate 0, rejected 0; last change 3"
    assert capsys.readouterr().out.strip() == counts
    engine = open_index(index)
    record = engine.merchant("m1", engine.start)
    assert record is not None
    assert [record["merchant"][name] for name in ("lat", "lng")] == [31.2335, 121.4737]
    deals = {deal["deal_id"]: deal for deal in record["deals"]}
    assert deals["d1"]["stock"] == 0
    assert deals["lunch-20"]["percent"] == 20
    for words, line in CHANGE_EXAMPLES:
        assert f"    {words}:\n      {line}\n" in printed


def test_change_says_what_is_wrong(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changes.ndjson"
    assert run(["change", str(index), str(file)]) == BAD_DATA
    assert "Cannot read the changes" in capsys.readouterr().err
    file.write_text("")
    assert run(["change", str(tmp_path / "nowhere"), str(file)]) == BAD_DATA
    assert "There is no index" in capsys.readouterr().err
    with Writer(index):
        assert run(["change", str(index), str(file)]) == BAD_DATA
    assert "Another process writes changes to this index" in capsys.readouterr().err
    assert run(["ingest", "--index", str(index)]) == BAD_DATA
    assert "token_file" in capsys.readouterr().err
    assert run(["ingest", "--port", "many"]) == WRONG_USE


def test_inspect_lists_the_shops_of_a_card(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change = {"table": "programs", "patch": {"program_id": "red", "status": "SUSPENDED"}}
    with Writer(index) as writer:
        writer.apply([change])
    assert run(["inspect", str(index), "--program", "red", "--json"]) == DONE
    record = json.loads(capsys.readouterr().out)
    assert (record["status"], record["merchants"]) == ("SUSPENDED", 1)
    assert [shop["merchant_id"] for shop in record["shops"]] == ["m1"]
    with Writer(index) as writer:
        writer.apply([{"table": "deals", "delete": "d1"}])
    assert run(["inspect", str(index), "--program", "red"]) == DONE
    printed = capsys.readouterr().out
    assert "SUSPENDED" in printed
    assert "m1" not in printed
    assert run(["inspect", str(index), "--program", "blue"]) == WRONG_USE
    assert "There is no program 'blue'" in capsys.readouterr().err
    assert run(["inspect", str(index), "--program", "red", "--merchant", "m1"]) == WRONG_USE


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_ingest_takes_changes_until_it_is_stopped(index: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    port = free_port()
    command = [sys.executable, "-m", "geosearch", "ingest", "--index", str(index)]
    command += ["--port", str(port), "--token-file", str(tmp_path / "token")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        url = f"http://127.0.0.1:{port}/v1/changes"
        body = json.dumps(stock(0, 0)).encode()
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        until = time.monotonic() + 60
        while True:
            try:
                with urlopen(Request(url, body, headers), timeout=10) as answer:
                    assert json.load(answer)["seq"] == 1
                break
            except URLError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert TOKEN.encode() not in log
    assert open_index(index).as_of_seq == 1
    with Writer(index) as writer:
        assert writer.head == 1
