"""Compiled search of one segment: criteria, traversal, predicates, order.

Useful for: ranking, counting and describing the documents of one segment.
Not useful for: planning a query or merging segments; `geosearch.search` does both.
"""
