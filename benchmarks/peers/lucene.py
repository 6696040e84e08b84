"""Apache Lucene, a search library for Java: a small program of ours around it, asked by lines.

Useful for: what a search server would do inside, without the server around it.
Not useful for: machines without a JDK; and it includes a pipe, there and back.

A competent user's set-up, measured in a city of 100,000, median, on a machine that others used
too: a box and exact distances in a collector (the nearest of an open 3 % card 0.4 ms, counts 0.3;
the library's queries for circles, which draw up a grid of cells for each question, 1.1 and 0.6); a
box is tested by doc values where a term is rarer (a card that 0.05 % hold 0.1 ms, else 0.5); the
nearest by a circle that grows, from 250 m (any of 8 cards 0.26 ms, all of the circle 0.7), or from
1 km where few match; of at most some thousand shops with a term all are looked at (the rare card
0.06 ms, growing 0.13). A cache of the cards' filters changed nothing.

Distances and polygons are exact: the collector reads coordinates as they were given. The library's
own are rounded to a centimetre, so that boxes are a little wider.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import ClassVar

import numpy as np

from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.peers.commands import run
from benchmarks.peers.numpy_scan import unit_vector, unit_vectors
from benchmarks.servers import STOP_SECONDS, as_user, bytes_below
from benchmarks.table import PeerTable

VERSION = "9.12.3"
SOURCE = Path(__file__).with_name("LuceneShops.java")
CACHE = Path.home() / ".cache" / "geosearch" / "peers" / "lucene"
"""Where the library and the compiled program are kept."""

JVM = ("-Xms2g", "-Xmx2g", "-XX:+UseSerialGC")
WARM_UP = 400
"""Questions of every kind before the first that counts: the JVM compiles what runs often."""

_HOW = "python -m benchmarks.peers.install, with a JDK 17 and Maven"
_RECORD = np.dtype(
    [(name, ">f8") for name in ("lat", "lng", "x", "y", "z", "worth")]
    + [(name, ">i8") for name in ("saving", "row", "set", "programs", "hours")]
)
_CELLS_PER_DEGREE = (5, 20, 80)


class Lucene:
    """Peer `lucene`."""

    name: ClassVar[str] = "lucene"
    label: ClassVar[str] = "Apache Lucene"
    schema: ClassVar[str] = (
        "One segment, mapped; LatLonPoint, or its doc values where a term is rarer; terms for "
        "hours, for each card and for each word; a collector with exact distances keeps the "
        "first and counts; the nearest by a circle that grows; one JVM, asked through a pipe."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        java, jar = shutil.which("java"), jar_file()
        if java is None or not jar.exists():
            raise Missing(_HOW)
        classes = compiled()
        self._folder = folder
        self._with_text = bool(table.text)
        _write(table, folder)
        command = [java, *JVM, "-cp", f"{jar}{os.pathsep}{classes}", "LuceneShops", str(folder)]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                as_user([*command, repr(table.walk_cost_per_m)], death_signal=signal.SIGKILL),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            self._version = self._line().strip()
            for name in ("rows", "words"):
                (folder / name).unlink()
            self._warm_up(table)
        except BaseException:
            self.close()
            raise

    def _warm_up(self, table: PeerTable) -> None:
        random = Random(1)
        some = table.program_bits.values()
        every = sum(1 << bit for bit in some)
        for number in range(WARM_UP):
            row = random.randrange(len(table))
            question = PeerQuestion(
                float(table.lat[row]),
                float(table.lng[row]),
                hours=("open_now", "")[number % 2],
                programs=(every, *(1 << bit for bit in some))[number // 2 % (1 + len(some))],
                sort=("distance", "best", "distance", "saving")[number % 4],
                counted=number % 7 == 0,
            )
            self.ask(question)

    @property
    def pid(self) -> int:
        """Of the JVM."""
        return self._process.pid

    @property
    def version(self) -> str:
        """Of the library."""
        return self._version

    def answers(self, question: PeerQuestion) -> bool:
        """All but words without text."""
        return not question.words or self._with_text

    def ask(self, question: PeerQuestion) -> Found:
        """What the program says."""
        x, y, z = unit_vector(question.lat, question.lng)
        ring = " ".join(f"{lng} {lat}" for lng, lat in question.polygon)
        line = (
            f"{question.lat}\t{question.lng}\t{question.radius_m}\t{x}\t{y}\t{z}\t"
            f"{question.hours}\t{question.programs}\t{question.sort}\t{question.limit}\t"
            f"{question.counted:d}\t{' '.join(question.words)}\t{ring}\n"
        )
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        rows, _, counts = self._line().partition(";")
        found = np.array(rows.split(), np.int64)
        if not question.counted:
            return Found(found)
        flat = list(map(int, counts.split()))
        groups = dict(zip(flat[::2], flat[1::2], strict=True))
        return Found(found, sum(groups.values()), groups)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = (self._folder / "log").read_text("utf-8", "replace")[-500:]
            raise RuntimeError(f"Expected an answer of Lucene, got: {said}")
        return line.decode()

    def size(self) -> int:
        """Bytes of the index."""
        return bytes_below(self._folder / "index")

    def close(self) -> None:
        """End the program and remove its files; twice is harmless."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder / "index", ignore_errors=True)
        for name in ("rows", "words", "log"):
            (self._folder / name).unlink(missing_ok=True)


def _write(table: PeerTable, folder: Path) -> None:
    """Rows and their words, for the program; neighbours one after the other."""
    cells = [
        np.floor((table.lat + 90) * side) * 360 * side + np.floor((table.lng + 180) * side)
        for side in _CELLS_PER_DEGREE
    ]
    order = np.lexsort(cells[::-1])
    rows = np.zeros(len(table), _RECORD)
    for name in ("lat", "lng", "worth", "saving", "programs"):
        rows[name] = getattr(table, name)[order]
    rows["x"], rows["y"], rows["z"] = unit_vectors(table.lat[order], table.lng[order])
    rows["row"], rows["set"] = order, table.category_set[order]
    rows["hours"] = table.open_now[order] + 2 * table.open_later[order]
    rows.tofile(folder / "rows")
    texts = table.text or [""] * len(table)
    (folder / "words").write_text("".join(f"{texts[row]}\n" for row in order.tolist()), "utf-8")


def jar_file() -> Path:
    """The library."""
    return CACHE / f"lucene-core-{VERSION}.jar"


def compiled() -> Path:
    """Folder of the compiled program; compiled when the source is new.

    Raises
    ------
    Missing
        If that takes a compiler, and there is none.
    RuntimeError
        If the compiler refuses it.
    """
    source = SOURCE.read_bytes()
    folder = CACHE / hashlib.sha256(source + VERSION.encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    javac = shutil.which("javac")
    if javac is None:
        raise Missing(_HOW)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        command = [javac, "-nowarn", "-encoding", "UTF-8", "-cp", str(jar_file()), "-d", made]
        done = subprocess.run([*command, str(SOURCE)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Expected {SOURCE.name} to compile, got: {done.stderr[-500:]}")
        shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder


def install() -> str:
    """Fetch the library with Maven and compile the program; what was done, in a line."""
    missing = [program for program in ("java", "javac", "mvn") if shutil.which(program) is None]
    if missing:
        return f"lucene: cannot be installed here, no {' and no '.join(missing)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    if not jar_file().exists():
        artifact = f"-Dartifact=org.apache.lucene:lucene-core:{VERSION}"
        copy = ["mvn", "-q", "dependency:copy", artifact, f"-DoutputDirectory={CACHE}"]
        if failure := run(copy):
            return f"lucene: {failure}"
    try:
        compiled()
    except RuntimeError as error:
        return f"lucene: failed, {error}"
    return f"lucene: {VERSION} is installed"
