"""Validate a staged release, table by table, and say whether exactly these bytes may be released."""

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import duckdb

from expectations import data_docs as site
from expectations import engine
from expectations.outcomes import make_outcome, make_outcome_of_finding, run_rule
from expectations.period_validation import PeriodTable, PeriodValidator, read_parquet
from expectations.references import REFERENCES
from expectations.rules import Rule
from expectations.suites import SUITES
from expectations.suites.common_rules import COLUMNS_RULE
from iapt.checked_periods import PassedPeriod, PeriodMemory, digest, read_passed_periods, write_passed_periods
from iapt.contract import CONTRACTS, parquet_name
from iapt.duckdb_connections import make_duckdb_config
from iapt.files import compute_sha256
from iapt.release.parts import TABLES_IN_PARTS, StagedParts
from iapt.release.verified_parts import PartFile, copy_parts
from iapt.sql import sql_list
from iapt.validation import RuleOutcome, ValidationReport

Suites: TypeAlias = Mapping[str, Sequence[Rule]]

#: The engine, and the audit of two tables at a time.
WORKERS: Final = 3
#: What is remembered of parts whose every row was read.
READ_CHECK: Final = "read_parts"
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
    """The files of a staged folder with the sha256 of each, and why a file is not as the contract has it.

    `parts` are those of which a file is exactly the join, by the table and the period of each.
    """

    files: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, PartFile]] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the contract that can be read."""
        return tuple(table for table in CONTRACTS if parquet_name(table) not in self.faults)


class Auditor(Protocol):
    """Compares staged extracts with the source they were made from, and audits what they disclose."""

    def audit_folder(
        self, folder: Path, unreadable: Mapping[str, str], parts: Mapping[str, Mapping[str, str]]
    ) -> Iterator[RuleOutcome]:
        """Audit the extracts of a folder but for the unreadable tables, each with its reason.

        `parts` is the sha256 of the rows of each period of a table, where that is known.
        """


@dataclass(frozen=True)
class ReleaseMemory:
    """What a validation may rest on beside the staged files: the parts they are made of, and what passed before.

    `parts` lie in `parts_folder`. `spill` is where DuckDB puts what does not fit into memory.
    """

    parts: StagedParts
    parts_folder: Path
    periods: PeriodMemory
    spill: Path


def validate_release(
    staged: Path,
    data_docs: Path | None = None,
    *,
    auditor: Auditor | None = None,
    suites: Suites = SUITES,
    memory: ReleaseMemory | None = None,
) -> ValidationReport:
    """Validate every file of a staged folder by every rule; write Data Docs if a folder is given for them.

    An auditor compares the same bytes with their source; without one the report is about the rules alone, and such a
    report is not enough to publish.

    The rules are run on a private copy, and the sha256 of each file is that of the copy: the bytes that the report
    names are those that were validated, whatever becomes of the folder meanwhile. With a memory, a period is not
    validated again whose rows have passed before: those of a part with the same sha256, of which the file is the join.
    Tests of the validation itself give other suites than the project's own. Raises FileNotFoundError where there is no
    such folder.
    """
    with tempfile.TemporaryDirectory(prefix="validated_release_") as folder:
        copies = Path(folder) / "files"
        database = Path(folder) / "release.duckdb"  # views of the copies, and nothing else
        spill = memory.spill if memory else Path(folder) / "spill"
        config = make_duckdb_config(spill, workers=WORKERS)
        with duckdb.connect(database, config=config) as connection:
            release = _open_copies(staged, copies, connection, memory)
            columns = _check_columns(release, connection, suites)
            unreadable = _find_unreadable_tables(release, columns)
            runnable = _select_runnable_rules(suites, release, unreadable)
            by_period = _split_rules(runnable, is_decided_by_period=True)
            references = _open_references(connection, copies, release, unreadable)
            tables = {
                table: _open_periods(connection, table, copies, release.parts.get(table))
                for table in TABLES_IN_PARTS
                if table in release.tables and table not in unreadable
            }
        # The audit and the engine share nothing but the copies; neither keeps a second core busy.
        with ThreadPoolExecutor(max_workers=1) as executor:
            parts = {
                table: {period: part.sha256 for period, part in of_table.items()}
                for table, of_table in release.parts.items()
            }
            audit = executor.submit(lambda: tuple(auditor.audit_folder(copies, unreadable, parts)) if auditor else ())
            whole = engine.run(database, _split_rules(runnable, is_decided_by_period=False), config=config)
            every_rule_runs = by_period == _split_rules(suites, is_decided_by_period=True)
            periods = PeriodValidator(
                layer="release",
                suites=by_period,
                tables=tables,
                references=references,
                folder=Path(folder),
                spill=spill,
                workers=WORKERS,
                memory=memory.periods if memory and every_rule_runs else None,
            ).validate()
        runs = {
            table: engine.merge_runs(runnable[table], [runs[table] for runs in (whole, periods.runs) if table in runs])
            for table in runnable
            if runnable[table]
        }
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
    report = ValidationReport.from_outcomes(
        release.files,
        outcomes,
        periods_validated=periods.validated_now,
        periods_remembered=periods.validated_before,
    )
    if data_docs is not None:
        site.write(data_docs, report, runs)
    return report


def _open_copies(
    staged: Path, copies: Path, connection: duckdb.DuckDBPyConnection, memory: ReleaseMemory | None
) -> StagedRelease:
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
    parts = _copy_parts(copies, connection, memory, set(files) - set(faults)) if memory else {}
    for table in CONTRACTS:
        file = parquet_name(table)
        if file not in faults and (kind := _error_in_reading(connection, table, copies, is_read=table in parts)):
            faults[file] = f"it could not be read as Parquet ({kind})"
    return StagedRelease(files=files, faults=faults, parts=parts)


def _copy_parts(
    copies: Path, connection: duckdb.DuckDBPyConnection, memory: ReleaseMemory, files: Collection[str]
) -> dict[str, Mapping[str, PartFile]]:
    """Copy the parts of every table that is exactly the join of its parts, each read to its last row once.

    The parts of a table are left out where one cannot be read, or holds a row of another period than its own.
    """
    folder = copies.with_name("parts")
    folder.mkdir()
    known = read_passed_periods(memory.periods.folder, READ_CHECK)
    passed: dict[str, PassedPeriod] = {}
    parts: dict[str, Mapping[str, PartFile]] = {}
    for table in TABLES_IN_PARTS:
        if parquet_name(table) not in files:
            continue
        of_table = copy_parts(memory.parts, memory.parts_folder, table, copies / parquet_name(table), folder)
        as_read = {
            f"{table} {period}": PassedPeriod(key=digest([part.sha256, period, duckdb.__version__]))
            for period, part in of_table.items()
        }
        new = {
            str(part.path): period
            for period, part in of_table.items()
            if known.get(f"{table} {period}") != as_read[f"{table} {period}"]
        }
        if of_table and _hold_own_periods(connection, new):
            parts[table] = of_table
            passed |= as_read
    if passed != known:
        write_passed_periods(memory.periods.folder, READ_CHECK, passed)
    return parts


def _hold_own_periods(connection: duckdb.DuckDBPyConnection, periods: Mapping[str, str]) -> bool:
    """Read every column of every row of files, and return whether each holds rows of its own period and no other."""
    if not periods:
        return True
    try:
        rows = connection.execute(
            "select filename, period, count(columns(* exclude (filename, period))) "
            f"from read_parquet([{sql_list(periods)}], hive_partitioning = false, filename = true) "
            "group by filename, period"
        ).fetchall()
    except duckdb.Error:
        return False
    # Not sorted: a row may have no period.
    return len(rows) == len(periods) and {(file, period) for file, period, *_ in rows} == set(periods.items())


def _error_in_reading(connection: duckdb.DuckDBPyConnection, table: str, copies: Path, *, is_read: bool) -> str | None:
    """Open a view on a file and read every column of every row of it; return the kind of error, if any.

    Only the kind: the text of the error can quote the value that caused it. `is_read` is whether its rows were read.
    """
    try:
        _create_view(connection, table, copies)
        if not is_read:
            connection.execute(f"select count(columns(*)) from {table}")
    except duckdb.Error as error:
        return type(error).__name__
    return None


def _create_view(connection: duckdb.DuckDBPyConnection, table: str, copies: Path) -> None:
    """Create a view of a file, and not a table.

    A rule reads few columns, which DuckDB reads from Parquet sooner than it could write all of them to a
    database of its own.
    """
    connection.execute(f"create view {table} as select * from {read_parquet([copies / parquet_name(table)])}")


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


def _open_periods(
    connection: duckdb.DuckDBPyConnection, table: str, copies: Path, parts: Mapping[str, PartFile] | None
) -> PeriodTable:
    """Return a table by its periods: of its parts, if it has any, or of its file."""
    relation = read_parquet([copies / parquet_name(table)])
    grain = TABLES_IN_PARTS[table]
    if parts:
        return PeriodTable(
            name=table,
            grain=grain,
            relation=relation,
            rows={period: part.rows for period, part in parts.items()},
            files={period: part.path for period, part in parts.items()},
            identities={period: part.sha256 for period, part in parts.items()},
        )
    rows = dict(connection.execute(f"select period, count(*) from {relation} group by period").fetchall())
    return PeriodTable(table, grain, relation, rows)


def _open_references(
    connection: duckdb.DuckDBPyConnection, copies: Path, release: StagedRelease, unreadable: Mapping[str, str]
) -> dict[str, str]:
    """Return the relations of the tables that rules decided by period read beside those; not of one that lacks columns.

    A rule that reads a table that is left out ends in an error, unless it is skipped.
    """
    relations = {}
    for table, reference in REFERENCES["release"].items():
        if table in release.tables and table not in unreadable:
            relation = read_parquet([copies / parquet_name(table)])
            try:
                connection.execute(f"describe {reference.select(relation)}")
            except duckdb.Error:
                continue
            relations[table] = relation
    return relations


def _split_rules(suites: Suites, *, is_decided_by_period: bool) -> dict[str, list[Rule]]:
    """Return the rules that are decided by period, or those that are not; tables without any are left out."""
    split = {
        table: [rule for rule in rules if rule.is_decided_by_period is is_decided_by_period]
        for table, rules in suites.items()
    }
    return {table: rules for table, rules in split.items() if rules}


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
