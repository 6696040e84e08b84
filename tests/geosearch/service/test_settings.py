"""Settings: which source wins, and what each wrong value is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from geosearch.errors import BadData
from geosearch.service.settings import SETTINGS, Settings, as_environment, load_settings


def test_the_table_lists_every_setting_with_its_default_and_help() -> None:
    defaults = msgspec.structs.asdict(Settings())
    assert {setting.name: setting.default for setting in SETTINGS} == defaults
    assert all(setting.help.endswith(".") for setting in SETTINGS)
    assert load_settings(environment={}) == Settings()


def test_given_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "geosearch.toml"
    file.write_text('port = 1\nworkers = 2\nindex = "a"\nlog_requests = false\n', "utf-8")
    environment = {"GEOSEARCH_PORT": "3", "GEOSEARCH_WORKERS": "4", "OTHER": "x"}
    settings = load_settings({"port": "5", "host": None}, environment=environment, file=file)
    assert (settings.port, settings.workers, settings.index) == (5, 4, "a")
    assert settings.host == "127.0.0.1"
    assert settings.log_requests is False


def test_a_worker_reads_the_settings_of_its_parent() -> None:
    settings = Settings(index="x y", port=1, log_requests=False, poll_seconds=0.125)
    assert load_settings(environment=as_environment(settings)) == settings


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
