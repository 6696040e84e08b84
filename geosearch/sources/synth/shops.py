"""Made-up shops: kind, chain, place, price, rating, hours, and their rows of `merchants`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.sources.synth import hours as synth_hours
from geosearch.sources.synth.categories import DUAL_USE, KINDS
from geosearch.sources.synth.lines import number, pick
from geosearch.sources.synth.names import CHAIN_SHARE, Chains, shop_names
from geosearch.sources.synth.places import MALL, SCATTERED, Ints, Places, SynthWorld
from geosearch.sources.synth.words import SHOP_TAGS, TAGS

Bools = npt.NDArray[np.bool_]

RAW = frozenset({"aliases", "categories", "opening_periods", "tags"})
"""Columns of `rows` that hold JSON text."""

CHEAP = 4_000
"""Usual prices below this, in minor units, hardly follow those of the street."""
PRICE_UNKNOWN = 0.08
RATING_UNKNOWN = 0.10
TEMPORARILY_CLOSED = 0.008
PERMANENTLY_CLOSED = 0.007
ON_PLATFORM = 0.62
TAG_LISTS = 300
URUMQI_SHARE = 0.25


@dataclass(frozen=True)
class Shops:
    """Columns of all n shops; the number of a shop is its row.

    `chain` is -1 for an independent shop. `bill` is the usual spend per person in minor units; the
    row has it only if `price_known`. `on_platform` shops sell on group-buy platforms.
    """

    places: Places
    kind: Ints
    chain: Ints
    bill: Ints
    price_known: Bools
    on_platform: Bools

    def __len__(self) -> int:
        return len(self.kind)


def merchant_id(index: Ints) -> pl.Series:
    """Return the ids of shops: `m` and at least eight digits."""
    return "m" + pl.Series(index).cast(pl.String).str.zfill(8)


def build_shops(rng: np.random.Generator, world: SynthWorld, chains: Chains, count: int) -> Shops:
    """Return `count` shops in `world`, `CHAIN_SHARE` of them branches of `chains`."""
    places = world.sample(rng, count)
    weights = np.array([kind.weight for kind in KINDS])
    kind = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(count), side="right")
    chain = np.searchsorted(np.cumsum(chains.share)[:-1], rng.random(count), side="right")
    chain[rng.random(count) >= CHAIN_SHARE] = -1
    branch = chain >= 0
    kind[branch] = chains.kind[chain[branch]]
    base = np.array([kind.price for kind in KINDS])[kind]
    factor = np.array([area.price for area in world.areas])[places.area]
    factor = factor * np.clip(rng.lognormal(0.0, 0.35, count), 0.5, 1.8)
    factor[branch] = chains.price[chain[branch]] * rng.lognormal(0.0, 0.06, int(branch.sum()))
    # Tea and noodles cost little more in a dear street.
    factor **= np.where(base < CHEAP, 0.6, 1.0)
    bill = np.maximum(np.round(base * factor / 100), 4).astype(np.int64) * 100
    return Shops(
        places=places,
        kind=kind,
        chain=chain,
        bill=bill,
        price_known=(rng.random(count) >= PRICE_UNKNOWN) & (base > 0),
        on_platform=rng.random(count) < np.where(branch, 0.85, ON_PLATFORM),
    )


def rows(
    rng: np.random.Generator,
    world: SynthWorld,
    chains: Chains,
    shops: Shops,
    block: slice,
    now: datetime,
) -> pl.DataFrame:
    """Return the rows of `merchants` for the shops in `block`."""
    kind, chain = shops.kind[block], shops.chain[block]
    index = np.arange(block.start, block.stop)
    names = shop_names(rng, kind)
    own = pl.Series(chain < 0)
    return pl.DataFrame(
        {
            "merchant_id": merchant_id(index),
            "name": names["name"].zip_with(own, pick(chains.zh, chain)),
            "aliases": names["aliases"].zip_with(own, pick(chains.aliases, chain)),
            "brand": pick(chains.zh, chain),
            **_where(rng, world, shops, block),
            "categories": _categories(rng, kind),
            **_hours(rng, chains, kind, chain),
            "business_status": _status(rng, len(kind)),
            **_figures(rng, chains, shops, block),
            **_contact(rng, kind, index, now),
        }
    )


def _where(
    rng: np.random.Generator, world: SynthWorld, shops: Shops, block: slice
) -> dict[str, pl.Series]:
    places = shops.places
    area, kind, spot = places.area[block], places.kind[block], places.spot[block]
    unit = places.number[block]
    in_mall, off = kind == MALL, kind == SCATTERED
    mall = pick(world.malls.names, np.where(in_mall, spot, -1))
    street = pick(world.streets, np.where(in_mall | off, -1, spot))
    name = pick([place.name for place in world.areas], area)
    named = np.array([place.named for place in world.areas])[area] & ~off
    branch = pl.select(pl.coalesce(mall, street, name) + "店").to_series()
    address = pl.select(
        pl.coalesce(
            pl.format("{}{}层{}室", mall, pl.Series(unit % 8 + 1), pl.Series(unit)),
            pl.format("{}{}号", street, pl.Series(unit)),
            pl.when(pl.Series(unit % 3 > 0)).then(pl.format("{}{}号", name, pl.Series(unit))),
        )
    ).to_series()
    chain = shops.chain[block] >= 0
    result = {
        "branch_name": branch.zip_with(pl.Series(chain), pl.Series([None], dtype=pl.String)),
        "lat": pl.Series(places.lat[block]),
        "lng": pl.Series(places.lng[block]),
        "address": address,
        "city": pick([f"{place.city}市" for place in world.areas], area),
        "district": pick([place.district for place in world.areas], area),
        "business_area": pick([place.name for place in world.areas], np.where(named, area, -1)),
    }
    if world.name == "china":
        # Some shops in the west use the local zone; the envelope has the official one.
        local = (places.lng[block] < 91.0) & (places.lat[block] > 34.0)
        local &= rng.random(len(area)) < URUMQI_SHARE
        result["time_zone"] = pick(["Asia/Urumqi"], np.where(local, 0, -1))
    return result


def _categories(rng: np.random.Generator, kind: Ints) -> pl.Series:
    texts: list[str] = []
    starts: list[int] = []
    seconds: list[int] = []
    for style in KINDS:
        others = DUAL_USE.get(style.path, ())
        starts.append(len(texts))
        seconds.append(len(others))
        texts.append(f'["{style.path}"]')
        texts += [f'["{style.path}","{other}"]' for other in others]
    first = np.array(starts)[kind]
    others_of = np.array(seconds)[kind]
    drawn = rng.random(len(kind))
    second = np.where(drawn < 0.2, 1 + (drawn * 5 * others_of).astype(np.int64), 0)
    return pick(texts, first + np.where(others_of > 0, second, 0))


def _hours(
    rng: np.random.Generator, chains: Chains, kind: Ints, chain: Ints
) -> dict[str, pl.Series]:
    family = np.array([synth_hours.FAMILIES.index(style.hours) for style in KINDS])[kind]
    uniform = rng.random(len(kind))
    alike = (chain >= 0) & (rng.random(len(kind)) < 0.85)
    uniform[alike] = chains.hours[chain[alike]]
    hours = synth_hours.draw(rng, family, uniform)
    as_periods = (hours >= 0) & (rng.random(len(kind)) < synth_hours.PERIODS_SHARE)
    periods = rng.integers(0, len(synth_hours.PERIODS), len(kind))
    return {
        "opening_hours": pick(synth_hours.vocabulary(), np.where(as_periods, -1, hours)),
        "opening_periods": pick(synth_hours.PERIODS, np.where(as_periods, periods, -1)),
    }


def _status(rng: np.random.Generator, count: int) -> pl.Series:
    limits = [TEMPORARILY_CLOSED, TEMPORARILY_CLOSED + PERMANENTLY_CLOSED, 0.3]
    drawn = np.searchsorted(limits, rng.random(count), side="right")
    return pick(["CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY", "OPERATIONAL", None], drawn)


def _figures(
    rng: np.random.Generator, chains: Chains, shops: Shops, block: slice
) -> dict[str, pl.Series]:
    chain, bill = shops.chain[block], shops.bill[block]
    count = len(chain)
    stars = rng.normal(4.15, 0.42, count)
    branch = chain >= 0
    stars[branch] += chains.stars[chain[branch]]
    tenths = np.round(np.clip(stars, 1.5, 5.0) * 10).astype(np.int64)
    rated = rng.random(count) >= RATING_UNKNOWN
    ratings = np.maximum(rng.lognormal(4.2, 1.5, count), 1.0).astype(np.int64)
    tried = shops.on_platform[block] & (rng.random(count) < 0.9)
    uses = rng.lognormal(3.4, 1.3, count)
    # Most shops honour their deals; a few refuse every third guest.
    failing = np.where(rng.random(count) < 0.03, rng.beta(4, 8, count), rng.beta(1, 30, count))
    failed = (uses * failing).astype(np.int64)
    return {
        "rating": pick([str(tenth / 10) for tenth in range(51)], np.where(rated, tenths, -1)).cast(
            pl.Float64
        ),
        "rating_count": number(ratings, rated),
        "avg_price": number(bill, shops.price_known[block]),
        "redemptions_ok": number(uses.astype(np.int64) - failed, tried),
        "redemptions_failed": number(failed, tried),
    }


def _contact(
    rng: np.random.Generator, kind: Ints, index: Ints, now: datetime
) -> dict[str, pl.Series]:
    count = len(index)
    # The lists of guests' places, then those of all others.
    tags = [*_tag_lists(rng, TAGS), *_tag_lists(rng, SHOP_TAGS)]
    chosen = rng.integers(0, TAG_LISTS, count) + np.where(_HAS_GUESTS[kind], 0, TAG_LISTS)
    chosen[rng.random(count) >= 0.55] = -1
    ids = pl.Series(index)
    # No subscriber number in China begins with 0, so these numbers reach nobody.
    phone = pl.Series(rng.integers(0, 10_000_000, count)).cast(pl.String).str.zfill(7)
    days = [now - timedelta(days=day, minutes=17 * day % 1440) for day in range(700)]
    stamps = [day.isoformat(timespec="seconds") for day in days]
    aged = (rng.random(count) ** 2 * len(stamps)).astype(np.int64)
    nothing = pl.Series([None], dtype=pl.String)
    columns = {
        "phone": ("+86-21-0" + phone, 0.5),
        "url": (pl.select(pl.format("https://shops.example/{}", ids)).to_series(), 0.25),
        "image_url": (pl.select(pl.format("https://img.example/{}.jpg", ids)).to_series(), 0.1),
        "updated_at": (pick(stamps, aged), 0.9),
    }
    return {
        "tags": pick(tags, chosen),
        **{
            name: values.zip_with(pl.Series(rng.random(count) < share), nothing)
            for name, (values, share) in columns.items()
        },
    }


def _tag_lists(rng: np.random.Generator, tags: Sequence[str]) -> list[str]:
    lists = []
    for _ in range(TAG_LISTS):
        some = rng.permutation(len(tags))[: rng.integers(1, 4)]
        lists.append("[" + ",".join(f'"{tags[tag]}"' for tag in some.tolist()) + "]")
    return lists


_HAS_GUESTS = np.array([kind.path.startswith(("food.", "leisure.", "hotel.")) for kind in KINDS])
