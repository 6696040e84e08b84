"""Catalogue of a segment: names of its cards, categories, areas, time zones and zones by number."""

from datetime import date
from typing import Any

import msgspec

from indexes.geo.datum import Datum

PROGRAM_BITS = 64
_OWN_PROGRAM_BITS = 48
CATEGORY_BITS = 128
_OWN_CATEGORY_BITS = 96


class ZoneRecord(msgspec.Struct, frozen=True):
    """A named polygon; `bounds` is min_lng, min_lat, max_lng, max_lat in WGS-84."""

    zone_id: str
    name: str
    kind: str | None
    valid_from: str | None
    valid_through: str | None
    bounds: tuple[float, float, float, float]

    def in_force(self, day: date) -> bool:
        """Whether a local date lies in the zone's validity, both ends included."""
        text = day.isoformat()
        return (self.valid_from or text) <= text <= (self.valid_through or text)


class Catalogue(msgspec.Struct, frozen=True):
    """Texts of a segment by number.

    Attributes
    ----------
    programs
        Stored objects of the cards, the one with the most documents first. Number 0 is "no card
        needed" and an empty object.
    category_sets
        Distinct lists of category paths.
    category_bits
        Bit in 0..127 of each category path and of each of its prefixes.
    areas
        Business areas; number 0 is "none".
    time_zones
        IANA names.
    zone_datums
        Datum of each zone's polygon; empty if all are in WGS-84.
    category_names
        Names by language of each category that the snapshot lists, by category id.
    """

    programs: list[dict[str, Any]]
    category_sets: list[list[str]]
    category_bits: dict[str, int]
    areas: list[str]
    time_zones: list[str]
    zones: list[ZoneRecord]
    zone_datums: list[Datum] = []
    category_names: dict[str, dict[str, str]] = {}

    def encode(self) -> bytes:
        """MessagePack bytes that `decode` reads."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(content: bytes) -> "Catalogue":
        """Catalogue from the bytes of `encode`."""
        return msgspec.msgpack.decode(content, type=Catalogue)


def program_bit(program: int) -> int:
    """Signature bit of a card: the 48 cards with the most documents own one, the others share.

    Shared bits cost time but no correctness: a signature only rules documents out.
    """
    if program < _OWN_PROGRAM_BITS:
        return program
    return _OWN_PROGRAM_BITS + program % (PROGRAM_BITS - _OWN_PROGRAM_BITS)


def has_own_bit(program: int) -> bool:
    """Whether no other card has the signature bit of a card."""
    return program < _OWN_PROGRAM_BITS


def category_bit(ordinal: int) -> int:
    """Signature bit of a category by its rank, the category with the most documents first."""
    if ordinal < _OWN_CATEGORY_BITS:
        return ordinal
    return _OWN_CATEGORY_BITS + ordinal % (CATEGORY_BITS - _OWN_CATEGORY_BITS)


def prefixes(path: str) -> list[str]:
    """The path and all its ancestors.

    Examples
    --------
    >>> prefixes("food.cafe")
    ['food', 'food.cafe']
    """
    parts = path.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]
