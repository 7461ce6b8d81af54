"""The audit of one grain, period by period: only periods whose values or extract changed since they were last audited.

No constraint crosses a period (a quarter is not the sum of its months), so a period's audit depends on its own values
alone. Periods are audited in batches of a bounded number of values: memory does not grow with history.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import duckdb

from iapt.catalogue.relations import RELATIONS_FILE, Relations, load_relations
from iapt.contract import POPULATION, Grain
from iapt.disclosure.additivity_constraints import build_sums, measure_relations
from iapt.disclosure.disclosure_risk import RiskCount, classify_risk, count_source_disclosure_risk
from iapt.disclosure.model import (
    PUBLISHERS_ROUNDING,
    AuditError,
    Rounding,
    load_cells,
    load_formulas,
    load_values,
)
from iapt.disclosure.percentage_constraints import build_terms
from iapt.disclosure.propagation import propagate
from iapt.disclosure.residual_disclosure import ResidualDisclosure, find_residual_disclosures
from iapt.disclosure.working_tables import SQL_FOLDER, TABLES_FILE
from iapt.files import write_atomically
from iapt.sql import sql_list

#: More than every annual file there is, or a dozen national months: few statements, in less than 4 GB.
MAX_VALUES_IN_BATCH: Final = 3_000_000
_SOURCE_COLUMNS: Final = (*POPULATION, "parent_code", "measure", "statistic", "value", "value_status")
_EXTRACT_COLUMNS: Final = (*POPULATION, "measure", "statistic", "value", "lower_bound", "upper_bound")


@dataclass(frozen=True)
class Contradiction:
    """A declared relation that the values of a period contradict for a measure, and in how many of its sums."""

    relation: str
    measure: str
    sums: int
    contradicted: int


@dataclass(frozen=True)
class PeriodAudit:
    """What the audit of one period found: counts only, of no group that is named.

    `source_digest` and `extract_digest` say which rows were audited, and by which rules.
    """

    period: str
    source_digest: str
    extract_digest: str
    cells: int
    is_complete: bool
    groups: tuple[RiskCount, ...]
    residual_disclosures: tuple[ResidualDisclosure, ...]
    contradictions: tuple[Contradiction, ...]


@dataclass(frozen=True)
class GrainAudit:
    """The audits of every period of a grain, and which of them were made now."""

    grain: Grain
    periods: tuple[PeriodAudit, ...] = ()
    audited_now: tuple[str, ...] = ()

    @property
    def residual_disclosures(self) -> Counter[tuple[str, str]]:
        """How many cells the extract reveals more of than its source does, by measure and kind."""
        counted: Counter[tuple[str, str]] = Counter()
        for period in self.periods:
            counted.update({(found.measure, found.kind): found.cells for found in period.residual_disclosures})
        return counted


@dataclass(frozen=True)
class _Rows:
    """The rows of one period in a relation: a digest of them in any order, and their number."""

    digest: str = ""
    count: int = 0


class AuditCache:
    """A folder, for its owner only, of what audits found in each period. A record of other rows is not used."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made when the first record is stored."""
        self.folder = folder

    def get(self, grain: Grain, period: str, source_digest: str, extract_digest: str) -> PeriodAudit | None:
        """Return the audit of exactly these rows by this code; None where there is none."""
        path = self._path(grain, period)
        if not path.is_file():
            return None
        record = json.loads(path.read_text("utf-8"))
        # First the code: a record that other code wrote has other keys.
        if record.pop("code") != _digest_code():
            return None
        if (record["source_digest"], record["extract_digest"]) != (source_digest, extract_digest):
            return None
        for name, kind in (
            ("groups", RiskCount),
            ("residual_disclosures", ResidualDisclosure),
            ("contradictions", Contradiction),
        ):
            record[name] = tuple(kind(**counts) for counts in record[name])
        return PeriodAudit(**record)

    def store(self, grain: Grain, audit: PeriodAudit) -> None:
        """Store an audit, readable by its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        record = json.dumps({"code": _digest_code(), **vars(audit)}, default=vars)  # `asdict` would copy all of it
        write_atomically(self._path(grain, audit.period), record, mode=0o600)

    def _path(self, grain: Grain, period: str) -> Path:
        return self.folder / name_period_file(grain, period, "json")


def name_period_file(grain: Grain, period: str, suffix: str) -> str:
    """Return the name of a file about a period, such as `quarter-2020-21-q3.json`."""
    return f"{grain}-{period.lower().replace(' ', '-')}.{suffix}"


@dataclass(frozen=True)
class SourceTables:
    """Where an audit finds what it reads, as relations of its connection, and how their counts were rounded."""

    facts: str
    measures: str
    extract: str | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    extract_rounding: Rounding = PUBLISHERS_ROUNDING
    relations: Relations = field(default_factory=load_relations)


def audit_grain(
    connection: duckdb.DuckDBPyConnection, grain: Grain, tables: SourceTables, cache: AuditCache | None = None
) -> GrainAudit:
    """Audit every period of a source's grain, and the extract beside it; cached audits of the same rows are used again.

    The connection is left with the tables of the last batch. Raises AuditError where the values cannot be audited.
    """
    load_formulas(connection, tables.measures)
    rules = _digest_rules(connection, tables)
    source = {
        period: _Rows(f"{rows.digest} {rules}", rows.count)
        for period, rows in _digest_periods(
            connection,
            tables.facts,
            _SOURCE_COLUMNS,
            "value_status in ('published', 'suppressed', 'not_published')",
        ).items()
    }
    extract = _digest_periods(connection, tables.extract, _EXTRACT_COLUMNS) if tables.extract else {}
    audits: dict[str, PeriodAudit] = {}
    due: dict[str, int] = {}
    for period in sorted(source.keys() | extract.keys()):
        source_rows, extract_rows = source.get(period, _Rows()), extract.get(period, _Rows())
        audit = cache.get(grain, period, source_rows.digest, extract_rows.digest) if cache else None
        if audit is None:
            due[period] = source_rows.count
        else:
            audits[period] = audit
    for batch in _batch_periods(due):
        for audit in _audit_batch(connection, grain, tables, batch, source, extract):
            audits[audit.period] = audit
            if cache:
                cache.store(grain, audit)
    return GrainAudit(grain, tuple(audits[period] for period in sorted(audits)), tuple(due))


def bound_source(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: SourceTables,
    where: str = "true",
    *,
    to_the_end: bool = False,
    record: bool = False,
) -> bool:
    """Leave in `cell` the bounds that the values of some periods give; return whether nothing was left to tighten.

    Needs `formula` (see `load_formulas`). With `record`, every change is kept for an explanation.
    """
    load_values(connection, tables.facts, where)
    load_cells(connection, tables.rounding)
    build_terms(connection)
    build_sums(connection, grain, tables.relations)
    measure_relations(connection)
    return propagate(connection, to_the_end=to_the_end, record=record).is_complete


def _audit_batch(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: SourceTables,
    batch: Sequence[str],
    source: Mapping[str, _Rows],
    extract: Mapping[str, _Rows],
) -> Iterator[PeriodAudit]:
    where = f"period in ({sql_list(batch)})"
    is_complete = bound_source(connection, grain, tables, where)
    classify_risk(connection, tables.rounding.threshold)
    groups = count_source_disclosure_risk(connection)
    residual = (
        find_residual_disclosures(connection, tables.extract, where, tables.extract_rounding) if tables.extract else {}
    )
    cells = dict(connection.execute("select period, count(*) from cell group by period").fetchall())
    contradictions = _read_contradictions(connection)
    for period in batch:
        yield PeriodAudit(
            period=period,
            source_digest=source.get(period, _Rows()).digest,
            extract_digest=extract.get(period, _Rows()).digest,
            cells=cells.get(period, 0),
            is_complete=is_complete,
            groups=tuple(group for group in groups if group.period == period),
            residual_disclosures=tuple(residual.get(period, ())),
            contradictions=tuple(contradictions.get(period, ())),
        )


def _read_contradictions(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Contradiction]]:
    by_period: dict[str, list[Contradiction]] = {}
    for period, *counted in connection.execute(
        """
        select period, relation, measure, sums, contradicted
        from relation_evidence where contradicted > 0 order by all
        """
    ).fetchall():
        by_period.setdefault(period, []).append(Contradiction(*counted))
    return by_period


def _digest_periods(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], where: str = "true"
) -> dict[str, _Rows]:
    rows = connection.execute(
        f"""
        select period, sum(hash({", ".join(columns)})::hugeint)::varchar || ' ' || count(*), count(*)
        from {relation} where {where} group by period
        """
    ).fetchall()
    if any(period is None for period, *_ in rows):
        raise AuditError("expected every value to name its period; found some that do not")
    return {period: _Rows(digest, count) for period, digest, count in rows}


def _batch_periods(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield periods in batches of a bounded number of values, or of one period."""
    batch: list[str] = []
    values = 0
    for period, size in sizes.items():
        if batch and values + size > MAX_VALUES_IN_BATCH:
            yield batch
            batch = []
            values = 0
        batch.append(period)
        values += size
    if batch:
        yield batch


def _digest_rules(connection: duckdb.DuckDBPyConnection, tables: SourceTables) -> str:
    """A digest of what values are audited by: how percentages are made, how counts were rounded, and what adds up."""
    formulas = connection.execute("from formula order by all").fetchall()
    rules = (formulas, tables.rounding, tables.extract_rounding, tables.relations)
    return hashlib.sha256(repr(rules).encode()).hexdigest()


@cache
def _digest_code() -> str:
    """A digest of what decides an audit's result besides the values and the rules."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    steps = sorted(SQL_FOLDER.glob("*.sql"))
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *steps, TABLES_FILE, RELATIONS_FILE):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
