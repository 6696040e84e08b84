"""A fix: the one change of a query with which a shop matches that does not match it as asked."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from geosearch.query.query import Query


class Fix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of a query; the members of its kind are set, all others are None.

    Attributes
    ----------
    minutes, at
        With `wait`: how long to wait, and the instant then, RFC 3339 text.
    radius
        With `move`: the radius in metres that reaches the shop, rounded up.
    party_size
        With `party`: the other number of people.
    spend
        With `spend`: the larger bill, minor units.
    program_id, name, fee, deals
        With `card`: the card to add, its name, what it costs a year in minor units (0 = free), and
        the `deals` of the query, which an empty wallet would otherwise change.
    value
        Net benefit with the fix less its cost, minor units; only where `why` lists fixes.
    """

    code: Literal["wait", "move", "party", "spend", "card"]
    minutes: int | None = None
    at: str | None = None
    radius: float | None = None
    party_size: int | None = None
    spend: int | None = None
    program_id: str | None = None
    name: str | None = None
    fee: int | None = None
    deals: str | None = None
    value: float | None = None

    def applied(self, query: Query) -> Query:
        """The query with this change; a search for it finds the shop."""
        changes: dict[str, Any] = {}
        if self.at is not None:
            changes["at"] = datetime.fromisoformat(self.at)
        elif self.program_id is not None:
            changes |= {"cards": (*query.cards, self.program_id), "deals": self.deals}
        for name in ("radius", "party_size", "spend"):
            if (value := getattr(self, name)) is not None:
                changes[name] = value
        return msgspec.structs.replace(query, **changes)


def later(at: datetime, minutes: int) -> datetime:
    """The instant some minutes after another, in its zone: across a change of its offset too."""
    return (at.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(at.tzinfo)


def reached(distance_m: float, most_m: float) -> float:
    """Radius that reaches a distance: whole metres, but at most `most_m`."""
    return min(float(math.ceil(distance_m)), most_m)


def cut(value: float) -> float:
    """A net benefit cut to hundredths, as answers show it."""
    return int(value * 100.0) / 100.0
