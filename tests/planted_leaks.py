"""Planted leaks: changes to a clean extract that would give something away, each with the rules that must name it.

Data, no tests. A leak is written against the slice of `source_slice`. Its SQL changes one staged table and may read, as
a careless or curious hand could, what stands beside it:

    source   the key of every figure of the warehouse, its number at source precision and the publisher's text
    rebuilt  the key of every shown percentage, and what it would be if it were made from the rounded counts

`{table}` is the table that is changed and `{key}` the name that a row has in both.
"""

from __future__ import annotations

from dataclasses import dataclass

from iapt.contract import CURRENT_BOUNDARIES, KEYS, POPULATION

#: A figure that stands nowhere in the slice: wherever it turns up, something has leaked.
CANARY_VALUE = 7654321

_POPULATION = ", ".join(POPULATION)
KEY = f"hash({_POPULATION}, measure)"

#: What the SQL of a leak may read; `{fact}` is the fact that the extract was made from.
RELATIONS = f"""
create temp view source as
select hash({_POPULATION}, measure) as key, value as source_value, value_as_published as source_text from {{fact}};
create temp view rebuilt as
with counts as (
    select hash({_POPULATION}) as population, measure, value from {{table}} where statistic = 'count'
),
rates as (
    select
        hash({_POPULATION}, measure) as key, hash({_POPULATION}) as population,
        dim_measure.numerator as top,
        split_part(dim_measure.denominator, ' - ', 1) as base,
        split_part(dim_measure.denominator, ' - ', 2) as rest
    from {{table}} join dim_measure using (measure)
    where {{table}}.statistic = 'percentage' and value is not null
)
select key, round(100 * tops.value / (bases.value - coalesce(rests.value, 0))) as rebuilt
from rates
join counts as tops on tops.population = rates.population and tops.measure = rates.top
join counts as bases on bases.population = rates.population and bases.measure = rates.base
left join counts as rests on rests.population = rates.population and rests.measure = rates.rest
where (rests.value is not null or rest = '') and tops.value <= bases.value - coalesce(rests.value, 0)
"""


@dataclass(frozen=True)
class Leak:
    """A change to one staged table; every one of `rules` must say that it is broken."""

    name: str
    table: str
    sql: str
    rules: tuple[str, ...]
    why: str


MONTH, QUARTER, YEAR = "extract_monthly", "extract_quarterly", "extract_annual"
_IN = {MONTH: "period = '2025-06'", QUARTER: "period = '2025-26 Q3'", YEAR: "period = '2024-25'"}
EARLIER_QUARTER = "period = '2020-21 Q1'"
EARLIER_YEAR = "period = '2019-20'"
GAP = "period = '2020-21 Q2'"
DASHES = "period = '2019-05' and value_status = 'not_published'"

# the rules
NO_RESIDUAL_DISCLOSURE = "no_residual_disclosure"
STANDS = "values_exist_in_source"
DERIVED = "derived_totals_are_sums_of_their_parts"
HIDDEN_SHOWN = "no_value_hidden_in_source_is_shown"
STATUS = "statuses_match_source"
SMALL = "small_counts_are_suppressed"
COUNTS = "rounded_counts_match_source"
PERCENTAGES = "percentages_match_source"
MEANS = "means_and_medians_match_source"
LABELS = "labels_match_source"
MISSING = "no_releasable_value_is_missing"
DIMENSIONS = "rows_match_warehouse"
FILES = "files_are_exactly_the_contract"
COLUMNS = "columns_are_exactly_the_contract"
UNIQUE = "keys_are_unique"
NUMBERS = "values_are_numbers"
FIVES = "counts_are_absent_or_multiples_of_five"
WHOLE = "percentages_are_absent_or_whole"
ONE_DECIMAL = "means_and_medians_have_one_decimal"
ONLY_PUBLISHED = "only_published_rows_have_a_value"
PUBLISHED_FILLED = "published_rows_have_a_value"
NUMERATOR = "percentages_are_hidden_with_their_numerator"
BASE = "means_and_medians_are_hidden_with_their_base"
SUPPRESSED_BOUNDS = "suppressed_counts_are_bounded_by_0_and_4"
PUBLISHED_BOUNDS = "published_counts_are_bounded_by_their_rounding"
MARKER = "marker_agrees_with_status"
GAP_EMPTY = "unpublished_periods_hold_no_figures"
GAP_SHOWN = "unpublished_periods_show_every_gap"

SHOWN = "value_status = 'published', value_marker = null"
CATEGORY = "variable_type = 'Gender'"
TOTAL = "variable_type = 'Total'"


def _figure(
    level: str,
    statistic: str = "count",
    status: str = "published",
    among: str = TOTAL,
    *,
    period: str = "{in_period}",
    also: str = "true",
) -> str:
    """SQL of which figures: of a level, a kind and a status, in the latest period of the table."""
    return (
        f"{period} and org_level = '{level}' and statistic = '{statistic}' and value_status = '{status}' "
        f"and {among} and ({also})"
    )


def _first(where: str) -> str:
    return f"(select min({{table}}.rowid) from {{table}} join source on {{key}} = source.key where {where})"


def _change(change: str, where: str) -> str:
    """Change the first of some figures; its number in the source is `source_value`."""
    return f"update {{table}} set {change} from source where {{key}} = source.key and {{table}}.rowid = {_first(where)}"


def _change_all(change: str, where: str) -> str:
    return f"update {{table}} set {change} from source where {{key}} = source.key and {where}"


def _add(columns: str, where: str) -> str:
    """Add a row like the first of some figures, but for some columns."""
    return f"insert into {{table}} select * replace ({columns}) from {{table}} where rowid = {_first(where)}"


def _count(value: str) -> str:
    """A count as a release would show it, its declared bounds with it."""
    return f"value = {value}, lower_bound = greatest(5, {value} - 2), upper_bound = {value} + 2, {SHOWN}"


def _exact(value: str) -> str:
    """A count with bounds that say it is the count itself."""
    return f"value = {value}, lower_bound = {value}, upper_bound = {value}, {SHOWN}"


def _swap(columns: tuple[str, ...], where: str, unlike: str = "org_code") -> str:
    """Exchange some columns of the first two figures of other numbers that differ, else, in one column of their key."""
    same = " and ".join(
        f"here.{key} is not distinct from there.{key}"
        for key in KEYS[MONTH]
        if key != unlike and not (unlike == "org_code" and key == "partner_code")
    )
    copied = ", ".join(f"{{table}}.{column}" for column in columns)
    return f"""
        update {{table}} set {", ".join(f"{column} = other.{column}" for column in columns)}
        from (
            with two as (
                select here.rowid as place, there.rowid as place_of_other
                from (select rowid, * from {{table}} where {where}) as here
                join (select rowid, * from {{table}} where {where}) as there
                    on {same} and here.{unlike} < there.{unlike} and here.value <> there.value
                order by all limit 1
            )
            select place, {copied} from two join {{table}} on {{table}}.rowid = place_of_other
            union all
            select place_of_other, {copied} from two join {{table}} on {{table}}.rowid = place
        ) as other
        where {{table}}.rowid = other.place
    """


_AS_SHOWN = ("value", "lower_bound", "upper_bound")


def _total_of_pairs(columns: str) -> str:
    """Add an ICB's total of the pairs of a commissioner, hidden ones among them, as a row that we built."""
    return f"""
        insert into {{table}}
        with parts as (
            select measure, period, org_code, sum(value) as shown, count(*) filter (value is null) as hidden,
                cast(sum(lower_bound) as bigint) as least, cast(sum(upper_bound) as bigint) as most
            from {{table}}
            where {{in_period}} and org_level = 'sub_icb_provider' and statistic = 'count' and {TOTAL}
            group by all having hidden >= 2 and shown > 0
            order by all limit 1
        )
        select {{table}}.* replace (
            'icb' as org_level, icb.org_code as org_code, icb.org_name as org_name, 'icb' as org_type,
            cast(parts.shown as double) as value, true as is_derived, parts.least as lower_bound,
            parts.most as upper_bound, parts.hidden as suppressed_parts, null as drop_sha256
        )
        from {{table}} join parts using (measure, period),
            (
                select org_code, org_name from dim_organisation where org_level = 'icb' and is_in_drops
                order by all limit 1
            ) as icb
        where {{table}}.org_level = 'england' and {TOTAL};
        {columns}
    """


_HIDDEN_PAIR = _figure("sub_icb_provider", status="suppressed")
_HIDDEN_CATEGORY = _figure("icb", status="suppressed", among=CATEGORY)

RAW_COUNTS = (
    Leak(
        "england_exact_in_a_month",
        MONTH,
        _change("value = source_value", _figure("england", also="source_value % 5 <> 0")),
        (FIVES, COUNTS),
        "England's count as the source has it, unrounded",
    ),
    Leak(
        "england_exact_in_a_category",
        QUARTER,
        _change("value = source_value", _figure("england", among=CATEGORY, also="source_value % 5 <> 0")),
        (FIVES, COUNTS),
        "England's count of a category, unrounded",
    ),
    Leak(
        "all_of_england_exact",
        YEAR,
        _change_all(_exact("source_value"), _figure("england", among="true")),
        (FIVES, COUNTS, PUBLISHED_BOUNDS),
        "a join to the fact made before rounding: every count of England unrounded, its bounds too",
    ),
    Leak(
        "raw_region",
        MONTH,
        _change("value = value + 1", _figure("region")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a region's true count within its bounds",
    ),
    Leak(
        "raw_provider",
        YEAR,
        _change("value = value - 2", _figure("provider", also="value > 50")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a provider's true count within its bounds",
    ),
    Leak(
        "raw_pair_with_exact_bounds",
        MONTH,
        _change(_exact("value + 2"), _figure("sub_icb_provider")),
        (FIVES, COUNTS, PUBLISHED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "a pair's true count, and bounds that say so",
    ),
    Leak(
        "raw_ccg_of_a_category",
        QUARTER,
        _change("value = value + 1", _figure("ccg", among=CATEGORY, period=EARLIER_QUARTER)),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a CCG's true count of a category",
    ),
    Leak(
        "raw_stp",
        YEAR,
        _change("value = value - 1", _figure("stp", among=CATEGORY, period=EARLIER_YEAR, also="value > 50")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "an STP's true count of a category",
    ),
    Leak(
        "raw_measure_of_all_sub_icbs",
        MONTH,
        _change_all("value = value - 1", _figure("sub_icb", also="measure = 'count_referrals_received'")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "one measure unrounded for every sub-ICB",
    ),
    Leak(
        "half_a_person",
        QUARTER,
        _change("value = value + 0.5", _figure("icb")),
        (FIVES, COUNTS),
        "a count averaged with another",
    ),
    Leak(
        "raw_1",
        MONTH,
        _change(_exact("1"), _HIDDEN_PAIR),
        (FIVES, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "one person at a pair",
    ),
    Leak(
        "raw_2",
        QUARTER,
        _change(_exact("2"), _figure("ccg", status="suppressed", among=CATEGORY, period=EARLIER_QUARTER)),
        (FIVES, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "two people of a category at a CCG",
    ),
    Leak(
        "raw_3",
        YEAR,
        _change("value = 3", _HIDDEN_CATEGORY),
        (ONLY_PUBLISHED, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "three people of a category at an ICB, beside a status that says hidden",
    ),
    Leak(
        "raw_4",
        QUARTER,
        _change(_exact("4"), _figure("sub_icb", status="suppressed", among=CATEGORY)),
        (FIVES, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "four people of a category at a sub-ICB",
    ),
    Leak(
        "england_small_and_exact",
        MONTH,
        _change(_exact("source_value"), _figure("england", status="suppressed")),
        (FIVES, SMALL),
        "a small count that the source does publish for England",
    ),
    Leak(
        "england_small_as_5",
        MONTH,
        _change(_count("5"), _figure("england", status="suppressed")),
        (SMALL,),
        "a small count of England raised to the least that may be shown",
    ),
)

WRONG_ROUNDING = (
    Leak(
        "a_step_up",
        MONTH,
        _change(_count("(value + 5)"), _figure("region")),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a region's count one step of rounding too high, its bounds with it",
    ),
    Leak(
        "a_step_down",
        YEAR,
        _change(_count("(value - 5)"), _figure("provider", also="value > 50")),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a provider's count one step too low",
    ),
    Leak(
        "a_step_up_in_a_category",
        QUARTER,
        _change(_count("(value + 5)"), _figure("sub_icb", among=CATEGORY)),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a sub-ICB's count of a category one step too high",
    ),
    Leak(
        "rounded_down",
        MONTH,
        _change(_count("(5 * floor(source_value / 5))"), _figure("england", also="source_value % 5 in (3, 4)")),
        (COUNTS,),
        "England's count rounded down, not to the nearest",
    ),
    Leak(
        "rounded_by_float_division",
        YEAR,
        _change(
            _count("(5 * round((source_value + 2) / 5))"),
            _figure("england", among="true", also="source_value % 5 in (1, 2)"),
        ),
        (COUNTS,),
        "adding 2 and dividing by 5 is a rounding for integers only",
    ),
    Leak(
        "rounded_to_tens",
        QUARTER,
        _change(_count("(10 * round(value / 10))"), _figure("england", also="value % 10 = 5")),
        (COUNTS,),
        "England's count rounded a second time",
    ),
)

UNBLANKED = (
    Leak(
        "unblanked_count",
        MONTH,
        _change(_count("5"), _HIDDEN_PAIR),
        (HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "a hidden count shown as the least that may be shown: it looks as it should",
    ),
    Leak(
        "unblanked_count_of_a_category",
        QUARTER,
        _change(_count("10"), _figure("icb", status="suppressed", among=CATEGORY)),
        (HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "a hidden count of a category shown as a legal figure",
    ),
    Leak(
        "unblanked_percentage",
        MONTH,
        _change(f"value = 50, {SHOWN}", _figure("sub_icb_provider", "percentage", "suppressed")),
        (NUMERATOR, HIDDEN_SHOWN),
        "a percentage whose numerator is hidden",
    ),
    Leak(
        "unblanked_percentage_of_a_category",
        YEAR,
        _change(f"value = 3, {SHOWN}", _figure("icb", "percentage", "suppressed", CATEGORY)),
        (NUMERATOR, HIDDEN_SHOWN),
        "a percentage of a category whose numerator is hidden",
    ),
    Leak(
        "unblanked_percentage_beside_its_marker",
        YEAR,
        _change("value = 2", _figure("ccg", "percentage", "suppressed", CATEGORY, period=EARLIER_YEAR)),
        (ONLY_PUBLISHED, NUMERATOR, HIDDEN_SHOWN),
        "the number is there, whatever the status says",
    ),
    Leak(
        "percentage_0_of_a_hidden_numerator",
        QUARTER,
        _change(f"value = 0, {SHOWN}", _figure("ccg", "percentage", "suppressed", CATEGORY, period=EARLIER_QUARTER)),
        (NUMERATOR, HIDDEN_SHOWN),
        "nought per cent says that nobody is behind a hidden count",
    ),
    Leak(
        "numerator_hidden_later",
        MONTH,
        _change_all(
            "value = null, value_status = 'suppressed', value_marker = '[c]', lower_bound = 0, upper_bound = 4",
            _figure(
                "provider",
                also="measure = 'count_recovery' and org_code = (select min(org_code) from {table} "
                "where org_level = 'provider' and period = '2025-06')",
            ),
        ),
        (NUMERATOR,),
        "a numerator is hidden and its percentage is forgotten",
    ),
    Leak(
        "unblanked_mean",
        MONTH,
        _change(f"value = 21.5, {SHOWN}", _figure("sub_icb_provider", "mean", "suppressed")),
        (BASE, HIDDEN_SHOWN),
        "a mean of so few people that their number is hidden",
    ),
    Leak(
        "unblanked_median",
        MONTH,
        _change(f"value = 14, {SHOWN}", _figure("sub_icb_provider", "median", "suppressed")),
        (BASE, HIDDEN_SHOWN),
        "the median wait of so few people is the wait of one of them",
    ),
    Leak(
        "everything_unblanked",
        MONTH,
        _change_all(f"value = 5, {SHOWN}", "{in_period} and value_status = 'suppressed' and source_value is null"),
        (HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "suppression forgotten altogether",
    ),
)

IMPUTED = (
    Leak(
        "zero_for_hidden",
        MONTH,
        _change(_exact("0"), _HIDDEN_PAIR),
        (FIVES, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "a hidden count is not a count of nobody",
    ),
    Leak(
        "zero_for_every_hidden_count",
        QUARTER,
        _change_all("value = 0", "statistic = 'count' and value_status = 'suppressed'"),
        (FIVES, ONLY_PUBLISHED, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "an outer join filled with noughts",
    ),
    Leak(
        "imputed_2",
        YEAR,
        _change("value = 2", _figure("region", status="suppressed", among=CATEGORY)),
        (FIVES, ONLY_PUBLISHED, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "the middle of what a hidden count can be",
    ),
    Leak(
        "imputed_2_and_a_half",
        MONTH,
        _change("value = 2.5", _HIDDEN_PAIR),
        (FIVES, ONLY_PUBLISHED, HIDDEN_SHOWN),
        "the middle again, as a number that no count can be",
    ),
    Leak(
        "imputed_5",
        YEAR,
        _change(_count("5"), _figure("provider", status="suppressed", among=CATEGORY)),
        (HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "a provider's hidden count raised to five",
    ),
)

PERCENTAGE_PRECISION = (
    Leak(
        "one_decimal",
        QUARTER,
        _change(
            "value = value + 0.4", _figure("ccg", "percentage", period=EARLIER_QUARTER, also="value between 20 and 80")
        ),
        (WHOLE, PERCENTAGES, NO_RESIDUAL_DISCLOSURE),
        "a decimal narrows the numerator tenfold",
    ),
    Leak(
        "one_decimal_of_england",
        MONTH,
        _change("value = source_value", _figure("england", "percentage", also="source_value <> floor(source_value)")),
        (WHOLE, PERCENTAGES),
        "England's percentage as the source has it",
    ),
    Leak(
        "two_decimals",
        MONTH,
        _change("value = value + 0.25", _figure("sub_icb", "percentage", also="value between 20 and 80")),
        (WHOLE, PERCENTAGES, NO_RESIDUAL_DISCLOSURE),
        "two decimals narrow it a hundredfold",
    ),
    Leak(
        "every_decimal_there_is",
        YEAR,
        _change("value = 100.0 * 17 / 31", _figure("icb", "percentage", among=CATEGORY)),
        (WHOLE, PERCENTAGES),
        "a quotient that nobody rounded names both its counts",
    ),
    Leak(
        "rebuilt_at_a_pair",
        MONTH,
        _change(
            "value = (select rebuilt from rebuilt where rebuilt.key = source.key)",
            _figure(
                "sub_icb_provider",
                "percentage",
                also="value <> (select rebuilt from rebuilt where rebuilt.key = source.key)",
            ),
        ),
        (PERCENTAGES,),
        "a percentage rebuilt from rounded counts, where that differs",
    ),
    Leak(
        "rebuilt_at_a_provider",
        YEAR,
        _change(
            "value = (select rebuilt from rebuilt where rebuilt.key = source.key)",
            _figure(
                "provider",
                "percentage",
                among="true",
                also="value <> (select rebuilt from rebuilt where rebuilt.key = source.key)",
            ),
        ),
        (PERCENTAGES,),
        "a provider's percentage rebuilt from rounded counts",
    ),
    Leak(
        "all_rebuilt",
        QUARTER,
        "update {table} set value = rebuilt from rebuilt where {key} = rebuilt.key and rebuilt <= 100",
        (PERCENTAGES,),
        "every percentage rebuilt from rounded counts",
    ),
    Leak(
        "from_other_true_counts",
        MONTH,
        _change("value = value + 1", _figure("region", "percentage", also="value between 20 and 80")),
        (PERCENTAGES,),
        "a percentage from unrounded counts that are not those of the published one",
    ),
    Leak(
        "from_other_true_counts_in_a_category",
        QUARTER,
        _change("value = value - 1", _figure("icb", "percentage", among=CATEGORY, also="value between 20 and 80")),
        (PERCENTAGES,),
        "the same in a category of an ICB",
    ),
    Leak(
        "england_rounded_twice",
        YEAR,
        _change(
            "value = floor(source_value + 0.5)",
            _figure("england", "percentage", among="true", also="value <> floor(source_value + 0.5)"),
        ),
        (PERCENTAGES,),
        "England's percentage from the published decimal instead of the counts, where that differs",
    ),
    Leak(
        "england_cut_off",
        MONTH,
        _change("value = floor(source_value)", _figure("england", "percentage", also="value <> floor(source_value)")),
        (PERCENTAGES,),
        "England's percentage cut off instead of rounded",
    ),
)

COMPLEMENTS = (
    Leak(
        "complement_in_the_cell_of_a_hidden_percentage",
        YEAR,
        """
        update {table} set value = 100 - others.total, value_status = 'published', value_marker = null
        from (
            select hash(period, org_code, variable_type, variable_a, variable_b) as row, sum(value) as total
            from {table}
            where org_level = 'icb' and measure in ('percentage_reliable_improvement', 'percentage_no_reliable_change')
            group by all having count(value) = 2 and total <= 100
        ) as others
        where others.row = hash(period, org_code, variable_type, variable_a, variable_b) and org_level = 'icb'
            and measure = 'percentage_reliable_deterioration' and value_status = 'suppressed'
        """,
        (NUMERATOR, HIDDEN_SHOWN),
        "what is left of a hundred when the other outcomes are taken away",
    ),
    Leak(
        "complement_percentage_as_a_measure",
        MONTH,
        _add(
            "100 - value as value, 'percentage_not_recovered' as measure, null as measure_id",
            _figure("sub_icb_provider", "percentage", also="measure = 'percentage_recovery'"),
        ),
        (STANDS, "measures_stand_in_dim_measure"),
        "the share that did not recover, which nobody publishes",
    ),
    Leak(
        "complement_as_a_hidden_count",
        YEAR,
        """
        update {table} set value = rest, lower_bound = rest, upper_bound = rest, value_status = 'published',
            value_marker = null
        from (
            select hash(period, org_level, org_code, variable_a) as row,
                cast(sum(if(measure = 'count_at_caseness', -value, value)) as bigint) as rest
            from {table}
            where variable_type = 'Gender' and measure in ('count_finished_course_treatment', 'count_at_caseness')
            group by all having count(value) = 2
        ) as others
        where others.row = hash(period, org_level, org_code, variable_a)
            and measure = 'count_not_at_caseness' and value_status = 'suppressed'
        """,
        (HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "finished courses less those at caseness, put where those not at caseness are hidden",
    ),
    Leak(
        "complement_as_a_count_of_its_own",
        QUARTER,
        _add(
            "5 as value, 5 as lower_bound, 7 as upper_bound, 'count_appts_dna' as measure, null as measure_id",
            _figure("provider"),
        ),
        (STANDS, NO_RESIDUAL_DISCLOSURE),
        "what a base leaves over, as a count of a measure that the source does not have there",
    ),
)

DERIVED_ROWS = (
    Leak(
        "total_over_hidden_parts",
        MONTH,
        _total_of_pairs(""),
        (DERIVED,),
        "a total of which parts are hidden, with every bound it needs, that nobody declared",
    ),
    Leak(
        "total_without_bounds",
        MONTH,
        _total_of_pairs("update {table} set lower_bound = null, upper_bound = null where is_derived"),
        (DERIVED, "derived_rows_declare_bounds_and_hidden_parts"),
        "a total that does not say how far it can be from the truth",
    ),
    Leak(
        "total_with_narrow_bounds",
        MONTH,
        _total_of_pairs("update {table} set lower_bound = value, upper_bound = value where is_derived"),
        (DERIVED, "derived_bounds_allow_for_hidden_parts"),
        "a total that leaves no room for its hidden parts",
    ),
    Leak(
        "total_with_fewer_hidden_parts",
        MONTH,
        _total_of_pairs("update {table} set suppressed_parts = 0, upper_bound = value + 2 where is_derived"),
        (DERIVED,),
        "a total that says that none of its parts is hidden",
    ),
    Leak(
        "total_with_hidden_parts_below_none",
        MONTH,
        _total_of_pairs("update {table} set suppressed_parts = -1 where is_derived"),
        (DERIVED, "derived_rows_declare_bounds_and_hidden_parts"),
        "a number of hidden parts that cannot be",
    ),
    Leak(
        "hidden_total_with_narrow_bounds",
        MONTH,
        _total_of_pairs(
            "update {table} set value = null, value_status = 'suppressed', value_marker = '[c]', suppressed_parts = 3, "
            "lower_bound = 0, upper_bound = 4 where is_derived"
        ),
        (DERIVED, SUPPRESSED_BOUNDS),
        "three hidden parts are not at most four people",
    ),
    Leak(
        "published_figure_called_derived",
        YEAR,
        _change("is_derived = true, suppressed_parts = 0", _figure("region")),
        (DERIVED,),
        "a figure that was carried over and says it was built",
    ),
    Leak(
        "derived_percentage",
        QUARTER,
        _change(
            "is_derived = true, suppressed_parts = 0, lower_bound = 0, upper_bound = 100", _figure("icb", "percentage")
        ),
        (DERIVED, "only_counts_have_bounds"),
        "no percentage is ever derived",
    ),
    Leak(
        "difference_of_parent_and_shown_siblings",
        MONTH,
        """
        update {table} set value = rest, lower_bound = rest - 2, upper_bound = rest + 2, value_status = 'published',
            value_marker = null, is_derived = true, suppressed_parts = 0
        from (
            select hash(period, org_code, measure) as row,
                cast(sum(if(org_level = 'sub_icb', value, -value)) as bigint) as rest
            from {table}
            where org_level in ('sub_icb', 'sub_icb_provider') and statistic = 'count' and period = '2025-06'
            group by all
            having count(*) filter (org_level = 'sub_icb_provider' and value is null) = 1
                and count(*) filter (org_level = 'sub_icb' and value is null) = 0
        ) as others
        where others.row = hash(period, org_code, measure) and org_level = 'sub_icb_provider'
            and value_status = 'suppressed'
        """,
        (DERIVED, HIDDEN_SHOWN),
        "the only hidden sibling is what its parent leaves over",
    ),
    Leak(
        "parent_from_true_children",
        MONTH,
        _change("value = value + 2, lower_bound = value + 2", _figure("sub_icb", also="measure = 'count_recovery'")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a sub-ICB as the sum of its pairs before they were rounded",
    ),
    Leak(
        "parent_from_rounded_children",
        QUARTER,
        """
        update {table} set value = total, lower_bound = greatest(5, total - 2), upper_bound = total + 2
        from (
            select org_code as code, measure as of_measure, sum(value) as total
            from {table} where period = '2025-26 Q3' and org_level = 'sub_icb_provider' and variable_type = 'Total'
                and statistic = 'count'
            group by all
        ) as children
        where org_level = 'sub_icb' and variable_type = 'Total' and org_code = code and measure = of_measure
            and value <> total
        """,
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "a sub-ICB as the sum of its rounded pairs: multiples of five, and not the figure",
    ),
)

NARROWED_BOUNDS = (
    Leak(
        "hidden_but_not_nobody",
        MONTH,
        _change_all("lower_bound = 1", _HIDDEN_PAIR),
        (SUPPRESSED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "bounds that say that hidden counts are not nobody",
    ),
    Leak(
        "hidden_and_at_most_3",
        YEAR,
        _change_all("upper_bound = 3", _HIDDEN_CATEGORY),
        (SUPPRESSED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "a bound that takes one possible value away",
    ),
    Leak(
        "hidden_and_pinned",
        QUARTER,
        _change(
            "lower_bound = 2, upper_bound = 2",
            _figure("ccg", status="suppressed", among=CATEGORY, period=EARLIER_QUARTER),
        ),
        (SUPPRESSED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "bounds that are the hidden count",
    ),
    Leak(
        "all_bounds_as_the_audit_found_them",
        MONTH,
        _change_all("upper_bound = 2", "{in_period} and statistic = 'count' and value_status = 'suppressed'"),
        (SUPPRESSED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "the audit's own bounds in the place of the declared ones",
    ),
    Leak(
        "shown_and_exact",
        MONTH,
        _change("lower_bound = value, upper_bound = value", _figure("region")),
        (PUBLISHED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "bounds that call a rounded count exact",
    ),
    Leak(
        "shown_within_one",
        YEAR,
        _change("lower_bound = value - 1, upper_bound = value + 1", _figure("ccg", period=EARLIER_YEAR)),
        (PUBLISHED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "bounds that are narrower than rounding leaves them",
    ),
    Leak(
        "true_count_as_a_bound",
        QUARTER,
        _change("lower_bound = source_value", _figure("england", also="source_value > value - 2")),
        (PUBLISHED_BOUNDS,),
        "England's exact count as a lower bound",
    ),
    Leak(
        "bounds_of_a_gap",
        QUARTER,
        _change("lower_bound = 0, upper_bound = 4", f"{GAP} and org_level = 'ccg' and statistic = 'count'"),
        ("not_published_rows_have_no_bounds", NO_RESIDUAL_DISCLOSURE),
        "of a figure that was never published nothing is known",
    ),
    Leak(
        "hidden_parts_of_a_published_figure",
        YEAR,
        _change("suppressed_parts = 3", _figure("stp", period=EARLIER_YEAR)),
        ("only_derived_rows_count_hidden_parts",),
        "a number in a column that no published figure uses",
    ),
)

STATUSES = (
    Leak(
        "value_of_a_dash",
        MONTH,
        _change("value = 20", DASHES + " and statistic = 'count'"),
        (ONLY_PUBLISHED, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "a figure where the publisher has a dash",
    ),
    Leak(
        "dash_called_suppressed",
        MONTH,
        _change(
            "value_status = 'suppressed', value_marker = '[c]', lower_bound = 0, upper_bound = 4",
            DASHES + " and statistic = 'count'",
        ),
        (STATUS, NO_RESIDUAL_DISCLOSURE),
        "a dash called hidden says that at most four people stand behind it",
    ),
    Leak(
        "marker_of_hidden_beside_a_figure",
        MONTH,
        _change("value_marker = '[c]'", _figure("provider")),
        (MARKER,),
        "a published figure marked as hidden",
    ),
    Leak(
        "no_marker_beside_hidden",
        YEAR,
        _change("value_marker = null", _HIDDEN_CATEGORY),
        (MARKER,),
        "a hidden figure without its marker",
    ),
    Leak(
        "marker_of_a_gap_beside_hidden",
        QUARTER,
        _change("value_marker = '[x]'", _figure("sub_icb", status="suppressed", among=CATEGORY)),
        (MARKER,),
        "a hidden figure marked as never published",
    ),
    Leak(
        "marker_of_hidden_in_a_gap", QUARTER, _change("value_marker = '[c]'", GAP), (MARKER,), "a gap marked as hidden"
    ),
    Leak(
        "publishers_text_as_marker",
        MONTH,
        _change("value_marker = source_text", _figure("england", "percentage")),
        (MARKER,),
        "the publisher's cell carried in the marker",
    ),
    Leak(
        "published_without_a_value",
        MONTH,
        _change(SHOWN, _HIDDEN_PAIR),
        (PUBLISHED_FILLED, STATUS),
        "a hidden count called published",
    ),
    Leak(
        "published_called_never_published",
        YEAR,
        _change(
            "value = null, value_status = 'not_published', value_marker = '[x]', lower_bound = null, "
            "upper_bound = null",
            _figure("provider"),
        ),
        (STATUS,),
        "a published figure withdrawn without a word",
    ),
    Leak(
        "hidden_called_never_published",
        QUARTER,
        _change(
            "value_status = 'not_published', value_marker = '[x]', lower_bound = null, upper_bound = null",
            _figure("icb", status="suppressed", among=CATEGORY),
        ),
        (STATUS,),
        "a hidden figure that denies its being hidden",
    ),
    Leak(
        "published_count_called_small",
        MONTH,
        _change(
            "value = null, value_status = 'suppressed', value_marker = '[c]', lower_bound = 0, upper_bound = 4",
            _figure("sub_icb", also="measure = 'count_referrals_received'"),
        ),
        (NO_RESIDUAL_DISCLOSURE,),
        "a published count declared to be below five",
    ),
    Leak(
        "not_applicable_status",
        YEAR,
        _change("value = null, value_status = 'not_applicable', value_marker = '[z]'", _figure("region")),
        ("status_is_known", STATUS),
        "a status that no row of an extract has",
    ),
)

GAPS = (
    Leak(
        "gap_of_zero",
        QUARTER,
        _change(_exact("0"), f"{GAP} and statistic = 'count'"),
        (GAP_EMPTY, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "nobody counted is not nobody there",
    ),
    Leak(
        "gap_interpolated",
        QUARTER,
        """
        update {table} set value = middle, lower_bound = greatest(5, middle - 2), upper_bound = middle + 2,
            value_status = 'published', value_marker = null
        from (
            select hash(org_code, variable_type, variable_a, variable_b, measure) as row,
                5 * round(avg(value) / 5) as middle
            from {table} where period in ('2020-21 Q1', '2020-21 Q3') and statistic = 'count'
            group by all having count(value) = 2 and middle >= 5
        ) as neighbours
        where neighbours.row = hash(org_code, variable_type, variable_a, variable_b, measure) and period = '2020-21 Q2'
        """,
        (GAP_EMPTY, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "the middle of the quarters before and after",
    ),
    Leak(
        "gap_as_a_sum_of_months",
        QUARTER,
        _change(
            "value = 60, lower_bound = 54, upper_bound = 66, is_derived = true, suppressed_parts = 0, "
            "value_status = 'published', value_marker = null",
            f"{GAP} and measure = 'count_finished_course_treatment'",
        ),
        (GAP_EMPTY, DERIVED, HIDDEN_SHOWN),
        "three months are not a quarter: people are counted once in each",
    ),
    Leak(
        "gap_percentage_carried_forward",
        QUARTER,
        _change(f"value = 50, {SHOWN}", f"{GAP} and statistic = 'percentage'"),
        (GAP_EMPTY, HIDDEN_SHOWN),
        "the last percentage known, in a quarter without any",
    ),
    Leak(
        "gap_called_suppressed",
        QUARTER,
        _change_all("value_status = 'suppressed', value_marker = '[c]'", GAP),
        (GAP_EMPTY, STATUS),
        "a gap called hidden",
    ),
    Leak(
        "gap_row_dropped",
        QUARTER,
        f"delete from {{table}} where rowid = {_first(GAP)}",
        (GAP_SHOWN, MISSING),
        "a series that runs on over its gap",
    ),
    Leak("gap_dropped", QUARTER, f"delete from {{table}} where {GAP}", (GAP_SHOWN, MISSING), "every row of the gap"),
)

_SOURCE_ROW = """
    insert into {table}
    select
        period, period_start, period_end, financial_year, org_level, org_code, org_name, org_level, partner_code,
        partner_name, variable_type, variable_a, variable_b, measure, measure_id, statistic, value, value_status,
        cast(null as varchar), false, cast(null as bigint), cast(null as bigint), cast(null as integer), drop_sha256
    from {fact}
    where rowid = (select min(rowid) from {fact} where %s)
"""

ROWS_TOO_MANY_OR_FEW = (
    Leak(
        "minimum",
        MONTH,
        _SOURCE_ROW % "statistic = 'minimum' and value is not null and org_level = 'england'",
        ("statistic_is_known", STANDS),
        "the least that any one person had",
    ),
    Leak(
        "maximum",
        MONTH,
        _SOURCE_ROW % "statistic = 'maximum' and value is not null and org_level = 'provider'",
        ("statistic_is_known", STANDS),
        "the most that any one person had",
    ),
    Leak(
        "maximum_called_a_mean",
        MONTH,
        _SOURCE_ROW % "statistic = 'maximum' and value is not null and org_level = 'provider'"
        + "; update {table} set statistic = 'mean' where statistic = 'maximum'",
        ("statistic_agrees_with_dim_measure", STANDS),
        "one person's figure under the name of a mean",
    ),
    Leak(
        "sum",
        YEAR,
        _SOURCE_ROW % "statistic = 'sum' and org_level = 'england'"
        + "; update {table} set value = 1200, value_status = 'published' where statistic = 'sum'",
        ("statistic_is_known", STANDS),
        "a raw sum",
    ),
    Leak(
        "not_applicable_as_zero",
        YEAR,
        _SOURCE_ROW % "statistic = 'percentage' and value_status = 'not_applicable' and org_level = 'provider'"
        + "; update {table} set value = 0, value_status = 'published' where value_status = 'not_applicable'",
        (STANDS,),
        "a measure that did not exist that year, as nought",
    ),
    Leak(
        "not_applicable_as_a_gap",
        YEAR,
        _SOURCE_ROW
        % "statistic = 'count' and value_status = 'not_applicable' and org_level = 'icb'"
        + "; update {table} set value_status = 'not_published', value_marker = '[x]' "
        "where value_status = 'not_applicable'",
        (STANDS,),
        "a measure that did not exist that year, as a gap",
    ),
    Leak(
        "unreviewed_measure",
        MONTH,
        _SOURCE_ROW % "not is_reviewed and value % 5 = 0 and value > 20 and org_level = 'region'"
        + "; update {table} set lower_bound = value - 2, upper_bound = value + 2 where measure = '{unreviewed}'",
        (STANDS, "measures_stand_in_dim_measure"),
        "a measure that nobody has looked at yet",
    ),
    Leak(
        "figure_of_another_organisation",
        MONTH,
        _add(
            "(select max(org_code) from dim_organisation where org_level = 'provider' and is_in_drops "
            "and org_code not in (select org_code from {table})) as org_code",
            _figure("provider"),
        ),
        (STANDS, NO_RESIDUAL_DISCLOSURE),
        "a figure for an organisation that the source has none of",
    ),
    Leak(
        "figure_of_another_period",
        MONTH,
        _add(
            "'2021-01' as period, date '2021-01-01' as period_start, date '2021-01-31' as period_end, "
            "'2020-21' as financial_year",
            _figure("region"),
        ),
        (STANDS, NO_RESIDUAL_DISCLOSURE),
        "a figure for a month that the source does not have",
    ),
    Leak(
        "figure_of_a_finer_group",
        QUARTER,
        _add("'Gender' as variable_type, 'Female' as variable_a, 'under 18' as variable_b", _figure("provider")),
        (STANDS,),
        "a group within a group, which nobody publishes",
    ),
    Leak(
        "figure_of_a_finer_place",
        YEAR,
        _add(
            "'sub_icb' as org_level, (select min(org_code) from dim_organisation "
            "where org_level = 'sub_icb' and is_in_drops) as org_code",
            _figure("icb"),
        ),
        (STANDS, NO_RESIDUAL_DISCLOSURE),
        "a place below those of the annual report",
    ),
    Leak(
        "row_dropped",
        MONTH,
        f"delete from {{table}} where rowid = {_first(_figure('region'))}",
        (MISSING,),
        "a figure that is not there",
    ),
    Leak(
        "hidden_rows_dropped",
        YEAR,
        "delete from {table} where value_status = 'suppressed'",
        (MISSING,),
        "what is hidden without a row that says so",
    ),
    Leak(
        "measure_dropped",
        QUARTER,
        "delete from {table} where measure = 'percentage_recovery'",
        (MISSING,),
        "a measure that is not there",
    ),
    Leak("row_twice", MONTH, _add("value as value", _figure("provider")), (UNIQUE,), "a figure that counts double"),
    Leak(
        "row_twice_once_unrounded",
        YEAR,
        _add("value + 1 as value", _figure("icb", among=CATEGORY)),
        (UNIQUE, FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "the true count in the shadow of the rounded one",
    ),
)

WRONG_PLACES = (
    Leak(
        "figures_of_two_organisations_swapped",
        MONTH,
        _swap(_AS_SHOWN, _figure("provider")),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "two figures that both look as they should, each in the other's row",
    ),
    Leak(
        "figures_of_two_ccgs_swapped",
        QUARTER,
        _swap(_AS_SHOWN, _figure("ccg", among=CATEGORY, period=EARLIER_QUARTER)),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "the same in a category",
    ),
    Leak(
        "percentages_of_two_organisations_swapped",
        YEAR,
        _swap(("value",), _figure("region", "percentage")),
        (PERCENTAGES,),
        "two percentages, each in the other's row",
    ),
    Leak(
        "means_of_two_organisations_swapped",
        MONTH,
        _swap(("value",), _figure("sub_icb", "mean")),
        (MEANS,),
        "two means, each in the other's row",
    ),
    Leak(
        "rows_under_each_others_key",
        YEAR,
        _swap(("org_code", "org_name"), _figure("provider")),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "two rows, whole, under each other's organisation",
    ),
    Leak(
        "code_swapped_and_name_kept",
        QUARTER,
        _swap(("org_code",), _figure("icb")),
        (COUNTS, LABELS),
        "two rows under each other's code",
    ),
    Leak(
        "figures_of_two_measures_swapped",
        MONTH,
        _swap(_AS_SHOWN, _figure("region"), unlike="measure"),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "two measures of one organisation, each in the other's row",
    ),
    Leak(
        "names_of_two_measures_swapped",
        YEAR,
        _swap(("measure", "measure_id"), _figure("provider", "percentage"), unlike="measure"),
        (PERCENTAGES,),
        "two measures under each other's name",
    ),
    Leak(
        "categories_swapped",
        QUARTER,
        _swap(_AS_SHOWN, _figure("region", among=CATEGORY), unlike="variable_a"),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "two categories of one organisation, each in the other's row",
    ),
    Leak(
        "periods_swapped",
        YEAR,
        _swap(_AS_SHOWN, _figure("region", period="true"), unlike="period"),
        (COUNTS, NO_RESIDUAL_DISCLOSURE),
        "two years of one organisation, each in the other's row",
    ),
    Leak(
        "drop_replaced",
        MONTH,
        _change("drop_sha256 = sha256('another file')", _figure("region")),
        (LABELS,),
        "a figure that names a file it was not read from",
    ),
    Leak(
        "name_that_carries_a_number",
        QUARTER,
        _change(f"org_name = org_name || ' ({CANARY_VALUE})'", _figure("provider")),
        (LABELS,),
        "a figure in the name of an organisation",
    ),
    Leak(
        "type_that_carries_a_number",
        MONTH,
        _change(f"org_type = '{CANARY_VALUE}'", _figure("provider")),
        ("org_type_is_that_of_dim_organisation",),
        "a figure in what an organisation is said to be",
    ),
    Leak(
        "partner_name_that_carries_a_number",
        MONTH,
        _change("partner_name = '3 people'", _HIDDEN_PAIR),
        (LABELS,),
        "a figure in the name of a partner",
    ),
    Leak(
        "measure_id_that_carries_a_number",
        YEAR,
        _change("measure_id = '4'", _HIDDEN_CATEGORY),
        (LABELS,),
        "a figure in the identifier of a measure",
    ),
    Leak(
        "category_that_carries_a_number",
        YEAR,
        _change("variable_b = '4'", _HIDDEN_CATEGORY),
        (STANDS, MISSING),
        "a figure in the name of a category",
    ),
)

NO_NUMBERS = (
    Leak("nan", MONTH, _change("value = 'nan'", _figure("region")), (NUMBERS, FIVES, COUNTS), "no number at all"),
    Leak(
        "nan_percentage",
        YEAR,
        _change("value = 'nan'", _figure("icb", "percentage")),
        (NUMBERS, WHOLE, PERCENTAGES),
        "nought divided by nought",
    ),
    Leak(
        "nan_for_hidden",
        MONTH,
        _change("value = 'nan'", _HIDDEN_PAIR),
        (NUMBERS, ONLY_PUBLISHED, HIDDEN_SHOWN),
        "what a spreadsheet library writes for what is absent",
    ),
    Leak(
        "infinity",
        QUARTER,
        _change("value = 'infinity'", _figure("provider")),
        (NUMBERS, FIVES, COUNTS),
        "a count without end",
    ),
    Leak(
        "infinity_below",
        MONTH,
        _change("value = '-infinity'", _figure("region", "mean")),
        (NUMBERS, ONE_DECIMAL, MEANS),
        "a mean without end",
    ),
    Leak(
        "zero_below_zero",
        YEAR,
        _change("value = cast('-0.0' as double)", _figure("ccg", "percentage", period=EARLIER_YEAR)),
        (NUMBERS, PERCENTAGES),
        "a sign on nothing",
    ),
    Leak(
        "negative_count",
        QUARTER,
        _change(_exact("-5"), _figure("sub_icb")),
        (FIVES, COUNTS, PUBLISHED_BOUNDS),
        "fewer people than none",
    ),
    Leak(
        "percentage_above_100",
        MONTH,
        _change("value = 105", _figure("provider", "percentage")),
        (WHOLE, PERCENTAGES),
        "more than all",
    ),
    Leak(
        "text_for_numbers",
        MONTH,
        "alter table {table} alter column value type varchar",
        (COLUMNS,),
        "a column of text could carry anything",
    ),
    Leak(
        "text_in_a_bound",
        YEAR,
        "alter table {table} alter column upper_bound type varchar using coalesce(upper_bound::varchar, '*')",
        (COLUMNS,),
        "a bound that is no number",
    ),
)

MEAN_PRECISION = (
    Leak(
        "mean_at_full_precision",
        MONTH,
        _change("value = value + 1.0 / 37", _figure("region", "mean")),
        (ONE_DECIMAL, MEANS),
        "a quotient names the number of people behind it",
    ),
    Leak(
        "mean_at_two_decimals",
        YEAR,
        _change("value = value + 0.05", _figure("ccg", "mean", period=EARLIER_YEAR)),
        (ONE_DECIMAL, MEANS),
        "a decimal more than was published",
    ),
    Leak(
        "mean_in_the_last_bit",
        YEAR,
        _change("value = value + 1e-12", _figure("region", "mean")),
        (ONE_DECIMAL,),
        "a figure in the decimals that nobody prints",
    ),
    Leak(
        "mean_rounded_to_a_day",
        MONTH,
        _change("value = round(value)", _figure("provider", "mean", also="value % 1 <> 0")),
        (MEANS,),
        "a mean that was rounded again",
    ),
    Leak(
        "mean_changed", YEAR, _change("value = round(value - 0.1, 1)", _figure("icb", "mean")), (MEANS,), "another mean"
    ),
    Leak(
        "median_changed",
        MONTH,
        _change("value = value + 0.5", _figure("sub_icb", "median")),
        (MEANS,),
        "another median",
    ),
    Leak(
        "median_as_the_mean",
        MONTH,
        _change("value = round(value + 0.3, 1)", _figure("england", "median")),
        (MEANS,),
        "a mean in the row of a median",
    ),
)

STRUCTURE = (
    Leak(
        "publishers_text",
        MONTH,
        "alter table {table} add column value_as_published varchar; "
        "update {table} set value_as_published = source_text from source where {key} = source.key",
        (COLUMNS,),
        "a column of the warehouse left behind",
    ),
    Leak(
        "true_values",
        YEAR,
        f"alter table {{table}} add column true_value integer default {CANARY_VALUE}",
        (COLUMNS,),
        "a column of true counts",
    ),
    Leak(
        "true_values_under_a_known_name",
        QUARTER,
        "alter table {table} drop column suppressed_parts; alter table {table} add column suppressed_parts integer "
        "default 3",
        (COLUMNS,),
        "a column out of its place",
    ),
    Leak(
        "another_table",
        "mart_superseded_cells",
        "create table {table} as select * from warehouse.marts.fct_monthly limit 10",
        (FILES,),
        "a table of the warehouse beside the release",
    ),
    Leak(
        "another_extract",
        "extract_weekly",
        "create table {table} as select * from extract_monthly limit 10",
        (FILES,),
        "an extract that no rule is about",
    ),
)

IN_DIMENSIONS = (
    Leak(
        "number_in_the_name_of_an_organisation",
        "dim_organisation",
        f"update {{table}} set org_name = org_name || ' ({CANARY_VALUE})' where rowid = 20",
        (DIMENSIONS,),
        "a figure in a dimension",
    ),
    Leak(
        "number_in_a_former_name",
        "dim_organisation",
        "update {table} set former_names = '3 people in June 2025' where rowid = 20",
        (DIMENSIONS,),
        "a figure in a column that is seldom read",
    ),
    Leak(
        "number_in_the_name_of_a_measure",
        "dim_measure",
        "update {table} set name = name || ' (2 in all)' where measure = 'count_recovery'",
        (DIMENSIONS,),
        "a figure in the name of a measure",
    ),
    Leak(
        "number_in_the_reason_of_a_gap",
        "dim_period",
        "update {table} set reason = reason || ' It would have been 4.' where period = '2020-21 Q2'",
        (DIMENSIONS,),
        "a figure in the reason of a gap",
    ),
    *(
        Leak(
            f"number_in_a_word_of_{table}",
            table,
            f"update {table} set {column} = '{CANARY_VALUE}' where rowid = 3",
            (DIMENSIONS,),
            "a figure in a word of a dimension",
        )
        for table, column in {
            "dim_date": "month_label",
            "dim_organisation_history": "parent_name",
            "dim_population": "change_reason",
            "dim_measure_name": "note",
            "dim_standard": "label",
            "dim_note": "note",
        }.items()
    ),
    Leak(
        "formula_without_its_numerator",
        "dim_measure",
        "update {table} set numerator = null where measure = 'percentage_recovery'",
        (DIMENSIONS,),
        "a percentage that no hidden numerator hides any more",
    ),
)


def _first_of(table: str, change: str, where: str) -> str:
    """Change the first row of a table that follows from the extracts."""
    return f"update {table} set {change} where rowid = (select min(rowid) from {table} where {where})"


_SUM = "is_derived and org_code = 'QT1' and period = '2025-06'"
SUMS = (
    Leak(
        "sum_that_adds_a_hidden_part",
        MONTH,
        _first_of(MONTH, "value = value + 5", f"{_SUM} and value is not null"),
        (DERIVED,),
        "a total that is more than its shown parts",
    ),
    Leak(
        "sum_with_one_bound_narrower",
        MONTH,
        _first_of(MONTH, "upper_bound = upper_bound - 1", f"{_SUM} and value is not null"),
        (DERIVED,),
        "a total that says more of its parts than they say",
    ),
    Leak(
        "sum_with_another_number_of_hidden_parts",
        MONTH,
        _first_of(MONTH, "suppressed_parts = suppressed_parts + 1", f"{_SUM} and value is not null"),
        (DERIVED,),
        "a total that tells another number of hidden parts than there are",
    ),
    Leak(
        "sum_of_a_body_with_a_location_missing",
        MONTH,
        f"delete from {MONTH} where org_level = 'sub_icb' and org_code = '52R' and period = '2025-06'",
        (DERIVED, MISSING),
        "a total one part of which is in no row",
    ),
    Leak(
        "sum_under_another_body",
        MONTH,
        _first_of(MONTH, "org_code = 'QVV'", _SUM),
        (DERIVED,),
        "a total of an organisation that its parts did not belong to",
    ),
)

FIGURES = "figures_are_the_extracts_or_their_sums"
CELLS = "cells_are_the_extracts"
AREA = "values_are_of_the_current_area"
RATES = "rates_are_of_one_organisation"
NAMES = "no_other_area_under_a_current_name"
WHOLES = "wholes_are_their_parts"
_QT1 = "org_level = 'icb' and org_code = 'QT1' and period = '2025-06' and value is not null"
FOLLOWING = (
    *(
        leak
        for table in CURRENT_BOUNDARIES
        for leak in (
            Leak(
                f"raw_count_in_{table}",
                table,
                _first_of(table, "value = value + 1", "statistic = 'count' and value is not null"),
                (FIGURES, DIMENSIONS),
                "a figure that was never rounded, on current boundaries",
            ),
        )
    ),
    *(
        leak
        for table in ("extract_quarterly_current_boundaries", "extract_annual_current_boundaries")
        for leak in (
            Leak(
                f"unblanked_figure_in_{table}",
                table,
                _first_of(
                    table,
                    "value = 5, value_status = 'published', value_marker = null",
                    "value_status = 'suppressed'",
                ),
                (FIGURES, DIMENSIONS),
                "a hidden figure shown on current boundaries",
            ),
            Leak(
                f"bound_narrowed_in_{table}",
                table,
                _first_of(
                    table, "lower_bound = lower_bound + 1", "value_status = 'suppressed' and statistic = 'count'"
                ),
                (FIGURES, DIMENSIONS),
                "a hidden count that is said not to be 0",
            ),
        )
    ),
    Leak(
        "another_organisations_figure_on_current_boundaries",
        "extract_annual_current_boundaries",
        "update extract_annual_current_boundaries set codes_as_published = 'Y56' where org_code = 'Y58'",
        (FIGURES, DIMENSIONS),
        "a figure that is said to be another organisation's",
    ),
    Leak(
        "larger_area_under_todays_name",
        "extract_monthly_current_boundaries",
        "update extract_monthly_current_boundaries set value = value + 5000, lower_bound = lower_bound + 5000, "
        f"upper_bound = upper_bound + 5000 where {_QT1}",
        (FIGURES, WHOLES, DIMENSIONS),
        "a count of more than the organisation's locations have",
    ),
    Leak(
        "one_location_under_the_name_of_its_board",
        "extract_monthly_current_boundaries",
        "update extract_monthly_current_boundaries as whole set level_as_published = 'sub_icb', codes_as_published = "
        "'52R', comparability = 'summed', value = part.value, lower_bound = part.lower_bound, "
        "upper_bound = part.upper_bound, suppressed_parts = 0 "
        "from (select * from extract_monthly_current_boundaries where org_level = 'sub_icb' and org_code = '52R' "
        "and period = '2025-06' and statistic = 'count' and value is not null) as part "
        f"where {_QT1.replace('org_', 'whole.org_').replace('period', 'whole.period').replace('value', 'whole.value')} "
        "and whole.measure = part.measure and whole.variable_type = part.variable_type",
        (AREA, DIMENSIONS),
        "the count of a part of the area of today, as NHS Essex had that of Mid and South Essex",
    ),
    Leak(
        "rate_of_a_smaller_area_under_todays_name",
        "extract_annual_current_boundaries",
        _first_of(
            "extract_annual_current_boundaries",
            "comparability = 'summed'",
            "statistic = 'percentage' and value is not null and org_level = 'region' and comparability = 'same'",
        ),
        (RATES, FIGURES, DIMENSIONS),
        "a rate that is said to be of an area put together",
    ),
    Leak(
        "figure_of_another_area_under_a_code_of_today",
        "extract_annual_current_boundaries",
        _first_of(
            "extract_annual_current_boundaries",
            "comparability = 'former'",
            "value is not null and org_level = 'region' and comparability = 'same'",
        ),
        (NAMES, DIMENSIONS),
        "a figure of the organisation as it was, which nobody can tell from one of the organisation as it is",
    ),
    Leak(
        "raw_count_in_a_wide_table",
        "mart_activity",
        _first_of("mart_activity", "count_referrals_received = count_referrals_received - 2", "org_level = 'provider'"),
        (CELLS, DIMENSIONS),
        "a figure that was never rounded, in a wide table",
    ),
    Leak(
        "zero_for_a_hidden_cell",
        "mart_activity",
        _first_of(
            "mart_activity",
            "count_referrals_received = 0, count_referrals_received_status = 'published'",
            "count_referrals_received_status = 'suppressed'",
        ),
        (CELLS, DIMENSIONS),
        "what is hidden read as nothing",
    ),
    Leak(
        "hidden_cell_called_not_applicable",
        "mart_activity",
        _first_of(
            "mart_activity",
            "count_referrals_received_status = 'not_applicable', count_referrals_received_lower = null, "
            "count_referrals_received_upper = null",
            "count_referrals_received_status = 'suppressed'",
        ),
        (CELLS, DIMENSIONS),
        "what is hidden called something else",
    ),
    Leak(
        "value_in_a_cell_that_was_never_published",
        "mart_activity",
        _first_of(
            "mart_activity", "count_referrals_received = 500", "count_referrals_received_status = 'not_published'"
        ),
        (CELLS, DIMENSIONS),
        "a gap filled in a wide table",
    ),
    Leak(
        "number_in_the_name_of_a_population",
        "mart_activity",
        "update mart_activity set population_name = population_name || ' (3)' where rowid = 5",
        (DIMENSIONS,),
        "a figure in a label",
    ),
    Leak(
        "raw_mean_in_a_wide_table",
        "mart_waiting_times",
        _first_of(
            "mart_waiting_times",
            "mean_wait_accessing_services = mean_wait_accessing_services + 0.04",
            "mean_wait_accessing_services is not null",
        ),
        (CELLS, DIMENSIONS),
        "a mean at more decimals than it has",
    ),
    Leak(
        "percentage_at_one_decimal_in_a_wide_table",
        "mart_outcomes",
        _first_of(
            "mart_outcomes", "percentage_recovery = percentage_recovery - 0.4", "percentage_recovery is not null"
        ),
        (CELLS, DIMENSIONS),
        "a percentage finer than it may be, in a wide table",
    ),
    Leak(
        "standard_judged_of_a_hidden_rate",
        "mart_outcomes",
        _first_of(
            "mart_outcomes",
            "percentage_recovery_standard = 50, percentage_recovery_standard_status = 'met'",
            "percentage_recovery_status = 'suppressed'",
        ),
        (DIMENSIONS,),
        "a hidden rate of which it is told that it is at least 50",
    ),
    Leak(
        "another_rate_beside_its_standard",
        "mart_recovery_rate",
        _first_of(
            "mart_recovery_rate",
            "recovery_rate = recovery_rate + 1, gap_to_standard = gap_to_standard + 1",
            "recovery_rate is not null",
        ),
        (CELLS, DIMENSIONS),
        "a rate that was rounded the other way",
    ),
    Leak(
        "gap_at_one_decimal",
        "mart_recovery_rate",
        _first_of("mart_recovery_rate", "gap_to_standard = gap_to_standard + 0.4", "recovery_rate is not null"),
        ("standard_is_judged_of_published_rates", DIMENSIONS),
        "a rate made finer by its gap",
    ),
    Leak(
        "window_over_missing_months",
        "mart_rolling_totals",
        _first_of(
            "mart_rolling_totals",
            "value = 500, value_status = 'published', value_marker = null, reason = null, lower_bound = 498, "
            "upper_bound = 502, suppressed_parts = 0",
            "true",
        ),
        ("sums_are_of_every_month_of_the_extract", DIMENSIONS),
        "a sum over months that nobody has",
    ),
    Leak(
        "window_that_is_empty_without_a_word",
        "mart_rolling_totals",
        _first_of("mart_rolling_totals", "reason = null", "true"),
        ("an_empty_window_says_why", DIMENSIONS),
        "a gap without its reason",
    ),
    Leak(
        "small_number_of_records",
        "mart_data_quality",
        "insert into mart_data_quality (period, org_level, org_code, data_table, item_uid, data_item, is_submission, "
        "valid_records, valid_status) values ('2025-06', 'provider', 'ZX001', 'IDS001', 'C001', 'An item', false, 3, "
        "'published')",
        ("records_are_rounded_as_published", DIMENSIONS),
        "a number of records below the threshold",
    ),
)

LEAKS = (
    *RAW_COUNTS,
    *WRONG_ROUNDING,
    *UNBLANKED,
    *IMPUTED,
    *PERCENTAGE_PRECISION,
    *COMPLEMENTS,
    *DERIVED_ROWS,
    *SUMS,
    *FOLLOWING,
    *NARROWED_BOUNDS,
    *STATUSES,
    *GAPS,
    *ROWS_TOO_MANY_OR_FEW,
    *WRONG_PLACES,
    *NO_NUMBERS,
    *MEAN_PRECISION,
    *STRUCTURE,
    *IN_DIMENSIONS,
)

#: A number that stands nowhere else, in every place but a key that can hold one: no outcome may repeat it.
TELL_TALES = (
    Leak(
        "in_a_count",
        MONTH,
        _change(f"value = {CANARY_VALUE}", _figure("region")),
        (FIVES, COUNTS, NO_RESIDUAL_DISCLOSURE),
        "",
    ),
    Leak(
        "in_a_hidden_count",
        QUARTER,
        _change(f"value = {CANARY_VALUE}", _figure("icb", status="suppressed", among=CATEGORY)),
        (FIVES, ONLY_PUBLISHED, HIDDEN_SHOWN, NO_RESIDUAL_DISCLOSURE),
        "",
    ),
    Leak(
        "in_a_percentage",
        YEAR,
        _change(f"value = {CANARY_VALUE}", _figure("provider", "percentage")),
        (WHOLE, PERCENTAGES),
        "",
    ),
    Leak(
        "in_a_mean", MONTH, _change(f"value = {CANARY_VALUE}.25", _figure("sub_icb", "mean")), (ONE_DECIMAL, MEANS), ""
    ),
    Leak("in_a_bound", YEAR, _change(f"upper_bound = {CANARY_VALUE}", _figure("region")), (PUBLISHED_BOUNDS,), ""),
    Leak(
        "in_a_lower_bound",
        MONTH,
        _change(f"lower_bound = {CANARY_VALUE}", _HIDDEN_PAIR),
        (SUPPRESSED_BOUNDS, NO_RESIDUAL_DISCLOSURE),
        "",
    ),
    Leak(
        "in_a_number_of_parts",
        QUARTER,
        _change(f"suppressed_parts = {CANARY_VALUE}", _figure("icb")),
        ("only_derived_rows_count_hidden_parts",),
        "",
    ),
    Leak("in_a_gap", QUARTER, _change(f"value = {CANARY_VALUE}", GAP), (GAP_EMPTY, HIDDEN_SHOWN), ""),
    Leak("beyond_any_integer", MONTH, _change(f"value = {CANARY_VALUE}e300", _figure("region")), (FIVES,), ""),
    Leak("in_a_name", MONTH, _change(f"org_name = '{CANARY_VALUE}'", _figure("provider")), (LABELS,), ""),
    Leak("in_a_marker", YEAR, _change(f"value_marker = '{CANARY_VALUE}'", _figure("provider")), (MARKER,), ""),
    Leak("in_an_identifier", YEAR, _change(f"measure_id = '{CANARY_VALUE}'", _figure("provider")), (LABELS,), ""),
    Leak(
        "in_a_drop",
        QUARTER,
        _change(f"drop_sha256 = '{CANARY_VALUE}'", _figure("provider")),
        (LABELS, "figures_name_their_drop"),
        "",
    ),
    Leak(
        "in_a_column_of_its_own",
        YEAR,
        f"alter table {{table}} add column true_value integer default {CANARY_VALUE}",
        (COLUMNS,),
        "",
    ),
    Leak(
        "in_a_dimension", "dim_organisation", f"update {{table}} set former_names = '{CANARY_VALUE}'", (DIMENSIONS,), ""
    ),
)

#: Changes that give nothing away: no rule may be broken by them, but that what follows from an extract follows it.
HARMLESS = (
    Leak(
        "rows_in_another_order",
        QUARTER,
        "create or replace table {table} as select * from {table} order by measure, org_code desc",
        (),
        "a table has no order",
    ),
    Leak(
        "a_percentage_hidden_too_many",
        MONTH,
        _change("value = null, value_status = 'suppressed', value_marker = '[c]'", _figure("provider", "percentage")),
        (CELLS,),
        "more may be hidden than need be",
    ),
    Leak(
        "a_mean_hidden_too_many",
        YEAR,
        _change("value = null, value_status = 'suppressed', value_marker = '[c]'", _figure("region", "mean")),
        (CELLS, FIGURES),
        "more may be hidden than need be",
    ),
)


def sql_of(leak: Leak, fact: str, unreviewed: str) -> str:
    """The SQL of a leak with every placeholder filled."""
    return leak.sql.format(
        table=leak.table, key=KEY, fact=fact, in_period=_IN.get(leak.table, "true"), unreviewed=unreviewed
    )
