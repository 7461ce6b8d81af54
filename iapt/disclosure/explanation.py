"""Explanation: the chain of published facts that narrowed one cell. About a single cell, so for its owner's eyes only.

Needs a propagation that recorded its steps. Nothing here is written down, logged or shown by any step of a refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from iapt.contract import POPULATION
from iapt.disclosure.model import AuditError


@dataclass(frozen=True)
class Fact:
    """A published figure that a step rested on, and the bounds it had by then."""

    key: Mapping[str, str | None]
    shown: str
    least: int
    most: int


@dataclass(frozen=True)
class Link:
    """One step of a chain: a cell, the constraint that narrowed it, and the facts that the constraint rested on."""

    sweep: int
    constraint: str
    key: Mapping[str, str | None]
    before: tuple[int, int]
    after: tuple[int, int]
    facts: tuple[Fact, ...]

    def __str__(self) -> str:
        """The step as a sentence and a list, for a person."""
        facts = "\n".join(f"    {_named(fact.key)}: {fact.shown}, {fact.least} to {fact.most}" for fact in self.facts)
        before, after = "{} to {}".format(*self.before), "{} to {}".format(*self.after)
        return f"{_named(self.key)}: {before} becomes {after}, by {self.constraint}\n{facts}"


def explain(connection: duckdb.DuckDBPyConnection, key: Mapping[str, str | None]) -> tuple[Link, ...]:
    """Return the steps that narrowed a cell, those it rests on first; nothing where it was never narrowed.

    `key` holds the population's columns and measure. Raises AuditError where there is no such cell.
    """
    columns = (*POPULATION, "measure")
    found = connection.execute(
        f"select hash(hash({', '.join('cast(? as varchar)' for _ in POPULATION)}), cast(? as varchar))",
        [key.get(column) for column in columns],
    ).fetchone()
    assert found is not None
    cell = int(found[0])
    if not connection.execute("select 1 from cell where cell = ?", [cell]).fetchone():
        raise AuditError("expected the key of a published or suppressed count; found none such")
    links: dict[tuple[int, int], Link] = {}
    _follow(connection, cell, None, links)
    return tuple(links[place] for place in sorted(links))


def _follow(
    connection: duckdb.DuckDBPyConnection, cell: int, before_sweep: int | None, links: dict[tuple[int, int], Link]
) -> None:
    """Add the steps of a cell before a sweep, and of every cell that they rested on."""
    waiting = [(cell, before_sweep)]
    while waiting:
        one, limit = waiting.pop()
        for sweep, kind, source, least, most, from_least, from_most in connection.execute(
            "select sweep, kind, source, l, u, from_l, from_u from step where cell = ? and (? is null or sweep < ?)",
            [one, limit, limit],
        ).fetchall():
            if (sweep, one) in links:
                continue
            members = _members(connection, str(kind), int(source), one)
            facts = tuple(_fact(connection, member, int(sweep)) for member in members)
            links[int(sweep), one] = Link(
                sweep=int(sweep),
                constraint=_constraint(connection, str(kind), int(source)),
                key=_key(connection, one),
                before=(int(from_least), int(from_most)),
                after=(int(least), int(most)),
                facts=facts,
            )
            waiting += [(member, int(sweep)) for member in members]


def _members(connection: duckdb.DuckDBPyConnection, kind: str, source: int, cell: int) -> list[int]:
    """The other cells of a constraint."""
    query = (
        "select cell from member where sum = $1 union select cell from total where sum = $1"
        if kind == "sum"
        else "select unnest([base, part, numerator, second_numerator]) as cell from leaf where star = $1"
    )
    rows = connection.execute(
        f"select distinct cell from ({query}) where cell is not null and cell <> $2 order by cell", [source, cell]
    ).fetchall()
    return [int(member) for (member,) in rows]


def _constraint(connection: duckdb.DuckDBPyConnection, kind: str, source: int) -> str:
    if kind == "sum":
        row = connection.execute(
            "select relation || if(is_whole, ', which add up', ', which never exceed it') from total where sum = ?",
            [source],
        ).fetchone()
        assert row is not None
        return f"the sum {row[0]}"
    rates = connection.execute("select distinct rate from leaf where star = ? order by rate", [source]).fetchall()
    return f"the percentages {', '.join(str(rate) for (rate,) in rates)}"


def _fact(connection: duckdb.DuckDBPyConnection, cell: int, sweep: int) -> Fact:
    row = connection.execute(
        """
        select
            is_hidden, first_l, first_u,
            coalesce((select arg_max(l, sweep) from step where step.cell = cell.cell and sweep < $2), first_l),
            coalesce((select arg_max(u, sweep) from step where step.cell = cell.cell and sweep < $2), first_u)
        from cell where cell = $1
        """,
        [cell, sweep],
    ).fetchone()
    assert row is not None
    is_hidden, first_l, first_u, least, most = row
    shown = "hidden" if is_hidden else "exact" if first_l == first_u else "rounded"
    return Fact(_key(connection, cell), shown, int(least), int(most))


def _key(connection: duckdb.DuckDBPyConnection, cell: int) -> Mapping[str, str | None]:
    columns = (*POPULATION, "measure")
    row = connection.execute(
        f"select {', '.join(columns)} from figure where statistic = 'count' and hash(population, measure) = ?", [cell]
    ).fetchone()
    assert row is not None
    return dict(zip(columns, row, strict=True))


def _named(key: Mapping[str, str | None]) -> str:
    return ", ".join(value for value in key.values() if value)
