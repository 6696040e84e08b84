"""Whether two checkouts of the project answer the same requests with the same bytes, on all routes.

    python -m tests.recorded_answers INDEX BEFORE AFTER [--count 5000] [--seed 1]

Useful for: a change of structure, which changes no answer. BEFORE and AFTER are checkouts; each
serves INDEX from its own code, on a free port of the loopback interface.
Not useful for: whether answers are right; tests with oracles say that.

What a clock decides is left out of the comparison: `took_us` and `age_seconds`. Every request says
its instant. Cursors, merchants and zones of answers are asked for in turn, as clients do.
"""

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

HOST = "127.0.0.1"
START_SECONDS = 600.0
CLOCKED = re.compile(rb'"(took_us|age_seconds)":\d+')

TEXTS = (
    *("火锅", "海底捞", "星巴克", "coffee", "cofee", "huoguo", "hdl", "xing ba ke", "noodle -bar"),
    *("陆家嘴火锅", "静安寺 咖啡", "best pizza near me", "1点点", "7-Eleven", "zzzqx", "麦", "面"),
)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "radius": (300, 1_000, 3_000, 20_000),
    "crs": ("WGS84", "GCJ02", "BD09"),
    "open": ("now", "any"),
    "hours_unknown": ("include",),
    "min_minutes_left": (0, 45, 600),
    "deals": ("any", "optional"),
    "cards": ("red", "red,gold", "made-up", ""),
    "offer_type": ("percent_off", "voucher,bundle"),
    "party_size": (1, 2, 6),
    "spend": (5_000, 30_000),
    "q": TEXTS,
    "categories": ("food", "food.cafe,shop", "food.hotpot", "made.up"),
    "business_area": ("陆家嘴",),
    "min_rating": (3.5, 4.8),
    "bbox": ("121.40,31.18,121.55,31.28", "121.47,31.22,121.48,31.24"),
    "sort": ("best", "distance", "saving", "rating"),
    "limit": (1, 5, 20, 100),
    "facets": ("category", "program,offer_type", "business_area"),
    "total": ("true",),
    "explain": ("true",),
}
WRONG = (
    *("lat=100", "limit=0", "open=maybe", "sort=fame", "radius=-1", "foo=1", "bbox=1,2,3"),
    *("at=now", "cursor=nonsense", "zone=nowhere", f"q={'x' * 201}", "spend=-5", "party_size=0"),
)


class Asked(NamedTuple):
    """One request."""

    method: str
    target: str
    body: bytes | None = None


class Got(NamedTuple):
    """What a checkout answered."""

    status: int
    media_type: str
    body: bytes


class Requests:
    """Requests of every route, drawn by a seed; some ask for what answers named."""

    def __init__(self, seed: int, at: str, cards: list[str]) -> None:
        self._rng = Random(seed)
        self._at = at
        self._options = OPTIONS | {"cards": (*cards, ",".join(cards[:3]), "made-up")}
        self._cursors: list[str] = []
        self._merchants = ["made-up"]

    def next(self) -> Asked:
        """One more request."""
        rng = self._rng
        kind = rng.choices(
            ("nearby", "post", "page", "batch", "suggest", "merchant", "zones", "list", "wrong"),
            (40, 12, 6, 4, 12, 10, 4, 4, 8),
        )[0]
        if kind == "page" and self._cursors:
            return Asked("GET", rng.choice(self._cursors))
        if kind == "post":
            return Asked("POST", "/v1/nearby", json.dumps(self._as_body(self._query())).encode())
        if kind == "batch":
            queries = [self._as_body(self._query()) for _ in range(rng.randrange(1, 8))]
            return Asked("POST", "/v1/nearby:batch", json.dumps({"queries": queries}).encode())
        if kind == "suggest":
            typed = rng.choice(TEXTS)[: rng.randrange(1, 6)]
            return Asked("GET", "/v1/suggest?" + urlencode({**self._here(), "q": typed}))
        if kind == "merchant":
            shop = quote(rng.choice(self._merchants), safe="")
            wallet = {"cards": rng.choice(self._options["cards"]), "at": self._at}
            return Asked("GET", f"/v1/merchants/{shop}?" + urlencode({**self._here(), **wallet}))
        if kind == "zones":
            query = rng.choice((self._here(), {"bbox": rng.choice(OPTIONS["bbox"])}))
            return Asked("GET", "/v1/zones?" + urlencode({**query, "at": self._at}))
        if kind == "list":
            routes = ("programs", "categories", "index", "../healthz", "../openapi.json", "none")
            return Asked("GET", f"/v1/{rng.choice(routes)}".replace("/v1/..", ""))
        target = "/v1/nearby?" + urlencode(self._query())
        return Asked("GET", f"{target}&{rng.choice(WRONG)}" if kind == "wrong" else target)

    def learn(self, asked: Asked, got: Got) -> None:
        """Remember what later requests may ask for."""
        if got.status != 200 or not asked.target.startswith("/v1/nearby?"):
            return
        answer = json.loads(got.body)
        self._merchants += [hit["merchant"]["merchant_id"] for hit in answer["results"][:2]]
        del self._merchants[:-500]
        if answer.get("next_cursor"):
            self._cursors.append(f"{asked.target}&cursor={quote(answer['next_cursor'], safe='')}")
            del self._cursors[:-200]

    def _here(self) -> dict[str, Any]:
        spread = self._rng.choice((0.01, 0.1, 0.4))
        lat, lng = self._rng.gauss(31.2304, spread), self._rng.gauss(121.4737, spread)
        return {"lat": round(lat, 6), "lng": round(lng, 6)}

    def _query(self) -> dict[str, Any]:
        chosen = self._rng.sample(list(self._options), self._rng.randrange(0, 7))
        options = {name: self._rng.choice(self._options[name]) for name in chosen}
        return {**self._here(), "at": self._at, **options}

    def _as_body(self, query: dict[str, Any]) -> dict[str, Any]:
        body = dict(query)
        for name in ("cards", "categories", "facets", "offer_type", "business_area"):
            if name in body:
                body[name] = [item for item in body[name].split(",") if item]
        if "bbox" in body:
            body["bbox"] = [float(number) for number in body["bbox"].split(",")]
        for name in ("total", "explain"):
            if name in body:
                body[name] = True
        if self._rng.random() < 0.2:
            lat, lng = body["lat"], body["lng"]
            ring = [[lng, lat], [lng + 0.02, lat], [lng + 0.01, lat + 0.02], [lng, lat]]
            body["polygon"] = {"type": "Polygon", "coordinates": [ring]}
        return body


@contextmanager
def serving(checkout: Path, index: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to a service of a checkout, which is stopped by its process id at the end."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index)]
    environment = os.environ | {"PYTHONPATH": str(checkout), "GEOSEARCH_LOG_LEVEL": "error"}
    server = subprocess.Popen([*command, "--port", str(port)], cwd=checkout, env=environment)
    try:
        until = time.monotonic() + START_SECONDS
        while server.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection((HOST, port)).close()
                break
            except ConnectionError:
                time.sleep(0.2)
        connection = http.client.HTTPConnection(HOST, port)
        while ask(connection, Asked("GET", "/readyz")).status != 200:
            time.sleep(0.2)
        yield connection
        connection.close()
    finally:
        server.terminate()
        server.wait()


def ask(connection: http.client.HTTPConnection, asked: Asked) -> Got:
    """The answer of a service, without what a clock decides."""
    headers = {} if asked.body is None else {"content-type": "application/json"}
    try:
        connection.request(asked.method, asked.target, asked.body, headers)
        answer = connection.getresponse()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        # The service closes a connection that is idle, as while the other one compiles.
        connection.close()
        connection.request(asked.method, asked.target, asked.body, headers)
        answer = connection.getresponse()
    media_type = answer.headers.get("content-type", "")
    return Got(answer.status, media_type, CLOCKED.sub(rb'"\1":0', answer.read()))


def compare(index: Path, before: Path, after: Path, *, count: int, seed: int) -> Counter[str]:
    """How many requests had each status; prints the differences, counted as `differs`."""
    found: Counter[str] = Counter()
    with serving(before, index) as one, serving(after, index) as other:
        about = json.loads(ask(one, Asked("GET", "/v1/index")).body)
        programs = json.loads(ask(one, Asked("GET", "/v1/programs")).body)
        cards = [each["program_id"] for each in programs["programs"]]
        start = datetime.fromisoformat(about["horizon"]["start"])
        requests = Requests(seed, (start + timedelta(days=3, hours=11)).isoformat(), cards)
        for number in range(count):
            asked = requests.next()
            first, second = ask(one, asked), ask(other, asked)
            found[f"{first.status}"] += 1
            requests.learn(asked, first)
            if first != second:
                found["differs"] += 1
                print(f"{number}: {asked}\n  {first!s:.500}\n  {second!s:.500}", flush=True)
    return found


def main() -> int:
    """Compare two checkouts; 1 where an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("index", "before", "after"):
        parser.add_argument(name, type=lambda path: Path(path).resolve())
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = compare(
        options.index, options.before, options.after, count=options.count, seed=options.seed
    )
    print(dict(sorted(found.items())))
    return 1 if found["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
