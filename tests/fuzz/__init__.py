"""Seeded fuzz runs: minutes in `make fuzz`, seconds in the tests."""
