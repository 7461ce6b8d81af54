"""Compare two releases by content: every table, its columns, its rows with their values, whatever their order.

    python -m benchmarks.compare_releases EARLIER LATER

Both are release folders. Tables and columns of EARLIER that have been renamed since are read under their new names
(`tests/cases/renamed_names.yml`). Prints a line a table and ends with status 1 where any row differs.
"""

import sys
from pathlib import Path
from typing import Annotated

import duckdb
import typer
import yaml
from rich.console import Console
from rich.table import Table

from iapt.sql import quote_identifier, quote_literal
from iapt.workspace import PROJECT_ROOT

RENAMES = PROJECT_ROOT / "tests" / "cases" / "renamed_names.yml"


def read_tables(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str) -> dict[str, list[str]]:
    """Make a view of every table of a release under its present name; return their columns by table."""
    renames = yaml.safe_load(RENAMES.read_text("utf-8"))
    tables: dict[str, list[str]] = {}
    connection.execute(f"create schema {schema}")
    for path in sorted(folder.glob("*.parquet")):
        table = renames["tables"].get(path.stem, path.stem)
        described = connection.execute(f"describe from {quote_literal(path)}").fetchall()
        names = [(row[0], renames["columns"].get(row[0], row[0])) for row in described]
        columns = ", ".join(f"{quote_identifier(old)} as {quote_identifier(new)}" for old, new in names)
        connection.execute(f"create view {schema}.{table} as select {columns} from {quote_literal(path)}")
        tables[table] = [f"{new} {row[1]}" for (_, new), row in zip(names, described, strict=True)]
    return tables


def main(earlier: Annotated[Path, typer.Argument()], later: Annotated[Path, typer.Argument()]) -> None:
    """Compare two release folders, table by table."""
    connection = duckdb.connect()
    before, after = read_tables(connection, earlier, "earlier"), read_tables(connection, later, "later")
    shown = Table("table", "rows before", "rows after", "only before", "only after", "columns")
    differs = False
    for table in sorted(before | after):
        if table not in before or table not in after:
            shown.add_row(table, *("" if table in rows else "no such table" for rows in (before, after)))
            differs = True
            continue
        columns = ", ".join(sorted(column.rpartition(" ")[0] for column in set(before[table]) & set(after[table])))
        before_rows, after_rows = (f"select {columns} from {schema}.{table}" for schema in ("earlier", "later"))
        counts = [
            connection.execute(query).fetchall()[0][0]
            for query in (
                f"select count(*) from earlier.{table}",
                f"select count(*) from later.{table}",
                f"select count(*) from ({before_rows} except all {after_rows})",
                f"select count(*) from ({after_rows} except all {before_rows})",
            )
        ]
        changed = sorted(set(before[table]) ^ set(after[table]))
        order = "" if before[table] == after[table] or changed else "other order"
        shown.add_row(table, *(f"{count:,}" for count in counts), ", ".join(changed) or order or "same")
        differs |= bool(counts[2] or counts[3] or changed or order)
    Console(width=160).print(shown)
    sys.exit(int(differs))


if __name__ == "__main__":
    typer.run(main)
