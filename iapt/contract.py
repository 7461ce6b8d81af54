"""Contracts: the tables that rules speak of, room by room: their columns, order, types and keys. Data, no checks."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Columns: TypeAlias = Mapping[str, str]
Grain: TypeAlias = Literal["month", "quarter", "year"]
#: Where a table stands: among the figures as the publisher gave them, in the warehouse, or in what may leave.
Layer: TypeAlias = Literal["drops", "marts", "release"]

#: The code under which a whole country is given.
ENGLAND: Final = "E92000001"

#: How tables, columns, rules and profiles are named.
SNAKE_CASE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

EXTRACT_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "period": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "org_type": "VARCHAR",  # the row's level, 'placeholder' or 'unknown'
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
        "period_label": "VARCHAR",
        "financial_year_label": "VARCHAR",
        "financial_quarter": "INTEGER",
        "period_sort": "INTEGER",
        "dataset_version": "VARCHAR",
        "breaks_sums": "BOOLEAN",
        "series_break": "VARCHAR",
        "series_break_reason": "VARCHAR",
    }
)

DIM_DATE_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "calendar_date": "DATE",
        "month_period": "VARCHAR",
        "month_label": "VARCHAR",
        "month_sort": "INTEGER",
        "quarter_period": "VARCHAR",
        "quarter_label": "VARCHAR",
        "financial_year": "VARCHAR",
        "financial_year_label": "VARCHAR",
        "is_last_day_of_month": "BOOLEAN",
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
        "current_parent_code": "VARCHAR",  # of what covers it today
        "current_parent_name": "VARCHAR",
        "current_region_code": "VARCHAR",
        "current_region_name": "VARCHAR",
        "current_level": "VARCHAR",
        "current_code": "VARCHAR",
        "current_name": "VARCHAR",
        "current_comparability": "VARCHAR",
        "boundary_moved_on": "DATE",
        "current_certainty": "VARCHAR",
        "boundary_moves": "VARCHAR",  # days joined by '; '
    }
)

DIM_ORGANISATION_HISTORY_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
        "parent_level": "VARCHAR",
        "parent_code": "VARCHAR",
        "parent_name": "VARCHAR",
        "parent_certainty": "VARCHAR",
    }
)

DIM_POPULATION_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
        "population_type": "VARCHAR",
        "population": "VARCHAR",
        "population_name": "VARCHAR",
        "scheme": "VARCHAR",
        "sort_order": "INTEGER",
        "imd_decile": "INTEGER",
        "is_listed": "BOOLEAN",
        "is_comparable_with_previous_scheme": "BOOLEAN",
        "comparable_from": "VARCHAR",
        "change_reason": "VARCHAR",
        "first_period_start": "DATE",
        "last_period_start": "DATE",
    }
)

DIM_MEASURE_NAME_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "measure": "VARCHAR",
        "measure_id": "VARCHAR",
        "name": "VARCHAR",
        "series": "VARCHAR",
        "first_period": "VARCHAR",
        "last_period": "VARCHAR",
        "note": "VARCHAR",
    }
)

DIM_STANDARD_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "measure": "VARCHAR",
        "threshold": "INTEGER",
        "comparison": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
        "certainty": "VARCHAR",
        "label": "VARCHAR",
        "source": "VARCHAR",
    }
)

DIM_NOTE_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "note_id": "VARCHAR",
        "series": "VARCHAR",
        "table_name": "VARCHAR",
        "period_grain": "VARCHAR",
        "period": "VARCHAR",
        # the key of a cell of that table, whole where cell_status is released; else what the note names of it
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "partner_code": "VARCHAR",
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
        "measure": "VARCHAR",
        "cell_status": "VARCHAR",
        "action": "VARCHAR",
        "note": "VARCHAR",
        "source": "VARCHAR",
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

#: The extracts again, on current boundaries, each with the extract that its figures are from.
CURRENT_BOUNDARIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "extract_monthly_current_boundaries": "extract_monthly",
        "extract_quarterly_current_boundaries": "extract_quarterly",
        "extract_annual_current_boundaries": "extract_annual",
    }
)

TODAYS_GEOGRAPHY_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "period": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "org_type": "VARCHAR",
        "level_as_published": "VARCHAR",
        "codes_as_published": "VARCHAR",  # joined by '; '
        "comparability": "VARCHAR",
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
    }
)

#: The measures of each wide topic mart, in the order of its columns.
TOPICS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mart_activity": (
            "count_referrals_received",
            "count_accessing_services",
            "count_ended_referrals",
            "count_ended_treated_once",
            "count_finished_course_treatment",
        ),
        "mart_waiting_times": (
            "mean_wait_accessing_services",
            "median_wait_accessing_services",
            "count_finished_course_treatment",
            "count_accessing_services_6_weeks_finished_course_treatment",
            "percentage_accessing_services_6_weeks_finished_course_treatment",
            "count_accessing_services_18_weeks_finished_course_treatment",
            "percentage_accessing_services_18_weeks_finished_course_treatment",
            "percentage_first_to_second_treatment_28_days",
            "percentage_first_to_second_treatment_29_to_90_days",
            "percentage_first_to_second_treatment_over_90_days",
        ),
        "mart_outcomes": (
            "count_finished_course_treatment",
            "count_not_at_caseness",
            "count_recovery",
            "percentage_recovery",
            "count_reliable_improvement",
            "percentage_reliable_improvement",
            "count_reliable_recovery",
            "percentage_reliable_recovery",
            "count_reliable_deterioration",
            "percentage_reliable_deterioration",
            "count_no_reliable_change",
        ),
    }
)

#: The percentages shown beside the national standard of their day.
WITH_STANDARD: Final = (
    "percentage_accessing_services_6_weeks_finished_course_treatment",
    "percentage_accessing_services_18_weeks_finished_course_treatment",
    "percentage_recovery",
)

TOPIC_LABELS: Final[Columns] = MappingProxyType(
    {
        "period_grain": "VARCHAR",
        "period": "VARCHAR",
        "period_label": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "org_type": "VARCHAR",
        "parent_code": "VARCHAR",
        "parent_name": "VARCHAR",
        "current_region_code": "VARCHAR",
        "current_region_name": "VARCHAR",
        "partner_code": "VARCHAR",
        "partner_name": "VARCHAR",
        "variable_type": "VARCHAR",
        "variable_a": "VARCHAR",
        "variable_b": "VARCHAR",
        "population_type": "VARCHAR",
        "population": "VARCHAR",
        "population_name": "VARCHAR",
    }
)


def topic_columns(measures: tuple[str, ...]) -> Columns:
    """Return the columns of a wide mart: labels, then each measure with what belongs to it."""
    columns = {**TOPIC_LABELS, "is_derived": "BOOLEAN"}
    for measure in measures:
        columns |= {measure: "DOUBLE", f"{measure}_status": "VARCHAR"}
        if measure.startswith("count_"):
            columns |= {f"{measure}_lower": "BIGINT", f"{measure}_upper": "BIGINT"}
        if measure in WITH_STANDARD:
            columns |= {f"{measure}_standard": "INTEGER", f"{measure}_standard_status": "VARCHAR"}
    return MappingProxyType(columns)


RECOVERY_RATE_COLUMNS: Final[Columns] = MappingProxyType(
    {
        **TOPIC_LABELS,
        "recovery_rate": "DOUBLE",
        "recovery_rate_status": "VARCHAR",
        "recovery_rate_marker": "VARCHAR",
        "standard": "INTEGER",
        "standard_label": "VARCHAR",
        "standard_certainty": "VARCHAR",
        "standard_status": "VARCHAR",
        "gap_to_standard": "DOUBLE",
        "count_recovery": "DOUBLE",
        "count_recovery_status": "VARCHAR",
        "count_finished_course_treatment": "DOUBLE",
        "count_finished_course_treatment_status": "VARCHAR",
        "reason": "VARCHAR",
    }
)

WINDOWS_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "total_type": "VARCHAR",
        "period": "VARCHAR",
        "period_label": "VARCHAR",
        "total_start": "DATE",
        "total_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "org_type": "VARCHAR",
        "measure": "VARCHAR",
        "months_needed": "BIGINT",
        "months_available": "BIGINT",
        "value": "DOUBLE",
        "value_status": "VARCHAR",
        "value_marker": "VARCHAR",
        "reason": "VARCHAR",
        "is_derived": "BOOLEAN",
        "lower_bound": "BIGINT",
        "upper_bound": "BIGINT",
        "suppressed_parts": "INTEGER",
    }
)

DATA_QUALITY_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "period": "VARCHAR",
        "period_start": "DATE",
        "period_end": "DATE",
        "financial_year": "VARCHAR",
        "org_level": "VARCHAR",
        "org_code": "VARCHAR",
        "org_name": "VARCHAR",
        "org_type": "VARCHAR",
        "data_table": "VARCHAR",
        "item_uid": "VARCHAR",
        "data_item": "VARCHAR",
        "is_submission": "BOOLEAN",
        "valid_records": "DOUBLE",
        "valid_status": "VARCHAR",
        "default_records": "DOUBLE",
        "default_status": "VARCHAR",
        "invalid_records": "DOUBLE",
        "invalid_status": "VARCHAR",
        "missing_records": "DOUBLE",
        "missing_status": "VARCHAR",
        "denominator_records": "DOUBLE",
        "denominator_status": "VARCHAR",
        "drop_sha256": "VARCHAR",
    }
)

#: What follows from the extracts and says nothing that they do not, in the forms that readers want.
DERIVED: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        **dict.fromkeys(CURRENT_BOUNDARIES, TODAYS_GEOGRAPHY_COLUMNS),
        **{topic: topic_columns(measures) for topic, measures in TOPICS.items()},
        "mart_recovery_rate": RECOVERY_RATE_COLUMNS,
        "mart_rolling_totals": WINDOWS_COLUMNS,
        "mart_data_quality": DATA_QUALITY_COLUMNS,
    }
)

DIMENSIONS: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        "dim_period": DIM_PERIOD_COLUMNS,
        "dim_date": DIM_DATE_COLUMNS,
        "dim_organisation": DIM_ORGANISATION_COLUMNS,
        "dim_organisation_history": DIM_ORGANISATION_HISTORY_COLUMNS,
        "dim_population": DIM_POPULATION_COLUMNS,
        "dim_measure": DIM_MEASURE_COLUMNS,
        "dim_measure_name": DIM_MEASURE_NAME_COLUMNS,
        "dim_standard": DIM_STANDARD_COLUMNS,
        "dim_note": DIM_NOTE_COLUMNS,
    }
)

CONTRACTS: Final[Mapping[str, Columns]] = MappingProxyType(
    {**dict.fromkeys(EXTRACT_GRAINS, EXTRACT_COLUMNS), **DERIVED, **DIMENSIONS}
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
TABLES_BY_LAYER: Final[Mapping[Layer, Mapping[str, Columns]]] = MappingProxyType(
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
        **dict.fromkeys(
            CURRENT_BOUNDARIES,
            ("period", "org_level", "org_code", "level_as_published", *POPULATION[-3:], "measure"),
        ),
        **dict.fromkeys((*TOPICS, "mart_recovery_rate"), ("period_grain", *POPULATION)),
        "mart_rolling_totals": ("total_type", "period", "org_level", "org_code", "measure"),
        "mart_data_quality": ("period", "org_level", "org_code", "data_table", "item_uid", "data_item"),
        "dim_period": ("period_grain", "period"),  # '2011-12' is a month and a financial year
        "dim_date": ("calendar_date",),
        "dim_organisation": ("org_level", "org_code"),
        "dim_organisation_history": ("org_level", "org_code", "valid_from"),
        "dim_population": ("variable_type", "variable_a", "variable_b"),
        "dim_measure": ("measure",),
        "dim_measure_name": ("measure", "name", "series"),
        "dim_standard": ("measure", "label", "valid_from"),
        "dim_note": ("note_id", "period_grain", *POPULATION, "measure"),
        **dict.fromkeys(DROPS, ("drop_number", "cell_number")),  # told to people as file, row and column
    }
)


def parquet_name(table: str) -> str:
    """Return the name of the staged file that holds a table."""
    return f"{table}.parquet"
