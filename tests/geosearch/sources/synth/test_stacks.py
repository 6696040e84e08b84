"""A few shops of the made-up city have deals that combine."""

from pathlib import Path

from geosearch.sources.synth.world import synthesise
from tests.geosearch.sources.synth.test_world import branches, read

SHOPS = 10_000


def test_a_few_shops_have_deals_that_combine(tmp_path: Path) -> None:
    """店铺满减, 银行立减 and 平台券 at one shop, or two of them; a few combine by accident."""
    synthesise(tmp_path, merchants=SHOPS, seed=7, world="shanghai")
    tables = read(tmp_path)
    own, groups = branches(tables), dict[str, set[str]]()
    for deal in tables.deals:
        if "stack_group" in deal:
            for shop in deal.get("merchant_ids") or own.get(deal["brand"], []):
                groups.setdefault(shop, set()).add(deal["stack_group"])
    stacked = [found for found in groups.values() if len(found) > 1]
    assert 0.02 * SHOPS < len(stacked) < 0.05 * SHOPS
    assert sum({"shop", "bank", "coupon"} <= found for found in stacked) > 0.005 * SHOPS
