"""Tantivy, a full-text engine, through its Python package: cells, hours and cards as terms.

Useful for: what a search engine without a geographic field does with words and places.
Not useful for: an order by distance, which the package does not have; rows of the box come out and
numpy sorts them. Totals of polygons are refused.

Numbers are for circles of 3 km in a city of 100,000 and, after a stroke, of 1,000,000. Any of the
cells of a box took 0.07 ms for an open 3 % card, ranges of fast fields and sets of terms 0.2 ms;
cells of 0.02 and of 0.005 degree were each the faster for one radius, so every size is there. Rows
come out as the key of an order by row, a sixth faster than document addresses. Where most rows
match they do not all come out: the nearest begin with a circle of 300 m (0.2 / 0.5 ms, all rows 1.2
/ 19), the best come by worth in batches until the rest cannot win (0.3 / 2.2, all 0.8 / 12), and
counts are aggregated over the cells inside the circle (1.4 / 6.4, all 1.6 / 40).
"""

import math
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks import INSTALL
from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.peers.numpy_scan import ScanColumns, box, chord, unit_vector
from benchmarks.table import PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M

CELLS = (0.32, 0.08, 0.02, 0.005, 0.00125)
"""Sides of the cells in degrees; every cell is sixteen of the next."""
_MOST_CELLS = 64
_FIRST_CIRCLE_M = 300.0
_FIRST_BATCH = 128
# Cells on the rim of a circle that hold more are split, if they can be.
_RIM_ROWS = 256
_CELL_BITS = 20
_ALONG = (1 << _CELL_BITS) - 1


class Tantivy:
    """Peer `tantivy`."""

    name: ClassVar[str] = "tantivy"
    label: ClassVar[str] = "tantivy and numpy"
    schema: ClassVar[str] = (
        "One segment; a term for the cell of each of five sizes, for hours, for each card and "
        "for each word; fast fields row, category set, saving and worth; distances by numpy."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        try:
            import tantivy
        except ImportError as error:
            raise Missing(INSTALL) from error
        self._tantivy = tantivy
        self._folder = folder
        self._columns = ScanColumns(table, np.arange(len(table)))
        self._worth, self._walk_cost_per_m = table.worth, table.walk_cost_per_m
        self._rows = len(table)
        self._with_text = bool(table.text)
        fields = tantivy.SchemaBuilder()
        for name in ("row", "category_set", "saving"):
            fields.add_integer_field(name, fast=True)
        fields.add_float_field("worth", fast=True)
        for level in range(len(CELLS)):
            fields.add_integer_field(f"cell{level}", indexed=True)
        for name in ("tags", "words"):
            fields.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
        self._schema = fields.build()
        index = tantivy.Index(self._schema, path=str(folder))
        writer = index.writer(heap_size=1_000_000_000, num_threads=1)
        self._write(writer, table)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher: Any = index.searcher()

    def _write(self, writer: Any, table: PeerTable) -> None:
        cells = [
            (_cell(table.lat + 90, side) << _CELL_BITS) + _cell(table.lng + 180, side)
            for side in CELLS
        ]
        # Neighbours are written one after the other: their postings are short gaps.
        order = np.lexsort((cells[-1], cells[-2], cells[-3]))
        now, later = table.open_now[order].tolist(), table.open_later[order].tolist()
        programs = table.programs[order].tolist()
        given = {
            "row": order.tolist(),
            "category_set": table.category_set[order].tolist(),
            "saving": table.saving[order].tolist(),
            "worth": table.worth[order].tolist(),
            "tags": [
                _tags(*of, table.program_bits) for of in zip(now, later, programs, strict=True)
            ],
        } | {f"cell{level}": cell[order].tolist() for level, cell in enumerate(cells)}
        if table.text:
            given["words"] = [table.text[row] for row in order.tolist()]
        names = tuple(given)
        for values in zip(*given.values(), strict=True):
            writer.add_document(self._tantivy.Document(**dict(zip(names, values, strict=True))))

    @property
    def version(self) -> str:
        """Of the package."""
        return version("tantivy")

    def answers(self, question: PeerQuestion) -> bool:
        """All but words without text, and counts within a polygon."""
        if question.polygon and question.counted:
            return False
        return not question.words or self._with_text

    def ask(self, question: PeerQuestion) -> Found:
        """Rows in the order asked for, and counts by aggregation."""
        wishes = self._wishes(question)
        plain = question._replace(counted=False)
        if question.sort == "distance" or question.polygon or _narrow(question):
            found = self._nearest(question if _narrow(question) else plain, wishes)
        else:
            found = self._first_by(plain, wishes)
        if not question.counted or _narrow(question):
            return found
        groups = self._groups(question, wishes)
        return found._replace(total=sum(groups.values()), groups=groups)

    def _nearest(self, question: PeerQuestion, wishes: list[Any]) -> Found:
        """All rows of the box; where most rows match, of a small one first."""
        circles = [question.radius_m]
        if not (_narrow(question) or question.polygon) and question.radius_m > _FIRST_CIRCLE_M:
            circles.insert(0, _FIRST_CIRCLE_M)
        for radius_m in circles:
            query = self._all([self._box(question, radius_m), *wishes])
            at, chords = self._columns.within(question, self._matches(query), radius_m)
            if len(at) >= question.limit:
                break
        return self._columns.found(question, at, chords)

    def _first_by(self, question: PeerQuestion, wishes: list[Any]) -> Found:
        """Rows of the box by saving or worth, until those left cannot be among the first."""
        query = self._all([self._box(question, question.radius_m), *wishes])
        field = "saving" if question.sort == "saving" else "worth"
        batch = _FIRST_BATCH
        while True:
            hits = self._searcher.search(query, batch, count=False, order_by_field=field).hits
            rows = self._searcher.fast_field_values("row", [address for _, address in hits])
            at, chords = self._columns.within(question, np.array(rows, np.int64), question.radius_m)
            found = self._columns.found(question, at, chords)
            if len(hits) < batch:
                return found
            if len(found.rows) == question.limit:
                if field == "saving":
                    return found
                # A row not fetched is worth at most the last one fetched, less its walk.
                last = found.rows[-1]
                walked = math.sqrt(self._columns.chords(question, found.rows[-1:])[0])
                metres = 2 * EARTH_RADIUS_M * math.asin(walked / 2)
                if self._worth[last] - self._walk_cost_per_m * metres >= hits[-1][0]:
                    return found
            batch *= 8

    def _groups(self, question: PeerQuestion, wishes: list[Any]) -> dict[int, int]:
        """Cells inside the circle by aggregation, those on its rim row by row."""
        inside, rim = self._cover(question)
        groups: Counter[int] = Counter()
        if inside:
            wanted = {"by": {"terms": {"field": "category_set", "size": 65_000}}}
            query = self._all([self._any(inside), *wishes])
            for bucket in self._searcher.aggregate(query, wanted)["by"]["buckets"]:
                groups[int(bucket["key"])] += int(bucket["doc_count"])
        if rim:
            rows = self._matches(self._all([self._any(rim), *wishes]))
            at, chords = self._columns.within(question, rows, question.radius_m)
            counted = self._columns.found(question._replace(counted=True), at, chords).groups
            groups.update(counted or {})
        return dict(groups)

    def _cover(self, question: PeerQuestion) -> tuple[list[Any], list[Any]]:
        """Terms of the cells inside the circle, and of those on its rim."""
        inside, rim = [], []
        limit = chord(question.radius_m) ** 2
        here = unit_vector(question.lat, question.lng)
        level, cells = _cells(box(question), 16)
        waiting = [(level, number >> _CELL_BITS, number & _ALONG) for number in cells]
        while waiting:
            level, up, along = waiting.pop()
            number = (up << _CELL_BITS) + along
            held = self._searcher.doc_freq(f"cell{level}", number)
            if not held:
                continue
            side = CELLS[level]
            low_lat, low_lng = up * side - 90, along * side - 180
            lats, lngs = (low_lat, low_lat + side), (low_lng, low_lng + side)
            # The farthest point is a corner. The nearest is within a hundredth of the clamped one.
            if max(_squared(here, lat, lng) for lat in lats for lng in lngs) <= limit:
                inside.append(self._term(f"cell{level}", number))
                continue
            lat = min(max(question.lat, lats[0]), lats[1])
            lng = min(max(question.lng, lngs[0]), lngs[1])
            if _squared(here, lat, lng) > limit * 1.02:
                continue
            if held > _RIM_ROWS and level + 1 < len(CELLS):
                for north in range(4):
                    for east in range(4):
                        waiting.append((level + 1, 4 * up + north, 4 * along + east))
            else:
                rim.append(self._term(f"cell{level}", number))
        return inside, rim

    def _box(self, question: PeerQuestion, radius_m: float) -> Any:
        """Any of the cells of the box."""
        level, cells = _cells(box(question, radius_m), _MOST_CELLS)
        return self._any([self._term(f"cell{level}", number) for number in cells])

    def _wishes(self, question: PeerQuestion) -> list[Any]:
        """Terms that every row must hold."""
        terms = [self._term("words", word) for word in question.words]
        if question.hours:
            terms.append(self._term("tags", question.hours))
        bits = [
            bit for bit in range(question.programs.bit_length()) if question.programs >> bit & 1
        ]
        if bits:
            terms.append(self._any([self._term("tags", f"program{bit}") for bit in bits]))
        return terms

    def _matches(self, query: Any) -> I64:
        """Rows of a query: ordered by the row, it is the key of each hit."""
        hits = self._searcher.search(
            query, self._rows, count=False, order_by_field="row", order=self._tantivy.Order.Asc
        ).hits
        return np.fromiter((row for row, _ in hits), np.int64, len(hits))

    def _term(self, field: str, value: int | str) -> Any:
        return self._tantivy.Query.term_query(self._schema, field, value, "basic")

    def _any(self, terms: list[Any]) -> Any:
        if len(terms) == 1:
            return terms[0]
        should = self._tantivy.Occur.Should
        return self._tantivy.Query.boolean_query([(should, term) for term in terms])

    def _all(self, terms: list[Any]) -> Any:
        if len(terms) == 1:
            return terms[0]
        must = self._tantivy.Occur.Must
        return self._tantivy.Query.boolean_query([(must, term) for term in terms])

    def size(self) -> int:
        """Bytes of the files and of the columns beside them."""
        files = sum(path.stat().st_size for path in self._folder.iterdir() if path.is_file())
        return files + self._columns.size()

    def close(self) -> None:
        """Let go of the files and remove them."""
        self._searcher = None
        for path in self._folder.iterdir():
            path.unlink()


def _narrow(question: PeerQuestion) -> bool:
    """Whether so few rows match that all of them may come out."""
    return question.programs.bit_count() == 1 or bool(question.words)


def _cell(degrees: Any, side: float) -> Any:
    # The finest cell is taken first: cells of one size are then exactly sixteen of the next.
    finest = np.floor(degrees / CELLS[-1]).astype(np.int64)
    return finest // round(side / CELLS[-1])


def _cells(bounds: tuple[float, float, float, float], most: int) -> tuple[int, list[int]]:
    """The finest size of which so many cells cover a box, and their numbers."""
    low_lat, low_lng, high_lat, high_lng = bounds
    first, left, last, right = (
        math.floor(degrees / CELLS[-1])
        for degrees in (low_lat + 90, low_lng + 180, high_lat + 90, high_lng + 180)
    )
    level = len(CELLS) - 1
    while level and (last - first + 1) * (right - left + 1) > most:
        first, left, last, right, level = first // 4, left // 4, last // 4, right // 4, level - 1
    columns = range(left, right + 1)
    return level, [(up << _CELL_BITS) + at for up in range(first, last + 1) for at in columns]


def _squared(here: tuple[float, float, float], lat: float, lng: float) -> float:
    x, y, z = unit_vector(lat, lng)
    return (x - here[0]) ** 2 + (y - here[1]) ** 2 + (z - here[2]) ** 2


def _tags(now: bool, later: bool, programs: int, program_bits: dict[str, int]) -> str:
    tags = [f"program{bit}" for bit in program_bits.values() if programs >> bit & 1]
    return " ".join([*tags, *(["open_now"] if now else []), *(["open_later"] if later else [])])
