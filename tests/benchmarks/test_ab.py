"""Two commits in turn: what counts as a change, and a run of a revision beside the working tree."""

from pathlib import Path

import pytest

from benchmarks import ab
from geosearch.errors import BadRequest
from geosearch.search.searcher import Searcher


def pair(*ratios: float) -> ab.Pair:
    work = {"nodes": (3.0, 4.0)}
    return ab.Pair("nearest_red", "nearest", (10.0, 11.0), ratios, work, differing=2)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.0] * 27, "same"),
        ([1.02, 0.99] * 13, "same"),
        ([1.10] * 27, "slower"),
        ([0.90] * 27, "faster"),
        ([1.10] * 22 + [1.00] * 5, "slower"),  # five of 27 rounds may disagree
        ([1.10] * 21 + [1.00] * 6, "too noisy to tell"),
        ([1.3, 0.8] * 13, "too noisy to tell"),
        ([1.10] * 5 + [1.00], "too noisy to tell"),  # few rounds: all of them decide
    ],
)
def test_a_change_is_what_nearly_all_rounds_show(ratios: list[float], verdict: str) -> None:
    assert pair(*ratios).verdict == verdict


def test_text_names_what_differs_besides_time() -> None:
    text = ab.text("v1", [pair(*[1.1] * 27)])
    assert "+10.0 %" in text
    assert "slower" in text
    assert "work of nearest: nodes 3 before, 4 after" in text
    assert "answers of nearest: 2 of 50 differ" in text


def test_a_wrong_family_is_named() -> None:
    with pytest.raises(BadRequest, match=r"Expected one of nearest_red, .*texts, got 'x'"):
        ab.run("HEAD", merchants=10, only=["x"], say=print)


def test_sources_of_a_revision_are_kept(world_cache: Path) -> None:
    if not (ab.ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    folder = ab.sources("HEAD")
    assert folder.parent == world_cache
    assert (folder / "geosearch" / "__init__.py").is_file()
    stamps = [file.stat().st_mtime_ns for file in sorted(folder.rglob("*.py"))]
    assert ab.sources("HEAD^{commit}") == folder
    assert [file.stat().st_mtime_ns for file in sorted(folder.rglob("*.py"))] == stamps


@pytest.mark.parametrize("revision", ["no-such", "--help", "HEAD:README.md"])
def test_a_wrong_revision_is_named(revision: str) -> None:
    with pytest.raises(BadRequest, match=r"Expected a revision of this checkout, got .+ - at `"):
        ab.sources(revision)


def test_no_round_of_a_cold_family_has_a_query_of_another(toy: Searcher) -> None:
    engine = _Renamed(toy)
    asked = ab._families(engine)["best_red_cold"]  # type: ignore[arg-type]
    parts = [asked.queries[: ab.QUERIES]]
    firsts = [asked.first_of(turn) for turn in range(ab.ROUNDS)]
    parts += [asked.queries[first : first + ab.QUERIES] for first in firsts]
    assert {len(part) for part in parts} == {ab.QUERIES}
    assert len({query["at"] for part in parts for query in part}) == len(asked.queries)
    assert {tuple(query["cards"]) for query in asked.queries} == {
        *(("red",), ("campus",), ("city-pass",), ("star-mobile",))
    }
    warm = ab._families(engine)["best_red"]  # type: ignore[arg-type]
    assert {warm.first_of(turn) for turn in range(ab.ROUNDS)} == {0}


class _Renamed:
    """The toy city with the largest cards of the synthetic one."""

    def __init__(self, toy: Searcher) -> None:
        self.segments = toy.segments

    def programs(self) -> list[dict[str, object]]:
        return [{"program_id": f"card-{n}", "merchants": n} for n in range(8)]


def test_wallets_keep_their_number_of_cards() -> None:
    names = {"a": "x", "b": "x", "c": "y"}
    assert ab._wallet(("a", "b", "c"), names, ("y", "z", "w")) == ["x", "y", "z"]
    assert ab._wallet(("a",), names, ("y",)) == ["x"]
    assert ab._wallet((), names, ("y",)) == []


def test_both_sides_are_measured_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    # Takes seconds: two builds and two processes, as any run does. Other sources would have to be
    # compiled first.
    monkeypatch.setattr(ab, "sources", lambda _: ab.ROOT)
    for name, value in (("STARTS", 1), ("ROUNDS", 2), ("QUERIES", 30)):
        monkeypatch.setattr(ab, name, value)
    said: list[str] = []
    families = ["nearest_wallets", "count_open_banks_cold", "texts"]
    pairs = ab.run("HEAD", merchants=1_500, only=families, say=said.append)
    assert [pair.family for pair in pairs] == families
    assert [len(pair.ratios) for pair in pairs] == [2, 2, 2]
    assert all(us > 0 for pair in pairs for us in pair.p50_us)
    assert [(pair.work, pair.differing) for pair in pairs] == [({}, 0)] * 3
    assert pairs[1].label.endswith(", cold")
    assert "Building its index with HEAD" in said
