"""Typed records of a run of the suite, written to and read from `result.json`."""

from pathlib import Path
from typing import Any

import msgspec
import orjson

FILE = "result.json"
FORMAT = 1

BINS_PER_DECADE = 10
BINS = 80
"""Bins of a histogram, a tenth of a decade each, from 0.1 us to 10 s; the ends include the rest."""


class Timing(msgspec.Struct, kw_only=True, frozen=True):
    """Time of one query, in microseconds.

    `p50_us` is the median of the rounds' medians; the other percentiles are over all timings.
    """

    queries: int
    rounds: int
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float
    round_p50_us: list[float]
    histogram: list[int]  # [BINS]

    @property
    def spread(self) -> float:
        """Range of the rounds' medians, as a share of their median."""
        return (max(self.round_p50_us) - min(self.round_p50_us)) / self.p50_us


class Line(msgspec.Struct, kw_only=True, frozen=True):
    """One engine's figures for one family of queries in one world."""

    engine: str
    timing: Timing
    compared: int
    """Number of queries whose answers were compared with brute force."""
    recall: float
    """Mean recall over the compared queries."""


class FamilyResult(msgspec.Struct, kw_only=True, frozen=True):
    """One family of queries in one world."""

    family: str
    label: str
    radius_m: float | None
    share: float | None
    """Share of all merchants that match all but the place; None if brute force cannot count it."""
    matching: int | None
    """Median number of merchants that match, place included; None for suggestions."""
    lines: list[Line]
    """This engine first."""
    work: dict[str, float] = {}
    """Medians of this engine's work counters."""
    layers: dict[str, Timing] = {}
    """Timings of this engine's `search` (typed hits) and `page` (results as JSON)."""
    cold_of: str = ""
    """Family that asks the same, but each question at the same minute and with the same wallet."""

    def line(self, engine: str) -> Line | None:
        """Return the figures of an engine; None if it was not asked."""
        return next((line for line in self.lines if line.engine == engine), None)


class EngineResult(msgspec.Struct, kw_only=True, frozen=True):
    """One engine in one world; `missing` says how to install it, if it is not installed."""

    engine: str
    label: str
    version: str = ""
    schema: str = ""
    """Its setup, in a sentence."""
    build_s: float = 0.0
    bytes: int = 0
    """Bytes of its index, as far as known; 0 if unknown."""
    missing: str = ""


class WorldResult(msgspec.Struct, kw_only=True, frozen=True):
    """One world of merchants."""

    label: str
    shape: str
    merchants: int
    deals: int
    within_3_km: int
    """Median number of merchants within 3 km of a query's place."""
    hot_bytes: int
    """Bytes of the columns that queries read."""
    disk_bytes: int
    rss_bytes: int
    """Peak resident memory of a process that opened it and answered queries of every family."""
    open_ms: float
    cold_ms: float
    """Time of a new process from the start of opening to the first answer."""
    engines: list[EngineResult]
    families: list[FamilyResult]
    stopped: bool = False
    """Whether Ctrl-C ended the measurement, so that families are missing."""


class Loop(msgspec.Struct, kw_only=True, frozen=True):
    """One load on a server: closed (`connections`) or open (`rate`)."""

    server: str
    """`geosearch`, or `floor` for the same stack returning constant bytes."""
    connections: int
    rate: float | None
    requests: int
    requests_per_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    cpu_us: float
    """CPU time of the server for each request."""


class HttpResult(msgspec.Struct, kw_only=True, frozen=True):
    """The service under load: one worker on one core, load from another."""

    world: str
    median_bytes: int
    loops: list[Loop]
    parts_us: dict[str, float]
    """Parts of a request's CPU time, in order: names and microseconds."""
    freshness_ms: list[float]
    """Times from publishing a new version to the first answer from it."""


class Latency(msgspec.Struct, kw_only=True, frozen=True):
    """Latency of a client's requests: medians over the rounds."""

    requests: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


class LatencyBeside(msgspec.Struct, kw_only=True, frozen=True):
    """Latency of small questions while another client asks large ones."""

    label: str
    """Kind of the large questions."""
    small: Latency
    large: Latency


class FairnessResult(msgspec.Struct, kw_only=True, frozen=True):
    """Small questions on a quiet service, and beside large ones: one worker on one core."""

    merchants: int
    pace: float
    """Small questions per second, at fixed instants."""
    quiet: Latency
    beside: list[LatencyBeside]


class StudiesResult(msgspec.Struct, kw_only=True, frozen=True):
    """Many questions at once: questions a second, and seconds."""

    merchants: int
    cards: int
    one_by_one: float
    """Questions a second by `rank`."""
    block_one: float
    """By `rank_block` on one thread."""
    block_two: float
    worth_s: float
    """Seconds for all cards, four habits, 28 days."""
    coverage_s: float
    coverage_rows: int
    counting_s: float
    """Seconds of the counts alone, what the peers do."""
    numpy_s: float
    duckdb_s: float | None
    """None where DuckDB is not installed."""


class Times(msgspec.Struct, kw_only=True, frozen=True):
    """Percentiles of some times, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float


class SegmentsCost(msgspec.Struct, kw_only=True, frozen=True):
    """Median times of questions beside small segments, in microseconds."""

    segments: int
    rank_us: float
    page_us: float


class ChangesResult(msgspec.Struct, kw_only=True, frozen=True):
    """Live changes, beside the disk and peers; None where something is not installed."""

    merchants: int
    sync: Times
    """An append of 4 kB with `fdatasync`."""
    bit_acknowledged: Times
    """A change of a stock until it is durable."""
    bit_visible: Times
    """Until each of two readers answers with it."""
    document_visible: Times | None
    """A whole row of a shop; None where the writer takes none."""
    bits_a_second: float
    documents_a_second: float | None
    quiet: Latency
    """Questions at a fixed pace without changes."""
    beside: Latency
    """Beside 500 changes a second, and 20 whole rows."""
    flowing_visible: Times | None = None
    """Another change of a stock beside these; None in older results."""
    segments: tuple[SegmentsCost, ...] = ()
    """Beside none, one and two small segments; empty where the writer takes no whole rows."""
    postgres: Times | None
    redis: Times | None


class BatchRoad(msgspec.Struct, kw_only=True, frozen=True):
    """One way to rank a file of questions, in microseconds a question."""

    road: str
    piece: int
    """Questions of a piece."""
    cpu_us: float
    wall_us: float


class BatchesResult(msgspec.Struct, kw_only=True, frozen=True):
    """A file of questions, ranked by one thread and shared out; medians over the rounds."""

    merchants: int
    questions: int
    workers: int
    roads: list[BatchRoad]
    """Those of one thread first; the last size of pieces is the usual one."""
    missing: str = ""
    """Why Ray was not measured."""

    def overhead(self, road: BatchRoad) -> float:
        """CPU beyond that of one thread with pieces of the usual size, as a share of it."""
        usual = max(road.piece for road in self.roads)
        (alone,) = (one for one in self.roads if one.piece == usual and one.road == "one thread")
        return road.cpu_us / alone.cpu_us - 1


class BuildResult(msgspec.Struct, kw_only=True, frozen=True):
    """Building an index from a snapshot."""

    merchants: int
    deals: int
    seconds: float
    peak_rss_gb: float
    text_bytes_per_merchant: float


class Result(msgspec.Struct, kw_only=True):
    """A run of the suite, complete or stopped early."""

    format: int = FORMAT
    circumstances: dict[str, Any]
    worlds: list[WorldResult] = []
    build: BuildResult | None = None
    http: HttpResult | None = None
    fairness: FairnessResult | None = None
    studies: StudiesResult | None = None
    batches: BatchesResult | None = None
    changes: ChangesResult | None = None
    relevance: dict[str, Any] | None = None
    """Result of `benchmarks.relevance`."""
    relevance_missing: list[str] = []
    """Missing files of real data; without them relevance is not measured."""
    unfinished: str = ""
    """Why the run ended early."""


def save_result(result: Result, folder: Path) -> Path:
    """Write `result.json`; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    text = orjson.dumps(msgspec.to_builtins(result))
    file.write_bytes(text + b"\n")
    return file


def load_result(file: Path) -> Result:
    """Return a result, from its file or from the folder of `--out`.

    Raises
    ------
    ValueError
        The file is not a result of this format.
    """
    file = file / FILE if file.is_dir() else file
    try:
        result = msgspec.json.decode(file.read_bytes(), type=Result)
    except msgspec.DecodeError as error:
        raise ValueError(f"Expected a result of the suite, got {error} - at `{file}`") from error
    if result.format != FORMAT:
        raise ValueError(f"Expected format {FORMAT}, got {result.format} - at `{file}`")
    return result
