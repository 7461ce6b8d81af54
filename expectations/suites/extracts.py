"""The rules of the three extracts: what a published figure, a suppressed one and a gap must look like.

Their numbers are those of the disclosure policy. The profile is nobody's question here: every profile has the same
numbers, and a figure that one of them hides beyond the rule is a suppressed one like any other.
"""

from collections.abc import Sequence

from expectations.rules import Rule, with_subject
from expectations.suites.calendar import FINANCIAL_YEAR_OF_PERIOD_START, disagrees_with_calendar
from expectations.suites.common_rules import expect_no_rows_where, sql_keys, structure_rules
from expectations.suites.whole_and_part_rules import parts_of_the_day
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
#: What stands beside a released value of each status, as SQL.
MARKERS = {
    status: quote_literal(VALUE_STATUSES[status].marker) if VALUE_STATUSES[status].marker else "null"
    for status in TABLES["extract_monthly"].get_values("value_status")
}

REPORT_RULE = "Source: the disclosure rules of NHS Digital's interactive report, kept here at every level."
CONTRACT = "Source: the data contract of the release."


def rules(table: str) -> tuple[Rule, ...]:
    """Return every rule of one extract, the rule about its columns first."""
    return (
        *structure_rules(table),
        *with_subject("vocabulary", _vocabulary(table)),
        *with_subject("organisations_and_categories", _organisations_and_categories(table)),
        *with_subject("periods", _periods(table)),
        *with_subject("values", _values(table)),
        *with_subject("values_hidden_with_what_they_rest_on", _values_hidden_with_what_they_rest_on(table)),
        *with_subject("bounds", _bounds(table)),
        *with_subject("provenance", _provenance(table)),
        *with_subject("gaps", _gaps(table)),
        *with_subject("wholes_and_parts", (parts_of_the_day(table),)),
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
            f"single people and never leaves. {REPORT_RULE}",
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
            name="measures_stand_in_dim_measure",
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
            query=f"""
                with figures as (select {sql_keys(table)}, statistic from {{batch}})
                select {sql_keys(table, "figures")}
                from figures join dim_measure using (measure)
                where figures.statistic is distinct from dim_measure.statistic
            """,
        ),
    )


def _organisations_and_categories(table: str) -> tuple[Rule, ...]:
    is_pair = f"coalesce(org_level in ({sql_list(PAIR_LEVELS)}), false)"
    commissioner_levels = " ".join(f"when '{pair}' then '{level}'" for pair, level in PAIR_LEVELS.items())
    return (
        expect_no_rows_where(
            "partners_stand_on_pairs_only",
            table,
            f"(partner_code is not null) <> {is_pair} or (partner_name is not null) <> {is_pair}",
            f"partner_code and partner_name stand on {' and '.join(PAIR_LEVELS)} rows, always, and on no "
            f"other. {CONTRACT}",
        ),
        expect_no_rows_where(
            "only_england_uses_its_code",
            table,
            f"(coalesce(org_level, '') = 'england') <> (coalesce(org_code, '') = '{ENGLAND}') "
            f"or partner_code = '{ENGLAND}'",
            f"England is {ENGLAND}, and no other organisation is. Source: the ONS code of England.",
        ),
        Rule(
            name="organisations_stand_in_dim_organisation",
            table=table,
            description=(
                "Every organisation is described in dim_organisation under its level, as one that stands in a drop "
                "unless its figure is a total that was built here; a pair's two organisations under theirs. "
                f"{CONTRACT}"
            ),
            query=f"""
                with figures as (
                    select
                        {sql_keys(table)},
                        is_derived,
                        case org_level {commissioner_levels} else org_level end as level_of_organisation
                    from {{batch}}
                ),
                organisations as (
                    select org_level, org_code, is_in_drops from dim_organisation
                ),
                providers as (
                    select org_code as partner_code, true as is_known_partner
                    from dim_organisation where org_level = 'provider' and is_in_drops
                )
                select {sql_keys(table, "figures")}
                from figures
                left join organisations
                    on organisations.org_level = figures.level_of_organisation
                    and organisations.org_code = figures.org_code
                left join providers using (partner_code)
                where (not is_in_drops and is_derived is distinct from true) or is_in_drops is null
                    or (figures.partner_code is not null and is_known_partner is null)
            """,
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
            f"A row of a breakdown says in variable_a which category it counts. {CONTRACT}",
        ),
    )


def org_type_is_that_of_dim_organisation(table: str) -> Rule:
    """Return the rule that every row says what its organisation is, and in a pair what either of the two is."""
    levels = " ".join(f"when '{pair}' then '{level}'" for pair, level in PAIR_LEVELS.items())
    partner = "partner_code" if "partner_code" in CONTRACTS[table] else "cast(null as varchar)"
    return Rule(
        name="org_type_is_that_of_dim_organisation",
        table=table,
        description=(
            "org_type is placeholder where dim_organisation calls the organisation one, or in a pair either of the "
            "two; else unknown where it does not list one or calls it so; else the row's level. "
            "Source: a code that is no place must never be ranked or mapped as one."
        ),
        query=f"""
            with rows as (
                select
                    {sql_keys(table)}, org_type,
                    org_level as level_of_row, {partner} as code_of_partner,
                    case org_level {levels} else org_level end as level_of_organisation
                from {{batch}}
            ),
            organisations as (
                select org_level as level_of_organisation, org_code, org_type as type_of_organisation
                from dim_organisation
            ),
            partners as (
                select org_code as code_of_partner, org_type as type_of_partner
                from dim_organisation where org_level = 'provider'
            ),
            types as (
                select
                    {sql_keys(table)}, org_type, level_of_row,
                    coalesce(type_of_organisation, 'unknown') as type_of_organisation,
                    case when code_of_partner is null then 'none' else coalesce(type_of_partner, 'unknown') end
                        as type_of_partner
                from rows
                left join organisations using (level_of_organisation, org_code)
                left join partners using (code_of_partner)
            )
            select {sql_keys(table)} from types
            where org_type is distinct from case
                when 'placeholder' in (type_of_organisation, type_of_partner) then 'placeholder'
                when 'unknown' in (type_of_organisation, type_of_partner) then 'unknown'
                else level_of_row
            end
        """,
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
            name="periods_stand_in_dim_period",
            table=table,
            description=f"Every period stands in dim_period as a {grain}. {CONTRACT}",
            query=f"""
                with figures as (select {sql_keys(table)} from {{batch}}),
                calendar as (select period from dim_period where period_grain = '{grain}')
                select {sql_keys(table)} from figures anti join calendar using (period)
            """,
        ),
    )


def _rows_of_wrong_periods(name: str, table: str, condition: str, description: str) -> Rule:
    """Return the rule that no row's period meets a condition; each period is looked at once."""
    period = ("period", "period_start", "period_end", "financial_year")
    same_period = " and ".join(f"figures.{column} is not distinct from wrong_periods.{column}" for column in period)
    return Rule(
        name=name,
        table=table,
        description=description,
        query=f"""
            with periods as (select distinct {", ".join(period)} from {table}),
            wrong_periods as (from periods where {condition}),
            figures as (select {sql_keys(table)}, {", ".join(period[1:])} from {{batch}})
            select {sql_keys(table)} from figures semi join wrong_periods on {same_period}
        """,
    )


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
            f"A published row has its value: what is absent says why. {CONTRACT}",
        ),
    )


def _is_too_fine(*statistics: str) -> str:
    """Return the condition that a figure has more decimals than its kind leaves with; none, if its kind stays."""
    return " or ".join(
        f"(statistic = '{statistic}' and value <> round(value, {POLICY.decimals.get(statistic, 0)}))"
        for statistic in statistics
    )


def _decimals(*statistics: str) -> str:
    words = {0: "is whole", 1: "has at most one decimal"}
    return " ".join(f"A {statistic} {words[POLICY.decimals.get(statistic, 0)]}." for statistic in statistics)


def _values_hidden_with_what_they_rest_on(table: str) -> tuple[Rule, ...]:
    return (
        _shown_only_with_one_of(
            "numerator",
            name="percentages_are_hidden_with_their_numerator",
            table=table,
            statistics=("percentage",),
            description=(
                "A percentage is withheld where its numerator is: the same period, organisation and "
                f"population; where the numerator is a sum, when all its parts are. {REPORT_RULE}"
            ),
        ),
        _shown_only_with_one_of(
            "base",
            name="means_and_medians_are_hidden_with_their_base",
            table=table,
            statistics=("mean", "median"),
            description=(
                "A mean or a median is withheld where the count it rests on is: the same period, "
                "organisation and population. Source: the publisher hides a mean of too few cases."
            ),
        ),
    )


def _shown_only_with_one_of(column: str, *, name: str, table: str, statistics: Sequence[str], description: str) -> Rule:
    same_population = " and ".join(
        f"shown_figures.{key} is not distinct from hidden_counts.{key}" for key in POPULATION
    )
    return Rule(
        name=name,
        table=table,
        description=description,
        query=f"""
            with shown_figures as (
                select {sql_keys(table)} from {{batch}}
                where statistic in ({sql_list(statistics)}) and value is not null
            ),
            hidden_counts as (
                select {sql_keys(table)} from {table} where value_status = 'suppressed'
            ),
            parts_of_a_measure as (
                select distinct measure, unnest(string_split({column}, ' + ')) as part
                from dim_measure where statistic in ({sql_list(statistics)})
            ),
            number_of_parts as (
                select measure, count(*) as parts from parts_of_a_measure group by measure
            ),
            hidden_parts_of_shown_figures as (
                select {sql_keys(table, "shown_figures")}, count(distinct part) as hidden_parts
                from shown_figures
                join parts_of_a_measure using (measure)
                join hidden_counts on {same_population} and hidden_counts.measure = part
                group by all
            )
            select {sql_keys(table)}
            from hidden_parts_of_shown_figures join number_of_parts using (measure)
            where hidden_parts = parts
        """,
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
            "derived_bounds_allow_for_hidden_parts",
            table,
            "is_derived and value_status = 'published' "
            f"and upper_bound < value + {MORE} + {MOST_HIDDEN} * suppressed_parts",
            "The upper bound of a total that we built leaves room for the rounding of its published parts "
            f"and {MOST_HIDDEN} for each suppressed part. Source: the methodology of derived totals.",
        ),
        expect_no_rows_where(
            "derived_rows_declare_bounds_and_hidden_parts",
            table,
            "is_derived and value_status is distinct from 'not_published' "
            "and (lower_bound is null or upper_bound is null "
            "or suppressed_parts is null or suppressed_parts < 0)",
            "A total that we built says between which bounds the true total lies and how many of its parts "
            "are suppressed. Source: the methodology of derived totals.",
        ),
        expect_no_rows_where(
            "only_derived_rows_count_hidden_parts",
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
            query=f"""
                with gaps as (
                    select period from dim_period
                    where period_grain = '{EXTRACT_GRAINS[table]}' and publication_status = 'not_published'
                ),
                rows_without_figures as (
                    select {sql_keys(table)}, drop_sha256 from {{batch}} where value_status = 'not_published'
                )
                select {sql_keys(table)} from rows_without_figures
                where (drop_sha256 is null) <> coalesce(period in (select period from gaps), false)
            """,
        ),
    )


def _gaps(table: str) -> tuple[Rule, ...]:
    grain = EXTRACT_GRAINS[table]
    gaps = f"period_grain = '{grain}' and publication_status = 'not_published'"
    within_a_period = ", ".join(column for column in KEYS[table] if column != "period")
    return (
        Rule(
            name="unpublished_periods_hold_no_figures",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_published has no value, and no status but "
                "not_published: it is never zero, never interpolated, never a sum. Source: the known gaps of "
                "the catalogue."
            ),
            query=f"""
                with gaps as (select period from dim_period where {gaps})
                select {sql_keys(table)} from {{batch}}
                where period in (from gaps)
                  and (value is not null or value_status is distinct from 'not_published')
            """,
        ),
        Rule(
            name="unpublished_periods_show_every_gap",
            table=table,
            description=(
                f"In a {grain} that dim_period calls not_published, every organisation, population and "
                f"measure of the {grain} before or after stands as a not_published row, so that a chart "
                "breaks and a table shows the gap. Source: the known gaps of the catalogue."
            ),
            query=f"""
                with gaps as (
                    select period, unnest([previous_period, next_period]) as neighbour
                    from dim_period where {gaps}
                ),
                gaps_beside_a_known_period as (
                    select gaps.period, gaps.neighbour
                    from gaps join dim_period on dim_period.period = gaps.neighbour
                    where period_grain = '{grain}' and publication_status <> 'not_published'
                ),
                rows_of_neighbours as (
                    select period as neighbour, {within_a_period} from {table}
                    where period in (select neighbour from gaps)
                ),
                rows_expected as (
                    select distinct period, {within_a_period}
                    from gaps_beside_a_known_period join rows_of_neighbours using (neighbour)
                )
                select {sql_keys(table)} from rows_expected
                except
                select {sql_keys(table)} from {{batch}}
                where value_status = 'not_published' and period in (select period from gaps)
            """,
        ),
        Rule(
            name="periods_without_data_have_no_rows",
            table=table,
            description=(
                f"A {grain} that dim_period calls not_loaded or not_due has no rows. "
                "Source: the data contract of the release."
            ),
            query=f"""
                with periods_without_data as (
                    select period from dim_period
                    where period_grain = '{grain}' and publication_status in ('not_loaded', 'not_due')
                )
                select {sql_keys(table)} from {{batch}} where period in (from periods_without_data)
            """,
        ),
    )
