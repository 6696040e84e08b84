"""Autocomplete: names that begin with typed text, ranked by popularity and distance.

Useful for: `Searcher.suggest` and its columns in a segment.
Not useful for: finding shops by text; `q` of a `Query` does that.
"""
