"""Snapshots from elsewhere: OpenStreetMap, and a synthetic city."""
