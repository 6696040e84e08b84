"""Answers as rows: what people read of each result, and of what was searched otherwise."""

from typing import Any

import pytest

from geosearch.answer.rows import (
    HEADS,
    NUMBERS,
    Row,
    answer_rows,
    counts_of,
    source_of,
    warnings_of,
)

AT = "2026-11-22T12:00:00+08:00"
ANSWER: dict[str, Any] = {"snapshot_id": "s", "at": AT, "took_us": 41, "results": []}


def result(**changes: Any) -> dict[str, Any]:
    shop = {"merchant_id": "m1", "name": "店", "lat": 31.0, "lng": 121.0, "rating": None}
    state = {"state": "unknown", "closes_at": None, "opens_at": None}
    plain = {"merchant": shop, "distance_m": 12.4, "open": state, "best_deal": None}
    return plain | changes


def deal(**changes: Any) -> dict[str, Any]:
    return {"offer_type": "bundle", "title": None, "saving": None, "currency": "CNY"} | changes


@pytest.mark.parametrize(
    ("state", "closes_at", "opens_at", "words"),
    [
        ("unknown", None, None, "hours unknown"),
        ("open", None, None, "round the clock"),
        ("open", "2026-11-22T22:00:00+08:00", None, "until 22:00"),
        ("open", "2026-11-23T02:00:00+08:00", None, "until Mon 02:00"),
        ("closed", None, None, "closed"),
        ("closed", None, "2026-11-22T18:00:00+08:00", "opens 18:00"),
        ("closed", None, "2026-11-27T09:00:00+08:00", "opens Fri 09:00"),
        ("closed", None, "2026-12-01T09:00:00+08:00", "opens 01 Dec 09:00"),
        ("closed", None, "2026-11-21T23:00:00-05:00", "opens 23:00"),
    ],
)
def test_when_it_is_open(state: str, closes_at: Any, opens_at: Any, words: str) -> None:
    shown = {"state": state, "closes_at": closes_at, "opens_at": opens_at}
    (row,) = answer_rows(ANSWER | {"results": [result(open=shown)]})
    assert row == Row("1", "店", "12 m", words, "", "", "")


@pytest.mark.parametrize(
    ("best", "title", "saves"),
    [
        (deal(), "bundle", "?"),
        (deal(title="A", saving=0), "A", "¥0"),
        (deal(title="A", saving=1_250, program_id="red"), "A [red]", "¥12.50"),
    ],
)
def test_what_it_saves(best: dict[str, Any], title: str, saves: str) -> None:
    shop = result()["merchant"] | {"branch_name": "北", "rating": 4.25}
    hits = [result(), result(merchant=shop, best_deal=best, distance_m=1_234.5)]
    rows = list(answer_rows(ANSWER | {"results": hits}))
    assert rows[1] == Row("2", "店 (北)", "1.2 km", "hours unknown", "4.2", title, saves)
    assert len(HEADS) == len(rows[1])
    assert set(NUMBERS) <= set(HEADS)


def test_deals_that_combine_are_one_line() -> None:
    first, second = deal(deal_id="d1", title="A", saving=500), deal(deal_id="d2", title="B")
    together = {"deals": ["d2", "d1"], "steps": [], "saving": 700, "pay": 300, "currency": "CNY"}
    hit = result(best_deal=first, deals=[second], best_combination=together)
    (row,) = answer_rows(ANSWER | {"results": [hit]})
    assert (row.best_deal, row.saves) == ("B + A", "¥7")
    alone = result(best_deal=None, deals=[first, second], best_combination=together)
    assert next(answer_rows(ANSWER | {"results": [alone]})).best_deal == "B + A"
    (nothing,) = answer_rows(ANSWER | {"results": [result(best_combination=None)]})
    assert (nothing.best_deal, nothing.saves) == ("", "")


def test_what_was_searched_otherwise() -> None:
    assert list(warnings_of(ANSWER)) == list(counts_of(ANSWER)) == []
    more = {
        "total": 12_345,
        "facets": {"category": {"food": 1_000, "shop": 2}},
        "corrected": {"cofee": ["coffee"]},
        "relaxed": ["a", "b"],
        "unknown_business_areas": ["x"],
        "around": {"business_area": "徐家汇"},
        "outside_coverage": {"detail": "Far away."},
    }
    assert list(counts_of(ANSWER | more)) == [
        "12,345 matches in all",
        "category: food 1,000, shop 2",
    ]
    assert list(warnings_of(ANSWER | more)) == [
        "nothing near has “cofee”; searched coffee",
        "left out, as nothing near has it all: a, b",
        "business areas this index does not know: x",
        "around 徐家汇, not the position",
        "Far away.",
    ]
    assert source_of(ANSWER) == f"at {AT}, snapshot s, 41 µs"
