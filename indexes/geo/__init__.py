"""Geometry on the Earth: distances, datums, the packed tree, polygons and zones.

Useful for: doc ids or counts within a circle, a polygon or a zone.
Not useful for: ranking by anything but distance; `geosearch.kernel` does that.
"""
