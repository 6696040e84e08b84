"""Parts are kept under the codes of the calendar, with shared borders shared."""

from pathlib import Path

import polars as pl
import pytest
import shapely

from geosearch.hours import borders
from geosearch.hours.borders import read_parts, write_parts

Row = tuple[str, str, str, str | None, str | None]

# admin, iso_a2, iso_3166_2, region_cod, geonunit: the code it is kept under
ROWS: list[tuple[Row, str | None]] = [
    (("Germany", "DE", "DE-BY", None, None), "DE-BY"),
    (("Australia", "AU", "AU-X02~", None, None), "AU"),
    (("India", "IN", "IN-OR", None, None), "IN-OD"),
    (("United Kingdom", "GB", "GB-KEN", None, "England"), "GB-ENG"),
    (("United Kingdom", "GB", "GB-FER", None, "Northern Ireland"), "GB-NIR"),
    (("Spain", "ES", "ES-M", "ES.MD", None), "ES-MD"),
    (("Spain", "ES", "ES-PM", "ES.PM", None), "ES-IB"),
    (("Spain", "ES", "ES-ML", "ES.CE", None), "ES-ML"),
    (("France", "FR", "FR-67", None, None), "FR-6AE"),
    (("France", "FR", "FR-75", None, None), "FR"),
    (("Portugal", "PT", "PT-20", None, None), "PT-20"),
    (("Portugal", "PT", "PT-11", None, None), "PT"),
    (("Republic of Serbia", "RS", "RS-00", None, None), "RS"),
    (("Kosovo", "-1", "", None, None), "XK"),
    (("Italy", "IT", "IT-BO", None, None), None),
    (("Japan", "JP", "JP-13", None, None), None),
]


@pytest.mark.parametrize(("row", "code"), ROWS)
def test_a_province_is_kept_under_its_code(tmp_path: Path, row: Row, code: str | None) -> None:
    kept = written(tmp_path, [(row, shapely.box(0, 0, 4, 4))])
    assert list(kept) == ([] if code is None else [code])


def test_parts_are_whole_and_do_not_overlap(tmp_path: Path) -> None:
    rows = [
        (ROWS[0][0], shapely.box(0, 0, 1, 1)),
        (ROWS[0][0], shapely.box(1, 0, 2, 1)),
        (("Germany", "DE", "DE-BE", None, None), shapely.box(2, 0, 3, 1)),
    ]
    kept = written(tmp_path, rows)
    assert kept["DE-BY"].equals(shapely.box(0, 0, 2, 1))
    assert kept["DE-BE"].equals(shapely.box(2, 0, 3, 1))


def written(folder: Path, rows: list[tuple[Row, shapely.Geometry]]) -> dict[str, shapely.Geometry]:
    names = ("admin", "iso_a2", "iso_3166_2", "region_cod", "geonunit")
    columns = {
        name: pl.Series([row[place] for row, _ in rows], dtype=pl.String)
        for place, name in enumerate(names)
    }
    shapes = pl.Series(shapely.to_wkb([shape for _, shape in rows]).tolist(), dtype=pl.Binary)
    pl.DataFrame(columns | {"geometry": shapes}).write_parquet(folder / "in.parquet")
    write_parts(folder / "in.parquet", folder / "out.parquet")
    table = pl.read_parquet(folder / "out.parquet")
    return dict(zip(table["code"], shapely.from_wkb(table["shape"].to_list()), strict=True))


def test_the_file_at_hand() -> None:
    parts = read_parts()
    assert len(parts.codes) == len(set(parts.codes)) > 200
    assert shapely.is_valid(parts.shapes).all()
    assert not shapely.is_empty(parts.shapes).any()
    assert set(zip(parts.countries, parts.codes, strict=True)) >= {("RS", "XK"), ("GB", "GB-SCT")}
    assert Path(borders.__file__).with_name("parts.parquet").stat().st_size < 1_000_000
