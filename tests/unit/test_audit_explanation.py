"""The explanation of a finding: the chain of published facts behind it, and a file that only its owner can read."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb

from iapt.contract import POPULATION
from iapt.disclosure.explanation import explain_cell
from iapt.disclosure.findings import write_findings
from iapt.disclosure.model import load_formulas
from iapt.disclosure.period_audits import SourceTables, bound_source

#: An invented service: of all whole numbers, only 33 courses, 4 not at caseness and 27 recovered give 93%.
SHOWN = {
    ("count_finished_course_treatment", "count"): (35, "published"),
    ("count_not_at_caseness", "count"): (None, "suppressed"),
    ("count_recovery", "count"): (25, "published"),
    ("percentage_recovery", "percentage"): (93, "published"),
}
KEY = ("2020-21", "provider", "ZX001", None, "Total", None, None)


def _source() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    columns = ", ".join(f"{column} varchar" for column in (*POPULATION, "parent_code", "measure", "statistic"))
    connection.execute(f"create table facts ({columns}, value double, value_status varchar)")
    connection.execute(
        "create table measures as select 'percentage_recovery' as measure, 'percentage' as statistic, "
        "'count_recovery' as numerator, 'count_finished_course_treatment - count_not_at_caseness' as denominator"
    )
    for (measure, statistic), (value, status) in SHOWN.items():
        connection.execute(
            "insert into facts values (?, ?, ?, ?, ?, ?, ?, null, ?, ?, ?, ?)",
            [*KEY, measure, statistic, value, status],
        )
    return connection


def test_a_chain_names_the_constraint_the_bounds_and_the_facts_it_rests_on() -> None:
    tables = SourceTables("facts", "measures")
    with _source() as connection:
        load_formulas(connection, tables.measures)
        bound_source(connection, "year", tables, to_the_end=True, record=True)
        hidden = {**dict(zip(POPULATION, KEY, strict=True)), "measure": "count_not_at_caseness"}
        (link,) = explain_cell(connection, hidden)
    assert (link.before, link.after) == ((0, 4), (4, 4))
    assert link.constraint == "the percentages percentage_recovery"
    assert {(fact.key["measure"], fact.shown, fact.lower, fact.upper) for fact in link.facts} == {
        ("count_finished_course_treatment", "rounded", 33, 37),
        ("count_recovery", "rounded", 23, 27),
    }
    assert "0 to 4 becomes 4 to 4" in str(link)


def test_findings_go_to_one_file_for_the_owner_only(tmp_path: Path) -> None:
    with _source() as connection:
        path, found = write_findings(
            connection, "year", SourceTables("facts", "measures"), "2020-21", tmp_path / "findings"
        )
    assert found == 1
    assert "exact_disclosure" in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
