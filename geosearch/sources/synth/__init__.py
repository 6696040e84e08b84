"""A believable synthetic snapshot: Shanghai or 300 Chinese towns, deterministic by seed."""
