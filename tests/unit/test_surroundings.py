"""Surroundings: the environment has no effect on a refresh, and the path of a home has none or is refused."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import duckdb
import pytest

from expectations import engine
from expectations.suites import SUITES
from iapt.workspace import Workspace, WorkspacePathError
from orchestration import dbt_command
from orchestration.refresh import refresh


def test_what_the_surroundings_tell_dbt_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ("DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_WARN_ERROR", "DBT_EMPTY", "DBT_ENGINE_X", "DAGSTER_DBT_X")
    for name in told:
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("IAPT_HOME", "/somewhere")
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere")
    dbt_command.ignore_surroundings()
    assert not [name for name in os.environ if name.startswith(("DBT_", "DAGSTER_DBT_"))]
    assert (os.environ["IAPT_HOME"], os.environ["DAGSTER_HOME"]) == ("/somewhere", "/somewhere")


def test_a_warning_of_a_library_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        warnings.simplefilter("error")
        dbt_command.ignore_surroundings()
        assert "PYTHONWARNINGS" not in os.environ
        assert not [entry for entry in warnings.filters if entry[0] == "error"]


ODD_NAMES = [
    "100% of it",
    "50%",
    "#1",
    'it\'s "quoted"',
    "$HOME ${HOME} $x",
    "né–日本",
    "a[1]b*c",
    "{{ x }} {y}",
    "a\\b;c",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_of_any_name_can_be_validated(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    rules = SUITES["dim_standard"][:1]
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create table dim_standard (measure_id varchar)")
    found = engine.run(folder / "warehouse.duckdb", {"dim_standard": rules})["dim_standard"].findings
    assert [finding.rule.name for finding in found] == [rule.name for rule in rules]
    Workspace(folder).refuse_unusable_path()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["what?", "a%20b", "%2e%2E", "two\nlines", "a\x1bb", os.fsdecode(b"month \x96")])
def test_a_home_in_which_files_would_go_astray_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(WorkspacePathError, match=r"expected a home .*Name another --home") as refusal:
        refresh(Workspace(tmp_path / name), tmp_path)
    assert str(refusal.value).isprintable()
    assert list(tmp_path.iterdir()) == []
