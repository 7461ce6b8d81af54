"""The rules of the drops: what a file of the publisher must look like, by series, level and kind of statistic.

They are about the publisher's figures as they were read, before anything is made of them. `observations.py` says in
which form, and which columns there are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.observations import MARKERS, SUBMISSION, UNKNOWN
from expectations.rules import Rule, load_query, with_subject
from expectations.suites.calendar import CALENDARS
from expectations.suites.common_rules import expect_no_rows_where
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
from iapt.contract import DROPS, ORGANISATION_LEVELS, PAIR_LEVELS, SERIES_GRAINS, VALUE_STATUSES
from iapt.sql import sql_list

CONTRACT = "Source: the contract of an observation."
#: A count, and one that includes it: rounding preserves their order.
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
    grains = " ".join(f"when '{series}' then '{grain}'" for series, grain in SERIES_GRAINS.items())
    periods = " or ".join(
        f"(period_grain = '{grain}' and ("
        f"period_start is distinct from {calendar.period_start} or period_end is distinct from {calendar.period_end}))"
        for grain, calendar in CALENDARS.items()
    )
    return (
        expect_no_rows_where(
            "series_is_known_and_has_its_grain",
            table,
            f"coalesce(series, '') not in ({sql_list(SERIES_GRAINS)}) "
            f"or period_grain is distinct from (case series {grains} end)",
            f"A series is one of {', '.join(SERIES_GRAINS)}, and each has periods of one grain. Source: the layouts of "
            "the catalogue.",
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
            f"A pair has the codes of both its organisations, and no other row has a partner. {CONTRACT}",
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
            "names_are_not_of_other_organisations",
            table,
            "has_name_of_another",
            "No organisations stand under names that the list of organisations gives to each other, or round in a "
            "ring: codes may have changed places. Source: every drop at hand; seeds/organisations.csv.",
            severity="warning",
            layer="drops",
            remedy=LOOK_AT_THE_FILE,
        ),
        expect_no_rows_where(
            "populations_are_named",
            table,
            "coalesce(trim(variable_type), '') = '' or (variable_type <> 'Total' and variable_a is null)",
            f"A row counts everyone (Total), or names the category of the variable that it counts. {CONTRACT}",
            layer="drops",
        ),
    )


def _figures() -> tuple[Rule, ...]:
    table = "observations"
    return (
        Rule(
            name="observations_are_unique",
            table=table,
            description=(
                "In one drop a figure of an organisation, population, period and measure occurs once; a row that "
                "repeats another is marked by the reader as its duplicate. Source: two figures of one cell would "
                "be a choice between them."
            ),
            query=load_query("drops/observations_are_unique", table),
            layer="drops",
        ),
        Rule(
            name="duplicates_repeat_a_figure",
            table=table,
            description=(
                "A row that the reader has marked as a duplicate repeats one that is not, figure for figure: "
                f"duplicates are left out of the marts. {CONTRACT}"
            ),
            query=load_query("drops/duplicates_repeat_a_figure", table),
            layer="drops",
        ),
        expect_no_rows_where(
            "kind_of_statistic_is_known",
            table,
            f"statistic = '{UNKNOWN}'",
            "A measure is a count, a percentage, a mean, a median, an extreme or a sum: by its reviewed row, or by "
            "what its name begins with. No rule is about the figures of any other, and none of them is released. "
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
            query=load_query("drops/dashes_fill_whole_rows", table),
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
        Rule(
            name="data_quality_counts_do_not_exceed_their_denominator",
            table=table,
            description=(
                "Of the records of a provider and data item, those that are valid, default, invalid or missing are no "
                "more than all of them. Source: 31,684 counts of the publisher's data-quality file, every one."
            ),
            query=load_query("drops/data_quality_counts_do_not_exceed_their_denominator", table),
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
            "published, each of a single provider in a single month; they are released and worth a look.",
            severity="warning",
            layer="drops",
            remedy=LOOK_AT_THE_FILE,
        ),
    )


def _suppression_of_dependent_values() -> tuple[Rule, ...]:
    table = "percentages"
    return (
        expect_no_rows_where(
            "percentages_are_suppressed_with_their_numerator",
            table,
            f"value_status = 'published' and numerator_parts = 1 and hidden_parts = 1 and {BELOW_ENGLAND}",
            "A percentage is suppressed where its numerator is: with a shown denominator it reveals the suppressed "
            f"count. A numerator of two suppressed counts may be large enough to show. {PUBLISHER}",
            layer="drops",
        ),
        expect_no_rows_where(
            "percentages_are_published_with_their_numerator",
            table,
            f"value_status = 'suppressed' and shown_parts = numerator_parts and {BELOW_ENGLAND}",
            f"A percentage whose numerator is shown is shown too: the denominator alone hides nothing. {PUBLISHER}",
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
        _beside_base(
            "means_and_medians_are_suppressed_with_their_base",
            status="published",
            base_status="suppressed",
            description=(
                "A mean or a median is withheld where the count it rests on is. Source: every monthly figure at "
                "hand; the bases of the annual means are not confirmed."
            ),
        ),
        _beside_base(
            "means_and_medians_are_published_with_their_base",
            status="suppressed",
            base_status="published",
            description=(
                "A mean or a median is shown where the count it rests on is. Source: every monthly figure at hand; "
                "the bases of the annual means are not confirmed."
            ),
        ),
    )


def _beside_base(name: str, *, status: str, base_status: str, description: str) -> Rule:
    """Return the rule that no mean or median of one status has a base of another."""
    return Rule(
        name=name,
        table="observations",
        description=description,
        query=load_query("drops/means_beside_bases", "observations", status=status, base_status=base_status),
        severity="warning",
        layer="drops",
        remedy=REVIEW_THE_RULE,
    )


def _agreement() -> tuple[Rule, ...]:
    table = "observations"
    pairs = ", ".join(f"('{part}', '{whole}')" for part, whole in PARTS_AND_WHOLES)
    parts, wholes = ([pair[side] for pair in PARTS_AND_WHOLES] for side in (0, 1))
    scale = "case when org_level = 'england' then 10 else 1 end"
    return (
        expect_no_rows_where(
            "percentages_agree_with_their_counts",
            "percentages",
            "value_status = 'published' and missing_counts = 0 and not ("
            f"(2 * round(value * {scale}) - 1) * greatest(denominator_lower, 1) <= 200 * {scale} * numerator_upper "
            f"and 200 * {scale} * numerator_lower <= (2 * round(value * {scale}) + 1) * denominator_upper)",
            "Of the counts that may lie behind a percentage, as rounded or suppressed, some make it: of England's "
            "exact ones, those themselves do. Source: every monthly and annual figure at hand; the third-party copy of "
            "one quarter breaks it.",
            severity="warning",
            layer="drops",
            remedy=REVIEW_THE_RULE,
        ),
        Rule(
            name="means_and_medians_lie_between_minimum_and_maximum",
            table=table,
            description=(
                "A mean and a median lie between the minimum and the maximum of the same people. Source: arithmetic."
            ),
            query=load_query("drops/means_and_medians_lie_between_minimum_and_maximum", table),
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
            query=load_query(
                "drops/parts_do_not_exceed_their_whole",
                table,
                pairs=pairs,
                parts=sql_list(parts),
                wholes=sql_list(wholes),
            ),
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
            query=load_query(
                "drops/outcomes_do_not_exceed_finished_courses",
                table,
                finished=FINISHED,
                outcomes=sql_list(OUTCOMES),
                rounding=ROUNDING_OF_FOUR_COUNTS,
            ),
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
        *with_subject("suppression_of_dependent_values", _suppression_of_dependent_values()),
        *with_subject("agreement", _agreement()),
    )
    return {table: tuple(rule for rule in rules if rule.table == table) for table in DROPS}


SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(_suites())
