"""Real names, categories and mistakes, read from the data beside this checkout."""

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LANGUAGES = ("en", "zh-CN", "zh-TW")

_BRANDS = "nsi_brands/brands_cjk.jsonl.gz"
_PLACES = "osm_hangzhou/pois.jsonl.gz"
_PRESETS = "id_tagging_schema/presets.min.json.gz"
_WORDS = {name: f"id_tagging_schema/{name}.min.json.gz" for name in LANGUAGES}
_HOMOPHONES = "zh_homophones/same_pinyin.txt.gz"
FILES = (_BRANDS, _PLACES, _PRESETS, *_WORDS.values(), _HOMOPHONES)

Row = dict[str, Any]


def missing() -> list[str]:
    """Those of `FILES` that are not in `DATA`."""
    return [name for name in FILES if not (DATA / name).is_file()]


def brand_rows() -> list[Row]:
    """Brands of the name-suggestion-index: China and its neighbours, or with a Chinese name."""
    return _lines(_BRANDS)


def place_rows() -> list[Row]:
    """OpenStreetMap amenities of Hangzhou: `lat`, `lon`, `tags`."""
    return _lines(_PLACES)


@cache
def presets() -> Mapping[str, Row]:
    """Categories of the iD tagging schema by path, with the tags that make them."""
    found: Row = _json(_PRESETS)
    return found


@cache
def preset_words(language: str) -> Mapping[str, Row]:
    """`name`, `aliases` (a line each) and `terms` (by commas) of the presets in a language."""
    found: Row = _json(_WORDS[language])[language]["presets"]["presets"]
    return found


@cache
def homophones() -> Mapping[str, str]:
    """Characters that sound like a character in one of its readings; tones do not count."""
    table: dict[str, str] = {}
    for line in _text(_HOMOPHONES).splitlines()[1:]:
        character, *alike = line.split("\t")
        table[character] = table.get(character, "") + "".join(alike)
    return table


def _text(name: str) -> str:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return file.read()


def _json(name: str) -> Any:
    return orjson.loads(_text(name))


def _lines(name: str) -> list[Row]:
    return [orjson.loads(line) for line in _text(name).splitlines()]
