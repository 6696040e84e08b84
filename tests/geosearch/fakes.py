"""A small engine for tests of the service, and the service over it: answers are made up."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from starlette.testclient import TestClient

from geosearch.answer.contents import Box
from geosearch.answer.model import Answer, Page
from geosearch.errors import BadRequest, NotReady
from geosearch.query.cursor import Cursor, continue_from, fingerprint, write_cursor
from geosearch.query.parameters import problem
from geosearch.query.query import MerchantQuery, Query
from geosearch.segment.versions import publish
from geosearch.service.app import create_app
from geosearch.service.engines import Engines
from geosearch.service.settings import Settings
from geosearch.suggest.suggester import Suggestion, Suggestions, SuggestQuery
from indexes.allowance import Allowance, TooMuchWork, take
from indexes.geo.datum import Datum

SHOPS = 250
ZONE: dict[str, Any] = {
    "zone_id": "mall", "kind": None, "valid_from": None, "valid_through": None,
}  # fmt: skip
COUNTS = ("merchants", "deals", "programs", "zones", "segments", "hot_bytes", "age_seconds")


class FakeEngine:
    """Knows `SHOPS` shops in a row north of wherever it is asked.

    The file `engine.json` of its folder says how it behaves: `past` shifts its horizon,
    `broken` makes every search fail, `slow` makes each take so many seconds, `work` makes every
    answer take so many steps. `threads` names the threads that gave one.
    """

    def __init__(self, folder: Path) -> None:
        self.version = folder.name
        self.ways: dict[str, Any] = orjson.loads((folder / "engine.json").read_bytes())
        self.asked: list[Query] = []
        self.threads: list[str] = []
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = today - timedelta(days=1 + self.ways.get("past", 0))
        self.end = self.start + timedelta(days=45)

    as_of_seq: int | None = None

    @property
    def as_of(self) -> dict[str, int]:
        return {}

    def latest(self) -> "FakeEngine":
        return self

    def page(self, query: Query) -> Page:
        self.asked.append(query)
        if self.ways.get("broken"):
            raise RuntimeError("a secret of the engine")
        time.sleep(self.ways.get("slow", 0))
        self._work()
        cursor = continue_from(query) if query.cursor else None
        at = cursor.at if cursor else query.at or datetime.now(UTC)
        if not self.start <= at < self.end:
            if cursor is None and query.at is None:
                raise NotReady("The time horizon of the index does not include now")
            bounds = f"`at` from {self.start.isoformat()} to {self.end.isoformat()}"
            found = problem("at_outside_horizon", bounds, at.isoformat(), ("at",))
            raise BadRequest(found["detail"], [found], found["code"])
        if query.zone is not None and query.zone != "mall":
            found = problem("unknown_zone", "`zone` of the snapshot", repr(query.zone), ("zone",))
            raise BadRequest(found["detail"], [found], found["code"])
        first = cursor.doc + 1 if cursor else 0
        docs = range(first, min(first + query.limit, SHOPS))
        answer = Answer(
            snapshot_id=self.ways.get("snapshot_id", "fake"),
            at=at.isoformat(),
            took_us=12,
            next_cursor=self._cursor(query, at, docs[-1]) if docs.stop < SHOPS else None,
            total=SHOPS if query.total else None,
            facets={name: {"food": SHOPS} for name in query.facets} if query.facets else None,
            explain={"plan": [{"driver": "tree"}]} if query.explain else None,
            unknown_cards=tuple(card for card in query.cards if card == "nobodys"),
        )
        results = orjson.dumps([_result(query, doc) for doc in docs])
        return Page(answer=answer, results=results, count=len(docs))

    def pages(self, queries: Sequence[Query], most_work: int) -> list[Page | TooMuchWork | None]:
        return [self._tried(query, most_work) for query in queries]

    def _tried(self, query: Query, most_work: int) -> Page | TooMuchWork | None:
        try:
            with Allowance(most_work):
                return self.page(query)
        except TooMuchWork as refusal:
            return refusal
        except (BadRequest, NotReady):
            return None

    def _work(self) -> None:
        take(self.ways.get("work", 0))
        self.threads.append(threading.current_thread().name)

    def merchant(
        self, merchant_id: str, at: datetime | None, asked: MerchantQuery
    ) -> dict[str, Any] | None:
        self._work()
        known = merchant_id not in ("unknown", "unknown/", "lost 店/")
        if not known:
            return None
        shop = _result(Query(lat=0.0, lng=0.0), 0)["merchant"]
        return {
            "snapshot_id": "fake",
            "at": (at or asked.at or datetime.now(UTC)).isoformat(),
            "merchant": shop | {"merchant_id": merchant_id},
            "open": {"state": "unknown", "closes_at": None, "opens_at": None},
            "best_deal": None,
            "hours": [],
            "deals": [],
        }

    def why(self, merchant_id: str, query: Query) -> dict[str, Any] | None:
        self._work()
        if merchant_id == "unknown":
            return None
        return {
            "snapshot_id": "fake",
            "at": (query.at or datetime.now(UTC)).isoformat(),
            "currency": "CNY",
            "matches": True,
            "rank": 1,
            "reasons": [],
            "deals": [],
            "fixes": [],
        }

    def suggest(self, query: SuggestQuery) -> Suggestions:
        self._work()
        found = [
            Suggestion(
                text=f"{query.q} {number}",
                kind="brand" if number else "category",
                id=f"id {number}",
                count=SHOPS - number,
                distance_m=12.39 * number,
                merchant_id=f"m{number}" if number else None,
                highlight=((0, len(query.q)),),
                other="KFC" if number == 2 else None,
            )
            for number in range(query.limit)
        ]
        return Suggestions(
            snapshot_id=self.ways.get("snapshot_id", "fake"),
            suggestions=tuple(found),
            took_us=12,
            work={},
        )

    def zones_at(
        self, lat: float, lng: float, at: datetime | None, crs: Datum
    ) -> list[dict[str, Any]]:
        self._work()
        return [ZONE | {"bounds": (lng, lat, lng, lat), "name": crs}]

    def zones_in(self, box: Box, at: datetime | None, crs: Datum) -> list[dict[str, Any]]:
        self._work()
        corners = {"type": "Polygon", "coordinates": []}
        return [ZONE | {"bounds": box, "name": crs, "geometry": corners}]

    def density(self, box: Box, cells: int) -> list[list[int]]:
        self._work()
        return [[SHOPS] * cells] * cells

    def categories(self, language: str = "en") -> list[dict[str, Any]]:
        names = {"name": "Food", "names": {"en": "Food"}}
        return [{"category_id": "food", **names, "merchants": SHOPS}]

    def programs(self) -> list[dict[str, Any]]:
        card = {"program_id": "red", "name": "小红卡", "merchants": SHOPS}
        return [card] * self.ways.get("programs", 1)

    def info(self) -> dict[str, Any]:
        return {
            "snapshot_id": self.ways.get("snapshot_id", "fake"),
            "version": self.version,
            "built_at": (self.start + timedelta(days=1)).isoformat(),
            "currency": "CNY",
            "time_zone": "Asia/Shanghai",
            "country": "CN",
            "provisional_holidays": [],
            **dict.fromkeys(COUNTS, 0),
            "age_seconds": self.ways.get("age_seconds", 0),
            "bounds": self.ways.get("bounds", (121.0, 31.0, 122.0, 32.0)),
            "horizon": {"start": self.start.isoformat(), "end": self.end.isoformat()},
        }

    def _cursor(self, query: Query, at: datetime, doc: int) -> str:
        keys = (float(doc), float(doc))
        question = fingerprint(query)
        return write_cursor(
            Cursor(version=self.version, at=at, question=question, keys=keys, doc=doc)
        )


def publish_fake(index: Path, **ways: Any) -> str:
    """Publish one more version of a fake index; returns its name."""

    def write(folder: Path) -> None:
        (folder / "engine.json").write_bytes(orjson.dumps(ways))

    return publish(index, write)


def _deal(number: int, *, saving: int | None = 1_200, pay: int | None = 10_800) -> dict[str, Any]:
    return {
        "deal_id": f"d{number}",
        "program_id": "red",
        "offer_type": "percent_off",
        "title": '小红卡 "9折"',
        "redemption": {"channel": "qr", "appointment": False},
        "saving": saving,
        "pay": pay,
        "currency": "CNY",
        "usable_until": "2026-11-22T22:00:00+08:00",
    }


def _result(query: Query, doc: int) -> dict[str, Any]:
    result = {
        "merchant": {
            "merchant_id": f"m{doc:05d}",
            "name": f"店 {doc}",
            "categories": ["food.cafe"],
            "address": None,
            "rating": None,
            "lat": float(np.clip(query.lat, -89, 89)) + doc / 1e5,
            "lng": query.lng,
        },
        "distance_m": doc * 11 / 10,
        "open": {"state": "open", "closes_at": "2026-11-22T22:00:00+08:00", "opens_at": None},
        "best_deal": _deal(doc),
        "deals": [_deal(doc + 1, saving=None, pay=None)],
        "score": 1_123.45,
        "reasons": ["saves ¥12", "4 min walk"],
    }
    return result | {"explain": {"saving": 1_200.0}} if query.explain else result


@contextmanager
def running(index: Path, **settings: Any) -> Iterator[TestClient]:
    """The service over a fake index, asked in this process; it follows the index quickly."""
    chosen = Settings(index=str(index), poll_seconds=0.02, **settings)
    engines = Engines(index, FakeEngine, poll_seconds=chosen.poll_seconds)
    with TestClient(create_app(chosen, engines), raise_server_exceptions=False) as client:
        yield client


def engine_of(client: TestClient) -> FakeEngine:
    """The engine that answered last, found through the routes of the application."""
    handler = client.app.routes[0].endpoint._handlers["GET"]  # type: ignore[attr-defined]
    engine = handler.__self__._engines.loaded.engine
    assert isinstance(engine, FakeEngine)
    return engine
