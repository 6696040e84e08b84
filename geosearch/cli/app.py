"""Command line: parse, call one function of the package, print.

It has no logic. A command imports what it calls when it is called: `search` need not wait for
polars or a server.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from msgspec.structs import replace
from rich.console import RenderableType
from typer.exceptions import TyperException

from geosearch import __version__
from geosearch.cli.gateway import add_gateway
from geosearch.cli.live import add_live
from geosearch.cli.options import (
    Given,
    instant,
    integer,
    locale_language,
    only_once,
    query_rows,
    setting_rows,
    settings_from,
    share,
    with_options,
)
from geosearch.cli.progress import ProgressReport, waiting
from geosearch.cli.studies import Ray, add_studies
from geosearch.cli.tables import answer_table, console
from geosearch.errors import BadData, BadRequest, Fault, GeosearchError
from geosearch.query.query import Query
from geosearch.snapshot.folder import new_snapshot

DONE, FAULT, WRONG_USE, BAD_DATA = 0, 1, 2, 3

TRACEBACK_VARIABLE = "GEOSEARCH_TRACEBACK"

app = typer.Typer(add_completion=False, rich_markup_mode=None)
importers = typer.Typer(help="Turn other sources into a snapshot.")
app.add_typer(importers, name="import")


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done, 1 a fault of ours, 2 wrong use, 3 bad data, 130 interrupted. All but 0 leave one
        sentence on stderr.
    """
    try:
        _check_encoding(arguments)
        status = app(list(arguments) or ["--help"], prog_name="geosearch", standalone_mode=False)
    except (TyperException, GeosearchError, OSError, MemoryError) as error:
        return _complain(error)
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        return _complain(error)
    return status if isinstance(status, int) else DONE


def _check_encoding(arguments: Sequence[str]) -> None:
    """Raise for arguments that are not valid Unicode: no message could repeat them."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(argument).decode(errors="backslashreplace")
            raise BadRequest(
                f"Expected arguments in UTF-8, got other bytes - at `{shown}`"
            ) from None


def _complain(error: Exception) -> int:
    """Write one sentence to stderr, and return the exit status, which says who must act."""
    status, sentence = _verdict(error)
    print("geosearch: " + " ".join(sentence.split()), file=sys.stderr)
    return status


def _verdict(error: Exception) -> tuple[int, str]:
    match error:
        case TyperException():
            return WRONG_USE, error.format_message()
        case BadRequest():
            return WRONG_USE, str(error)
        case BadData():
            return BAD_DATA, str(error)
        case Fault():
            return FAULT, str(error)
        case OSError() if error.strerror:
            what = f"`{error.filename}`" if error.filename else "a file the system does not name"
            return BAD_DATA, f"Cannot use {what}: {error.strerror}"
    kind = type(error).__name__
    return FAULT, f"A fault of ours, {kind}: {error} - set {TRACEBACK_VARIABLE}=1 to see where"


def _print(what: str | bytes | RenderableType) -> None:
    """Print text unchanged, and everything else as a table."""
    try:
        if isinstance(what, (str, bytes)):
            typer.echo(what)
        else:
            console().print(what, crop=False)
    except OSError as error:
        # For example a full disk behind a redirection; the system does not say which one.
        raise OSError(error.errno, error.strerror, "standard output") from error


def _show_version(wanted: bool) -> None:
    if wanted:
        _print(f"geosearch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Which shop near me, open now, gives the cards I hold the best deal."""


AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON of the service.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder of the new snapshot.")],
    merchants: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="How many merchants.")
    ] = 100_000,
    seed: Annotated[
        int,
        typer.Option(parser=integer, metavar="N", help="The same seed writes the same bytes."),
    ] = 1,
    world: Annotated[str, typer.Option(help="shanghai or china.")] = "shanghai",
    created_at: Annotated[
        datetime | None,
        typer.Option(
            parser=instant, metavar="INSTANT", help="Date of the snapshot; by default 2026-11-22."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a realistic synthetic snapshot."""
    from geosearch.sources.synth.world import synthesise

    with new_snapshot(out, overwrite=force), ProgressReport() as progress:
        synthesise(
            out,
            merchants=merchants,
            seed=seed,
            world=world,
            created_at=created_at,
            progress=progress,
        )
    _print(f"wrote {out}: next, geosearch build {out} --out INDEX")


@app.command()
def template(
    out: Annotated[Path, typer.Argument(help="Folder of the new snapshot.")],
    form: Annotated[str, typer.Option("--format", help="csv or ndjson.")] = "csv",
    force: Force = False,
) -> None:
    """Write a small complete snapshot to start from; docs/snapshot.md explains it."""
    from geosearch.snapshot.template import write_template

    write_template(out, form, overwrite=force)
    _print(f"wrote {out}: next, geosearch check {out}, geosearch build {out} --out INDEX")


@app.command()
def check(
    snapshot: Annotated[Path, typer.Argument(help="Folder of the snapshot.")],
    out: Annotated[
        Path | None, typer.Option(help="File for everything that is found, with its rows.")
    ] = None,
    max_rejected: Annotated[
        float,
        typer.Option(parser=share, metavar="SHARE", help="Share of a table that may be rejected."),
    ] = 0.05,
) -> None:
    """Say what is wrong, or probably wrong, with a snapshot; exits with 3 if a build would fail."""
    from geosearch.indexing.check import check as check_snapshot

    with ProgressReport() as progress:
        report = check_snapshot(snapshot, out=out, max_rejected=max_rejected, progress=progress)
    _print(report.text())
    if report.failure is not None:
        raise BadData(report.failure)


@importers.command()
def osm(
    file: Annotated[
        Path, typer.Argument(help="GeoJSON or OSM JSON, whole or as lines; OSM PBF or XML.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new snapshot.")],
    country: Annotated[
        str | None,
        typer.Option(help="Country of public holidays; by default what most addresses name."),
    ] = None,
    force: Force = False,
    now: Annotated[
        datetime | None,
        typer.Option(parser=instant, metavar="INSTANT", help="Leave out places that ended before."),
    ] = None,
) -> None:
    """Turn OpenStreetMap places into a snapshot."""
    from geosearch.sources.osm.importer import import_osm

    with new_snapshot(out, overwrite=force), ProgressReport() as progress:
        report = import_osm(file, out, country=country, now=now, progress=progress)
    _print(report.text())
    _print(f"wrote {out}: next, geosearch build {out} --out INDEX")


@app.command()
def build(
    snapshot: Annotated[Path | None, typer.Argument(help="Folder of the snapshot.")] = None,
    out: Annotated[Path, typer.Option(help="Index folder; a new version is published in it.")] = (
        Path("index")
    ),
    max_rejected: Annotated[
        float,
        typer.Option(parser=share, metavar="SHARE", help="Share of a table that may be rejected."),
    ] = 0.05,
    now: Annotated[
        datetime | None,
        typer.Option(parser=instant, metavar="INSTANT", help="Start the time horizon here."),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="A weight of the net benefit; repeat for more."),
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the version before; takes no snapshot.")
    ] = False,
    regions: Annotated[
        str | None,
        typer.Option(
            metavar="N|FILE", help="Cut into N regions, or the polygons of a GeoJSON file."
        ),
    ] = None,
    ray: Ray = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Validate a snapshot, build its index and publish it atomically."""
    if rollback == (snapshot is not None) or (rollback and regions is not None):
        raise BadRequest("Give either SNAPSHOT or --rollback")
    if ray is not None and regions is None:
        raise BadRequest("Expected --regions with --ray, got none")
    if snapshot is None:
        from geosearch.indexing.go_back import go_back

        _print(f"{out} is back at version {go_back(out)}")
        return
    from geosearch.cluster.regional_build import build_regions
    from geosearch.indexing.pipeline import REJECTED
    from geosearch.indexing.pipeline import build as build_index
    from geosearch.search.warm import warm

    with ProgressReport() as progress:
        asked: dict[str, Any] = {
            "now": now,
            "max_rejected": max_rejected,
            "weights": _weights(weight or []),
            "progress": progress,
        }
        report: Any
        if regions is None:
            report = build_index(snapshot, out, **asked)
        else:
            areas = integer(regions) if regions.lstrip("-").isdecimal() else Path(regions)
            report = build_regions(snapshot, out, areas, ray=ray, **asked)
        warm(progress)
    _print(json.dumps(report.as_dict(), indent=2) if as_json else report.text(out / REJECTED))


def _weights(texts: Sequence[str]) -> Any:
    """Return the weights of the net benefit from `NAME=NUMBER` texts."""
    from geosearch.money.ranking import Weights

    values: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in Weights.__struct_fields__:
            names = ", ".join(Weights.__struct_fields__)
            raise BadRequest(f"There is no weight {name!r} - choose from {names} - at `--weight`")
        try:
            values[name] = float(number)
        except ValueError:
            raise BadRequest(f"Expected a number, got {number!r} - at `{name}`") from None
    try:
        return Weights(**values)
    except ValueError as wrong:
        raise BadRequest(str(wrong)) from wrong


@app.command()
@with_options(setting_rows())
def serve(
    given: Given,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings.")] = None,
) -> None:
    """Answer over HTTP, and follow new versions of the index."""
    from geosearch.service.settings import load_settings

    settings = settings_from(load_settings, only_once(given), config)
    from geosearch.service.app import serve as serve_until_stopped

    serve_until_stopped(settings)


IndexFolder = Annotated[Path, typer.Option("--index", help="Index folder.")]


@app.command()
@with_options(query_rows())
def search(
    given: Given,
    index: IndexFolder = Path("index"),
    polygon: Annotated[Path | None, typer.Option(help="File with a GeoJSON polygon.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask one question; the options are the parameters of /v1/nearby."""
    from geosearch.search.searcher import open_index
    from geosearch.service.encode import encode_geojson, encode_page

    query = _asked(given, polygon)
    if query.fields and not (as_json or query.format == "geojson"):
        raise BadRequest("`--fields` chooses members of JSON - add --json or --format geojson")
    with waiting():
        engine = open_index(index)
    page = engine.page(query)
    if query.format == "geojson":
        _print(b"".join(encode_geojson(page)))
        return
    body = b"".join(encode_page(page))
    if as_json:
        _print(body)
    else:
        _print(answer_table(json.loads(body)))


@app.command()
@with_options(query_rows())
def why(
    given: Given,
    index: Annotated[Path, typer.Argument(help="Index folder.")],
    merchant: Annotated[str, typer.Argument(metavar="ID", help="Id of the merchant.")],
    polygon: Annotated[Path | None, typer.Option(help="File with a GeoJSON polygon.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a merchant is in the answer to a question, or not, and what would change that."""
    from geosearch.cli.why import why_text
    from geosearch.search.searcher import open_index

    query = _asked(given, polygon)
    with waiting():
        engine = open_index(index)
    record = engine.why(merchant, query)
    if record is None:
        raise BadRequest(
            f"There is no merchant {merchant!r} in {index}, or it has closed for good or was "
            "withdrawn - check ID"
        )
    if as_json:
        _print(json.dumps(record, ensure_ascii=False))
    else:
        _print(why_text(record))


@app.command()
def inspect(
    index: Annotated[Path, typer.Argument(help="Index folder.")],
    merchant: Annotated[str | None, typer.Option(metavar="ID", help="Show one merchant.")] = None,
    program: Annotated[
        str | None, typer.Option(metavar="ID", help="Show one card and its merchants.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(parser=instant, metavar="INSTANT", help="Instant for --merchant; else now."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every byte with its checksum first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what an index holds, one merchant with hours and deals, or one card's merchants."""
    from geosearch.cli.inspect import index_table, merchant_table, program_table
    from geosearch.search.searcher import open_index
    from geosearch.segment.versions import current, rows_bytes

    with waiting():
        engine = open_index(index, verify="full" if verify else "fast")
    if merchant is not None and program is not None:
        raise BadRequest("Give either --merchant or --program")
    if program is not None:
        record = engine.program(program)
    else:
        record = engine.info() if merchant is None else engine.merchant(merchant, at)
    if record is None:
        kind, name = ("merchant", merchant) if program is None else ("program", program)
        raise BadRequest(f"There is no {kind} {name!r} in {index} - check --{kind}")
    if as_json:
        _print(json.dumps(record, ensure_ascii=False))
    elif program is not None:
        _print(program_table(record))
    elif merchant is None:
        _print(index_table(record, engine.programs(), rows_bytes(current(index))))
    else:
        _print(merchant_table(record, engine.programs(), engine.info()["currency"]))


add_gateway(app)
add_live(app, _print, rejected=BAD_DATA)
add_studies(app, _print)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def bench(context: typer.Context) -> int:
    """Measure, and compare what was measured; needs a checkout of the project."""
    try:
        suite = import_module("benchmarks.__main__")
        run_suite: Callable[[list[str]], int] = suite.run
    except (ModuleNotFoundError, AttributeError) as missing:
        # Another project may have a package of this name.
        if missing.name not in ("benchmarks", "benchmarks.__main__", "run"):
            raise
        raise BadRequest(
            "There is no benchmark suite here - run `python -m benchmarks` in a checkout"
        ) from None
    return run_suite(context.args)


def _asked(given: Given, polygon: Path | None) -> Query:
    from geosearch.service.request import read_url

    query = read_url(urlencode(given).encode())
    query = replace(query, lang=query.lang or locale_language(os.environ))
    return query if polygon is None else replace(query, polygon=_read_json(polygon))


def _read_json(file: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadRequest(f"Cannot read the file as JSON: {reason} - at `{file}`") from error
    return record
