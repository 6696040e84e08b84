"""From numbers of documents to what a caller reads: hits, text, facets, listings."""
