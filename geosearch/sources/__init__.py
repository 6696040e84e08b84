"""Sources of snapshots: OpenStreetMap places, and synthetic cities.

Useful for: `geosearch import` and `geosearch synth`.
Not useful for: reading and validating snapshots (`snapshot`).
"""
