"""Freshness of the drops, by the publisher's calendar: by when in every cycle a new period must have been recorded."""

import datetime as dt
from itertools import islice
from typing import Final

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publisher import PublishedSeries
from iapt.ingest.due_publications import iterate_expected
from iapt.workspace import CATALOGUE
from orchestration.publisher_resource import TIMEZONE

#: Days that every month has: a deadline on a later day would not come in February.
_DAYS_OF_EVERY_MONTH: Final = 28
#: Periods looked at; weekdays and leap years move an expected day within them by as much as they ever do.
_PERIODS: Final = 400


def make_freshness_policy(grain: str) -> dg.FreshnessPolicy:
    """Return the policy of the drops of a grain, by the calendar of `catalogue/publisher.yml`."""
    publisher = Catalogue(CATALOGUE).publisher
    series = next(series for series in publisher.series.values() if series.grain == grain and series.publication)
    return compute_freshness_policy(series)


def compute_freshness_policy(series: PublishedSeries) -> dg.FreshnessPolicy:
    """Return a policy with one deadline for each period of a series: the last day on which none of them is late yet.

    Fresh is what was recorded after the first day on which such a period can be expected. The nth weekday of a month
    moves within a week, and Dagster's policy knows only days of months: so the deadline is up to a week late.
    """
    expected = list(islice(iterate_expected("", series), _PERIODS))
    months = sorted({_count_months(one.expected_on, one.late_after) for one in expected})
    latest = max(one.late_after.day for one in expected if _count_months(one.expected_on, one.late_after) == months[-1])
    day, later = (1, 1) if latest > _DAYS_OF_EVERY_MONTH else (latest, 0)
    deadlines = [_shift(one.expected_on, months[-1] + later, day) for one in expected]
    window = max(deadline - one.expected_on for deadline, one in zip(deadlines, expected, strict=True))
    in_months = ",".join(map(str, sorted({deadline.month for deadline in deadlines})))
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"59 23 {day} {in_months} *",
        lower_bound_delta=window + dt.timedelta(days=1),  # from the beginning of that day to the end of this
        timezone=TIMEZONE,
    )


def _count_months(first: dt.date, last: dt.date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _shift(day: dt.date, months: int, day_of_month: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, day_of_month)
