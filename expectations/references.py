"""References: what a rule that is decided by period may read of the tables that are not in periods. Holds no rule.

Such a rule finds a table of the same name with these columns and rows only; what else a table holds may change without
any period being asked again, and a rule that read it would fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from iapt.contract import Layer


@dataclass(frozen=True)
class Reference:
    """The columns that rules read of a table, and how the rows of a period look up the rows of it.

    `key` is the column of the table that is looked up, `looked_up` are the columns of a table in periods that look it
    up. The rows that meet `common` are read for every period. `relation` is where rules name it, if not by its name.
    """

    columns: tuple[str, ...]
    key: str = ""
    looked_up: tuple[str, ...] = ()
    common: str = "false"
    relation: str = ""

    def select(self, source: str) -> str:
        """Return the SQL of the columns of a relation."""
        return f"select {', '.join(self.columns)} from {source}"


_DIM_PERIOD: Final = Reference(("period_grain", "period", "publication_status"), "period", ("period",))
_DIM_MEASURE: Final = Reference(("measure", "statistic", "numerator", "base"), "measure", ("measure",))

#: Of the organisations, what follows from the months that were read is left out: it changes with every month. Rules
#: look up providers by the codes of a period's rows; of areas they ask which belong together.
_OF_THE_RELEASE: Final[Mapping[str, Reference]] = MappingProxyType(
    {
        "dim_period": _DIM_PERIOD,
        "dim_measure": _DIM_MEASURE,
        "dim_organisation": Reference(
            (
                *("org_level", "org_code", "org_type", "is_in_drops", "ons_code", "valid_from", "valid_to"),
                *("current_code", "current_parent_code", "current_region_code", "boundary_moved_on"),
            ),
            "org_code",
            ("org_code", "partner_code"),
            common="org_level is distinct from 'provider'",
        ),
        "dim_organisation_history": Reference(
            ("org_level", "org_code", "valid_from", "valid_to", "parent_level", "parent_code"),
            common="org_level is distinct from 'provider'",
        ),
    }
)

_OF_THE_MARTS: Final[Mapping[str, Reference]] = MappingProxyType(
    {
        "dim_period": Reference(
            ("period_grain", "period", "period_start", "period_end", "financial_year", "publication_status"),
            "period",
            ("period",),
        ),
        "dim_measure": _DIM_MEASURE,
        "dim_organisation": Reference(
            ("org_level", "org_code", "is_in_drops"), "org_code", ("org_code", "partner_code")
        ),
        "landing.drops": Reference(("sha256",), "sha256", ("drop_sha256",)),
        "intermediate.int_corrected_cells": Reference(
            ("drop_sha256", "source_member", "source_row", "source_column", "is_applied", "action"),
            "drop_sha256",
            ("drop_sha256",),
        ),
    }
)

REFERENCES: Final[Mapping[Layer, Mapping[str, Reference]]] = MappingProxyType(
    {"release": _OF_THE_RELEASE, "marts": _OF_THE_MARTS}
)
