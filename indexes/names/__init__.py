"""Names by what is typed: spellings, and the completions of a prefix."""
