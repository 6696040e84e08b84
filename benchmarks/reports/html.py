"""A result as one HTML file from `report.html.j2`, without scripts and outside resources."""

from html import escape
from pathlib import Path
from typing import NamedTuple

from benchmarks import INSTALL
from benchmarks.reports import sentences
from benchmarks.reports.findings import by_size, readable
from benchmarks.reports.sections import headline, sections
from benchmarks.result import Result

TEMPLATE = "report.html.j2"


class Figure(NamedTuple):
    """A drawing, as the text of an `svg` element, with its caption."""

    caption: str
    svg: str


Figures = dict[str, dict[str, list[Figure]]]
"""Figures by the key of their section, then by a title."""


def html_report(result: Result, figures: Figures, missing: str = "") -> str:
    """The whole report as one HTML document; `missing` says why it has no figures.

    Without Jinja2 it is a page that says so.
    """
    try:
        import jinja2
    except ImportError as error:
        return (
            f"<!doctype html>\n<meta charset=utf-8>\n<p>{escape(left_out('The page', error))}</p>\n"
        )
    result = readable(result)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        taken_on=sentences.taken_on(result),
        facts=_facts(result),
        unfinished=bool(result.unfinished),
        headline=headline(result),
        sections=sections(result),
        figures=figures,
        missing=missing,
    )


def left_out(what: str, error: ImportError) -> str:
    """Says that a part of the report needs the extra, and how to install it."""
    return f"{what} is left out ({error}): install what it needs with `{INSTALL}`."


def _facts(result: Result) -> list[str]:
    around = result.circumstances
    facts = [f"commit {around.get('commit', 'unknown')}", sentences.taken_on(result)]
    if "cpu" in around:
        facts.insert(0, f"{around['cpu']}, {around.get('cores')} cores")
    if result.worlds:
        facts.append("worlds: " + "; ".join(map(sentences.world_name, by_size(result))))
    return facts
