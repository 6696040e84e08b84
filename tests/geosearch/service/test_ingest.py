"""`geosearch ingest`: token, receipts, refusals, the feed, and readers that follow."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient
from structlog.testing import CapturingLogger

from geosearch.errors import BadData
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import Searcher, open_index
from geosearch.service import committer, ingest
from geosearch.service.app import create_app
from geosearch.service.committer import Committer
from geosearch.service.engines import Engines
from geosearch.service.ingest import Ingest
from geosearch.service.ingest_settings import IngestSettings, load_ingest_settings, read_token
from geosearch.service.settings import Settings
from tests.geosearch.indexing.test_writer import AT, DEALS, built, stock

TOKEN = "a token of some length".replace(" ", "-")
NDJSON = {"content-type": "application/x-ndjson"}
Params = dict[str, str | int | float]


@contextmanager
def ingesting(index: Path, **more: Any) -> Iterator[TestClient]:
    accepting = more.pop("committer", None) or Committer(Writer(index))
    limits = {"max_body_bytes": 10_000, **more}
    app = Ingest(index, accepting, token=TOKEN.encode(), **limits).app()
    with TestClient(app, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def lines(*changes: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in changes) + b"\n"


def wait_until_visible(client: TestClient, seq: int) -> None:
    end = time.monotonic() + 20
    while f"geosearch_changes_visible {seq:.1f}" not in client.get("/metrics").text:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_changes_are_accepted_when_they_are_answered_and_soon_visible(index: Path) -> None:
    with ingesting(index) as client:
        body = lines(stock(0, 0), stock(99, 1), stock(2, 5, change_id="a"))
        answer = client.post("/v1/changes", content=body, headers=NDJSON)
        assert answer.status_code == 200
        detail = 'Expected `deal_id` of the index, got "d99"'
        rejected = [{"line": 2, "code": "unknown_deal", "detail": detail}]
        told = {"seq": 2, "accepted": 2, "stale": 0, "duplicate": 0, "rejected": rejected}
        assert answer.json() == told
        wait_until_visible(client, 2)
        assert open_index(index).as_of_seq == 2
        one = client.post("/v1/changes", json=stock(2, 5, change_id="a"))
        assert one.json()["duplicate"] == 1
        pretty = json.dumps(stock(0, 3), indent=2)
        answer = client.post(
            "/v1/changes", content=pretty, headers={"content-type": "application/json"}
        )
        assert answer.json()["seq"] == 3
        wait_until_visible(client, 3)
        text = client.get("/metrics").text
        assert "geosearch_changes_head 3.0" in text
        assert "geosearch_changes_lag 0.0" in text
        assert "geosearch_changes_small_documents 0.0" in text
        assert 'geosearch_changes_total{outcome="rejected"} 1.0' in text
        assert client.get("/healthz").json() == {"status": "alive"}
    with Writer(index) as writer:
        assert writer.head == 3


def test_the_feed_has_what_was_accepted(index: Path) -> None:
    with ingesting(index) as client:
        changes = [stock(0, 1), stock(0, {"add": 2}, change_id="x", version=4)]
        client.post("/v1/changes", content=lines(*changes), headers=NDJSON)
        feed = client.get("/v1/changes").json()
        assert feed["head"] == 2
        assert [one.pop("seq") for one in feed["changes"]] == [1, 2]
        assert all(one.pop("accepted_at").endswith("Z") for one in feed["changes"])
        assert feed["changes"] == changes
        later = client.get("/v1/changes", params={"after": 1, "limit": 1}).json()
        assert [one["seq"] for one in later["changes"]] == [2]
        started = time.monotonic()
        assert client.get("/v1/changes?after=2&wait=0.2").json() == {"changes": [], "head": 2}
        assert time.monotonic() - started >= 0.2
        for bad in ("after=-1", "limit=0", "limit=10001", "wait=31", "wait=x", "since=1"):
            refused = client.get(f"/v1/changes?{bad}")
            assert refused.status_code == 400, bad
            assert refused.json()["errors"][0]["pointer"] == "/" + bad.partition("=")[0]


def test_nobody_waits_for_a_service_that_stops(index: Path) -> None:
    taking = Ingest(index, Committer(Writer(index)), token=TOKEN.encode(), max_body_bytes=1)
    taking.is_stopping = lambda: True
    with TestClient(taking.app(), headers={"authorization": f"Bearer {TOKEN}"}) as client:
        started = time.monotonic()
        assert client.get("/v1/changes?wait=30").json() == {"changes": [], "head": 0}
        assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_only_the_token_opens(index: Path, header: str) -> None:
    with ingesting(index) as client:
        headers = {b"content-type": NDJSON["content-type"].encode()}
        headers[b"authorization"] = header.encode("latin-1")
        for answer in (
            client.post("/v1/changes", content=lines(stock(0, 0)), headers=headers),
            client.get("/v1/changes", headers=headers),
        ):
            assert answer.status_code == 401
            assert answer.json()["code"] == "unauthorized"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in answer.text
    assert open_index(index).as_of_seq == 0


def test_bodies_that_are_refused(index: Path) -> None:
    with ingesting(index) as client:
        long = client.post("/v1/changes", content=b" " * 10_001, headers=NDJSON)
        assert (long.status_code, long.json()["code"]) == (413, "too_large")
        other = client.post("/v1/changes", content=b"x", headers={"content-type": "text/csv"})
        assert (other.status_code, other.json()["code"]) == (415, "wrong_media_type")
        zipped = client.post(
            "/v1/changes", content=b"x", headers={**NDJSON, "content-encoding": "gzip"}
        )
        assert (zipped.status_code, zipped.json()["code"]) == (415, "wrong_media_type")
        assert client.get("/v1/nearby").status_code == 404
        assert client.get("/v1/changes/", follow_redirects=False).status_code == 404
        for method, path, allow in (
            ("DELETE", "/v1/changes", "GET, HEAD, POST"),
            ("POST", "/healthz", "GET, HEAD"),
        ):
            refused = client.request(method, path)
            assert (refused.status_code, refused.headers["allow"]) == (405, allow)
            detail = f"Expected {allow}, got {method} - at `{path}`"
            assert (refused.json()["code"], refused.json()["detail"]) == (
                "method_not_allowed", detail,
            )  # fmt: skip
        empty = client.post("/v1/changes", content=b"", headers=NDJSON).json()
        assert empty == {"seq": 0, "accepted": 0, "stale": 0, "duplicate": 0, "rejected": []}


def test_a_body_has_at_most_so_many_lines(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MOST_LINES", 2)
    with ingesting(index) as client:
        for count, status in ((2, 200), (3, 413)):
            answer = client.post("/v1/changes", content=b"{}\n" * count, headers=NDJSON)
            assert answer.status_code == status
        assert answer.json()["detail"] == "Expected at most 2 lines, got 3"


def test_changes_are_taken_after_a_fault_of_following(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(index)
    faults: list[object] = []

    def follow() -> None:
        if len(faults) < 3:
            faults.append(None)
            raise (OSError, KeyError, ValueError)[len(faults) - 1]("a disk")

    monkeypatch.setattr(writer, "follow", follow)
    monkeypatch.setattr(committer, "FOLLOW_SECONDS", 0.001)
    accepting = Committer(writer)
    with ingesting(index, committer=accepting) as client:
        while len(faults) < 3:
            time.sleep(0.001)
        accepting._thread.join(0.1)
        assert accepting._thread.is_alive()
        assert client.post("/v1/changes", json=stock(0, 0)).json()["seq"] == 1


def test_a_lasting_fault_of_following_is_told_once(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, faults = Writer(index), 0

    def follow() -> None:
        nonlocal faults
        faults += 1
        raise OSError("a disk")

    monkeypatch.setattr(writer, "follow", follow)
    monkeypatch.setattr(committer, "FOLLOW_SECONDS", 60.0)
    with (
        structlog.testing.capture_logs() as told,
        ingesting(index, committer=Committer(writer)) as client,
    ):
        for left in range(3):
            client.post("/v1/changes", json=stock(0, left))
    assert faults == 4  # After each request, and at the end; not again and again until it works.
    assert [one["error"] for one in told] == ["a disk"]


def test_a_full_disk_is_not_durable_and_not_visible(index: Path) -> None:
    writer = Writer(index)
    app = Ingest(index, Committer(writer), token=TOKEN.encode(), max_body_bytes=10**7).app()
    with TestClient(app, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        (pages,) = writer._log._connection.execute("PRAGMA page_count").fetchone()
        writer._log._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = lines(*(stock(0, left) for left in range(2_000)))
        answer = client.post("/v1/changes", content=many, headers=NDJSON)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_durable")
        assert str(index) not in answer.text
        assert open_index(index).as_of_seq == 0
        writer._log._connection.execute("PRAGMA max_page_count = 1000000")
        assert client.post("/v1/changes", json=stock(0, 0)).json()["seq"] == 1


def test_a_service_shows_a_change_to_whom_waits_for_it(index: Path) -> None:
    settings = Settings(index=str(index))
    engines = Engines(index, Searcher, poll_seconds=settings.poll_seconds)
    where: Params = {"lat": 31.23, "lng": 121.47, "at": AT.isoformat(), "deals": "any"}
    with ingesting(index) as writer, TestClient(create_app(settings, engines)) as reader:
        for number in range(1, 6):
            answer = writer.post("/v1/changes", json=stock(0, number % 2)).json()
            assert answer["seq"] == number
            shown = reader.get("/v1/nearby", params={**where, "min_seq": number}).json()
            assert shown["as_of_seq"] >= number
            ids = [one["merchant"]["merchant_id"] for one in shown["results"]]
            assert ids == (["m0"] if number % 2 else [])
        queries = {"queries": [{**where, "min_seq": 5}, where]}
        assert reader.post("/v1/nearby:batch", json=queries).status_code == 200
        behind = reader.get("/v1/nearby", params={**where, "min_seq": 6})
        assert (behind.status_code, behind.json()["code"]) == (503, "behind")
        assert "geosearch_index_as_of_seq 5.0" in reader.get("/metrics").text
        for path in ("index", "programs", "categories", "merchants/m1"):
            assert reader.get(f"/v1/{path}").json()["as_of_seq"] == 5
        zones = reader.get("/v1/zones", params={"lat": 31.23, "lng": 121.47}).json()
        assert zones == {"zones": [], "as_of_seq": 5}
        suggested = reader.get("/v1/suggest", params={"q": "老", "lat": 31.23, "lng": 121.47})
        assert suggested.json()["as_of_seq"] == 5


def test_a_cursor_of_a_version_without_the_changes_expires(tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    settings = Settings(index=str(index), poll_seconds=0.02)
    engines = Engines(index, Searcher, poll_seconds=settings.poll_seconds)
    where: Params = {"lat": 31.23, "lng": 121.47, "at": AT.isoformat(), "limit": 1}
    with TestClient(create_app(settings, engines)) as reader:
        cursor = reader.get("/v1/nearby", params=where).json()["next_cursor"]
        version = reader.get("/v1/index").json()["version"]
        built(tmp_path, DEALS, changes_through=0)
        until = time.monotonic() + 60
        while reader.get("/v1/index").json()["version"] == version:
            assert time.monotonic() < until
            time.sleep(0.02)
        again = {**where, "cursor": cursor}
        assert reader.get("/v1/nearby", params=again).status_code == 200
        with Writer(index) as writer:
            writer.apply([stock(0, 0)])
        assert reader.get("/v1/nearby", params={**where, "min_seq": 1}).status_code == 200
        assert reader.get("/v1/nearby", params=again).json()["code"] == "cursor_expired"


@pytest.mark.parametrize("content", [None, b"", b"short", b"two words in one token", b"\xff" * 20])
def test_a_token_that_cannot_be_one(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadData, match=r"token"):
        read_token(IngestSettings(token_file=str(file)))


@pytest.mark.parametrize(
    "url",
    ["notaurl", "file:///etc/passwd", "ftp://host", "http://", "http://[", "http://h:x",
     "http://user:secret@host", "http://host?token=secret"],
)  # fmt: skip
def test_a_source_that_cannot_be_one(url: str) -> None:
    with pytest.raises(BadData, match="Expected from_url as http://HOST:PORT") as refused:
        load_ingest_settings({"from_url": url}, environment={})
    assert "secret" not in str(refused.value)
    for good in ("http://127.0.0.1:8081", "https://[::1]/"):
        assert load_ingest_settings({"from_url": good}, environment={}).from_url == good


def test_a_port_that_is_taken_and_a_token_for_all_are_told(
    index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("configure_logs", "end_logs"):  # They are the process's.
        monkeypatch.setattr(ingest, name, lambda *_: None)
    told = CapturingLogger()
    monkeypatch.setattr(ingest, "_log", told)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = IngestSettings(index=str(index), port=port, token_file=str(tmp_path / "token"))
        with pytest.raises(BadData, match=f"Port {port} is already in use"):
            ingest.ingest(given)
    assert "others can read the token" in str(told.calls)
    assert TOKEN not in str(told.calls)


def test_settings_come_from_line_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    environment = {"GEOSEARCH_PORT": "1", "GEOSEARCH_INGEST_TOKEN_FILE": str(file)}
    settings = load_ingest_settings({"port": "9"}, environment=environment)
    assert (settings.port, settings.host) == (9, "127.0.0.1")
    assert read_token(settings) == TOKEN.encode()
    with pytest.raises(BadData, match="There is no setting 'workers'"):
        load_ingest_settings({"workers": 2}, environment={})
    with pytest.raises(BadData, match="Expected the setting token_file"):
        read_token(IngestSettings())
