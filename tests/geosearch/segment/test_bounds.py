"""Joint bounds against the best shop below every node, found by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from geosearch.money.offers import (
    FREE_ITEM,
    KNOWN_SAVING,
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    expected_spend,
    offer_value,
)
from geosearch.money.ranking import Weights
from geosearch.segment.bounds import (
    ANY_PROGRAM_CLASS,
    BOUNDS,
    NEW_CUSTOMER_CLASS,
    OWN_CLASSES,
    PUBLIC_CLASS,
    class_count,
    class_of,
    joint_bounds,
)
from geosearch.segment.columns import (
    DOC_PRICE,
    DOC_QUALITY,
    DOC_REDEEM,
    Columns,
    Offers,
)
from geosearch.segment.segment import Segment
from indexes.geo.rtree import NODE_BITS
from indexes.timetable import NEVER
from tests.geosearch.number_worlds import Shape, open_world

Nodes = list[tuple[int, range]]

# More programmes than have a class of their own.
SHARES = (0.3, 0.2, *[0.05] * OWN_CLASSES, 0.02, 0.0)


@pytest.fixture(scope="module", params=[1, 15, 17, 290])
def segment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=request.param, seed=request.param, shares=SHARES, for_new=0.2)
    return open_world(tmp_path_factory.mktemp("bounds") / "segment-0000", shape)


def nodes_of(columns: Columns) -> Nodes:
    """Each node's number in the columns, and its documents."""
    starts, docs = columns.level_start.tolist(), len(columns.doc_record)
    return [
        (
            starts[level] + index,
            range(
                index << NODE_BITS * (level + 1),
                min(docs, (index + 1) << NODE_BITS * (level + 1)),
            ),
        )
        for level in range(len(starts) - 1)
        for index in range(starts[level + 1] - starts[level])
    ]


def is_new(columns: Columns, deal: int) -> bool:
    """Whether a deal is on for new customers only."""
    return bool(int(columns.deal_new[deal // 64]) >> deal % 64 & 1)


def offers_of(columns: Columns, doc: int) -> list[tuple[int, int]]:
    """Deal and programme of the offers at a document that some minute can use."""
    return [
        (int(columns.offer_deal[offer]), int(columns.offer_program[offer]))
        for offer in range(*columns.offer_start[doc : doc + 2].tolist())
        if columns.offer_window[offer] != NEVER
    ]


def worth(columns: Columns, doc: int, deal: int, spend: int, party: int) -> tuple[float, float]:
    """Net benefit on the spot and saving, minus infinity where there is none."""
    record = columns.doc_record[doc]
    bill = expected_spend(spend, int(record[DOC_PRICE]), party)
    status, saving, pay = offer_value(columns.deal_terms, deal, bill, party)
    if status == UNUSABLE:
        return -np.inf, -np.inf
    quality = float(record[DOC_QUALITY])
    if status != KNOWN_SAVING:
        return quality, -np.inf
    reference = 10_000 * party if spend == UNKNOWN_MONEY else spend
    bill = saving + (0 if pay == UNKNOWN_MONEY else pay)
    counted = saving * (min(1, reference / bill) if bill else 1)
    counted *= 0.5 if columns.deal_terms[deal, TYPE] == FREE_ITEM else 1
    return int(record[DOC_REDEEM]) / 10_000 * counted + quality, float(saving)


def best_of(
    columns: Columns, doc: int, held: set[int], spend: int, party: int, new: bool = False
) -> tuple[float, float]:
    """Best of each over the offers of a document of the programmes held; 0 = public ones."""
    found = [
        worth(columns, doc, deal, spend, party)
        for deal, program in offers_of(columns, doc)
        if program in held and (new or not is_new(columns, deal))
    ]
    return max((one for one, _ in found), default=-np.inf), max(
        (saving for _, saving in found), default=-np.inf
    )


def ceilings(
    columns: Columns, node: int, held: set[int], spend: int, party: int, new: bool
) -> tuple[float, float]:
    """Net benefit and saving that a wallet can get below a node at most, by the columns."""
    classes = sorted({*map(class_of, held), *([NEW_CUSTOMER_CLASS] if new else [])})

    def of(name: str, c: int) -> float:
        return float(getattr(columns, f"bound_{name}")[c, node])

    def grown(name: str, c: int, amount: float) -> float:
        slope = of(name, c)
        return slope * amount if slope > 0 else min(slope, 0.0)

    usual, given = spend == UNKNOWN_MONEY and party == 1, spend != UNKNOWN_MONEY
    reference = spend if given else 10_000 * party
    quality = float(columns.node_quality[node])
    best = saving = -np.inf
    for c in classes:
        fixed = of("spend_best" if given else "party_best", c)
        part = grown("slope", c, spend) if given else grown("party_slope", c, party)
        bundle = min(of("bundle_best", c), quality + grown("bundle_slope", c, reference))
        best = max(best, of("best", c) if usual else max(fixed, quality + part, bundle))
        part = grown("slope", c, spend) if given else grown("spend", c, party)
        saving = max(saving, of("saving", c) if usual else max(of("fixed_saving", c), part))
    return best, saving


def too_low(columns: Columns, rng: Random, wallets: int) -> tuple[int, int]:
    """Bounds below what a document has, and how many were compared."""
    programs, wrong, compared = len(columns.program_on), 0, 0
    below = nodes_of(columns)
    for _ in range(wallets):
        held = {rng.randrange(1, programs) for _ in range(rng.choice((0, 1, 1, 2, 5)))}
        # A wallet alone, or with the deals that need no card; an old customer or a new one.
        held |= {0} if not held or rng.random() < 0.5 else set()
        new = rng.random() < 0.3
        spend = rng.choice((UNKNOWN_MONEY, UNKNOWN_MONEY, 0, 4999, 5000, 10**6, 2_000_000_000))
        party = rng.choice((1, 1, 2, 5, 1000))
        values = [
            best_of(columns, doc, held, spend, party, new) for doc in range(len(columns.doc_record))
        ]
        for node, docs in below:
            limits = ceilings(columns, node, held, spend, party, new)
            for part, limit in enumerate(limits):
                wrong += max(values[doc][part] for doc in docs) > limit
                compared += 1
    return wrong, compared


def test_no_wallet_gets_more_than_the_bounds_say(segment: Segment) -> None:
    wallets = 40
    wrong, compared = too_low(segment.columns, Random(1), wallets)
    assert compared == 2 * wallets * len(nodes_of(segment.columns))
    assert wrong == 0


def test_bounds_of_a_usual_bill_are_reached(segment: Segment) -> None:
    """A class by itself: the bound is its best offer, to the rounding of a float32."""
    columns = segment.columns
    reached = 0
    for program in (0, 1, 2, OWN_CLASSES):
        for node, docs in nodes_of(columns):
            best = [best_of(columns, doc, {program}, UNKNOWN_MONEY, 1) for doc in docs]
            for part, name in enumerate(("best", "saving")):
                expected = np.float32(max((value[part] for value in best), default=-np.inf))
                found = getattr(columns, f"bound_{name}")[class_of(program), node]
                assert found in (expected, np.nextafter(expected, np.float32(np.inf)))
                reached += bool(np.isfinite(found))
    assert reached > 0 or len(columns.doc_record) < 16


@pytest.mark.parametrize("name", BOUNDS)
def test_a_lower_bound_is_noticed(name: str, tmp_path: Path) -> None:
    """Broken on purpose: each column a third lower fails the comparison."""
    shape = Shape(docs=290, seed=290, shares=SHARES, for_new=0.2)
    columns = open_world(tmp_path / "s", shape).columns
    column = getattr(columns, f"bound_{name}")
    lower = np.where(np.isfinite(column), column - np.abs(column) / 3 - 0.001, column)
    wrong, _ = too_low(columns._replace(**{f"bound_{name}": lower}), Random(2), 60)
    assert wrong > 0


NONE_NEW = np.zeros(1, np.uint64)
USUAL = Weights().counting()


def test_an_offer_for_new_customers_bounds_only_theirs() -> None:
    record = np.zeros((1, 6), np.int32)
    terms = np.array([[5, 700, 0, 0, 0, 1, 0, 9]], np.int32)
    new = np.ones(1, np.uint64)
    for program in (0, 1):
        bounds = joint_bounds(record, one_offer(2, program), terms, new, counting=USUAL, programs=2)
        found = bounds["bound_saving"]
        told = np.flatnonzero(np.isfinite(found[:, 0])).tolist()
        assert (told, found[NEW_CUSTOMER_CLASS, 0]) == ([NEW_CUSTOMER_CLASS], 700)


def one_offer(window: int, program: int) -> Offers:
    start, deal, when = (np.array(row, np.uint32) for row in ([0, 1], [0], [window]))
    return Offers(start, deal, when, np.array([program], np.uint16), np.zeros(1, np.uint8))


def test_bounds_are_rounded_up() -> None:
    """2**24 + 1 has no float32; the next one up is the bound."""
    record = np.zeros((1, 6), np.int32)
    record[0, [DOC_PRICE, DOC_REDEEM]] = -1, 10_000
    terms = np.array([[5, 2**24 + 1, 0, 0, 2**31 - 1, 1, 0, 2**31 - 1]], np.int32)
    large = Weights(reference_bill=1e8, gift_value=1.0).counting()
    offers = one_offer(window=2, program=0)
    found = joint_bounds(record, offers, terms, NONE_NEW, counting=large, programs=1)
    assert found["bound_saving"][PUBLIC_CLASS, 0] == 2**24 + 2
    assert found["bound_best"].dtype == np.float32
    assert found["bound_best"][PUBLIC_CLASS, 0] == 2**24 + 2


def test_an_offer_that_is_never_on_bounds_nothing() -> None:
    record = np.zeros((1, 6), np.int32)
    terms = np.array([[5, 700, 0, 0, 0, 1, 0, 9]], np.int32)
    offers = one_offer(window=NEVER, program=1)
    found = joint_bounds(record, offers, terms, NONE_NEW, counting=USUAL, programs=2)
    assert all(np.isneginf(column).all() for column in found.values())


def test_classes() -> None:
    assert class_of(0) == PUBLIC_CLASS
    assert [class_of(n) for n in (1, 2, OWN_CLASSES)] == [3, 4, NEW_CUSTOMER_CLASS + OWN_CLASSES]
    assert class_of(OWN_CLASSES + 1) == class_of(5000) == ANY_PROGRAM_CLASS
    for programs in (1, 2, OWN_CLASSES, OWN_CLASSES + 1, OWN_CLASSES + 2, 100):
        assert (
            class_count(programs)
            == max(NEW_CUSTOMER_CLASS, *(class_of(n) for n in range(programs))) + 1
        )
