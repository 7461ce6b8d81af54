"""Contracts: the tables of a staged release, their exact columns, order, types and keys. Data, no checks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Columns: TypeAlias = Mapping[str, str]
Grain: TypeAlias = Literal["month", "quarter", "year"]

EXTRACT_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "period": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "partner_code": "VARCHAR",
        "partner_name": "VARCHAR",
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
        "measure": "VARCHAR",
        "measure_id": "VARCHAR",
        "statistic": "VARCHAR",
        "value": "DOUBLE",
        "value_status": "VARCHAR",
        "value_marker": "VARCHAR",
        "is_derived": "BOOLEAN",
        "lower_bound": "BIGINT",
        "upper_bound": "BIGINT",
        "suppressed_parts": "INTEGER",
        "drop_sha256": "VARCHAR",
    }
)

DIM_PERIOD_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "period": "VARCHAR",
        "period_grain": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "previous_period": "VARCHAR",
        "next_period": "VARCHAR",
        "publication_status": "VARCHAR",
        "reason": "VARCHAR",
        "source": "VARCHAR",
    }
)

DIM_ORGANISATION_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "former_names": "VARCHAR",
        "first_period_start": "DATE",
        "last_period_start": "DATE",
    }
)

DIM_MEASURE_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "measure": "VARCHAR",
        "measure_id": "VARCHAR",
        "name": "VARCHAR",
        "statistic": "VARCHAR",
        "unit": "VARCHAR",
        "numerator": "VARCHAR",  # slugs joined by ' + '
        "denominator": "VARCHAR",  # slugs joined by ' + ' and ' - '
        "base": "VARCHAR",  # the count behind a mean or a median
        "former_names": "VARCHAR",
    }
)

EXTRACT_GRAINS: Final[Mapping[str, Grain]] = MappingProxyType(
    {"extract_monthly": "month", "extract_quarterly": "quarter", "extract_annual": "year"}
)

CONTRACTS: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        **dict.fromkeys(EXTRACT_GRAINS, EXTRACT_COLUMNS),
        "dim_period": DIM_PERIOD_COLUMNS,
        "dim_organisation": DIM_ORGANISATION_COLUMNS,
        "dim_measure": DIM_MEASURE_COLUMNS,
    }
)

#: A population within a period: what a figure and the count it rests on have in common.
POPULATION: Final = (
    "period",
    "org_level",
    "org_code",
    "partner_code",
    "variable_type",
    "variable_a",
    "variable_b",
)

#: What names one row. Only these columns are ever shown as an example of a row that breaks a rule.
KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(EXTRACT_GRAINS, (*POPULATION, "measure")),
        "dim_period": ("period_grain", "period"),  # '2011-12' is a month and a financial year
        "dim_organisation": ("org_level", "org_code"),
        "dim_measure": ("measure",),
    }
)


def file_of(table: str) -> str:
    """Return the name of the staged file that holds a table."""
    return f"{table}.parquet"
