"""Search over the segments of an index: plan a query, rank each segment, merge the results.

Useful for: answering a `Query` in Python.
Not useful for: HTTP (`geosearch.service`) and the search inside one segment (`geosearch.kernel`).
"""
