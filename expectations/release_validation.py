"""Validate a staged release, table by table, and say whether exactly these bytes may be released."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import duckdb

from expectations import data_docs as site
from expectations import engine
from expectations.outcomes import make_outcome, make_outcome_of_finding, run_rule
from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from iapt.contract import CONTRACTS, parquet_name
from iapt.files import compute_sha256
from iapt.sql import quote_literal
from iapt.threads import threads_per_worker
from iapt.validation import RuleOutcome, ValidationReport

Suites: TypeAlias = Mapping[str, Sequence[Rule]]

FILES_RULE: Final = "files_are_exactly_the_contract"
FILES_RULE_DESCRIPTION: Final = (
    f"The release is staged as {', '.join(map(parquet_name, CONTRACTS))}: each there, each readable to its last "
    "row, and nothing beside them. A file that no rule is about could hold anything. Source: the data contract of the "
    "release."
)
BYTES_RULE: Final = "bytes_are_unchanged_by_validation"
BYTES_RULE_DESCRIPTION: Final = (
    "The file has the same bytes after it was validated as before: a report is about the bytes it names. "
    "Source: publishing compares these bytes again."
)


@dataclass(frozen=True)
class StagedRelease:
    """The files of a staged folder with the sha256 of each, and why a file is not as the contract has it."""

    files: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the contract that can be read."""
        return tuple(table for table in CONTRACTS if parquet_name(table) not in self.faults)


class Auditor(Protocol):
    """Compares staged extracts with the source they were made from, and audits what they disclose."""

    def audit_folder(self, folder: Path, unreadable: Mapping[str, str]) -> Iterator[RuleOutcome]:
        """Audit the extracts of a folder but for the unreadable tables, each with its reason."""


def validate_release(
    staged: Path, data_docs: Path | None = None, *, auditor: Auditor | None = None, suites: Suites = SUITES
) -> ValidationReport:
    """Validate every file of a staged folder by every rule; write Data Docs if a folder is given for them.

    An auditor compares the same bytes with their source; without one the report is about the rules alone, and such a
    report is not enough to publish.

    The rules are run on a private copy, and the sha256 of each file is that of the copy: the bytes that the report
    names are those that were validated, whatever becomes of the folder meanwhile. Tests of the validation itself give
    other suites than the project's own. Raises FileNotFoundError where there is no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="validated_release_") as folder:
        copies = Path(folder) / "files"
        database = Path(folder) / "release.duckdb"  # views of the copies, and nothing else
        with duckdb.connect(database) as connection:
            release = _open_copies(staged, copies, connection)
            columns = _check_columns(release, connection, suites)
        unreadable = _find_unreadable_tables(release, columns)
        # The audit and the engine share nothing but the copies; neither keeps a second core busy.
        with ThreadPoolExecutor(max_workers=1) as executor:
            audit = executor.submit(lambda: tuple(auditor.audit_folder(copies, unreadable)) if auditor else ())
            runs = engine.run(
                database, _select_runnable_rules(suites, release, unreadable), threads=threads_per_worker(2)
            )
        outcomes = [
            *_outcomes_of_files(release),
            *(
                columns.get(rule) or _make_outcome(rule, runs, unreadable)
                for rules in suites.values()
                for rule in rules
            ),
            *audit.result(),
            *_outcomes_of_bytes(staged, release),
        ]
    report = ValidationReport.from_outcomes(release.files, outcomes)
    if data_docs is not None:
        site.write(data_docs, report, runs)
    return report


def _open_copies(staged: Path, copies: Path, connection: duckdb.DuckDBPyConnection) -> StagedRelease:
    """Copy the staged files, take the sha256 of each copy, and open a view on each that is expected."""
    # Every column of every row is read, so there is no plan to better; to try takes longer than to read.
    connection.execute("pragma disable_optimizer")
    copies.mkdir()
    files: dict[str, str] = {}
    faults = {parquet_name(table): "it is missing" for table in CONTRACTS}
    for path in sorted(staged.iterdir()):
        if not path.is_file():
            faults[path.name] = "it is not a file"
            continue
        if faults.pop(path.name, None) is None:
            faults[path.name] = "no such file belongs to a release"
        copy = Path(shutil.copyfile(path, copies / path.name))
        files[path.name] = compute_sha256(copy)
    for table in CONTRACTS:
        file = parquet_name(table)
        if file not in faults and (kind := _error_in_reading(connection, table, copies)):
            faults[file] = f"it could not be read as Parquet ({kind})"
    return StagedRelease(files=files, faults=faults)


def _error_in_reading(connection: duckdb.DuckDBPyConnection, table: str, copies: Path) -> str | None:
    """Open a view on a file and read every column of every row of it; return the kind of error, if any.

    Only the kind: the text of the error can quote the value that caused it.
    """
    try:
        _create_view(connection, table, copies)
        connection.execute(f"select count(columns(*)) from {table}")
    except duckdb.Error as error:
        return type(error).__name__
    return None


def _create_view(connection: duckdb.DuckDBPyConnection, table: str, copies: Path) -> None:
    """Create a view of a file, and not a table.

    A rule reads few columns, which DuckDB reads from Parquet sooner than it could write all of them to a
    database of its own.
    """
    location = quote_literal(copies / parquet_name(table))
    connection.execute(f"create view {table} as select * from read_parquet({location}, hive_partitioning = false)")


def _check_columns(
    release: StagedRelease, connection: duckdb.DuckDBPyConnection, suites: Suites
) -> dict[Rule, RuleOutcome]:
    """Return the outcome of the rule about its columns for every table: no other rule can be run before."""
    rules = (rule for table in release.tables for rule in suites.get(table, ()) if rule.name == COLUMNS_RULE)
    return {rule: run_rule(rule, connection) for rule in rules}


def _find_unreadable_tables(release: StagedRelease, columns: Mapping[Rule, RuleOutcome]) -> dict[str, str]:
    """Return every table on whose rows no rule can be run, and why."""
    unreadable = {table: release.faults[parquet_name(table)] for table in CONTRACTS if table not in release.tables}
    wrong = (rule.table for rule, outcome in columns.items() if outcome.result != "passed")
    return unreadable | dict.fromkeys(wrong, "its columns are not those of the contract")


def _select_runnable_rules(
    suites: Suites, release: StagedRelease, unreadable: Mapping[str, str]
) -> dict[str, list[Rule]]:
    """Return the rules on rows that read no unreadable table."""
    return {
        table: [
            rule for rule in suites[table] if rule.name != COLUMNS_RULE and unreadable.keys().isdisjoint(rule.tables)
        ]
        for table in suites
        if table in release.tables
    }


def _make_outcome(rule: Rule, runs: Mapping[str, engine.TableRun], unreadable: Mapping[str, str]) -> RuleOutcome:
    run = runs.get(rule.table)
    for finding in run.findings if run else ():
        if finding.rule == rule:
            return make_outcome_of_finding(finding)
    tables = (table for table in CONTRACTS if table in rule.tables & unreadable.keys())
    return make_outcome(
        rule, "skipped", message="; ".join(f"{parquet_name(table)}: {unreadable[table]}" for table in tables)
    )


def _outcomes_of_files(release: StagedRelease) -> Iterator[RuleOutcome]:
    expected = {parquet_name(table): table for table in CONTRACTS}
    for file in [*expected, *sorted(release.faults.keys() - expected.keys())]:
        fault = release.faults.get(file)
        yield RuleOutcome(
            rule=FILES_RULE,
            table=expected.get(file, ""),
            file=file,
            description=FILES_RULE_DESCRIPTION,
            result="failed" if fault else "passed",
            message=f"{file}: {fault}" if fault else "",
        )


def _outcomes_of_bytes(staged: Path, release: StagedRelease) -> Iterator[RuleOutcome]:
    present = {path.name: compute_sha256(path) if path.is_file() else "" for path in staged.iterdir()}
    for file in sorted(release.files.keys() | present.keys()):
        before, after = release.files.get(file, ""), present.get(file)
        change = "appeared" if file not in release.files else "vanished" if after is None else "changed"
        yield RuleOutcome(
            rule=BYTES_RULE,
            table=next((table for table in CONTRACTS if parquet_name(table) == file), ""),
            file=file,
            description=BYTES_RULE_DESCRIPTION,
            result="passed" if before == after else "error",
            message="" if before == after else f"{file} {change} while it was validated; stage it again",
        )
