"""Index structures over numbers, ids, terms and bits.

Useful for: positions, boxes, schedules, polygons and columns, addressed by document id.
Not useful for: anything that knows what a merchant, a deal or a request is; that is `geosearch`,
which imports this package and is never imported by it.
"""
