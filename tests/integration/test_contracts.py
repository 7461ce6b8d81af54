"""The contracts of the built warehouse: what the YAML calls never empty, the engine refuses to leave empty."""

from __future__ import annotations

import duckdb
import yaml

from iapt.workspace import DBT_PROJECT
from tests.integration.conftest import BuiltHome

#: The layers that are written to a schema of another name.
SCHEMAS = {"topics": "marts"}


def _never_empty() -> set[tuple[str, str, str]]:
    declared = set()
    for path in sorted(DBT_PROJECT.glob("models/*/*.yml")):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", []):
            for column in model.get("columns", []):
                if {"type": "not_null"} in column.get("constraints", []):
                    declared.add((SCHEMAS.get(path.parent.name, path.parent.name), model["name"], column["name"]))
    return declared


def test_a_column_declared_never_empty_is_enforced_by_the_engine(released_home: BuiltHome) -> None:
    with duckdb.connect(str(released_home.home.warehouse), read_only=True) as connection:
        enforced = connection.execute(
            """
            select table_schema, table_name, column_name from information_schema.columns
            where is_nullable = 'NO' and table_schema in ('marts', 'extracts')
            """
        ).fetchall()
    declared = _never_empty()
    assert len(declared) > 50
    assert declared <= set(enforced)
