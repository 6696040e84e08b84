"""What a text finds: a twin in plain Python reads the rows, and agrees in both directions.

The twin knows how its own rows are written (words of a to z, two-character names), so it cuts them
with a line each, scans everything, and shares no code with the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, pairwise
from random import Random
from typing import Any

import pytest
from rapidfuzz.distance import OSA

import geosearch
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.text import rewriter
from geosearch.text.rewriter import Rewriter
from geosearch.text.segment_terms import RARE
from indexes.geo.rtree import NODE_SIZE
from tests.geosearch.snapshot_files import merchant, write_snapshot
from tests.oracles import haversine_m

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
CENTRE = (31.23, 121.47)
WORDS = "amber bakery bamboo banyan barley basalt carmine cedar cobalt copper coral dahlia".split()
WORDS += "garden gardenia ginger harbour jasmine juniper lantern marble orchid pebble".split()
RUNS = ("海底捞", "海底世界", "火锅", "老火锅店", "南京路", "南京东路", "人民广场", "海港")
SHOPS = 400


@dataclass(frozen=True)
class Shop:
    """A row with what can be found of it."""

    merchant_id: str
    lat: float
    lng: float
    words: frozenset[str]
    pairs: frozenset[str]


def rows(rng: Random) -> Iterator[dict[str, Any]]:
    for number in range(SHOPS):
        name = " ".join(rng.sample(WORDS, rng.choice((1, 2, 2, 3))))
        if rng.random() < 0.5:
            name = rng.choice((f"{rng.choice(RUNS)} {name}", rng.choice(RUNS)))
        off = rng.choice((0.0, 0.003, 0.02, 0.2))
        yield merchant(
            number,
            name=name,
            lat=CENTRE[0] + rng.uniform(-off, off),
            lng=CENTRE[1] + rng.uniform(-off, off),
            address=rng.choice((None, rng.choice(RUNS), rng.choice(WORDS))),
            tags=rng.sample(WORDS, rng.choice((0, 0, 1))),
            opening_hours=rng.choice(("24/7", "off")),
        )


def as_shop(row: dict[str, Any]) -> Shop:
    texts = [row["name"], row["address"] or "", *row["tags"]]
    tokens = " ".join(texts).split()
    runs = [token for token in tokens if not token.isascii()]
    pairs = {a + b for run in runs for a, b in pairwise(run)}
    words = frozenset(token for token in tokens if token.isascii())
    return Shop(row["merchant_id"], row["lat"], row["lng"], words, frozenset(pairs))


class Twin:
    """Finds shops by looking at each."""

    def __init__(self, shops: list[Shop]) -> None:
        self.shops = shops
        self.vocabulary = frozenset(word for shop in shops for word in shop.words)

    def near(self, radius: float) -> list[Shop]:
        return [s for s in self.shops if haversine_m(*CENTRE, s.lat, s.lng) <= radius]

    def holds(self, shop: Shop, meant: frozenset[str]) -> bool:
        """Whether a shop holds any of the words, or all pairs of the only run."""
        (first, *_) = meant
        if first.isascii():
            return bool(shop.words & meant)
        return all(a + b in shop.pairs for a, b in pairwise(first))

    def alternatives(self, word: str) -> frozenset[str]:
        """Words that begin with it, or are one edit away from 4 letters on, two from 8."""
        edits = 2 if len(word) >= 8 else 1 if len(word) >= 4 else 0
        return frozenset(
            known
            for known in self.vocabulary
            if known.startswith(word) or OSA.distance(known, word) <= edits
        )

    def meanings(self, typed: list[str], radius: float) -> list[dict[str, frozenset[str]]]:
        """Ways to search: typed words that are kept, with what stands for each.

        Of words that are each found, but not together, the first that can be is read again as if
        mistyped. Else any part may be kept that no more can be added to.
        """
        near = self.near(radius)

        def together(words: Iterable[frozenset[str]]) -> bool:
            wallet_plan = list(words)
            return any(all(self.holds(shop, word) for word in wallet_plan) for shop in near)

        exact = {word: frozenset([word]) for word in typed}
        if together(exact.values()):
            return [exact]
        kept: dict[str, frozenset[str]] = {}
        for word, one in exact.items():
            instead = one if together([one]) else self.alternatives(word)
            if instead and together([instead]):
                kept[word] = instead
        if not kept:
            return [exact]
        for word in typed if kept == exact else ():
            reread = kept | {word: self.alternatives(word)}
            if together(reread.values()):
                return [reread]
        found: list[dict[str, frozenset[str]]] = []
        for size in range(len(kept), 0, -1):
            for names in combinations(kept, size):
                part = {name: kept[name] for name in names}
                if together(part.values()) and not any(part.keys() <= one.keys() for one in found):
                    found.append(part)
        # Short words read as mistyped stand for a text only beside all its others.
        return [way if self.stands(way, typed) else exact for way in found]

    def stands(self, way: dict[str, frozenset[str]], typed: list[str]) -> bool:
        return len(way) == len(typed) or any(
            len(word) >= 6
            or word in meant
            or any(known.startswith(word) for known in self.vocabulary)
            for word, meant in way.items()
        )

    def find(self, meant: list[frozenset[str]], radius: float) -> set[str]:
        shops = [s for s in self.near(radius) if all(self.holds(s, word) for word in meant)]
        return {shop.merchant_id for shop in shops}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Searcher, Twin]:
    folder = tmp_path_factory.mktemp("wording")
    drawn = list(rows(Random(3)))
    write_snapshot(folder / "snapshot", {"merchants": drawn})
    build(folder / "snapshot", folder / "index", now=NOW)
    return geosearch.open_index(folder / "index"), Twin([as_shop(row) for row in drawn])


def criteria(engine: Searcher, q: str, **wish: Any) -> geosearch.Answer:
    asked: dict[str, Any] = {"lat": CENTRE[0], "lng": CENTRE[1], "radius": 50_000.0, "limit": 100}
    asked |= {"sort": "distance"} | wish
    return engine.search(Query(at=NOW, q=q, total=True, **asked))


def test_many_words_take_a_bounded_number_of_searches(
    town: tuple[Searcher, Twin], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, twin = town
    rng = Random(18)
    most = cut = best = 0
    for _ in range(150):
        typed = rng.sample(WORDS, rng.choice((4, 5, 8)))
        radius = rng.choice((3000.0, 50_000.0))
        answer = criteria(engine, " ".join(typed), radius=radius, explain=True)
        assert answer.explain is not None
        rewording = answer.explain["rewording"]
        assert rewording["most_searches"] == rewriter.MOST_SEARCHES == 64
        assert rewording["searches"] <= 64
        assert rewording["cut"] == (rewording["searches"] == 64)
        ways = twin.meanings(typed, radius)
        kept = set(typed) - set(answer.relaxed)
        # No word could be added: `meanings` names the parts of which that is true.
        assert kept in [set(way) for way in ways], (typed, radius, ways)
        most, cut = max(most, rewording["searches"]), cut + rewording["cut"]
        if not rewording["cut"]:
            with monkeypatch.context() as patched:
                patched.setattr(rewriter, "MOST_SEARCHES", 10_000)
                unbounded = criteria(engine, " ".join(typed), radius=radius)
            assert unbounded.relaxed == answer.relaxed, typed
            best += bool(answer.relaxed)
    assert most == 64
    assert best > 50
    assert cut > 5


def test_where_searches_are_over_there_is_an_answer(
    town: tuple[Searcher, Twin], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = town
    text = "amber zzzzz bakery qqqqq cedar 海底捞火锅大会员 marble"
    for most in range(1, 20):
        monkeypatch.setattr(rewriter, "MOST_SEARCHES", most)
        answer = criteria(engine, text, explain=True)
        assert answer.explain is not None
        assert answer.explain["rewording"]["searches"] <= most
        kept = [word for word in text.split() if word not in answer.relaxed]
        assert answer.total or most < 4, "a word that is found alone is known after its turn"
        assert kept


def test_what_is_past_the_bounds_is_named(town: tuple[Searcher, Twin]) -> None:
    engine, _ = town
    answer = criteria(engine, "amber " * 3)
    assert (answer.relaxed, bool(answer.hits)) == ((), True)
    nine = [*WORDS[:8], "ninth", "tenth"]
    assert criteria(engine, " ".join(nine)).relaxed[-2:] == ("ninth", "tenth")
    same = " ".join(["amber"] * 30 + ["bakery", "cedar"])
    assert set(criteria(engine, same).relaxed) <= {"amber", "bakery", "cedar"}
    run = "海底捞火锅店老南京东路人民广场地下二层"
    assert criteria(engine, run).relaxed[-1] == run[13:]
    assert criteria(engine, "x" * 200).relaxed == ()


def mistyped(rng: Random, word: str) -> str:
    """A prefix, or a word with a letter dropped, doubled, changed or swapped with the next one.

    A prefix of two letters could be pinyin or initials of a run, which the twin does not read.
    """
    at = rng.randrange(2, len(word) - 1)
    return rng.choice(
        (
            word[: at + 1],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + "q" + word[at + 1 :],
            word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
            "zzzzz",
        )
    )


def test_words_are_found_as_the_twin_finds_them(town: tuple[Searcher, Twin]) -> None:
    engine, twin = town
    rng = Random(17)
    found = changed = left_out = chosen = 0
    for _ in range(500):
        typed = rng.sample(WORDS, rng.choice((1, 1, 2, 3)))
        typed = [mistyped(rng, word) if rng.random() < 0.4 else word for word in typed]
        typed = list(dict.fromkeys(typed))
        radius = rng.choice((300.0, 3000.0, 50_000.0))
        answer = criteria(engine, " ".join(typed), radius=radius)
        ids = {hit.merchant["merchant_id"] for hit in answer.hits}
        ways = twin.meanings(typed, radius)
        kept = set(typed) - set(answer.relaxed)
        assert kept in [set(way) for way in ways], (typed, radius, ways)
        meant = next(way for way in ways if set(way) == kept)
        expected = twin.find(list(meant.values()), radius)
        assert answer.total == len(expected), (typed, meant)
        assert ids <= expected if len(expected) > 100 else ids == expected, (typed, meant)
        for word, words in answer.corrected.items():
            # Neighbouring words are found written together too: `coralgarden`.
            alternatives = tuple(twin.alternatives(word))
            assert all(one.startswith(alternatives) for one in words), (word, words)
            assert len(words) <= 5
        found += len(ids)
        changed += bool(answer.corrected)
        left_out += bool(answer.relaxed)
        chosen += len(ways) > 1
    assert found > 3_000
    assert changed > 50
    assert left_out > 20
    assert chosen > 20


def test_runs_are_found_by_their_pairs(town: tuple[Searcher, Twin]) -> None:
    engine, twin = town
    for run in (*RUNS, "海底", "南京", "底世", "火锅店"):
        expected = twin.find([frozenset([run])], 50_000.0)
        answer = criteria(engine, run)
        assert {hit.merchant["merchant_id"] for hit in answer.hits} == expected, run
        assert expected
        assert not answer.corrected


def test_who_has_frequent_words_is_known_node_by_node(town: tuple[Searcher, Twin]) -> None:
    engine, twin = town
    segment = engine.segments[0]
    rewriter = Rewriter([engine._views[0].planner.terms], len(segment))
    starts = segment.columns.level_start.tolist()
    frequent = 0
    for q in (*twin.vocabulary, *RUNS, "amber bakery", "copper coral dahlia"):
        first, words, last = (rewriter.as_typed(q).lists[0] for _ in range(3))
        assert not len(first.below), "a text that comes once is not worth it"
        assert last is words
        lists = [set(words.docs[begin:end].tolist()) for begin, end in words.span.tolist()]
        held = set(lists[0]).intersection(*lists[: words.required])
        assert (len(words.below) > 0) == (len(lists[0]) >= len(segment) / RARE)
        if not len(words.below):
            continue
        frequent += 1
        assert len(words.below) == starts[-1]
        for start, end in pairwise(starts):
            bits = words.below[start:end]
            assert held == {
                NODE_SIZE * node + bit
                for node in range(end - start)
                for bit in range(NODE_SIZE)
                if bits[node] >> bit & 1
            }
            held = {item // NODE_SIZE for item in held}
    assert frequent > 20


def test_who_has_frequent_words_is_kept_once_however_they_are_spelled(
    town: tuple[Searcher, Twin],
) -> None:
    engine, _ = town
    rewriter = Rewriter([engine._views[0].planner.terms], len(engine.segments[0]))
    spellings = ["amber", "AMBER", "Amber", " amber", "amber "]
    lists = [rewriter.as_typed(q).lists[0] for q in spellings * 2]
    assert len(lists[-1].below)
    assert all(one is lists[-1] for one in lists[len(spellings) :])
    assert lists[-1].below.nbytes < rewriter._lists.bytes < lists[-1].below.nbytes + 4_000
    rewriter._lists.most_bytes = most = 3 * rewriter._lists.bytes
    for q in WORDS * 2:
        rewriter.as_typed(q)
        kept = sum(words.below.nbytes for (words,) in rewriter._lists.values())
        assert kept <= rewriter._lists.bytes <= most


@pytest.mark.parametrize(
    "wish",
    [
        {"min_rating": 5.0},
        {"cards": ("nobody",)},
        {"deals": "any"},
        {"categories": ("none",)},
        {"cards": ("nobody",), "open": "now", "sort": "saving", "party_size": 3},
    ],
)
def test_what_is_there_is_not_replaced_by_a_guess(
    town: tuple[Searcher, Twin], wish: dict[str, Any]
) -> None:
    """A name that is there as typed is the answer, even if nothing that is asked for matches."""
    engine, _ = town
    assert criteria(engine, "cedar").hits
    none = criteria(engine, "cedar", **wish)
    assert (none.hits, none.corrected, none.relaxed, none.total) == ((), {}, (), 0)


def test_what_is_shut_is_no_match(town: tuple[Searcher, Twin]) -> None:
    engine, _ = town
    assert 0 < len(criteria(engine, "cedar", open="now").hits) < len(criteria(engine, "cedar").hits)


@pytest.mark.parametrize("shape", ["bbox", "polygon", "radius"])
def test_what_lies_outside_the_area_is_left_out(town: tuple[Searcher, Twin], shape: str) -> None:
    engine, twin = town
    shop = next(s for s in twin.shops if "garden" in s.words and "cedar" not in s.words)
    off = 1e-6
    west, south, east, north = shop.lng - off, shop.lat - off, shop.lng + off, shop.lat + off
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    areas: dict[str, dict[str, Any]] = {
        "bbox": {"bbox": (west, south, east, north)},
        "polygon": {"polygon": {"type": "Polygon", "coordinates": [corners]}},
        "radius": {"lat": shop.lat, "lng": shop.lng, "radius": 1.0},
    }
    answer = criteria(engine, "cedar garden", **areas[shape])
    assert [hit.merchant["merchant_id"] for hit in answer.hits] == [shop.merchant_id]
    assert answer.relaxed == ("cedar",)


def test_what_was_meant_is_asked_for_as_the_whole_question(
    town: tuple[Searcher, Twin], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results are the answer; only where there are none is text and place asked alone."""
    engine, _ = town
    (view,) = engine._views
    rank, walked = view._rank, []

    def counted(*asked: Any) -> int:
        walked.append(rank(*asked))
        return walked[-1]

    monkeypatch.setattr(view, "_rank", counted)
    found = criteria(engine, "gardn")
    assert found.corrected == {"gardn": ("garden",)}
    assert walked == [found.total]
    none = criteria(engine, "gardn", min_rating=5.0)
    assert (none.corrected, none.relaxed, none.total) == ({"gardn": ("garden",)}, (), 0)
    assert walked[1:] == [0, 1]
    nowhere = criteria(engine, "zzzzz", explain=True)
    assert nowhere.explain is not None
    assert set(nowhere.explain["work"].values()) == {0}
    assert len(walked) == 3


def test_exact_before_close_and_name_before_address(town: tuple[Searcher, Twin]) -> None:
    engine, _ = town
    hits = criteria(engine, "garden", sort="relevance").hits
    assert "garden" in hits[0].merchant["name"].split()
    names = [hit.merchant["name"].split() for hit in hits]
    held = ["garden" in name for name in names]
    assert held == sorted(held, reverse=True), "a tag or an address before a name"
    lengths = [len(name) for name, in_name in zip(names, held, strict=True) if in_name]
    assert lengths[0] == min(lengths)


@pytest.mark.parametrize("q", ["!!!", "🍲🍲", "؟", "​", "'; DROP TABLE--", "%_%"])
def test_odd_text_is_answered(town: tuple[Searcher, Twin], q: str) -> None:
    engine, _ = town
    answer = criteria(engine, q)
    assert answer.hits == ()
    assert answer.total == 0
    assert answer.next_cursor is None


def test_relevance_needs_a_text() -> None:
    with pytest.raises(ValueError, match=r"Expected `q` with sort=relevance, got none - at `\$.q`"):
        Query(lat=1.0, lng=2.0, sort="relevance")


def test_pages_of_a_corrected_text_go_on(town: tuple[Searcher, Twin]) -> None:
    engine, _ = town
    whole = criteria(engine, "gardn", limit=60)
    assert whole.corrected == {"gardn": ("garden",)}
    first = criteria(engine, "gardn", limit=7)
    ids = [hit.merchant["merchant_id"] for hit in first.hits]
    cursor = first.next_cursor
    while cursor is not None:
        page = criteria(engine, "gardn", limit=7, cursor=cursor)
        ids += [hit.merchant["merchant_id"] for hit in page.hits]
        cursor = page.next_cursor
    assert ids[:60] == [hit.merchant["merchant_id"] for hit in whole.hits]
    assert len(ids) == whole.total


def test_explain_says_what_was_searched(town: tuple[Searcher, Twin]) -> None:
    engine, _ = town
    answer = criteria(engine, "gardn cedar", explain=True)
    assert answer.explain is not None
    assert answer.explain["work"]["docs"] > 0
    words = answer.explain["words"]
    assert [word["typed"] for word in words] == ["gardn", "cedar"]
    assert words[0]["readings"][0]["docs"] > 0
    assert words[0]["share"] + words[1]["share"] == pytest.approx(1.0)
    (segment,) = answer.explain["plan"]
    assert segment["word_docs"] == sorted(segment["word_docs"])
