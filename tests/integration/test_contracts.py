"""The built warehouse keeps the contract of its tables: no column is empty that the YAML calls not null."""

from __future__ import annotations

import duckdb
import yaml

from iapt.workspace import DBT_PROJECT
from tests.integration.conftest import BuiltHome


def _read_declared_columns() -> set[tuple[str, str]]:
    """Return the table and the name of every column with a not_null constraint in the YAML of the models."""
    models = [
        model
        for path in sorted(DBT_PROJECT.glob("models/*/*.yml"))
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
    ]
    return {
        (model["name"], column["name"])
        for model in models
        for column in model["columns"]
        if any(constraint["type"] == "not_null" for constraint in column.get("constraints", []))
    }


def test_a_column_declared_not_null_is_enforced_by_the_engine(released_home: BuiltHome) -> None:
    with duckdb.connect(str(released_home.home.warehouse), read_only=True) as connection:
        enforced = connection.execute(
            "select table_name, column_name from information_schema.columns where is_nullable = 'NO'"
        ).fetchall()
        views = {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
    declared = {(table, column) for table, column in _read_declared_columns() if table not in views}
    assert len(declared) > 150
    assert {"fct_annual"} == {table for table, _ in _read_declared_columns()} & views
    assert declared <= set(enforced)
