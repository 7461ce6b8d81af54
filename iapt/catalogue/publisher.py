"""The publisher's site: hosts, series pages, manners and calendar, from `catalogue/publisher.yml`."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.periods import Period, parse_period_label

Host = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)+$")]
SeriesName = Annotated[str, Field(pattern=r"^[a-z_]+$")]
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Hosts(StrictModel):
    """The only hosts that are asked, for pages and for files."""

    pages: list[Host] = Field(min_length=1)
    files: list[Host] = Field(min_length=1)


class TransferSettings(StrictModel):
    """How the publisher's server is asked. Times are in seconds, sizes in bytes."""

    pause_seconds: float = Field(ge=0)
    connect_seconds: float = Field(gt=0)
    read_seconds: float = Field(gt=0)
    file_seconds: float = Field(gt=0)
    attempts: int = Field(ge=1)
    longest_wait_seconds: float = Field(ge=0)
    redirects: int = Field(ge=0)
    max_page_bytes: int = Field(gt=0)
    robots_of_files: bool
    recheck_hours: float = Field(ge=0)


class SeriesPage(StrictModel):
    """A page that lists publications, of which series, and the last period it has where another took its place."""

    address: str
    lists: list[SeriesName] = Field(min_length=1)
    ended: str | None = None


class PublicationDay(StrictModel):
    """When a period is published: the nth such weekday of the month that is so many months after its last one."""

    months_after: int = Field(ge=1, le=24)
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    nth: int = Field(ge=1, le=4)

    def find(self, period: Period) -> dt.date:
        """Return the day on which a period is expected."""
        months = period.end.year * 12 + period.end.month - 1 + self.months_after
        year, month = divmod(months, 12)
        first_weekday = calendar.monthrange(year, month + 1)[0]
        offset = (_WEEKDAYS.index(self.weekday) - first_weekday) % 7
        return dt.date(year, month + 1, 1 + offset + 7 * (self.nth - 1))


class PublishedSeries(StrictModel):
    """What is published under one name of a series, and when.

    Without `publication` nothing is expected by calendar: what is listed is all that is known. `not_pulled` is the
    reason why none of its files is fetched.
    """

    title: str
    grain: Literal["month", "quarter", "year"]
    first_expected: str | None = None
    publication: PublicationDay | None = None
    tolerance_days: int = Field(default=0, ge=0)
    evidence: Literal["measured", "inferred"] | None = None
    not_pulled: str | None = None

    @model_validator(mode="after")
    def _has_a_calendar_or_none(self) -> Self:
        if (self.publication is None) != (self.first_expected is None):
            raise ValueError("expected first_expected and publication together, or neither")
        if self.first_expected is not None and parse_period_label(self.first_expected).grain != self.grain:
            raise ValueError(f"expected first_expected to be a {self.grain}; found {self.first_expected!r}")
        return self


class Publisher(StrictModel):
    """The publisher's site and calendar. `data_origin` is the origin of every file that is got from it."""

    data_origin: Literal["published", "synthetic"] = "published"
    hosts: Hosts
    transfer: TransferSettings
    statistical: str
    series_pages: dict[SeriesName, SeriesPage]
    series: dict[SeriesName, PublishedSeries]

    @field_validator("series_pages")
    @classmethod
    def _stand_once(cls, pages: dict[str, SeriesPage]) -> dict[str, SeriesPage]:
        addresses = [page.address for page in pages.values()]
        if len(set(addresses)) < len(addresses):
            raise ValueError("expected every series page once")
        return pages

    @model_validator(mode="after")
    def _pages_are_of_known_hosts_and_series(self) -> Self:
        for address in (self.statistical, *(page.address for page in self.series_pages.values())):
            parts = urlsplit(address)
            if parts.scheme != "https" or parts.hostname not in self.hosts.pages:
                raise ValueError(f"expected https and a host of {self.hosts.pages}; found {address}")
        for key, page in self.series_pages.items():
            if unknown := sorted(set(page.lists) - set(self.series)):
                raise ValueError(f"{key}: expected series of this file; found {', '.join(unknown)}")
        return self
