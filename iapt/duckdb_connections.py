"""Opening DuckDB: how much memory and how many threads a connection gets, and where it puts what does not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
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
#: The instances of this process are numbered: each spills into a folder of its own.
_INSTANCES: Final = count(1)
#: Where Linux says how much memory a control group may use, by the version of control groups.
_LIMIT_FILES: Final = {1: ("memory", "memory.limit_in_bytes"), 2: ("", "memory.max")}


def find_memory_limit_mb(workers: int = 1) -> int:
    """Return how many MB each of several DuckDB instances that work at the same time in one process may use.

    It is what IAPT_MEMORY_MB says, else 2,000 MB or half of the memory that `find_memory_bytes` gives, whichever is
    less, in equal shares.
    Raises ValueError where the environment says no whole number of at least 256.
    """
    setting = os.environ.get(MEMORY_SETTING, "").strip()
    if setting:
        if not setting.isdecimal() or int(setting) < LEAST_MEMORY_MB:
            raise ValueError(f"{MEMORY_SETTING}: expected a number of MB, {LEAST_MEMORY_MB} or more; found {setting!r}")
        total = int(setting)
    else:
        total = min(DEFAULT_MEMORY_MB, find_memory_bytes() // _MEGABYTE // 2)
    return max(LEAST_MEMORY_MB, total // workers)


def find_memory_bytes(root: Path = Path("/")) -> int:
    """Return the memory of this machine, or of the container or control group in it, whichever is least.

    `root` is where the folders of the system are.
    """
    return min((os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_list_group_limits(root)))


def _list_group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of the control groups of this process and of those above; of none where the system has none."""
    groups = root / "proc" / "self" / "cgroup"
    for line in groups.read_text().splitlines() if groups.is_file() else ():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = _LIMIT_FILES[1 if controllers else 2]
        top = root / "sys" / "fs" / "cgroup" / folder
        group = top / path.lstrip("/")
        # A container may see its own group at the top, and yet be told the path that it has outside.
        for file in (above / name for above in (group, *group.parents) if above.is_relative_to(top)):
            limit = file.read_text().strip() if file.is_file() else ""
            if limit.isdecimal():
                yield int(limit)


def make_duckdb_config(spill: Path | None = None, *, workers: int = 1, **settings: Any) -> dict[str, Any]:
    """Return the settings of one of several DuckDB instances that share the cores and the memory of this process.

    What does not fit is spilt into a folder in `spill`, which DuckDB makes and removes; without one it is an error,
    since it would go into the current working folder. Each call names another: two instances that spill into one folder
    read each other's files. `settings` are DuckDB's own, and go before these. Raises OSError where `spill` cannot be
    made.
    """
    folder = ""
    if spill is not None:
        spill.mkdir(parents=True, exist_ok=True)
        folder = str(spill / f"{os.getpid()}-{next(_INSTANCES)}")
    return {
        "threads": threads_per_worker(workers),
        "memory_limit": f"{find_memory_limit_mb(workers)}MiB",
        "temp_directory": folder,
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

    What does not fit into memory is spilt beside a file, unless `spill` says where. Raises duckdb.Error where the file
    cannot be opened.
    """
    if spill is None and database is not None:
        settings = {"temp_directory": str(database.with_name(f"{database.name}.tmp")), **settings}
    config = make_duckdb_config(spill, workers=workers, **settings)
    return duckdb.connect(str(database) if database else ":memory:", read_only=read_only, config=config)
