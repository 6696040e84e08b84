"""Text as it is searched: folded, cut into tokens, read as it sounds."""
