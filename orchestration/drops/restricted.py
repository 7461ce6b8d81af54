"""Restricted drops: what holds only for an organisation's own, unrounded counts. Reading them is the reader's work."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from orchestration.drops.reader import DropSummary, ObservationStore
from orchestration.drops.refusals import DropRefused
from orchestration.drops.store import KeptDrop


def refuse_other_than_counts(drops: Sequence[tuple[KeptDrop, DropSummary]], observations: ObservationStore) -> None:
    """Refuse restricted drops that hold anything but counts.

    A percentage beside rounded counts is what lets hidden ones be worked out (see the disclosure methodology), so none
    is made from restricted counts, and none is taken in. Raises DropRefused, naming the drop.
    """
    with duckdb.connect() as connection:
        for drop, _ in drops:
            found = connection.execute(
                "select count(*) from read_parquet(?) where measure_name not like 'Count%'",
                [str(observations.observations_of(drop.sha256))],
            ).fetchone()
            if found and found[0]:
                raise DropRefused(
                    file=drop.file,
                    place="the column MEASURE_NAME",
                    expected="measures that are counts, named Count_...",
                    found=f"{found[0]} rows of other measures",
                    remedy="Leave percentages, means and medians out of a restricted drop, and refresh again.",
                )
