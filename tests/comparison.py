"""The engine and the oracle asked the same thing, and every way in which they may not differ.

Float noise is the only difference allowed: keys closer than `noise` may swap, a shop on the circle
may be in or out. Everything else, ids, order, ties, counts, money, times, is compared exactly, in
both directions: nothing wrong is returned, nothing right is missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

import geosearch
from geosearch.answer.model import Answer, BestDeal, Hit
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.query.result_fields import FIELD_NAMES
from geosearch.service.encode import encode_geojson
from tests.generators import World
from tests.oracle import Found, facets
from tests.oracle_areas import UNIT_DEGREES
from tests.oracles import WALK_COST_PER_M, Row
from tests.result_oracle import chosen, result_of, score_parts

MAX_PAGES = 40


def to_query(request: Row, **changes: Any) -> Query:
    """The request as Python asks it."""
    values: dict[str, Any] = {**request, **changes, "at": datetime.fromisoformat(request["at"])}
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Query(**(values | lists))


def distance_noise(distance_m: float) -> float:
    """Metres by which two careful computations of a distance may differ.

    The haversine is well conditioned but next to the antipode, where its arcsine is flat.
    """
    return 1e-6 + 1e-9 * distance_m if distance_m < 1.9e7 else 1.0


def noise(key: float, distance_m: float, *, exact: bool) -> float:
    """How far apart two keys may be and still be the same."""
    return (
        0.0 if exact else max(1.0, WALK_COST_PER_M) * distance_noise(distance_m) + 1e-9 * abs(key)
    )


class Duel:
    """One world, built, and its oracle.

    Parameters
    ----------
    world
        What to build.
    folder
        Where the snapshot and the index go.
    edge_m
        See `tests.oracle.Oracle`.
    """

    def __init__(self, world: World, folder: Path, *, edge_m: float = 1e-6) -> None:
        world.write(folder / "snapshot")
        build(folder / "snapshot", folder / "index", now=world.now, max_rejected=1.0)
        self.world = world
        self.oracle = world.oracle(edge_m=edge_m)
        self.engine = geosearch.open_index(folder / "index")
        self.fields_compared = 0

    def check_rank(self, request: Row) -> list[Found]:
        """Compare ids, keys, order, total and facets; return what the oracle found."""
        expected = self.oracle.expect(request)
        ranked = self.engine.rank(to_query(request))
        ids = self.engine.merchant_ids(ranked.doc_ids)
        assert ranked.keys.shape == (len(ids), 2)
        self._check_ids(expected, ids, request)
        by_id = {one.shop.merchant_id: one for one in expected}
        for one, keys in zip(map(by_id.__getitem__, ids), ranked.keys.tolist(), strict=True):
            self._check_keys(one, keys, request)
        self._check_counts(expected, request, ranked.total, ranked.facets)
        assert (ranked.explain is not None) == request.get("explain", False)
        return expected

    def check_search(self, request: Row, expected: Sequence[Found]) -> Answer:
        """Compare every detail of the hits of the first page, and of its text."""
        query = to_query(request)
        answer, page = self.engine.search(query), self.engine.page(query)
        # The second question finds more in memory, so its `explain` counts less work.
        for name in set(Answer.__struct_fields__) - {"hits", "took_us", "explain"}:
            assert getattr(page.answer, name) == getattr(answer, name), name
        assert answer.snapshot_id == self.world.envelope["snapshot_id"]
        assert datetime.fromisoformat(answer.at) == datetime.fromisoformat(request["at"])
        unknown = set(request.get("cards", ())) - set(self.oracle.programs)
        assert set(answer.unknown_cards) == unknown
        listed = request.get("ids")
        there = self.oracle.shops.keys()
        strange = None if listed is None else {one for one in listed if one not in there}
        told = answer.unknown_ids
        assert (None if told is None else set(told)) == strange
        assert told is None or len(set(told)) == len(told)
        self._check_ids(expected, [hit.merchant["merchant_id"] for hit in answer.hits], request)
        self._check_counts(expected, request, answer.total, answer.facets)
        by_id = {one.shop.merchant_id: one for one in expected}
        minute = self.oracle.minute_of(request)
        results = json.loads(bytes(page.results))
        assert page.count == len(results)
        for hit, result in zip(answer.hits, results, strict=True):
            self._check_hit(hit, result, by_id[hit.merchant["merchant_id"]], minute, request)
        self._check_fields(query, results)
        return answer

    def _check_fields(self, query: Query, results: list[dict[str, Any]]) -> None:
        """A page with some members says what the whole page says of them, as text and as GeoJSON.

        The typed answer writes the same, from whole hits.
        """
        rng = Random(repr(query))
        fields = tuple(rng.sample(FIELD_NAMES, rng.choice((1, 1, 2, 4, 8, 30))))
        form = rng.choice(("json", "json", "geojson"))
        fewer = msgspec.structs.replace(query, fields=fields, format=form)
        expected = [chosen(result, fields) for result in results]
        page, answer = self.engine.page(fewer), self.engine.search(fewer)
        assert page.count == len(expected)
        if form == "json":
            told = json.loads(bytes(page.results))
            written = json.loads(answer.to_json())["results"]
        else:
            told, written = (
                [feature["properties"] for feature in collection["features"]]
                for collection in (
                    json.loads(b"".join(encode_geojson(page))),
                    json.loads(json.dumps(answer.to_geojson())),
                )
            )
        for texts in (told, written):
            assert texts == expected, fields
            assert [list(one) for one in texts] == [list(one) for one in expected]
        self.fields_compared += len(expected)

    def check_pages(self, request: Row, expected: Sequence[Found]) -> int:
        """Read all pages by their cursors, compare with the whole list; return their number.

        Pages are made longer where there would be more than `MAX_PAGES`.
        """
        limit = min(100, max(request.get("limit", 20), len(expected) // MAX_PAGES))
        ids: list[str] = []
        pages, cursor = 0, None
        while pages == 0 or cursor is not None:
            answer = self.engine.search(to_query(request, cursor=cursor, limit=limit))
            assert len(answer.hits) <= limit
            assert answer.hits or pages == 0, "an empty page behind a cursor"
            ids += [hit.merchant["merchant_id"] for hit in answer.hits]
            pages, cursor = pages + 1, answer.next_cursor
        self._check_ids(expected, ids, {**request, "limit": len(expected) + 1})
        return pages

    # --- parts ---------------------------------------------------------------------------------

    def _check_ids(self, expected: Sequence[Found], ids: Sequence[str], request: Row) -> None:
        """The ids are the first of the expected, in order."""
        by_id = {one.shop.merchant_id: one for one in expected}
        limit = request.get("limit", 20)
        certain = [one for one in expected if not one.on_edge]
        wrong = [one for one in ids if one not in by_id]
        assert not wrong, f"found but does not match: {wrong}"
        assert len(set(ids)) == len(ids), "found twice"
        missing = [one.shop.merchant_id for one in certain if one.shop.merchant_id not in ids]
        assert len(ids) <= limit
        if len(ids) < limit:
            assert not missing, f"matches but was not found: {missing}"
        found = [by_id[one] for one in ids]
        for before, after in pairwise(found):
            assert may_precede(before, after), f"{_shown(after)} before {_shown(before)}"
        for one in missing if found else ():
            assert may_precede(found[-1], by_id[one]), f"{_shown(by_id[one])} is better but missing"

    def _check_keys(self, one: Found, keys: Sequence[float], request: Row) -> None:
        """The engine's primary key and distance are the oracle's."""
        sort = request.get("sort", "best")
        if sort == "saving":
            primary = math.inf if one.keys[0] else one.keys[1]
        elif sort == "rating":
            primary = math.inf if one.shop.rating is None else -round(one.shop.rating * 1000)
        else:
            primary = one.keys[0]
        exact = sort in ("saving", "rating")
        slack = noise(primary, one.distance_m, exact=exact) if math.isfinite(primary) else 0.0
        assert keys[0] == primary or abs(keys[0] - primary) <= slack, (keys, _shown(one))
        assert abs(keys[1] - one.distance_m) <= distance_noise(one.distance_m), (keys, _shown(one))

    def _check_counts(
        self,
        expected: Sequence[Found],
        request: Row,
        total: int | None,
        counted: dict[str, dict[str, int]] | None,
    ) -> None:
        """Total and facets are exact, but for shops on an edge."""
        certain = [one for one in expected if not one.on_edge]
        if request.get("total"):
            assert total is not None
            assert len(certain) <= total <= len(expected)
        else:
            assert total is None
        names = request.get("facets") or ()
        if not names:
            assert counted is None
            return
        assert counted is not None
        if len(certain) == len(expected):
            assert counted == facets(expected, names)
            return
        least, most = facets(certain, names), facets(expected, names)
        for name in names:
            assert counted[name].keys() <= most[name].keys()
            for value, count in most[name].items():
                assert least[name].get(value, 0) <= counted[name].get(value, 0) <= count

    def _check_hit(self, hit: Hit, result: Row, one: Found, minute: int, request: Row) -> None:
        """The numbers are the oracle's, the text says all that it says, and the hit the same."""
        assert abs(hit.distance_m - one.distance_m) <= distance_noise(one.distance_m)
        assert abs(hit.score - one.score) <= noise(one.score, one.distance_m, exact=False)
        assert hit.distance_m <= self._radius(request)
        merchant = dict(result["merchant"])
        position = merchant.pop("lat"), merchant.pop("lng")
        shop, currency = one.shop, self.world.envelope["currency"]
        if shop.row.get("opening_periods"):
            assert isinstance(merchant.pop("opening_hours"), str)
        shown = shop.shown(request.get("crs", "WGS84"))
        assert shown != (shop.lat, shop.lng) or position == shown
        assert np.abs(np.subtract(position, shown)).max() <= UNIT_DEGREES
        told = {**result, "merchant": merchant}
        parts = told.pop("explain", None)
        lang = request.get("lang") or "en"
        assert told == result_of(
            one, self.oracle, minute, currency, hit.distance_m, hit.score, lang
        )
        assert (parts is not None) == bool(request.get("explain"))
        if parts is not None:
            expected = {**score_parts(one, hit.distance_m), "score": hit.score}
            parts = dict(parts)
            assert parts.pop("saving") == expected.pop("saving")
            assert parts == pytest.approx(expected, rel=1e-12)
        assert as_result(hit) == result

    @staticmethod
    def _radius(request: Row) -> float:
        """The bound that even a reported distance never exceeds."""
        if any(name in request for name in ("bbox", "polygon", "zone", "ids")):
            return float(request.get("radius", math.inf))
        return float(request.get("radius", 3000))


def as_result(hit: Hit) -> dict[str, Any]:
    """What a typed hit says, as the text of a result does."""
    deals = [
        as_deal(deal)
        for deal in ((hit.best_deal,) if hit.best_deal is not None else ()) + hit.deals
    ]
    best = 0 if hit.best_deal is None else 1
    better = hit.better_public
    beside = {} if better is None else {"better_public": as_deal(better)}
    together = {
        name: json.loads(msgspec.json.encode(found))
        for name, payload, found in (
            ("best_combination", hit.combination_payload, hit.best_combination),
            (
                "better_public_combination",
                hit.public_combination_payload,
                hit.better_public_combination,
            ),
        )
        if len(memoryview(payload))
    }
    explain = {} if hit.explain is None else {"explain": hit.explain}
    assert (hit.merchant["lat"], hit.merchant["lng"]) == (hit.lat, hit.lng)
    return {
        "merchant": hit.merchant,
        "distance_m": math.trunc(hit.distance_m * 10) / 10,
        "open": msgspec.to_builtins(hit.open),
        "best_deal": deals[0] if best else None,
        **beside,
        "deals": deals[best:],
        **together,
        "score": math.trunc(hit.score * 100) / 100,
        "reasons": list(hit.reasons),
        **explain,
    }


def as_deal(deal: BestDeal) -> dict[str, Any]:
    """What a typed deal says, as its text does."""
    return deal.record | {
        "saving": deal.saving,
        "pay": deal.pay,
        "currency": deal.currency,
        "usable_until": deal.usable_until,
    }


def may_precede(before: Found, after: Found) -> bool:
    """Whether `before` may stand before `after`: no key says clearly that it must not.

    Equal keys are a tie for `merchant_id` where the shops lie equally far north and east or west.
    Other positions at the same distance are so only up to float noise and may come either way, and
    so may equal scores that are sums of other parts.
    """
    for a, b in zip(before.keys, after.keys, strict=True):
        if a == b:
            continue
        exact = isinstance(a, int) and isinstance(b, int)
        far = max(before.distance_m, after.distance_m)
        return a <= b + noise(max(abs(a), abs(b)), far, exact=exact)
    if before.keys[0] == -before.score and _parts(before) != _parts(after):
        return True
    return before.offset != after.offset or before.shop.merchant_id < after.shop.merchant_id


def _parts(one: Found) -> tuple[float | None, ...]:
    """What a score adds up besides the walk, and what that is made of."""
    found = one.combined[0] if one.combined else one.best
    best = (found.saving, found.pay) if found else (None, None)
    return one.shop.redeem_share, one.shop.quality_minor, one.counted, *best


def _shown(one: Found) -> str:
    return f"{one.shop.merchant_id} {one.keys}"
