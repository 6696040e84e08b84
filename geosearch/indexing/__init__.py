"""A snapshot to a published version of an index."""
