"""Queries: parameters and their validation, the typed `Query`, cursors.

Useful for: a valid query, or every problem of an invalid one.
Not useful for: reading HTTP requests; see `geosearch.service.request`.
"""
