"""Text search: the terms of merchants, and the words that a query searches for.

Useful for: the text columns of a segment, and the rewriting of a query's text.
Not useful for: cutting text into terms (`indexes.text`) and postings (`indexes.terms`).
"""
