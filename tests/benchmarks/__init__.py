"""The benchmarks at toy size: that they run, and that their checks can fail."""
