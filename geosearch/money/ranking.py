"""Weights of the net benefit, the score of `sort=best`, in minor units of the index's currency.

score = redeem_probability * counted_saving - walk_cost_per_m * distance_m + quality
        + relevance_value * relevance
counted_saving = saving * min(1, reference / (pay + saving)), of a gift `gift_value` times that
reference = the spend of the request, else reference_bill * party_size

`offers` computes saving and pay of the best deal, `stacking` those of the best combination, and
`geosearch.kernel` ranks.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from geosearch.money.offers import UNKNOWN_MONEY
from indexes.jit import inline_njit

BASIS_POINTS = 10_000


class Counting(NamedTuple):
    """How much of a saving the net benefit counts."""

    reference: float  # the part of a bill that a saving counts on, minor units
    gift_value: float  # share of a gift's face value that counts


@inline_njit
def counted_saving(counting: Counting, saving: int, pay: int, gifts: int) -> float:
    """Part of a known saving that the net benefit counts, minor units.

    A saving at a dear shop is not worth the detour for a cheap meal, so it counts on at most
    `reference` of the bill. It is never above the saving, and grows with `reference`.

    Parameters
    ----------
    saving
        At least 0.
    pay
        `UNKNOWN_MONEY` for a gift without a known bill; it then counts as 0.
    gifts
        Part of the saving that is gifts: 0 or all of it for one deal.
    """
    bill = saving if pay == UNKNOWN_MONEY else pay + saving
    counted, given = float(saving - gifts), float(gifts)
    if bill > counting.reference:
        share = counting.reference / bill
        counted *= share
        given *= share
    return counted + given * counting.gift_value


class Weights(Struct, frozen=True, kw_only=True):
    """Named weights of the net benefit. Money is in minor units of the index's currency.

    Attributes
    ----------
    redeem_prior, redeem_prior_weight
        Share of working redemptions of a shop without a record, and the number of redemptions that
        this prior counts for. With the default of nine in ten, one bad report moves the share and a
        hundred overrule it.
    star_value
        Worth of one star of rating: about the price that a diner adds for one star more.
    neutral_rating, rating_prior_weight
        The rating worth nothing, and the number of ratings that this prior counts for. It pulls a
        rating of few towards the neutral one (Bayesian average) and hardly changes one of many.
    walk_cost_per_minute
        Cost of a minute of walking: half of an urban hourly wage of about 60 units.
    walk_m_per_minute
        Metres walked in a minute: 80, as in property advertisements and map services.
    relevance_value
        Worth of relevance 1 over relevance 0: an hour's walk. So within 3 km no mention in an
        address ranks before a matching name.
    reference_bill
        Part of a bill that a saving counts on, for each person of a query without a spend: about a
        meal. Without it a hotel for 849 that saves 756 would come first for who wants lunch.
    gift_value
        Share of its face value that a gift counts: nobody chose it, and not everybody wants it.
    """

    redeem_prior: float = 0.9
    redeem_prior_weight: float = 10.0
    star_value: float = 500.0
    neutral_rating: float = 3.5
    rating_prior_weight: float = 20.0
    walk_cost_per_minute: float = 50.0
    walk_m_per_minute: float = 80.0
    relevance_value: float = 3000.0
    reference_bill: float = 10_000.0
    gift_value: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not 0.0 <= value < 1e9:
                raise ValueError(f"Expected a weight in [0, 1e9), got {value!r} - at `{name}`")
        for name in ("redeem_prior", "gift_value"):
            value = getattr(self, name)
            if value > 1.0:
                raise ValueError(f"Expected a share in [0, 1], got {value!r} - at `{name}`")
        for name in ("redeem_prior_weight", "rating_prior_weight", "walk_m_per_minute"):
            if getattr(self, name) == 0.0:
                raise ValueError(f"Expected a weight above 0, got 0 - at `{name}`")

    @property
    def walk_cost_per_m(self) -> float:
        """Cost of a metre of walking in minor units."""
        return self.walk_cost_per_minute / self.walk_m_per_minute

    def counting(self, party_size: int = 1, spend: int | None = None) -> Counting:
        """How much of a saving counts for a party, and for its spend if that is given."""
        reference = self.reference_bill * party_size if spend is None else float(spend)
        return Counting(reference, self.gift_value)

    def redeem_basis_points(
        self, ok: NDArray[np.int64], failed: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        """Probability that a redemption works, in basis points: the mean of a Beta posterior.

        Parameters
        ----------
        ok, failed
            int64[n], counts of past redemptions; 0 without a record.
        """
        share: NDArray[np.float64] = (ok + self.redeem_prior * self.redeem_prior_weight) / (
            ok + failed + self.redeem_prior_weight
        )
        return np.rint(share * BASIS_POINTS).astype(np.uint16)

    def quality_minor(
        self, rating: NDArray[np.float64], rating_count: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Worth of a shop's rating in minor units; 0 if the rating is NaN."""
        weight = self.rating_prior_weight
        shrunk = (rating * rating_count + self.neutral_rating * weight) / (rating_count + weight)
        worth = np.rint(self.star_value * (shrunk - self.neutral_rating))
        return np.where(np.isnan(worth), 0.0, worth).astype(np.int32)


WEIGHT_HELP = {
    "redeem_prior": "Share of redemptions that work at a shop without a record.",
    "redeem_prior_weight": "Number of redemptions that this share counts for.",
    "star_value": "Worth of one star of rating, minor units.",
    "neutral_rating": "Rating that is worth nothing either way, stars.",
    "rating_prior_weight": "Number of ratings that the neutral rating counts for.",
    "walk_cost_per_minute": "Worth of a minute of walking, minor units.",
    "walk_m_per_minute": "Metres walked in a minute.",
    "relevance_value": "Worth of a shop that is exactly what was typed, minor units.",
    "reference_bill": "Part of a bill that a saving counts on, a person, minor units.",
    "gift_value": "Share of its face value that a gift counts.",
}
"""A sentence for each weight, for docs/reference.md and `explain`."""
