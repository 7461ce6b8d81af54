"""The explanation of a finding: the chain of published facts behind it, and a file that only its owner can read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from iapt.disclosure.explanation import explain_cell
from iapt.disclosure.findings import write_findings
from iapt.disclosure.period_audits import SourceTables, bound_source
from tests.factories.audit_sources import (
    FINISHED,
    NOT_AT_CASENESS,
    RECOVERY,
    Population,
    make_database,
    shown_figure,
    write_figures,
)

PROVIDER = Population("2020-21", "provider", "ZX001")
TABLES = SourceTables("facts", "dim_measure")


@pytest.fixture
def source() -> Iterator[duckdb.DuckDBPyConnection]:
    """An invented service: of all whole numbers, only 33 courses, 4 not at caseness and 27 recovered give 93%."""
    shown = {FINISHED: 35, NOT_AT_CASENESS: None, RECOVERY: 25, "percentage_recovery": 93}
    with make_database() as connection:
        write_figures(connection, "facts", [shown_figure(PROVIDER, *value) for value in shown.items()])
        yield connection


def test_a_chain_names_the_constraint_the_bounds_and_the_facts_it_rests_on(source: duckdb.DuckDBPyConnection) -> None:
    bound_source(source, "year", TABLES, to_the_end=True, record=True)
    (link,) = explain_cell(source, {**PROVIDER._asdict(), "measure": NOT_AT_CASENESS})
    assert (link.before, link.after) == ((0, 4), (4, 4))
    assert link.constraint == "the percentages percentage_recovery"
    assert {(fact.key["measure"], fact.shown, fact.lower, fact.upper) for fact in link.facts} == {
        (FINISHED, "rounded", 33, 37),
        (RECOVERY, "rounded", 23, 27),
    }
    assert "0 to 4 becomes 4 to 4" in str(link)


def test_findings_go_to_one_file_for_the_owner_only(source: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path, findings = write_findings(source, "year", TABLES, "2020-21", tmp_path / "findings")
    assert findings == 1
    assert "exact_disclosure" in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
