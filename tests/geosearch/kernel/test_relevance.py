"""Words in the traversals: lists of documents against Python's sets, in every order.

What matches without words comes from the engine itself (the oracle suites prove that); which of
those hold the words, what they are worth and how they sort is worked out here document by document.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from geosearch.kernel.criteria import SORTS, Words
from geosearch.kernel.scratch import MAX_CARRIED
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search.plan import Plan
from geosearch.search.segment_view import SegmentView
from indexes.geo.rtree import NODE_SIZE
from indexes.terms.postings import block_maxima
from tests.geosearch.kernel.test_predicates import random_query
from tests.geosearch.number_worlds import CENTRE, NOON, START, Shape, open_world
from tests.geosearch.planning import planned

DOCS = 3_000
CARDS = ("card0", "card1")
WORTH = 3000.0
QUESTIONS = 400


class Drawn(NamedTuple):
    """Lists of documents with their impacts, as Python knows them, and as the kernel does."""

    lists: list[dict[int, int]]
    weights: list[float]
    required: int
    words: Words


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SegmentView:
    shape = Shape(docs=DOCS, shares=(0.5, 0.05), spread_deg=0.02)
    segment = open_world(tmp_path_factory.mktemp("words") / "segment-0000", shape)
    return SegmentView(segment, START, Weights())


def draw(rng: Random, docs: int) -> Drawn:
    """Lists of every length, some of one street only, some without a document, some optional."""
    lists = []
    for _ in range(rng.choice((1, 1, 2, 3, MAX_CARRIED + 2))):
        share = rng.choice((0.0005, 0.02, 0.3, 0.9, 1.0))
        first, end = (0, docs) if rng.random() < 0.7 else (docs // 3, docs // 2)
        held = [doc for doc in range(first, end) if rng.random() < share]
        lists.append({doc: rng.choice((1, 7, 128, 254, 255)) for doc in held})
    required = rng.choice((len(lists), len(lists), max(1, len(lists) - 1)))
    lists[:required] = sorted(lists[:required], key=len)
    weights = [rng.choice((0.3, 0.5, 1.0)) / len(lists) / 255 for _ in lists]
    words = as_words(lists, weights, required)
    if rng.random() < 0.5:
        words = words._replace(below=below_of(lists[:required], docs))
    return Drawn(lists, weights, required, words)


def below_of(lists: list[dict[int, int]], docs: int) -> NDArray[np.uint16]:
    """A bit for each child of a node, of a leaf for each document, with one of what all hold."""
    items, size, below = set(lists[0]).intersection(*lists), docs, list[int]()
    while size > 1:
        size = -(-size // NODE_SIZE)
        level = [0] * size
        for item in items:
            level[item // NODE_SIZE] |= 1 << item % NODE_SIZE
        items = {item // NODE_SIZE for item in items}
        below += level
    return np.array(below, np.uint16)


def as_words(lists: list[dict[int, int]], weights: list[float], required: int) -> Words:
    ends = np.cumsum([len(one) for one in lists])
    impacts = np.array([impact for one in lists for impact in one.values()], np.uint8)
    return Words(
        docs=np.array([doc for one in lists for doc in one], np.uint32),
        impacts=impacts,
        blocks=block_maxima(impacts),
        span=np.stack([ends - [len(one) for one in lists], ends], axis=1).astype(np.int64),
        weight=np.array(weights),
        required=required,
        carried=min(required, MAX_CARRIED),
        worth=WORTH,
        below=np.zeros(0, np.uint16),
    )


def plan(view: SegmentView, query: Query, words: Words | None, after: Any = None) -> Plan:
    return planned(view.planner, query, words=words, after=after)


def matches(view: SegmentView, query: Query) -> dict[int, list[float]]:
    """Keys of every document that matches without words, page by page."""
    found: dict[int, list[float]] = {}
    after = None
    while True:
        docs, keys, _ = view.rank(plan(view, query, None, after), False)
        found |= dict(zip(docs.tolist(), keys.tolist(), strict=True))
        if len(docs) < query.limit:
            return found
        last = view.segment.merchant_id(int(docs[-1]))
        after = (*keys[-1].tolist(), view.segment.id_rank_through(last))


def relevance_of(drawn: Drawn, doc: int) -> float | None:
    """What the words say of a document, None where it misses one."""
    if not all(doc in one for one in drawn.lists[: drawn.required]):
        return None
    parts = zip(drawn.lists, drawn.weights, strict=True)
    return sum(one[doc] * weight for one, weight in parts if doc in one)


def expected(view: SegmentView, query: Query, drawn: Drawn) -> list[tuple[float, float, str, int]]:
    """Primary key, distance, id and document of every match, in order."""
    sort = "distance" if query.sort == "relevance" else query.sort
    plain = Query(**{**vars_of(query), "sort": sort, "q": None, "limit": 100})
    rows = []
    for doc, (primary, distance_m) in matches(view, plain).items():
        relevance = relevance_of(drawn, doc)
        if relevance is None:
            continue
        if query.sort == "relevance":
            primary = -relevance
        elif query.sort == "best":
            primary -= WORTH * relevance
        rows.append((primary, distance_m, view.segment.merchant_id(doc), doc))
    return sorted(rows)


def vars_of(query: Query) -> dict[str, Any]:
    return {name: getattr(query, name) for name in query.__struct_fields__}


def test_words_narrow_and_rank_as_python_does(view: SegmentView) -> None:
    rng = Random(11)
    compared = full = counted = 0
    for number in range(QUESTIONS):
        drawn = draw(rng, DOCS)
        asked = vars_of(random_query(rng, view.segment, CARDS)) | {
            "sort": SORTS[number % len(SORTS)],
            "q": "word",
            "limit": rng.choice((1, 5, 20, 100)),
            "at": NOON,
            "facets": (),
        }
        query = Query(**asked)
        rows = expected(view, query, drawn)
        docs, keys, work = view.rank(plan(view, query, drawn.words), True)
        assert len(docs) == min(len(rows), query.limit)
        for doc, key, row in zip(docs.tolist(), keys.tolist(), rows, strict=False):
            assert key[0] == row[0] or math.isclose(key[0], row[0], rel_tol=1e-9, abs_tol=1e-9)
            # Sums that differ in the last bit may swap neighbours, and only those.
            assert doc == row[3] or any(
                doc == other[3] and math.isclose(other[0], row[0], abs_tol=1e-9) for other in rows
            )
        total = view.count(plan(view, query, drawn.words), {})
        assert total == len(rows)
        compared += len(docs)
        full += len(docs) == query.limit
        counted += work["postings"] > 0
    assert compared > 1_000
    assert full > QUESTIONS // 10
    assert counted > QUESTIONS // 4


def test_a_rare_word_reads_few_documents(view: SegmentView) -> None:
    """The tree is only walked where the word is: work follows the matches, not the city."""
    rng = Random(5)
    query = Query(lat=CENTRE[0], lng=CENTRE[1], radius=50_000.0, q="word", sort="distance", at=NOON)
    for share in (0.03, 0.3):
        one = {doc: 200 for doc in range(DOCS) if rng.random() < share}
        words = as_words([one], [1 / 255], 1)
        docs, _, work = view.rank(plan(view, query, words), True)
        assert set(docs.tolist()) <= set(one)
        assert len(docs) == 20
        # Only documents on the list are tested: the page, and what else its leaves, of sixteen on
        # the list, hold. Nodes above them are few.
        assert work["docs"] <= 4 * 20
        assert work["nodes"] <= 16 * 6


def test_a_frequent_word_is_looked_up_nowhere(view: SegmentView) -> None:
    """Bits say who has it, and where few have it below a node these are read at once."""
    rng = Random(6)
    query = Query(lat=CENTRE[0], lng=CENTRE[1], radius=900.0, q="word", sort="distance", at=NOON)
    for share in (0.05, 0.1, 0.5):
        one = {doc: 200 for doc in range(DOCS) if rng.random() < share}
        listed = as_words([one], [1 / 255], 1)
        bits = listed._replace(below=below_of([one], DOCS))
        docs, keys, before = view.rank(plan(view, query, listed), True)
        again, same, work = view.rank(plan(view, query, bits), True)
        assert (again.tolist(), same.tolist()) == (docs.tolist(), keys.tolist())
        assert before["postings"] > 0
        assert work["postings"] == 0
        assert work["nodes"] <= before["nodes"]
        assert work["docs"] <= before["docs"] + NODE_SIZE
        counted = [view.count(plan(view, query, words), {}) for words in (listed, bits)]
        assert counted[0] == counted[1] >= len(docs)


def test_most_relevant_first_opens_few_leaves(view: SegmentView) -> None:
    """Block maxima bound a node's relevance: one perfect match is found at once."""
    one = dict.fromkeys(range(DOCS), 1) | {DOCS // 2: 255}
    words = as_words([one], [1 / 255], 1)
    asked: dict[str, Any] = {
        "radius": 50_000.0,
        "q": "word",
        "sort": "relevance",
        "limit": 1,
        "at": NOON,
    }
    query = Query(lat=CENTRE[0], lng=CENTRE[1], **asked)
    docs, keys, work = view.rank(plan(view, query, words), True)
    assert docs.tolist() == [DOCS // 2]
    assert keys[0, 0] == -1.0
    assert work["leaves"] == 1
    # The same where it is a bonus: nodes that do not hold it promise nothing.
    everywhere, bonus = dict.fromkeys(range(DOCS), 200), {DOCS // 2: 255}
    words = as_words([everywhere, bonus], [0.7 / 255, 0.3 / 255], 1)
    docs, keys, work = view.rank(plan(view, query, words), True)
    assert docs.tolist() == [DOCS // 2]
    assert work["leaves"] == 1


def test_no_list_is_every_document(view: SegmentView) -> None:
    query = Query(lat=CENTRE[0], lng=CENTRE[1], radius=50_000.0, sort="distance", at=NOON)
    assert view.count(plan(view, query, None), {}) == DOCS
    assert view.count(plan(view, query, view.planner.terms.match_none), {}) == 0
