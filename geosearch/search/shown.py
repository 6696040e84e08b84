"""What a searcher shows at one moment: its segments, and all that is made of them.

The segments of the build stay. Live changes bring small segments and take them away again; a moment
shares the views and caches of those that it has in common with the one before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from geosearch.answer.contents import Contents
from geosearch.live.changed_segment import is_at, segment_at
from geosearch.live.moment import Moment
from geosearch.money.ranking import Weights
from geosearch.search.paging import Pager
from geosearch.search.query_planner import QueryPlanner
from geosearch.search.segment_view import SegmentView
from geosearch.segment.segment import Segment, SmallSegment
from geosearch.suggest.suggester import Suggester
from geosearch.text.rewriter import Rewriter


class Version(NamedTuple):
    """A version as it was built."""

    folder: Path
    segments: Sequence[Segment]
    start: datetime
    weights: Weights
    zone: ZoneInfo

    def view(self, segment: Segment) -> SegmentView:
        """A view of a segment of the version."""
        return SegmentView(segment, self.start, self.weights)


class Shown(NamedTuple):
    """The segments of one moment, and what answers over all of them.

    `built` has the segments without their changes, those of the build first. `bases` are the first
    doc id of each segment, and the end of the last one.
    """

    built: Sequence[Segment]
    small: Mapping[str, Segment]
    views: list[SegmentView]
    bases: list[int]
    pager: Pager
    rewriter: Rewriter
    planner: QueryPlanner
    contents: Contents
    suggester: Suggester

    @property
    def segments(self) -> list[Segment]:
        """The segments."""
        return [view.segment for view in self.views]


def shown_first(version: Version) -> Shown:
    """A version without live changes."""
    return _assembled(version, version.segments, {}, [*map(version.view, version.segments)], None)


def shown_together(version: Version, views: list[SegmentView]) -> Shown:
    """Some views as one version shows them; all are of its start and its weights."""
    return _assembled(version, version.segments, {}, views, None)


def shown_at(version: Version, moment: Moment, before: Shown) -> Shown:
    """A version at a moment; `before` is the same version at an earlier one.

    Raises
    ------
    BadData
        A small segment is damaged.
    FileNotFoundError
        A small segment is gone: there is a newer moment.
    """
    small = {
        name: before.small.get(name) or SmallSegment(version.folder / name, version.segments[0])
        for name in moment.small
    }
    built = [*version.segments, *small.values()]
    known = {id(one): view for one, view in zip(before.built, before.views, strict=True)}
    views = []
    for segment, changes in zip(built, moment.parts, strict=True):
        view = known.get(id(segment)) or version.view(segment)
        if not is_at(view.segment, changes):
            view = view.at(segment_at(segment, changes, view.segment))
        views.append(view)
    return _assembled(version, built, small, views, before)


def _assembled(
    version: Version,
    built: Sequence[Segment],
    small: Mapping[str, Segment],
    views: list[SegmentView],
    before: Shown | None,
) -> Shown:
    segments = [view.segment for view in views]
    planners = [view.planner for view in views]
    bases = np.cumsum([0, *(len(segment) for segment in segments)]).tolist()
    if before is not None and [*map(id, before.built)] == [*map(id, built)]:
        rewriter, planner = before.rewriter, before.planner.at(planners)
    else:
        rewriter = Rewriter([each.terms for each in planners], bases[-1])
        planner = QueryPlanner(planners, rewriter, version.start, version.zone)
    contents = Contents(segments)
    suggester = Suggester(
        [view.suggest for view in views], contents, version.segments[0].manifest["snapshot_id"]
    )
    pager = Pager(version.folder.name, segments, bases, len(version.segments))
    return Shown(built, small, views, bases, pager, rewriter, planner, contents, suggester)
