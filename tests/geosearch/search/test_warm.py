"""Compiling is announced, with how far it is; loading is not."""

import re

import pytest

from geosearch.search import warm as subject
from geosearch.search.warm import warm


def test_only_a_compilation_is_announced_with_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    whole: list[str] = []
    monkeypatch.setattr(subject, "is_compiled", lambda: bool(whole))
    monkeypatch.setattr(subject, "mark_compiled", lambda: whole.append("noted"))
    warm(told.append)
    assert told[0] == (
        "Compiling the search kernels (once for this version, one to two minutes): 0 % done"
    )
    percents = [int(re.findall(r"(\d+) % done", line)[0]) for line in told]
    assert percents == sorted(set(percents))
    assert len(percents) == 6
    assert whole == ["noted"]
    warm(told.append)
    assert (len(told), whole) == (6, ["noted"])


def test_the_shares_of_the_parts_make_a_whole() -> None:
    assert sum(percent for percent, _ in subject._parts()) == 100
