"""Fast NDJSON writer for synthetic frames, and words picked by index.

It writes a million rows in seconds, and leaves out nulls. It does not escape texts: they must have
no quote, backslash or control character, as the synthetic word lists.
"""

from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from indexes.files import create


def pick(words: Sequence[str | None], index: npt.NDArray[np.int64]) -> pl.Series:
    """Return `words[index]` as texts, null where `index` is negative."""
    series = pl.Series([*words, None], dtype=pl.String)
    return series.gather(np.where(index < 0, len(words), index))


def number(values: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]) -> pl.Series:
    """Return integers, null where not `known`."""
    series = pl.Series(values)
    return series.zip_with(pl.Series(known), pl.Series([None], dtype=series.dtype))


def lines(frame: pl.DataFrame, raw: Collection[str]) -> pl.Series:
    """Return one JSON object for each row; columns in `raw` have JSON text already.

    The first column must have no null.
    """
    parts: list[pl.Expr] = []
    for name, dtype in frame.schema.items():
        start = f'{"," if parts else "{"}"{name}":'
        quote = '"' if dtype == pl.String and name not in raw else ""
        # A null makes its whole part null, and `ignore_nulls` drops it below.
        parts.append(pl.concat_str(pl.lit(start + quote), pl.col(name), pl.lit(quote)))
    whole = pl.concat_str([*parts, pl.lit("}")], ignore_nulls=True)
    return frame.select(whole.alias("line")).to_series()


class LineFile:
    """A file of NDJSON rows, written in blocks; `rows` counts them."""

    def __init__(self, path: Path, *, raw: Collection[str]) -> None:
        self._path = path
        self._raw = frozenset(raw)
        self.rows = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = create(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Append all rows of `frame`."""
        block = lines(frame, self._raw).to_frame()
        # Not to the file itself: an error of polars has neither the file's name nor an errno.
        text = BytesIO()
        block.write_csv(text, include_header=False, quote_style="never")
        self._file.write(text.getbuffer())
        self.rows += frame.height
