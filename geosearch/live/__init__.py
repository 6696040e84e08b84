"""Live changes: a durable log of them, and moments, which readers take over without waiting.

Useful for: what changes between two builds: sold out, suspended, withdrawn.
Not useful for: new shops and new deals, which take a build (`geosearch.indexing`).
"""
