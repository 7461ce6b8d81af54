"""The rules of the dimensions: the calendar, the organisations and the measures that the extracts lean on."""

from expectations.rules import Rule, load_query
from expectations.suites.calendar import (
    CALENDARS,
    FINANCIAL_YEAR_OF_PERIOD_START,
    disagrees_with_calendar,
)
from expectations.suites.common_rules import expect_no_rows_where, sql_keys, structure_rules
from iapt.contract import (
    CORRECTION_ACTIONS,
    ENGLAND,
    EXTRACT_GRAINS,
    ORGANISATION_LEVELS,
    POPULATION,
    STATISTICS,
    TABLES,
)
from iapt.sql import sql_list

PUBLICATION_STATUSES = TABLES["dim_period"].get_values("publication_status")
DIRECTIONS = TABLES["dim_measure"].get_values("better_direction")
NOTED_CELLS = TABLES["dim_note"].get_values("cell_status")
CONTRACT = "Source: the data contract of the release."


def dim_period_rules() -> tuple[Rule, ...]:
    """Return the rules of the calendar."""
    table = "dim_period"
    disagreements = " or ".join(
        f"(period_grain = '{grain}' and {disagrees_with_calendar(grain)})" for grain in CALENDARS
    )
    neighbours = {
        side: "case period_grain "
        + " ".join(f"when '{grain}' then {getattr(calendar, side)}" for grain, calendar in CALENDARS.items())
        + " end"
        for side in ("previous_period", "next_period")
    }
    return (
        *structure_rules(table),
        expect_no_rows_where(
            "grain_is_known",
            table,
            f"period_grain is null or period_grain not in ({sql_list(CALENDARS)})",
            f"period_grain is month, quarter or year. {CONTRACT}",
        ),
        expect_no_rows_where(
            "publication_status_is_known",
            table,
            f"publication_status is null or publication_status not in ({sql_list(PUBLICATION_STATUSES)})",
            f"publication_status is one of {', '.join(PUBLICATION_STATUSES)}. {CONTRACT}",
        ),
        expect_no_rows_where(
            "period_agrees_with_its_dates",
            table,
            disagreements,
            "period, period_start and period_end are one and the same month, quarter or year. "
            "Source: financial years run from April to March.",
        ),
        expect_no_rows_where(
            "financial_year_agrees_with_its_dates",
            table,
            f"financial_year is distinct from {FINANCIAL_YEAR_OF_PERIOD_START}",
            "financial_year is the April to March that period_start lies in. "
            "Source: financial years run from April to March.",
        ),
        Rule(
            name="neighbours_agree_with_the_calendar",
            table=table,
            description=(
                "previous_period and next_period are the periods before and after by the calendar, and are "
                "absent only where the calendar of the release begins and ends. Source: the gap rules look "
                "for a gap's neighbours here."
            ),
            query=load_query(
                "release/neighbours_agree_with_the_calendar",
                table,
                period_before=neighbours["previous_period"],
                period_after=neighbours["next_period"],
            ),
        ),
        Rule(
            name="calendar_is_complete",
            table=table,
            description=(
                "Between the first and the last period of a grain every period has a row: a period without data "
                "is a row that says so. Source: the calendar of the release comes from the calendar, not "
                "from the data."
            ),
            query=load_query("release/calendar_is_complete", table),
        ),
        expect_no_rows_where(
            "gaps_give_a_reason_and_a_source",
            table,
            "publication_status = 'not_published' "
            "and (coalesce(trim(reason), '') = '' or coalesce(trim(source), '') = '')",
            "A period that was never published has a reason, as far as is known, and its source. "
            "Source: the known gaps of the catalogue.",
        ),
    )


def dim_organisation_rules() -> tuple[Rule, ...]:
    """Return the rules of the organisations."""
    table = "dim_organisation"
    return (
        *structure_rules(table),
        expect_no_rows_where(
            "organisation_level_is_known",
            table,
            f"org_level is null or org_level not in ({sql_list(ORGANISATION_LEVELS)})",
            f"org_level is one of {', '.join(ORGANISATION_LEVELS)}: a pair is two organisations. {CONTRACT}",
        ),
        expect_no_rows_where(
            "only_england_uses_its_code",
            table,
            f"(coalesce(org_level, '') = 'england') <> (coalesce(org_code, '') = '{ENGLAND}')",
            f"England is {ENGLAND}, and no other organisation is. Source: the ONS code of England.",
        ),
        expect_no_rows_where(
            "first_period_is_not_after_the_last",
            table,
            "first_period_start > last_period_start",
            f"An organisation's first period is not after its last. {CONTRACT}",
        ),
    )


def dim_measure_rules() -> tuple[Rule, ...]:
    """Return the rules of the measures."""
    table = "dim_measure"
    return (
        *structure_rules(table),
        expect_no_rows_where(
            "statistic_is_known",
            table,
            f"statistic is null or statistic not in ({sql_list(STATISTICS)})",
            f"statistic is one of {', '.join(STATISTICS)}. {CONTRACT}",
        ),
        expect_no_rows_where(
            "better_direction_is_known",
            table,
            f"better_direction not in ({sql_list(DIRECTIONS)})",
            f"better_direction is one of {', '.join(DIRECTIONS)}. {CONTRACT}",
        ),
        expect_no_rows_where(
            "only_counts_are_additive",
            table,
            "is_additive and statistic <> 'count'",
            "A percentage, a mean, a median or an extreme is never additive: who adds what is marked as additive "
            f"would get a figure that nobody published. {CONTRACT}",
        ),
        Rule(
            name="measures_rest_on_known_counts",
            table=table,
            description=(
                "Every part of a numerator, a denominator and a base is a count of dim_measure: misspelt, it "
                "would let a percentage be released that its suppressed numerator should suppress. "
                "Source: the rules that hide a figure with what it rests on look for its parts here."
            ),
            query=load_query("release/measures_rest_on_known_counts", table),
        ),
    )


def dim_date_rules() -> tuple[Rule, ...]:
    """Return the rules of the days."""
    table = "dim_date"
    return (
        *structure_rules(table),
        Rule(
            name="dates_are_complete",
            table=table,
            description="From the first to the last day every day stands. Source: what BI tools ask of a date table.",
            query=load_query("release/dates_are_complete", table),
        ),
    )


def dim_organisation_history_rules() -> tuple[Rule, ...]:
    """Return the rules of who belonged to whom when."""
    table = "dim_organisation_history"
    return (
        *structure_rules(table),
        Rule(
            name="spells_do_not_overlap",
            table=table,
            description=f"An organisation has one parent on a day. {CONTRACT}",
            query=load_query("release/spells_do_not_overlap", table),
        ),
    )


def dim_population_rules() -> tuple[Rule, ...]:
    """Return the rules of the populations."""
    table = "dim_population"
    return (*structure_rules(table),)


def dim_measure_name_rules() -> tuple[Rule, ...]:
    """Return the rules of the measures' names."""
    table = "dim_measure_name"
    return (*structure_rules(table),)


def dim_standard_rules() -> tuple[Rule, ...]:
    """Return the rules of the national standards."""
    table = "dim_standard"
    return (*structure_rules(table),)


def dim_note_rules() -> tuple[Rule, ...]:
    """Return the rules of the notes on known errors of the publications."""
    table = "dim_note"
    wrong_table = " or ".join(
        f"(period_grain = '{grain}' and table_name is distinct from '{extract}')"
        for extract, grain in EXTRACT_GRAINS.items()
    )
    cells = {"extracts": EXTRACT_GRAINS, "population": POPULATION}
    return (
        *structure_rules(table),
        expect_no_rows_where(
            "vocabulary_is_known",
            table,
            f"cell_status not in ({sql_list(NOTED_CELLS)}) or action not in ({sql_list(CORRECTION_ACTIONS)}) "
            f"or period_grain not in ({sql_list(EXTRACT_GRAINS.values())}) or {wrong_table}",
            f"cell_status is one of {', '.join(NOTED_CELLS)}, action one of {', '.join(CORRECTION_ACTIONS)}, and "
            f"table_name the extract of period_grain. {CONTRACT}",
        ),
        Rule(
            name="notes_point_to_released_cells",
            table=table,
            description=(
                "A note with the status of a released figure names one cell of the extract of its grain, by its "
                "whole key. Source: a note that finds no figure would warn nobody."
            ),
            query=load_query(
                "release/notes_and_their_cells",
                table,
                cell_condition="notes.cell_status = 'released' and cells.period is null",
                **cells,
            ),
        ),
        Rule(
            name="no_note_is_about_a_suppressed_cell",
            table=table,
            description=(
                "No note is about a figure that the extract suppresses: its text could reveal what is suppressed. "
                "Source: suppression comes first."
            ),
            query=load_query(
                "release/notes_and_their_cells",
                table,
                cell_condition="cells.value_status = 'suppressed' and notes.cell_status not in "
                "('not_found', 'not_loaded')",
                **cells,
            ),
        ),
        Rule(
            name="measures_are_in_dim_measure",
            table=table,
            description=f"A measure that a note names is described in dim_measure. {CONTRACT}",
            query=f"""
                with notes as (select {sql_keys(table)} from {{batch}} where cell_status = 'released')
                select {sql_keys(table)} from notes anti join dim_measure using (measure)
            """,
        ),
    )
