"""The gate against residual disclosure: a release must leave every bound where the published source left it.

Each value of an extract is read as an intruder would: a multiple of five as a rounded count, any other number as the
count itself, a declared bound as a bound, a percentage as far as its decimals go. Put beside the source, it may narrow
nothing, cell by cell. The source's own constraints have done their work already, so one look at those that the extract
changes decides. Bounds that stopped short of the last sweeps are wider, so they can only make the gate stricter.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from iapt.disclosure.model import (
    POPULATION_COLUMNS,
    PUBLISHERS_ROUNDING,
    Rounding,
    define_rounding,
    load_percentages,
)
from iapt.disclosure.percentage_constraints import bound_groups, build_terms
from iapt.disclosure.propagation import tighten_bounds
from iapt.disclosure.working_tables import create_tables, run_step


@dataclass(frozen=True)
class ResidualDisclosure:
    """How many cells of a measure an extract reveals more of than its source, and in what way. No cell is named."""

    measure: str
    kind: str
    cells: int


def find_residual_disclosures(
    connection: duckdb.DuckDBPyConnection, extract: str, where: str = "true", rounding: Rounding = PUBLISHERS_ROUNDING
) -> dict[str, list[ResidualDisclosure]]:
    """Return, by period, what an extract reveals that its source, whose bounds are final, does not.

    `extract` is a relation with the columns of an extract, `rounding` how its counts were made. The table
    `residual_disclosure` names the cells, for an explanation; bounds are left as they were.
    """
    define_rounding(connection, rounding)
    run_step(
        connection,
        "load_released_values",
        extract=extract,
        where=where,
        population_columns=POPULATION_COLUMNS,
    )
    run_step(
        connection,
        "compare_released_counts",
        creates=("released_bound", "candidate_bound", "residual_disclosure", "source_bound"),
    )
    # What counts narrow is taken over, so that percentages are read beside them; a contradiction is no bound.
    create_tables(connection, "changed_cell", "changed_population", "dependent_population")
    tighten_bounds(connection, "sum", 0)
    load_percentages(connection, "(from released_value where isfinite(value))", "released_percentage")
    _bound_new_percentages(connection)
    run_step(connection, "compare_released_percentages")
    disclosures: dict[str, list[ResidualDisclosure]] = {}
    for period, *counted in connection.execute(
        "select period, measure, kind, count(*) from residual_disclosure group by all order by all"
    ).fetchall():
        disclosures.setdefault(period, []).append(ResidualDisclosure(*counted))
    return disclosures


def _bound_new_percentages(connection: duckdb.DuckDBPyConnection) -> None:
    """Make candidate bounds of an extract's new percentages beside the source's, and keep those of the source alone.

    A new percentage that narrows nothing by itself can rule out what the source's own left possible together.
    """
    run_step(connection, "find_new_percentages", creates=("new_percentage",))
    build_terms(connection, "new_percentage", "new_term")
    run_step(connection, "merge_new_terms", creates=("due_group", "merged_term"))
    bound_groups(connection)
    run_step(connection, "keep_source_bounds", creates=("known_bound", "known_contradiction"))
    bound_groups(connection, "merged_term")
