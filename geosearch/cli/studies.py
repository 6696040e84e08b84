"""Commands of studies: `rank`, `worth` and `coverage`."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import typer
from rich.console import RenderableType

from geosearch.cli.options import Given, instant, integer, query_rows, with_options
from geosearch.cli.progress import ProgressReport, waiting
from geosearch.errors import BadRequest

Show = Callable[[str | bytes | RenderableType], None]

_NOT_IN_BLOCKS = ("cursor", "facets", "explain", "format")

Index = Annotated[Path, typer.Argument(help="Index folder, or folder of regions.")]
From = Annotated[
    datetime | None,
    typer.Option(parser=instant, metavar="INSTANT", help="Look ahead from here; now by default."),
]
Processes = Annotated[
    int | None,
    typer.Option(parser=integer, metavar="N", help="Work in so many processes, or Ray actors."),
]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Work on a Ray cluster; `local` starts one here."),
]


def add_studies(app: typer.Typer, show: Show) -> None:
    """Add the commands to an application; `show` prints what they find."""

    @app.command()
    @with_options([row for row in query_rows() if row.name not in _NOT_IN_BLOCKS])
    def rank(
        given: Given,
        index: Index,
        queries: Annotated[Path, typer.Option(help="File of queries: .parquet, .arrow, .ndjson.")],
        out: Annotated[Path, typer.Option(help="File of results: .parquet or .arrow.")],
        threads: Annotated[
            int | None, typer.Option(parser=integer, metavar="N", help="Threads; all cores.")
        ] = None,
        processes: Processes = None,
        ray: Ray = None,
    ) -> None:
        """Answer a file of questions; columns and options are the parameters of /v1/nearby."""
        from geosearch.cluster.all_regions import open_all
        from geosearch.cluster.batches import batches
        from geosearch.studies.rank_files import rank_file

        constants = _constants(given)
        with waiting():
            engine = open_all(index)
        with (
            batches(engine, index, processes=processes, ray=ray, threads=threads) as by,
            ProgressReport() as progress,
        ):
            ranking = None if by is None else by.blocks
            report = rank_file(
                engine, queries, out, constants, threads=threads, progress=progress, ranking=ranking
            )
        if report.refused and not report.results:
            raise BadRequest(f"No query can be answered; the first: {report.example}")
        show(_rank_words(report, out))

    @app.command()
    def worth(
        index: Index,
        habits: Annotated[Path, typer.Option(help="JSON list of habits; see docs/reference.md.")],
        cards: Annotated[str, typer.Option(help="Cards held, comma separated.")] = "",
        candidates: Annotated[
            str | None, typer.Option(help="Cards to value; by default all active ones.")
        ] = None,
        at: From = None,
        processes: Processes = None,
        ray: Ray = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Say what each card is worth to a person with some habits."""
        from geosearch.cli.study_tables import worth_table
        from geosearch.cluster.all_regions import open_all
        from geosearch.cluster.batches import batches
        from geosearch.studies.habits import read_habits
        from geosearch.studies.worth import worth as value

        record = _read_json(habits)
        read = read_habits(record["habits"] if isinstance(record, Mapping) and "habits" in record
                           else record)  # fmt: skip
        wanted = None if candidates is None else _names(candidates)
        with waiting():
            engine = open_all(index)
            with batches(engine, index, processes=processes, ray=ray) as by:
                measure = None if by is None else by.habits
                found = value(
                    engine, read, cards=_names(cards), candidates=wanted, at=at, measure=measure
                )
        show(msgspec.json.encode(found) if as_json else worth_table(found))

    @app.command()
    def coverage(
        index: Index,
        out: Annotated[
            Path | None, typer.Option(help="File for all cells: .geojson, .parquet or .csv.")
        ] = None,
        programs: Annotated[
            str | None, typer.Option(help="Cards, comma separated; by default all active ones.")
        ] = None,
        cells: Annotated[str, typer.Option(help="h3:7 to h3:10, or zones.")] = "h3:9",
        slot: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME=TIMES", help="A slot such as lunch=Mo-Fr 12:15; repeat."),
        ] = None,
        compare: Annotated[
            str | None, typer.Option(metavar="A,B", help="Two cards: say which one leads where.")
        ] = None,
        at: From = None,
        processes: Processes = None,
        ray: Ray = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Say where cards can be used, and where they beat the public price."""
        from geosearch.cluster.all_regions import open_all
        from geosearch.cluster.batches import batches
        from geosearch.studies.coverage import SLOTS
        from geosearch.studies.coverage import coverage as survey
        from geosearch.studies.coverage_files import check_format, sentences, write_coverage

        if out is not None:
            check_format(out)
        slots = _slots(slot) if slot else SLOTS
        with waiting():
            engine = open_all(index)
        with (
            batches(engine, index, processes=processes, ray=ray) as by,
            ProgressReport() as progress,
        ):
            found = survey(
                engine,
                programs=None if programs is None else _names(programs),
                cells=cells,
                slots=slots,
                compare=_pair(compare),
                at=at,
                progress=progress,
                counting=None if by is None else by.minutes,
            )
            if out is not None:
                write_coverage(found, out)
        if as_json:
            show(json.dumps({"total": found.total.to_dicts(), "warnings": found.warnings}))
            return
        written = [] if out is None else [f"wrote {out}, rows: {found.rows.height:,}"]
        show("\n".join([*sentences(found.total), *found.warnings, *written]))


def _rank_words(report: Any, out: Path) -> str:
    """Return what was ranked, and what was refused, as text."""
    speed = report.queries / max(report.seconds, 0.001)
    lines = [
        f"wrote {out}: {report.results:,} results of {report.queries:,} queries in "
        f"{report.seconds:.1f} s, {speed:,.0f} a second"
    ]
    for code, count in report.refused.items():
        lines.append(f"refused {count:,} queries: {code}")
    if report.rejected is not None:
        lines.append(f"{report.rejected} lists them; the first: {report.example}")
    return "\n".join(lines)


def _constants(given: Given) -> dict[str, Any]:
    """Return the given options in the types of a query.

    The query that reads them gets what columns may give later: a place, a card, a text.
    """
    from geosearch.service.request import read_url

    names = {name for name, _ in given}
    others = {"lat": "0", "lng": "0", "cards": "-", "q": "-"}
    filled = [*given, *((name, text) for name, text in others.items() if name not in names)]
    query = read_url(urlencode(filled).encode())
    return {name: getattr(query, name) for name in names}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = _names(text)
    if len(names) != 2:
        raise BadRequest(f"Expected two cards, such as red,blue, got {text!r} - at `--compare`")
    return names[0], names[1]


def _slots(texts: list[str]) -> dict[str, str]:
    slots = {}
    for text in texts:
        name, equals, times = text.partition("=")
        if not equals or not name.strip():
            raise BadRequest(f"Expected NAME=TIMES, got {text!r} - at `--slot`")
        slots[name.strip()] = times.strip()
    return slots


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadRequest(f"Cannot read the file as JSON: {reason} - at `{file}`") from error
