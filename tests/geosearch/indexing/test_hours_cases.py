"""Cases of hours that users and mappers reported, built and asked as a service would.

Each case is a small snapshot with what is right at some instants; they are beside the checkout.
"""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch import Query, open_index
from geosearch.indexing.pipeline import REJECTED, build

CASES = {
    "A01_comma_space_days": 12,
    "A01b_comma_space_dates": 10,
    "A02_overnight_tail": 8,
    "A03_ph_off_midnight": 11,
    "A04_ph_weekday": 8,
    "A05_comment_only": 9,
    "A07_closed_words": 11,
    "A09_free_text": 27,
    "A10_sun": 11,
    "A15_last_day": 16,
    "A25_open_end": 6,
}
"""Folder of each case, and how many answers it expects."""

# Three nights are cut there, of `a`, `b` and `d`; the case counts two.
MORE_CUTS = {"A03_ph_off_midnight": {"overnight_trap": 3}}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data.parent / "cases" / "data" / name
    if not folder.is_dir():
        pytest.skip("reported cases are not beside this checkout")
    case = json.loads((folder / "case.json").read_text("utf-8"))
    now = datetime.fromisoformat(case["now"])
    build(folder / "snapshot", tmp_path / "index", now=now, max_rejected=1.0)
    engine = open_index(tmp_path / "index")
    asked = 0
    for expected in case.get("hours", []):
        at = datetime.fromisoformat(expected["at"])
        found = engine.merchant(expected["id"], at)
        assert found is not None
        hours = found["open"]
        assert hours["state"] == expected["state"], expected
        if "until" in expected:
            assert (hours["closes_at"] or hours["opens_at"]) == expected["until"], expected
        place = {"lat": found["merchant"]["lat"], "lng": found["merchant"]["lng"]}
        hits = engine.search(Query(**place, radius=2.0, open="now", at=at, limit=100)).hits
        ids = {hit.merchant["merchant_id"] for hit in hits}
        assert (expected["id"] in ids) == (expected["state"] == "open"), expected
        asked += 1
    for expected in case.get("deals", []):
        assert usable(engine, expected) == expected["usable"], expected
        asked += 1
    assert asked == CASES[name]
    entries = (tmp_path / "index" / REJECTED).read_text("utf-8").splitlines()
    counts = Counter(json.loads(entry)["code"] for entry in entries)
    for code, count in case.get("rejects", {}).items():
        wanted = count["n"] if isinstance(count, dict) else count
        assert counts[code] == MORE_CUTS.get(name, {}).get(code, wanted)


def usable(engine: Any, expected: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(expected["at"])
    shop = engine.merchant(expected["id"], at)["merchant"]
    cards = {"cards": tuple(expected["cards"]), "deals": "card"} if "cards" in expected else {}
    asked: dict[str, Any] = {"lat": shop["lat"], "lng": shop["lng"], "radius": 2.0, "at": at}
    asked |= {"limit": 100, "spend": expected["spend"], "deals": "any"} | cards
    query = Query(**asked)
    for hit in engine.search(query).hits:
        if hit.merchant["merchant_id"] == expected["id"]:
            deals = [*hit.deals, *([hit.best_deal] if hit.best_deal else [])]
            for deal in deals:
                told = deal.payload
                payload = told if isinstance(told, dict) else json.loads(bytes(told))
                if payload["deal_id"] == expected["deal"]:
                    until = expected.get("usable_until")
                    return until is None or deal.usable_until == until
    return False
