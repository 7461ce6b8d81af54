"""What tightened bounds reveal: one invented example of each risk class, and counts of no group that is small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.disclosure.disclosure_risk import (
    MIN_GROUP_SIZE,
    RISK_CLASSES,
    RiskCount,
    classify_risk,
    count_source_disclosure_risk,
    merge_reportable_groups,
)
from tests.factories.audit_sources import (
    FINISHED,
    IMPROVEMENT,
    NOT_AT_CASENESS,
    RECOVERY,
    WITHIN_6_WEEKS,
    Cell,
    Figure,
    Population,
    Shape,
    audit_figures,
    make_counts,
    make_database,
    publish,
    shown_figure,
)

PERIOD = "2025-26 Q1"
ENGLAND = Population(PERIOD, "england", "E92000001")
PLACE = Population(PERIOD, "sub_icb", "9ZA")
ONE, OTHER = (Population(PERIOD, "sub_icb_provider", "9ZA", code) for code in ("RZ1", "RZ2"))


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with make_database() as database:
        yield database


def classify_cells(connection: duckdb.DuckDBPyConnection, figures: list[Figure]) -> dict[tuple[str, str], list[str]]:
    """The risk classes of the audited cells of each level and measure; '' where a cell has none."""
    audit_figures(connection, figures)
    classify_risk(connection)
    found: dict[tuple[str, str], list[str]] = {}
    for level, measure, name in connection.execute(
        "select org_level, measure, coalesce(risk_class, '') as risk_class from classified_cell order by all"
    ).fetchall():
        found.setdefault((level, measure), []).append(name)
    return found


def row(population: Population, **shown: float | None) -> list[Figure]:
    """Figures of one population by the end of their measures' names."""
    names = {
        "finished": FINISHED,
        "below": NOT_AT_CASENESS,
        "recovered": RECOVERY,
        "improved": IMPROVEMENT,
        "in_6_weeks": WITHIN_6_WEEKS,
        "recovery_rate": "percentage_recovery",
        "rate_below": "percentage_not_at_caseness",
        "rate_in_6_weeks": "percentage_accessing_services_6_weeks_finished_course_treatment",
    }
    return [shown_figure(population, names[name], value) for name, value in shown.items()]


def test_a_suppressed_count_that_one_row_pins_is_exact(connection: duckdb.DuckDBPyConnection) -> None:
    """Of all counts that are shown so, only 33 finished, 4 not at caseness and 27 recovered make 93 per cent.

    The 2 who did not recover were never published either.
    """
    figures = row(PLACE, finished=35, below=None, recovered=25, recovery_rate=93)
    assert classify_cells(connection, figures) == {
        ("sub_icb", NOT_AT_CASENESS): ["exact_disclosure"],
        ("sub_icb", "percentage_recovery"): ["small_complement"],
    }
    assert connection.execute("select lower_bound, upper_bound from cell order by lower_bound").fetchall() == [
        (4, 4),
        (27, 27),
        (33, 33),
    ]


def test_a_suppressed_count_that_can_only_be_zero_is_exact(connection: duckdb.DuckDBPyConnection) -> None:
    """England finished 8, and one of its two regions no fewer."""
    regions = [Population(PERIOD, "region", code) for code in ("Y1", "Y2")]
    figures = [*row(ENGLAND, finished=8), *row(regions[0], finished=10), *row(regions[1], finished=None)]
    assert classify_cells(connection, figures) == {("region", FINISHED): ["exact_zero"]}


def test_a_numerator_that_can_only_be_zero_reveals_the_outcome_of_a_whole_group(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """England has 8 recoveries, all in one region: everybody in the other did not recover."""
    regions = [Population(PERIOD, "region", code) for code in ("Y1", "Y2")]
    figures = [
        *row(ENGLAND, finished=60, below=12, recovered=8),
        *row(regions[0], finished=40, below=5, recovered=10),
        *row(regions[1], finished=20, below=5, recovered=None),
    ]
    assert classify_cells(connection, figures) == {("region", RECOVERY): ["class_disclosure"]}


def test_a_numerator_of_zero_reveals_nothing_where_the_group_may_be_empty(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """The other region's 5 to 7 courses may all have been finished below caseness."""
    regions = [Population(PERIOD, "region", code) for code in ("Y1", "Y2")]
    figures = [
        *row(ENGLAND, recovered=8),
        *row(regions[0], finished=40, below=5, recovered=10),
        *row(regions[1], finished=5, below=5, recovered=None),
    ]
    assert classify_cells(connection, figures) == {("region", RECOVERY): ["exact_zero"]}


@pytest.mark.parametrize(
    ("rate", "name"),
    [("rate_in_6_weeks", WITHIN_6_WEEKS), ("rate_below", NOT_AT_CASENESS)],
    ids=["apart", "its own part"],
)
def test_a_group_that_shares_an_outcome_is_known_by_its_complement(
    connection: duckdb.DuckDBPyConnection, rate: str, name: str
) -> None:
    shown = {"in_6_weeks" if name == WITHIN_6_WEEKS else "below": 20, rate: 100}
    found = classify_cells(connection, row(PLACE, finished=20, **shown))
    ((level, measure),) = found
    assert (level, measure.split("_")[0]) == ("sub_icb", "percentage")
    assert found[level, measure] == ["class_disclosure"]


def test_a_complement_of_a_few_is_small_though_nobody_published_it(connection: duckdb.DuckDBPyConnection) -> None:
    """97 per cent of about 100 leave 3."""
    figures = row(PLACE, finished=100, in_6_weeks=95, rate_in_6_weeks=97)
    found = classify_cells(connection, figures)
    assert list(found.values()) == [["small_complement"]]
    assert connection.execute("select lower_bound, upper_bound from complement").fetchall() == [(3, 3)]


def test_a_complement_that_may_be_more_than_a_few_has_no_risk_class(connection: duckdb.DuckDBPyConnection) -> None:
    figures = row(PLACE, finished=100, in_6_weeks=90, rate_in_6_weeks=91)
    assert classify_cells(connection, figures) == {}


def test_a_suppressed_count_that_is_certainly_someone_is_known_not_to_be_zero(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    figures = [*row(PLACE, finished=10), *row(ONE, finished=5), *row(OTHER, finished=None)]
    assert classify_cells(connection, figures) == {("sub_icb_provider", FINISHED): ["nonzero_known"]}


def test_a_suppressed_count_with_fewer_values_left_is_an_approximate_disclosure(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    figures = [*row(PLACE, finished=5), *row(ONE, finished=5), *row(OTHER, finished=None)]
    assert classify_cells(connection, figures) == {("sub_icb_provider", FINISHED): ["approximate_disclosure"]}


def test_a_suppressed_count_that_nothing_bears_on_is_audited_and_has_no_risk_class(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert classify_cells(connection, row(PLACE, finished=50, below=None)) == {("sub_icb", NOT_AT_CASENESS): [""]}


def test_a_cell_has_one_risk_class_and_every_suppressed_cell_is_audited(connection: duckdb.DuckDBPyConnection) -> None:
    figures = publish(make_counts("year", seed=4, shape=Shape(icbs=4, providers=5)))
    audit_figures(connection, figures, "year")
    classify_risk(connection)
    suppressed = sum(figure.statistic == "count" and figure.value is None for figure in figures)
    audited = connection.execute(
        "select count(*), count(distinct cell) from classified_cell join cell using (cell) where is_suppressed"
    ).fetchone()
    assert audited == (suppressed, suppressed)
    names = {name for (name,) in connection.execute("select distinct risk_class from classified_cell").fetchall()}
    assert {"exact_disclosure", "class_disclosure", "nonzero_known"} <= names <= {None, *RISK_CLASSES}


def test_a_group_is_named_by_the_finished_courses_of_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    finished = [None, 20, 25, 50, 55, 245, 250]
    figures = [
        figure
        for place, shown in enumerate(finished)
        for figure in row(Population(PERIOD, "provider", f"RZ{place}"), finished=shown, improved=None)
    ]
    classify_cells(connection, figures)
    bands = {
        group.size_band: group.audited
        for group in count_source_disclosure_risk(connection)
        if group.measure == IMPROVEMENT
    }
    assert bands == {"under 25": 2, "25 to 49": 1, "50 to 99": 2, "100 to 249": 1, "250 and more": 1}


def test_a_group_without_finished_courses_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    classify_cells(connection, row(PLACE, improved=None))
    assert [group.size_band for group in count_source_disclosure_risk(connection)] == ["not published"]


def test_the_source_disclosure_risk_counts_cells_and_names_no_organisation(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    figures = publish(make_counts("quarter", seed=6, shape=Shape(icbs=3)))
    found = classify_cells(connection, figures)
    groups = count_source_disclosure_risk(connection)
    assert {field.name for field in fields(RiskCount)} == {
        *("period", "measure", "org_level", "size_band", "audited", "counts")
    }
    codes = {
        code
        for figure in figures
        for code in (figure.population.org_code, figure.population.partner_code, figure.population.parent_code)
        if code is not None
    }
    table = connection.execute("select * from risk_count").fetchall()
    assert len(codes) > 10
    assert codes.isdisjoint(str(value) for line in table for value in line)
    assert codes.isdisjoint(str(value) for group in groups for value in vars(group).values())
    assert sum(group.audited for group in groups) == sum(map(len, found.values()))
    for name in RISK_CLASSES:
        assert sum(group.counts[name] for group in groups) == sum(names.count(name) for names in found.values())


GROUPS = st.lists(
    st.builds(
        RiskCount,
        period=st.sampled_from(["2023-24", "2024-25"]),
        measure=st.sampled_from([RECOVERY, FINISHED]),
        org_level=st.sampled_from(["icb", "provider"]),
        size_band=st.sampled_from(["under 25", "25 to 49"]),
        audited=st.integers(1, 120),
        counts=st.fixed_dictionaries({name: st.integers(0, 9) for name in RISK_CLASSES}),
    ),
    max_size=12,
)


@given(GROUPS)
def test_what_is_reported_is_of_a_hundred_cells_at_least_over_all_periods(groups: list[RiskCount]) -> None:
    sizes: dict[Cell | tuple[str, ...], int] = {}
    exact: dict[tuple[str, ...], int] = {}
    for group in groups:
        key = (group.measure, group.org_level, group.size_band)
        sizes[key] = sizes.get(key, 0) + group.audited
        exact[key] = exact.get(key, 0) + group.counts["exact_disclosure"]
    reported = merge_reportable_groups(groups)
    assert MIN_GROUP_SIZE == 100
    assert all(group.audited >= 100 and group.period == "all" for group in reported)
    assert {(group.measure, group.org_level, group.size_band): group.audited for group in reported} == {
        key: size for key, size in sizes.items() if size >= 100
    }
    assert all(
        group.counts["exact_disclosure"] == exact[group.measure, group.org_level, group.size_band] for group in reported
    )
