"""OpenStreetMap places to a snapshot."""
