"""`geosearch bench`: parses the options of the benchmark suite, `compare` and `ab`.

`geosearch.cli` calls it in a checkout of the project. `run` and `ab` measure.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import ab as interleaved
from benchmarks import batches as shared
from benchmarks import changes as flow
from benchmarks import fairness as fair
from benchmarks import studies as many
from benchmarks.reports import sentences
from benchmarks.reports.compare import compare as compared
from benchmarks.reports.compare import compare_text
from benchmarks.reports.markdown import markdown_report
from benchmarks.result import load_result
from benchmarks.run import parse
from benchmarks.run import run as run_suite
from geosearch.cli.app import run as run_command
from geosearch.cli.options import integer, share
from geosearch.errors import BadData

DONE, SLOWER, INTERRUPTED = 0, 1, 130

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def run(arguments: Sequence[str]) -> int:
    """Run `geosearch bench` with these arguments; return the exit status."""
    given = list(arguments)
    status = app(given, prog_name="geosearch bench", standalone_mode=False, obj=tuple(given))
    return status if isinstance(status, int) else DONE


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="Adds 10,000,000 merchants in 300 towns.")
    ] = False,
    only: Annotated[
        str, typer.Option(metavar="FAMILY,...", help="Families, build, http, relevance.")
    ] = "",
    peers: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Peers; none for an empty list.")
    ] = None,
    worlds: Annotated[
        str | None, typer.Option(metavar="N,...", help="Merchant counts, such as 100000.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for result.json, report.md and report.html.")
    ] = None,
) -> int:
    """Measure queries, build and service, next to what one would use instead."""
    if context.invoked_subcommand is not None:
        return DONE
    options = parse(full=full, only=only, peers=peers, worlds=worlds, out=out)
    result = run_suite(options, ["python", "-m", "benchmarks", *context.obj])
    typer.echo(markdown_report(result))
    return INTERRUPTED if result.unfinished else DONE


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A result.json, or the folder of --out.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    threshold: Annotated[
        float, typer.Option(parser=share, metavar="SHARE", help="Slowdown that fails.")
    ] = 0.1,
) -> int:
    """Show what changed beyond noise; exits with 1 on a slowdown."""
    try:
        found = compared(load_result(before), load_result(after), threshold)
    except ValueError as error:
        raise BadData(str(error)) from error
    typer.echo(compare_text(found))
    return SLOWER if found.failed else DONE


@app.command()
def ab(
    revision: Annotated[str, typer.Argument(help="A commit, branch or tag of this checkout.")],
    merchants: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="How many merchants.")
    ] = 100_000,
    only: Annotated[str, typer.Option(metavar="FAMILY,...", help="Families; by default all.")] = "",
) -> int:
    """Measure a revision and the working tree in turn; exits with 1 on a slowdown."""
    names = [name for name in only.split(",") if name]
    pairs = interleaved.run(revision, merchants=merchants, only=names, say=_say)
    typer.echo(interleaved.text(revision, pairs))
    return SLOWER if any(pair.verdict == "slower" for pair in pairs) else DONE


@app.command()
def fairness(
    index: Annotated[Path, typer.Argument(help="An index, best of one with names.")],
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Length of each load.")
    ] = fair.SECONDS,
    rounds: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="Rounds; figures are their medians.")
    ] = fair.ROUNDS,
) -> int:
    """Measure small questions while another client asks the largest ones."""
    typer.echo(fair.text(fair.run(index, seconds=seconds, rounds=rounds, say=_say)))
    return DONE


@app.command()
def studies(index: Annotated[Path, typer.Argument(help="An index with cards.")]) -> int:
    """Measure many questions at once: blocks, worth of cards, coverage, and peers of that."""
    typer.echo("\n".join(sentences.studies(many.run(index, say=_say))))
    return DONE


@app.command()
def batches(
    index: Annotated[Path, typer.Argument(help="An index with cards.")],
    questions: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="Questions of the file.")
    ] = 100_000,
) -> int:
    """Measure a file of questions by one thread, by processes, and by actors of Ray."""
    found = shared.run(index, questions=questions, say=_say)
    typer.echo("\n".join(sentences.batches(found)))
    return DONE


@app.command()
def changes(index: Annotated[Path, typer.Argument(help="An index with deals.")]) -> int:
    """Measure live changes: durable, visible, beside questions, and by peers."""
    typer.echo("\n".join(sentences.changes(flow.run(index, say=_say))))
    return DONE


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_command(["bench", *sys.argv[1:]]))
