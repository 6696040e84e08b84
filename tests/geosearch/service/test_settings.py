"""Settings: which source wins, and what each wrong value is told."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

from geosearch.cli import options, reference
from geosearch.errors import BadData
from geosearch.service import settings
from geosearch.service.settings import (
    SETTINGS,
    Settings,
    as_environment,
    load_settings,
    says,
    settings_of,
)


def test_the_table_lists_every_setting_with_its_default_and_help() -> None:
    defaults = msgspec.structs.asdict(Settings())
    assert {name: setting.default for name, setting in SETTINGS.items()} == defaults
    assert all(setting.help.endswith(".") for setting in SETTINGS.values())
    assert load_settings(environment={}) == Settings()
    assert msgspec.convert(defaults, Settings) == Settings(), "a default is within its bounds"


def test_a_new_setting_is_one_field(monkeypatch: pytest.MonkeyPatch) -> None:
    class More(Settings, frozen=True, kw_only=True):
        pause_us: Annotated[int, says("How long to rest.", (0, 9))] = 4
        tone: Annotated[str, says("How to speak.", choices=("low", "high"))] = "low"

    table = settings_of(More)
    assert list(table) == [*SETTINGS, "pause_us", "tone"]
    for module in (settings, options, reference):
        monkeypatch.setattr(module, "SETTINGS", table)
    monkeypatch.setattr(settings, "Settings", More)
    assert load_settings(environment={"GEOSEARCH_PAUSE_US": "7"}) == More(pause_us=7)
    for name, text, expected in (
        ("pause_us", "10", "in [0, 9]"),
        ("pause_us", "x", "to be an integer"),
        ("tone", "loud", "to be one of low, high"),
    ):
        sentence = re.escape(f"Expected {name} {expected}, got ")
        with pytest.raises(BadData, match=sentence):
            load_settings({name: text}, environment={})
    assert [(row.option, row.metavar, row.help) for row in options.setting_rows()[-2:]] == [
        ("--pause-us", "INT", "How long to rest. Default 4."),
        ("--tone", "low|high", "How to speak. Default low."),
    ]
    assert "| `tone` | low | How to speak. |" in reference.reference_page()


def test_given_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "geosearch.toml"
    file.write_text('port = 1\nworkers = 2\nindex = "a"\nlog_requests = false\n', "utf-8")
    environment = {"GEOSEARCH_PORT": "3", "GEOSEARCH_WORKERS": "4", "OTHER": "x"}
    loaded = load_settings({"port": "5", "host": None}, environment=environment, file=file)
    assert (loaded.port, loaded.workers, loaded.index) == (5, 4, "a")
    assert loaded.host == "127.0.0.1"
    assert loaded.log_requests is False


def test_a_worker_reads_the_settings_of_its_parent() -> None:
    for origins in ((), ("*",), ("https://a.example", "http://localhost:3000")):
        parent = Settings(
            index="x y", port=1, log_requests=False, poll_seconds=0.125, cors_origins=origins
        )
        assert load_settings(environment=as_environment(parent)) == parent


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("", ()),
        (" ", ()),
        ([], ()),
        ("*", ("*",)),
        ("https://a.example , http://[::1]:80:3", None),
        ("https://a.example, http://[::1]:3000", ("https://a.example", "http://[::1]:3000")),
        (["https://a.example", "capacitor://localhost"],
         ("https://a.example", "capacitor://localhost")),
        ("https://xn--p3t2a.example:8443", ("https://xn--p3t2a.example:8443",)),
        # A browser would never send these, so they would allow nothing.
        ("https://a.example/", None),
        ("https://a.example/app", None),
        ("https://A.example", None),
        ("https://a.example:443", None),
        ("http://a.example:80", None),
        ("http://a.example:443", ("http://a.example:443",)),
        ("a.example", None),
        ("https://*.example", None),
        ("https://a.example,", None),
        ("null", None),
        ("https://饭.example", None),
        ("https://a.example\nb", None),
        (["https://a.example\n"], None),
        (["https://a.example", 5], None),
        (5, None),
        (True, None),
    ],
)  # fmt: skip
def test_origins(given: Any, origins: tuple[str, ...] | None, tmp_path: Path) -> None:
    if origins is not None:
        assert load_settings({"cors_origins": given}, environment={}).cors_origins == origins
        return
    with pytest.raises(BadData, match=r"^Expected cors_origins to be (a list of texts|origins)"):
        load_settings({"cors_origins": given}, environment={})


def test_a_file_has_a_list_of_origins(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('cors_origins = ["https://a.example", "http://b.example"]', "utf-8")
    loaded = load_settings(environment={}, file=file)
    assert loaded.cors_origins == ("https://a.example", "http://b.example")
    rows = {row.option: row for row in options.setting_rows()}
    row = rows["--cors-origins"]
    assert (row.metavar, row.help[-13:]) == ("LIST", "Default none.")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"port": "http"}, "Expected port to be an integer, got 'http' - at `--port`"),
        ({"port": 70_000}, "Expected port in [0, 65535], got 70000 - at `--port`"),
        ({"port": 1.5}, "Expected port to be an integer, got 1.5 - at `--port`"),
        ({"workers": 0}, "Expected workers in [1, 256], got 0 - at `--workers`"),
        (
            {"poll_seconds": float("nan")},
            "Expected poll_seconds in [0.01, 60], got nan - at `--poll-seconds`",
        ),
        (
            {"log_level": "loud"},
            "Expected log_level to be one of debug, info, warning, error, got 'loud' "
            "- at `--log-level`",
        ),
        (
            {"log_requests": "maybe"},
            "Expected log_requests to be true or false, got 'maybe' - at `--log-requests`",
        ),
        ({"index": "\udcff"}, "Expected index in UTF-8, got '\\udcff' - at `--index`"),
        ({"index": 5}, "Expected index to be text, got 5 - at `--index`"),
    ],
)
def test_wrong_values(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadData) as refused:
        load_settings(given, environment={})
    assert str(refused.value) == sentence


def test_the_place_of_a_wrong_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="at `GEOSEARCH_PORT`"):
        load_settings(environment={"GEOSEARCH_PORT": ""})
    file = tmp_path / "settings.toml"
    file.write_text("prot = 1", "utf-8")
    sentence = r"There is no setting 'prot' - choose from index, .+ - at `.+toml`"
    with pytest.raises(BadData, match=sentence):
        load_settings(environment={}, file=file)
    file.write_text("port: 1", "utf-8")
    with pytest.raises(BadData, match="Cannot read the settings as TOML: "):
        load_settings(environment={}, file=file)
    with pytest.raises(BadData, match="Cannot read the settings as TOML: "):
        load_settings(environment={}, file=tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("variable", "closest"),
    [
        ("GEOSEARCH_WORKRES", "GEOSEARCH_WORKERS"),
        ("GEOSEARCH_LOG_REQUEST", "GEOSEARCH_LOG_REQUESTS"),
        ("GEOSEARCH_port", "GEOSEARCH_PORT"),
        ("geosearch_cors_origins", "GEOSEARCH_CORS_ORIGINS"),
        ("GEOSEARCH_", ""),
        ("GEOSEARCH_COLOUR_OF_THE_SKY", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_named(variable: str, closest: str) -> None:
    assert settings.unknown_variables({variable: "1", "PATH": "/"}) == {variable: closest}


def test_other_variables_are_not_named() -> None:
    """Those of other parts: every name in the sources is a setting or one of them."""
    root = Path(settings.__file__).parents[2]
    named = {
        variable
        for package in ("geosearch", "indexes", "benchmarks")
        for source in (root / package).rglob("*.py")
        for variable in re.findall(r'^\w+ = "(GEOSEARCH_\w+)"$', source.read_text("utf-8"), re.M)
    }
    assert named == settings.OTHER_VARIABLES
    assert not settings.unknown_variables({"GEOSEARCH_INGEST_PORT": "8081"})
    of_kubernetes = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8080_TCP_ADDR"]
    others = {*named, *(f"GEOSEARCH_{name}" for name in of_kubernetes), "GEOSEARCHES", "HOME"}
    known = as_environment(Settings()) | dict.fromkeys(others, "")
    assert settings.unknown_variables(known) == {}
