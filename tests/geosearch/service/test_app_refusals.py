"""Every bad request gets its sentence, word for word."""

import io
from collections.abc import Iterator
from typing import NamedTuple

import orjson
import pytest
from starlette.testclient import TestClient

from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import publish_fake, running

HERE = "lat=31.23&lng=121.47"
NEARBY = f"/v1/nearby?{HERE}"
KNOWN = (
    "lat, lng, crs, radius, at, open, hours_unknown, min_minutes_left, cards, deals, "
    "new_customer, offer_type, party_size, spend, max_pay, stacking, q, categories, business_area, "
    "min_rating, ids, zone, bbox, {}sort, limit, cursor, facets, total, explain, "
    "near_misses, near_minutes, fields, lang, format, min_seq"
)
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("service") / "index"
    publish_fake(index)
    with running(index, max_body_bytes=20_000) as client:
        yield client


class Bad(NamedTuple):
    """A request, and the first sentence it is refused with; more may follow."""

    url: str
    sentence: str
    body: bytes | None = None
    code: str = "bad_request"
    status: int = 400
    method: str = ""
    media_type: str = "application/json"


INSTANT = "Expected `at` as an RFC 3339 instant with offset, got "
BAD = [
    Bad("/v1/nearby", "Expected `lat`, got nothing - at `$.lat` (and 1 more in `errors`)"),
    Bad("/v1/nearby?lat=31.23", "Expected `lng`, got nothing - at `$.lng`"),
    Bad("/v1/nearby?lat=91&lng=0", "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
    Bad("/v1/nearby?lat=0&lng=-180.1", "Expected `lng` in [-180, 180], got -180.1 - at `$.lng`"),
    Bad("/v1/nearby?lat=nan&lng=0", "Expected `lat` as a number, got 'nan' - at `$.lat`"),
    Bad("/v1/nearby?lat=&lng=0", "Expected `lat` as a number, got '' - at `$.lat`"),
    Bad("/v1/nearby?lat=31,23&lng=0", "Expected `lat` as a number, got '31,23' - at `$.lat`"),
    Bad("/v1/nearby?lat=1&lng=1e999", "Expected `lng` in [-180, 180], got inf - at `$.lng`"),
    Bad(f"{NEARBY}&lat=5", "Expected `lat` once, got 2 values - at `$.lat`"),
    Bad(f"{NEARBY}&sort=best&sort=best", "Expected `sort` once, got 2 values - at `$.sort`"),
    Bad(f"{NEARBY}&foo=1", f"Expected one of {KNOWN.format('')}, got 'foo' - at `$.foo`"),
    Bad(
        f"{NEARBY}&crs=EPSG:4326",
        "Expected `crs` as one of WGS84, GCJ02, BD09, got 'EPSG:4326' - at `$.crs`",
    ),
    Bad(f"{NEARBY}&radius=0", "Expected `radius` in [1, 50000], got 0.0 - at `$.radius`"),
    Bad(f"{NEARBY}&radius=50001", "Expected `radius` in [1, 50000], got 50001.0 - at `$.radius`"),
    Bad(f"{NEARBY}&radius=3km", "Expected `radius` as a number, got '3km' - at `$.radius`"),
    Bad(f"{NEARBY}&at=tomorrow", INSTANT + "'tomorrow' - at `$.at`"),
    Bad(
        f"{NEARBY}&at=2026-11-22T19:30:00",
        INSTANT + "2026-11-22T19:30:00 without an offset - at `$.at`",
    ),
    Bad(f"{NEARBY}&at=1763811000", INSTANT + "'1763811000' - at `$.at`"),
    Bad(
        f"{NEARBY}&at=1999-01-01T00:00:00Z",
        "Expected `at` from 2",
        code="at_outside_horizon",
    ),
    Bad(
        f"/v1/zones?{HERE}&at=0001-01-01T00:00:00Z",
        INSTANT + "0001-01-01T00:00:00+00:00, at the end of the calendar - at `$.at`",
    ),
    Bad(f"{NEARBY}&open=yes", "Expected `open` as one of any, now, got 'yes' - at `$.open`"),
    Bad(
        f"{NEARBY}&hours_unknown=maybe",
        "Expected `hours_unknown` as one of exclude, include, got 'maybe' - at `$.hours_unknown`",
    ),
    Bad(
        f"{NEARBY}&min_minutes_left=-1",
        "Expected `min_minutes_left` in [0, 10080], got -1 - at `$.min_minutes_left`",
    ),
    Bad(
        f"{NEARBY}&cards=red,,blue",
        "Expected `cards` as text of 1 to 200 characters, got 0 characters - at `$.cards[1]`",
    ),
    Bad(
        f"{NEARBY}&cards={','.join('x' * 1_001)}",
        "Expected `cards` of at most 1000 items, got 1001 - at `$.cards`",
    ),
    Bad(f"{NEARBY}&deals=card", "Expected `cards` with deals=card, got none - at `$.cards`"),
    Bad(
        f"{NEARBY}&deals=best",
        "Expected `deals` as one of card, card_best, any, optional, got 'best' - at `$.deals`",
    ),
    Bad(
        f"{NEARBY}&party_size=two",
        "Expected `party_size` as an integer, got 'two' - at `$.party_size`",
    ),
    Bad(
        f"{NEARBY}&offer_type=discount",
        "Expected `offer_type` as one of percent_off, amount_off, voucher, bundle, cashback, "
        "free_item, got 'discount' - at `$.offer_type[0]`",
    ),
    Bad(f"{NEARBY}&spend=-5", "Expected `spend` in [0, 2000000000], got -5 - at `$.spend`"),
    Bad(f"{NEARBY}&max_pay=-1", "Expected `max_pay` in [0, 2000000000], got -1 - at `$.max_pay`"),
    Bad(f"{NEARBY}&spend=12.50", "Expected `spend` as an integer, got '12.50' - at `$.spend`"),
    Bad(
        f"{NEARBY}&categories={'x' * 201}",
        "Expected `categories` as text of 1 to 200 characters, got 201 characters",
    ),
    Bad(f"{NEARBY}&min_rating=6", "Expected `min_rating` in [0, 5], got 6.0 - at `$.min_rating`"),
    Bad(
        f"{NEARBY}&zone=nowhere",
        "Expected `zone` of the snapshot, got 'nowhere' - at `$.zone`",
        code="unknown_zone",
    ),
    Bad(
        f"{NEARBY}&bbox=1,2,3",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got a list of 3 - at `$.bbox`",
    ),
    Bad(
        f"{NEARBY}&bbox=1,5,2,4",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got min_lat 5.0 above max_lat 4.0",
    ),
    Bad(
        f"{NEARBY}&bbox=a,b,c,d",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got 'a,b,c,d' - at `$.bbox`",
    ),
    Bad(
        f"{NEARBY}&polygon=%7B%7D",
        "Expected `polygon` in the body of a POST, got it in the URL - at `$.polygon`",
    ),
    Bad(
        f"{NEARBY}&sort=nearest",
        "Expected `sort` as one of best, distance, saving, rating, relevance, got 'nearest' "
        "- at `$.sort`",
    ),
    Bad(
        f"{NEARBY}&sort=relevance",
        "Expected `q` with sort=relevance, got none - at `$.q`",
    ),
    Bad(
        f"{NEARBY}&q={'x' * 201}",
        "Expected `q` as text of 1 to 200 characters, got 201 characters - at `$.q`",
    ),
    Bad(f"{NEARBY}&limit=101", "Expected `limit` in [1, 100], got 101 - at `$.limit`"),
    Bad(f"{NEARBY}&limit=ten", "Expected `limit` as an integer, got 'ten' - at `$.limit`"),
    Bad(
        f"{NEARBY}&cursor=abc",
        "Expected `next_cursor` of an earlier answer, got 'abc' - at `$.cursor`",
        code="bad_cursor",
    ),
    Bad(
        f"{NEARBY}&facets=colour",
        "Expected `facets` as one of category, program, offer_type, business_area, got 'colour'",
    ),
    Bad(f"{NEARBY}&total=2", "Expected `total` as true or false, got '2' - at `$.total`"),
    Bad(f"{NEARBY}&zone=%FF", "Expected UTF-8, percent-encoded, got other bytes - at `$`"),
    Bad(
        f"{NEARBY}&zone={'x' * 16_384}",
        "Expected a query string of at most 16384 bytes, got more",
        code="uri_too_long",
        status=414,
    ),
    Bad(
        "/v1/nearby",
        "Expected a JSON object in UTF-8, got unexpected end of data in line 1, column 2",
        b"{",
        "not_json",
    ),
    Bad("/v1/nearby", "Expected a JSON object in UTF-8, got nothing", b"", "not_json"),
    Bad("/v1/nearby", "Expected an object of query parameters, got a list of 0 - at `$`", b"[]"),
    Bad(
        "/v1/nearby",
        "Expected `lat` as a number, got '31.23' - at `$.lat`",
        b'{"lat":"31.23","lng":121.47}',
    ),
    Bad(
        "/v1/nearby",
        f"Expected one of {KNOWN.format('polygon, ')}, got 'Radius' - at `$.Radius`",
        b'{"lat":1,"lng":2,"Radius":5}',
    ),
    Bad(
        "/v1/nearby",
        "Expected `cards` as a list, got 'red' - at `$.cards`",
        b'{"lat":1,"lng":2,"cards":"red"}',
    ),
    Bad(
        "/v1/nearby",
        "Expected `polygon` as a GeoJSON Polygon or MultiPolygon, got type 'Point'",
        b'{"lat":1,"lng":2,"polygon":{"type":"Point","coordinates":[1,2]}}',
    ),
    Bad(
        f"/v1/nearby?{HERE}",
        "Expected no parameters, got 'lat' - at `$.lat`",
        b'{"lat":1,"lng":2}',
    ),
    Bad(
        "/v1/nearby",
        "Expected content type application/json, got 'text/plain'",
        b"{}",
        "wrong_media_type",
        415,
        media_type="text/plain",
    ),
    Bad(
        "/v1/nearby",
        "Expected a body of at most 20000 bytes, got more",
        b" " * 20_001,
        "too_large",
        413,
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected an object with a list `queries`, got an object without it - at `$`",
        b"{}",
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected `queries` of 1 to 100 items, got 101 - at `$.queries`",
        orjson.dumps({"queries": [{"lat": 1, "lng": 2}] * 101}),
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected `lng` in [-180, 180], got 200 - at `$.queries[1].lng`",
        b'{"queries":[{"lat":1,"lng":2},{"lat":1,"lng":200}]}',
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected `zone` of the snapshot, got 'nowhere' - at `$.queries[1].zone`",
        b'{"queries":[{"lat":1,"lng":2},{"lat":1,"lng":2,"zone":"nowhere"}]}',
        "unknown_zone",
    ),
    Bad(
        "/v1/merchants/unknown",
        "There is no merchant with this id",
        code="not_found",
        status=404,
    ),
    Bad(
        f"/v1/merchants/unknown/why?{HERE}",
        "There is no merchant with this id, or it has closed for good or was withdrawn",
        code="not_found",
        status=404,
    ),
    Bad(
        f"/v1/nearby?{HERE}&near_misses=2&cursor=x",
        "Expected `near_misses` without `cursor`, got both - at `$.near_misses`",
    ),
    Bad(
        f"/v1/nearby?{HERE}&near_misses=21",
        "Expected `near_misses` in [0, 20], got 21 - at `$.near_misses`",
    ),
    Bad("/v1/merchants/m1?lat=3", "Expected `lng` with `lat`, got none - at `$.lng`"),
    Bad("/v1/zones?lat=1", "Expected `lng`, got nothing - at `$.lng`"),
    Bad(f"/v1/zones?{HERE}&radius=5", "Expected one of lat, lng, bbox, crs, at, got 'radius'"),
    Bad("/v1/programs?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/v1/index?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/healthz?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/readyz?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/metrics?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/openapi.json?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad(
        "/v1/nearby",
        "Expected GET, HEAD, POST, got DELETE - at `/v1/nearby`",
        code="method_not_allowed",
        status=405,
        method="DELETE",
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected POST, got GET - at `/v1/nearby:batch`",
        code="method_not_allowed",
        status=405,
    ),
    Bad(
        "/v1/guess?q=a",
        "There is no such path - /openapi.json lists all",
        code="not_found",
        status=404,
    ),
    Bad(
        "/v1/nearby//",
        "There is no such path - /openapi.json lists all",
        code="not_found",
        status=404,
    ),
    Bad(
        "/v1/near%0Aby/",
        "There is no such path - /openapi.json lists all",
        code="not_found",
        status=404,
    ),
    Bad(
        "/index.html",
        "There is no such path - /openapi.json lists all",
        code="not_found",
        status=404,
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.url[:60]} {(bad.body or b'')[:40]!r}")
def test_every_bad_request_gets_its_sentence(client: TestClient, bad: Bad) -> None:
    method = bad.method or ("GET" if bad.body is None else "POST")
    headers = {"content-type": bad.media_type} if bad.body is not None else {}
    answer = client.request(method, bad.url, content=bad.body, headers=headers)
    assert answer.status_code == bad.status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"].startswith(bad.sentence)
    assert (problem["status"], problem["code"]) == (bad.status, bad.code)
    assert list(problem) == ["type", "title", "status", "code", "detail", "errors"]
    if bad.status == 400:
        first, *others = [error["detail"] for error in problem["errors"]]
        more = f" (and {len(others)} more in `errors`)" if others else ""
        assert problem["detail"] == first + more
    else:
        assert problem["errors"] == []


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 60


def test_methods_allowed_are_named(client: TestClient) -> None:
    assert client.put("/v1/nearby").headers["allow"] == "GET, HEAD, POST"


def test_pointers_are_json_pointers(client: TestClient) -> None:
    body = {"queries": [{"lat": 1, "lng": 2, "a/b~c": 1, "cards": ["x", ""]}]}
    errors = client.post("/v1/nearby:batch", json=body).json()["errors"]
    assert [e["pointer"] for e in errors] == ["/queries/0/cards/1", "/queries/0/a~1b~0c"]


@pytest.mark.parametrize(("count", "code"), [(0, "out_of_range"), (101, "too_many")])
def test_a_batch_of_none_is_not_too_many(client: TestClient, count: int, code: str) -> None:
    body = {"queries": [{"lat": 1, "lng": 2}] * count}
    (error,) = client.post("/v1/nearby:batch", json=body).json()["errors"]
    assert (error["pointer"], error["code"]) == ("/queries", code)
    assert error["detail"].endswith(f"got {count} - at `$.queries`")


def test_a_body_in_pieces_is_bounded_too(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000

    answer = client.post("/v1/nearby", content=pieces(), headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_an_encoded_body_is_refused(client: TestClient) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    answer = client.post("/v1/nearby", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["detail"] == "Expected a body without content encoding, got 'gzip'"
