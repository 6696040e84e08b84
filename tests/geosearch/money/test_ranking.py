"""Net benefit: what the named weights make of a merchant's record."""

import numpy as np
import pytest

from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import BASIS_POINTS, Weights, counted_saving

DEFAULT = Weights()


def redeem(ok: int, failed: int, weights: Weights = DEFAULT) -> int:
    return int(weights.redeem_basis_points(np.array([ok]), np.array([failed]))[0])


def quality(rating: float, count: int, weights: Weights = DEFAULT) -> int:
    return int(weights.quality_minor(np.array([rating]), np.array([count]))[0])


@pytest.mark.parametrize(
    ("ok", "failed", "expected"),
    [
        (0, 0, 9000),
        (0, 1, 8182),
        (1, 0, 9091),
        (90, 0, 9900),
        (0, 100, 818),
        (2_000_000_000, 0, BASIS_POINTS),
        (0, 2_000_000_000, 0),
    ],
)
def test_redemption_probability(ok: int, failed: int, expected: int) -> None:
    assert redeem(ok, failed) == expected


@pytest.mark.parametrize(
    ("rating", "count", "expected"),
    [
        (float("nan"), 0, 0),
        (float("nan"), 900, 0),
        (5.0, 0, 0),
        (5.0, 20, 375),
        (5.0, 2_000_000_000, 750),
        (3.5, 77, 0),
        (0.0, 20, -875),
        (0.0, 2_000_000_000, -1750),
    ],
)
def test_quality(rating: float, count: int, expected: int) -> None:
    assert quality(rating, count) == expected


def test_weights_change_what_they_name() -> None:
    assert redeem(0, 0, Weights(redeem_prior=0.5)) == 5000
    assert redeem(0, 1, Weights(redeem_prior_weight=1.0)) == 4500
    assert quality(5.0, 20, Weights(star_value=1000.0)) == 750
    assert quality(4.0, 20, Weights(neutral_rating=4.0)) == 0
    assert quality(5.0, 20, Weights(rating_prior_weight=60.0)) == 188
    assert Weights(walk_cost_per_minute=80.0).walk_cost_per_m == 1.0
    assert DEFAULT.walk_cost_per_m == 0.625


@pytest.mark.parametrize(
    ("saving", "pay", "gifts", "party_size", "spend", "expected"),
    [
        (75_600, 84_900, 0, 1, None, 75_600 * (10_000 / 160_500)),
        (75_600, 84_900, 0, 20, None, 75_600.0),
        (75_600, 84_900, 0, 1, 80_250, 37_800.0),
        (1_000, 9_000, 0, 1, None, 1_000.0),
        (1_000, 9_001, 0, 1, None, 1_000 * (10_000 / 10_001)),
        (1_000, 9_000, 1_000, 1, None, 500.0),
        (1_000, 19_000, 1_000, 1, None, 250.0),
        (1_000, UNKNOWN_MONEY, 1_000, 1, None, 500.0),
        (40_000, UNKNOWN_MONEY, 40_000, 1, None, 5_000.0),
        (1_000, 9_000, 400, 1, None, 800.0),  # deals that combine, one of them a gift
        (3_000, 17_000, 1_000, 1, None, 1_250.0),
        (0, 0, 0, 1, None, 0.0),
        (0, 0, 0, 1, 0, 0.0),  # no bill to divide by
        (500, 500, 0, 1, 0, 0.0),
        (2_000_000_000, 2_000_000_000, 0, 1_000, None, 2e9 * (1e7 / 4e9)),
    ],
)
def test_what_counts_of_a_saving(
    saving: int, pay: int, gifts: int, party_size: int, spend: int | None, expected: float
) -> None:
    counting = DEFAULT.counting(party_size, spend)
    assert counted_saving(counting, saving, pay, gifts) == expected


def test_weights_of_what_counts() -> None:
    assert Weights(reference_bill=5_000.0).counting(3) == (15_000.0, 0.5)
    assert Weights(reference_bill=5_000.0, gift_value=0.0).counting(3, 700) == (700.0, 0.0)
    assert counted_saving(Weights(reference_bill=0.0).counting(), 500, 500, 0) == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redeem_prior", -0.1),
        ("redeem_prior", 1.1),
        ("redeem_prior_weight", 0.0),
        ("rating_prior_weight", 0.0),
        ("walk_m_per_minute", 0.0),
        ("star_value", float("nan")),
        ("star_value", float("inf")),
        ("walk_cost_per_minute", 1e9),
        ("neutral_rating", -1.0),
        ("reference_bill", -1.0),
        ("reference_bill", 1e9),
        ("reference_bill", float("nan")),
        ("gift_value", -0.1),
        ("gift_value", 1.1),
    ],
)
def test_a_weight_that_makes_no_sense_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"at `{name}`"):
        Weights(**{name: value})
