"""A piece of questions by the regions that answer them, and one block of their answers.

Useful for: `batches` over a folder of regions.
Not useful for: one index; it answers a piece whole.

A question with a radius goes to the region that owns its position. A text, an area or a list of ids
may concern shops of several regions, and a position may have no owner. All regions answer those
together (`all_regions`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from geosearch.cluster.all_regions import RegionsSearcher
from geosearch.search.block import query_ids
from geosearch.search.block_results import Block
from geosearch.search.block_rows import Records, numbers
from indexes.arrays import I64, Bools

Piece = pl.DataFrame | Records

_TOGETHER = ("q", "zone", "bbox", "polygon", "ids")
"""Parameters of questions that may concern shops of several regions."""


class PiecePart(NamedTuple):
    """Questions of a piece for one region, None for all; `query_id` is their row in the piece."""

    region_id: str | None
    questions: Piece


def parts_of(
    regions: RegionsSearcher, piece: Piece, constants: Mapping[str, Any]
) -> list[PiecePart]:
    """The parts of a piece; one without questions where the piece has none."""
    if isinstance(piece, Records):
        places = [(np.nan,) * 2 if one is None else (one.lat, one.lng) for one in piece.queries]
        lat, lng = np.array(places, np.float64).reshape(-1, 2).T.copy()
        together = np.array([_is_for_all(one) for one in piece.queries], np.bool_)
    else:
        lat, lng = (numbers(piece, constants, name) for name in ("lat", "lng"))
        together = _rows_for_all(piece, constants)
    found = regions.owned(np.where(together, np.nan, lat), lng)
    if len(found) <= 1:
        name = found[0][0] if found else None
        return [PiecePart(name, _chosen(piece, np.arange(len(lat))))]
    return [PiecePart(name, _chosen(piece, rows)) for name, rows in found]


def joined(blocks: Sequence[Block], ids: pl.Series) -> Block:
    """One block of the blocks of all parts, in the order of the questions.

    Parameters
    ----------
    ids
        `query_id` of each question of the piece.
    """
    rows, refused = (
        pl.concat([getattr(block, name) for block in blocks]) for name in ("rows", "refused")
    )
    if len(blocks) > 1:
        rows, refused = (one.sort("query_id", maintain_order=True) for one in (rows, refused))
    return Block(
        rows.with_columns(ids.gather(rows["query_id"]).alias("query_id")),
        refused.with_columns(ids.gather(refused["query_id"]).alias("query_id")),
        sum(block.queries for block in blocks),
    )


def ids_of(piece: Piece, first: int) -> pl.Series:
    """`query_id` of each question of a piece, whose rows are numbered from `first`."""
    return piece.ids if isinstance(piece, Records) else query_ids(piece, first)


def _is_for_all(query: Any) -> bool:
    return query is not None and any(getattr(query, name) is not None for name in _TOGETHER)


def _rows_for_all(frame: pl.DataFrame, constants: Mapping[str, Any]) -> Bools:
    if any(constants.get(name) is not None for name in _TOGETHER):
        return np.ones(frame.height, np.bool_)
    found = np.zeros(frame.height, np.bool_)
    for name in _TOGETHER:
        if name in frame.columns:
            found |= frame[name].is_not_null().to_numpy()
    return found


def _chosen(piece: Piece, rows: I64) -> Piece:
    number = pl.Series("query_id", rows)
    if not isinstance(piece, Records):
        return piece[rows].with_columns(number)
    place = {row: at for at, row in enumerate(rows.tolist())}
    refused = [one._replace(row=place[one.row]) for one in piece.refused if one.row in place]
    queries = [piece.queries[row] for row in place]
    return Records(number, queries, refused, piece.columns)
