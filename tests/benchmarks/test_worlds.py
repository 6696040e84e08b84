"""Worlds are what their corpus model says, the same each time, and kept in the cache."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from benchmarks.brute import BruteForce
from benchmarks.cache import VARIABLE
from benchmarks.families import FAMILIES
from benchmarks.flat import Flat
from benchmarks.world_deals import ALL_SHARES
from benchmarks.worlds import World, open_world
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import current

MODEL = World("city", 40_000)


@pytest.fixture(scope="module")
def model(world_cache: Path) -> Searcher:
    return open_index(open_world(MODEL))


@pytest.fixture(scope="module")
def brute(model: Searcher) -> BruteForce:
    return BruteForce(model)


@pytest.fixture(scope="module")
def flat(brute: BruteForce) -> Flat:
    return brute.flat


@pytest.mark.parametrize("text", ["city", "town:5", "city:", "city:-1", "city:0", "city:1e6"])
def test_odd_worlds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected city or towns or pile:MERCHANTS"):
        World.parse(text)


def test_shares_of_programmes(model: Searcher) -> None:
    held = {record["program_id"]: record["merchants"] for record in model.programs()}
    assert set(held) == set(ALL_SHARES)
    for name, share in ALL_SHARES.items():
        # Up to a tenth of the deals is over, and chance does the rest.
        expected = share * MODEL.merchants
        assert 0.8 * expected - 3 * expected**0.5 <= held[name] <= expected + 4 * expected**0.5


def test_hours(brute: BruteForce, flat: Flat) -> None:
    nearest_open = next(family for family in FAMILIES if family.name == "nearest_red")
    query = nearest_open.at(31.2, 121.4)
    state = brute.states(query)[flat.schedule]
    shares = np.bincount(state, minlength=3) / len(state)
    assert 0.55 < shares[1] < 0.7
    assert 0.06 < shares[2] < 0.08
    assert 300 < len(np.unique(flat.schedule)) <= 401


def test_offers_and_deals(flat: Flat) -> None:
    assert 2.9 < len(flat.offer_deal) / MODEL.merchants < 3.6
    assert 1.8 < len(flat.deal_terms) / MODEL.merchants < 2.4
    public = np.unique(
        np.repeat(np.arange(MODEL.merchants), flat.end_offer - flat.first_offer)[
            flat.offer_program == 0
        ]
    )
    assert 0.28 < len(public) / MODEL.merchants < 0.32


def test_malls_share_positions(flat: Flat) -> None:
    _, shops = np.unique(np.stack([flat.x, flat.y]), axis=1, return_counts=True)
    assert 0.08 < shops[shops > 5].sum() / MODEL.merchants < 0.2


def test_towns_are_many(world_cache: Path) -> None:
    engine = open_index(open_world(World("towns", 3_000)))
    cities = {
        orjson.loads(engine.segments[0].merchant_payload(doc))["city"] for doc in range(3_000)
    }
    assert len(cities) > 150


def test_payloads_are_what_answers_show(toy: Searcher) -> None:
    merchant = orjson.loads(toy.segments[0].merchant_payload(7))
    assert merchant["merchant_id"] == toy.segments[0].merchant_id(7)
    assert {"name", "categories", "address", "city", "time_zone"} <= set(merchant)
    deal = orjson.loads(toy.segments[0].deal_payload(7))
    assert deal["deal_id"] == toy.segments[0].deal_id(7)


def test_the_same_world_has_the_same_columns(
    world_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("city", 500)
    one = current(open_world(world)) / "segment-0000"
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    two = current(open_world(world)) / "segment-0000"
    names = sorted(path.name for path in one.glob("*.npy"))
    assert len(names) > 30
    assert [name for name in names if (one / name).read_bytes() != (two / name).read_bytes()] == []
