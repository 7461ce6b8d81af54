"""What is known of the tables of a warehouse counts while nothing but the pipeline has written it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import BuiltTables


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    with duckdb.connect(workspace.warehouse) as connection:
        connection.execute("create table figures (value integer)")
    BuiltTables(project="a digest", inputs={"seed": "1"}).write_for(workspace)
    return workspace


def test_tables_that_were_only_read_are_known(workspace: Workspace) -> None:
    with duckdb.connect(workspace.warehouse, read_only=True) as connection:
        assert connection.execute("from figures").fetchall() == []
    built = BuiltTables.load_if_current(workspace)
    assert built is not None
    assert built.inputs == {"seed": "1"}


def test_nothing_is_known_of_tables_that_something_else_has_written(workspace: Workspace) -> None:
    with duckdb.connect(workspace.warehouse) as connection:
        connection.execute("insert into figures values (1)")
    assert BuiltTables.load_if_current(workspace) is None


def test_nothing_is_known_of_a_warehouse_that_was_put_back_or_is_gone(workspace: Workspace) -> None:
    content = workspace.warehouse.read_bytes()
    workspace.warehouse.unlink()
    assert BuiltTables.load_if_current(workspace) is None
    workspace.warehouse.write_bytes(content)
    assert BuiltTables.load_if_current(workspace) is None


def test_nothing_is_known_of_a_warehouse_that_a_writer_left_open(workspace: Workspace) -> None:
    workspace.warehouse.with_name(f"{workspace.warehouse.name}.wal").touch()
    assert BuiltTables.load_if_current(workspace) is None
