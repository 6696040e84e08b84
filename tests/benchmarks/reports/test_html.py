"""The HTML report: well formed, alone, escaped, with every figure; without what a run lacks."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import msgspec

from benchmarks.peers import PEERS, peer_class
from benchmarks.reports import svg, write_reports
from benchmarks.reports.charts import NAMES
from benchmarks.reports.html import html_report
from benchmarks.reports.units import time_text
from benchmarks.result import EngineResult, Result, load_result
from tests.benchmarks.reports import results

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


def drawings(page: str) -> list[ElementTree.Element]:
    return [
        ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    ]


def section(page: str, key: str) -> str:
    return page.partition(f'<section id="{key}">')[2].partition("</section>")[0]


def test_the_page_is_well_formed_and_asks_nothing_of_others() -> None:
    page = html_report(results.result())
    found = read(page)
    assert "script" not in found.seen
    assert not re.search(r"https?:", page)
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
    page = html_report(made)
    assert "match</span>" not in page
    assert "None" not in page
    rows = re.findall(r"<tr>.*?</tr>", section(page, "measured"), flags=re.DOTALL)
    assert [re.findall(r"<td[^>]*>(.*?)</td>", row)[-2:] for row in rows[1:]] == [["", ""]]


def test_no_name_of_a_peer_is_cut_in_a_chart() -> None:
    for name in PEERS:
        for line in svg.wrapped(peer_class(name).label, NAMES - 12):
            assert svg.shortened(line, NAMES - 12) == line


def test_every_drawing_is_xml_that_says_what_it_shows_and_has_no_colours() -> None:
    page = html_report(results.result())
    found = drawings(page)
    families = len(results.FAMILIES)
    # Latency and distribution in two worlds, sizes, memory 2, HTTP 4, relevance 1.
    assert len(found) == families * 5 + 7
    for each in found:
        assert each.attrib["role"] == "img"
        assert each.findtext("title")
        assert each.findtext("desc")
        assert not any({"fill", "stroke", "style"} & set(piece.attrib) for piece in each.iter())


def test_every_class_of_a_drawing_has_a_style() -> None:
    page = html_report(results.result())
    styled = set(re.findall(r"\.([a-z]+\d?)", page.partition("</style>")[0]))
    used = {
        kind
        for drawing in drawings(page)
        for piece in drawing.iter()
        for kind in piece.attrib.get("class", "").split()
    }
    assert used - {"mark"} <= styled
    names = set(re.findall(r"var\((--[a-z0-9-]+)\)", page))
    assert names <= set(re.findall(r"(--[a-z0-9-]+):", page))


def test_marks_lie_within_their_drawing() -> None:
    for drawing in drawings(html_report(results.result())):
        width, height = map(float, drawing.attrib["viewBox"].split()[2:])
        places = [
            (float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in drawing.iter("circle")
        ]
        for shape in (*drawing.iter("polygon"), *drawing.iter("polyline")):
            points = shape.attrib["points"].split()
            places += [(float(x), float(y)) for x, _, y in (each.partition(",") for each in points)]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


def test_latency_shows_every_engine_with_its_figures() -> None:
    made = results.result()
    world = made.worlds[1]
    shown = section(html_report(made), "latency")
    checked = 0
    for family in world.families:
        for line in family.lines:
            for us in (line.timing.p50_us, line.timing.p90_us, line.timing.p99_us):
                assert time_text(us) in shown
                checked += 1
    assert checked == 3 * (7 * 10 - 1)
    marked = [each.text for drawing in drawings(shown) for each in drawing.iter("text")]
    assert marked.count("recall 87.4 %") == 2 * 6
    assert marked.count("recall 98.1 %") == 2 * 7


def test_rows_are_sorted_and_this_engine_is_marked() -> None:
    page = html_report(results.result())
    first = drawings(section(page, "latency"))[0]
    names = [each.text or "" for each in first.iter("text")]
    engines = [name for name in names if name in {"geosearch", "numpy grid", "numpy scan"}]
    assert engines == ["geosearch", "numpy grid", "numpy scan"]
    assert [each.attrib["class"] for each in first.iter("rect")] == ["band"]


def test_the_other_sections_show_their_figures() -> None:
    page = html_report(results.result())
    assert "slope 0.04" in section(page, "sizes")
    assert "worlds differ in shape (city, towns)" in section(page, "sizes")
    for figure in ("168 B", "909 B", "1.09 kB", "240 B", "413 ms", "36.2 ms", "9.09 GB"):
        assert figure in section(page, "memory")
    for figure in ("24,388", "2,127", "172 µs", "36 %", "median 126 ms", "187 ms", "4.21 ms"):
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
    page = html_report(made)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    read(page)
    assert drawings(page)


def test_what_a_run_lacks_is_left_out() -> None:
    made = results.result()
    made.http = made.relevance = made.build = None
    made.unfinished = "out of time in the second world"
    made.worlds = made.worlds[:1]
    page = html_report(made)
    found = read(page)
    assert not {"http", "relevance", "build", "sizes"} & set(found.ids)
    assert {"latency", "memory", "engines", "measured", "work"} <= set(found.ids)
    assert "This run is unfinished: out of time in the second world." in page


def test_a_run_of_nothing_and_one_without_peers_are_reports_too() -> None:
    page = html_report(Result(circumstances={}))
    read(page)
    assert "No world was measured." in page
    made = results.result()
    made.worlds = made.worlds[2:]
    page = html_report(made)
    read(page)
    assert "No peer was asked in this run." in page
    assert len(drawings(section(page, "latency"))) == len(results.FAMILIES)


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
    page = html_report(made)
    assert "not compared" in page
    assert "numpy grid 3" not in page.partition("<nav>")[0]
    assert "unknown" in section(page, "engines")


def test_reports_are_written_beside_the_result(tmp_path: Path) -> None:
    made = results.result()
    files = write_reports(made, tmp_path / "new")
    assert [file.name for file in files] == ["result.json", "report.md", "report.html"]
    assert load_result(files[0]) == made
    assert files[2].read_text(encoding="utf-8") == html_report(made)
