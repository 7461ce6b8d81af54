"""Sharing the cores: how many threads DuckDB gets where several of its connections work at the same time."""

import os


def threads_per_worker(workers: int) -> int:
    """The threads of one of several workers; more of them would wait for each other, and do nothing but that."""
    return max(1, (os.cpu_count() or 1) // workers)
