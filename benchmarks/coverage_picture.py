"""Picture of a coverage, docs/coverage.svg: where a card beats the public price.

The index is that of README.md's first example, at the instant of its coverage example.

    python -m benchmarks.coverage_picture demo/city-index docs/coverage.svg
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from geosearch.search.searcher import open_index
from geosearch.studies.coverage import Coverage, coverage
from geosearch.studies.coverage_files import sentences

AT = datetime.fromisoformat("2026-11-22T00:00:00+08:00")
SLOT = {"Wednesday 19:00": "We 19:00"}
REACH = 0.3
"""Degrees from the middle of the city to the edge of the picture."""
FEWEST_OPEN = 3
"""Cells with fewer open shops are grey: a share of two says little."""


def picture(found: Coverage, title: str) -> str:
    """Return the SVG of a coverage of one card and one slot."""
    features: list[dict[str, Any]] = [
        {
            "type": "Feature",
            "geometry": _clockwise(found.cells[row["cell"]].geometry()),
            "properties": {"share": row["win_share"], "few": row["open"] < FEWEST_OPEN},
        }
        for row in _central(found.rows).iter_rows(named=True)
    ]
    data: Any = alt.InlineData(values=features)
    grey = alt.Chart(data).mark_geoshape(fill="#f0f0f0", stroke="white", strokeWidth=0.3)
    cells = (
        alt.Chart(data)
        .transform_filter("!datum.properties.few")
        .mark_geoshape(stroke="white", strokeWidth=0.3)
        .encode(
            color=alt.Color(
                "properties.share:Q",
                title="share of open shops where the card wins",
                scale=alt.Scale(scheme="tealblues", domain=[0, 0.06], clamp=True),
                legend=alt.Legend(
                    format=".0%", orient="bottom", gradientLength=400, titleLimit=400
                ),
            )
        )
    )
    chart = (
        alt.layer(grey, cells)
        .project("mercator")
        .properties(width=640, height=560, title=title, background="white")
    )
    return vl_convert.vegalite_to_svg(chart.to_dict())


def _central(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the cells near the middle of the city; a few lie far out."""
    near = [
        (pl.col(name) - pl.col(name).median()).abs() < reach
        for name, reach in (("lat", REACH), ("lng", REACH))
    ]
    return rows.filter(*near)


def _clockwise(geometry: dict[str, Any]) -> dict[str, Any]:
    """Return the polygon with its ring clockwise, as d3 draws it; GeoJSON is the other way."""
    (ring,) = geometry["coordinates"]
    return {"type": "Polygon", "coordinates": [ring[::-1]]}


def main(index: Path, out: Path, card: str = "red") -> None:
    """Write the picture of a card."""
    found = coverage(open_index(index), programs=[card], cells="h3:7", slots=SLOT, at=AT)
    (title,) = sentences(found.total)
    out.write_text(picture(found, title), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
