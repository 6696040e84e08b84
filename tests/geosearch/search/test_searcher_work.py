"""A query with an allowance of work gets the answer that it gets without one, or `TooMuchWork`.

The work of a query is that of a run whose allowance suffices. Less is too little, and is noticed
before much more than that is done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np
import pytest

import geosearch
from geosearch.answer.model import Answer, Page
from geosearch.indexing.pipeline import build
from geosearch.money.ranking import Weights
from geosearch.query.query import MerchantQuery, Query
from geosearch.search import answering, segment_view
from geosearch.search.searcher import Searcher
from geosearch.search.segment_view import SegmentView
from geosearch.segment.segment import Segment, in_both
from geosearch.text import rewriter
from geosearch.text.segment_terms import UNION_WORK
from indexes.allowance import MERGED, NO_LIMIT, READ, SORTED, Allowance, TooMuchWork
from indexes.geo.rtree import NODE_SIZE
from tests.geosearch.kernel.test_predicates import random_query
from tests.geosearch.number_worlds import START as TOWN_START
from tests.geosearch.number_worlds import Shape, open_world
from tests.geosearch.planning import planned
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot

T = TypeVar("T")

WORDS = "amber bakery bamboo banyan barley basalt carmine cedar".split()
SHOPS = 1_500
NOW = "2026-11-22T12:00:00+08:00"


def took(work: Callable[[], T], allowed: int = NO_LIMIT) -> tuple[int, T | None]:
    """What some work took, and its result; None if it was too much."""
    allowance = Allowance(allowed)
    try:
        with allowance:
            found = work()
    except TooMuchWork:
        return allowed - allowance.left, None
    return allowed - allowance.left, found


# --- traversals ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("town") / "segment-0000"
    return open_world(folder, Shape(docs=3_000, shares=(0.5, 0.02)))


def largest_run(segment: Segment) -> int:
    """Most work between two looks at the limit: sixteen children, or a leaf with its offers."""
    offers = int(np.diff(segment.columns.offer_start.astype(np.int64)).max())
    return NODE_SIZE * (1 + offers)


def test_a_limit_gives_the_result_of_a_traversal_or_none(town: Segment) -> None:
    rng, view = Random("limits"), SegmentView(town, TOWN_START, Weights())
    cards, room = list(town.program_numbers), largest_run(town)
    stopped = 0
    for _ in range(80):
        plan = planned(view.planner, random_query(rng, town, cards))

        def rank(plan: Any = plan) -> Any:
            docs, keys, _ = view.rank(plan, False)
            return docs.tolist(), keys.tolist()

        def count(plan: Any = plan) -> Any:
            counts: dict[str, dict[str, int]] = {"category": {}, "program": {}}
            return view.count(plan, counts), counts

        for traversal in (rank, count):
            expected = traversal()
            traversal()  # A filter that was learned takes no more work.
            whole, found = took(traversal)
            assert found == expected
            for allowed in {0, whole // 7, whole // 2, whole - 1, whole} - {-1}:
                done, found = took(traversal, allowed)
                assert found == (expected if allowed == whole else None)
                # A count of whole nodes is charged before it begins.
                most = allowed + (room if traversal is rank else max(room, len(town)))
                assert allowed < done <= most or allowed == done == whole
                stopped += done < whole
    assert stopped > 60, "these were ended before their end"


def test_a_long_list_that_drives_is_left_in_the_middle(town: Segment) -> None:
    view = SegmentView(town, TOWN_START, Weights())
    query = Query(
        lat=0.0, lng=0.0, radius=None, cards=tuple(town.program_numbers)[1:], at=TOWN_START,
        bbox=(-180.0, -90.0, 180.0, 90.0),
    )  # fmt: skip
    plan = planned(view.planner, query)
    listed = len(plan.criteria.lists.driver)
    assert plan.criteria.lists.driven
    assert listed > 2 * NODE_SIZE
    for traversal in (lambda: view.rank(plan, False), lambda: view.count(plan, {})):
        assert took(traversal)[0] >= listed
        assert took(traversal, NODE_SIZE)[0] < listed


# --- queries -------------------------------------------------------------------------------------


def snapshot(folder: Path) -> Path:
    rng = Random("words")
    rows = [
        merchant(
            number,
            name=" ".join(rng.sample(WORDS, rng.choice((1, 2, 3)))),
            lat=31.23 + rng.uniform(-0.02, 0.02),
            lng=121.47 + rng.uniform(-0.02, 0.02),
            business_area=rng.choice(("North", "South")),
            opening_hours=rng.choice(("24/7", "Mo-Su 09:00-18:00", "Mo-Su 20:00-23:00")),
        )
        for number in range(SHOPS)
    ]
    deals = [deal(at, program_id="red", merchant_ids=[f"m{at}"]) for at in range(200)]
    tables = {"merchants": rows, "deals": deals, "programs": [PROGRAM]}
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index")
    return folder / "index"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(tmp_path_factory.mktemp("words"))


def asked(engine: Searcher, **wishes: Any) -> Query:
    return Query(lat=31.23, lng=121.47, at=engine.start + timedelta(days=1, hours=4), **wishes)


def told(page: Page) -> dict[str, Any]:
    said = {name: getattr(page.answer, name) for name in Answer.__struct_fields__}
    return said | {"took_us": 0, "results": bytes(page.results)}


QUERIES: list[dict[str, Any]] = [
    {"sort": "distance"},
    {"limit": 100, "open": "now"},
    {"cards": ("red",), "open": "now", "total": True},
    {"radius": 50_000, "total": True, "facets": ("category", "program", "offer_type")},
    {"business_area": ("North",), "facets": ("business_area",)},
    {"q": "amber"},
    {"q": "amber bakery", "sort": "distance", "total": True},
    {"q": "amber bakery", "sort": "relevance"},
    {"q": "amber -bakery"},
    {"q": "ambr bakry"},
    {"q": " ".join(WORDS)},
    {"q": "North"},
]


@pytest.mark.parametrize("wishes", QUERIES, ids=str)
def test_any_allowance_gives_the_answer_or_none(index: Path, wishes: dict[str, Any]) -> None:
    expected = told(geosearch.open_index(index).page(asked(geosearch.open_index(index), **wishes)))
    engine = geosearch.open_index(index)
    query = asked(engine, **wishes)
    found = [took(lambda: engine.page(query), 3**power)[1] for power in range(16)]
    assert found[0] is None
    assert found[-1] is not None
    assert [told(page) for page in found if page is not None] == [expected] * (
        16 - found.count(None)
    )
    # What was begun and left has changed nothing.
    assert told(engine.page(query)) == expected


def test_pages_bound_each_query_alone(index: Path) -> None:
    engine = geosearch.open_index(index)
    small = asked(engine, sort="distance", limit=5)
    queries = [small, asked(engine, q=" ".join(WORDS)), asked(engine, zone="nowhere"), small]
    engine.pages(queries)
    pages = engine.pages(queries, took(lambda: engine.page(small))[0])
    assert [type(page) for page in pages] == [Page, TooMuchWork, type(None), Page]
    assert [type(page) for page in engine.pages(queries)] == [Page, Page, type(None), Page]


# --- work that is not the kernels' ---------------------------------------------------------------


def common(engine: Searcher, word: str) -> int:
    """Number of shops with a word."""
    (plan,) = engine._planner.planned(asked(engine, q=word), 20).plans
    return int(np.diff(plan.criteria.words.span[0])[0])


def test_plans_take_what_they_read(index: Path) -> None:
    engine = geosearch.open_index(index)

    def plan(**wishes: Any) -> int:
        return took(lambda: engine._planner.planned(asked(engine, **wishes), 20))[0]

    assert plan(cards=("red",), open="now") == 0
    assert plan(business_area=("North",)) == SHOPS // READ
    assert plan(business_area=("North",)) == 0, "it is kept"
    lists = common(engine, "amber") + common(engine, "bakery")
    assert plan(q="amber -bakery") >= UNION_WORK + lists // SORTED
    plan(q="cedar")
    assert plan(q="cedar") == common(engine, "cedar") // MERGED, "who holds it is noted"


def test_other_words_take_work_for_each_search_and_reading(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 10**9  # far more than all else takes
    for module, name in ((answering, "SEARCH_WORK"), (rewriter, "READING_WORK")):
        engine = geosearch.open_index(index)
        with monkeypatch.context() as patched:
            patched.setattr(module, name, most)
            work, page = took(lambda engine=engine: engine.page(asked(engine, q="ambr bakry")))  # type: ignore[misc]
            assert page is not None
            assert page.answer.corrected
            assert work // most >= 2, name
            again, _ = took(lambda engine=engine: engine.page(asked(engine, q="ambr bakry")))  # type: ignore[misc]
            assert (again // most > 0) == (module is answering), "alternatives are kept"


def test_long_results_take_work(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = geosearch.open_index(index)
    query = asked(engine, limit=100)
    for _ in range(2):
        engine.page(query)
    monkeypatch.setattr(segment_view, "_TEXT_BYTES", 1_000_000)
    work, page = took(lambda: engine.page(query))
    assert page is not None
    monkeypatch.setattr(segment_view, "_TEXT_BYTES", 1_000)
    more, _ = took(lambda: engine.page(query))
    assert more >= work + len(page.results) // segment_view.BYTES_A_STEP
    spare = engine._views[0]._pool._spare
    before = len(spare)
    assert took(lambda: engine.page(query), more - 1)[1] is None
    assert len(spare) == before, "working memory is given back"


def test_a_record_takes_work_for_each_deal(index: Path) -> None:
    engine = geosearch.open_index(index)
    visit = MerchantQuery(at=engine.start + timedelta(days=1))
    first, last = (engine.merchant(f"m{number}", None, visit) for number in (0, SHOPS - 1))
    assert first is not None
    assert last is not None
    assert len(first["deals"]) == 1 + len(last["deals"])
    work = [took(lambda one=one: engine.merchant(one, None, visit))[0] for one in ("m0", "m1499")]  # type: ignore[misc]
    assert work[0] - work[1] >= 100


def test_lists_in_common_take_work() -> None:
    docs = np.arange(1_000, dtype=np.uint32)
    assert took(lambda: in_both(docs, docs[::2]).tolist()) == (
        1_500 // SORTED,
        list(range(0, 1_000, 2)),
    )
    assert took(lambda: in_both(docs, docs), 100)[1] is None
