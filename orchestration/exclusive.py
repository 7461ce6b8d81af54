"""One refresh works in a home at a time, whoever started it: the command line, the schedule, the sensor or the UI."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from orchestration.home import Home


class HomeIsBusy(Exception):
    """Raised when another refresh is at work in the same home."""


@contextmanager
def alone_in(home: Home) -> Generator[None]:
    """Hold a home as long as this lasts. The system lets go of it when the process ends, however it ends.

    Within one process it can be held more than once: the command line holds it around its run, and the run itself does.
    Raises HomeIsBusy.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise HomeIsBusy(f"another refresh is at work in {home.root}; wait for it, or name another --home") from error
    try:
        yield
    finally:
        lock.release()
