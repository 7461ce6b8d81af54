"""Surroundings: what others have told dbt, or Dagster of dbt, has no effect on a refresh."""

from __future__ import annotations

import os

import pytest

from orchestration import dbt_process


def test_what_the_surroundings_tell_dbt_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ("DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_WARN_ERROR", "DBT_EMPTY", "DBT_ENGINE_X", "DAGSTER_DBT_X")
    for name in told:
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("IAPT_HOME", "/somewhere")
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere")
    dbt_process.ignore_surroundings()
    assert not [name for name in os.environ if name.startswith(("DBT_", "DAGSTER_DBT_"))]
    assert (os.environ["IAPT_HOME"], os.environ["DAGSTER_HOME"]) == ("/somewhere", "/somewhere")
