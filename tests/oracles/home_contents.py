"""What homes hold: whether two hold the same, row by row and part by part, and whether a newest release is whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import duckdb

from iapt.files import compute_sha256
from iapt.release.parts import Part, StagedParts
from iapt.sql import quote_identifier, quote_literal
from iapt.workspace import Workspace
from iapt.workspace_state import read_manifest

#: Tables that say when and in which build something was made, not what it is.
_ABOUT_BUILDS: Final = frozenset({"landing.affected_periods", "landing.current_build", "landing.period_builds"})
Parts: TypeAlias = Mapping[tuple[str, str], Part]
"""The staged parts by table and period."""


def list_differences(first: Workspace, second: Workspace) -> list[str]:
    """Every difference between two homes, in words with numbers of rows; figures are never repeated.

    Of a home that has no release yet the staged tables are compared, which are what it would release.
    """
    folders = [home.latest if home.latest.is_dir() else home.staging for home in (first, second)]
    return [
        *list_different_tables_of_warehouses(first.warehouse, second.warehouse),
        *list_different_released_tables(*folders),
        *_compare_parts(first, second),
    ]


def find_faults_of_latest(home: Workspace) -> list[str]:
    """What is wrong with the newest release: files that are not those of its manifest, or no release."""
    manifest = read_manifest(home.latest)
    if manifest is None:
        return ["there is none"]
    listed = {name: record["sha256"] for name, record in manifest["files"].items()}
    folder = home.latest.resolve()
    found = {path.relative_to(folder).as_posix(): compute_sha256(path) for path in folder.rglob("*") if path.is_file()}
    del found["manifest.json"]
    return sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))


def read_parts(home: Workspace) -> Parts:
    """The parts that the staged tables of a home are put together from."""
    return {(part.table, part.period): part for part in StagedParts.load(home.staged_parts).parts}


def list_changed_parts(before: Parts, after: Parts) -> set[tuple[str, str]]:
    """The table and period of each part whose content is not the same, or that is in one of the two alone."""
    return {key for key in {*before, *after} if _get_digest(before, key) != _get_digest(after, key)}


def _connect() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"temp_directory": str(Path(tempfile.gettempdir()) / "comparisons_of_homes")})


def _get_digest(parts: Parts, key: tuple[str, str]) -> str:
    return parts[key].sha256 if key in parts else ""


def _compare_parts(first: Workspace, second: Workspace) -> Iterator[str]:
    for table, period in sorted(list_changed_parts(read_parts(first), read_parts(second))):
        yield f"part of {table}, {period}: not the same bytes"


def list_different_released_tables(first: Path, second: Path) -> list[str]:
    """Every difference between the tables of two releases, or of folders of staged tables."""
    relations = [
        {path.stem: f"read_parquet({quote_literal(path)})" for path in folder.glob("*.parquet")}
        for folder in (first, second)
    ]
    with _connect() as connection:
        return list(_compare_relations(connection, "released", *relations))


def list_different_tables_of_warehouses(first: Path, second: Path) -> list[str]:
    """Every difference between the tables of two warehouses, but for when and in which build they were made."""
    with _connect() as connection:
        relations = []
        for name, warehouse in (("first", first), ("second", second)):
            connection.execute(f"attach {quote_literal(warehouse)} as {name} (read_only)")
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
        return list(_compare_relations(connection, "warehouse", *relations))


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
