"""Kept rows against a plain scan of the tables; and damaged files."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from geosearch.errors import BadData
from geosearch.live import row_blocks
from geosearch.live.kept_rows import KeptRows, keep_rows, read_rows
from geosearch.segment.versions import ROWS
from geosearch.snapshot.reader import Snapshot, read_snapshot
from tests.generators import make_world

Row = dict[str, Any]
TABLES = ("merchants", "deals", "programs")


@pytest.fixture(params=["city", "time_zones"])
def snapshot(request: pytest.FixtureRequest, tmp_path: Path) -> Snapshot:
    make_world(Random(f"kept {request.param}"), request.param, 60).write(tmp_path / "snapshot")
    found = read_snapshot(tmp_path / "snapshot", max_rejected=1.0)
    # A deal may name a merchant that a change deleted before the rows were built again.
    found.merchants = found.merchants[1:]
    # The list of a deal counts, not its brand.
    brands = found.merchants["brand"].drop_nulls()
    found.deals = found.deals.with_columns(pl.col("brand").fill_null(brands[0]))
    return found


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_ROWS", 7)
    monkeypatch.setattr(row_blocks, "MOST_KEPT", 20)
    monkeypatch.setattr(row_blocks, "_PART", 3)
    monkeypatch.setattr(row_blocks, "_TOGETHER", 2)


def kept_in(version: Path, snapshot: Snapshot) -> KeptRows:
    version.mkdir()
    keep_rows(version, snapshot)
    return KeptRows(version)


def ids_of(name: str, rows: list[Row]) -> list[str]:
    return [row[f"{name[:-1]}_id"] for row in rows]


@pytest.mark.usefixtures("small_blocks")
def test_rows_are_those_of_a_scan(snapshot: Snapshot, tmp_path: Path) -> None:
    kept, rng, asked = kept_in(tmp_path / "version", snapshot), Random("asked"), Counter[str]()
    tables = {name: getattr(snapshot, name).to_dicts() for name in TABLES}
    deals = tables["deals"]
    named = {key for row in deals for key in row["merchant_ids"] or ()}
    deleted = named - set(ids_of("merchants", tables["merchants"]))
    assert deleted
    for name, rows in tables.items():
        known = ids_of(name, rows)
        by_id = dict(zip(known, rows, strict=True))
        for key in [*known, "", f"{known[0]}.", "门店", *deleted]:
            assert kept.row(name, key) == by_id.get(key)
        for count in (0, 1, 2, 3, 19, 20, 21, 40, 1, 5, 100):
            wanted = rng.sample([*known, "no row", *deleted], min(count, len(known)))
            found = kept.some(name, [*wanted, *wanted[:1]])
            assert found.schema == getattr(snapshot, name).schema
            assert found.to_dicts() == [row for row in rows if ids_of(name, [row])[0] in wanted]
            asked[name] += found.height
    assert asked["merchants"] > 100
    assert asked["deals"] > 100
    brands = {row["brand"] for row in tables["merchants"]} - {None}
    merchants = [*named, *ids_of("merchants", tables["merchants"]), "no shop"]
    for _ in range(60):
        shops, at = rng.sample(merchants, rng.randrange(4)), rng.sample(sorted(brands), 1)
        found_deals = kept.deals_at(shops, at)
        assert found_deals == ids_of("deals", [row for row in deals if is_at(row, shops, at)])
        asked["deals at"] += len(found_deals)
        asked["by brand"] += len(kept.deals_at([], at))
    for card in {row["program_id"] for row in deals} - {None} | {"no card"}:
        own = [row for row in deals if row["program_id"] == card]
        assert kept.deals_of(card) == ids_of("deals", own)
    for brand in brands | {"no brand"}:
        own = [row for row in tables["merchants"] if row["brand"] == brand]
        assert kept.shops_of(brand) == ids_of("merchants", own)
        asked["shops"] += len(own)
    assert all(asked[name] > 15 for name in ("deals at", "by brand", "shops")), asked


def is_at(deal: Row, shops: list[str], brands: list[str]) -> bool:
    if deal["merchant_ids"] is None:
        return deal["brand"] in brands
    return not set(deal["merchant_ids"]).isdisjoint(shops)


@pytest.mark.usefixtures("small_blocks")
def test_all_rows_are_read(snapshot: Snapshot, tmp_path: Path) -> None:
    snapshot.programs = snapshot.programs.clear()
    kept_in(tmp_path / "version", snapshot)
    read = read_rows(tmp_path / "version")
    for name in (*TABLES, "categories"):
        frame = getattr(snapshot, name)
        assert getattr(read, name) is frame or getattr(read, name).equals(frame)
    assert read.programs.schema == snapshot.programs.schema
    assert read.envelope == snapshot.envelope
    assert [zone.zone_id for zone in read.zones] == [zone.zone_id for zone in snapshot.zones]


@pytest.mark.usefixtures("small_blocks")
def test_one_row_reads_one_block(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, decoded = Counter[int](), row_blocks._decoded

    def counted(content: bytes) -> pl.DataFrame:
        read[len(content)] += 1
        return decoded(content)

    kept = kept_in(tmp_path / "version", snapshot)
    monkeypatch.setattr(row_blocks, "_decoded", counted)
    keys = snapshot.merchants["merchant_id"]
    assert kept.envelope == snapshot.envelope
    assert (kept.categories is None) == (snapshot.categories is None)
    assert kept.deals_at(keys, [])
    assert not read
    assert kept.row("merchants", keys[30])
    assert read.total() == 1
    kept.some("merchants", [keys[30]])
    read.clear()
    kept.some("merchants", [keys[30], keys[50]])  # The new one, and its copy.
    assert read.total() == 2
    kept.some("merchants", [keys[50], keys[30]])
    assert read.total() == 2


@pytest.mark.usefixtures("small_blocks")
def test_a_damaged_file_gives_no_other_row(snapshot: Snapshot, tmp_path: Path) -> None:
    kept_in(tmp_path / "version", snapshot)
    rows, rng, refused = snapshot.deals.to_dicts(), Random("damage"), 0

    def is_refused() -> bool:
        kept = KeptRows(tmp_path / "version")
        try:
            found = [kept.row("deals", row["deal_id"]) for row in rows]
        except BadData:
            return True
        assert found == rows
        return False

    assert not is_refused()
    for name in ("deals.blocks", "lookups.columns"):
        file = tmp_path / "version" / ROWS / name
        content = file.read_bytes()
        places = rng.sample(range(len(content)), 20)
        for damaged in [
            *(
                content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
                for place in places
            ),
            *(content[:place] for place in places[:3]),
            content + b"x",
            b"",
        ]:
            file.write_bytes(damaged)
            refused += is_refused()
        file.unlink()
        refused += is_refused()
        file.write_bytes(content)
    assert refused == 2 * (20 + 3 + 2 + 1)
    assert not is_refused()
