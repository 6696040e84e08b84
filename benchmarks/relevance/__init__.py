"""Suite of relevance: known-item search with the text that people type; see `__main__`."""
