"""Explanation: the chain of published facts that narrowed one cell. About a single cell, so for its owner's eyes only.

Needs a propagation that recorded its changes. Nothing here is written down, logged or shown by any step of a refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import duckdb

from iapt.contract import POPULATION
from iapt.disclosure.model import AuditError
from iapt.disclosure.working_tables import fetch_row

CELL_KEY: Final = (*POPULATION, "measure")
CellKey: TypeAlias = Mapping[str, str | None]


@dataclass(frozen=True)
class Fact:
    """A published value that a change rested on, how it is shown, and the bounds it had by then."""

    key: CellKey
    shown: str
    lower: int
    upper: int


@dataclass(frozen=True)
class Link:
    """One link of a chain: a cell, the constraint that narrowed it, and the facts that the constraint rested on."""

    constraint: str
    key: CellKey
    before: tuple[int, int]
    after: tuple[int, int]
    facts: tuple[Fact, ...]

    def __str__(self) -> str:
        """The link as a sentence and a list, for a person."""
        facts = "\n".join(
            f"    {join_key(fact.key)}: {fact.shown}, {fact.lower} to {fact.upper}" for fact in self.facts
        )
        before, after = "{} to {}".format(*self.before), "{} to {}".format(*self.after)
        return f"{join_key(self.key)}: {before} becomes {after}, by {self.constraint}\n{facts}"


def explain_cell(connection: duckdb.DuckDBPyConnection, key: CellKey) -> tuple[Link, ...]:
    """Return the changes that narrowed a cell, those it rests on first; nothing where it was never narrowed.

    `key` holds the population's columns and measure. Raises AuditError where there is no such cell.
    """
    population = ", ".join("cast(? as varchar)" for _ in POPULATION)
    (cell,) = fetch_row(
        connection,
        f"select hash(hash({population}), cast(? as varchar))",
        [key.get(column) for column in CELL_KEY],
    )
    if not connection.execute("select 1 from cell where cell = ?", [cell]).fetchone():
        raise AuditError("expected the key of a published or suppressed count; found no such cell")
    links: dict[tuple[int, int], Link] = {}
    pending: list[tuple[int, int | None]] = [(cell, None)]
    while pending:
        cell, before_sweep = pending.pop()
        for sweep, kind, constraint_id, lower, upper, previous_lower, previous_upper in connection.execute(
            """
            select sweep, kind, constraint_id, lower_bound, upper_bound, previous_lower, previous_upper
            from bound_change where cell = $1 and ($2 is null or sweep < $2)
            """,
            [cell, before_sweep],
        ).fetchall():
            if (sweep, cell) in links:
                continue
            members = _read_other_cells(connection, kind, constraint_id, cell)
            links[sweep, cell] = Link(
                constraint=_describe_constraint(connection, kind, constraint_id),
                key=_read_key(connection, cell),
                before=(previous_lower, previous_upper),
                after=(lower, upper),
                facts=tuple(_read_fact(connection, member, sweep) for member in members),
            )
            pending += [(member, sweep) for member in members]
    return tuple(links[place] for place in sorted(links))


def join_key(key: CellKey) -> str:
    """Return the key of a cell for a person."""
    return ", ".join(value for value in key.values() if value)


def _read_other_cells(connection: duckdb.DuckDBPyConnection, kind: str, constraint_id: int, cell: int) -> list[int]:
    query = (
        "select cell from sum_member where sum_id = $1 union select cell from sum_total where sum_id = $1"
        if kind == "sum"
        else "select unnest([base, excluded, numerator, second_numerator]) as cell from percentage_term "
        "where constraint_group = $1"
    )
    rows = connection.execute(
        f"select distinct cell from ({query}) where cell is not null and cell <> $2 order by cell",
        [constraint_id, cell],
    ).fetchall()
    return [member for (member,) in rows]


def _describe_constraint(connection: duckdb.DuckDBPyConnection, kind: str, constraint_id: int) -> str:
    query = (
        "select 'the sum ' || relation || if(is_complete, ', which add up', ', which never exceed it') "
        "from sum_total where sum_id = ?"
        if kind == "sum"
        else "select 'the percentages ' || string_agg(distinct percentage, ', ' order by percentage) "
        "from percentage_term where constraint_group = ?"
    )
    ((text,),) = connection.execute(query, [constraint_id]).fetchall()
    return str(text)


def _read_fact(connection: duckdb.DuckDBPyConnection, cell: int, sweep: int) -> Fact:
    ((shown, lower, upper),) = connection.execute(
        """
        with earlier as (from bound_change where cell = $1 and sweep < $2)
        select
            if(is_suppressed, 'suppressed', if(initial_lower = initial_upper, 'exact', 'rounded')),
            coalesce((select arg_max(lower_bound, sweep) from earlier), initial_lower),
            coalesce((select arg_max(upper_bound, sweep) from earlier), initial_upper)
        from cell where cell = $1
        """,
        [cell, sweep],
    ).fetchall()
    return Fact(_read_key(connection, cell), shown, lower, upper)


def _read_key(connection: duckdb.DuckDBPyConnection, cell: int) -> CellKey:
    ((*values,),) = connection.execute(
        f"select {', '.join(CELL_KEY)} from published_value "
        "where statistic = 'count' and hash(population, measure) = ?",
        [cell],
    ).fetchall()
    return dict(zip(CELL_KEY, values, strict=True))
