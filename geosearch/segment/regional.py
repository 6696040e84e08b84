"""What a region's segment knows of shops everywhere: areas of all regions, and statistics.

Useful for: an index that `geosearch build --regions` cut; an ordinary one has none of this.
Not useful for: cutting (`geosearch.cluster`).

An answer about one place depends on shops elsewhere in a few ways: how rare a word is, whether it
is a word at all, which characters a sound stands for, where a business area lies, which ids and
names exist, and the box around all shops. A version of a region has these in the folder `whole`,
and the areas in `regions.geojson`. So its answers are those of one index.

A segment of a region has two more columns: ``doc_owned`` uint64[ceil(d / 64)], one bit a
document, set if the region owns its position; and ``doc_whole`` uint32[d], its number in one
index, ascending.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geosearch.errors import BadData
from geosearch.segment.id_search import MerchantIds, docs_of
from geosearch.segment.versions import REGIONS
from indexes.geo.territories import Territories
from indexes.layout import Ascending, Column, Range, Tail, check_layout, flat, starts_of
from indexes.prepared import Prepared
from indexes.storage import IndexFormatError, open_folder

Arrays = dict[str, NDArray[Any]]

STATISTICS = "whole"
NAMES = ("name", "brand", "aliases", "categories")
"""Members of a merchant that say how it is called."""

OWN_COLUMNS: dict[str, Column] = {
    "doc_owned": flat(np.uint64, "doc_words", Tail("docs")),
    "doc_whole": flat(np.uint32, "docs", Ascending()),
}

_COLUMNS: dict[str, Column] = {
    "whole_merchant_id": flat(np.uint8, "whole_merchant_id"),
    "whole_merchant_id_start": starts_of(np.uint64, "docs", "whole_merchant_id"),
    "whole_doc_by_id": flat(np.uint32, "docs", Range(0, "docs")),
    "whole_names": flat(np.uint8, "whole_names"),
    "whole_names_start": starts_of(np.uint64, "docs", "whole_names", filled=True),
}


class Whole(NamedTuple):
    """Number of shops everywhere."""

    docs: int


class Regional:
    """Regions of a world, and statistics of all its shops, as one region's version has them.

    Parameters
    ----------
    version
        Folder of the version.
    region_id
        The region.
    own
        Columns of its segment.

    Raises
    ------
    BadData
        A file is missing or damaged.
    """

    def __init__(self, version: Path, region_id: str, own: Mapping[str, NDArray[Any]]) -> None:
        self.region_id = region_id
        self._folder = version / STATISTICS
        file = version / REGIONS
        try:
            features = orjson.loads(file.read_bytes())["features"]
            self.ids = [feature["properties"]["region_id"] for feature in features]
            areas = [shapely.from_geojson(orjson.dumps(each["geometry"])) for each in features]
            self._number = self.ids.index(region_id)
            self._arrays, self._manifest = open_folder(self._folder)
            check_layout(_COLUMNS, self._arrays, Whole(len(self)), self._folder)
        except (OSError, ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
            raise BadData(f"Cannot read what a region knows: {error} - at `{file}`") from error
        self.territories = Territories(areas)
        """Areas of all regions, in the order of `ids`."""
        # Both have the same terms in the same rows; only the lists of documents differ.
        self._arrays |= {
            name: column for name, column in own.items() if f"whole_{name}" not in self._arrays
        }
        self._arrays |= {
            name.removeprefix("whole_"): column
            for name, column in self._arrays.items()
            if name.startswith("whole_")
        }
        ids = (self._arrays[name] for name in ("merchant_id_start", "merchant_id", "doc_by_id"))
        self._ids = Prepared(MerchantIds(*ids))
        self.areas: dict[str, list[Any]] = self._manifest["areas"]
        """Median position and box of the shops of each business area."""
        self.bounds: tuple[float, float, float, float] | None = self._bounds()
        """Box around all shops, WGS-84."""

    def __len__(self) -> int:
        """Number of shops everywhere."""
        return int(self._manifest["docs"])

    def rows(self, name: str) -> int:
        """Length of a column; 0 if there is no such column."""
        return len(self._arrays[name]) if name in self._arrays else 0

    def part(self, table: Mapping[str, Column], sizes: object) -> Arrays:
        """As `Segment.part`, of all shops."""
        try:
            check_layout(table, self._arrays, sizes, self._folder)
        except IndexFormatError as error:
            raise BadData(str(error)) from error
        return {name: self._arrays[name] for name in table}

    def merchant_payload(self, doc: int) -> memoryview:
        """JSON object with `NAMES` of a shop, by its number in one index."""
        starts = self._arrays["names_start"]
        return self._arrays["names"].data[int(starts[doc]) : int(starts[doc + 1])]

    def unknown(self, merchant_ids: tuple[str, ...]) -> tuple[str, ...]:
        """The ids that no shop anywhere has, each once."""
        wanted = tuple(dict.fromkeys(merchant_ids))
        found = docs_of(self._ids, wanted)
        return tuple(one for one, doc in zip(wanted, found.tolist(), strict=True) if doc < 0)

    def owner(self, lat: float, lng: float) -> str | None:
        """The region that owns a position, None if none does."""
        number = self.territories.owner(lat, lng)
        return None if number < 0 else self.ids[number]

    def _bounds(self) -> tuple[float, float, float, float] | None:
        box = self._manifest["bounds"]
        return None if box is None else (box[0], box[1], box[2], box[3])
