"""The model: published counts as integer cells with bounds, and percentages as constraints on them. No propagation.

The rule of the publisher (docs/methodology/disclosure.md) gives every count its initial bounds:

    England                      exact
    below England, published     v means max(5, v - 2) to v + 2; a number its rounding could not give is taken as exact
    below England, suppressed    0 to 4

Cells are named by a hash of what the value is of, so that a table of the same values always gives the same cells,
and cells of constraints are found without joins. A clash of two hashes stops the audit: it would merge two cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import duckdb

from iapt.contract import POPULATION
from iapt.disclosure.working_tables import fetch_row, run_step

POPULATION_COLUMNS = ", ".join(POPULATION)


class AuditError(Exception):
    """Raised when values cannot be audited; what cannot be audited has not passed."""


@dataclass(frozen=True)
class Rounding:
    """How the counts of a source were made: those below `threshold` suppressed, the others rounded to `base`.

    The publisher shows England's counts as they are; counts that come to us unrounded are rounded for England too.
    """

    threshold: int = 5
    base: int = 5
    england_is_exact: bool = True


PUBLISHERS_ROUNDING = Rounding()


def define_rounding(connection: duckdb.DuckDBPyConnection, rounding: Rounding) -> None:
    """Define the SQL macros that say which true counts a shown one may stand for."""
    run_step(connection, "rounding_macros", **asdict(rounding))


def load_values(connection: duckdb.DuckDBPyConnection, source: str, where: str = "true") -> None:
    """Load the counts and percentages of a source that are published or suppressed.

    `source` is a relation with the population's columns, parent_code, measure, statistic, value and value_status.
    """
    run_step(
        connection,
        "load_values",
        source=source,
        where=where,
        population_columns=POPULATION_COLUMNS,
    )


def load_cells(connection: duckdb.DuckDBPyConnection, rounding: Rounding = PUBLISHERS_ROUNDING) -> None:
    """Make a cell of every loaded count, and load what every loaded percentage says.

    Raises AuditError where two values claim one cell, or a count is not a whole number.
    """
    (fractions,) = fetch_row(
        connection,
        """
        select count(*) from published_value
        where statistic = 'count' and not is_suppressed and value is distinct from floor(value)
        """,
    )
    if fractions:
        raise AuditError(f"expected whole counts; found {fractions} without a whole number")
    define_rounding(connection, rounding)
    run_step(
        connection,
        "load_cells",
        creates=("cell", "place"),
        threshold=rounding.threshold,
        place_columns=", ".join(f"any_value({column}) as {column}" for column in (*POPULATION, "parent_code")),
    )
    cells, names = fetch_row(connection, "select count(*), count(distinct cell) from cell")
    if cells != names:
        raise AuditError(f"expected one value for each cell; {cells - names} of {cells} values claim a cell twice")
    load_percentages(connection, "published_value", "published_percentage")


def load_percentages(connection: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    """Load what each shown percentage of a relation says into a working table, by the rounding that is defined."""
    run_step(connection, "load_percentages", creates=(target,), source=source, target=target)


def load_formulas(connection: duckdb.DuckDBPyConnection, measures: str) -> None:
    """Load how each percentage is made: its base, the count excluded from that, and its numerators.

    `measures` is a relation like dim_measure. Raises AuditError for a formula of another shape, which no part of the
    audit would then use.
    """
    run_step(connection, "load_formulas", creates=("formula",), measures=measures)
    unsupported = connection.execute(
        f"""
        select measure from {measures}
        where statistic = 'percentage' and (
            denominator like '% + %' or denominator like '% - % - %'
            or numerator like '% - %' or numerator like '% + % + %'
        )
        order by measure
        """
    ).fetchall()
    if unsupported:
        raise AuditError(
            "expected percentages of at most two numerators over a base that at most one count is excluded from; "
            f"found others: {', '.join(str(measure) for (measure,) in unsupported)}"
        )
