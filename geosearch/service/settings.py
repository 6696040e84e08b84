"""Settings of the service: one struct feeds defaults, environment, command line and docs.

The command line overrides the environment (`GEOSEARCH_PORT=9000`), the environment overrides a TOML
file (`port = 9000`), and the file overrides the default. The service reads them once.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

import msgspec
from msgspec import Meta

from geosearch.errors import BadData

PREFIX = "GEOSEARCH_"

INGEST_PREFIX = f"{PREFIX}INGEST_"
"""Of the environment variables of `geosearch ingest`, such as `GEOSEARCH_INGEST_PORT`."""

GATEWAY_PREFIX = f"{PREFIX}GATEWAY_"
"""Of the environment variables of `geosearch gateway`, such as `GEOSEARCH_GATEWAY_PORT`."""

OTHER_VARIABLES = frozenset(
    PREFIX + name for name in ("KERNEL_CACHE", "TRACEBACK", "RECOVERY", "BENCH_CACHE")
)
"""Environment variables of other parts of the project."""

_OF_KUBERNETES = re.compile(PREFIX + r"(SERVICE_(HOST|PORT.*)|PORT_[0-9].*)")
"""Pattern of variables that Kubernetes sets where a service has the name `geosearch`."""

_ORIGIN = (
    # A browser leaves out the usual port of a scheme.
    r"\*|(?!https://[^/]*:443$|http://[^/]*:80$)"
    r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)
"""Pattern of `*`, or of an origin as browsers write it."""


def says(
    text: str,
    bounds: tuple[float, float] | None = None,
    *,
    choices: Sequence[str] = (),
    items: tuple[str, str] | None = None,
) -> Meta:
    """Return the help, the bounds of a number and the choices of a text as `Meta`.

    `items` of a list are what each item is, and its pattern.
    """
    low, high = bounds or (None, None)
    more = {"enum": choices, "items": items}
    return Meta(description=text, ge=low, le=high, extra_json_schema=more)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of `geosearch serve`; a new setting is one field."""

    index: Annotated[str, says("Index folder to serve and follow.")] = "index"
    host: Annotated[str, says("Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, says("Port to listen on; 0 picks a free one.", (0, 65_535))] = 8080
    workers: Annotated[
        int, says("Processes that answer; they share the index's memory.", (1, 256))
    ] = 1
    poll_seconds: Annotated[
        float, says("How often to look for a new version of the index.", (0.01, 60))
    ] = 0.25
    verify: Annotated[
        str,
        says(
            "How much of the index is compared with its checksums before the first answer: full "
            "reads every byte; fast leaves most of the stored text for later, when it answers "
            "already.",
            choices=("fast", "full"),
        ),
    ] = "fast"
    max_body_bytes: Annotated[
        int,
        says("Longest request body; a longer one is refused with 413.", (1_024, 64 * 1_048_576)),
    ] = 1_048_576
    max_batch: Annotated[int, says("Most queries in a batch.", (1, 10_000))] = 100
    max_batch_results: Annotated[
        int,
        says(
            "Most results that the queries of a batch may ask for together: the sum of their "
            "limits.",
            (1, 1_000_000),
        ),
    ] = 10_000
    max_batch_heavy: Annotated[
        int,
        says(
            "Most queries of a batch that have a polygon, or total or facets without a radius.",
            (0, 10_000),
        ),
    ] = 10
    max_connections: Annotated[
        int,
        says(
            "Most connections of a worker; fewer where the system allows few open files.",
            (1, 50_000),
        ),
    ] = 4_096
    header_timeout_seconds: Annotated[
        float,
        says(
            "How long the head of a request may take to arrive, also after a client connects.",
            (0.1, 3_600),
        ),
    ] = 10.0
    body_timeout_seconds: Annotated[
        float, says("How long the body of a request may take to arrive.", (0.1, 3_600))
    ] = 20.0
    answer_timeout_seconds: Annotated[
        float,
        says(
            "How long a client may take to read what does not fit into the system's buffers.",
            (0.1, 3_600),
        ),
    ] = 60.0
    keep_alive_seconds: Annotated[
        int, says("How long an idle connection stays open.", (1, 3_600))
    ] = 30
    busy_poll_us: Annotated[
        int,
        says(
            "How long a worker looks for the next request before it sleeps; 0 sleeps at once.",
            (0, 100_000),
        ),
    ] = 200
    cors_origins: Annotated[
        tuple[str, ...],
        says(
            "Origins of web pages that may read the answers, such as https://app.example.com; * "
            "for any. A list, or a text with commas.",
            items=("origins such as https://app.example.com, or *", _ORIGIN),
        ),
    ] = ()
    basemap: Annotated[
        str,
        says("PMTiles file with the streets under the map of `GET /`; empty for none."),
    ] = ""
    coverage: Annotated[
        str,
        says("GeoJSON of `geosearch coverage` for the map of `GET /`; empty for none."),
    ] = ""
    graceful_seconds: Annotated[
        int,
        says(
            "How long a stop waits for requests under way; those that take longer are refused.",
            (0, 3_600),
        ),
    ] = 10
    log_level: Annotated[
        str,
        says("Lowest level that is logged.", choices=("debug", "info", "warning", "error")),
    ] = "info"
    log_requests: Annotated[
        bool,
        says("Whether every request is a line of the log; errors are logged in any case."),
    ] = True


class Setting(NamedTuple):
    """What a field of `Settings` says: `low` and `high` bound numbers, `choices` texts.

    `items` are what each item of a list is, and its pattern.
    """

    name: str
    kind: Any
    default: Any
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    items: tuple[str, str] | None


def settings_of(struct: type[msgspec.Struct]) -> dict[str, Setting]:
    """Return the settings of a struct by name, from the type and the `Meta` of each field."""
    table = {}
    for field in msgspec.structs.fields(struct):
        kind, meta = get_args(field.type)
        more = meta.extra_json_schema
        row = (field.default, meta.description, meta.ge, meta.le, more["enum"], more["items"])
        table[field.name] = Setting(field.name, kind, *row)
    return table


SETTINGS = settings_of(Settings)
"""The settings by name, for the command line, the environment and the docs."""


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
    return Settings(
        **load_struct(SETTINGS, given, environment=environment, file=file, prefix=PREFIX)
    )


def load_struct(
    table: Mapping[str, Setting],
    given: Mapping[str, Any] | None,
    *,
    environment: Mapping[str, str],
    file: Path | None,
    prefix: str,
) -> dict[str, Any]:
    """Return the given values of the settings of a table; see `load_settings`.

    Parameters
    ----------
    prefix
        Of the environment variables.
    """
    values: dict[str, Any] = {}
    if file is not None:
        for name, value in _read_file(file).items():
            values[name] = _checked(table, name, value, f"{file}")
    for name in table:
        variable = prefix + name.upper()
        if variable in environment:
            values[name] = _checked(table, name, environment[variable], variable)
    for name, value in (given or {}).items():
        if value is not None:
            values[name] = _checked(table, name, value, f"--{name.replace('_', '-')}")
    return values


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that begin as settings do but name none, with the closest setting.

    They are no error: a version that is rolled back starts with the variables of a newer one.

    Examples
    --------
    >>> unknown_variables({"GEOSEARCH_WORKRES": "4", "GEOSEARCH_PORT": "9000", "HOME": "/"})
    {'GEOSEARCH_WORKRES': 'GEOSEARCH_WORKERS'}
    """
    known = {name.upper(): PREFIX + name.upper() for name in SETTINGS}

    def closest(variable: str) -> str:
        found = get_close_matches(variable.upper().removeprefix(PREFIX), known, n=1)
        return known[found[0]] if found else ""

    return {
        variable: closest(variable)
        for variable in sorted(environment)
        if variable.upper().startswith(PREFIX)
        and variable not in known.values()
        and variable not in OTHER_VARIABLES
        and not variable.startswith((INGEST_PREFIX, GATEWAY_PREFIX))
        and not _OF_KUBERNETES.fullmatch(variable)
    }


def as_environment(settings: Settings) -> dict[str, str]:
    """Return environment variables from which `load_settings` makes the same settings."""
    values = msgspec.structs.asdict(settings)
    return {PREFIX + name.upper(): as_text(value) for name, value in values.items()}


def as_text(value: Any) -> str:
    """Return a value as people and `load_settings` write it.

    >>> as_text(True), as_text(("a", "b"))
    ('true', 'a,b')
    """
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadData(f"Cannot read the settings as TOML: {reason} - at `{file}`") from error


def _checked(table: Mapping[str, Setting], name: str, value: Any, where: str) -> Any:
    setting = table.get(name)
    if setting is None:
        raise BadData(
            f"There is no setting {name!r} - choose from {', '.join(table)} - at `{where}`"
        )
    exact: Any
    if setting.kind == LIST and isinstance(value, str):
        value = [item.strip() for item in value.split(",")] if value.strip() else []
    try:
        # A text from the environment may be a number or a flag; a number is never a text.
        exact = msgspec.convert(value, setting.kind, strict=not isinstance(value, str))
    except msgspec.ValidationError:
        expected, exact = f"to be {_KINDS[setting.kind]}", value
    else:
        expected = _expected(setting, exact)
    if expected:
        raise BadData(f"Expected {name} {expected}, got {exact!r} - at `{where}`")
    return exact


LIST = tuple[str, ...]
_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
_KINDS |= {LIST: "a list of texts"}


def _expected(setting: Setting, value: Any) -> str:
    """Return what a value of the right type should be; empty if it is that."""
    if setting.kind is str and not _is_text(value):
        return "in UTF-8"
    if setting.items and not all(re.fullmatch(setting.items[1], item) for item in value):
        return f"to be {setting.items[0]}"
    if setting.choices and value not in setting.choices:
        return f"to be one of {', '.join(setting.choices)}"
    if setting.low is not None and not setting.low <= value <= setting.high:
        return f"in [{setting.low}, {setting.high}]"
    return ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # Bytes of the environment or the command line that are not UTF-8.
        return False
    return True
