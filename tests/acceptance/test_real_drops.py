"""The real drops, end to end: counts of cells, published England figures, and what may leave. Aggregates only."""

from __future__ import annotations

import json

import pytest

from iapt.ingest.observation_store import DropSummary
from tests.acceptance.conftest import RealRelease

EXTRACTS = ("extract_monthly", "extract_quarterly", "extract_annual")

# Measure cells of the drops, every NULL, `*`, `-` and blank included, by layout.
CELLS = {
    "monthly_long": 1_691_530,
    "annual_main_wide": 10_143_917,
    "quarterly_wide": 106_911,
    "quarterly_long": 15,
    "timeseries_workbook": 288_873,
    "timeseries_long": 12_826 + 429,
    "data_quality": 112_890,
}

# England as published: referrals received, finished courses, recovery, reliable recovery, reliable improvement.
ENGLAND_YEARS = {
    "2017-18": (1_439_957, 554_709, 50.8, 48.3, 66.4),
    "2019-20": (1_694_790, 606_192, 51.1, 48.5, 67.0),
    "2020-21": (1_456_446, 634_649, 51.4, 48.7, 68.3),
    "2021-22": (1_812_596, 664_087, 50.2, 47.3, 66.9),
    "2022-23": (1_759_581, 672_193, 49.9, 46.8, 66.5),
    "2024-25": (1_813_432, 670_419, 50.5, 47.5, 67.5),
}
# Rows that warn, by rule: two long waits, the third-party copy of quarter 4 of 2021/22, which contradicts itself, and a
# provider of the time series workbook under the name of another one: 13 months alone and with two commissioners.
ODD_FIGURES = {
    "outcomes_do_not_exceed_finished_courses": 81,
    "parts_do_not_exceed_their_whole": 94,
    "percentages_agree_with_their_counts": 314,
    "waits_are_likely": 2,
}
YEAR_MEASURES = (
    "count_referrals_received",
    "count_finished_course_treatment",
    "percentage_recovery",
    "percentage_reliable_recovery",
    "percentage_reliable_improvement",
)
ENGLAND_MONTHS = {
    "2019-02": (137_647, 53.6),
    "2020-02": (149_713, 51.0),
    "2021-01": (132_008, 51.8),
    "2022-03": (165_631, 51.0),
    "2022-12": (110_131, 48.9),
    "2023-12": (120_561, 48.5),
    "2024-09": (146_238, 50.2),
    "2025-03": (148_668, 51.6),
    "2026-02": (151_810, 50.0),
}


@pytest.fixture(scope="session")
def summaries(real_release: RealRelease) -> list[DropSummary]:
    paths = real_release.home.observations.glob("*.json")
    return [DropSummary.from_json(path.read_text("utf-8")) for path in paths]


def test_every_drop_is_read_and_the_whole_is_released(real_release: RealRelease) -> None:
    assert real_release.outcome.failure is None
    assert real_release.outcome.rejected == []
    assert real_release.outcome.exit_status == 0
    manifest = json.loads((real_release.home.latest / "manifest.json").read_text("utf-8"))
    assert manifest["data_origin"] == "published"
    assert manifest["statement"] is None


def test_every_cell_is_an_observation_or_quarantined_with_a_reason(summaries: list[DropSummary]) -> None:
    found: dict[str, int] = {}
    for summary in summaries:
        assert summary.cells == summary.observations + summary.quarantined
        for table in summary.tables:
            found[table.layout] = found.get(table.layout, 0) + table.cells
    assert found == CELLS


def test_only_the_copies_of_the_quarterly_files_have_lost_cells(summaries: list[DropSummary]) -> None:
    layouts = {table.layout for summary in summaries for table in summary.tables if table.quarantined}
    assert layouts == {"quarterly_wide"}


@pytest.mark.parametrize("year", ENGLAND_YEARS)
def test_england_years_stand_as_published(real_release: RealRelease, year: str) -> None:
    rows = real_release.warehouse(
        f"""
        select measure, value from marts.fct_annual
        where period = '{year}' and org_level = 'england' and variable_type = 'Total' and value_status = 'published'
        """
    )
    found = dict(rows)
    assert tuple(found[measure] for measure in YEAR_MEASURES) == ENGLAND_YEARS[year]


@pytest.mark.parametrize("month", ENGLAND_MONTHS)
def test_england_months_stand_as_published(real_release: RealRelease, month: str) -> None:
    rows = real_release.warehouse(
        f"select measure, value from marts.fct_monthly where period = '{month}' and org_level = 'england'"
    )
    found = dict(rows)
    assert (found["count_referrals_received"], found["percentage_recovery"]) == ENGLAND_MONTHS[month]


def test_england_is_released_rounded_by_the_publishers_rule(real_release: RealRelease) -> None:
    def figure(table: str, period: str, measure: str) -> object:
        return real_release.released(
            f"""
            select value from {table}
            where period = '{period}' and org_code = 'E92000001' and variable_type = 'Total' and measure = '{measure}'
            """
        )[0][0]

    assert figure("extract_annual", "2020-21", "count_finished_course_treatment") == 634_650
    assert figure("extract_annual", "2020-21", "percentage_recovery") == 51
    assert figure("extract_monthly", "2023-12", "count_referrals_received") == 120_560
    # 48.5 as published, 48.46 in truth: rounding the published figure again would give 49.
    assert figure("extract_annual", "2019-20", "percentage_reliable_recovery") == 48


def test_rounding_a_published_rate_again_would_be_wrong_in_some_cells(real_release: RealRelease) -> None:
    """The share of England's annual rates that a second rounding gets wrong; about 4% (docs/sources.md#measures)."""
    facts = """
        select f.measure, round(cast(f.value as decimal(18, 6)), 0) as rounded_again, e.value as from_counts
        from marts.fct_annual as f
        inner join extracts.extract_annual as e
            on f.period = e.period and f.org_level = e.org_level and f.measure = e.measure
            and f.variable_type = e.variable_type
            and f.variable_a is not distinct from e.variable_a and f.variable_b is not distinct from e.variable_b
        where f.org_level = 'england' and f.statistic = 'percentage'
            and f.value_status = 'published' and e.value_status = 'published'
    """
    ((cells, wrong, far),) = real_release.warehouse(
        f"""
        select count(*), count(*) filter (rounded_again <> from_counts),
            count(*) filter (abs(rounded_again - from_counts) > 1)
        from ({facts})
        """
    )
    assert cells > 2_000
    assert 0.02 < wrong / cells < 0.08
    assert far == 0


@pytest.mark.parametrize("table", EXTRACTS)
def test_no_count_below_five_is_released(real_release: RealRelease, table: str) -> None:
    ((small, uneven, extremes),) = real_release.released(
        f"""
        select
            count(*) filter (statistic = 'count' and value < 5),
            count(*) filter (statistic = 'count' and value % 5 <> 0),
            count(*) filter (statistic not in ('count', 'percentage', 'mean', 'median'))
        from {table}
        """
    )
    assert (small, uneven, extremes) == (0, 0, 0)


def test_the_quarter_that_never_was_is_present_and_empty(real_release: RealRelease) -> None:
    rows = real_release.released(
        """
        select value_status, value_marker, count(*) > 20000, count(value), count(drop_sha256)
        from extract_quarterly where period = '2020-21 Q2' group by all
        """
    )
    assert rows == [("not_published", "[x]", True, 0, 0)]
    ((status,),) = real_release.released(
        "select publication_status from dim_period where period = '2020-21 Q2' and period_grain = 'quarter'"
    )
    assert status == "not_published"


def test_what_the_publisher_suppressed_stays_suppressed(real_release: RealRelease) -> None:
    for table, fact in zip(EXTRACTS, ("fct_monthly", "fct_quarterly", "fct_annual"), strict=True):
        ((revealed,),) = real_release.warehouse(
            f"""
            select count(*) from marts.{fact} as f
            inner join extracts.{table} as e
                on f.period = e.period and f.org_level = e.org_level and f.org_code = e.org_code
                and f.partner_code is not distinct from e.partner_code and f.measure = e.measure
                and f.variable_type = e.variable_type
                and f.variable_a is not distinct from e.variable_a and f.variable_b is not distinct from e.variable_b
            where f.value_status = 'suppressed' and e.value_status <> 'suppressed'
            """
        )
        assert revealed == 0


def test_below_england_the_published_rate_is_carried(real_release: RealRelease) -> None:
    ((changed,),) = real_release.warehouse(
        """
        select count(*) from marts.fct_annual as f
        inner join extracts.extract_annual as e
            on f.period = e.period and f.org_level = e.org_level and f.org_code = e.org_code
            and f.measure = e.measure and f.variable_type = e.variable_type
            and f.variable_a is not distinct from e.variable_a and f.variable_b is not distinct from e.variable_b
        where f.org_level <> 'england' and f.statistic = 'percentage' and f.value_status = 'published'
            and e.value_status = 'published' and f.value <> e.value
        """
    )
    assert changed == 0


def test_the_monthly_file_is_believed_before_a_time_series(real_release: RealRelease) -> None:
    rows = real_release.warehouse("select series, count(*) from marts.mart_superseded_cells group by all order by all")
    # What the monthly files and the time series of 2025-26 both publish; and one England row of two quarterly files.
    assert rows == [("quarterly", 1), ("timeseries", 143)]


def test_every_measure_of_every_drop_is_reviewed(real_release: RealRelease) -> None:
    for fact in ("fct_monthly", "fct_quarterly", "int_annual_figures"):
        schema = "intermediate" if fact.startswith("int") else "marts"
        assert real_release.warehouse(f"select count(*) from {schema}.{fact} where not is_reviewed") == [(0,)]


def test_a_renamed_measure_stays_one_series(real_release: RealRelease) -> None:
    ((slugs, months),) = real_release.warehouse(
        """
        select count(distinct measure), count(distinct period) from marts.fct_monthly
        where measure_id = 'M031' and org_level = 'england'
        """
    )
    assert slugs == 1
    assert months > 50


def test_no_real_drop_breaks_a_rule_that_would_stop_it_and_the_odd_ones_are_listed(real_release: RealRelease) -> None:
    records = [json.loads(path.read_text("utf-8")) for path in real_release.home.drop_validations.iterdir()]
    failed: dict[str, int] = {}
    for record in records:
        for rule, found in record["failed"].items():
            failed[rule] = failed.get(rule, 0) + found["violations"]
    assert len(records) == len(json.loads(real_release.home.landed.read_text("utf-8"))["drops"])
    assert failed == ODD_FIGURES


def test_known_errors_leave_with_their_figures(real_release: RealRelease) -> None:
    """Two of them, of one provider: its mean wait in December 2024 and in February 2025."""
    noted = real_release.released(
        """
        select notes.period, notes.org_code, notes.measure, figures.value
        from dim_note as notes
        inner join extract_monthly as figures
            on figures.period = notes.period and figures.org_level = notes.org_level
            and figures.org_code = notes.org_code and figures.measure = notes.measure
            and figures.variable_type = notes.variable_type
        where notes.cell_status = 'released' and notes.measure = 'mean_wait_accessing_services'
        order by all
        """
    )
    assert noted == [
        ("2024-12", "DAX02", "mean_wait_accessing_services", 1357.6),
        ("2025-02", "DAX02", "mean_wait_accessing_services", 946.7),
    ]


def test_a_note_whose_file_is_not_loaded_says_so(real_release: RealRelease) -> None:
    """July 2025 is none of the drops: the note on its mean number of sessions below zero has no figure to stand by."""
    loaded = real_release.warehouse("select 1 from marts.fct_monthly where period = '2025-07' and org_code = 'K7Y6R'")
    (status,) = real_release.released(
        "select cell_status from dim_note where note_id = 'mean-sessions-below-zero-k7y6r'"
    )
    assert status == ("released" if loaded else "not_loaded",)
