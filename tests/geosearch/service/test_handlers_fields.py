"""`fields` over HTTP: in URLs, bodies, batches and GeoJSON, and refused with what exists."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, shops_in

BODY: dict[str, Any] = {
    "lat": LAT, "lng": LNG, "at": NOW.isoformat(), "cards": ["red"], "deals": "optional",
    "limit": 3,
}  # fmt: skip
FIELDS = ["merchant.name", "distance_m", "best_deal.pay"]
LISTED = {"merchant": {"name": "老上海"}, "distance_m": 0.0, "best_deal": {"pay": 5000}}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder: Path = tmp_path_factory.mktemp("fields")
    shops_in(folder)
    engines = Engines(folder / "index", Searcher, poll_seconds=1)
    engines.load()
    return TestClient(make_app(Handlers(engines, Metrics(engines), Settings(log_requests=False))))


URL = {**BODY, "cards": "red"}


def asked(client: TestClient, fields: str | None, **more: str) -> Any:
    given = {} if fields is None else {"fields": fields}
    return client.get("/v1/nearby", params={**URL, **given, **more})


def test_members_by_url_body_and_batch(client: TestClient) -> None:
    by_url = asked(client, ",".join(FIELDS)).json()
    posted = client.post("/v1/nearby", json={**BODY, "fields": FIELDS}).json()
    (batched,) = client.post(
        "/v1/nearby:batch", json={"queries": [{**BODY, "fields": FIELDS}]}
    ).json()["answers"]
    again = client.get("/v1/nearby", params=[*URL.items(), *(("fields", one) for one in FIELDS)])
    for answer in (by_url, posted, batched, again.json()):
        assert answer["results"][0] == LISTED
        assert [list(one) for one in answer["results"]] == [list(LISTED)] * 3
        assert list(answer) == ["snapshot_id", "at", "took_us", "results", "next_cursor"]


def test_absent_blank_and_null_are_all(client: TestClient) -> None:
    whole = asked(client, None).json()["results"]
    assert "reasons" in whole[0]
    assert asked(client, "").json()["results"] == whole
    nothings: list[dict[str, Any]] = [{"fields": []}, {"fields": None}]
    for nothing in nothings:
        answer = client.post("/v1/nearby", json=BODY | nothing)
        assert answer.json()["results"] == whole


def test_pages_may_have_other_members(client: TestClient) -> None:
    cursor = asked(client, "score").json()["next_cursor"]
    rest = asked(client, "merchant.merchant_id", cursor=cursor).json()["results"]
    every = asked(client, "merchant.merchant_id", limit="100").json()["results"]
    assert rest == every[3:6]


def test_geojson_has_its_point_without_asking(client: TestClient) -> None:
    collection = asked(client, ",".join(FIELDS), format="geojson").json()
    feature = collection["features"][0]
    assert feature == {
        "type": "Feature", "id": "m0", "properties": LISTED,
        "geometry": {"type": "Point", "coordinates": [LNG, LAT]},
    }  # fmt: skip
    assert asked(client, "merchant.lat", format="geojson").json()["features"][0]["properties"] == {
        "merchant": {"lat": LAT}
    }


def test_an_unknown_member_is_refused_with_those_there_are(client: TestClient) -> None:
    sentence = (
        "Expected `fields` as open, open.state, open.closes_at or open.opens_at, "
        "got 'open.until' - at `$.fields[1]`"
    )
    wrong = {**BODY, "fields": ["score", "open.until"]}
    for answer in (asked(client, "score,open.until"), client.post("/v1/nearby", json=wrong)):
        assert answer.status_code == 400
        assert answer.json()["errors"] == [
            {"pointer": "/fields/1", "code": "unknown_field", "detail": sentence}
        ]
    batch = client.post("/v1/nearby:batch", json={"queries": [BODY, wrong]})
    assert batch.json()["errors"][0]["pointer"] == "/queries/1/fields/1"
