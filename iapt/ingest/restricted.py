"""Restricted drops: what holds only for an organisation's own, unrounded counts. Reading them is the reader's work."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.rejection import DropRejectedError

#: A kept drop is used in every refresh, so it is not enough to offer it no more; kept bytes that still lie in the drop
#: folder are kept again.
OUT_OF_THE_HOME = "then its folder out of `drops/` in the restricted home (its provenance.json names the file)"


def reject_other_than_counts(drops: Sequence[tuple[ArchivedDrop, DropSummary]], observations: ObservationStore) -> None:
    """Reject restricted drops that hold anything but counts.

    A percentage beside rounded counts is what lets hidden ones be worked out (see the disclosure methodology), so none
    is made from restricted counts, and none is taken in. Raises DropRejectedError, naming the drop.
    """
    with duckdb.connect() as connection:
        for drop, _ in drops:
            found = connection.execute(
                "select count(*) from read_parquet(?) where measure_name not like 'Count%'",
                [str(observations.observations_path(drop.sha256))],
            ).fetchone()
            if found and found[0]:
                raise DropRejectedError(
                    file=drop.file,
                    place="the column MEASURE_NAME",
                    expected="measures that are counts, named Count_...",
                    found=f"{found[0]} rows of other measures",
                    remedy="Leave percentages, means and medians out of a restricted drop. Take this one out of the "
                    f"drop folder and {OUT_OF_THE_HOME}, and refresh again.",
                )


def reject_periods_that_add_up(drops: Sequence[tuple[ArchivedDrop, DropSummary]]) -> None:
    """Reject restricted drops that hold more than one of months, quarters and years.

    Counts of events add up over time: twelve months make their year, so a shown year less its shown months gives the
    hidden months away. The audit works within one period and would not see it, so the periods must not meet. Which
    measures count events nobody has declared; in doubt, all do. Raises DropRejectedError, naming the first drop of
    another grain than the drop kept first.
    """
    first: tuple[str, str] | None = None
    for drop, summary in drops:
        for grain in sorted({table.period_grain for table in summary.tables}):
            if first is None:
                first = grain, drop.file
            elif grain != first[0]:
                raise DropRejectedError(
                    file=drop.file,
                    place="its periods",
                    expected=f"only one of months, quarters and years in a restricted home; {first[1]} has {first[0]}s",
                    found=f"{grain}s too, and counts of events add up: a {_longer(grain, first[0])} less the shown "
                    f"{_shorter(grain, first[0])}s in it gives the hidden ones away",
                    remedy=f"Choose {first[0]}s or {grain}s. Take each file of the others out of the drop folder "
                    f"and {OUT_OF_THE_HOME}, and refresh again. A home of its own for the others does not help where "
                    "both releases are handed on.",
                )


#: From the shortest to the longest.
_GRAINS = ("month", "quarter", "year")


def _shorter(one: str, other: str) -> str:
    return min(one, other, key=_GRAINS.index)


def _longer(one: str, other: str) -> str:
    return max(one, other, key=_GRAINS.index)
