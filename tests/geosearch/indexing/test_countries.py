"""Each shop, and each deal at it, follows the holidays of where it stands."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from geosearch.indexing.pipeline import REJECTED, build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import current
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant, write_snapshot

SHANGHAI, HONG_KONG, MACAU, TAIPEI = (
    (31.23, 121.47),
    (22.28, 114.16),
    (22.19, 113.54),
    (25.03, 121.56),
)
LONDON, EDINBURGH, CARLISLE = (51.51, -0.12), (55.95, -3.19), (54.89, -2.93)
MUNICH, BERLIN, ULM = (48.14, 11.58), (52.52, 13.40), (48.3984, 9.9916)
TOKYO, SAN_JUAN, BOSTON = (35.68, 139.77), (18.46, -66.11), (42.36, -71.06)
PLACES = {
    **dict.fromkeys((SHANGHAI, HONG_KONG, MACAU, TAIPEI), ("Asia/Shanghai", "+08:00")),
    **dict.fromkeys((LONDON, EDINBURGH, CARLISLE), ("Europe/London", "+01:00")),
    **dict.fromkeys((MUNICH, BERLIN, ULM), ("Europe/Berlin", "+01:00")),
    TOKYO: ("Asia/Tokyo", "+09:00"),
    SAN_JUAN: ("America/Puerto_Rico", "-04:00"),
    BOSTON: ("America/New_York", "-04:00"),
}


class Case(NamedTuple):
    """Whether a shop with `Mo-Su 09:00-17:00; PH off` is closed on that day."""

    envelope: str
    country: str | None
    place: tuple[float, float]
    day: str
    holiday: bool


CASES = [
    # the place makes the envelope's country exact
    Case("GB", None, LONDON, "2026-08-31", True),
    Case("GB", None, EDINBURGH, "2026-08-31", False),
    Case("GB", None, EDINBURGH, "2026-08-03", True),
    Case("DE", None, MUNICH, "2027-01-06", True),
    Case("DE", None, BERLIN, "2027-01-06", False),
    Case("DE", None, ULM, "2027-01-06", False),  # on the border: the country's, who knows
    Case("US", None, BOSTON, "2026-04-20", True),
    # and the merchant's
    Case("CN", "GB", LONDON, "2026-08-31", True),
    Case("CN", "DE", MUNICH, "2027-01-06", True),
    # a part that is named holds wherever the shop is
    Case("GB-ENG", None, LONDON, "2026-08-31", True),
    Case("GB-ENG", None, EDINBURGH, "2026-08-31", True),
    Case("GB", "GB-SCT", LONDON, "2026-08-31", False),
    Case("GB", "GB-ENG", EDINBURGH, "2026-08-31", True),
    Case("GB", "GB-ENG", CARLISLE, "2026-08-31", True),
    Case("DE", "DE-BY", ULM, "2027-01-06", True),
    # a merchant's country is not the envelope's
    Case("CN", "JP", TOKYO, "2026-11-03", True),
    Case("CN", None, TOKYO, "2026-11-03", False),
    Case("CN", None, TOKYO, "2026-10-06", True),
    Case("DE", "FR", BERLIN, "2026-11-11", True),
    # no shop in Hong Kong, Macau or Taiwan follows the mainland, whatever the rows say
    Case("CN", None, SHANGHAI, "2026-10-06", True),
    Case("CN", None, SHANGHAI, "2026-10-19", False),
    *(
        case
        for named in (None, "CN", "CN-HK", "HK")
        for case in (
            Case("CN", named, HONG_KONG, "2026-10-06", False),
            Case("CN", named, HONG_KONG, "2026-10-19", True),
        )
    ),
    Case("CN", None, MACAU, "2026-10-06", False),
    Case("CN", None, MACAU, "2026-12-20", True),
    Case("CN", "CN-MO", MACAU, "2026-12-20", True),
    Case("CN", None, TAIPEI, "2026-10-06", False),
    Case("CN", None, TAIPEI, "2026-10-10", True),
    Case("CN-HK", None, HONG_KONG, "2026-10-19", True),
    Case("US", None, SAN_JUAN, "2026-11-19", True),  # Discovery of Puerto Rico
    # what is no code costs the field, and no more
    Case("CN", "ZZ", SHANGHAI, "2026-10-06", True),
    Case("GB", "ZZ", LONDON, "2026-08-31", True),
    Case("GB", "GB-XXX", LONDON, "2026-08-31", True),
    Case("CN", "DE-XX", BERLIN, "2026-12-25", True),
]


def built(
    folder: Path, now: str, rows: list[Row], *, deals: list[Row], **envelope: Any
) -> Searcher:
    tables: dict[str, list[Row | bytes]] = {
        "programs": [PROGRAM],
        "merchants": [*rows],
        "deals": [*deals],
    }
    write_snapshot(folder / "snapshot", tables)
    (folder / "snapshot" / "snapshot.json").write_text(json.dumps(ENVELOPE | envelope))
    build(folder / "snapshot", folder / "index", now=datetime.fromisoformat(now))
    return open_index(folder / "index")


def state(engine: Searcher, shop: str, at: datetime) -> str:
    found = engine.merchant(shop, at)
    assert found is not None
    return str(found["open"]["state"])


def usable(engine: Searcher, place: tuple[float, float], at: datetime) -> set[str]:
    lat, lng = place
    query = Query(lat=lat, lng=lng, radius=100.0, at=at, deals="any", limit=100, spend=1000)
    hits = engine.search(query).hits
    deals = [deal for hit in hits for deal in (hit.best_deal, *hit.deals)]
    return {deal.deal_id for deal in deals if deal is not None}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Searcher]:
    """An index for each envelope and day, with the shops of its cases."""
    found = {}
    for envelope, day in {(case.envelope, case.day) for case in CASES}:
        rows, deals = [], []
        for number, case in enumerate(CASES):
            if (case.envelope, case.day) != (envelope, day):
                continue
            place: Row = {"lat": case.place[0], "lng": case.place[1], "country": case.country}
            place |= {"time_zone": PLACES[case.place][0]}
            hours = {"hours": "Mo-Su 09:00-17:00; PH off", "deals": "Mo-Su 09:00-17:00"}
            rows += [
                merchant(number, merchant_id=f"{kind}{number}", opening_hours=text, **place)
                for kind, text in hours.items()
            ]
            use_hours = "Mo-Su 11:00-14:00; PH off"
            deals.append(deal(number, merchant_ids=[f"deals{number}"], use_hours=use_hours))
        folder, now = tmp_path_factory.mktemp("holidays"), f"{day}T00:00:00+00:00"
        found[envelope, day] = built(folder, now, rows, deals=deals, country=envelope)
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[str(case[:4]) for case in CASES])
def test_a_shop_and_its_deals_follow_their_own_holidays(
    engines: dict[tuple[str, str], Searcher], number: int
) -> None:
    case = CASES[number]
    engine = engines[case.envelope, case.day]
    at = datetime.fromisoformat(f"{case.day}T12:00:00{PLACES[case.place][1]}")
    assert state(engine, f"hours{number}", at) == ("closed" if case.holiday else "open")
    assert state(engine, f"deals{number}", at) == "open"
    assert (f"d{number}" in usable(engine, case.place, at)) != case.holiday


OFFICE = "Mo-Fr 09:00-18:00; PH off"


@pytest.mark.parametrize("makeup", [None, False, True])
def test_make_up_workdays_are_an_option_of_the_envelope(
    tmp_path: Path, makeup: bool | None
) -> None:
    option = {} if makeup is None else {"makeup_workdays": makeup}
    lat, lng = HONG_KONG
    engine = built(
        tmp_path,
        "2026-09-15T00:00:00+08:00",
        [
            merchant(0, opening_hours=OFFICE),
            merchant(1, lat=lat, lng=lng, opening_hours=OFFICE),
            merchant(2, opening_hours="24/7"),
            merchant(3, lat=lat, lng=lng, opening_hours="24/7"),
        ],
        deals=[deal(0, merchant_ids=["m2", "m3"], use_hours="Mo-Fr 11:00-14:00; PH off")],
        **option,
    )
    for day in ("2026-09-20", "2026-10-10"):
        at = datetime.fromisoformat(f"{day}T12:00:00+08:00")
        assert state(engine, "m0", at) == ("open" if makeup else "closed")
        assert state(engine, "m1", at) == "closed", "Hong Kong does not work"
        assert usable(engine, SHANGHAI, at) == ({"d0"} if makeup else set())
        assert usable(engine, HONG_KONG, at) == set()
    off = datetime.fromisoformat("2026-10-06T12:00:00+08:00")
    assert state(engine, "m0", off) == "closed"
    assert state(engine, "m1", off) == "open"
    assert engine.manifest["snapshot_id"] == ENVELOPE["snapshot_id"]


# country of envelope, country of row, place, hours: warnings
WARNED: list[tuple[str, str | None, tuple[float, float], str, dict[str, dict[str, int]]]] = [
    ("CN", None, SHANGHAI, OFFICE, {}),
    ("CN", None, HONG_KONG, OFFICE, {}),
    ("CN", None, TOKYO, OFFICE, {"merchants": {"other_country": 1}}),
    ("CN", None, TOKYO, "Mo-Fr 09:00-18:00", {}),  # no holiday matters
    ("DE", "FR", BERLIN, OFFICE, {"merchants": {"other_country": 1}}),
    ("CN", "JP", TOKYO, OFFICE, {}),
    ("GB", None, EDINBURGH, OFFICE, {}),
    ("GB-ENG", None, EDINBURGH, OFFICE, {}),
    ("CN", "ZZ", SHANGHAI, OFFICE, {"merchants": {"bad_country": 2}}),
    ("DE", "DE-XX", BERLIN, OFFICE, {"merchants": {"unknown_subdivision": 1}}),
    ("CN-SH", None, SHANGHAI, OFFICE, {"snapshot": {"unknown_subdivision": 1}}),
]


@pytest.mark.parametrize(("envelope", "country", "place", "hours", "warnings"), WARNED)
def test_doubtful_countries_are_told(
    tmp_path: Path,
    envelope: str,
    country: str | None,
    place: tuple[float, float],
    hours: str,
    warnings: dict[str, dict[str, int]],
) -> None:
    rows = [
        merchant(number, lat=place[0], lng=place[1], country=country, opening_hours=hours)
        for number in range(2)
    ]
    engine = built(tmp_path, "2026-09-15T00:00:00+08:00", rows, deals=[], country=envelope)
    report = json.loads((tmp_path / "index" / "report.json").read_text())
    assert report["warnings"] == warnings
    assert report["rejected"] == {}
    assert engine.info()["merchants"] == 2


def test_guessed_holidays_are_in_the_report_and_in_the_index(tmp_path: Path) -> None:
    rows = [merchant(0, opening_hours=OFFICE), merchant(1, opening_hours="24/7")]
    engine = built(tmp_path, "2026-11-22T12:00:00+08:00", rows, deals=[])
    guesses = [{"country": "CN", "since": "2027-01-01", "days": ["2027-01-01"]}]
    assert engine.info()["provisional_holidays"] == guesses
    assert engine.info()["country"] == "CN"
    folder = current(tmp_path / "index")
    report = json.loads((folder / "report.json").read_text())
    assert report["provisional_holidays"] == guesses
    assert report["warnings"] == {"snapshot": {"provisional_holidays": 1}}
    (entry,) = map(json.loads, (folder / REJECTED).read_text().splitlines())
    assert entry["code"] == "provisional_holidays"
    assert "2027-01-01 is guessed" in entry["message"]
    engine = built(tmp_path, "2026-11-10T12:00:00+08:00", rows, deals=[])
    assert engine.info()["provisional_holidays"] == []


def test_a_deal_alone_asks_for_its_merchants_country(tmp_path: Path) -> None:
    """Its shops have no hours that name a holiday."""
    lat, lng = HONG_KONG
    rows = [
        merchant(0, opening_hours="24/7"),
        merchant(1, lat=lat, lng=lng, opening_hours="24/7", brand="b"),
    ]
    deals = [
        deal(0, merchant_ids=["m0"], use_hours="Mo-Su 11:00-14:00; PH off"),
        deal(1, merchant_ids=None, brand="b", use_hours="Mo-Su 11:00-14:00; PH off"),
    ]
    engine = built(tmp_path, "2026-09-15T00:00:00+08:00", rows, deals=deals)
    at = datetime.fromisoformat("2026-10-06T12:00:00+08:00")
    assert usable(engine, SHANGHAI, at) == set()
    assert usable(engine, HONG_KONG, at) == {"d1"}
