"""The columns of an index on disk: their layout, writing, opening and versions."""
