"""Benchmarks: the cost of queries, builds and the service, beside brute force and peers.

Useful for: `geosearch bench`.
Not useful for: the package itself, which never imports it.
"""

INSTALL = "pip install -e '.[bench]'"
"""Command that installs the dependencies of the suite, from the root of the checkout."""
