"""Places that are gone, not open yet, or open, one line a case."""

from datetime import date

import pytest

from geosearch.sources.osm.lifecycle import Stage, date_span, stage
from geosearch.sources.osm.tags import categories

TODAY = date(2026, 11, 29)
OPEN, GONE, NOT_YET = Stage.OPEN, Stage.GONE, Stage.NOT_YET


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"amenity": "cafe"}, OPEN),
        ({}, OPEN),
        # a prefix without a living tag; beside one it tells of the tenant before
        *(
            ({f"{prefix}:amenity": "cafe"}, GONE)
            for prefix in (
                "disused abandoned was demolished razed removed closed destroyed dismantled ruins "
                "historic former"
            ).split()
        ),
        *(
            ({f"{prefix}:shop": "shoes"}, NOT_YET)
            for prefix in "construction proposed planned".split()
        ),
        ({"disused:shop": "yes"}, GONE),
        ({"disused_shop": "shoes"}, GONE),
        ({"abandoned:building": "retail"}, GONE),
        ({"amenity": "cafe", "disused:shop": "clothes"}, OPEN),
        ({"amenity": "cafe", "was:amenity": "bank"}, OPEN),
        ({"shop": "shoes", "construction:amenity": "cafe"}, OPEN),
        ({"shop": "yes", "was:shop": "shoes"}, OPEN),
        ({"shop": "vacant", "disused:shop": "shoes"}, GONE),
        ({"was:name": "Old"}, OPEN),
        ({"disused:name": "Old", "disused:opening_hours": "24/7"}, OPEN),
        ({"disused:amenity": "no"}, OPEN),
        # flags
        ({"amenity": "cafe", "disused": "yes"}, GONE),
        ({"amenity": "cafe", "abandoned": "yes"}, GONE),
        ({"amenity": "cafe", "demolished": "Yes"}, GONE),
        ({"amenity": "cafe", "closed": "yes"}, GONE),
        ({"amenity": "cafe", "closed": "Mo"}, OPEN),
        ({"amenity": "cafe", "disused": "no"}, OPEN),
        ({"amenity": "cafe", "abandoned": "2019-05"}, GONE),
        ({"amenity": "cafe", "abandoned": "2031"}, OPEN),
        ({"amenity": "cafe", "construction": "yes"}, NOT_YET),
        ({"amenity": "cafe", "proposed": "yes"}, NOT_YET),
        ({"amenity": "cafe", "construction": "minor"}, OPEN),
        ({"amenity": "cafe", "historic": "yes"}, OPEN),
        # keys that say it is none
        *(({"shop": value}, GONE) for value in "vacant no disused closed empty abandoned".split()),
        ({"amenity": "no"}, GONE),
        ({"shop": "no", "amenity": "cafe"}, OPEN),
        ({"shop": "vacant", "amenity": "cafe"}, OPEN),
        ({"shop": "vacant;shoes"}, OPEN),
        ({"building": "no", "office": "company"}, OPEN),
        # dates: gone when all that they allow has passed
        *(
            ({"shop": "shoes", "end_date": value}, GONE)
            for value in (
                "2019",
                "2019-05",
                "2019-05-31",
                "2026-11-28",
                "~2019",
                "before 2020",
                "before 2026-11-29",
                "after 2018",
                "early 2019",
                "late 2019",
                "mid 2019",
                "2018..2019",
                "1990s",
                "C19",
                "late C19",
                "2019/05/31",
                "2019-05-31T10:00:00Z",
                "yes",
            )
        ),
        *(
            ({"shop": "shoes", "end_date": value}, OPEN)
            for value in (
                "2026-11-29",
                "2026-11",
                "2026",
                "~2026",
                "2027-01-01",
                "before 2027-01",
                "2025..2027",
                "2020s",
                "C21",
                "no",
                "unknown",
                "2019-13",
                "",
            )
        ),
        *(
            ({"shop": "shoes", key: value}, NOT_YET)
            for key in ("opening_date", "start_date")
            for value in ("2027", "2026-12", "2026-11-30", "~2027", "after 2027", "2027..2028")
        ),
        *(
            ({"shop": "shoes", key: value}, OPEN)
            for key in ("opening_date", "start_date")
            for value in ("2026-11-29", "2026-11", "2026", "1990s", "before 1900", "soon")
        ),
        ({"shop": "shoes", "start_date": "2027", "end_date": "2019"}, GONE),
        # hours that never open are hours, and the build reads them
        ({"shop": "shoes", "opening_hours": "closed"}, OPEN),
        ({"shop": "shoes", "opening_hours": "off"}, OPEN),
    ],
)
def test_stage(tags: dict[str, str], expected: Stage) -> None:
    assert stage(tags, live=bool(categories(tags)), today=TODAY) is expected


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2019", "2019-01-01", "2019-12-31"),
        ("2020-02", "2020-02-01", "2020-02-29"),
        ("2019-12", "2019-12-01", "2019-12-31"),
        ("2019-05-07", "2019-05-07", "2019-05-07"),
        ("~1850s", "1850-01-01", "1859-12-31"),
        ("C19", "1801-01-01", "1900-12-31"),
        ("c. 1900", "1900-01-01", "1900-12-31"),
        ("before 0001", "0001-01-01", "0001-01-01"),
        ("2018-03..2019", "2018-03-01", "2019-12-31"),
    ],
)
def test_date_span(text: str, first: str, last: str) -> None:
    assert date_span(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text", ["", "yes", "2019-02-30", "2019-00-10", "0000", "9999", "C0", "..", "2019..x", "5"]
)
def test_what_is_no_date(text: str) -> None:
    assert date_span(text) is None
