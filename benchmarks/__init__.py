"""Benchmarks: what a query costs, against brute force and in one run."""
