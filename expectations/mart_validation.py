"""The gate of the marts: judge the facts and dimensions of a warehouse where they stand. The warehouse is only read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from expectations import engine
from expectations.outcomes import make_outcome_of_finding
from expectations.rules import Rule
from expectations.suites.marts import SCHEMA, SUITES
from iapt.validation import RuleOutcome


def validate_marts(warehouse: Path, *, suites: Mapping[str, Sequence[Rule]] = SUITES) -> tuple[RuleOutcome, ...]:
    """Return what came of every rule on the marts of a warehouse that nobody else has open for writing.

    Other suites than the project's own are for tests of the gate.
    """
    runs = engine.run(warehouse, suites, schema=SCHEMA)
    with duckdb.connect(warehouse, read_only=True) as connection:
        connection.execute(f"use {SCHEMA}")
        return tuple(make_outcome_of_finding(finding, connection) for run in runs.values() for finding in run.findings)
