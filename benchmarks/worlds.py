"""Benchmark worlds: seeded merchants and deals, written as an index and kept in a cache.

Corpus model: `city` is Shanghai and `towns` 300 Chinese towns weighted by population, with the
positions of `sources.synth` (business areas, streets, malls whose shops share one position).
In a city of 1,000,000 a shop has a median of about 41,000 and up to 150,000 shops within 3 km.
`world_merchants` and `world_deals` draw the merchants and their deals.

It writes an index of ten million merchants in minutes, without a snapshot on disk. `builds`
measures the build, with `synth` and `build`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.cache import kept
from benchmarks.record import peak_rss_gb
from benchmarks.world_deals import draw_deals
from benchmarks.world_merchants import draw_merchants
from geosearch.hours.schedules import Horizon
from geosearch.indexing.pipeline import SEGMENT
from geosearch.money.ranking import Weights
from geosearch.segment.versions import publish
from geosearch.segment.writer import SegmentLookups, write_segment
from geosearch.sources.synth.places import Places, build_world
from geosearch.suggest.directory import directory_columns, no_directory
from geosearch.text.columns import no_text, text_columns
from indexes.timetable import TimetableBuilder

LOCAL_ZONE = timezone(timedelta(hours=8))
BUILT_AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
"""Build instant of every world: fixed, so that the same arguments give the same columns."""
USUAL_TIME = datetime(2026, 11, 27, 19, 30, tzinfo=LOCAL_ZONE)
"""A Friday evening: about 60 % of the shops are open."""

SHAPES = {"city": "shanghai", "towns": "china", "pile": "shanghai"}
"""Shapes of worlds, and their names in `sources.synth.world`."""

NAMES = {"city": "one city", "towns": "300 towns", "pile": "one city, 10,000 on one position"}

PILE = 10_000
"""Number of shops on one position in a `pile`."""

LARGEST_CITY = 2_000_000
"""Largest number of merchants for a city; more are spread over 300 towns, about as densely."""

_CENTRE = (31.23, 121.47)
# Degrees from the centre at which the suburbs begin, and the factor on distances beyond.
_INNER = 0.05
_SUBURBS = 0.82

_SOURCES = (
    *("benchmarks/worlds.py", "benchmarks/world_merchants.py", "benchmarks/world_deals.py"),
    *("geosearch/segment/writer.py", "geosearch/segment/bounds.py", "geosearch/segment/columns.py"),
    *("geosearch/segment/card_trees.py", "geosearch/segment/stack_bounds.py"),
    "geosearch/money/stacking.py",
    *("geosearch/segment/catalogue.py", "geosearch/hours/schedules.py", "geosearch/hours/local.py"),
    *("geosearch/money/ranking.py", "geosearch/indexing/payload.py", "geosearch/money/offers.py"),
    *(
        "geosearch/sources/synth/places.py",
        "geosearch/sources/synth/areas.py",
        "geosearch/sources/synth/towns.py",
    ),
    *(
        "geosearch/sources/synth/hours.py",
        "geosearch/sources/synth/categories.py",
        "indexes/geo/hilbert.py",
    ),
    *("indexes/geo/rtree.py", "indexes/storage.py", "indexes/timetable.py"),
)


@dataclass(frozen=True)
class World:
    """Parameters of a world; `shape` is a key of `SHAPES`."""

    shape: str
    merchants: int
    seed: int = 1

    @classmethod
    def parse(cls, text: str) -> "World":
        """Return the world of a text `shape:merchants`.

        Raises
        ------
        ValueError
            The text has another form.

        Examples
        --------
        >>> World.parse("city:1000000").label
        '1,000,000, one city'
        """
        shape, _, count = text.partition(":")
        if shape not in SHAPES or not count.isdigit() or int(count) < 1:
            raise ValueError(f"Expected {' or '.join(SHAPES)}:MERCHANTS, got {text!r}")
        return cls(shape, int(count))

    @classmethod
    def of_size(cls, merchants: int) -> "World":
        """Return the default world of `merchants` merchants."""
        return cls("city" if merchants <= LARGEST_CITY else "towns", merchants)

    @property
    def label(self) -> str:
        """Label for tables."""
        return f"{self.merchants:,}, {NAMES[self.shape]}"


def open_world(world: World, say: Callable[[str], None] = print) -> Path:
    """Return the index folder of a world; write it if the cache lacks it."""

    def write(folder: Path) -> None:
        say(f"Writing the world of {world.label} to {folder}")
        folder.mkdir()
        begin = time.perf_counter()
        publish(folder, lambda version: _write(world, version / SEGMENT))
        spent = time.perf_counter() - begin
        say(f"Wrote it in {spent:.0f} s, with {peak_rss_gb():.1f} GB of memory at the most")

    return kept(f"{world.shape}-{world.merchants}-{world.seed}", _SOURCES, write)


def _draw_in(places: Places) -> Places:
    """Return the places with the suburbs nearer to the centre, as dense as the corpus model."""
    lat, lng = _CENTRE
    north, east = places.lat - lat, (places.lng - lng) * np.cos(np.radians(lat))
    away = np.maximum(np.hypot(north, east), 1e-9)
    factor = np.where(away > _INNER, (_INNER + (away - _INNER) * _SUBURBS) / away, 1.0)
    return replace(
        places,
        lat=lat + (places.lat - lat) * factor,
        lng=lng + (places.lng - lng) * factor,
    )


def _piled(places: Places) -> Places:
    """Return the places with the first `PILE` of them on one position."""
    lat, lng = places.lat.copy(), places.lng.copy()
    lat[:PILE], lng[:PILE] = lat[0], lng[0]
    return replace(places, lat=lat, lng=lng)


def _write(world: World, folder: Path) -> None:
    places_rng, shop_rng, deal_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(world.seed).spawn(3)
    )
    horizon = Horizon.for_build(BUILT_AT)
    book = TimetableBuilder()
    ground = build_world(places_rng, SHAPES[world.shape], world.merchants)
    places = ground.sample(places_rng, world.merchants)
    if world.shape != "towns":
        places = _draw_in(places)
    if world.shape == "pile":
        places = _piled(places)
    merchants, category_sets = draw_merchants(shop_rng, ground, places, book, horizon)
    del places
    deals = draw_deals(deal_rng, merchants.price, book, horizon)
    manifest = {
        "snapshot_id": f"{world.shape}-{world.merchants}-{world.seed}",
        "created_at": BUILT_AT.isoformat(),
        "currency": "CNY",
        "country": "CN",
        "time_zone": "Asia/Shanghai",
        "built_at": BUILT_AT.isoformat(),
        "horizon_start": horizon.start.isoformat(),
        "weights": msgspec.to_builtins(Weights()),
    }
    around = SegmentLookups(
        timetable=book.build(),
        start_hour_of_week=horizon.hour_of_week(),
        category_sets=category_sets,
        areas=["", *(area.name for area in ground.areas)],
        time_zones=["Asia/Shanghai"],
    )
    parts = (
        partial(text_columns, no_text(len(merchants.x))),
        partial(directory_columns, no_directory()),
    )
    write_segment(folder, merchants, deals, around, manifest, parts=parts)
