"""Run the rules that are decided by period, in batches of periods, and remember which periods passed them.

A period is one of all tables of its grain: where anything that its rules read has changed, they are all asked of it
again. How many rows are validated together is bounded, so memory does not grow with history.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb

from expectations import engine
from expectations.references import REFERENCES, Reference
from expectations.rules import Rule
from iapt.checked_periods import PassedPeriod, PeriodMemory, digest, read_passed_periods, write_passed_periods
from iapt.contract import TABLES, Grain, Layer
from iapt.duckdb_connections import make_duckdb_config
from iapt.input_fingerprint import digest_files
from iapt.period_batches import batch_by_size
from iapt.sql import sql_list
from iapt.workspace import PROJECT_ROOT

#: So many rows are validated together, or those of one period.
MAX_ROWS_IN_BATCH: Final = 3_000_000
#: What decides a result besides the rules and the rows.
CODE_PATTERNS: Final = ("expectations/*.py", "iapt/checked_periods.py", "iapt/contract.json")
_ENGINES: Final = ("duckdb", "great_expectations")

#: The label of a period; None is that of rows without one.
Label: TypeAlias = str | None


@dataclass(frozen=True)
class PeriodTable:
    """A table whose rows are of periods of one grain: how SQL reads them, and how many there are of each.

    `files` are the parts that hold the rows of one period each, where there are any; else the rows are looked for in
    `relation`. The same `identities` of a period are proof of the same rows.
    """

    name: str
    grain: Grain
    relation: str
    rows: Mapping[Label, int]
    files: Mapping[str, Path] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)

    def select(self, periods: Collection[Label]) -> str:
        """Return the SQL of the rows of some periods."""
        own = sorted(period for period in periods if period in self.rows and period is not None)
        if self.files and own:
            return f"select * from {read_parquet(self.files[period] for period in own)}"
        conditions = [f"period in ({sql_list(own)})"] if own else []
        conditions += ["period is null"] if None in periods else []
        return f"select * from {self.relation} where {' or '.join(conditions) or 'false'}"


def read_parquet(files: Iterator[Path] | Collection[Path]) -> str:
    """Return the SQL that reads files as one table, whatever they are called."""
    return f"read_parquet([{sql_list(files)}], hive_partitioning = false)"


@dataclass(frozen=True)
class PeriodValidation:
    """The runs of the rules, by table, and how many periods were validated now and how many before."""

    runs: Mapping[str, engine.TableRun]
    validated_now: int = 0
    validated_before: int = 0


@dataclass(frozen=True)
class PeriodValidator:
    """The rules of a layer that are decided by period, and the tables that they are asked of.

    `references` are the relations that hold the tables that are not in periods, by the names that rules give them;
    `statements` let a connection find them. `folder` is where databases of views are made.
    """

    layer: Layer
    suites: Mapping[str, Sequence[Rule]]
    tables: Mapping[str, PeriodTable]
    references: Mapping[str, str]
    folder: Path
    statements: Sequence[str] = ()
    spill: Path | None = None
    workers: int = 1
    memory: PeriodMemory | None = None

    def validate(self) -> PeriodValidation:
        """Run every rule on every period that is not remembered, and remember those that passed."""
        remembered = read_passed_periods(self.memory.folder, self._check) if self.memory else {}
        sizes = self._measure_periods()
        with self._connect() as connection:
            known = self._find_unchanged(connection, remembered) if remembered else {}
        due = {period: rows for period, rows in sizes.items() if _name(*period) not in known}
        runs: dict[str, list[engine.TableRun]] = {table: [] for table in self.suites}
        passed = dict(known)
        for number, batch in enumerate(batch_by_size(due, MAX_ROWS_IN_BATCH)):
            database = self.folder / f"{self.layer}_batch_{number}.duckdb"
            with self._connect(database) as connection:
                found = self.create_tables(connection, batch)
            batch_runs = engine.run(
                database,
                {table: rules for table, rules in self.suites.items() if self._has_rows(table, batch)},
                config=self._config,
                statements=self.statements,
            )
            database.unlink()
            for table, run in batch_runs.items():
                runs[table].append(run)
            if all(finding.result == "passed" for run in batch_runs.values() for finding in run.findings):
                passed |= found
        if self.memory and passed != remembered:
            write_passed_periods(self.memory.folder, self._check, passed)
        return PeriodValidation(
            {table: engine.merge_runs(rules, runs[table]) for table, rules in self.suites.items() if rules},
            validated_now=len(due),
            validated_before=len(known),
        )

    @property
    def _check(self) -> str:
        return f"rules_of_{self.layer}"

    @property
    def _config(self) -> dict[str, Any]:
        return make_duckdb_config(self.spill or self.folder / "spill", workers=self.workers)

    def _connect(self, database: Path | None = None) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(database or ":memory:"), config=self._config)
        for statement in self.statements:
            connection.execute(statement)
        return connection

    def _measure_periods(self) -> dict[tuple[Grain, Label], int]:
        sizes: dict[tuple[Grain, Label], int] = {}
        for table in self.tables.values():
            for period, rows in table.rows.items():
                sizes[table.grain, period] = sizes.get((table.grain, period), 0) + rows
        return dict(sorted(sizes.items(), key=lambda size: (size[0][0], size[0][1] or "")))

    def _has_rows(self, table: str, batch: Collection[tuple[Grain, Label]]) -> bool:
        return any((self.tables[table].grain, period) in batch for period in self.tables[table].rows)

    def create_tables(
        self, connection: duckdb.DuckDBPyConnection, batch: Sequence[tuple[Grain, Label]]
    ) -> dict[str, PassedPeriod]:
        """Create what rules read of some periods, and return what these are remembered as if they pass."""
        for table in self.tables.values():
            periods = [period for grain, period in batch if grain == table.grain]
            connection.execute(f"create view {table.name} as {table.select(periods)}")
        looked_up = self._look_up(connection, batch)
        for name, reference in REFERENCES[self.layer].items():
            if name in self.references:
                keys = sorted({key for by_table in looked_up.values() for key in by_table.get(name, ())})
                if "." in name:
                    connection.execute(f"create schema if not exists {name.partition('.')[0]}")
                connection.execute(
                    f"create table {name} as {reference.select(self.references[name])} where {reference.common}"
                    + (f" or {reference.key} in ({sql_list(keys)})" if keys else "")
                )
        passed = {}
        for grain, period in batch:
            key = self._make_key(grain, period)
            if key and period is not None:
                passed[_name(grain, period)] = PassedPeriod(key=key, looked_up=looked_up.get((grain, period), {}))
        digests = self._digest_references(connection, passed)
        return {name: period.model_copy(update={"references": digests[name]}) for name, period in passed.items()}

    def _look_up(
        self, connection: duckdb.DuckDBPyConnection, batch: Sequence[tuple[Grain, Label]]
    ) -> dict[tuple[Grain, Label], dict[str, list[str]]]:
        """Return by which values the rows of each period look up rows of each reference."""
        looked_up: dict[tuple[Grain, Label], dict[str, set[str]]] = {period: {} for period in batch}
        for table in self.tables.values():
            if not self._has_rows(table.name, batch):
                continue
            columns = _find_look_ups(self.layer, table.name)
            lists = ", ".join(f"list(distinct {column}) as {column}" for column in columns)
            rows = connection.execute(f"select period, {lists} from {table.name} group by period").fetchall()
            for period, *values in rows:
                of_column = dict(zip(columns, values, strict=True))
                of_period = looked_up.setdefault((table.grain, period), {})
                for name, reference in REFERENCES[self.layer].items():
                    for column in reference.looked_up:
                        of_period.setdefault(name, set()).update(map(str, of_column.get(column) or ()))
        return {
            period: {name: sorted(values) for name, values in names.items() if values}
            for period, names in looked_up.items()
        }

    def _find_unchanged(
        self, connection: duckdb.DuckDBPyConnection, remembered: Mapping[str, PassedPeriod]
    ) -> dict[str, PassedPeriod]:
        """Return the periods that are remembered as they are now."""
        keys = {
            _name(grain, period): self._make_key(grain, period)
            for grain, period in self._measure_periods()
            if period is not None
        }
        same = {name: passed for name, passed in remembered.items() if keys.get(name) == passed.key}
        digests = self._digest_references(connection, same)
        return {name: passed for name, passed in same.items() if passed.references == digests[name]}

    def _digest_references(
        self, connection: duckdb.DuckDBPyConnection, passed: Mapping[str, PassedPeriod]
    ) -> dict[str, dict[str, str]]:
        """Return a digest of the rows that each period reads of each reference."""
        digests: dict[str, dict[str, str]] = {name: {} for name in passed}
        for table, reference in REFERENCES[self.layer].items():
            if table not in self.references:
                continue
            common, by_key = _read_reference(connection, reference, self.references[table])
            for name, period in passed.items():
                rows = [row for key in period.looked_up.get(table, ()) for row in by_key.get(key, ())]
                digests[name][table] = digest([common, sorted(rows)])
        return digests

    def _make_key(self, grain: Grain, period: Label) -> str:
        """Return a digest of the rows of a period and of the rules; empty where nothing proves which rows they are."""
        identities = {
            table.name: table.identities.get(period or "", "")
            for table in self.tables.values()
            if table.grain == grain and period in table.rows
        }
        if self.memory is None or not all(identities.values()):
            return ""
        return digest([self.memory.basis, identities, self._rules_digest])

    @property
    def _rules_digest(self) -> str:
        rules = [(rule.name, rule.table, rule.query, rule.severity) for of in self.suites.values() for rule in of]
        references = {name: repr(REFERENCES[self.layer][name]) for name in self.references}
        return digest([rules, references, _digest_code()])


def _name(grain: Grain, period: Label) -> str:
    return f"{grain} {period}"


def _find_look_ups(layer: Layer, table: str) -> list[str]:
    """Return the columns of a table by which its rows look up rows of any reference."""
    columns = {column for reference in REFERENCES[layer].values() for column in reference.looked_up}
    return [column for column in TABLES[table].types if column in columns]


def _read_reference(
    connection: duckdb.DuckDBPyConnection, reference: Reference, source: str
) -> tuple[list[str], dict[str, list[str]]]:
    """Return the rows of a reference that are read for every period, and the others by what looks them up."""
    key = reference.key or "null"
    rows = connection.execute(f"select {reference.common}, {key}, * from ({reference.select(source)})").fetchall()
    common: list[str] = []
    by_key: dict[str, list[str]] = {}
    for is_common, value, *row in rows:
        if is_common:
            common.append(repr(row))
        else:
            by_key.setdefault(str(value), []).append(repr(row))
    return sorted(common), by_key


@cache
def _digest_code() -> str:
    """Return a digest of what decides a result besides the rules and the rows."""
    return digest([digest_files(PROJECT_ROOT, CODE_PATTERNS), [version(engine) for engine in _ENGINES]])
