"""Which regions own the shops of ids and zones, as the gateway learns it from their answers.

What is known holds for one version; a part of another version drops it, and all regions are asked.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from geosearch.cluster.gateway import Regions, understood
from geosearch.query.query import Query
from geosearch.search.owned import RegionPart
from geosearch.service.edge import Asked
from indexes.cache import BoundedCache

IDS_BYTES = 32 << 20
"""Bytes of each of two caches of ids, some 100 an id: those of questions, and single shops."""

_ID_BYTES = 100
_NOWHERE = ""


class _Zones(msgspec.Struct, frozen=True):
    version: str
    zones: list[str]


_read_zones = msgspec.json.Decoder(_Zones).decode


class Owners:
    """The regions that own shops, by id and by zone.

    Parameters
    ----------
    regions
        The services of all regions.
    """

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self.forget()

    def forget(self) -> None:
        """Drop all that is known."""
        self.version: str | None = None
        self._ids = BoundedCache[str, str](IDS_BYTES)
        self._shops = BoundedCache[str, str](IDS_BYTES)
        self._zones: dict[str, list[str]] | None = None

    def learn(self, parts: Mapping[str, RegionPart]) -> None:
        """Take over which region owns which ids of a question."""
        versions = {part.version for part in parts.values()}
        if len(versions) > 1:
            return
        self._begin(*versions)
        for region_id, part in parts.items():
            for one in part.owned_ids:
                self._keep(one, region_id)
        owned = {one for part in parts.values() for one in part.owned_ids}
        for one in next(iter(parts.values())).answer.unknown_ids or ():
            if one not in owned:
                self._keep(one, _NOWHERE)

    def learn_id(self, merchant_id: str, region_id: str, version: str) -> None:
        """Take over that a region owns a shop."""
        self._begin(version)
        self._keep(merchant_id, region_id)

    def learn_shop(self, merchant_id: str, region_id: str) -> None:
        """As `learn_id`, from an answer that names no version."""
        self._shops.keep(merchant_id, region_id, _ID_BYTES + len(merchant_id))

    def of_id(self, merchant_id: str) -> str | None:
        """The region that owns a shop, or did in another version; None if that is not known."""
        return self._ids.get(merchant_id) or self._shops.get(merchant_id)

    async def of(self, query: Query, asked: Asked) -> list[str] | None:
        """The regions that own shops of the ids or the zone of a question; None if not known.

        At least one region: it says which ids are unknown.
        """
        if query.ids is not None:
            found = [self._ids.get(one) for one in query.ids]
            if None in found:
                return None
            return self._in_order(found)
        if query.zone is None:
            return None
        if self._zones is None:
            await self._learn_zones(asked)
        return None if self._zones is None else self._in_order(self._zones.get(query.zone, []))

    async def _learn_zones(self, asked: Asked) -> None:
        ids = self._regions.ids
        found = await asyncio.gather(
            *(self._regions.ask_part(name, "GET", asked, path="/v1/zones") for name in ids)
        )
        pairs = zip(ids, found, strict=True)
        told = [understood(name, response, _read_zones) for name, response in pairs]
        if len({each.version for each in told}) > 1:
            return
        self._begin(told[0].version)
        self._zones = {}
        for name, each in zip(ids, told, strict=True):
            for zone in each.zones:
                self._zones.setdefault(zone, []).append(name)

    def _begin(self, version: str) -> None:
        """Drop what is known of another version."""
        if self.version != version:
            self.forget()
            self.version = version

    def _keep(self, merchant_id: str, region_id: str) -> None:
        self._ids.keep(merchant_id, region_id, _ID_BYTES + len(merchant_id))

    def _in_order(self, names: Sequence[str | None]) -> list[str]:
        return [name for name in self._regions.ids if name in names] or self._regions.ids[:1]
