"""The DuckDB file of a release: every table of it, in a storage version that today's BI drivers open.

DuckDB does not wipe what is deleted: the bytes of a row stay in the file until others are written over them. So nothing
is ever deleted from a file that leaves. What is kept from one release to the next holds the tables in parts alone, and
periods are only added to it; where one changed or is gone, it is made anew.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import duckdb

from iapt.contract import CONTRACTS, parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.files import compute_sha256, rename_durably
from iapt.release.parts import TABLES_IN_PARTS
from iapt.release.released_files import PartDigests, ReleasedFiles
from iapt.release.stage import TABLES
from iapt.sql import quote_literal, sql_list
from iapt.threads import threads_per_worker
from iapt.workspace import Workspace
from iapt.workspace_state import StateFile

DATABASE: Final = "iapt.duckdb"
STORAGE_VERSION: Final = "v1.0.0"  # later ones do not open in the DuckDB that BI drivers carry
#: It is tried on every text, which takes a quarter of the time, and is hardly ever the smallest: words repeat.
_NOT_TRIED: Final = "fsst"


class KeptDatabase(StateFile):
    """`parts_database.json`: the bytes of the kept DuckDB file, what wrote it, and the parts that its tables hold."""

    sha256: str
    writer: str
    parts: dict[str, dict[str, str]]


def write_database(made: ReleasedFiles, workspace: Workspace, *, workers: int) -> None:
    """Write the DuckDB file of a release folder from the Parquet tables in it.

    Where it is proven of every table in parts which those are, the file that is kept in the workspace is brought up to
    them and copied; else all is made anew. `workers` are those that share the memory of this process.
    """
    database = made.folder / DATABASE
    with_rows = {table for table in TABLES_IN_PARTS if made.files[parquet_name(table)]["rows"]}
    with (
        ThreadPoolExecutor(max_workers=1) as keeper,
        open_duckdb(spill=workspace.spill, workers=workers, threads=threads_per_worker(1)) as connection,
    ):
        connection.execute(f"set disabled_compression_methods = '{_NOT_TRIED}'")
        if made.parts.keys() == with_rows:
            copy = _write_tables_in_parts(connection, made, database, workspace)
            keeping = keeper.submit(_keep_database, copy, made.parts, workspace) if copy is not None else None
            _attach(connection, database)
            _create_tables(connection, made.folder, TABLES.keys() - TABLES_IN_PARTS.keys())
            if keeping is not None:
                keeping.result()
        else:
            _attach(connection, database)
            _create_tables(connection, made.folder, TABLES)
        connection.execute("detach release")


def _write_tables_in_parts(
    connection: duckdb.DuckDBPyConnection, made: ReleasedFiles, database: Path, workspace: Workspace
) -> Path | None:
    """Write a database of the tables in parts alone; return a copy of it, to be kept, where it is not the kept one."""
    kept = KeptDatabase.load_if_present(workspace.kept_database_state)
    is_usable = (
        kept is not None
        and kept.writer == _digest_writer()
        and _only_lacks_periods(kept.parts, made.parts)
        and workspace.kept_database.is_file()
    )
    if is_usable:
        shutil.copyfile(workspace.kept_database, database)
        is_usable = kept is not None and compute_sha256(database) == kept.sha256
        if not is_usable:
            database.unlink()
    _attach(connection, database)
    if kept is None or not is_usable:
        _create_tables(connection, made.folder, TABLES_IN_PARTS)
    else:
        for table, periods in made.parts.items():
            if added := periods.keys() - kept.parts[table].keys():
                source = f"read_parquet({quote_literal(made.folder / parquet_name(table))})"
                connection.execute(
                    f"insert into release.{table} by name from {source} where period in ({sql_list(sorted(added))})"
                )
    connection.execute("detach release")
    if kept is not None and is_usable and kept.parts == made.parts:
        return None
    temp_path = workspace.kept_database.with_name(workspace.kept_database.name + ".part")
    shutil.copyfile(database, temp_path)
    return temp_path


def _keep_database(copy: Path, parts: PartDigests, workspace: Workspace) -> None:
    """Keep a copy of a database of these parts for the next release, in place of the one that is kept.

    Killed in between, it leaves a file of other bytes than the state says, which is not used.
    """
    digest = compute_sha256(copy)
    rename_durably(copy, workspace.kept_database)
    KeptDatabase(
        sha256=digest,
        writer=_digest_writer(),
        parts={table: dict(periods) for table, periods in parts.items()},
    ).write(workspace.kept_database_state)


def _only_lacks_periods(kept: PartDigests, parts: PartDigests) -> bool:
    """Whether every part that a database holds is one of these, and each table of these has some in it."""
    return kept.keys() == parts.keys() and all(kept[table].items() <= parts[table].items() for table in kept)


def _digest_writer() -> str:
    """Return a digest of what decides, beside the rows, what a database of the tables in parts holds."""
    columns = [(table, list(CONTRACTS[table].items())) for table in TABLES_IN_PARTS]
    writer = (Path(__file__).read_text("utf-8"), duckdb.__version__, repr(columns))
    return hashlib.sha256("\0".join(writer).encode()).hexdigest()


def _attach(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    connection.execute(f"attach {quote_literal(database)} as release (storage_version '{STORAGE_VERSION}')")


def _create_tables(connection: duckdb.DuckDBPyConnection, tables: Path, names: Iterable[str]) -> None:
    for table in TABLES:
        if table in names:
            source = f"read_parquet({quote_literal(tables / parquet_name(table))})"
            connection.execute(f"create table release.{table} as from {source}")
