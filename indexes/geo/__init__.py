"""Positions: distances, datums, the packed tree, polygons and zones."""
