"""What a term is worth by field and length: never more for less."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geosearch.snapshot.tables import MERCHANTS
from geosearch.text.fields import FIELDS, LONGEST, PHRASE_FIELDS, impacts, length_factor


def test_fields_are_those_of_merchants_from_the_most_telling_on() -> None:
    columns = [field.column for field in FIELDS]
    assert len(columns) == len(set(columns))
    assert {*columns, *PHRASE_FIELDS} <= {field.name for field in MERCHANTS.fields}
    weights = [field.weight for field in FIELDS]
    assert weights == sorted(weights, reverse=True)
    assert max(weights) == 1.0
    assert all(0.0 <= field.whole_weight <= 1.0 for field in FIELDS)


def test_what_is_looked_up_as_a_whole_or_by_initials_has_sounds() -> None:
    assert all(field.by_sound for field in FIELDS if field.whole_weight or field.by_initials)


@given(st.lists(st.floats(0.0, 1.0, exclude_min=True), min_size=2))
def test_a_better_weight_has_no_lower_impact(weights: list[float]) -> None:
    steps = impacts(np.sort(np.array(weights)))
    assert steps.dtype == np.uint8
    assert steps.min() >= 1
    assert (np.diff(steps.astype(np.int64)) >= 0).all()


def test_impacts_end_at_one_and_255() -> None:
    assert impacts(np.array([1e-9, 0.5, 1.0])).tolist() == [1, 128, 255]


@given(st.integers(1, 12), st.lists(st.integers(0, 4096), min_size=2))
def test_a_longer_text_is_worth_no_more(usual: int, lengths: list[int]) -> None:
    factors = length_factor(np.sort(np.array(lengths, np.int32)), usual)
    assert (np.diff(factors) <= 0).all()
    assert 0.0 < factors[-1] <= factors[0] <= 1.0
    assert (length_factor(np.array(lengths, np.int32), 0) == 1.0).all()
    longest = length_factor(np.array([round(LONGEST * usual), 4096], np.int32), usual)
    assert longest[0] == longest[1]
