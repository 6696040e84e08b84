"""`synthesise`: writes a realistic synthetic snapshot of Shanghai or 300 Chinese towns.

Demos, benchmarks and tests use it; the same arguments give the same shops and deals. Everything
except place names is invented.

The other modules of this package generate the parts: words, kinds of shops, areas and towns, hours,
cards, deals.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from geosearch.errors import BadRequest
from geosearch.sources.synth import programs as synth_programs
from geosearch.sources.synth import shops as synth_shops
from geosearch.sources.synth import terms as synth_terms
from geosearch.sources.synth.categories import KINDS, PARENTS, Parent, ShopKind
from geosearch.sources.synth.deals import Deals
from geosearch.sources.synth.lines import LineFile
from geosearch.sources.synth.names import build_chains
from geosearch.sources.synth.places import build_world
from geosearch.sources.synth.zones import zone_features
from indexes.files import write_file

DEFAULT_CREATED_AT = datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=8)))
"""Default of `created_at`; it is fixed, so that the same arguments always give the same bytes.

Dates of deals are relative to it.
"""

BLOCK = 100_000
_WORLDS = ("shanghai", "china")


def synthesise(
    out: Path,
    *,
    merchants: int,
    seed: int,
    world: str = "shanghai",
    created_at: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write a snapshot of `merchants` made-up shops, and 1.5 times as many deals, to folder `out`.

    Parameters
    ----------
    out
        Folder to write; created if missing. Files of the same names are replaced.
    merchants
        Number of shops, at least 1.
    seed
        Seed, at least 0. The same arguments give the same bytes, with the same versions of numpy
        and polars.
    world
        `shanghai`, or `china`: 300 towns weighted by population.
    created_at
        Instant with an offset, by default `DEFAULT_CREATED_AT`; deals are valid around its date.
    progress
        Called with one short sentence at each stage.

    Raises
    ------
    BadRequest
        The world is unknown, `merchants` or `seed` is too small, or `created_at` has no offset.

    Notes
    -----
    A million shops take about 9 seconds and 0.6 GB on one core.
    """
    _check(merchants, seed, world, created_at)
    say = progress or _silent
    now = created_at or DEFAULT_CREATED_AT
    build, shop, row, deal, chain = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)
    )
    out.mkdir(parents=True, exist_ok=True)
    say(f"placing {merchants:,} shops")
    places = build_world(build, world, merchants)
    chains = build_chains(chain, merchants)
    shops = synth_shops.build_shops(shop, places, chains, merchants)
    say("writing merchants")
    with LineFile(out / "merchants.ndjson", raw=synth_shops.RAW) as file:
        for block in _blocks(merchants):
            file.write(synth_shops.rows(row, places, chains, shops, block, now))
    say("writing deals")
    with LineFile(out / "deals.ndjson", raw=synth_terms.RAW) as file:
        for frame in Deals(places, shops, chains, now).frames(deal):
            numbers = pl.Series(np.arange(file.rows, file.rows + frame.height))
            ids = "d" + numbers.cast(pl.String).str.zfill(8)
            file.write(frame.insert_column(0, ids.alias("deal_id")))
    say("writing cards, categories and zones")
    _write_lines(out / "programs.ndjson", synth_programs.rows(now.date()))
    _write_lines(out / "categories.ndjson", _category_rows())
    zones = {"type": "FeatureCollection", "features": zone_features(build, places, now.date())}
    write_file(out / "zones.geojson", orjson.dumps(zones))
    _write_envelope(out, f"synth-{world}-{merchants}-{seed}", now)


def _check(merchants: int, seed: int, world: str, created_at: datetime | None) -> None:
    if world not in _WORLDS:
        raise BadRequest(f"Expected `world` to be one of {', '.join(_WORLDS)}, got {world!r}")
    if merchants < 1:
        raise BadRequest(f"Expected `merchants` of at least 1, got {merchants}")
    if seed < 0:
        raise BadRequest(f"Expected `seed` of at least 0, got {seed}")
    if created_at is not None and created_at.tzinfo is None:
        raise BadRequest(f"Expected `created_at` with an offset, got {created_at.isoformat()}")


def _silent(_message: str) -> None:
    return None


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def _category_rows() -> list[dict[str, object]]:
    groups: tuple[Parent | ShopKind, ...] = (*PARENTS, *KINDS)
    return [
        {
            "category_id": group.path,
            "names": {"zh-CN": group.zh, "en": group.en},
            "aliases": {"zh-CN": group.zh_aliases, "en": group.en_aliases},
        }
        for group in groups
    ]


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    write_file(path, b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _write_envelope(out: Path, name: str, now: datetime) -> None:
    envelope = {
        "snapshot_id": f"{name}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        "schema_version": 1,
        "created_at": now.isoformat(),
        "crs": "WGS84",
        "time_zone": "Asia/Shanghai",
        "country": "CN",
        "currency": "CNY",
    }
    content = orjson.dumps(envelope, option=orjson.OPT_INDENT_2)
    write_file(out / "snapshot.json", content + b"\n")
