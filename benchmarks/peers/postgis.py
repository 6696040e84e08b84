"""PostgreSQL with PostGIS: GiST indexes, one of them for each card, and prepared statements.

Useful for: `benchmarks.suite`; every question.
Not useful for: what the database costs with many clients, or with writes under way.

A competent user's set-up, each step kept because it was measured, on 1,000,000 shops of one city,
median: a partial GiST index for each card, KNN of `geography` within `&&` for the nearest
(0.20 ms; a box, a filter and a sort 0.82),
a box of `geometry` and plain arithmetic on unit vectors for the rest (best 0.71 ms, counts 10.5;
at 100,000 shops counts with `ST_DWithin` take 3.9 ms, with `ST_DistanceSphere` 2.5, so 1.6), a
`tsvector` for words (equal to `text[]` or up to a third faster). Rows lie in the order of the
Hilbert curve, as `CLUSTER` by the index leaves them. Questions with words or a polygon are planned
each time: 0.25 ms against 0.7 with two words of different frequency.

No partial index names the open shops: it would have to be built again every minute.

Whether a row lies within the radius is decided to 6 um at 3 km, and to 0.4 mm at 50 m.
"""

import math
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks import INSTALL
from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.servers import Room, Server, as_user
from benchmarks.table import UNKNOWN_SAVING, PeerTable
from indexes.geo.sphere import EARTH_RADIUS_M

PACKAGES = "postgresql-15-postgis-3"

_SERVER_USER, _DATABASE_USER = "postgres", "bench"
_SETTINGS = {
    **{"listen_addresses": "''", "max_connections": "5", "unix_socket_permissions": "0700"},
    **{"shared_buffers": "2GB", "effective_cache_size": "4GB", "random_page_cost": "1.1"},
    **{"work_mem": "64MB", "maintenance_work_mem": "512MB", "jit": "off"},
    **{"max_parallel_workers_per_gather": "0", "autovacuum": "off"},
    # Nothing here must outlive a crash.
    **{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"},
    **{"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB"},
}

_RAW = {
    **{"row": "int4", "lat": "float8", "lng": "float8", "open_now": "bool", "open_later": "bool"},
    **{"programs": "int8", "saving": "int8", "worth": "float8", "category_set": "int4"},
    "words": "text",
}
_SHOPS = """
    SELECT row, category_set, programs, open_now, open_later, saving, worth,
        cos(radians(lat)) * cos(radians(lng)) AS x,
        cos(radians(lat)) * sin(radians(lng)) AS y,
        sin(radians(lat)) AS z,
        geography(ST_SetSRID(ST_MakePoint(lng, lat), 4326)) AS geog,
        ST_SetSRID(ST_MakePoint(lng, lat), 4326) AS geom
        {words}
    FROM raw ORDER BY ST_SetSRID(ST_MakePoint(lng, lat), 4326)
"""
_WORDS = ", array_to_tsvector(array_remove(string_to_array(words, ' '), '')) AS words"

_PLACE = "geography(ST_SetSRID(ST_MakePoint(%(lng)s::float8, %(lat)s::float8), 4326))"
_NEAR = f"geog && _ST_Expand({_PLACE}, %(radius_m)s::float8)"
_BOX = "geom && ST_MakeEnvelope(%(w)s::float8, %(s)s::float8, %(e)s::float8, %(n)s::float8, 4326)"
_WITHIN = "x * %(x)s::float8 + y * %(y)s::float8 + z * %(z)s::float8 >= %(cosine)s::float8"
_CHORD = " + ".join(
    f"({axis} - %({axis})s::float8) * ({axis} - %({axis})s::float8)" for axis in "xyz"
)
_DISTANCE = f"{2 * EARTH_RADIUS_M} * asin(least(1, sqrt({_CHORD}) / 2))"
_SORTS = {
    "distance": f"geog <-> {_PLACE}",
    "saving": "saving DESC NULLS LAST",
    "best": f"worth - %(walk_cost_per_m)s::float8 * {_DISTANCE} DESC",
}


def server_user() -> str | None:
    """User that the server runs as; None for this one, which is not root."""
    return _SERVER_USER if os.geteuid() == 0 else None


def started(folder: Path, programs: Path, user: str | None, settings: Mapping[str, str]) -> Server:
    """A new cluster in a folder, and its server."""
    data = folder / "data"
    command = [str(programs / "initdb"), "--pgdata", str(data), "--username", _DATABASE_USER]
    command += ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C"]
    made = subprocess.run(as_user(command, user), cwd=folder, capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(f"Expected initdb to succeed, got: {made.stderr[-500:]}")
    named = {**settings, "unix_socket_directories": f"'{folder}'"}
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {value}\n" for name, value in named.items())
    return Server(
        [str(programs / "postgres"), "-D", str(data)],
        folder,
        answers=partial(_answers, folder),
        user=user,
        # "Fast shutdown": clients are cut off.
        stop_signal=signal.SIGINT,
    )


def connected(folder: Path) -> Any:
    """A connection to the server of a folder."""
    import psycopg

    return psycopg.connect(
        host=str(folder), user=_DATABASE_USER, dbname="postgres", autocommit=True
    )


def _answers(folder: Path) -> bool:
    import psycopg

    try:
        connected(folder).close()
    except psycopg.OperationalError:
        return False
    return True


class PostGis:
    """One backend over a Unix socket."""

    name: ClassVar[str] = "postgis"
    label: ClassVar[str] = "PostGIS"
    schema: ClassVar[str] = (
        "table in Hilbert order, GiST on geography and on geometry, each for all rows and for "
        "every card, GIN on tsvector; prepared statements over a Unix socket"
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        try:
            import psycopg
        except ImportError:
            raise Missing(INSTALL) from None
        programs = postgres_programs()
        user = server_user()
        self._walk_cost_per_m = table.walk_cost_per_m
        self._queries: dict[tuple[Any, ...], bytes] = {}
        self._room = Room(folder, ".s.PGSQL.5432", user)
        self._server: Server | None = None
        self._connection: psycopg.Connection[Any] | None = None
        try:
            self._server = started(self._room.folder, programs, user, _SETTINGS)
            self._connection = connected(self._room.folder)
            self._cursor = self._connection.cursor(binary=True)
            self._load(table)
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> str:
        """Of both, as the server tells them."""
        asked = "SELECT current_setting('server_version'), postgis_lib_version()"
        ((server, extension),) = self._cursor.execute(asked).fetchall()
        return f"{server.split()[0]} with PostGIS {extension}"

    def answers(self, question: PeerQuestion) -> bool:
        """Every question."""
        return True

    def ask(self, question: PeerQuestion) -> Found:
        """One statement; a second one where matches are to be counted."""
        values = self._values(question)
        rows = [row for (row,) in self._execute(question, values, counting=False)]
        if not question.counted:
            return Found(np.array(rows, np.int64))
        groups = dict(self._execute(question, values, counting=True))
        return Found(np.array(rows, np.int64), sum(groups.values()), groups)

    def size(self) -> int:
        """Bytes of the table and its indexes."""
        asked = "SELECT pg_total_relation_size('shop')"
        ((size,),) = self._cursor.execute(asked).fetchall()
        return int(size)

    def close(self) -> None:
        """Stop the server and remove its files."""
        if self._connection is not None:
            self._connection.close()
        if self._server is not None:
            self._server.stop()
        self._room.close()

    def _load(self, table: PeerTable) -> None:
        run = self._cursor.execute
        run("CREATE EXTENSION postgis")
        # Prepared statements keep their plan; a custom one costs as much as the question.
        run("SET plan_cache_mode = force_generic_plan")
        columns = ", ".join(f"{name} {kind}" for name, kind in _RAW.items())
        run(f"CREATE TEMPORARY TABLE raw ({columns})".encode())
        with self._cursor.copy("COPY raw FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(list(_RAW.values()))
            for row in _rows(table):
                copy.write_row(row)
        run(f"CREATE TABLE shop AS {_SHOPS.format(words=_WORDS if table.text else '')}".encode())
        run("DROP TABLE raw")
        for number in (None, *table.program_bits.values()):
            where = "" if number is None else f" WHERE {_holds(1 << number)}"
            run(f"CREATE INDEX ON shop USING gist (geog){where}".encode())
            run(f"CREATE INDEX ON shop USING gist (geom){where}".encode())
        if table.text:
            run("CREATE INDEX ON shop USING gin (words) WITH (fastupdate = off)")
        run("VACUUM ANALYZE shop")
        run("CHECKPOINT")

    def _execute(
        self, question: PeerQuestion, values: dict[str, Any], *, counting: bool
    ) -> list[Any]:
        drawn, wordy = bool(question.polygon), bool(question.words)
        wishes = (question.hours, question.programs, question.sort, question.limit)
        shape = (*wishes, wordy, drawn, counting)
        query = self._queries.get(shape)
        if query is None:
            query = self._queries[shape] = _query(question, counting=counting).encode()
        # How many rows hold a word, or lie in a polygon, decides the plan.
        return self._cursor.execute(query, values, prepare=not (wordy or drawn)).fetchall()

    def _values(self, question: PeerQuestion) -> dict[str, Any]:
        lat, lng = math.radians(question.lat), math.radians(question.lng)
        angle = min(question.radius_m / EARTH_RADIUS_M, math.pi)
        values: dict[str, Any] = {
            **{"lat": question.lat, "lng": question.lng, "radius_m": question.radius_m},
            "x": math.cos(lat) * math.cos(lng),
            "y": math.cos(lat) * math.sin(lng),
            "z": math.sin(lat),
            # The products are off by some units of the last place.
            "cosine": math.cos(angle) - 4e-16,
            "walk_cost_per_m": self._walk_cost_per_m,
            **dict(zip("wsen", _box(question.lat, question.lng, angle), strict=True)),
        }
        if question.polygon:
            ring = ",".join(f"{x!r} {y!r}" for x, y in (*question.polygon, question.polygon[0]))
            values["polygon"] = f"SRID=4326;POLYGON(({ring}))"
        if question.words:
            values["words"] = " & ".join(_lexeme(word) for word in question.words)
        return values


def _query(question: PeerQuestion, *, counting: bool) -> str:
    """A statement; what it filters by is written out, so that partial indexes apply."""
    nearest = question.sort == "distance" and not counting and not question.words
    if question.polygon:
        conditions = ["ST_Covers(%(polygon)s::geometry, geom)"]
    else:
        conditions = [_NEAR if nearest else _BOX, _WITHIN]
    if question.hours:
        conditions.append(question.hours)
    if question.programs:
        conditions.append(_holds(question.programs))
    if question.words:
        conditions.append("words @@ %(words)s::tsquery")
    where = " AND ".join(conditions)
    if counting:
        return f"SELECT category_set, count(*) FROM shop WHERE {where} GROUP BY category_set"
    order = _SORTS[question.sort]
    # A limit written out: the plan for an unknown one would be for a tenth of the matches.
    return f"SELECT row FROM shop WHERE {where} ORDER BY {order} LIMIT {question.limit:d}"


def _holds(programs: int) -> str:
    return f"programs & {programs}::int8 <> 0"


def _lexeme(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _box(lat: float, lng: float, angle: float) -> tuple[float, float, float, float]:
    """West, south, east and north of a circle; every longitude where it reaches ±180 or a pole."""
    angle += 1e-9
    south, north = lat - math.degrees(angle), lat + math.degrees(angle)
    if south <= -90 or north >= 90:
        return -180.0, south, 180.0, north
    half = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(lat))))
    if lng - half <= -180 or lng + half >= 180:
        return -180.0, south, 180.0, north
    return lng - half, south, lng + half, north


def _rows(table: PeerTable) -> Iterator[tuple[Any, ...]]:
    saving = [None if value == UNKNOWN_SAVING else value for value in table.saving.tolist()]
    arrays = (table.lat, table.lng, table.open_now, table.open_later, table.programs)
    others = (saving, table.worth.tolist(), table.category_set.tolist())
    words = table.text or [""] * len(table)
    columns = [range(len(table)), *(array.tolist() for array in arrays), *others, words]
    yield from zip(*columns, strict=True)


def postgres_programs(*, with_postgis: bool = True) -> Path:
    """Folder of the newest server here.

    Raises
    ------
    Missing
        There is none, or none with PostGIS if that is wanted.
    """
    folders = set(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("postgres")
    if found:
        folders.add(Path(found).resolve().parent)
    for folder in sorted(folders, key=lambda path: (len(str(path)), str(path)), reverse=True):
        config = folder / "pg_config"
        if not all((folder / name).exists() for name in ("initdb", "postgres", "pg_config")):
            continue
        asked = subprocess.run([config, "--sharedir"], capture_output=True, text=True)
        extension = Path(asked.stdout.strip()) / "extension" / "postgis.control"
        if extension.exists() or not with_postgis:
            return folder
    raise Missing(f"apt-get install {PACKAGES}")
