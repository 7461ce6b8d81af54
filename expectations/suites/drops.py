"""The rules of the drops: what a file of the publisher must look like, by series, level and kind of statistic.

They are about the publisher's figures as they were read, before anything is made of them. `observations.py` says in
which form, and which columns there are to judge.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.observations import MARKERS, SERIES, SUBMISSION, UNKNOWN
from expectations.rules import Rule, with_subject
from expectations.suites.calendar import CALENDARS
from expectations.suites.common_rules import expect_no_rows_where, sql_keys
from expectations.suites.value_rules import (
    BELOW_ENGLAND,
    IS_PAIR,
    LONGEST_LIKELY_WAIT_IN_DAYS,
    LOOK_AT_THE_FILE,
    ONLY_ENGLAND_USES_ITS_CODE,
    PUBLISHER,
    REVIEW_THE_MEASURE,
    REVIEW_THE_RULE,
    value_rules,
)
from iapt.contract import DROPS, ORGANISATION_LEVELS, PAIR_LEVELS, VALUE_STATUSES, Grain
from iapt.sql import sql_list

GRAIN_OF_SERIES: Final[Mapping[str, Grain]] = MappingProxyType(
    {
        "monthly": "month",
        "timeseries": "month",
        "data_quality": "month",
        "quarterly": "quarter",
        "annual": "year",
    }
)
CONTRACT = "Source: the contract of an observation."
#: A count, and one that counts it among others: rounding keeps their order.
PARTS_AND_WHOLES: Final = (
    ("count_reliable_recovery", "count_recovery"),
    ("count_recovery", "count_finished_course_treatment"),
)
#: What a finished course can have come to, at most one of the three.
OUTCOMES: Final = ("count_reliable_improvement", "count_reliable_deterioration", "count_no_reliable_change")
FINISHED: Final = "count_finished_course_treatment"
#: Each of four rounded counts lies within 2 of its true one.
ROUNDING_OF_FOUR_COUNTS: Final = 8


def _populations() -> tuple[Rule, ...]:
    table = "populations"
    grains = " ".join(f"when '{series}' then '{grain}'" for series, grain in GRAIN_OF_SERIES.items())
    periods = " or ".join(
        f"(period_grain = '{grain}' and ("
        f"period_start is distinct from {calendar.period_start} or period_end is distinct from {calendar.period_end}))"
        for grain, calendar in CALENDARS.items()
    )
    return (
        expect_no_rows_where(
            "series_is_known_and_has_its_grain",
            table,
            f"coalesce(series, '') not in ({sql_list(SERIES)}) "
            f"or period_grain is distinct from (case series {grains} end)",
            f"A series is one of {', '.join(SERIES)}, and each has periods of one grain. Source: the layouts of the "
            "catalogue.",
            layer="drops",
        ),
        expect_no_rows_where(
            "periods_are_whole",
            table,
            periods,
            "A period is from the first to the last day of one month, quarter or financial year. "
            "Source: financial years run from April to March.",
            layer="drops",
        ),
        expect_no_rows_where(
            "organisation_level_is_known",
            table,
            f"org_level is null or org_level not in ({sql_list((*ORGANISATION_LEVELS, *PAIR_LEVELS))})",
            f"org_level is one of {', '.join((*ORGANISATION_LEVELS, *PAIR_LEVELS))}. {CONTRACT}",
            layer="drops",
        ),
        expect_no_rows_where(
            "organisations_have_a_code",
            table,
            "coalesce(trim(org_code), '') = ''",
            "Every organisation has a code; one that is not known has the publisher's word for that, such as "
            f"UNKNOWN. {CONTRACT}",
            layer="drops",
        ),
        expect_no_rows_where(
            "pairs_have_both_codes",
            table,
            f"(partner_code is not null) <> {IS_PAIR} or trim(partner_code) = ''",
            f"A pair has the codes of both its organisations, and nobody else has a partner. {CONTRACT}",
            layer="drops",
        ),
        expect_no_rows_where(
            "only_england_uses_its_code",
            table,
            ONLY_ENGLAND_USES_ITS_CODE,
            "England is E92000001, and no other organisation is. Source: the ONS code of England.",
            layer="drops",
        ),
        expect_no_rows_where(
            "populations_are_named",
            table,
            "coalesce(trim(variable_type), '') = '' or (variable_type <> 'Total' and variable_a is null)",
            f"A row counts everyone (Total), or says which category of which variable it counts. {CONTRACT}",
            layer="drops",
        ),
    )


def _figures() -> tuple[Rule, ...]:
    table = "observations"
    keys = sql_keys(table)
    return (
        Rule(
            name="figures_stand_once",
            table=table,
            description=(
                "In one drop a figure of an organisation, population, period and measure stands once; a row that "
                "repeats another is marked by the reader as its duplicate. Source: two figures of one cell would "
                "be a choice between them."
            ),
            query=f"""
                with hashes_that_stand_twice as (
                    select hash(population, measure) as key_hash from observations where not is_duplicate
                    group by key_hash having count(*) > 1
                ),
                suspects as (
                    select {keys}, population, measure from {{batch}}
                    where not is_duplicate and hash(population, measure) in (from hashes_that_stand_twice)
                ),
                keys_that_stand_twice as (
                    select population, measure from suspects group by all having count(*) > 1
                )
                select {keys} from suspects semi join keys_that_stand_twice using (population, measure)
            """,
            layer="drops",
        ),
        Rule(
            name="duplicates_repeat_a_figure",
            table=table,
            description=(
                "A row that the reader has marked as a duplicate repeats one that is not, figure for figure: "
                f"duplicates are left out of the marts. {CONTRACT}"
            ),
            query=f"""
                with duplicates as (
                    select {keys}, population, measure, value, value_status from {{batch}} where is_duplicate
                ),
                repeated as (
                    select population, measure, value, value_status, true as is_repeated from observations
                    where not is_duplicate and population in (select population from duplicates)
                )
                select {sql_keys(table, "duplicates")}
                from duplicates
                left join repeated
                    on duplicates.population = repeated.population
                    and duplicates.measure = repeated.measure
                    and duplicates.value is not distinct from repeated.value
                    and duplicates.value_status is not distinct from repeated.value_status
                where is_repeated is null
            """,
            layer="drops",
        ),
        expect_no_rows_where(
            "kind_of_statistic_is_known",
            table,
            f"statistic = '{UNKNOWN}'",
            "A measure is a count, a percentage, a mean, a median, an extreme or a sum: by its reviewed row, or by "
            "what its name begins with. No rule judges the figures of any other, and none of them leaves. "
            "Source: seeds/measures.csv.",
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_MEASURE,
        ),
    )


def _markers() -> tuple[Rule, ...]:
    table = "observations"
    statuses = " ".join(f"when '{marker}' then '{status}'" for marker, status in MARKERS.items())
    return (
        expect_no_rows_where(
            "status_is_known",
            table,
            f"value_status is null or value_status not in ({sql_list(VALUE_STATUSES)})",
            f"Every figure is one of {', '.join(VALUE_STATUSES)}. Source: the contract of an observation.",
            layer="drops",
        ),
        expect_no_rows_where(
            "markers_mean_one_status",
            table,
            f"value is null and (marker is null or value_status is distinct from (case marker {statuses} end))",
            "Where there is no number, * means suppressed, - means not published and NULL means not applicable: "
            "nothing else stands there, and none of them stands for another. Source: the layouts of the catalogue.",
            layer="drops",
        ),
        Rule(
            name="dashes_fill_whole_rows",
            table=table,
            description=(
                "An organisation whose month a time series does not have (a dash) has no other figure in that month. "
                "Source: 15,019 rows of the publisher's time series, every one all dashes."
            ),
            query=f"""
                with dashes as (
                    select distinct population from observations
                    semi join (select population from populations where series = 'timeseries') as time_series
                        using (population)
                    where value_status = 'not_published'
                )
                select {sql_keys(table)} from {{batch}} semi join dashes using (population)
                where value_status in ('published', 'suppressed')
            """,
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
    )


def _more_values() -> tuple[Rule, ...]:
    table = "observations"
    return (
        expect_no_rows_where(
            "submissions_are_0_or_1",
            table,
            f"statistic = '{SUBMISSION}' and (value is null or value not in (0, 1))",
            "Whether a provider has submitted a table is an exact 0 or 1. Source: the publisher's data-quality "
            "file, in which every other count is rounded.",
            severity="warning",
            layer="drops",
            remedy=LOOK_AT_THE_FILE,
        ),
        expect_no_rows_where(
            "waits_are_likely",
            table,
            "statistic in ('mean', 'median') and unit = 'days' and value_status = 'published' "
            f"and value > {LONGEST_LIKELY_WAIT_IN_DAYS}",
            f"A mean or median wait is at most {LONGEST_LIKELY_WAIT_IN_DAYS:,} days. Source: longer ones have been "
            "published, each of a single provider in a single month; they are kept and worth a look.",
            severity="warning",
            layer="drops",
            remedy=LOOK_AT_THE_FILE,
        ),
    )


def _hidden_with_what_they_rest_on() -> tuple[Rule, ...]:
    table = "percentages"
    means = "observations"
    shown_counts = "value_status = 'published' and statistic = 'count'"
    hidden_counts = "value_status = 'suppressed' and statistic = 'count'"
    return (
        expect_no_rows_where(
            "percentages_are_hidden_with_their_numerator",
            table,
            f"value_status = 'published' and numerator_parts = 1 and hidden_parts = 1 and {BELOW_ENGLAND}",
            "A percentage is withheld where its numerator is: beside a shown denominator it gives the hidden count "
            f"back. A numerator of two hidden counts may be large enough to show. {PUBLISHER}",
            layer="drops",
        ),
        expect_no_rows_where(
            "percentages_are_shown_with_their_numerator",
            table,
            f"value_status = 'suppressed' and shown_parts = numerator_parts and {BELOW_ENGLAND}",
            f"A percentage whose numerator is shown is shown too: the denominator alone hides nothing. {PUBLISHER}",
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
        _beside_base(
            "means_and_medians_are_hidden_with_their_base",
            means,
            figures="value_status = 'published'",
            bases=hidden_counts,
            description=(
                "A mean or a median is withheld where the count it rests on is. Source: every monthly figure at "
                "hand; the bases of the annual means are not confirmed."
            ),
        ),
        _beside_base(
            "means_and_medians_are_shown_with_their_base",
            means,
            figures="value_status = 'suppressed'",
            bases=shown_counts,
            description=(
                "A mean or a median is shown where the count it rests on is. Source: every monthly figure at hand; "
                "the bases of the annual means are not confirmed."
            ),
        ),
    )


def _beside_base(name: str, table: str, *, figures: str, bases: str, description: str) -> Rule:
    """Return the rule that no mean or median of a kind stands beside a base of a kind."""
    return Rule(
        name=name,
        table=table,
        description=description,
        query=f"""
            with figures as (
                select {sql_keys(table)}, population, base
                from (
                    select {sql_keys(table)}, population, measure from {{batch}}
                    where statistic in ('mean', 'median') and {figures} and {BELOW_ENGLAND} and not is_duplicate
                )
                join (select distinct measure, base from measures_of_the_drops) using (measure)
            ),
            bases as (
                select population, measure as base from observations
                where {bases} and not is_duplicate and measure in (select base from measures_of_the_drops)
            )
            select {sql_keys(table)} from figures semi join bases using (population, base)
        """,
        severity="warning",
        layer="drops",
        remedy=REVIEW_THE_RULE,
    )


def _agreement() -> tuple[Rule, ...]:
    table = "observations"
    keys = sql_keys(table)
    pairs = ", ".join(f"('{part}', '{whole}')" for part, whole in PARTS_AND_WHOLES)
    parts, wholes = ([pair[side] for pair in PARTS_AND_WHOLES] for side in (0, 1))
    scale = "case when org_level = 'england' then 10 else 1 end"
    return (
        expect_no_rows_where(
            "percentages_agree_with_their_counts",
            "percentages",
            "value_status = 'published' and missing_counts = 0 and not ("
            f"(2 * round(value * {scale}) - 1) * greatest(denominator_least, 1) <= 200 * {scale} * numerator_most "
            f"and 200 * {scale} * numerator_least <= (2 * round(value * {scale}) + 1) * denominator_most)",
            "Of the counts that may lie behind a percentage, as rounded or hidden, some make it: of England's exact "
            "ones, those themselves do. Source: every monthly and annual figure at hand; the third-party copy of one "
            "quarter breaks it.",
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
        Rule(
            name="middles_lie_between_extremes",
            table=table,
            description=(
                "A mean and a median lie between the minimum and the maximum of the same people. Source: arithmetic."
            ),
            query=f"""
                with of_measures as (
                    select distinct measure, what_is_measured from measures_of_the_drops
                    where statistic in ('mean', 'median', 'minimum', 'maximum')
                ),
                extremes as (
                    select
                        population,
                        what_is_measured,
                        max(value) filter (statistic = 'minimum') as least,
                        min(value) filter (statistic = 'maximum') as most
                    from observations
                    join of_measures using (measure)
                    where statistic in ('minimum', 'maximum') and value_status = 'published'
                    group by population, what_is_measured
                ),
                middles as (
                    select {keys}, population, what_is_measured, value
                    from (
                        select {keys}, population, measure, value from {{batch}}
                        where statistic in ('mean', 'median') and value_status = 'published'
                    )
                    join of_measures using (measure)
                )
                select {keys} from middles join extremes using (population, what_is_measured)
                where value < least or value > most
            """,
            severity="warning",
            layer="drops",
            remedy=LOOK_AT_THE_FILE,
        ),
        Rule(
            name="parts_do_not_exceed_their_whole",
            table=table,
            description=(
                "Those who recovered reliably are among those who recovered, and they among those who finished: no "
                "count of them is larger, or shown beside a hidden one. Source: the publisher's constructions."
            ),
            query=f"""
                with pairs (part, whole) as (values {pairs}),
                parts as (
                    select {keys}, population, cast(measure as varchar) as part, value from {{batch}}
                    where measure in ({sql_list(parts)}) and value_status = 'published' and not is_duplicate
                ),
                wholes as (
                    select population, cast(measure as varchar) as whole, value as whole_value, value_status
                    from observations
                    where measure in ({sql_list(wholes)}) and value_status in ('published', 'suppressed')
                      and not is_duplicate
                )
                select {keys}
                from parts join pairs using (part) join wholes using (population, whole)
                where value > whole_value or value_status = 'suppressed'
            """,
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
        Rule(
            name="outcomes_do_not_exceed_finished_courses",
            table=table,
            description=(
                "Those who improved, deteriorated and did not change are together no more than those who finished, "
                "rounding apart. Source: the publisher's constructions; the three leave out who was not scored twice."
            ),
            query=f"""
                with finished as (
                    select {keys}, population, value from {{batch}}
                    where measure = '{FINISHED}' and value_status = 'published' and not is_duplicate
                ),
                outcomes as (
                    select population, sum(value) as together from observations
                    where measure in ({sql_list(OUTCOMES)}) and value_status = 'published' and not is_duplicate
                    group by population
                )
                select {keys} from finished join outcomes using (population)
                where together > value + {ROUNDING_OF_FOUR_COUNTS}
            """,
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
    )


def _suites() -> dict[str, tuple[Rule, ...]]:
    rules = (
        *_populations(),
        *_figures(),
        *with_subject("statuses", _markers()),
        *value_rules("observations", "drops"),
        *with_subject("values", _more_values()),
        *with_subject("values_hidden_with_what_they_rest_on", _hidden_with_what_they_rest_on()),
        *with_subject("agreement", _agreement()),
    )
    return {table: tuple(rule for rule in rules if rule.table == table) for table in DROPS}


SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(_suites())
