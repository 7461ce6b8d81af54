"""Validate the facts of a warehouse where they are, by period. The warehouse is only read."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from expectations.outcomes import make_outcome_of_finding
from expectations.period_validation import PeriodTable, PeriodValidator
from expectations.references import REFERENCES
from expectations.rules import Rule
from expectations.suites.marts import APPLIES, SCHEMA, STORED_WITHOUT_VALUE, SUITES
from iapt.checked_periods import PeriodMemory
from iapt.contract import FACT_GRAINS
from iapt.duckdb_connections import open_duckdb
from iapt.period_builds import read_period_builds
from iapt.sql import quote_literal
from iapt.validation import RuleOutcome


@dataclass(frozen=True)
class MartValidation:
    """The outcome of every rule, and how many periods were validated now and how many before."""

    outcomes: tuple[RuleOutcome, ...]
    validated_now: int
    validated_before: int


def validate_marts(
    warehouse: Path,
    *,
    suites: Mapping[str, Sequence[Rule]] = SUITES,
    memory: PeriodMemory | None = None,
    spill: Path | None = None,
) -> MartValidation:
    """Return the outcome of every rule on the facts of a warehouse that nobody else has open for writing.

    A period is remembered as passed under the build in which its rows were made last. Tests of the validation itself
    give other suites than the project's own. Raises duckdb.Error where a fact is not there.
    """
    if by_table := [rule.name for rules in suites.values() for rule in rules if not rule.is_decided_by_period]:
        raise ValueError(f"expected rules of the marts that are decided by period; found {', '.join(by_table)}")
    with tempfile.TemporaryDirectory(prefix="validated_marts_") as folder:
        # The views of the warehouse name their catalogue, which DuckDB takes from the file's name.
        attach = f"attach if not exists {quote_literal(warehouse)} as {warehouse.stem} (read_only)"
        with open_duckdb(spill=Path(folder) / "spill") as connection:
            connection.execute(attach)
            tables = {table: _open_fact(connection, warehouse.stem, table) for table in suites}
        validation = PeriodValidator(
            layer="marts",
            suites=suites,
            tables=tables,
            references={
                name: f"{warehouse.stem}.{name if '.' in name else f'{SCHEMA}.{name}'}" for name in REFERENCES["marts"]
            },
            folder=Path(folder),
            statements=(attach,),
            spill=spill,
            memory=memory,
        ).validate()
    return MartValidation(
        tuple(make_outcome_of_finding(finding) for run in validation.runs.values() for finding in run.findings),
        validation.validated_now,
        validation.validated_before,
    )


def _open_fact(connection: duckdb.DuckDBPyConnection, catalogue: str, table: str) -> PeriodTable:
    """Return a fact by its periods, with the builds of the warehouse that made them."""
    relation, grain = f"{catalogue}.{SCHEMA}.{table}", FACT_GRAINS[table]
    asked = "true" if "not_applicable" in STORED_WITHOUT_VALUE[table] else f"{APPLIES} or value_status is null"
    rows = connection.execute(f"select period, count(*) from {relation} where {asked} group by period").fetchall()
    builds = read_period_builds(connection, catalogue, table, grain)
    return PeriodTable(table, grain, relation, dict(rows), identities=builds)
