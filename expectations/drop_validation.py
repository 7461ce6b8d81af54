"""Validate what was read from each drop, once, and store the result under the sha256 of the drop.

A result is valid for as long as the drop is read and validated in the same way, so a refresh validates new drops only.
A rule is run on all of them together; its violations are then counted drop by drop.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from expectations import engine, observations, rules
from expectations.outcomes import NO_ROW_BREAKS_IT, describe_check_error, fetch_examples, make_outcome
from expectations.rules import Rule
from expectations.suites import calendar, common_rules, drops, value_rules
from iapt import contract
from iapt.files import write_json_atomically
from iapt.sql import quote_literal
from iapt.validation import EXAMPLES_SHOWN, Example, RuleOutcome, ValidationReport

#: What decides a validation, besides the drop and how it was read: a change in any of them judges every drop again.
CODE: Final = (calendar, common_rules, contract, drops, engine, observations, rules, value_rules)
SUITES: Final = drops.SUITES


@dataclass(frozen=True)
class DropToValidate:
    """What was read from a drop: its name and sha256, its observations, and a digest of how they were read."""

    sha256: str
    file: str
    observations: Path
    reading: str

    @property
    def label(self) -> str:
        """What a drop is called in an outcome: two drops may have one name."""
        return f"{self.file} ({self.sha256[:12]})"


@dataclass(frozen=True)
class DropValidation:
    """What came of every rule on one drop, and under which reading and suites."""

    drop: DropToValidate
    validation_key: str
    outcomes: tuple[RuleOutcome, ...]

    @property
    def is_final(self) -> bool:
        """Whether every rule was kept or broken: what ended in an error is judged again."""
        return all(outcome.result in ("passed", "failed") for outcome in self.outcomes)


class DropValidationCache:
    """The folder of verdicts: one small file a drop, with the keys of rows that break a rule and no figure."""

    def __init__(self, folder: Path) -> None:
        """The verdicts in `folder`, made when the first is kept."""
        self.folder = folder

    def of(
        self, drop: DropToValidate, validation_key: str, suites: Mapping[str, Sequence[Rule]]
    ) -> DropValidation | None:
        """The validation on a drop, if it was judged under these suites."""
        path = self._path_of(drop)
        record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if record.get("validation_key") != validation_key:
            return None
        return DropValidation(drop, validation_key, tuple(_outcomes_in(record, drop, suites)))

    def keep(self, validation: DropValidation) -> None:
        """Keep a validation, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json_atomically(self._path_of(validation.drop), _record_of(validation))

    def _path_of(self, drop: DropToValidate) -> Path:
        return self.folder / f"{drop.sha256}.json"


def _record_of(validation: DropValidation) -> dict[str, Any]:
    broken = [outcome for outcome in validation.outcomes if outcome.result == "failed"]
    return {
        "drop_sha256": validation.drop.sha256,
        "file": validation.drop.file,
        "validation_key": validation.validation_key,
        "rules": len(validation.outcomes),
        "broken": {
            outcome.rule: {
                "violations": outcome.violations,
                "examples": [dict(example) for example in outcome.examples],
            }
            for outcome in broken
        },
    }


def _outcomes_in(
    record: Mapping[str, Any], drop: DropToValidate, suites: Mapping[str, Sequence[Rule]]
) -> Iterator[RuleOutcome]:
    for rule in _rules_of(suites):
        found = record["broken"].get(rule.name)
        if found is None:
            yield _outcome(rule, drop, 0, ())
        else:
            yield _outcome(rule, drop, found["violations"], tuple(found["examples"]))


@dataclass(frozen=True)
class DropValidationResult:
    """The verdicts on the drops that were asked for, in that order, and what was judged now."""

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
    wanted: Sequence[DropToValidate],
    kept: DropValidationCache,
    seeds: Path,
    *,
    suites: Mapping[str, Sequence[Rule]] = SUITES,
) -> DropValidationResult:
    """Return the validation on every drop wanted: the kept one where there is one, else by judging it now, and keep it.

    `seeds` is the folder of the reviewed measures. Other suites than the project's own are for tests of the gate.
    """
    suite = _digest_of_suite(seeds, suites)
    found: dict[str, DropValidation] = {}
    unjudged = []
    for drop in wanted:
        validation = kept.of(drop, _validation_key(suite, drop), suites)
        if validation is None:
            unjudged.append(drop)
        else:
            found[drop.sha256] = validation
    if unjudged:
        outcomes = _judge(unjudged, seeds, suites)
        for drop in unjudged:
            validation = DropValidation(drop, _validation_key(suite, drop), tuple(outcomes[drop.sha256]))
            if validation.is_final:
                kept.keep(validation)
            found[drop.sha256] = validation
    return DropValidationResult(
        tuple(found[drop.sha256] for drop in wanted), frozenset(drop.sha256 for drop in unjudged)
    )


def _digest_of_suite(seeds: Path, suites: Mapping[str, Sequence[Rule]]) -> str:
    whole = hashlib.sha256()
    for path in (*(Path(str(module.__file__)) for module in CODE), *(seeds / seed for seed in observations.SEEDS)):
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    whole.update(repr([(rule.name, rule.query, rule.severity) for rule in _rules_of(suites)]).encode())
    return whole.hexdigest()


def _validation_key(suite: str, drop: DropToValidate) -> str:
    return hashlib.sha256(f"{suite} {drop.reading}".encode()).hexdigest()


def _rules_of(suites: Mapping[str, Sequence[Rule]]) -> Iterator[Rule]:
    return (rule for of_table in suites.values() for rule in of_table)


Outcomes = dict[str, list[RuleOutcome]]


def _judge(unjudged: Sequence[DropToValidate], seeds: Path, suites: Mapping[str, Sequence[Rule]]) -> Outcomes:
    """Run every rule on all the drops at once, in a database of their own, and say what came of it for each."""
    files = [drop.observations for drop in unjudged]
    with tempfile.TemporaryDirectory(prefix="judged_drops_") as private:
        database = Path(private) / "drops.duckdb"
        try:
            with duckdb.connect(database) as connection:
                observations.load(connection, files, seeds)
        except duckdb.Error as error:
            return _nothing_is_known(unjudged, suites, type(error).__name__)
        runs = engine.run(database, suites)
        outcomes: Outcomes = {drop.sha256: [] for drop in unjudged}
        with duckdb.connect(database, read_only=True) as connection:
            for run in runs.values():
                for finding in run.findings:
                    for drop, outcome in zip(unjudged, _outcomes_of(finding, unjudged, connection), strict=True):
                        outcomes[drop.sha256].append(outcome)
    return outcomes


def _nothing_is_known(unjudged: Sequence[DropToValidate], suites: Mapping[str, Sequence[Rule]], kind: str) -> Outcomes:
    return {
        drop.sha256: [_error(rule, drop, describe_check_error(kind)) for rule in _rules_of(suites)] for drop in unjudged
    }


def _outcomes_of(
    finding: engine.Finding, judged: Sequence[DropToValidate], connection: duckdb.DuckDBPyConnection
) -> list[RuleOutcome]:
    """Return what came of one rule for each of the drops judged, in their order."""
    rule = finding.rule
    if finding.answer == "kept":
        return [_outcome(rule, drop, 0, ()) for drop in judged]
    if finding.answer == "error":
        return [_error(rule, drop, describe_check_error(finding.error)) for drop in judged]
    try:
        violations = _violations_by_drop(rule, connection)
        places = {number: _places(judged[number], cells, connection) for number, (_, cells) in violations.items()}
    except duckdb.Error as error:
        return [_error(rule, drop, describe_check_error(type(error).__name__)) for drop in judged]
    if not violations:
        return [_error(rule, drop, NO_ROW_BREAKS_IT) for drop in judged]
    return [
        _outcome(rule, drop, violations.get(number, (0, ()))[0], places.get(number, ()))
        for number, drop in enumerate(judged)
    ]


def _violations_by_drop(rule: Rule, connection: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, Sequence[int]]]:
    """Return, for each drop that breaks a rule, how many rows do and the numbers of the first few cells."""
    found = connection.execute(
        f"""
        select drop_number, count(*), min(cell_number, {EXAMPLES_SHOWN})
        from ({rule.violations_in(rule.table)}) group by drop_number order by drop_number
        """
    )
    return {number: (violations, first_cells) for number, violations, first_cells in found.fetchall()}


def _places(drop: DropToValidate, cells: Sequence[int], connection: duckdb.DuckDBPyConnection) -> tuple[Example, ...]:
    """Return where cells of a drop stand in the publisher's file."""
    numbers = ", ".join(map(str, cells))
    return fetch_examples(
        connection.execute(
            f"""
            select {", ".join(observations.PLACE)}
            from read_parquet({quote_literal(drop.observations)}, hive_partitioning = false)
            where file_row_number in ({numbers}) order by all
            """
        )
    )


def _outcome(rule: Rule, drop: DropToValidate, violations: int, examples: tuple[Example, ...]) -> RuleOutcome:
    result = make_outcome(rule, "failed" if violations else "passed", violations=violations, examples=examples)
    return replace(result, file=drop.label)


def _error(rule: Rule, drop: DropToValidate, message: str) -> RuleOutcome:
    return replace(make_outcome(rule, "error", message=message), file=drop.label)
