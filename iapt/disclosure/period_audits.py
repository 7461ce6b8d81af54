"""The audit of one grain, period by period: only periods whose values or extract changed since they were last audited.

No constraint crosses a period (a quarter is not the sum of its months), so a period's audit depends on its own values
alone. Periods are audited in batches of a bounded number of values: memory does not grow with history.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import duckdb

from iapt.catalogue.relations import RELATIONS_FILE, Relations, load_relations
from iapt.checked_periods import digest
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
from iapt.period_batches import batch_by_size
from iapt.sql import sql_list

#: More than every annual file there is, or four national months: a month takes a tenth less than by twos, and two such
#: batches at once stay below 800 MB.
MAX_VALUES_IN_BATCH: Final = 1_200_000
#: Of the values of a source, those that have a status of their own.
HAS_STATUS: Final = "value_status in ('published', 'suppressed', 'not_published')"
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
class Rows:
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
        audit, _ = self._read(grain, period)
        if audit is None or (audit.source_digest, audit.extract_digest) != (source_digest, extract_digest):
            return None
        return audit

    def get_identified(self, grain: Grain, period: str, identity: str) -> PeriodAudit | None:
        """Return the audit of the rows that `identity` is proof of, by this code; None where there is none."""
        audit, recorded = self._read(grain, period)
        return audit if identity and recorded == identity else None

    def store(self, grain: Grain, audit: PeriodAudit, identity: str = "") -> None:
        """Store an audit, readable by its owner only; `identity` is what proves which rows it is of, if anything."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = {"code": digest_code(), "identity": identity, **vars(audit)}
        record = json.loads(json.dumps(content, default=vars))  # `asdict` would copy all of it
        record["sha256"] = digest(record)
        write_atomically(self._path(grain, audit.period), json.dumps(record), mode=0o600)

    def _read(self, grain: Grain, period: str) -> tuple[PeriodAudit | None, str]:
        """Return a record by this code, exactly as it was written, and the identity of its rows."""
        try:
            record = json.loads(self._path(grain, period).read_text("utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
            return None, ""
        # First the code: a record that other code wrote has other keys.
        if not isinstance(record, dict) or record.get("code") != digest_code():
            return None, ""
        if record.pop("sha256", None) != digest(record) or record["period"] != period:
            return None, ""
        del record["code"]
        identity = str(record.pop("identity"))
        for name, kind in (
            ("groups", RiskCount),
            ("residual_disclosures", ResidualDisclosure),
            ("contradictions", Contradiction),
        ):
            record[name] = tuple(kind(**counts) for counts in record[name])
        return PeriodAudit(**record), identity

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


@dataclass(frozen=True)
class AuditPlan:
    """The audits of a grain that are cached, and how many values each period has that is still to be audited."""

    audits: Mapping[str, PeriodAudit]
    due: Mapping[str, int]
    source: Mapping[str, Rows]
    extract: Mapping[str, Rows]
    identities: Mapping[str, str]


def audit_grain(
    connection: duckdb.DuckDBPyConnection, grain: Grain, tables: SourceTables, cache: AuditCache | None = None
) -> GrainAudit:
    """Audit every period of a source's grain, and the extract beside it; cached audits of the same rows are used again.

    The connection is left with the tables of the last batch. Raises AuditError where the values cannot be audited.
    """
    plan = plan_audit(connection, grain, tables, cache)
    made = [
        audit
        for batch in batch_by_size(plan.due, MAX_VALUES_IN_BATCH)
        for audit in audit_batch(connection, grain, tables, plan, batch, cache)
    ]
    return merge_audits(grain, plan, made)


def plan_audit(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: SourceTables,
    cache: AuditCache | None = None,
    identities: Mapping[str, str] = MappingProxyType({}),
) -> AuditPlan:
    """Find which periods are to be audited, and load what percentages are made of.

    `identities` are proof of the rows of a period, in the source and in the extract: of those that are cached under
    the same, nothing is read. Raises AuditError where a value names no period.
    """
    load_formulas(connection, tables.measures)
    rules = _digest_rules(connection, tables)
    identities = {period: digest([identity, rules]) for period, identity in identities.items()}
    periods = list_periods(connection, tables.facts, HAS_STATUS)
    periods |= list_periods(connection, tables.extract) if tables.extract else set()
    audits: dict[str, PeriodAudit] = {}
    for period in sorted(periods & identities.keys()):
        audit = cache.get_identified(grain, period, identities[period]) if cache else None
        if audit is not None:
            audits[period] = audit
    unknown = sorted(periods - audits.keys())
    if not unknown:
        return AuditPlan(audits, {}, {}, {}, identities)
    where = f"period in ({sql_list(unknown)})"
    source = {
        period: Rows(f"{rows.digest} {rules}", rows.count)
        for period, rows in _digest_periods(
            connection, tables.facts, _SOURCE_COLUMNS, f"{HAS_STATUS} and {where}"
        ).items()
    }
    extract = _digest_periods(connection, tables.extract, _EXTRACT_COLUMNS, where) if tables.extract else {}
    due: dict[str, int] = {}
    for period in unknown:
        source_rows, extract_rows = source.get(period, Rows()), extract.get(period, Rows())
        audit = cache.get(grain, period, source_rows.digest, extract_rows.digest) if cache else None
        if audit is None:
            due[period] = source_rows.count
            continue
        audits[period] = audit
        if cache and period in identities:
            cache.store(grain, audit, identities[period])
    return AuditPlan(audits, due, source, extract, identities)


def merge_audits(grain: Grain, plan: AuditPlan, made: Sequence[PeriodAudit]) -> GrainAudit:
    """Return the cached audits of a plan and those that were made now, in the order of their periods."""
    audits = dict(plan.audits) | {audit.period: audit for audit in made}
    return GrainAudit(grain, tuple(audits[period] for period in sorted(audits)), tuple(plan.due))


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


def audit_batch(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: SourceTables,
    plan: AuditPlan,
    batch: Sequence[str],
    cache: AuditCache | None = None,
) -> list[PeriodAudit]:
    """Audit some of the periods of a plan, and cache what was found. Needs `formula` (see `load_formulas`)."""
    where = f"period in ({sql_list(batch)})"
    is_complete = bound_source(connection, grain, tables, where)
    classify_risk(connection, tables.rounding.threshold)
    groups = count_source_disclosure_risk(connection)
    residual = (
        find_residual_disclosures(connection, tables.extract, where, tables.extract_rounding) if tables.extract else {}
    )
    cells = dict(
        connection.execute(
            "select period, count(*) from cell inner join place using (place) group by period"
        ).fetchall()
    )
    contradictions = _read_contradictions(connection)
    audits = [
        PeriodAudit(
            period=period,
            source_digest=plan.source.get(period, Rows()).digest,
            extract_digest=plan.extract.get(period, Rows()).digest,
            cells=cells.get(period, 0),
            is_complete=is_complete,
            groups=tuple(group for group in groups if group.period == period),
            residual_disclosures=tuple(residual.get(period, ())),
            contradictions=tuple(contradictions.get(period, ())),
        )
        for period in batch
    ]
    if cache is not None:
        for audit in audits:
            cache.store(grain, audit, plan.identities.get(audit.period, ""))
    return audits


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


def list_periods(connection: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> set[str]:
    """Return the periods of a relation. Raises AuditError where a row names none."""
    periods = {
        period for (period,) in connection.execute(f"select distinct period from {relation} where {where}").fetchall()
    }
    if None in periods:
        raise AuditError("expected every value to name its period; found some that do not")
    return periods


def count_values(connection: duckdb.DuckDBPyConnection, relation: str, periods: Collection[str]) -> dict[str, int]:
    """Return how many values that have a status a relation has of each of these periods."""
    if not periods:
        return {}
    counted = connection.execute(
        f"select period, count(*) from {relation} "
        f"where {HAS_STATUS} and period in ({sql_list(periods)}) group by period"
    ).fetchall()
    return dict.fromkeys(sorted(periods), 0) | dict(counted)


def _digest_periods(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], where: str
) -> dict[str, Rows]:
    rows = connection.execute(
        f"""
        select period, sum(hash({", ".join(columns)})::hugeint)::varchar || ' ' || count(*), count(*)
        from {relation} where {where} group by period
        """
    ).fetchall()
    return {period: Rows(digest, count) for period, digest, count in rows}


def _digest_rules(connection: duckdb.DuckDBPyConnection, tables: SourceTables) -> str:
    """A digest of what values are audited by: how percentages are made, how counts were rounded, and what adds up."""
    formulas = connection.execute("from formula order by all").fetchall()
    rules = (formulas, tables.rounding, tables.extract_rounding, tables.relations)
    return hashlib.sha256(repr(rules).encode()).hexdigest()


@cache
def digest_code() -> str:
    """A digest of what decides an audit's result besides the values and the rules."""
    content = hashlib.sha256(duckdb.__version__.encode())
    steps = sorted(SQL_FOLDER.glob("*.sql"))
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *steps, TABLES_FILE, RELATIONS_FILE):
        content.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()
