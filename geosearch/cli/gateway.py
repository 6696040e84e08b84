"""Command `gateway`: one front for an index of regions."""

from pathlib import Path
from typing import Annotated

import typer

from geosearch.errors import BadRequest


def add_gateway(app: typer.Typer) -> None:
    """Add the command to an application."""

    @app.command()
    def gateway(
        folder: Annotated[Path, typer.Argument(help="Folder of regions.")],
        region: Annotated[
            list[str] | None,
            typer.Option(metavar="ID=URL", help="Address of a region; once for each."),
        ] = None,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8080,
    ) -> None:
        """Answer questions that span regions, and pass on the others."""
        urls: dict[str, str] = {}
        for given in region or ():
            name, found, url = given.partition("=")
            if not found or not url.startswith(("http://", "https://")) or name in urls:
                raise BadRequest(f"Expected ID=URL once a region, got `{given}` - at `--region`")
            urls[name] = url
        from geosearch.cluster.gateway_handlers import serve_gateway

        serve_gateway(folder, urls, host, port)
