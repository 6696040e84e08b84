"""Nodes where a shop may open soon, against every minute of every shop below them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from geosearch.search import openings
from geosearch.search.openings import UNKNOWN_NODES, Openings

SHUT = 0
LEAF = 16


def world(seed: int, docs: int) -> tuple[Any, list[list[tuple[int, int]]]]:
    """Columns of a tree with random hours, and these as lists of changes."""
    rng = np.random.default_rng(seed)
    hours = []
    for _ in range(int(rng.integers(1, 9))):
        minutes = [0, *sorted({int(minute) for minute in rng.integers(1, 300, rng.integers(5))})]
        states = [int(state) for state in rng.integers(0, 3, len(minutes))]
        hours.append(list(zip(minutes, states, strict=True)))
    sizes, level = [0], docs
    while True:
        level = -(-level // LEAF)
        sizes.append(level)
        if level == 1:
            break
    columns = SimpleNamespace(
        schedule_start=np.cumsum([0, *map(len, hours)]).astype(np.uint32),
        change_minute=np.array([minute for one in hours for minute, _ in one], np.uint32),
        change_state=np.array([state for one in hours for _, state in one], np.uint8),
        doc_schedule=rng.integers(0, len(hours), docs).astype(np.uint32),
        level_start=np.cumsum(sizes),
    )
    return columns, hours


def begins(changes: list[tuple[int, int]], minute: int, last: int) -> bool:
    """Whether a state other than closed begins after a minute, at most `last` later."""
    return any(minute < at <= minute + last and state != SHUT for at, state in changes)


def test_a_node_is_marked_exactly_where_a_shop_below_may_open() -> None:
    marked = compared = 0
    for seed in range(60):
        docs = (1, 15, 16, 17, 300, 700)[seed % 6]
        columns, hours = world(seed, docs)
        subject = Openings(columns)
        for minute, last in ((0, 1), (7, 60), (100, 30), (299, 60), (150, 120)):
            opens = [begins(hours[schedule], minute, last) for schedule in columns.doc_schedule]
            right: list[int] = []
            while len(opens) > 1 or not right:
                opens = [any(opens[at : at + LEAF]) for at in range(0, len(opens), LEAF)]
                right += map(int, opens)
            for _ in range(2):
                assert subject.nodes(minute, last).tolist() == right
            marked, compared = marked + sum(right), compared + len(right)
    assert 0.2 < marked / compared < 0.9


def test_no_node_is_known_where_too_many_shops_open(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, hours = world(3, 700)
    columns.doc_schedule[:] = schedule = max(range(len(hours)), key=lambda one: len(hours[one]))
    columns.change_state[:] = 1
    minute = hours[schedule][1][0] - 1
    assert Openings(columns).nodes(minute, 1).all()
    monkeypatch.setattr(openings, "FEW", 699)
    assert Openings(columns).nodes(minute, 1) is UNKNOWN_NODES
