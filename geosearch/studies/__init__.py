"""Studies: figures about cards and places that take many questions to an index.

Useful for: what a card is worth to a person, where it can be used, and files of many queries.
Not useful for: one query; `geosearch.search` answers it.
"""
