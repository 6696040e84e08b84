"""Businesses by their names: brands of the name-suggestion-index, and single shops.

Names are as the index has them, near-duplicates included.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.relevance.sources import Row, brand_rows
from benchmarks.relevance.spelling import has_chinese, plain

_SIGNS = ("name", "brand")
_VARIANTS = tuple(
    f"{sign}:{language}"
    for language in ("zh", "en", "zh-Hans", "zh-Hant", "yue")
    for sign in _SIGNS
)


@dataclass(frozen=True)
class Business:
    """A brand or a single shop, with its names.

    Attributes
    ----------
    company
        Equal for brands that are one company, such as a bank and its cash machines.
    sign
        The name over the door.
    names
        The name in Chinese and in English, if it has them.
    aliases
        Other names and short names of the data.
    path
        Its category as an iD preset.
    """

    company: str
    sign: str
    names: tuple[str, ...]
    aliases: tuple[str, ...]
    path: str

    @property
    def texts(self) -> tuple[str, ...]:
        """All names that a query may use for it."""
        return distinct((self.sign, *self.names, *self.aliases))


def brands(paths: Iterable[str] | None = None) -> list[Business]:
    """All brands, in the order of the index.

    Parameters
    ----------
    paths
        Category of each brand; by default its path in the index.
    """
    rows = brand_rows()
    given = [row["category"] for row in rows] if paths is None else list(paths)
    return [_brand(row, path) for row, path in zip(rows, given, strict=True)]


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct texts that are not empty, in order."""
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _brand(row: Row, path: str) -> Business:
    tags = row["tags"]
    sign = tags.get("name") or tags["brand"]
    english = tags.get("name:en") or tags.get("brand:en") or ("" if has_chinese(sign) else sign)
    chinese = tags.get("name:zh") or tags.get("brand:zh") or (sign if has_chinese(sign) else "")
    variants = [tags.get(key, "") for key in _VARIANTS]
    others = [*variants, row["short_name"] or "", *row["match_names"]]
    return Business(
        company=row["wikidata"] or row["id"],
        sign=sign,
        names=distinct((chinese, english)),
        aliases=distinct(others),
        path=path,
    )


def same_name(businesses: Iterable[Business]) -> dict[str, list[int]]:
    """Numbers of the businesses that have a name, by the name's `plain` form."""
    found: dict[str, list[int]] = {}
    for number, business in enumerate(businesses):
        for form in {plain(text) for text in business.texts}:
            found.setdefault(form, []).append(number)
    return found
