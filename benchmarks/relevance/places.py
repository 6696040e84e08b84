"""Precision at 5 for typical queries among real places.

Corpus: OpenStreetMap places beside the checkout (`shared/data`), which `geosearch import osm` turns
into a snapshot. Queries: `shared/cases/text/relevance/queries.json`. The judge knows nothing of the
engine: `RIGHT` has, for each query, a pattern of the name, brand, categories, tags or address of a
right place. Its author wrote it from the queries alone, before any ranking.

Not shown: which of the right places a person would like best, and queries that are not in the list.

    python -m benchmarks.relevance.places --data ../shared
"""

import argparse
import gzip
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.sources.osm.importer import import_osm

FIRST: Final = 5
"""Results that people look at."""

AIM: Final = 0.93
"""Aim for the mean precision."""


class RealCity(NamedTuple):
    """Places of one file inside a box, and the country whose holidays they keep."""

    file: str
    country: str
    south: float
    north: float
    west: float
    east: float


CITIES: Final = {
    "hangzhou": RealCity("osm_hangzhou/pois.jsonl.gz", "CN", 29.0, 31.0, 118.0, 121.0),
    "berlin": RealCity(
        "osm_veggiekarte/places_2022-12.min.json.gz", "DE", 52.35, 52.68, 13.0, 13.8
    ),
    "london": RealCity("osm_veggiekarte/places_2022-12.min.json.gz", "GB", 51.3, 51.7, -0.5, 0.3),
    "taipei": RealCity(
        "osm_veggiekarte/places_2022-12.min.json.gz", "TW", 24.95, 25.15, 121.4, 121.65
    ),
}

RIGHT: Final = {
    "咖啡": r"cafe|coffee|咖啡|星巴克",
    "药店": r"pharmacy|药",
    "建行": r"建设银行|建行",
    "加油站": r"fuel|加油|石化|石油",
    "厕所": r"toilet|厕|卫生间|洗手间",
    "医院": r"hospital|医院|clinic",
    "外婆家": r"外婆家",
    "知味观": r"知味观",
    "kfc": r"kfc|肯德基",
    "luckin": r"luckin|瑞幸",
    "披萨": r"pizza|披萨|比萨|必胜客",
    "银行atm": r"\batm\b|bank|银行",
    "costa coffee": r"costa",
    "döner": r"d(ö|oe|o)ner|kebap|kebab",
    "vegan burger": r"burger",
    "kaffee": r"kaffee|cafe|café|coffee",
    "falafel": r"falafel",
    "vietnamese restaurant": r"vietnam",
    "eis": r"ice_cream|\beis|gelat",
    "pizza alexanderplatz": r"pizz",
    "bäckerei": r"bäcker|baker|back",
    "brammibals": r"brammibal",
    "pret": r"\bpret\b",
    "honest burger": r"honest",
    "indian restaurant": r"indian",
    "leon": r"\bleon\b",
    "thai food": r"\bthai",
    "mildreds soho": r"mildred",
    "bakery brick lane": r"baker|bagel|beigel",
    "台北車站 素食": r"vegetarian_only|vegan_only|素|蔬",
    "mos burger": r"\bmos\b|摩斯",
}
"""Pattern of a right place, found anywhere in its name, brand, categories, tags or address."""

_SAYS = ("name", "brand", "aliases", "categories", "tags")


class Judged(NamedTuple):
    """A query and which of its first results are right."""

    city: str
    text: str
    names: list[str]
    right: list[bool]
    relaxed: list[str]

    @property
    def precision(self) -> float:
        """Share of right results among the first; 0 without results."""
        return sum(self.right) / len(self.right) if self.right else 0.0


def judged(shared: Path) -> list[Judged]:
    """Every query of the corpus beside the checkout."""
    queries = orjson.loads((shared / "cases/text/relevance/queries.json").read_bytes())
    with tempfile.TemporaryDirectory(prefix="geosearch-places-") as temporary:
        engines = dict(_engines(shared / "data", Path(temporary), {q["city"] for q in queries}))
        found = [judge(engines[asked["city"]], asked) for asked in queries]
        for engine in engines.values():
            engine.close()
    return found


def judge(engine: Searcher, asked: dict[str, Any]) -> Judged:
    """The first results of a query, and whether each is right."""
    lat, lng = asked["at"]
    answer = engine.search(Query(lat=lat, lng=lng, q=asked["q"], limit=FIRST))
    shops = [hit.merchant for hit in answer.hits]
    right = re.compile(RIGHT[asked["q"]])
    said = [" ".join(str(shop.get(field) or "") for field in _SAYS).lower() for shop in shops]
    return Judged(
        asked["city"],
        asked["q"],
        [shop["name"] for shop in shops],
        [right.search(text) is not None for text in said],
        list(answer.relaxed),
    )


def _engines(data: Path, folder: Path, names: set[str]) -> Iterator[tuple[str, Searcher]]:
    for name in sorted(names):
        city = CITIES[name]
        places = folder / f"{name}.geojsonl"
        places.write_bytes(b"\n".join(map(orjson.dumps, _inside(data / city.file, city))))
        import_osm(places, folder / f"{name}-snapshot", country=city.country)
        build(folder / f"{name}-snapshot", folder / name, max_rejected=0.1)
        yield name, open_index(folder / name)


def _inside(file: Path, city: RealCity) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as content:
        if file.suffixes[-2] == ".jsonl":
            return [json.loads(line) for line in content]
        places = json.load(content)["features"]
    return [
        place
        for place in places
        if city.west <= place["geometry"]["coordinates"][0] <= city.east
        and city.south <= place["geometry"]["coordinates"][1] <= city.north
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print every query with its precision, and the mean."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    found = judged(parser.parse_args(arguments).data)
    for one in found:
        left_out = f", left out {' '.join(one.relaxed)}" if one.relaxed else ""
        shown = "; ".join(
            ("" if good else "WRONG ") + name
            for name, good in zip(one.names, one.right, strict=True)
        )
        print(f"{one.precision:.2f} {one.city} {one.text!r}{left_out}: {shown}")
    mean = sum(one.precision for one in found) / len(found)
    none = sum(not one.precision for one in found)
    print(f"precision@{FIRST} {mean:.3f} over {len(found)} queries, {none} at 0")
    sys.exit(mean < AIM or none > 0)


if __name__ == "__main__":
    main()
