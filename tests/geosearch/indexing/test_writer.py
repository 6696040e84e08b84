"""`Writer`: receipts, repetitions, versions, one writer; builds and rollbacks in between."""

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from geosearch.errors import BadData, Behind
from geosearch.indexing.go_back import go_back
from geosearch.indexing.pipeline import build
from geosearch.indexing.rebuild import rebuild
from geosearch.indexing.writer import Receipt, Writer
from geosearch.live.log import ChangeLog
from geosearch.live.moment import LIVE
from geosearch.query.query import Query
from geosearch.search.searcher import open_index
from geosearch.segment.versions import current
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, deal, merchant, write_snapshot

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
DEALS = [
    deal(0, stock=2),
    deal(1, merchant_ids=["m1"], program_id="red"),
    deal(2, merchant_ids=["m1"], stock=0, percent=20),
    deal(3, merchant_ids=["m0", "m1"], percent=30, new_customer_only=True, stock=0),
    deal(4, merchant_ids=["m0"], percent=40, stock=0, min_spend="much"),
]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def built(folder: Path, deals: list[dict[str, Any]], **envelope: Any) -> Path:
    shops = [merchant(number, avg_price=10_000) for number in range(3)]
    tables = {"merchants": shops, "deals": deals, "programs": [PROGRAM]}
    snapshot = write_snapshot(folder / "snapshot", tables)
    (snapshot / "snapshot.json").write_text(json.dumps(ENVELOPE | envelope))
    build(snapshot, folder / "index", now=AT)
    return folder / "index"


def stock(number: int, left: Any, **more: Any) -> dict[str, Any]:
    return {"table": "deals", "patch": {"deal_id": f"d{number}", "stock": left}, **more}


def status(value: str) -> dict[str, Any]:
    return {"table": "programs", "patch": {"program_id": "red", "status": value}}


def best(index: Path, **asked: Any) -> dict[str, str | None]:
    """Id of the best deal of each shop that is found."""
    query = Query(lat=31.23, lng=121.47, at=AT, **asked)
    hits = open_index(index).search(query).hits
    return {
        hit.merchant["merchant_id"]: None if hit.best_deal is None else hit.best_deal.deal_id
        for hit in hits
    }


def apply(index: Path, *changes: dict[str, Any] | bytes) -> Receipt:
    with Writer(index) as writer:
        return writer.apply(changes)


def counts(receipt: Receipt) -> tuple[int, int, int, int, int]:
    parts = receipt.accepted, receipt.stale, receipt.duplicate, len(receipt.rejected)
    return receipt.seq, *parts


def row(table: str, **fields: Any) -> dict[str, Any]:
    return {"table": table, "row": fields}


def test_a_receipt_says_what_a_build_would_say_of_a_row(index: Path) -> None:
    shop = {"merchant_id": "m9", "name": "Tea", "lat": 31.23, "lng": 121.47}
    offer = {"deal_id": "d9", "merchant_ids": ["m0"], "offer_type": "percent_off"}
    two = ["unknown_field"] * 2
    cut = "Fr 18:00-02:00; Sa 10:00-20:00"
    table: list[tuple[dict[str, Any], list[str], list[str]]] = [
        (row("merchants", **shop, opening_hours="Mo-Su 10:00-22:00"), [], []),
        (row("merchants", **shop, opening_hour="24/7"), [], ["unknown_field"]),
        (row("merchants", **shop, opening_hours="whenever"), [], ["unreadable_hours"]),
        (row("merchants", **shop, opening_hours=cut), [], ["overnight_trap"]),
        (row("merchants", **shop, rating=9, a=1, b=2), [], [*two, "out_of_range"]),
        (row("merchants", **shop, **{f"f{n}": n for n in range(99)}), [], two * 5),
        (row("deals", **offer, percent=10, use_hours="whenever"), [], ["unreadable_hours"]),
        (row("deals", **offer, percent=10, colour=1), [], ["unknown_field"]),
        (row("programs", program_id="p", name="P", nme=1), [], ["unknown_field"]),
        # A row is rejected for what rejects it, whatever else it has.
        (row("deals", **offer, title=5, colour=1), ["missing_for_type"], []),
        (row("merchants", **shop | {"lat": 99}, tags=5), ["out_of_range"], []),
    ]  # fmt: skip
    receipt = apply(index, *(one for one, _, _ in table))
    for line, (one, rejected, warned) in enumerate(table, 1):
        assert [told.code for told in receipt.rejected if told.line == line] == rejected, one
        assert [told.code for told in receipt.warnings if told.line == line] == warned, one
    assert "line 2, accepted: Expected a field of table" in receipt.text()


def test_the_answer_after_each_change_is_that_of_the_new_rows(index: Path) -> None:
    cards = {"cards": ("red",), "deals": "optional"}
    assert best(index, **cards) == {"m0": "d0", "m1": "d1", "m2": None}
    table: list[tuple[dict[str, Any], dict[str, str | None]]] = [
        (stock(0, 0), {"m0": None, "m1": "d1", "m2": None}),
        (stock(2, 9), {"m0": None, "m1": "d2", "m2": None}),
        (stock(0, None), {"m0": "d0", "m1": "d2", "m2": None}),
        ({"table": "deals", "delete": "d2"}, {"m0": "d0", "m1": "d1", "m2": None}),
        (status("SUSPENDED"), {"m0": "d0", "m1": None, "m2": None}),
        (status("ACTIVE"), {"m0": "d0", "m1": "d1", "m2": None}),
        ({"table": "merchants", "delete": "m0"}, {"m1": "d1", "m2": None}),
        (stock(3, 1), {"m1": "d1", "m2": None}),
        (stock(4, 1), {"m1": "d1", "m2": None}),
    ]
    for number, (change, expected) in enumerate(table, 1):
        assert counts(apply(index, change)) == (number, 1, 0, 0, 0)
        assert best(index, **cards) == expected, change
    new = {**cards, "new_customer": True}
    assert best(index, **new) == {"m1": "d3", "m2": None}


def test_a_deal_in_doubt_stays_out_of_use_when_it_is_in_stock_again(index: Path) -> None:
    apply(index, stock(4, 5))
    assert best(index)["m0"] == "d0"
    record = open_index(index).merchant("m0", AT)
    assert record is not None
    told = {one["deal_id"]: (one.get("stock"), one["usable"]) for one in record["deals"]}
    assert told == {"d0": (2, True), "d3": (0, False), "d4": (5, False)}


def test_a_change_is_accepted_once(index: Path) -> None:
    change = stock(0, {"add": -1}, change_id="sale 1")
    with Writer(index) as writer:
        assert counts(writer.apply([change, change])) == (1, 1, 0, 1, 0)
        assert counts(writer.apply([change])) == (1, 0, 0, 1, 0)
    assert counts(apply(index, change, stock(0, {"add": -1}, change_id="sale 2"))) == (
        *(2, 1, 0, 1, 0),
    )
    refused = apply(index, stock(0, {"add": -1}, change_id="sale 3")).rejected
    assert [(one.line, one.code) for one in refused] == [(1, "out_of_range")]
    sentence = "Expected `stock` in [0, 2000000000] after the change, got -1"
    assert refused[0].detail == sentence
    # A refused change may come again.
    assert counts(apply(index, stock(0, 5), stock(0, {"add": -1}, change_id="sale 3")))[1] == 2


def test_an_older_version_is_stale(index: Path) -> None:
    changes = [stock(0, left, version=version) for left, version in ((4, 10), (5, 9), (6, 10))]
    assert counts(apply(index, *changes, stock(2, 1, version=1))) == (3, 3, 1, 0, 0)
    record = open_index(index).merchant("m0", AT)
    assert record is not None
    assert record["deals"][0]["stock"] == 6


def test_a_bad_line_rejects_that_line(index: Path) -> None:
    lines: list[Any] = [b"", b"{", json.dumps(stock(0, 1)).encode(), b" ", stock(99, 1)]
    lines += [{"table": "merchants", "delete": "m9"}, status("SUSPENDED")]
    with Writer(index) as writer:
        receipt = writer.apply(lines)
    assert counts(receipt) == (2, 2, 0, 0, 3)
    told = [(one.line, one.code) for one in receipt.rejected]
    assert told == [(2, "not_json"), (5, "unknown_deal"), (6, "unknown_merchant")]
    assert receipt.rejected[1].detail == 'Expected `deal_id` of the index, got "d99"'
    assert msgspec.json.decode(receipt.as_json())["rejected"][0]["line"] == 2
    assert "line 5: Expected `deal_id`" in receipt.text()


def test_what_is_gone_is_unknown_to_later_changes(index: Path) -> None:
    gone = [{"table": "deals", "delete": "d0"}, {"table": "merchants", "delete": "m1"}]
    closed = {"merchant_id": "m0", "business_status": "CLOSED_PERMANENTLY"}
    later = [
        stock(0, 1),
        {"table": "merchants", "patch": closed | {"merchant_id": "m1"}},
        {"table": "merchants", "patch": closed},
        {"table": "merchants", "patch": closed | {"business_status": "OPERATIONAL"}},
    ]
    receipt = apply(index, *gone, *gone, *later)
    told = [(one.line, one.code) for one in receipt.rejected]
    assert told == [
        *((3, "unknown_deal"), (4, "unknown_merchant"), (5, "unknown_deal")),
        (6, "unknown_merchant"),
    ]
    assert best(index) == {"m0": None, "m2": None}


def test_there_is_one_writer(index: Path) -> None:
    with (
        Writer(index),
        pytest.raises(BadData, match="Another process writes changes to this index"),
    ):
        Writer(index)
    apply(index, stock(0, 1))


def test_a_reader_goes_on_at_its_moment(index: Path) -> None:
    first = open_index(index)
    assert first.as_of_seq is None
    apply(index, stock(0, 0))
    second = first.latest()
    assert second is not first
    assert second.latest() is second
    apply(index, stock(0, 1))
    third = second.latest()
    query = Query(lat=31.23, lng=121.47, at=AT, deals="any", sort="distance")
    for engine, found in ((first, ["m0"]), (second, []), (third, ["m0"])):
        hits = [hit.merchant["merchant_id"] for hit in engine.search(query).hits]
        assert hits == found
    assert [one.as_of_seq for one in (first, second, third)] == [None, 1, 2]
    assert third.search(query).as_of_seq == 2
    assert json.loads(bytes(third.page(query).results))[0]["best_deal"]["stock"] == 1


@pytest.mark.parametrize(("seq", "behind"), [(0, False), (1, False), (2, True)])
def test_min_seq(index: Path, seq: int, behind: bool) -> None:
    apply(index, stock(0, 0))
    engine, query = open_index(index), Query(lat=31.23, lng=121.47, at=AT, min_seq=seq)
    for ask in (engine.rank, engine.search, engine.page):
        if behind:
            with pytest.raises(Behind, match="Expected live changes up to 2, got those up to 1"):
                ask(query)
        else:
            ask(query)


def test_a_cursor_survives_changes(index: Path) -> None:
    query = Query(lat=31.23, lng=121.47, at=AT, sort="rating", limit=1)
    engine = open_index(index)
    seen, cursor = [], None
    for change in (stock(0, 0), {"table": "merchants", "delete": "m1"}, stock(0, 3)):
        answer = engine.search(msgspec.structs.replace(query, cursor=cursor))
        seen += [hit.merchant["merchant_id"] for hit in answer.hits]
        cursor = answer.next_cursor
        apply(index, change)
        engine = engine.latest()
        if cursor is None:
            break
    assert seen == ["m0", "m1", "m2"]


def test_a_build_contains_changes_up_to_its_cut_and_gets_the_later_ones(tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    apply(index, stock(0, 0), stock(2, 5), {"table": "merchants", "delete": "m2"})
    # The snapshot has the first change, another stock of d2, and m2 again.
    built(tmp_path, [DEALS[0] | {"stock": 7}, *DEALS[1:]], changes_through=1)
    engine = open_index(index)
    assert engine.as_of_seq == 3
    assert best(index) == {"m0": "d0", "m1": "d2"}
    report = json.loads((index / "report.json").read_text())
    assert report["live"] == {"changes_through": 1, "no_cut": False, "orphans": []}
    apply(index, stock(0, 0))
    assert best(index)["m0"] is None
    go_back(index)
    assert open_index(index).as_of_seq == 4
    assert best(index) == {"m0": None, "m1": "d2"}
    apply(index, stock(0, 1))
    assert best(index)["m0"] == "d0"


def test_without_a_cut_the_time_of_the_snapshot_decides(tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    apply(index, stock(0, 0), stock(99, 0), {"table": "deals", "delete": "d1"})
    created = datetime.fromisoformat("2036-01-01T00:00:00Z")
    later = [one for one in DEALS if one["deal_id"] != "d1"]
    built(tmp_path, later)
    live = json.loads((index / "report.json").read_text())["live"]
    orphan = {"table": "deals", "id": "d1"}
    assert live == {"changes_through": 0, "no_cut": True, "orphans": [orphan]}
    assert best(index)["m0"] is None
    built(tmp_path, later, created_at=created.isoformat())
    live = json.loads((index / "report.json").read_text())["live"]
    assert live == {"changes_through": 2, "no_cut": True, "orphans": []}
    assert best(index)["m0"] == "d0"


def test_a_snapshot_cannot_contain_changes_that_nobody_made(tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    apply(index, stock(0, 0))
    served = current(index)
    with pytest.raises(BadData, match="Expected `changes_through` of at most 1"):
        built(tmp_path, DEALS, changes_through=2)
    with pytest.raises(BadData, match="Expected `changes_through` to be a whole number"):
        built(tmp_path, DEALS, changes_through="2")
    assert current(index) == served


def test_a_writer_follows_a_build(tmp_path: Path) -> None:
    index = built(tmp_path, DEALS)
    with Writer(index) as writer:
        writer.apply([stock(0, 0)])
        built(tmp_path, DEALS, changes_through=0)
        assert open_index(index).as_of_seq == 1
        writer.apply([stock(0, 3)])
        assert open_index(index).as_of_seq == 2
        assert best(index)["m0"] == "d0"
        built(tmp_path, DEALS, changes_through=2)
        writer.follow()
        assert open_index(index).as_of_seq == 2


def test_a_version_that_cannot_be_taken_over_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(built(tmp_path, DEALS)) as writer:
        writer.apply([stock(0, 0)])
        index = built(tmp_path, DEALS, changes_through=0)
        before = (current(index) / LIVE).read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(ChangeLog, "changes_after", lambda *_: 1 / 0)
            for _ in range(2):
                with pytest.raises(ZeroDivisionError):
                    writer.follow()
        assert (current(index) / LIVE).read_bytes() == before
        writer.apply([stock(2, 1)])
    assert best(index) == {"m0": None, "m1": "d2", "m2": None}


def test_an_index_of_an_older_release_takes_no_changes(index: Path) -> None:
    manifest = current(index) / "segment-0000" / "manifest.json"
    record = json.loads(manifest.read_text())
    del record["in_doubt"]
    manifest.write_text(json.dumps(record))
    with pytest.raises(BadData):
        Writer(index)
    assert not os.path.exists(current(index) / LIVE)


def test_a_writer_needs_an_index(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="There is no index"):
        Writer(tmp_path)
    assert ChangeLog.read(tmp_path) is None


def test_a_log_that_lacks_changes_of_its_version_takes_only_these(index: Path) -> None:
    """As that of a copy whose source died early: a restart would lose what it accepts."""
    with Writer(index) as writer:
        writer.apply([stock(0, 7), stock(1, 5)])
    rebuild(index, now=AT)
    copy = index.parent / "copy"
    shutil.copytree(index, copy, ignore=shutil.ignore_patterns("live"))
    log = ChangeLog.read(index)
    assert log is not None
    with Writer(copy) as writer:
        for logged in log.after(0):
            with pytest.raises(BadData, match="a log of 2 changes or more"):
                writer.apply([stock(0, 0)])
            assert writer.head == logged.seq - 1
            writer.copy([logged])
        assert writer.apply([stock(0, 0)]).seq == 3
    with Writer(copy) as writer:
        assert writer.head == 3
    assert best(copy)["m0"] is None
