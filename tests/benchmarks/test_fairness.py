"""Small questions are measured alone and beside large ones."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks import fairness
from benchmarks.__main__ import run as command
from benchmarks.fairness import COMMON_WORDS, LARGE, PACE, large_questions, small_questions, text
from benchmarks.http_client import Load
from benchmarks.result import FairnessResult, Latency, LatencyBeside
from benchmarks.texts import text_world
from benchmarks.worlds import open_world
from geosearch.errors import BadData, BadRequest
from geosearch.query.parameters import FACETS
from geosearch.search.searcher import Searcher, open_index
from geosearch.service.request import read_url
from tests.benchmarks.conftest import TOY


def test_both_clients_are_measured(world_cache: Path) -> None:
    told: list[str] = []
    found = fairness.run(open_world(TOY), seconds=0.3, rounds=2, say=told.append)
    assert found.quiet.requests == 2 * 0.3 * PACE
    (wide,) = found.beside
    assert wide.label == "total and 4 facets in 50 km"
    assert wide.small.requests == found.quiet.requests
    assert wide.large.requests >= 2
    assert [line.split(":")[0] for line in told] == [
        "  round 1, quiet",
        "  round 1, beside total and 4 facets in 50 km",
        "  round 2, quiet",
        "  round 2, beside total and 4 facets in 50 km",
    ]


def test_figures_are_medians_of_rounds() -> None:
    rounds = [Load(latency_s=[ms / 1e3] * 10) for ms in (3, 1, 50)]
    assert fairness.latency_of(rounds) == Latency(
        requests=30, p50_ms=3.0, p99_ms=3.0, longest_ms=3.0
    )


def test_questions_are_valid_and_each_large_one_is_new(toy: Searcher) -> None:
    small = [_query(one.path) for one in small_questions(toy)]
    assert {query["sort"][0] for query in small} == {"distance", "best"}
    assert len({query["at"][0] for query in small}) == 1
    ((label, large),) = large_questions(toy).items()
    assert label == "total and 4 facets in 50 km"
    queries = [_query(one.path) for one in large]
    assert len({query["at"][0] for query in queries}) == LARGE
    assert queries[0]["facets"] == [",".join(FACETS)]


def test_an_index_with_names_is_asked_for_its_commonest_words(world_cache: Path) -> None:
    engine = open_index(text_world(4_000))
    wide, words = large_questions(engine).items()
    engine.close()
    assert wide[0].startswith("total")
    assert words[0] == "8 common words in 50 km"
    assert len(_query(words[1][0].path)["q"][0].split()) == COMMON_WORDS


def _query(path: str) -> dict[str, list[str]]:
    said = urlsplit(path).query
    read_url(said.encode())
    return parse_qs(said)


def test_the_text_shows_how_many_times_as_late() -> None:
    quiet = Latency(requests=9, p50_ms=0.5, p99_ms=2.0, longest_ms=9.0)
    late = Latency(requests=9, p50_ms=1.0, p99_ms=5.0, longest_ms=30.0)
    large = Latency(requests=9, p50_ms=400.0, p99_ms=500.0, longest_ms=600.0)
    beside = [LatencyBeside(label="words", small=late, large=large)]
    found = FairnessResult(merchants=1_000, pace=200.0, quiet=quiet, beside=beside)
    head, columns, first, second = text(found).splitlines()
    assert head == "1,000 merchants, 200 small questions a second; ms"
    assert columns.split()[0] == "p50"
    assert first.split() == ["quiet", "0.50", "2.00", "9.00"]
    assert second.split() == ["beside", "words", "1.00", "5.00", "30.00", "2.5×", "400.0"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--seconds", "0"], "Expected at least 0.005 seconds, got 0.0 - at `--seconds`"),
        (["--seconds", "-1"], "Expected at least 0.005 seconds, got -1.0 - at `--seconds`"),
        (["--seconds", "nan"], "Expected at least 0.005 seconds, got nan - at `--seconds`"),
        (["--seconds", "inf"], "Expected at least 0.005 seconds, got inf - at `--seconds`"),
        (["--rounds", "0"], "Expected at least one round, got 0 - at `--rounds`"),
    ],
)
def test_odd_options_are_refused(options: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=told):
        command(["fairness", str(tmp_path), *options])


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="index"):
        fairness.run(tmp_path / "none", say=pytest.fail)
