"""Made-up deals: card offers, public group buys and vouchers, offers of whole chains.

As in reality, a card's 10 % competes with a group buy's 30 %, and deals have limits of hours,
party, spend, stock and dates. There are about 1.5 deals for each shop. Every family yields frames
of at most `BLOCK` rows, which bounds memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from geosearch.sources.synth.categories import KINDS
from geosearch.sources.synth.lines import number, pick
from geosearch.sources.synth.names import Chains
from geosearch.sources.synth.places import MALL, Floats, Ints, SynthWorld
from geosearch.sources.synth.programs import SHARES
from geosearch.sources.synth.shops import Shops, merchant_id
from geosearch.sources.synth.stacks import stack_frames
from geosearch.sources.synth.terms import Odds, common, of_group, weigh
from geosearch.sources.synth.words import UNIVERSITY_AREAS

BLOCK = 200_000
SOURCES = ("meituan", "douyin", "quanbao", "own")
SOURCE_LIMITS = (0.45, 0.75, 0.87)
BUNDLES, VOUCHERS, PRICE_CUTS, GIFTS = 0.58, 0.25, 0.11, 0.05
LIST_SHOPS = 40
STACKING_BANK = "river-bank"
"""Bank whose discounts combine with those of shops and platforms."""

_TEXT = pl.String
_Columns = dict[str, pl.Series]
_Offer = Callable[[np.random.Generator, Ints, Ints], _Columns]
"""Makes offers for shops of some usual bills and kinds."""


@dataclass(frozen=True)
class Deals:
    """All deals of one world; `frames` yields their rows without `deal_id`."""

    world: SynthWorld
    shops: Shops
    chains: Chains
    now: datetime

    def frames(self, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
        """Yield the deals of every family in a fixed order."""
        banked: list[Ints] = []
        yield from self._cards(rng, banked)
        yield from self._cashback(rng)
        yield from self._public(rng)
        yield from self._of_chains(rng)
        yield from stack_frames(rng, self.shops, np.concatenate(banked), self.now)

    def _cards(self, rng: np.random.Generator, banked: list[Ints]) -> Iterator[pl.DataFrame]:
        """Yield the offers of cards; `banked` gets the shops whose bank deal combines."""
        shops = self.shops
        food, soft = of_group(shops.kind, "meal", "drink"), of_group(shops.kind, "service", "goods")
        usual = np.where(food, 1.0, 0.45) * np.where(food | soft, 1.0, 0.05)
        dear = usual * np.where(shops.bill >= 3_000, 1.0, 0.3)
        sights = _IS_SIGHT[shops.kind] * 20.0 + usual * 0.2
        offers: list[tuple[str, Floats, _Offer, Odds]] = [
            (
                "red",
                dear,
                partial(_percent, steps=(20, 41), name="红卡"),
                Odds(hours=0.35, card=True),
            ),
            (
                "harbor-bank",
                dear,
                partial(_percent, steps=(20, 101), name="海港日", capped=True),
                Odds(hours=0.85, stock=0.1, card=True),
            ),
            (STACKING_BANK, dear, _bank_amount, Odds(hours=0.25, card=True)),
            ("saver-plus", usual, partial(_percent, steps=(10, 31), name="会员"), Odds()),
            ("spring-voucher", usual, _amount, Odds(hours=0.3, stock=0.3, card=True)),
            ("star-mobile", usual, _gift, Odds(hours=0.15, stock=0.2, new_customer=0.1)),
            (
                "campus",
                usual * self._near_university(),
                partial(_percent, steps=(10, 31), name="学生"),
                Odds(hours=0.2, card=True),
            ),
            (
                "museum-friends",
                sights,
                partial(_percent, steps=(20, 61), name="之友"),
                Odds(card=True),
            ),
            ("city-pass", usual, _amount, Odds(card=True)),
            ("expo-card", usual, partial(_percent, steps=(20, 41), name="纪念卡"), Odds(card=True)),
        ]
        for program, weight, offer, odds in offers:
            count = max(1, round(SHARES[program] * len(shops)))
            members = weigh(rng, weight, count)
            if program == STACKING_BANK:
                banked.append(members)
            for who in _blocks(members):
                yield self._rows(rng, who, offer, odds, program=program)

    def _near_university(self) -> Floats:
        near = [
            area.slug in UNIVERSITY_AREAS or area.name.endswith("大学城")
            for area in self.world.areas
        ]
        return np.where(np.array(near)[self.shops.places.area], 1.0, 0.01)

    def _cashback(self, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
        """Yield deals with lists of merchants: about forty neighbours, or tenants of one mall."""
        shops = self.shops
        weight = np.where(shops.places.kind == MALL, 2.0, 1.0)
        members = weigh(rng, weight, round(SHARES["cloud-pay"] * len(shops)))
        order = np.lexsort(
            (shops.places.spot[members], shops.places.kind[members], shops.places.area[members])
        )
        members = members[order]
        lists = (
            pl.DataFrame(
                {"group": np.arange(len(members)) // LIST_SHOPS, "id": merchant_id(members)}
            )
            .group_by("group", maintain_order=True)
            .agg(pl.col("id").str.join('","'))
        )
        first = members[::LIST_SHOPS]
        rate = rng.integers(2, 11, len(first))
        yield pl.DataFrame(
            {
                "merchant_ids": '["' + lists["id"] + '"]',
                "program_id": pick(["cloud-pay"], np.zeros(len(first), np.int64)),
                "source": pick(["own"], np.zeros(len(first), np.int64)),
                "offer_type": pick(["cashback"], np.zeros(len(first), np.int64)),
                "title": "云桥支付返" + pick(_PERCENTS, rate) + "%",
                "percent": pick(_PERCENTS, rate),
                "min_spend": number(
                    rng.integers(1, 6, len(first)) * 1_000, rng.random(len(first)) < 0.5
                ),
                "max_discount": pl.Series(rng.integers(2, 13, len(first)) * 500),
                "stack_group": pick(["payment"], np.zeros(len(first), np.int64)),
                **common(rng, shops.kind[first], self.now, Odds(hours=0.1, card=True)),
            }
        )

    def _public(self, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
        shops = self.shops
        sells: Floats = shops.on_platform.astype(np.float64)
        food = of_group(shops.kind, "meal", "drink")
        eats: Floats = sells * np.where(food, 1.0, 0.5 * of_group(shops.kind, "service"))
        dear: Floats = eats * (shops.bill >= 1_500)
        till = partial(_percent, steps=(10, 61), name="到店")
        families: list[tuple[float, Floats, _Offer, Odds]] = [
            (BUNDLES, eats, self._bundle, Odds(hours=0.22, stock=0.25, new_customer=0.04)),
            (VOUCHERS, dear, self._voucher, Odds(hours=0.2, stock=0.15)),
            (PRICE_CUTS / 2, sells, till, Odds()),
            (PRICE_CUTS / 2, sells, _amount, Odds(hours=0.1)),
            (GIFTS, sells, _gift, Odds(hours=0.2, stock=0.3, new_customer=0.3)),
        ]
        for share, odds_of_shop, offer, odds in families:
            count = round(share * len(shops))
            cumulative = np.cumsum(odds_of_shop)
            drawn = np.sort(rng.random(count)) * max(cumulative[-1], 1e-9)
            members = np.minimum(np.searchsorted(cumulative, drawn, side="right"), len(shops) - 1)
            for who in _blocks(members):
                yield self._rows(rng, who, offer, odds, program=None)

    def _rows(
        self, rng: np.random.Generator, who: Ints, offer: _Offer, odds: Odds, *, program: str | None
    ) -> pl.DataFrame:
        """Return one deal for each shop of `who`."""
        shops = self.shops
        count = len(who)
        source = np.searchsorted(SOURCE_LIMITS, rng.random(count), side="right")
        if program is not None:
            source[:] = SOURCES.index("own")
        urls = pl.select(pl.format("https://deals.example/{}", pl.Series(who))).to_series()
        some = pl.Series(rng.random(count) < 0.2)
        return pl.DataFrame(
            {
                "merchant_ids": '["' + merchant_id(who) + '"]',
                "program_id": pick([program], np.zeros(count, np.int64)),
                "source": pick(SOURCES, source),
                **offer(rng, shops.bill[who], shops.kind[who]),
                **common(rng, shops.kind[who], self.now, odds),
                "url": urls.zip_with(some, pl.Series([None], dtype=_TEXT)),
            }
        )

    def _of_chains(self, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
        """Yield deals of whole chains: each chain has none, one or two."""
        chains = self.chains
        who = np.flatnonzero(rng.random(len(chains.zh)) < 0.6)
        who = np.sort(np.concatenate((who, who[rng.random(len(who)) < 0.4])))
        # Some chains of a small world have no shop.
        who = who[np.isin(who, self.shops.chain)]
        bill = np.maximum(_USUAL[chains.kind[who]] * chains.price[who], 1_000).astype(np.int64)
        offers: tuple[_Offer, ...] = (
            partial(_percent, steps=(10, 41), name="全门店"),
            self._voucher,
            _amount,
            _gift,
        )
        family = rng.integers(0, len(offers), len(who))
        for ordinal, offer in enumerate(offers):
            chosen = family == ordinal
            count = int(chosen.sum())
            yield pl.DataFrame(
                {
                    "brand": pick(chains.zh, who[chosen]),
                    "source": pick(SOURCES, np.searchsorted(SOURCE_LIMITS, rng.random(count))),
                    **offer(rng, bill[chosen], chains.kind[who[chosen]]),
                    **common(rng, chains.kind[who[chosen]], self.now, Odds(hours=0.3)),
                }
            )

    @staticmethod
    def _bundle(rng: np.random.Generator, bill: Ints, kind: Ints) -> _Columns:
        size = np.searchsorted((0.24, 0.68, 0.88), rng.random(len(bill)), side="right")
        # Nobody shares a haircut.
        size = np.where(_IS_SHARED[kind], size, 4)
        people = np.array((1, 2, 4, 8, 1))[size]
        full = (
            np.round(bill * people * rng.uniform(1.0, 1.5, len(bill)) / 100).astype(np.int64) * 100
        )
        off = 0.05 + rng.beta(3.0, 5.0, len(bill)) * 0.55
        # Such prices end in 9 jiao; the price is at least 1 fen below the list price.
        price = np.maximum((full * (1 - off) / 100).astype(np.int64) * 100 - 10, 90)
        price = np.minimum(price, full - 1)
        return {
            "offer_type": _same("bundle", len(bill)),
            "title": pick(("单人套餐", "双人套餐", "四人套餐", "聚会套餐", "单次套餐"), size)
            + " ¥"
            + _yuan(price),
            "price": pl.Series(price),
            "list_price": pl.Series(full),
            "party_min": pl.Series(np.array((1, 2, 3, 6, 1))[size]),
            "party_max": pl.Series(np.array((1, 2, 4, 10, 1))[size]),
        }

    @staticmethod
    def _voucher(rng: np.random.Generator, bill: Ints, _kind: Ints) -> _Columns:
        face = np.maximum(np.round(bill * rng.uniform(0.6, 2.2, len(bill)) / 1_000), 1).astype(
            np.int64
        )
        face *= 1_000
        price = (face * rng.uniform(0.72, 0.96, len(bill)) / 100).astype(np.int64) * 100 - 10
        most = rng.integers(1, 6, len(bill))
        return {
            "offer_type": _same("voucher", len(bill)),
            "title": _yuan(price) + "元代" + _yuan(face) + "元",
            "price": pl.Series(price),
            "face_value": pl.Series(face),
            "min_spend": number(face + 2_000, rng.random(len(bill)) < 0.15),
            "max_uses": number(most, most > 1),
        }


def _percent(
    rng: np.random.Generator,
    bill: Ints,
    _kind: Ints,
    *,
    steps: tuple[int, int],
    name: str,
    capped: bool = False,
) -> _Columns:
    """Return `percent_off` offers; `steps` is the range in half per cents, most are whole."""
    halves = rng.integers(*steps, len(bill))
    halves -= (halves % 2) * (rng.random(len(bill)) < 0.8)
    cap = (
        np.maximum(np.round(bill * rng.uniform(0.3, 1.2, len(bill)) / 500), 2).astype(np.int64)
        * 500
    )
    least = np.round(bill * rng.uniform(0.8, 2.0, len(bill)) / 1_000).astype(np.int64) * 1_000
    has_cap = rng.random(len(bill)) < (0.9 if capped else 0.25)
    has_least = (rng.random(len(bill)) < (0.7 if capped else 0.15)) & (least > 0)
    party = rng.random(len(bill)) < 0.04
    return {
        "offer_type": _same("percent_off", len(bill)),
        "title": name + pick(_FOLD, halves) + "折",
        "percent": pick(_PERCENTS, halves),
        "min_spend": number(least, has_least),
        "max_discount": number(cap, has_cap),
        "party_min": number(rng.integers(2, 5, len(bill)), party),
    }


def _amount(
    rng: np.random.Generator,
    bill: Ints,
    _kind: Ints,
    *,
    group: str = "coupon",
    grouped: float = 0.3,
) -> _Columns:
    """Return `amount_off` offers, a share of them in a stack group."""
    least = np.maximum(np.round(bill * rng.uniform(0.8, 2.5, len(bill)) / 1_000), 2).astype(
        np.int64
    )
    least *= 1_000
    amount = np.maximum((least * rng.uniform(0.06, 0.3, len(bill)) / 100).astype(np.int64), 1) * 100
    return {
        "offer_type": _same("amount_off", len(bill)),
        "title": "满" + _yuan(least) + "减" + _yuan(amount),
        "amount": pl.Series(amount),
        "min_spend": pl.Series(least),
        "stack_group": pick([group], np.where(rng.random(len(bill)) < grouped, 0, -1)),
    }


_bank_amount = partial(_amount, group="bank", grouped=0.6)


def _gift(rng: np.random.Generator, bill: Ints, kind: Ints) -> _Columns:
    # Places to eat give a dish, services a trial or a small thing, shops a small thing.
    groups = [of_group(kind, "meal", "drink"), of_group(kind, "service")]
    first, choices = np.select(groups, (0, 4), 5), np.select(groups, (4, 2), 1)
    gift = first + (rng.random(len(bill)) * choices).astype(np.int64)
    worth = np.round(bill * rng.uniform(0.08, 0.35, len(bill)) / 100)
    worth = np.clip(worth, 3, _MOST_WORTH[gift]).astype(np.int64)
    return {
        "offer_type": _same("free_item", len(bill)),
        "title": "赠" + pick(_GIFTS, gift),
        "face_value": pl.Series(worth * 100),
    }


_GIFTS = ("饮品一份", "小食一份", "甜品一份", "招牌菜一份", "体验一次", "小礼品一份")
_MOST_WORTH = np.array((20, 18, 25, 58, 80, 30))
"""Yuan: no drink is worth a third of a dear dinner."""
_ALONE = ("leisure.gym", "leisure.yoga")
_IS_SHARED = np.array(
    [
        kind.path.startswith(("food.", "leisure.", "sight.")) and kind.path not in _ALONE
        for kind in KINDS
    ]
)
_IS_SIGHT = np.array([kind.path.startswith("sight.") for kind in KINDS])
_USUAL = np.array([kind.price for kind in KINDS])
_PERCENTS = tuple(f"{half / 2:g}" for half in range(201))
_FOLD = tuple(f"{(100 - half / 2) / 10:g}" for half in range(201))


def _same(text: str, count: int) -> pl.Series:
    return pick([text], np.zeros(count, np.int64))


def _yuan(fen: Ints) -> pl.Series:
    """Return amounts in yuan as on a price tag: 88, 88.9."""
    whole, tenths = pl.Series(fen // 100).cast(_TEXT), pl.Series(fen // 10 % 10)
    tail = pick(["", *(f".{digit}" for digit in range(1, 10))], tenths.to_numpy())
    return whole + tail


def _blocks(members: Ints) -> Iterator[Ints]:
    for start in range(0, len(members), BLOCK):
        yield members[start : start + BLOCK]
