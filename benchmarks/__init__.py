"""Benchmarks: what a query costs, against brute force and in one run."""

INSTALL = "pip install -e '.[bench]'"
"""Installs what the suite needs besides the engine, from the checkout that it is part of."""
