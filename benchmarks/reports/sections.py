"""Sections of a report: sentences and tables. A run without figures for a section has none.

`markdown` and `html` show the same sections; `html` adds the charts by the section's key.
"""

from typing import NamedTuple

from benchmarks.reports import sentences, tables
from benchmarks.reports.findings import by_size, has_cold, peer_worlds
from benchmarks.reports.tables import ReportTable
from benchmarks.result import Result, WorldResult


class Section(NamedTuple):
    """A heading with sentences and tables; a page may fold the long tables."""

    key: str
    title: str
    said: list[str]
    tables: list[ReportTable]
    long: list[ReportTable]


def sections(result: Result) -> list[Section]:
    """Sections of a result in the order of reading, without the headline."""
    if not result.worlds:
        worlds: list[Section | None] = [
            Section("latency", "Latency", ["No world was measured."], [], [])
        ]
    else:
        worlds = [_latency(result), _sizes(result), _memory(result)]
    rest = [
        _http(result),
        _fairness(result),
        _studies(result),
        _batches(result),
        _changes(result),
        _build(result),
        _relevance(result),
    ]
    found = [*worlds, _layers(result), *rest, _engines(result), _measured(result), _work(result)]
    return [section for section in found if section is not None]


def headline(result: Result) -> Section:
    """Section with the main statement and its duels."""
    said = sentences.headline(result)
    if result.unfinished:
        said.insert(0, f"This run is unfinished: {result.unfinished}.")
    worlds = peer_worlds(result)
    if worlds and has_cold(worlds[0]):
        said.append(f"{sentences.COLD} {sentences.COLD_PEERS}")
    shown = [tables.duel_table(worlds[0])] if worlds else []
    return Section("headline", "Headline", said, shown, [])


def _latency(result: Result) -> Section:
    worlds = peer_worlds(result)
    said = [
        "p50 of every engine with its p99. Engines whose answers are not all right show their "
        'recall and are no rivals, however fast. In the tables "match" is the share of all '
        "merchants that match all but the place.",
    ]
    if not worlds:
        said = ["No peer was asked in this run; these are the figures of this engine alone."]
    lines = [tables.line_table(world) for world in reversed(by_size(result))]
    title = "Latency against peers" if worlds else "Latency"
    return Section("latency", title, said, [], lines)


def _sizes(result: Result) -> Section | None:
    if len(result.worlds) < 2:
        return None
    said = sentences.size_notes(result)
    return Section("sizes", "Cost against size", said, [tables.size_table(result)], [])


def _memory(result: Result) -> Section:
    said = [
        "Hot bytes are the columns that queries read; RSS is a process that has opened the index "
        "and answered every family; the first answer counts from the start of opening, in a new "
        "process. Bytes of other engines are what they tell of their index."
    ]
    return Section("memory", "Memory", said, [tables.world_table(result)], [])


def _layers(result: Result) -> Section | None:
    found = [tables.layer_table(world) for world in _largest_first(result)]
    shown = [table for table in found if table is not None]
    if not shown:
        return None
    said = [
        "`rank` gives numbers and keys of the 20 results, `search` typed hits with opening hours, "
        "deals and reasons, `page` the same as JSON, which is what the service sends."
    ]
    return Section("layers", "What is made of the results", said, shown[:1], shown[1:])


def _http(result: Result) -> Section | None:
    if result.http is None:
        return None
    said = [sentences.http(result)]
    if sentences.freshness(result):
        said.append(sentences.freshness(result))
    shown = [tables.loop_table(result.http)] if result.http.loops else []
    if result.http.parts_us:
        shown.append(tables.part_table(result.http))
    return Section("http", "HTTP", said, shown, [])


def _fairness(result: Result) -> Section | None:
    if result.fairness is None:
        return None
    shown = [tables.fairness_table(result.fairness)]
    return Section("fairness", "Fairness", [sentences.fairness(result.fairness)], shown, [])


def _studies(result: Result) -> Section | None:
    if result.studies is None:
        return None
    return Section("studies", "Many questions at once", sentences.studies(result.studies), [], [])


def _batches(result: Result) -> Section | None:
    if result.batches is None:
        return None
    return Section("batches", "Questions shared out", sentences.batches(result.batches), [], [])


def _changes(result: Result) -> Section | None:
    if result.changes is None:
        return None
    return Section("changes", "Live changes", sentences.changes(result.changes), [], [])


def _build(result: Result) -> Section | None:
    text = sentences.build(result)
    return Section("build", "Build", [text], [], []) if text else None


def _relevance(result: Result) -> Section | None:
    if result.relevance_missing:
        said = [
            "Left out: of the real data that it needs, in `../shared/data` beside the checkout, "
            f"these are missing: {', '.join(result.relevance_missing)}."
        ]
        return Section("relevance", "Relevance", said, [], [])
    if not result.relevance or not result.relevance.get("ways"):
        return None
    city = result.relevance.get("city", {})
    said = ["How often what was meant comes first, by way of typing; aims in brackets."]
    if city:
        said.append(
            f"{city['brands']:,} real brands, {city['shops']:,} shops, "
            f"{city['categories']:,} categories."
        )
    return Section("relevance", "Relevance", said, [tables.relevance_table(result.relevance)], [])


def _engines(result: Result) -> Section | None:
    worlds = [world for world in _largest_first(result) if world.engines]
    if not worlds:
        return None
    first, *others = [tables.engine_table(world) for world in worlds]
    return Section("engines", "Engines", [], [first], others)


def _measured(result: Result) -> Section:
    said = [*sentences.measured(result), sentences.circumstances(result)]
    worlds = _largest_first(result)
    asked = [tables.family_table(world) for world in worlds]
    return Section("measured", "How it was measured", said, [], asked)


def _work(result: Result) -> Section | None:
    found = [tables.work_table(world) for world in _largest_first(result)]
    counted = [table for table in found if table is not None]
    if not counted:
        return None
    said = ["Medians of what this engine counts while it answers; these are exact, not timed."]
    return Section("work", "Work", said, counted[:1], counted[1:])


def _largest_first(result: Result) -> list[WorldResult]:
    """Worlds with peers first, then the others; each the largest first."""
    peers = peer_worlds(result)
    return [*peers, *(world for world in reversed(by_size(result)) if world not in peers)]
