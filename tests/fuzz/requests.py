"""Mutated requests: never a 500, every refusal is problem+json, every answer parses.

The application is asked in this process, past the server, with bytes that no client library would
send. What is wrong is raised with the seed, the number of the request and the request itself.

Useful for: routes, parameters, bodies, batches and cursors. Not useful for: what the server does
with bytes that are no HTTP (`protocol`).
"""

import asyncio
import json
import re
import tempfile
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pyarrow
import xxhash
from starlette.applications import Starlette

from geosearch.indexing.pipeline import build
from geosearch.query.cursor import fingerprint
from geosearch.query.parameters import PARAMETERS
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.problems import CODES
from geosearch.service.settings import Settings
from geosearch.sources.synth.world import synthesise

MERCHANTS = 300
CENTRE: dict[str, Any] = {"lat": 31.2304, "lng": 121.4737}

TEXTS = (
    "", " ", "a", "0", "-1", "1e400", "nan", "inf", "null", "true", "[]", "{}", "é", "火锅",
    "海底捞", "coffee", "zzzzqx", "hai di lao", "a" * 201, "火" * 200, "x " * 99, "\x00", "\ufeff",
    "\U0010ffff", "2026-12-31T23:59:60Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z",
    "2026-11-29T12:00:00",
    "2026-11-29T12:00:00+99:99", "WGS84", "GCJ02", "BD09", "best", "relevance", "saving", "card",
    "any", "now", "include", "category", "program,category", "food", "food.cafe", "121,31,122,32",
    "180,-90,-180,90", "1,2,3", "..", "%", "%zz", "%ff", "%ud800", "'; --", "a,b,c", ",,,", "🍜",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 20, 101, 2**31, 2**63, 2**64, 10**400, -(10**30), 0.5, 1e308,
    [], {}, [[]], ["a"] * 1_001, ["food"], [1, 2, 3, 4], [121.0, 31.0, 122.0, 32.0],
    {"type": "Polygon", "coordinates": []},
    {"type": "Polygon", "coordinates": [[[121, 31], [122, 31], [122, 32], [121, 31]]]},
    {"type": "Polygon", "coordinates": [[[121, 31], [122, 32], [122, 31], [121, 32], [121, 31]]]},
    {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]], 7]},
    {"type": "Polygon", "coordinates": [[[2**70, 1e400], ["a", None], [True, {}], [1]]]},
    {"type": "Point", "coordinates": [0, 0]},
)  # fmt: skip
RIGHT: dict[str, tuple[Any, ...]] = {
    "radius": (1, 500, 50_000), "crs": ("WGS84", "GCJ02", "BD09"), "open": ("any", "now"),
    "hours_unknown": ("include",), "min_minutes_left": (0, 30, 10_080),
    "deals": ("any", "optional"),
    "cards": ("a", "lucky,made-up"), "party_size": (1, 1_000), "spend": (0, 12_000, 2_000_000_000),
    "max_pay": (0, 9_000, 2_000_000_000), "min_seq": (0,), "stacking": ("on", "off"),
    "q": ("coffee", "火锅", "zzzqx noodle", "coffee tea bread fish rice hotpot bank zoo bar shop"),
    "categories": ("food", "food.cafe,shop"), "min_rating": (0, 4.5, 5), "zone": ("nowhere",),
    "bbox": ("121,31,122,32", "179,-90,-179,90"), "sort": ("best", "distance", "saving", "rating"),
    "limit": (1, 100), "facets": ("category,program", "offer_type"), "total": ("true",),
    "explain": ("true", "false"), "format": ("json", "geojson"),
}  # fmt: skip
"""Values that are right, as a URL has them."""
NAMES = (*Query.__struct_fields__, "foo", "", "lat ", "LAT", "q[]")
PATHS = (
    "/v1/nearby", "/v1/nearby:batch", "/v1/suggest", "/v1/merchants/m1", "/v1/merchants/",
    "/v1/zones", "/v1/programs", "/v1/index", "/healthz", "/readyz", "/metrics", "/openapi.json",
    "/docs", "/", "/v1/\n",
    "/v1/merchants/é\x00", "/v1/nearby/",
)  # fmt: skip
STATES = ("not_found", "not_ready", "busy", "stopping", "request_timeout", "fault")
"""Codes of what is the case, where nothing else could have been sent."""
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW")
ORIGIN = "https://a.example"
EDGE: dict[bytes, tuple[bytes, ...]] = {
    b"accept-encoding": (
        b"gzip", b"zstd", b"gzip, deflate, br, zstd", b"*", b"*;q=0", b"identity;q=0, gzip;q=0.1",
        b"gzip;q=2", b"gzip," * 4_000, b"\xff", b"gzip\x00", b"",
    ),
    b"x-request-id": (
        b"a-1", b"x" * 129, b"a\r\nset-cookie: x=1", b"a\x00", b"\xff\xfe", b"", b"a b",
    ),
    b"origin": (
        ORIGIN.encode(), b"null", b"https://b.example", b"a\r\nset-cookie: x=1", b"\xff" * 10_000,
    ),
    b"if-none-match": (b"*", b'"a"', b'W/"a", "b"', b'"' * 16_000, b"\xff", b""),
    b"access-control-request-method": (b"GET", b"POST", b"\xff", b""),
    b"access-control-request-headers": (b"content-type", b"a\r\nb: c", b"*"),
}  # fmt: skip
"""Headers that are read in front of all routes, and values of them."""
MEDIA_TYPES = (b"application/json", b"application/json; charset=utf-8", b"text/plain", b"\xff", b"")


class Sent(NamedTuple):
    """A request as the application gets it."""

    method: str
    path: str
    query_string: bytes = b""
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)


class Got(NamedTuple):
    """What the application answered."""

    status: int
    media_type: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def fuzz(seed: int, count: int) -> dict[str, int]:
    """Ask `count` mutated requests, and return how many had each status.

    Raises
    ------
    AssertionError
        With the request that was answered wrongly.
    """
    with tempfile.TemporaryDirectory(prefix="geosearch-fuzz-") as folder:
        index = Path(folder) / "index"
        synthesise(Path(folder) / "snapshot", merchants=MERCHANTS, seed=1, created_at=_today())
        build(Path(folder) / "snapshot", index)
        settings = Settings(index=str(index), max_body_bytes=200_000, log_requests=False,
                            cors_origins=(ORIGIN,))  # fmt: skip
        engines = Engines(index, Searcher, poll_seconds=1.0)
        engines.load()
        handlers = Handlers(engines, Metrics(engines), settings)
        version = engines.current().version
        found = asyncio.run(_ask_all(make_app(handlers), Requests(seed, version), count))
        handlers.close()
    return dict(sorted(found.items()))


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def _ask_all(app: Starlette, requests: "Requests", count: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(count):
        sent = requests.next()
        got = await _ask(app, sent)
        try:
            got = opened(sent, got)
            wrong = complaint(sent, got)
        except AssertionError as error:
            wrong = f"{error} of {got.headers!r}"
        if wrong:
            raise AssertionError(f"seed {requests.seed}, request {number}: {wrong}: {sent!r:.2000}")
        found[f"{got.status}"] += 1
        requests.learn(got)
    return found


async def _ask(app: Starlette, sent: Sent) -> Got:
    status = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    bodies, pieces = [sent.body], []

    async def receive() -> dict[str, Any]:
        if not bodies:
            await asyncio.Event().wait()  # the client stays
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = tuple(message["headers"])
        else:
            pieces.append(message["body"])

    scope = {
        "type": "http", "method": sent.method, "path": sent.path, "raw_path": b"", "root_path": "",
        "query_string": sent.query_string, "headers": list(sent.headers), "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, send)
    media_type = dict(headers).get(b"content-type", b"")
    return Got(status, media_type, b"".join(pieces), headers)


def opened(sent: Sent, got: Got) -> Got:
    """The answer without its coding.

    Raises
    ------
    AssertionError
        What was said in front of the routes is wrong.
    """
    said = [name for name, _ in got.headers]
    assert len(said) == len(set(said)), "a header twice"
    for name, value in got.headers:
        assert re.fullmatch(rb"[\x20-\x7e]*", value), f"{name!r}: {value!r}"
    headers, asked = dict(got.headers), dict(sent.headers)
    assert b"set-cookie" not in headers
    assert re.fullmatch(rb"[\w.~:=@+/-]{1,128}", headers[b"x-request-id"])
    permission = headers.get(b"access-control-allow-origin")
    assert permission == (ORIGIN.encode() if asked.get(b"origin") == ORIGIN.encode() else None)
    if got.status in (204, 304):
        assert not {b"content-length", b"content-encoding"} & set(headers)
        return got
    length = int(headers[b"content-length"])
    assert sent.method == "HEAD" or length == len(got.body)
    if sent.method == "HEAD" or b"content-encoding" not in headers:
        return got
    coding = headers[b"content-encoding"].decode()
    accepted = asked[b"accept-encoding"].decode("latin-1")
    assert coding in accepted or "*" in accepted, "a coding that is not welcome"
    with pyarrow.CompressedInputStream(pyarrow.py_buffer(got.body), coding) as stream:
        return got._replace(body=bytes(stream.read()))


def complaint(sent: Sent, got: Got) -> str:
    """What is wrong with an answer, nothing where it is right."""
    if not 200 <= got.status < 500 and got.status != 503:
        return f"status {got.status}"
    if sent.method == "HEAD" or got.status in (204, 304, 308):
        return "a body for HEAD, or where nothing is to be said" if got.body else ""
    if got.media_type.startswith(b"text/html"):
        return "" if sent.path == "/docs" else "a page"
    if got.media_type.startswith(b"text/plain"):
        return "" if sent.path == "/metrics" else "text"
    try:
        record = json.loads(got.body)
    except ValueError:
        return "no JSON"
    if got.status < 400:
        is_geojson = record.get("type") == "FeatureCollection"
        expected = b"application/geo+json" if is_geojson else b"application/json"
        return "" if got.media_type == expected else f"{got.media_type!r}"
    if got.media_type != b"application/problem+json":
        return f"{got.media_type!r} for a refusal"
    known = CODES.get(record["code"], (0, ""))[0] == record["status"] == got.status
    says = record["detail"].startswith("Expected ") or record["code"] in STATES
    return "" if known and says and isinstance(record["errors"], list) else "an odd problem"


class Requests:
    """Draws requests: right ones, and ones that are wrong in one or a few places.

    Parameters
    ----------
    seed
        Of all that is drawn.
    version
        Of the index, for cursors.
    """

    def __init__(self, seed: int, version: str) -> None:
        self.seed = seed
        self._rng = Random(seed)
        self._version = version
        self._cursors: list[str] = []

    def learn(self, got: Got) -> None:
        """Keep the cursors of answers, to go on from them, perhaps with another question."""
        if got.status == 200 and b'"next_cursor":"' in got.body:
            text = got.body.rpartition(b'"next_cursor":"')[2].partition(b'"')[0].decode()
            self._cursors = [*self._cursors[-20:], text]

    def next(self) -> Sent:
        """Return the next request."""
        makes: tuple[tuple[int, Callable[[], Sent]], ...] = (
            (6, self._get),
            (6, self._post),
            (3, self._batch),
            (2, self._other),
            (2, self._noise),
        )
        weights = [weight for weight, _ in makes]
        (make,) = self._rng.choices([make for _, make in makes], weights)
        sent = make()
        return sent._replace(headers=(*sent.headers, *self._edge()))

    def _edge(self) -> Iterator[tuple[bytes, bytes]]:
        names = sorted(EDGE)
        for name in self._rng.sample(names, self._rng.choice((0, 0, 1, 2, len(names)))):
            yield name, self._rng.choice(EDGE[name])

    def _get(self) -> Sent:
        wish = self._wish(self._text)
        pairs = [f"{self._quoted(name)}={self._quoted(str(text))}" for name, text in wish.items()]
        if self._rng.random() < 0.2:
            pairs.append(self._rng.choice(pairs))
        path = self._rng.choice(("/v1/nearby", "/v1/nearby", "/v1/suggest", "/v1/zones"))
        return Sent("GET", path, "&".join(pairs).encode("utf-8", "replace"))

    def _post(self) -> Sent:
        return Sent("POST", "/v1/nearby", body=self._mangled(_json(self._wish(self._value))))

    def _batch(self) -> Sent:
        queries: Any = [self._wish(self._value) for _ in range(self._rng.choice((0, 1, 3, 101)))]
        batch = self._rng.choice(({"queries": queries}, {"queries": queries}, queries, {"q": 1}))
        return Sent("POST", "/v1/nearby:batch", body=self._mangled(_json(batch)))

    def _other(self) -> Sent:
        rng = self._rng
        media_type = (b"content-type", rng.choice(MEDIA_TYPES))
        encoding = (b"content-encoding", rng.choice((b"identity", b"gzip")))
        query_string = rng.choice(("", "at=1", quote(rng.choice(TEXTS)), "a" * 20_000)).encode()
        body = _json(self._wish(self._value))
        path = rng.choice(PATHS)
        return Sent(rng.choice(METHODS), path, query_string, body, (media_type, encoding))

    def _noise(self) -> Sent:
        rng = self._rng
        noise = rng.choice(
            (
                rng.randbytes(rng.randrange(60)),
                b"[" * 100_000,
                b'{"polygon":' * 5_000,
                b'{"lat":1,"lng":2,"q":"\\ud800"}',
                b'{"lat":1,"lng":2,"cards":["\\udfff\\ud800"],"cursor":"\\ud800"}',
                b'{"lat":1e999,"lng":NaN}',
                b'{"lat":1,"lat":2,"lng":3}',
                b"{" + b'"a":1,' * 20_000 + b'"b":2}',
                b" " * 200_001,
                b'"' + b"\xff" * 10 + b'"',
            )
        )
        path = rng.choice(("/v1/nearby", "/v1/nearby:batch"))
        if rng.random() < 0.3:
            return Sent("GET", "/v1/nearby", noise[:16_000])
        return Sent("POST", path, body=noise)

    def _wish(self, draw: Callable[[], Any]) -> dict[str, Any]:
        """A question that is right, but for up to two parameters that are drawn."""
        rng = self._rng
        wish: dict[str, Any] = dict(CENTRE)
        if rng.random() < 0.5:
            wish["limit"] = rng.choice((1, 5, 100))
        if rng.random() < 0.2:
            wish["cursor"] = self._cursor()
            if rng.random() < 0.2:
                wish[rng.choice(("polygon", "at", "cards"))] = draw()
            return wish
        for name in rng.sample(sorted(RIGHT), rng.choice((0, 1, 2, 4))):
            wish[name] = self._right(name, as_text=draw == self._text)
        for _ in range(rng.choice((0, 0, 1, 2))):
            wish[rng.choice(NAMES)] = draw()
        if rng.random() < 0.05:
            del wish["lat"]
        return wish

    def _right(self, name: str, *, as_text: bool) -> Any:
        value = self._rng.choice(RIGHT[name])
        if as_text or not isinstance(value, str):
            return value
        kind = PARAMETERS[name].kind
        if kind in ("texts", "choices"):
            return value.split(",")
        if kind == "box":
            return [float(bound) for bound in value.split(",")]
        return value == "true" if kind == "flag" else value

    def _text(self) -> str:
        return self._rng.choice(TEXTS)

    def _value(self) -> Any:
        return self._rng.choice((self._rng.choice(VALUES), self._rng.choice(TEXTS)))

    def _quoted(self, text: str) -> str:
        return text if self._rng.random() < 0.1 else quote(text, safe=",:+", errors="replace")

    def _mangled(self, body: bytes) -> bytes:
        rng = self._rng
        if body and rng.random() < 0.1:
            at = rng.randrange(len(body))
            return body[:at] + rng.choice((b"", b"\x00", b"\xff", b'"', b"}")) + body[at + 1 :]
        return body

    def _cursor(self) -> str:
        """A cursor of an answer, a cut one, or one with a right checksum and whatever in it."""
        rng = self._rng
        if self._cursors and rng.random() < 0.4:
            text = rng.choice(self._cursors)
            return text if rng.random() < 0.7 else text[: rng.randrange(len(text))]
        return forged(self._parts())

    def _parts(self) -> Any:
        """What a forged cursor holds: each part right, or one of the values that are not."""
        rng = self._rng
        now = datetime.now(UTC)
        right = [self._version, now, fingerprint(Query(**CENTRE)), (1.0, 2.0), 7]
        odd: tuple[Any, ...] = (
            None, -1, 2**63, -(2**63), float("nan"), float("inf"), "\x00", "../..", b"\xff", [],
            {}, (1.0,), (float("nan"), 1.0), (1.0, float("nan")), (float("inf"), -1.0), (1.0,
            1e308),
            datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC),
            now.replace(tzinfo=None),
            now + timedelta(days=400), [[[[[[]]]]]], "9" * 300, MERCHANTS, 10**9,
        )  # fmt: skip
        for _ in range(rng.choice((0, 1, 1, 2))):
            right[rng.randrange(len(right))] = rng.choice(odd)
        return rng.choice((right, right, right, right[:-1], [*right, 1], {"a": right}, 7))


def forged(parts: Any) -> str:
    """The text of a cursor with a right checksum that holds whatever is given."""
    packed = parts if isinstance(parts, bytes) else msgspec.msgpack.encode(parts)
    return urlsafe_b64encode(xxhash.xxh32_digest(packed) + packed).rstrip(b"=").decode()


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
