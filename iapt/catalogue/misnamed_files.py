"""Files whose name says another period than their rows, as reviewed in `catalogue/misnamed_files.yml`."""

from collections.abc import Sequence

from pydantic import Field, field_validator

from iapt.catalogue.reviewed_file import ReviewedFile
from iapt.periods import parse_period_label


class MisnamedFile(ReviewedFile):
    """A file whose rows are right though its name says another period."""

    periods: list[str] = Field(min_length=1)

    @field_validator("periods")
    @classmethod
    def _are_periods(cls, periods: list[str]) -> list[str]:
        for label in periods:
            parse_period_label(label)
        return periods

    def allows(self, sha256: str, file: str, periods: Sequence[str]) -> bool:
        """Whether a file is meant and its rows are of the periods that it may have, given by their labels."""
        return self.is_file(sha256, file) and set(periods) == set(self.periods)
