"""The build: a snapshot to a published version of an index.

Useful for: `build` and `check`.
Not useful for: validating rows (`snapshot`), or the files of an index (`segment`).
"""
