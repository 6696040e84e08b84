"""Categories of the city: presets of the iD tagging schema, their names and synonyms by language.

The only synonyms are the search terms of the schema.

A term that is the name of another category belongs to that category only: the schema gives "cafe"
to every restaurant, but people who type it want a café.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from benchmarks.relevance.brands import distinct
from benchmarks.relevance.sources import LANGUAGES, Row, preset_words, presets
from benchmarks.relevance.spelling import plain

# Kinds of `sources.synth` and the preset that a mapper would choose.
_KINDS = """
food.restaurant amenity/restaurant/chinese
food.restaurant.sichuan amenity/restaurant/chinese
food.restaurant.hunan amenity/restaurant/chinese
food.restaurant.cantonese amenity/restaurant/chinese
food.restaurant.shanghainese amenity/restaurant/chinese
food.restaurant.jiangzhe amenity/restaurant/chinese
food.restaurant.northeast amenity/restaurant/chinese
food.restaurant.xinjiang amenity/restaurant/chinese
food.restaurant.yunnan amenity/restaurant/chinese
food.restaurant.hotpot amenity/restaurant/hotpot
food.restaurant.skewers amenity/restaurant/hotpot
food.restaurant.barbecue amenity/restaurant/barbecue
food.restaurant.seafood amenity/restaurant/seafood
food.restaurant.noodles amenity/restaurant/noodle
food.restaurant.dumplings amenity/restaurant/chinese
food.restaurant.malatang amenity/fast_food/chinese
food.restaurant.japanese amenity/restaurant/japanese
food.restaurant.sushi amenity/restaurant/sushi
food.restaurant.korean amenity/restaurant/korean
food.restaurant.thai amenity/restaurant/thai
food.restaurant.western amenity/restaurant
food.restaurant.pizza amenity/restaurant/pizza
food.restaurant.steak amenity/restaurant/steakhouse
food.restaurant.buffet amenity/restaurant
food.restaurant.vegetarian amenity/restaurant
food.restaurant.indian amenity/restaurant/indian
food.fast_food amenity/fast_food
food.fast_food.burger amenity/fast_food/burger
food.snack amenity/fast_food/chinese
food.breakfast amenity/fast_food/chinese
food.cafe amenity/cafe/coffee_shop
food.tea_drinks amenity/cafe/bubble_tea
food.bakery shop/bakery
food.dessert shop/pastry
food.ice_cream amenity/ice_cream
food.bar amenity/bar
food.teahouse amenity/cafe/teahouse
shop.convenience shop/convenience
shop.supermarket shop/supermarket
shop.fruit shop/greengrocer
shop.clothes shop/clothes
shop.shoes shop/shoes
shop.jewelry shop/jewelry
shop.cosmetics shop/cosmetics
shop.books shop/books
shop.stationery shop/stationery
shop.electronics shop/electronics
shop.toys shop/toys
shop.flowers shop/florist
shop.optician shop/optician
shop.pharmacy amenity/pharmacy
shop.furniture shop/furniture
shop.hardware shop/hardware
shop.pet shop/pet
shop.sports shop/sports
shop.baby shop/baby_goods
beauty.hair shop/hairdresser
beauty.nail shop/beauty/nails
beauty.spa shop/beauty
beauty.massage shop/massage
leisure.ktv amenity/karaoke_box
leisure.cinema amenity/cinema
leisure.gym leisure/fitness_centre
leisure.yoga leisure/fitness_centre/yoga
leisure.games leisure/escape_game
leisure.billiards leisure/sports_centre
leisure.kids leisure/indoor_play
hotel.hotel tourism/hotel
hotel.guesthouse tourism/guest_house
service.laundry shop/laundry
service.car_wash amenity/car_wash
service.car_repair shop/car_repair
service.photo shop/photo
service.print shop/copyshop
health.dentist amenity/dentist
health.clinic amenity/clinic
education.tutoring amenity/prep_school
education.arts amenity/music_school
sight.museum tourism/museum
sight.park leisure/park
"""

KINDS: dict[str, str] = dict(line.split() for line in _KINDS.strip().splitlines())
"""Preset of a kind of `sources.synth`."""


# Nouns that end made-up names of a kind and say that the shop is something else.
_NOUNS = """
清吧 amenity/pub
精酿 amenity/pub
小酒馆 amenity/pub
拉面 amenity/restaurant/ramen
早茶 amenity/fast_food/chinese
烧腊 shop/deli
牛肉锅 amenity/restaurant/hotpot
自助烤肉 amenity/restaurant/barbecue
手机店 shop/mobile_phone
电器 shop/electrical
中医馆 shop/herbalist
"""
_NOUN_PRESETS: dict[str, str] = dict(line.split() for line in _NOUNS.strip().splitlines())


def preset_of_shop(name: str, kind: str) -> str:
    """Preset of a shop of `sources.synth`, by the end of its name, else by its kind."""
    said = (preset for noun, preset in _NOUN_PRESETS.items() if name.endswith(noun))
    return next(said, KINDS[kind])


def preset_of(path: str, tags: dict[str, str]) -> str:
    """The most specific preset under `path` that fits the tags; `path` if none does."""
    cuisines = tags.get("cuisine", "").split(";")
    found = (preset for cuisine in cuisines if (preset := _by_cuisine().get((path, cuisine))))
    return next(found, path)


@cache
def _by_cuisine() -> dict[tuple[str, str], str]:
    return {
        (path.rpartition("/")[0], preset["tags"]["cuisine"]): path
        for path, preset in presets().items()
        if "cuisine" in preset["tags"]
    }


def category_id(path: str) -> str:
    """The dotted path of a preset."""
    return path.replace("/", ".")


def with_ancestors(identifier: str) -> list[str]:
    """A dotted path and its ancestors, longest first."""
    parts = identifier.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def category_rows(paths: Iterable[str]) -> list[Row]:
    """Rows of the `categories` table for presets and their ancestors, sorted by id.

    A preset without a name in the schema has no row.
    """
    wanted = {above for path in paths for above in with_ancestors(category_id(path))}
    named = [_row(identifier) for identifier in sorted(wanted)]
    rows = [row for row in named if row["names"]]
    owners = {plain(name): row["category_id"] for row in rows for name in row["names"].values()}
    for row in rows:
        row["aliases"] = {
            language: kept
            for language, aliases in row["aliases"].items()
            if (kept := [word for word in aliases if _is_free(word, row, owners)])
        }
    return rows


def words(row: Row) -> tuple[str, ...]:
    """Every name and alias of a category."""
    aliases = (word for words in row["aliases"].values() for word in words)
    return distinct((*row["names"].values(), *aliases))


def words_of_categories(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Categories by each of their names and aliases, in the order of the rows."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for word in words(row):
            found.setdefault(word, []).append(row["category_id"])
    return found


def _is_free(word: str, row: Row, owners: dict[str, str]) -> bool:
    own: str = row["category_id"]
    return owners.get(plain(word), own) == own


def _row(identifier: str) -> Row:
    row: dict[str, Any] = {"category_id": identifier, "names": {}, "aliases": {}}
    for language in LANGUAGES:
        known = preset_words(language).get(identifier.replace(".", "/"), {})
        if "name" not in known:
            continue
        row["names"][language] = known["name"]
        others = [*known.get("aliases", "").split("\n"), *known.get("terms", "").split(",")]
        row["aliases"][language] = [word for word in distinct(others) if word != known["name"]]
    return row
