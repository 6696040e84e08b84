"""Settings of `geosearch ingest`; `settings` has those of the service that answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from geosearch.errors import BadData
from geosearch.service.settings import INGEST_PREFIX, load_struct, says, settings_of

SHORTEST_TOKEN = 16


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of `geosearch ingest`; a new setting is one field."""

    index: Annotated[str, says("Index folder that takes the changes.")] = "index"
    host: Annotated[str, says("Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, says("Port to listen on; 0 picks a free one.", (0, 65_535))] = 8081
    token_file: Annotated[
        str,
        says(
            "File with the token that requests carry as `Authorization: Bearer TOKEN`: at least "
            f"{SHORTEST_TOKEN} characters. It has no default."
        ),
    ] = ""
    from_url: Annotated[
        str,
        says(
            "URL of another `geosearch ingest`, whose changes this index copies. Then it takes no "
            "others; the token is that of both. On the command line `--from`."
        ),
    ] = ""
    max_body_bytes: Annotated[
        int,
        says("Longest request body; a longer one is refused with 413.", (1_024, 64 * 1_048_576)),
    ] = 16 * 1_048_576
    log_level: Annotated[
        str,
        says("Lowest level that is logged.", choices=("debug", "info", "warning", "error")),
    ] = "info"


INGEST_SETTINGS = settings_of(IngestSettings)
"""The settings by name, for the command line, the environment and the docs."""


def load_ingest_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str],
    file: Path | None = None,
) -> IngestSettings:
    """Return the settings of `geosearch ingest`; see `settings.load_settings`.

    Raises
    ------
    BadData
        A setting is unknown, of the wrong type or out of range, or the file is no TOML.
    """
    values = load_struct(
        INGEST_SETTINGS, given, environment=environment, file=file, prefix=INGEST_PREFIX
    )
    settings = IngestSettings(**values)
    if settings.from_url and not _is_service(settings.from_url):
        # It may have a password.
        raise BadData("Expected from_url as http://HOST:PORT, got another text - at `from_url`")
    return settings


def _is_service(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return parts.scheme in ("http", "https") and has_host and is_plain


def read_token(settings: IngestSettings) -> bytes:
    """Return the token that requests must carry.

    Raises
    ------
    BadData
        There is no such file, or its token is too short.
    """
    if not settings.token_file:
        raise BadData("Expected the setting token_file, the file with the bearer token, got none")
    file = Path(settings.token_file)
    try:
        token = file.read_bytes().strip()
    except OSError as error:
        raise BadData(f"Cannot read the token: {error.strerror} - at `{file}`") from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or token.split() != [token]:
        raise BadData(
            f"Expected a token of at least {SHORTEST_TOKEN} ASCII characters without spaces, got "
            f"another text - at `{file}`"
        )
    return token
