"""A warehouse that another program has open is waited for, by name, and never a stack of errors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from iapt.warehouse_lock import WarehouseLockedError, retry_while_locked, wait_for_warehouse
from orchestration.cli import app
from orchestration.resources import WorkspaceResource

HOLD = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True)
time.sleep(float(sys.argv[3]))
"""
Holder = Callable[[str, float], subprocess.Popen[str]]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    return path


@pytest.fixture
def hold(warehouse: Path) -> Iterator[Holder]:
    """Have another process open the warehouse, to read or to write, for so many seconds."""
    processes = []

    def start(how: str, seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(warehouse), how, str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("held", "for_writing"), [("read", True), ("write", True), ("write", False)])
def test_whoever_has_it_open_is_told_once_and_waited_for(
    warehouse: Path, hold: Holder, held: str, for_writing: bool
) -> None:
    process, said = hold(held, 3), list[str]()
    wait_for_warehouse(warehouse, for_writing=for_writing, wait_seconds=60, say=said.append)
    assert len(said) == 1
    assert f"(process {process.pid}); waiting until it is closed there, 60 s at most" in said[0]


def test_readers_do_not_keep_readers_out(warehouse: Path, hold: Holder) -> None:
    hold("read", 30)
    wait_for_warehouse(warehouse, for_writing=False, wait_seconds=0, say=pytest.fail)


def test_who_does_not_close_it_in_time_is_named_with_what_to_do(warehouse: Path, hold: Holder) -> None:
    process = hold("read", 30)
    with pytest.raises(WarehouseLockedError, match=rf"is open in .*process {process.pid}.*Close it there"):
        wait_for_warehouse(warehouse, for_writing=True, wait_seconds=1, say=lambda _: None)
    resource = WorkspaceResource(root=str(warehouse.parent), wait_seconds=0)
    with pytest.raises(dg.Failure, match="is open in"):
        resource.wait_for_warehouse(lambda _: None, for_writing=True)


def test_an_action_is_tried_again_and_another_error_is_its_own(warehouse: Path, hold: Holder) -> None:
    hold("read", 2)

    def write() -> int:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("create table t as select 1 as one")
            return 1

    assert retry_while_locked(write, warehouse, wait_seconds=60, say=lambda _: None) == 1
    warehouse.write_bytes(b"not a database" * 1000)
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB"):
        retry_while_locked(write, warehouse, wait_seconds=60, say=pytest.fail)


def test_an_audit_of_a_warehouse_that_is_written_to_says_so(warehouse: Path, hold: Holder) -> None:
    (warehouse.parent / "built.json").write_text('{"drops": []}')
    (warehouse.parent / "latest").mkdir()
    hold("write", 30)
    for arguments in (["audit"], ["findings", "2021-01"]):
        result = CliRunner().invoke(app, [*arguments, "--home", str(warehouse.parent)])
        assert result.exit_code == 2
        assert "warehouse.duckdb is open in " in result.output
        assert len(result.output.splitlines()) == 1
