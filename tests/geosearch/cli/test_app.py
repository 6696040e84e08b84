"""The command line: what each command prints, and what each wrong use gets."""

import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

import geosearch
from geosearch.cli import app as cli
from geosearch.cli.app import BAD_DATA, DONE, FAULT, WRONG_USE, run
from geosearch.query.query import Query
from tests.geosearch.snapshot_files import merchant, write_snapshot
from tests.geosearch.waiting import PATIENCE_S, until

NOW = "2026-11-22T00:00:00+08:00"
AT = "2026-11-22T19:30:00+08:00"
HERE = ("--lat", "31.2320", "--lng", "121.4720", "--at", AT)


@dataclass(frozen=True)
class World:
    snapshot: Path
    index: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("cli")
    made = World(folder / "snapshot", folder / "index")
    synth = ["synth", str(made.snapshot), "--merchants", "3000", "--created-at", NOW]
    assert run(synth) == DONE
    assert run(["build", str(made.snapshot), "--out", str(made.index), "--now", NOW]) == DONE
    return made


def search(world: World, *arguments: str) -> list[str]:
    return ["search", "--index", str(world.index), *HERE, *arguments]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == DONE
    shown = capsys.readouterr().out
    commands = "synth template check import build serve search inspect rank worth coverage bench"
    for command in commands.split():
        assert f"  {command} " in shown


def test_the_suite_is_asked_where_it_is_checked_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--help"]) == DONE
    assert "geosearch bench" in capsys.readouterr().out
    assert run(["bench", "compare", "nothing", "here"]) != DONE


def test_without_a_checkout_there_is_no_suite(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks.__main__", None)
    assert run(["bench"]) == WRONG_USE
    assert "in a checkout" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == DONE
    assert capsys.readouterr().out.startswith("geosearch 0.")


def test_version_waits_for_no_compiler() -> None:
    code = (
        "import sys; from geosearch.cli.app import run; run(['--version']);"
        "print(sorted({'numba', 'numpy', 'polars'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[1] == "[]"


def test_names_of_the_package_load_at_their_first_use() -> None:
    assert geosearch.Query is Query
    assert set(geosearch.__all__) <= set(dir(geosearch))
    with pytest.raises(AttributeError, match="no attribute 'Qeury'"):
        _ = geosearch.Qeury


def test_build_reports_counts_and_changes(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["build", str(world.snapshot), "--out", str(tmp_path / "index"), "--now", NOW]
    assert run([*build, "--weight", "star_value=600"]) == DONE
    captured = capsys.readouterr()
    assert "merchants" in captured.out
    assert "no earlier version" in captured.out
    assert "Evaluating opening hours" in captured.err
    assert run([*build, "--json"]) == DONE
    report = json.loads(capsys.readouterr().out)
    assert report["changes"]["merchants"] == {"added": 0, "removed": 0, "changed": 0}
    assert run(["build", "--rollback", "--out", str(tmp_path / "index")]) == DONE
    assert "is back at version" in capsys.readouterr().out
    assert run(["build", "--rollback", "--out", str(tmp_path / "index")]) != DONE


def test_search_prints_a_table(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(search(world, "--cards", "red", "--open", "now", "--limit", "3", "--total")) == DONE
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if "merchant" in line)
    for column in ("distance", "open", "rating", "best deal", "saves"):
        assert column in head
    rows = [line for line in lines if "until" in line]
    assert len(rows) == 3
    assert all("[red]" in row and "¥" in row for row in rows)
    assert any("matches in all" in line for line in lines)
    assert max(len(line) for line in lines if "--cursor" not in line) <= 100


def test_search_prints_the_answer_of_the_service(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(search(world, "--limit", "4", "--json", "--explain", "--facets", "category")) == DONE
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["results"]) == 4
    assert answer["at"] == AT
    assert answer["facets"]["category"]
    assert answer["explain"]["work"]["nodes"] > 0
    assert {"merchant", "distance_m", "open", "best_deal"} <= answer["results"][0].keys()


def test_search_prints_geojson(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(search(world, "--limit", "4", "--format", "geojson")) == DONE
    collection = json.loads(capsys.readouterr().out)
    assert (collection["type"], len(collection["features"])) == ("FeatureCollection", 4)
    assert run(search(world, "--format", "xml")) == 2


def test_a_list_is_given_at_once_or_one_by_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for categories in (["food,shop"], ["food", "shop"], ["food"], ["shop"]):
        listed = [word for one in categories for word in ("--categories", one)]
        assert run(search(world, *listed, "--total", "--json", "--limit", "100")) == DONE
        answers.append(json.loads(capsys.readouterr().out))
    together, one_by_one, food, shop = (answer["total"] for answer in answers)
    assert together == one_by_one > max(food, shop) > 0
    assert answers[0]["results"] == answers[1]["results"]


def test_search_pages_with_the_cursor_it_prints(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    arguments = search(world, "--limit", "5", "--json", "--sort", "distance")
    for _page in range(2):
        assert run(arguments) == DONE
        answer = json.loads(capsys.readouterr().out)
        seen += [hit["merchant"]["merchant_id"] for hit in answer["results"]]
        arguments = [*search(world, "--limit", "5", "--json", "--sort", "distance"), "--cursor"]
        arguments.append(answer["next_cursor"])
    assert len(set(seen)) == 10


def test_search_prints_the_cursor_whole(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    wish = ("--categories", "food", "--spend", "10000", "--max-pay", "12000")
    arguments = search(world, "--limit", "1", *wish)
    assert run([*arguments, "--json"]) == DONE
    cursor = json.loads(capsys.readouterr().out)["next_cursor"]
    assert run(arguments) == DONE
    assert f"more: --cursor {cursor}\n" in capsys.readouterr().out


def test_search_in_a_polygon(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = [[121.46, 31.22], [121.48, 31.22], [121.48, 31.24], [121.46, 31.24], [121.46, 31.22]]
    area = tmp_path / "area.json"
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    assert run(search(world, "--polygon", str(area), "--json")) == DONE
    places = [hit["merchant"] for hit in json.loads(capsys.readouterr().out)["results"]]
    assert places
    assert all(121.46 <= place["lng"] <= 121.48 for place in places)


def test_search_without_a_match_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(search(world, "--categories", "no.such", "--cards", "nobodys")) == DONE
    shown = capsys.readouterr().out
    assert "No merchant matches." in shown
    assert "cards this index does not know: nobodys" in shown
    assert "categories this index does not know: no.such" in shown


def test_search_says_where_it_searched(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = search(world, "--business-area", "nowhere", "--offer-type", "voucher")
    assert run(asked) == DONE
    assert "business areas this index does not know: nowhere" in capsys.readouterr().out


def test_inspect_shows_index_and_merchant(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(world.index), "--verify"]) == DONE
    shown = capsys.readouterr().out
    for words in ("snapshot", "horizon", "fee a year", "小红卡", "¥168"):
        assert words in shown
    merchant = ["inspect", str(world.index), "--merchant", "m00000001", "--at", AT]
    assert run(merchant) == DONE
    assert "m00000001" in capsys.readouterr().out
    assert run([*merchant, "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["merchant"]["merchant_id"] == "m00000001"


def test_a_first_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a data team does on its first day: template, check, build, look at one shop."""
    folder, index = tmp_path / "mine", tmp_path / "index"
    assert run(["template", str(folder)]) == DONE
    assert f"geosearch check {folder}" in capsys.readouterr().out
    assert run(["template", str(folder)]) == WRONG_USE
    assert "replace them with --force" in capsys.readouterr().err
    assert run(["template", str(folder), "--format", "ndjson", "--force"]) == DONE
    assert run(["template", str(folder), "--format", "xlsx", "--force"]) == WRONG_USE
    assert run(["check", str(folder)]) == DONE
    assert "a build would succeed" in capsys.readouterr().out
    assert run(["build", str(folder), "--out", str(index), "--now", NOW]) == DONE
    # A holiday is guessed: the report says where to read of it.
    assert str(index / "rejected.ndjson") in capsys.readouterr().out
    assert run(["inspect", str(index), "--merchant", "m1003", "--at", AT]) == DONE
    shown = capsys.readouterr().out
    for words in ("price", "¥42 a person", "wifi", "needs a bill of ¥100, the usual one is ¥42"):
        assert words in shown


def test_check_exits_with_3_where_a_build_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {"merchants": [merchant(0), merchant(1, lat=99)], "deals": []}
    command = ["check", str(write_snapshot(tmp_path / "s", tables)), "--out", str(tmp_path / "l")]
    assert run([*command, "--max-rejected", "0.5"]) == DONE
    assert capsys.readouterr().out.endswith("a build would succeed\n")
    assert run(command) == BAD_DATA
    printed = capsys.readouterr()
    assert "merchants out_of_range                             1" in printed.out
    assert "allow more with --max-rejected" in printed.err
    assert json.loads((tmp_path / "l").read_bytes())["row"]["lat"] == 99
    assert run(["check", str(tmp_path / "nowhere")]) == BAD_DATA


def test_inspect_names_guessed_holidays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = merchant(0, country="CN", opening_hours="Mo-Fr 09:00-18:00; PH off")
    write_snapshot(tmp_path / "snapshot", {"merchants": [shop]})
    command = ["build", str(tmp_path / "snapshot"), "--out", str(tmp_path / "index")]
    assert run([*command, "--now", "2026-12-01T00:00:00+08:00"]) == DONE
    assert "CN 2027-01-01 (none announced from 2027-01-01 on)" in capsys.readouterr().out
    assert run(["inspect", str(tmp_path / "index")]) == DONE
    assert "CN 2027-01-01 (none announced from 2027-01-01 on)" in capsys.readouterr().out


def test_import_osm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = tmp_path / "places.json"
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [13.4, 52.5]},
        "properties": {"id": "node/1", "name": "Café", "amenity": "cafe", "type": "node"},
    }
    places.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert run(["import", "osm", str(places), "--out", str(tmp_path / "snapshot")]) == DONE
    assert (tmp_path / "snapshot" / "snapshot.json").is_file()


class Wrong(NamedTuple):
    """A use that fails: `{index}`, `{snapshot}` and `{tmp}` stand for folders."""

    use: str
    status: int
    sentence: str


ASK = "search --index {index} --lat 31.2 --lng 121.4"
WRONG = [
    Wrong("fly", WRONG_USE, "No such command 'fly'."),
    Wrong("build", WRONG_USE, "Give either SNAPSHOT or --rollback"),
    Wrong("build {snapshot} --rollback", WRONG_USE, "Give either SNAPSHOT or --rollback"),
    Wrong("build {snapshot} --nwo 1", WRONG_USE, "No such option: --nwo"),
    Wrong("build {snapshot} --now yesterday", WRONG_USE, "RFC 3339 instant with offset"),
    Wrong("build {snapshot} --now 2026-11-22T10:00:00", WRONG_USE, "RFC 3339 instant with offset"),
    Wrong("build {snapshot} --max-rejected 2", WRONG_USE, "expected a share from 0 to 1, got '2'"),
    Wrong(
        "build {snapshot} --weight luck=1", WRONG_USE, "There is no weight 'luck' - choose from "
    ),
    Wrong("build {snapshot} --weight star_value=x", WRONG_USE, "Expected a number, got 'x'"),
    Wrong("build {snapshot} --weight star_value=-1", WRONG_USE, "Expected a weight in [0, 1e9)"),
    Wrong("build {tmp}/nothing --out {tmp}/i", BAD_DATA, "{tmp}/nothing"),
    Wrong("build --rollback --out {tmp}/nothing", BAD_DATA, "{tmp}/nothing"),
    Wrong("synth", WRONG_USE, "Missing argument 'out'"),
    Wrong("synth {tmp}/s --merchants 0", WRONG_USE, "got 0"),
    Wrong("synth {tmp}/s --merchants many", WRONG_USE, "expected a whole number, got 'many'"),
    Wrong("synth {tmp}/s --world mars", WRONG_USE, "got 'mars'"),
    Wrong("synth {tmp}/s --seed -1", WRONG_USE, "got -1"),
    Wrong("synth {snapshot}", WRONG_USE, "The folder has files already - choose another"),
    Wrong("import", WRONG_USE, "Missing command"),
    Wrong("import osm {tmp}/nothing --out {snapshot}", WRONG_USE, "replace them with --force"),
    Wrong("import osm {tmp}/nothing --out {tmp}/s", BAD_DATA, "nothing"),
    Wrong("import osm {tmp}/nothing --out {tmp}/s --country zz", WRONG_USE, "ISO 3166-2 code, got"),
    Wrong("search --index {index}", WRONG_USE, "Expected `lat`, got nothing - at `$.lat`"),
    Wrong(
        "search --index {index} --lng 1 --lat 91",
        WRONG_USE,
        "Expected `lat` in [-90, 90], got 91.0 (are `lat` and `lng` swapped?) - at `$.lat`",
    ),
    Wrong(
        "search --index {index} --lng 1 --lat north",
        WRONG_USE,
        "Expected `lat` as a number, got 'north'",
    ),
    Wrong(ASK + " --radius 0", WRONG_USE, "Expected `radius` in [1, 50000], got 0.0"),
    Wrong(ASK + " --open maybe", WRONG_USE, "Expected `open` as one of any, now, got 'maybe'"),
    Wrong(ASK + " --sort luck", WRONG_USE, "Expected `sort` as one of best, distance"),
    Wrong(ASK + " --limit 0", WRONG_USE, "Expected `limit` in [1, 100], got 0"),
    Wrong(ASK + " --limit 1 --limit 2", WRONG_USE, "Expected `limit` once, got 2 values"),
    Wrong(ASK + " --limit 1.5", WRONG_USE, "Expected `limit` as an integer, got '1.5'"),
    Wrong(ASK + " --deals card", WRONG_USE, "Expected `cards` with deals=card, got none"),
    Wrong(ASK + " --at 2026-11-22T10:00:00", WRONG_USE, "without an offset"),
    Wrong(
        ASK + " --at 1999-01-01T00:00:00Z", WRONG_USE, "Expected `at` in the index's time horizon"
    ),
    Wrong(ASK + " --zone atlantis", WRONG_USE, "got 'atlantis' - at `$.zone`"),
    Wrong(ASK + " --bbox 1,2,3", WRONG_USE, "Expected `bbox` as min_lng,min_lat,max_lng,max_lat"),
    Wrong(ASK + " --cursor x", WRONG_USE, "cursor"),
    Wrong(ASK + " --facets colour", WRONG_USE, "Expected `facets` as one of category"),
    Wrong(ASK + " --polygon {tmp}/nothing", WRONG_USE, "Cannot read the file as JSON"),
    Wrong(ASK + " --polygon {index}/CURRENT", WRONG_USE, "Cannot read the file as JSON"),
    Wrong("search --index {tmp}/nothing --lat 1 --lng 1", BAD_DATA, "{tmp}/nothing"),
    Wrong("inspect", WRONG_USE, "Missing argument 'index'"),
    Wrong("inspect {tmp}/nothing", BAD_DATA, "{tmp}/nothing"),
    Wrong(
        "inspect {index} --merchant nobody --at " + AT, WRONG_USE, "There is no merchant 'nobody'"
    ),
    Wrong("serve --index {index} --port 99999", WRONG_USE, "port"),
    Wrong("serve --port 1 --port 2", WRONG_USE, "--port was given more than once, as '1' and '2'"),
    Wrong(
        "serve --index {index} --port http", WRONG_USE, "Expected port to be an integer, got 'http'"
    ),
    Wrong(
        "serve --index {index} --log-level loud", WRONG_USE, "Expected log_level to be one of debug"
    ),
    Wrong("serve --config {tmp}/nothing.toml", BAD_DATA, "Cannot read the settings as TOML"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.use)
def test_wrong_use(
    wrong: Wrong, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {"index": world.index, "snapshot": world.snapshot, "tmp": tmp_path}
    assert run(wrong.use.format(**folders).split()) == wrong.status
    captured = capsys.readouterr()
    assert captured.out == ""
    sentence = captured.err.splitlines()[-1]
    assert sentence.startswith("geosearch: ")
    assert wrong.sentence.format(**folders) in sentence


def test_wrong_uses_are_many() -> None:
    assert len({wrong.use for wrong in WRONG}) == len(WRONG) > 40


def test_a_fault_of_ours_is_one_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_answer: object) -> str:
        raise KeyError("closes_at")

    monkeypatch.setattr("geosearch.cli.tables.answer_rows", broken)
    assert run(search(world)) == FAULT
    shown = capsys.readouterr().err
    assert shown == (
        "geosearch: A fault of ours, KeyError: 'closes_at' - set GEOSEARCH_TRACEBACK=1 to see "
        "where\n"
    )
    monkeypatch.setenv(cli.TRACEBACK_VARIABLE, "1")
    with pytest.raises(KeyError):
        run(search(world))


NO_TEXT = [
    [b"\xff"],
    [b"search", b"--lat", b"31", b"--lng", b"121", b"--q", b"caf\xe9"],
    [b"search", b"--\xff", b"1"],
    [b"serve", b"--index", b"\xe5\xba"],
    [b"build", b"\xed\xa0\x80"],
]


@pytest.mark.parametrize("arguments", NO_TEXT, ids=lambda arguments: repr(arguments[-1]))
def test_arguments_that_are_no_text_are_wrong_use(
    arguments: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([os.fsdecode(argument) for argument in arguments]) == WRONG_USE
    at = next(one for one in arguments if not one.isascii()).decode(errors="backslashreplace")
    said = f"geosearch: Expected arguments in UTF-8, got other bytes - at `{at}`\n"
    assert capsys.readouterr().err == said


def test_a_process_refuses_arguments_that_are_no_text() -> None:
    command = [sys.executable.encode(), b"-m", b"geosearch", b"inspect", b"\xff\xfe"]
    ended = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == WRONG_USE
    assert ended.stderr.startswith(b"geosearch: Expected arguments in UTF-8, got other bytes")


class FullDisk(io.StringIO):
    """Standard output on a full disk; the system names no file there."""

    def write(self, _text: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "use",
    ["--version", ASK + " --at " + AT, ASK + " --json --at " + AT, "inspect {index}"],
)
def test_standard_output_that_fails_is_named(
    use: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", FullDisk())
    assert run(use.format(index=world.index).split()) == BAD_DATA
    assert capsys.readouterr().err.splitlines()[-1] == (
        "geosearch: Cannot use `standard output`: No space left on device"
    )


def test_a_file_without_a_name_is_not_named_none(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("geosearch.indexing.pipeline.build", full)
    assert run(["build", str(world.snapshot)]) == BAD_DATA
    assert capsys.readouterr().err == (
        "geosearch: Cannot use a file the system does not name: No space left on device\n"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def server(world: World) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(world.index)]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"GEOSEARCH_LOG_LEVEL": "error"},
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_serve_answers_as_search_prints_and_stops_on_ctrl_c(
    world: World,
    server: tuple[subprocess.Popen[bytes], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    process, base = server
    url = f"{base}/v1/nearby?lat=31.2320&lng=121.4720&at={AT.replace('+', '%2B')}"
    answers: list[Any] = []

    def answered() -> bool:
        assert process.poll() is None
        with suppress(OSError), urlopen(url, timeout=PATIENCE_S) as response:
            answers.append(json.load(response))
        return bool(answers)

    until(answered)
    served = answers[0]
    assert run(search(world, "--json")) == DONE
    printed = json.loads(capsys.readouterr().out)
    for answer in (served, printed):
        del answer["took_us"]
    assert printed == served
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
