"""Segments with the parts that other rooms write: all columns, all promises, all openings."""

from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from geosearch.segment.catalogue import Catalogue
from geosearch.segment.layout import SEGMENT_COLUMNS, Sizes
from geosearch.segment.segment import Segment
from geosearch.suggest.directory import DIRECTORY_COLUMNS, DirectorySizes, open_directory
from geosearch.text.columns import TEXT_COLUMNS, SegmentText, TextSizes
from indexes.layout import check_layout

EVERY_COLUMN = SEGMENT_COLUMNS | TEXT_COLUMNS | DIRECTORY_COLUMNS


def open_every_part(folder: Path, *, verify: Literal["fast", "full"] = "fast") -> Segment:
    """The segment of a folder, whose parts have been opened too."""
    segment = Segment(folder, verify=verify)
    SegmentText(segment)
    open_directory(segment)
    return segment


def check_every_column(arrays: dict[str, NDArray[Any]]) -> None:
    """As the openings above do, of arrays in no folder."""

    def rows(name: str) -> int:
        return len(arrays[name])

    sizes = Sizes(arrays, Catalogue.decode(arrays["catalogue"].tobytes()))
    for table, its in (
        (SEGMENT_COLUMNS, sizes),
        (TEXT_COLUMNS, TextSizes(sizes.docs, rows)),
        (DIRECTORY_COLUMNS, DirectorySizes(sizes.docs, rows)),
    ):
        check_layout(table, arrays, its, Path("folder"))
