"""Parts are relied on where their bytes are those that the state names: a file of the same name is no proof."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from iapt.contract import parquet_name
from iapt.release.parts import StagedParts
from iapt.release.verified_parts import copy_parts, digest_parts
from iapt.workspace import Workspace
from tests.factories.staged_parts import split_into_parts

TABLE = "extract_annual"
PERIODS = ["2021-22", "2022-23"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A home with one staged table, of two periods."""
    monkeypatch.setattr("tests.factories.staged_parts.TABLES_IN_PARTS", {TABLE: "year"})
    home = Workspace(tmp_path / "home")
    home.staging.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select * from (values ('2021-22', date '2021-04-01', 7), ('2022-23', date '2022-04-01', 9))
                    as listed(period, period_start, value)
            ) to '{home.staging / parquet_name(TABLE)}' (format parquet)
            """
        )
    return home


def list_copied_periods(home: Workspace, staged: StagedParts, tmp_path: Path) -> list[str]:
    target = tmp_path / "copies"
    target.mkdir()
    return list(copy_parts(staged, home.parts, TABLE, home.staging / parquet_name(TABLE), target))


def test_the_parts_that_a_file_is_the_join_of_are_copied(home: Workspace, tmp_path: Path) -> None:
    staged = split_into_parts(home)
    assert list_copied_periods(home, staged, tmp_path) == PERIODS
    assert list(digest_parts(staged, home.parts)[TABLE]) == PERIODS


def test_a_part_of_other_bytes_than_are_listed_is_not_relied_on_though_the_file_holds_them(
    home: Workspace, tmp_path: Path
) -> None:
    first, second = split_into_parts(home).parts
    # The name has the first digits alone.
    staged = StagedParts(parts=(first, second.model_copy(update={"sha256": second.sha256[:16] + 48 * "0"})))
    assert list_copied_periods(home, staged, tmp_path) == []
    assert list(digest_parts(staged, home.parts)[TABLE]) == PERIODS[:1]
