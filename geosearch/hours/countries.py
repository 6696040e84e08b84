"""Countries, and the parts of countries with public holidays of their own, from positions.

Useful for: whose public holidays hold at places, offline (`countries_at`, 8 µs each of many), and
the country of an IANA time zone (`country_of_zone`).
Not useful for: addresses, or a map of the world; where two answers are possible there is none.

The country comes from the time zone's polygon (`tzfpy`, from OpenStreetMap) and the time zone
database's own table, `zone.tab`, in which each zone has one country: Hong Kong, Macau and Taiwan,
Urumqi and Büsingen have zones of their own. Near Shenzhen its border is up to 200 m off. Vietnam
north of 17° has the zone of Thailand, and is told from it by position.

The part comes from Natural Earth (`geosearch.hours.borders`), which is coarser. Within `_DOUBT` of
another part it is not known, and the country is the answer. Of 6,981 real places in 60 towns, many
of them on borders, 291 are so near and none of the others is told wrong; of 1,200 points within 25
km of borders of Australian states, which have time zones of their own, 136 and 3.
"""

import importlib.resources
import zoneinfo
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import shapely
import tzfpy
from numpy.typing import NDArray

from geosearch.hours.borders import Parts, read_parts

_DOUBT: Final = 0.02
"""Degrees from another part within which a part is not known: 2.2 km north and south."""

_OFF_COAST: Final = 0.3
"""Degrees from a part within which a place off its coast belongs to it."""

_SHARED_ZONE: Final = "Asia/Bangkok"
_VIETNAM: Final = 122.7
"""Degrees of latitude and longitude together, past which a place in `_SHARED_ZONE` is in Vietnam.

Laos and half a degree on either side lie between: Nakhon Phanom has 122.2, Đồng Hới's border 123.2.
"""

_NONE: Final = -1
_SEVERAL: Final = -2

Floats = NDArray[np.float64]


def countries_at(lats: Sequence[float], lngs: Sequence[float]) -> list[str | None]:
    """Code of the country or, where parts have holidays of their own, of the part at each place.

    Parameters
    ----------
    lats, lngs
        Degrees, WGS-84.

    Returns
    -------
    list of str or None
        ISO 3166-2 (`GB-ENG`) where the part is certain, else ISO 3166-1 alpha-2 (`CN`). None on
        the high seas, in zones of several countries, and where no position on Earth is given.

    Examples
    --------
    >>> countries_at([31.23, 22.28, 51.51], [121.47, 114.16, -0.12])
    ['CN', 'HK', 'GB-ENG']
    """
    found = [_country_at(lat, lng) for lat, lng in zip(lats, lngs, strict=True)]
    divided = set(_parts()[0].countries)
    rows = [row for row, country in enumerate(found) if country in divided]
    if rows:
        places = np.array([(lats[row], lngs[row]) for row in rows], np.float64)
        countries = np.array([str(found[row]) for row in rows])
        codes = _parts_at(places[:, 0], places[:, 1], countries)
        for row, code in zip(rows, codes, strict=True):
            found[row] = code
    return found


def country_at(lat: float, lng: float) -> str | None:
    """Code of the country, or of the part, at one place; see `countries_at`.

    6 µs, and 90 where a country has parts.
    """
    return countries_at([lat], [lng])[0]


@cache
def country_of_zone(zone: str) -> str | None:
    """Country of an IANA time zone by `zone.tab`; None where it has none, or several.

    Examples
    --------
    >>> country_of_zone("Asia/Urumqi"), country_of_zone("Etc/GMT-8")
    ('CN', None)
    """
    return _zones().get(zone)


def _country_at(lat: float, lng: float) -> str | None:
    if not (abs(lat) <= 90 and abs(lng) <= 180):  # NaN, too
        return None
    zones = set(tzfpy.get_tzs(lng, lat))
    if zones == {_SHARED_ZONE} and lat + lng > _VIETNAM:
        return "VN"
    countries = {country_of_zone(zone) for zone in zones}
    return countries.pop() if len(countries) == 1 else None


@cache
def _parts() -> tuple[Parts, shapely.STRtree]:
    parts = read_parts()
    shapely.prepare(parts.shapes)
    return parts, shapely.STRtree(parts.shapes)


def _parts_at(lats: Floats, lngs: Floats, countries: NDArray[np.str_]) -> list[str]:
    """Code of the part of its country that each place is in, the country's where that is unsure."""
    numbers = _only_part(lats, lngs, countries, _DOUBT)
    # An island or a pier that the polygons leave out: the one part around.
    lonely = np.flatnonzero(numbers == _NONE)
    numbers[lonely] = _only_part(lats[lonely], lngs[lonely], countries[lonely], _OFF_COAST)
    codes = _parts()[0].codes
    return [
        codes[number] if number >= 0 else str(country)
        for number, country in zip(numbers.tolist(), countries, strict=True)
    ]


def _only_part(
    lats: Floats, lngs: Floats, countries: NDArray[np.str_], degrees: float
) -> NDArray[np.int64]:
    """Number of the one part of its country within some degrees of each place.

    `_NONE` where there is none, `_SEVERAL` where there are more.
    """
    parts, tree = _parts()
    boxes = shapely.box(lngs - degrees, lats - degrees, lngs + degrees, lats + degrees)
    rows, numbers = tree.query(boxes)
    own = countries[rows] == np.array(parts.countries)[numbers]
    rows, numbers = rows[own], numbers[own]
    # Prepared polygons: the tree's own `dwithin` takes seven times as long.
    near = shapely.dwithin(parts.shapes[numbers], shapely.points(lngs, lats)[rows], degrees)
    found = np.full(len(lats), _NONE)
    found[rows[near]] = numbers[near]
    found[np.bincount(rows[near], minlength=len(lats)) > 1] = _SEVERAL
    return found


@cache
def _zones() -> dict[str, str]:
    rows = [line.split("\t") for line in _zone_table().splitlines() if not line.startswith("#")]
    return {row[2]: row[0] for row in rows if len(row) >= 3}


def _zone_table() -> str:
    for folder in zoneinfo.TZPATH:
        table = Path(folder) / "zone.tab"
        if table.is_file():
            return table.read_text("utf-8")
    try:
        return (importlib.resources.files("tzdata.zoneinfo") / "zone.tab").read_text("utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        return ""
