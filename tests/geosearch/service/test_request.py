"""URLs and JSON bodies make the `Query` that Python makes, or are refused with its sentences."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.errors import BadRequest
from geosearch.query.parameters import (
    CRS,
    DEALS,
    FACETS,
    HOURS_UNKNOWN,
    LANGUAGES,
    OFFER_TYPES,
    OPEN,
    PARAMETERS,
    SORTS,
    STACKING,
)
from geosearch.query.query import MerchantQuery, Query
from geosearch.query.result_fields import FIELD_NAMES
from geosearch.service import request
from geosearch.service.request import (
    ZoneQuery,
    read_batch,
    read_body,
    read_merchant,
    read_nothing,
    read_url,
    read_zones,
)
from indexes.cache import BoundedCache

HERE = "lat=31.23&lng=121.47"
SHANGHAI = timezone(timedelta(hours=8))

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
listed = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=","), min_size=1, max_size=20
).filter(lambda text: text == text.strip())
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
instants = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=offsets)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    def maybe(values: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | values)

    cards = tuple(draw(st.lists(listed, max_size=4)))
    q = maybe(texts.filter(str.strip))
    low, high = sorted(draw(st.tuples(st.floats(-90, 90), st.floats(-90, 90))))
    sides = draw(st.tuples(st.floats(-180, 180), st.floats(-180, 180)))
    return Query(
        lat=draw(st.floats(-90, 90)),
        lng=draw(st.floats(-180, 180)),
        crs=draw(st.sampled_from(CRS)),
        radius=maybe(st.floats(1, 50_000)),
        at=maybe(instants),
        open=draw(st.sampled_from(OPEN)),
        hours_unknown=draw(st.sampled_from(HOURS_UNKNOWN)),
        min_minutes_left=draw(st.integers(0, 10_080)),
        cards=cards,
        deals=maybe(st.sampled_from(DEALS if cards else DEALS[2:])),
        new_customer=draw(st.booleans()),
        ids=maybe(st.lists(listed, max_size=4).map(tuple)),
        party_size=draw(st.integers(1, 1_000)),
        offer_type=tuple(draw(st.lists(st.sampled_from(OFFER_TYPES), max_size=6))),
        business_area=tuple(draw(st.lists(listed, max_size=3))),
        spend=maybe(st.integers(0, 2_000_000_000)),
        max_pay=maybe(st.integers(0, 2_000_000_000)),
        min_seq=maybe(st.integers(0, 2**53)),
        stacking=draw(st.sampled_from(STACKING)),
        categories=tuple(draw(st.lists(listed, max_size=3))),
        min_rating=maybe(st.floats(0, 5)),
        zone=maybe(texts),
        bbox=maybe(st.just((sides[0], low, sides[1], high))),
        q=q,
        sort=draw(st.sampled_from(SORTS if q else SORTS[:-1])),
        limit=draw(st.integers(1, 100)),
        cursor=maybe(texts.filter(str.strip)),
        fields=tuple(draw(st.lists(st.sampled_from(FIELD_NAMES), max_size=4))),
        lang=maybe(st.sampled_from(LANGUAGES)),
        facets=tuple(draw(st.lists(st.sampled_from(FACETS), max_size=4))),
        total=draw(st.booleans()),
        explain=draw(st.booleans()),
    )


def words_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value.isoformat() if isinstance(value, datetime) else str(value)


@given(queries())
def test_a_url_makes_the_query_it_says(query: Query) -> None:
    given = {name: v for name, v in msgspec.structs.asdict(query).items() if v is not None}
    for written in (urlencode, lambda pairs: urlencode(pairs, quote_via=quote)):
        url = written({name: words_of(value) for name, value in given.items()})
        assert read_url(url.encode()) == query


def test_what_one_person_sends_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = BoundedCache[str, tuple[str, Any]](2_000)
    monkeypatch.setattr(request, "_pairs", kept)
    private = "lat=31.2345678&lng=121.5&q=noodles&cursor=abc&bbox=121,31,122,32"
    asked = f"{private}&zone={'z' * 100}&sort=saving&cards=red,gold"
    first = read_url(asked.encode())
    assert kept == {"sort=saving": ("sort", "saving"), "cards=red,gold": ("cards", ("red", "gold"))}
    assert read_url(asked.encode()) == first
    for radius in range(1, 10):
        assert read_url(f"{HERE}&radius={radius}".encode()).radius == radius
        assert len(kept) <= 6
        assert kept.bytes <= 2_000


@given(queries())
def test_a_body_makes_the_query_it_says(query: Query) -> None:
    assert read_body(msgspec.json.encode(query)) == query
    given = {name: v for name, v in msgspec.structs.asdict(query).items() if v is not None}
    assert read_body(msgspec.json.encode(given)) == query


@given(st.binary(max_size=60))
def test_any_bytes_are_answered_with_a_query_or_a_refusal(noise: bytes) -> None:
    readers: list[Callable[[bytes], Any]] = [read_url, read_body, read_batch, read_zones]
    for reader in (*readers, read_merchant, read_nothing):
        with suppress(BadRequest):
            reader(noise)


def test_lists_come_with_commas_or_repeated() -> None:
    expected = Query(lat=31.23, lng=121.47, cards=("a", "b", "c"))
    for written in ("cards=a,b,c", "cards=a&cards=b&cards=c", "cards=a,b&cards=c", "cards=a%2Cb,c"):
        assert read_url(f"{HERE}&{written}".encode()) == expected
    assert read_url(f"{HERE}&cards=&categories=".encode()) == Query(lat=31.23, lng=121.47)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("q=", {}),
        ("q=%20", {}),
        ("q=+%E3%80%80", {}),
        ("cursor=", {}),
        ("q=\u706b\u9505", {"q": "\u706b\u9505"}),
        ("q=\u706b%E9%94%85+x", {"q": "\u706b\u9505 x"}),
        ("total=True", {"total": True}),
        ("total=TRUE", {"total": True}),
        ("total=1", {"total": True}),
        ("total=False&explain=0", {}),
        ("cards=red, blue", {"cards": ("red", "blue")}),
        ("cards=red,%20blue", {"cards": ("red", "blue")}),
        ("cards=+red+,blue+", {"cards": ("red", "blue")}),
        ("cards=my+card,blue", {"cards": ("my card", "blue")}),
        ("cards=%20", {}),
        ("cards=%E3%80%80%09", {}),
        ("cards=red,%09blue%0A", {"cards": ("red", "blue")}),
        ("cards=red%EF%BC%8C", {"cards": ("red，",)}),
        ("cards=red,%E3%80%80blue", {"cards": ("red", "blue")}),
        ("cards[]=red&cards[]=blue", {"cards": ("red", "blue")}),
        ("cards%5B%5D=red&cards=blue", {"cards": ("red", "blue")}),
        ("cards[0]=red&cards[1]=blue", {"cards": ("red", "blue")}),
        ("facets=category, program", {"facets": ("category", "program")}),
        ("categories=food&categories[]=fun", {"categories": ("food", "fun")}),
        ("bbox=1&bbox=2&bbox=3&bbox=4", {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        ("bbox[]=1&bbox[]=2&bbox[]=3&bbox[]=4", {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        ("bbox=1, 2, 3, 4", {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        ("bbox=1,+2,+3,+4", {"bbox": (1.0, 2.0, 3.0, 4.0)}),
    ],
)
def test_what_clients_write_is_read_as_meant(written: str, meant: dict[str, Any]) -> None:
    assert read_url(f"{HERE}&{written}".encode()) == Query(lat=31.23, lng=121.47, **meant)


def test_null_is_as_if_left_out() -> None:
    optional = [name for name, parameter in PARAMETERS.items() if not parameter.required]
    assert len(optional) > 20
    for name in optional:
        body = orjson.dumps({"lat": 31.23, "lng": 121.47, name: None})
        assert read_body(body) == read_batch(b'{"queries":[%b]}' % body)[0]
        nothing: dict[str, Any] = {name: None}
        assert read_body(body) == Query(lat=31.23, lng=121.47, **nothing)
        assert read_body(body) == Query(lat=31.23, lng=121.47)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-22T19:30:00%2B08:00",
        "2026-11-22T19:30:00+08:00",
        "2026-11-22T11:30:00Z",
        "2026-11-22T11:30:00.000Z",
        "2026-11-22T11:30:00-00:00",
    ],
)
def test_instants(written: str) -> None:
    query = read_url(f"{HERE}&at={written}".encode())
    assert query.at == datetime(2026, 11, 22, 19, 30, tzinfo=SHANGHAI)


@given(
    st.lists(
        st.sampled_from(["%2C", "%2B", "%3A", "%25", "%2", "%", "+", "2C", "%26", "é", "%e4", "%a"])
    )
)
def test_escapes_are_read_in_any_mixture(parts: list[str]) -> None:
    raw = quote("".join(parts), safe="%+")
    expected: object
    try:
        expected = unquote_plus(raw, errors="strict")
    except UnicodeDecodeError:
        expected = BadRequest
    try:
        said: object = read_url(f"{HERE}&q=_{raw}".encode()).q
    except BadRequest:
        said = BadRequest
    assert said == (f"_{expected}" if isinstance(expected, str) else expected)


def test_escaped_names_and_empty_pairs_are_read() -> None:
    assert read_url(b"l%61t=1&&lng=2&") == Query(lat=1.0, lng=2.0)


def test_a_polygon_comes_in_a_body() -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    query = read_body(orjson.dumps({"lat": 0, "lng": 0, "polygon": square}))
    assert query.polygon == square


def test_batches() -> None:
    body = orjson.dumps({"queries": [{"lat": 1, "lng": 2}, {"lat": 3, "lng": 4, "limit": 5}]})
    assert read_batch(body) == [Query(lat=1.0, lng=2.0), Query(lat=3.0, lng=4.0, limit=5)]


def test_other_questions() -> None:
    assert read_zones(b"lat=1&lng=2&crs=BD09") == ZoneQuery(lat=1.0, lng=2.0, crs="BD09")
    box = read_zones(b"bbox=1,2,3,4&at=2026-11-22T11:30:00Z")
    at = datetime(2026, 11, 22, 11, 30, tzinfo=UTC)
    assert box == ZoneQuery(bbox=(1.0, 2.0, 3.0, 4.0), at=at)
    assert read_merchant(b"") == MerchantQuery()
    assert read_merchant(b"at=2026-11-22T11:30:00Z&cards=red,blue") == MerchantQuery(
        at=at, cards=("red", "blue")
    )
    assert read_merchant(b"lat=1&lng=2&crs=GCJ02&party_size=3&spend=5") == MerchantQuery(
        lat=1.0, lng=2.0, crs="GCJ02", party_size=3, spend=5
    )
    read_nothing(b"")


REFUSED: list[tuple[Callable[[bytes], Any], bytes, str]] = [
    (read_url, b"", "Expected `lat`, got nothing - at `$.lat`"),
    (read_url, b"lat=1&lng=%ff", "Expected UTF-8, percent-encoded, got other bytes - at `$`"),
    (read_url, b"lat=1&lng=1_0", "Expected `lng` as a number, got '1_0' - at `$.lng`"),
    (read_url, b"lat=1&lng= 1", "Expected `lng` as a number, got ' 1' - at `$.lng`"),
    (read_url, b"lat=1&lng=0x1", "Expected `lng` as a number, got '0x1' - at `$.lng`"),
    (read_url, b"lat=1&lng=.5", "Expected `lng` as a number, got '.5' - at `$.lng`"),
    (read_url, b"lat=1&lng=1e999", "Expected `lng` in [-180, 180], got inf - at `$.lng`"),
    (read_url, b"lat=1&lng=2&limit=01", "Expected `limit` as an integer, got '01' - at `$.limit`"),
    (read_url, b"lat=1&lng=2&limit=\xd9\xa1", "Expected `limit` as an integer, got '\u0661'"),
    (read_url, b"lat=1&lng=2&q=\xd9", "Expected UTF-8, percent-encoded, got other bytes - at `$`"),
    (read_url, b"lat=1&lng=2&q[]=a", "Expected one of lat, lng, crs"),
    (read_url, b"lat=1&lng=2&lat[]=a", "Expected one of lat, lng, crs"),
    (read_url, b"lat=1&lng=2&total=yes", "Expected `total` as true or false, got 'yes'"),
    (read_url, b"lat=1&lng=2&cards=a, ", "Expected `cards` as text of 1 to 200 characters, got 0"),
    (read_url, b"lat=1&lng=2&sort=relevance&q=+", "Expected `q` with sort=relevance, got none"),
    (read_url, b"lat=1&lng=2&zone=", "Expected `zone` as text of 1 to 200 characters, got 0"),
    (
        read_url,
        b"lat=1&lng=2&bbox=1,2,3,4&bbox=5,6,7,8",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got a list of 8 - at `$.bbox`",
    ),
    (read_body, b'{"lat":1,"lng":2,"total":1}', "Expected `total` as true or false, got 1"),
    (read_url, b"lat=1&lng=2&limit=%D9%A1", "Expected `limit` as an integer, got '١'"),
    (
        read_url,
        b"lat=1&lng=2&spend=99999999999999999999",
        "Expected `spend` as an integer, got '99999999999999999999' - at `$.spend`",
    ),
    (read_body, b"", "Expected a JSON object in UTF-8, got nothing - at `$`"),
    (read_body, b"[]", "Expected an object of query parameters, got a list of 0 - at `$`"),
    (read_body, b'{"lat":1,"lng":2} x', "Expected a JSON object in UTF-8, got unexpected content"),
    (read_body, b'{"lat":1,"lng":"2"}', "Expected `lng` as a number, got '2' - at `$.lng`"),
    (read_body, b'{"lat":1,"lng":null}', "Expected `lng` as a number, got null - at `$.lng`"),
    (read_body, b'{"lat":1,"lng":2,"zone":"\xff"}', "Expected a JSON object in UTF-8, got str is"),
    (
        read_body,
        b'{"lat":1,"lng":2,"cards":["a",5]}',
        "Expected `cards` as text of 1 to 200 characters, got 5 - at `$.cards[1]`",
    ),
    (
        read_body,
        b'{"lat":1,"lng":2,"at":"2026-11-22T11:30:00"}',
        "Expected `at` as an RFC 3339 instant with offset, got 2026-11-22T11:30:00 without",
    ),
    (
        read_body,
        b'{"lat":1,"lng":2,"polygon":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "Expected a JSON object in UTF-8, got depth limit exceeded",
    ),
    (
        read_batch,
        b"{}",
        "Expected an object with a list `queries`, got an object without it - at `$`",
    ),
    (read_batch, b"[]", "Expected an object with a list `queries`, got a list of 0 - at `$`"),
    (
        read_batch,
        b'{"queries":[]}',
        "Expected `queries` of 1 to 100 items, got 0 - at `$.queries`",
    ),
    (
        read_batch,
        b'{"queries":[{"lat":1,"lng":2},{"lat":1,"lng":200}]}',
        "Expected `lng` in [-180, 180], got 200 - at `$.queries[1].lng`",
    ),
    (
        read_batch,
        b'{"queries":[{"lat":1,"lng":2}],"x":1}',
        "Expected one of queries, got 'x' - at `$.x`",
    ),
    (read_zones, b"lat=1", "Expected `lng`, got nothing - at `$.lng`"),
    (read_zones, b"", "Expected `lat`, got nothing - at `$.lat`"),
    (
        read_zones,
        b"lat=1&lng=2&bbox=1,2,3,4",
        "Expected `bbox` or a position, got both - at `$.lat`",
    ),
    (read_zones, b"bbox=1,2,3", "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got a list"),
    (read_zones, b"lat=1&lng=2&z=3", "Expected one of lat, lng, bbox, crs, at, got 'z' - at `$.z`"),
    (read_merchant, b"lat=1", "Expected `lng` with `lat`, got none - at `$.lng`"),
    (read_merchant, b"lng=1", "Expected `lat` with `lng`, got none - at `$.lat`"),
    (read_merchant, b"deals=card", "Expected `cards` with deals=card, got none - at `$.cards`"),
    (
        read_merchant,
        b"radius=5",
        "Expected one of lat, lng, crs, at, cards, deals, new_customer, party_size, spend, "
        "stacking",
    ),
    (
        read_url,
        b"lat=121.47&lng=31.23",
        "Expected `lat` in [-90, 90], got 121.47 (are `lat` and `lng` swapped?) - at `$.lat`",
    ),
    (
        read_url,
        b"lat=1&lng=1&bbox=31.2,121.4,31.3,121.5",
        "Expected `min_lat` in [-90, 90], got 121.4 (are `lat` and `lng` swapped?) - at `$.bbox[1]",
    ),
    (read_zones, b"bbox=31.2,121.4,31.3,121.5", "Expected `min_lat` in [-90, 90], got 121.4 (are"),
    (
        read_url,
        b"lat=1&lng=1&bbox=31.22,121.47,31.24,1",
        "Expected `min_lat` in [-90, 90], got 121.47 - at `$.bbox[1]`",
    ),
    (read_url, b"lat=121.47&lng=100", "Expected `lat` in [-90, 90], got 121.47 - at `$.lat`"),
    (read_url, b"lat=181&lng=31", "Expected `lat` in [-90, 90], got 181.0 - at `$.lat`"),
    (read_zones, b"lat=121.47&lng=31.23", "Expected `lat` in [-90, 90], got 121.47 (are `lat`"),
    (read_merchant, b"lat=121.47&lng=31.23", "Expected `lat` in [-90, 90], got 121.47 (are `lat`"),
    (
        read_batch,
        b'{"queries":[{"lat":121.47,"lng":31.23}]}',
        "Expected `lat` in [-90, 90], got 121.47 (are `lat` and `lng` swapped?) - at `$.queries[0]",
    ),
    (read_merchant, b"at=now", "Expected `at` as an RFC 3339 instant with offset, got 'now'"),
    (read_nothing, b"x=1", "Expected no parameters, got 'x' - at `$.x`"),
]


@pytest.mark.parametrize(("reader", "given", "sentence"), REFUSED)
def test_refusals(reader: Callable[[bytes], Any], given: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest) as refused:
        reader(given)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    "values",
    [
        {"lat": 91},
        {"lng": -181},
        {"limit": 0},
        {"radius": 0},
        {"sort": "relevance"},
        {"crs": "wgs84"},
        {"deals": "card"},
        {"facets": ["x"]},
        {"zone": "z" * 201},
    ],
)
def test_python_url_and_body_give_one_sentence(values: dict[str, Any]) -> None:
    values = {"lat": 31.23, "lng": 121.47} | values
    sentences = set()
    url = urlencode({name: ",".join(v) if isinstance(v, list) else v for name, v in values.items()})
    makers: list[Callable[[], Query]] = [
        lambda: Query(**values),
        lambda: read_body(orjson.dumps(values)),
        lambda: read_url(url.encode()),
    ]
    for make in makers:
        with pytest.raises(BadRequest) as refused:
            make()
        # A number of a URL is always read as a float where a float is meant: 91.0 for 91.
        sentences.add(str(refused.value).replace(".0 -", " -"))
    assert len(sentences) == 1


def test_a_body_refused_as_a_whole_lists_everything() -> None:
    with pytest.raises(BadRequest) as refused:
        read_body(b'{"lat":"x","limit":2.5,"foo":1}')
    found = [(problem["pointer"], problem["code"]) for problem in refused.value.errors]
    assert found == [
        ("/lat", "wrong_type"),
        ("/lng", "missing"),
        ("/limit", "wrong_type"),
        ("/foo", "unknown_parameter"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"lat":1.0,"lng":5.0,"lat":2.0}',
        b'{"lat":"x","lng":5.0,"lat":2.0}',  # refused by the fast reader
        b'{"lat":1.0,"lng":5,"lat":2.0,"limit":20.0}',  # read by the slow one
    ],
)
def test_the_last_of_a_repeated_name_counts(body: bytes) -> None:
    """To find it takes 1 to 1.6 us a body, as long as to read the body."""
    assert read_body(body) == Query(lat=2.0, lng=5.0)
    assert read_batch(b'{"queries":[%b]}' % body) == [Query(lat=2.0, lng=5.0)]


def test_a_search_waits_for_no_grammar_of_hours() -> None:
    """Only a request about the worth of cards has hours in its body; their grammar takes 35 ms."""
    code = "import sys, geosearch.service.request; print('geosearch.hours.grammar' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
