"""The rules of the facts: the figures as published, current vintage, and the dimensions that describe them.

The facts are validated in the warehouse, which is only read. Their columns, keys, required columns and vocabularies are
tested by dbt, and the dimensions as staged files of a release. Three annual cells in four say that a measure does not
apply; fct_annual reads them from the observations on demand, so rules ask for the other statuses and never read those.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.rules import Rule, with_subject
from expectations.suites.common_rules import expect_no_rows_where, sql_keys
from expectations.suites.value_rules import (
    BELOW_ENGLAND,
    IS_PAIR,
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
#: Whose cells that do not apply are stored with the others, and so are looked at for a value; those of fct_annual stand
#: among the observations, where the rules of the drops look at them.
STORED_WITHOUT_VALUE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fct_monthly": ("suppressed", "not_applicable", "not_published"),
        "fct_quarterly": ("suppressed", "not_applicable", "not_published"),
        "fct_annual": ("suppressed", "not_published"),
    }
)
_HASH_OF_POPULATION: Final = f"hash({', '.join(POPULATION)})"


#: The cells in whose place catalogue/corrections.yml puts another number.
REPLACED: Final = """
    select drop_sha256, source_member, source_row, source_column
    from intermediate.int_corrected_cells
    where is_applied and action = 'replace'
"""


def _fact_rules(table: str) -> tuple[Rule, ...]:
    return (
        *with_subject("vocabulary", (_reviewed_measures_stand_in_dim_measure(table),)),
        *with_subject("organisations_and_categories", _organisations_and_categories(table)),
        *with_subject("periods", _periods(table)),
        *value_rules(table, "marts", STORED_WITHOUT_VALUE[table]),
        *with_subject("values_hidden_with_what_they_rest_on", _values_hidden_with_what_they_rest_on(table)),
        *with_subject("provenance", _provenance(table)),
    )


def _reviewed_measures_stand_in_dim_measure(table: str) -> Rule:
    return Rule(
        name="reviewed_measures_stand_in_dim_measure",
        table=table,
        description=(
            "A measure is described in dim_measure, with its statistic, exactly when it has been reviewed: only "
            f"what has been reviewed leaves. {CONTRACT}"
        ),
        query=f"""
            with measures as (
                select distinct measure, statistic, is_reviewed from {table} where {APPLIES}
            ),
            described as (select measure, statistic, true as is_described from dim_measure),
            wrong_measures as (
                select measures.measure, measures.statistic, is_reviewed
                from measures
                left join described
                    on measures.measure = described.measure and measures.statistic = described.statistic
                where is_reviewed is distinct from coalesce(is_described, false)
            ),
            figures as (select {sql_keys(table)}, statistic, is_reviewed from {{batch}} where {APPLIES})
            select {sql_keys(table, "figures")}
            from figures
            semi join wrong_measures
                on figures.measure = wrong_measures.measure
                and figures.statistic is not distinct from wrong_measures.statistic
                and figures.is_reviewed is not distinct from wrong_measures.is_reviewed
        """,
        layer="marts",
    )


def _organisations_and_categories(table: str) -> tuple[Rule, ...]:
    commissioner_levels = " ".join(f"when '{pair}' then '{level}'" for pair, level in PAIR_LEVELS.items())
    return (
        expect_no_rows_where(
            "partners_stand_on_pairs_only",
            table,
            f"{APPLIES} and (partner_code is not null) <> {IS_PAIR}",
            f"partner_code stands on {' and '.join(PAIR_LEVELS)} rows, always, and on no other. {CONTRACT}",
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
            name="organisations_stand_in_dim_organisation",
            table=table,
            description=(
                "Every organisation is described in dim_organisation under its level, as one that stands in a drop; a "
                f"pair's two organisations under theirs. {CONTRACT}"
            ),
            query=f"""
                with organisations as (
                    select distinct org_level, org_code, partner_code from {table} where {APPLIES}
                ),
                described as (
                    select org_level as level, org_code, true as is_described from dim_organisation where is_in_drops
                ),
                providers as (
                    select org_code as partner_code, true as is_described_partner from dim_organisation
                    where org_level = 'provider' and is_in_drops
                ),
                unknown_organisations as (
                    select organisations.org_level, organisations.org_code, organisations.partner_code
                    from organisations
                    left join described
                        on organisations.org_code = described.org_code
                        and described.level = (
                            case organisations.org_level {commissioner_levels} else organisations.org_level end
                        )
                    left join providers using (partner_code)
                    where is_described is null
                       or (organisations.partner_code is not null and is_described_partner is null)
                ),
                figures as (select {sql_keys(table)} from {{batch}} where {APPLIES})
                select {sql_keys(table, "figures")}
                from figures
                semi join unknown_organisations
                    on figures.org_level = unknown_organisations.org_level
                    and figures.org_code = unknown_organisations.org_code
                    and figures.partner_code is not distinct from unknown_organisations.partner_code
            """,
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
            f"A row of a breakdown says in variable_a which category it counts. {CONTRACT}",
            layer="marts",
        ),
    )


def _periods(table: str) -> tuple[Rule, ...]:
    grain = FACT_GRAINS[table]
    return (
        Rule(
            name="periods_stand_in_dim_period",
            table=table,
            description=(
                f"Every period stands in dim_period as a {grain}, with the same first and last day and financial "
                f"year. {CONTRACT}"
            ),
            query=f"""
                with periods as (
                    select distinct period, period_start, period_end, financial_year from {table} where {APPLIES}
                ),
                calendar as (from dim_period where period_grain = '{grain}'),
                wrong_periods as (
                    from periods
                    anti join calendar using (period, period_start, period_end, financial_year)
                ),
                figures as (
                    select {sql_keys(table)}, period_start, period_end, financial_year from {{batch}} where {APPLIES}
                )
                select {sql_keys(table, "figures")}
                from figures
                semi join wrong_periods
                    on figures.period is not distinct from wrong_periods.period
                    and figures.period_start is not distinct from wrong_periods.period_start
                    and figures.period_end is not distinct from wrong_periods.period_end
                    and figures.financial_year is not distinct from wrong_periods.financial_year
            """,
            layer="marts",
        ),
        Rule(
            name="unpublished_periods_hold_no_figures",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_published has no value, and no status but not_published: it is "
                "never zero, never interpolated, never a sum. Source: the known gaps of the catalogue."
            ),
            query=f"""
                with gaps as (
                    select period from dim_period
                    where period_grain = '{grain}' and publication_status = 'not_published'
                )
                select {sql_keys(table)} from {{batch}}
                where {APPLIES} and period in (from gaps)
                  and (value is not null or value_status <> 'not_published')
            """,
            layer="marts",
        ),
        Rule(
            name="periods_without_data_have_no_rows",
            table=table,
            description=(f"A {grain} that dim_period calls not_loaded or not_due has no rows. {CONTRACT}"),
            query=f"""
                with periods_without_data as (
                    select period from dim_period
                    where period_grain = '{grain}' and publication_status in ('not_loaded', 'not_due')
                )
                select {sql_keys(table)} from {{batch}} where {APPLIES} and period in (from periods_without_data)
            """,
            layer="marts",
        ),
    )


def _values_hidden_with_what_they_rest_on(table: str) -> tuple[Rule, ...]:
    return (
        _beside_numerator(
            "percentages_are_hidden_with_their_numerator",
            table,
            percentages="value_status = 'published'",
            numerators="value_status = 'suppressed'",
            description=(
                "A percentage is withheld where its numerator is: beside a shown denominator it gives the hidden "
                f"count back. A numerator of two hidden counts may be large enough to show. {PUBLISHER}"
            ),
        ),
        _beside_numerator(
            "percentages_are_shown_with_their_numerator",
            table,
            percentages="value_status = 'suppressed'",
            numerators="value_status = 'published'",
            description=(
                f"A percentage whose numerator is shown is shown too: the denominator alone hides nothing. {PUBLISHER}"
            ),
        ),
    )


def _beside_numerator(name: str, table: str, *, percentages: str, numerators: str, description: str) -> Rule:
    """Return the rule that no percentage of a status stands beside a numerator, of one count, of a status."""
    return Rule(
        name=name,
        table=table,
        description=description,
        query=f"""
            with formulas as (
                select measure, numerator from dim_measure
                where statistic = 'percentage' and numerator is not null and not contains(numerator, ' + ')
            ),
            percentages as (
                select {sql_keys(table)}, {_HASH_OF_POPULATION} as population from {{batch}}
                where statistic = 'percentage' and {percentages} and {BELOW_ENGLAND}
            ),
            numerators as (
                select {_HASH_OF_POPULATION} as population, measure as numerator from {table}
                where statistic = 'count' and {numerators} and measure in (select numerator from formulas)
            )
            select {sql_keys(table)}
            from percentages join formulas using (measure) semi join numerators using (population, numerator)
        """,
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
            "A value is the number that stands in the publisher's file, digit for digit, but where a reviewed "
            "correction puts another. Source: marts hold figures as published, at source precision.",
            layer="marts",
        ),
    )


SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType({table: _fact_rules(table) for table in FACT_GRAINS})
