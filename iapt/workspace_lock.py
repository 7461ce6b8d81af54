"""One refresh works in a home at a time, whoever started it: the command line, the schedule, the sensor or the UI."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from iapt.workspace import Workspace

#: How long a run waits at most: several times what a refresh of all published drops takes.
WAIT_SECONDS = 3600.0
#: Between two attempts of a refresh that waits.
SECONDS_BETWEEN_ATTEMPTS = 1.0


class WorkspaceLockedError(Exception):
    """Raised when another refresh is at work in the same home."""


def say_nothing(message: str) -> None:
    """What waits, and nobody watches."""


@contextmanager
def lock_workspace(
    home: Workspace, wait_seconds: float = 0, say: Callable[[str], None] = say_nothing
) -> Generator[None]:
    """Hold a home as long as this lasts. The system lets go of it when the process ends, however it ends.

    Within one process it can be held more than once: the command line holds it around its run, and the run itself does.
    Where another refresh holds it, `say` is told so, and it is waited for. Raises WorkspaceLockedError after
    `wait_seconds`.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock, is_singleton=True, thread_local=False)
    try:
        _acquire(lock, home, wait_seconds, say)
    except Timeout as error:
        waited = f", and has been for the {describe_seconds(wait_seconds)} that this one waited" if wait_seconds else ""
        raise WorkspaceLockedError(
            f"another refresh is at work in {home.root}{waited}; wait for it, or name another --home"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, home: Workspace, wait_seconds: float, say: Callable[[str], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait_seconds:
            raise
        say(f"another refresh is at work in {home.root}; waiting for it, {describe_seconds(wait_seconds)} at most")
        lock.acquire(timeout=wait_seconds, poll_interval=SECONDS_BETWEEN_ATTEMPTS)


def is_busy(home: Workspace) -> bool:
    """Whether a refresh is at work in a home now."""
    if not home.lock.exists():
        return False
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def describe_seconds(seconds: float) -> str:
    """Return a time in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.0f} min"
