"""Sentences of answers in every language, and names of categories in one of them.

A new sentence is one line of `Sentence`. `reason_text` writes those of reasons from numbers: numba
compiles their order into it. Python writes any with `Sentence.text`.
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from geosearch.query.parameters import LANGUAGES

_SLOT = re.compile(r"\{(\w+)\}")


class Sentence(Enum):
    """A sentence in each of `LANGUAGES`, in that order, with slots for its values in braces."""

    SAVES = ("saves {amount}", "省{amount}")
    SAVES_WITH = ("saves {amount} with {card}", "用{card}省{amount}")
    SAVES_TOGETHER = ("saves {amount} with {count} deals", "{count}项优惠叠加省{amount}")
    SAVES_TOGETHER_WITH = (
        "saves {amount} with {count} deals ({cards})",
        "{count}项优惠叠加（{cards}）省{amount}",
    )
    WALK = ("{minutes} min walk", "步行{minutes}分钟")
    AWAY = ("{kilometres} km away", "距离{kilometres}公里")
    ALWAYS_OPEN = ("open around the clock", "24小时营业")
    OPEN_NOW = ("open now", "营业中")
    OPEN_UNTIL = ("open until {time}", "营业至{time}")

    def text(self, language: str, **values: object) -> str:
        """The sentence in a language, with its values.

        >>> Sentence.OPEN_UNTIL.text("zh", time="22:30"), Sentence.WALK.text("en", minutes=4)
        ('营业至22:30', '4 min walk')
        """
        return self._in(language).format(**values)

    def parts(self, language: str) -> Iterator[tuple[str, str]]:
        """Pieces of the sentence in a language: a slot and "", or "" and words.

        >>> list(Sentence.WALK.parts("en"))
        [('minutes', ''), ('', ' min walk')]
        """
        for place, piece in enumerate(_SLOT.split(self._in(language))):
            if piece:
                yield (piece, "") if place % 2 else ("", piece)

    def _in(self, language: str) -> str:
        texts: tuple[str, ...] = self.value
        return texts[LANGUAGES.index(language)]


SENTENCES = tuple(Sentence)
"""The sentences in the order of their numbers in kernels."""


def name_in(names: Mapping[str, str], language: str) -> str | None:
    """Name in a language, else in the first of `LANGUAGES` that has one, else any; None for none.

    Parameters
    ----------
    names
        By language tag (BCP 47). A tag with a region or script, as `zh-Hans`, is of its language.

    Examples
    --------
    >>> name_in({"zh-CN": "咖啡馆", "fr": "café"}, "zh"), name_in({"fr": "café"}, "zh")
    ('咖啡馆', 'café')
    """
    for wanted in (language, *LANGUAGES):
        if wanted in names:
            return names[wanted]
        for tag, name in names.items():
            if re.split("[-_]", tag.lower())[0] == wanted:
                return name
    return next(iter(names.values()), None)
