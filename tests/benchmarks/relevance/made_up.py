"""Made-up data of the kinds that the relevance suite reads, for where the real data is absent.

Brands and places have names that nobody bears; words of categories are those of `sources.synth`.
Not useful for: figures. What can be found among a few hundred names says nothing of a city.
"""

import gzip
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from benchmarks.relevance import taxonomy
from benchmarks.relevance.spelling import simplified, traditional
from geosearch.sources.synth.categories import KINDS
from tests.indexes.texts import same_sounds

BRANDS = 300
PLACES = 300

_HEADS = """
云杉 松涛 鹿鸣 青石 蓝湾 橙子 半夏 听雨 远帆 麦田 拾光 南枝 北望 东篱 西窗 银杏 白鹭 黑陶 红泥 紫藤
山月 江枫 湖心 海角 天晴 星野 晨露 晚舟 春笋 秋实 冬青 夏荷 竹里 梅园 兰亭 菊苑 桃源 杏林 柳岸 槐荫
""".split()
_TAILS = """
小筑 人家 食记 工坊 客栈 茶话 面道 饭堂 书局 花事 良品 优选 乐园 世家 药铺 衣橱 鞋匠 影像 健身 车行
""".split()
_BEGINS = "Am Bir Cob Dri Em Fjo Gar Har In Jun Kes Lu Mar Nor Os Pel Qua Ros Sil Tam".split()
_ENDS = "ber chum dalt fen gold horn kin lane mere nut port rill sen tow vane wick".split()
_SECOND = "Bloom Corner Dragon Feather Garden Kettle Lantern Meadow Pepper Saddle Thistle".split()
_PATHS = {  # Names of presets that are no kind of a made-up shop.
    "amenity": ("Amenity", "设施"),
    "shop": ("Shop", "商店"),
    "leisure": ("Leisure", "休闲"),
    "tourism": ("Tourism", "旅游"),
    "amenity/cafe": ("Cafe", "咖啡馆"),
    "amenity/restaurant": ("Restaurant", "餐馆"),
    "amenity/fast_food": ("Fast food", "快餐"),
    "amenity/bank": ("Bank", "银行"),
    "amenity/pub": ("Pub", "小酒馆"),
    "amenity/restaurant/ramen": ("Ramen restaurant", "拉面馆"),
    "shop/deli": ("Deli", "熟食店"),
    "shop/mobile_phone": ("Mobile phone shop", "手机店"),
    "shop/electrical": ("Electrical shop", "电器行"),
    "shop/herbalist": ("Herbalist", "中医馆"),
}
_TERMS = {"amenity/cafe": "coffee,latte", "amenity/cafe/coffee_shop": "latte,Coffeehouse"}
_WIDE = "dinner"
"""A term of every restaurant, which is too wide to mean any."""


def make_up(folder: Path) -> None:
    """Write every file that `benchmarks.relevance.sources` reads."""
    rng = random.Random(16)
    presets = {path: {"tags": _tags(path)} for path in _preset_paths()}
    words = {path: _words(path) for path in presets}
    _write(folder / "id_tagging_schema/presets.min.json.gz", orjson.dumps(presets))
    for number, language in enumerate(("en", "zh-CN", "zh-TW")):
        named = {path: own[number] for path, own in words.items()}
        content = {language: {"presets": {"presets": named}}}
        _write(folder / f"id_tagging_schema/{language}.min.json.gz", orjson.dumps(content))
    leaves = [path for path in presets if "/" in path]
    _write(folder / "nsi_brands/brands_cjk.jsonl.gz", _lines(_brands(rng, leaves)))
    _write(folder / "osm_hangzhou/pois.jsonl.gz", _lines(_places(rng, leaves)))
    alike = (f"{char}\t{others}\t" for char, others in same_sounds().items())
    table = "\n".join(["# character, same sound and tone, same sound", *alike, ""])
    _write(folder / "zh_homophones/same_pinyin.txt.gz", table.encode())


def _preset_paths() -> list[str]:
    return sorted({*taxonomy.KINDS.values(), *_PATHS})


def _tags(path: str) -> dict[str, str]:
    key, *values = path.split("/")
    tags = {key: values[0] if values else "*"}
    return tags | ({"cuisine": values[1]} if len(values) == 2 and key == "amenity" else {})


def _words(path: str) -> tuple[dict[str, str], ...]:
    """Name and terms of a preset in English, and in both forms of Chinese."""
    kinds = [kind for kind in KINDS if taxonomy.KINDS[kind.path] == path]
    known = _PATHS.get(path)
    en, zh = known or (kinds[0].en, kinds[0].zh)
    en_terms = [*_TERMS.get(path, "").split(","), *(w for kind in kinds for w in kind.en_aliases)]
    en_terms += [_WIDE] if path.startswith("amenity/restaurant") else []
    zh_terms = [word for kind in kinds for word in (kind.zh, *kind.zh_aliases)]
    return (
        {"name": en, "terms": ",".join(filter(None, en_terms))},
        {"name": zh, "terms": ",".join(zh_terms)},
        {"name": traditional(zh), "terms": ",".join(map(traditional, zh_terms))},
    )


def _brands(rng: random.Random, leaves: list[str]) -> Iterable[dict[str, Any]]:
    """Names in Chinese, simplified or traditional, in English, or in both; some are one company."""
    heads = rng.sample([one[0] + other[1] for one in _HEADS for other in _HEADS], BRANDS)
    chinese = [head + rng.choice(_TAILS) for head in heads]
    firsts = rng.sample([begin + end for begin in _BEGINS for end in _ENDS], BRANDS - 20)
    latin = [f"{first} {rng.choice(_SECOND)}" for first in firsts]
    for number, han in enumerate(chinese):
        zh = traditional(han) if number % 3 == 0 else simplified(han)
        en = latin[number] if number < len(latin) else None
        names = {"name": zh, "name:zh": zh} | ({"name:en": en} if en else {})
        key, *values = (path := rng.choice(leaves)).split("/")
        tags = {"brand": zh, key: values[0], **names}
        yield {
            "category": "/".join(path.split("/")[:2]),
            "id": f"brand-{number}",
            "name": zh, "zh": zh, "en": en,
            "countries": ["cn"], "include": ["cn"],
            "match_names": [f"{han[:2]}{han[3]}"] if number % 2 else [],
            "short_name": f"{en.split()[0]} {number}" if en and number % 4 == 0 else None,
            # Two in ten share their company with the one before.
            "wikidata": f"Q{number - (number % 5 == 4)}",
            "cuisine": None,
            "tags": tags | ({"cuisine": values[1]} if len(values) > 1 else {}),
        }  # fmt: skip


def _places(rng: random.Random, leaves: list[str]) -> Iterable[dict[str, Any]]:
    amenities = [path.split("/")[1] for path in leaves if path.startswith("amenity/")]
    for number in range(PLACES):
        tags = {"amenity": rng.choice(amenities), "name": f"第{number}号{rng.choice('甲乙丙丁')}院"}
        lat, lon = 30.26 + rng.uniform(-0.08, 0.08), 120.17 + rng.uniform(-0.08, 0.08)
        yield {"type": "node", "id": number, "lon": lon, "lat": lat, "tags": tags}


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content, mtime=0))
