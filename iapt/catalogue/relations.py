"""Relations: which published counts are declared to add up, or never to exceed one another. Data, no arithmetic."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import Grain
from iapt.workspace import CATALOGUE
from iapt.yaml_files import read_yaml

RELATIONS_FILE = CATALOGUE / "relations.yml"

Additive = Literal["yes", "no", "upper_bound"]


class LevelSum(StrictModel):
    """The counts of every organisation of a level, and the count of the one they are part of.

    `by` says how a member names its parent: all are of England, or a column of the member's own rows names it.
    """

    parent: str
    members: str
    by: Literal["england", "parent_code", "org_code", "partner_code"]
    grains: tuple[Grain, ...]
    additive: Additive
    evidence: str


class CategorySum(StrictModel):
    """The counts of every category of a variable, and the count of everyone."""

    variable_type: str
    grains: tuple[Grain, ...]
    additive: Additive
    evidence: str


class Inequality(StrictModel):
    """Counts of parts that cannot overlap, and the count they are parts of: together never more."""

    parts: tuple[str, ...] = Field(min_length=1)
    whole: str
    grains: tuple[Grain, ...]
    evidence: str


class Relations(StrictModel):
    """Everything that is declared about sums."""

    levels: tuple[LevelSum, ...]
    categories: tuple[CategorySum, ...]
    inequalities: tuple[Inequality, ...]


@cache
def load_relations(path: Path = RELATIONS_FILE) -> Relations:
    """Read the declared relations. Raises pydantic's ValidationError, which names the place in the file."""
    return Relations.model_validate(read_yaml(path))
