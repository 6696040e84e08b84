"""Synthetic snapshots: the same bytes each time, valid by the contract, and believable."""

import gzip
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import opening_hours
import pytest
import shapely

from geosearch.errors import BadRequest
from geosearch.sources.synth import areas as synth_areas
from geosearch.sources.synth import hours as synth_hours
from geosearch.sources.synth.categories import CHAIN_KINDS, DUAL_USE, KINDS, PARENTS
from geosearch.sources.synth.programs import PROGRAMS
from geosearch.sources.synth.terms import RAW as DEAL_RAW
from geosearch.sources.synth.towns import TOWNS
from geosearch.sources.synth.world import DEFAULT_CREATED_AT, synthesise
from tests.geosearch.contract_rows import PROGRAM, deal_faults, faults, merchant_faults

SHOPS = 20_000
TODAY = DEFAULT_CREATED_AT.date()
WORLDS = ("shanghai", "china")
Row = dict[str, Any]


class Tables(NamedTuple):
    folder: Path
    merchants: list[Row]
    deals: list[Row]
    programs: list[Row]
    categories: list[Row]
    zones: list[Row]
    envelope: Row


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read(folder: Path) -> Tables:
    tables = (rows(folder / f"{name}.ndjson") for name in ("merchants", "deals", "programs"))
    merchants, deals, programs = tables
    return Tables(
        folder,
        merchants,
        deals,
        programs,
        rows(folder / "categories.ndjson"),
        json.loads((folder / "zones.geojson").read_text("utf-8"))["features"],
        json.loads((folder / "snapshot.json").read_text("utf-8")),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tables]:
    folder = tmp_path_factory.mktemp("synth")
    for world in WORLDS:
        synthesise(folder / world, merchants=SHOPS, seed=7, world=world)
    return {world: read(folder / world) for world in WORLDS}


@pytest.fixture(params=WORLDS)
def tables(request: pytest.FixtureRequest, made: dict[str, Tables]) -> Tables:
    return made[request.param]


@pytest.fixture
def shanghai(made: dict[str, Tables]) -> Tables:
    return made["shanghai"]


def shops_of(deal: Row, branches: dict[str, list[str]]) -> list[str]:
    found: list[str] = deal["merchant_ids"] if "merchant_ids" in deal else branches[deal["brand"]]
    return found


def branches(tables: Tables) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for merchant in tables.merchants:
        found.setdefault(merchant.get("brand", ""), []).append(merchant["merchant_id"])
    return found


def share(tables: Tables, field: str) -> float:
    return sum(field in merchant for merchant in tables.merchants) / len(tables.merchants)


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


# -- the same arguments, the same bytes


@pytest.mark.parametrize("world", WORLDS)
def test_same_arguments_give_same_bytes(tmp_path: Path, world: str) -> None:
    for name in ("a", "b"):
        synthesise(tmp_path / name, merchants=1_500, seed=3, world=world)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert len(digest(tmp_path / "a")) == 6


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    for seed in (1, 2):
        synthesise(tmp_path / str(seed), merchants=300, seed=seed)
    first, second = (digest(tmp_path / name) for name in ("1", "2"))
    assert {name for name in first if first[name] != second[name]} == {
        "merchants.ndjson",
        "deals.ndjson",
        "zones.geojson",
        "snapshot.json",
    }


@pytest.mark.parametrize("merchants", [1, 2, 17])
@pytest.mark.parametrize("world", WORLDS)
def test_tiny_worlds_are_valid(tmp_path: Path, merchants: int, world: str) -> None:
    synthesise(tmp_path, merchants=merchants, seed=0, world=world)
    tables = read(tmp_path)
    assert len(tables.merchants) == merchants
    assert not [fault for row in tables.merchants for fault in merchant_faults(row)]
    assert not [fault for row in tables.deals for fault in deal_faults(row)]
    brands = {row["brand"] for row in tables.merchants if "brand" in row}
    assert {row["brand"] for row in tables.deals if "brand" in row} <= brands


def test_dates_follow_created_at(tmp_path: Path) -> None:
    created = datetime(2031, 5, 4, 12, tzinfo=UTC)
    synthesise(tmp_path, merchants=2_000, seed=1, created_at=created)
    tables = read(tmp_path)
    assert tables.envelope["created_at"] == created.isoformat()
    starts = [
        date.fromisoformat(deal["valid_from"]) for deal in tables.deals if "valid_from" in deal
    ]
    assert max(starts) <= created.date() + timedelta(days=31)
    assert min(starts) >= created.date() - timedelta(days=400)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"merchants": 0}, "Expected `merchants` of at least 1, got 0"),
        ({"seed": -1}, "Expected `seed` of at least 0, got -1"),
        ({"world": "mars"}, "Expected `world` to be one of shanghai, china, got 'mars'"),
        ({"created_at": datetime(2026, 1, 1)}, "with an offset, got 2026-01-01T00:00:00"),
    ],
)
def test_wrong_arguments_are_told(tmp_path: Path, wrong: Row, says: str) -> None:
    with pytest.raises(BadRequest, match=says.replace("`", ".")):
        synthesise(tmp_path / "out", **{"merchants": 10, "seed": 1, **wrong})
    assert not (tmp_path / "out").exists()


def test_progress_is_told(tmp_path: Path) -> None:
    messages: list[str] = []
    synthesise(tmp_path, merchants=10, seed=1, progress=messages.append)
    assert messages[0] == "placing 10 shops"
    assert len(messages) == 4


# -- every row is what the contract asks for


def test_every_row_is_valid(tables: Tables) -> None:
    checked = [
        *(merchant_faults(row) for row in tables.merchants),
        *(deal_faults(row) for row in tables.deals),
        *(faults(row, PROGRAM, {"program_id", "name"}) for row in tables.programs),
    ]
    assert len(checked) > 2.4 * SHOPS
    assert not [found for found in checked if found]


def test_ids_are_unique_and_links_hold(tables: Tables) -> None:
    merchants = {row["merchant_id"] for row in tables.merchants}
    assert len(merchants) == SHOPS
    assert len({row["deal_id"] for row in tables.deals}) == len(tables.deals)
    programs = {row["program_id"] for row in tables.programs}
    own = branches(tables)
    for deal in tables.deals:
        assert set(deal.get("merchant_ids", ())) <= merchants
        assert "brand" not in deal or deal["brand"] in own
        assert deal.get("program_id") in programs | {None}


def test_every_expression_is_valid(tables: Tables) -> None:
    used = {row["opening_hours"] for row in tables.merchants if "opening_hours" in row}
    windows = {row["use_hours"] for row in tables.deals if "use_hours" in row}
    assert len(used) > 800
    assert len(windows) > 20
    for expression in used | windows | set(synth_hours.vocabulary()):
        opening_hours.OpeningHours(expression)


def test_no_later_rule_cuts_off_a_night() -> None:
    """A `;` rule for the next day would close a bar at midnight; only `,` may follow a night."""

    def wraps(rule: str) -> bool:
        spans = [part for part in rule.replace(",", " ").split() if ":" in part and "-" in part]
        return any(span.split("-")[1] < span.split("-")[0] for span in spans)

    found = [text for text in synth_hours.vocabulary() if any(map(wraps, text.split(";")[:-1]))]
    assert found == []
    assert sum(wraps(text) for text in synth_hours.vocabulary()) > 100


def test_categories_and_envelope(tables: Tables) -> None:
    known = {row["category_id"] for row in tables.categories}
    used = {path for row in tables.merchants for path in row["categories"]}
    assert used <= known
    assert len(used) > 70
    assert {path.rpartition(".")[0] for path in known} - {""} <= known
    for row in tables.categories:
        assert row["names"].keys() == row["aliases"].keys() == {"zh-CN", "en"}
    assert tables.envelope["country"] == "CN"
    assert tables.envelope["schema_version"] == 1


def test_zones_are_valid_and_hold_shops(tables: Tables) -> None:
    kinds = Counter(zone["properties"]["kind"] for zone in tables.zones)
    assert kinds["business_area"] > 70
    assert kinds["mall"] > 10
    assert kinds["campaign"] == 1
    assert len({zone["properties"]["zone_id"] for zone in tables.zones}) == len(tables.zones)
    shapes = [shapely.from_geojson(json.dumps(zone["geometry"])) for zone in tables.zones]
    assert all(shape.is_valid for shape in shapes)
    position = [[row["lng"], row["lat"]] for row in tables.merchants]
    tree = shapely.STRtree(shapely.points(position))
    held = {zone for zone, _ in tree.query(shapes, predicate="covers").T.tolist()}
    assert len(held) > 0.8 * len(shapes)


# -- and believable


def test_hours_have_many_shapes(tables: Tables) -> None:
    known = share(tables, "opening_hours") + share(tables, "opening_periods")
    assert 0.90 <= known <= 0.95
    assert 0.02 <= share(tables, "opening_periods") <= 0.04
    texts = [row["opening_hours"] for row in tables.merchants if "opening_hours" in row]
    marks = {"24/7": 0.02, "PH off": 0.03, ",17:0": 0.02, "; ": 0.05, "Nov-Mar": 0.001}
    for mark, least in marks.items():
        assert sum(mark in text for text in texts) > least * len(texts), mark
    nights = sum("-01:00" in text or "-02:00" in text or "-03:00" in text for text in texts)
    assert nights > 0.05 * len(texts)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.program_id)
def test_cards_reach_their_share(tables: Tables, program: Any) -> None:
    accepting = {
        shop
        for deal in tables.deals
        if deal.get("program_id") == program.program_id
        for shop in deal["merchant_ids"]
    }
    assert len(accepting) == round(program.share * SHOPS)


def test_the_paid_card(shanghai: Tables) -> None:
    red = next(row for row in shanghai.programs if row["program_id"] == "red")
    assert red["fee"] == 16_800
    assert red["kind"] == "membership"
    deals = [deal for deal in shanghai.deals if deal.get("program_id") == "red"]
    assert {deal["offer_type"] for deal in deals} == {"percent_off"}
    assert all(10 <= deal["percent"] <= 20 for deal in deals)


def test_programs_are_of_all_kinds(tables: Tables) -> None:
    assert 6 <= len(tables.programs) <= 11
    assert {row["kind"] for row in tables.programs} == {
        "membership",
        "bank_card",
        "government_voucher",
        "platform",
    }
    assert {row["status"] for row in tables.programs} == {"ACTIVE", "SUSPENDED", "ENDED"}


def test_deals_are_limited_in_every_way(tables: Tables) -> None:
    count = len(tables.deals)
    assert 1.4 * SHOPS < count < 1.6 * SHOPS

    def of(condition: Iterator[bool]) -> float:
        return sum(condition) / count

    deals = tables.deals
    today = TODAY.isoformat()
    assert 0.15 < of("use_hours" in deal for deal in deals) < 0.45
    assert 0.25 < of("party_min" in deal for deal in deals) < 0.5
    assert 0.1 < of("min_spend" in deal for deal in deals) < 0.4
    assert 0.005 < of(deal.get("stock") == 0 for deal in deals) < 0.05
    assert 0.01 < of(deal.get("valid_through", "9") < today for deal in deals) < 0.07
    assert 0.01 < of(deal.get("valid_from", "0") > today for deal in deals) < 0.07
    assert 0.01 < of("new_customer_only" in deal for deal in deals) < 0.1
    assert 0.01 < of("stack_group" in deal for deal in deals) < 0.15
    public = [deal for deal in deals if "program_id" not in deal]
    sources = Counter(deal["source"] for deal in public)
    assert len(sources) == 4
    assert all(of_source > 0.05 * len(public) for of_source in sources.values())
    assert {deal["offer_type"] for deal in deals} == {
        "percent_off",
        "amount_off",
        "voucher",
        "bundle",
        "cashback",
        "free_item",
    }


def test_deals_sit_where_people_expect_them(tables: Tables) -> None:
    own = branches(tables)
    served = Counter(
        shop
        for deal in tables.deals
        for shop in (deal["merchant_ids"] if "merchant_ids" in deal else own.get(deal["brand"], []))
    )
    assert 0.15 < 1 - len(served) / SHOPS < 0.4
    assert max(served.values()) < 40
    assert 10 < sum("brand" in deal for deal in tables.deals) < 500


def test_a_group_buy_saves_more_than_the_card(shanghai: Tables) -> None:
    bundles = [deal for deal in shanghai.deals if deal["offer_type"] == "bundle"]
    off = sorted(1 - deal["price"] / deal["list_price"] for deal in bundles)
    assert 0.2 < off[len(off) // 2] < 0.35
    assert off[0] > 0
    assert off[-1] < 0.65


def test_bundles_and_gifts_are_what_such_a_shop_sells(shanghai: Tables) -> None:
    path_of = {row["merchant_id"]: row["categories"][0] for row in shanghai.merchants}
    served: Counter[tuple[str, str]] = Counter()
    for deal in shanghai.deals:
        if deal["offer_type"] == "bundle":
            assert deal["party_min"] <= deal["party_max"], "a bundle says for how many it is"
        if deal["offer_type"] in ("bundle", "free_item"):
            groups = {path_of[one].split(".")[0] for one in deal.get("merchant_ids", ())}
            served.update((group, deal["title"].split(" ")[0]) for group in groups)
    for group in ("beauty", "health", "service", "shop"):
        titles = {title for (one, title) in served if one == group}
        assert titles <= {"单次套餐", "赠体验一次", "赠小礼品一份"}, group
    assert {"单人套餐", "双人套餐", "四人套餐", "聚会套餐"} <= {
        title for one, title in served if one == "food"
    }
    assert max(d["face_value"] for d in shanghai.deals if d.get("title") == "赠饮品一份") <= 2_000


def test_tea_costs_what_tea_costs(shanghai: Tables) -> None:
    prices = [
        row["avg_price"]
        for row in shanghai.merchants
        if row["categories"][0] == "food.tea_drinks" and "avg_price" in row
    ]
    assert 500 <= min(prices) < 1_500 < max(prices) <= 4_500


def test_only_places_for_guests_have_tags_for_guests(shanghai: Tables) -> None:
    tagged = {
        row["categories"][0].split(".")[0]
        for row in shanghai.merchants
        if {"亲子", "儿童椅", "露台"} & set(row.get("tags", ()))
    }
    assert tagged == {"food", "leisure", "hotel"}


def test_chains_are_few_large_and_many_small(tables: Tables) -> None:
    sizes = sorted((len(ids) for brand, ids in branches(tables).items() if brand), reverse=True)
    assert 0.14 < sum(sizes) / SHOPS < 0.18
    assert len(sizes) > 100
    assert sizes[0] > 10 * sizes[len(sizes) // 2]
    by_brand = {row["brand"]: row for row in tables.merchants if "brand" in row}
    assert all({"aliases", "branch_name"} <= row.keys() for row in by_brand.values())


def test_malls_share_one_position(shanghai: Tables) -> None:
    positions = Counter((row["lat"], row["lng"]) for row in shanghai.merchants)
    together = sum(count for count in positions.values() if count >= 10)
    assert 0.08 < together / SHOPS < 0.16
    assert positions.most_common(1)[0][1] > 25


def test_names_are_chinese_bilingual_and_english(tables: Tables) -> None:
    names = [row["name"] for row in tables.merchants]
    latin = sum(name.isascii() for name in names) / SHOPS
    mixed = sum(" " in name and not name.isascii() for name in names) / SHOPS
    assert 0.01 < latin < 0.08
    assert 0.08 < mixed < 0.25
    assert len(set(names)) > 0.6 * SHOPS
    assert share(tables, "aliases") > 0.3


def test_figures_are_spread(tables: Tables) -> None:
    ratings = sorted(row["rating"] for row in tables.merchants if "rating" in row)
    assert 0.85 < len(ratings) / SHOPS < 0.95
    assert 4.0 < ratings[len(ratings) // 2] < 4.3
    prices = sorted(row["avg_price"] for row in tables.merchants if "avg_price" in row)
    assert 0.85 < len(prices) / SHOPS < 0.95
    assert 4_000 < prices[len(prices) // 2] < 9_000
    assert prices[-1] > 20 * prices[len(prices) // 2]
    states = Counter(row.get("business_status") for row in tables.merchants)
    assert 0.003 < states["CLOSED_PERMANENTLY"] / SHOPS < 0.012
    assert 0.003 < states["CLOSED_TEMPORARILY"] / SHOPS < 0.012


def metres(a: Row, lat: float, lng: float) -> float:
    north = (a["lat"] - lat) * 111_195
    east = (a["lng"] - lng) * 111_195 * math.cos(math.radians(lat))
    return math.hypot(north, east)


def test_shanghai_is_dense_inside_and_sparse_outside(shanghai: Tables) -> None:
    """A query point is a random shop: the share of all shops within 3 km of it."""
    shares = sorted(
        sum(metres(row, here["lat"], here["lng"]) <= 3_000 for row in shanghai.merchants) / SHOPS
        for here in shanghai.merchants[:200]
    )
    assert 0.02 < shares[100] < 0.06
    assert 0.10 < shares[-1] < 0.17
    assert shares[5] < 0.006


def test_no_shop_stands_in_the_river_or_the_sea(shanghai: Tables) -> None:
    land = shapely.MultiPolygon([shapely.Polygon(ring) for ring in synth_areas.LAND])
    river = shapely.LineString(synth_areas.RIVER).buffer(0.001)
    dry = [
        land.contains(shapely.Point(row["lng"], row["lat"]))
        and not river.contains(shapely.Point(row["lng"], row["lat"]))
        for row in shanghai.merchants[:4_000]
    ]
    assert sum(dry) > 0.985 * len(dry)


def test_china_follows_population(made: dict[str, Tables]) -> None:
    shops = Counter(row["city"].removesuffix("市") for row in made["china"].merchants)
    people = {town.name: town.thousands for town in TOWNS}
    assert len(shops) > 295
    for name in ("上海", "北京", "深圳", "成都", "长沙", "兰州"):
        expected = SHOPS * people[name] / sum(people.values())
        assert expected * 0.7 < shops[name] < expected * 1.3, name
    zones = Counter(row.get("time_zone") for row in made["china"].merchants)
    assert zones["Asia/Urumqi"] > 20


def test_towns_are_where_geonames_has_them(shared_data: Path) -> None:
    """The table was written from memory; GeoNames is the other opinion."""
    known: dict[str, list[Row]] = {}
    with gzip.open(shared_data / "geonames_east_asia" / "cities500.jsonl.gz", "rt") as file:
        for line in file:
            place = json.loads(line)
            if place["countrycode"] == "CN":
                for name in place["alternatenames"]:
                    known.setdefault(name, []).append(place)
    assert len(TOWNS) == len({town.name for town in TOWNS}) == 300
    found = like = 0
    for town in TOWNS:
        places = [
            place
            for place in known.get(town.name, []) + known.get(f"{town.name}市", [])
            if metres(
                {"lat": float(place["latitude"]), "lng": float(place["longitude"])},
                town.lat,
                town.lng,
            )
            < 15_000
        ]
        found += bool(places)
        like += any(
            0.2 < town.thousands / max(place["population"] / 1_000, 1) < 5 for place in places
        )
    assert found >= 298
    assert like >= 290


# -- the tables it is made from


def test_word_lists_need_no_escape() -> None:
    """`lines` does not escape, so no word may hold a quote or a backslash."""
    words = [text for kind in KINDS for text in (*kind.nouns, kind.en_noun, kind.path)]
    words += [*synth_hours.vocabulary(), *(area.name for area in synth_areas.SHANGHAI)]
    words += [town.name for town in TOWNS]
    assert not [word for word in words if json.dumps(word, ensure_ascii=False) != f'"{word}"']
    assert "title" not in DEAL_RAW


def test_kinds_are_consistent() -> None:
    paths = [kind.path for kind in KINDS]
    assert len(set(paths)) == len(paths)
    assert set(CHAIN_KINDS) <= set(paths)
    assert {path for pair in DUAL_USE.items() for path in (pair[0], *pair[1])} <= set(paths)
    assert not {parent.path for parent in PARENTS} & set(paths)
    assert {kind.hours for kind in KINDS} == set(synth_hours.FAMILIES)
