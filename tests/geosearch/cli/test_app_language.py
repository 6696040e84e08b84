"""`search --lang`: the language of reasons, by default that of the locale."""

import json
from pathlib import Path

import pytest

from geosearch.cli.app import run
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, shops_in


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("language")
    shops_in(folder)
    where = ["--lat", str(LAT), "--lng", str(LNG), "--at", NOW.isoformat(), "--ids", "m0"]
    return ["search", "--index", str(folder / "index"), *where, "--json"]


@pytest.mark.parametrize(
    ("locale", "options", "chinese"),
    [
        ({}, [], False),
        ({"LANG": "zh_CN.UTF-8"}, [], True),
        ({"LANG": "zh"}, [], True),
        ({"LANG": "de_DE.UTF-8"}, [], False),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB"}, [], False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, [], False),
        ({"LC_ALL": "zh_TW@radical"}, [], True),
        ({"LANG": "zha_CN"}, [], False),
        ({"LANG": "zh_CN.UTF-8"}, ["--lang", "en"], False),
        ({"LANG": "en_GB.UTF-8"}, ["--lang", "zh"], True),
    ],
)
def test_the_language_of_reasons(
    asked: list[str],
    locale: dict[str, str],
    options: list[str],
    chinese: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert run([*asked, *options]) == 0
    reasons = json.loads(capsys.readouterr().out)["results"][0]["reasons"]
    assert reasons == (
        ["省¥8", "步行1分钟", "营业至22:00"]
        if chinese
        else ["saves ¥8", "1 min walk", "open until 22:00"]
    )


def test_another_language_is_wrong_use(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*asked, "--lang", "fr"]) == 2
    assert "Expected `lang` as one of en, zh, got 'fr'" in capsys.readouterr().err
