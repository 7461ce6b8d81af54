"""Access to the warehouse while others look at it: DuckDB lets many read a file, or one write it, and nobody waits.

A refresh waits here instead, and says for whom.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from iapt.duckdb_connections import open_duckdb
from iapt.workspace_lock import describe_seconds

T = TypeVar("T")

SECONDS_BETWEEN_ATTEMPTS: Final = 2.0
_LOCKED: Final = re.compile(r"Could not set lock on file")
_HOLDER: Final = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<process>\d+)\)")


class WarehouseLockedError(Exception):
    """Raised when another program has the warehouse open, and does not close it in time."""


def retry_while_locked(
    action: Callable[[], T], warehouse: Path, *, wait_seconds: float, say: Callable[[str], None]
) -> T:
    """Return what an action on the warehouse returns, trying again while another program has the file open.

    `say` is called once with a sentence that names it. Raises WarehouseLockedError after `wait_seconds`; every other
    error is the action's.
    """
    deadline, is_announced = time.monotonic() + wait_seconds, False
    while True:
        try:
            return action()
        except duckdb.IOException as error:
            if not _LOCKED.search(str(error)):
                raise
            holder = _find_holder(error)
            if time.monotonic() >= deadline:
                waited = f", and was for {describe_seconds(wait_seconds)}" if wait_seconds else ""
                raise WarehouseLockedError(
                    f"{warehouse} is open in {holder}{waited}. Close it there and try again; to look at figures while "
                    "a refresh may run, open iapt.duckdb in the release instead"
                ) from error
            if not is_announced:
                say(
                    f"{warehouse.name} is open in {holder}; waiting until it is closed there, "
                    f"{describe_seconds(wait_seconds)} at most"
                )
                is_announced = True
            time.sleep(min(SECONDS_BETWEEN_ATTEMPTS, max(0.0, deadline - time.monotonic())))


def wait_for_warehouse(warehouse: Path, *, for_writing: bool, wait_seconds: float, say: Callable[[str], None]) -> None:
    """Return when the warehouse can be opened; at once where there is none yet. Raises as `retry_while_locked`."""
    if warehouse.is_file():
        retry_while_locked(
            lambda: open_duckdb(warehouse, read_only=not for_writing).close(),
            warehouse,
            wait_seconds=wait_seconds,
            say=say,
        )


def _find_holder(error: duckdb.IOException) -> str:
    match = _HOLDER.search(str(error))
    return f"{Path(match['program']).name} (process {match['process']})" if match else "another program"
