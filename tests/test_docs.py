"""Documents tell the truth: examples run and print what they say, generated pages are current."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from geosearch.cli.app import DONE, run
from geosearch.cli.demo import EXAMPLES
from geosearch.cli.reference import PAGE, PAGES
from geosearch.query.parameters import (
    PARAMETERS,
)
from geosearch.query.route_parameters import (
    COVERAGE_PARAMETERS,
    DENSITY_PARAMETERS,
    MERCHANT_PARAMETERS,
    SUGGEST_PARAMETERS,
    ZONE_PARAMETERS,
)
from geosearch.search.searcher import Searcher
from geosearch.service.answers import answer_schemas
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.request import read_url
from geosearch.service.settings import SETTINGS, Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PROSE = ("*.md", "docs/*.md", "geosearch/**/*.py", "indexes/**/*.py", "benchmarks/**/*.py")


class Block(NamedTuple):
    """A fenced block and the line it starts at."""

    kind: str
    text: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)


def commands(block: Block) -> list[list[str]]:
    """Arguments of each `geosearch` command of a block."""
    lines = map(shlex.split, block.text.replace("\\\n", " ").splitlines())
    return [words[1:] for words in lines if words[0] == "geosearch"]


def expect_lines(block: Block, printed: str) -> None:
    """Every line of a block was printed, in this order."""
    assert block.kind == "text"
    wanted = [line.strip() for line in block.text.splitlines()]
    assert len(wanted) >= 3
    lines = iter(line.strip() for line in printed.splitlines())
    for line in wanted:
        assert line in lines, f"README.md says {line!r}, got\n{printed}"


def test_readme_starts_with_an_example_and_its_output() -> None:
    shell, text = list(blocks(README))[:2]
    assert shell.kind == "sh"
    assert text.kind == "text"
    assert text.line + text.text.count("\n") + 1 <= 25


def test_readme_examples_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(blocks(README))
    assert [arguments[0] for arguments in commands(found[0])] == ["synth", "build", "search"]
    for arguments in commands(found[0]):
        assert run(arguments) == DONE
    expect_lines(found[1], capsys.readouterr().out)
    number = next(number for number, block in enumerate(found) if block.kind == "python")
    exec(compile(found[number].text, "README.md", "exec"), {})
    expect_lines(found[number + 1], capsys.readouterr().out)
    number = next(number for number, block in enumerate(found) if block.kind == "json")
    answer = json.loads(asked(found[number - 1], Path("demo/city-index")))
    shown = json.loads(found[number].text)
    expect_part(shown, answer)
    assert shown["results"][0]["best_deal"]["saving"] > 0
    assert found[number].text.count("\n") < 12, "shortened, as the text below it says"
    capsys.readouterr()
    check_studies(capsys)


def check_studies(capsys: pytest.CaptureFixture[str]) -> None:
    """The examples of docs/studies.md print what they say, and README.md quotes one of them."""
    found = list(blocks((ROOT / "docs" / "studies.md").read_text("utf-8")))
    (habits,) = (block.text for block in found if block.kind == "json")
    Path("habits.json").write_text(habits, encoding="utf-8")
    printed = 0
    for block, shown in pairwise(found):
        if shown.kind == "text":
            (arguments,) = commands(block)
            assert run(arguments) == DONE
            lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
            assert shown.text.splitlines() == lines[len(lines) - shown.text.count("\n") :]
            printed += 1
    assert printed == 2
    assert f"`{lines[0]}`" in README


def asked(block: Block, index: Path) -> bytes:
    """What the service answers to the one `curl` line of a block."""
    (url,) = re.findall(r"^curl '([^']+)'$", block.text, re.MULTILINE)
    engines = Engines(index, Searcher, poll_seconds=1)
    engines.load()
    response = TestClient(make_app(Handlers(engines, Metrics(engines), Settings()))).get(url)
    assert response.status_code == 200, response.text
    return response.content


def expect_part(shown: object, whole: object, where: str = "$") -> None:
    """Every member that is shown is as in the whole; lists are whole."""
    if isinstance(shown, dict) and isinstance(whole, dict):
        assert shown.keys() <= whole.keys(), where
        for name, value in shown.items():
            expect_part(value, whole[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(whole, list):
        assert len(shown) == len(whole), where
        for number, value in enumerate(shown):
            expect_part(value, whole[number], f"{where}[{number}]")
    else:
        assert shown == whole, where


def test_curl_lines_of_readme_and_demo_are_right_questions() -> None:
    urls = re.findall(r"^curl '([^']+)'", README, re.MULTILINE)
    assert urls
    for url in urls:
        read_url(urlsplit(url).query.encode())
    for example in EXAMPLES:
        assert example.parameters.keys() <= PARAMETERS.keys()


def test_reference_is_written_from_the_tables() -> None:
    for path, written in PAGES.items():
        assert (ROOT / path).read_text("utf-8") == written(), f"{path} is old: make fix"
    page = (ROOT / PAGE).read_text("utf-8")
    for name in (*PARAMETERS, *SETTINGS):
        assert f"`{name}`" in page


def test_reference_has_every_parameter_and_every_member_of_an_answer() -> None:
    page = (ROOT / PAGE).read_text("utf-8")
    parts = (part.partition("\n") for part in page.split("\n## "))
    chapters = {title: text for title, _, text in parts}
    for path, table in (
        ("/v1/nearby", PARAMETERS),
        ("/v1/suggest", SUGGEST_PARAMETERS),
        ("/v1/merchants/{merchant_id}", MERCHANT_PARAMETERS),
        ("/v1/zones", ZONE_PARAMETERS),
        ("/v1/density", DENSITY_PARAMETERS),
        ("/v1/coverage", COVERAGE_PARAMETERS),
    ):
        for name, parameter in table.items():
            assert f"| `{name}` | " in chapters[f"Parameters of {path}"]
            assert parameter.help in chapters[f"Parameters of {path}"]
    members = 0
    for schema, described in answer_schemas().items():
        for name, member in described["properties"].items():
            shown = chapters[schema] + chapters["Deal" if schema == "DealRecord" else schema]
            assert f"| `{name}` | " in shown, f"{schema}.{name}"
            assert member["description"] in shown, f"{schema}.{name}"
            members += 1
    assert members > 180


def test_cards_are_called_cards() -> None:
    """Public names have `program`, which no sentence takes over."""
    prose = [path for folder in PROSE for path in ROOT.glob(folder)]
    assert len(prose) > 150
    guilty = [path.name for path in prose if "programme" in path.read_text("utf-8").lower()]
    assert not guilty


def test_files_that_documents_name_are_there() -> None:
    named = 0
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "tests" / "README.md"):
        for file in re.findall(
            r"(?<![\w/.])(?:tests|geosearch|indexes|benchmarks|docs)/[\w/]+\.\w+",
            path.read_text("utf-8"),
        ):
            assert (ROOT / file).exists(), f"{path.name} names {file}"
            named += 1
    assert named > 10


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target
