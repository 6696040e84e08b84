"""The command line: it parses options, calls the package and prints.

Useful for: the `geosearch` command.
Not useful for: programs; call `geosearch` from Python, or the service.
"""
