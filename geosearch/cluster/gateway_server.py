"""Server of `geosearch gateway`: its application, and how it starts and stops.

It is the server of `geosearch serve`, with the same guard and the same limits.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import shapely
import structlog
import uvicorn
from starlette.applications import Starlette

from geosearch.cluster.gateway import RegionAddress, Regions
from geosearch.cluster.gateway_handlers import Gateway
from geosearch.cluster.gateway_settings import GatewaySettings
from geosearch.errors import BadData
from geosearch.segment.versions import REGIONS
from geosearch.service.app import listen, make_app, server_config
from geosearch.service.basemap import open_basemap
from geosearch.service.coverage_layer import open_coverage
from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.engines import Engines
from geosearch.service.guard import CLIENTS, CROSS_ORIGIN
from geosearch.service.limits import Clients, raise_descriptor_limit
from geosearch.service.listener import bound
from geosearch.service.logs import configure_logs, end_logs
from geosearch.service.metrics import Metrics
from geosearch.service.supervisor import Report, split_off

_log = structlog.get_logger()


def read_regions(folder: Path, urls: Mapping[str, str]) -> tuple[list[RegionAddress], bytes]:
    """Return the regions of a folder with their addresses, and the text of `regions.geojson`.

    Parameters
    ----------
    urls
        URL of each region; else its property `url` in the file counts.

    Raises
    ------
    BadData
        The file cannot be read, or a region has no address, or one that is no URL of a host.
    """
    file = folder / REGIONS
    try:
        text = file.read_bytes()
        features = orjson.loads(text)["features"]
        found = [
            RegionAddress(
                feature["properties"]["region_id"],
                shapely.from_geojson(orjson.dumps(feature["geometry"])),
                urls.get(feature["properties"]["region_id"])
                or feature["properties"].get("url", ""),
            )
            for feature in features
        ]
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
        raise BadData(f"Expected areas of regions, got: {error} - at `{file}`") from error
    names = [region.region_id for region in found]
    for name in urls:
        if name not in names:
            raise BadData(f"Expected one of {', '.join(names)}, got `{name}` - at `--region`")
    for region in found:
        if not region.url:
            raise BadData(
                f"Expected the address of region `{region.region_id}`, got none - at `--region`"
            )
        if not _is_address(region.url):
            raise BadData(
                f"Expected http://HOST:PORT of region `{region.region_id}`, got {region.url!r} - "
                "at `--region`"
            )
    return found, text


def _is_address(url: str) -> bool:
    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    is_whole = read.scheme in ("http", "https") and read.host != ""
    return is_whole and (read.port is None or 0 < read.port < 65_536)


def gateway(
    folder: Path,
    urls: Mapping[str, str],
    settings: GatewaySettings,
    transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
) -> Starlette:
    """Return the ASGI application of the gateway of a folder of regions.

    Raises
    ------
    BadData
        As `read_regions`; or a file for the map page cannot be used.
    """
    addresses, geojson = read_regions(folder, urls)
    metrics = Metrics(Engines(folder, _none, poll_seconds=1.0))
    regions = Regions(addresses, transports, wait_seconds=settings.region_timeout_seconds)
    handlers = Gateway(regions, geojson, settings, metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {
            CLIENTS: Clients(settings, metrics.count_ended),
            CROSS_ORIGIN: CrossOrigin(settings.cors_origins),
        }
        await handlers.close()

    return make_app(handlers, lifespan)


def _none(folder: Path) -> Any:
    raise BadData(f"A gateway opens no index - at `{folder}`")


def serve_gateway(folder: Path, urls: Mapping[str, str], settings: GatewaySettings) -> None:
    """Answer over HTTP until SIGTERM or SIGINT; then finish the running requests.

    Another process replaces one that a signal kills.

    Raises
    ------
    BadData
        As `gateway`, or the address cannot be had.
    """
    # Wrong files raise here, before a process begins.
    read_regions(folder, urls)
    open_basemap(settings.basemap)
    open_coverage(settings.coverage)
    raise_descriptor_limit()
    try:
        with bound(settings.host, settings.port) as listener:
            server = split_off(settings.log_level, listener)
            configure_logs(settings.log_level)
            app = gateway(folder, urls, settings)
            listen(listener, settings)
            host, port = listener.getsockname()[:2]

            def serving() -> None:
                _log.info("serving", host=host, port=port, regions=len(urls))

            config = server_config(app, settings, Report(server.waiting, serving))
            uvicorn.Server(config).run(sockets=[listener])
            _log.info("stopped")
    finally:
        end_logs()
