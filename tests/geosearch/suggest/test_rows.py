"""Entries of a snapshot and what belongs to them."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from geosearch.snapshot.reader import read_snapshot
from geosearch.suggest.directory import (
    KINDS,
    Directory,
    DirectoryRows,
    directory_columns,
    no_directory,
)
from geosearch.suggest.rows import MAX_OTHERS, directory_rows
from indexes.names.completions import MATCH_KIND_BITS
from tests.geosearch.snapshot_files import Row, merchant, write_snapshot

CATEGORIES: list[Row | bytes] = [
    {"category_id": "food", "names": {"en": "Food", "zh-CN": "美食"}, "aliases": {"en": ["eat"]}},
]


def rows_of(folder: Path, merchants: list[Row | bytes]) -> DirectoryRows:
    write_snapshot(folder, {"merchants": merchants, "deals": [], "categories": CATEGORIES})
    read = read_snapshot(folder)
    return directory_rows(read.merchants, read.categories)


def entries(rows: DirectoryRows) -> dict[str, list[int]]:
    """Rows of each entry, by kind and text."""
    return {
        f"{KINDS[rows.kind[number]]} {text}": rows.row[rows.entry == number].tolist()
        for number, text in enumerate(rows.texts)
    }


def test_entries(tmp_path: Path) -> None:
    made = rows_of(
        tmp_path,
        [
            merchant(0, name="海底捞", brand="海底捞"),
            merchant(1, name="海底捞火锅", brand="海底捞", business_area="静安寺"),
            merchant(2, name="Blue Cup"),
            merchant(3, name="BLUE CUP"),
            merchant(4, name="blue-cup"),
            merchant(5, name="BLUE CUP", categories=["food.cafe", "food"]),
            merchant(6, name="🍔"),
        ],
    )
    assert entries(made) == {
        "brand 海底捞": [0, 1],
        "merchant 海底捞火锅": [1],
        "area 静安寺": [1],
        "merchant BLUE CUP": [2, 3, 4, 5],
        "category 美食": [5],
        "category cafe": [5],
    }


def test_aliases_are_kept_unless_the_name_is_typed_alike(tmp_path: Path) -> None:
    made = rows_of(
        tmp_path,
        [
            merchant(0, name="海底捞 Hot Pot", aliases=["海底撈", "hot pot", "HDL", "HD", "!"]),
            merchant(1, name="Many", aliases=[f"{chr(97 + n)}lias" for n in range(1, 20)]),
        ],
    )
    others = {made.texts[number]: found for number, found in made.others.items()}
    assert others["海底捞 Hot Pot"] == ["HDL"]
    assert len(others["Many"]) == MAX_OTHERS


def test_popularity_is_what_people_left_at_all_its_shops(tmp_path: Path) -> None:
    made = rows_of(
        tmp_path,
        [
            merchant(0, name="A", rating_count=5, redemptions_ok=2),
            merchant(1, name="A", rating_count=10),
            merchant(2, name="B"),
        ],
    )
    assert dict(zip(made.texts, made.popularity.tolist(), strict=True)) == {"A": 17, "B": 0}


def test_keys_ascend_and_lead_to_their_entries(tmp_path: Path) -> None:
    made = rows_of(tmp_path, [merchant(0, name="海底捞"), merchant(1, name="Hot Pot")])
    text = made.keys.text.tobytes()
    keys = [text[start : text.index(0, start)].decode() for start in made.keys.start.tolist()]
    found = [made.texts[item] for item in (made.keys.item >> MATCH_KIND_BITS).tolist()]
    assert list(zip(keys, found, strict=True)) == [
        ("haidilao", "海底捞"),
        ("hdl", "海底捞"),
        ("hotpot", "Hot Pot"),
        ("pot", "Hot Pot"),
        ("海底捞", "海底捞"),
    ]


def test_names_of_a_category_come_by_language(tmp_path: Path) -> None:
    made = rows_of(tmp_path, [merchant(0, name="A", categories=["food"])])
    columns = directory_columns(made, np.zeros(1, np.int64))
    directory = Directory(columns)
    item = made.texts.index("美食")
    assert directory.identity(item) == "food"
    assert list(directory.names(item)) == [("美食", None), ("Food", None), ("Food", "eat")]


@pytest.mark.parametrize("docs", [0, 3])
def test_nothing_to_suggest(docs: int) -> None:
    directory = Directory(directory_columns(no_directory(), np.arange(docs)))
    assert len(directory) == 0


def test_no_merchants() -> None:
    schema: dict[str, Any] = {
        "name": pl.String,
        "brand": pl.String,
        "business_area": pl.String,
        "aliases": pl.List(pl.String),
        "categories": pl.List(pl.String),
        "rating_count": pl.Int64,
        "redemptions_ok": pl.Int64,
    }
    made = directory_rows(pl.DataFrame(schema=schema), None)
    assert made.texts == []
    assert len(made.keys.start) == len(made.entry) == 0
