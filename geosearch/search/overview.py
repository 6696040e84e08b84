"""What an index holds: cards, categories, zones and counts of shops, without any order.

Useful for: `Searcher`, which is one.
Not useful for: answers to a query.
"""

from datetime import UTC, date, datetime, tzinfo
from typing import Any

from geosearch.answer.contents import Box, Contents
from geosearch.query.parameters import DEFAULT_LANGUAGE
from indexes.geo.datum import Datum, to_wgs84


class Overview:
    """What a version holds at one moment."""

    version: str
    start: datetime
    end: datetime
    local_zone: tzinfo
    as_of_seq: int | None
    _contents: Contents

    @property
    def as_of(self) -> dict[str, int]:
        """`as_of_seq` as a member of answers; empty if the index has no live changes."""
        return {} if self.as_of_seq is None else {"as_of_seq": self.as_of_seq}

    def zones_at(
        self, lat: float, lng: float, at: datetime | None = None, crs: Datum = "WGS84"
    ) -> list[dict[str, Any]]:
        """Zones that hold a position and are in force at an instant (now by default)."""
        lat, lng = to_wgs84(lat, lng, crs)
        return self._contents.zones_at(lat, lng, self._day(at), crs)

    def zones_in(
        self, box: Box, at: datetime | None = None, crs: Datum = "WGS84"
    ) -> list[dict[str, Any]]:
        """Zones that share a point with a box and are in force at an instant, with geometry."""
        return self._contents.zones_in(box, self._day(at), crs)

    def density(self, box: Box, cells: int) -> list[list[int]]:
        """Number of shops in each of `cells` x `cells` parts of a WGS-84 box, southern row first.

        A part holds its west and south border; those at the east and north end hold theirs too.
        """
        counts: list[list[int]] = self._contents.density(box, cells).tolist()
        return counts

    def _day(self, at: datetime | None) -> date:
        return (at or datetime.now(UTC)).astimezone(self.local_zone).date()

    def programs(self) -> list[dict[str, Any]]:
        """Cards of the snapshot, each with the number of merchants that have a deal of it."""
        return self._contents.programs()

    def program(self, program_id: str) -> dict[str, Any] | None:
        """One card with its merchants, as `shops`; None if the index has no such card."""
        return self._contents.program(program_id)

    def categories(self, language: str = DEFAULT_LANGUAGE) -> list[dict[str, Any]]:
        """Categories by id, each with its name, names by language, and number of merchants."""
        return self._contents.categories(language)

    def info(self) -> dict[str, Any]:
        """Version, counts, horizon and age of the index."""
        return self._contents.info(self.version, (self.start, self.end)) | self.as_of

    def is_current(self, at: datetime | None = None) -> bool:
        """Whether an instant (now by default) lies in the time horizon."""
        return self.start <= (at or datetime.now(UTC)) < self.end
