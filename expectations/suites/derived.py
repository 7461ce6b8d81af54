"""The rules of the tables that are derived from the extracts: they hold in another form what an extract holds, no more.

Each is calculated again from the released extracts, apart from the models that made it.
"""

from collections.abc import Iterator, Mapping

from expectations.rules import Rule, decided_by_period, load_query, with_subject
from expectations.suites.common_rules import expect_no_rows_where, structure_rules, structure_rules_by_period
from expectations.suites.extracts import MARKERS, POLICY, org_type_is_that_of_dim_organisation
from expectations.suites.part_rules import current_parts
from iapt.contract import CURRENT_BOUNDARIES, EXTRACT_GRAINS, POPULATION, TABLES, TOPICS, VALUE_STATUSES
from iapt.sql import sql_list

SUBJECT = "figures_of_the_extracts"
AREAS = "int_current_areas"
#: A figure of exactly the area of the current organisation: carried from one organisation, or added up from several.
CARRIED = ("same", "recoded")
ADDED_UP = ("merged", "summed")
#: Why a current organisation has no figure.
WITHOUT_FIGURE = ("parts_missing", "boundary_moved", "area_not_known")
#: A figure under the code and name that it was published under.
UNDER_ITS_OWN_CODE = ("former", "not_known")
COMPARABILITIES = TABLES["extract_monthly_current_boundaries"].get_values("comparability")
STANDARD_STATUSES = TABLES["mart_recovery_rate"].get_values("standard_status")
RECORDS = ("valid", "default", "invalid", "missing", "denominator")
FOLLOWS = "Source: a table that follows from the extracts says nothing that they do not say."
#: The columns of a key that may be NULL.
NULLABLE_KEYS = ("partner_code", "variable_a", "variable_b")


def current_boundaries_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of an extract's figures on current boundaries."""
    markers = " ".join(f"when '{status}' then {marker}" for status, marker in MARKERS.items())
    rules_of_rows = (
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "vocabulary_is_known",
            table,
            f"comparability is null or comparability not in ({sql_list(COMPARABILITIES)}) "
            f"or value_status is null or value_status not in ({sql_list(MARKERS)}) "
            f"or value_marker is distinct from case value_status {markers} end",
            f"comparability is one of {', '.join(COMPARABILITIES)}; statuses and markers are those of the extracts. "
            "Source: the data contract of the release.",
        ),
        *with_subject(
            SUBJECT,
            (
                Rule(
                    name="figures_are_the_extracts_or_their_sums",
                    table=table,
                    description=(
                        "A figure is the extract's own of the one organisation it names, or the sum of the counts of "
                        "all that it names, with their bounds added up and their suppressed parts counted; or it is "
                        f"empty, and always so where comparability is one of {', '.join(WITHOUT_FIGURE)}. "
                        f"{FOLLOWS}"
                    ),
                    query=load_query(
                        "release/figures_are_the_extracts_or_their_sums",
                        table,
                        extract=CURRENT_BOUNDARIES[table],
                        added_up=sql_list(ADDED_UP),
                        without_figure=sql_list(WITHOUT_FIGURE),
                    ),
                ),
            ),
        ),
        *with_subject(
            AREAS,
            (
                _values_are_of_the_current_area(table),
                _rates_are_of_one_organisation(table),
                _no_other_area_under_a_current_name(table),
                current_parts(table, (*CARRIED, *ADDED_UP)),
            ),
        ),
    )
    return (*structure_rules_by_period(table), *decided_by_period(*rules_of_rows))


def _values_are_of_the_current_area(table: str) -> Rule:
    """Return the rule that what a figure names is the whole area of the current organisation and no more.

    The sets of locations are worked out from the released lists, apart from the model that made the figures.
    """
    return Rule(
        name="values_are_of_the_current_area",
        table=table,
        description=(
            "The CCGs or sub-ICB locations of the organisations that a figure names, by whom they belonged to on the "
            "last day of its period, are all that became the locations of the current organisation, and no others; and "
            "no boundary has moved between, but within an area whose ONS code is the same. "
            "Source: the released lists of organisations, dim_organisation and dim_organisation_history."
        ),
        query=load_query(
            "release/values_are_of_the_current_area",
            table,
            comparable=sql_list((*CARRIED, *ADDED_UP)),
            not_summed=sql_list((*CARRIED, "merged")),
        ),
    )


def _rates_are_of_one_organisation(table: str) -> Rule:
    return expect_no_rows_where(
        "rates_are_of_one_organisation",
        table,
        f"value_status <> 'not_published' and statistic <> 'count' "
        f"and comparability not in ({sql_list((*CARRIED, *UNDER_ITS_OWN_CODE))})",
        "A percentage, a mean or a median is of one organisation, whose area is the current one, or under its own "
        "name: none can be had from those of parts. Source: the principle that a rate is never rebuilt.",
    )


def _no_other_area_under_a_current_name(table: str) -> Rule:
    return Rule(
        name="no_other_area_under_a_current_name",
        table=table,
        description=(
            f"A figure that is {' or '.join(UNDER_ITS_OWN_CODE)} has the level and the code it was "
            "published with, and that is no place in force today; one that is the same is the organisation's own. "
            "Source: a figure under an organisation's name is about that organisation's area."
        ),
        query=load_query(
            "release/no_other_area_under_a_current_name", table, under_own_code=sql_list(UNDER_ITS_OWN_CODE)
        ),
    )


def topic_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of a wide topic mart."""
    cells = {
        measure: _name_cell(measure, f"{measure}_status", has_bounds=measure.startswith("count_"))
        for measure in TOPICS[table]
    }
    return (*_wide_rules(table), *with_subject(SUBJECT, _cells_of_the_extracts(table, cells)))


def recovery_rate_rules() -> tuple[Rule, ...]:
    """Return the rules of the recovery rates beside their standard."""
    table = "mart_recovery_rate"
    cells = {
        "percentage_recovery": _name_cell("recovery_rate", "recovery_rate_status"),
        "count_recovery": _name_cell("count_recovery", "count_recovery_status"),
        "count_finished_course_treatment": _name_cell(
            "count_finished_course_treatment", "count_finished_course_treatment_status"
        ),
    }
    return (
        *_wide_rules(table),
        expect_no_rows_where(
            "standard_is_assessed_on_published_rates",
            table,
            f"standard_status not in ({sql_list(STANDARD_STATUSES)}) "
            "or (standard_status is not null and recovery_rate is null) "
            "or gap_to_standard is distinct from recovery_rate - standard",
            "A rate that is not shown meets and misses no standard, and the gap is the rate less the standard. "
            "Source: the data contract of the release.",
        ),
        *with_subject(SUBJECT, _cells_of_the_extracts(table, cells)),
    )


def _wide_rules(table: str) -> tuple[Rule, ...]:
    return (*structure_rules(table), org_type_is_that_of_dim_organisation(table))


def _name_cell(value: str, status: str, *, has_bounds: bool = False) -> Mapping[str, str]:
    """Return the columns of one measure of a wide mart; no bounds are empty."""
    bounds = {
        side: f"{value}_{side.removesuffix('_bound')}" if has_bounds else "" for side in ("lower_bound", "upper_bound")
    }
    return {"value": value, "status": status, **bounds}


def _cells_of_the_extracts(table: str, cells: Mapping[str, Mapping[str, str]]) -> Iterator[Rule]:
    """Yield the rules that every cell of a wide mart, named by its measure, is its extract's own."""
    yield Rule(
        name="cells_are_the_extracts",
        table=table,
        description=(
            "Every cell has the value, the status and the bounds that it has in the extract; one that does not apply, "
            f"or was in no drop, has none. {FOLLOWS}"
        ),
        query=load_query(
            "release/cells_are_the_extracts",
            table,
            cells=cells,
            measures=sql_list(cells),
            extracts=EXTRACT_GRAINS,
            population=POPULATION,
            nullable=NULLABLE_KEYS,
        ),
    )
    statuses = [cell["status"] for cell in cells.values()]
    yield expect_no_rows_where(
        "status_is_known",
        table,
        " or ".join(f"{status} not in ({sql_list(VALUE_STATUSES)})" for status in statuses),
        f"A status is one of {', '.join(VALUE_STATUSES)}, or absent where no drop has the cell. "
        "Source: the data contract of the release.",
    )


def rolling_totals_rules() -> tuple[Rule, ...]:
    """Return the rules of the sums over months."""
    table = "mart_rolling_totals"
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "empty_totals_give_a_reason",
            table,
            "(value_status = 'not_published') <> (coalesce(trim(reason), '') <> '') "
            "or (reason is not null and coalesce(value, lower_bound, upper_bound, suppressed_parts) is not null)",
            "A rolling total has a value, or is empty and gives a reason. Source: a gap is never filled in.",
        ),
        *with_subject(
            SUBJECT,
            (
                Rule(
                    name="totals_are_of_every_month_of_the_extract",
                    table=table,
                    description=(
                        "A rolling total is the sum of the extract's counts of all its months, one of each, none of "
                        "them never published, no break of the series and no moved boundary after the first; with "
                        f"their bounds added up and their suppressed months counted. {FOLLOWS}"
                    ),
                    query=load_query("release/totals_are_of_every_month_of_the_extract", table),
                ),
            ),
        ),
    )


def data_quality_rules() -> tuple[Rule, ...]:
    """Return the rules of the data quality figures, which are counts of records and of no extract."""
    table = "mart_data_quality"
    small = " or ".join(
        f"({column}_records is not null and ({column}_status is distinct from 'published' or {column}_records < 0 "
        f"or (not is_submission and {column}_records <> 0 and ({column}_records < {POLICY.suppress_counts_below} "
        f"or {column}_records % {POLICY.round_counts_to} <> 0))))"
        for column in RECORDS
    )
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "records_are_rounded_as_published",
            table,
            small,
            f"A number of records is 0, or a multiple of {POLICY.round_counts_to} and at least "
            f"{POLICY.suppress_counts_below}, as the publisher rounds them; a submission item is 0 or 1. "
            "Source: the publisher's data quality files.",
        ),
    )
