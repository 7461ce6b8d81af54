"""Restricted drops: what holds only for an organisation's own, unrounded counts."""

from __future__ import annotations

from collections.abc import Sequence

from iapt.duckdb_connections import open_duckdb
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.rejection import DropRejectedError

#: An archived drop is used in every refresh, so it is not enough to offer it no more; and bytes that still lie in the
#: drop folder would be archived again.
_REMOVE_FROM_HOME = "then its folder out of `drops/` in the restricted home (its provenance.json names the file)"
_GRAINS = ("month", "quarter", "year")  # from the shortest to the longest


def reject_other_than_counts(drops: Sequence[tuple[ArchivedDrop, DropSummary]], observations: ObservationStore) -> None:
    """Reject restricted drops that hold anything but counts.

    A percentage beside rounded counts is what lets hidden ones be worked out (see the disclosure methodology), so none
    is made from restricted counts, and none is used. Raises DropRejectedError, naming the drop.
    """
    with open_duckdb() as connection:
        for drop, _ in drops:
            path = str(observations.observations_path(drop.sha256))
            query = "select count(*) from read_parquet(?) where measure_name not like 'Count%'"
            ((other_rows,),) = connection.execute(query, [path]).fetchall()
            if other_rows:
                raise DropRejectedError(
                    file=drop.file,
                    place="the column MEASURE_NAME",
                    expected="measures that are counts, named Count_...",
                    found=f"{other_rows} rows of other measures",
                    remedy="Leave percentages, means and medians out of a restricted drop. Take this one out of the "
                    f"drop folder and {_REMOVE_FROM_HOME}, and refresh again.",
                )


def reject_periods_that_add_up(drops: Sequence[tuple[ArchivedDrop, DropSummary]]) -> None:
    """Reject restricted drops that hold more than one of months, quarters and years.

    Counts of events add up over time: twelve months make their year, so a shown year less its shown months gives the
    hidden months away. The audit works within one period and would not see it, so the periods must not meet. Which
    measures count events nobody has declared; in doubt, all do. Raises DropRejectedError, naming the first drop of
    another grain than the first drop.
    """
    first: tuple[str, str] | None = None
    for drop, summary in drops:
        for grain in sorted({table.period_grain for table in summary.tables}):
            if first is None:
                first = grain, drop.file
            elif grain != first[0]:
                shorter, longer = sorted((grain, first[0]), key=_GRAINS.index)
                raise DropRejectedError(
                    file=drop.file,
                    place="its periods",
                    expected=f"only one of months, quarters and years in a restricted home; {first[1]} has {first[0]}s",
                    found=f"{grain}s too, and counts of events add up: a {longer} less the shown {shorter}s in it "
                    "reveals the suppressed ones",
                    remedy=f"Choose {first[0]}s or {grain}s. Take each file of the others out of the drop folder "
                    f"and {_REMOVE_FROM_HOME}, and refresh again. A home of its own for the others does not help where "
                    "both releases are handed on.",
                )
