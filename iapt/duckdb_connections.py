"""Opening DuckDB: how much memory and how many threads a connection gets, and where it puts what does not fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import duckdb

from iapt.threads import threads_per_worker

#: In the environment: how much memory DuckDB may use in one process, in MB.
MEMORY_SETTING: Final = "IAPT_MEMORY_MB"
#: Beside it stands what DuckDB does not count, and Python: together they stay below 3 GB.
DEFAULT_MEMORY_MB: Final = 2_000
#: Without this much, DuckDB fails where it could have spilt.
LEAST_MEMORY_MB: Final = 256
_MEGABYTE: Final = 2**20


def find_memory_limit_mb(workers: int = 1) -> int:
    """Return how many MB each of several DuckDB instances that work at the same time in one process may use.

    It is what IAPT_MEMORY_MB says, else 2,000 MB or half of the machine's memory, whichever is less, in equal shares.
    Raises ValueError where the environment says no whole number of at least 256.
    """
    setting = os.environ.get(MEMORY_SETTING, "").strip()
    if setting:
        if not setting.isdecimal() or int(setting) < LEAST_MEMORY_MB:
            raise ValueError(f"{MEMORY_SETTING}: expected a number of MB, {LEAST_MEMORY_MB} or more; found {setting!r}")
        total = int(setting)
    else:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE
        total = min(DEFAULT_MEMORY_MB, machine // 2)
    return max(LEAST_MEMORY_MB, total // workers)


def make_duckdb_config(spill: Path | None = None, *, workers: int = 1, **settings: Any) -> dict[str, Any]:
    """Return the settings of one of several DuckDB instances that share the cores and the memory of this process.

    What does not fit is spilt into a folder that DuckDB makes and removes; without one it is an error, since it would
    go into the current working folder. `settings` are DuckDB's own, and go before these.
    """
    return {
        "threads": threads_per_worker(workers),
        "memory_limit": f"{find_memory_limit_mb(workers)}MiB",
        "temp_directory": str(spill or ""),
        "preserve_insertion_order": False,
    } | settings


def open_duckdb(
    database: Path | None = None,
    *,
    spill: Path | None = None,
    workers: int = 1,
    read_only: bool = False,
    **settings: Any,
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, or one in memory, under `make_duckdb_config`. Rows keep their order only if a setting asks.

    Raises duckdb.Error where the file cannot be opened.
    """
    config = make_duckdb_config(spill, workers=workers, **settings)
    return duckdb.connect(str(database) if database else ":memory:", read_only=read_only, config=config)
