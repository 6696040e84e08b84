"""Text figures: a toy run measures every family, against numpy postings that agree."""

from itertools import islice
from random import Random

import numpy as np
import pytest
from rapidfuzz.distance import OSA

from benchmarks.figures import WrongAnswer
from benchmarks.report import texts_table
from benchmarks.texts import Bench, figures_of, misspelt, terms_of_share
from geosearch.build.pipeline import build
from geosearch.searcher import Searcher, open_index
from geosearch.synth.world import DEFAULT_CREATED_AT, synthesise


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("texts")
    synthesise(folder / "snapshot", merchants=4_000, seed=3)
    build(folder / "snapshot", folder / "index", now=DEFAULT_CREATED_AT)
    return open_index(folder / "index")


def test_a_toy_run_measures_every_family(engine: Searcher) -> None:
    figures = figures_of(engine, queries=30, rounds=1, compared=30)
    rows = figures["families"]
    assert len(rows) == 5
    assert sum(row.get("compared", 0) for row in rows) > 10
    assert all(row["rank"]["p50_us"] > 0 for row in rows)
    assert rows[0]["work"]["postings"] > 0
    assert figures["text_bytes_per_merchant"] > 0
    table = texts_table(figures)
    assert all(row["label"] in table for row in rows)


def test_terms_have_the_share_and_the_documents_they_say(engine: Searcher) -> None:
    (segment,) = engine.segments
    terms = terms_of_share(segment, 0.05)
    assert len(terms) > 3
    for term in terms:
        assert 0.03 < len(term.docs) / len(segment) < 0.08
        assert (np.diff(term.docs) > 0).all()
        names = [bytes(segment.merchant_payload(doc)).decode() for doc in term.docs[:5].tolist()]
        assert all(names)


def test_misspelt_words_are_one_edit_away_and_never_twice() -> None:
    words = ["coffee", "noodles", "bakery"]
    wrong = list(islice(misspelt(words, Random(1)), 100))
    assert len(set(wrong)) == 100
    assert not set(wrong) & set(words)
    assert all(min(OSA.distance(one, word) for word in words) == 1 for one in wrong)


def test_brute_force_that_disagrees_ends_the_run(engine: Searcher) -> None:
    bench = Bench(engine, queries=10, rounds=1, compared=10)
    terms = terms_of_share(engine.segments[0], 0.05)[:1]
    too_many = terms[0]._replace(docs=np.arange(len(engine.segments[0])))
    with pytest.raises(WrongAnswer):
        bench.as_typed("every shop", [(too_many,)])
