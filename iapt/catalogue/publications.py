"""Publications: every file of the publisher's that is known, as reviewed in `catalogue/publications.yml`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator, model_validator

from iapt.catalogue.publisher import Publisher
from iapt.catalogue.strict_model import StrictModel
from iapt.periods import Period, parse_period_label

#: Of a file's name: what file systems take.
LONGEST_NAME_BYTES = 255
FileFormat = Literal["csv", "xlsx", "xls", "zip", "rar", "gz"]


class PublicationPage(StrictModel):
    """The page of a publication: the series page it is listed on, its slug and its title, where they are known."""

    series: str
    slug: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    title: str | None = None


class Publication(StrictModel):
    """One file of the publisher's, or a page whose file is not known yet.

    `period` is the label of what it publishes; a time series has its last month, and its first in `first_period`.
    `file` is the address as the page has it, percent-encoded. `supersedes` is the address of the earlier file.
    """

    series: str
    period: str
    first_period: str | None = None
    revision: int = Field(ge=1, le=99)
    status: Literal["provisional", "definitive"]
    page: PublicationPage
    file: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2000)] | None = None
    format: FileFormat | None = None
    members: list[str] = []
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    supersedes: str | None = None
    not_pulled: str | None = None

    @field_validator("period", "first_period")
    @classmethod
    def _is_a_period(cls, label: str | None) -> str | None:
        if label is not None:
            parse_period_label(label)
        return label

    @model_validator(mode="after")
    def _says_what_the_file_is(self) -> Self:
        if (self.file is None) != (self.format is None):
            raise ValueError("expected a file and its format together, or neither")
        if self.file is not None and _is_unsafe_name(self.file_name):
            raise ValueError(f"expected the address of a file with a plain name; found {self.file}")
        return self

    @property
    def id(self) -> str:
        """A short name: its series, period and revision, such as `monthly/2026-04/1`."""
        return f"{self.series}/{self.period}/{self.revision}"

    @property
    def key(self) -> tuple[str, str]:
        """What is published, whichever revision: series and period."""
        return self.series, self.period

    @property
    def bounds(self) -> tuple[Period, Period]:
        """The first and the last period that it publishes."""
        return parse_period_label(self.first_period or self.period), parse_period_label(self.period)

    @property
    def file_name(self) -> str:
        """The name of its file, percent-decoded. Raises ValueError where the file is not known."""
        if self.file is None:
            raise ValueError(f"{self.id}: expected a publication whose file is known")
        return unquote(urlsplit(self.file).path.rsplit("/", 1)[1])


def _is_unsafe_name(name: str) -> bool:
    """Whether a file of this name would be written elsewhere than in its folder, or nowhere."""
    is_path = "/" in name or "\\" in name or name in {"", ".", ".."}
    return is_path or not name.isprintable() or len(name.encode("utf-8", "replace")) > LONGEST_NAME_BYTES


class Publications:
    """The publications in the order of their list: by series, the newest period first."""

    def __init__(self, rows: Sequence[Publication], publisher: Publisher) -> None:
        """Take the rows; raises ValueError where they contradict one another or the publisher's site."""
        self.rows = list(rows)
        _reject_contradictions(self.rows, publisher)

    def with_rows(self, rows: Sequence[Publication], publisher: Publisher) -> Publications:
        """Return these and further ones, such as those that a home has found by itself.

        A row that completes one without a file takes its place; one whose file is listed already is left out.
        """
        files = {row.file for row in self.rows if row.file is not None}
        further = [row for row in rows if row.file is not None and row.file not in files]
        completed = {row.id for row in further}
        kept = [row for row in self.rows if row.file is not None or row.id not in completed]
        taken = {row.id for row in kept}
        return Publications([*kept, *(row for row in further if row.id not in taken)], publisher)

    def find(self, identifier: str) -> Publication | None:
        """Return the publication of an id, if it is listed."""
        return next((row for row in self.rows if row.id == identifier), None)

    def find_by_file(self, address: str) -> Publication | None:
        """Return the publication whose file is at an address, if it is listed."""
        return next((row for row in self.rows if row.file == address), None)

    def list_issues(self, series: str, period: str) -> list[Publication]:
        """Return every issue of what is published for a period of a series, the latest first."""
        issues = [row for row in self.rows if row.key == (series, period)]
        return sorted(issues, key=lambda row: -row.revision)


def find_page_address(publication: Publication, publisher: Publisher) -> str:
    """Return the address of the page of a publication, else of the series page that lists it."""
    series_page = publisher.series_pages[publication.page.series].address
    return f"{series_page}/{publication.page.slug}" if publication.page.slug else series_page


def _reject_contradictions(rows: Sequence[Publication], publisher: Publisher) -> None:
    ids: set[str] = set()
    files: dict[str, Publication] = {}
    for row in rows:
        if row.id in ids:
            raise ValueError(f"expected each publication once; found {row.id} more than once")
        ids.add(row.id)
        _reject_unknown(row, publisher)
        if row.file is not None:
            if row.file in files:
                raise ValueError(f"expected each file once; found {row.file} as {files[row.file].id} and {row.id}")
            files[row.file] = row
    for row in rows:
        if row.supersedes is None:
            continue
        earlier = files.get(row.supersedes)
        if earlier is None or earlier.key != row.key or earlier.revision >= row.revision:
            raise ValueError(
                f"{row.id}: expected `supersedes` to be the address of an earlier revision of {row.series} "
                f"{row.period}; found {row.supersedes}"
            )


def _reject_unknown(row: Publication, publisher: Publisher) -> None:
    series = publisher.series.get(row.series)
    if series is None:
        raise ValueError(f"{row.id}: expected a series of publisher.yml; found {row.series!r}")
    if row.page.series not in publisher.series_pages:
        raise ValueError(f"{row.id}: expected a series page of publisher.yml; found {row.page.series!r}")
    for period in row.bounds:
        if period.grain != series.grain:
            raise ValueError(f"{row.id}: expected a {series.grain}; found {period.label}")
    if row.bounds[0].start > row.bounds[1].start:
        raise ValueError(f"{row.id}: expected first_period before period; found {row.first_period}")
    if row.file is not None and row.not_pulled is None:
        parts = urlsplit(row.file)
        if parts.scheme != "https" or parts.hostname not in publisher.hosts.files:
            raise ValueError(
                f"{row.id}: expected https and a host of {publisher.hosts.files}; found {row.file}. A file that is "
                "listed and never fetched has a reason in not_pulled"
            )
        if not row.file_name.lower().endswith(f".{row.format}"):
            raise ValueError(f"{row.id}: expected a file ending in .{row.format}; found {row.file_name}")
