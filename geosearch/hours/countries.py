"""Offline reverse geocoding to the country, or to the part of it with its own public holidays.

`countries_at` finds whose holidays hold at positions (8 µs each), `country_of_zone` the country of
an IANA time zone. An ambiguous position has no answer.

The country comes from the polygons of time zones (`tzfpy`, from OpenStreetMap) and from `zone.tab`
of the time zone database, in which each zone has one country. Hong Kong, Macau, Taiwan, Urumqi and
Büsingen have their own zones. Near Shenzhen the border is up to 200 m off. Vietnam north of 17° has
Thailand's zone; the position separates them.

The part comes from Natural Earth (`geosearch.hours.borders`), which is coarser. Within `_DOUBT` of
another part, the answer is the country. A test with 6,981 real places in 60 towns, many on borders,
found 291 places that near, and no wrong answer for the others. A test with 1,200 points within 25
km of the borders of Australian states, which have their own time zones, found 136 and 3.
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
"""Degrees from another part within which the part is ambiguous: 2.2 km north and south."""

_OFF_COAST: Final = 0.3
"""Degrees from a part within which a place off the coast belongs to that part."""

_SHARED_ZONE: Final = "Asia/Bangkok"
_VIETNAM: Final = 122.7
"""Sum of latitude and longitude, degrees, above which a place in `_SHARED_ZONE` is in Vietnam.

Laos and half a degree on either side lie between the two countries: Nakhon Phanom has 122.2, the
border at Đồng Hới 123.2.
"""

_NONE: Final = -1
_SEVERAL: Final = -2

Floats = NDArray[np.float64]


def countries_at(lats: Sequence[float], lngs: Sequence[float]) -> list[str | None]:
    """Return the code of the country at each place, or of its part with its own holidays.

    Parameters
    ----------
    lats, lngs
        Degrees, WGS-84.

    Returns
    -------
    list of str or None
        ISO 3166-2 (`GB-ENG`) if the part is certain, else ISO 3166-1 alpha-2 (`CN`). None on the
        high seas, in zones of several countries, and for an invalid position.

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
    """Return the code of the country, or of its part, at one place; see `countries_at`.

    It takes 6 µs, in a country with parts 90 µs.
    """
    return countries_at([lat], [lng])[0]


@cache
def country_of_zone(zone: str) -> str | None:
    """Return the country of an IANA time zone by `zone.tab`; None if the table lacks the zone.

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
    """Return the code of each place's part in its country; the country's code if ambiguous."""
    numbers = _only_part(lats, lngs, countries, _DOUBT)
    # The polygons leave out islands and piers: these belong to the only part nearby.
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
    """Return the number of the only part of its country within `degrees` of each place.

    The number is `_NONE` without such a part, and `_SEVERAL` with more than one.
    """
    parts, tree = _parts()
    boxes = shapely.box(lngs - degrees, lats - degrees, lngs + degrees, lats + degrees)
    rows, numbers = tree.query(boxes)
    own = countries[rows] == np.array(parts.countries)[numbers]
    rows, numbers = rows[own], numbers[own]
    # Prepared polygons make this fast: the tree's own `dwithin` takes seven times as long.
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
