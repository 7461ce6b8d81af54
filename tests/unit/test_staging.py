"""Staging: which parts are written again, that the others are what would be written, and what a killed run leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from iapt.contract import CONTRACTS, TABLES, parquet_name
from iapt.files import compute_sha256
from iapt.release import stage as staging
from iapt.release.parquet_joining import find_differences_from_parts
from iapt.release.parts import TABLES_IN_PARTS, Part, StagedParts, find_part
from iapt.release.stage import StagedTable, StagingError, stage
from iapt.workspace import Workspace
from tests.factories.warehouses import build_warehouse, change_period

TABLE = "extract_monthly"
MONTHS = ["2020-12", "2021-01"]


@pytest.fixture(scope="module")
def staged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose warehouse was staged once."""
    home = Workspace(tmp_path_factory.mktemp("staged") / "home")
    home.root.mkdir()
    build_warehouse(home.warehouse)
    stage(home)
    return home.root


@pytest.fixture
def home(staged_once: Path, tmp_path: Path) -> Workspace:
    """A copy of it to change."""
    return Workspace(Path(shutil.copytree(staged_once, tmp_path / "home")))


def _change(home: Workspace, *, build: str) -> None:
    change = f"update extracts.{TABLE} set value = value + 5 where period = '2021-01' and org_level = 'region'"
    change_period(home.warehouse, TABLE, "2021-01", change, build=build)


def _list_digests(folder: Path) -> dict[str, str]:
    return {path.name: compute_sha256(path) for path in folder.iterdir()}


def _stage_anew(home: Workspace, folder: Path) -> Workspace:
    """A home of the same warehouse that was never staged before, staged."""
    folder.mkdir()
    shutil.copyfile(home.warehouse, folder / home.warehouse.name)
    stage(Workspace(folder))
    return Workspace(folder)


def _list_parts(home: Workspace, table: str = TABLE) -> list[Part]:
    return list(StagedParts.load(home.staged_parts).of_table(table))


def test_every_table_is_staged_with_its_rows_in_the_order_of_the_contract(home: Workspace) -> None:
    assert {path.name for path in home.staging.iterdir()} == {parquet_name(table) for table in CONTRACTS}
    with duckdb.connect(str(home.warehouse), read_only=True, config={"threads": 1}) as connection:
        for table in CONTRACTS:
            order = ", ".join(f"{column} nulls first" for column in TABLES[table].order)
            expected = connection.execute(f"select * from {TABLES[table].relation} order by {order}").fetchall()
            staged = f"read_parquet('{home.staging / parquet_name(table)}')"
            assert connection.execute(f"from {staged}").fetchall() == expected, table
            found = connection.execute(f"describe from {staged}").fetchall()
            assert {row[0]: row[1] for row in found} == dict(CONTRACTS[table]), table


def test_a_table_is_its_parts_one_for_each_period(home: Workspace) -> None:
    assert [part.period for part in _list_parts(home)] == MONTHS
    for table in TABLES_IN_PARTS:
        parts = _list_parts(home, table)
        paths = [find_part(home.parts, part) for part in parts]
        assert list(find_differences_from_parts(home.staging / parquet_name(table), paths)) == []
        assert [(part.sha256, part.bytes) for part in parts] == [
            (compute_sha256(path), path.stat().st_size) for path in paths
        ]
    assert {path.name for path in home.parts.iterdir()} == {
        part.file_name for part in StagedParts.load(home.staged_parts).parts
    }


def test_a_part_is_kept_where_its_rows_were_not_built_again_though_those_of_its_fact_were(home: Workspace) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "update landing.period_builds set build = 'build-2' "
            "where model = 'fct_monthly' and period_start = date '2020-12-01'"
        )
    outcome = stage(home)[TABLE]
    assert (outcome.parts_written, outcome.parts_kept) == (0, 2)
    for table in (TABLE, f"{TABLE}_current_boundaries"):
        assert [part.build for part in _list_parts(home, table)] == ["build-1", "build-1"]


def test_nothing_is_written_again_where_nothing_was_built_again(home: Workspace) -> None:
    before, inodes = _list_digests(home.staging), {path.stat().st_ino for path in home.parts.iterdir()}
    outcome = stage(home)
    assert {table: staged.parts_written for table, staged in outcome.items() if staged.parts_written} == {}
    assert outcome[TABLE].parts_kept == 2
    assert _list_digests(home.staging) == before
    assert {path.stat().st_ino for path in home.parts.iterdir()} == inodes


def test_only_the_period_that_was_built_again_is_written(home: Workspace, tmp_path: Path) -> None:
    first, second = _list_parts(home)
    _change(home, build="build-2")
    outcome = stage(home)
    assert (outcome[TABLE].parts_written, outcome[TABLE].parts_kept) == (1, 1)
    assert {table for table, staged in outcome.items() if staged.parts_written} == {TABLE}
    again = _list_parts(home)
    assert again[0] == first
    assert again[1].build == "build-2"
    assert again[1].sha256 != second.sha256
    assert not find_part(home.parts, second).exists()
    assert _list_digests(home.staging) == _list_digests(_stage_anew(home, tmp_path / "anew").staging)


def test_a_period_that_was_built_again_with_the_same_rows_is_the_same_file(home: Workspace) -> None:
    before = _list_digests(home.parts)
    change_period(home.warehouse, TABLE, "2021-01", "select 1", build="build-2")
    assert stage(home)[TABLE].parts_written == 1
    assert _list_digests(home.parts) == before
    assert [part.build for part in _list_parts(home)] == ["build-1", "build-2"]


def test_a_period_without_rows_any_more_has_no_part(home: Workspace, tmp_path: Path) -> None:
    change_period(home.warehouse, TABLE, "2020-12", f"delete from extracts.{TABLE} where period = '2020-12'")
    assert stage(home)[TABLE].parts_kept == 1
    assert [part.period for part in _list_parts(home)] == ["2021-01"]
    assert not list(home.parts.glob(f"{TABLE}-2020-12-*"))
    assert _list_digests(home.staging) == _list_digests(_stage_anew(home, tmp_path / "anew").staging)


def test_a_table_without_any_rows_is_a_file_with_its_columns(home: Workspace) -> None:
    change_period(home.warehouse, TABLE, "", f"delete from extracts.{TABLE}")
    assert stage(home)[TABLE] == StagedTable(0)
    assert _list_parts(home) == []
    file = home.staging / parquet_name(TABLE)
    assert list(find_differences_from_parts(file, [])) == []
    with duckdb.connect() as connection:
        found = connection.execute(f"describe from '{file}'").fetchall()
        assert {row[0]: row[1] for row in found} == dict(CONTRACTS[TABLE])
        assert connection.execute(f"from '{file}'").fetchall() == []


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, _cut, _flip])
def test_a_part_that_is_not_as_it_was_is_written_again(home: Workspace, damage: Callable[[Path], object]) -> None:
    before, parts = _list_digests(home.staging), _list_digests(home.parts)
    damage(find_part(home.parts, _list_parts(home)[0]))
    outcome = stage(home)[TABLE]
    assert (outcome.parts_written, outcome.parts_kept) == (1, 1)
    assert _list_digests(home.staging) == before
    assert _list_digests(home.parts) == parts


#: What makes a part one that cannot prove itself, though its build is that of the warehouse or not known.
UNPROVEN = {
    "drop table landing.period_builds": 2,
    "delete from landing.period_builds where model = 'extract_monthly'": 2,
    "delete from landing.period_builds where model = 'extract_monthly' and period_start = date '2021-01-01'": 1,
    "delete from extracts.extract_monthly where period = '2021-01' and org_level = 'region'": 1,
    "alter table extracts.extract_monthly alter column suppressed_parts type bigint": 2,
}


@pytest.mark.parametrize("change", UNPROVEN)
def test_a_part_that_cannot_prove_itself_is_written_again(home: Workspace, tmp_path: Path, change: str) -> None:
    change_period(home.warehouse, TABLE, "", change)
    for _ in range(2 if "period_builds" in change else 1):
        assert stage(home)[TABLE].parts_written == UNPROVEN[change]
    assert _list_digests(home.staging) == _list_digests(_stage_anew(home, tmp_path / "anew").staging)


def test_parts_of_another_way_of_writing_are_written_again(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_PARQUET_SETTINGS", staging._PARQUET_SETTINGS.replace("zstd", "snappy"))
    assert stage(home)[TABLE].parts_written == 2


@pytest.mark.parametrize("column", ["period", "period_start"])
def test_rows_of_no_period_are_never_left_out(home: Workspace, column: str) -> None:
    change = f"update extracts.{TABLE} set {column} = null where period = '2021-01' and org_level = 'region'"
    change_period(home.warehouse, TABLE, "", change)
    before = _list_digests(home.staging)
    with pytest.raises(StagingError, match="expected a period in every row; found"):
        stage(home)
    assert _list_digests(home.staging) == before


@pytest.mark.parametrize("killed_at", ["write", "rename_durably", "_remove_other_files"])
def test_a_run_that_ends_while_it_replaces_what_is_staged_leaves_nothing_that_disagrees(
    home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """Either what was staged before with its parts, or no candidate at all, or the new one with its parts."""
    _change(home, build="build-2")
    (home.parts / ".making-of-a-killed-run").touch()

    class KilledError(BaseException):
        pass

    def die(*_: object) -> None:
        raise KilledError

    def rename_files(source: Path, target: Path) -> Path:
        return die() if target == home.staging else source.replace(target)  # type: ignore[return-value]

    with monkeypatch.context() as patched:
        if killed_at == "write":
            patched.setattr(StagedParts, "write", die)
        else:
            patched.setattr(staging, killed_at, rename_files if killed_at == "rename_durably" else die)
        with pytest.raises(KilledError):
            stage(home)
    parts = _list_parts(home)
    if home.staging.exists():
        paths = [find_part(home.parts, part) for part in parts]
        assert list(find_differences_from_parts(home.staging / parquet_name(TABLE), paths)) == []
    stage(home)
    anew = _stage_anew(home, tmp_path / "anew")
    assert _list_digests(home.staging) == _list_digests(anew.staging)
    assert _list_digests(home.parts) == _list_digests(anew.parts)
    assert not home.staging.with_name("staging.part").exists()


def test_parts_of_an_earlier_version_are_read_and_written_again(home: Workspace) -> None:
    """One without the digest of how it was written proves nothing."""
    state = json.loads(home.staged_parts.read_text("utf-8"))
    for part in state["parts"]:
        del part["written_by"]
    home.staged_parts.write_text(json.dumps(state), "utf-8")
    assert stage(home)[TABLE].parts_written == 2
