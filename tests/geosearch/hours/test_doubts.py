"""Doubts: what a writer may have meant otherwise is named, and plain hours are not doubted."""

import pytest

from geosearch.hours.doubts import doubt


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("Mo-Fr 08:00-12:00; 14:00-18:00", "`14:00-18:00` names no days, so it replaces"),
        ('Sa,Su 08:00-19:30; 19:30-21:00 open "x"', '`19:30-21:00 open "x"` names no days'),
        ("Mo off; 10:00-20:00", "`10:00-20:00` names no days"),
        ("10:00-12:00; 14:00-16:00", "`14:00-16:00` names no days"),
        ('Mo-Fr 09:00-17:00; "by appointment"', '`"by appointment"` names no days'),
        ('"in term": Mo-Fr 08:00-22:00', "has a condition in words"),
        ("Mo-Fr 08:00-12:00; Sa, PH, Aug off", "`Sa, PH, Aug off` lists a season beside days"),
        ("May-Sep: Mo-Th 17:00-22:00, Fr-Sa 17:00-23:00", "`Fr-Sa 17:00-23:00` names no season"),
        ("Jun 1-Aug 15 10:00-20:00, Sa 10:00-22:00", "`Sa 10:00-22:00` names no season"),
        ("Mo-Fr 08:00-12:00; SH off", "`SH off` names school holidays"),
        # none
        ("Mo-Fr 08:00-12:00,14:00-18:00", None),
        ("Mo-Fr 08:00-18:00; 12:00-13:00 off", None),
        ("24/7", None),
        ('Mo-Fr 09:00-17:00 || "by appointment"', None),
        ("Mo-Sa 10:00-20:00; Su, PH, Dec 24 off", None),
        ("May-Sep: Mo-Th 17:00-22:00; Fr-Sa 17:00-23:00", None),
        ("May-Sep: Mo-Th 17:00-22:00, May-Sep: Fr-Sa 17:00-23:00", None),
        ("May-Sep 10:00-20:00, PH off", None),
    ],
)
def test_doubt(expression: str, why: str | None) -> None:
    found = doubt(expression)
    assert found is None if why is None else found is not None and why in found
