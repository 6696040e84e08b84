"""Segments on disk: layout of the columns, writing, opening, versions.

Useful for: the arrays, texts and payloads of documents, and publishing a version.
Not useful for: searching (`geosearch.kernel`) and reading snapshots (`geosearch.indexing`).
"""
