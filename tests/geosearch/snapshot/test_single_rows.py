"""Rows of live changes are checked one by one, however many have the same id."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from geosearch.snapshot import single_rows
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.fields import Table
from geosearch.snapshot.single_rows import SingleRow, checked_rows
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS

ENVELOPE = Envelope(
    snapshot_id="s",
    schema_version=1,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
    crs="WGS84",
    time_zone="Asia/Shanghai",
    country="CN",
    currency="CNY",
)
ROWS: dict[Table, list[dict[str, Any]]] = {
    MERCHANTS: [
        {"name": "A", "lat": 31.2, "lng": 121.5},
        {"name": "B", "lat": 91, "lng": 121.5},
        {"name": "C", "lat": 31.2, "lng": 121.5, "rating": 9},
        {"name": "D", "lat": 31.2, "lng": 121.5, "opening_hours": "Mo-Su 10:00-22:00"},
        {"name": "E", "lat": "here", "lng": 121.5},
    ],
    DEALS: [
        {"offer_type": "percent_off", "percent": 20, "merchant_ids": ["m"]},
        {"offer_type": "percent_off", "merchant_ids": ["m"]},
        {"offer_type": "amount_off", "amount": 500, "brand": "b", "stock": -1},
    ],
    PROGRAMS: [{"name": "A"}, {"name": None}, {"name": "C", "status": "?"}],
}


@pytest.mark.parametrize("table", ROWS, ids=lambda table: table.name)
def test_rows_with_one_id_are_checked_together_as_alone(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("k", "other", "k")
    rows = [{table.key: key, **row} for key in keys for row in ROWS[table]]
    alone = [checked_rows(table, [row], ENVELOPE)[0] for row in rows]
    frames: list[pl.DataFrame] = []
    made = single_rows._frame

    def counted(*given: Any) -> pl.DataFrame:
        frames.append(made(*given))
        return frames[-1]

    monkeypatch.setattr(single_rows, "_frame", counted)
    together = checked_rows(table, rows * 3, ENVELOPE)
    assert len(frames) == 1
    assert [_without_lines(one) for one in together] == [_without_lines(one) for one in alone] * 3
    accepted = [one.row[table.key] for one in alone if one.row is not None]
    assert set(accepted) == {"k", "other"}
    assert {one.row is None for one in alone[: len(ROWS[table])]} == {True, False}


def _without_lines(one: SingleRow) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """Rows and faults but for their place among the others."""
    row = one.row and {name: value for name, value in one.row.items() if name != "line"}
    return row, [(fault.code, fault.message.rpartition(" - at ")[0]) for fault in one.faults]
