"""Studies: figures that take many questions to an index.

Useful for: what a card is worth to a person, and files of many queries.
Not useful for: one query; `geosearch.search` answers it.
"""
