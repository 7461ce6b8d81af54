"""Mutants of the staged release: at least one change that breaks each rule of the gate. Data, no tests."""

from collections.abc import Iterator
from dataclasses import dataclass

from iapt.contract import CURRENT_BOUNDARIES, DERIVED, EXTRACT_GRAINS, TOPICS

#: A figure no extract of the staged release holds: wherever it turns up, a value has leaked.
CANARY_VALUE = 7654321


@dataclass(frozen=True)
class Mutant:
    """A change to a staged table that one rule, about that table or another, must refuse."""

    rule: str
    table: str
    sql: str
    changes: str
    number: int

    @property
    def id(self) -> str:
        """What the tests call it."""
        return f"{self.table}-{self.rule}-{self.number}"


A_PUBLISHED_PERIOD = {
    "extract_monthly": "2021-01",
    "extract_quarterly": "2020-21 Q3",
    "extract_annual": "2020-21",
}
A_TOTAL = "period = '{period}' and org_level = '{level}' and variable_type = 'Total'"
A_COUNT = A_TOTAL.replace("{level}", "region") + " and measure = 'count_referrals_received'"
A_PERCENTAGE = A_TOTAL.replace("{level}", "region") + " and measure = 'percentage_recovery'"
A_MEAN = A_TOTAL.replace("{level}", "region") + " and measure = 'mean_wait'"
A_SUPPRESSED_COUNT = A_TOTAL.replace("{level}", "provider") + " and measure = 'count_recovery'"
A_SUPPRESSED_PERCENTAGE = A_TOTAL.replace("{level}", "provider") + " and measure = 'percentage_recovery'"
A_SUPPRESSED_MEAN = A_TOTAL.replace("{level}", "sub_icb_provider") + " and measure = 'mean_wait'"
A_PAIR = A_TOTAL.replace("{level}", "sub_icb_provider") + " and measure = 'count_referrals_received'"
A_CATEGORY = A_COUNT.replace("'Total'", "'Ethnic Group'")
THE_PERIOD = "period = '{period}' and period_grain = '{grain}'"
NEVER_PUBLISHED = "value_status = 'not_published', value = null, value_marker = '[x]'"
SHOWN = "value_status = 'published', value_marker = null"


def _set(change: str, where: str) -> str:
    return f"update {{table}} set {change} where {where}"


#: rule -> changes to an extract
EXTRACT_MUTANTS: dict[str, tuple[str, ...]] = {
    "columns_are_exactly_the_contract": (
        f"alter table {{table}} add column true_value integer default {CANARY_VALUE}",
        "alter table {table} drop column org_name",
        "alter table {table} alter column value type decimal(18, 3)",
        "alter table {table} rename column value_marker to marker",
        "create or replace table {table} as select * exclude (period), period from {table}",
    ),
    "keys_are_unique": (
        f"insert into {{table}} from {{table}} where {A_COUNT}",
        f"insert into {{table}} from {{table}} where {A_PAIR}",
        f"insert into {{table}} select * replace ('Another name' as org_name) from {{table}} where {A_CATEGORY}",
    ),
    "required_columns_are_filled": (
        _set("period = null", A_COUNT),
        _set("org_code = ''", A_COUNT),
        _set("variable_type = ' '", A_COUNT),
        _set("is_derived = null", A_COUNT),
    ),
    "organisation_level_is_known": (_set("org_level = 'trust'", A_COUNT), _set("org_level = null", A_COUNT)),
    "statistic_is_known": (
        _set("statistic = 'maximum'", A_MEAN),
        _set("statistic = 'minimum'", A_MEAN),
        _set("statistic = 'sum'", A_COUNT),
        _set("statistic = null", A_COUNT),
    ),
    "status_is_known": (
        _set("value_status = 'not_applicable', value_marker = '[z]', value = null", A_COUNT),
        _set("value_status = null", A_COUNT),
    ),
    "marker_agrees_with_status": (
        _set("value_marker = ''", A_COUNT),
        _set("value_marker = '*'", A_SUPPRESSED_COUNT),
        _set("value_marker = null", A_SUPPRESSED_COUNT),
        _set("value_status = 'not_published', value = null", A_COUNT),
    ),
    "absent_text_is_null": (_set("measure_id = ''", A_COUNT), _set("variable_b = ' '", A_CATEGORY)),
    "measures_stand_in_dim_measure": (_set("measure = 'count_unheard_of'", A_COUNT),),
    "statistic_agrees_with_dim_measure": (
        _set("statistic = 'mean'", A_COUNT),
        _set("statistic = 'count'", A_PERCENTAGE),
    ),
    "partners_stand_on_pairs_only": (
        _set("partner_code = 'RZ90'", A_COUNT),
        _set("partner_name = 'Invented Provider'", A_COUNT),
        _set("partner_code = null", A_PAIR),
        _set("partner_name = null", A_PAIR),
    ),
    "only_england_uses_its_code": (
        _set("org_code = 'E92000001'", A_COUNT),
        _set("partner_code = 'E92000001'", A_PAIR),
        _set("org_code = 'England'", A_COUNT.replace("region", "england")),
    ),
    "organisations_stand_in_dim_organisation": (
        _set("org_code = 'Y99'", A_COUNT),
        _set("org_code = '90A'", A_COUNT),
        _set("partner_code = 'RZ99'", A_PAIR),
        _set("org_code = 'RZ90'", A_PAIR),
    ),
    "org_type_is_that_of_dim_organisation": (
        _set("org_type = 'placeholder'", A_COUNT),
        _set("org_type = 'unknown'", A_PAIR),
        _set("org_type = 'sub_icb'", A_PAIR),
        _set("org_type = null", A_COUNT),
    ),
    "total_rows_have_no_categories": (
        _set("variable_a = 'Total'", A_COUNT),
        _set("variable_b = 'NULL'", A_COUNT),
    ),
    "breakdown_rows_name_their_category": (_set("variable_a = null", A_CATEGORY),),
    "period_agrees_with_its_dates": (
        _set("period_end = period_end - 1", A_COUNT),
        _set("period_start = period_start + 1", A_COUNT),
        _set("period = '2020/21'", A_COUNT),
        _set("period_end = null", A_COUNT),
    ),
    "financial_year_agrees_with_its_dates": (
        _set("financial_year = '2020/21'", A_COUNT),
        _set("financial_year = '2021-22'", A_COUNT),
    ),
    "values_are_numbers": (
        _set("value = 'nan'", A_MEAN),
        _set("value = 'infinity'", A_COUNT),
        _set("value = cast('-0.0' as double)", A_MEAN),
    ),
    "counts_are_absent_or_multiples_of_five": (
        _set(f"value = {CANARY_VALUE}", A_COUNT),
        _set("value = 0", A_COUNT),
        _set("value = 4", A_COUNT),
        _set("value = -5", A_COUNT),
        _set("value = 10.5", A_COUNT),
        _set("value = 'nan'", A_COUNT),
        _set(f"value = {CANARY_VALUE}", A_COUNT.replace("region", "england")),
    ),
    "percentages_are_absent_or_whole": (
        _set(f"value = {CANARY_VALUE}", A_PERCENTAGE),
        _set("value = 51.4", A_PERCENTAGE),
        _set("value = 101", A_PERCENTAGE),
        _set("value = -1", A_PERCENTAGE),
        _set("value = 51.4", A_PERCENTAGE.replace("region", "england")),
    ),
    "means_and_medians_have_one_decimal": (
        _set(f"value = {CANARY_VALUE}.25", A_MEAN),
        _set("value = 20.55", A_MEAN.replace("mean_wait", "median_wait")),
        _set("value = 'infinity'", A_MEAN),
    ),
    "only_published_rows_have_a_value": (
        _set(f"value = {CANARY_VALUE}", A_SUPPRESSED_COUNT),
        _set("value = 0", A_SUPPRESSED_COUNT),
        _set("value_status = 'suppressed'", A_PERCENTAGE),
        _set("value_status = 'not_published'", A_COUNT),
        _set("value_status = null", A_COUNT),
    ),
    "published_rows_have_a_value": (_set("value = null", A_COUNT), _set(SHOWN, A_SUPPRESSED_PERCENTAGE)),
    "percentages_are_hidden_with_their_numerator": (
        _set(f"value = {CANARY_VALUE}, {SHOWN}", A_SUPPRESSED_PERCENTAGE),
        _set("value = 0", A_SUPPRESSED_PERCENTAGE.replace("Total", "Ethnic Group")),
        _set("value = 50", A_SUPPRESSED_PERCENTAGE.replace("provider", "sub_icb_provider")),
        # both parts of the numerator of percentage_treated
        _set(
            "value_status = 'suppressed'",
            A_SUPPRESSED_COUNT.replace("count_recovery", "count_finished_course"),
        ),
    ),
    "means_and_medians_are_hidden_with_their_base": (
        _set(f"value = {CANARY_VALUE}, {SHOWN}", A_SUPPRESSED_MEAN),
        _set("value = 21.5", A_SUPPRESSED_MEAN.replace("mean_wait", "median_wait")),
    ),
    "suppressed_counts_are_bounded_by_0_and_4": (
        _set("upper_bound = 3", A_SUPPRESSED_COUNT),
        _set("lower_bound = 1", A_SUPPRESSED_COUNT),
        _set("lower_bound = null, upper_bound = null", A_SUPPRESSED_COUNT),
        _set("is_derived = true, suppressed_parts = 3, upper_bound = 8", A_SUPPRESSED_COUNT),
    ),
    "published_counts_are_bounded_by_their_rounding": (
        _set("lower_bound = value, upper_bound = value", A_COUNT),
        _set("lower_bound = value - 1", A_COUNT),
        _set("upper_bound = null", A_COUNT),
        _set("value = 5, lower_bound = 3, upper_bound = 7", A_COUNT),
    ),
    "published_values_lie_within_their_bounds": (
        _set(f"lower_bound = {CANARY_VALUE}", A_COUNT),
        _set("upper_bound = value - 1", A_COUNT),
    ),
    "derived_bounds_allow_for_hidden_parts": (_set("is_derived = true, suppressed_parts = 2", A_COUNT),),
    "derived_rows_declare_bounds_and_hidden_parts": (
        _set("is_derived = true", A_COUNT),
        _set("is_derived = true, suppressed_parts = 0, upper_bound = null", A_COUNT),
        _set("is_derived = true, suppressed_parts = -1", A_COUNT),
    ),
    "only_derived_rows_count_hidden_parts": (_set("suppressed_parts = 0", A_COUNT),),
    "only_counts_have_bounds": (
        _set("lower_bound = 0, upper_bound = 100", A_PERCENTAGE),
        _set("upper_bound = 4", A_SUPPRESSED_MEAN),
    ),
    "not_published_rows_have_no_bounds": (
        _set(NEVER_PUBLISHED, A_COUNT),
        _set(f"{NEVER_PUBLISHED}, lower_bound = null, upper_bound = null, suppressed_parts = 1", A_COUNT),
    ),
    "figures_name_their_drop": (
        _set("drop_sha256 = null", A_COUNT),
        _set("drop_sha256 = null", A_SUPPRESSED_COUNT),
        _set("drop_sha256 = 'the file of January'", A_COUNT),
        _set("drop_sha256 = upper(drop_sha256)", A_COUNT),
    ),
    "gaps_name_no_drop_and_dashes_name_theirs": (_set(f"{NEVER_PUBLISHED}, drop_sha256 = null", A_COUNT),),
}

#: rule of an extract -> changes to the calendar that break it
CALENDAR_MUTANTS: dict[str, tuple[str, ...]] = {
    "periods_stand_in_dim_period": (f"delete from dim_period where {THE_PERIOD}",),
    "unpublished_periods_hold_no_figures": (
        f"update dim_period set publication_status = 'not_published' where {THE_PERIOD}",
    ),
    "unpublished_periods_show_every_gap": (
        f"update dim_period set publication_status = 'not_published' where {THE_PERIOD}",
    ),
    "periods_without_data_have_no_rows": (
        f"update dim_period set publication_status = 'not_loaded' where {THE_PERIOD}",
        f"update dim_period set publication_status = 'not_due' where {THE_PERIOD}",
    ),
}

#: (table, rule) -> changes to that table only
OTHER_MUTANTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("extract_quarterly", "unpublished_periods_hold_no_figures"): (
        "update extract_quarterly set value = 0, value_status = 'published' "
        "where period = '2020-21 Q2' and org_level = 'region'",
        "update extract_quarterly set value_status = 'suppressed', value_marker = '[c]' "
        "where period = '2020-21 Q2' and org_level = 'region'",
    ),
    ("extract_quarterly", "unpublished_periods_show_every_gap"): (
        "delete from extract_quarterly where period = '2020-21 Q2'",
        "delete from extract_quarterly where period = '2020-21 Q2' "
        "and org_level = 'region' and measure = 'mean_wait' and variable_type = 'Ethnic Group'",
        # stood before the gap and not after it, and the reverse
        "delete from extract_quarterly where org_level = 'icb' and period in ('2020-21 Q2', '2020-21 Q3')",
        "delete from extract_quarterly where org_level = 'icb' and period in ('2020-21 Q2', '2020-21 Q1')",
    ),
    ("dim_period", "columns_are_exactly_the_contract"): ("alter table dim_period drop reason",),
    ("dim_period", "keys_are_unique"): ("insert into dim_period from dim_period where period = '2021-01'",),
    ("dim_period", "required_columns_are_filled"): (
        "update dim_period set publication_status = null where period = '2021-01'",
        "update dim_period set period_start = null where period = '2021-01'",
    ),
    ("dim_period", "grain_is_known"): ("update dim_period set period_grain = 'week' where period = '2021-01'",),
    ("dim_period", "publication_status_is_known"): (
        "update dim_period set publication_status = 'provisional' where period = '2021-01'",
    ),
    ("dim_period", "period_agrees_with_its_dates"): (
        "update dim_period set period_end = period_end + 1 where period = '2021-01'",
        "update dim_period set period_start = period_start + 31 where period = '2020-21 Q3'",
        "update dim_period set period = '2020/21' where period = '2020-21'",
    ),
    ("dim_period", "financial_year_agrees_with_its_dates"): (
        "update dim_period set financial_year = '2021-22' where period = '2021-01'",
    ),
    ("dim_period", "neighbours_agree_with_the_calendar"): (
        "update dim_period set previous_period = '2020-21 Q1' where period = '2020-21 Q3'",
        "update dim_period set next_period = null where period = '2020-21 Q2'",
        "update dim_period set previous_period = null where period = '2020-21 Q2'",
    ),
    ("dim_period", "calendar_has_no_holes"): ("delete from dim_period where period = '2020-21 Q2'",),
    ("dim_period", "gaps_give_a_reason_and_a_source"): (
        "update dim_period set reason = null where period = '2020-21 Q2'",
        "update dim_period set source = ' ' where period = '2020-21 Q2'",
    ),
    ("dim_organisation", "columns_are_exactly_the_contract"): (
        "alter table dim_organisation alter first_period_start type timestamp",
    ),
    ("dim_organisation", "keys_are_unique"): (
        "insert into dim_organisation select * replace ('Another name' as org_name) "
        "from dim_organisation where org_level = 'provider'",
    ),
    ("dim_organisation", "required_columns_are_filled"): (
        "update dim_organisation set org_name = '' where org_level = 'provider'",
        "update dim_organisation set org_code = null where org_level = 'provider'",
    ),
    ("dim_organisation", "organisation_level_is_known"): (
        "update dim_organisation set org_level = 'sub_icb_provider' where org_level = 'sub_icb'",
    ),
    ("dim_organisation", "only_england_uses_its_code"): (
        "update dim_organisation set org_code = 'E92000001' where org_level = 'region'",
        "update dim_organisation set org_code = 'all' where org_level = 'england'",
    ),
    ("dim_organisation", "first_period_is_not_after_the_last"): (
        "update dim_organisation set first_period_start = date '2030-01-01' where org_level = 'provider'",
    ),
    ("dim_measure", "columns_are_exactly_the_contract"): ("alter table dim_measure add column notes varchar",),
    ("dim_measure", "keys_are_unique"): ("insert into dim_measure from dim_measure where measure = 'mean_wait'",),
    ("dim_measure", "required_columns_are_filled"): (
        "update dim_measure set name = null where measure = 'mean_wait'",
        "update dim_measure set measure = null where measure = 'mean_wait'",
        "update dim_measure set is_additive = null where measure = 'mean_wait'",
        "update dim_measure set definition = '' where measure = 'mean_wait'",
    ),
    ("dim_measure", "better_direction_is_known"): (
        "update dim_measure set better_direction = 'up' where measure = 'percentage_recovery'",
    ),
    ("dim_measure", "only_counts_are_additive"): (
        "update dim_measure set is_additive = true where measure = 'percentage_recovery'",
        "update dim_measure set is_additive = true where measure = 'mean_wait'",
    ),
    ("dim_measure", "statistic_is_known"): (
        "update dim_measure set statistic = 'rate' where measure = 'percentage_recovery'",
    ),
    ("dim_measure", "measures_rest_on_known_counts"): (
        "update dim_measure set numerator = 'count_recoverd' where measure = 'percentage_recovery'",
        "update dim_measure set numerator = 'count_recovery+count_finished_course' "
        "where measure = 'percentage_recovery'",
        "update dim_measure set numerator = 'percentage_treated' where measure = 'percentage_recovery'",
        "update dim_measure set numerator = 'count_finished_course - count_recovery' "
        "where measure = 'percentage_recovery'",
        "update dim_measure set denominator = 'count_finished_course - count_unheard_of' "
        "where measure = 'percentage_recovery'",
        "update dim_measure set base = '' where measure = 'mean_wait'",
        "delete from dim_measure where measure = 'count_recovery'",
    ),
}


def _set_in(table: str, change: str, where: str) -> str:
    return f"update {table} set {change} where {where}"


A_CELL = "period = '2021-01' and org_level = 'region' and variable_type = 'Total'"
A_HIDDEN_CELL = "period = '2020-21' and org_level = 'provider' and variable_type = 'Total'"

#: (table, rule) -> changes to a table that follows from the extracts
DERIVED_MUTANTS: dict[tuple[str, str], tuple[str, ...]] = {
    **{
        (table, "words_are_known"): (
            _set_in(table, "comparability = 'nearly'", "org_level = 'region'"),
            _set_in(table, "value_status = 'hidden'", "org_level = 'region'"),
            _set_in(table, "value_marker = '[c]'", "org_level = 'region'"),
        )
        for table in CURRENT_BOUNDARIES
    },
    **{
        (table, "figures_are_the_extracts_or_their_sums"): (
            _set_in(table, f"value = {CANARY_VALUE}", "org_level = 'region' and measure = 'count_recovery'"),
            _set_in(table, "value = value + 5", "org_level = 'region' and measure = 'count_recovery'"),
            _set_in(table, "value = -0.0", "org_level = 'region' and measure = 'count_recovery'"),
            _set_in(table, "lower_bound = lower_bound + 1", "org_level = 'region'"),
            _set_in(table, "upper_bound = upper_bound - 1", "org_level = 'region'"),
            _set_in(table, "suppressed_parts = 0", "org_level = 'region'"),
            _set_in(table, "is_derived = true", "org_level = 'region'"),
            _set_in(table, "codes_as_published = '90A; Y90'", "org_level = 'region'"),
            _set_in(table, "codes_as_published = 'Y91'", "org_level = 'region'"),
            _set_in(
                table,
                "value_status = 'suppressed', value = null, value_marker = '[c]'",
                "measure = 'percentage_recovery'",
            ),
        )
        for table in CURRENT_BOUNDARIES
    },
    **{
        (table, "values_are_of_the_current_area"): (
            # a location went to another ICB since, one came from another, one is nobody's
            "update dim_organisation set current_parent_code = 'Q91' where org_code = '90B'",
            "update dim_organisation_history set parent_code = 'Q91' where org_code = '90B'",
            "update dim_organisation set current_code = null where org_code = '90B'",
            "delete from dim_organisation_history where org_code = '90B'",
            "update dim_organisation set boundary_moved_on = date '2022-07-01' where org_code = '90B'",
            "update dim_organisation set boundary_moved_on = date '2022-07-01' where org_code = 'Q90'",
            # another CCG became part of one of today's, and is not in its figures
            "insert into dim_organisation_history select * replace ('ccg' as org_level, '90C' as org_code) "
            "from dim_organisation_history where org_code = '90A'; "
            "insert into dim_organisation select * replace ('ccg' as org_level, '90C' as org_code, "
            "date '2022-06-30' as valid_to, 'sub_icb' as current_level, '90A' as current_code) "
            "from dim_organisation where org_code = '90A' and org_level = 'sub_icb'",
            _set_in(table, "comparability = 'summed', codes_as_published = '90A'", "org_code = '90B'"),
        )
        for table in CURRENT_BOUNDARIES
    },
    **{
        (table, "rates_are_of_one_organisation"): (
            _set_in(table, "comparability = 'merged'", "measure = 'percentage_recovery' and org_level = 'icb'"),
            _set_in(table, "comparability = 'boundary_moved'", "measure = 'mean_wait' and org_level = 'icb'"),
            _set_in(table, "comparability = 'summed'", "measure = 'median_wait' and org_level = 'region'"),
        )
        for table in CURRENT_BOUNDARIES
    },
    **{
        (table, "no_other_area_under_a_current_name"): (
            _set_in(table, "comparability = 'former'", "org_level = 'region'"),
            _set_in(table, "comparability = 'not_known'", "org_level = 'sub_icb'"),
            _set_in(table, "codes_as_published = 'Q91'", "org_level = 'icb'"),
            _set_in(table, "level_as_published = 'stp'", "org_level = 'icb'"),
        )
        for table in CURRENT_BOUNDARIES
    },
    **{
        (table, "wholes_are_their_parts"): (
            _set_in(table, "lower_bound = lower_bound + 50, upper_bound = upper_bound + 50", "org_level = 'icb'"),
            _set_in(table, "lower_bound = 0, upper_bound = 4", "org_level = 'icb' and measure = 'count_recovery'"),
            _set_in(table, "lower_bound = 0, upper_bound = 4", "org_code = '90B'"),
        )
        for table in (*CURRENT_BOUNDARIES, *EXTRACT_GRAINS)
    },
    ("mart_activity", "cells_are_the_extracts"): (
        _set_in("mart_activity", f"count_referrals_received = {CANARY_VALUE}", A_CELL),
        _set_in("mart_activity", "count_referrals_received_lower = count_referrals_received_lower + 1", A_CELL),
        _set_in("mart_activity", "count_referrals_received_upper = null", A_CELL),
        _set_in("mart_activity", "count_referrals_received_status = 'suppressed'", A_CELL),
        _set_in("mart_activity", "count_referrals_received_status = null", A_CELL),
        _set_in("mart_activity", "count_ended_treated_once = 0", A_HIDDEN_CELL),
        _set_in("mart_activity", "count_ended_treated_once = 4, count_ended_treated_once_status = null", A_HIDDEN_CELL),
        _set_in("mart_activity", "org_code = 'Y91'", A_CELL),
    ),
    ("mart_waiting_times", "cells_are_the_extracts"): (
        _set_in("mart_waiting_times", f"mean_wait_accessing_services = {CANARY_VALUE}", A_CELL),
    ),
    ("mart_outcomes", "cells_are_the_extracts"): (
        _set_in("mart_outcomes", "percentage_recovery = percentage_recovery + 0.4", A_CELL),
        _set_in("mart_outcomes", f"percentage_reliable_recovery = {CANARY_VALUE}", A_CELL),
    ),
    ("mart_recovery_rate", "cells_are_the_extracts"): (
        _set_in(
            "mart_recovery_rate",
            "recovery_rate = recovery_rate + 1, gap_to_standard = gap_to_standard + 1",
            "period = '2021-01'",
        ),
        _set_in("mart_recovery_rate", f"count_recovery = {CANARY_VALUE}", "period = '2021-01'"),
    ),
    ("mart_recovery_rate", "standard_is_judged_of_published_rates"): (
        _set_in("mart_recovery_rate", "gap_to_standard = gap_to_standard + 0.4", "period = '2021-01'"),
        _set_in("mart_recovery_rate", "standard_status = 'nearly'", "period = '2021-01'"),
        _set_in("mart_recovery_rate", "standard_status = 'met'", "recovery_rate is null"),
    ),
    **{
        (table, "status_is_known"): (_set_in(table, f"{column}_status = 'hidden'", "true"),)
        for table, column in (
            *((table, measures[0]) for table, measures in TOPICS.items()),
            ("mart_recovery_rate", "recovery_rate"),
        )
    },
    ("mart_rolling_totals", "an_empty_window_says_why"): (
        _set_in("mart_rolling_totals", "reason = null", "true"),
        _set_in("mart_rolling_totals", "reason = ' '", "true"),
        _set_in("mart_rolling_totals", f"value = {CANARY_VALUE}", "true"),
    ),
    ("mart_rolling_totals", "sums_are_of_every_month_of_the_extract"): (
        _set_in("mart_rolling_totals", "value = 40, value_status = 'published', reason = null", "true"),
        "insert into mart_rolling_totals select * replace ("
        "'financial_year_to_date' as total_type, 'a year' as period, date '2020-04-01' as total_start, "
        "date '2020-04-30' as total_end, 0 as value, 'published' as value_status, null as reason) "
        "from mart_rolling_totals where total_type = 'rolling_12_months'",
    ),
    ("mart_data_quality", "records_are_rounded_as_published"): (
        _set_in("mart_data_quality", "valid_records = 3", "not is_submission"),
        _set_in("mart_data_quality", "valid_records = 16", "not is_submission"),
        _set_in("mart_data_quality", "valid_records = -5", "true"),
        _set_in("mart_data_quality", "default_records = 5", "not is_submission"),
    ),
    ("dim_date", "days_have_no_holes"): ("delete from dim_date where calendar_date = date '2021-01-15'",),
    ("dim_note", "words_are_known"): (
        _set_in("dim_note", "cell_status = 'left'", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "action = 'hide'", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "period_grain = 'week'", "note_id = 'of-another-year'"),
        _set_in("dim_note", "table_name = 'extract_annual'", "note_id = 'a-long-wait'"),
    ),
    ("dim_note", "notes_point_to_released_cells"): (
        _set_in("dim_note", "org_code = 'Y91'", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "org_code = null", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "variable_a = 'Total'", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "period = '2021-02'", "note_id = 'a-long-wait'"),
        _set_in("dim_note", "cell_status = 'released'", "note_id = 'of-another-year'"),
    ),
    # what is suppressed at the provider
    ("dim_note", "no_note_is_about_a_suppressed_cell"): tuple(
        _set_in(
            "dim_note",
            f"org_level = 'provider', org_code = 'RZ90', measure = 'percentage_recovery', cell_status = '{status}'",
            "note_id = 'a-long-wait'",
        )
        for status in ("released", "mended", "superseded", "not_released")
    ),
    ("dim_note", "measures_stand_in_dim_measure"): (
        _set_in("dim_note", "cell_status = 'released'", "note_id = 'of-a-mean-that-stays'"),
    ),
    ("dim_organisation_history", "spells_do_not_overlap"): (
        "insert into dim_organisation_history select * replace (date '2020-04-01' as valid_from) "
        "from dim_organisation_history where org_level = 'region'",
        _set_in("dim_organisation_history", "valid_to = date '2012-04-01'", "org_level = 'region'"),
    ),
}

#: What every table must keep, broken alike in each: the first column that must be filled is emptied.
FILLED = {
    **dict.fromkeys(CURRENT_BOUNDARIES, "period_start"),
    **dict.fromkeys((*TOPICS, "mart_recovery_rate"), "period_grain"),
    "mart_rolling_totals": "total_start",
    "mart_data_quality": "data_table",
    "dim_date": "month_label",
    "dim_organisation_history": "valid_from",
    "dim_population": "population_name",
    "dim_measure_name": "name",
    "dim_standard": "threshold",
    "dim_note": "note",
}
ALIKE = {
    (table, rule): statements
    for table, column in FILLED.items()
    for rule, statements in {
        "columns_are_exactly_the_contract": (
            f"alter table {table} add column true_value integer default {CANARY_VALUE}",
            f"alter table {table} drop column {column}",
        ),
        "keys_are_unique": (f"insert into {table} from {table}",),
        "required_columns_are_filled": (f"update {table} set {column} = null",),
    }.items()
}
OF_TYPES = {
    (table, "org_type_is_that_of_dim_organisation"): tuple(
        f"update {table} set org_type = '{word}'" for word in ("placeholder", "unknown")
    )
    for table in DERIVED
}


def _mutants() -> Iterator[Mutant]:
    numbers: dict[tuple[str, str], int] = {}

    def mutant(rule: str, table: str, sql: str, changes: str) -> Mutant:
        numbers[table, rule] = numbers.get((table, rule), 0) + 1
        return Mutant(rule, table, sql, changes, numbers[table, rule])

    for table, grain in EXTRACT_GRAINS.items():
        words = {"table": table, "period": A_PUBLISHED_PERIOD[table], "grain": grain}
        for rule, statements in EXTRACT_MUTANTS.items():
            yield from (mutant(rule, table, sql.format(**words), table) for sql in statements)
        for rule, statements in CALENDAR_MUTANTS.items():
            # an extract that has a gap needs none made in the calendar
            if (table, rule) in OTHER_MUTANTS:
                continue
            yield from (mutant(rule, table, sql.format(**words), "dim_period") for sql in statements)
    for (table, rule), statements in {**OTHER_MUTANTS, **DERIVED_MUTANTS, **ALIKE, **OF_TYPES}.items():
        yield from (mutant(rule, table, sql, table) for sql in statements)


MUTANTS = tuple(_mutants())
