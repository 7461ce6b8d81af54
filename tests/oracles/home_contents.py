"""Whether two homes hold the same: every row of every table of warehouse and release, and every part by its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import duckdb

from iapt.release.parts import Part, StagedParts
from iapt.sql import quote_identifier, quote_literal
from iapt.workspace import Workspace

#: Tables that say when and in which build something was made, not what it is.
_ABOUT_BUILDS: Final = frozenset({"landing.affected_periods", "landing.current_build", "landing.period_builds"})
Parts: TypeAlias = Mapping[tuple[str, str], Part]
"""The staged parts by table and period."""


def list_differences(first: Workspace, second: Workspace) -> list[str]:
    """Every difference between two homes, in words with numbers of rows; figures are never repeated."""
    return [*_compare_warehouses(first, second), *_compare_releases(first, second), *_compare_parts(first, second)]


def read_parts(home: Workspace) -> Parts:
    """The parts that the staged tables of a home are put together from."""
    return {(part.table, part.period): part for part in StagedParts.load(home.staged_parts).parts}


def list_changed_parts(before: Parts, after: Parts) -> set[tuple[str, str]]:
    """The table and period of each part whose content is not the same, or that is in one of the two alone."""
    return {key for key in {*before, *after} if _get_digest(before, key) != _get_digest(after, key)}


def _get_digest(parts: Parts, key: tuple[str, str]) -> str:
    return parts[key].sha256 if key in parts else ""


def _compare_parts(first: Workspace, second: Workspace) -> Iterator[str]:
    for table, period in sorted(list_changed_parts(read_parts(first), read_parts(second))):
        yield f"part of {table}, {period}: not the same bytes"


def _compare_releases(first: Workspace, second: Workspace) -> Iterator[str]:
    relations = [
        {path.stem: f"read_parquet({quote_literal(path)})" for path in home.latest.glob("*.parquet")}
        for home in (first, second)
    ]
    with duckdb.connect(config={"temp_directory": str(first.spill)}) as connection:
        yield from _compare_relations(connection, "released", *relations)


def _compare_warehouses(first: Workspace, second: Workspace) -> Iterator[str]:
    with duckdb.connect(config={"temp_directory": str(first.spill)}) as connection:
        relations = []
        for name, home in (("first", first), ("second", second)):
            connection.execute(f"attach {quote_literal(home.warehouse)} as {name} (read_only)")
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = ?", [name]
            ).fetchall()
            relations.append(
                {
                    f"{schema}.{table}": f"{name}.{quote_identifier(schema)}.{quote_identifier(table)}"
                    for schema, table in tables
                    if f"{schema}.{table}" not in _ABOUT_BUILDS
                }
            )
        yield from _compare_relations(connection, "warehouse", *relations)


def _compare_relations(
    connection: duckdb.DuckDBPyConnection, place: str, first: Mapping[str, str], second: Mapping[str, str]
) -> Iterator[str]:
    for name in sorted({*first, *second}):
        if name not in first or name not in second:
            yield f"{place} {name}: in one of the two alone"
            continue
        columns, others = (_describe_columns(connection, relation) for relation in (first[name], second[name]))
        if columns != others:
            yield f"{place} {name}: columns differ"
            continue
        missing, added = (
            connection.execute(f"select count(*) from (from {one} except all from {other})").fetchall()[0][0]
            for one, other in ((second[name], first[name]), (first[name], second[name]))
        )
        if missing or added:
            yield f"{place} {name}: {added} rows in the first alone, {missing} in the second alone"


def _describe_columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"describe from {relation}").fetchall()]


def list_parts_made_again(before: Parts, after: Parts) -> set[tuple[str, str]]:
    """The table and period of each part whose rows another build of the warehouse made."""
    return {key for key, part in after.items() if key not in before or part.build != before[key].build}
