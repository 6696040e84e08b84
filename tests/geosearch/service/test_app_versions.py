"""The service follows versions without failing a request; cursors pin theirs."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from geosearch.segment.versions import rollback
from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import SHOPS, engine_of, publish_fake, running
from tests.geosearch.waiting import until

NEARBY = "/v1/nearby?lat=31.23&lng=121.47"


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


def test_a_new_version_is_followed_without_a_failure(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        assert client.get(NEARBY).json()["snapshot_id"] == "one"
        publish_fake(index, snapshot_id="two")
        seen: list[str] = []

        def follows() -> bool:
            answer = client.get(NEARBY)
            assert answer.status_code == 200
            seen.append(answer.json()["snapshot_id"])
            return seen[-1] == "two"

        until(follows)
        assert seen == sorted(seen)
        rollback(index)
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "one")


def test_a_version_that_cannot_answer_never_takes_over(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="good")
    with running(index) as client:
        publish_fake(index, snapshot_id="bad", broken=True)
        until(lambda: "geosearch_index_load_failures 0" not in client.get("/metrics").text)
        assert client.get(NEARBY).json()["snapshot_id"] == "good"
        publish_fake(index, snapshot_id="better")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "better")


def test_without_an_index_it_is_alive_but_not_ready(tmp_path: Path) -> None:
    index = tmp_path / "index"
    with running(index) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", NEARBY, "/v1/index", "/v1/programs", "/v1/merchants/m1"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.json()["detail"] == "There is no index to answer from yet"
        assert client.get("/metrics").status_code == 200
        publish_fake(index)
        until(lambda: client.get("/readyz").status_code == 200)


def test_an_index_past_its_horizon_is_not_ready(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, past=100)
    with running(index) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("The time horizon of the index, ")
        assert client.get("/healthz").status_code == 200


def test_past_the_horizon_now_is_not_ready_and_an_instant_is_refused(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, past=100)
    with running(index) as client:
        square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
        here = {"lat": 31.23, "lng": 121.47}
        for answer in (
            client.get(NEARBY),
            client.post("/v1/nearby", json=here),
            client.post("/v1/nearby", json=here | {"polygon": square}),
            client.post("/v1/nearby:batch", json={"queries": [here]}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.json()["detail"].startswith("The time horizon of the index")
        answer = client.get(f"{NEARBY}&at=2026-11-22T12:00:00Z")
        assert (answer.status_code, answer.json()["code"]) == (400, "at_outside_horizon")


def test_pages_stay_on_their_version(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        page = client.get(f"{NEARBY}&limit=100").json()
        names = [result["merchant"]["merchant_id"] for result in page["results"]]
        publish_fake(index, snapshot_id="two")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "two")
        at = page["at"]
        while page["next_cursor"]:
            page = client.get(f"{NEARBY}&limit=100&cursor={page['next_cursor']}").json()
            assert (page["snapshot_id"], page["at"]) == ("one", at)
            names += [result["merchant"]["merchant_id"] for result in page["results"]]
        assert names == [f"m{doc:05d}" for doc in range(SHOPS)]


def test_a_batch_is_answered_from_one_version(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        cursor = client.get(f"{NEARBY}&limit=5").json()["next_cursor"]
        engine = engine_of(client)
        engine.ways["slow"] = 0.05
        here = {"lat": 31.23, "lng": 121.47, "limit": 1}
        queries = [*[here] * 12, {**here, "cursor": cursor}]
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.post, "/v1/nearby:batch", json={"queries": queries})
            until(lambda: len(engine.asked) > 3)
            publish_fake(index, snapshot_id="two")
            until(lambda: client.get(NEARBY).json()["snapshot_id"] == "two")
            answers = asked.result().json()["answers"]
        assert {answer["snapshot_id"] for answer in answers} == {"one"}
        # A page goes on in its own version, whatever the others are answered from.
        answers = client.post("/v1/nearby:batch", json={"queries": queries}).json()["answers"]
        assert [answer["snapshot_id"] for answer in answers] == ["two"] * 12 + ["one"]


def test_a_restarted_service_still_reads_old_cursors(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        cursor = client.get(NEARBY).json()["next_cursor"]
    publish_fake(index, snapshot_id="two")
    with running(index) as client:
        assert client.get(NEARBY).json()["snapshot_id"] == "two"
        assert client.get(f"{NEARBY}&cursor={cursor}").json()["snapshot_id"] == "one"


def test_a_cursor_of_a_version_gone_is_expired(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        cursor = client.get(NEARBY).json()["next_cursor"]
        for number in range(4):
            publish_fake(index, snapshot_id=f"later {number}")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "later 3")
        until(lambda: client.get(f"{NEARBY}&cursor={cursor}").status_code == 410)
        problem = client.get(f"{NEARBY}&cursor={cursor}").json()
        assert problem["code"] == problem["errors"][0]["code"] == "cursor_expired"
        assert problem["errors"][0]["pointer"] == "/cursor"
