"""The row checker itself: it must be able to fail."""

from typing import Any

import pytest

from tests.geosearch.contract_rows import deal_faults, merchant_faults

MERCHANT = {"merchant_id": "m", "name": "n", "lat": 31.2, "lng": 121.4}
ALWAYS = [{"open": {"day": 1, "hour": 9, "minute": 0}}]
DEAL = {
    "deal_id": "d",
    "merchant_ids": ["m"],
    "offer_type": "bundle",
    "title": "t",
    "price": 100,
    "list_price": 200,
}


def test_good_rows_have_no_faults() -> None:
    assert merchant_faults(MERCHANT) == deal_faults(DEAL) == []
    assert merchant_faults({**MERCHANT, "opening_periods": ALWAYS}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"lat": 91},
        {"lng": "121.4"},
        {"name": ""},
        {"rating": 5.5},
        {"avg_price": 1.5},
        {"categories": ["food..cafe"]},
        {"aliases": ["a", "a"]},
        {"time_zone": "Asia/Atlantis"},
        {"updated_at": "2026-11-22T10:00:00"},
        {"opening_periods": [{"open": {"day": 7, "hour": 0, "minute": 0}}]},
        {"opening_hours": "24/7", "opening_periods": ALWAYS},
        {"colour": "red"},
    ],
)
def test_bad_merchants_are_found(change: dict[str, Any]) -> None:
    assert merchant_faults({**MERCHANT, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"offer_type": "gift"},
        {"offer_type": "voucher"},
        {"brand": "b"},
        {"price": 300},
        {"party_min": 3, "party_max": 2},
        {"valid_from": "2026-02-01", "valid_through": "2026-01-01"},
        {"redemption": {"channel": "fax", "appointment": False}},
        {"stock": -1},
    ],
)
def test_bad_deals_are_found(change: dict[str, Any]) -> None:
    assert deal_faults({**DEAL, **change})
