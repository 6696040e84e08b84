"""What a node says of its documents is never too strict, for random questions.

One compiled loop looks at every node and every document below it. Each column that prunes is then
broken on purpose, and the loop must notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray

from geosearch.kernel.areas import doc_in_area
from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import (
    doc_best_value,
    doc_has_deal,
)
from geosearch.kernel.predicates import (
    doc_is_rated,
    doc_value,
    has_bit,
    has_hour,
    is_priced,
    leaf_is_within,
    leaf_value,
    may_match,
    node_may_match,
    node_primary,
    primary_key,
)
from geosearch.kernel.scratch import Scratch, new_scratch
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search.segment_view import SegmentView
from geosearch.segment.columns import Columns
from geosearch.segment.segment import Segment
from indexes.geo.rtree import NODE_BITS
from indexes.geo.sphere import (
    Place,
    beyond_haversine,
    circle_of,
    fill_boxes,
    fill_boxes_m,
    fill_reached,
    point_distance_m,
    reach_m,
)
from indexes.jit import int64, njit
from tests.geosearch.number_worlds import START, Shape, open_world, usual_terms
from tests.geosearch.planning import planned

FAULTS = (
    "match below a node that holds none",
    "document nearer than its node",
    "document with a better key than its node",
    "document on the other side of the radius than its node",
    "document with a lower id than its node",
    "radius test that differs from the distance",
    "deal that one of two functions overlooks",
    "document with a better value than its leaf says",
)
CHECKED = len(FAULTS)
QUESTIONS = 600 if not config.DISABLE_JIT else 150


@njit
def audit(
    columns: Columns, criteria: Criteria, place: Place, scratch: Scratch, out: NDArray[np.int64]
) -> None:
    """Count faults, and last how many matches were looked at below how many nodes."""
    circle = circle_of(place)
    docs = columns.doc_signature.shape[0]
    for level in range(columns.level_start.shape[0] - 1):
        width = int64(columns.level_start[level + 1] - columns.level_start[level])
        for index in range(width):
            node = int64(columns.level_start[level] + index)
            fill_boxes_m(columns.node_box, circle, node, node + 1, scratch.metres)
            least_m = reach_m(columns.node_box, circle, node, scratch.metres[0])
            fill_boxes(columns.node_box, circle, node, node + 1, scratch.metres)
            least_haversine = scratch.metres[0]
            fill_reached(columns.node_box, circle, node, node + 1, scratch.within)
            within = scratch.within[0]
            holds = node_may_match(columns, criteria, node, level, index)
            primary = node_primary(columns, criteria, scratch, level, index, least_m)
            shift = NODE_BITS * (level + 1)
            for doc in range(index << shift, min(docs, (index + 1) << shift)):
                distance_m = point_distance_m(columns.leaf_position, circle, doc)
                near = distance_m <= circle.radius_m
                out[3] += near if within < 0 else within > 0 and not near
                out[4] += columns.doc_record[doc, 1] < columns.node_id_rank[node]
                out[5] += near != leaf_is_within(columns, circle, doc)
                if not (
                    near
                    and may_match(columns, criteria, doc)
                    and doc_is_rated(columns, criteria, doc)
                    and doc_in_area(columns, criteria, doc)
                ):
                    continue
                matches = doc_has_deal(columns, criteria, scratch, doc, doc)
                value = doc_value(columns, criteria, doc)
                if is_priced(criteria):
                    has_best, value = doc_best_value(columns, criteria, scratch, doc, doc)
                    out[6] += matches != has_best
                    out[7] += matches and value > leaf_value(columns, criteria, doc)
                if not matches:
                    continue
                out[8] += 1
                out[0] += not holds
                out[1] += distance_m < least_m
                out[1] += beyond_haversine(distance_m) < least_haversine
                out[2] += primary_key(criteria, value, distance_m, 0.0) < primary


def random_query(rng: Random, segment: Segment, cards: Sequence[str]) -> Query:
    """A question about a world, standing on a shop, beside one, or anywhere near."""
    x, y = segment.columns.doc_position[rng.randrange(len(segment))].tolist()
    off = rng.choice((0.0, 0.0, 1e-7, 1e-3, 0.05, 1.0))
    lat = min(90.0, max(-90.0, y / 1e7 + rng.uniform(-off, off)))
    lng = (x / 1e7 + rng.uniform(-off, off) + 180.0) % 360.0 - 180.0
    wish: dict[str, Any] = {"sort": rng.choice(("best", "distance", "saving", "rating"))}
    wish["radius"] = rng.choice((None, 1.0, 500.0, 3000.0, 20_000.0, 50_000.0))
    if rng.random() < 0.5:
        wish["cards"] = tuple(rng.sample(cards, rng.choice((1, 2, len(cards)))))
    elif rng.random() < 0.5:
        wish["deals"] = "any"
    if rng.random() < 0.4:
        wish |= {"open": "now", "hours_unknown": rng.choice(("include", "exclude"))}
        wish["min_minutes_left"] = rng.choice((0, 30, 200, 5000))
    if rng.random() < 0.3:
        wish["categories"] = (rng.choice(("food", "shop.book", "beauty", "nothing")),)
    if rng.random() < 0.3:
        wish["min_rating"] = rng.choice((0.0, 4.0, 4.5))
    if rng.random() < 0.5:
        wish["party_size"] = rng.choice((1, 2, 7))
        wish["spend"] = rng.choice((None, None, 0, 5000, 2_000_000))
    if rng.random() < 0.3:
        wish["max_pay"] = rng.choice((0, 4_000, 9_000, 20_000, 2_000_000_000))
    if rng.random() < 0.2:
        size = rng.choice((0.0, 0.01, 2.0))
        west, east = (lng - size + 180) % 360 - 180, (lng + size + 180) % 360 - 180
        wish["bbox"] = (west, max(-90.0, lat - size), east, min(90.0, lat + size))
    if rng.random() < 0.2 and abs(lat) < 80 and abs(lng) < 170:
        ring = [[lng - 0.02, lat], [lng + 0.02, lat - 0.02], [lng, lat + 0.03], [lng - 0.02, lat]]
        wish["polygon"] = {"type": "Polygon", "coordinates": [ring]}
    if segment.columns.offer_group.any() and rng.random() < 0.8:
        wish["stacking"] = "on"
    at = START + timedelta(minutes=rng.randrange(44 * 1440))
    return Query(lat=lat, lng=lng, at=at, **wish)


def faults(segment: Segment, columns: Columns, rng: Random, questions: int) -> list[int]:
    """Faults by kind, and the matches looked at."""
    planner = SegmentView(segment, START, Weights()).planner
    cards = list(segment.program_numbers)
    scratch, out = new_scratch(int(columns.level_start[-1])), np.zeros(CHECKED + 1, np.int64)
    for _ in range(questions):
        query = random_query(rng, segment, cards)
        asked = planned(planner, query)
        audit(columns, asked.criteria, asked.place, scratch, out)
    found: list[int] = out.tolist()
    return found


WORLDS = {
    "town": Shape(docs=700, seed=1, draw_terms=usual_terms),
    "one position": Shape(docs=300, seed=2, spread_deg=0.0),
    "centimetres": Shape(docs=300, seed=3, spread_deg=2e-7),
    "north pole": Shape(docs=500, seed=4, centre=(89.99, 0.0), spread_deg=0.02),
    "south pole": Shape(docs=300, seed=5, centre=(-90.0, 0.0), spread_deg=40.0),
    "antimeridian": Shape(docs=500, seed=6, centre=(-16.8, 180.0)),
    "far north": Shape(docs=500, seed=7, centre=(84.0, 179.9), spread_deg=0.5),
    "country": Shape(docs=600, seed=8, spread_deg=0.5),
    "stacks": Shape(
        docs=700, seed=10, shares=(0.3,) * 3, public=0.5, deals=30, stacked=0.9,
        draw_terms=usual_terms,
    ),
    "wild stacks": Shape(
        docs=500, seed=11, shares=(0.1,) * 25, public=0.6, deals=20, stacked=0.8, for_new=0.1
    ),
    "many cards": Shape(docs=400, seed=9, shares=(*[0.05] * 70, 1.0, 0.001)),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_a_node_never_hides_a_match(name: str, tmp_path: Path) -> None:
    segment = open_world(tmp_path / "segment-0000", WORLDS[name])
    *found, looked_at = faults(segment, segment.columns, Random(name), QUESTIONS)
    assert dict(zip(FAULTS, found, strict=True)) == dict.fromkeys(FAULTS, 0)
    assert looked_at > QUESTIONS


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return open_world(tmp_path_factory.mktemp("stacks") / "segment-0000", WORLDS["stacks"])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return open_world(tmp_path_factory.mktemp("town") / "segment-0000", WORLDS["town"])


def shrunk(boxes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Boxes a metre smaller at each side, but never inside out."""
    middle = (boxes[:2] + boxes[2:]) // 2
    return np.concatenate(
        [np.minimum(boxes[:2] + 90, middle), np.maximum(boxes[2:] - 90, middle)]
    ).astype(np.int32)


BREAKS: dict[str, Any] = {
    "node_box": shrunk,
    "node_open": lambda bits: bits & np.uint64(0x0F0F_0F0F_0F0F_0F0F),
    "node_maybe_open": lambda bits: bits & np.uint64(0x0F0F_0F0F_0F0F_0F0F),
    "node_deal": lambda bits: bits & np.uint64(0x0F0F_0F0F_0F0F_0F0F),
    "node_signature": lambda bits: bits & ~np.uint64(2),
    "node_category": lambda bits: bits & ~np.uint64(1),
    "node_rating": lambda rating: rating - np.int16(1),
    "node_quality": lambda quality: quality - np.int32(100),
    "node_id_rank": lambda rank: rank + np.uint32(1),
    "bound_best": lambda bound: bound - np.float32(100),
    "bound_saving": lambda bound: bound - np.float32(1),
    "bound_fixed_saving": lambda bound: bound - np.float32(1000),
    "bound_slope": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
    "bound_spend": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
    "bound_spend_best": lambda bound: bound - np.float32(3000),
    "bound_party_best": lambda bound: bound - np.float32(3000),
    "bound_party_slope": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
    "bound_bundle_best": lambda bound: bound - np.float32(3000),
    "bound_bundle_slope": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
}
STACK_BREAKS: dict[str, Any] = {
    "node_crossing": np.zeros_like,
    "bound_stack_best": lambda bound: bound - np.float32(100),
    "bound_stack_saving": lambda bound: bound - np.float32(1),
    "bound_stack_fixed_saving": lambda bound: bound - np.float32(1000),
    "bound_stack_slope": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
    "bound_stack_spend": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
    "bound_stack_spend_best": lambda bound: bound - np.float32(3000),
    "bound_stack_party_best": lambda bound: bound - np.float32(3000),
    "bound_stack_party_slope": lambda bound: np.where(bound > 0, bound * np.float32(0.5), bound),
}


def test_every_pruning_column_is_broken_here() -> None:
    pruning = {name for name in Columns._fields if name.startswith(("node_", "bound_"))}
    assert pruning == set(BREAKS) | set(STACK_BREAKS)


@pytest.mark.parametrize("name", BREAKS)
def test_a_column_that_is_too_strict_is_noticed(town: Segment, name: str) -> None:
    assert faults_with(town, name, BREAKS[name]) > 0


@pytest.mark.parametrize("name", STACK_BREAKS)
def test_a_strict_bound_of_combinations_is_noticed(stacks: Segment, name: str) -> None:
    assert faults_with(stacks, name, STACK_BREAKS[name]) > 0


def faults_with(segment: Segment, name: str, change: Any) -> int:
    """Faults in a segment with one column changed."""
    broken = np.ascontiguousarray(change(getattr(segment.columns, name)))
    broken.flags.writeable = False
    columns = segment.columns._replace(**{name: broken})
    return sum(faults(segment, columns, Random(name), 2 * QUESTIONS)[:CHECKED])


# --- pieces --------------------------------------------------------------------------------------


def test_bits_are_counted_from_the_lowest() -> None:
    words = np.array([1 << 63, 1 << 0], np.uint64)
    assert [item for item in range(128) if has_bit(words, item)] == [63, 64]
    masks = np.zeros((3, 2), np.uint64)
    masks[2, 1] = np.uint64(1 << 39)
    assert [hour for hour in range(168) if has_hour(masks, hour, 1)] == [167]
    assert not any(has_hour(masks, hour, 0) for hour in range(168))
