"""Trouble of the machine: one sentence from a full disk, whichever library met it and at whatever step."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import duckdb
import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from iapt.machine_errors import MachineError, describe_machine_error, translate_machine_errors
from iapt.workspace import Workspace
from orchestration import cli

FULL = "the disk is full. Make room, and refresh again"


def system(number: int, *names: str) -> OSError:
    return OSError(number, os.strerror(number), *names)


def wrapped(cause: Exception) -> Exception:
    error = RuntimeError("step failed")
    error.__cause__ = ValueError("in between")
    error.__cause__.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (system(errno.ENOSPC), FULL),
        (system(errno.ENOSPC, "/home/a"), FULL),
        (system(errno.EDQUOT), "may not fill more of the disk"),
        (system(errno.EFBIG), "the system allows no file as large"),
        (duckdb.IOException("IO Error: Could not write file: File too large"), "the system allows no file as large"),
        (system(errno.EROFS), "the disk may not be written to"),
        (system(errno.EIO), "the disk fails when it is read or written"),
        (sqlite3.OperationalError("database or disk is full"), FULL),
        (OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full")), FULL),
        (sqlite3.OperationalError("attempt to write a readonly database"), "the disk may not be written to"),
        (duckdb.IOException("IO Error: Could not write to file: No space left on device"), FULL),
        (wrapped(system(errno.ENOSPC)), FULL),
    ],
)
def test_trouble_of_the_machine_is_one_sentence_that_says_what_stands(
    error: Exception, told: str, tmp_path: Path
) -> None:
    with pytest.raises(MachineError) as trouble, translate_machine_errors(Workspace(tmp_path)):
        raise error
    assert told in str(trouble.value)
    assert str(trouble.value).startswith(f"{tmp_path}: ")
    assert str(trouble.value).endswith("The last release, if there is one, stands.")


def test_a_release_that_was_made_before_the_disk_was_full_is_named(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    home.latest.symlink_to("releases/2026.11.1")

    def release_and_fail() -> None:
        with translate_machine_errors(home):
            home.latest.unlink()
            home.latest.symlink_to("releases/2026.11.2")
            raise system(errno.ENOSPC)

    with pytest.raises(MachineError, match=r"Release 2026\.11\.2 was made before that, and stands"):
        release_and_fail()


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("no room for doubt"), system(errno.ENOENT, "a"), wrapped(KeyError())]
)
def test_other_errors_are_let_through(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as raised, translate_machine_errors(Workspace(tmp_path)):
        raise error
    assert raised.value is error
    assert describe_machine_error(str(error)) is None


@pytest.mark.parametrize("step", ["prepare_dagster_home", "lock_workspace", "redirect_output_to", "warm_dbt.start"])
@pytest.mark.parametrize(
    "error", [system(errno.ENOSPC), OperationalError("x", {}, sqlite3.OperationalError("database or disk is full"))]
)
def test_a_full_disk_at_any_step_of_the_command_is_told_without_a_stack_trace(
    step: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(f"orchestration.refresh.{step}", fail)
    (tmp_path / "drops").mkdir()
    result = CliRunner().invoke(
        cli.app, ["refresh", "--drops", str(tmp_path / "drops"), "--home", str(tmp_path / "home")]
    )
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "The refresh did not come to its end. " in result.output
    assert FULL in result.output
    assert "Traceback" not in result.output
