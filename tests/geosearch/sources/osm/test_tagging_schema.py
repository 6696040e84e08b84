"""Tables of names, made from a small schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from geosearch.sources.osm.tagging_schema import LANGUAGES, fold, main, tidy

PRESETS: dict[str, dict[str, Any]] = {
    "amenity/restaurant": {"tags": {"amenity": "restaurant"}},
    "amenity/restaurant/thai": {"tags": {"amenity": "restaurant", "cuisine": "thai"}},
    "amenity/bar": {"tags": {"amenity": "bar"}},
    "healthcare": {"tags": {"healthcare": "*"}},
    "tourism/hostel": {"tags": {"tourism": "hostel"}},
    "shop/tea": {"tags": {"shop": "tea"}},
    "shop/tea/x": {"tags": {"shop": "tea", "operator": "x"}},
    "shop/vacant": {"tags": {"shop": "vacant"}},
    "shop/two": {"tags": {"shop": "books", "amenity": "cafe"}},
    "highway/stop": {"tags": {"highway": "stop"}},
    "shop/untold": {"tags": {"shop": "untold"}},
}
TEXTS: dict[str, dict[str, str]] = {
    "amenity/restaurant": {"name": "Restaurant", "terms": "bar,eat"},
    "amenity/restaurant/thai": {"name": "Thai\tRestaurant", "terms": "bar, pad  thai，eat；,"},
    "amenity/bar": {"name": "Bar", "aliases": "Pub\nTap", "terms": "bar,beer"},
    "healthcare": {"name": "Health (any)", "terms": "doctor"},
    "tourism/hostel": {"name": "Hostel"},
    "shop/tea": {"name": "Tea (shop)", "terms": "Téa,oolong."},
    "shop/two": {"name": "Two"},
}


def test_tables(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "translations").mkdir(parents=True)
    (dist / "presets.json").write_text(json.dumps(PRESETS), "utf-8")
    cuisines = {"options": {"thai": "Thai", "tea": {"title": "Tea", "description": "x"}}}
    text = {"presets": {"presets": TEXTS, "fields": {"cuisine": cuisines}}}
    for language in LANGUAGES:
        file = dist / "translations" / f"{language}.json"
        file.write_text(json.dumps({language: text}), "utf-8")
    main(tmp_path, tmp_path)
    assert len(list(tmp_path.glob("*.tsv"))) == len(LANGUAGES)
    assert (tmp_path / "zh.tsv").read_text("utf-8").splitlines() == [
        "cuisine.tea\tTea",
        "cuisine.thai\tThai",
        "food.bar\tBar\tPub\tTap\tbeer",
        "food.restaurant\tRestaurant",
        "food.restaurant.thai\tThai Restaurant\tpad thai",
        "health\tHealth",
        "hotel.hostel\tHostel",
        "shop.tea\tTea\toolong",
    ]


@pytest.mark.parametrize(
    ("holders", "kept"),
    [
        (["shop.a", "shop.b", "shop.c"], True),
        (["shop.a", "shop.b", "shop.c", "shop.d"], False),
        (["food.cafe.a", "food.cafe.b", "food.cafe.c"], True),
        (["food.cafe.a", "food.cafe.b", "food.cafe.c", "food.cafe.d"], False),
        (["food.cafe.a", "food.cafe"], False),
        (["food.cafe", "food.cafe.a", "food.cafe.b", "food.cafe.c", "food.cafe.d"], True),
        (["shop"], False),
    ],
)
def test_terms_that_many_share_are_left_out(holders: list[str], kept: bool) -> None:
    words = {path: [path, "?term"] for path in holders}
    assert ("term" in tidy(words)[holders[0]]) is kept


@pytest.mark.parametrize(
    ("one", "other"), [("Café", "cafe"), ("BÄCKEREI", "backerei"), ("Đồ", "do"), ("ＡＴＭ", "atm")]
)
def test_spellings_of_one_word(one: str, other: str) -> None:
    assert fold(one) == fold(other)
