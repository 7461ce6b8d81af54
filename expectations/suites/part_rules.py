"""The rules of totals and their parts: an organisation's count is that of the organisations it is made of.

They ask the release alone, by its own lists of who belonged to whom. What the published figures contradict
themselves is reviewed data, with how far they differ and why: `catalogue/parts_that_differ.yml`.
"""

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, NonNegativeInt, TypeAdapter, model_validator

from expectations.rules import Rule, load_query
from iapt.catalogue.strict_model import StrictModel
from iapt.sql import sql_list
from iapt.workspace import CATALOGUE
from iapt.yaml_files import read_yaml

PARTS_THAT_DIFFER_FILE = CATALOGUE / "parts_that_differ.yml"
SOURCE = "Source: the publisher's counts of CCGs and sub-ICB locations, which add up to those of STPs and ICBs."
_KEY = r"^[A-Za-z0-9 -]+$"


class Difference(StrictModel):
    """By how much the bounds of an organisation's counts lie above or below those of the sum of its parts, and why.

    `more_by` and `less_by` are the furthest that any count of the period lies above and below, in what it counts. One
    without a period and a code is of every organisation of its level, in periods that have none of their own.
    """

    model_config = ConfigDict(strict=True)

    period: str | None = Field(default=None, pattern=_KEY)
    org_level: str = Field(pattern=r"^[a-z_]+$")
    org_code: str | None = Field(default=None, pattern=_KEY)
    more_by: NonNegativeInt
    less_by: NonNegativeInt
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_both_or_neither(self) -> Self:
        if (self.period is None) != (self.org_code is None):
            raise ValueError("expected a period and an org_code, or neither of them")
        return self


@cache
def load_differences(path: Path = PARTS_THAT_DIFFER_FILE) -> tuple[Difference, ...]:
    """Read the reviewed differences. Raises pydantic's ValidationError, which names the place in the file."""
    return TypeAdapter(tuple[Difference, ...]).validate_python(tuple(read_yaml(path) or ()))


def parts_of_the_day(table: str) -> Rule:
    """Return the rule of an extract: the parts of a total are those that belonged to it on a period's last day."""
    return _totals_match_their_parts(
        table,
        condition="partner_code is null",
        is_current=False,
        parts="that belonged to it on the last day of the period",
    )


def current_parts(table: str, comparable: tuple[str, ...]) -> Rule:
    """Return the rule of a table on current boundaries: the parts of a total are those that belong to it now.

    `comparable` are the words of comparability under which a figure is one of the current area.
    """
    return _totals_match_their_parts(
        table,
        condition=f"comparability in ({sql_list(comparable)})",
        is_current=True,
        parts="that belong to it today",
    )


def _totals_match_their_parts(table: str, *, condition: str, is_current: bool, parts: str) -> Rule:
    """Return the rule for the rows that meet a condition; `is_current` takes the parts of now, not of the period."""
    differences = ", ".join(
        f"({sql_list((difference.period or '', difference.org_level, difference.org_code or ''))}, "
        f"{difference.more_by}, {difference.less_by})"
        for difference in load_differences()
    )
    return Rule(
        name="totals_match_their_parts",
        table=table,
        description=(
            f"Where all organisations {parts} have a count, the bounds of an ICB's, an STP's or a region's own "
            "meet those of their sum, but for the reviewed differences in "
            f"catalogue/{PARTS_THAT_DIFFER_FILE.name}. {SOURCE}"
        ),
        query=load_query(
            "release/totals_match_their_parts",
            table,
            condition=condition,
            is_current=is_current,
            cell=("period", "variable_type", "variable_a", "variable_b", "measure"),
            differences=differences or "('', '', '', 0, 0)",
        ),
    )
