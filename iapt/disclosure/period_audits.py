"""The audit of one grain, period by period: only periods whose figures or extract changed since they were last audited.

No constraint crosses a period (a quarter is not the sum of its months), so a period's audit depends on its own figures
alone. Periods are audited in batches of a bounded number of figures: memory does not grow with history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb

from iapt.catalogue.relations import RELATIONS_FILE, Relations, load_relations
from iapt.contract import POPULATION, Grain
from iapt.disclosure.additivity_constraints import build_sums, measure_relations
from iapt.disclosure.disclosure_risk import RiskCount, classify_risk, source_disclosure_risk
from iapt.disclosure.model import (
    PUBLISHERS_ROUNDING,
    AuditError,
    Rounding,
    load_facts,
    load_formulas,
    load_values,
)
from iapt.disclosure.percentage_constraints import build_stars
from iapt.disclosure.propagation import propagate
from iapt.disclosure.residual_disclosure import Leak, find_residual_disclosures
from iapt.files import write_atomically
from iapt.sql import sql_list

#: More than every annual file there is, or a dozen national months: few statements, in less than 4 GB.
FIGURES_IN_A_BATCH: Final = 3_000_000


@dataclass(frozen=True)
class Contradiction:
    """A declared relation that the figures of some periods contradict for a measure, and in how many of its sums."""

    relation: str
    measure: str
    sums: int
    contradicted: int


@dataclass(frozen=True)
class PeriodAudit:
    """What the audit of one period found: counts only, of no group that is named."""

    period: str
    figures: str
    extract: str
    cells: int
    is_complete: bool
    groups: tuple[RiskCount, ...]
    leaks: tuple[Leak, ...]
    contradictions: tuple[Contradiction, ...]


@dataclass(frozen=True)
class GrainAudit:
    """The audits of every period of a grain, and which of them were made now."""

    grain: Grain
    periods: tuple[PeriodAudit, ...] = ()
    audited_now: tuple[str, ...] = ()

    @property
    def leaks(self) -> dict[tuple[str, str], int]:
        """Cells of which the extract reveals more than its source does, by measure and kind."""
        counted: dict[tuple[str, str], int] = {}
        for leak in (leak for period in self.periods for leak in period.leaks):
            counted[leak.measure, leak.kind] = counted.get((leak.measure, leak.kind), 0) + leak.cells
        return counted


class AuditCache:
    """A folder, for its owner only, of what audits found in each period. A record of other figures is not used."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made when the first record is kept."""
        self.folder = folder

    def get(self, grain: Grain, period: str, figures: str, extract: str) -> PeriodAudit | None:
        """The audit of exactly these figures and this extract, by this code; None where there is none."""
        path = self._path(grain, period)
        if not path.is_file():
            return None
        record = json.loads(path.read_text("utf-8"))
        if (record.pop("code"), record["figures"], record["extract"]) != (_code_digest(), figures, extract):
            return None
        record["groups"] = tuple(RiskCount(**group) for group in record["groups"])
        record["leaks"] = tuple(Leak(**leak) for leak in record["leaks"])
        record["contradictions"] = tuple(Contradiction(**found) for found in record["contradictions"])
        return PeriodAudit(**record)

    def keep(self, grain: Grain, audit: PeriodAudit) -> None:
        """Keep an audit, readable by its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # `dump` would write it bit by bit; `asdict` would copy all of it first.
        content = json.dumps({"code": _code_digest(), **vars(audit)}, default=vars)
        write_atomically(self._path(grain, audit.period), content, mode=0o600)

    def _path(self, grain: Grain, period: str) -> Path:
        return self.folder / f"{grain}-{period.lower().replace(' ', '-')}.json"


@dataclass(frozen=True)
class Tables:
    """Where an audit finds what it reads, as relations of its connection."""

    figures: str
    measures: str
    extract: str | None = None
    rounding: Rounding = PUBLISHERS_ROUNDING
    extract_rounding: Rounding = PUBLISHERS_ROUNDING
    relations: Relations = field(default_factory=load_relations)


def audit_grain(
    connection: duckdb.DuckDBPyConnection, grain: Grain, tables: Tables, kept: AuditCache | None = None
) -> GrainAudit:
    """Audit every period of a source's grain, and the extract beside it; kept audits of the same bytes are used again.

    The connection is left with the tables of the last batch. Raises AuditError where the figures cannot be audited.
    """
    load_formulas(connection, tables.measures)
    rules = _rules_digest(connection, tables)
    figures = {
        period: (f"{digest} {rules}", size)
        for period, (digest, size) in _digests(
            connection,
            tables.figures,
            (*POPULATION, "parent_code", "measure", "statistic", "value", "value_status"),
            "value_status in ('published', 'suppressed', 'not_published')",
        ).items()
    }
    extracts = (
        _digests(
            connection, tables.extract, (*POPULATION, "measure", "statistic", "value", "lower_bound", "upper_bound")
        )
        if tables.extract
        else {}
    )
    found: dict[str, PeriodAudit] = {}
    sizes: dict[str, int] = {}
    for period in sorted(figures.keys() | extracts.keys()):
        digest, size = figures.get(period, ("", 0))
        audit = kept.get(grain, period, digest, extracts.get(period, ("", 0))[0]) if kept else None
        if audit is None:
            sizes[period] = size
        else:
            found[period] = audit
    for batch in _batches(sizes):
        for audit in _audit_batch(connection, grain, tables, batch, figures, extracts):
            found[audit.period] = audit
            if kept:
                kept.keep(grain, audit)
    return GrainAudit(grain, tuple(found[period] for period in sorted(found)), tuple(sizes))


def bound_source(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: Tables,
    where: str = "true",
    *,
    to_the_end: bool = False,
    record: bool = False,
) -> bool:
    """Leave in `cell` the bounds that the figures of some periods give; whether nothing was left to narrow.

    Needs `formula` (see `load_formulas`). With `record`, every step is kept for an explanation.
    """
    load_values(connection, tables.figures, where)
    load_facts(connection, tables.rounding)
    build_stars(connection)
    build_sums(connection, grain, tables.relations)
    measure_relations(connection)
    return propagate(connection, to_the_end=to_the_end, record=record).is_complete


def _audit_batch(
    connection: duckdb.DuckDBPyConnection,
    grain: Grain,
    tables: Tables,
    batch: Sequence[str],
    figures: Mapping[str, tuple[str, int]],
    extracts: Mapping[str, tuple[str, int]],
) -> Iterator[PeriodAudit]:
    where = f"period in ({sql_list(batch)})"
    is_complete = bound_source(connection, grain, tables, where)
    classify_risk(connection, tables.rounding.threshold)
    groups = source_disclosure_risk(connection)
    leaks = (
        find_residual_disclosures(connection, tables.extract, where, tables.extract_rounding) if tables.extract else {}
    )
    cells = dict(connection.execute("select period, count(*) from cell group by period").fetchall())
    contradictions = _contradictions(connection)
    for period in batch:
        yield PeriodAudit(
            period=period,
            figures=figures.get(period, ("", 0))[0],
            extract=extracts.get(period, ("", 0))[0],
            cells=int(cells.get(period, 0)),
            is_complete=is_complete,
            groups=tuple(group for group in groups if group.period == period),
            leaks=tuple(leaks.get(period, ())),
            contradictions=tuple(contradictions.get(period, ())),
        )


def _contradictions(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Contradiction]]:
    by_period: dict[str, list[Contradiction]] = {}
    for period, relation, measure, sums, contradicted in connection.execute(
        "select period, relation, measure, sums, contradicted from evidence where contradicted > 0 order by all"
    ).fetchall():
        by_period.setdefault(str(period), []).append(Contradiction(relation, measure, int(sums), int(contradicted)))
    return by_period


def _digests(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], where: str = "true"
) -> dict[str, tuple[str, int]]:
    """For each period, a digest of its rows in any order, and their number."""
    rows: list[tuple[Any, ...]] = connection.execute(
        f"""
        select period, sum(hash({", ".join(columns)})::hugeint)::varchar || ' ' || count(*), count(*)
        from {relation}
        where {where}
        group by period
        """
    ).fetchall()
    if any(period is None for period, *_ in rows):
        raise AuditError("expected every figure to name its period; found some that do not")
    return {str(period): (str(digest), int(size)) for period, digest, size in rows}


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    figures = 0
    for period, size in sizes.items():
        if batch and figures + size > FIGURES_IN_A_BATCH:
            yield batch
            batch = []
            figures = 0
        batch.append(period)
        figures += size
    if batch:
        yield batch


def _rules_digest(connection: duckdb.DuckDBPyConnection, tables: Tables) -> str:
    """A digest of what figures are audited by: how percentages are made, how counts were rounded, and what adds up."""
    formulas = connection.execute("from formula order by all").fetchall()
    rules = (formulas, tables.rounding, tables.extract_rounding, tables.relations)
    return hashlib.sha256(repr(rules).encode()).hexdigest()


@cache
def _code_digest() -> str:
    """A digest of what decides an audit's result besides the figures and the rules."""
    whole = hashlib.sha256(duckdb.__version__.encode())
    for path in (*sorted(Path(__file__).parent.glob("*.py")), RELATIONS_FILE):
        whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
