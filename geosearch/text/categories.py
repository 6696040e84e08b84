"""Names and aliases of categories, in every language of a snapshot, as text to find shops by."""

import re
from itertools import chain

import orjson
import polars as pl

from geosearch.segment.catalogue import prefixes

ANCESTOR_FACTOR = 0.8
"""Factor a level for a category's word at shops of its subcategories: `food` for a hotpot shop."""


def category_names(categories: pl.DataFrame | None) -> dict[str, dict[str, str]]:
    """Names by language of each category in a snapshot's table, by category id."""
    if categories is None:
        return {}
    rows = categories.select("category_id", "names").iter_rows()
    return {path: orjson.loads(names or "{}") for path, names in rows}


class CategoryWords:
    """Names and aliases of categories.

    Parameters
    ----------
    categories
        Table of a snapshot: `category_id`, and `names` and `aliases` as JSON text.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {
    ...         "category_id": ["food"],
    ...         "names": ['{"zh": "美食", "en": "Food"}'],
    ...         "aliases": ['{"zh": ["吃饭"]}'],
    ...     }
    ... )
    >>> CategoryWords(table).of_path("food"), CategoryWords(table).of_path("food.tea_drinks")
    (['美食', 'Food', '吃饭'], ['tea drinks'])
    """

    def __init__(self, categories: pl.DataFrame | None) -> None:
        self._words: dict[str, list[str]] = {}
        if categories is not None:
            columns = ("category_id", "names", "aliases")
            for path, names, aliases in categories.select(columns).iter_rows():
                texts = [
                    *orjson.loads(names or "{}").values(),
                    *chain.from_iterable(orjson.loads(aliases or "{}").values()),
                ]
                self._words[path] = list(dict.fromkeys(filter(None, texts)))

    def of_path(self, path: str) -> list[str]:
        """Words of a category; the last part of its path if the table has none."""
        return self._words.get(path) or [re.sub("[_-]+", " ", path.rpartition(".")[2])]

    def of_set(self, paths: list[str]) -> dict[str, float]:
        """Words of categories and their ancestors, each with its factor of at most 1."""
        factors: dict[str, float] = {}
        for path in paths:
            for level, prefix in enumerate(reversed(prefixes(path))):
                for word in self.of_path(prefix):
                    factors[word] = max(factors.get(word, 0.0), ANCESTOR_FACTOR**level)
        return factors

    def of_all(self, category_sets: list[list[str]]) -> list[str]:
        """Distinct words of all these sets."""
        return list(dict.fromkeys(word for paths in category_sets for word in self.of_set(paths)))
