"""Another gap is one entry of the catalogue: calendar, facts, extract, topic marts and windows all see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.workspace import CATALOGUE, DBT_PROJECT, Workspace
from orchestration import dbt_command
from orchestration.assets.marts import prepare_manifest
from tests.integration.conftest import BuiltHome

# The month after the time series: its financial year has all its other months.
GAP = "2020-03"
ENTRY = f"""
- series: monthly
  period: "{GAP}"
  kind: not_published
  reason: An invented gap, of one month.
  known: Nothing; it is made up.
  source: This test
"""
# What lies between the landed gaps and the marts of months.
MODELS = (
    "dim_period",
    "fct_monthly",
    "int_derived_monthly_totals",
    "extract_monthly",
    "int_topic_values",
    "mart_activity",
    "mart_outcomes",
    "mart_recovery_rate",
    "mart_rolling_totals",
)

Rows = Callable[[str], list[tuple[object, ...]]]


def read_rows(warehouse: Path) -> Rows:
    def rows(query: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return rows


@pytest.fixture(scope="module")
def before(released_home: BuiltHome) -> Rows:
    """The warehouse without the gap."""
    return read_rows(released_home.home.warehouse)


@pytest.fixture(scope="module")
def after(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """A copy of it, after one more entry in a copy of the catalogue."""
    folder = tmp_path_factory.mktemp("gaps")
    catalogue = Path(shutil.copytree(CATALOGUE, folder / "catalogue"))
    with (catalogue / "gaps.yml").open("a", encoding="utf-8") as gaps:
        gaps.write(ENTRY)
    home = Workspace(folder)
    shutil.copy(released_home.home.warehouse, home.warehouse)
    # As a refresh lands them, without reading every drop again.
    with duckdb.connect(str(home.warehouse)) as connection:
        (known,) = (gap for gap in Catalogue(catalogue).gaps if gap.period == GAP)
        connection.execute(
            "insert into landing.gaps by name select "
            "? as series, 'month' as period_grain, ? as period, ? as kind, ? as reason, ? as source",
            [known.series, known.period, known.kind, known.reason, known.source],
        )
    prepare_manifest()
    result = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                dbt_command.MODULE,
                "--no-use-colors",
                "run",
                "--full-refresh",
                "--select",
                *MODELS,
            ),
            *("--target-path", folder / "target", "--log-path", folder / "logs"),
        ],
        cwd=DBT_PROJECT,
        env={**os.environ, "IAPT_WAREHOUSE": str(home.warehouse), "DBT_PROFILES_DIR": str(DBT_PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    return read_rows(home.warehouse)


def test_the_calendar_says_that_the_month_was_never_published_and_why(before: Rows, after: Rows) -> None:
    month = f"select publication_status, reason, source from marts.dim_period where period = '{GAP}'"
    assert [status for status, _, _ in before(month)] == ["not_loaded"]
    assert after(month) == [("not_published", "An invented gap, of one month.", "This test")]


def test_the_fact_has_an_empty_row_for_every_cell_of_the_month_beside_it(before: Rows, after: Rows) -> None:
    assert before(f"select count(*) from marts.fct_monthly where period = '{GAP}'") == [(0,)]
    cells = "org_level, org_code, partner_code, variable_type, variable_a, variable_b, measure"
    beside = f"select {cells} from marts.fct_monthly where period = '2020-02' and value_status <> 'not_published'"
    never = (
        f"select {cells} from marts.fct_monthly where period = '{GAP}' "
        "and value_status = 'not_published' and value is null and drop_sha256 is null"
    )
    assert after(f"select count(*) > 0 from ({never})") == [(True,)]
    assert after(f"select count(*) from (({beside}) except all ({never}))") == [(0,)]
    assert after(f"select count(*) from marts.fct_monthly where period = '{GAP}'") == after(
        f"select count(*) from ({never})"
    )


def test_the_extract_marks_it_and_its_sums_of_parts_are_empty_too(after: Rows) -> None:
    rows = after(
        "select value_status, value_marker, count(value), count(lower_bound), count(upper_bound) "
        f"from extracts.extract_monthly where period = '{GAP}' group by all"
    )
    assert rows == [("not_published", "[x]", 0, 0, 0)]
    reviewed = f"select count(*) from marts.fct_monthly where period = '{GAP}' and is_reviewed"
    assert after(reviewed) == after(
        f"select count(*) from extracts.extract_monthly where period = '{GAP}' and not is_derived"
    )


@pytest.mark.parametrize("mart", ["mart_activity", "mart_outcomes"])
def test_the_topic_marts_have_its_rows_with_no_figure_and_its_status(before: Rows, after: Rows, mart: str) -> None:
    assert before(f"select count(*) from marts.{mart} where period = '{GAP}'") == [(0,)]
    measure = "count_finished_course_treatment"
    rows = after(
        f"select {measure}_status, count(*) > 0, count({measure}), count({measure}_lower) "
        f"from marts.{mart} where period = '{GAP}' group by all"
    )
    assert rows == [("not_published", True, 0, 0)]


def test_the_recovery_rate_says_why_it_is_not_there(after: Rows) -> None:
    rows = after(
        "select org_level, recovery_rate, recovery_rate_status, recovery_rate_marker, gap_to_standard, reason "
        f"from marts.mart_recovery_rate where period = '{GAP}'"
    )
    assert rows == [("england", None, "not_published", "[x]", None, "An invented gap, of one month.")]


def test_windows_that_need_it_are_empty_and_name_it_and_the_others_stand(before: Rows, after: Rows) -> None:
    rows = after(
        "select distinct total_type, value_status, value_marker, value, upper_bound, reason "
        f"from marts.mart_rolling_totals where period = '{GAP}' order by all"
    )
    named = f"{GAP} is not published."
    assert rows == [
        ("financial_year_to_date", "not_published", "[x]", None, None, named),
        ("rolling_12_months", "not_published", "[x]", None, None, named),
    ]
    others = "select * from marts.mart_rolling_totals where period < '{}' order by all"
    assert after(others.format(GAP)) == before(others.format(GAP))
    assert before(f"select count(value) > 0 from marts.mart_rolling_totals where period < '{GAP}'") == [(True,)]


def test_what_is_published_is_what_it_was(before: Rows, after: Rows) -> None:
    for table in ("marts.fct_monthly", "extracts.extract_monthly", "marts.mart_activity"):
        ((rows, digest),) = before(f"select count(*), bit_xor(hash(t)) from {table} as t")
        assert after(f"select count(*), bit_xor(hash(t)) from {table} as t where period <> '{GAP}'") == [(rows, digest)]
