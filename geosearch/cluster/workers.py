"""Processes of this machine and tasks of a Ray cluster: a connection, results, and who died.

Useful for: `batches` and `regional_build`.
Not useful for: replicas and regions that serve; a proxy knows which of them live.

Ray is imported where it is asked for.
"""

import logging
import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from geosearch.errors import BadData, BadRequest, GeosearchError

LOCAL = "local"
"""Address that starts Ray on this machine."""

RESTARTS = 3
"""How often what died on Ray is started again, and its work asked again."""


@contextmanager
def told_of_death() -> Iterator[None]:
    """Raise `BadData` where a process of a pool died."""
    try:
        yield
    except BrokenProcessPool as error:
        raise BadData("Expected workers that live, got one that died: is memory short?") from error


@contextmanager
def connected(address: str, *, cores: int | None = None) -> Iterator[Any]:
    """Ray, connected to a cluster while the context lasts.

    Parameters
    ----------
    address
        Address of the cluster, or `local`, which starts one here and ends it. A process that is
        connected already keeps its connection.
    cores
        Cores of a cluster here; all by default.

    Raises
    ------
    BadRequest
        Ray is not installed, or there is none at the address.
    """
    # Before the import, which reads it: nothing is told to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray as installed
    except ImportError as error:
        raise BadRequest(
            "Expected Ray for `--ray`, got none: pip install 'geosearch-deals[ray]'"
        ) from error
    ray: Any = installed  # Half of it has types.
    if ray.is_initialized():  # A program on the cluster asks: it stays connected.
        yield ray
        return
    started: dict[str, Any] = {"num_cpus": cores} if address == LOCAL else {}
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **started,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise BadRequest(f"Expected a Ray cluster at {address}, got none: {reason}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def result_of(ray: Any, submitted: Any) -> Any:
    """What a task or a method of an actor returned.

    Raises
    ------
    GeosearchError
        It raised it.
    BadData
        Its worker died more often than it is started again.
    """
    try:
        return ray.get(submitted)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, GeosearchError):
            raise error.cause from None
        raise
    except (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError) as error:
        reason = str(error).partition("\n")[0]
        raise BadData(f"Expected workers that live, got one that died: {reason}") from error
