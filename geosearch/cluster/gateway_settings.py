"""Settings of `geosearch gateway`: those of the service that make sense without an index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from geosearch.service.settings import GATEWAY_PREFIX, Settings, load_struct, says, settings_of

_OF_AN_INDEX = ("index", "workers", "poll_seconds", "verify", "busy_poll_us")


class GatewaySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of `geosearch gateway`; those of an index alone count for nothing."""

    port: Annotated[int, says("Port to listen on; 0 picks a free one.", (0, 65_535))] = 8100
    region_timeout_seconds: Annotated[
        float,
        says("How long a region may take to answer; then it counts as down.", (0.1, 3_600)),
    ] = 30.0


GATEWAY_SETTINGS = {
    name: setting
    for name, setting in settings_of(GatewaySettings).items()
    if name not in _OF_AN_INDEX
}
"""The settings by name, for the command line, the environment and the docs."""


def load_gateway_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str],
    file: Path | None = None,
) -> GatewaySettings:
    """Return the settings of `geosearch gateway`; see `settings.load_settings`.

    Raises
    ------
    BadData
        A setting is unknown, of the wrong type or out of range, or the file is no TOML.
    """
    values = load_struct(
        GATEWAY_SETTINGS, given, environment=environment, file=file, prefix=GATEWAY_PREFIX
    )
    return GatewaySettings(**values, workers=1, busy_poll_us=0)
