"""Blocks of queries against the same queries one by one: `rank` and `search` say what is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geosearch.answer.model import Hit
from geosearch.errors import BadRequest, NotReady
from geosearch.query.query import Query
from geosearch.search import block, block_results
from tests.comparison import Duel, to_query
from tests.generators import EVERYWHERE, make_world
from tests.geosearch.search.driving import trees_for_all_cards
from tests.questions import make_request

LEFT_OUT = ("facets", "explain", "polygon", "fields", "lang")
KINDS = ("city", "grid", "narrow_hours")


@pytest.fixture(scope="module", params=KINDS)
def duel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Duel:
    """A world with a tree for every card."""
    with trees_for_all_cards():
        world = make_world(Random(f"block {request.param}"), request.param, 300)
        return Duel(world, tmp_path_factory.mktemp("block"))


def requests_for(duel: Duel, count: int, seed: str) -> list[dict[str, Any]]:
    """Requests of all kinds, as a frame can hold them."""
    rng = Random(seed)
    found = []
    for _ in range(count):
        request = make_request(rng, duel.world)
        found.append({name: value for name, value in request.items() if name not in LEFT_OUT})
    return found


def alike(duel: Duel, count: int, **same: Any) -> list[dict[str, Any]]:
    """Requests that differ in place and minute only."""
    rng = Random(str(same))
    return [
        {**{name: one[name] for name in ("lat", "lng", "at")}, **same}
        for one in (make_request(rng, duel.world) for _ in range(count))
    ]


def frame_of(requests: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(requests, infer_schema_length=None, strict=False)


def expected_rows(duel: Duel, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `Block.rows` by `rank` and `search`, one query after the other."""
    rows = []
    for number, request in enumerate(requests):
        query = to_query(request)
        ranked, answer = duel.engine.rank(query), duel.engine.search(query)
        ids = duel.engine.merchant_ids(ranked.doc_ids)
        assert ids == [hit.merchant["merchant_id"] for hit in answer.hits]
        for place, (hit, metres) in enumerate(
            zip(answer.hits, ranked.keys[:, 1].tolist(), strict=True)
        ):
            deal = hit.best_deal
            rows.append(
                {
                    "query_id": number,
                    "rank": place + 1,
                    "merchant_id": hit.merchant["merchant_id"],
                    "distance_m": metres,
                    "deal_id": None if deal is None else deal.deal_id,
                    "saving": None if deal is None else deal.saving,
                    "pay": None if deal is None else deal.pay,
                    **combination_of(hit),
                    "total": ranked.total,
                }
            )
    return rows


def combination_of(hit: Hit) -> dict[str, Any]:
    """The columns about the best combination."""
    found = hit.best_combination
    return {
        "combination": None if found is None else [*found.deals],
        "combined_saving": None if found is None else found.saving,
        "combined_pay": None if found is None else found.pay,
    }


def test_equals_search_row_by_row(duel: Duel) -> None:
    requests = requests_for(duel, 400, "mixed")
    found = duel.engine.rank_block(frame_of(requests))
    rows = expected_rows(duel, requests)
    assert len(rows) > 1000
    assert any(row["deal_id"] for row in rows)
    assert any(row["total"] is not None for row in rows)
    combined = any(len(row["combination"] or ()) > 1 for row in rows)
    assert combined or duel.world.kind == "narrow_hours"
    assert found.queries == 400
    assert found.refused.is_empty()
    assert found.rows.to_dicts() == rows


@pytest.mark.parametrize(
    "same",
    [
        {"cards": [EVERYWHERE], "open": "now", "sort": "distance", "limit": 20},
        {"cards": [EVERYWHERE], "open": "now", "sort": "best", "limit": 3, "spend": 5000},
        {"open": "now", "min_minutes_left": 45, "sort": "saving", "limit": 7},
        {"cards": [EVERYWHERE], "deals": "card_best", "sort": "rating", "radius": 900.0},
        {"open": "any", "deals": "any", "new_customer": True, "offer_type": ["voucher", "bundle"]},
        {"crs": "GCJ02", "open": "now", "hours_unknown": "include", "max_pay": 6000},
        {"cards": [EVERYWHERE], "stacking": "on", "sort": "best", "open": "any", "limit": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("kept", [2, 10_000])
def test_alike_rows_equal_search(duel: Duel, same: dict[str, Any], kept: int) -> None:
    requests = alike(duel, 120, **same)
    for number, request in enumerate(requests):
        if number % 3:  # two thirds in one minute
            request["at"] = requests[1]["at"]
    with mock.patch.object(block, "KEPT_ROWS", kept):
        found = duel.engine.rank_block(frame_of(requests).select("lat", "lng", "at"), **same)
    expected = expected_rows(duel, requests)
    assert expected or duel.world.kind == "narrow_hours"
    left_out = {"total"}
    if "stacking" not in same:
        left_out |= {"combination", "combined_saving", "combined_pay"}
    assert found.rows.to_dicts() == [
        {name: value for name, value in row.items() if name not in left_out} for row in expected
    ]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("piece", [7, 10_000])
def test_threads_and_pieces_change_nothing(duel: Duel, threads: int, piece: int) -> None:
    frame = frame_of(requests_for(duel, 60, "threads"))
    expected = duel.engine.rank_block(frame)
    with (
        mock.patch.object(block, "PIECE_ROWS", piece),
        mock.patch.object(block, "CHUNK_ROWS", 5),
        mock.patch.object(block, "KEPT_ROWS", 3),
    ):
        found = duel.engine.rank_block(frame, threads=threads)
    assert_frame_equal(found.rows, expected.rows)
    assert_frame_equal(found.refused, expected.refused)


def test_rank_many_equals_rank(duel: Duel) -> None:
    queries = [to_query(request) for request in requests_for(duel, 200, "many")]
    queries += [to_query(request) for request in alike(duel, 100, cards=[EVERYWHERE], open="now")]
    with mock.patch.object(block, "PIECE_ROWS", 130):
        found = duel.engine.rank_many(queries)
    assert len(found) == len(queries)
    for query, ranked in zip(queries, found, strict=True):
        expected = duel.engine.rank(query)
        assert np.array_equal(ranked.doc_ids, expected.doc_ids)
        assert np.array_equal(ranked.keys, expected.keys)
        assert (ranked.total, ranked.facets) == (expected.total, expected.facets)
    assert duel.engine.rank_many([]) == []


def test_rank_many_raises_for_an_instant_outside_the_horizon(duel: Duel) -> None:
    late = duel.engine.end + timedelta(days=1)
    with pytest.raises(BadRequest, match="time horizon"):
        duel.engine.rank_many([Query(lat=1.0, lng=1.0, at=late)])
    if not duel.engine.is_current():
        with pytest.raises(NotReady):
            duel.engine.rank_many([Query(lat=1.0, lng=1.0)])


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"lat": 91.0}, "out_of_range", "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
    ({"lat": None}, "missing", "Expected `lat`, got nothing - at `$.lat`"),
    ({"lat": float("nan")}, "out_of_range", "`lat`"),
    ({"lng": 200.0}, "out_of_range", "`lng`"),
    ({"radius": 0.0}, "out_of_range", "`radius`"),
    ({"at": "yesterday"}, "bad_instant", "`at`"),
    ({"at": "2001-01-01T00:00:00Z"}, "at_outside_horizon", "time horizon"),
    ({"party_size": 0}, "out_of_range", "`party_size`"),
    ({"cards": [""]}, "", "`cards"),
    ({"deals": "card"}, "needs_cards", "`cards` with deals=card"),
    ({"sort": "relevance"}, "needs_q", "`q` with sort=relevance"),
    ({"zone": "nowhere"}, "unknown_zone", "`zone`"),
]


def test_wrong_rows_are_listed_and_stop_nothing(duel: Duel) -> None:
    at = (duel.engine.start + timedelta(days=2)).isoformat()
    good = {"lat": 31.23, "lng": 121.47, "at": at, "radius": 50_000.0}
    rows = []
    for wrong, _, _ in WRONG:
        rows += [good, {**good, **wrong}]
    ids = [f"q{number}" for number in range(len(rows))]
    frame = frame_of(rows).with_columns(pl.Series("query_id", ids))
    found = duel.engine.rank_block(frame)
    assert found.queries == len(rows)
    assert found.refused["query_id"].to_list() == ids[1::2]
    for (_, code, sentence), row in zip(WRONG, found.refused.to_dicts(), strict=True):
        assert not code or row["code"] == code, row
        assert sentence in row["detail"], row
    alone = duel.engine.rank(to_query(good))
    per_query = found.rows.group_by("query_id", maintain_order=True).len()
    if len(alone.doc_ids):
        assert per_query["query_id"].to_list() == ids[0::2]
        assert set(per_query["len"]) == {len(alone.doc_ids)}


@pytest.mark.parametrize(
    ("columns", "constants", "code"),
    [
        (["lat", "lng", "colour"], {}, "unknown_parameter"),
        (["lat", "lng"], {"colour": 1}, "unknown_parameter"),
        (["lat", "lng", "cursor"], {}, "unknown_parameter"),
        (["lat", "lng", "limit"], {"limit": 3}, "conflict"),
    ],
)
def test_names_that_are_no_parameters(
    duel: Duel, columns: list[str], constants: dict[str, Any], code: str
) -> None:
    frame = pl.DataFrame({name: [1.0] for name in columns})
    with pytest.raises(BadRequest) as refusal:
        duel.engine.rank_block(frame, **constants)
    assert refusal.value.errors[0]["code"] == code


def test_instants_of_all_kinds_are_read(duel: Duel) -> None:
    base = duel.engine.start + timedelta(days=3, hours=4, minutes=7, seconds=59)
    request = {"lat": 31.23, "lng": 121.47, "radius": 50_000.0, "open": "now"}
    as_text = [(base + timedelta(hours=hour)).isoformat() for hour in range(5)]
    instants = [datetime.fromisoformat(text) for text in as_text]
    expected = duel.engine.rank_block(frame_of([{**request, "at": text} for text in as_text]))
    rows = frame_of([request] * 5)
    for unit in ("ms", "us", "ns"):
        for zone in ("UTC", "Asia/Shanghai"):
            column = pl.Series("at", instants, dtype=pl.Datetime("us", "UTC"))
            column = column.dt.convert_time_zone(zone).dt.cast_time_unit(unit)
            found = duel.engine.rank_block(rows.with_columns(column))
            assert_frame_equal(found.rows, expected.rows)
    naive = pl.Series("at", [instant.replace(tzinfo=None) for instant in instants])
    refused = duel.engine.rank_block(rows.with_columns(naive)).refused
    assert refused.height == 5
    assert "offset" in refused["detail"][0]


def test_a_frame_without_rows(duel: Duel) -> None:
    frame = pl.DataFrame(schema={"lat": pl.Float64, "lng": pl.Float64})
    found = duel.engine.rank_block(frame, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert found.rows.is_empty()
    assert found.refused.is_empty()
    assert found.queries == 0


def test_names_are_read_one_by_one_or_as_a_table(duel: Duel, tmp_path: Path) -> None:
    names = duel.engine.blocks.writer.merchant_ids
    some = np.array([5, 0, -1, 5, 17])
    expected = [None if doc < 0 else duel.engine.merchant_ids([doc])[0] for doc in some.tolist()]
    for sparse in (0, 10_000):
        with mock.patch.object(block_results, "_SPARSE", sparse):
            assert names(some).to_list() == expected
