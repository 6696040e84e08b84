"""Oracle of readings in words: the rule of `indexes.text.readings`, one character at a time."""

from functools import cache

from indexes.text.readings import CHARACTERS, Reading, words


@cache
def known_words() -> dict[str, tuple[Reading, Reading]]:
    return words()


def slow_resolve(run: str) -> list[Reading]:
    """The reading of each character; words match from left to right."""
    readings: list[Reading] = []
    while len(readings) < len(run):
        at = len(readings)
        readings += known_words().get(run[at : at + 2]) or [CHARACTERS[run[at]]]
    return readings
