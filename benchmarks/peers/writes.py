"""PostgreSQL and Redis: one row changed durably, and the nearest rows read with it.

Useful for: `benchmarks.changes`.
Not useful for: questions; `postgis` and `redis_geo` answer them with more effort.

PostgreSQL: a table of shops with a GiST index of points, its own durability (`fsync`,
`synchronous_commit`). Redis: a geo set and a hash of stocks, the append-only file synced at each
write. Both over a Unix socket, on one connection.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import INSTALL
from benchmarks.peers import Missing, redis_geo
from benchmarks.peers.postgis import connected, postgres_programs, server_user, started
from benchmarks.servers import Room

_SEED = 20_261_130
_NEAREST = 20
_PIECE = 10_000


def postgres_times(shops: int, changes: int) -> list[float]:
    """Seconds from an update of one row until a query for the nearest rows shows it.

    Raises
    ------
    Missing
        PostgreSQL or its client is not installed.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise Missing(INSTALL) from None
    programs, user = postgres_programs(with_postgis=False), server_user()
    with _room(".s.PGSQL.5432", user) as folder:
        settings = {"listen_addresses": "''", "shared_buffers": "1GB", "random_page_cost": "1.1"}
        server = started(folder, programs, user, settings)
        try:
            with connected(folder) as connection:
                cursor = connection.cursor()
                cursor.execute("CREATE TABLE shop (id int4, stock int4, place point)")
                with cursor.copy("COPY shop FROM STDIN") as copy:
                    for number, (lng, lat) in enumerate(_places(shops)):
                        copy.write_row((number, 1, f"({lng},{lat})"))
                cursor.execute("ALTER TABLE shop ADD PRIMARY KEY (id)")
                cursor.execute("CREATE INDEX ON shop USING gist (place)")
                cursor.execute("VACUUM ANALYZE shop")

                def change(number: int, stock: int, place: tuple[float, float]) -> bool:
                    cursor.execute("UPDATE shop SET stock = %s WHERE id = %s", (stock, number))
                    cursor.execute(
                        "SELECT id, stock FROM shop ORDER BY place <-> point(%s, %s) LIMIT %s",
                        (*place, _NEAREST),
                    )
                    return (number, stock) in cursor.fetchall()

                return _timed(change, shops, changes)
        finally:
            server.stop()


def redis_times(shops: int, changes: int) -> list[float]:
    """Seconds from a new stock of one shop until a search for the nearest shows it.

    Raises
    ------
    Missing
        Redis or its client is not installed.
    """
    try:
        import redis
    except ImportError:
        raise Missing(INSTALL) from None
    with _room("redis.sock", None) as folder:
        path = str(folder / "redis.sock")
        settings = {"appendonly": "yes", "appendfsync": "always"}
        server = redis_geo.started(folder, path, settings)
        client = redis.Redis(unix_socket_path=path, single_connection_client=True)
        try:
            rows = [(lng, lat, number) for number, (lng, lat) in enumerate(_places(shops))]
            for first in range(0, shops, _PIECE):
                some = rows[first : first + _PIECE]
                client.geoadd("shop", [value for row in some for value in row])
                client.hset("stock", mapping={str(number): 1 for *_, number in some})

            def change(number: int, stock: int, place: tuple[float, float]) -> bool:
                client.hset("stock", str(number), stock)
                found: Any = client.geosearch(
                    "shop", longitude=place[0], latitude=place[1], radius=2, unit="km",
                    sort="ASC", count=_NEAREST,
                )  # fmt: skip
                stocks = client.hmget("stock", found)
                return (str(number).encode(), str(stock).encode()) in zip(
                    found, stocks, strict=True
                )

            return _timed(change, shops, changes)
        finally:
            client.close()
            server.stop()


def _timed(
    change: Callable[[int, int, tuple[float, float]], bool], shops: int, changes: int
) -> list[float]:
    places, rng = _places(shops), np.random.default_rng(_SEED + 1)
    found = []
    for number in rng.integers(shops, size=changes).tolist():
        begin = time.perf_counter()
        shown = change(number, int(rng.integers(2, 100)), places[number])
        found.append(time.perf_counter() - begin)
        assert shown, number
    return found


def _places(shops: int) -> list[tuple[float, float]]:
    """Longitude and latitude of invented shops of one city."""
    rng = np.random.default_rng(_SEED)
    spread = rng.normal((121.47, 31.23), 0.15, (shops, 2)).round(6)
    return [(float(lng), float(lat)) for lng, lat in spread]


@contextmanager
def _room(socket_name: str, user: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="geosearch-") as name:
        room = Room(Path(name), socket_name, user)
        try:
            yield room.folder
        finally:
            room.close()
