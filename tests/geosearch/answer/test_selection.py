"""The plan of chosen members has the bits that the kernel reads, in the order of the names."""

import numpy as np
import pytest

from geosearch.answer import selection
from geosearch.answer.selection import ADDED, STORED, WHOLE, selection_of
from geosearch.query.result_fields import FIELD_NAMES, RESULT_FIELDS
from geosearch.snapshot.stored import DEAL_FIELDS, MERCHANT_FIELDS

ROWS = [
    *("MERCHANT", "DISTANCE_M", "OPENING", "BEST_DEAL", "BETTER_PUBLIC", "DEALS"),
    *("BEST_COMBINATION", "BETTER_PUBLIC_COMBINATION", "SCORE", "REASONS", "EXPLAIN"),
]
ADDED_TO = {
    "merchant": {"lat": "LAT", "lng": "LNG"},
    "open": {"state": "OPEN_STATE", "closes_at": "CLOSES_AT", "opens_at": "OPENS_AT"},
    "best_deal": {
        "saving": "DEAL_SAVING", "pay": "DEAL_PAY", "currency": "DEAL_CURRENCY",
        "usable_until": "DEAL_UNTIL",
    },
    "best_combination": {
        "deals": "COMBINATION_DEALS", "steps": "COMBINATION_STEPS",
        "saving": "COMBINATION_SAVING", "pay": "COMBINATION_PAY",
        "currency": "COMBINATION_CURRENCY",
    },
}  # fmt: skip
BITS = [
    (f"{member}.{name}", getattr(selection, bit))
    for member, bits in ADDED_TO.items()
    for name, bit in bits.items()
]


def test_rows_are_in_the_order_of_the_members() -> None:
    assert [getattr(selection, row) for row in ROWS] == list(range(len(RESULT_FIELDS)))


@pytest.mark.parametrize("fields", [(), tuple(RESULT_FIELDS), FIELD_NAMES])
def test_all_is_whole(fields: tuple[str, ...]) -> None:
    assert (selection_of(fields).value.parts == WHOLE).all()


@pytest.mark.parametrize(("field", "bit"), BITS)
def test_bits_of_members_that_the_kernel_adds(field: str, bit: int) -> None:
    parts = selection_of((field,)).value.parts
    row = list(RESULT_FIELDS).index(field.partition(".")[0])
    assert parts[row].tolist() == [0, bit]
    assert not np.delete(parts, row, axis=0).any()
    with pytest.raises(ValueError, match="read-only"):
        parts[row] = 0


def test_bits_of_stored_members_are_their_places() -> None:
    for member, names in (("merchant", MERCHANT_FIELDS), ("deals", DEAL_FIELDS)):
        row = list(RESULT_FIELDS).index(member)
        for place, name in enumerate(names):
            parts = selection_of((f"{member}.{name}",)).value.parts
            assert parts[row, [STORED, ADDED]].tolist() == [1 << place, 0]
        assert len(RESULT_FIELDS[member]) < 63, "bits of an int64"


def test_all_stored_members_are_copied_as_a_whole() -> None:
    every = tuple(f"deals.{name}" for name in DEAL_FIELDS)
    parts = selection_of((*every, "deals.pay")).value.parts
    assert parts[selection.DEALS].tolist() == [WHOLE, selection.DEAL_PAY]
