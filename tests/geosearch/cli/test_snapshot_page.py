"""docs/snapshot.md: every field and file of a snapshot, and an example that is the template."""

import re

import pytest

from geosearch.cli.snapshot_page import snapshot_page
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.tables import ENVELOPE, OFFER_TYPES, TABLES, ZONE
from geosearch.snapshot.template import FORMATS, template_files
from geosearch.snapshot.zones import Zone

PAGE = snapshot_page()

# field, section, a cell of its row: units, what is needed, what a bad value costs
CELLS = [
    ("avg_price", "merchants", "money, minor units"),
    ("avg_price", "merchants", "`3800`"),
    ("lat", "merchants", "yes"),
    ("lat", "merchants", "a number, -90 to 90"),
    ("crs", "merchants", "the row"),
    ("time_zone", "merchants", "the value; the row is in doubt"),
    ("rating", "merchants", "the value"),
    ("party_max", "deals", "a whole number, 1 or more"),
    ("percent", "deals", "the value; the row where its type needs it"),
    ("valid_through", "programs", "the value; the row is in doubt"),
    ("valid_through", "zones.geojson", "the value"),
]


def cells(title: str, name: str) -> list[str]:
    part = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (body,) = [text for text in part if text.startswith(f"{title}\n")]
    (row,) = [line for line in body.splitlines() if line.startswith(f"| `{name}` |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]


@pytest.mark.parametrize(("field", "title", "cell"), CELLS)
def test_a_field_is_described(field: str, title: str, cell: str) -> None:
    assert cell in cells(title, field)


def test_every_field_is_described() -> None:
    count = 0
    for title, fields in [
        *((table.name, table.fields) for table in TABLES),
        ("snapshot.json", ENVELOPE),
        ("zones.geojson", ZONE),
    ]:
        for field in fields:
            row = cells(title, field.name)
            assert field.help
            assert field.example
            assert row[4].startswith(field.help)
            assert all(f"`{choice}`" in row[4] for choice in field.choices)
            count += 1
    assert count > 70


def test_described_are_the_fields_that_are_read() -> None:
    assert {field.name for field in ENVELOPE} == set(Envelope.__slots__)
    assert {field.name for field in ZONE} == set(Zone.__slots__) - {"geometry", "repaired"}


def test_offer_types_say_what_they_need() -> None:
    needs = {name: cells("What each offer type needs", name)[2] for name in OFFER_TYPES}
    assert needs == {
        "percent_off": "`percent`",
        "amount_off": "`amount`",
        "voucher": "`price`, `face_value`",
        "bundle": "`price`, `list_price`",
        "cashback": "`percent`",
        "free_item": "`face_value`",
    }


def test_the_example_is_the_template() -> None:
    for form in FORMATS:
        for name, text in template_files(form).items():
            assert f"`{name}`\n\n```" in PAGE
            assert text in PAGE
