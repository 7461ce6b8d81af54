"""From facts to extracts to topic marts: no status is lost, no figure added; sums are of their parts, windows whole."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.integration.conftest import BuiltHome
from tests.oracles.topic_marts import (
    GRAINS,
    NEVER_LEFT_OUT,
    STATUS_CHANGES,
    TOPICS,
    WRONG_SUMS,
    Ask,
    count_repeated_values,
    count_status_changes,
    count_statuses,
    count_values_without_a_current_row,
    list_all_measures,
    list_measures,
    select_mart_cells,
    select_released_cells,
)


@pytest.fixture(scope="module")
def ask(released_home: BuiltHome) -> Iterator[Ask]:
    """A question to the warehouse, for its rows."""
    with duckdb.connect(str(released_home.home.warehouse), read_only=True) as connection:
        connection.execute("set threads = 1")  # two make nothing but more work of so few rows
        yield lambda query: connection.execute(query).fetchall()


# -- statuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grain", GRAINS)
def test_what_was_read_of_a_topic_is_in_the_fact_with_its_status(ask: Ask, grain: str) -> None:
    """The believed observations, cell for cell; what a fact adds is the rows of a known gap, which no drop has."""
    listed = ", ".join(f"'{measure}'" for measure in list_all_measures(ask))
    read = ask(
        "select measure, value_status, count(*) from intermediate.int_ranked_observations "
        f"where precedence = 1 and period_grain = '{grain}' and measure in ({listed}) group by all order by all"
    )
    kept = ask(
        f"select measure, value_status, count(*) from marts.{GRAINS[grain][0]} "
        f"where drop_sha256 is not null and measure in ({listed}) group by all order by all"
    )
    assert kept == read
    added = ask(f"select distinct value_status from marts.{GRAINS[grain][0]} where drop_sha256 is null")
    assert added == ([("not_published",)] if grain == "quarter" else [])


@pytest.mark.parametrize("grain", GRAINS)
def test_a_status_of_a_fact_stays_in_the_extract_but_for_what_the_policy_hides(ask: Ask, grain: str) -> None:
    found = ask(count_status_changes(grain, list_all_measures(ask)))
    assert {(before, after) for before, after, _ in found} <= STATUS_CHANGES
    leaves = {(status, number) for status, number in ask(leaving(grain, list_all_measures(ask)))}
    told: dict[object, int] = {}
    for _, after, number in found:
        if after is not None:
            told[after] = told.get(after, 0) + number
    assert leaves == set(told.items())


def leaving(grain: str, measures: list[str]) -> str:
    """How many cells of each status the extract has, sums of parts apart."""
    listed = ", ".join(f"'{measure}'" for measure in measures)
    return (
        f"select value_status, count(*) from extracts.{GRAINS[grain][1]} "
        f"where measure in ({listed}) and not is_derived group by all"
    )


@pytest.mark.parametrize("mart", TOPICS)
def test_each_status_is_as_often_in_the_topic_mart_as_in_the_extracts_and_facts(ask: Ask, mart: str) -> None:
    in_mart = ask(count_statuses(select_mart_cells(ask, mart)))
    assert in_mart == ask(count_statuses(select_released_cells(list_measures(ask, mart))))
    # A number is there where the status says so, and nowhere else.
    assert [row for row in in_mart if row[4] != (row[3] if row[2] == "published" else 0)] == []


def test_the_topics_have_cells_of_every_status(ask: Ask) -> None:
    """Else nothing here would tell that one of them is kept."""
    found = {status for mart in TOPICS for _, _, status, _, _ in ask(count_statuses(select_mart_cells(ask, mart)))}
    assert found == {"published", *NEVER_LEFT_OUT}


@pytest.mark.parametrize("mart", TOPICS)
def test_a_topic_mart_has_the_cells_of_the_extracts_and_no_other(ask: Ask, mart: str) -> None:
    """Value, status and bounds, cell for cell, in both directions."""
    wide, long = select_mart_cells(ask, mart), select_released_cells(list_measures(ask, mart))
    assert ask(f"select count(*) from (({wide}) except all ({long}))") == [(0,)]
    assert ask(f"select count(*) from (({long}) except all ({wide}))") == [(0,)]


def test_a_standard_is_assessed_only_where_there_is_a_figure(ask: Ask) -> None:
    for mart in TOPICS:
        for measure in list_measures(ask, mart):
            if f"{measure}_standard" in columns_of(ask, mart):
                assert ask(
                    f"select count(*) from marts.{mart} where {measure} is null "
                    f"and ({measure}_standard is not null or {measure}_standard_status is not null)"
                ) == [(0,)]
                assert ask(f"select count({measure}_standard_status) > 0 from marts.{mart}") == [(True,)]


def columns_of(ask: Ask, mart: str) -> set[object]:
    return {name for (name,) in ask(f"select column_name from information_schema.columns where table_name = '{mart}'")}


# -- the recovery rate -------------------------------------------------------------------------------------------------


def test_recovery_rates_are_those_of_the_extracts(ask: Ask) -> None:
    """Every recovery rate that leaves, of the levels and populations that the mart is of, and nothing else."""
    extracts = " union all ".join(
        f"select '{grain}' as period_grain, * from extracts.{extract}" for grain, (_, extract) in GRAINS.items()
    )
    key = "period_grain, period, org_level, org_code, variable_type, variable_a, variable_b"
    leaves = f"""
        select {key}, value, value_status from ({extracts}) as leaves
        semi join (
            select * from marts.dim_population
            where population_type in ('total', 'bme_group', 'ethnic_group', 'ethnic_category')
        ) as populations
            on leaves.variable_type = populations.variable_type
            and leaves.variable_a is not distinct from populations.variable_a
            and leaves.variable_b is not distinct from populations.variable_b
        where leaves.measure = 'percentage_recovery' and leaves.org_level in ('england', 'icb', 'stp')
    """
    mart = f"""
        select {key}, recovery_rate, recovery_rate_status from marts.mart_recovery_rate
        where recovery_rate_status <> 'not_applicable'
    """
    assert ask(f"select count(*) > 0 from ({leaves})") == [(True,)]
    assert ask(f"select count(*) from (({mart}) except all ({leaves}))") == [(0,)]
    assert ask(f"select count(*) from (({leaves}) except all ({mart}))") == [(0,)]


def test_the_quarter_that_never_was_has_its_rows_in_the_topics_and_no_figure(ask: Ask) -> None:
    """Of the organisations that the quarters beside it have; the files of that time print no England and no STP."""
    beside = "select count(distinct org_code) from marts.mart_outcomes where period = '2020-21 Q3'"
    rows = ask(
        "select percentage_recovery_status, count(percentage_recovery), count(percentage_recovery_standard), "
        "count(distinct org_code) from marts.mart_outcomes where period = '2020-21 Q2' group by all"
    )
    assert [row[:3] for row in rows] == [("not_published", 0, 0)]
    assert [row[3:] for row in rows] == ask(beside)
    assert ask("select count(recovery_rate) from marts.mart_recovery_rate where period = '2020-21 Q2'") == [(0,)]


def test_no_month_of_an_icb_has_a_recovery_rate(ask: Ask) -> None:
    """Monthly files print none, and none is made from the counts of its locations."""
    assert ask(
        "select count(*) from marts.mart_recovery_rate where period_grain = 'month' and org_level <> 'england'"
    ) == [(0,)]
    assert ask("select distinct statistic from extracts.extract_monthly where is_derived") == [("count",)]


# -- sums --------------------------------------------------------------------------------------------------------------


def test_the_months_of_icbs_are_the_sums_of_their_locations(ask: Ask) -> None:
    ((bodies, wrong),) = ask(WRONG_SUMS)
    assert bodies > 100
    assert wrong == 0
    derived = ask("select count(*) from extracts.extract_monthly where is_derived and org_level in ('icb', 'stp')")
    assert derived == [(bodies,)]


def test_some_body_is_a_sum_of_several_locations(ask: Ask) -> None:
    """Else the sums of the demonstration would prove nothing."""
    ((most,),) = ask(
        "select max(parts) from (select count(*) as parts from marts.dim_organisation_history as history "
        "semi join extracts.extract_monthly as bodies on history.parent_code = bodies.org_code and bodies.is_derived "
        "semi join extracts.extract_monthly as parts "
        "on history.org_code = parts.org_code and history.org_level = parts.org_level "
        "group by history.parent_code, history.valid_from)"
    )
    assert most > 1


@pytest.mark.parametrize("extract", [extract for _, extract in GRAINS.values()])
def test_every_figure_of_a_place_has_a_row_on_current_boundaries(ask: Ask, extract: str) -> None:
    ((figures, _, missing),) = ask(count_values_without_a_current_row(extract))
    assert figures > 100
    assert missing == 0


def test_no_figure_on_current_boundaries_stands_twice(ask: Ask) -> None:
    """Organisations that merged are one row, though each was still there when its year began."""
    for _, extract in GRAINS.values():
        assert ask(count_repeated_values(extract)) == [(0,)]


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_window_over_a_month_that_is_missing_is_empty_and_names_it(ask: Ask) -> None:
    """Of every window: by the calendar, and not by what the model made of it."""
    missing = """
        select windows.*, min(months.period) as first_missing
        from marts.mart_rolling_totals as windows
        inner join marts.dim_period as months
            on months.period_grain = 'month'
            and months.publication_status <> 'published'
            and months.period_start between windows.total_start and windows.total_end
        group by all
    """
    ((windows, filled, unnamed),) = ask(
        f"""
        select
            count(*),
            count(*) filter (
                coalesce(value, lower_bound, upper_bound) is not null or value_status <> 'not_published'
            ),
            count(*) filter (
                reason is null
                or not starts_with(reason, first_missing)
                and not starts_with(reason, 'The series breaks') and not starts_with(reason, 'The calendar')
            )
        from ({missing})
        """
    )
    assert windows > 100
    assert (filled, unnamed) == (0, 0)


def test_a_window_without_a_reason_is_the_sum_of_its_months(ask: Ask) -> None:
    ((windows, wrong),) = ask(
        """
        with sums as (
            select
                windows.total_type, windows.period, windows.org_level, windows.org_code, windows.measure,
                any_value(windows.months_needed) as months_needed,
                any_value(windows.value) as value,
                any_value(windows.lower_bound) as lower_bound,
                any_value(windows.upper_bound) as upper_bound,
                count(*) as months,
                sum(figures.value) as sum_of_values,
                sum(figures.lower_bound) as sum_of_lower,
                sum(figures.upper_bound) as sum_of_upper
            from marts.mart_rolling_totals as windows
            inner join extracts.extract_monthly as figures
                on windows.org_level = figures.org_level
                and windows.org_code = figures.org_code
                and windows.measure = figures.measure
                and figures.variable_type = 'Total'
                and figures.partner_code is null
                and figures.period_start between windows.total_start and windows.total_end
            where windows.reason is null
            group by 1, 2, 3, 4, 5
        )
        select
            count(*),
            count(*) filter (
                months <> months_needed or value is distinct from sum_of_values
                or lower_bound <> sum_of_lower or upper_bound <> sum_of_upper
            )
        from sums
        """
    )
    assert windows > 10
    assert wrong == 0


def test_no_window_lies_across_a_break(ask: Ask) -> None:
    assert ask(
        """
        select count(*) from marts.mart_rolling_totals as windows
        inner join marts.dim_period as months
            on months.period_grain = 'month'
            and months.breaks_sums
            and windows.total_start < months.period_start
            and months.period_start <= windows.total_end
        where windows.value_status <> 'not_published' or windows.reason is null
        """
    ) == [(0,)]
