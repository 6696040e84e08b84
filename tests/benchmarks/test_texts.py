"""Questions with words: what they say of shares, words and documents is so."""

from itertools import islice
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest
from rapidfuzz.distance import OSA

from benchmarks.brute import BruteForce
from benchmarks.checks import right_answers
from benchmarks.families import LATER
from benchmarks.table import table_of
from benchmarks.texts import (
    NAMES,
    TextQuestions,
    cards_of,
    half_typed,
    misspelt,
    terms_of_share,
    text_world,
)
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index


@pytest.fixture(scope="module")
def engine(world_cache: Path) -> Searcher:
    folder = text_world(4_000)
    # It is kept in the cache.
    assert text_world(4_000, say=pytest.fail) == folder
    return open_index(folder)


def test_the_engine_finds_what_holds_the_words(engine: Searcher) -> None:
    (segment,) = engine.segments
    brute = BruteForce(engine)
    at = TextQuestions(engine, 1).at
    table = table_of(brute, at, LATER, cards_of(engine)[0], segment)
    questions = TextQuestions(engine, 40, table)
    matched = 0
    for name in ("word_5", "two_words", "word_5_cold"):
        asked = questions.family(name)
        assert asked.among is not None
        for query, question, held in zip(asked.queries, asked.questions, asked.among, strict=True):
            assert isinstance(query, Query)
            assert (query.q or "").split() == [*question.words]
            with_words = [set(question.words) <= set(table.text[doc].split()) for doc in range(4)]
            assert with_words == np.isin(np.arange(4), held).tolist()
        for right, query in zip(right_answers(brute, asked, 40), asked.queries, strict=True):
            assert isinstance(query, Query)
            ranked = engine.rank(query)
            assert right.of_engine(ranked) == 1.0
            matched += len(ranked.doc_ids)
    assert matched > 50


def test_two_words_are_asked_near_a_shop_with_both(engine: Searcher) -> None:
    asked = TextQuestions(engine, 60).family("two_words")
    found = 0
    for query in asked.queries:
        assert isinstance(query, Query)
        anyhow = msgspec.structs.replace(query, cards=(), open="any")
        answer = engine.search(anyhow)
        found += not answer.relaxed and len(answer.hits) > 0
    assert found > 50


@pytest.mark.parametrize("name", NAMES)
def test_every_family_asks_as_much_as_it_is_told(engine: Searcher, name: str) -> None:
    asked = TextQuestions(engine, 30).family(name)
    assert asked.name == name
    assert len(asked.queries) == 30
    assert not asked.questions
    assert asked.once == (name == "misspelt" or name.endswith("_cold"))
    assert bool(asked.cold_of) == name.endswith("_cold")


def test_cold_queries_have_another_minute_and_wallet(engine: Searcher) -> None:
    questions = TextQuestions(engine, 300)
    for name in ("word_05", "two_words"):
        warm, cold = (questions.family(one) for one in (name, f"{name}_cold"))
        assert cold.cold_of == warm.name
        assert cold.label == f"{warm.label}, cold"
        pairs = [
            (one, two)
            for one, two in zip(warm.queries, cold.queries, strict=True)
            if isinstance(one, Query) and isinstance(two, Query)
        ]
        assert len({two.at for _, two in pairs}) == 300
        assert len({two.cards for _, two in pairs}) > 1
        assert all(two.at is not None and engine.is_current(two.at) for _, two in pairs)
        for one, two in pairs:
            assert one == msgspec.structs.replace(two, at=one.at, cards=one.cards)


def test_terms_have_the_share_and_the_documents_they_say(engine: Searcher) -> None:
    (segment,) = engine.segments
    terms = terms_of_share(segment, 0.05)
    assert len(terms) > 3
    for term in terms:
        assert 0.03 < len(term.docs) / len(segment) < 0.08
        assert (np.diff(term.docs) > 0).all()


def test_misspelt_words_are_one_edit_away_and_never_twice() -> None:
    words = ["coffee", "noodles", "bakery"]
    wrong = list(islice(misspelt(words, Random(1)), 100))
    assert len(set(wrong)) == 100
    assert not set(wrong) & set(words)
    assert all(min(OSA.distance(one, word) for word in words) == 1 for one in wrong)


def test_half_a_name_is_typed_in_several_ways() -> None:
    rng = Random(1)
    assert {half_typed("海底捞店", rng) for _ in range(40)} == {"海底", "haidi", "hd"}
    assert half_typed("K", rng) in ("K", "k")
