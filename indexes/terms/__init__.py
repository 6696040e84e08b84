"""Inverted index: 64-bit term keys, a vocabulary with prefixes and typos, and postings.

Useful for: from a term, a prefix or a misspelt word to documents.
Not useful for: cutting text into terms; see `indexes.text`.
"""
