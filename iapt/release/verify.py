"""Verify any folder that looks like a release: its tables, the copies of them, and its manifest.

Whether the tables may leave, and whether the bytes are those the manifest lists, are two questions with two answers.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from iapt.catalogue.disclosure_policy import Policy
from iapt.contract import CONTRACTS, EXTRACT_GRAINS, parquet_name
from iapt.disclosure.auditor import FACT_TABLES, MEASURES, Auditor
from iapt.disclosure.findings import write_findings
from iapt.disclosure.model import Rounding
from iapt.disclosure.period_audits import SourceTables
from iapt.files import compute_sha256
from iapt.release.csv_files import CSV_BY_PERIOD, CSV_FOLDER, format_csv_columns, name_csv_file
from iapt.release.datapackage import DATA_PACKAGE
from iapt.release.dictionary import DICTIONARY_DATA, DICTIONARY_PAGE
from iapt.release.publish import DATABASE, REPORT_FOLDER
from iapt.sql import quote_literal, sql_list
from iapt.validation import RuleOutcome, ValidationReport
from iapt.workspace import Workspace
from iapt.workspace_state import MANIFEST, BuildInputs

COPIES_RULE = "copies_match_tables"
COPIES_RULE_DESCRIPTION = (
    f"{DATABASE} and the files in {CSV_FOLDER}/ hold the rows of the Parquet tables, all and no other, and no other "
    "table. "
    "Source: what BI tools read is what was judged."
)
REPORT_RULE = "report_matches_tables"
REPORT_RULE_DESCRIPTION = (
    f"The pages and data files in {REPORT_FOLDER}/ are those that the tables make. Source: what people read is "
    "what was judged."
)
#: What a report shows that its tables do not make; told by whoever knows how reports are built.
FaultsOfReport = Callable[[Path, Mapping[str, Any] | None], Iterable[str]]
#: How a folder of tables is validated beside their source; given, since the rules stand on this package.
ValidateTables = Callable[[Path, Auditor], ValidationReport]
#: How the CSV files of a release are written. DuckDB would find it out again from every file, at most of the cost.
_AS_WRITTEN = "header = true, delim = ',', quote = '\"', escape = '\"'"
#: More characters than any header we write; no more is read of what may be any file.
_LONGEST_HEADER = 2**16
_NO_ROWS = (0, None)
#: What stands in a release beside its tables; anything else is judged as a file that does not belong.
_BESIDE_THE_TABLES = frozenset(
    {
        MANIFEST,
        DATABASE,
        CSV_FOLDER,
        DATA_PACKAGE,
        DICTIONARY_DATA,
        DICTIONARY_PAGE,
        REPORT_FOLDER,
        "README.md",
        "data_docs",
    }
)


class NotVerifiableError(Exception):
    """Raised where a folder cannot be judged: it holds no table of a release, or its source is not at hand."""


@dataclass(frozen=True)
class FolderVerification:
    """The validation report of a folder, and apart from it which files differ from the folder's own manifest."""

    report: ValidationReport
    has_manifest: bool
    not_as_listed: tuple[str, ...]


def open_auditor(home: Workspace) -> Auditor:
    """The auditor of extracts made from a home's warehouse, under the policy they were made with.

    Raises NotVerifiableError where the warehouse was built before it said under which policy.
    """
    built = BuildInputs.load(home.built)
    if not built.disclosure:
        raise NotVerifiableError(
            f"{home.built}: expected the disclosure policy; found none. Refresh this home once more."
        )
    policy = Policy.from_manifest(built.disclosure)
    rounding = Rounding(policy.suppress_counts_below, policy.round_counts_to)
    return Auditor(home.warehouse, home.audits, rounding, source_is_public=not home.is_restricted)


def write_period_findings(home: Workspace, period: str) -> tuple[Path, int]:
    """Write the findings about single cells of a period to the home's owner-only folder; the file and their number.

    Raises NotVerifiableError where the warehouse holds no figures of the period.
    """
    if not home.warehouse.is_file():
        raise NotVerifiableError(
            f"{home.warehouse}: not found. Findings are of a home that was refreshed from its drops."
        )
    auditor = open_auditor(home)
    for table, grain in EXTRACT_GRAINS.items():
        with auditor.connect(None, table) as connection:
            facts = f"select 1 from {FACT_TABLES[table]} where period = ? limit 1"
            if connection.execute(facts, [period]).fetchone():
                tables = SourceTables(FACT_TABLES[table], MEASURES, rounding=auditor.source_rounding)
                return write_findings(connection, grain, tables, period, home.audits / "findings")
    raise NotVerifiableError(
        f"{period}: the warehouse in {home.root} holds no figures of such a month, quarter or year."
    )


def verify_folder(
    folder: Path,
    auditor: Auditor,
    drops_at_hand: frozenset[str],
    validate_tables: ValidateTables,
    compare_report: FaultsOfReport,
) -> FolderVerification:
    """Judge the tables of a folder by every rule and beside their source; compare copies, report and manifest.

    `validate_tables` runs the rules; `drops_at_hand` are those the auditor's warehouse was built from.
    Raises NotVerifiableError.
    """
    if not any((folder / parquet_name(table)).is_file() for table in CONTRACTS):
        raise NotVerifiableError(
            f"{folder}: expected at least one table of a release, such as {parquet_name(next(iter(CONTRACTS)))}; "
            "found none."
        )
    manifest = _manifest_of(folder)
    _reject_another_source(folder, manifest, drops_at_hand)
    with tempfile.TemporaryDirectory(prefix="inspected_release_") as private:
        tables = Path(private) / "tables"
        tables.mkdir()
        for path in sorted(folder.iterdir()):
            if path.name not in _BESIDE_THE_TABLES:
                (tables / path.name).mkdir() if path.is_dir() else shutil.copyfile(path, tables / path.name)
        judged = validate_tables(tables, auditor)
        compared = (*_outcomes_of_copies(folder, tables), *_outcomes_of_report(folder, manifest, compare_report))
        report = ValidationReport.from_outcomes(judged.files, (*judged.outcomes, *compared))
    return FolderVerification(report, manifest is not None, tuple(_not_as_listed(folder, manifest or {})))


def _manifest_of(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotVerifiableError(
            f"{path}: expected JSON; {error}. Take the file away to judge the tables alone."
        ) from error
    if not isinstance(manifest, dict):
        raise NotVerifiableError(f"{path}: expected an object; found a {type(manifest).__name__}.")
    return manifest


def _reject_another_source(folder: Path, manifest: dict[str, Any] | None, drops_at_hand: frozenset[str]) -> None:
    if manifest is None or not isinstance(manifest.get("drops"), list):
        return
    named = frozenset(str(drop.get("sha256")) for drop in manifest["drops"] if isinstance(drop, dict))
    if named != drops_at_hand:
        raise NotVerifiableError(
            f"{folder}: made from {len(named)} drops; the warehouse at hand from {len(drops_at_hand)}, "
            f"{len(named & drops_at_hand)} of them the same. Expected the same drops on both sides: refresh a home "
            "from the release's own drops and name it with --home."
        )


def _outcomes_of_copies(folder: Path, tables: Path) -> Iterator[RuleOutcome]:
    """Compare iapt.duckdb and the CSV files, where a folder has them, with the tables."""
    for name, faults in ((DATABASE, _faults_of_database), (CSV_FOLDER, _faults_of_csv)):
        if not (folder / name).exists():
            continue
        try:
            found = list(faults(folder / name, tables))
            result, message = ("failed", "; ".join(found)) if found else ("passed", "")
        except (duckdb.Error, OSError) as error:
            result, message = "error", f"it could not be compared ({type(error).__name__})"
        yield RuleOutcome(
            rule=COPIES_RULE,
            table="",
            file=name,
            description=COPIES_RULE_DESCRIPTION,
            result=result,
            message=message,
            subject="copies",
        )


def _outcomes_of_report(
    folder: Path, manifest: dict[str, Any] | None, compare_report: FaultsOfReport
) -> Iterator[RuleOutcome]:
    """Compare the report, where a folder has one, with what its tables make."""
    if not (folder / REPORT_FOLDER).exists():
        return
    try:
        found = list(compare_report(folder / REPORT_FOLDER, manifest))
        result, message = ("failed", "; ".join(found)) if found else ("passed", "")
    except (duckdb.Error, OSError) as error:
        result, message = "error", f"it could not be compared ({type(error).__name__})"
    yield RuleOutcome(
        rule=REPORT_RULE,
        table="",
        file=REPORT_FOLDER,
        description=REPORT_RULE_DESCRIPTION,
        result=result,
        message=message,
        subject="copies",
    )


def _faults_of_database(database: Path, tables: Path) -> Iterator[str]:
    with duckdb.connect() as connection:
        connection.execute("pragma disable_optimizer")  # as of the CSV files
        connection.execute(f"attach {quote_literal(database)} as served (read_only)")
        present = {
            str(name)
            for (name,) in connection.execute(
                """
                select if(schema_name = 'main', table_name, schema_name || '.' || table_name)
                from duckdb_tables() where database_name = 'served'
                union
                select if(schema_name = 'main', view_name, schema_name || '.' || view_name)
                from duckdb_views() where database_name = 'served' and not internal
                """
            ).fetchall()
        }
        yield from (f"it lacks {table}" for table in CONTRACTS if table not in present)
        yield from (f"{table} does not belong in it" for table in sorted(present - CONTRACTS.keys()))
        for table in CONTRACTS:
            file = tables / parquet_name(table)
            if table in present and file.is_file():
                parquet = f"read_parquet({quote_literal(file)})"
                columns = [
                    connection.execute(f"describe select * from {relation}").fetchall()
                    for relation in (f"served.{table}", parquet)
                ]
                if [column[:2] for column in columns[0]] != [column[:2] for column in columns[1]]:
                    yield f"{table} has other columns"
                elif _digest(connection, f"served.{table}") != _digest(connection, parquet):
                    yield f"{table} has other rows"


def _faults_of_csv(folder: Path, tables: Path) -> Iterator[str]:
    with duckdb.connect() as connection:
        # Every column of every row is read, so there is no plan to better; to try takes longer than to read.
        connection.execute("pragma disable_optimizer")
        expected: set[str] = set()
        for table in CONTRACTS:
            file = tables / parquet_name(table)
            if not file.is_file():
                continue
            parquet = f"read_parquet({quote_literal(file)})"
            columns = connection.execute(f"describe select * from {parquet}").fetchall()
            rendered = format_csv_columns([(str(name), str(kind)) for name, kind, *_ in columns])
            names = [str(name) for name, *_ in columns]
            part = "period" if table in CSV_BY_PERIOD else "null"
            parts = _digests(connection, f"select {rendered} from {parquet}", names, part)
            if table in CSV_BY_PERIOD:
                wanted = {
                    name_csv_file(table, str(period)): digest for period, digest in parts.items() if period is not None
                }
            else:
                wanted = {name_csv_file(table): parts.get(None, _NO_ROWS)}
            expected |= wanted.keys()
            alike = []
            for name in wanted:
                if not (folder / name).is_file():
                    yield f"{name} is missing"
                elif _columns_of_csv(folder / name) != names:
                    yield f"{name} has other columns"
                else:
                    alike.append(name)
            found = _digests_of_csv(connection, [folder / name for name in alike], names)
            yield from (f"{name} has other rows" for name in alike if found.get(name, _NO_ROWS) != wanted[name])
        yield from (
            f"{path.relative_to(folder)} does not belong in it"
            for path in sorted(folder.rglob("*"))
            if path.is_file() and str(path.relative_to(folder)) not in expected
        )


def _columns_of_csv(file: Path) -> list[str]:
    """The header of a CSV file. DuckDB would read thousands of rows of every file to tell it; rows are read later."""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8", newline="") as lines:
            return next(csv.reader([lines.readline(_LONGEST_HEADER)]), [])
    except (EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise OSError(f"{file.name} has no header that can be read") from error


def _digests_of_csv(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], names: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    """The digest of the rows of each CSV file that has any, by its name; all have these columns."""
    if not files:
        return {}
    listed = sql_list(files)
    columns = ", ".join(f"'{name}': 'varchar'" for name in names)
    read = f"from read_csv([{listed}], auto_detect = false, columns = {{{columns}}}, filename = true, {_AS_WRITTEN})"
    return {Path(str(file)).name: digest for file, digest in _digests(connection, read, names, "filename").items()}


def _digests(
    connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str], part: str
) -> dict[object, tuple[Any, ...]]:
    """The rows of each part of a query in any order, as one number; an absent text and an empty one are the same."""
    cells = ", ".join(f"nullif(cast({name} as varchar), '')" for name in names)
    found = connection.execute(f"select {part}, count(*), sum(hash({cells})::hugeint) from ({rows}) group by all")
    return {of: tuple(digest) for of, *digest in found.fetchall()}


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[Any, ...]:
    """The rows of a relation in any order, as one number; to be compared with those of one of the same types."""
    found = connection.execute(f"select count(*), sum(hash(row)::hugeint) from {relation} as row").fetchone()
    assert found is not None
    return tuple(found)


def _not_as_listed(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    listed = manifest.get("files", {})
    for name, record in listed.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            yield f"{name} (outside the folder)"
        elif not path.is_file():
            yield f"{name} (missing)"
        elif compute_sha256(path) != record.get("sha256"):
            yield f"{name} (changed)"
    if listed:
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        yield from (f"{name} (not listed)" for name in sorted(present - listed.keys() - {MANIFEST}))
