"""A world as one index and cut into regions, and questions of which one region owns each."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from geosearch.cluster.regional_build import build_regions
from geosearch.errors import BadRequest, Misdirected
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import CURRENT, current
from geosearch.service.encode import encode_page
from tests.generators import World, wrapped
from tests.questions import make_request

WORDS = (
    "cafe",
    "kafe",
    "tea",
    "noodel",
    "noodle house",
    "面馆",
    "蓝",
    "lanbei",
    "lb",
    "buch",
    "of",
)
"""Texts that are found, mistyped, heard, abbreviated, or found by no shop."""


def spread(rng: Random, world: World) -> World:
    """The world with its shops moved to nine places some 80 km apart, so that halos end."""
    for row in world.merchants:
        row["lat"] = max(-90.0, min(90.0, round(row["lat"] + rng.choice((-0.7, 0.0, 0.7)), 7)))
        row["lng"] = wrapped(round(row["lng"] + rng.choice((-0.9, 0.0, 0.9)), 7))
    return world


class Cut:
    """One world as one index and as regions, opened; both have the same version name."""

    def __init__(self, world: World, regions: int, folder: Path) -> None:
        world.write(folder / "snapshot")
        asked: dict[str, Any] = {"now": world.now, "max_rejected": 1.0}
        self.folder = folder / "regions"
        report = build_regions(folder / "snapshot", self.folder, regions, processes=1, **asked)
        build(folder / "snapshot", folder / "one", **asked)
        made = current(folder / "one")
        made.rename(made.with_name(report.whole.version))
        (folder / "one" / CURRENT).write_text(report.whole.version)
        self.world = world
        self._ids = [each.region_id for each in report.regions]
        self.one, self.regions = self.opened_again()
        first = next(iter(self.regions.values())).segments[0].regional
        assert first is not None
        self.regional = first
        fields = ("name", "brand", "business_area", "city")
        self.names = sorted(
            {row[field] for row in world.merchants for field in fields if row.get(field)}
        )
        boxes = [area.bounds for area in first.territories.areas]
        self.borders = sorted({side for box in boxes for side in (box[0], box[2])})
        self.parallels = sorted({side for box in boxes for side in (box[1], box[3])})

    def opened_again(self) -> tuple[Searcher, dict[str, Searcher]]:
        """The one index and the regions, without what they have cached."""
        regions = {name: Searcher(current(self.folder / name)) for name in self._ids}
        return Searcher(current(self.folder.parent / "one")), regions

    def of(self, query: Query) -> Searcher:
        """The region that owns the position of a query."""
        owner = self.regional.owner(query.lat, query.lng)
        assert owner is not None
        return self.regions[owner]

    def question(self, rng: Random) -> dict[str, Any]:
        """A question with a radius, sometimes on a border and sometimes with a text."""
        request = make_request(rng, self.world)
        request.setdefault("radius", rng.choice((1_000.0, 50_000.0)))
        request["explain"] = False
        if rng.random() < 0.2:
            request["lng"] = rng.choice(self.borders)
        if rng.random() < 0.1:
            request["lat"] = rng.choice(self.parallels)
        if rng.random() < 0.4 and self.names:
            text = rng.choice((rng.choice(self.names), rng.choice(WORDS)))
            if rng.random() < 0.3:
                at = rng.randrange(len(text))
                text = text[:at] + rng.choice("abe 面") + text[at + 1 :]
            if rng.random() < 0.2:
                text = f"{text} {rng.choice(self.names)}"
            if text.strip():
                request["q"] = text
                if rng.random() < 0.5:
                    request["sort"] = "relevance"
        if rng.random() < 0.3:
            request["near_misses"] = rng.choice((1, 5))
        return request


def asked(request: dict[str, Any]) -> Query:
    values = {**request, "at": datetime.fromisoformat(request["at"])}
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Query(**(values | lists))


def answer(engine: Searcher, query: Query) -> bytes | None:
    """The body of an answer without its time, or the sentence of its refusal.

    None if the text names an area that another region owns.
    """
    try:
        return without_time(b"".join(encode_page(engine.page(query))))
    except BadRequest as refusal:
        sentence = str(refusal)
        if isinstance(refusal, Misdirected) and "business area" in sentence:
            return None
        return sentence.encode()


def without_time(body: bytes) -> bytes:
    return re.sub(rb'"took_us":\d+', b'"took_us":0', body)
