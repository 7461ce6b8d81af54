"""Verification, and `iapt audit`: any folder that looks like a release is validated, whoever made it or changed it."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from expectations import release_validation
from expectations.release_validation import FILES_RULE, validate_release
from iapt.catalogue.disclosure_policy import load_policy
from iapt.contract import CONTRACTS, EXTRACT_GRAINS, parquet_name
from iapt.disclosure.auditor import NO_RESIDUAL_DISCLOSURE, Auditor
from iapt.files import compute_sha256
from iapt.release.publish import publish
from iapt.release.verify import COPIES_RULE, FolderVerification, verify_folder
from iapt.report.comparison import compare_report
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import Workspace
from orchestration.cli import app
from tests.factories.candidates import make_candidate
from tests.factories.staged_release import build_staged_release
from tests.integration.conftest import BuiltHome


@pytest.fixture(scope="module")
def home(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The home whose warehouse is at hand; an audit writes its records here. Tests change copies of its release."""
    root = tmp_path_factory.mktemp("verifier") / "home"
    shutil.copytree(released_home.home.root, root, symlinks=True, ignore=shutil.ignore_patterns("dagster"))
    return Workspace(root)


@pytest.fixture
def copy(home: Workspace, tmp_path: Path) -> Path:
    """A release that someone has copied, and may change."""
    return changeable_copy(home.latest, tmp_path / "a copy")


def changeable_copy(release: Path, folder: Path) -> Path:
    shutil.copytree(release, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def tables_alone(home: Workspace, tmp_path: Path) -> Path:
    """A folder that someone made by hand: the tables of a release, and nothing beside them."""
    folder = tmp_path / "by hand"
    folder.mkdir()
    for table in CONTRACTS:
        shutil.copyfile(home.latest / parquet_name(table), folder / parquet_name(table))
    return folder


SOUND = RuleOutcome("a_rule", "dim_measure", "dim_measure.parquet", "A rule. Source: a test.", "passed")


@pytest.fixture
def tables_validated_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables themselves pass, so that only the files with them are in question."""
    monkeypatch.setattr(
        release_validation, "validate_release", lambda folder, *, auditor: ValidationReport.from_outcomes({}, [SOUND])
    )


@pytest.fixture(scope="module")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the few rows that the tests of the gate are about."""
    root = tmp_path_factory.mktemp("small")
    staged = build_staged_release(root / "staged")
    (root / "data_docs").mkdir()
    (root / "data_docs" / "index.html").write_text("<p>Validated.</p>", encoding="utf-8")
    files = {path.name: compute_sha256(path) for path in staged.iterdir()}
    audited = [
        replace(SOUND, rule=NO_RESIDUAL_DISCLOSURE, table=table, file=parquet_name(table)) for table in EXTRACT_GRAINS
    ]
    candidate = make_candidate(staged, ValidationReport.from_outcomes(files, audited))
    return publish(candidate, Workspace(root), date(2026, 1, 1)).folder


@pytest.fixture
def small_copy(small_release: Path, tmp_path: Path, tables_validated_before: None) -> Path:
    """A small release whose tables are sound, and of which anything else may be changed."""
    return changeable_copy(small_release, tmp_path / "a small copy")


@pytest.fixture
def small_home(tmp_path: Path) -> Workspace:
    """A home of no drops, as the small release is of none."""
    home = Workspace(tmp_path / "home")
    home.root.mkdir()
    duckdb.connect(str(home.warehouse)).close()
    home.built.write_text(json.dumps({"drops": [], "disclosure": load_policy().to_manifest()}), encoding="utf-8")
    return home


@pytest.fixture
def files_validated_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are validated, and not what is in them."""
    monkeypatch.setattr(
        release_validation, "validate_release", lambda folder, *, auditor: validate_release(folder, suites={})
    )


def audit(home: Workspace, *folder: Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, folder), "--home", str(home.root)])


def change(file: Path, sql: str) -> None:
    """Change a Parquet file by an SQL statement about `rows`."""
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as from read_parquet('{file}')")
        assert (connection.execute(sql).fetchone() or (0,))[0]
        connection.execute(f"copy rows to '{file}' (format parquet)")


def verify(folder: Path) -> FolderVerification:
    """Verify a folder whose tables were validated before; no source is asked."""
    return verify_folder(
        folder,
        Auditor(folder / "no warehouse"),
        frozenset(),
        lambda tables, auditor: release_validation.validate_release(tables, auditor=auditor),
        compare_report,
    )


def list_differences(folder: Path) -> dict[str, str]:
    """How the copies of the tables in a folder differ from them, by copy."""
    found = verify(folder)
    copies = [outcome for outcome in found.report.outcomes if outcome.rule == COPIES_RULE]
    assert [outcome.file for outcome in copies] == ["iapt.duckdb", "csv"]
    assert found.report.passed == all(outcome.result == "passed" for outcome in copies)
    return {outcome.file: outcome.message for outcome in copies if outcome.result != "passed"}


# --- what is clean


def test_the_latest_release_is_clean(home: Workspace) -> None:
    result = audit(home)
    assert result.exit_code == 0, result.output
    assert "Every rule passed" in result.output
    assert "Every file is as the manifest lists it." in result.output


def test_a_folder_made_by_hand_is_validated_without_a_manifest(
    home: Workspace, tables_alone: Path, files_validated_alone: None
) -> None:
    """Its tables are, to the byte, those that passed every rule above."""
    result = audit(home, tables_alone)
    assert result.exit_code == 0, result.output
    assert "The folder has no manifest" in result.output


# --- what was changed


def test_a_changed_figure_is_named_and_the_manifest_differs_apart(home: Workspace, copy: Path) -> None:
    change(
        copy / "extract_annual.parquet",
        "update rows set value = value + 5, lower_bound = lower_bound + 5, upper_bound = upper_bound + 5 "
        "where rowid = (select min(rowid) from rows where org_level = 'region' and statistic = 'count' and value > 50)",
    )
    result = audit(home, copy)
    assert result.exit_code == 1
    assert "FAILED rounded_counts_match_source in extract_annual.parquet" in result.output
    assert "FAILED no_residual_disclosure in extract_annual.parquet" in result.output
    assert f"FAILED {COPIES_RULE} in iapt.duckdb" in result.output
    assert f"FAILED {COPIES_RULE} in csv" in result.output
    assert result.output.splitlines()[-1] == "Not as the manifest lists: extract_annual.parquet (changed)"


def test_bytes_that_differ_from_the_manifest_alone_are_listed_and_do_not_count(small_copy: Path) -> None:
    (small_copy / "README.md").write_text("Read me differently.", encoding="utf-8")
    (small_copy / "csv" / "dim_measure.csv").chmod(0o600)
    (small_copy / "data_docs" / "index.html").unlink()
    (small_copy / "data_docs" / "more.html").write_text("more", encoding="utf-8")
    found = verify(small_copy)
    assert found.report.passed
    assert set(found.manifest_differences) == {
        "README.md (changed)",
        "data_docs/index.html (missing)",
        "data_docs/more.html (not listed)",
    }


def test_a_manifest_that_lists_files_elsewhere_is_not_followed(small_copy: Path) -> None:
    manifest = json.loads((small_copy / "manifest.json").read_text("utf-8"))
    manifest["files"]["../elsewhere.txt"] = {"sha256": "0" * 64}
    (small_copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert verify(small_copy).manifest_differences == ("../elsewhere.txt (outside the folder)",)


@pytest.mark.parametrize("name", ["fct_monthly.parquet", "notes.txt", ".hidden"])
def test_a_file_too_many_is_named(home: Workspace, tables_alone: Path, files_validated_alone: None, name: str) -> None:
    shutil.copyfile(tables_alone / "dim_measure.parquet", tables_alone / name)
    result = audit(home, tables_alone)
    assert result.exit_code == 1
    assert f"FAILED {FILES_RULE} in {name}" in result.output


def test_a_folder_too_many_is_named(home: Workspace, tables_alone: Path, files_validated_alone: None) -> None:
    (tables_alone / "staging").mkdir()
    (tables_alone / "staging" / "true_values.csv").write_text("value\n3\n", encoding="utf-8")
    result = audit(home, tables_alone)
    assert result.exit_code == 1
    assert f"FAILED {FILES_RULE} in staging" in result.output


def test_a_table_that_is_missing_is_named(small_home: Workspace, small_copy: Path, files_validated_alone: None) -> None:
    (small_copy / "extract_quarterly.parquet").unlink()
    result = audit(small_home, small_copy)
    assert result.exit_code == 1
    assert f"FAILED {FILES_RULE} in extract_quarterly.parquet" in result.output
    assert "extract_quarterly.parquet (missing)" in result.output


def test_a_damaged_warehouse_is_said_in_a_sentence(small_home: Workspace, small_copy: Path) -> None:
    small_home.warehouse.write_bytes(b"no database")
    result = audit(small_home, small_copy)
    assert result.exit_code == 2
    assert "cannot be opened" in result.output
    assert "iapt refresh --rebuild" in result.output


DATABASE_CHANGES = {
    "update extract_annual set value = value + 1 where rowid = (select min(rowid) from extract_annual "
    "where value is not null)": "extract_annual has other rows",
    "delete from extract_monthly where rowid = 7": "extract_monthly has other rows",
    "insert into dim_measure from dim_measure limit 1": "dim_measure has other rows",
    "update dim_organisation set org_name = org_name || ' (3)' where rowid = 3": "dim_organisation has other rows",
    "update extract_annual set upper_bound = 3 where rowid in (select min(rowid) from extract_annual "
    "where value_status = 'suppressed' and upper_bound = 4)": "extract_annual has other rows",
    "alter table extract_quarterly add column true_value integer": "extract_quarterly has other columns",
    "drop table dim_period": "it lacks dim_period",
    "create table fct_annual as select 3 as value": "fct_annual does not belong in it",
    "create view true_values as select 3 as value": "true_values does not belong in it",
    "create schema staging; create table staging.extract_annual as select 3 as value": (
        "staging.extract_annual does not belong in it"
    ),
}


def _change_the_database(folder: Path, sql: str) -> None:
    with duckdb.connect(str(folder / "iapt.duckdb")) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("sql", DATABASE_CHANGES)
def test_a_database_that_differs_from_the_tables_is_named(small_copy: Path, sql: str) -> None:
    _change_the_database(small_copy, sql)
    assert list_differences(small_copy) == {"iapt.duckdb": DATABASE_CHANGES[sql]}


def _change_a_row(file: Path) -> None:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    published = next(place for place, line in enumerate(lines) if ',"published",' in line)
    lines[published] = lines[published].replace(',"published",', '3,"published",', 1)
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def _drop_a_row(file: Path) -> None:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        stream.write("\n".join(lines[:-1]) + "\n")


def _add_a_column(file: Path) -> None:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        stream.write("\n".join([f"{lines[0]},true_value", *(f"{line},3" for line in lines[1:])]) + "\n")


CSV_FILE = "extract_quarterly_2020-21-q3.csv.gz"
CSV_CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a row": (_change_a_row, f"{CSV_FILE} has other rows"),
    "a row less": (_drop_a_row, f"{CSV_FILE} has other rows"),
    "a column": (_add_a_column, f"{CSV_FILE} has other columns"),
    "no file": (Path.unlink, f"{CSV_FILE} is missing"),
    "another file": (
        lambda file: shutil.copyfile(file, file.with_name("true_values.csv.gz")),
        "true_values.csv.gz does not belong in it",
    ),
    "another folder": (
        lambda file: shutil.copytree(file.parents[1] / "data_docs", file.parent / "more"),
        "more/index.html does not belong in it",
    ),
}


@pytest.mark.parametrize("what", CSV_CHANGES)
def test_csv_files_that_differ_from_the_tables_are_named(small_copy: Path, what: str) -> None:
    make, difference = CSV_CHANGES[what]
    make(small_copy / "csv" / CSV_FILE)
    assert list_differences(small_copy) == {"csv": difference}


@pytest.mark.parametrize(
    ("make", "file"),
    [
        (lambda folder: _change_a_row(folder / "csv" / CSV_FILE), "csv"),
        (lambda folder: _change_the_database(folder, next(iter(DATABASE_CHANGES))), "iapt.duckdb"),
    ],
    ids=["csv", "database"],
)
def test_a_row_that_differs_in_a_copy_alone_is_a_failure_of_the_audit(
    small_copy: Path, small_home: Workspace, make: Callable[[Path], object], file: str
) -> None:
    assert audit(small_home, small_copy).exit_code == 0
    make(small_copy)
    result = audit(small_home, small_copy)
    assert result.exit_code == 1
    assert f"FAILED {COPIES_RULE} in {file}" in result.output


def test_copies_that_hold_the_rows_of_the_tables_are_sound(small_copy: Path) -> None:
    assert list_differences(small_copy) == {}
    assert verify(small_copy).manifest_differences == ()


def test_copies_that_cannot_be_read_have_not_passed(small_copy: Path) -> None:
    (small_copy / "iapt.duckdb").write_bytes(b"no database")
    assert list_differences(small_copy).keys() == {"iapt.duckdb"}


# --- what cannot be verified


def test_a_folder_without_tables_cannot_be_verified(home: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no tables here", encoding="utf-8")
    result = audit(home, tmp_path)
    assert result.exit_code == 2
    assert "expected at least one table of a release" in result.output


def test_a_folder_that_is_not_there_cannot_be_verified(home: Workspace, tmp_path: Path) -> None:
    assert audit(home, tmp_path / "nowhere").exit_code == 2


def test_a_home_without_a_warehouse_has_no_source(copy: Path, tmp_path: Path) -> None:
    result = audit(Workspace(tmp_path / "new home"), copy)
    assert result.exit_code == 2
    assert "warehouse.duckdb: not found" in result.output


def test_a_home_without_a_release_has_nothing_to_verify(tmp_path: Path) -> None:
    assert audit(Workspace(tmp_path)).exit_code == 2


def test_a_release_made_from_other_drops_has_another_source(home: Workspace, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    manifest["drops"] = manifest["drops"][1:]
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    result = audit(home, copy)
    assert result.exit_code == 2
    assert "Expected the same drops on both sides" in result.output


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_manifest_that_is_none_cannot_be_verified(home: Workspace, copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert audit(home, copy).exit_code == 2
