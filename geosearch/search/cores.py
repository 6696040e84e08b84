"""Number of cores that this process may use."""

import os


def usable_cores() -> int:
    """Number of cores: those that the process is bound to, where the system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
