"""The rules of the facts: the figures as published, current vintage, and the dimensions that describe them.

The facts are validated in the warehouse, which is only read. Their columns, keys, required columns and vocabularies are
tested by dbt, and the dimensions as staged files of a release. Three annual cells in four say that a measure does not
apply; fct_annual reads them from the observations on demand, so rules ask for the other statuses and never read those.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.rules import Rule, decided_by_period, load_query, with_subject
from expectations.suites.common_rules import expect_no_rows_where
from expectations.suites.value_rules import (
    IS_PAIR,
    LEVEL_OF_ORGANISATION,
    ONLY_ENGLAND_USES_ITS_CODE,
    PUBLISHER,
    REVIEW_THE_RULE,
    value_rules,
)
from iapt.contract import FACT_GRAINS, PAIR_LEVELS, POPULATION

SCHEMA: Final = "marts"
CONTRACT: Final = "Source: the data contract of the marts."
APPLIES: Final = "value_status in ('published', 'suppressed', 'not_published')"
IS_FIGURE: Final = "value_status in ('published', 'suppressed')"
#: The statuses of which no stored row may have a value. Cells of fct_annual that do not apply are not stored: they are
#: read from the observations, which the rules of the drops are about.
STORED_WITHOUT_VALUE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fct_monthly": ("suppressed", "not_applicable", "not_published"),
        "fct_quarterly": ("suppressed", "not_applicable", "not_published"),
        "fct_annual": ("suppressed", "not_published"),
    }
)

#: The cells in whose place catalogue/corrections.yml puts another number.
REPLACED: Final = """
    select drop_sha256, source_member, source_row, source_column
    from intermediate.int_corrected_cells
    where is_applied and action = 'replace'
"""


def _fact_rules(table: str) -> tuple[Rule, ...]:
    return decided_by_period(
        *with_subject("vocabulary", (_reviewed_measures_are_in_dim_measure(table),)),
        *with_subject("organisations_and_categories", _organisations_and_categories(table)),
        *with_subject("periods", _periods(table)),
        *value_rules(table, "marts", STORED_WITHOUT_VALUE[table]),
        *with_subject("suppression_of_dependent_values", _suppression_of_dependent_values(table)),
        *with_subject("provenance", _provenance(table)),
    )


def _reviewed_measures_are_in_dim_measure(table: str) -> Rule:
    return Rule(
        name="reviewed_measures_are_in_dim_measure",
        table=table,
        description=(
            "A measure is described in dim_measure, with its statistic, exactly when it has been reviewed: only "
            f"what has been reviewed is released. {CONTRACT}"
        ),
        query=load_query("marts/reviewed_measures_are_in_dim_measure", table, applies=APPLIES),
        layer="marts",
    )


def _organisations_and_categories(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "partners_are_on_pairs_only",
            table,
            f"{APPLIES} and (partner_code is not null) <> {IS_PAIR}",
            f"partner_code is filled on {' and '.join(PAIR_LEVELS)} rows, always, and on no other. {CONTRACT}",
            layer="marts",
        ),
        expect_no_rows_where(
            "only_england_uses_its_code",
            table,
            f"{APPLIES} and ({ONLY_ENGLAND_USES_ITS_CODE})",
            "England is E92000001, and no other organisation is. Source: the ONS code of England.",
            layer="marts",
        ),
        Rule(
            name="organisations_are_in_dim_organisation",
            table=table,
            description=(
                "Every organisation is described in dim_organisation under its level, as one that is in a drop; a "
                f"pair's two organisations under theirs. {CONTRACT}"
            ),
            query=load_query(
                "marts/organisations_are_in_dim_organisation",
                table,
                applies=APPLIES,
                level_of_organisation=LEVEL_OF_ORGANISATION,
            ),
            layer="marts",
        ),
        expect_no_rows_where(
            "totals_have_no_categories",
            table,
            f"{APPLIES} and (variable_type = 'Total') and (variable_a is not null or variable_b is not null)",
            f"A Total counts everyone: its variable_a and variable_b are absent. {CONTRACT}",
            layer="marts",
        ),
        expect_no_rows_where(
            "breakdowns_name_their_category",
            table,
            f"{APPLIES} and variable_type <> 'Total' and variable_a is null",
            f"A row of a breakdown names in variable_a the category it counts. {CONTRACT}",
            layer="marts",
        ),
    )


def _periods(table: str) -> tuple[Rule, ...]:
    grain = FACT_GRAINS[table]
    return (
        Rule(
            name="periods_are_in_dim_period",
            table=table,
            description=(
                f"Every period is in dim_period as a {grain}, with the same first and last day and financial "
                f"year. {CONTRACT}"
            ),
            query=load_query("marts/periods_are_in_dim_period", table, applies=APPLIES, grain=grain),
            layer="marts",
        ),
        Rule(
            name="unpublished_periods_hold_no_figures",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_published has no value, and no status but not_published: it is "
                "never zero, never interpolated, never a sum. Source: the known gaps of the catalogue."
            ),
            query=load_query("unpublished_periods_hold_no_figures", table, grain=grain, applies=APPLIES),
            layer="marts",
        ),
        Rule(
            name="periods_without_data_have_no_rows",
            table=table,
            description=(f"A {grain} that dim_period calls not_loaded or not_due has no rows. {CONTRACT}"),
            query=load_query("periods_without_data_have_no_rows", table, grain=grain, applies=APPLIES),
            layer="marts",
        ),
    )


def _suppression_of_dependent_values(table: str) -> tuple[Rule, ...]:
    return (
        _beside_numerator(
            "percentages_are_suppressed_with_their_numerator",
            table,
            status="published",
            numerator_status="suppressed",
            description=(
                "A percentage is suppressed where its numerator is: with a shown denominator it reveals the "
                f"suppressed count. A numerator of two suppressed counts may be large enough to show. {PUBLISHER}"
            ),
        ),
        _beside_numerator(
            "percentages_are_published_with_their_numerator",
            table,
            status="suppressed",
            numerator_status="published",
            description=(
                f"A percentage whose numerator is shown is shown too: the denominator alone hides nothing. {PUBLISHER}"
            ),
        ),
    )


def _beside_numerator(name: str, table: str, *, status: str, numerator_status: str, description: str) -> Rule:
    """Return the rule that no percentage of one status has a numerator, of one count, of another."""
    return Rule(
        name=name,
        table=table,
        description=description,
        query=load_query(
            "marts/percentages_beside_numerators",
            table,
            status=status,
            numerator_status=numerator_status,
            population=POPULATION,
        ),
        severity="warning",
        layer="marts",
        remedy=REVIEW_THE_RULE,
    )


def _provenance(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "figures_name_their_line",
            table,
            f"{IS_FIGURE} and (drop_sha256 is null or source_row is null or source_column is null "
            "or drop_sha256 not in (select sha256 from landing.drops))",
            "A published or suppressed figure names the drop, the row and the column it was read from. "
            "Source: every figure can be traced to the line of a published file.",
            layer="marts",
        ),
        expect_no_rows_where(
            "values_are_as_published",
            table,
            "value_status = 'published' and value is distinct from try_cast(value_as_published as double) "
            f"and (drop_sha256, source_member, source_row, source_column) not in ({REPLACED})",
            "A value is the number in the publisher's file, digit for digit, but where a reviewed "
            "correction puts another. Source: marts hold figures as published, at source precision.",
            layer="marts",
        ),
    )


SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType({table: _fact_rules(table) for table in FACT_GRAINS})
