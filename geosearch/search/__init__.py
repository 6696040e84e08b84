"""A query answered over the segments of an index: planned, ranked, merged."""
