"""What the publisher is due to publish on a day, from its calendar and from what is listed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from iapt.catalogue.publications import Publications
from iapt.catalogue.publisher import PublishedSeries, Publisher
from iapt.periods import Period, format_day, parse_period_label

#: Nobody waits longer than this for a publication: it is missing, and waiting does not bring it.
AWAITED_FOR_DAYS = 365
#: How many awaited publications a sentence names.
NAMED = 4
#: A file that could not be had is tried every day at first, and then once in so many days.
DAYS_TRIED_DAILY = 7
DAYS_BETWEEN_LATER_TRIES = 7


@dataclass(frozen=True)
class ExpectedPublication:
    """A period of a series that the calendar expects on a day; it is late from the day after `late_after` on."""

    series: str
    title: str
    period: Period
    expected_on: dt.date
    late_after: dt.date

    @property
    def key(self) -> tuple[str, str]:
        """Series and period, as `Publication.key` has them."""
        return self.series, self.period.label

    def count_days_late(self, today: dt.date) -> int:
        """Return by how many days it is past its expected day and the tolerance; 0 within them."""
        return (today - self.expected_on).days if today > self.late_after else 0

    def describe(self, today: dt.date) -> str:
        """Say what is expected when, and by how many days it is late."""
        name = f"{self.title} of {self.period.label}"
        if today < self.expected_on:
            return f"{name} is expected on {format_day(self.expected_on)}"
        late = self.count_days_late(today)
        days = f", and is {late} days late" if late else ""
        return f"{name} was expected on {format_day(self.expected_on)}{days}"


@dataclass(frozen=True)
class PublicationOutlook:
    """What is due on a day: `awaited` were expected by then and no file of them is known; `next` is expected after it.

    `awaited` begin with those expected longest ago. `next` is None where no series has a calendar.
    """

    today: dt.date
    awaited: tuple[ExpectedPublication, ...]
    next: ExpectedPublication | None

    @property
    def late(self) -> tuple[ExpectedPublication, ...]:
        """The awaited ones that are past their tolerance."""
        return tuple(expected for expected in self.awaited if expected.count_days_late(self.today))

    def describe_awaited(self) -> str:
        """Name what is awaited, those that are late first."""
        ordered = sorted(self.awaited, key=lambda expected: -expected.count_days_late(self.today))
        named = "; ".join(expected.describe(self.today) for expected in ordered[:NAMED])
        return f"{named}; and {len(ordered) - NAMED} more" if len(ordered) > NAMED else named

    def describe_rest(self) -> str:
        """Say that nothing is due, and until when."""
        if self.next is None:
            return "nothing is due: no series of catalogue/publisher.yml has a calendar"
        return f"nothing is due: {self.next.describe(self.today)}, and nothing is looked for until then"


def find_outlook(
    publisher: Publisher,
    publications: Publications,
    today: dt.date,
    *,
    gaps: Collection[tuple[str, str]] = (),
    present: Collection[tuple[str, str]] = (),
) -> PublicationOutlook:
    """Return what is due on a day.

    A publication is there where the list has a file of it, also one that is not pulled, or where it is `present`: a
    drop of the archive that was got otherwise. `gaps` were never published. Both are pairs of series and period label.
    """
    known = {row.key for row in publications.rows if row.file is not None} | set(present) | set(gaps)
    awaited: list[ExpectedPublication] = []
    coming: list[ExpectedPublication] = []
    for name, series in publisher.series.items():
        for expected in iterate_expected(name, series):
            if expected.key in known:
                continue
            if expected.expected_on > today:
                coming.append(expected)
                break
            if (today - expected.expected_on).days <= AWAITED_FOR_DAYS:
                awaited.append(expected)
    return PublicationOutlook(
        today=today,
        awaited=tuple(sorted(awaited, key=_sort_by_day)),
        next=min(coming, key=_sort_by_day, default=None),
    )


def is_to_be_tried(first_failed: dt.date | None, last_tried: dt.date | None, today: dt.date) -> bool:
    """Whether a listed file that the archive lacks is to be tried on a day: every day for a week, then once a week.

    Both days are None for a file that was not tried yet. One that is listed and gone would else be asked for, and make
    a run, every day for ever.
    """
    if first_failed is None or last_tried is None:
        return True
    if (today - first_failed).days <= DAYS_TRIED_DAILY:
        return today > last_tried
    return (today - last_tried).days >= DAYS_BETWEEN_LATER_TRIES


def iterate_expected(name: str, series: PublishedSeries) -> Iterator[ExpectedPublication]:
    """Yield every period that a series is expected to publish, without end; nothing where it has no calendar."""
    if series.publication is None or series.first_expected is None:
        return
    period = parse_period_label(series.first_expected)
    while True:
        day = series.publication.find(period)
        late_after = day + dt.timedelta(days=series.tolerance_days)
        yield ExpectedPublication(name, series.title, period, day, late_after)
        period = period.following


def list_series_pages(publisher: Publisher, awaited: Sequence[ExpectedPublication]) -> list[str]:
    """Return the names of the series pages on which awaited publications would be listed, in the publisher's order.

    A page that another took the place of lists nothing after its last period.
    """
    return [
        name
        for name, page in publisher.series_pages.items()
        if any(expected.series in page.lists and not _has_ended(page.ended, expected.period) for expected in awaited)
    ]


def _has_ended(ended: str | None, period: Period) -> bool:
    return ended is not None and parse_period_label(ended).end < period.end


def _sort_by_day(expected: ExpectedPublication) -> tuple[dt.date, str, dt.date]:
    return expected.expected_on, expected.series, expected.period.start
