"""Validate the facts and dimensions of a warehouse where they are. The warehouse is only read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from expectations import engine
from expectations.outcomes import make_outcome_of_finding
from expectations.rules import Rule
from expectations.suites.marts import SCHEMA, SUITES
from iapt.validation import RuleOutcome


def validate_marts(warehouse: Path, *, suites: Mapping[str, Sequence[Rule]] = SUITES) -> tuple[RuleOutcome, ...]:
    """Return the outcome of every rule on the marts of a warehouse that nobody else has open for writing.

    Tests of the validation itself give other suites than the project's own.
    """
    runs = engine.run(warehouse, suites, schema=SCHEMA)
    return tuple(make_outcome_of_finding(finding) for run in runs.values() for finding in run.findings)
