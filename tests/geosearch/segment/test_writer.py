"""Rows in any order become columns in one order, each row whole."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from geosearch.segment.catalogue import category_bit, prefixes, program_bit
from geosearch.segment.columns import (
    DOC_ID_RANK,
    DOC_QUALITY,
    DOC_RATING,
)
from geosearch.segment.segment import Segment
from indexes.geo.hilbert import hilbert_values
from indexes.geo.rtree import NODE_BITS, level_starts
from indexes.timetable import NEVER, Timetable
from tests.geosearch.number_worlds import CATEGORY_SETS, START, Shape, open_world

SHARES = (0.02, 0.5, *[0.03] * 60, 0.0)


@pytest.fixture(scope="module", params=[0, 1, 16, 17, 300])
def segment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=request.param, seed=request.param, shares=SHARES if request.param else ())
    return open_world(tmp_path_factory.mktemp("written") / "segment-0000", shape)


def test_documents_are_in_hilbert_order_then_by_id(segment: Segment) -> None:
    x, y = np.ascontiguousarray(segment.columns.doc_position.T)
    values = hilbert_values(x, y).tolist()
    keys = [(value, segment.merchant_id(doc)) for doc, value in enumerate(values)]
    assert keys == sorted(keys)


def test_one_position_is_in_order_of_ids(tmp_path: Path) -> None:
    segment = open_world(tmp_path / "s", Shape(docs=100, spread_deg=0.0))
    ids = [segment.merchant_id(doc) for doc in range(100)]
    assert ids == sorted(ids)
    assert segment.columns.doc_record[:, DOC_ID_RANK].tolist() == list(range(100))


def test_offers_of_a_document_are_by_deal(segment: Segment) -> None:
    starts, offers = segment.columns.offer_start.tolist(), segment.columns.offer_deal
    assert len(starts) == len(segment) + 1
    for first, last in pairwise(starts):
        deals = offers[first:last].tolist()
        assert deals == sorted(deals)
    assert starts[-1] == len(offers) == segment.manifest["offers"]


def test_programmes_with_the_most_documents_come_first(segment: Segment) -> None:
    columns = segment.columns
    usable = columns.offer_program[columns.offer_window != NEVER]
    reach = np.bincount(usable, minlength=len(columns.program_on))[1:]
    assert reach.tolist() == sorted(reach.tolist(), reverse=True)
    if len(segment) == 300:
        assert segment.catalogue.programs[1]["program_id"] == "card1"


def test_signatures_and_postings_are_those_of_usable_offers(segment: Segment) -> None:
    columns = segment.columns
    held: dict[int, list[int]] = {number: [] for number in range(len(columns.program_on))}
    for doc, (first, end) in enumerate(pairwise(columns.offer_start.tolist())):
        windows, cards = columns.offer_window[first:end], columns.offer_program[first:end]
        programs = set(cards[windows != NEVER].tolist())
        bits = {program_bit(number) for number in programs}
        assert int(columns.doc_signature[doc]) == sum(1 << bit for bit in bits)
        for number in programs:
            held[number].append(doc)
    for number, docs in held.items():
        assert segment.program_docs(number).tolist() == docs


def test_nodes_sum_up_their_documents(segment: Segment) -> None:
    """Each node column against a loop over the documents below, for every node."""
    columns, docs = segment.columns, len(segment)
    starts = level_starts(docs).tolist()
    assert columns.level_start.tolist() == starts
    timetable = Timetable(columns.schedule_start, columns.change_minute, columns.change_state)
    is_open, maybe = timetable.hour_masks(START.weekday() * 24)
    record, x, y = columns.doc_record, columns.doc_position[:, 0], columns.doc_position[:, 1]
    for level in range(len(starts) - 1):
        for index in range(starts[level + 1] - starts[level]):
            node = starts[level] + index
            below = slice(index << NODE_BITS * (level + 1), (index + 1) << NODE_BITS * (level + 1))
            mine = record[below]
            box = [x[below].min(), y[below].min(), x[below].max(), y[below].max()]
            assert columns.node_box[:, node].tolist() == box
            assert columns.node_rating[node] == mine[:, DOC_RATING].max()
            assert columns.node_quality[node] == mine[:, DOC_QUALITY].max()
            assert columns.node_id_rank[node] == mine[:, DOC_ID_RANK].min()
            signature = np.bitwise_or.reduce(columns.doc_signature[below])
            assert columns.node_signature[node] == signature
            hours = columns.doc_schedule[below]
            for name, masks in (("node_open", is_open), ("node_maybe_open", maybe)):
                union = np.bitwise_or.reduce(masks[hours], axis=0)
                assert getattr(columns, name)[:, node].tolist() == union.tolist()
            first, *_, end = columns.offer_start[below.start : below.stop + 1].tolist()
            windows = columns.offer_window[first:end]
            in_use = np.bitwise_or.reduce(is_open[windows], axis=0)
            assert columns.node_deal[:, node].tolist() == in_use.tolist()
            sets = set(columns.doc_category_set[below].tolist())
            bits = {
                segment.catalogue.category_bits[prefix]
                for row in sets
                for path in CATEGORY_SETS[row]
                for prefix in prefixes(path)
            }
            found = int(columns.node_category[0, node]) | int(columns.node_category[1, node]) << 64
            assert found == sum(1 << bit for bit in bits)


def test_common_categories_have_the_lowest_bits(segment: Segment) -> None:
    bits = segment.catalogue.category_bits
    reach = dict.fromkeys(bits, 0)
    for row in segment.columns.doc_category_set.tolist():
        for prefix in {prefix for path in CATEGORY_SETS[row] for prefix in prefixes(path)}:
            reach[prefix] += 1
    ranked = sorted(bits, key=lambda prefix: (-reach[prefix], prefix))
    assert [bits[prefix] for prefix in ranked] == [category_bit(n) for n in range(len(ranked))]


def test_live_and_on_bits_end_with_the_last_row(segment: Segment) -> None:
    columns = segment.columns
    assert len(columns.doc_live) == -(-len(segment) // 64)
    assert int(np.bitwise_count(columns.doc_live).sum()) == len(segment)
    assert len(columns.deal_on) == -(-segment.manifest["deals"] // 64)
    assert columns.program_on[0] == 1
