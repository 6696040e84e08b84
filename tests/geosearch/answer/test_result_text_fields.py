"""Fewer members are less work: fewer bytes are written, and what nobody reads is not computed.

`tests.comparison` compares texts with some members for thousands of questions.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from geosearch.kernel.describe import OFFERS_OF, STATE, UNTIL
from geosearch.query.query import Query
from geosearch.query.result_fields import FIELD_NAMES, RESULT_FIELDS
from geosearch.search.searcher import Searcher
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, SHOPS, shops_in

LIST_VIEW = ("merchant.name", "distance_m", "open.state", "best_deal.saving")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return shops_in(tmp_path_factory.mktemp("few")).engine


def asked(engine: Searcher, *fields: str, **wish: Any) -> bytes:
    wishes: dict[str, Any] = {
        "lat": LAT, "lng": LNG, "at": NOW, "radius": 50_000.0, "cards": ("red",),
        "deals": "optional",
    }  # fmt: skip
    return bytes(engine.page(Query(**wishes | wish, fields=fields)).results)


def test_a_list_view(engine: Searcher) -> None:
    first = json.loads(asked(engine, *LIST_VIEW))[0]
    assert first == {
        "merchant": {"name": "老上海"}, "distance_m": 0.0, "open": {"state": "open"},
        "best_deal": {"saving": 800},
    }  # fmt: skip


@pytest.mark.parametrize("field", FIELD_NAMES)
def test_one_member_is_a_part_of_the_text(engine: Searcher, field: str) -> None:
    whole, part = asked(engine, explain=True), asked(engine, field, explain=True)
    assert len(part) < len(whole)
    member, _, inner = field.partition(".")
    for result, said in zip(json.loads(part), json.loads(whole), strict=True):
        assert set(result) <= {member}
        if inner and isinstance(result.get(member), dict):
            assert set(result[member]) <= {inner}
        assert (member in result) == (member in said)


@pytest.mark.parametrize("left_out", FIELD_NAMES)
def test_all_members_but_one_are_shorter(engine: Searcher, left_out: str) -> None:
    member, _, inner = left_out.partition(".")
    others = [name for name in RESULT_FIELDS if name != member]
    others += [f"{member}.{name}" for name in RESULT_FIELDS[member] if inner and name != inner]
    whole, part = asked(engine, explain=True), asked(engine, *others, explain=True)
    held = [result.get(member) for result in json.loads(whole)]
    objects = [one for value in held for one in (value if isinstance(value, list) else [value])]
    is_there = any(inner in one if inner else True for one in objects if one is not None)
    assert (len(part) < len(whole)) == (part != whole) == is_there


def test_all_members_are_the_text_without_fields(engine: Searcher) -> None:
    for explain in (False, True):
        whole = asked(engine, explain=explain)
        assert asked(engine, *RESULT_FIELDS, explain=explain) == whole
        assert asked(engine, *FIELD_NAMES, explain=explain) == whole


@pytest.mark.parametrize(
    ("fields", "tells_hours", "tells_offers"),
    [
        (("merchant", "distance_m"), False, False),
        (("merchant.lat",), False, False),
        (("open.closes_at",), True, False),
        (("best_deal.title",), False, True),
        (("deals.pay",), False, True),
        (("better_public.pay",), False, True),
        (("best_combination",), False, False),  # without stacking there is none
        (("score",), True, True),
        (("reasons",), True, True),
        ((), True, True),
    ],
)
def test_what_nobody_reads_is_not_computed(
    engine: Searcher, fields: tuple[str, ...], tells_hours: bool, tells_offers: bool
) -> None:
    """Hours and offers are columns of the details that the kernel leaves as they were."""
    scratch = engine._views[0]._pool.borrow()
    detail = scratch.value.detail
    detail[:] = -7
    engine._views[0]._pool.give_back(scratch)
    results = json.loads(asked(engine, *fields, sort="distance"))
    assert len(results) == len(SHOPS)
    heads, row = [], 0
    for _ in results:
        heads.append(row)
        row += 1 + int(detail[row, OFFERS_OF])
    assert (detail[heads, STATE] != -7).all() == (detail[heads, UNTIL] != -7).all() == tells_hours
    assert (row > len(results)) == tells_offers
    assert (detail[row:] == -7).all()


def test_only_explain(engine: Searcher) -> None:
    parts = json.loads(asked(engine, "explain", explain=True))
    assert [list(one) for one in parts] == [["explain"]] * len(SHOPS)
    assert asked(engine, "explain") == b"[%b]" % b",".join([b"{}"] * len(SHOPS))
    without = json.loads(asked(engine, "score", explain=True))
    assert [list(one) for one in without] == [["score"]] * len(SHOPS)
    assert [one["score"] for one in without] == pytest.approx(
        [one["explain"]["score"] for one in parts], abs=0.01
    )
