"""The working tables of the audit, declared in working_tables.yml, and the steps in sql/ that fill and read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import duckdb
import jinja2
from pydantic import TypeAdapter

from iapt.catalogue.strict_model import StrictModel
from iapt.yaml_files import read_yaml

SQL_FOLDER: Final = Path(__file__).parent / "sql"
TABLES_FILE: Final = Path(__file__).with_suffix(".yml")


class WorkingTable(StrictModel):
    """The columns of a table with their types, in order, and the names of the steps that write and that read it."""

    columns: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...] = ()


@cache
def load_working_tables() -> Mapping[str, WorkingTable]:
    """Return the declared tables by name."""
    return TypeAdapter(dict[str, WorkingTable]).validate_python(read_yaml(TABLES_FILE))


def create_tables(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Create working tables empty, in place of those there were."""
    for name in names:
        connection.execute(f"create or replace temp table {name} ({load_working_tables()[name].columns})")


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
