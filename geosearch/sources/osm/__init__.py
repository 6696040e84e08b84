"""Import of OpenStreetMap places as a snapshot."""
