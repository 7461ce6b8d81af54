"""Verify any folder that looks like a release: its tables, the copies of them, its report and its manifest.

Whether the tables may be released, and whether the bytes are those the manifest lists, are two questions with two
answers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb

from iapt.contract import CONTRACTS, parquet_name
from iapt.disclosure.auditor import Auditor
from iapt.release.copies import compare_csv_files, compare_database
from iapt.release.csv_files import CSV_FOLDER
from iapt.release.database import DATABASE
from iapt.release.datapackage import DATA_PACKAGE
from iapt.release.dictionary import DICTIONARY_DATA, DICTIONARY_PAGE
from iapt.release.manifest_comparison import compare_with_manifest
from iapt.release.publish import REPORT_FOLDER
from iapt.release.workspace_audit import NotVerifiableError
from iapt.validation import Result, RuleOutcome, ValidationReport
from iapt.workspace_state import MANIFEST

COPIES_RULE: Final = "copies_match_tables"
COPIES_RULE_DESCRIPTION: Final = (
    f"{DATABASE} and the files in {CSV_FOLDER}/ hold the rows of the Parquet tables, all and no other, and no other "
    "table. "
    "Source: what BI tools read is what was validated."
)
REPORT_RULE: Final = "report_matches_tables"
REPORT_RULE_DESCRIPTION: Final = (
    f"The pages and data files in {REPORT_FOLDER}/ are those that the tables make. Source: what people read is "
    "what was validated."
)
#: How a report is compared with the tables in its folder, given the folder's manifest: yields what differs.
CompareReport: TypeAlias = Callable[[Path, Mapping[str, Any] | None], Iterable[str]]
#: How a folder of tables is validated beside their source; given, since the rules stand on this package.
ValidateTables: TypeAlias = Callable[[Path, Auditor], ValidationReport]
#: What stands in a release apart from its tables; anything else is validated as a file that does not belong.
_OTHER_CONTENTS: Final = frozenset(
    {
        *(MANIFEST, DATABASE, CSV_FOLDER, DATA_PACKAGE, DICTIONARY_DATA, DICTIONARY_PAGE, REPORT_FOLDER),
        *("README.md", "data_docs"),
    }
)


@dataclass(frozen=True)
class FolderVerification:
    """The validation report of a folder, and apart from it which files differ from the folder's own manifest."""

    report: ValidationReport
    has_manifest: bool
    manifest_differences: tuple[str, ...]


def verify_folder(
    folder: Path,
    auditor: Auditor,
    warehouse_drops: frozenset[str],
    validate_tables: ValidateTables,
    compare_report: CompareReport,
) -> FolderVerification:
    """Validate the tables of a folder by every rule and against their source; compare copies, report and manifest.

    `validate_tables` runs the rules; `warehouse_drops` are the drops the auditor's warehouse was built from.
    Raises NotVerifiableError.
    """
    if not any((folder / parquet_name(table)).is_file() for table in CONTRACTS):
        raise NotVerifiableError(
            f"{folder}: expected at least one table of a release, such as {parquet_name(next(iter(CONTRACTS)))}; "
            "found none."
        )
    manifest = _read_manifest(folder)
    _reject_another_source(folder, manifest, warehouse_drops)
    with tempfile.TemporaryDirectory(prefix="verified_release_") as temp_folder:
        tables = Path(temp_folder) / "tables"
        tables.mkdir()
        for path in sorted(folder.iterdir()):
            if path.name not in _OTHER_CONTENTS:
                (tables / path.name).mkdir() if path.is_dir() else shutil.copyfile(path, tables / path.name)
        validated = validate_tables(tables, auditor)
        copies: tuple[tuple[str, str, str, Callable[[Path], Iterable[str]]], ...] = (
            (COPIES_RULE, COPIES_RULE_DESCRIPTION, DATABASE, lambda copy: compare_database(copy, tables)),
            (COPIES_RULE, COPIES_RULE_DESCRIPTION, CSV_FOLDER, lambda copy: compare_csv_files(copy, tables)),
            (REPORT_RULE, REPORT_RULE_DESCRIPTION, REPORT_FOLDER, lambda copy: compare_report(copy, manifest)),
        )
        compared = [
            _compare_copy(rule, description, folder / name, compare)
            for rule, description, name, compare in copies
            if (folder / name).exists()
        ]
        report = ValidationReport.from_outcomes(validated.files, (*validated.outcomes, *compared))
    return FolderVerification(report, manifest is not None, tuple(compare_with_manifest(folder, manifest or {})))


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotVerifiableError(
            f"{path}: expected JSON; {error}. Take the file away to verify the tables alone."
        ) from error
    if not isinstance(manifest, dict):
        raise NotVerifiableError(f"{path}: expected an object; found a {type(manifest).__name__}.")
    return manifest


def _reject_another_source(folder: Path, manifest: dict[str, Any] | None, warehouse_drops: frozenset[str]) -> None:
    if manifest is None or not isinstance(manifest.get("drops"), list):
        return
    drops = frozenset(str(drop.get("sha256")) for drop in manifest["drops"] if isinstance(drop, dict))
    if drops != warehouse_drops:
        raise NotVerifiableError(
            f"{folder}: made from {len(drops)} drops; the warehouse at hand from {len(warehouse_drops)}, "
            f"{len(drops & warehouse_drops)} of them the same. Expected the same drops on both sides: refresh a home "
            "from the release's own drops and name it with --home."
        )


def _compare_copy(rule: str, description: str, copy: Path, compare: Callable[[Path], Iterable[str]]) -> RuleOutcome:
    """Compare a copy of the tables with them; one that cannot be compared is an error."""
    result: Result
    try:
        differences = list(compare(copy))
        result, message = "failed" if differences else "passed", "; ".join(differences)
    except (duckdb.Error, OSError) as error:
        result, message = "error", f"it could not be compared ({type(error).__name__})"
    return RuleOutcome(
        rule=rule, table="", file=copy.name, description=description, result=result, message=message, subject="copies"
    )
