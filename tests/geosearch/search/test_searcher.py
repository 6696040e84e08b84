"""The engine over several segments, many threads and pages; answers are in `*_oracle`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import geosearch
from geosearch.answer.model import Answer, Page
from geosearch.errors import BadData, BadRequest, NotReady
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.clock import Clock
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from tests.comparison import to_query
from tests.generators import World, make_world
from tests.geosearch.number_worlds import trees_without
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot
from tests.questions import make_request

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
QUESTIONS = 250


class Halves:
    """One world as one segment, and as two of which the first holds dead documents."""

    def __init__(self, kind: str, size: int, folder: Path) -> None:
        rng = Random(f"halves {kind}")
        world = make_world(rng, kind, size)
        second = {row["merchant_id"] for row in rng.sample(world.merchants, size // 2)}
        # The first segment still has the merchants of the second, as they were before they moved.
        stale = [
            row | {"lat": row["lat"] * 0.9999, "rating": 5.0, "categories": ["food"]}
            if row["merchant_id"] in second
            else row
            for row in world.merchants
        ]
        self.world = world
        self.whole = opened(world, folder / "whole")
        published(replace(world, merchants=stale), folder / "first")
        published(only(world, second), folder / "second")
        parts = folder / "parts" / "20261122T000000Z-0001"
        parts.mkdir(parents=True)
        for number, name in enumerate(("first", "second")):
            (segment,) = (folder / name / "index" / "versions").glob("*/segment-0000")
            (parts / f"segment-{number:04}").symlink_to(segment)
        self.parts = Searcher(parts)
        kill(self.parts, second)


def published(world: World, folder: Path) -> Path:
    world.write(folder / "snapshot")
    build(folder / "snapshot", folder / "index", now=world.now, max_rejected=1.0)
    return folder / "index"


def opened(world: World, folder: Path) -> Searcher:
    return geosearch.open_index(published(world, folder))


def only(world: World, ids: set[str]) -> World:
    """The world of some merchants, with the deals that are left."""
    rows = [row for row in world.merchants if row["merchant_id"] in ids]
    brands = {row.get("brand") for row in rows}
    deals = []
    for row in world.deals:
        if "merchant_ids" in row:
            left = [one for one in row["merchant_ids"] if one in ids]
            deals += [row | {"merchant_ids": left}] if left else []
        elif row["brand"] in brands:
            deals.append(row)
    return replace(world, merchants=rows, deals=deals)


def kill(searcher: Searcher, ids: set[str]) -> None:
    """Clear the live bits of some merchants in the first segment."""
    segment = searcher.segments[0]
    dead = [doc for doc in range(len(segment)) if segment.merchant_id(doc) in ids]
    segment._trees = trees_without(segment, dead)


@pytest.fixture(scope="module", params=["city", "one_position", "many_programs", "antimeridian"])
def halves(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Halves:
    return Halves(request.param, 150, tmp_path_factory.mktemp("halves"))


def content(answer: Answer) -> list[Any]:
    """What an answer says, apart from how long it took and where it came from."""
    hits = [
        (
            *(hit.merchant, hit.distance_m, hit.open, hit.score, hit.reasons),
            *((deal.record, deal.saving, deal.pay, deal.usable_until) for deal in deals),
        )
        for hit in answer.hits
        for deals in [[deal for deal in (hit.best_deal, *hit.deals) if deal is not None]]
    ]
    return [answer.at, answer.total, answer.facets, answer.unknown_cards, *hits]


def test_two_segments_answer_like_one(halves: Halves) -> None:
    rng, found, pages = Random("two"), 0, 0
    for number in range(QUESTIONS):
        request = make_request(rng, halves.world)
        query = to_query(request)
        one, two = halves.whole.rank(query), halves.parts.rank(query)
        ids = halves.whole.merchant_ids(one.doc_ids)
        assert halves.parts.merchant_ids(two.doc_ids) == ids
        assert two.keys.tolist() == one.keys.tolist()
        assert (two.total, two.facets) == (one.total, one.facets)
        found += len(ids)
        if number % 5 == 0:
            assert content(halves.parts.search(query)) == content(halves.whole.search(query))
            pages += same_pages(halves, request)
    assert found > 4 * QUESTIONS
    assert pages > QUESTIONS / 5


def test_two_segments_find_text_like_one(halves: Halves) -> None:
    """With every other parameter; several words by distance, and without their scores.

    How rare each word is, which weighs them against each other, counts the dead documents too.
    """
    rng, found, pages = Random("two texts"), 0, 0
    brands = sorted({row["brand"] for row in halves.world.merchants if row.get("brand")})
    texts = ("shop", "shp", "cafe", *brands[:3], "shop cafe", "cafe shop zzz")
    for number in range(QUESTIONS):
        request = make_request(rng, halves.world)
        request["q"] = rng.choice(texts)
        several = " " in request["q"]
        request["sort"] = "distance" if several else rng.choice(("best", "distance", "relevance"))
        query = to_query(request)
        one, two = halves.whole.search(query), halves.parts.search(query)
        ids = [[hit.merchant["merchant_id"] for hit in answer.hits] for answer in (one, two)]
        assert ids[0] == ids[1]
        assert (two.total, two.facets) == (one.total, one.facets)
        assert (two.corrected, two.relaxed) == (one.corrected, one.relaxed)
        if not several:
            assert content(two) == content(one)
        if not several and number % 7 == 0:
            pages += same_pages(halves, request)
        found += len(one.hits)
    assert found > QUESTIONS
    assert pages > QUESTIONS / 15


def same_pages(halves: Halves, request: dict[str, Any]) -> int:
    """Compare all pages of both, each following its own cursors; return their number."""
    cursors: list[str | None] = [None, None]
    for number in range(1, 100):
        answers = [
            engine.search(to_query(request, limit=7, cursor=cursor))
            for engine, cursor in zip((halves.whole, halves.parts), cursors, strict=True)
        ]
        assert content(answers[0]) == content(answers[1])
        cursors = [answer.next_cursor for answer in answers]
        assert (cursors[0] is None) == (cursors[1] is None)
        if cursors[0] is None or number == 5:
            return number
    return 0


def test_the_rest_of_the_face_over_two_segments(halves: Halves) -> None:
    """A dead document is nobody's merchant, no programme counts it, and a zone is told once."""
    at = halves.world.now
    for row in halves.world.merchants:
        assert halves.parts.merchant(row["merchant_id"], at) == halves.whole.merchant(
            row["merchant_id"], at
        )
        lat, lng = row["lat"], row["lng"]
        assert halves.parts.zones_at(lat, lng, at) == halves.whole.zones_at(lat, lng, at)
    assert halves.parts.programs() == halves.whole.programs()
    one, two = halves.whole.info(), halves.parts.info()
    assert two["segments"] == 2
    for name in ("merchants", "programs", "zones", "horizon", "snapshot_id"):
        assert two[name] == one[name], name


def test_rank_many_is_rank_in_order(halves: Halves) -> None:
    rng = Random("many")
    queries = [to_query(make_request(rng, halves.world)) for _ in range(200)]
    for engine in (halves.whole, halves.parts):
        for query, many in zip(queries, engine.rank_many(queries), strict=True):
            one = engine.rank(query)
            assert many.doc_ids.tolist() == one.doc_ids.tolist()
            assert many.keys.tolist() == one.keys.tolist()
            assert (many.total, many.facets) == (one.total, one.facets)
    assert halves.whole.rank_many([]) == []


def test_pages_are_page_of_each(halves: Halves) -> None:
    rng = Random("pages")
    queries = [to_query(make_request(rng, halves.world), explain=False) for _ in range(200)]
    beyond = halves.whole.end + timedelta(days=1)
    queries[7] = msgspec.structs.replace(queries[7], at=beyond, cursor=None)
    for engine in (halves.whole, halves.parts):
        pages = engine.pages(queries)
        assert engine.pages([]) == []
        assert pages.pop(7) is None
        with pytest.raises(BadRequest):
            engine.page(queries[7])
        for query, page in zip(queries[:7] + queries[8:], pages, strict=True):
            assert isinstance(page, Page)
            one = engine.page(query)
            assert (bytes(page.results), page.count) == (bytes(one.results), one.count)
            for name in set(Answer.__struct_fields__) - {"took_us"}:
                assert getattr(page.answer, name) == getattr(one.answer, name), name
        assert sum(page.count for page in pages if isinstance(page, Page)) > 200


def test_threads_share_an_engine(halves: Halves) -> None:
    """Working memory is borrowed, so answers do not mix however many ask at once."""
    rng = Random("threads")
    queries = [to_query(make_request(rng, halves.world)) for _ in range(60)]
    for engine in (halves.whole, halves.parts):
        alone = [content(engine.search(query)) for query in queries]
        with ThreadPoolExecutor(8) as pool:
            for _ in range(3):
                assert [content(one) for one in pool.map(engine.search, queries)] == alone


# --- one small index -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("engine")
    shops = [merchant(n, lat=31.0, lng=121.0 + n * 0.001) for n in range(30)]
    shops[3] |= {"opening_hours": "Mo-Su 10:00-22:00", "rating": 4.5, "rating_count": 20}
    programs = [PROGRAM, PROGRAM | {"program_id": "blue"}]
    deals = [
        deal(0, merchant_ids=["m1", "m2", "m3"], program_id="red"),
        deal(1, merchant_ids=["m3"], stock=0),
    ]
    write_snapshot(folder / "snapshot", {"merchants": shops, "programs": programs, "deals": deals})
    build(folder / "snapshot", folder / "index", now=NOW)
    return geosearch.open_index(folder / "index")


def near(**wish: Any) -> Query:
    return Query(**{"lat": 31.0, "lng": 121.0, "at": NOW, "sort": "distance", **wish})


def test_pages_follow_each_other(engine: Searcher) -> None:
    ids: list[str] = []
    cursor = None
    for _ in range(5):
        answer = engine.search(near(limit=7, cursor=cursor))
        ids += [hit.merchant["merchant_id"] for hit in answer.hits]
        cursor = answer.next_cursor
    assert ids == [f"m{n}" for n in range(30)]
    assert cursor is None


def test_a_full_last_page_has_no_next(engine: Searcher) -> None:
    assert engine.search(near(limit=30)).next_cursor is None
    assert engine.search(near(limit=29)).next_cursor is not None


def test_a_cursor_pins_the_instant(engine: Searcher) -> None:
    first = engine.search(near(limit=7))
    second = engine.search(
        Query(lat=31.0, lng=121.0, sort="distance", limit=7, cursor=first.next_cursor)
    )
    assert second.at == first.at


@pytest.mark.parametrize("change", [{"sort": "best"}, {"lat": 31.1}, {"cards": ("red",)}])
def test_a_cursor_of_another_question_is_refused(engine: Searcher, change: dict[str, Any]) -> None:
    cursor = engine.search(near(limit=7)).next_cursor
    fields = {"lat": 31.0, "lng": 121.0, "at": NOW, "sort": "distance", "limit": 7}
    with pytest.raises(BadRequest) as caught:
        engine.search(Query(**fields | {"cursor": cursor} | change))  # type: ignore[arg-type]
    assert caught.value.code == "bad_cursor"


def test_a_cursor_of_another_version_has_expired(engine: Searcher, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", {"merchants": [merchant(n) for n in range(9)]})
    build(tmp_path / "s", tmp_path / "other", now=NOW - timedelta(days=1))
    built = current(tmp_path / "other")
    other = Searcher(built.rename(built.with_name("20200101T000000Z-0001")))
    cursor = other.search(near(limit=2, lat=31.23, lng=121.47)).next_cursor
    assert cursor is not None
    with pytest.raises(BadRequest) as caught:
        engine.search(near(limit=2, lat=31.23, lng=121.47, cursor=cursor))
    assert caught.value.code == "cursor_expired"


def test_a_merchant_in_full(engine: Searcher) -> None:
    found = engine.merchant("m3", NOW)
    assert found is not None
    assert found["merchant"]["merchant_id"] == "m3"
    assert (found["merchant"]["lat"], found["merchant"]["lng"]) == (31.0, 121.003)
    assert found["open"] == {
        "state": "open",
        "closes_at": "2026-11-22T22:00:00+08:00",
        "opens_at": None,
    }
    assert [(one["deal_id"], one["usable"]) for one in found["deals"]] == [
        ("d0", True),
        ("d1", False),
    ]
    assert found["snapshot_id"] == "test-1"
    assert engine.merchant("m999", NOW) is None
    assert engine.merchant("", NOW) is None
    with pytest.raises(BadRequest, match="horizon"):
        engine.merchant("m3", NOW + timedelta(days=99))


def test_past_the_horizon_now_is_not_ready(
    engine: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever day the test runs on, its horizon is another one.
    monkeypatch.setattr(engine._planner, "_clock", Clock(datetime(2020, 1, 1, tzinfo=UTC)))
    moved = engine
    here: dict[str, Any] = {"lat": 31.23, "lng": 121.47}
    sentence = "The time horizon of the index, 2020-01-01T00:00:00.*, does not include now, "
    for asked in (
        lambda: moved.rank(Query(**here)),
        lambda: moved.search(Query(**here)),
        lambda: moved.page(Query(**here)),
        lambda: moved.merchant("m3"),
    ):
        with pytest.raises(NotReady, match=sentence) as refused:
            asked()
        assert isinstance(refused.value, BadData), "its operator must act"
    assert moved.pages([Query(**here), Query(**here, at=NOW)]) == [None, None]
    with pytest.raises(BadRequest, match="Expected `at` in the index's time horizon"):
        moved.rank(Query(**here, at=NOW))
    then = datetime(2020, 1, 2, tzinfo=UTC)
    (page, match_none) = moved.pages([Query(**here, at=then), Query(**here)])
    assert page is not None
    assert match_none is None


def test_what_an_index_knows_of_itself(engine: Searcher) -> None:
    info = engine.info()
    assert (info["merchants"], info["deals"], info["programs"], info["zones"]) == (30, 2, 2, 0)
    assert info["horizon"] == {
        "start": "2026-11-21T00:00:00+00:00",
        "end": "2027-01-05T00:00:00+00:00",
    }
    assert info["built_at"] == NOW.isoformat()
    assert info["segments"] == 1
    assert engine.is_current(NOW)
    assert not engine.is_current(engine.end)
    assert engine.is_current(engine.start)
    programs = {one["program_id"]: one["merchants"] for one in engine.programs()}
    assert programs == {"blue": 0, "red": 3}


def test_explain_names_the_plan_the_work_and_the_parts(engine: Searcher) -> None:
    answer = engine.search(near(sort="best", explain=True, cards=("red",), deals="any", limit=3))
    assert answer.explain is not None
    assert answer.explain["version"] == engine.version
    assert answer.explain["work"]["docs"] > 0
    assert answer.explain["weights"]["star_value"] == 500.0
    for hit in answer.hits:
        parts = hit.explain
        assert parts is not None
        assert hit.score == pytest.approx(
            parts["expected_saving"] - parts["walk_cost"] + parts["quality"]
        )
    assert engine.search(near()).explain is None


def test_unknown_cards_are_told_once(engine: Searcher) -> None:
    answer = engine.search(near(cards=("red", "gone", "gone", "blue", "lost")))
    assert answer.unknown_cards == ("gone", "lost")
    assert engine.search(near(cards=("red",))).unknown_cards == ()


def test_a_folder_without_a_segment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="Expected a segment, got none"):
        Searcher(tmp_path)


def test_a_closed_engine_holds_nothing(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s")
    build(tmp_path / "s", tmp_path / "index", now=NOW)
    engine = geosearch.open_index(tmp_path / "index", verify="full")
    engine.close()
    assert engine.segments == []


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 22, 12, tzinfo=UTC),
        datetime(2026, 11, 22, 12, 0, 0, 7, tzinfo=ZoneInfo("Asia/Kathmandu")),
        datetime(2026, 11, 22, 12, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
    ],
)
def test_instants_are_told_as_isoformat_does(engine: Searcher, at: datetime) -> None:
    class Own(tzinfo):
        def utcoffset(self, when: datetime | None) -> timedelta:
            return timedelta(minutes=90)

        def dst(self, when: datetime | None) -> None:
            return None

        def tzname(self, when: datetime | None) -> str:
            return "own"

    for instant in (at, at.replace(tzinfo=Own())):
        assert engine.search(near(at=instant)).at == instant.isoformat()


def test_a_path_may_be_text(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s")
    build(tmp_path / "s", tmp_path / "index", now=NOW)
    assert geosearch.open_index(str(tmp_path / "index")).info()["merchants"] == 2
