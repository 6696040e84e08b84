"""What a search is driven by in tests: lists or trees, kept filters or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from geosearch.kernel import filters
from geosearch.search import plan
from geosearch.segment import card_trees


@contextmanager
def trees_for_all_cards() -> Iterator[None]:
    """What is built has a tree for every card; as shipped, small worlds have none."""
    with (
        mock.patch.object(card_trees, "FEWEST_DOCS", 1),
        mock.patch.object(card_trees, "LARGEST_SHARE", 1.0),
    ):
        yield


@contextmanager
def driven_by(docs: int) -> Iterator[None]:
    """Lists of at most so many documents drive a search; longer ones leave it to the tree.

    As shipped, every list of a small world is short: the tree would never see a wallet or a zone.
    """
    with mock.patch.object(plan, "DRIVER_DOCS", docs):
        yield


@contextmanager
def filters_kept_after(questions: int) -> Iterator[None]:
    """Filters are kept for what has been asked so often; as shipped, once."""
    with mock.patch.object(filters, "ASKED_BEFORE", questions):
        yield
