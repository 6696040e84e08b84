"""Details are written for as many offers as there are, or the caller is told to bring more room."""

from datetime import datetime

import numpy as np
import pytest

from geosearch.indexing.pipeline import build
from geosearch.kernel.describe import (
    DEAL,
    OFFERS_OF,
    SAVING,
    STATE,
    TELLS_HOURS,
    TELLS_OFFERS,
    describe,
)
from geosearch.kernel.scratch import DETAIL_ROWS, DETAIL_WIDTH, new_scratch
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from indexes.geo.datum import WGS84
from indexes.prepared import Prepared
from indexes.timetable import UNKNOWN
from tests.geosearch.planning import planned
from tests.geosearch.snapshot_files import Row, deal, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
OFFERS = 60
ALL = TELLS_HOURS | TELLS_OFFERS
QUERY = Query(lat=31.23, lng=121.47, at=NOW, limit=100)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A hundred shops, each with the same sixty deals: more than the usual room for a page."""
    folder = tmp_path_factory.mktemp("details")
    shops: list[Row | bytes] = [merchant(n) for n in range(100)]
    deals: list[Row | bytes] = [
        deal(n, brand="b", offer_type="free_item", face_value=1 + n % 7) for n in range(OFFERS)
    ]
    for row in deals:
        assert isinstance(row, dict)
        del row["merchant_ids"]
    tables = {"merchants": [row | {"brand": "b"} for row in shops if isinstance(row, dict)]}
    write_snapshot(folder / "snapshot", tables | {"deals": deals})
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index")


def test_a_page_of_many_offers_is_whole(engine: Searcher) -> None:
    assert 100 * (OFFERS + 1) > DETAIL_ROWS
    answer = engine.search(QUERY)
    assert len(answer.hits) == 100
    for hit in answer.hits:
        assert hit.best_deal is not None
        deals = [hit.best_deal, *hit.deals]
        keys = [(-(deal.saving or 0), deal.deal_id) for deal in deals]
        assert len(keys) == OFFERS
        assert keys == sorted(keys)


@pytest.mark.parametrize("rows", [0, 1, OFFERS, OFFERS + 1, 2 * OFFERS + 1])
def test_too_little_room_is_told(engine: Searcher, rows: int) -> None:
    segment = engine.segments[0]
    criteria = planned(engine._views[0].planner, QUERY, start=engine.start).criteria
    scratch = Prepared(new_scratch(1))
    docs, keys = np.arange(2), np.zeros((2, 2))
    scores, counted = np.zeros((2, 2))
    columns = segment.columns_of(0)
    detail = np.full((rows, DETAIL_WIDTH), -7, np.int64)
    asked = columns, criteria, scratch, docs, keys, WGS84, ALL
    assert describe(*asked, detail, scores, counted) == -1
    assert (detail == -7).all()
    detail = np.empty((2 * OFFERS + 2, DETAIL_WIDTH), np.int64)
    assert describe(*asked, detail, scores, counted) == 2 * OFFERS + 2
    assert detail[0, [STATE, OFFERS_OF]].tolist() == [UNKNOWN, OFFERS]
    assert detail[1, SAVING] == 7
    assert sorted(detail[1 : OFFERS + 1, DEAL].tolist()) == list(range(OFFERS))
    assert counted.tolist() == [3.5, 3.5], "half of a gift"
    assert scores.tolist() == [0.9 * 3.5, 0.9 * 3.5]


def test_no_document_no_row(engine: Searcher) -> None:
    segment = engine.segments[0]
    criteria = planned(engine._views[0].planner, QUERY, start=engine.start).criteria
    scratch = Prepared(new_scratch(1))
    none = np.zeros(0, np.int64)
    detail = np.empty((1, DETAIL_WIDTH), np.int64)
    keys, scores = np.zeros((0, 2)), np.zeros(1)
    columns = segment.columns_of(0)
    found = describe(columns, criteria, scratch, none, keys, WGS84, ALL, detail, scores, scores)
    assert found == 0
