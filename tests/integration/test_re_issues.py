"""Files that are issued again, and time series that revise months: one home, two refreshes, a month for each story.

Every figure is invented. The first refresh keeps what came first; the second what came later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshRecord
from orchestration import cli
from orchestration.cli import app
from orchestration.refresh import refresh
from tests.factories.drops import FINISHED, REFERRALS, Body, Row, make_monthly_csv, make_row, make_zip

RIGHT, WRONG, THIRD = (Body(code, f"Invented {code}") for code in ("ZZ-P1", "ZZ-P2", "ZZ-P3"))
MONTHS = {
    "apr": ("01/04/2025", "30/04/2025"),
    "may": ("01/05/2025", "31/05/2025"),
    "jun": ("01/06/2025", "30/06/2025"),
    "jul": ("01/07/2025", "31/07/2025"),
    "aug": ("01/08/2025", "31/08/2025"),
    "sep": ("01/09/2025", "30/09/2025"),
    "oct": ("01/10/2025", "31/10/2025"),
}


def month(name: str, *providers: tuple[Body, str], england: str = "500", measures: int = 2) -> list[Row]:
    """A monthly file: England and providers, each with their referrals and, of two measures, those finished."""
    start, end = MONTHS[name]
    rows: list[Row] = []
    for level, provider, value in [("England", RIGHT, england), *(("Provider", *each) for each in providers)]:
        for measure in (REFERRALS, FINISHED)[:measures]:
            rows.append(make_row(value, level=level, provider=provider, measure=measure, start=start, end=end))
    return rows


def named(name: str, mark: str = "") -> str:
    return f"iapt_month_{name}_2025_activity{mark}.csv"


BOTH: tuple[tuple[Body, str], ...] = ((RIGHT, "25"), (WRONG, "35"))
MENDED = ((RIGHT, "25"), (THIRD, "35"))
SERIES = "talking_therapies_time_series_apr_2025_to_oct_2025.csv"
LATER_SERIES = "talking_therapies_time_series_jun_2025.csv"
FIRST: dict[str, bytes] = {
    named("apr"): make_monthly_csv(*month("apr", *BOTH)),  # its re-issue corrects a code
    named("may"): make_monthly_csv(*month("may", *BOTH)),  # its re-issue changes values alone
    named("jun"): make_monthly_csv(*month("jun", *BOTH)),  # its re-issue is in the same refresh
    named("jun", "-v2"): make_monthly_csv(*month("jun", *MENDED)),
    named("jul", "-v2"): make_monthly_csv(*month("jul", *MENDED)),  # the re-issue came first
    named("aug"): make_monthly_csv(*month("aug", *BOTH)),  # its re-issue loses a measure to errors
    named("sep"): make_monthly_csv(*month("sep", *BOTH)),  # the time series has the wrong code too
    "iapt_month_oct_2025.zip": make_zip(
        {named("oct"): make_monthly_csv(*month("oct", *BOTH))}
    ),  # corrected within a ZIP
    # One of its cells of April, and one of May, are not those of the months; one is hidden here and shown there.
    SERIES: make_monthly_csv(
        make_row("505", level="England", start=MONTHS["apr"][0], end=MONTHS["apr"][1]),
        make_row("505", level="England", start=MONTHS["may"][0], end=MONTHS["may"][1]),
        make_row("*", provider=RIGHT, start=MONTHS["may"][0], end=MONTHS["may"][1]),
        make_row("35", provider=WRONG, start=MONTHS["sep"][0], end=MONTHS["sep"][1]),
        make_row("500", level="England", start=MONTHS["oct"][0], end=MONTHS["oct"][1]),
    ),
}
LATER: dict[str, bytes] = {
    named("apr", "-v2"): make_monthly_csv(*month("apr", *MENDED)),
    named("may", "-v2"): make_monthly_csv(*month("may", (RIGHT, "45"), (WRONG, "35"))),
    named("jul"): make_monthly_csv(*month("jul", *BOTH)),
    # Its second measure is there, and each figure of it is an error of a spreadsheet.
    named("aug", "-v2"): make_monthly_csv(
        *[
            make_row(value, level=level, provider=provider, measure=measure, start="01/08/2025", end="31/08/2025")
            for level, (provider, figure) in [("England", (RIGHT, "500")), *(("Provider", row) for row in BOTH)]
            for measure, value in ((REFERRALS, figure), (FINISHED, "#N/A"))
        ]
    ),
    named("sep", "-v2"): make_monthly_csv(*month("sep", *MENDED)),
    "later/iapt_month_oct_2025.zip": make_zip({named("oct", "-v2"): make_monthly_csv(*month("oct", *MENDED))}),
    # One month alone, with the code that was withdrawn in the refresh before.
    LATER_SERIES: make_monthly_csv(
        make_row("35", provider=WRONG, start=MONTHS["jun"][0], end=MONTHS["jun"][1]),
    ),
}


@dataclass(frozen=True)
class Reissued:
    """The home after both refreshes."""

    home: Workspace
    outcome: RefreshRecord
    warehouse: duckdb.DuckDBPyConnection

    def released(self, name: str) -> dict[str, int]:
        """How many cells of each provider of a month are believed."""
        rows = self.warehouse.execute(
            """
            select org_code, count(*) from marts.fct_monthly
            where org_level = 'provider' and period_start = strptime(?, '%d/%m/%Y') group by org_code
            """,
            [MONTHS[name][0]],
        ).fetchall()
        return dict(rows)

    def kept_as(self, name: str, outcome: str) -> dict[str, int]:
        """How many cells of each organisation of a month are kept with an outcome, those of monthly files alone."""
        rows = self.warehouse.execute(
            """
            select org_code, count(*) from marts.mart_superseded_cells
            where org_level = 'provider' and outcome = ? and period = ? and series = 'monthly' group by org_code
            """,
            [outcome, f"2025-{MONTHS[name][0][3:5]}"],
        ).fetchall()
        return dict(rows)

    def warning(self, name: str) -> str:
        """The one line that a test warned with."""
        (line,) = [warning for warning in self.outcome.warnings if warning.startswith(f"{name} ")]
        return line


@pytest.fixture(scope="module")
def reissued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reissued]:
    folder = tmp_path_factory.mktemp("reissued")
    home, offered = Workspace(folder / "home"), folder / "drops"
    for files in (FIRST, LATER):
        for name, content in files.items():
            (offered / name).parent.mkdir(parents=True, exist_ok=True)
            (offered / name).write_bytes(content)
        outcome = refresh(home, offered)
        assert outcome.failure is None
        assert (outcome.exit_status, outcome.is_new) == (0, True)
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        yield Reissued(home, outcome, warehouse)


@pytest.mark.parametrize("name", ["apr", "jun", "jul", "sep", "oct"])
def test_a_corrected_code_stands_alone_and_the_withdrawn_one_is_kept(name: str, reissued: Reissued) -> None:
    assert reissued.released(name) == {RIGHT.code: 2, THIRD.code: 2}
    assert reissued.kept_as(name, "withdrawn") == {WRONG.code: 2}
    assert reissued.kept_as(name, "superseded") == {RIGHT.code: 2}


def test_a_re_issue_with_the_same_keys_withdraws_nothing(reissued: Reissued) -> None:
    assert reissued.released("may") == {RIGHT.code: 2, WRONG.code: 2}
    assert reissued.kept_as("may", "withdrawn") == {}
    assert reissued.kept_as("may", "superseded") == {RIGHT.code: 2, WRONG.code: 2}


def test_a_measure_that_a_re_issue_lost_is_withdrawn(reissued: Reissued) -> None:
    assert reissued.released("aug") == {RIGHT.code: 1, WRONG.code: 1}
    assert reissued.kept_as("aug", "withdrawn") == {RIGHT.code: 1, WRONG.code: 1}


def test_cells_of_a_re_issue_that_were_quarantined_are_not_reported_as_withdrawn_alone(reissued: Reissued) -> None:
    told = reissued.warehouse.execute(
        "select distinct period, cells_quarantined_in_later_drop from marts.mart_reissues order by all"
    ).fetchall()
    assert dict(told) == {f"2025-{number:02d}": 3 if number == 8 else 0 for number in range(4, 11)}
    assert (
        "2 of 4 cells withdrawn, measures count_finished_course_treatment; the later file has 3 cells that were "
        "quarantined, which may be among those withdrawn"
    ) in reissued.warning("warn_reissues_withdrawing_cells")


def test_a_withdrawn_code_leaves_the_older_time_series_too(reissued: Reissued) -> None:
    query = """
        select outcome, winning_drop_sha256 from marts.mart_superseded_cells
        where series = 'timeseries' and period = '2025-09'
    """
    ((outcome, by),) = reissued.warehouse.execute(query).fetchall()
    file = reissued.warehouse.execute("select file from landing.drops where sha256 = ?", [by]).fetchall()
    assert (outcome, file) == ("withdrawn", [(named("sep", "-v2"),)])


def test_a_withdrawn_code_does_not_come_back_with_a_time_series_kept_later(reissued: Reissued) -> None:
    query = """
        select org_code, outcome from marts.mart_superseded_cells where series = 'timeseries' and period = '2025-06'
    """
    assert reissued.warehouse.execute(query).fetchall() == [(WRONG.code, "withdrawn")]
    told = reissued.warning("warn_withdrawn_cells_in_other_series")
    assert "2025-06 provider: 1 cell not believed, organisations ZZ-P2" in told
    assert f"(timeseries {LATER_SERIES}, withdrawn by {named('jun', '-v2')})" in told


def test_what_a_re_issue_withdrew_and_brought_is_told(reissued: Reissued) -> None:
    told = reissued.warning("warn_reissues_withdrawing_cells")
    assert (
        "monthly 2025-04 provider: 2 of 4 cells withdrawn, organisations ZZ-P2; 2 new, organisations ZZ-P3 "
        f"({named('apr', '-v2')} replaces {named('apr')})"
    ) in told
    of_measure = reissued.warehouse.execute(
        "select measures_withdrawn, cells_withdrawn, organisations_withdrawn from marts.mart_reissues "
        "where period = '2025-08' and org_level = 'provider'"
    ).fetchall()
    assert of_measure == [("count_finished_course_treatment", 2, None)]
    changed = (
        "select cells_withdrawn, cells_new, cells_changed from marts.mart_reissues "
        "where period = '2025-05' order by all"
    )
    assert reissued.warehouse.execute(changed).fetchall() == [(0, 0, 0), (0, 0, 2)]


def test_the_issues_of_a_zip_of_one_name_are_distinguished(reissued: Reissued) -> None:
    labels = reissued.warehouse.execute(
        "select replaced, replaced_by from marts.mart_reissues where period = '2025-10' and org_level = 'provider'"
    ).fetchall()
    ((replaced, by),) = labels
    assert replaced.startswith(f"iapt_month_oct_2025.zip (member {named('oct')}, sha256 ")
    assert by.startswith(f"iapt_month_oct_2025.zip (member {named('oct', '-v2')}, sha256 ")
    manifest = json.loads((reissued.home.latest / "manifest.json").read_text("utf-8"))
    of_zip = [drop["revision"] for drop in manifest["drops"] if drop["file"] == "iapt_month_oct_2025.zip"]
    assert sorted(of_zip) == [1, 2]


def test_definitive_drops_that_disagree_are_told_with_cells_and_drops(reissued: Reissued) -> None:
    told = reissued.warning("warn_conflicting_drops")
    believed = f"(monthly {named('apr', '-v2')} is believed, timeseries {SERIES} is not)"
    assert f"2025-04, 1 cell, E92000001 count_referrals_received {believed}" in told
    assert f"monthly {named('may', '-v2')} is believed, monthly {named('may')} is not" in told


def test_a_cell_that_one_of_them_hides_is_counted_and_never_named(reissued: Reissued) -> None:
    rows = disagreements(reissued)
    ((what,),) = [(row["what"],) for row in rows if row["period"] == "2025-05" and row["other_series"] == "timeseries"]
    assert what == "2 cells, E92000001 count_referrals_received; of them, 1 where only one publishes a number"
    assert RIGHT.code not in what


def disagreements(reissued: Reissued) -> list[dict[str, Any]]:
    """Every row of the warning, by the SQL that dbt ran."""
    compiled = next((reissued.home.root / "dbt_target").rglob("compiled/**/warn_conflicting_drops.sql"))
    cursor = reissued.warehouse.execute(compiled.read_text("utf-8"))
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def test_every_cell_is_believed_superseded_or_withdrawn_and_none_twice(reissued: Reissued) -> None:
    counts = reissued.warehouse.execute(
        """
        select
            (select count(*) from landing.observations),
            (select count(*) from marts.fct_monthly) + (select count(*) from marts.mart_superseded_cells)
        """
    ).fetchall()
    assert counts[0][0] == counts[0][1]
    twice = """
        select period, org_level, org_code, measure from marts.fct_monthly group by all having count(*) > 1
    """
    assert reissued.warehouse.execute(twice).fetchall() == []


def test_a_rolling_total_counts_a_month_that_was_issued_again_once(reissued: Reissued) -> None:
    england = reissued.warehouse.execute(
        "select sum(value) from marts.fct_monthly where org_level = 'england' and measure = 'count_referrals_received'"
    ).fetchall()
    assert england == [(7 * 500.0,)]


def test_nothing_counts_a_month_that_was_issued_again_twice(
    reissued: Reissued, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A console keeps the width that the environment named when it was made.
    monkeypatch.setattr(cli.out, "width", 200)
    result = CliRunner().invoke(app, ["status", "--home", str(reissued.home.root)])
    (monthly,) = [line.split() for line in result.output.splitlines() if line.split()[:2] == ["published", "monthly"]]
    # Seven months of England and two providers, of two measures; three figures of August are errors.
    counted = ["7", "+", "7", "replaced", "2025-04", "2025-10", str(7 * 6), "3"]
    assert monthly == ["published", "monthly", *counted]
    readme = (reissued.home.latest / "README.md").read_text("utf-8")
    assert "Made from 9 drops, and 7 earlier issues that they replace (published)." in readme
