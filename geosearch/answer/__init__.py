"""Answers: results as JSON text, typed hits, facets and listings, from doc ids.

Useful for: everything that a caller reads.
Not useful for: which documents match and in what order; `geosearch.kernel` decides that.
"""
