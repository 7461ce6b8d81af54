"""The working tables of the audit, declared once: their columns, the steps that write and that read them.

A step is an SQL file in sql/; a few short queries in Python read them too. All of them are temporary tables of the
connection that an audit works in. Bounds are of whole numbers, both ends included; cells, populations, sums and groups
of constraints are named by hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import duckdb
import jinja2

from iapt.contract import POPULATION

SQL_FOLDER: Final = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class WorkingTable:
    """The columns of a table with their types, in order, and the names of the steps that write and that read it."""

    columns: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]


_POPULATION_COLUMNS: Final = ", ".join(f"{column} varchar" for column in POPULATION)
_BOUNDS: Final = "lower_bound bigint, upper_bound bigint"
#: What a shown percentage says: 2000 times its numerator lies between two multiples of its denominator.
_PERCENTAGE: Final = "population ubigint, percentage varchar, lower_factor bigint, upper_factor bigint"
#: A percentage in a group of those over one base: its numerators over the base, or over that less the excluded count.
_TERM: Final = (
    f"constraint_group ubigint, {_PERCENTAGE}, uses_excluded boolean, "
    "base ubigint, excluded ubigint, numerator ubigint, second_numerator ubigint"
)

WORKING_TABLES: Final[Mapping[str, WorkingTable]] = {
    # The model: what is published, and what it says.
    "published_value": WorkingTable(
        f"population ubigint, {_POPULATION_COLUMNS}, parent_code varchar, measure varchar, statistic varchar, "
        "value double, is_suppressed boolean",
        written_by=("load_values",),
        read_by=("load_cells", "load_percentages", "add_sum_relation"),
    ),
    "formula": WorkingTable(
        "percentage varchar, base varchar, excluded varchar, numerator varchar, second_numerator varchar",
        written_by=("load_formulas",),
        read_by=("build_terms", "classify_risk", "exact_percentages"),
    ),
    "cell": WorkingTable(
        "cell ubigint, population ubigint, period varchar, org_level varchar, measure varchar, is_suppressed boolean, "
        f"initial_lower bigint, initial_upper bigint, {_BOUNDS}",
        written_by=("load_cells", "tighten_bounds", "compare_released_percentages"),
        read_by=(
            *("build_terms", "add_sum_relation", "measure_relations", "bound_sums", "find_feasible_pairs"),
            *("tighten_bounds", "select_complement_groups", "classify_risk"),
            *("compare_released_counts", "compare_released_percentages"),
        ),
    ),
    # Percentages: groups of constraints.
    "published_percentage": WorkingTable(
        _PERCENTAGE, written_by=("load_percentages",), read_by=("build_terms", "find_new_percentages")
    ),
    "percentage_term": WorkingTable(
        _TERM,
        written_by=("build_terms",),
        read_by=(
            *("start_propagation", "select_due_groups", "find_feasible_pairs"),
            *("select_complement_groups", "merge_new_terms"),
        ),
    ),
    "due_group": WorkingTable(
        "constraint_group ubigint",
        written_by=("select_due_groups", "select_complement_groups", "merge_new_terms"),
        read_by=("find_feasible_pairs", "merge_new_terms"),
    ),
    "bounded_term": WorkingTable(
        f"{_TERM}, numerator_is_excluded boolean, base_lower bigint, base_upper bigint, excluded_lower bigint, "
        "excluded_upper bigint, first_lower bigint, first_upper bigint, second_lower bigint, second_upper bigint, "
        "denominator_lower bigint, denominator_upper bigint",
        written_by=("find_feasible_pairs",),
        read_by=("find_feasible_pairs", "bound_percentages", "find_complements"),
    ),
    "denominator_trial": WorkingTable(
        "constraint_group ubigint, percentage varchar, uses_excluded boolean, denominator bigint, "
        "numerator_lower bigint, numerator_upper bigint, is_feasible boolean",
        written_by=("find_feasible_pairs",),
        read_by=("find_feasible_pairs", "bound_percentages", "find_complements"),
    ),
    "feasible_pair": WorkingTable(
        "constraint_group ubigint, base_count bigint, excluded_count bigint",
        written_by=("find_feasible_pairs",),
        read_by=("bound_percentages", "find_complements"),
    ),
    "contradicted_group": WorkingTable(
        "constraint_group ubigint",
        written_by=("bound_percentages",),
        read_by=("keep_source_bounds", "compare_released_percentages"),
    ),
    "complement": WorkingTable(
        f"constraint_group ubigint, percentage varchar, base ubigint, numerator ubigint, {_BOUNDS}",
        written_by=("find_complements",),
        read_by=("classify_risk",),
    ),
    # Sums: additivity constraints.
    "sum_total": WorkingTable(
        "sum_id ubigint, relation varchar, measure varchar, cell ubigint, is_complete boolean",
        written_by=("add_sum_relation", "measure_relations"),
        read_by=("measure_relations", "start_propagation", "select_due_sums", "bound_sums"),
    ),
    "sum_member": WorkingTable(
        "sum_id ubigint, cell ubigint",
        written_by=("add_sum_relation", "measure_relations"),
        read_by=("measure_relations", "start_propagation", "select_due_sums", "bound_sums"),
    ),
    "related_cell": WorkingTable(
        "scope ubigint, member_name ubigint, total ubigint, total_measure varchar, cell ubigint",
        written_by=("add_sum_relation",),
        read_by=("add_sum_relation",),
    ),
    "relation_evidence": WorkingTable(
        "period varchar, relation varchar, measure varchar, sums bigint, complete_sums bigint, contradicted bigint",
        written_by=("measure_relations",),
        read_by=("measure_relations",),
    ),
    "due_sum": WorkingTable("sum_id ubigint", written_by=("select_due_sums",), read_by=("bound_sums",)),
    "sum_bound": WorkingTable(
        "sum_id ubigint, is_complete boolean, members_lower bigint, members_upper bigint, cell ubigint, "
        "total_lower bigint, total_upper bigint",
        written_by=("bound_sums",),
        read_by=("bound_sums",),
    ),
    # Propagation.
    "candidate_bound": WorkingTable(
        f"cell ubigint, constraint_id ubigint, {_BOUNDS}",
        written_by=("bound_sums", "bound_percentages", "compare_released_counts"),
        read_by=("tighten_bounds", "compare_released_counts", "keep_source_bounds", "compare_released_percentages"),
    ),
    "tightened_cell": WorkingTable(
        f"cell ubigint, population ubigint, {_BOUNDS}",
        written_by=("tighten_bounds",),
        read_by=("tighten_bounds",),
    ),
    "inconsistent_cell": WorkingTable(
        "cell ubigint", written_by=("tighten_bounds",), read_by=("tighten_bounds", "classify_risk")
    ),
    "bound_change": WorkingTable(
        f"sweep integer, kind varchar, cell ubigint, constraint_id ubigint, {_BOUNDS}, "
        "previous_lower bigint, previous_upper bigint",
        written_by=("tighten_bounds",),
        read_by=(),
    ),
    "changed_cell": WorkingTable(
        "cell ubigint", written_by=("start_propagation", "tighten_bounds"), read_by=("select_due_sums",)
    ),
    "changed_population": WorkingTable(
        "population ubigint", written_by=("start_propagation", "tighten_bounds"), read_by=("select_due_groups",)
    ),
    "dependent_population": WorkingTable(
        "population ubigint", written_by=("start_propagation",), read_by=("tighten_bounds",)
    ),
    # Disclosure risk.
    "classified_cell": WorkingTable(
        "cell ubigint, population ubigint, period varchar, org_level varchar, measure varchar, risk_class varchar",
        written_by=("classify_risk",),
        read_by=("classify_risk",),
    ),
    "risk_count": WorkingTable(
        "period varchar, measure varchar, org_level varchar, size_band varchar, risk_class varchar, cells bigint",
        written_by=("classify_risk",),
        read_by=(),
    ),
    # Residual disclosure: an extract beside its source.
    "released_value": WorkingTable(
        "population ubigint, period varchar, org_level varchar, measure varchar, statistic varchar, value double, "
        "lower_bound double, upper_bound double, has_value boolean, is_suppressed boolean",
        written_by=("load_released_values",),
        read_by=("load_percentages", "compare_released_counts"),
    ),
    "source_bound": WorkingTable(
        f"cell ubigint, {_BOUNDS}", written_by=("compare_released_counts",), read_by=("compare_released_percentages",)
    ),
    "released_percentage": WorkingTable(
        _PERCENTAGE, written_by=("load_percentages",), read_by=("find_new_percentages",)
    ),
    "new_percentage": WorkingTable(_PERCENTAGE, written_by=("find_new_percentages",), read_by=("build_terms",)),
    "new_term": WorkingTable(
        _TERM, written_by=("build_terms",), read_by=("merge_new_terms", "compare_released_percentages")
    ),
    "merged_term": WorkingTable(_TERM, written_by=("merge_new_terms",), read_by=("find_feasible_pairs",)),
    "known_bound": WorkingTable(
        f"cell ubigint, {_BOUNDS}", written_by=("keep_source_bounds",), read_by=("compare_released_percentages",)
    ),
    "known_contradiction": WorkingTable(
        "constraint_group ubigint",
        written_by=("keep_source_bounds",),
        read_by=("compare_released_percentages",),
    ),
    "residual_disclosure": WorkingTable(
        "cell ubigint, period varchar, measure varchar, kind varchar",
        written_by=("compare_released_counts", "compare_released_percentages"),
        read_by=("compare_released_percentages",),
    ),
    # Source reconciliation: every row of an extract beside its source.
    "exact_percentage": WorkingTable(
        "row_key ubigint, whole_percentage bigint", written_by=("exact_percentages",), read_by=("reconcile_rows",)
    ),
    "declared_total": WorkingTable(
        "total_key ubigint", written_by=("add_up_declared_totals",), read_by=("reconcile_rows",)
    ),
    "reconciled_row": WorkingTable(
        "row_key ubigint, statistic varchar, value double, value_status varchar, labels ubigint, is_derived boolean, "
        "is_declared_total boolean, source_status varchar, source_labels ubigint, expected double, is_missing boolean",
        written_by=("reconcile_rows",),
        read_by=(),
    ),
}


def create_tables(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Create working tables empty, in place of those there were."""
    for name in names:
        connection.execute(f"create or replace temp table {name} ({WORKING_TABLES[name].columns})")


def run_step(
    connection: duckdb.DuckDBPyConnection, step: str, *, creates: tuple[str, ...] = (), **parameters: object
) -> None:
    """Create the working tables that a step fills, and run its SQL with parameters in place of their names."""
    create_tables(connection, *creates)
    connection.execute(_load_step(step).render(parameters))


@cache
def _load_step(step: str) -> jinja2.Template:
    text = (SQL_FOLDER / f"{step}.sql").read_text("utf-8")
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text)


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> tuple[int, ...]:
    """Return the only row of a query, of whole numbers."""
    (row,) = connection.execute(query, parameters).fetchall()
    return row
