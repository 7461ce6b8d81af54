"""Reading a drop: the cells of its tables become observations with a status, or quarantined cells with a reason.

The stages run in this order: the tables are grouped by layout (`table_groups`); for each group the rows are loaded
(`loading`), their periods resolved (`period_resolution`), their keys built (`row_keys`) and validated
(`organisation_validation`, `row_validation`), what is odd or missing is told (`organisation_names`,
`row_completeness`), and their cells shaped and written (`shaping`). What the layouts say is
turned into SQL, and DuckDB does the work. Cells are counted in and out.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.duckdb_connections import open_duckdb
from iapt.files import rename_durably
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.loading import load_rows
from iapt.ingest.name_validation import reject_other_period
from iapt.ingest.notices import format_notice
from iapt.ingest.observation_store import (
    UNFINISHED,
    DropSummary,
    ObservationStore,
    TableSummary,
    compute_reading_digest,
)
from iapt.ingest.organisation_names import find_odd_names
from iapt.ingest.organisation_validation import validate_organisations
from iapt.ingest.period_resolution import resolve_periods
from iapt.ingest.reading_context import ReadingContext
from iapt.ingest.row_completeness import find_missing_rows
from iapt.ingest.row_keys import build_keyed_rows
from iapt.ingest.row_validation import find_duplicates, reject_cut_organisation
from iapt.ingest.shaping import OBSERVATIONS_FILE, PARQUET, QUARANTINE_FILE, shape_cells
from iapt.ingest.table_groups import group_tables
from iapt.periods import find_period_starting
from iapt.rejection import DropRejectedError
from iapt.sql import quote_literal, sql_list
from iapt.threads import threads_per_worker

#: Two: a small drop is mostly planning, which DuckDB does on one core, and a large one fills the memory.
READERS: Final = 2
SYNTHETIC_MARK: Final = "(SYNTHETIC)"


@dataclass(frozen=True)
class GroupResult:
    """What was read from one group of tables. `periods` are the labels of those of each table, by its name."""

    summary: TableSummary
    periods: dict[str, list[str]]
    has_synthetic_mark: bool
    notices: tuple[str, ...]


def open_reading_connection(store: ObservationStore | None = None) -> duckdb.DuckDBPyConnection:
    """Open a connection to read drops with, a few at a time. The rows of a file keep their order.

    The readers share the memory of one DuckDB; what does not fit is spilt into the folder of the store, if any.
    """
    spill = ""
    if store is not None:
        # DuckDB makes and removes it; of a killed run, the next one removes it with all else that is unfinished.
        store.folder.mkdir(parents=True, exist_ok=True)
        spill = str(store.folder / f"{UNFINISHED}spill-{secrets.token_hex(4)}")
    return open_duckdb(temp_directory=spill, threads=threads_per_worker(READERS), preserve_insertion_order=True)


def read_drop(
    connection: duckdb.DuckDBPyConnection, drop: ArchivedDrop, path: Path, catalogue: Catalogue, store: ObservationStore
) -> DropSummary:
    """Read an archived drop at `path` into the store, and return what became of it.

    A drop that cannot be read in full is rejected: the summary then holds the rejection and no observations are left.
    Raises AssertionError where cells in and cells out differ (a defect of ours, never of the drop).
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=store.folder) as scratch:
            summary = _read_tables(connection, drop, path, catalogue, store, Path(scratch))
    except DropRejectedError as rejection:
        store.observations_path(drop.sha256).unlink(missing_ok=True)
        store.quarantine_path(drop.sha256).unlink(missing_ok=True)
        summary = DropSummary(drop.sha256, drop.file, digest="", rejection=rejection.to_record())
    summary = replace(summary, digest=compute_reading_digest(summary, catalogue))
    store.write_summary(summary)
    return summary


def _read_tables(
    connection: duckdb.DuckDBPyConnection,
    drop: ArchivedDrop,
    path: Path,
    catalogue: Catalogue,
    store: ObservationStore,
    scratch: Path,
) -> DropSummary:
    """Read every group of tables, put their files into the store, and return the summary without its digest."""
    grouped = group_tables(drop, path, catalogue, scratch)
    results: list[GroupResult] = []
    for number, group in enumerate(grouped.groups):
        folder = scratch / f"group-{number}"
        folder.mkdir()
        result = read_group(ReadingContext(connection, drop, group, folder, catalogue))
        reject_other_period(drop, result.summary.periods, result.periods, catalogue)
        results.append(result)
    summary = DropSummary(
        drop.sha256,
        drop.file,
        digest="",
        tables=[result.summary for result in results],
        notices=[*grouped.notices, *(notice for result in results for notice in result.notices)],
        unread=list(grouped.unread),
        has_synthetic_mark=any(result.has_synthetic_mark for result in results),
    )
    if summary.cells != summary.observations + summary.quarantined:
        raise AssertionError(
            f"{drop.file}: {summary.cells} cells in, {summary.observations} observations and "
            f"{summary.quarantined} quarantined cells out"
        )
    for file, target in (
        (OBSERVATIONS_FILE, store.observations_path(drop.sha256)),
        (QUARANTINE_FILE, store.quarantine_path(drop.sha256)),
    ):
        _move_into_store(connection, sorted(scratch.glob(f"group-*/{file}")), scratch / file, target)
    return summary


def read_group(context: ReadingContext) -> GroupResult:
    """Read one group of tables, stage by stage, into Parquet files in the folder of the context.

    Raises DropRejectedError at the first thing that the layout does not allow.
    """
    loaded = load_rows(context)
    periods = resolve_periods(context, loaded)
    layout = periods.layout
    keyed_rows = build_keyed_rows(context, loaded, periods)
    valid = validate_organisations(context, layout, keyed_rows.table, keyed_rows.keys)
    reject_cut_organisation(context, layout, valid.table, valid.keys)
    duplicates = find_duplicates(context, valid.table, valid.keys)
    odd_names = find_odd_names(context, valid.keys)
    missing = find_missing_rows(context, layout, valid.table, valid.keys, periods.periods)
    shaped = shape_cells(context, layout, valid.table, valid.keys, duplicates)
    summary = TableSummary(
        layout=layout.name,
        series=layout.series,
        period_grain=layout.period_grain,
        members=[table.member for table in context.group.tables],
        periods=[period.label for period in periods.periods],
        coverage=_list_coverage(context, valid.keys),
        rows=loaded.rows,
        cells=loaded.rows * len(context.group.value_columns),
        observations=shaped.observations,
        quarantined=shaped.quarantined,
        duplicate_rows=duplicates.rows,
    )
    unconfirmed = "a layout that no real file has confirmed was used; compare figures with the file"
    layout_notices = [format_notice(unconfirmed, layout.name)] if layout.evidence == "inferred" else []
    return GroupResult(
        summary,
        _list_periods_by_table(context, valid.keys, layout.period_grain),
        _has_synthetic_mark(context, valid.keys),
        (
            *(*layout_notices, *loaded.notices, *valid.notices, *duplicates.notices),
            *(*odd_names, *missing, *shaped.notices),
        ),
    )


def _list_coverage(context: ReadingContext, keys: str) -> list[tuple[str, str]]:
    rows = context.fetch(f"select distinct cast(period_start as varchar), org_level from {keys} order by 1, 2")
    return [(start, level) for start, level in rows]


def _list_periods_by_table(context: ReadingContext, keys: str, grain: str) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for member, start in context.fetch(f"select distinct source_member, period_start from {keys} order by all"):
        period = find_period_starting(start, grain)
        if period is not None:
            labels.setdefault(member, []).append(period.label)
    return labels


def _has_synthetic_mark(context: ReadingContext, keys: str) -> bool:
    """Whether the name of any organisation bears the mark of a demonstration drop."""
    names = "upper(coalesce(org_name, '') || coalesce(partner_name, ''))"
    marked = context.fetch(f"select count(*) from {keys} where contains({names}, {quote_literal(SYNTHETIC_MARK)})")
    return bool(marked[0][0])


def _move_into_store(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path], joined: Path, target: Path) -> None:
    """Put the Parquet files of all groups, in order, into the store as one; where there is none, remove the old one."""
    if not parts:
        target.unlink(missing_ok=True)
        return
    if len(parts) > 1:
        files = sql_list(parts)
        connection.execute(f"copy (from read_parquet([{files}])) to {quote_literal(joined)} ({PARQUET})")
    rename_durably(joined if len(parts) > 1 else parts[0], target)
