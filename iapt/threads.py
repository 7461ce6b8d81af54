"""Sharing the cores: how many threads DuckDB gets where several of its connections work at the same time."""

import os


def threads_per_worker(workers: int) -> int:
    """Return the threads of each of several workers; more of them would only wait for each other."""
    return max(1, (os.cpu_count() or 1) // workers)
