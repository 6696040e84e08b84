"""The HTML report: well formed, alone, escaped, with every figure; without what a run lacks."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from benchmarks.reports import PICTURE, write_reports
from benchmarks.reports.html import Figure, Figures, html_report
from benchmarks.reports.markdown import markdown_report
from benchmarks.reports.units import time_text
from benchmarks.result import EngineResult, Result, load_result
from tests.benchmarks.reports import results

pytest.importorskip("jinja2", reason="needs geosearch-deals[bench]")

DRAWN: Figures = {
    "headline": {"": [Figure("all families", "<svg>all</svg>")]},
    "latency": {
        "1,000,000, one city": [Figure("any of 8 cards", "<svg>8</svg>")],
        "100,000, one city": [Figure("a card", "<svg>1</svg>")],
    },
}

VOID = {"meta", "link", "br"}


class Balance(HTMLParser):
    """Fails where a tag is closed that is not the innermost open one."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        assert "src" not in found
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Balance:
    parser = Balance()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser


def section(page: str, key: str) -> str:
    return page.partition(f'<section id="{key}">')[2].partition("</section>")[0]


def test_the_page_is_well_formed_and_asks_nothing_of_others(tmp_path: Path) -> None:
    write_reports(results.result(), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    found = read(page)
    assert found.seen.count("svg") > 2 * len(results.FAMILIES)
    assert not {"script", "img", "image", "iframe", "object"} & set(found.seen)
    # Names of XML's vocabularies are addresses that nobody asks.
    assert not re.search(r"https?:", re.sub(r' xmlns(:xlink)?="[^"]*"', "", page))
    assert "@import" not in page
    assert "url(" not in page
    assert len(set(found.ids)) == len(found.ids)
    assert {each for each in found.links if each.startswith("#")} == {f"#{x}" for x in found.ids}
    assert [each for each in found.links if not each.startswith("#")] == ["data:,"]


def test_nothing_is_said_of_matches_where_none_are_counted() -> None:
    made = results.result()
    world = made.worlds[1]
    family = msgspec.structs.replace(world.families[0], family="suggest", share=None, matching=None)
    made.worlds = [msgspec.structs.replace(world, families=[family])]
    page = html_report(made, {})
    assert "match</span>" not in page
    assert "None" not in page
    rows = re.findall(r"<tr>.*?</tr>", section(page, "measured"), flags=re.DOTALL)
    assert [re.findall(r"<td[^>]*>(.*?)</td>", row)[-2:] for row in rows[1:]] == [["", ""]]


def test_latency_shows_every_engine_with_its_figures() -> None:
    made = results.result()
    world = made.worlds[1]
    shown = section(html_report(made, {}), "latency")
    checked = 0
    for family in world.families:
        for line in family.lines:
            for us in (line.timing.p50_us, line.timing.p90_us, line.timing.p99_us):
                assert time_text(us) in shown
                checked += 1
    assert checked == 3 * (7 * 10 - 1)
    assert shown.count(">87.4 %</td>") == 2 * 6
    assert shown.count(">98.1 %</td>") == 2 * 7


def test_rows_are_sorted_and_this_engine_is_marked() -> None:
    made = results.result()
    page = html_report(made, {})
    rows = re.findall(r"<tr( class=.ours.)?>(<td.*?)</tr>", section(page, "latency"), re.DOTALL)
    found = [(bool(ours), re.findall(r">([^<]*)</td>", cells)[3]) for ours, cells in rows]
    assert [ours for ours, _ in found] == [name == "geosearch" for _, name in found]
    # The largest world has this engine alone; the fastest of the next one's first family follow.
    alone = len(results.FAMILIES)
    assert {name for _, name in found[:alone]} == {"geosearch"}
    world = made.worlds[1]
    fastest = sorted(world.families[0].lines, key=lambda line: line.timing.p50_us)
    labels = {each.engine: each.label for each in world.engines}
    assert [name for _, name in found[alone:][:10]] == [labels[line.engine] for line in fastest]


def test_figures_are_in_their_sections_those_of_the_first_title_open() -> None:
    page = html_report(results.result(), DRAWN)
    read(page)
    assert "<svg>all</svg>" in page.partition("<nav>")[0]
    shown = section(page, "latency")
    assert re.findall(r"<details( open)?><summary>(.*?)</summary>", shown) == [
        (" open", "1,000,000, one city"),
        ("", "100,000, one city"),
        ("", "Tables"),
    ]
    assert shown.index("<svg>8</svg>") < shown.index("<svg>1</svg>")
    assert "<figcaption>any of 8 cards</figcaption>" in shown


def test_what_stands_between_backticks_is_code() -> None:
    page = html_report(results.result(), {}, "`<b>` & `two`")
    assert '<p class="warn"><code>&lt;b&gt;</code> &amp; <code>two</code></p>' in page
    assert "half the name in <code>suggest</code>" in section(page, "relevance")


def test_the_other_sections_show_their_figures() -> None:
    page = html_report(results.result(), {})
    assert "<td>0.04</td>" in section(page, "sizes")
    assert "worlds differ in shape (city, towns)" in section(page, "sizes")
    for figure in ("168 B", "909 B", "1.09 kB", "413 ms", "36.2 ms", "9.09 GB"):
        assert figure in section(page, "memory")
    for figure in ("24,388", "2,127", "172 µs", "36 %", "median 126 ms", "187 ms", "4.51 ms"):
        assert figure in section(page, "http")
    for figure in ("992,986", "1,499,014", "30.2 s", "3.7 GB", "55 bytes"):
        assert figure in section(page, "build")
    for figure in ("99.4 % (80 %)", "92.9 % (90 %)", "0.853", "99.9 % (98 %) of ten right"):
        assert figure in section(page, "relevance")
    for figure in ("3.45.1", "not installed", "6.33 s", "190 MB"):
        assert figure in section(page, "engines")
    for figure in ("Numba", "4.0 %", "geosearch bench --worlds", "AMD EPYC", "3 rounds"):
        assert figure.lower() in section(page, "measured").lower()
    for figure in ("305", "311", "22.5", "127"):
        assert figure in section(page, "work")


def test_names_are_escaped() -> None:
    made = results.result()
    world = made.worlds[1]
    evil = '<script>alert("&")</script>'
    engines = [
        msgspec.structs.replace(each, label=evil, schema=evil, version=evil)
        for each in world.engines
    ]
    families = [msgspec.structs.replace(each, label=evil) for each in world.families]
    made.worlds[1] = msgspec.structs.replace(
        world, label=evil, shape=evil, engines=engines, families=families
    )
    made.circumstances["cpu"] = made.circumstances["commit"] = evil
    made.unfinished = evil
    page = html_report(made, {})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    read(page)


def test_names_are_escaped_in_captions_and_drawings(tmp_path: Path) -> None:
    made = results.result()
    evil = '<script>alert("&")</script>'
    families = [msgspec.structs.replace(made.worlds[1].families[0], label=evil)]
    engines = [msgspec.structs.replace(each, label=evil) for each in made.worlds[1].engines]
    made.worlds = [msgspec.structs.replace(made.worlds[1], families=families, engines=engines)]
    write_reports(made, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "<figcaption>&lt;script&gt;" in page
    read(page)


def test_what_a_run_lacks_is_left_out() -> None:
    made = results.result()
    made.http = made.relevance = made.build = None
    made.unfinished = "out of time in the second world"
    made.worlds = made.worlds[:1]
    page = html_report(made, {})
    found = read(page)
    assert not {"http", "relevance", "build", "sizes"} & set(found.ids)
    assert {"latency", "memory", "engines", "measured", "work"} <= set(found.ids)
    assert "This run is unfinished: out of time in the second world." in page


def test_a_run_of_nothing_and_one_without_peers_are_reports_too() -> None:
    page = html_report(Result(circumstances={}), {})
    read(page)
    assert "No world was measured." in page
    made = results.result()
    made.worlds = made.worlds[2:]
    page = html_report(made, {})
    read(page)
    assert "No peer was asked in this run." in page


def test_a_peer_without_bytes_or_comparison_is_no_exact_one() -> None:
    made = results.result()
    family = made.worlds[1].families[0]
    lines = [
        msgspec.structs.replace(line, compared=0) if line.engine == "grid" else line
        for line in family.lines
    ]
    families = [msgspec.structs.replace(family, lines=lines)]
    engines = [EngineResult(engine="grid", label="numpy grid")]
    made.worlds = [msgspec.structs.replace(made.worlds[1], families=families, engines=engines)]
    page = html_report(made, {})
    assert ">numpy grid<" not in page.partition("<nav>")[0]
    assert "<td></td><td>0</td>" in section(page, "latency")
    assert "unknown" in section(page, "engines")


def test_reports_are_written_beside_the_result(tmp_path: Path) -> None:
    made = results.result()
    files = write_reports(made, tmp_path / "new")
    names = [file.name for file in files]
    assert names == ["result.json", "report.md", "report.html", "report.svg"]
    assert load_result(files[0]) == made
    picture = files[3].read_text("utf-8")
    assert picture in files[2].read_text("utf-8")
    said = files[1].read_text("utf-8")
    assert said == markdown_report(made, picture=PICTURE)
    # One line more, after the circumstances.
    linked = f"![p50 of every family, by engine]({PICTURE})\n\n"
    assert said.replace(linked, "", 1) == markdown_report(made)
    assert said.index(linked) < said.index("## Headline")


@pytest.mark.parametrize("lacking", ["altair", "vl_convert"])
def test_without_what_draws_the_page_says_which_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setitem(sys.modules, lacking, None)
    monkeypatch.delitem(sys.modules, "benchmarks.reports.charts", raising=False)
    made = results.result()
    files = write_reports(made, tmp_path)
    assert [file.name for file in files] == ["result.json", "report.md", "report.html"]
    assert files[1].read_text("utf-8") == markdown_report(made)
    page = files[2].read_text("utf-8")
    read(page)
    assert "<svg" not in page
    assert f"import of {lacking} halted" in page
    assert "install what it needs with <code>pip install -e &#39;.[bench]&#39;</code>" in page
    assert {"latency", "http", "relevance"} <= set(read(page).ids)


def test_without_the_template_engine_the_page_says_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    made = results.result()
    files = write_reports(made, tmp_path)
    assert load_result(files[0]) == made
    assert files[1].read_text("utf-8") == markdown_report(made, picture=PICTURE)
    page = files[2].read_text("utf-8")
    assert "The page is left out" in page
    assert "pip install -e" in page
    assert len(page) < 300
