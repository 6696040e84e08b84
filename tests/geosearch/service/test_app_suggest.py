"""`GET /v1/suggest`: what it answers and how it refuses."""

import io
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import SHOPS, publish_fake, running

HERE = "/v1/suggest?lat=31.23&lng=121.47"


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("service") / "index"
    publish_fake(index)
    with running(index) as client:
        yield client


def test_suggestions_as_json(client: TestClient) -> None:
    answer = client.get(f"{HERE}&q=%E6%B5%B7&limit=3")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "snapshot_id": "fake",
        "took_us": 12,
        "suggestions": [
            {
                "text": "海 0",
                "kind": "category",
                "id": "id 0",
                "count": SHOPS,
                "distance_m": 0.0,
                "highlight": [[0, 1]],
            },
            {
                "text": "海 1",
                "kind": "brand",
                "id": "id 1",
                "count": SHOPS - 1,
                "distance_m": 12.3,
                "highlight": [[0, 1]],
                "merchant_id": "m1",
            },
            {
                "text": "海 2",
                "kind": "brand",
                "id": "id 2",
                "count": SHOPS - 2,
                "distance_m": 24.7,
                "highlight": [[0, 1]],
                "merchant_id": "m2",
                "other": "KFC",
            },
        ],
    }


def test_eight_by_default(client: TestClient) -> None:
    assert len(client.get(f"{HERE}&q=h").json()["suggestions"]) == 8


BAD = [
    (HERE, "Expected `q`, got nothing - at `$.q`"),
    ("/v1/suggest?q=h&lat=31", "Expected `lng`, got nothing - at `$.lng`"),
    (f"{HERE}&q=", "Expected `q` as text of 1 to 200 characters, got 0 characters - at `$.q`"),
    (f"{HERE}&q={'h' * 201}", "Expected `q` as text of 1 to 200 characters, got 201 characters"),
    (f"{HERE}&q=h&limit=21", "Expected `limit` in [1, 20], got 21 - at `$.limit`"),
    (f"{HERE}&q=h&radius=50001", "Expected `radius` in [1, 50000], got 50001.0 - at `$.radius`"),
    (f"{HERE}&q=h&q=i", "Expected `q` once, got 2 values - at `$.q`"),
    (f"{HERE}&q=h&cards=red", "Expected one of q, lat, lng, crs, radius, limit, lang, got 'cards'"),
    (f"{HERE}&q=h&foo=1", "Expected one of q, lat, lng, crs, radius, limit, lang, got 'foo'"),
    (f"{HERE}&q=%ff", "Expected UTF-8, percent-encoded, got other bytes"),
    ("/v1/suggest?q=h&lat=91&lng=0", "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
]


@pytest.mark.parametrize(("url", "sentence"), BAD)
def test_a_wrong_request_is_a_problem(client: TestClient, url: str, sentence: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(sentence)
    assert answer.json()["errors"]


def test_only_get(client: TestClient) -> None:
    assert client.post(f"{HERE}&q=h").status_code == 405
