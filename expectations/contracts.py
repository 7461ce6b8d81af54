"""Contracts: the tables that rules speak of, room by room: their columns, order, types and keys. Data, no checks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Columns: TypeAlias = Mapping[str, str]
Grain: TypeAlias = Literal["month", "quarter", "year"]
#: Where a table stands: among the figures as the publisher gave them, in the warehouse, or in what may leave.
Room: TypeAlias = Literal["drops", "marts", "release"]

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
        "first_period_start": "DATE",  # absent where only the lists name it
        "last_period_start": "DATE",
        "org_type": "VARCHAR",  # its level, 'placeholder' or 'unknown'
        "is_in_drops": "BOOLEAN",
        "ons_code": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
        "predecessors": "VARCHAR",  # codes joined by '; '
        "successors": "VARCHAR",
        "parent_level": "VARCHAR",
        "parent_code": "VARCHAR",  # now, or at its end
        "parent_name": "VARCHAR",
        "parent_code_today": "VARCHAR",  # of what covers it today
        "parent_name_today": "VARCHAR",
        "region_code_today": "VARCHAR",
        "region_name_today": "VARCHAR",
        "today_level": "VARCHAR",
        "today_code": "VARCHAR",
        "today_name": "VARCHAR",
        "today_comparability": "VARCHAR",
        "boundary_moved_on": "DATE",
        "today_certainty": "VARCHAR",
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
        "is_additive": "BOOLEAN",  # over the organisations of one level, never over periods
        "better_direction": "VARCHAR",
        "definition": "VARCHAR",
        "first_period": "VARCHAR",
        "last_period": "VARCHAR",
    }
)

FACT_COLUMNS: Final[Columns] = MappingProxyType(
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
        "parent_code": "VARCHAR",
        "parent_name": "VARCHAR",
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
        "measure": "VARCHAR",
        "measure_id": "VARCHAR",
        "statistic": "VARCHAR",
        "is_reviewed": "BOOLEAN",
        "value": "DOUBLE",
        "value_status": "VARCHAR",
        "value_as_published": "VARCHAR",
        "series": "VARCHAR",
        "drop_sha256": "VARCHAR",
        "source_member": "VARCHAR",
        "source_row": "BIGINT",
        "source_column": "VARCHAR",
    }
)

#: The figures of the drops as they are judged: each with the kind of its measure, and numbered, not named.
#: What is not_applicable is left out where nothing stands in its cell but the publisher's NULL.
OBSERVATION_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "drop_number": "USMALLINT",  # which of the drops judged together
        "cell_number": "UINTEGER",  # which row of the drop's observations
        "population": "UBIGINT",  # the row of `populations` it belongs to
        "series": "VARCHAR",
        "org_level": "VARCHAR",  # NULL where it is no level we know; so are the other words
        "measure": "VARCHAR",
        "statistic": "VARCHAR",
        "unit": "VARCHAR",
        "value": "DOUBLE",
        "value_status": "VARCHAR",
        "marker": "VARCHAR",  # what stands in the cell instead of a number
        "is_duplicate": "BOOLEAN",  # the reader has marked it as repeating another row
    }
)

#: Whom and when the cells of the drops are about, once for all cells that share it, not_applicable ones included.
POPULATION_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "drop_number": "USMALLINT",
        "cell_number": "UINTEGER",  # the first of its cells
        "population": "UBIGINT",
        "series": "VARCHAR",
        "period_grain": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "partner_code": "VARCHAR",
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
    }
)

#: The percentages of the drops beside the counts they are made from, and between which bounds those counts lie.
PERCENTAGE_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "drop_number": "USMALLINT",
        "cell_number": "UINTEGER",
        "org_level": "VARCHAR",
        "value": "DOUBLE",
        "value_status": "VARCHAR",
        "numerator_parts": "UTINYINT",
        "hidden_parts": "UTINYINT",  # parts of the numerator that are suppressed
        "shown_parts": "UTINYINT",
        "missing_counts": "UTINYINT",  # of numerator and denominator
        "numerator_least": "DOUBLE",
        "numerator_most": "DOUBLE",
        "denominator_least": "DOUBLE",
        "denominator_most": "DOUBLE",
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

FACT_GRAINS: Final[Mapping[str, Grain]] = MappingProxyType(
    {"fct_monthly": "month", "fct_quarterly": "quarter", "fct_annual": "year"}
)

MARTS: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        **dict.fromkeys(FACT_GRAINS, FACT_COLUMNS),
        "dim_period": DIM_PERIOD_COLUMNS,
        "dim_organisation": DIM_ORGANISATION_COLUMNS,
        "dim_measure": DIM_MEASURE_COLUMNS,
    }
)

DROPS: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        "observations": OBSERVATION_COLUMNS,
        "populations": POPULATION_COLUMNS,
        "percentages": PERCENTAGE_COLUMNS,
    }
)

#: Every table a rule may speak of. The dimensions are the same in the marts and in the release.
ROOMS: Final[Mapping[Room, Mapping[str, Columns]]] = MappingProxyType(
    {"drops": DROPS, "marts": MARTS, "release": CONTRACTS}
)
TABLES: Final[Mapping[str, Columns]] = MappingProxyType({**DROPS, **MARTS, **CONTRACTS})

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
        **dict.fromkeys((*EXTRACT_GRAINS, *FACT_GRAINS), (*POPULATION, "measure")),
        "dim_period": ("period_grain", "period"),  # '2011-12' is a month and a financial year
        "dim_organisation": ("org_level", "org_code"),
        "dim_measure": ("measure",),
        **dict.fromkeys(DROPS, ("drop_number", "cell_number")),  # told to people as file, row and column
    }
)


def file_of(table: str) -> str:
    """Return the name of the staged file that holds a table."""
    return f"{table}.parquet"
