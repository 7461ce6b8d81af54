"""Tracing: every figure of an extract is one the source published, made into what may leave by the declared rule.

The rule is worked out here a second time, apart from the models that made the extract: two hands must come to the same
figure. A row is traced by the hash of its whole key, as the audit names its cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

from iapt.contract import KEYS, POPULATION
from iapt.disclosure.model import Rounding
from iapt.sql import sql_list
from iapt.validation import EXAMPLES_SHOWN, Example, fetch_examples

_KEY: Final = ", ".join((*POPULATION, "measure"))
_LABELS: Final = (
    *("period_start", "period_end", "financial_year", "org_name", "partner_name"),
    *("measure_id", "statistic", "drop_sha256"),
)
#: What a total says: which cell it is, and all that it declares of it.
_SUM: Final = f"{_KEY}, value, value_status, lower_bound, upper_bound, suppressed_parts"
#: The levels of which no monthly file prints a row: the levels of their parts, and of those whose parts are theirs.
_SUMMED: Final = {"sub_icb": "icb", "ccg": "stp"}
#: The statistics that leave, and to how many decimals a mean is carried.
_LEAVING: Final = ("count", "percentage", "mean", "median")


@dataclass(frozen=True)
class ReconciliationRule:
    """A statement about every row of an extract beside the source's figure; `broken` is SQL on `traced`."""

    name: str
    description: str
    broken: str


RECONCILIATION_RULES: Final = (
    ReconciliationRule(
        "values_exist_in_source",
        "Every row is a figure that the source has under the same key. "
        "Source: nothing is derived, unless it is declared.",
        "source_status is null and not is_derived",
    ),
    ReconciliationRule(
        "derived_totals_are_sums_of_their_parts",
        "A total that we built is the sum of the rounded counts of all the organisations that made up its own that "
        "day, as they stand in the extract, hidden ones within their bounds; and the publisher has none of it. "
        "Source: the methodology of derived totals.",
        "is_derived and not is_declared_sum",
    ),
    ReconciliationRule(
        "no_value_hidden_in_source_is_shown",
        "A figure is shown only where the source shows it. Source: a suppressed figure is hidden for a person's sake.",
        "value is not null and source_status is not null and source_status <> 'published'",
    ),
    ReconciliationRule(
        "statuses_match_source",
        "A figure has the status the source gives it, or is suppressed where the source shows it. "
        "Source: a status is never inferred later.",
        "source_status is not null and not is_missing and value_status is distinct from source_status "
        "and not (value_status = 'suppressed' and source_status = 'published')",
    ),
    ReconciliationRule(
        "small_counts_are_suppressed",
        "A count that the source publishes below the threshold is suppressed. Source: the disclosure policy.",
        "statistic = 'count' and value is not null and source_status = 'published' and expected is null",
    ),
    ReconciliationRule(
        "rounded_counts_match_source",
        "A count is the source's, rounded to the base by integers alone. Source: the disclosure policy.",
        "statistic = 'count' and value is not null and source_status = 'published' and value <> expected",
    ),
    ReconciliationRule(
        "percentages_match_source",
        "A percentage is the published one; England's is made from its exact counts, half up, by integers alone; "
        "none is rebuilt from rounded counts. Source: the disclosure policy.",
        "statistic = 'percentage' and value is not null and source_status = 'published' "
        "and value is distinct from expected",
    ),
    ReconciliationRule(
        "means_and_medians_match_source",
        "A mean or a median is the published one at one decimal. Source: the disclosure policy.",
        "statistic in ('mean', 'median') and value is not null and source_status = 'published' "
        "and abs(value - expected) > 1e-9",
    ),
    ReconciliationRule(
        "labels_match_source",
        f"The other columns of a row ({', '.join(_LABELS)}) are those of the figure it was made from. "
        "Source: every figure can be traced to a published file.",
        "source_status is not null and labels <> source_labels",
    ),
    ReconciliationRule(
        "no_releasable_value_is_missing",
        "Every reviewed figure that may leave has its row: what is withheld is a row that says so. "
        "Source: nothing is lost.",
        "is_missing",
    ),
)


def trace(
    connection: duckdb.DuckDBPyConnection, extract: str, figures: str, rounding: Rounding
) -> dict[str, tuple[int, tuple[Example, ...]]]:
    """Say of each rule how many rows of an extract break it, with the keys of the first few; never a figure.

    `figures` is the fact that the extract was made from, with its labels and `is_reviewed`; `formula` must be there.
    """
    _expected_rates(connection, figures)
    _declared_sums(connection, extract, figures)
    labels = ", ".join(_LABELS)
    half = rounding.base // 2
    connection.execute(
        f"""
        create or replace temp table traced as
        with source as (
            select
                hash({_KEY}) as name, value_status as source_status, hash({labels}) as source_labels,
                case
                    when statistic = 'count' and value >= {rounding.threshold}
                        then (cast(value as bigint) + {half}) // {rounding.base} * {rounding.base}
                    when statistic = 'percentage'
                        then coalesce(exact_rate, (cast(round(value * 10) as bigint) + 5) // 10)
                    when statistic in ('mean', 'median') then round(cast(value as decimal(18, 6)), 1)
                end as expected
            from {figures} as facts left join exact_rate on hash({_KEY}) = exact_rate.name
            where is_reviewed and statistic in ({sql_list(_LEAVING)}) and value_status <> 'not_applicable'
        ),
        released as (
            select
                hash({_KEY}) as name, statistic, value, value_status, hash({labels}) as labels,
                coalesce(is_derived, false) as is_derived,
                hash({_SUM}) in (select declared_sum from declared_sums) as is_declared_sum
            from {extract}
        )
        select
            name, statistic, value, value_status, labels, coalesce(is_derived, false) as is_derived, is_declared_sum,
            source_status, source_labels, cast(expected as double) as expected, released.name is null as is_missing
        from released full join source using (name)
        """
    )
    counts = ", ".join(f"count(*) filter ({rule.broken})" for rule in RECONCILIATION_RULES)
    row = connection.execute(f"select {counts} from traced").fetchone()
    assert row is not None
    found: dict[str, tuple[int, tuple[Example, ...]]] = {}
    for rule, broken in zip(RECONCILIATION_RULES, row, strict=True):
        examples: tuple[Example, ...] = ()
        if broken:
            examples = fetch_examples(_keys_of(connection, rule, extract, figures))
        found[rule.name] = int(broken), examples
    return found


def _keys_of(
    connection: duckdb.DuckDBPyConnection, rule: ReconciliationRule, extract: str, figures: str
) -> duckdb.DuckDBPyConnection:
    """The keys of the first rows that break a rule: looked up by their hashes, which are all that tracing carries."""
    keys = ", ".join(KEYS["extract_monthly"])
    return connection.execute(
        f"""
        with broken as (select name from traced where {rule.broken})
        select {keys} from {extract} where hash({_KEY}) in (select name from broken)
        union
        select {keys} from {figures} where hash({_KEY}) in (select name from broken)
        order by all limit {EXAMPLES_SHOWN}
        """
    )


def _declared_sums(connection: duckdb.DuckDBPyConnection, extract: str, figures: str) -> None:
    """Make `declared_sums`: by hash, every total that may stand in an extract, added up again from its other rows."""
    connection.execute("create or replace temp table declared_sums (declared_sum ubigint)")
    derived = connection.execute(f"select 1 from {extract} where is_derived limit 1").fetchone()
    if derived is None:
        return
    bodies = " or ".join(
        f"(below.org_level = '{part}' and below.parent_level = '{whole}')" for part, whole in _SUMMED.items()
    )
    keys = "rows.period, parts.org_level, parts.org_code, variable_type, variable_a, variable_b, measure"
    valid = "{0}.valid_from <= period_start and coalesce({0}.valid_to >= period_start, true)"
    connection.execute(
        f"""
        insert into declared_sums
        with days as (select distinct period, period_start from {extract}),
        bodies as (
            select period, period_start, below.org_level as part_level, below.org_code as part_code,
                below.parent_level as org_level, below.parent_code as org_code
            from seeds.organisation_parents as below join days on {valid.format("below")}
            where {bodies}
        ),
        memberships as (
            select period, part_level, part_code, org_level, org_code from bodies
            union all
            select period, part_level, part_code, above.parent_level, above.parent_code
            from bodies join seeds.organisation_parents as above
                on above.org_level = bodies.org_level and above.org_code = bodies.org_code
                and above.parent_level = 'region' and {valid.format("above")}
        ),
        parts as (
            select *, count(distinct part_code) over (partition by period, part_level, org_level, org_code) as needed
            from memberships
        ),
        additive as (select measure from seeds.measures where statistic = 'count' and is_additive),
        sums as (
            select
                rows.period, parts.org_level, parts.org_code, cast(null as varchar) as partner_code,
                variable_type, variable_a, variable_b, measure,
                bool_or(value_status = 'not_published') as is_unknown,
                if(is_unknown, null, sum(value)) as value,
                case when is_unknown then 'not_published' when bool_or(value_status = 'published') then 'published'
                    else 'suppressed' end as value_status,
                if(is_unknown, null, cast(sum(lower_bound) as bigint)) as lower_bound,
                if(is_unknown, null, cast(sum(upper_bound) as bigint)) as upper_bound,
                if(is_unknown, null, cast(count(*) filter (value_status = 'suppressed') as integer)) as suppressed_parts
            from {extract} as rows
            join parts on rows.period = parts.period and rows.org_level = part_level and rows.org_code = part_code
            join additive using (measure)
            where not is_derived
            group by {keys}, needed
            having count(*) = needed
        )
        select hash({_SUM}) from sums
        where hash({_KEY}) not in (
            select hash({_KEY}) from {figures} where org_level in ('icb', 'stp', 'region') and statistic = 'count'
        )
        """
    )


def _expected_rates(connection: duckdb.DuckDBPyConnection, figures: str) -> None:
    """Make `exact_rate`: England's whole percentages from its exact counts, where they reproduce the published one."""
    connection.execute(
        f"""
        create or replace temp table exact_rate as
        with england as (
            select hash({", ".join(POPULATION)}) as population, measure, statistic, value
            from {figures}
            where org_level = 'england' and value_status = 'published' and is_reviewed
        ),
        rates as (
            select hash_of.population, hash_of.measure, cast(round(hash_of.value * 10) as bigint) as q, formula.*
            from england as hash_of join formula on hash_of.measure = formula.rate
            where hash_of.statistic = 'percentage'
        ),
        counts as (select population, measure, cast(value as bigint) as count from england where statistic = 'count'),
        fractions as (
            select
                rates.population, rates.measure, q,
                first.count + coalesce(second.count, 0) as n,
                base.count - coalesce(rest.count, 0) as d
            from rates
            join counts as base on base.population = rates.population and base.measure = rates.base
            join counts as first on first.population = rates.population and first.measure = rates.numerator
            left join counts as rest on rest.population = rates.population and rest.measure = rates.taken_away
            left join counts as second
                on second.population = rates.population and second.measure = rates.second_numerator
            where (rates.taken_away is null or rest.count is not null)
                and (rates.second_numerator is null or second.count is not null)
        )
        select names.name, (200 * n + d) // (2 * d) as exact_rate
        from fractions
        join (
            select hash({", ".join(POPULATION)}) as population, measure, hash({_KEY}) as name
            from {figures} where org_level = 'england' and statistic = 'percentage' and value_status = 'published'
        ) as names using (population, measure)
        where d > 0 and n between 0 and d and 2000 * n between (2 * q - 1) * d and (2 * q + 1) * d
        """
    )
