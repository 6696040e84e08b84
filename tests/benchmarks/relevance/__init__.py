"""The relevance suite at toy size: that its questions are fair, and that its figures can fall."""
