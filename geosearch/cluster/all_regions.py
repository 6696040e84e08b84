"""All regions of a folder as one engine: each answers for the shops that it owns.

Useful for: studies over a folder that `geosearch build --regions` made, and questions of them that
span regions.
Not useful for: a question with a radius; the region that owns its position answers it sooner.

The regions are the segments of one searcher, and only owned documents are live. So each shop is
there once, and answers are those of one index over the same rows.
"""

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from geosearch.cluster.gateway_merge import lowest_seq
from geosearch.errors import BadData
from geosearch.live.moment import NO_STAMP
from geosearch.search.owned import OwnedSearcher
from geosearch.search.searcher import Searcher, open_index
from geosearch.search.shown import shown_together
from geosearch.segment.versions import CURRENT, REGIONS
from indexes.arrays import F64, I64
from indexes.geo.territories import Territories


class RegionsSearcher(OwnedSearcher):
    """Searcher of all regions.

    Parameters
    ----------
    regions
        The searcher of each region by its id, in the order of `regions.geojson`.

    Raises
    ------
    BadData
        The regions are not those of one build.
    """

    def __init__(self, regions: Mapping[str, Searcher]) -> None:
        self.regions = dict(regions)
        """The searcher of each region by its id."""
        engines = [*self.regions.values()]
        first, segments = engines[0], [one for engine in engines for one in engine.segments]
        self._territories = _territories(self.regions)
        version = first._built._replace(segments=segments)
        together = copy(first)
        together.__dict__.pop("blocks", None)
        views = [view for engine in engines for view in engine._views]
        together._take(shown_together(version, views), NO_STAMP)
        together.as_of_seq = lowest_seq([engine.as_of_seq for engine in engines])
        super().__init__(together)

    def latest(self) -> "RegionsSearcher":
        """A searcher of the newest live changes of each region."""
        return RegionsSearcher({name: each.latest() for name, each in self.regions.items()})

    def info(self) -> dict[str, Any]:
        """Version, counts, horizon and age of all regions together."""
        return {name: each for name, each in super().info().items() if name != "region_id"}

    def owned(self, lat: F64, lng: F64) -> list[tuple[str | None, I64]]:
        """The rows of positions that each region owns, and under None those of nobody.

        Regions without a row are left out. NaN has no owner.
        """
        numbers = self._territories.owners(lat, lng)
        names = (*self.regions, None)
        found = ((names[number], numbers == number) for number in np.unique(numbers).tolist())
        return [(name, np.flatnonzero(own)) for name, own in found]


def _territories(regions: Mapping[str, Searcher]) -> Territories:
    (name, first), *others = regions.items()
    for other, engine in others:
        if engine.version != first.version:
            raise BadData(
                f"Expected regions of one version, got {first.version} of `{name}` and "
                f"{engine.version} of `{other}`: build them again"
            )
    regional = first.segments[0].regional
    if regional is None or regional.ids != [*regions]:
        raise BadData(f"Expected the regions of one build, got others - at region `{name}`")
    return regional.territories


def open_all(path: Path) -> Searcher:
    """Open an index, or all regions of a folder of regions.

    Raises
    ------
    BadData
        There is neither, or one is damaged; or the regions are not those of one build.
    """
    file = path / REGIONS
    if (path / CURRENT).exists() or not file.exists():
        return open_index(path)
    try:
        features = orjson.loads(file.read_bytes())["features"]
        names = [feature["properties"]["region_id"] for feature in features]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"Expected regions, got: {error} - at `{file}`") from error
    if not names:
        raise BadData(f"Expected a region, got none - at `{file}`")
    return RegionsSearcher({name: open_index(path / name) for name in names})
