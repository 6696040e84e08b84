"""Redis: a geo set for each card and one for all, searched and filtered by a Lua script.

Useful for: `benchmarks.suite`; the nearest, the best, savings and counts.
Not useful for: words and polygons, which Redis has nothing for without modules.

A competent user's set-up, each step kept because it was measured, on 1,000,000 shops of one city,
median: a geo set for each card, so that nothing is read only to be dropped; a circle that
grows from a 32nd of the radius (any of 8 cards 0.26 ms; the whole circle at once 20.8, an eighth
0.9); `GETBIT` for each candidate's hours (0.18 ms; `GETRANGE` of its record 0.24, the whole bitmap
0.55, one `BITFIELD_RO` for all 0.20); counts without distances, but for the farthest (31 ms; with
every distance 70). No geo set names the open shops: it would have to be kept up every minute.

Redis' sphere is 280 ppm larger than the project's, and it keeps positions to 0.3 m. The radius
asked for is corrected; what lies too near the circle to tell, and some rows beyond the limit, go to
the client, which has the coordinates and decides. What stays inexact: the last rows of an answer,
where more than 32 shops are within 0.7 m of the limit's distance, or as near in worth.
"""

import math
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks import INSTALL
from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.servers import Room, Server, listens
from benchmarks.table import UNKNOWN_SAVING, PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M

REDIS_RADIUS_M = 6_372_797.560856
"""Of Redis' sphere (`EARTH_RADIUS_IN_METERS` of geohash_helper.c)."""

POSITION_M = 0.34
"""How far off the 26 bits of a coordinate put a position, at the equator, rounded up."""

SPARE = 32
"""Rows that the script returns beyond the limit, for the client to choose from."""

_BATCH = 1_000
_RECORD = np.dtype(
    [("low", "<u4"), ("high", "<u4"), ("worth", "<f8"), ("saving", "<f8"),
     ("category", "<u4")]
)  # fmt: skip

_SCRIPT = """
local key, lng, lat, radius = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit, spare, off = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local hours, low, high = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local sort, cost, size = ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local call, unpack, byte, band = redis.call, struct.unpack, string.byte, bit.band
local filtered = hours ~= '' or low > 0 or high > 0

local function record(row)
  local from = row * size
  return call('GETRANGE', 'records', from, from + size - 1)
end

local function passes(row)
  if hours ~= '' and call('GETBIT', hours, row) == 0 then return false end
  if low == 0 and high == 0 then return true end
  local some, others = unpack('<I4I4', record(row))
  return band(some, low) ~= 0 or band(others, high) ~= 0
end

-- A circle that grows, and a list of hits that grows, until enough of them pass.
local function nearest()
  local reach, count = radius / 32, 8 * limit
  while true do
    local hits = call('GEOSEARCH', key, 'FROMLONLAT', lng, lat, 'BYRADIUS', reach, 'm', 'ASC',
                      'COUNT', count, 'WITHDIST')
    local rows, far = {}, nil
    for i = 1, #hits do
      local row, distance = hits[i][1], tonumber(hits[i][2])
      if far and distance > far or #rows >= limit + spare then return rows end
      if not filtered or passes(row) then
        rows[#rows + 1] = row
        if #rows == limit then far = distance + 2 * off end
      end
    end
    if #hits == count then
      count = count * 4
    elseif reach >= radius or far and far <= reach then
      return rows
    else
      reach = math.min(radius, reach * 2)
    end
  end
end

-- The highest keys so far, in order; every new one is put in its place.
local function highest()
  local hits = call('GEOSEARCH', key, 'FROMLONLAT', lng, lat, 'BYRADIUS', radius, 'm', 'WITHDIST')
  local rows, keys, kept = {}, {}, limit + spare
  for i = 1, #hits do
    local row = hits[i][1]
    if not filtered or passes(row) then
      local worth, saving = unpack('<dd', record(row), 9)
      local value = sort == 'best' and worth - cost * tonumber(hits[i][2]) or saving
      local last = #rows
      if last < kept or value > keys[last] then
        if last == kept then last = last - 1 end
        while last > 0 and keys[last] < value do
          rows[last + 1], keys[last + 1] = rows[last], keys[last]
          last = last - 1
        end
        rows[last + 1], keys[last + 1] = row, value
      end
    end
  end
  return rows
end

-- Numbers by category set, and the rows that are too near the circle for Redis to tell. Those are
-- asked for apart, the farthest first: a table for the distance of every hit costs more.
local function counted()
  local groups, border, near, far = {}, {}, {}, nil
  local count, inner = 64, radius - 2 * off
  repeat
    far = call('GEOSEARCH', key, 'FROMLONLAT', lng, lat, 'BYRADIUS', radius, 'm', 'DESC',
               'COUNT', count, 'WITHDIST')
    count = count * 8
  until #far < count / 8 or tonumber(far[#far][2]) <= inner
  for i = 1, #far do
    if tonumber(far[i][2]) > inner then near[far[i][1]] = true end
  end
  local hits = call('GEOSEARCH', key, 'FROMLONLAT', lng, lat, 'BYRADIUS', radius, 'm')
  local categories = not filtered and call('GET', 'categories')
  for i = 1, #hits do
    local row = hits[i]
    if not filtered or passes(row) then
      if near[row] then
        border[#border + 1] = row
      else
        local category
        if filtered then
          category = unpack('<I4', record(row), 25)
        else
          local a, b = byte(categories, 2 * row + 1, 2 * row + 2)
          category = a + 256 * b
        end
        groups[category] = (groups[category] or 0) + 1
      end
    end
  end
  local flat = {}
  for category, number in pairs(groups) do
    flat[#flat + 1] = category
    flat[#flat + 1] = number
  end
  return {table.concat(flat, ' '), table.concat(border, ' ')}
end

if sort == 'counted' then return counted() end
return table.concat(sort == 'distance' and nearest() or highest(), ' ')
"""


def started(folder: Path, path: str, settings: Mapping[str, str]) -> Server:
    """A server in a folder, with a socket of that path.

    Raises
    ------
    Missing
        Redis is not installed.
    """
    server = shutil.which("redis-server")
    if server is None:
        raise Missing("apt-get install redis-server")
    named = {"port": "0", "unixsocket": path, "save": "", "dir": str(folder), **settings}
    options = [word for name, value in named.items() for word in (f"--{name}", value)]
    return Server([server, *options], folder, answers=partial(listens, path))


class RedisGeo:
    """One connection over a Unix socket."""

    name: ClassVar[str] = "redis"
    label: ClassVar[str] = "Redis"
    schema: ClassVar[str] = (
        "a geo set for all shops and for every card, a string of fixed-width records; "
        "a Lua script over a Unix socket, the client puts its answer in exact order"
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        try:
            import redis
        except ImportError:
            raise Missing(INSTALL) from None
        self._table = table
        lat, lng = np.radians(table.lat), np.radians(table.lng)
        self._unit = np.stack(
            [np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)], 1
        )
        self._bits = sorted(table.program_bits.values())
        self._room = Room(folder, "redis.sock")
        path = str(self._room.folder / "redis.sock")
        self._server: Server | None = None
        self._client: Any = None
        try:
            self._server = started(self._room.folder, path, {"appendonly": "no"})
            self._client = redis.Redis(unix_socket_path=path, single_connection_client=True)
            self._load()
            self._hash = self._client.script_load(_SCRIPT)
        except BaseException:
            self.close()
            raise

    @property
    def version(self) -> str:
        """Of the server."""
        return str(self._info("server")["redis_version"])

    def answers(self, question: PeerQuestion) -> bool:
        """All but words and polygons; and no place or radius near a pole."""
        return not question.words and not question.polygon and abs(question.lat) < 85.0

    def ask(self, question: PeerQuestion) -> Found:
        """One call of the script; one more where matches are to be counted."""
        rows = np.array(self._call(question, question.sort).split(), np.int64)
        best = self._best(question, rows)
        return self._counted(question, best) if question.counted else Found(best)

    def size(self) -> int:
        """Bytes of memory that its data takes."""
        memory = self._info("memory")
        return int(memory["used_memory"]) - int(memory["used_memory_startup"])

    def close(self) -> None:
        """Stop the server and remove its files."""
        if self._client is not None:
            self._client.close()
        if self._server is not None:
            self._server.stop()
        self._room.close()

    def _info(self, section: str) -> dict[str, Any]:
        return dict(self._client.info(section))

    def _load(self) -> None:
        table = self._table
        records = np.zeros(len(table), _RECORD)
        records["low"], records["high"] = table.programs & 0xFFFFFFFF, table.programs >> 32
        records["worth"], records["category"] = table.worth, table.category_set
        known = table.saving != UNKNOWN_SAVING
        records["saving"] = np.where(known, table.saving, -np.inf)
        self._client.set("records", records.tobytes())
        for name, column in (("open_now", table.open_now), ("open_later", table.open_later)):
            self._client.set(name, np.packbits(column).tobytes())
        if table.category_set.max(initial=0) >= 1 << 16:
            raise ValueError("Expected fewer than 65,536 category sets")
        self._client.set("categories", table.category_set.astype("<u2").tobytes())
        self._add("all", np.arange(len(table)))
        for bit in self._bits:
            self._add(f"program:{bit}", np.flatnonzero(table.programs >> bit & 1))

    def _add(self, key: str, rows: I64) -> None:
        columns = (self._table.lng[rows].tolist(), self._table.lat[rows].tolist(), rows.tolist())
        places: Iterator[tuple[float, float, int]] = zip(*columns, strict=True)
        while batch := list(islice(places, _BATCH)):
            self._client.geoadd(key, [value for place in batch for value in place])

    def _call(self, question: PeerQuestion, sort: str) -> Any:
        wanted, key = question.programs, "all"
        if wanted and not wanted & (wanted - 1):
            wanted, key = 0, f"program:{wanted.bit_length() - 1}"
        scale = REDIS_RADIUS_M / EARTH_RADIUS_M
        return self._client.evalsha(
            self._hash,
            1,
            key,
            *(question.lng, question.lat, question.radius_m * scale + POSITION_M),
            *(question.limit, SPARE, POSITION_M),
            *(question.hours, wanted & 0xFFFFFFFF, wanted >> 32),
            *(sort, self._table.walk_cost_per_m / scale, _RECORD.itemsize),
        )

    def _best(self, question: PeerQuestion, rows: I64) -> I64:
        rows, chord = self._within(question, rows)
        if question.sort == "distance":
            order = np.argsort(chord)
        elif question.sort == "saving":
            order = np.argsort(~self._table.saving[rows], kind="stable")
        else:
            distance = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chord) / 2)
            worth = self._table.worth[rows] - self._table.walk_cost_per_m * distance
            order = np.argsort(-worth)
        return rows[order[: question.limit]]

    def _within(self, question: PeerQuestion, rows: I64) -> tuple[I64, Any]:
        """Those of the rows that truly lie within the radius, and their squared chords."""
        lat, lng = math.radians(question.lat), math.radians(question.lng)
        place = (math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng), math.sin(lat))
        off = self._unit[rows] - place
        chord = np.einsum("ij,ij->i", off, off)
        near = chord <= (2 * math.sin(min(question.radius_m / EARTH_RADIUS_M, math.pi) / 2)) ** 2
        return rows[near], chord[near]

    def _counted(self, question: PeerQuestion, rows: I64) -> Found:
        flat, border = (
            np.array(text.split(), np.int64) for text in self._call(question, "counted")
        )
        groups = dict(zip(flat[::2].tolist(), flat[1::2].tolist(), strict=True))
        for category in self._table.category_set[self._within(question, border)[0]].tolist():
            groups[category] = groups.get(category, 0) + 1
        return Found(rows, sum(groups.values()), groups)
