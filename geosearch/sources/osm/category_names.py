"""Names of categories in the languages of a country, for the table `categories` of an import.

With them people find a pharmacy by 药店 and a bakery by `Bäckerei`.

`names/` has one table for each language: a category, its name, other words. The tables come from
iD's tagging schema (ISC licence, `names/LICENSE`); `sources.osm.tagging_schema` writes them.
`own.tsv` has words written for this project: roots, Chinese cuisines, and common words that the
schema lacks. Its names take precedence.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from geosearch.segment.catalogue import prefixes

# Countries of each language: official languages by the CLDR, if `names/` has them.
_COUNTRIES = {
    "zh": "CN SG",
    "zh-TW": "TW",
    "zh-HK": "HK MO",
    "ja": "JP",
    "ko": "KR KP",
    "vi": "VN",
    "th": "TH",
    "id": "ID",
    "de": "DE AT CH LI LU BE",
    "fr": "FR BE CH LU MC CA HT SN CI ML BF NE TG BJ CM GA CG CD GN MG GP MQ GF RE YT NC PF PM WF",
    "es": "ES MX AR CO PE VE CL EC GT CU BO DO HN PY SV NI CR PA UY PR GQ",
    "it": "IT SM VA CH",
    "nl": "NL BE SR AW CW SX BQ",
    "pt": "PT BR AO MZ GW CV ST TL",
    "pl": "PL",
    "cs": "CZ",
    "ru": "RU BY KZ KG",
    "uk": "UA",
    "tr": "TR CY",
    "sv": "SE FI AX",
    "fi": "FI",
    "da": "DK GL FO",
    "hu": "HU",
    "el": "GR CY",
}
_ALWAYS = "en"

# Language that most people read, for countries with several languages or with English.
_MAIN_LANGUAGE = {"CA": "en", "SG": "en", "BE": "nl", "LU": "fr", "FI": "fi", "CY": "el"}

# Values of `cuisine` that the schema has under another name.
_CUISINES = {
    "noodles": "noodle",
    "hot_pot": "hotpot",
    "coffee": "coffee_shop",
    "italian_pizza": "pizza",
    "sandwiches": "sandwich",
    "salads": "salad",
    "hotdog": "hot_dog",
    "crepes": "crepe",
    "steak": "steak_house",
    "arabic": "arab",
    "bbq": "barbecue",
    "dumpling": "dumplings",
    "burgers": "burger",
    "szechuan": "sichuan",
    "halal": "muslim",
    "donuts": "donut",
    "waffles": "waffle",
}


def languages_of(countries: Iterable[str]) -> list[str]:
    """Return the languages of these countries that have tables, English first.

    Examples
    --------
    >>> languages_of(["CH", "CN"]), languages_of([])
    (['en', 'zh', 'de', 'fr', 'it'], ['en'])
    """
    asked = {country[:2] for country in countries}
    return [_ALWAYS, *(key for key, where in _COUNTRIES.items() if asked & set(where.split()))]


def kind_name(path: str, country: str | None) -> str | None:
    """Return the name of a category in the main language of a country, else in English.

    Examples
    --------
    >>> kind_name("amenity.toilets", "CN"), kind_name("amenity.toilets", "CA-ON")
    ('公共厕所', 'Public Toilet')
    """
    code = (country or "")[:2]
    spoken = [key for key, where in _COUNTRIES.items() if code in where.split()]
    main = _MAIN_LANGUAGE.get(code) or next(iter(spoken), _ALWAYS)
    words = (word for language in (main, _ALWAYS) for word in _words(path, language))
    name = next(words, None)
    # The schema joins the words of two countries: `Estacionamiento / Aparcamiento`.
    return name and name.partition(" / ")[0]


def category_rows(paths: Iterable[str], languages: Iterable[str]) -> Iterator[dict[str, object]]:
    """Yield rows of `categories` for these paths and their parents, sorted by path.

    A category without a name in these languages has no row; the build shows its path. The English
    words of a row include the last part of its path.

    Examples
    --------
    >>> (row,) = [row for row in category_rows(["shop.tea"], ["en", "de"]) if "." in str(row)]
    >>> row["category_id"], row["names"]
    ('shop.tea', {'en': 'Tea Store', 'de': 'Teegeschäft'})
    """
    wanted = sorted({prefix for path in paths for prefix in prefixes(path)})
    known = list(dict.fromkeys(languages))
    for path in wanted:
        words = {language: list(_words(path, language)) for language in known}
        names = {language: found[0] for language, found in words.items() if found}
        if not names:
            continue
        plain = re.sub("[_-]+", " ", path.rpartition(".")[2])
        words[_ALWAYS] = _once([*words.get(_ALWAYS, []), plain])
        names.setdefault(_ALWAYS, words[_ALWAYS][0])
        others = {
            language: more
            for language, found in words.items()
            if (more := [word for word in found if word != names.get(language)])
        }
        yield {"category_id": path, "names": names, "aliases": others}


def _words(path: str, language: str) -> Iterator[str]:
    """Yield the words for a category, the name to show first."""
    own, schema = _table("own", language), _table(language, language)
    sources = [path]
    if path.count(".") >= 2:
        cuisine = path.split(".", 2)[2]
        sources.append(f"cuisine.{_CUISINES.get(cuisine, cuisine)}")
    found: list[str] = []
    for source in sources:
        named, *more = own.get(source, [""])
        found += [named, *schema.get(source, ()), *more]
    yield from _once(found)


def _once(words: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for word in words:
        if word:
            found.setdefault(word.casefold(), word)
    return list(found.values())


@cache
def _table(file: str, language: str) -> dict[str, list[str]]:
    """Return the words of each category, name first; in `own.tsv` the name may be empty."""
    text = (files("geosearch.sources.osm") / "names" / f"{file}.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    if file != "own":
        return {path: words for path, *words in rows}
    return {path: words for path, where, *words in rows if where == language}
