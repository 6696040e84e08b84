"""Net benefit: the one number `sort=best` ranks by, in minor units of the index's currency.

score = redeem_probability * saving - walk_cost_per_m * distance_m + quality
        + relevance_value * relevance

Useful for: the named weights, what they make of a merchant's record, and the parts of a score.
Not useful for: savings (`offers`) and the order itself (`kernel`).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BASIS_POINTS = 10_000


class Weights(Struct, frozen=True, kw_only=True):
    """Named weights of the net benefit. Money is in minor units of the index's currency.

    Attributes
    ----------
    redeem_prior, redeem_prior_weight
        Share of redemptions that work at a shop without a record, and how many redemptions that
        belief weighs: nine of ten, which one bad report moves and a hundred overrule.
    star_value
        Worth of one star of rating: about what a diner pays more for a place rated one better.
    neutral_rating, rating_prior_weight
        The rating worth nothing either way, and how many ratings that belief weighs. A rating of
        few is drawn towards it (Bayesian average), one of many is taken as it is.
    walk_cost_per_minute
        Worth of a minute of walking: half of an urban hourly wage of about 60 units.
    walk_m_per_minute
        Metres walked in a minute: 80, as property advertisements and map services count.
    relevance_value
        Worth of a shop being exactly what was typed rather than barely: an hour's walk, so that
        within 3 km no mention in an address comes before the name itself.
    """

    redeem_prior: float = 0.9
    redeem_prior_weight: float = 10.0
    star_value: float = 500.0
    neutral_rating: float = 3.5
    rating_prior_weight: float = 20.0
    walk_cost_per_minute: float = 50.0
    walk_m_per_minute: float = 80.0
    relevance_value: float = 3000.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not 0.0 <= value < 1e9:
                raise ValueError(f"Expected a weight in [0, 1e9), got {value!r} - at `{name}`")
        if self.redeem_prior > 1.0:
            raise ValueError(
                f"Expected a share in [0, 1], got {self.redeem_prior!r} - at `redeem_prior`"
            )
        for name in ("redeem_prior_weight", "rating_prior_weight", "walk_m_per_minute"):
            if getattr(self, name) == 0.0:
                raise ValueError(f"Expected a weight above 0, got 0 - at `{name}`")

    @property
    def walk_cost_per_m(self) -> float:
        """Minor units that a metre of walking costs."""
        return self.walk_cost_per_minute / self.walk_m_per_minute

    def redeem_basis_points(
        self, ok: NDArray[np.int64], failed: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        """Probability that a redemption works, in 1/10000: the mean of a Beta posterior.

        Parameters
        ----------
        ok, failed
            int64[n], counts of past redemptions, 0 where there is no record.
        """
        share: NDArray[np.float64] = (ok + self.redeem_prior * self.redeem_prior_weight) / (
            ok + failed + self.redeem_prior_weight
        )
        return np.rint(share * BASIS_POINTS).astype(np.uint16)

    def quality_minor(
        self, rating: NDArray[np.float64], rating_count: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Worth of a shop's rating in minor units; 0 where the rating is NaN."""
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
}
"""A sentence for each weight, for docs/reference.md and `explain`."""
