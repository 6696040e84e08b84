"""Does the right shop come first? Known-item search as people type it; see `__main__`."""
