"""What happens often is a line now and then, with its number."""

from typing import Any

from geosearch.service.seldom import EVERY_SECONDS, Seldom


class Log:
    """Stands for a logger."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **words: Any) -> None:
        self.lines.append((event, words))


def test_a_line_now_and_then() -> None:
    log, seconds = Log(), 0.0
    seldom = Seldom(log, "full", now=lambda: seconds)
    for seconds in (0.0, 0.1, EVERY_SECONDS - 0.1, EVERY_SECONDS, EVERY_SECONDS + 1):  # noqa: B007
        seldom.warn(most=3)
    assert log.lines == [("full", {"times": 1, "most": 3}), ("full", {"times": 3, "most": 3})]
