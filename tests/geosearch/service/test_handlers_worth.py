"""`POST /v1/cards:worth`: what it answers, and how it refuses."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from starlette.testclient import TestClient

from geosearch.search.searcher import Searcher
from geosearch.service import handlers
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.logs import configure_logs
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from geosearch.studies import worth as study
from geosearch.studies.habits import read_habits
from tests.geosearch.small_city import LUNCH, NOW, opened, small_world

PATH = "/v1/cards:worth"


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the small city."""
    made = tmp_path_factory.mktemp("worth")
    opened(small_world(), made)
    return made / "index"


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    engines = Engines(folder, Searcher, poll_seconds=1)
    engines.load()
    with TestClient(make_app(Handlers(engines, Metrics(engines), Settings()))) as client:
        yield client


def asked(**more: Any) -> dict[str, Any]:
    return {"habits": [LUNCH], "at": NOW.isoformat(), **more}


def test_answers_what_python_does(client: TestClient, folder: Path) -> None:
    engine = Searcher(next((folder / "versions").iterdir()))
    expected = study.worth(engine, read_habits([LUNCH]), cards=["blue"], at=NOW)
    for part in (1, 200_000):  # in many parts, and in one
        with mock.patch.object(study, "_PART_SHOPS", part):
            answer = client.post(PATH, json=asked(cards=["blue"]))
        assert answer.status_code == 200
        assert answer.json() == msgspec.to_builtins(expected)


@pytest.mark.parametrize(
    ("body", "sentence", "pointer"),
    [
        ({"habits": []}, "Expected `habits` of 1 to 10 items, got 0", "/habits"),
        ({"habits": [LUNCH] * 11}, "Expected `habits` of 1 to 10 items, got 11", "/habits"),
        ({}, "Expected `habits` of 1 to 10 items, got 0", "/habits"),
        ([], "Expected an object with a list `habits`", ""),
        (asked(colour=1), "colour", "/colour"),
        (asked(cards="red"), "Expected `cards`", "/cards"),
        (asked(candidates=["green"]), "among the cards of the index", "/candidates/0"),
        (asked(habits=[{**LUNCH, "spend": None}]), "Expected `spend`", "/habits/0/spend"),
        (asked(habits=[LUNCH, {**LUNCH, "when": "x"}]), "as opening hours", "/habits/1/when"),
        (asked(at="now"), "Expected `at`", "/at"),
        (asked(at="2001-01-01T00:00:00Z"), "time horizon", "/at"),
    ],
    ids=str,
)
def test_refusals(client: TestClient, body: Any, sentence: str, pointer: str) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 400
    (found, *_) = answer.json()["errors"]
    assert sentence in found["detail"]
    assert found["pointer"] == pointer


def test_habits_that_reach_too_many_shops_are_refused(client: TestClient) -> None:
    with mock.patch.object(handlers, "WORTH_WORK", 100):
        answer = client.post(PATH, json=asked())
    assert answer.status_code == 400
    assert "at most 100 shops within reach by instants, got 240" in answer.json()["detail"]


def test_body_that_is_no_json(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post(PATH, content=b"{", headers=headers)
    assert answer.json()["code"] == "not_json"
