"""Re-issues: what a later issue of a file does to the earlier one, as reviewed in `catalogue/re_issues.yml`."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from iapt.catalogue.reviewed_file import ReviewedFile
from iapt.catalogue.strict_model import StrictModel

_SERIES = frozenset({"monthly", "timeseries", "quarterly", "annual", "data_quality"})
ReIssueEffect = Literal["replaces_whole_file", "adds"]


class ReviewedReIssue(ReviewedFile):
    """A file of which a person says what it does to earlier ones."""

    re_issue: ReIssueEffect


class ReIssues(StrictModel):
    """What a later issue of a file does to the earlier one, by series, and which files are issues of one another."""

    series: dict[str, ReIssueEffect]
    #: Of the cells of the earlier issue, 0 to 1: with fewer, the later one is taken for an extract.
    least_share_of_cells: float = Field(gt=0, le=1)
    words_of_any_file: frozenset[Annotated[str, Field(pattern=r"^[a-z]+$")]]
    files: list[ReviewedReIssue]

    @field_validator("series")
    @classmethod
    def _says_it_of_every_series(cls, series: dict[str, ReIssueEffect]) -> dict[str, ReIssueEffect]:
        if set(series) ^ _SERIES:
            raise ValueError(f"expected what a re-issue of each of {sorted(_SERIES)} does; found {sorted(series)}")
        return series

    def find_reviewed_effect(self, sha256: str, file: str) -> ReIssueEffect | None:
        """Return what a person says that a file does to earlier ones; None where nobody has said anything."""
        return next((reviewed.re_issue for reviewed in self.files if reviewed.is_file(sha256, file)), None)
