"""Words of categories: what people call them, in every language of a snapshot.

Useful for: the build, which lets shops be found by the words of their categories.
Not useful for: categories as filters; those are paths, and need no words.
"""

import re
from itertools import chain

import orjson
import polars as pl

from geosearch.segment.catalogue import prefixes

ANCESTOR_FACTOR = 0.8
"""Worth of a category's word for the shops of its subcategories, a level: `food` for a hotpot."""


def category_names(categories: pl.DataFrame | None) -> dict[str, dict[str, str]]:
    """Names by language of the categories of a snapshot's table, by id."""
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
        """Words of a category; where the table has none, the last part of its path."""
        return self._words.get(path) or [re.sub("[_-]+", " ", path.rpartition(".")[2])]

    def of_set(self, paths: list[str]) -> dict[str, float]:
        """Words of categories and their ancestors, and how much less than its own each counts."""
        factors: dict[str, float] = {}
        for path in paths:
            for level, prefix in enumerate(reversed(prefixes(path))):
                for word in self.of_path(prefix):
                    factors[word] = max(factors.get(word, 0.0), ANCESTOR_FACTOR**level)
        return factors

    def of_all(self, category_sets: list[list[str]]) -> list[str]:
        """Distinct words of all these sets."""
        return list(dict.fromkeys(word for paths in category_sets for word in self.of_set(paths)))
