"""Made-up deals that combine with a bank's: 店铺满减 and 平台券 at shops with 银行立减.

On Chinese platforms a shop's own discount, the bank's at payment and the platform's coupon apply
one after the other. A few shops in a hundred have two or three of them here; the deals of the bank
are among those of cards.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import polars as pl

from geosearch.sources.synth.lines import pick
from geosearch.sources.synth.places import Ints
from geosearch.sources.synth.shops import Shops, merchant_id
from geosearch.sources.synth.terms import Odds, common

STACKED = 0.025
"""Share of shops with deals that are made to combine with a bank's."""

_PLATFORMS = ("meituan", "douyin")
_COUPONED = 0.6
"""Share of these shops with a coupon of a platform, too."""


def stack_frames(
    rng: np.random.Generator, shops: Shops, banked: Ints, now: datetime
) -> Iterator[pl.DataFrame]:
    """Yield the deals of shops, then the coupons of platforms; `banked` shops have a bank's."""
    count = min(round(STACKED * len(shops)), len(banked))
    members = np.sort(rng.choice(banked, count, replace=False))
    couponed = members[rng.random(count) < _COUPONED]
    source = rng.integers(0, len(_PLATFORMS), len(couponed))
    own = pick(["own"], 0 * members)
    yield _frame(rng, shops, members, now, (0.8, 0.1), "shop", own, "店铺")
    coupons = pick(_PLATFORMS, source)
    yield _frame(rng, shops, couponed, now, (0.4, 0.05), "coupon", coupons, "平台券")


def _frame(
    rng: np.random.Generator,
    shops: Shops,
    who: Ints,
    now: datetime,
    size: tuple[float, float],
    group: str,
    source: pl.Series,
    name: str,
) -> pl.DataFrame:
    """Return an `amount_off` deal for each shop: shares of its bill that it needs and takes."""
    needs, takes = size
    bill = shops.bill[who]
    least = np.maximum(np.round(bill * rng.uniform(needs, 2 * needs, len(who)) / 1_000), 1)
    least = least.astype(np.int64) * 1_000
    amount = np.maximum(np.round(bill * rng.uniform(takes, 2 * takes, len(who)) / 100), 1)
    amount = np.minimum(amount.astype(np.int64) * 100, least)
    yuan = [pl.Series(values // 100).cast(pl.String) for values in (least, amount)]
    return pl.DataFrame(
        {
            "merchant_ids": '["' + merchant_id(who) + '"]',
            "source": source,
            "offer_type": pick(["amount_off"], 0 * who),
            "title": name + "满" + yuan[0] + "减" + yuan[1],
            "amount": pl.Series(amount),
            "min_spend": pl.Series(least),
            "stack_group": pick([group], 0 * who),
            **common(rng, shops.kind[who], now, Odds(hours=0.1, dated=0.5)),
        }
    )
