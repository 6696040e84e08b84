"""Studies: figures that take many questions to an index.

Useful for: files of many queries.
Not useful for: one query; `geosearch.search` answers it.
"""
