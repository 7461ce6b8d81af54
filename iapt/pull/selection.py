"""Which publications are to be pulled: those listed with a file, of some series, since a period, the newest first."""

from __future__ import annotations

from collections.abc import Collection

from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import Publisher
from iapt.periods import parse_period_label


class SelectionError(ValueError):
    """Raised where what is asked for is not in the list, or is never pulled."""


def select_publications(
    publications: Publications, publisher: Publisher, *, series: Collection[str] = (), since: str = ""
) -> list[Publication]:
    """Return the publications to pull, the newest period first; of one publication the earlier issue first.

    The earlier issue goes first so that the later one is compared with it. No `series` means all that are pulled;
    `since` is the label of a month, quarter or financial year: what ends before its first day is left out.
    Raises SelectionError where a series is unknown or never pulled, and where `since` is no period.
    """
    for name in series:
        if name not in publisher.series:
            known = ", ".join(key for key, value in publisher.series.items() if value.not_pulled is None)
            raise SelectionError(f"expected a series of catalogue/publisher.yml ({known}); found {name!r}")
        if reason := publisher.series[name].not_pulled:
            raise SelectionError(f"{name} is listed and never pulled: {reason}")
    try:
        first_day = parse_period_label(since).start if since else None
    except ValueError as error:
        raise SelectionError(f"--since: {error}") from error
    selected = [
        row
        for row in publications.rows
        if row.file is not None
        and row.not_pulled is None
        and publisher.series[row.series].not_pulled is None
        and (not series or row.series in series)
        and (first_day is None or row.bounds[1].end >= first_day)
    ]
    return sorted(selected, key=lambda row: (-row.bounds[1].end.toordinal(), row.series, row.revision))
