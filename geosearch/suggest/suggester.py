"""Autocomplete over all segments: `Searcher.suggest` and `GET /v1/suggest`.

The suggester looks typed text up in the directory of each segment: as written, as pinyin with an
unfinished last syllable, as initials, or as a mixture. It suggests only names with a live shop
within the radius, and counts these shops exactly. Results descend by the score of
`directory.SCORING`: number of shops within the radius, popularity, distance of the nearest shop,
and match kind.

If no name begins with the text, the suggester allows one typing mistake, and completes a half-typed
Hangul syllable. It shows the best of suggestions that look the same.

Work is bounded. If more than `indexes.names.completions.CROWD` keys begin with the text, the
suggester reads the lists of the tiles around instead of all keys.
"""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal, NamedTuple, cast

import msgspec

from geosearch.answer.contents import Box, Contents, shown_box
from geosearch.answer.languages import name_in
from geosearch.errors import BadRequest
from geosearch.query.checks import find_problems
from geosearch.query.parameters import (
    DEFAULT_LANGUAGE,
    fill_defaults,
)
from geosearch.query.route_parameters import (
    SUGGEST_PARAMETERS,
)
from geosearch.suggest.directory import AREA, BRAND, CATEGORY, KINDS, MERCHANT, Name
from geosearch.suggest.view import WORK, DirectoryView, Match, SuggestScratch, Work, suggest_kernels
from indexes.geo.datum import Datum, from_wgs84, to_wgs84
from indexes.geo.sphere import Circle, circle_around
from indexes.names.spellings import typed_form

DEFAULT_RADIUS_M = 10_000.0
DEFAULT_LIMIT = 8

MERGED = 64
"""Candidates of each segment in a merge of several segments."""

Kind = Literal["merchant", "brand", "category", "area"]


class SuggestQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a suggest query: typed text and position.

    Names, defaults and meanings are those of `GET /v1/suggest` (see
    `parameters.SUGGEST_PARAMETERS`). Units: degrees and metres.

    Raises
    ------
    BadRequest
        A value is of the wrong type or out of range; `errors` lists every such value.

    Examples
    --------
    >>> SuggestQuery(q="haid", lat=31.23, lng=121.47).radius
    10000.0
    """

    q: str
    lat: float
    lng: float
    crs: str = "WGS84"
    radius: float = DEFAULT_RADIUS_M
    limit: int = DEFAULT_LIMIT
    lang: str | None = None

    def __post_init__(self) -> None:
        """Check every field and convert it to its exact type."""
        problems = find_problems(msgspec.structs.asdict(self), table=SUGGEST_PARAMETERS)
        if problems:
            raise BadRequest("; ".join(problem["detail"] for problem in problems), problems)
        fill_defaults(self, SUGGEST_PARAMETERS)
        for name in ("lat", "lng", "radius"):
            msgspec.structs.force_setattr(self, name, float(getattr(self, name)))
        msgspec.structs.force_setattr(self, "limit", int(self.limit))


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One suggested name.

    Attributes
    ----------
    text
        The name to show and to search for.
    kind
        Kind of the named thing.
    id
        Id of a category; the name of anything else.
    count
        Exact number of its live shops within the radius.
    distance_m
        Metres to the nearest of these shops.
    merchant_id
        Id of the nearest shop; None for categories and areas.
    highlight
        The characters of `text` that match the typed text, as (begin, end), also if the user typed
        their sounds or initials. Empty if `other` matches instead.
    name
        Name of a category in the language of the query; None for other kinds.
    other
        The alias that begins with the typed text, if `text` does not.
    lat, lng, bbox
        For an area: median position of its shops, and the box around them, in the datum `crs`.
    """

    text: str
    kind: Kind
    id: str
    count: int
    distance_m: float
    merchant_id: str | None
    highlight: tuple[tuple[int, int], ...]
    name: str | None = None
    other: str | None = None
    lat: float | None = None
    lng: float | None = None
    bbox: Box | None = None


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Suggestions, best first.

    Attributes
    ----------
    work
        Work counters; see `view.WORK`.
    outside_coverage, as_of_seq
        As in `model.Answer`.
    """

    snapshot_id: str
    suggestions: tuple[Suggestion, ...]
    took_us: int
    work: dict[str, int]
    outside_coverage: dict[str, Any] | None = None
    as_of_seq: int | None = None


class Suggester:
    """Autocomplete over the segments of one index version.

    Parameters
    ----------
    views
        Autocomplete in each segment.
    contents
        Gives the places of areas, and the bounds of the index.
    snapshot_id
        Id of the snapshot, for the answer.
    """

    def __init__(
        self,
        views: Sequence[DirectoryView],
        contents: Contents,
        snapshot_id: str,
    ) -> None:
        self._contents = contents
        self._views = [*views]
        self._snapshot_id = snapshot_id

    def suggest(self, query: SuggestQuery) -> Suggestions:
        """Suggestions for typed text, best first; none for text without letters and digits.

        Raises
        ------
        Misdirected
            Another region owns the position.
        """
        started = time.perf_counter_ns()
        self._contents.check_owner(query.lat, query.lng)
        typed = typed_form(query.q)
        found: list[Suggestion] = []
        work = dict.fromkeys(WORK, 0)
        if typed:
            lat, lng = query.lat, query.lng
            if query.crs != "WGS84":
                lat, lng = to_wgs84(lat, lng, cast(Datum, query.crs))
            circle = circle_around(lat, lng, query.radius)
            asked = _Asked(self._views, typed, circle, work)
            entries = asked.best(query.limit) or asked.best(query.limit, near=True)
            shown = partial(_suggestion, typed=typed, language=query.lang or DEFAULT_LANGUAGE)
            found = _distinct([*map(shown, entries)])
            if len(found) < len(entries) == query.limit:
                # `_distinct` dropped some; later candidates may fill the limit.
                found = _distinct([*map(shown, asked.best(MERGED))])
            found = [self._placed(one, cast(Datum, query.crs)) for one in found[: query.limit]]
        beyond = None
        if not found:
            place = (query.lat, query.lng, query.radius, cast(Datum, query.crs))
            beyond = self._contents.beyond_circle(*place)
        return Suggestions(
            snapshot_id=self._snapshot_id,
            suggestions=tuple(found),
            took_us=(time.perf_counter_ns() - started) // 1000,
            work=work,
            outside_coverage=beyond,
        )

    def _placed(self, one: Suggestion, crs: Datum) -> Suggestion:
        """A suggestion, with position and box if it is an area."""
        area = self._contents.area(one.id) if one.kind == KINDS[AREA] else None
        if area is None:
            return one
        lat, lng = from_wgs84(area.lat, area.lng, crs)
        box = shown_box(area.box, crs)
        return msgspec.structs.replace(one, lat=lat, lng=lng, bbox=box)


class _Part(NamedTuple):
    """An entry in one segment."""

    view: DirectoryView
    match: Match

    @property
    def kind(self) -> int:
        """Kind of the entry: an index of `directory.KINDS`."""
        return self.view.directory.kind(self.match.item)

    @property
    def text(self) -> str:
        """Displayed name of the entry."""
        return self.view.directory.text(self.match.item)


class _Entry(NamedTuple):
    """An entry over all segments, with its best-matching part and its nearest part."""

    typed: _Part
    near: _Part
    kind: int
    shops: int
    score: float


class _Asked(NamedTuple):
    """One suggest query: segments, typed text, circle and work counters."""

    views: list[DirectoryView]
    typed: str
    circle: Circle
    work: Work

    def best(self, limit: int, *, near: bool = False) -> list[_Entry]:
        """The best entries over all segments; `near` selects inexact matches."""
        if len(self.views) > 1:
            return self._merged(near)[:limit]
        view = self.views[0]
        with view.scratch(self.work) as scratch:
            found = self._matches(view, scratch, limit, near)
        parts = [_Part(view, match) for match in found[:limit]]
        return [_Entry(part, part, part.kind, part.match.docs, part.match.score) for part in parts]

    def _matches(
        self, view: DirectoryView, scratch: SuggestScratch, limit: int, near: bool
    ) -> list[Match]:
        ask = view.near_matches if near else view.matches
        return ask(self.typed, self.circle, scratch, limit, self.work)

    def _merged(self, near: bool) -> list[_Entry]:
        """Entries among the best of any segment, each with its shops of all segments."""
        views = self.views
        with ExitStack() as stack:
            scratches = [stack.enter_context(view.scratch(self.work)) for view in views]
            found: dict[tuple[str, str], list[_Part]] = {}
            for view, scratch in zip(views, scratches, strict=True):
                for match in self._matches(view, scratch, MERGED, near):
                    found.setdefault(view.key(match.item), []).append(_Part(view, match))
            for key, parts in found.items():
                text = parts[0].view.directory.text(parts[0].match.item)
                known = [part.view for part in parts]
                for view, scratch in zip(views, scratches, strict=True):
                    item = -1 if view in known else view.find(key, text)
                    if item >= 0:
                        tallied = view.tally(item, self.circle, scratch)
                        parts.append(_Part(view, Match(item, -math.inf, -math.inf, *tallied)))
        entries = [_sum(parts) for parts in found.values()]
        entries.sort(key=lambda entry: (-entry.score, entry.typed.text))
        return entries


def _sum(parts: list[_Part]) -> _Entry:
    typed = max(parts, key=lambda part: part.match.worth)
    near = min(parts, key=lambda part: part.match.near_m)
    shops = sum(part.match.docs for part in parts)
    popularity = float(sum(part.view.directory.popularity(part.match.item) for part in parts))
    scoring = typed.view.directory.scoring
    score = suggest_kernels().score(scoring, typed.kind, popularity, shops, near.match.near_m)
    # A name that is a brand in any segment is a brand.
    kind = max(part.kind for part in parts)
    return _Entry(typed, near, kind, shops, typed.match.worth + score)


def _distinct(suggestions: list[Suggestion]) -> list[Suggestion]:
    """The suggestions without later ones of the same look; categories may differ by id only."""
    seen = {(one.kind, one.text, one.other): one for one in reversed(suggestions)}
    return [one for one in suggestions if seen[one.kind, one.text, one.other] is one]


def _suggestion(entry: _Entry, typed: str, language: str) -> Suggestion:
    (view, match), near, kind, shops, _ = entry
    name, span = view.shown(match.item, typed) or (Name(entry.typed.text, None), None)
    is_shop = kind == MERCHANT or kind == BRAND
    names = view.directory.category_names_of(match.item) if kind == CATEGORY else {}
    return Suggestion(
        text=name.text,
        kind=KINDS[kind],
        # A category is shown by any of its names, so only its id identifies it.
        id=view.directory.identity(match.item) if kind == CATEGORY else name.text,
        count=shops,
        distance_m=near.match.near_m,
        merchant_id=near.view.segment.merchant_id(near.match.nearest) if is_shop else None,
        highlight=(span,) if span and name.other is None else (),
        name=name_in(names, language),
        other=name.other,
    )
