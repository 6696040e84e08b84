"""A damaged version is refused, told of and tried again; the one before goes on answering."""

import io
from pathlib import Path

import orjson
import pytest

from geosearch.errors import BadData
from geosearch.segment.versions import current, rollback
from geosearch.service import engines as module
from geosearch.service.engines import Engines, Refused
from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import FakeEngine, publish_fake, running
from tests.geosearch.waiting import until

DETAIL = "Expected the file as written, got altered bytes - at `versions/{}/segment-0000`"


@pytest.fixture
def log() -> io.BytesIO:
    log = io.BytesIO()
    configure_logs("info", log)
    return log


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of versions that are damaged where their engine is `damaged`."""

    def verify(folder: Path) -> None:
        verified.append(folder.name)
        if orjson.loads((folder / "engine.json").read_bytes()).get("damaged"):
            detail = DETAIL.format(folder.name).replace("versions/", f"{folder.parent}/")
            raise BadData(detail)

    verified.clear()
    monkeypatch.setattr(module, "verify_version", verify)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    return tmp_path / "index"


verified: list[str] = []


def engines_of(index: Path, **options: str) -> Engines:
    return Engines(index, FakeEngine, poll_seconds=0.01, **options)  # type: ignore[arg-type]


def events(log: io.BytesIO) -> list[dict[str, str]]:
    return [orjson.loads(line) for line in log.getvalue().splitlines()]


def test_a_version_is_read_in_full_before_it_takes_over(index: Path) -> None:
    first = publish_fake(index)
    engines = engines_of(index)
    engines.load()
    assert verified == [], "the first one answers at once, and is read while it does"
    second = publish_fake(index)
    engines.load()
    engines.load()
    assert verified == [second]
    rollback(index)
    engines.load()
    assert engines.current().version == first
    assert verified == [second], "it is open, and was served"
    strict = engines_of(index, verify="full")
    strict.load()
    assert verified == [second, first]


def test_a_damaged_version_is_refused_and_told_of(index: Path, log: io.BytesIO) -> None:
    good = publish_fake(index)
    engines = engines_of(index)
    engines.refresh()
    assert engines.refused is None
    bad = publish_fake(index, damaged=True)
    for _ in range(3):
        engines.refresh()
    assert engines.current().version == good
    assert engines.refused == Refused(bad, DETAIL.format(bad)), "no path of this machine"
    told = [line for line in events(log) if line["level"] == "error"]
    assert [line["event"] for line in told] == ["index not opened"]
    assert bad in told[0]["error"]
    newer = publish_fake(index)
    engines.refresh()
    assert (engines.current().version, engines.refused) == (newer, None)


def test_what_a_rollback_leaves_is_refused_no_more(index: Path) -> None:
    good = publish_fake(index)
    engines = engines_of(index)
    engines.refresh()
    publish_fake(index, damaged=True)
    engines.refresh()
    rollback(index)
    engines.refresh()
    assert (engines.current().version, engines.refused) == (good, None)


def test_pauses_double_but_another_version_does_not_wait(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.5)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    publish_fake(index)
    engines = engines_of(index)
    engines.refresh()
    publish_fake(index, damaged=True)
    tried = []
    for _ in range(4 * 300):
        before = len(verified)
        engines.refresh()
        if len(verified) > before:
            tried.append(now[0] - 100.0)
        now[0] += 0.25
    assert tried == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 123.5, 183.5, 243.5]
    newer = publish_fake(index)
    engines.refresh()
    assert engines.current().version == newer


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_what_replaces_a_killed_process_goes_back(
    index: Path, log: io.BytesIO, damaged: int
) -> None:
    """From the newest of three versions to the newest that is as written."""
    names = [publish_fake(index, damaged=number >= 3 - damaged) for number in range(3)]
    engines = engines_of(index)
    engines.recover()
    kept = names[2 - damaged]
    assert engines.current().version == kept
    assert verified == names[2 - damaged :][::-1]
    went_back = [line for line in events(log) if line["event"] == "went back"]
    if not damaged:
        assert engines.refused is None
        assert not went_back
        return
    assert engines.refused == Refused(names[2], DETAIL.format(names[2]))
    assert [(line["version"], line["refused"]) for line in went_back] == [(kept, names[2])]
    assert names[2] in went_back[0]["error"]
    # Mended, as by a copy from elsewhere, it is taken.
    (current(index) / "engine.json").write_bytes(b'{"snapshot_id":"mended"}')
    engines.refresh()
    assert engines.current().snapshot_id == "mended"
    assert engines.refused is None


def test_versions_newer_than_the_current_one_are_no_way_back(index: Path) -> None:
    names = [publish_fake(index, damaged=number == 1) for number in range(3)]
    rollback(index)
    engines = engines_of(index)
    engines.recover()
    assert engines.current().version == names[0]


def test_where_nothing_is_as_written_there_is_no_way_back(index: Path) -> None:
    for _ in range(3):
        name = publish_fake(index, damaged=True)
    engines = engines_of(index)
    with pytest.raises(BadData, match=name):
        engines.recover()
    assert engines.loaded is None
    with pytest.raises(BadData, match="There is no index"):
        engines_of(index / "nowhere").recover()


def test_the_service_tells_of_a_refused_version(index: Path, log: io.BytesIO) -> None:
    good = publish_fake(index)
    with running(index) as client:
        assert "refused" not in client.get("/v1/index").json()
        assert "geosearch_index_refused 0.0" in client.get("/metrics").text
        bad = publish_fake(index, damaged=True)
        until(lambda: "geosearch_index_refused 1.0" in client.get("/metrics").text)
        told = client.get("/v1/index").json()
        assert told["version"] == good
        assert told["refused"] == {"version": bad, "detail": DETAIL.format(bad)}
        assert client.get("/readyz").json() == {"status": "ready", "version": good}
        assert client.get("/v1/nearby?lat=31.23&lng=121.47").status_code == 200
