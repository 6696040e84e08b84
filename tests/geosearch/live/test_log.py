"""The log keeps what it acknowledged, in order, and nothing of what it did not."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from geosearch.errors import BadData
from geosearch.live.changes import LiveChange, read_change
from geosearch.live.log import ChangeLog, NotDurable, log_file


def change(number: int, **more: object) -> LiveChange:
    said = {"table": "deals", "patch": {"deal_id": f"d{number % 3}", "stock": number}, **more}
    return read_change(said)


def add_all(log: ChangeLog, changes: int) -> None:
    with log.transaction():
        for number in range(changes):
            log.add(change(number))


def add_and_fail(log: ChangeLog) -> None:
    with log.transaction():
        assert log.add(change(3)) == 4
        raise RuntimeError


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path


def test_numbers_ascend_from_one_without_gaps(index: Path) -> None:
    log = ChangeLog(index)
    assert log.head == 0
    with log.transaction():
        assert [log.add(change(number)) for number in range(3)] == [1, 2, 3]
    with pytest.raises(RuntimeError):
        add_and_fail(log)
    assert log.head == 3
    with log.transaction():
        assert log.add(change(4)) == 4
    log.close()
    again = ChangeLog(index)
    assert again.head == 4
    assert [one.seq for one in again.after(0)] == [1, 2, 3, 4]
    assert [one.seq for one in again.after(1, 2)] == [2, 3]
    assert read_change(next(iter(again.after(3))).change) == change(4)


def test_ids_and_versions_are_found_also_inside_a_transaction(index: Path) -> None:
    log = ChangeLog(index)
    with log.transaction():
        log.add(change(1, change_id="a", version=7))
        log.add(change(4, version=5))
        assert log.has("a")
        assert not log.has("b")
        assert log.latest_version("deals", "d1") == 7
    assert log.latest_version("deals", "d0") is None
    assert log.latest_version("merchants", "d1") is None


def test_a_reader_sees_what_was_accepted_beside_the_writer(index: Path) -> None:
    assert ChangeLog.read(index) is None
    log = ChangeLog(index)
    with log.transaction():
        log.add(change(1))
        reader = ChangeLog.read(index)
        assert reader is not None
        assert list(reader.after(0)) == []
    assert [one.seq for one in reader.after(0)] == [1]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.add(change(2))
    log.close()
    reader.close()
    alone = ChangeLog.read(index)
    assert alone is not None
    assert alone.head == 1


def test_the_last_change_before_an_instant(index: Path) -> None:
    log = ChangeLog(index)
    assert log.last_through(10**15) == 0
    with log.transaction():
        for number in range(4):
            log.add(change(number))
        for seq, at in ((1, 100), (2, 200), (3, 150), (4, 300)):
            log._connection.execute("UPDATE changes SET accepted_ms=? WHERE seq=?", (at, seq))
    table = {99: 0, 100: 1, 160: 1, 200: 3, 299: 3, 300: 4, 10**15: 4}
    assert {at: log.last_through(at) for at in table} == table


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be one" * 40])
def test_another_file_is_no_log(index: Path, content: bytes) -> None:
    file = log_file(index)
    file.parent.mkdir()
    if not content:
        other = sqlite3.connect(file)
        other.execute("PRAGMA user_version = 9")
        other.close()
    else:
        file.write_bytes(content)
    with pytest.raises(BadData, match=r"changes\.sqlite"):
        ChangeLog(index)


DAMAGE = {
    "another stock": "UPDATE changes SET change = CAST(replace(change, '1', '2') AS BLOB)"
    " WHERE seq = 2",
    "another op": "UPDATE changes SET change = CAST(replace(change, 'patch', 'row') AS BLOB)"
    " WHERE seq = 2",
    "no JSON": "UPDATE changes SET change = x'7b' WHERE seq = 2",
    "a text": "UPDATE changes SET change = 'text' WHERE seq = 2",
    "a change of another number": "UPDATE changes SET (change, checksum) ="
    " (SELECT change, checksum FROM changes WHERE seq = 3) WHERE seq = 2",
    "another checksum": "UPDATE changes SET checksum = x'0011223344556677' WHERE seq = 2",
    "a number": "UPDATE changes SET checksum = 5 WHERE seq = 2",
    "a line that was not validated": "UPDATE changes SET change = CAST('{}' AS BLOB),"
    " checksum = NULL WHERE seq = 2",
    "a gap": "DELETE FROM changes WHERE seq = 2",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("limit", [-1, 2])
def test_a_damaged_change_is_bad_data_and_never_read(index: Path, damage: str, limit: int) -> None:
    log = ChangeLog(index)
    add_all(log, 4)
    assert log._connection.execute(damage).rowcount == 1
    for opened in (log, ChangeLog.read(index)):
        assert opened is not None
        with pytest.raises(BadData, match=r"change 2 with its checksum, got .* - at `.*sqlite`"):
            list(opened.after(0, limit))
        found = [next(opened.after(0)).seq, *(one.seq for one in opened.after(2))]
        assert found == [1, 3, 4]


def without_checksums(log: ChangeLog) -> None:
    """Make a log as releases before checksums wrote it."""
    log._connection.executescript(
        "ALTER TABLE changes DROP COLUMN checksum; PRAGMA user_version = 1;"
    )
    log.close()


def test_a_log_without_checksums_is_validated_and_gets_them(index: Path) -> None:
    log = ChangeLog(index)
    add_all(log, 3)
    lines = [one.change for one in log.after(0)]
    without_checksums(log)
    reader = ChangeLog.read(index)
    assert reader is not None
    assert [one.change for one in reader.after(0)] == lines
    log = ChangeLog(index)
    add_all(log, 2)
    assert [one.seq for one in log.after(0)] == [one.seq for one in reader.after(0)]
    assert [one.change for one in log.after(0)] == lines + lines[:2]
    sums = log._connection.execute("SELECT checksum IS NULL FROM changes ORDER BY seq").fetchall()
    assert sums == [(1,), (1,), (1,), (0,), (0,)]
    log._connection.execute(
        "UPDATE changes SET change = CAST(replace(change, '1', '\"1\"') AS BLOB)"
    )
    for opened in (log, reader):
        with pytest.raises(BadData, match="Expected change 2"):
            list(opened.after(0))


def test_a_full_log_accepts_nothing_and_goes_on_when_there_is_room(index: Path) -> None:
    log = ChangeLog(index)
    with log.transaction():
        log.add(change(1))
    (pages,) = log._connection.execute("PRAGMA page_count").fetchone()
    log._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NotDurable, match="full"):
        add_all(log, 10_000)
    assert log.head == 1
    assert [one.seq for one in log.after(0)] == [1]
    log._connection.execute("PRAGMA max_page_count = 1000000")
    with log.transaction():
        assert log.add(change(2)) == 2


_FILLED = """
import resource, signal, sys
from pathlib import Path
from geosearch.live.changes import read_change
from geosearch.live.log import ChangeLog, NotDurable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = ChangeLog(Path(sys.argv[1]))
change = read_change({"table": "deals", "patch": {"deal_id": "d", "stock": 1}})
with log.transaction():
    log.add(change)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
kept, failed = 1, 0
while failed < 3:
    try:
        with log.transaction():
            for _ in range(50):
                log.add(change)
        kept += 50
    except NotDurable:
        failed += 1
        assert log.head == kept
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with log.transaction():
    assert log.add(change) == kept + 1
print(kept + 1)
"""


def test_a_failing_disk_loses_nothing_and_keeps_nothing_half(index: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILLED, str(index)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept = int(done.stdout)
    log = ChangeLog(index)
    assert log.head == kept > 50
    assert [one.seq for one in log.after(0)] == list(range(1, kept + 1))
