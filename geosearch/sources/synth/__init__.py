"""Synthetic snapshots: Shanghai or 300 Chinese towns, deterministic by seed."""
