"""What one would use instead of this engine, one file each, set up as a competent user would.

Useful for: `benchmarks.suite`, which asks every peer the same questions in the same run.
Not useful for: production; each answers the families of the suite and nothing else.

A peer gets plain columns (`table.PeerTable`) in which opening hours and deals are already worked
out for the one instant of the questions: that is what its users must do, again every minute. It
answers `PeerQuestion`s with the row numbers of merchants.

A `ColdPeer` also answers where every question has another minute and another wallet. What depends
on these only (which schedules are open, which deals are usable, what they save) it takes from
`PeerTable.minutes` in `prepare`, which is not timed. Peers whose columns of hours are stored in a
database or a server are no cold peers: they would have to store them anew for every question.
"""

from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from benchmarks.table import PeerTable
from indexes.arrays import I64


class PeerQuestion(NamedTuple):
    """What a peer is asked.

    Rows match that lie within `radius_m` metres (great circle, radius 6,371,008.8 m) of the place,
    or within `polygon`; are open as `hours` says; have a bit in common with `programs`; and hold
    every one of `words`. The first `limit` by `sort` are wanted.
    """

    lat: float
    lng: float
    radius_m: float = 3_000.0
    hours: str = ""
    """`"open_now"` or `"open_later"`, a column of the table; empty: any hours. If `at` is given,
    any text but the empty one means open at that instant."""
    programs: int = 0
    """Bits of `PeerTable.programs`, any of which is enough; 0: no card is asked for."""
    sort: str = "distance"
    """`"distance"` ascending, `"saving"` descending and unknown ones last, or `"best"`:
    `PeerTable.worth` less `PeerTable.walk_cost_per_m` times the distance, descending."""
    words: tuple[str, ...] = ()
    """Tokens of `PeerTable.text`."""
    polygon: tuple[tuple[float, float], ...] = ()
    """Ring of (lng, lat), not closed, in place of the radius."""
    counted: bool = False
    """Whether `Found.total` and `Found.groups` are wanted too."""
    limit: int = 20
    at: datetime | None = None
    """Instant of hours and deals, if it is another one in each question; see `ColdPeer`."""
    max_pay: int | None = None
    """Most of `PeerTable.pay` in minor units; unknown pays are more."""
    wins: bool = False
    """Whether only rows of `PeerTable.wins` match."""
    rows: tuple[int, ...] | None = None
    """The only rows that may match, in place of the radius."""

    def narrowed_by(self) -> frozenset[str]:
        """Fields that narrow the question and that few peers know."""
        given = {"max_pay": self.max_pay is not None, "wins": self.wins}
        given["rows"] = self.rows is not None
        return frozenset(name for name, asked in given.items() if asked)


class Found(NamedTuple):
    """Rows, best first; and of all matches their number, and their number by category set."""

    rows: I64
    total: int | None = None
    groups: dict[int, int] | None = None
    """Matches by `PeerTable.category_set`; sets without a match left out."""


class Missing(Exception):
    """A peer is not installed here; the message says how to install it."""


class Peer(Protocol):
    """Built by its constructor from a table; `folder` is an empty one for its files.

    Raises `Missing` when built, where what it needs is not installed.
    """

    name: ClassVar[str]
    """As `--peers` names it."""
    label: ClassVar[str]
    """As a report names it."""
    schema: ClassVar[str]
    """How it is set up, in a sentence."""

    def __init__(self, table: PeerTable, folder: Path) -> None: ...

    @property
    def version(self) -> str:
        """Of the software."""
        ...

    def answers(self, question: PeerQuestion) -> bool:
        """Whether it was set up for such a question at all."""
        ...

    def ask(self, question: PeerQuestion) -> Found:
        """The answer."""
        ...

    def size(self) -> int:
        """Bytes of its index in memory or on disk; 0 where it cannot tell."""
        ...

    def close(self) -> None:
        """Stop and remove what it started."""
        ...


@runtime_checkable
class ColdPeer(Peer, Protocol):
    """A peer that answers questions of any minute and any wallet."""

    def prepare(self, question: PeerQuestion) -> None:
        """Take what is known for the minute and the wallet of the next question; not timed."""
        ...


PEERS = {
    "numpy": "numpy_scan.NumpyScan",
    "rtree": "rtree_filter.RtreeFilter",
    "strtree": "str_tree.StrTree",
    "kdtree": "kd_tree.KdTree",
    "grid": "numpy_grid.NumpyGrid",
    "numba": "numba_grid.NumbaGrid",
    "sqlite": "sqlite.Sqlite",
    "sqlite_rtree": "sqlite_rtree.SqliteRtree",
    "duckdb": "duck_db.DuckDb",
    "tantivy": "tantivy_search.Tantivy",
    "lucene": "lucene.Lucene",
    "postgis": "postgis.PostGis",
    "redis": "redis_geo.RedisGeo",
}
"""Modules and classes of the peers, by name, in the order of reports."""


NARROWED = {
    "numpy": frozenset(("max_pay", "wins", "rows")),
    "grid": frozenset(("max_pay", "wins")),
    "kdtree": frozenset(("max_pay", "wins")),
}
"""Fields of `PeerQuestion.narrowed_by` that peers know; others know none."""


def may_ask(peer: Peer, question: PeerQuestion) -> bool:
    """Whether a peer answers a question."""
    known = NARROWED.get(peer.name, frozenset())
    return question.narrowed_by() <= known and peer.answers(question)


def peer_class(name: str) -> type[Peer]:
    """Class of a peer; its module imports what it needs when it is built."""
    module, _, kind = PEERS[name].partition(".")
    found: type[Peer] = getattr(import_module(f"benchmarks.peers.{module}"), kind)
    return found
