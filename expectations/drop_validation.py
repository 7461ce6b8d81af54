"""Validate what was read from each drop, once, and store the result under the sha256 of the drop.

A result is valid for as long as the drop is read and validated in the same way, so a refresh validates new drops only.
A rule is run on a batch of them together; its violations are counted drop by drop. A batch has a bounded number of
rows, so memory does not grow with the number of drops.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb

from expectations import engine, observations, rules
from expectations.outcomes import make_outcome
from expectations.rules import Rule
from expectations.suites import calendar, common_rules, drops, value_rules
from iapt import contract
from iapt.duckdb_connections import open_duckdb
from iapt.files import write_json_atomically
from iapt.period_batches import batch_by_size
from iapt.sql import quote_literal
from iapt.validation import Example, Result, RuleOutcome, ValidationReport, describe_check_error, fetch_examples

Suites: TypeAlias = Mapping[str, Sequence[Rule]]
#: The outcomes of every rule on a drop, by the sha256 of the drop.
Outcomes: TypeAlias = dict[str, list[RuleOutcome]]

#: A change in any of these modules validates every drop again.
CODE: Final = (calendar, common_rules, contract, drops, engine, observations, rules, value_rules)
SUITES: Final = drops.SUITES
#: How many observations are validated together; a drop with more is a batch of its own.
ROWS_PER_BATCH: Final = 4_000_000


@dataclass(frozen=True)
class DropToValidate:
    """What was read from a drop: its name and sha256, its observations, and a digest of how they were read."""

    sha256: str
    file: str
    observations: Path
    reading: str

    @property
    def label(self) -> str:
        """How an outcome names the drop: two drops may have files of one name."""
        return f"{self.file} ({self.sha256[:12]})"


@dataclass(frozen=True)
class DropValidation:
    """The outcomes of every rule on one drop, and the key of the reading and suites that they are about."""

    drop: DropToValidate
    validation_key: str
    outcomes: tuple[RuleOutcome, ...]

    @property
    def is_final(self) -> bool:
        """Whether every rule passed or failed: a drop with an error is validated again."""
        return all(outcome.result in ("passed", "failed") for outcome in self.outcomes)


class DropValidationCache:
    """The folder of stored results: one small file a drop, with the keys of violating rows and no figure."""

    def __init__(self, folder: Path) -> None:
        """The results in `folder`, which is made when the first is stored."""
        self.folder = folder

    def load(self, drop: DropToValidate, validation_key: str, suites: Suites) -> DropValidation | None:
        """Return the stored result of a drop, if it has this key."""
        path = self._locate(drop)
        record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if record.get("validation_key") != validation_key:
            return None
        return DropValidation(drop, validation_key, tuple(_read_outcomes(record["failed"], drop, suites)))

    def store(self, validation: DropValidation) -> None:
        """Write the result of a drop, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json_atomically(self._locate(validation.drop), _to_record(validation))

    def _locate(self, drop: DropToValidate) -> Path:
        return self.folder / f"{drop.sha256}.json"


def _to_record(validation: DropValidation) -> dict[str, Any]:
    return {
        "drop_sha256": validation.drop.sha256,
        "file": validation.drop.file,
        "validation_key": validation.validation_key,
        "rules": len(validation.outcomes),
        "failed": {
            outcome.rule: {
                "violations": outcome.violations,
                "examples": [dict(example) for example in outcome.examples],
            }
            for outcome in validation.outcomes
            if outcome.result == "failed"
        },
    }


def _read_outcomes(failed: Mapping[str, Any], drop: DropToValidate, suites: Suites) -> Iterator[RuleOutcome]:
    for rule in _list_rules(suites):
        failure = failed.get(rule.name, {"violations": 0, "examples": ()})
        yield _make_outcome(rule, drop, failure["violations"], tuple(failure["examples"]))


@dataclass(frozen=True)
class DropValidationResult:
    """The validations of the drops that were asked for, in that order, and the sha256 of those validated now."""

    validations: tuple[DropValidation, ...]
    validated_now: frozenset[str]

    @property
    def report(self) -> ValidationReport:
        """One report of all the drops."""
        files = {validation.drop.label: validation.drop.sha256 for validation in self.validations}
        return ValidationReport.from_outcomes(
            files, (outcome for validation in self.validations for outcome in validation.outcomes)
        )


def validate_drops(
    requested: Sequence[DropToValidate],
    cache: DropValidationCache,
    seeds: Path,
    *,
    suites: Suites = SUITES,
    rows_per_batch: int = ROWS_PER_BATCH,
) -> DropValidationResult:
    """Return the validation of every requested drop: the stored one if there is one, else made now and stored.

    `seeds` is the folder of the reviewed measures. Tests of the validation itself give other suites than the project's.
    """
    suites_digest = _digest_suites(seeds, suites)
    keys = {drop.sha256: _make_validation_key(suites_digest, drop) for drop in requested}
    stored = {drop.sha256: cache.load(drop, keys[drop.sha256], suites) for drop in requested}
    validations = {sha256: validation for sha256, validation in stored.items() if validation is not None}
    new_drops = [drop for drop in requested if drop.sha256 not in validations]
    for batch in batch_by_size(_count_all_rows(new_drops), rows_per_batch):
        outcomes = _validate(batch, seeds, suites)
        for drop in batch:
            validation = DropValidation(drop, keys[drop.sha256], tuple(outcomes[drop.sha256]))
            if validation.is_final:
                cache.store(validation)
            validations[drop.sha256] = validation
    validated_now = frozenset(drop.sha256 for drop in new_drops)
    return DropValidationResult(tuple(validations[drop.sha256] for drop in requested), validated_now)


def _count_all_rows(drops: Sequence[DropToValidate]) -> dict[DropToValidate, int]:
    with open_duckdb(threads=1) as connection:
        return {drop: _count_rows(drop, connection) for drop in drops}


def _count_rows(drop: DropToValidate, connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many observations a drop has; 0 where its file cannot be read, as its validation then says."""
    try:
        query = f"select num_rows from parquet_file_metadata({quote_literal(drop.observations)})"
        return int(connection.execute(query).fetchall()[0][0])
    except duckdb.Error:
        return 0


def _digest_suites(seeds: Path, suites: Suites) -> str:
    digest = hashlib.sha256()
    code = (Path(str(module.__file__)) for module in CODE)
    sql = sorted((rules.SQL_FOLDER / "drops").glob("*.sql"))
    for path in (*code, *sql, *(seeds / seed for seed in observations.SEEDS)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(repr([(rule.name, rule.query, rule.severity) for rule in _list_rules(suites)]).encode())
    return digest.hexdigest()


def _make_validation_key(suites_digest: str, drop: DropToValidate) -> str:
    return hashlib.sha256(f"{suites_digest} {drop.reading}".encode()).hexdigest()


def _list_rules(suites: Suites) -> Iterator[Rule]:
    return (rule for rules_of_table in suites.values() for rule in rules_of_table)


def _validate(new_drops: Sequence[DropToValidate], seeds: Path, suites: Suites) -> Outcomes:
    """Run every rule on a batch of drops at once, in a database of their own, and return the outcomes by drop."""
    with tempfile.TemporaryDirectory(prefix="validated_drops_") as folder:
        database = Path(folder) / "drops.duckdb"
        try:
            with open_duckdb(database, spill=Path(folder) / "spill") as connection:
                observations.load(connection, [drop.observations for drop in new_drops], seeds)
        except duckdb.Error as error:
            return {drop.sha256: _make_errors(drop, suites, type(error).__name__) for drop in new_drops}
        runs = engine.run(database, suites)
    outcomes: Outcomes = {drop.sha256: [] for drop in new_drops}
    with open_duckdb() as connection:
        for finding in (finding for run in runs.values() for finding in run.findings):
            violations = {by_drop["drop_number"]: by_drop for by_drop in finding.violations.examples}
            for number, drop in enumerate(new_drops):
                outcomes[drop.sha256].append(_read_finding(finding, drop, violations.get(number), connection))
    return outcomes


def _make_errors(drop: DropToValidate, suites: Suites, kind: str) -> list[RuleOutcome]:
    return [_make_error(rule, drop, kind) for rule in _list_rules(suites)]


def _read_finding(
    finding: engine.Finding,
    drop: DropToValidate,
    violations: Mapping[str, Any] | None,
    connection: duckdb.DuckDBPyConnection,
) -> RuleOutcome:
    """Return the outcome of a rule on one drop; `violations` are those of the drop, if it has any."""
    if finding.result == "error":
        return _make_error(finding.rule, drop, finding.error)
    if violations is None:
        return _make_outcome(finding.rule, drop, 0, ())
    try:
        places = _find_places(drop, violations["cells"], connection)
    except duckdb.Error as error:
        return _make_error(finding.rule, drop, type(error).__name__)
    return _make_outcome(finding.rule, drop, violations["violations"], places)


def _find_places(
    drop: DropToValidate, cells: Sequence[int], connection: duckdb.DuckDBPyConnection
) -> tuple[Example, ...]:
    """Return where cells of a drop are in the publisher's file: its member, row and column."""
    return fetch_examples(
        connection.execute(
            f"""
            select {", ".join(observations.PLACE)}
            from read_parquet({quote_literal(drop.observations)}, hive_partitioning = false)
            where file_row_number in ({", ".join(map(str, cells))}) order by all
            """
        )
    )


def _make_outcome(rule: Rule, drop: DropToValidate, violations: int, examples: tuple[Example, ...]) -> RuleOutcome:
    result: Result = "failed" if violations else "passed"
    return replace(make_outcome(rule, result, violations=violations, examples=examples), file=drop.label)


def _make_error(rule: Rule, drop: DropToValidate, kind: str) -> RuleOutcome:
    return replace(make_outcome(rule, "error", message=describe_check_error(kind)), file=drop.label)
