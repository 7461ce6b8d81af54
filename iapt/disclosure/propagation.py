"""Propagation: constraint groups and sums in turn, each on what has changed, until nothing does. Bounds only narrow.

Every sweep starts from the bounds of the one before, so the order of rows cannot matter, and stopping early leaves
bounds that are wider than they need be, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final, Literal

import duckdb

from iapt.disclosure.additivity_constraints import bound_sums
from iapt.disclosure.percentage_constraints import bound_due_groups
from iapt.disclosure.working_tables import fetch_row, run_step

MAX_SWEEPS = 200
#: A sweep that tightens fewer cells than one in so many ends its kind's turn: late sweeps find next to nothing.
NEGLIGIBLE_SHARE = 2000
Kind = Literal["percentage", "sum"]
#: How due constraints of each kind are bounded, and the table that says whether any are due. Percentages come first:
#: rows pin most cells, and sums then have more to go on.
_KINDS: Final[dict[Kind, tuple[Callable[[duckdb.DuckDBPyConnection], None], str]]] = {
    "percentage": (bound_due_groups, "changed_population"),
    "sum": (bound_sums, "changed_cell"),
}


@dataclass
class Propagation:
    """The kind of each sweep and how many cells it tightened, and whether nothing was left to do."""

    sweeps: list[tuple[Kind, int]] = field(default_factory=list)
    is_complete: bool = False


def propagate(
    connection: duckdb.DuckDBPyConnection,
    max_sweeps: int = MAX_SWEEPS,
    *,
    to_the_end: bool = False,
    record: bool = False,
) -> Propagation:
    """Tighten the bounds of cells by their sums and percentages; with `record`, note every change for an explanation.

    It stops when sweeps find next to nothing (see NEGLIGIBLE_SHARE; a table of fewer cells is always worked to the
    end), or, with `to_the_end`, only when nothing is left. Cells to which contradicted constraints would leave no value
    keep the bounds they had and are noted as inconsistent.
    """
    run_step(
        connection,
        "start_propagation",
        creates=("inconsistent_cell", "bound_change", "changed_population", "dependent_population"),
    )
    propagation = Propagation()
    sweeps = propagation.sweeps
    negligible = 0 if to_the_end else _count_rows(connection, "cell") // NEGLIGIBLE_SHARE
    idle_turns = 0
    for kind in cycle(_KINDS):
        bound_due, changed = _KINDS[kind]
        most_tightened = 0
        while len(sweeps) < max_sweeps and _count_rows(connection, changed):
            bound_due(connection)
            tightened = tighten_bounds(connection, kind, len(sweeps) + 1, record=record)
            sweeps.append((kind, tightened))
            most_tightened = max(most_tightened, tightened)
            if tightened <= negligible:
                break
        idle_turns = idle_turns + 1 if most_tightened <= negligible else 0
        if idle_turns == len(_KINDS) or len(sweeps) >= max_sweeps:
            break
    propagation.is_complete = not any(_count_rows(connection, changed) for _, changed in _KINDS.values())
    return propagation


def tighten_bounds(connection: duckdb.DuckDBPyConnection, kind: Kind, sweep: int, *, record: bool = False) -> int:
    """Take over what candidate bounds narrow, note what they contradict, and return how many cells changed."""
    run_step(connection, "tighten_bounds", creates=("tightened_cell",), kind=kind, sweep=sweep, record=record)
    return _count_rows(connection, "tightened_cell")


def _count_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return fetch_row(connection, f"select count(*) from {table}")[0]
