"""Values that measures cannot have, as reviewed in `catalogue/impossible_values.yml`."""

import re

from pydantic import Field

from iapt.catalogue.strict_model import StrictModel


class ImpossibleValues(StrictModel):
    """Values that some measures cannot have by what they are.

    A name that matches one of `measures` in full is meant.
    """

    measures: list[str] = Field(min_length=1)
    at_least: float | None = None
    at_most: float | None = None
    is_whole: bool = False
    reason: str = Field(min_length=1)

    def is_about(self, measure_name: str) -> bool:
        """Whether a published name is that of such a measure; capitals are ignored."""
        return any(re.fullmatch(pattern, measure_name, re.IGNORECASE) for pattern in self.measures)


class ImpossibleValueRules(StrictModel):
    """The values that measures cannot have, and from how many rows of one measure on a file is rejected for them."""

    rejected_from_rows: int = Field(ge=2)
    values: list[ImpossibleValues]
