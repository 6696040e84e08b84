"""Exact nearby search for shops, opening hours and card deals."""
