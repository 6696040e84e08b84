"""The language of answers over HTTP: by header, by parameter, and what caches are told."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosearch.indexing.pipeline import build
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import LONG_BODY, Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from tests.geosearch.answer.few_shops import LAT, LNG, NOW
from tests.geosearch.snapshot_files import deal, merchant, write_snapshot

BODY: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "cards": ["red"]}
URL = {**BODY, "cards": "red"}
REASONS = {
    "en": ["saves ¥8 with 小红卡", "1 min walk", "open until 22:30"],
    "zh": ["用小红卡省¥8", "步行1分钟", "营业至22:30"],
}
NAMES = {
    "en": {"food": "Food", "food.tea": "茶馆", "shop": "shop"},
    "zh": {"food": "美食", "food.tea": "茶馆", "shop": "shop"},
}
ASKED = [
    (None, None, "en"),
    ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh"),
    ("en-GB, zh;q=0.5", None, "en"),
    ("fr", None, "en"),
    ("zh", "en", "en"),
    ("en", "zh", "zh"),
    (None, "zh", "zh"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder: Path = tmp_path_factory.mktemp("language")
    tables: dict[str, Any] = {
        "merchants": [
            merchant(0, opening_hours="Mo-Su 10:00-22:30", categories=["food.tea"]),
            merchant(1, lat=LAT + 1, categories=["shop"]),
        ],
        "deals": [deal(0, offer_type="free_item", face_value=800, program_id="red")],
        "categories": [
            {"category_id": "food", "names": {"en": "Food", "zh-Hans": "美食"}},
            {"category_id": "food.tea", "names": {"zh": "茶馆"}},
        ],
    }
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index", now=NOW)
    engines = Engines(folder / "index", Searcher, poll_seconds=1)
    engines.load()
    return TestClient(make_app(Handlers(engines, Metrics(engines), Settings(log_requests=False))))


def headers(accepted: str | None) -> dict[str, str]:
    # Without a header the client would send one of its own.
    return {"accept-language": accepted or ""}


def given(language: str | None) -> dict[str, str]:
    return {} if language is None else {"lang": language}


def check_headers(answer: Any, language: str) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert "accept-language" in answer.headers["vary"].split(", ")


@pytest.mark.parametrize(("accepted", "parameter", "language"), ASKED)
def test_reasons(
    client: TestClient, accepted: str | None, parameter: str | None, language: str
) -> None:
    asked = headers(accepted)
    for answer in (
        client.get("/v1/nearby", params=URL | given(parameter), headers=asked),
        client.post("/v1/nearby", json=BODY | given(parameter), headers=asked),
        client.post(
            "/v1/nearby", json=BODY | given(parameter) | {"q": " " * LONG_BODY}, headers=asked
        ),
    ):
        check_headers(answer, language)
        assert answer.json()["results"][0]["reasons"] == REASONS[language]
    shown = client.get(
        "/v1/nearby", params=URL | given(parameter) | {"format": "geojson"}, headers=asked
    )
    check_headers(shown, language)
    assert shown.json()["features"][0]["properties"]["reasons"] == REASONS[language]


def test_a_batch_has_a_language_a_query(client: TestClient) -> None:
    queries = [BODY | given(language) for language in ("en", None, "zh")]
    for accepted, languages in (("zh", ["en", "zh", "zh"]), ("", ["en", "en", "zh"])):
        answer = client.post(
            "/v1/nearby:batch", json={"queries": queries}, headers=headers(accepted)
        )
        found = [each["results"][0]["reasons"] for each in answer.json()["answers"]]
        assert found == [REASONS[language] for language in languages]
        assert answer.headers["content-language"] == "en, zh"
        assert "accept-language" in answer.headers["vary"]


@pytest.mark.parametrize(("accepted", "parameter", "language"), ASKED)
def test_names_of_categories(
    client: TestClient, accepted: str | None, parameter: str | None, language: str
) -> None:
    asked = headers(accepted)
    answer = client.get("/v1/categories", params=given(parameter), headers=asked)
    check_headers(answer, language)
    listed = {each["category_id"]: each["name"] for each in answer.json()["categories"]}
    assert listed == NAMES[language]
    for typed in ("foo", "meishi"):
        place: dict[str, Any] = {"lat": LAT, "lng": LNG, "q": typed}
        answer = client.get("/v1/suggest", params=place | given(parameter), headers=asked)
        check_headers(answer, language)
        (found,) = answer.json()["suggestions"]
        assert (found["id"], found["name"]) == ("food", NAMES[language]["food"])
        assert found["text"] == ("Food" if typed == "foo" else "美食")
    (shop,) = client.get("/v1/suggest", params=place | {"q": "老"}).json()["suggestions"]
    assert "name" not in shop


def test_a_tag_is_of_one_language(client: TestClient) -> None:
    tags = {
        language: client.get("/v1/categories", headers=headers(language)).headers["etag"]
        for language in ("en", "zh")
    }
    assert tags["en"] != tags["zh"]
    assert client.get("/v1/categories", params={"lang": "zh"}).headers["etag"] == tags["zh"]
    for language, tag in tags.items():
        for accepted in ("en", "zh"):
            asked = headers(accepted) | {"if-none-match": tag}
            status = client.get("/v1/categories", headers=asked).status_code
            assert status == (304 if accepted == language else 200)


def test_other_answers_have_no_language(client: TestClient) -> None:
    for path in ("/v1/programs", "/v1/index", "/healthz", "/v1/merchants/m0"):
        answer = client.get(path, headers=headers("zh"))
        assert "content-language" not in answer.headers
        assert "accept-language" not in answer.headers.get("vary", "")


@pytest.mark.parametrize(
    ("path", "more"),
    [("/v1/nearby", URL), ("/v1/categories", {}), ("/v1/suggest", {"lat": 1, "lng": 2, "q": "a"})],
)
def test_another_language_is_refused(client: TestClient, path: str, more: dict[str, Any]) -> None:
    answer = client.get(path, params=more | {"lang": "fr"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == ("Expected `lang` as one of en, zh, got 'fr' - at `$.lang`")
