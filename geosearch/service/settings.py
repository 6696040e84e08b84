"""Settings of the service: one table feeds defaults, environment, command line and docs.

The command line overrides the environment (`GEOSEARCH_PORT=9000`), the environment overrides a TOML
file (`port = 9000`), and the file overrides the default. The service reads them once.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geosearch.errors import BadData

PREFIX = "GEOSEARCH_"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of `geosearch serve`; `SETTINGS` says what each is for."""

    index: str = "index"
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    poll_seconds: float = 0.25
    verify: str = "fast"
    max_body_bytes: int = 1_048_576
    max_batch: int = 100
    max_batch_results: int = 10_000
    max_batch_heavy: int = 10
    max_connections: int = 4_096
    header_timeout_seconds: float = 10.0
    body_timeout_seconds: float = 20.0
    answer_timeout_seconds: float = 60.0
    keep_alive_seconds: int = 30
    busy_poll_us: int = 200
    graceful_seconds: int = 10
    log_level: str = "info"
    log_requests: bool = True


@dataclass(frozen=True)
class Setting:
    """One row of the table: `low` and `high` bound numbers, `choices` texts."""

    name: str
    default: str | int | float | bool
    help: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()


_DEFAULTS = Settings()

SETTINGS: tuple[Setting, ...] = (
    Setting("index", _DEFAULTS.index, "Index folder to serve and follow."),
    Setting("host", _DEFAULTS.host, "Address to listen on."),
    Setting("port", _DEFAULTS.port, "Port to listen on; 0 picks a free one.", 0, 65_535),
    Setting(
        "workers",
        _DEFAULTS.workers,
        "Processes that answer; they share the index's memory.",
        1,
        256,
    ),
    Setting(
        "poll_seconds",
        _DEFAULTS.poll_seconds,
        "How often to look for a new version of the index.",
        0.01,
        60,
    ),
    Setting(
        "verify",
        _DEFAULTS.verify,
        "How much of the index is compared with its checksums before the first answer: full reads "
        "every byte; fast leaves most of the stored text for later, when it answers already.",
        choices=("fast", "full"),
    ),
    Setting(
        "max_body_bytes",
        _DEFAULTS.max_body_bytes,
        "Longest request body; a longer one is refused with 413.",
        1_024,
        64 * 1_048_576,
    ),
    Setting("max_batch", _DEFAULTS.max_batch, "Most queries in a batch.", 1, 10_000),
    Setting(
        "max_batch_results",
        _DEFAULTS.max_batch_results,
        "Most results that the queries of a batch may ask for together: the sum of their limits.",
        1,
        1_000_000,
    ),
    Setting(
        "max_batch_heavy",
        _DEFAULTS.max_batch_heavy,
        "Most queries of a batch that have a polygon, or total or facets without a radius.",
        0,
        10_000,
    ),
    Setting(
        "max_connections",
        _DEFAULTS.max_connections,
        "Most connections of a worker; fewer where the system allows few open files.",
        1,
        50_000,
    ),
    Setting(
        "header_timeout_seconds",
        _DEFAULTS.header_timeout_seconds,
        "How long the head of a request may take to arrive, also after a client connects.",
        0.1,
        3_600,
    ),
    Setting(
        "body_timeout_seconds",
        _DEFAULTS.body_timeout_seconds,
        "How long the body of a request may take to arrive.",
        0.1,
        3_600,
    ),
    Setting(
        "answer_timeout_seconds",
        _DEFAULTS.answer_timeout_seconds,
        "How long a client may take to read what does not fit into the system's buffers.",
        0.1,
        3_600,
    ),
    Setting(
        "keep_alive_seconds",
        _DEFAULTS.keep_alive_seconds,
        "How long an idle connection stays open.",
        1,
        3_600,
    ),
    Setting(
        "busy_poll_us",
        _DEFAULTS.busy_poll_us,
        "How long a worker looks for the next request before it sleeps; 0 sleeps at once.",
        0,
        100_000,
    ),
    Setting(
        "graceful_seconds",
        _DEFAULTS.graceful_seconds,
        "How long a stop waits for requests under way; those that take longer are refused.",
        0,
        3_600,
    ),
    Setting(
        "log_level",
        _DEFAULTS.log_level,
        "Lowest level that is logged.",
        choices=("debug", "info", "warning", "error"),
    ),
    Setting(
        "log_requests",
        _DEFAULTS.log_requests,
        "Whether every request is a line of the log; errors are logged in any case.",
    ),
)


def load_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Settings:
    """Return the settings: `given` over `environment` over `file` over the defaults.

    Parameters
    ----------
    given
        Values by name, as from the command line; None values count as not given.
    environment
        Such as `os.environ`; names are `GEOSEARCH_` and the setting in capitals.
    file
        A TOML file of top-level keys.

    Raises
    ------
    BadData
        A setting is unknown, of the wrong type or out of range, or the file is no TOML.

    Examples
    --------
    >>> load_settings({"workers": 2}, environment={"GEOSEARCH_PORT": "9000"}).port
    9000
    """
    values: dict[str, Any] = {}
    if file is not None:
        for name, value in _read_file(file).items():
            values[name] = _checked(name, value, f"{file}")
    for setting in SETTINGS:
        variable = PREFIX + setting.name.upper()
        if variable in environment:
            values[setting.name] = _checked(setting.name, environment[variable], variable)
    for name, value in (given or {}).items():
        if value is not None:
            values[name] = _checked(name, value, f"--{name.replace('_', '-')}")
    return Settings(**values)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return environment variables from which `load_settings` makes the same settings."""
    return {
        PREFIX + name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in msgspec.structs.asdict(settings).items()
    }


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadData(f"Cannot read the settings as TOML: {reason} - at `{file}`") from error


def _checked(name: str, value: Any, where: str) -> Any:
    setting = next((known for known in SETTINGS if known.name == name), None)
    if setting is None:
        names = ", ".join(known.name for known in SETTINGS)
        raise BadData(f"There is no setting {name!r} - choose from {names} - at `{where}`")
    kind = type(setting.default)
    exact: Any
    try:
        # A text from the environment may be a number or a flag; a number is never a text.
        exact = msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError:
        words = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
        expected = f"{name} to be {words[kind]}"
        raise BadData(f"Expected {expected}, got {value!r} - at `{where}`") from None
    if kind is str and not _is_text(exact):
        raise BadData(f"Expected {name} in UTF-8, got {exact!r} - at `{where}`")
    if setting.choices and exact not in setting.choices:
        choices = ", ".join(setting.choices)
        expected = f"{name} to be one of {choices}"
        raise BadData(f"Expected {expected}, got {exact!r} - at `{where}`")
    if kind in (int, float) and not setting.low <= exact <= setting.high:
        bounds = f"[{setting.low}, {setting.high}]"
        raise BadData(f"Expected {name} in {bounds}, got {exact!r} - at `{where}`")
    return exact


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # Bytes of the environment or the command line that are not UTF-8.
        return False
    return True
