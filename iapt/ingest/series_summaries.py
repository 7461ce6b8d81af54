"""What the drops in use hold of each series, for whoever asks what a home has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, TableSummary


@dataclass(frozen=True)
class SeriesSummary:
    """What the drops in use hold of one series.

    `drops` are those in use and `replaced` those that a re-issue replaces, whose cells and periods are not counted.
    """

    origin: str
    series: str
    drops: int
    replaced: int
    first_period: str
    last_period: str
    cells: int
    quarantined: int


def summarise_series(
    usable: Sequence[tuple[ArchivedDrop, DropSummary]], replaced: Collection[str]
) -> list[SeriesSummary]:
    """Return what drops that were read in full hold, by origin and series.

    `replaced` are the sha256 of those that a re-issue replaces: see `reissues.find_wholly_replaced_drops`.
    """
    tables: dict[tuple[str, str], dict[str, list[TableSummary]]] = {}
    for drop, summary in usable:
        for table in summary.tables:
            tables.setdefault((drop.origin, table.series), {}).setdefault(drop.sha256, []).append(table)
    summaries = []
    for (origin, series), tables_by_drop in sorted(tables.items()):
        counted = [table for sha256, of_drop in tables_by_drop.items() if sha256 not in replaced for table in of_drop]
        periods = sorted(period for table in counted for period in table.periods)
        summaries.append(
            SeriesSummary(
                origin,
                series,
                sum(sha256 not in replaced for sha256 in tables_by_drop),
                sum(sha256 in replaced for sha256 in tables_by_drop),
                periods[0],
                periods[-1],
                sum(table.cells for table in counted),
                sum(sum(table.quarantined.values()) for table in counted),
            )
        )
    return summaries
