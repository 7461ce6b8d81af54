"""The rules of wholes and their parts: an organisation's count is that of the organisations it is made of.

They ask the release alone, by its own lists of who belonged to whom. What the published figures contradict
themselves is reviewed data, with how far they differ and why: `catalogue/parts_that_differ.yml`.
"""

from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import ConfigDict, Field, NonNegativeInt, TypeAdapter, model_validator

from expectations.rules import Rule
from expectations.suites.common_rules import sql_keys
from iapt.catalogue.strict_model import StrictModel
from iapt.sql import sql_list
from iapt.workspace import CATALOGUE

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
    return TypeAdapter(tuple[Difference, ...]).validate_python(
        tuple(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    )


def parts_of_the_day(table: str) -> Rule:
    """Return the rule of an extract: the parts of a whole are those that belonged to it on a period's last day."""
    return _wholes_are_their_parts(
        table,
        own="partner_code is null",
        belongs="""
            select days.period, history.org_level, history.org_code, history.parent_level, history.parent_code
            from (select distinct period, period_end from rows) as days
            join dim_organisation_history as history
                on days.period_end >= history.valid_from
                and (history.valid_to is null or days.period_end <= history.valid_to)
            where history.org_level <> 'provider' and history.parent_level in ('region', 'stp', 'icb')
        """,
        of_the_day="that belonged to it on the last day of the period",
    )


def current_parts(table: str, comparable: tuple[str, ...]) -> Rule:
    """Return the rule of a table on current boundaries: the parts of a whole are those that belong to it today.

    `comparable` are the words of comparability under which a figure is one of today's area.
    """
    return _wholes_are_their_parts(
        table,
        own=f"comparability in ({sql_list(comparable)})",
        belongs="""
            select
                days.period, today.org_level, today.org_code,
                if(today.org_level = 'icb', 'region', 'icb') as parent_level, today.current_parent_code as parent_code
            from (select distinct period from rows) as days cross join dim_organisation as today
            where today.org_level in ('icb', 'sub_icb') and today.org_type = today.org_level
                and today.valid_to is null and today.current_parent_code is not null
        """,
        of_the_day="that belong to it today",
    )


def _wholes_are_their_parts(table: str, *, own: str, belongs: str, of_the_day: str) -> Rule:
    cell = ("period", "variable_type", "variable_a", "variable_b", "measure")
    same = " and ".join(f"wholes.{column} is not distinct from sums.{column}" for column in cell)
    differences = ", ".join(
        f"('{one.period or ''}', '{one.org_level}', '{one.org_code or ''}', {one.more_by}, {one.less_by})"
        for one in load_differences()
    )
    nothing = "('', '', '', 0, 0)"
    return Rule(
        name="wholes_are_their_parts",
        table=table,
        description=(
            f"Where all organisations {of_the_day} have a count, the bounds of an ICB's, an STP's or a region's own "
            "meet those of their sum, but for the reviewed differences in "
            f"catalogue/{PARTS_THAT_DIFFER_FILE.name}. {SOURCE}"
        ),
        query=f"""
            with rows as (
                select * from {{batch}}
                where statistic = 'count' and {own} and org_level in ('region', 'stp', 'icb', 'ccg', 'sub_icb')
            ),
            belongs as ({belongs}),
            sizes as (
                select period, parent_level, parent_code, org_level, count(*) as parts from belongs group by all
            ),
            sums as (
                select
                    belongs.parent_level, belongs.parent_code, belongs.org_level,
                    {", ".join(f"rows.{column}" for column in cell)},
                    count(*) as found, sum(rows.lower_bound) as lowest, sum(rows.upper_bound) as highest
                from rows join belongs
                    on belongs.period = rows.period
                    and belongs.org_level = rows.org_level and belongs.org_code = rows.org_code
                where rows.value_status <> 'not_published'
                group by all
            ),
            differences (period, org_level, org_code, more_by, less_by) as (values {differences or nothing})
            select distinct {sql_keys(table, "wholes")}
            from rows as wholes
            join sums on wholes.org_level = sums.parent_level and wholes.org_code = sums.parent_code and {same}
            join sizes
                on sizes.period = sums.period and sizes.org_level = sums.org_level and sizes.parts = sums.found
                and sizes.parent_level = sums.parent_level and sizes.parent_code = sums.parent_code
            left join (select distinct period, org_level from differences) as reviewed
                on reviewed.period = wholes.period and reviewed.org_level = wholes.org_level
            left join differences
                on differences.org_level = wholes.org_level and differences.period = coalesce(reviewed.period, '')
                and differences.org_code = if(reviewed.period is null, '', wholes.org_code)
            where wholes.value_status <> 'not_published' and (
                wholes.lower_bound > sums.highest + coalesce(differences.more_by, 0)
                or wholes.upper_bound < sums.lowest - coalesce(differences.less_by, 0)
            )
        """,
    )
