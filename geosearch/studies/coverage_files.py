"""Files and words of a coverage: GeoJSON, Parquet, CSV, and a sentence for each card and slot."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import polars as pl

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem, shown
from geosearch.studies.coverage import Coverage
from indexes.files import create

FORMATS = (".geojson", ".parquet", ".csv")


def check_format(out: Path) -> None:
    """Raise for a file whose name does not end in one of `FORMATS`.

    Raises
    ------
    BadRequest
        It ends otherwise.
    """
    if out.suffix not in FORMATS:
        expected = f"`out` ending in {', '.join(FORMATS)}"
        found = problem("not_a_choice", expected, shown(out.name), ("out",))
        raise BadRequest(found["detail"], [found])


def write_coverage(found: Coverage, out: Path) -> None:
    """Write the rows of a coverage; the end of the name chooses the format.

    GeoJSON has a Feature for each row, with flat properties, as kepler.gl and deck.gl read it.

    Raises
    ------
    BadRequest
        The name ends otherwise.
    """
    check_format(out)
    with create(out) as file:
        if out.suffix == ".parquet":
            found.rows.write_parquet(file)
        elif out.suffix == ".csv":
            found.rows.write_csv(file)
        else:
            file.writelines(_features(found))


def _features(found: Coverage) -> Iterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    geometry = {name: orjson.dumps(cell.geometry()) for name, cell in found.cells.items()}
    for number, row in enumerate(found.rows.iter_rows(named=True)):
        yield b",\n" if number else b"\n"
        yield b'{"type":"Feature","geometry":' + geometry[row["cell"]] + b',"properties":'
        yield orjson.dumps(row) + b"}"
    yield b"\n]}\n"


def sentences(total: pl.DataFrame) -> list[str]:
    """Return a sentence for each card and slot, the card that wins most often first.

    Examples
    --------
    >>> total = pl.DataFrame({"slot": ["late"], "program_id": ["red"], "open": [200.0],
    ...                       "usable": [4.0], "wins": [3.0]})
    >>> sentences(total)
    ['red, late: usable at 2.0 % of open shops, better than the public price at 1.5 %']
    """
    order = total["program_id"].unique(maintain_order=True).to_list()
    wins = dict(total.group_by("program_id").agg(pl.col("wins").sum()).iter_rows())
    order.sort(key=lambda name: -wins[name])
    rows = sorted(total.iter_rows(named=True), key=lambda row: order.index(row["program_id"]))
    return [
        f"{row['program_id']}, {row['slot'].replace('_', ' ')}: usable at "
        f"{_share(row['usable'], row['open'])} of open shops, better than the public price at "
        f"{_share(row['wins'], row['open'])}"
        for row in rows
    ]


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.1f} %"
