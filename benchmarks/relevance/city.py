"""A city of real brands among other shops, written as a snapshot.

Corpus model: every brand of the name-suggestion-index has two to six branches within 15 km of the
centre of a made-up Shanghai. Between them stand the shops of `sources.synth` (made-up names that
end in real nouns, a sixth of them chains) and the places that OpenStreetMap names in Hangzhou,
moved to Shanghai, without those that have a brand's name. All categories are presets of the iD
tagging schema.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import cos, hypot, radians
from pathlib import Path

import orjson

from benchmarks.relevance.brands import Business, brands, distinct, same_name
from benchmarks.relevance.sources import Row, brand_rows, place_rows, presets
from benchmarks.relevance.spelling import SpellingTexts, has_chinese, plain
from benchmarks.relevance.taxonomy import (
    category_id,
    category_rows,
    preset_of,
    preset_of_shop,
    with_ancestors,
    words,
    words_of_categories,
)
from geosearch.sources.synth.world import synthesise

SEED = 20_261_122
SHOPS = 6_000
PLACES = 3_000
BRANCHES = (2, 6)
RADIUS_M = 15_000.0
MOST_MEANT = 3
"""Most categories of a useful search term of the schema."""

_CENTRE = (31.23, 121.47)
_HANGZHOU = (30.26, 120.17)
_METRES_PER_DEGREE = 111_195.0
# Bicycle stands are a third of the places, and their names are numbers.
_NO_PLACE = {"bicycle_rental", "parking_space", "parking_entrance"}


@dataclass(frozen=True)
class City:
    """Businesses of the city: brands first, then the others.

    Attributes
    ----------
    brands
        How many of `businesses` are brands.
    shops
        Number of the business of each shop, by merchant id.
    categories
        Rows of the `categories` table.
    spots
        Latitude and longitude of shops within `RADIUS_M` of the centre, where people ask.
    """

    businesses: tuple[Business, ...]
    brands: int
    shops: Mapping[str, int]
    categories: tuple[Row, ...]
    spots: tuple[tuple[float, float], ...]

    @cached_property
    def by_name(self) -> Mapping[str, list[int]]:
        """Businesses by the `plain` form of their names."""
        return same_name(self.businesses)

    @cached_property
    def shops_of_company(self) -> Mapping[str, list[str]]:
        """Merchant ids by company."""
        found: dict[str, list[str]] = {}
        for shop, number in self.shops.items():
            found.setdefault(self.businesses[number].company, []).append(shop)
        return found

    @cached_property
    def shops_of_category(self) -> Mapping[str, frozenset[str]]:
        """Merchant ids by category, with those of its subcategories."""
        found: dict[str, set[str]] = {}
        for shop, number in self.shops.items():
            for above in with_ancestors(category_id(self.businesses[number].path)):
                found.setdefault(above, set()).add(shop)
        return {category: frozenset(shops) for category, shops in found.items()}

    def shops_named(self, numbers: list[int]) -> frozenset[str]:
        """Shops of these businesses and of others of the same company."""
        companies = {self.businesses[number].company for number in numbers}
        return frozenset(shop for name in companies for shop in self.shops_of_company[name])

    def spot(self, rng: random.Random) -> tuple[float, float]:
        """A place to ask at: near a shop."""
        lat, lng = rng.choice(self.spots)
        return lat + rng.gauss(0.0, 0.003), lng + rng.gauss(0.0, 0.003)

    def category_words(self) -> Mapping[str, list[str]]:
        """Words by which people ask for a category, and the categories that each one means.

        A word means every category with the word in a name or alias: `pizza` also means "Pizza
        Restaurant". Some search terms of the schema are no such words: single characters, terms of
        more than `MOST_MEANT` categories (`dinner`), and terms that are in the names of more brands
        outside these categories than inside (`中国`, `club`).
        """
        texts = {row["category_id"]: SpellingTexts(words(row)) for row in self.categories}
        names = {plain(name) for row in self.categories for name in row["names"].values()}
        return {
            word: [category for category, own in texts.items() if own.hold(word)]
            for word, bearers in words_of_categories(self.categories).items()
            if len(word) > 1 and (plain(word) in names or self._tells_apart(word, bearers))
        }

    def _tells_apart(self, word: str, bearers: list[str]) -> bool:
        if len(bearers) > MOST_MEANT:
            return False
        inside = [
            not above.isdisjoint(bearers) for above, texts in self._brands if texts.hold(word)
        ]
        return 2 * sum(inside) >= len(inside)

    @cached_property
    def _brands(self) -> list[tuple[frozenset[str], SpellingTexts]]:
        """Categories and names of each brand."""
        return [
            (frozenset(with_ancestors(category_id(brand.path))), SpellingTexts(brand.texts))
            for brand in self.businesses[: self.brands]
        ]


def write_city(
    folder: Path,
    *,
    seed: int = SEED,
    most_brands: int | None = None,
    shops: int = SHOPS,
    places: int = PLACES,
) -> City:
    """Write the snapshot of the city to a folder and return its businesses.

    Parameters
    ----------
    seed
        The same arguments give the same snapshot.
    most_brands
        How many brands, drawn at random; by default all.
    shops, places
        Number of shops of `sources.synth`, and largest number of places of Hangzhou.
    """
    rng = random.Random(seed)
    synthesise(folder, merchants=shops, seed=seed)
    file = folder / "merchants.ndjson"
    made = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    ground = [row for row in made if _from_centre(row["lat"], row["lng"]) < RADIUS_M]
    chosen = _brands(rng, most_brands)
    branches = (_branches(rng, number, brand, ground) for number, brand in enumerate(chosen))
    everyone: list[tuple[Business, list[Row]]] = [
        *zip(chosen, branches, strict=True),
        *_made_shops(made),
        *_real_places(rng, chosen, ground, places),
    ]
    merchants = [row for _, rows in everyone for row in rows]
    rng.shuffle(merchants)
    categories = category_rows({business.path for business, _ in everyone})
    _write_lines(file, merchants)
    _write_lines(folder / "categories.ndjson", categories)
    return City(
        businesses=tuple(business for business, _ in everyone),
        brands=len(chosen),
        shops={
            row["merchant_id"]: number for number, (_, rows) in enumerate(everyone) for row in rows
        },
        categories=tuple(categories),
        spots=tuple((row["lat"], row["lng"]) for row in ground),
    )


def _write_lines(file: Path, rows: list[Row]) -> None:
    file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _brands(rng: random.Random, most: int | None) -> list[Business]:
    paths = (preset_of(row["category"], row["tags"]) for row in brand_rows())
    found = brands(paths)
    return found if most is None else rng.sample(found, most)


def _branches(rng: random.Random, number: int, brand: Business, ground: list[Row]) -> list[Row]:
    """Branches of a brand, each near a made-up shop and in its quarter."""
    return [
        _stand(rng, beside)
        | {
            "merchant_id": f"b{number:05d}-{branch}",
            "name": brand.sign,
            "brand": brand.sign,
            "branch_name": f"{beside.get('business_area') or beside['district']}店",
            "aliases": [text for text in brand.texts if text != brand.sign],
            "categories": [category_id(brand.path)],
        }
        for branch, beside in enumerate(rng.sample(ground, rng.randint(*BRANCHES)))
    ]


def _made_shops(made: list[Row]) -> Iterator[tuple[Business, list[Row]]]:
    for row in made:
        path = preset_of_shop(row["name"], row["categories"][0])
        chain: str | None = row.get("brand")
        texts = distinct((row["name"], chain or "", *row.get("aliases", [])))
        business = Business(chain or row["merchant_id"], row["name"], (row["name"],), texts, path)
        yield business, [row | {"categories": [category_id(path)]}]


def _real_places(
    rng: random.Random, chosen: list[Business], ground: list[Row], most: int
) -> list[tuple[Business, list[Row]]]:
    """Named places of Hangzhou that are no branch of a brand, at most `most`."""
    signs = [form for form in same_name(chosen) if len(form) >= (2 if has_chinese(form) else 4)]
    rows = [row for row in place_rows() if _is_wanted(row)]
    rng.shuffle(rows)
    found: list[tuple[Business, list[Row]]] = []
    for row in rows:
        name = row["tags"]["name"]
        form = plain(name)
        if len(found) < most and not any(sign in form for sign in signs):
            found.append(_place(rng, row, len(found), rng.choice(ground)))
    return found


def _is_wanted(row: Row) -> bool:
    tags = row["tags"]
    path = f"amenity/{tags['amenity']}"
    north, east = row["lat"] - _HANGZHOU[0], row["lon"] - _HANGZHOU[1]
    near = hypot(north, east * cos(radians(row["lat"]))) * _METRES_PER_DEGREE < RADIUS_M
    known = path in presets() and tags["amenity"] not in _NO_PLACE
    return near and known and "name" in tags and "brand" not in tags


def _place(rng: random.Random, row: Row, number: int, beside: Row) -> tuple[Business, list[Row]]:
    tags = row["tags"]
    name = tags["name"]
    path = preset_of(f"amenity/{tags['amenity']}", tags)
    aliases = distinct(tags.get(key, "") for key in ("name:zh", "name:en"))
    merchant = _stand(rng, beside) | {
        "merchant_id": f"p{number:05d}",
        "name": name,
        "lat": row["lat"] - _HANGZHOU[0] + _CENTRE[0],
        "lng": row["lon"] - _HANGZHOU[1] + _CENTRE[1],
        "aliases": [alias for alias in aliases if alias != name],
        "categories": [category_id(path)],
    }
    return Business(merchant["merchant_id"], name, (name,), aliases, path), [merchant]


def _stand(rng: random.Random, beside: Row) -> Row:
    """Position and address some way from a shop."""
    kept = ("address", "city", "district", "business_area")
    return {key: beside[key] for key in kept if key in beside} | {
        "lat": round(beside["lat"] + rng.gauss(0.0, 0.002), 6),
        "lng": round(beside["lng"] + rng.gauss(0.0, 0.002), 6),
    }


def _from_centre(lat: float, lng: float) -> float:
    north, east = lat - _CENTRE[0], (lng - _CENTRE[1]) * cos(radians(lat))
    return hypot(north, east) * _METRES_PER_DEGREE
