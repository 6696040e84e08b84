"""The HTTP service: thin, it parses, asks and encodes."""
