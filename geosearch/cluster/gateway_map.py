"""What the map page of the gateway shows, from its regions."""

from datetime import datetime
from typing import Any

import orjson

from geosearch.answer.contents import Box
from geosearch.cluster.gateway import Regions, checked
from geosearch.cluster.gateway_owners import Owners
from geosearch.cluster.gateway_questions import Question, answer
from geosearch.service.edge import Asked
from geosearch.service.welcome import example_at, middle_of


class RegionsShown:
    """A `MapSource`: facts that all regions know, and the shop nearest to their centre.

    Parameters
    ----------
    regions, owners
        The services of all regions, and what is known of their shops.
    """

    def __init__(self, regions: Regions, owners: Owners) -> None:
        self._regions, self._owners = regions, owners

    async def facts(self, asked: Asked) -> tuple[str, str | None]:
        """Id of the snapshot, and URL of an example; None without a shop."""
        info = await self._info(asked)
        if info["bounds"] is None:
            return info["snapshot_id"], None
        middle = middle_of(info["bounds"], datetime.fromisoformat(info["horizon"]["start"]))
        question = Question(middle, self._regions.ids)
        question.ask_parts(self._regions.ids)
        await answer([question], self._regions, self._owners, asked)
        results = b"[]" if question.page is None else bytes(question.page.results)
        return info["snapshot_id"], example_at(results)

    async def place(self, asked: Asked) -> tuple[str, Box | None]:
        """Version, and the box around all shops."""
        info = await self._info(asked)
        return info["version"], info["bounds"] and tuple(info["bounds"])

    async def _info(self, asked: Asked) -> dict[str, Any]:
        response = await self._regions.any(asked, path="/v1/index")
        info: dict[str, Any] = orjson.loads(checked(response).content)
        return info
