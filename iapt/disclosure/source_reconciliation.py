"""Source reconciliation: every row of an extract has a value that the source published, released by the declared rule.

The rule is worked out here a second time, apart from the models that made the extract: both must come to the same
value. Rows are matched by the hash of their whole key, as the audit names its cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

from iapt.checked_periods import digest
from iapt.contract import KEYS, POPULATION
from iapt.disclosure.model import POPULATION_COLUMNS, Rounding
from iapt.disclosure.working_tables import create_tables, fetch_row, run_step
from iapt.validation import EXAMPLES_SHOWN, Example, fetch_examples

_KEY: Final = ", ".join((*POPULATION, "measure"))
_LABELS: Final = ", ".join(
    (
        *("period_start", "period_end", "financial_year", "org_name", "partner_name"),
        *("measure_id", "statistic", "drop_sha256"),
    )
)
#: Which cell a total is, and all that it declares of it.
_TOTAL_KEY: Final = f"{_KEY}, value, value_status, lower_bound, upper_bound, suppressed_parts"


@dataclass(frozen=True)
class ReconciliationRule:
    """A statement about every row of an extract beside its source; `violation` is SQL on `reconciled_row`."""

    name: str
    description: str
    violation: str


RECONCILIATION_RULES: Final = (
    ReconciliationRule(
        "values_exist_in_source",
        "Every row is a value that the source has under the same key. "
        "Source: nothing is derived, unless it is declared.",
        "source_status is null and not is_derived",
    ),
    ReconciliationRule(
        "derived_totals_are_sums_of_their_parts",
        "A total that we built is the sum of the rounded counts of all the organisations that made up its own that "
        "day, as they stand in the extract, suppressed ones within their bounds; and the publisher has none of it. "
        "Source: the methodology of derived totals.",
        "is_derived and not is_declared_total",
    ),
    ReconciliationRule(
        "no_value_hidden_in_source_is_shown",
        "A value is shown only where the source shows it. Source: a value is suppressed to protect a person.",
        "value is not null and source_status is not null and source_status <> 'published'",
    ),
    ReconciliationRule(
        "statuses_match_source",
        "A value has the status the source gives it, or is suppressed where the source shows it. "
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
        f"The other columns of a row ({_LABELS}) are those of the value it was made from. "
        "Source: every value can be traced to a published file.",
        "source_status is not null and labels <> source_labels",
    ),
    ReconciliationRule(
        "no_releasable_value_is_missing",
        "Every reviewed value that may be released has its row: what is withheld is a row that says so. "
        "Source: nothing is lost.",
        "is_missing",
    ),
)


def reconcile_with_source(
    connection: duckdb.DuckDBPyConnection, extract: str, facts: str, rounding: Rounding
) -> dict[str, tuple[int, tuple[Example, ...]]]:
    """Return for each rule how many rows of an extract break it, with the keys of the first few; never a value.

    `facts` is the relation that the extract was made from, with its labels and `is_reviewed`. Needs `formula` (see
    `load_formulas`).
    """
    run_step(
        connection,
        "exact_percentages",
        creates=("exact_percentage",),
        facts=facts,
        row_key=_KEY,
        population_columns=POPULATION_COLUMNS,
    )
    create_tables(connection, "declared_total")
    if connection.execute(f"select 1 from {extract} where is_derived limit 1").fetchone():
        run_step(connection, "add_up_declared_totals", extract=extract, facts=facts, row_key=_KEY, total_key=_TOTAL_KEY)
    run_step(
        connection,
        "reconcile_rows",
        creates=("reconciled_row",),
        extract=extract,
        facts=facts,
        row_key=_KEY,
        total_key=_TOTAL_KEY,
        labels=_LABELS,
        threshold=rounding.threshold,
        base=rounding.base,
        violation=" or ".join(f"({rule.violation})" for rule in RECONCILIATION_RULES),
    )
    counts = ", ".join(f"count(*) filter ({rule.violation})" for rule in RECONCILIATION_RULES)
    violations = fetch_row(connection, f"select {counts} from reconciled_row")
    return {
        rule.name: (count, _fetch_violating_keys(connection, rule, extract, facts) if count else ())
        for rule, count in zip(RECONCILIATION_RULES, violations, strict=True)
    }


def digest_references(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a digest of what a row is reconciled by besides the values: formulas, measures, who belongs to whom.

    Needs `formula` (see `load_formulas`). Raises duckdb.Error where the warehouse holds no seeds.
    """
    return digest(
        [
            connection.execute(f"select * from {relation} order by all").fetchall()
            for relation in (
                "formula",
                "seeds.organisation_parents",
                "(select measure, statistic, is_additive from seeds.measures)",
            )
        ]
    )


def _fetch_violating_keys(
    connection: duckdb.DuckDBPyConnection, rule: ReconciliationRule, extract: str, facts: str
) -> tuple[Example, ...]:
    """Look up the keys of the first rows that break a rule by their hashes, which are all that is carried."""
    keys = ", ".join(KEYS["extract_monthly"])
    return fetch_examples(
        connection.execute(
            f"""
            with violating as (select row_key from reconciled_row where {rule.violation})
            select {keys} from {extract} where hash({_KEY}) in (from violating)
            union
            select {keys} from {facts} where hash({_KEY}) in (from violating)
            order by all limit {EXAMPLES_SHOWN}
            """
        )
    )
