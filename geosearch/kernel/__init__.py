"""Compiled search of one segment: what is asked, the walk, the predicates, the order."""
