"""Which deals of a shop combine, and what the build warns of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geosearch.indexing.pipeline import build
from geosearch.segment.segment import Segment
from geosearch.segment.versions import current
from tests.geosearch.answer.few_shops import NOW
from tests.geosearch.snapshot_files import Row, deal, merchant, write_snapshot


def less(number: int, amount: int, group: str | None, **more: Any) -> Row:
    row = deal(number, offer_type="amount_off", amount=amount, **more)
    del row["percent"]
    return row | ({} if group is None else {"stack_group": group})


def built(folder: Path, deals: list[Row], **shop: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Group of each deal of shop 0, and the warnings about merchants."""
    shops = [merchant(0, **{"avg_price": 8_000, **shop}), merchant(1)]
    snapshot = write_snapshot(folder / "snapshot", {"merchants": shops, "deals": deals})
    report = build(snapshot, folder / "index", now=NOW)
    (path,) = current(folder / "index").glob("segment-*")
    segment = Segment(path)
    columns, doc = segment.columns, segment.doc_of("m0")
    assert doc is not None
    first, end = columns.offer_start[doc : doc + 2].tolist()
    offers = range(first, end)
    groups = {
        segment.deal_id(int(columns.offer_deal[one])): int(columns.offer_group[one])
        for one in offers
    }
    return groups, report.warnings.get("merchants", {})


CASES: list[tuple[str, list[Row], dict[str, int], int]] = [
    ("two groups, the larger saving first",
     [less(0, 500, "b"), less(1, 900, "a"), less(2, 700, "b")], {"d0": 2, "d1": 1, "d2": 2}, 0),
    ("one group alone combines with nothing", [less(0, 500, "a"), less(1, 600, "a")],
     {"d0": 0, "d1": 0}, 0),
    ("without a group", [less(0, 500, None), less(1, 600, "a"), less(2, 700, "b")],
     {"d0": 0, "d1": 2, "d2": 1}, 0),
    ("names of groups are texts", [less(0, 500, "A"), less(1, 500, "a")], {"d0": 1, "d1": 2}, 0),
    ("expired deals do not count",
     [less(0, 500, "a"), less(1, 900, "b", valid_through="2026-01-01")], {"d0": 0, "d1": 0}, 0),
    ("four groups", [less(number, 500 - number, str(number)) for number in range(4)],
     {"d0": 1, "d1": 2, "d2": 3, "d3": 4}, 0),
    ("of five groups those that save most",
     [less(number, 100 + number, str(number)) for number in range(5)],
     {"d0": 0, "d1": 4, "d2": 3, "d3": 2, "d4": 1}, 1),
    ("of five equal groups the first by name",
     [less(number, 100, "edcba"[number]) for number in range(5)],
     {"d0": 0, "d1": 4, "d2": 3, "d3": 2, "d4": 1}, 1),
    ("sixteen deals", [less(number, 100 + number, "ab"[number % 2]) for number in range(16)],
     {f"d{number}": 1 + (number % 2 == 0) for number in range(16)}, 0),
    ("of seventeen deals not the least",
     [less(number, 100 + number, "ab"[number % 2]) for number in range(17)],
     {f"d{number}": 0 if number == 0 else 1 + (number % 2) for number in range(17)}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "deals", "groups", "warned"), CASES, ids=lambda case: case)
def test_groups_of_a_shop(
    name: str, deals: list[Row], groups: dict[str, int], warned: int, tmp_path: Path
) -> None:
    del name
    assert built(tmp_path, deals) == (groups, {"many_stacked": 1} if warned else {})


PERCENT = {"offer_type": "percent_off", "percent": 10}


@pytest.mark.parametrize(
    ("more", "price", "first"),
    [
        ({"percent": 10}, 8_000, "b"),  # 800 of the usual price
        ({"percent": 20}, 8_000, "a"),  # 1,600
        ({"percent": 20, "max_discount": 500}, 8_000, "b"),
        ({"percent": 20}, None, "a"),  # of 10,000 where no price is known
        ({"offer_type": "cashback", "percent": 20}, 8_000, "a"),
        ({"offer_type": "voucher", "face_value": 900, "price": 300, "max_uses": 2}, 8_000, "a"),
        ({"offer_type": "voucher", "face_value": 900, "price": 300}, 8_000, "b"),
        ({"offer_type": "bundle", "list_price": 9_000, "price": 7_900}, 8_000, "a"),
        ({"offer_type": "free_item", "face_value": 1_100}, 8_000, "a"),
    ],
)
def test_ceilings_rank_groups(
    more: dict[str, Any], price: int | None, first: str, tmp_path: Path
) -> None:
    deals = [deal(0, stack_group="a", **{**PERCENT, **more}), less(1, 1_000, "b")]
    groups, _ = built(tmp_path, deals, avg_price=price)
    assert groups == ({"d0": 1, "d1": 2} if first == "a" else {"d0": 2, "d1": 1})
