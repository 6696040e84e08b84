"""Return to the version before the served one, with the live changes after its own cut."""

from pathlib import Path

from geosearch.indexing.carry_over import carry_over
from geosearch.indexing.writer import catch_up
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import rollback


def go_back(index: Path) -> str:
    """Serve the version before the served one; return its name.

    Raises
    ------
    BadData
        There is no such version, another process is writing, or this release cannot open it.
    """

    def check(version: Path) -> None:
        Searcher(version)  # An older release may have written it in a format that no longer opens.
        carry_over(index, version)

    name = rollback(index, check)
    catch_up(index)
    return name
