"""Polygons of states and provinces that have their own public holidays (`parts.parquet`).

`geosearch.hours.countries` finds the part of a position. This command writes the file from Natural
Earth's states and provinces:
`python -m geosearch.hours.borders ne_10m_admin_1_states_provinces.parquet`.

Source: Natural Earth 5.1, 1:10,000,000, Admin 1, in the public domain. The file has the countries
whose parts have holidays by law, if Natural Earth and the calendar agree on the parts. It leaves
out the patron saints of towns (Italy, mainland Portugal, Austria), the former provinces of New
Zealand, and countries whose parts all have the same days.
"""

import sys
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

_FILE: Final = "parts.parquet"

# Square root of the area (degrees) of a corner that simplification may cut (Visvalingam and
# Whyatt). 99 % of the corners of borders move by less than 0.7 km; Natural Earth itself is a few
# km off.
_TOLERANCE: Final = 0.01
_DIGITS: Final = 4

_BY_ISO: Final = ("AU", "BR", "CA", "CH", "DE", "IN", "MY", "US")
"""Countries whose parts Natural Earth names by the codes of ISO 3166-2."""

_RENAMED: Final = {"IN-CT": "IN-CG", "IN-OR": "IN-OD", "IN-TG": "IN-TS", "IN-UT": "IN-UK"}
"""Codes that ISO 3166-2 changed in 2023."""

_GB: Final = {
    "England": "GB-ENG",
    "Northern Ireland": "GB-NIR",
    "Scotland": "GB-SCT",
    "Wales": "GB-WLS",
}
# Natural Earth gives each province the HASC code of its community.
_ES: Final = {
    **{code: f"ES-{code}" for code in "AN AR AS CB CE CL CM CN CT EX GA MD PV VC".split()},
    **{"LO": "ES-RI", "MU": "ES-MC", "NA": "ES-NC", "PM": "ES-IB"},
}
_FR: Final = {"FR-57": "FR-57", "FR-67": "FR-6AE", "FR-68": "FR-6AE"}
_PT: Final = {"PT-20": "PT-20", "PT-30": "PT-30"}


_WITHIN: Final = {"XK": "RS"}
"""Parts that share the time zone of another country: Kosovo, which has its own calendar."""


class Parts(NamedTuple):
    """Parts of countries: country (ISO 3166-1), code (ISO 3166-2), polygon in degrees, WGS-84."""

    countries: list[str]
    codes: list[str]
    shapes: NDArray[np.object_]


def read_parts() -> Parts:
    """Return all parts; the rest of a country is a part under the country's own code."""
    with resources.as_file(resources.files("geosearch.hours") / _FILE) as file:
        table = pl.read_parquet(file)
    codes = table["code"].to_list()
    countries = [_WITHIN.get(code, code[:2]) for code in codes]
    return Parts(countries, codes, shapely.from_wkb(table["shape"].to_list()))


def write_parts(source: Path, out: Path) -> None:
    """Write the parts from Natural Earth's table of states and provinces, a GeoParquet file."""
    table = pl.read_parquet(
        source, columns=["admin", "iso_a2", "iso_3166_2", "region_cod", "geonunit", "geometry"]
    )
    pieces: dict[str, list[shapely.Geometry]] = {}
    for admin, country, iso, region, unit, shape in table.iter_rows():
        code = _code(country, iso or "", (region or "").rpartition(".")[2], unit)
        code = "XK" if admin == "Kosovo" else code
        if code is not None:
            pieces.setdefault(code, []).append(shapely.from_wkb(shape))
    codes = sorted(pieces)
    whole = np.array([shapely.union_all(shapely.make_valid(pieces[code])) for code in codes])
    simple = shapely.make_valid(shapely.coverage_simplify(whole, _TOLERANCE))
    rounded = shapely.set_precision(simple, 10.0**-_DIGITS)
    pl.DataFrame({"code": codes, "shape": shapely.to_wkb(rounded).tolist()}).write_parquet(
        out, compression="zstd", compression_level=19
    )


def _code(country: str | None, iso: str, region: str, unit: str | None) -> str | None:
    """Return the code of a row's part, the country's code for the rest of it, else None."""
    if country in _BY_ISO:
        return country if iso.endswith("~") else _RENAMED.get(iso, iso)
    if country == "GB":
        return _GB.get(unit or "", "GB")
    if country == "ES":
        return "ES-ML" if iso == "ES-ML" else _ES.get(region, "ES")
    if country == "FR":
        return _FR.get(iso, "FR")
    if country == "PT":
        return _PT.get(iso, "PT")
    return "RS" if country == "RS" else None


if __name__ == "__main__":
    write_parts(Path(sys.argv[1]), Path(__file__).with_name(_FILE))
