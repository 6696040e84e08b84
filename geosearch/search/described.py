"""Description of a planned query for `explain`."""

from collections.abc import Sequence
from typing import Any

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.filters import NO_FILTER
from geosearch.search.plan import Plan
from geosearch.text.rewriter import Rewriter, effort
from geosearch.text.segment_terms import TextQuery


def explanation(plans: Sequence[Plan], text_query: TextQuery, rewriter: Rewriter) -> dict[str, Any]:
    """Description of the plans of a query in every segment, and of its words."""
    return {
        "plan": [described(plan.criteria) for plan in plans],
        "words": rewriter.described(text_query),
        "rewording": effort(text_query),
    }


def described(criteria: Criteria) -> dict[str, Any]:
    """Description of a plan: driver, tree, lists, bound classes."""
    lists = criteria.lists
    return {
        "driver": "documents" if lists.driven else "tree",
        "tree": criteria.lists.tree or None,
        "driver_docs": len(lists.driver) if lists.driven else None,
        "within_docs": len(lists.required) if lists.restricted else None,
        "word_docs": (criteria.words.span[:, 1] - criteria.words.span[:, 0]).tolist(),
        "bound_classes": len(criteria.wallet.classes),
        "filter_kept": criteria.filter is not NO_FILTER,
        "polygon_edges": len(criteria.area.edges),
    }
