"""Schema of the stored columns: type, shape and the rules that values keep.

`segment` refuses a folder that breaks a rule. What the values mean is in `columns`, `offers`,
`geosearch.text.columns`, `geosearch.suggest.directory` and the modules of `indexes`.

Kernels index one column by the values of another and check no bounds. Documents refer to schedules,
offers, category sets, areas and time zones; offers refer to deals, schedules and cards; schedules
refer to changes, and each has a change at minute 0; lists of cards, zones, terms and suggestions
refer to documents; deals refer to a counter by their type; deletions and completions refer to
words, keys and items. The tree's shape follows from the number of documents alone. The rules below
and those of the other parts cover all these references, so a segment that keeps them leads no
kernel outside an array. Columns without a rule hold bits, bytes and amounts: kernels compare and
add them, but use none as an index.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosearch.money.offers import (
    CASHBACK,
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PERCENT_OFF,
    PPM,
    PRICE,
    TERMS_WIDTH,
    TYPE,
    VALUE,
    VOUCHER,
)
from geosearch.money.ranking import BASIS_POINTS
from geosearch.money.stacking import MOST_GROUPS
from geosearch.segment.bounds import class_count
from geosearch.segment.card_trees import LEAF_COLUMNS, NODE_COLUMNS, OFFER_COLUMNS
from geosearch.segment.catalogue import Catalogue
from geosearch.segment.columns import (
    DOC_ID_RANK,
    DOC_PRICE,
    DOC_RATING,
    DOC_REDEEM,
    DOC_TIME_ZONE,
    RATING_STEPS,
    column_types,
)
from indexes.geo.rtree import level_starts, node_count
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.layout import (
    Ascending,
    Begins,
    Bounded,
    Column,
    Facts,
    Fields,
    Of,
    Promise,
    Range,
    Size,
    Starts,
    Tail,
    below,
    flat,
    starts_of,
)
from indexes.timetable import HORIZON_MINUTES, UNKNOWN

SAMPLED = ("merchant_payload", "deal_payload")
"""Columns that a fast check samples: two thirds of all bytes, text that no number depends on."""

_STARS = 5


class Sizes:
    """Sizes of one segment that several columns share, or that no column has.

    Properties compute the sizes that follow from values, because the table checks these values
    before it needs the sizes.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], catalogue: Catalogue) -> None:
        self._arrays = arrays
        self.docs = len(arrays["doc_signature"])
        self.offers = len(arrays["offer_deal"])
        self.deals = len(arrays["deal_terms"])
        self.programs = len(catalogue.programs)
        self.classes = class_count(self.programs)
        self.category_sets = len(catalogue.category_sets)
        self.areas = len(catalogue.areas)
        self.time_zones = len(catalogue.time_zones)
        self.zones = len(catalogue.zones)
        self.schedules = len(arrays["schedule_start"]) - 1
        self.nodes = node_count(self.docs)

    @property
    def doc_words(self) -> int:
        """Number of 64-bit words with a bit for each document."""
        return -(-self.docs // 64)

    @property
    def deal_words(self) -> int:
        """Number of 64-bit words with a bit for each deal."""
        return -(-self.deals // 64)

    @cached_property
    def _tree_docs(self) -> list[int]:
        starts, trees = self._arrays["program_start"], self._arrays["card_tree"].tolist()
        return [int(starts[program + 1]) - int(starts[program]) for program in trees]

    @property
    def card_docs(self) -> int:
        """Number of documents in all cards' own trees."""
        return sum(self._tree_docs)

    @property
    def card_nodes(self) -> int:
        """Number of nodes of all cards' own trees."""
        return sum(map(node_count, self._tree_docs))


class _Tree:
    """Rule: the levels of the tree follow from the number of documents."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        expected = level_starts(facts.size("docs")).tolist()
        return "" if column.tolist() == expected else f"Expected {expected}, got {column.tolist()}"


class _Terms:
    """Rule: a share is at most 1; a voucher's value is above 0, because kernels divide by it."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        kind, value = column[:, TYPE], column[:, VALUE]
        if ((value > PPM) & ((kind == PERCENT_OFF) | (kind == CASHBACK))).any():
            return f"Expected shares of at most {PPM}, got more"
        return "Expected vouchers of a value, got 0" if (value[kind == VOUCHER] < 1).any() else ""


_DOC = below("docs")
_RATING = Range(-1, _STARS * RATING_STEPS + 1)
_AT_LEAST_0, _AT_LEAST_1 = Range(0, None), Range(1, None)
_LNG = Range(-180 * int(UNITS_PER_DEGREE), 180 * int(UNITS_PER_DEGREE) + 1)
_LAT = Range(-90 * int(UNITS_PER_DEGREE), 90 * int(UNITS_PER_DEGREE) + 1)
_POSITION = Fields({0: _LNG, 1: _LAT})

_RULES: dict[str, tuple[Promise, ...]] = {
    "doc_position": (_POSITION,),
    "doc_record": (
        Fields(
            {
                DOC_TIME_ZONE: below("time_zones"),
                DOC_ID_RANK: _DOC,
                DOC_PRICE: Range(-1, None),
                DOC_REDEEM: below(BASIS_POINTS + 1),
                DOC_RATING: _RATING,
            }
        ),
    ),
    "doc_schedule": (below("schedules"),),
    "doc_category_set": (below("category_sets"),),
    "doc_area": (below("areas"),),
    "doc_live": (Tail("docs"),),
    "offer_start": (Starts("offer_deal"),),
    "offer_deal": (below("deals"),),
    "offer_window": (below("schedules"),),
    "offer_program": (below("programs"),),
    "offer_group": (below(MOST_GROUPS + 1),),
    "deal_terms": (
        Fields(
            {
                TYPE: below(len(OFFER_TYPES)),
                VALUE: _AT_LEAST_0,
                PRICE: _AT_LEAST_0,
                MIN_SPEND: _AT_LEAST_0,
                MAX_DISCOUNT: _AT_LEAST_0,
                MAX_USES: _AT_LEAST_1,
                PARTY_MIN: _AT_LEAST_0,
                PARTY_MAX: _AT_LEAST_0,
            }
        ),
        _Terms(),
    ),
    "deal_on": (Tail("deals"),),
    "deal_new": (Tail("deals"),),
    "program_on": (below(2),),
    # Each schedule has a change, so a search for its last change before a minute stays inside it.
    "schedule_start": (Starts("change_minute", filled=True),),
    "change_minute": (
        below(HORIZON_MINUTES),
        Begins("schedule_start", 0),
        Ascending("schedule_start"),
    ),
    "change_state": (below(UNKNOWN + 1),),
    "level_start": (_Tree(),),
    "leaf_schedule": (below("schedules"),),
    "leaf_category_set": (below("category_sets"),),
    "leaf_position": (_POSITION,),
    "leaf_best": (Bounded(),),
    "leaf_saving": (Bounded(),),
    "leaf_stack_best": (Bounded(),),
    "leaf_stack_saving": (Bounded(),),
    "node_rating": (_RATING,),
    "node_id_rank": (_DOC,),
    **{name: (Bounded(),) for name in NODE_COLUMNS if name.startswith("bound_")},
}
"""Rules of the columns of `columns.Columns`, and of the card tree columns of the same name."""

_SHAPES: dict[str, tuple[Size, ...]] = {
    "doc_signature": ("docs",),
    "doc_always": ("docs",),
    "doc_position": ("docs", 2),
    "doc_record": ("docs", 6),
    "doc_schedule": ("docs",),
    "doc_category_set": ("docs",),
    "doc_area": ("docs",),
    "doc_live": ("doc_words",),
    "offer_start": (Of("docs", plus=1),),
    **dict.fromkeys(OFFER_COLUMNS[1:], ("offers",)),
    "deal_terms": ("deals", TERMS_WIDTH),
    "deal_on": ("deal_words",),
    "deal_new": ("deal_words",),
    "program_on": ("programs",),
    "schedule_start": ("schedule_start",),
    "change_minute": ("change_minute",),
    "change_state": ("change_minute",),
    "level_start": ("level_start",),
    # The leaves of the large tree are the documents in their order.
    "leaf_doc": (0,),
    "leaf_position": (0, 2),
    "leaf_schedule": (0,),
    "leaf_category_set": (0,),
    "leaf_best": ("docs",),
    "leaf_saving": ("docs",),
    "leaf_stack_best": ("docs",),
    "leaf_stack_saving": ("docs",),
    "node_box": (4, "nodes"),
    "node_open": (3, "nodes"),
    "node_maybe_open": (3, "nodes"),
    "node_deal": (3, "nodes"),
    "node_signature": ("nodes",),
    "node_category": (2, "nodes"),
    "node_rating": ("nodes",),
    "node_id_rank": ("nodes",),
    "node_quality": ("nodes",),
    "node_crossing": ("nodes",),
    **{name: ("classes", "nodes") for name in NODE_COLUMNS if name.startswith("bound_")},
}


def _hot() -> dict[str, Column]:
    """Schema of `columns.Columns`."""
    types = column_types()
    return {
        name: Column(types[name][0], shape, _RULES.get(name, ())) for name, shape in _SHAPES.items()
    }


def _cards() -> dict[str, Column]:
    """Schema of the card tree columns: flat, the rows of one tree after those of another."""
    found = {"card_tree": flat(np.uint32, "card_tree", Ascending(), Range(1, "programs"))}
    for name in (*NODE_COLUMNS, *LEAF_COLUMNS):
        dtype, shape, rules = _HOT[name]
        rows, times = ("card_nodes" if name in NODE_COLUMNS else "card_docs"), 1
        if name == "leaf_position":
            times, rules = 2, (_LNG,)
        elif len(shape) == 2 and not name.startswith("bound_"):
            times = int(str(shape[0]))
        found[f"card_{name}"] = Column(dtype, (Of(rows, times),), rules)
    found["card_offer_start"] = starts_of(np.uint32, "card_docs", "card_offer_deal")
    for name in OFFER_COLUMNS[1:]:
        found[f"card_{name}"] = Column(_HOT[name].dtype, ("card_offer_deal",), _HOT[name].rules)
    return found


_HOT = _hot()
_BYTES, _U32, _U64 = np.uint8, np.uint32, np.uint64

SEGMENT_COLUMNS: dict[str, Column] = {
    **_HOT,
    "doc_by_id": flat(_U32, "docs", _DOC),
    "program_start": starts_of(_U64, "programs", "program_docs"),
    "program_docs": flat(_U32, "program_docs", _DOC, Ascending("program_start")),
    "zone_start": starts_of(_U64, "zones", "zone_docs"),
    "zone_docs": flat(_U32, "zone_docs", _DOC, Ascending("zone_start")),
    **_cards(),
    # Stored objects and names. A payload has two braces, and `result_text` drops the last one.
    "catalogue": flat(_BYTES, "catalogue"),
    "zone_shape": flat(_BYTES, "zone_shape"),
    "zone_shape_start": starts_of(_U64, "zones", "zone_shape"),
    "merchant_id": flat(_BYTES, "merchant_id"),
    "merchant_id_start": starts_of(_U64, "docs", "merchant_id"),
    "merchant_payload": flat(_BYTES, "merchant_payload"),
    "merchant_payload_start": starts_of(_U64, "docs", "merchant_payload", filled=True),
    "deal_id": flat(_BYTES, "deal_id"),
    "deal_id_start": starts_of(_U64, "deals", "deal_id"),
    "deal_payload": flat(_BYTES, "deal_payload"),
    "deal_payload_start": starts_of(_U64, "deals", "deal_payload", filled=True),
}
"""Every stored column except those of the parts that other rooms write; see `writer.Part`.

The order matters: a rule or a size relies only on columns before it."""
