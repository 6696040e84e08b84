"""Command `gateway`: one front for an index of regions."""

from pathlib import Path
from typing import Annotated

import typer

from geosearch.cli.options import Given, only_once, setting_rows, settings_from, with_options
from geosearch.cluster.gateway_settings import GATEWAY_SETTINGS, load_gateway_settings
from geosearch.errors import BadRequest


def add_gateway(app: typer.Typer) -> None:
    """Add the command to an application."""

    @app.command()
    @with_options(setting_rows(GATEWAY_SETTINGS))
    def gateway(
        given: Given,
        folder: Annotated[Path, typer.Argument(help="Folder of regions.")],
        region: Annotated[
            list[str] | None,
            typer.Option(metavar="ID=URL", help="Address of a region; once for each."),
        ] = None,
        config: Annotated[Path | None, typer.Option(help="TOML file of settings.")] = None,
    ) -> None:
        """Answer questions that span regions, and pass on the others."""
        urls: dict[str, str] = {}
        for each in region or ():
            name, found, url = each.partition("=")
            if not found or not url.startswith(("http://", "https://")) or name in urls:
                raise BadRequest(f"Expected ID=URL once a region, got `{each}` - at `--region`")
            urls[name] = url
        settings = settings_from(load_gateway_settings, only_once(given), config)
        from geosearch.cluster.gateway_server import serve_gateway

        serve_gateway(folder, urls, settings)
