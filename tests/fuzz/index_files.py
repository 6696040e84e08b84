"""Damage to every file of an index: refused, or answered without leading a kernel astray.

Each case damages one file of a small index (a bit, a number, a page, two pieces swapped, its end)
in one of three ways, and a process of its own opens it and asks some sixty questions:

- ``full``: every byte is compared. No answer may differ from that of the whole index.
- ``fast``: the usual check, with its bounds scaled down so that it samples as of a large index.
- ``signed``: the checksums are written anew, so that nothing but the layout of the columns stands
  between the damage and the kernels.

A process that is killed, or does not come back, fails the run. Wrong answers of the last two are
counted: a number that is wrong and in range cannot be told from a right one but by its checksum.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import xxhash

MERCHANTS = 6_000
BLOCK_BYTES = 4_096
"""Of a checksum, instead of a megabyte: so a small index has as many as a large one."""

CROWD = 128
"""Keys of a prefix that has lists of its own, instead of 2,048."""

SHARE = 0.1
"""Of all bytes, that a fast check may take of what it samples."""

PATIENCE_S = 60
CREATED = datetime(2026, 11, 22, tzinfo=UTC)
MODES = ("full", "fast", "signed", "signed")
DAMAGES = ("bit", "bit", "number", "page", "swap", "end")


@dataclass(frozen=True)
class Case:
    """One damage, and how it is looked at."""

    number: int
    mode: str
    file: str
    damage: str


def fuzz(seed: int, count: int) -> dict[str, int]:
    """Outcomes of `count` damages by `mode outcome`.

    Raises
    ------
    AssertionError
        A process was killed or hung, or an answer was wrong although every byte was compared.
    """
    draw = random.Random(seed)
    found: Counter[str] = Counter()
    bad: list[tuple[Case, str]] = []
    with tempfile.TemporaryDirectory(prefix="geosearch-fuzz-") as folder, _worker() as asker:
        version = _build(Path(folder))
        segment = next(version.glob("segment-*"))
        right = asker.ask(version, "full")
        assert right["outcome"] == "answered", right
        files = sorted(segment.iterdir())
        for number in range(count):
            # Each file in its turn: most are small, and a bit of all bytes would miss them.
            file = files[(seed + number) % len(files)]
            case = Case(number, draw.choice(MODES), file.name, draw.choice(DAMAGES))
            with _damaged(segment, file, case, draw) as changed:
                answer = asker.ask(version, case.mode)
            outcome = answer["outcome"]
            if outcome == "answered":
                same = answer["digest"] == right["digest"]
                outcome = "same" if same else "wrong"
            found[f"{case.mode} {outcome if changed else 'unchanged'}"] += 1
            if outcome in ("killed", "hung") or (outcome == "wrong" and case.mode == "full"):
                bad.append((case, str(answer)))
    assert not bad, f"seed {seed}: " + "; ".join(f"{asdict(case)} {what}" for case, what in bad)
    return dict(sorted(found.items()))


def _build(folder: Path) -> Path:
    from geosearch.indexing.pipeline import build
    from geosearch.segment.versions import current
    from geosearch.sources.synth.world import synthesise
    from indexes.names.completion_lists import build_completions

    lists = partial(build_completions, crowd=CROWD)
    synthesise(folder / "snapshot", merchants=MERCHANTS, seed=1, created_at=CREATED)
    # Blocks and prefixes are as many as in a large index, so that each column holds something.
    with (
        patch("indexes.storage.BLOCK_BYTES", BLOCK_BYTES),
        patch("geosearch.suggest.directory.build_completions", lists),
    ):
        build(folder / "snapshot", folder / "index", now=CREATED)
    return current(folder / "index")


@contextmanager
def _damaged(segment: Path, file: Path, case: Case, draw: random.Random) -> Iterator[bool]:
    """Context in which a file is damaged; whether it differs at all."""
    whole = {path: path.read_bytes() for path in (file, *_signatures(segment))}
    content = bytearray(whole[file])
    _DAMAGE[case.damage](content, draw)
    file.write_bytes(content)
    if case.mode == "signed" and file.suffix == ".npy":
        _sign(segment, file)
    try:
        yield bytes(content) != whole[file]
    finally:
        for path, before in whole.items():
            path.write_bytes(before)


def _signatures(segment: Path) -> tuple[Path, Path]:
    return segment / "checksums.bin", segment / "manifest.json"


def _sign(segment: Path, file: Path) -> None:
    """Write the checksums of a folder anew, as if one file had been meant to be as it is."""
    checksums, manifest = _signatures(segment)
    told = orjson.loads(manifest.read_bytes())
    digests = bytearray(checksums.read_bytes())
    first = 0
    for name, column in told["files"].items():
        blocks = -(-column["size"] // BLOCK_BYTES)
        if name == file.stem:
            content = file.read_bytes()
            for block in range(blocks):
                part = content[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]
                at = 8 * (first + block)
                digests[at : at + 8] = xxhash.xxh3_64_intdigest(part).to_bytes(8, "little")
        first += blocks
    checksums.write_bytes(digests)
    told["checksums"] = xxhash.xxh3_128_hexdigest(bytes(digests))
    del told["digest"]
    body = orjson.dumps(told)[:-1]
    digest = xxhash.xxh3_128_hexdigest(body).encode()
    manifest.write_bytes(body + b',"digest":"' + digest + b'"}\n')


def _flip_a_bit(content: bytearray, draw: random.Random) -> None:
    content[_place(content, draw)] ^= 1 << draw.randrange(8)


def _set_a_number(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw) // 4 * 4
    value = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, draw.randrange(2**32)))
    content[at : at + 4] = value.to_bytes(4, "little")[: len(content) - at]


def _clear_a_page(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw) // 4_096 * 4_096
    end = min(at + 4_096, len(content))
    content[at:end] = bytes(end - at)


def _swap_pieces(content: bytearray, draw: random.Random) -> None:
    size = draw.choice((1, 4, 8, 512))
    one, other = (min(_place(content, draw) // size * size, len(content) - size) for _ in "ab")
    if one >= 0 <= other:
        piece = content[one : one + size]
        content[one : one + size] = content[other : other + size]
        content[other : other + size] = piece


def _cut_the_end(content: bytearray, draw: random.Random) -> None:
    del content[_place(content, draw) :]


def _place(content: bytearray, draw: random.Random) -> int:
    """Somewhere behind the header of a column, which nobody reads."""
    return draw.randrange(128, len(content)) if len(content) > 128 else len(content) - 1


_DAMAGE = dict(
    zip(
        ("bit", "number", "page", "swap", "end"),
        (_flip_a_bit, _set_a_number, _clear_a_page, _swap_pieces, _cut_the_end),
        strict=True,
    )
)


class _Asker:
    """The process that opens and asks, started anew after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, version: Path, mode: str) -> dict[str, Any]:
        """What became of opening and asking: `outcome`, and `digest` of all answers."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        # Not before: a first start may compile the kernels.
        hung = threading.Timer(PATIENCE_S, process.kill)
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps([str(version), mode]) + "\n")
            process.stdin.flush()
        hung.start()
        line = process.stdout.readline()
        came_back = hung.is_alive()
        hung.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        status = process.wait()
        self.stop()
        return {"outcome": "killed" if came_back else "hung", "status": status}

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fuzz.index_files", "answer"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        self._process = process
        return process


@contextmanager
def _worker() -> Iterator[_Asker]:
    asker = _Asker()
    try:
        yield asker
    finally:
        asker.stop()


# --- in the process that answers -----------------------------------------------------------------


def _answer_all() -> None:
    """Open and ask whatever standard input names, line by line."""
    from geosearch.search.searcher import Searcher
    from geosearch.search.warm import warm
    from indexes import storage

    warm()
    storage.BLOCK_BYTES = BLOCK_BYTES
    print("ready", flush=True)
    for line in sys.stdin:
        version, mode = json.loads(line)
        size = sum(path.stat().st_size for path in Path(version).glob("segment-*/*"))
        storage.FAST_BYTES = int(SHARE * size) if mode == "fast" else size + 1
        print(json.dumps(_outcome(Searcher, Path(version), mode)), flush=True)


def _outcome(open_version: Any, version: Path, mode: str) -> dict[str, Any]:
    from geosearch.errors import BadData

    try:
        engine = open_version(version, verify="full" if mode == "full" else "fast")
    except BadData as error:
        return {"outcome": "refused", "sentence": str(error)}
    except Exception as error:
        return {"outcome": "open failed", "sentence": repr(error)}
    hasher = xxhash.xxh3_128()
    try:
        for answer in _answers(engine):
            hasher.update(answer)
    except Exception as error:
        return {"outcome": "failed", "sentence": repr(error)}
    return {"outcome": "answered", "digest": hasher.hexdigest()}


def _answers(engine: Any) -> Iterator[bytes]:
    """Answers to questions of every kind, without what differs from one time to the next."""
    from geosearch.query.query import Query
    from geosearch.suggest.suggester import SuggestQuery

    at = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
    here: dict[str, Any] = {"lat": 31.23, "lng": 121.47, "at": at, "limit": 40}
    box = (121.40, 31.20, 121.55, 31.30)
    corners = [[121.4, 31.2], [121.6, 31.2], [121.5, 31.35], [121.4, 31.2]]
    cards = ("red", "blue", "gold", "silver", "black", "student")
    cards = tuple(program["program_id"] for program in engine.programs()) or cards
    facets = ("category", "business_area", "program", "offer_type")
    wishes: list[dict[str, Any]] = [
        *({"sort": sort} for sort in ("best", "distance", "saving", "rating")),
        *({"sort": sort, "cards": cards[:1], "deals": "card"} for sort in ("best", "saving")),
        *({"cards": (card,), "deals": "card", "sort": "distance"} for card in cards),
        *({"cards": cards[1:4], "deals": mode, "open": "now"} for mode in ("any", "card")),
        *({"cards": cards, "deals": "any", "party_size": size, "spend": 12_000} for size in (1, 3)),
        {"stacking": "on", "sort": "saving", "spend": 9_000},
        {"max_pay": 9_000, "total": True, "facets": facets, "sort": "distance"},
        {"open": "now", "total": True, "facets": facets, "cards": cards[:2]},
        {"total": True, "facets": facets},
        {"total": True, "facets": facets, "radius": 3_000.0, "open": "now"},
        {"open": "now", "hours_unknown": "include", "categories": ("food",), "min_rating": 4.0},
        {"bbox": box, "total": True, "sort": "distance"},
        {"polygon": {"type": "Polygon", "coordinates": [corners]}, "total": True},
        *({"crs": crs, "limit": 100} for crs in ("GCJ02", "BD09")),
        *(
            {"q": text, "sort": sort, "total": True}
            for text in ("火锅", "huoguo", "cofee", "陆家嘴火锅", "咖啡", "hg", "xyzzy", "南记")
            for sort in ("relevance", "best", "distance")
        ),
    ]
    for zone in engine.zones_at(31.2370, 121.5030, at)[:2]:
        wishes.append({"zone": zone["zone_id"], "total": True})
        yield orjson.dumps(zone)
    for wish in wishes:
        # Twice: the second time a filter is kept.
        for _ in range(2):
            page = engine.page(Query(**(here | wish)))
            yield bytes(page.results)
            told = page.answer
            yield repr((told.total, told.facets, told.corrected, told.relaxed)).encode()
    for typed in ("h", "s", "huo", "火", "陆家嘴", "co", "nan", "x", "海底lao", "sh"):
        for radius in (800.0, 50_000.0):
            found = engine.suggest(SuggestQuery(q=typed, lat=31.23, lng=121.47, radius=radius))
            yield repr(found.suggestions).encode()
    for merchant_id in engine.merchant_ids(range(0, MERCHANTS // 2, 400)):
        yield repr(engine.merchant(merchant_id, at)).encode()
    yield repr(engine.programs()).encode()


if __name__ == "__main__":
    if sys.argv[1:] == ["answer"]:
        _answer_all()
    else:
        print(json.dumps(fuzz(*map(int, sys.argv[1:])), indent=2))
