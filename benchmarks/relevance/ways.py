"""Ways of typing a query; each is a seeded generator of queries with their right answers.

A right answer to a brand's name, however badly typed, is

- a shop of the brand asked for, or of another brand that is the same company (a bank and its cash
  machines, a chain under its two names);
- a shop of any business with a name that, typed in the same way, would have been typed the same:
  the same letters for a name, the same sound for pinyin, the same initials for initials. Nobody
  can tell these apart. For a mistake the name without the mistake counts.

The suite skips a query whose text is the name of another business, because there it is no mistake.
A right answer to a category word (`City.category_words`) is a shop of any category with the word in
a name or alias, or of a subcategory.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from benchmarks.relevance.brands import distinct
from benchmarks.relevance.city import City
from benchmarks.relevance.spelling import (
    EDITS,
    has_chinese,
    initials,
    is_chinese,
    is_read_in_chinese,
    pinyin,
    plain,
    simplified,
    traditional,
    with_edit,
    with_homophone,
)

FEWEST_OF_CATEGORY = 10
SHORTEST_INITIALS = 3
SHORTEST_LATIN_PREFIX = 4
SHORTEST_CHINESE_PREFIX = 3

Form = Callable[[str], str]


class Case(NamedTuple):
    """One query: typed text, meant name or category word, place, and right merchant ids."""

    typed: str
    meant: str
    lat: float
    lng: float
    right: frozenset[str]


class Way(NamedTuple):
    """A way of typing, and its aims, as shares.

    For `measure = "search"` and `"suggest"` they are shares of queries with a right answer first,
    and among the first five. For `"category"` the aim is the share of right ones in the first ten.
    """

    name: str
    label: str
    measure: str
    aims: tuple[float, ...]
    cases: Callable[[City, random.Random], Iterator[Case]]


def name_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """The name as it is, Chinese or English."""
    for text in _names(city):
        yield _case(city, rng, text, text)


def alias_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """Another name or a short name that the data has."""
    names = {plain(text) for text in _names(city)}
    aliases = (alias for brand in city.businesses[: city.brands] for alias in brand.aliases)
    for text in _unlike(aliases):
        if plain(text) not in names:
            yield _case(city, rng, text, text)


def script_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """A Chinese name in the characters that the data does not have it in."""
    known = {text for brand in city.businesses[: city.brands] for text in brand.texts}
    for text in _chinese_names(city):
        for typed in distinct((simplified(text), traditional(text))):
            if typed not in known:
                yield _case(city, rng, typed, text)


def pinyin_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """The sound of a Chinese name, without spaces."""
    yield from _by_sound(city, rng, _spoken_names(city, 2), pinyin)


def initials_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """The first letters of the syllables of a name of three characters or more."""
    yield from _by_sound(city, rng, _spoken_names(city, SHORTEST_INITIALS), initials)


def homophone_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """A Chinese name with one character that only sounds right."""
    for text in _spoken_names(city, 2):
        typed = with_homophone(text, rng)
        if typed is not None and plain(typed) not in city.by_name:
            yield _case(city, rng, typed, text)


def edit_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """A Latin name with one slip of a finger, the kinds in turn."""
    turn = 0
    for text in _names(city):
        typed = None if has_chinese(text) else with_edit(text, EDITS[turn % len(EDITS)], rng)
        if typed is not None and plain(typed) not in city.by_name:
            turn += 1
            yield _case(city, rng, typed, text)


def category_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """The name or another word of a category that has ten shops or more."""
    for word, categories in city.category_words().items():
        shops = [city.shops_of_category.get(category, frozenset()) for category in categories]
        right = frozenset[str]().union(*shops)
        if len(right) >= FEWEST_OF_CATEGORY and plain(word) not in city.by_name:
            yield Case(word, ", ".join(categories), *city.spot(rng), right)


def prefix_cases(city: City, rng: random.Random) -> Iterator[Case]:
    """The first half of a name, rounded up."""
    for text in _names(city):
        shortest = SHORTEST_CHINESE_PREFIX if has_chinese(text) else SHORTEST_LATIN_PREFIX
        if len(text) >= shortest:
            yield _case(city, rng, text[: (len(text) + 1) // 2], text)


WAYS: tuple[Way, ...] = (
    Way("name", "the name, Chinese or English", "search", (0.99, 1.0), name_cases),
    Way("alias", "alias or short name in the data", "search", (0.95, 0.99), alias_cases),
    Way("script", "traditional for simplified, and back", "search", (0.99, 1.0), script_cases),
    Way("pinyin", "full pinyin without spaces", "search", (0.95, 0.99), pinyin_cases),
    Way("initials", "initials (3 characters or more)", "search", (0.80, 0.95), initials_cases),
    Way("homophone", "one same-sound character wrong", "search", (0.85, 0.95), homophone_cases),
    Way("edit", "one Latin edit, 5 letters or more", "search", (0.85, 0.95), edit_cases),
    Way("category", "category word or synonym", "category", (0.98,), category_cases),
    Way("prefix", "half the name in `suggest`", "suggest", (0.70, 0.90), prefix_cases),
)


def _case(city: City, rng: random.Random, typed: str, meant: str) -> Case:
    """A query whose right answers have the meant name."""
    return _case_of(city, rng, typed, meant, city.by_name[plain(meant)])


def _case_of(city: City, rng: random.Random, typed: str, meant: str, numbers: list[int]) -> Case:
    return Case(typed, meant, *city.spot(rng), city.shops_named(numbers))


def _by_sound(city: City, rng: random.Random, names: Iterable[str], form: Form) -> Iterator[Case]:
    """Each sound once; right answers have a name with that sound or spelling."""
    owners: dict[str, list[int]] = {}
    for number, business in enumerate(city.businesses):
        for sound in {form(text) for text in business.texts if is_chinese(text)}:
            owners.setdefault(sound, []).append(number)
    for sound, text in {form(text): text for text in names}.items():
        spelt = city.by_name.get(plain(sound), [])
        yield _case_of(city, rng, sound, text, [*owners[sound], *spelt])


def _names(city: City) -> tuple[str, ...]:
    """Names of all brands, each once."""
    return _unlike(text for brand in city.businesses[: city.brands] for text in brand.names)


def _chinese_names(city: City) -> list[str]:
    return [text for text in _names(city) if is_chinese(text)]


def _spoken_names(city: City, shortest: int) -> list[str]:
    """Chinese names of at least so many characters that have a Mandarin reading."""
    names = _chinese_names(city)
    return [text for text in names if len(text) >= shortest and is_read_in_chinese(text)]


def _unlike(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts with distinct `plain` forms that are not empty."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(plain(text), text)
    return tuple(text for form, text in found.items() if form)
