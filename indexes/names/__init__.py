"""Name completion: the spellings that people type for a name, and the names below a prefix.

Useful for: suggestions while somebody types a name.
Not useful for: search by whole words; see `indexes.text` and `indexes.terms`.
"""
