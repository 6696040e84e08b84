"""Markdown shows every figure in tables that hold together; the README's part is short."""

import re

import msgspec
import pytest
from msgspec import structs

from benchmarks.reports import sentences
from benchmarks.reports.__main__ import ROOT
from benchmarks.reports.findings import by_speed, duels
from benchmarks.reports.markdown import (
    BEGIN,
    END,
    README_FAMILIES,
    REPORT,
    markdown_report,
    readme_lines,
    rewrite,
    table_text,
)
from benchmarks.reports.tables import ReportTable
from benchmarks.reports.units import time_text
from benchmarks.result import FILE, Result, load_result
from tests.benchmarks.reports import results


def cells(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_every_table_has_as_many_cells_in_every_row() -> None:
    tables = re.findall(r"(?:^\|.*\n?)+", markdown_report(results.result()), flags=re.MULTILINE)
    assert len(tables) > 10
    for table in tables:
        assert len({cells(line) for line in table.strip().split("\n")}) == 1


def test_every_timing_of_every_world_is_shown() -> None:
    made = results.result()
    text = markdown_report(made)
    checked = 0
    for world in made.worlds:
        for family in world.families:
            for line in family.lines:
                timing = line.timing
                times = timing.p50_us, timing.p90_us, timing.p99_us, timing.p999_us
                row = " | ".join(map(time_text, times))
                assert row in text or row.replace(" | ", "** | **") in text
                checked += 1
    assert checked == 2 * (7 * 10 - 1) + 7


def test_headline_names_the_fastest_exact_peer_and_where_it_wins() -> None:
    text = markdown_report(results.result())
    # tantivy and cKDTree are not exact; the grid's figures are those of the factory.
    row = (
        "| nearest, 3 km, open now, a card 3 % hold | 724 | 47.0 µs / 98.7 µs | numpy grid | 333 µs"
    )
    assert row in text
    assert "It is slower in 1 of 7: nearest, total and facets by category" in text
    assert "0.55× to 26× as fast" in text


def test_an_inexact_peer_is_no_rival_however_fast() -> None:
    made = results.result()
    family = made.worlds[1].families[0]
    lines = [family.lines[0], results.line("tantivy", 1.0, recall=0.999)]
    world = msgspec.structs.replace(
        made.worlds[1], families=[msgspec.structs.replace(family, lines=lines)]
    )
    made.worlds = [world]
    assert "no exact peer was asked" in readme_lines(made)


def test_a_yardstick_is_no_rival_and_stands_in_the_tables() -> None:
    made = results.result()
    family = made.worlds[1].families[0]
    lines = [family.lines[0], results.line("numba", 1.0), results.line("grid", 400.0)]
    world = msgspec.structs.replace(
        made.worlds[1], families=[msgspec.structs.replace(family, lines=lines)]
    )
    (duel,) = duels(world)
    assert duel.rival is not None
    assert duel.rival.engine == "grid"
    assert "numba" in {line.engine for line in by_speed(world.families[0])}


def test_bars_and_brackets_in_names_do_not_break_a_table() -> None:
    table = ReportTable(["a|b", "n"], [["<img>\nx", "1"], ["", "2"]], ours=frozenset({0}))
    assert table_text(table) == (
        "| a\\|b | n |\n|---|--:|\n| **&lt;img&gt; x** | **1** |\n|  | 2 |"
    )


def test_readme_lines_are_few() -> None:
    """Of the families of the table those that the run has and an exact peer answered."""
    made = results.result()
    shown = zip(made.worlds[1].families, README_FAMILIES[:3], strict=False)
    renamed = [structs.replace(family, family=name) for family, name in shown]
    made.worlds[1].families[:3] = renamed
    made.worlds[1].families[2] = structs.replace(renamed[2], lines=renamed[2].lines[:1])
    assert readme_lines(made).split("\n") == [
        "With 1,000,000 merchants this engine is 0.55× to 26× as fast as the fastest exact peer of "
        "each family of questions, by medians. It is slower in 1 of 6: nearest, total and facets "
        "by category, 3 km, open now, the 3 % card 0.55×.",
        "",
        "| question | p50 / p99 | times as fast as the fastest exact peer |",
        "|---|--:|--:|",
        "| nearest, 3 km, open now, a card 3 % hold | 47.0 µs / 98.7 µs | 7.1× numpy grid |",
        "| nearest, 3 km, any of 8 cards | 23.0 µs / 46.5 µs | 19× numpy grid |",
        "",
        "A build of 992,986 merchants takes 30.2 s. One worker on one core answers 2,127 requests "
        "a second, 22 kB each. Machine: AMD EPYC, 2 cores, 24 GB; commit 048fc21, 2026-11-22. "
        "[The report](benchmarks/results/report.md) has every family and peer, p99, memory, "
        "relevance, versions, and what the figures do not show.",
    ]


def test_readme_lines_of_an_unfinished_run_say_so() -> None:
    made = results.result()
    made.unfinished = "stopped"
    assert readme_lines(made).startswith("This run is unfinished: stopped.\n")


def test_cold_families_stand_beside_their_twins() -> None:
    made = results.with_cold(results.result())
    text = markdown_report(made)
    head = (
        "| family | matching | p50 / p99 | fastest exact peer | its p50 / p99 | times | "
        "cold: p50 / p99 | fastest exact peer | its p50 / p99 | times |"
    )
    assert head in text
    for row in (
        # name, matching, warm, its peer, cold, its peer
        r"any of 8 cards \| 27,229 \| 23.0 µs / \S+ µs \| numpy grid \| 432 µs / .* \| 19× \| "
        r"69.0 µs / \d+ µs \| numpy grid \| 1.29 ms / \S+ ms \| 19× \|",
        r"total and facets by category, 3 km \| 42,740 \| .* 1.9× \|  \|  \|  \|  \|",
    ):
        assert re.search(row, text), row
    assert "by medians; cold, 0.55× to 26×. It is slower in 2 of 13:" in text
    assert "Cold: each question has another minute" in text
    assert "worked out beforehand, untimed" in text


def test_a_claim_names_the_worst_where_many_are_slower() -> None:
    made = results.result()
    families = []
    for number, family in enumerate(made.worlds[1].families):
        lines = [
            family.lines[0],
            results.line("grid", family.lines[0].timing.p50_us / (9 - number)),
        ]
        families.append(structs.replace(family, lines=lines))
    claim = sentences.claim(structs.replace(made.worlds[1], families=families))
    assert claim.endswith(
        "slower in 7 of 7: most of all in nearest, 3 km, open now, a card 3 % hold 0.11×; nearest, "
        "3 km, any of 8 cards 0.12×; best, 3 km, open now, the 3 % card 0.14×."
    )


def test_a_cold_family_alone_has_a_row() -> None:
    made = results.with_cold(results.result())
    (twin, *_) = [family for family in made.worlds[1].families if family.cold_of]
    made.worlds = [structs.replace(made.worlds[1], families=[twin])]
    row = "| nearest, 3 km, open now, a card 3 % hold, cold | 724 |  |  |  |  | 141 µs / "
    assert row in markdown_report(made)
    assert "| question |" not in readme_lines(made)


def test_the_readme_shows_both_columns() -> None:
    made = results.with_cold(results.result())
    renamed = {"nearest_open_red": README_FAMILIES[0], "count_facets": README_FAMILIES[2]}
    families = [
        structs.replace(
            family,
            family=renamed.get(family.family, family.family),
            cold_of=renamed.get(family.cold_of, family.cold_of),
        )
        for family in made.worlds[1].families
    ]
    made.worlds[1] = structs.replace(made.worlds[1], families=families)
    lines = readme_lines(made).split("\n")
    assert lines[2:4] == [
        "| question | p50 / p99 | times as fast as the fastest exact peer | cold: p50 / p99 | "
        "times as fast |",
        "|---|--:|--:|--:|--:|",
    ]
    assert re.fullmatch(
        r"\| nearest, .* \| 47.0 µs / 98.7 µs \| 7.1× numpy grid \| 141 µs / \d+ µs \| "
        r"7.1× numpy grid \|",
        lines[4],
    )
    assert re.fullmatch(r"\| nearest, total .* \| .* \|  \|  \|", lines[5])
    assert lines[7] == sentences.COLD


def test_fairness_is_told_of() -> None:
    text = markdown_report(results.result())
    assert "## Fairness" in text
    for row in (
        "| nothing else | 500 µs | 1.20 ms | 4.00 ms |  |  |",
        "| total and 4 facets in 50 km | 900 µs | 2.40 ms | 7.50 ms | 2.0× | 310 ms |",
        "| 8 common words in 50 km | 212 ms | 409 ms | 466 ms | 341× | 388 ms |",
    ):
        assert row in text
    assert "at 200 a second to one worker on one core, 992,986 merchants" in text
    made = results.result()
    made.fairness = None
    assert "## Fairness" not in markdown_report(made)


def test_studies_are_told_of() -> None:
    text = markdown_report(results.result())
    assert "## Many questions at once" in text
    assert "81,300 in a block on one thread, 155,000 on two" in text
    assert "Its counts alone: 3.20 s; numpy 21.50 s, DuckDB 30.25 s." in text
    made = results.result()
    made.studies = None
    assert "## Many questions at once" not in markdown_report(made)


def test_the_committed_readme_has_few_figures() -> None:
    """A claim, two columns for each family, a build and HTTP."""
    result = load_result(ROOT / "benchmarks" / "results" / FILE)
    lines = readme_lines(result)
    figures = re.findall(r"[0-9][0-9.,]*(?:×| (?:µs|ms|s|min|requests)\b)", lines)
    assert 12 <= len(figures) <= 8 + 6 * len(README_FAMILIES)
    rows = [line for line in lines.split("\n") if line.startswith("| ")]
    known = {family.family for world in result.worlds for family in world.families}
    assert len(rows) == 1 + len(known & set(README_FAMILIES))
    assert (ROOT / REPORT).exists()


def test_the_report_has_what_the_readme_leaves_out() -> None:
    text = markdown_report(results.result())
    for part in (
        "any of 8 cards | 27,229 | 23.0 µs / 46.5 µs | numpy grid | 432 µs / ",
        "992,986 merchants and 1,499,014 deals: 30.2 s, 3.7 GB",
        "2,127 requests a second over 4 connections, p50 1.88 ms, p99 4.51 ms",
        "at 500 a second p50 0.57 ms",
        "constant bytes: 24,388 a second",
        "1,716 real brands, 14,563 shops",
        "half the name in `suggest`",
        "AMD EPYC, 2 cores, 24 GB; Linux-6.18.44",
        "commit 048fc21, 2026-11-22: `geosearch bench",
    ):
        assert part in text


def test_what_a_run_lacks_is_left_out() -> None:
    made = Result(circumstances={}, unfinished="no world could be opened")
    text = markdown_report(made)
    assert "This run is unfinished: no world could be opened." in text
    assert "No peer was asked in this run." in text
    for word in ("## HTTP", "## Build", "## Relevance", "## Memory", "|"):
        assert word not in text
    assert "HTTP" not in readme_lines(made)


def test_rewriting_replaces_what_stands_between_the_markers() -> None:
    made = results.result()
    text = rewrite(f"# A\n{BEGIN}\nold\n{END}\nrest\n", readme_lines(made))
    assert text == f"# A\n{BEGIN}\n{readme_lines(made)}\n{END}\nrest\n"
    assert rewrite(text, readme_lines(made)) == text


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        BEGIN,
        END,
        f"{END}{BEGIN}",
        f"{BEGIN}{END}{END}",
        f"{BEGIN}{BEGIN}{END}",
        f"{END}{BEGIN}{END}",
        f"{BEGIN}{END}{BEGIN}{END}",
    ],
)
def test_rewriting_wants_both_markers_once(text: str) -> None:
    with pytest.raises(ValueError, match="Expected one"):
        rewrite(text, "lines")


def test_idle_servers_are_told_of_where_there_are_peers() -> None:
    made = results.result()
    assert "Servers of peers are idle" in markdown_report(made)
    made.worlds = made.worlds[2:]
    assert "Servers of peers are idle" not in markdown_report(made)


def test_layers_are_told_of() -> None:
    text = markdown_report(results.result())
    assert "What is made of the results" in text
    assert "rank, p50 | rank, p99 | search, p50 | search, p99 | page, p50 | page, p99" in text
    assert "101 µs" in text or "102 µs" in text
    bare = results.result()
    bare.worlds = [
        structs.replace(
            world, families=[structs.replace(family, layers={}) for family in world.families]
        )
        for world in bare.worlds
    ]
    assert "What is made of the results" not in markdown_report(bare)


def test_late_answers_stand_beside_those_of_the_floor() -> None:
    found = results.http()
    floor = results.loop("floor", 1_000, is_open=True, p50_ms=0.2)
    found = structs.replace(found, loops=[*found.loops, floor])
    said = sentences.http(structs.replace(results.result(), http=found))
    assert "at 1,000 a second p50 0.70 ms, p99 1.68 ms; the same stack" in said
    assert said.endswith("24,388 a second; at 1,000 a second p50 0.20 ms, p99 0.48 ms.")
