"""Generator of the tables in `names/`: words of categories from iD's tagging schema.

Maintainers run it for a new version of the schema: get it by `npm pack
@openstreetmap/id-tagging-schema`, unpack it, run `python -m geosearch.sources.osm.tagging_schema
FOLDER`. An import reads the tables with `sources.osm.category_names`.

The schema's terms help map editors to find a preset: "lunch" finds restaurants of every cuisine,
"bar" finds some. A search for shops must be more precise. So the tables have no terms of parent
categories, and leave out three kinds of terms:

- a term that more than `MOST_HOLDERS` categories share: it says little about each;
- a term that is the name of another category: it belongs to that one;
- a term of one cuisine's restaurants that any other kind of place has: it belongs to that kind.

Source: https://github.com/openstreetmap/id-tagging-schema, ISC licence, kept in `names/LICENSE`.
"""

import json
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geosearch.sources.osm.tags import KEYS, ROOTS, categories

NAMES = Path(__file__).with_name("names")

LANGUAGES = (
    "cs da de el en es fi fr hu id it ja ko nl pl pt ru sv th tr uk vi zh-CN zh-HK zh-TW".split()
)
"""Languages in which most categories have a name, by the codes of the schema."""

MOST_HOLDERS = 3
MOST_TERMS = 12

ABOVE = frozenset({*ROOTS.values(), "food.restaurant"})
"""Parent categories: their terms would find every shop below them."""

Words = dict[str, list[str]]


def main(package: Path, out: Path = NAMES) -> None:
    """Write one table for each language to `out`, from the unpacked package."""
    presets = json.loads((package / "dist" / "presets.json").read_text("utf-8"))
    paths = dict(_paths(presets))
    for language in LANGUAGES:
        file = package / "dist" / "translations" / f"{language}.json"
        text = json.loads(file.read_text("utf-8"))[language]["presets"]
        words = tidy(dict(_words(text, paths)))
        lines = ["\t".join([path, *words[path]]) for path in sorted(words)]
        target = out / f"{'zh' if language == 'zh-CN' else language}.tsv"
        target.write_text("\n".join(lines) + "\n", "utf-8")


def _paths(presets: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield presets and the categories that the importer gives to their tags."""
    for preset, about in presets.items():
        tags = about["tags"]
        keys = [key for key in KEYS if key in tags]
        if len(keys) != 1 or not tags.keys() <= {*KEYS, "cuisine"}:
            continue
        (key,) = keys
        if tags[key] == "*":
            if key in ROOTS:
                yield preset, ROOTS[key]
            continue
        found = categories(tags)
        if found and "*" not in found[0]:
            yield preset, found[0]


def _words(text: dict[str, Any], paths: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield categories with their name, other names and, last, terms; cuisines are `cuisine.…`."""
    found: dict[str, list[str]] = defaultdict(list)
    for preset, path in paths.items():
        about = text["presets"].get(preset, {})
        if about.get("name"):
            names = [about["name"], *about.get("aliases", "").split("\n")]
            found[path] += [*map(_plain, names), *(f"?{t}" for t in _split(about.get("terms", "")))]
    options = text["fields"].get("cuisine", {}).get("options", {})
    for cuisine, name in options.items():
        found[f"cuisine.{cuisine}"].append(_plain(name if isinstance(name, str) else name["title"]))
    yield from found.items()


def _plain(name: str) -> str:
    """Return a name without its parts in brackets."""
    return " ".join(re.sub(r"\s*[(（].*?[)）]", "", name).split()) or name


def _split(terms: str) -> list[str]:
    return [" ".join(term.split()).strip(" .") for term in re.split("[,，、;；\n]", terms)]


def fold(text: str) -> str:
    """Return a word in lower case without accents, to compare spellings.

    Examples
    --------
    >>> fold("Café") == fold("cafe"), fold("Tiệm Bánh đ")
    (True, 'tiem banh d')
    """
    plain = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def tidy(words: Words) -> Words:
    """Return the names and the distinctive terms of each category.

    In the argument, terms begin with `?`.

    Examples
    --------
    >>> cuisines = {f"food.restaurant.{c}": [f"{c} place", "?bar", "?lunch"] for c in "abcd"}
    >>> kinds = {"food.bar": ["Bar", "?pub"], "food.pub": ["Pub", "?bar", "?inn", "?pub"]}
    >>> tidy(cuisines | kinds)["food.pub"], tidy(cuisines | kinds)["food.restaurant.a"]
    (['Pub', 'inn'], ['a place'])
    """
    named: dict[str, set[str]] = defaultdict(set)
    holders: dict[str, set[str]] = defaultdict(set)
    for path, all_ in words.items():
        for word in all_:
            (holders if _is_term(word) else named)[fold(word.lstrip("?"))].add(path)
    kept: Words = {}
    for path, all_ in words.items():
        names = [word for word in all_ if not _is_term(word)]
        terms = [word[1:] for word in all_ if _is_term(word) and path not in ABOVE]
        apart = [t for t in terms if _tells_apart(path, named[fold(t)], holders[fold(t)])]
        kept[path] = _once([*names, *apart[:MOST_TERMS]])
    return {path: found for path, found in kept.items() if found}


def _is_term(word: str) -> bool:
    return word.startswith("?")


def _tells_apart(path: str, named: set[str], holders: set[str]) -> bool:
    """Return whether a term is distinctive, given the categories with this name and this term."""
    if _is_cuisine(path):
        kinds = {other for other in named | holders if not _is_cuisine(other)}
        return not kinds and not named - {path} and len(holders) <= MOST_HOLDERS
    others = {other for other in named - {path} if not _is_cuisine(other)}
    return not others and sum(not _is_cuisine(other) for other in holders) <= MOST_HOLDERS


def _is_cuisine(path: str) -> bool:
    return path.count(".") >= 2 or path.startswith("cuisine.")


def _once(words: list[str]) -> list[str]:
    found: dict[str, str] = {}
    for word in words:
        if word.strip():
            found.setdefault(fold(word), word)
    return list(found.values())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
