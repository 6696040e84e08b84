"""CSV: records as other programs write them, broken ones, and what a broken one costs."""

from pathlib import Path

import pytest

from geosearch.snapshot import csv_records
from geosearch.snapshot.reader import read_snapshot
from tests.geosearch.snapshot_files import write_snapshot

HEAD = b"merchant_id,name,lat,lng,tags\n"

CSV_CASES: list[tuple[bytes, list[int], list[tuple[int, str]]]] = [
    # file, lines of accepted rows, lines and codes of rejected ones
    (HEAD + b"a,x,1,2,\nb,y,1,2,p|q\n", [2, 3], []),
    (HEAD + b'a,"x\ny",1,2,\nb,y,1,2,\n', [2, 4], []),
    (HEAD + b"a,x,1,2,\n\n\r\nb,y,1,2,\n", [2, 5], []),
    (HEAD + b"a,x,1,2,\nb,y,1,2\nc,z,1,2,\n", [2, 4], [(3, "not_csv")]),
    (HEAD + b"a,x,1,2,\nb,y,1,2,p,q\nc,z,1,2,\n", [2, 4], [(3, "not_csv")]),
    (HEAD + b'a,"x,1,2,\nb,y,1,2,\nc,z,1,2,\n', [3, 4], [(2, "not_csv")]),
    (HEAD + b'a,x,1,2,\nb,"y" z,1,2,\nc,z,1,2,\n', [2, 4], [(3, "not_csv")]),
    (HEAD + b'a,x,1,2,\nb,5" pipe,1,2,\nc,z,1,2,\n', [2, 3, 4], []),
    (HEAD + b"a,x,1,2,\nb,caf\xe9,1,2,\nc,z,1,2,\n", [2, 4], [(3, "not_utf8")]),
    (HEAD + b"a,x,one,2,\nb,y,1,2,", [3], [(2, "wrong_type")]),
    (
        HEAD + b"a,x,inf,2,\nb,y,1,nan,\nc,z,1e400,2,\n",
        [],
        [(2, "not_finite"), (3, "not_finite"), (4, "not_finite")],
    ),
    (HEAD + b'a,"x ""y""",1,2,\nb,"y,z", 1 ,+2,\n', [2, 3], []),
    (HEAD + b"a,,1,2,\n,y,1,2,\n", [], [(2, "missing_field"), (3, "missing_field")]),
    (HEAD.replace(b"\n", b"\r\n") + b"a,x,1,2,\r\nb,y,1,2,p|q\r\n", [2, 3], []),
    (HEAD.rstrip(b"\n"), [], []),
    # ends of lines: carriage returns alone, one too many, mixed, inside quotes, where none belongs
    (HEAD.replace(b"\n", b"\r") + b"a,x,1,2,\rb,y,1,2,p\r", [2, 3], []),
    (HEAD.replace(b"\n", b"\r") + b"a,x,1,2,\r\rb,y,1,2,p", [2, 4], []),
    (
        HEAD.replace(b"\n", b"\r") + b'a,"x\ry",1,2,\r"b,y,1,2,p\rc,z,1,2,\r',
        [2, 5],
        [(4, "not_csv")],
    ),
    (HEAD.replace(b"\n", b"\r") + b"a,x,1,2,\nb,y,1,2,p\r\nc,z,1,2,\r", [2, 3, 4], []),
    (HEAD.replace(b"\n", b"\r\r\n") + b"a,x,1,2,q\r\r\nb,y,1,2,p\r\r\n", [2, 3], []),
    (HEAD + b"a,x,1,2,\r\nb,y,1,2,p\nc,z,1,2,\r\n", [2, 3, 4], []),
    (HEAD + b'a,"x\ry",1,2,\nb,y,1,2,p\n', [2, 3], []),
    (HEAD + b"a,x\ry,1,2,\nb,y,1,2,p\n", [3], [(2, "not_csv")]),
    (HEAD + b"a,x,1,2,\rb,y,1,2,p\nc,z,1,2,\n", [3], [(2, "not_csv")]),
    (HEAD + b"a,x,1,2,\r\r\nb,y,1,2,p\n", [2, 3], []),
    (HEAD + b"\ra,x,1,2,\nb,y,1,2,p\n", [3], [(2, "not_csv")]),
    # lone quotes, NUL, other characters that end lines elsewhere, long fields, the last line
    (HEAD + b'a,x,1,2,\n"\nb,y,1,2,p\n', [2, 4], [(3, "not_csv")]),
    (HEAD + b'a,x,1,2,"\nb,y,1,2,p\n', [3], [(2, "not_csv")]),
    (HEAD + b'a,x,1,2,\nb,y,1,2,"', [2], [(3, "not_csv")]),
    (HEAD + b"a,x\x00y,1,2,\nb,y,1,2,p\n", [2, 3], []),
    (HEAD + b"\x00\nb,y,1,2,p\n", [3], [(2, "not_csv")]),
    (HEAD + 'a,"x\n\u2028\x0b\x85",1,2,\u2028\nb,5" y,1,2,p\n'.encode(), [2, 4], []),
    (HEAD + b"a," + b"x" * 200_000 + b',1,2,\nb,5" y,1,2,p\n', [2, 3], []),
    (b'merchant_id,name,lat,lng,"ta\ngs"\na,x,1,2,\nb,y,1,2,', [3, 4], []),
    (b"merchant_id,name,lat,lng\n" + b"a,x,1,2", [2], []),
]


@pytest.mark.parametrize(("content", "accepted", "rejected"), CSV_CASES)
def test_broken_csv_record_costs_itself_only(
    tmp_path: Path, content: bytes, accepted: list[int], rejected: list[tuple[int, str]]
) -> None:
    folder = write_snapshot(tmp_path, {"deals": []})
    (folder / "merchants.ndjson").unlink()
    (folder / "merchants.csv").write_bytes(content)
    snapshot = read_snapshot(folder, max_rejected=1)
    assert snapshot.merchants["line"].to_list() == accepted
    entries = [entry for entry in snapshot.rejects.entries if entry.code != "unknown_field"]
    assert sorted((entry.line, entry.code) for entry in entries) == rejected


BROKEN = [
    b'b,"y,1,2,\n',
    b"b,y,1\n",
    b'b,"y" z,1,2,\n',
    b"b,caf\xe9,1,2,\n",
    b'b,5" pipe,1,2,\n',
    b'"\n',
    b"b,y\r,1,2,\n",
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("at", [0, 7_000, 19_999])
def test_broken_record_costs_the_time_of_the_few_around_it(
    tmp_path: Path, broken: bytes, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [b"m%d,x,1,2,\n" % number for number in range(20_000)]
    slow = []
    plainly = csv_records.parsed

    def counted(text: bytes) -> list[str] | csv_records.Broken:
        slow.append(text)
        return plainly(text)

    monkeypatch.setattr(csv_records, "parsed", counted)
    folder = write_snapshot(tmp_path, {"deals": []})
    (folder / "merchants.ndjson").unlink()
    content = b"".join([HEAD, *lines[:at], broken, *lines[at:]])
    (folder / "merchants.csv").write_bytes(content)
    monkeypatch.setattr("geosearch.snapshot.csv._PIECE_BYTES", 1 << 12)
    snapshot = read_snapshot(folder, max_rejected=1)
    accepted = snapshot.merchants["line"].to_list()
    assert accepted == [n for n in range(2, 20_003) if n != at + 2 or broken == BROKEN[4]]
    assert 0 < len(slow) < 1_000
