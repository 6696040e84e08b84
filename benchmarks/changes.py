"""How fast changes are durable and visible, what they cost questions, and what peers take.

Measured: `geosearch ingest` and two `geosearch serve` of one copy of an index. A change is
acknowledged when it is durable, and visible when the slower of the two readers answers with it.
Changes come one at a time, with pauses, since the writer rests after each; then in bodies of many
lines; then at a pace beside questions at a pace, whose times are compared with those before. The
time of an append and a sync of the disk stands beside. Questions are also timed in the process,
beside none, one and two small segments of some 250 shops that moved. Peers change one row and read
it back through its index, on one connection: PostgreSQL with its default durability, Redis with its
append-only file synced at each write.

Corpus: any index with deals. Places are those of its shops.

Not shown: many writers at once, and readers on other machines.

    geosearch bench changes INDEX
    geosearch bench --only changes
"""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.fairness import latency_of, measure, small_questions
from benchmarks.http_load import HOST, Say, free_port, running
from benchmarks.peers import Missing
from benchmarks.peers.writes import postgres_times, redis_times
from benchmarks.places import places
from benchmarks.result import ChangesResult, SegmentsCost, Times
from benchmarks.timing import Runner, interleaved
from geosearch.indexing.small_segments import FEW
from geosearch.indexing.writer import LONGEST_REST, Writer
from geosearch.query.query import Query
from geosearch.search.searcher import open_index
from indexes.geo.sphere import UNITS_PER_DEGREE

SEED = 20_261_130
CHANGES = 300
"""Syncs of the disk and changes of peers; a fifth of them come one at a time."""
LINES, BODIES = 5_000, 6
DOCUMENT_LINES = 500
BITS_PACE, DOCUMENTS_PACE = 500, 20
"""Changes a second beside questions."""
TICK_SECONDS = 0.05
TICKS = 400
"""Different bodies at that pace."""
PAUSES = LONGEST_REST, 1.5 * LONGEST_REST
"""Shortest and longest pause before a change that comes alone, in seconds."""
LONGEST_SECONDS = 30.0
"""How long readers may take to show a change."""
READERS = 2
QUESTIONS = 400
"""Questions beside small segments."""
_TOKEN = "a-token-of-the-suite"

Change = dict[str, Any]


def run(
    index: Path, *, seconds: float = 3.0, changes: int = CHANGES, say: Say = print
) -> ChangesResult:
    """Return the figures of an index; it is copied, and stays as it is.

    Raises
    ------
    RuntimeError
        A service ends, or does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="geosearch-changes-") as name, ExitStack() as stack:
        folder = Path(name)
        copy = folder / "index"
        _linked(index, copy)
        engine = open_index(copy)
        small, merchants = small_questions(engine), engine.info()["merchants"]
        bits, documents = bit_changes(copy), document_changes(copy)
        say("  a sync of the disk")
        sync = _times(_syncs(folder / "sync", changes))
        (folder / "token").write_text(_TOKEN)
        readers = [free_port() for _ in range(READERS)]
        for number, port in enumerate(readers):
            (folder / f"serve-{number}").mkdir()
            serve = ["-m", "geosearch", "serve", "--index", str(copy), "--port", str(port)]
            stack.enter_context(running(serve, port, set(), folder / f"serve-{number}"))
        port = free_port()
        (folder / "ingest").mkdir()
        ingest = ["-m", "geosearch", "ingest", "--index", str(copy), "--port", str(port)]
        token = ["--token-file", str(folder / "token")]
        stack.enter_context(running([*ingest, *token], port, set(), folder / "ingest"))
        say("  changes one at a time")
        one_bit = _visible(port, readers, [next(bits) for _ in range(changes // 5)])
        takes_documents = _takes(port, readers[0], next(documents))
        some = [next(documents) for _ in range(changes // 5)] if takes_documents else []
        one_document = _visible(port, readers, some) if some else None
        say("  changes in bodies of many lines")
        bits_a_second = _speed(port, readers[0], bits, LINES)
        documents_a_second = (
            _speed(port, readers[0], documents, DOCUMENT_LINES) if takes_documents else None
        )
        say("  questions without and beside changes")
        quiet = [measure(readers[0], small, (), seconds)[0] for _ in range(2)]
        with _flowing(port, bits, documents if takes_documents else None):
            beside = [measure(readers[0], small, (), seconds)[0] for _ in range(2)]
            some = [next(bits) for _ in range(changes // 5)]
            flowing = _visible(port, readers, some)
        say("  questions beside small segments")
        segments = small_segment_costs(index, folder, seconds) if takes_documents else ()
    say("  peers")
    return ChangesResult(
        merchants=merchants,
        sync=sync,
        bit_acknowledged=one_bit[0],
        bit_visible=one_bit[1],
        document_visible=None if one_document is None else one_document[1],
        bits_a_second=bits_a_second,
        documents_a_second=documents_a_second,
        quiet=latency_of(quiet),
        beside=latency_of(beside),
        flowing_visible=flowing[1],
        segments=segments,
        postgres=_peer(partial(postgres_times, merchants, changes)),
        redis=_peer(partial(redis_times, merchants, changes)),
    )


def bit_changes(index: Path) -> Iterator[Change]:
    """Changes of the stock of deals, without an end."""
    (segment, *_) = open_index(index).segments
    rng = np.random.default_rng(SEED)
    while True:
        for number in rng.integers(segment.deals(), size=1_000).tolist():
            deal_id = orjson.loads(segment.deal_payload(number))["deal_id"]
            patch = {"deal_id": deal_id, "stock": int(rng.integers(1, 100))}
            yield {"table": "deals", "patch": patch}


def document_changes(index: Path) -> Iterator[Change]:
    """Whole rows of shops with another rating, without an end."""
    (segment, *_) = open_index(index).segments
    rng = np.random.default_rng(SEED)
    while True:
        for number in rng.integers(len(segment), size=1_000).tolist():
            shop = orjson.loads(segment.merchant_payload(number))
            lng, lat = (segment.columns.doc_position[number] / UNITS_PER_DEGREE).tolist()
            row = {name: shop[name] for name in ("merchant_id", "name")} | {"lat": lat, "lng": lng}
            yield {"table": "merchants", "row": {**row, "rating": round(rng.uniform(1, 5), 1)}}


def small_segment_costs(index: Path, folder: Path, seconds: float) -> tuple[SegmentsCost, ...]:
    """Times of the same questions beside none, one and two small segments, in turn.

    Parameters
    ----------
    folder
        Where copies of the index are made.
    seconds
        Time limit of each kind of question.
    """
    engines = [open_index(index)]
    for number, bodies in enumerate(((FEW,), (FEW + 1, FEW)), 1):
        copy = folder / f"small-{number}"
        _linked(index, copy)
        documents = document_changes(copy)
        with Writer(copy) as writer:
            for body in bodies:
                writer.apply(_of_shops(documents, body))
        engines.append(open_index(copy))
    spots = places(engines[0].segments[0].columns, QUESTIONS, SEED)
    cards = tuple(card["program_id"] for card in engines[0].programs()[:1])
    at = engines[0].start + timedelta(days=3, hours=4)
    asked = [Query(lat=lat, lng=lng, at=at, open="now", cards=cards) for lat, lng in spots]
    rank, page = (
        interleaved(
            [Runner(getattr(one, ask), asked) for one in engines], rounds=7, seconds=seconds
        )
        for ask in ("rank", "page")
    )
    return tuple(
        SegmentsCost(
            segments=len(engine.segments) - len(engines[0].segments),
            rank_us=ranked.p50_us,
            page_us=paged.p50_us,
        )
        for engine, ranked, paged in zip(engines, rank, page, strict=True)
    )


def _of_shops(documents: Iterator[Change], count: int) -> list[Change]:
    """A whole row of each of some shops."""
    rows: dict[str, Change] = {}
    while len(rows) < count:
        change = next(documents)
        rows[change["row"]["merchant_id"]] = change
    return list(rows.values())


def _linked(index: Path, copy: Path) -> None:
    # Files of a version never change, so links will do.
    shutil.copytree(index, copy, symlinks=True, copy_function=os.link)


def _syncs(file: Path, count: int) -> list[float]:
    found, handle = [], os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        for _ in range(count):
            begin = time.perf_counter()
            os.write(handle, bytes(4_096))
            os.fdatasync(handle)
            found.append(time.perf_counter() - begin)
    finally:
        os.close(handle)
    return found


def _times(seconds: Sequence[float]) -> Times:
    p50, p99 = np.percentile(np.array(seconds) * 1e3, (50, 99)).round(2).tolist()
    return Times(count=len(seconds), p50_ms=p50, p99_ms=p99)


@contextmanager
def _connected(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(HOST, port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def _send(writer: HTTPConnection, changes: Sequence[Change]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {_TOKEN}", "content-type": "application/x-ndjson"}
    writer.request("POST", "/v1/changes", b"\n".join(map(orjson.dumps, changes)), headers)
    answer = writer.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"Expected a receipt, got status {answer.status}: {body[:200]!r}")
    receipt: dict[str, Any] = json.loads(body)
    return receipt


def _visible(port: int, readers: Sequence[int], changes: Sequence[Change]) -> tuple[Times, Times]:
    """Times until changes are acknowledged, and until the readers at all ports show them."""
    rng = np.random.default_rng(SEED)
    acknowledged, visible = [], []
    with ExitStack() as stack:
        writer, *asking = (stack.enter_context(_connected(each)) for each in (port, *readers))
        for change in changes:
            time.sleep(rng.uniform(*PAUSES))
            begin = time.perf_counter()
            seq = _send(writer, [change])["seq"]
            acknowledged.append(time.perf_counter() - begin)
            _await(asking, seq)
            visible.append(time.perf_counter() - begin)
    return _times(acknowledged), _times(visible)


def _await(readers: Sequence[HTTPConnection], seq: int) -> None:
    """Wait until all readers show a change."""
    late, until = list(readers), time.perf_counter() + LONGEST_SECONDS
    while late:
        for reader in late:  # Each waits for itself, so the slowest decides.
            reader.request("GET", f"/v1/nearby?lat=0&lng=0&limit=1&min_seq={seq}")
        late = [reader for reader in late if not _answers(reader)]
        if late and time.perf_counter() > until:
            raise RuntimeError(f"Expected readers with change {seq} in {LONGEST_SECONDS:.0f} s")


def _answers(reader: HTTPConnection) -> bool:
    answer = reader.getresponse()
    answer.read()
    return answer.status == 200


def _takes(port: int, reader: int, change: Change) -> bool:
    """Whether the writer takes a change; the first one of its kind makes it load code."""
    with _connected(port) as writer, _connected(reader) as asking:
        receipt = _send(writer, [change])
        _await([asking], receipt["seq"])
    return bool(receipt["accepted"])


def _speed(port: int, reader: int, changes: Iterator[Change], lines: int) -> float:
    """Changes a second in bodies of many lines, until a reader shows all of them."""
    first, *bodies = ([next(changes) for _ in range(lines)] for _ in range(BODIES))
    with _connected(port) as writer, _connected(reader) as asking:
        _await([asking], _send(writer, first)["seq"])
        begin = time.perf_counter()
        for body in bodies:
            seq = _send(writer, body)["seq"]
        _await([asking], seq)
    return round(lines * len(bodies) / (time.perf_counter() - begin))


@contextmanager
def _flowing(
    port: int, bits: Iterator[Change], documents: Iterator[Change] | None
) -> Iterator[None]:
    """Send changes at a fixed pace from a thread."""
    stopping = threading.Event()
    # The thread shares its core with who measures.
    few, many = (round(pace * TICK_SECONDS) for pace in (DOCUMENTS_PACE, BITS_PACE))
    bodies = [[*islice(bits, many), *islice(documents or (), few)] for _ in range(TICKS)]

    def send() -> None:
        due = time.perf_counter()
        with _connected(port) as writer:
            for body in cycle(bodies):
                if stopping.is_set():
                    return
                _send(writer, body)
                due += TICK_SECONDS
                stopping.wait(max(0.0, due - time.perf_counter()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _peer(measure_peer: Callable[[], list[float]]) -> Times | None:
    """Times of a peer; None where it is not installed."""
    try:
        return _times(measure_peer())
    except Missing:
        return None
