"""The rules of the three extracts: what a published figure, a suppressed one and a gap must look like.

Their numbers are those of the disclosure policy. The profile does not matter here: every profile has the same numbers,
and a figure that one of them suppresses beyond the rule is a suppressed one like any other.
"""

from collections.abc import Sequence

from expectations.rules import Rule, decided_by_period, load_query, with_subject
from expectations.suites.calendar import FINANCIAL_YEAR_OF_PERIOD_START, disagrees_with_calendar
from expectations.suites.common_rules import expect_no_rows_where, sql_keys, structure_rules_by_period
from expectations.suites.part_rules import parts_of_the_day
from expectations.suites.value_rules import IS_PAIR, LEVEL_OF_ORGANISATION, ONLY_ENGLAND_USES_ITS_CODE
from iapt.catalogue.disclosure_policy import load_policy
from iapt.contract import (
    CONTRACTS,
    ENGLAND,
    EXTRACT_GRAINS,
    KEYS,
    ORGANISATION_LEVELS,
    PAIR_LEVELS,
    POPULATION,
    TABLES,
    VALUE_STATUSES,
)
from iapt.sql import quote_literal, sql_list

POLICY = load_policy()
STATISTICS = POLICY.released_statistics
#: What a suppressed count can be, and how much more or less than it shows a rounded one.
LEAST_HIDDEN, MOST_HIDDEN = POLICY.declared_bounds(None)
LESS = POLICY.round_counts_to // 2
MORE = (POLICY.round_counts_to - 1) // 2
#: The marker of a released value of each status, as SQL.
MARKERS = {
    status: quote_literal(VALUE_STATUSES[status].marker) if VALUE_STATUSES[status].marker else "null"
    for status in TABLES["extract_monthly"].get_values("value_status")
}

REPORT_RULE = "Source: the disclosure rules of NHS Digital's interactive report, kept here at every level."
CONTRACT = "Source: the data contract of the release."


def rules(table: str) -> tuple[Rule, ...]:
    """Return every rule of one extract, the rule about its columns first."""
    return (
        *structure_rules_by_period(table),
        *decided_by_period(
            *with_subject("vocabulary", _vocabulary(table)),
            *with_subject("organisations_and_categories", _organisations_and_categories(table)),
            *with_subject("periods", _periods(table)),
            *with_subject("values", _values(table)),
            *with_subject("suppression_of_dependent_values", _suppression_of_dependent_values(table)),
            *with_subject("bounds", _bounds(table)),
            *with_subject("provenance", _provenance(table)),
            *with_subject("gaps", _gaps(table)),
        ),
        *with_subject("gaps", (_unpublished_periods_show_every_gap(table),)),
        *decided_by_period(*with_subject("totals_and_parts", (parts_of_the_day(table),))),
    )


def _vocabulary(table: str) -> tuple[Rule, ...]:
    markers = " ".join(f"when '{status}' then {marker}" for status, marker in MARKERS.items())
    return (
        expect_no_rows_where(
            "organisation_level_is_known",
            table,
            f"org_level is null or org_level not in ({sql_list((*ORGANISATION_LEVELS, *PAIR_LEVELS))})",
            f"org_level is one of {', '.join((*ORGANISATION_LEVELS, *PAIR_LEVELS))}. {CONTRACT}",
        ),
        expect_no_rows_where(
            "statistic_is_known",
            table,
            f"statistic is null or statistic not in ({sql_list(STATISTICS)})",
            f"statistic is one of {', '.join(STATISTICS)}: a minimum, a maximum or a raw sum describes "
            f"single people and is never released. {REPORT_RULE}",
        ),
        expect_no_rows_where(
            "status_is_known",
            table,
            f"value_status is null or value_status not in ({sql_list(MARKERS)})",
            "value_status is published, suppressed or not_published; a measure that does not apply has no "
            f"row. {CONTRACT}",
        ),
        expect_no_rows_where(
            "marker_agrees_with_status",
            table,
            f"value_status in ({sql_list(MARKERS)}) and value_marker is distinct from case value_status {markers} end",
            "value_marker is absent beside a published figure, [c] beside a suppressed one and [x] beside "
            "one that was never published. Source: the Analysis Function's shorthand for tables.",
        ),
        expect_no_rows_where(
            "absent_text_is_null",
            table,
            " or ".join(
                f"trim({column}) = ''"
                for column in (
                    "org_name",
                    "partner_code",
                    "partner_name",
                    "variable_a",
                    "variable_b",
                    "measure_id",
                )
            ),
            "Text that is absent is NULL, never empty or blank: two spellings of nothing would make two keys "
            f"of one. {CONTRACT}",
        ),
        Rule(
            name="measures_are_in_dim_measure",
            table=table,
            description=f"Every measure is described in dim_measure. {CONTRACT}",
            query=f"""
                with figures as (select {sql_keys(table)} from {{batch}})
                select {sql_keys(table)} from figures anti join dim_measure using (measure)
            """,
        ),
        Rule(
            name="statistic_agrees_with_dim_measure",
            table=table,
            description=f"statistic is the one dim_measure gives for the measure. {CONTRACT}",
            query=load_query("release/statistic_agrees_with_dim_measure", table),
        ),
    )


def _organisations_and_categories(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "partners_are_on_pairs_only",
            table,
            f"(partner_code is not null) <> {IS_PAIR} or (partner_name is not null) <> {IS_PAIR}",
            f"partner_code and partner_name are filled on {' and '.join(PAIR_LEVELS)} rows, always, and on no "
            f"other. {CONTRACT}",
        ),
        expect_no_rows_where(
            "only_england_uses_its_code",
            table,
            ONLY_ENGLAND_USES_ITS_CODE,
            f"England is {ENGLAND}, and no other organisation is. Source: the ONS code of England.",
        ),
        Rule(
            name="organisations_are_in_dim_organisation",
            table=table,
            description=(
                "Every organisation is described in dim_organisation under its level, as one that is in a drop "
                "unless its figure is a total that was built here; a pair's two organisations under theirs. "
                f"{CONTRACT}"
            ),
            query=load_query(
                "release/organisations_are_in_dim_organisation", table, level_of_organisation=LEVEL_OF_ORGANISATION
            ),
        ),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "total_rows_have_no_categories",
            table,
            "variable_type = 'Total' and (variable_a is not null or variable_b is not null)",
            f"A Total counts everyone: its variable_a and variable_b are absent. {CONTRACT}",
        ),
        expect_no_rows_where(
            "breakdown_rows_name_their_category",
            table,
            "variable_type <> 'Total' and variable_a is null",
            f"A row of a breakdown names in variable_a the category it counts. {CONTRACT}",
        ),
    )


def org_type_is_that_of_dim_organisation(table: str) -> Rule:
    """Return the rule that org_type is what the organisation of a row is, and in a pair what either of the two is."""
    return Rule(
        name="org_type_is_that_of_dim_organisation",
        table=table,
        description=(
            "org_type is placeholder where dim_organisation calls the organisation one, or in a pair either of the "
            "two; else unknown where it does not list one or calls it so; else the row's level. "
            "Source: a code that is no place must never be ranked or mapped as one."
        ),
        query=load_query(
            "release/org_type_is_that_of_dim_organisation",
            table,
            level_of_organisation=LEVEL_OF_ORGANISATION,
            partner="partner_code" if "partner_code" in CONTRACTS[table] else "cast(null as varchar)",
        ),
    )


def _periods(table: str) -> tuple[Rule, ...]:
    grain = EXTRACT_GRAINS[table]
    return (
        _rows_of_wrong_periods(
            "period_agrees_with_its_dates",
            table,
            disagrees_with_calendar(grain),
            f"period, period_start and period_end are one and the same {grain}. "
            "Source: financial years run from April to March.",
        ),
        _rows_of_wrong_periods(
            "financial_year_agrees_with_its_dates",
            table,
            f"financial_year is distinct from {FINANCIAL_YEAR_OF_PERIOD_START}",
            "financial_year is the April to March that period_start lies in. "
            "Source: financial years run from April to March.",
        ),
        Rule(
            name="periods_are_in_dim_period",
            table=table,
            description=f"Every period is in dim_period as a {grain}. {CONTRACT}",
            query=f"""
                with figures as (select {sql_keys(table)} from {{batch}}),
                calendar as (select period from dim_period where period_grain = '{grain}')
                select {sql_keys(table)} from figures anti join calendar using (period)
            """,
        ),
    )


def _rows_of_wrong_periods(name: str, table: str, condition: str, description: str) -> Rule:
    """Return the rule that no row's period meets a condition; each period is looked at once."""
    return Rule(name, table, description, load_query("release/wrong_periods", table, condition=condition))


def _values(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "values_are_numbers",
            table,
            "value is not null and (not isfinite(value) or (value = 0 and signbit(value)))",
            "No figure is infinite, not a number, or a zero below zero. Source: none was ever published.",
        ),
        expect_no_rows_where(
            "counts_are_absent_or_multiples_of_five",
            table,
            "statistic = 'count' and value is not null and (not isfinite(value) "
            f"or value < {POLICY.suppress_counts_below} or value % {POLICY.round_counts_to} <> 0)",
            f"A count is absent, or a multiple of {POLICY.round_counts_to} and at least "
            f"{POLICY.suppress_counts_below}: one of {LEAST_HIDDEN} to {MOST_HIDDEN} is withheld. {REPORT_RULE}",
        ),
        expect_no_rows_where(
            "percentages_are_absent_or_whole",
            table,
            "statistic = 'percentage' and value is not null "
            f"and (not isfinite(value) or value < 0 or value > 100 or {_is_too_fine('percentage')})",
            f"A percentage is absent, or from 0 to 100. {_decimals('percentage')} {REPORT_RULE}",
        ),
        expect_no_rows_where(
            "means_and_medians_have_one_decimal",
            table,
            "statistic in ('mean', 'median') and value is not null "
            f"and (not isfinite(value) or {_is_too_fine('mean', 'median')})",
            f"{_decimals('mean', 'median')} Source: the publisher's own precision.",
        ),
        expect_no_rows_where(
            "only_published_rows_have_a_value",
            table,
            "value_status is distinct from 'published' and value is not null",
            f"A row that is suppressed or was never published has no value. {REPORT_RULE}",
        ),
        expect_no_rows_where(
            "published_rows_have_a_value",
            table,
            "value_status = 'published' and value is null",
            f"A published row has its value: what is absent has another status. {CONTRACT}",
        ),
    )


def _is_too_fine(*statistics: str) -> str:
    """Return the condition that a figure has more decimals than its statistic is released with."""
    return " or ".join(
        f"(statistic = '{statistic}' and value <> round(value, {POLICY.decimals.get(statistic, 0)}))"
        for statistic in statistics
    )


def _decimals(*statistics: str) -> str:
    words = {0: "is whole", 1: "has at most one decimal"}
    return " ".join(f"A {statistic} {words[POLICY.decimals.get(statistic, 0)]}." for statistic in statistics)


def _suppression_of_dependent_values(table: str) -> tuple[Rule, ...]:
    return (
        _published_with_a_part(
            "numerator",
            name="percentages_are_suppressed_with_their_numerator",
            table=table,
            statistics=("percentage",),
            description=(
                "A percentage is withheld where its numerator is: the same period, organisation and "
                f"population; where the numerator is a sum, when all its parts are. {REPORT_RULE}"
            ),
        ),
        _published_with_a_part(
            "base",
            name="means_and_medians_are_suppressed_with_their_base",
            table=table,
            statistics=("mean", "median"),
            description=(
                "A mean or a median is withheld where the count it rests on is: the same period, "
                "organisation and population. Source: the publisher hides a mean of too few cases."
            ),
        ),
    )


def _published_with_a_part(
    rests_on: str, *, name: str, table: str, statistics: Sequence[str], description: str
) -> Rule:
    """Return the rule that a figure is shown only if a part of what it rests on, a column of dim_measure, is shown."""
    return Rule(
        name=name,
        table=table,
        description=description,
        query=load_query(
            "release/published_beside_suppressed_parts",
            table,
            rests_on=rests_on,
            statistics=sql_list(statistics),
            population=POPULATION,
        ),
    )


def _bounds(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "suppressed_counts_are_bounded_by_0_and_4",
            table,
            "statistic = 'count' and value_status = 'suppressed' and ("
            f"lower_bound is distinct from {LEAST_HIDDEN} "
            f"or upper_bound is distinct from {MOST_HIDDEN} * case when is_derived then suppressed_parts else 1 end)",
            f"A suppressed count is declared to lie between {LEAST_HIDDEN} and {MOST_HIDDEN}, and a total of nothing "
            f"but suppressed parts between {LEAST_HIDDEN} and {MOST_HIDDEN} for each of them: a narrower interval "
            "would reveal it. "
            "Source: the publisher's rule, as declared in the methodology.",
        ),
        expect_no_rows_where(
            "published_counts_are_bounded_by_their_rounding",
            table,
            "statistic = 'count' and value_status = 'published' and is_derived is distinct from true "
            "and value is not null and ("
            f"lower_bound is distinct from greatest({POLICY.suppress_counts_below}, value - {LESS}) "
            f"or upper_bound is distinct from value + {MORE})",
            f"A published count r is declared to lie between the larger of {POLICY.suppress_counts_below} and "
            f"r - {LESS}, and r + {MORE}: what rounding to the nearest {POLICY.round_counts_to} leaves open, no less. "
            "Source: the publisher's rule, as declared in the methodology.",
        ),
        expect_no_rows_where(
            "published_values_lie_within_their_bounds",
            table,
            "value < lower_bound or value > upper_bound",
            "A figure lies within the bounds declared for it. Source: arithmetic.",
        ),
        expect_no_rows_where(
            "derived_bounds_allow_for_suppressed_parts",
            table,
            "is_derived and value_status = 'published' "
            f"and upper_bound < value + {MORE} + {MOST_HIDDEN} * suppressed_parts",
            "The upper bound of a total that we built leaves room for the rounding of its published parts "
            f"and {MOST_HIDDEN} for each suppressed part. Source: the methodology of derived totals.",
        ),
        expect_no_rows_where(
            "derived_rows_declare_bounds_and_suppressed_parts",
            table,
            "is_derived and value_status is distinct from 'not_published' "
            "and (lower_bound is null or upper_bound is null "
            "or suppressed_parts is null or suppressed_parts < 0)",
            "A derived total has the bounds between which the true total lies and the number of its parts "
            "are suppressed. Source: the methodology of derived totals.",
        ),
        expect_no_rows_where(
            "only_derived_rows_count_suppressed_parts",
            table,
            "is_derived is distinct from true and suppressed_parts is not null",
            f"A figure carried over as published has no suppressed_parts. {CONTRACT}",
        ),
        expect_no_rows_where(
            "only_counts_have_bounds",
            table,
            "statistic is distinct from 'count' and (lower_bound is not null or upper_bound is not null)",
            "Bounds are declared for counts only; and so no percentage, mean or median is ever derived. "
            "Source: a rate cannot be rebuilt from rounded counts.",
        ),
        expect_no_rows_where(
            "not_published_rows_have_no_bounds",
            table,
            "value_status = 'not_published' "
            "and (lower_bound is not null or upper_bound is not null or suppressed_parts is not null)",
            f"Of a figure that was never published nothing is known. {CONTRACT}",
        ),
    )


def _provenance(table: str) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "figures_name_their_drop",
            table,
            "value_status is distinct from 'not_published' "
            "and not (is_derived is not distinct from true and drop_sha256 is null) "
            "and not coalesce("
            "length(drop_sha256) = 64 and regexp_full_match(drop_sha256, '[0-9a-f]+'), false)",
            "A published or suppressed figure names the sha256 of the drop it was read from, unless we "
            "derived it. Source: every figure can be traced to a published file.",
        ),
        Rule(
            name="gaps_name_no_drop_and_dashes_name_theirs",
            table=table,
            description=(
                "A row of a period that was never published was read from no drop; one that is not_published in "
                "another period was read as a dash, from the drop it names. Source: an organisation's all-dash "
                "month in the publisher's time series."
            ),
            query=load_query("release/gaps_name_no_drop_and_dashes_name_theirs", table, grain=EXTRACT_GRAINS[table]),
        ),
    )


def _gaps(table: str) -> tuple[Rule, ...]:
    grain = EXTRACT_GRAINS[table]
    return (
        Rule(
            name="unpublished_periods_hold_no_figures",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_published has no value, and no status but "
                "not_published: it is never zero, never interpolated, never a sum. Source: the known gaps of "
                "the catalogue."
            ),
            query=load_query("unpublished_periods_hold_no_figures", table, grain=grain, applies="true"),
        ),
        Rule(
            name="periods_without_data_have_no_rows",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_loaded or not_due has no rows. "
                "Source: the data contract of the release."
            ),
            query=load_query("periods_without_data_have_no_rows", table, grain=grain, applies="true"),
        ),
    )


def _unpublished_periods_show_every_gap(table: str) -> Rule:
    """Return the rule that is not decided by period: the rows of a gap are those of the periods beside it."""
    grain = EXTRACT_GRAINS[table]
    return Rule(
        name="unpublished_periods_show_every_gap",
        table=table,
        description=(
            f"In a {grain} that dim_period calls not_published, every organisation, population and "
            f"measure of the {grain} before or after is there as a not_published row, so that a chart "
            "breaks and a table shows the gap. Source: the known gaps of the catalogue."
        ),
        query=load_query(
            "release/unpublished_periods_show_every_gap",
            table,
            grain=grain,
            keys_within_a_period=", ".join(column for column in KEYS[table] if column != "period"),
        ),
    )
