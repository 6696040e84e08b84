"""A result as one HTML file: charts and tables, nothing loaded from elsewhere, no script.

Useful for: `report.html`, for light and dark screens from a phone's width on.
Not useful for: READMEs; see `markdown`.
"""

import re
from collections.abc import Callable, Sequence
from html import escape

from benchmarks.reports import sentences
from benchmarks.reports.charts import (
    Figure,
    distribution_charts,
    latency_charts,
    memory_charts,
    size_charts,
)
from benchmarks.reports.findings import by_size, peer_worlds, readable
from benchmarks.reports.http_charts import http_charts, relevance_chart
from benchmarks.reports.sections import Section, headline, sections
from benchmarks.reports.style import CSS
from benchmarks.reports.tables import Table
from benchmarks.result import Result, WorldResult


def html_report(result: Result) -> str:
    """The whole report as one HTML document."""
    result = readable(result)
    first, *others = sections(result)
    shown = [section for section in (first, _distribution(result), *others) if section]
    links = "".join(f'<a href="#{each.key}">{escape(each.title)}</a>' for each in shown)
    body = [_headline(result), f"<nav>{links}</nav>"]
    body += [_section(each, _charts(each.key, result)) for each in shown]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>Benchmarks, {escape(sentences.taken_on(result))}</title>\n"
        f"<style>{CSS}</style>\n</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n"
        "</body>\n</html>\n"
    )


def _headline(result: Result) -> str:
    section = headline(result)
    around = result.circumstances
    facts = [
        f"{around['cpu']}, {around.get('cores')} cores" if "cpu" in around else "",
        f"commit {around.get('commit', 'unknown')}",
        sentences.taken_on(result),
        "worlds: " + "; ".join(map(sentences.world_name, by_size(result))) if result.worlds else "",
    ]
    parts = ["<h1>Benchmarks</h1>", _paragraph(" · ".join(filter(None, facts)), "dim")]
    for text in section.said:
        warn = bool(result.unfinished) and text == section.said[0]
        parts.append(_paragraph(text, "warn" if warn else "lead"))
    return "\n".join([*parts, *map(_table, section.tables)])


def _section(section: Section, charts: Sequence[str]) -> str:
    parts = [f'<section id="{section.key}">', f"<h2>{escape(section.title)}</h2>"]
    parts += [_paragraph(text) for text in section.said]
    parts += [*charts, *map(_table, section.tables)]
    if section.long:
        parts.append(
            _closed(
                "More tables" if section.tables else "Tables",
                [_table(table) for table in section.long],
            )
        )
    return "\n".join([*parts, "</section>"])


def _charts(key: str, result: Result) -> list[str]:
    """Figures of a section."""
    if key == "latency":
        return _per_world(result, latency_charts)
    if key == "distribution":
        return _per_world(result, distribution_charts)
    if key == "sizes":
        return [_grid(size_charts(result))]
    if key == "memory":
        worlds = [*peer_worlds(result), *reversed(by_size(result))]
        return [_grid(memory_charts(result, worlds[0]))]
    if key == "http" and result.http is not None:
        return [_grid(http_charts(result.http))]
    if key == "relevance" and result.relevance is not None:
        chart = relevance_chart(result.relevance)
        return [_grid([chart])] if chart else []
    return []


def _per_world(result: Result, charts: Callable[[WorldResult], Sequence[Figure]]) -> list[str]:
    """Figures of the largest world with peers; those of the others closed."""
    worlds = peer_worlds(result) or list(reversed(by_size(result)))[:1]
    parts = []
    for number, world in enumerate(worlds):
        name, figures = sentences.world_name(world), charts(world)
        if figures and number == 0:
            parts += [f"<h3>{escape(name)}</h3>", _grid(figures)]
        elif figures:
            parts.append(_closed(name, [_grid(figures)]))
    return parts


def _distribution(result: Result) -> Section | None:
    """What the charts of it show; None without histograms. It has no tables."""
    if not any(
        sum(line.timing.histogram)
        for world in result.worlds
        for family in world.families
        for line in family.lines
    ):
        return None
    said = [
        "All timings of every engine, in bins of a tenth of a decade; each engine's highest bin "
        "is as high as the others'. The number is its p50."
    ]
    return Section("distribution", "Distribution", said, [], [])


def _grid(figures: Sequence[Figure]) -> str:
    parts = ['<div class="grid">']
    for figure in figures:
        note = f" <span>{escape(figure.note)}</span>" if figure.note else ""
        caption = f"<figcaption>{escape(figure.caption)}{note}</figcaption>"
        parts.append(f"<figure>{caption}\n{figure.svg}\n</figure>")
    return "\n".join([*parts, "</div>"])


def _closed(title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return f"<details><summary>{escape(title)}</summary>\n{body}\n</details>"


def _table(table: Table) -> str:
    """A table in its own box, which scrolls where the page is narrow."""
    parts = [f"<h3>{escape(table.title)}</h3>"] if table.title else []
    parts += ['<div class="scroll" tabindex="0"><table>', "<thead><tr>"]
    parts += [_cell("th", cell, number in table.words) for number, cell in enumerate(table.head)]
    parts.append("</tr></thead><tbody>")
    for row, cells in enumerate(table.rows):
        parts.append('<tr class="ours-row">' if row in table.ours else "<tr>")
        parts += [_cell("td", cell, number in table.words) for number, cell in enumerate(cells)]
        parts.append("</tr>")
    return "\n".join([*parts, "</tbody></table></div>"])


def _cell(tag: str, words: str, is_word: bool) -> str:
    kind = ' class="word"' if is_word else ""
    return f"<{tag}{kind}>{_coded(words)}</{tag}>"


def _paragraph(words: str, kind: str = "") -> str:
    return f'<p class="{kind}">{_coded(words)}</p>' if kind else f"<p>{_coded(words)}</p>"


def _coded(words: str) -> str:
    """Words with what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))
