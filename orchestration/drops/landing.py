"""The landing schema of the warehouse: what has been read, and the catalogue, as tables the dbt sources stand on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.drops.catalogue import Catalogue
from orchestration.drops.reader import DropSummary, ObservationStore
from orchestration.drops.store import KeptDrop

_GRAIN_OF_SERIES = {"monthly": "month", "quarterly": "quarter", "annual": "year"}


def land(
    warehouse: Path, read: Sequence[tuple[KeptDrop, DropSummary]], observations: ObservationStore, catalogue: Catalogue
) -> None:
    """Point the warehouse's `landing` schema at the observations of the drops given, and no others.

    Raises ValueError where there is no drop to land.
    """
    if not read:
        raise ValueError("expected at least one drop that was read in full; found none")
    files = ", ".join(f"'{_quoted(observations.observations_of(drop.sha256))}'" for drop, _ in read)
    precedence = catalogue.precedence
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.begin()
        connection.execute("create schema if not exists landing")
        connection.execute(f"create or replace view landing.observations as select * from read_parquet([{files}])")
        connection.execute(
            """
            create or replace table landing.drops (
                sha256 varchar, file varchar, origin varchar, made varchar, source varchar, licence varchar,
                status varchar, is_provisional boolean, revision integer, sequence integer, batch integer
            )
            """
        )
        connection.executemany(
            "insert into landing.drops values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    drop.sha256,
                    drop.file,
                    drop.origin,
                    drop.made,
                    drop.source,
                    drop.licence,
                    drop.status,
                    drop.status == "provisional",
                    drop.revision,
                    drop.sequence,
                    drop.batch,
                )
                for drop, _ in read
            ],
        )
        connection.execute(
            """
            create or replace table landing.drop_periods (
                drop_sha256 varchar, series varchar, period_grain varchar, period_start date, org_level varchar
            )
            """
        )
        connection.executemany(
            "insert into landing.drop_periods values (?, ?, ?, ?, ?)",
            [
                (drop.sha256, table.series, table.period_grain, start, level)
                for drop, summary in read
                for table in summary.tables
                for start, level in table.coverage
            ],
        )
        connection.execute(
            """
            create or replace table landing.gaps (
                series varchar, period_grain varchar, period varchar, kind varchar, reason varchar, source varchar
            )
            """
        )
        if catalogue.gaps:
            connection.executemany(
                "insert into landing.gaps values (?, ?, ?, ?, ?, ?)",
                [
                    (gap.series, _GRAIN_OF_SERIES[gap.series], gap.period, gap.kind, gap.reason, gap.source)
                    for gap in catalogue.gaps
                ],
            )
        connection.execute(
            """
            create or replace table landing.series_precedence (
                period_grain varchar, series varchar, series_rank integer
            )
            """
        )
        connection.executemany(
            "insert into landing.series_precedence values (?, ?, ?)",
            [
                (grain, series, rank)
                for grain, ranked in precedence.series.items()
                for rank, series in enumerate(ranked, start=1)
            ],
        )
        connection.commit()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
