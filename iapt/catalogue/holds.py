"""Holds: how much less than the issue before a file may have that arrived by itself, from `catalogue/holds.yml`."""

from pydantic import Field

from iapt.catalogue.strict_model import StrictModel


class HoldRules(StrictModel):
    """Beyond which loss a re-issue is held for a person to look at. A share is from 0 to 1."""

    least_share_of_cells: float = Field(gt=0, le=1)
    lost_organisations: int = Field(ge=0)
    lost_measures: int = Field(ge=0)
