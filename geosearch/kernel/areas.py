"""Box, polygon and zone tests: whether a document appears in the query's area, and a node can.

`indexes.geo.sphere` tests radius and distance.

Box and polygon stay in the datum of the request: a document is inside if the answer shows it inside
or on the border. The kernel does not convert them to WGS-84, where their sides would be curved.
"""

from geosearch.kernel.criteria import Criteria
from geosearch.segment.columns import Columns
from indexes.geo.datum import WGS84, appearance
from indexes.geo.polygon import CROSSES, INSIDE, OUTSIDE, box_relation, contains
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.jit import inner_njit, int64
from indexes.terms.postings import first_posting


@inner_njit
def node_meets_area(columns: Columns, criteria: Criteria, node: int) -> bool:
    """Whether a document below the node may appear in the query's box and polygon."""
    if not criteria.area.boxed and criteria.area.edges.shape[0] == 0:
        return True
    box = columns.node_box
    relation = _area_relation(
        criteria, int64(box[0, node]), int64(box[1, node]), int64(box[2, node]), int64(box[3, node])
    )
    return bool(relation != OUTSIDE)


@inner_njit
def reads_area(criteria: Criteria) -> bool:
    """Whether a box, a polygon or a list of documents decides who matches."""
    return bool(
        criteria.area.boxed or criteria.area.edges.shape[0] > 0 or criteria.lists.restricted
    )


@inner_njit
def doc_in_area(columns: Columns, criteria: Criteria, doc: int) -> bool:
    """Whether the document appears in the query's box and polygon, and is in its required list."""
    if not reads_area(criteria):
        return True
    area = criteria.area
    x, y = int64(columns.doc_position[doc, 0]), int64(columns.doc_position[doc, 1])
    relation = CROSSES
    if area.datum != WGS84:
        # These bounds nearly always decide, and cost less than the shift.
        relation = _area_relation(criteria, x, y, x, y)
        if relation == OUTSIDE:
            return False
        if relation != INSIDE:
            x, y = appearance(x, y, area.datum)
    if relation != INSIDE and area.boxed and not _meets_box(criteria, x, y, x, y):
        return False
    if criteria.lists.restricted:
        listed = criteria.lists.required.shape[0]
        at = first_posting(criteria.lists.required, 0, listed, doc)
        if at == listed or criteria.lists.required[at] != doc:
            return False
    if relation != INSIDE and area.edges.shape[0] > 0:
        return contains(area.edges, x / UNITS_PER_DEGREE, y / UNITS_PER_DEGREE)
    return True


@inner_njit
def _area_relation(criteria: Criteria, min_x: int, min_y: int, max_x: int, max_y: int) -> int:
    """Relation of the documents in a WGS-84 box, in column units, to the query's area.

    `OUTSIDE` if none of them appears in the area, `INSIDE` if all do, `CROSSES` otherwise or if
    unknown. A document appears at its position plus its shift into the datum of the area. The
    `shift_` range holds the shifts of all documents that may appear in the area
    (`indexes.geo.datum.shift_range`): if the box, extended by that range, is apart from the area or
    inside it, so is every document. In WGS-84 all shifts are 0.
    """
    area = criteria.area
    min_x += area.shift_min_x
    min_y += area.shift_min_y
    max_x += area.shift_max_x
    max_y += area.shift_max_y
    relation = INSIDE
    if area.boxed:
        if not _meets_box(criteria, min_x, min_y, max_x, max_y):
            return OUTSIDE
        if not (
            area.min_x <= min_x
            and max_x <= area.max_x
            and area.min_y <= min_y
            and max_y <= area.max_y
        ):
            relation = CROSSES
    if area.edges.shape[0] > 0:
        polygon = box_relation(
            area.edges,
            min_x / UNITS_PER_DEGREE,
            min_y / UNITS_PER_DEGREE,
            max_x / UNITS_PER_DEGREE,
            max_y / UNITS_PER_DEGREE,
        )
        if polygon != INSIDE:
            relation = polygon
    return relation


@inner_njit
def _meets_box(criteria: Criteria, min_x: int, min_y: int, max_x: int, max_y: int) -> bool:
    """Whether a box, or a point, shares a point with the query's box."""
    if min_y > criteria.area.max_y or max_y < criteria.area.min_y:
        return False
    starts_before = min_x <= criteria.area.max_x
    ends_after = max_x >= criteria.area.min_x
    if criteria.area.min_x <= criteria.area.max_x:
        return bool(starts_before and ends_after)
    return bool(starts_before or ends_after)
