"""Spellings of texts as lists, for tests."""

from itertools import pairwise

from indexes.names.spelling_lists import SpelledTexts, spell

Spellings = list[tuple[str, int, bool]]


def spelled_out(spelled: SpelledTexts) -> list[Spellings]:
    """What is typed for each text, how, and whether it begins with a later word."""
    content = spelled.text.tobytes()
    ways = zip(
        spelled.start.tolist(), spelled.how().tolist(), spelled.inside().tolist(), strict=True
    )
    every = [
        (content[start : content.index(0, start)].decode(), how, bool(inside))
        for start, how, inside in ways
    ]
    return [every[begin:end] for begin, end in pairwise(spelled.spelling.tolist())]


def spellings(text: str) -> Spellings:
    """Spellings of one text."""
    return spelled_out(spell([text]))[0]
