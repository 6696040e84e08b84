"""A loop stays awake for a moment after the last data, and no longer."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from geosearch.service.polling import BusyPolling


class Loop:
    """Stands for an event loop: what is to be called in its next turn."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        self.calls.append((callback, args))

    def turn(self) -> int:
        calls, self.calls = self.calls, []
        for callback, args in calls:
            callback(*args)
        return len(calls)


def test_a_loop_stays_awake_until_nothing_came_for_a_moment() -> None:
    seconds = 0.0
    polling = BusyPolling(1.0, now=lambda: seconds)
    loop = Loop()
    for seconds in (0.0, 0.25, 0.5):  # noqa: B007 - the clock reads it
        polling.begin(cast(asyncio.AbstractEventLoop, loop))
        assert loop.turn() == 1  # however many connections begin
    seconds = 1.25
    assert loop.turn() == 1
    seconds = 1.5
    assert loop.turn() == 1
    assert loop.turn() == 0
    polling.begin(cast(asyncio.AbstractEventLoop, loop))
    assert loop.turn() == 1


def test_a_loop_sleeps_at_once_where_it_is_told_to() -> None:
    loop = Loop()
    BusyPolling(0).begin(cast(asyncio.AbstractEventLoop, loop))
    assert not loop.calls
