"""Index structures over numbers, ids, terms and bits.

Useful for: positions, boxes, schedules, polygons, terms and columns, addressed by doc id.
Not useful for: merchants, deals and requests; `geosearch` knows those and imports this package,
never the other way round.
"""
