"""The command line: thin, it parses, asks and prints."""
