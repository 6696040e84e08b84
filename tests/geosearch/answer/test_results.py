"""Texts taken apart, put together and explained; hits decoded from them, exact where they cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import geosearch
from geosearch.answer.results import explained, joined
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, hit_of, shops_in


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return shops_in(tmp_path_factory.mktemp("few")).engine


@pytest.mark.parametrize("texts", [[], [b"{}"], [b'{"a":1}', b'{"b":[2,3]}', b"{}"]])
def test_what_is_joined_comes_apart_again(texts: list[bytes]) -> None:
    results = joined(texts, np.arange(len(texts), dtype=np.float64))
    assert json.loads(bytes(results.text)) == [json.loads(text) for text in texts]
    assert list(results.each()) == texts
    assert [bytes(results.text)[end : end + 1] for end in results.ends] == (
        [b","] * (len(texts) - 1) + [b"]"] if texts else []
    )


def test_parts_are_the_last_member() -> None:
    texts = [b'{"a":1}', b'{"b":2}']
    parts: list[dict[str, Any]] = [{"walk_cost": 0.1}, {"walk_cost": -2.0}]
    results = explained(joined(texts, np.zeros(2)), parts)
    assert bytes(results.text) == (
        b'[{"a":1,"explain":{"walk_cost":0.1}},{"b":2,"explain":{"walk_cost":-2.0}}]'
    )
    assert [orjson.loads(text)["explain"] for text in results.each()] == parts


def test_score_parts_add_up(engine: Searcher) -> None:
    parts = hit_of(engine, 0, explain=True).explain
    assert parts == {
        "saving": 800,
        "counted_saving": 400.0,
        "redeem_probability": 0.9,
        "expected_saving": 360.0,
        "walk_cost": 0.0,
        "quality": 375,
        "score": 735.0,
    }
    unknown = hit_of(engine, 2, explain=True).explain
    assert unknown is not None
    assert (unknown["saving"], unknown["counted_saving"]) == (None, 0.0)
    assert unknown["expected_saving"] == 0.0
    assert hit_of(engine, 0).explain is None


def test_hits_have_the_numbers_of_the_ranking(engine: Searcher) -> None:
    query = Query(lat=LAT + 0.001, lng=LNG, at=NOW, radius=50_000.0)
    hits, keys = engine.search(query).hits, engine.rank(query).keys
    assert len(hits) == 9
    assert [(-hit.score, hit.distance_m) for hit in hits] == [tuple(row) for row in keys.tolist()]
    written = json.loads(bytes(engine.page(query).results))
    for hit, result in zip(hits, written, strict=True):
        # The text cuts, so that no result is told to be beyond a radius that holds it.
        assert 0 < hit.distance_m - result["distance_m"] < 0.1
        assert 0 <= (hit.score - result["score"]) * np.sign(hit.score) < 0.01


@pytest.mark.parametrize("altered", [b"x", b"\xff"], ids=["no JSON", "no UTF-8"])
def test_altered_texts_are_the_operators_to_mend(tmp_path: Path, altered: bytes) -> None:
    """Opened fast, an index does not read most of its texts; a hit names what is damaged."""
    duel = shops_in(tmp_path)
    query = Query(lat=LAT, lng=LNG, at=NOW)
    assert duel.engine.search(query).hits
    _, blob = duel.engine.segments[0].merchant_payload.arrays
    damaged = blob.copy()
    # All of it, or the names alone, which are texts of JSON whatever they hold.
    places = slice(None) if altered == b"x" else bytes(blob).index(b'"name":"') + len(b'"name":"')
    damaged[places] = ord(altered)
    view = duel.engine._views[0]
    sources = view._sources["en"]
    view._sources["en"] = type(sources)(sources.value._replace(merchant=damaged))
    with pytest.raises(geosearch.BadData, match=r"Expected stored texts .* - at `"):
        duel.engine.search(query)
