"""Suggestions equal those of a scan: which names, how many shops, which order, over segments."""

import math
import shutil
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from geosearch.indexing.pipeline import SEGMENT, build
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from geosearch.suggest.suggester import SuggestQuery
from tests.geosearch.snapshot_files import Row, merchant, write_snapshot
from tests.oracles import haversine_m

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
# Each with its only reading, so that the oracle needs no dictionary.
SOUNDS = {"海": "hai", "底": "di", "捞": "lao", "火": "huo", "锅": "guo", "鱼": "yu", "山": "shan"}
WORDS = ("Moon", "Hot", "Hill", "Yu")
CATEGORIES: list[Row] = [
    {"category_id": "food", "names": {"zh": "海鱼", "en": "Food"}, "aliases": {"zh": ["火"]}},
    {"category_id": "food.hot", "names": {"en": "Hot pot", "zh": "火锅"}, "aliases": {}},
]
AREAS = ("山海", "Hill Side")


class Spelled(NamedTuple):
    """A beginning of a key, and what it is worth."""

    text: str
    worth: float


def drawn_name(random: Random) -> str:
    chars = "".join(random.choices(list(SOUNDS), k=random.randint(1, 3)))
    words = " ".join(random.choices(WORDS, k=random.randint(1, 2)))
    return random.choice((chars, chars, words, f"{chars} {words}"))


def keys_of(name: str, *, alias: bool = False) -> list[Spelled]:
    """Every key of a name: from its first character, and from each later word."""
    words = name.split(" ")
    keys = []
    for at in range(len(words)):
        place = -3.0 if alias else -2.0 if at else 0.0
        keys.append(Spelled("".join(words[at:]).lower(), place))
    if words[0][0] in SOUNDS:
        start = -3.0 if alias else 0.0
        keys.append(Spelled("".join(SOUNDS[char] for char in words[0]), start - 0.25))
        keys.append(Spelled("".join(SOUNDS[char][0] for char in words[0]), start - 2.0))
    return keys


class World(NamedTuple):
    rows: list[Row]
    entries: dict[tuple[str, str], tuple[str, list[Spelled], list[int]]]
    """(kind, id): text, keys, rows."""


def drawn_world(random: Random, count: int) -> World:
    names = [drawn_name(random) for _ in range(count // 3)]
    rows: list[Row] = []
    for number in range(count):
        row = merchant(
            number,
            name=random.choice(names),
            lat=31.23 + random.uniform(-0.12, 0.12),
            lng=121.47 + random.uniform(-0.12, 0.12),
            rating_count=random.choice((0, 9, 700)),
        )
        if random.random() < 0.3:
            row["brand"] = random.choice(names)
        if random.random() < 0.6:
            row["business_area"] = random.choice(AREAS)
        if random.random() < 0.6:
            row["categories"] = [random.choice(("food", "food.hot"))]
        rows.append(row)
    return World(rows, entries_of(rows))


def entries_of(rows: list[Row]) -> dict[tuple[str, str], tuple[str, list[Spelled], list[int]]]:
    found: dict[tuple[str, str], tuple[str, list[Spelled], list[int]]] = {}
    # What is typed alike is one entry, a brand if one of them is.
    brands = {key_text(row["brand"]): row["brand"] for row in rows if "brand" in row}

    def add(kind: str, name: str, number: int) -> None:
        entry = found.setdefault((kind, key_text(name)), (name, keys_of(name), []))
        if number not in entry[2]:
            entry[2].append(number)

    for number, row in enumerate(rows):
        if "brand" in row:
            add("brand", row["brand"], number)
        add("brand" if key_text(row["name"]) in brands else "merchant", row["name"], number)
        if "business_area" in row:
            add("area", row["business_area"], number)
    for category in CATEGORIES:
        path = category["category_id"]
        held = [
            number
            for number, row in enumerate(rows)
            if any(f"{own}.".startswith(f"{path}.") for own in row.get("categories", []))
        ]
        zh, en = category["names"]["zh"], category["names"]["en"]
        keys = [*keys_of(zh), *keys_of(en)]
        for alias in category["aliases"].get("zh", []):
            keys += keys_of(alias, alias=True)
        found["category", path] = (path, keys, held)
    return found


def key_text(name: str) -> str:
    return name.replace(" ", "").lower()


WEIGHT = {"merchant": 1.0, "brand": 1.0, "category": 0.75, "area": 0.5}


def slow_suggest(
    world: World, typed: str, lat: float, lng: float, radius: float
) -> dict[tuple[str, str], tuple[int, float]]:
    """Shops near and score of every entry that begins with what was typed and has one."""
    found = {}
    for (kind, name), (_, keys, held) in world.entries.items():
        worths = [
            key.worth + (2.0 if key.text == typed else 0.0)
            for key in keys
            if key.text.startswith(typed)
        ]
        distances = [
            haversine_m(lat, lng, world.rows[number]["lat"], world.rows[number]["lng"])
            for number in held
        ]
        near = [distance for distance in distances if distance <= radius]
        if not worths or not near:
            continue
        popularity = sum(world.rows[number]["rating_count"] for number in held)
        score = (
            max(worths)
            + WEIGHT[kind] * math.log2(1 + len(near))
            + 0.25 * math.log2(1 + popularity)
            - math.log2(1 + min(near) / 1_000)
        )
        found[kind, name] = (len(near), score)
    return found


def searcher(folder: Path, parts: list[list[Row]]) -> Searcher:
    """An engine over one segment a part."""
    versions = []
    for number, rows in enumerate(parts):
        source = folder / f"snapshot-{number}"
        write_snapshot(source, {"merchants": list(rows), "deals": [], "categories": CATEGORIES})
        build(source, folder / f"index-{number}", now=NOW)
        versions.append(current(folder / f"index-{number}"))
    for number, version in enumerate(versions[1:], start=1):
        shutil.copytree(version / SEGMENT, versions[0] / f"segment-{number:04d}")
    return Searcher(versions[0])


@pytest.fixture(
    scope="module",
    params=[(1, 1), (2, 1), (3, 3)],
    ids=lambda given: f"{given[1]} segments, seed {given[0]}",
)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, Searcher]:
    seed, segments = request.param
    world = drawn_world(Random(seed), 240)
    parts = [world.rows[number::segments] for number in range(segments)]
    return world, searcher(tmp_path_factory.mktemp("suggest"), parts)


def typed_texts(world: World) -> list[str]:
    texts = {
        key.text[:size]
        for _, keys, _ in world.entries.values()
        for key in keys
        for size in range(1, len(key.text) + 1)
    }
    # Not what the oracle knows nothing of: ü typed as u, and mixtures of characters and sounds.
    return sorted(
        text
        for text in texts
        if "lu" not in text and "nu" not in text and (text.isascii() or SOUNDS.keys() >= set(text))
    )


def test_suggestions_equal_a_scan(case: tuple[World, Searcher]) -> None:
    world, engine = case
    random = Random(5)
    texts = typed_texts(world)
    compared = 0
    short = [text for text in texts if len(text) <= 2]
    for typed in [*short, *random.sample(texts, 100)] * 3:
        lat, lng = 31.23 + random.uniform(-0.1, 0.1), 121.47 + random.uniform(-0.1, 0.1)
        radius = random.choice((800.0, 3_000.0, 10_000.0, 50_000.0))
        slow = slow_suggest(world, typed, lat, lng, radius)
        query = SuggestQuery(q=typed, lat=lat, lng=lng, radius=radius, limit=20)
        found = engine.suggest(query).suggestions
        if not slow:
            continue  # What nearly begins so is tabled in `test_suggest`.
        names = [
            (one.kind, one.id if one.kind == "category" else key_text(one.text)) for one in found
        ]
        assert len(set(names)) == len(names) == min(20, len(slow))
        scores = [slow[name][1] for name in names]
        assert all(later - earlier < 1e-9 for earlier, later in pairwise(scores))
        left = [score for name, (_, score) in slow.items() if name not in names]
        assert not left or max(left) <= scores[-1] + 1e-9
        assert [one.count for one in found] == [slow[name][0] for name in names]
        compared += len(found)
    assert compared > 800


def test_the_nearest_shop_is_named(case: tuple[World, Searcher]) -> None:
    world, engine = case
    position = {row["merchant_id"]: (row["lat"], row["lng"]) for row in world.rows}
    named = 0
    for typed in ("海", "h", "y", "火", "moon", "hot"):
        query = SuggestQuery(q=typed, lat=31.23, lng=121.47, limit=20)
        for one in engine.suggest(query).suggestions:
            assert (one.merchant_id is None) == (one.kind in ("category", "area"))
            if one.merchant_id is not None:
                apart = haversine_m(31.23, 121.47, *position[one.merchant_id])
                assert one.distance_m == pytest.approx(apart, abs=1)
                named += 1
    assert named > 20


def test_a_mixture_of_characters_and_sounds(case: tuple[World, Searcher]) -> None:
    _, engine = case
    here: dict[str, Any] = {"lat": 31.23, "lng": 121.47, "limit": 20, "radius": 50_000.0}
    compared = 0
    for char, sound in SOUNDS.items():
        for other, other_sound in SOUNDS.items():
            written = [
                one
                for one in engine.suggest(SuggestQuery(q=char + other, **here)).suggestions
                if one.highlight or one.other  # else it only sounds so
            ]
            mixtures = (char + other_sound, sound + other, char + other_sound[:1])
            for mixture in mixtures:
                found = engine.suggest(SuggestQuery(q=mixture, **here)).suggestions
                mixed = {(one.kind, one.id) for one in found}
                if len(found) < here["limit"]:
                    assert {(one.kind, one.id) for one in written} <= mixed
                assert all(
                    one.text.startswith(char) or one.other for one in found if mixture[0] == char
                )
                compared += len(written)
    assert compared > 50
