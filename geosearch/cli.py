"""Command line: parse, ask the engine, print.

Useful for: everything an operator does with snapshots and indexes, and single queries by hand.
Not useful for: logic; each command calls one function of the package.
"""

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geosearch {version('geosearch')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Exact nearby search for shops, opening hours and card deals."""


def main() -> None:
    """Run the command line."""
    app()
