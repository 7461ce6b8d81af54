"""The lock of a workspace: one refresh at a time, started by the command, the schedule, the sensor or the UI."""

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
    """Raised when another refresh is at work in the same workspace."""


def ignore_message(message: str) -> None:
    """Do nothing with a message: what is waited for, where nobody watches."""


@contextmanager
def lock_workspace(
    workspace: Workspace, wait_seconds: float = 0, say: Callable[[str], None] = ignore_message
) -> Generator[None]:
    """Hold the lock of a workspace. The system releases it when the process ends, however it ends.

    Within one process it can be held more than once: the command line holds it around its run, and the run itself does.
    Where another refresh holds it, `say` is called with a sentence, and it is waited for. Raises WorkspaceLockedError
    after `wait_seconds`.
    """
    workspace.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(workspace.lock, is_singleton=True, thread_local=False)
    try:
        _acquire(lock, workspace, wait_seconds, say)
    except Timeout as error:
        waited = f", and has been for the {describe_seconds(wait_seconds)} that this one waited" if wait_seconds else ""
        raise WorkspaceLockedError(
            f"another refresh is at work in {workspace.root}{waited}; wait for it, or name another --home"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, workspace: Workspace, wait_seconds: float, say: Callable[[str], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait_seconds:
            raise
        at_most = describe_seconds(wait_seconds)
        say(f"another refresh is at work in {workspace.root}; waiting for it, {at_most} at most")
        lock.acquire(timeout=wait_seconds, poll_interval=SECONDS_BETWEEN_ATTEMPTS)


def is_locked(workspace: Workspace) -> bool:
    """Whether a refresh is at work in a workspace now."""
    return workspace.lock.exists() and is_held(FileLock(workspace.lock))


def is_held(lock: FileLock) -> bool:
    """Whether another process, or this one through another lock object, holds a lock file."""
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
