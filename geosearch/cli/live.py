"""Commands of live changes: `ingest`, `change` and `rebuild`."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from geosearch.cli.options import Given, instant, only_once, setting_rows, with_options
from geosearch.cli.progress import ProgressReport
from geosearch.errors import BadData, BadRequest
from geosearch.service.ingest_settings import INGEST_SETTINGS, load_ingest_settings

Show = Callable[[str | bytes | RenderableType], None]

Index = Annotated[Path, typer.Argument(help="Index folder.")]


def add_live(app: typer.Typer, show: Show, *, rejected: int) -> None:
    """Add the commands to an application.

    Parameters
    ----------
    show
        Prints what they did.
    rejected
        Exit status where a change was rejected.
    """

    @app.command()
    @with_options([row for row in setting_rows(INGEST_SETTINGS) if row.name != "from_url"])
    def ingest(
        given: Given,
        from_url: Annotated[
            str | None,
            typer.Option(
                "--from", metavar="URL", help="Copy the changes of another geosearch ingest."
            ),
        ] = None,
        config: Annotated[Path | None, typer.Option(help="TOML file of settings.")] = None,
    ) -> None:
        """Take live changes over HTTP, or copy another's: the one writer of an index."""
        options = only_once(given) | ({} if from_url is None else {"from_url": from_url})
        try:
            load_ingest_settings(options, environment={})
        except BadData as wrong:
            raise BadRequest(str(wrong)) from wrong
        settings = load_ingest_settings(options, environment=os.environ, file=config)
        from geosearch.service.ingest import ingest as ingest_until_stopped

        ingest_until_stopped(settings)

    @app.command()
    def change(
        index: Index,
        file: Annotated[Path, typer.Argument(help="NDJSON file of changes, one a line.")],
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the JSON of the service.")
        ] = False,
    ) -> int:
        """Apply live changes from a file; exits with 3 if one was rejected."""
        from geosearch.live.file import apply_file

        receipt = apply_file(index, file)
        show(receipt.as_json() if as_json else receipt.text())
        return rejected if receipt.rejected else 0

    @app.command()
    def rebuild(
        index: Index,
        now: Annotated[
            datetime | None,
            typer.Option(parser=instant, metavar="INSTANT", help="Start the time horizon here."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    ) -> None:
        """Build the served version again with its live changes, and move its time horizon on."""
        from geosearch.indexing.rebuild import rebuild as rebuild_index

        with ProgressReport() as progress:
            report = rebuild_index(index, now=now, progress=progress)
        show(json.dumps(report.as_dict(), indent=2) if as_json else report.text())
