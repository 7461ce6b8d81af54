"""Percentage constraints: the percentages of a row over one base, worked out exactly by trying each possible base.

Percentages of a row that share a base make a constraint group, in which each is a term. The base A and the count B that
is excluded from it are at most a few integers each: rounding leaves five. A percentage rests on A or on A - B, and for
each possible denominator it leaves its numerator an interval, perhaps an empty one. A pair (A, B) under which some
numerator has no value left cannot be the truth. The pairs that remain bound A, B and every numerator. Numerators are
independent given the pair, so for one row this is exact, but where two percentages share a numerator: those are tried
again until nothing changes, which may stay wider than need be.
"""

from __future__ import annotations

import duckdb

from iapt.disclosure.working_tables import create_tables, run_step

#: A group with more possible pairs of base and excluded count is left alone: its bounds stay wider, which is sound.
MAX_PAIRS = 64


def build_terms(
    connection: duckdb.DuckDBPyConnection,
    percentages: str = "published_percentage",
    target: str = "percentage_term",
) -> None:
    """Make a term of each percentage, in the constraint groups of its row."""
    run_step(connection, "build_terms", creates=(target,), percentages=percentages, target=target)


def bound_due_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """Make candidate bounds of the constraint groups of the populations that have changed."""
    run_step(connection, "select_due_groups", creates=("due_group",))
    create_tables(connection, "changed_population")
    bound_groups(connection)


def bound_groups(connection: duckdb.DuckDBPyConnection, terms: str = "percentage_term") -> None:
    """Make candidate bounds of the due groups, by their terms in a working table, and note contradicted groups.

    What a percentage says depends on its denominator alone, so each is tried once a denominator, not once a pair.
    """
    _find_feasible_pairs(connection, terms)
    run_step(connection, "bound_percentages", creates=("contradicted_group", "candidate_bound"))


def find_complements(connection: duckdb.DuckDBPyConnection, max_complement: int) -> None:
    """Find what is left of a percentage's denominator less its numerator, where that is certainly no more than so many.

    The complement is never published, but everyone can take the numerator from the denominator.
    """
    run_step(connection, "select_complement_groups", creates=("due_group",), max_complement=max_complement)
    _find_feasible_pairs(connection, "percentage_term", is_informative=False)
    run_step(connection, "find_complements", creates=("complement",), max_complement=max_complement)


def _find_feasible_pairs(connection: duckdb.DuckDBPyConnection, terms: str, *, is_informative: bool = True) -> None:
    """Find every base and excluded count of the due groups that all their terms allow.

    With `is_informative`, only terms that can narrow a cell are tried.
    """
    run_step(
        connection,
        "find_feasible_pairs",
        creates=("bounded_term", "denominator_trial", "feasible_pair"),
        terms=terms,
        is_informative=is_informative,
        max_pairs=MAX_PAIRS,
    )
