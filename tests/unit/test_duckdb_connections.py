"""How much memory DuckDB gets, whatever the machine, and where it puts what does not fit."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt import duckdb_connections
from iapt.duckdb_connections import (
    DEFAULT_MEMORY_MB,
    LEAST_MEMORY_MB,
    MEMORY_SETTING,
    find_memory_bytes,
    find_memory_limit_mb,
    open_duckdb,
)
from iapt.workspace import PROJECT_ROOT

#: Modules that open DuckDB themselves, under one `make_duckdb_config`: Great Expectations opens the same file under it.
OPEN_THEMSELVES = {"expectations/period_validation.py", "expectations/release_validation.py"}
MEGABYTE = 2**20
PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
UNLIMITED_V1 = "9223372036854771712"


def write_system(root: Path, groups: str, limits: dict[str, str]) -> Path:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for name, limit in limits.items():
        path = root / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit}\n")
    return root


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "1000000"}, 1_000_000),
        ("0::/a/b\n", {"a/b/memory.max": "2000000", "a/memory.max": "1000000"}, 1_000_000),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "max"}, PHYSICAL),
        ("0::/outside/x\n", {"memory.max": "1000000"}, 1_000_000),
        ("0::/../x\n", {"memory.max": "1000000"}, 1_000_000),
        ("4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "1000000"}, 1_000_000),
        ("4:cpu,memory:/a\n", {"memory/memory.limit_in_bytes": "1000000"}, 1_000_000),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": UNLIMITED_V1}, PHYSICAL),
        ("4:cpuset:/a\n", {"memory/a/memory.limit_in_bytes": "1000000"}, PHYSICAL),
        ("1:name=systemd:/a:b\n", {}, PHYSICAL),
        ("", {}, PHYSICAL),
    ],
)
def test_the_memory_is_that_of_the_machine_or_of_the_tightest_group(
    groups: str, limits: dict[str, str], expected: int, tmp_path: Path
) -> None:
    assert find_memory_bytes(write_system(tmp_path, groups, limits)) == expected


def test_a_system_without_control_groups_has_its_memory(tmp_path: Path) -> None:
    assert find_memory_bytes(tmp_path) == PHYSICAL
    assert find_memory_bytes() <= PHYSICAL


@given(machine_mb=st.integers(64, 10**7), workers=st.integers(1, 8))
def test_together_instances_use_half_of_the_machine_at_most_unless_that_is_too_little_to_work(
    machine_mb: int, workers: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(MEMORY_SETTING, raising=False)
        patch.setattr(duckdb_connections, "find_memory_bytes", lambda: machine_mb * MEGABYTE)
        each = find_memory_limit_mb(workers)
    assert each >= LEAST_MEMORY_MB
    assert each == LEAST_MEMORY_MB or each * workers <= min(machine_mb / 2, DEFAULT_MEMORY_MB, 3_000)


def test_the_environment_goes_before_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_SETTING, "8000")
    assert find_memory_limit_mb() == 8000
    assert find_memory_limit_mb(workers=4) == 2000


@pytest.mark.parametrize("setting", ["2GB", "255", "-1", "1e9"])
def test_a_setting_that_is_no_amount_of_memory_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_SETTING, setting)
    with pytest.raises(ValueError, match=rf"{MEMORY_SETTING}: expected a number of MB, 256 or more; found '{setting}'"):
        find_memory_limit_mb()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_connection_has_these_settings(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_SETTING, "1024")
    with open_duckdb(tmp_path / "a.duckdb", spill=tmp_path / "spill", workers=workers, default_order="desc") as one:
        settings = dict(one.execute("select name, value from duckdb_settings()").fetchall())
    assert settings["memory_limit"] == {1: "1.0 GiB", 2: "512.0 MiB"}[workers]
    assert Path(settings["temp_directory"]).parent == tmp_path / "spill"
    assert settings["preserve_insertion_order"] == "false"
    assert settings["default_order"] == "DESC"
    assert int(settings["threads"]) == max(1, (os.cpu_count() or 1) // workers)


def test_every_other_module_opens_duckdb_here() -> None:
    packages = ("iapt", "orchestration", "expectations")
    modules = (path for package in packages for path in (PROJECT_ROOT / package).rglob("*.py"))
    texts = {path.relative_to(PROJECT_ROOT).as_posix(): path.read_text() for path in modules}
    found = {path for path, text in texts.items() if "duckdb.connect(" in text}
    assert found - OPEN_THEMSELVES == {"iapt/duckdb_connections.py"}
    assert all("make_duckdb_config(" in texts[path] for path in OPEN_THEMSELVES)


def sort_more_than_fits(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table sorted as select hash(range) a, range::varchar b from range(4_000_000) order by 1")


def test_what_does_not_fit_goes_where_it_was_told_or_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_duckdb(memory_limit="64MB", threads=1) as connection, pytest.raises(duckdb.OutOfMemoryException):
        sort_more_than_fits(connection)
    assert list(tmp_path.iterdir()) == []
    with open_duckdb(spill=tmp_path / "spill", memory_limit="64MB", threads=1) as connection:
        sort_more_than_fits(connection)
        assert list((tmp_path / "spill").iterdir())
    assert list(tmp_path.rglob("*")) == [tmp_path / "spill"]
    with open_duckdb(tmp_path / "a.duckdb") as connection:
        beside = connection.execute("select current_setting('temp_directory')").fetchall()
    assert beside == [(str(tmp_path / "a.duckdb.tmp"),)]


def test_no_two_instances_spill_into_one_folder(tmp_path: Path) -> None:
    """DuckDB names its files by number: in one folder, each instance would read and remove those of another."""
    query = (
        "select count(*) from (select hash(i)::varchar || repeat('x', 40) as text from range(1000000) r (i) order by 1)"
    )
    with ExitStack() as stack:
        connections = [
            stack.enter_context(open_duckdb(spill=tmp_path / "deep" / "spill", memory_limit="64MB", threads=1))
            for _ in range(2)
        ]
        for connection in connections:
            connection.execute("create temp table spilt as from range(8000000) r (i)")
        folders = sorted(path.name for path in (tmp_path / "deep" / "spill").iterdir())
        assert len(folders) == 2
        assert [connection.execute(query).fetchall() for connection in connections] == [[(1_000_000,)]] * 2
    assert list((tmp_path / "deep" / "spill").iterdir()) == []
