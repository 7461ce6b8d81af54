"""A release after another: which files are those of the last one, that they are as they would be made, and whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from iapt.contract import CONTRACTS, EXTRACT_GRAINS, parquet_name
from iapt.disclosure.auditor import NO_RESIDUAL_DISCLOSURE
from iapt.files import compute_sha256
from iapt.release import csv_files
from iapt.release import database as database_module
from iapt.release.copies import compare_csv_files, compare_database
from iapt.release.database import KeptDatabase
from iapt.release.manifest_comparison import compare_with_manifest
from iapt.release.publish import publish
from iapt.release.stage import stage
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import RESTRICTED_MARK, Workspace
from tests.factories.candidates import make_candidate
from tests.factories.warehouses import build_warehouse, change_period

TODAY = date(2026, 1, 31)
MONTHLY = "csv/extract_monthly_{}.csv.gz"
CHANGE = "update extracts.extract_monthly set value = value + 5 where period = '2021-01' and org_level = 'region'"


def _publish(home: Workspace) -> Path:
    """Publish what is staged, as a gate would have passed it; return the folder of the release."""
    files = {path.name: compute_sha256(path) for path in home.staging.iterdir()}
    outcomes = [RuleOutcome(NO_RESIDUAL_DISCLOSURE, table, "", "", "passed") for table in EXTRACT_GRAINS]
    candidate = make_candidate(home.staging, ValidationReport.from_outcomes(files, outcomes))
    candidate.data_docs.mkdir(exist_ok=True)
    (candidate.data_docs / "index.html").write_text("as validated", encoding="utf-8")
    return publish(candidate, home, TODAY).folder


def _change(home: Workspace) -> None:
    change_period(home.warehouse, "extract_monthly", "2021-01", CHANGE, build="build-2")
    stage(home)


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one release."""
    home = Workspace(tmp_path_factory.mktemp("published") / "home")
    home.root.mkdir()
    build_warehouse(home.warehouse)
    stage(home)
    _publish(home)
    return home.root


@pytest.fixture
def home(published_once: Path, tmp_path: Path) -> Workspace:
    """A copy of it, whose latest release is `releases/2026.01.1`."""
    return Workspace(Path(shutil.copytree(published_once, tmp_path / "home", symlinks=True)))


@pytest.fixture
def changed(home: Workspace) -> Workspace:
    """That home after one month of one extract was made again and staged."""
    _change(home)
    return home


def _read_manifest(release: Path) -> dict[str, Any]:
    return dict(json.loads((release / "manifest.json").read_text("utf-8")))


def _list_links(release: Path, earlier: Path) -> set[str]:
    """The files that are those of an earlier release."""
    return {
        name
        for name in _read_manifest(release)["files"]
        if (earlier / name).is_file() and (earlier / name).samefile(release / name)
    }


def _assert_whole(release: Path) -> None:
    assert list(compare_with_manifest(release, _read_manifest(release))) == []
    assert list(compare_csv_files(release / "csv", release)) == []
    assert list(compare_database(release / "iapt.duckdb", release)) == []


def test_a_release_of_a_restricted_home_is_its_owners_from_the_first(home: Workspace) -> None:
    (home.root / RESTRICTED_MARK).touch()
    _change(home)
    release = _publish(home)
    assert not [path for path in (release, *release.rglob("*")) if path.stat().st_mode & 0o077]


def test_what_did_not_change_is_linked_and_what_changed_is_new(changed: Workspace) -> None:
    first = changed.latest.resolve()
    second = _publish(changed)
    new = {"extract_monthly.parquet", MONTHLY.format("2021-01"), "iapt.duckdb"}
    of_the_release = {"README.md", "datapackage.json", "dictionary.html", "dictionary.json"}
    links = _list_links(second, first)
    assert _read_manifest(second)["files"].keys() - links - of_the_release == new
    assert {parquet_name(table) for table in CONTRACTS if table != "extract_monthly"} <= links
    assert {MONTHLY.format("2020-12"), "csv/dim_measure.csv", "csv/mart_activity.csv.gz"} <= links
    assert "data_docs/index.html" in links
    _assert_whole(second)


def test_a_release_after_another_is_one_made_from_nothing(changed: Workspace, tmp_path: Path) -> None:
    second = _publish(changed)
    anew = Workspace(tmp_path / "anew")
    anew.root.mkdir()
    shutil.copyfile(changed.warehouse, anew.warehouse)
    stage(anew)
    made_anew = _publish(anew)
    files, expected = (_read_manifest(release)["files"] for release in (second, made_anew))
    of_the_release = {"README.md", "datapackage.json", "dictionary.html", "iapt.duckdb"}  # they say its id
    assert files.keys() == expected.keys()
    assert {name for name in files if files[name] != expected[name]} <= of_the_release
    for key in ("parts", "writers"):
        assert _read_manifest(second)[key] == _read_manifest(made_anew)[key]
    _assert_whole(second)


def test_without_the_first_release_the_second_is_whole(changed: Workspace) -> None:
    first = changed.latest.resolve()
    second = _publish(changed)
    shutil.rmtree(first)
    _assert_whole(second)
    assert {path.stat().st_mode & 0o222 for path in second.rglob("*") if path.is_file()} == {0}


def test_making_the_second_release_changes_nothing_of_the_first(changed: Workspace) -> None:
    first = changed.latest.resolve()
    before = {path: (compute_sha256(path), path.stat().st_mode) for path in first.rglob("*") if path.is_file()}
    _publish(changed)
    assert {path: (compute_sha256(path), path.stat().st_mode) for path in before} == before


def _cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def _replace_by_link(path: Path) -> None:
    other = path.with_name("elsewhere")
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize("damage", [_cut, Path.unlink, _replace_by_link])
@pytest.mark.parametrize("name", ["dim_measure.parquet", MONTHLY.format("2020-12"), "csv/dim_measure.csv"])
def test_a_file_that_is_not_as_it_was_released_is_made_anew(
    changed: Workspace, name: str, damage: Callable[[Path], object]
) -> None:
    first = changed.latest.resolve()
    expected = _read_manifest(first)["files"][name]
    damage(first / name)
    second = _publish(changed)
    assert name not in _list_links(second, first)
    assert not (second / name).is_symlink()
    assert _read_manifest(second)["files"][name] == expected
    _assert_whole(second)


def test_files_are_copied_where_there_are_no_links(changed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", fail)
    first = changed.latest.resolve()
    second = _publish(changed)
    assert _list_links(second, first) == set()
    assert (second / "dim_measure.parquet").stat().st_nlink == 1
    _assert_whole(second)


def _list_linked_csv_files(home: Workspace) -> set[str]:
    first = home.latest.resolve()
    links = _list_links(_publish(home), first)
    return {name for name in links if name.startswith("csv/")}


def test_csv_files_of_other_code_are_written_again(changed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here other code compresses them otherwise; a small one may be written as it was and is then linked after all."""
    monkeypatch.setattr("iapt.release.publish.digest_csv_writer", lambda: "other code")
    monkeypatch.setattr(csv_files, "GZIP_LEVEL", 0)
    assert {name for name in _list_linked_csv_files(changed) if name.endswith(".gz")} == set()


def test_csv_files_are_taken_over_only_where_the_parts_are_proven(changed: Workspace) -> None:
    """The state names the parts of other bytes: what a file of a period was made of is then not known."""
    state = json.loads(changed.staged_parts.read_text("utf-8"))
    parts = [part for part in state["parts"] if part["table"] == "extract_monthly"]
    earlier = _read_manifest(changed.latest)["parts"]["extract_monthly"]
    for part in parts:  # as the last release had them, though one has changed
        part["sha256"] = earlier[part["period"]]
    changed.staged_parts.write_text(json.dumps(state), "utf-8")
    first = changed.latest.resolve()
    second = _publish(changed)
    assert "extract_monthly" not in _read_manifest(second)["parts"]
    assert MONTHLY.format("2021-01") not in _list_links(second, first)
    _assert_whole(second)


def test_parts_in_another_order_are_not_proven(changed: Workspace) -> None:
    state = json.loads(changed.staged_parts.read_text("utf-8"))
    first, second = [part for part in state["parts"] if part["table"] == "extract_monthly"]
    first["period_start"], second["period_start"] = second["period_start"], first["period_start"]
    changed.staged_parts.write_text(json.dumps(state), "utf-8")
    assert "extract_monthly" not in _read_manifest(_publish(changed))["parts"]


def test_parts_of_other_bytes_than_the_state_says_are_not_proven(changed: Workspace) -> None:
    state = json.loads(changed.staged_parts.read_text("utf-8"))
    for part in state["parts"]:
        part["sha256"] = part["sha256"][:16] + 48 * "0"  # the file has the same name
    changed.staged_parts.write_text(json.dumps(state), "utf-8")
    assert _read_manifest(_publish(changed))["parts"] == {}


def test_a_release_after_one_that_lists_no_parts_is_whole(changed: Workspace) -> None:
    """As releases of earlier versions are."""
    path = changed.latest / "manifest.json"
    manifest = {key: value for key, value in _read_manifest(changed.latest).items() if key not in ("parts", "writers")}
    path.chmod(0o644)
    path.write_text(json.dumps(manifest), "utf-8")
    second = _publish(changed)
    assert _read_manifest(second)["parts"].keys() >= {"extract_monthly"}
    _assert_whole(second)


def test_the_manifest_counts_the_rows_of_every_table(home: Workspace) -> None:
    rows = {name: record["rows"] for name, record in _read_manifest(home.latest)["files"].items() if "rows" in record}
    assert rows == {parquet_name(table): staged.rows for table, staged in stage(home).items()}


OLD_FIGURE = "An organisation of which a figure is taken back"


def _count_created_tables(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Publish, and return how many tables each database was given anew."""
    counts: list[int] = []
    create_tables = database_module._create_tables

    def count(connection: Any, tables: Path, names: Any) -> None:
        counts.append(len(set(names)))
        create_tables(connection, tables, names)

    monkeypatch.setattr(database_module, "_create_tables", count)
    _assert_whole(_publish(home))
    return counts


#: The tables in parts, and the others.
IN_PARTS, OTHERS = 6, len(CONTRACTS) - 6


def _move_month(home: Workspace, month: str, first_day: str) -> None:
    """Give the extract of months one more, which is the second of them once more."""
    columns = f"* replace ('{month}' as period, date '{first_day}' as period_start)"
    change_period(
        home.warehouse,
        "extract_monthly",
        "",
        f"insert into extracts.extract_monthly select {columns} from extracts.extract_monthly where period = '2021-01'",
    )
    stage(home)


def test_a_period_more_is_added_to_the_kept_database(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = KeptDatabase.load(home.kept_database_state)
    _move_month(home, "2021-02", "2021-02-01")
    assert _count_created_tables(home, monkeypatch) == [OTHERS]
    after = KeptDatabase.load(home.kept_database_state)
    assert after.parts["extract_monthly"].keys() - before.parts["extract_monthly"].keys() == {"2021-02"}
    assert after.sha256 == compute_sha256(home.kept_database)


def test_a_database_of_the_same_parts_is_copied(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    change_period(home.warehouse, "dim_measure", "", "update marts.dim_measure set definition = 'Another definition.'")
    stage(home)
    before = home.kept_database.stat().st_mtime_ns
    assert _count_created_tables(home, monkeypatch) == [OTHERS]
    assert home.kept_database.stat().st_mtime_ns == before


def test_a_period_that_changed_makes_the_database_anew(changed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _count_created_tables(changed, monkeypatch) == [IN_PARTS, OTHERS]


def test_nothing_that_was_taken_back_is_left_in_the_bytes_of_a_database(home: Workspace) -> None:
    """DuckDB leaves the bytes of deleted rows in a file."""
    name = f"org_name = '{OLD_FIGURE}'"
    rows = "where period = '2021-01' and org_level = 'provider'"
    for change in (name, "org_name = 'Invented Provider'"):
        sql = f"update extracts.extract_monthly set {change} {rows}"
        change_period(home.warehouse, "extract_monthly", "2021-01", sql, build=change)
        change_period(home.warehouse, "mart_activity", "", f"update marts.mart_activity set {change} {rows}")
        stage(home)
        release = _publish(home)
        for database in (release / "iapt.duckdb", home.kept_database):
            assert (OLD_FIGURE.encode() in database.read_bytes()) == (change == name)


def _cut_kept_database(home: Workspace) -> None:
    _cut(home.kept_database)


def _change_writer(home: Workspace) -> None:
    state = KeptDatabase.load(home.kept_database_state)
    state.model_copy(update={"writer": "other code"}).write(home.kept_database_state)


@pytest.mark.parametrize(
    "damage",
    [
        _cut_kept_database,
        _change_writer,
        lambda home: home.kept_database.unlink(),
        lambda home: home.kept_database_state.unlink(),
        lambda home: home.staged_parts.unlink(),
    ],
    ids=["other bytes", "other code", "no file", "no state", "no parts"],
)
def test_a_kept_database_that_cannot_prove_itself_is_not_used(
    home: Workspace, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Workspace], object]
) -> None:
    _move_month(home, "2021-02", "2021-02-01")
    are_parts_known = damage(home) is not None or home.staged_parts.is_file()
    assert _count_created_tables(home, monkeypatch) == ([IN_PARTS, OTHERS] if are_parts_known else [len(CONTRACTS)])
