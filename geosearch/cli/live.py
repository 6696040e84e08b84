"""Commands of live changes and replicas: `ingest`, `replicate`, `change` and `rebuild`."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from geosearch.cli.options import (
    Given,
    instant,
    only_once,
    setting_rows,
    settings_from,
    with_options,
)
from geosearch.cli.progress import ProgressReport
from geosearch.service.ingest_settings import INGEST_SETTINGS, IngestSettings, load_ingest_settings

Show = Callable[[str | bytes | RenderableType], None]

CHANGE_EXAMPLES = (
    ("A deal is sold out", '{"table": "deals", "patch": {"deal_id": "d1", "stock": 0}}'),
    (
        "A new deal: all that a snapshot's row would say",
        '{"table": "deals", "row": {"deal_id": "lunch-20", "program_id": "red", "merchant_ids": '
        '["m1"], "offer_type": "percent_off", "percent": 20, "valid_through": "2027-06-30"}}',
    ),
    (
        "A shop moved: all its fields, since what a row does not say is gone",
        '{"table": "merchants", "row": {"merchant_id": "m1", "name": "Noodle House", "lat": '
        '31.2335, "lng": 121.4737, "categories": ["food.restaurant"], "opening_hours": '
        '"Mo-Su 10:00-22:00"}}',
    ),
)
"""Changes of a file, and what each says."""

_CHANGE_HELP = "\b\nExamples of lines:\n" + "\n".join(
    f"  {words}:\n    {line}" for words, line in CHANGE_EXAMPLES
)

Index = Annotated[Path, typer.Argument(help="Index folder.")]


def _leave_cores() -> None:
    """Leave cores to processes that answer: small segments take polars as long on one as on two.

    It looks when it loads.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")


def _settings(
    given: Given, options: Mapping[str, str | None], config: Path | None
) -> IngestSettings:
    """Settings of a command with more options than those."""
    said = only_once(given) | {name: one for name, one in options.items() if one is not None}
    return settings_from(load_ingest_settings, said, config)


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
        _leave_cores()
        from geosearch.service.ingest import ingest as ingest_until_stopped

        ingest_until_stopped(_settings(given, {"from_url": from_url}, config))

    @app.command()
    @with_options(
        [row for row in setting_rows(INGEST_SETTINGS) if row.name not in ("from_url", "index")]
    )
    def replicate(
        given: Given,
        index: Annotated[Path, typer.Argument(help="Index folder; made if missing.")],
        from_url: Annotated[
            str, typer.Option("--from", metavar="URL", help="The geosearch ingest to follow.")
        ],
        config: Annotated[Path | None, typer.Option(help="TOML file of settings.")] = None,
    ) -> None:
        """Fetch the versions of another index, and follow its live changes."""
        _leave_cores()
        from geosearch.cluster.replica import replicate as replicate_until_stopped

        options = {"from_url": from_url, "index": str(index)}
        replicate_until_stopped(_settings(given, options, config))

    @app.command(epilog=_CHANGE_HELP)
    def change(
        index: Index,
        file: Annotated[Path, typer.Argument(help="NDJSON file of changes, one a line.")],
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the JSON of the service.")
        ] = False,
    ) -> int:
        """Apply live changes from a file; exits with 3 if one was rejected."""
        from geosearch.indexing.change_file import apply_file

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
