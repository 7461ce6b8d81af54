"""The figures of a report are the figures of the release: every cell, and no other."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from iapt.catalogue.report_config import ReportConfig, load_report_config
from iapt.report.area_series import AreaFigures, LevelSpan, read_area_figures
from iapt.report.areas import list_areas
from iapt.report.data_scripts import to_data_script
from iapt.report.release_tables import EVERYONE, GRAINS, Release, ReleaseUnreadableError, list_tables_read, read_release
from iapt.workspace import CATALOGUE, DBT_PROJECT
from tests.factories.report_release import (
    FOLLOWED_BY,
    GAP,
    GAP_REASON,
    HOSTILE_NAME,
    MERGED,
    MERGED_INTO,
    NOT_LOADED,
    NOTES,
    OLD_CODE,
    PLACEHOLDER,
    copy_release,
    write_report_release,
)

EXTRACT_OF = {"monthly": "extract_monthly", "quarterly": "extract_quarterly", "annual": "extract_annual"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def config() -> ReportConfig:
    return load_report_config(CATALOGUE / "report.yml")


@pytest.fixture(scope="module")
def release(folder: Path, config: ReportConfig) -> Release:
    return read_release(folder, config, json.loads((folder / "manifest.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def figures(release: Release, config: ReportConfig) -> dict[str, dict[str, AreaFigures]]:
    return {report: _read_by_area(release, config, report) for report in GRAINS}


def _read_by_area(release: Release, config: ReportConfig, report: str) -> dict[str, AreaFigures]:
    return {area.area: area for area in read_area_figures(release, config, report)}


def _list_cells(
    figures: Mapping[str, AreaFigures], periods: list[str], config: ReportConfig
) -> dict[tuple[str, ...], str]:
    return {
        (area.prefix, area.code, key, measure, periods[number]): cell
        for area in figures.values()
        for key, series in area.series.items()
        for measure, text in zip(config.measure_order, series, strict=True)
        for number, cell in enumerate(text.split(","))
        if cell
    }


def _find_page(level: str, code: str, config: ReportConfig) -> tuple[str, str]:
    """The family and the code under which an organisation is shown: those of the last that followed it alone."""
    while code not in MERGED and (after := FOLLOWED_BY.get((level, code))):
        level, code = after
    return config.families_by_level[level].slug, code


@pytest.mark.parametrize("report", GRAINS)
def test_every_cell_of_the_extract_is_in_the_report_and_no_other(
    report: str, folder: Path, release: Release, config: ReportConfig, figures: dict[str, dict[str, AreaFigures]]
) -> None:
    periods = [period.period for period in release.periods[report]]
    shown = _list_cells(figures[report], periods, config)
    placeholders = {("icb", PLACEHOLDER), ("region", PLACEHOLDER), ("ccg", "13Q")}
    rows = duckdb.sql(
        f"""
        select org_level, org_code, population_type || '/' || population, measure, period, value, value_status,
               statistic, is_derived, lower_bound, upper_bound, suppressed_parts
        from read_parquet('{folder}/{EXTRACT_OF[report]}.parquet') as extract
        inner join read_parquet('{folder}/dim_population.parquet') as populations
            on extract.variable_type = populations.variable_type
            and extract.variable_a is not distinct from populations.variable_a
        """
    ).fetchall()
    expected = {}
    for level, code, key, measure, period, value, status, statistic, is_derived, lower, upper, hidden in rows:
        if (level, code) in placeholders:
            continue
        text = {"suppressed": "c", "not_published": "x"}.get(status)
        if text is None:
            text = f"{value:.1f}" if statistic in ("mean", "median") else str(int(value))
            text += f"~{lower}~{upper}~{hidden}" if is_derived else ""
        expected[*_find_page(level, code, config), key, measure, period] = text
    if report == "annual":
        for year in ("2019-20", "2020-21", "2021-22"):
            value = 1000 + int(year[:4])
            key = ("sub-icb", MERGED_INTO, EVERYONE, "count_referrals_received", year)
            expected[key] = f"{value}~{value - 4}~{value + 8}~1"
    assert {cell: text for cell, text in shown.items() if text != "z"} == expected


def test_the_axis_is_the_calendar_with_its_gaps_and_breaks(release: Release) -> None:
    quarters = {period.period: period for period in release.periods["quarterly"]}
    assert list(quarters) == sorted(quarters)
    assert quarters[GAP].status == "not_published"
    assert quarters[GAP].reason == GAP_REASON
    missing = {
        period.period for periods in release.periods.values() for period in periods if period.status == "not_loaded"
    }
    assert missing == NOT_LOADED
    assert release.periods["annual"][1].breaks_sums


def test_an_organisation_that_took_over_a_code_continues_its_series(
    figures: dict[str, dict[str, AreaFigures]], release: Release
) -> None:
    years = [period.period for period in release.periods["annual"]]
    assert [(years[first], *level) for first, *level in figures["annual"]["icb-QHM"].levels] == [
        ("2019-20", "stp", OLD_CODE),
        ("2020-21", "stp", "QHM"),
        ("2022-23", "icb", "QHM"),
    ]
    assert f"icb-{OLD_CODE}" not in figures["annual"]


def test_a_series_breaks_where_the_boundary_moved_and_nowhere_else(
    figures: dict[str, dict[str, AreaFigures]], release: Release
) -> None:
    """Of a year within which it moved nobody can say which area it is about: the series breaks on both sides of it."""
    years = [period.period for period in release.periods["annual"]]
    breaks = {
        area: [(years[first], reason) for first, reason in area_figures.boundary_breaks]
        for area, area_figures in figures["annual"].items()
        if area_figures.boundary_breaks
    }
    why = "The boundary of this area moved on 1 July 2022."
    assert breaks == {"icb-QF7": [("2022-23", why)], "region-Y63": [("2022-23", why), ("2024-25", why)]}


def test_a_place_that_several_became_has_their_sums_before_and_says_so(
    figures: dict[str, dict[str, AreaFigures]], release: Release, config: ReportConfig
) -> None:
    joint = figures["annual"][f"sub-icb-{MERGED_INTO}"]
    years = [period.period for period in release.periods["annual"]]
    assert [(years[first], *level) for first, *level in joint.levels] == [
        ("2019-20", "sum", "; ".join(MERGED)),
        ("2022-23", "sub_icb", MERGED_INTO),
    ]
    recovery = joint.series[EVERYONE][config.measure_order.index("percentage_recovery")].split(",")
    assert recovery[:3] == ["", "", ""]
    assert joint.boundary_breaks == ()


@pytest.mark.parametrize(
    "change",
    [
        "'boundary_moved' as comparability",
        "'former' as comparability",
        "'not_known' as comparability",
        "'not_published' as value_status",
        "'percentage' as statistic",
        "false as is_derived",
    ],
)
def test_only_a_whole_sum_of_counts_of_the_same_area_is_shown(
    tmp_path: Path, folder: Path, config: ReportConfig, change: str
) -> None:
    query = f"select * replace ({change}) from original"
    copied = copy_release(folder, tmp_path / "release", extract_annual_current_boundaries=query)
    areas_read = _read_by_area(read_release(copied, config, {}), config, "annual")
    assert [level for _, level, _ in areas_read[f"sub-icb-{MERGED_INTO}"].levels] == ["sub_icb"]


def test_a_placeholder_is_no_place(
    figures: dict[str, dict[str, AreaFigures]], release: Release, config: ReportConfig
) -> None:
    areas = list_areas(release, config, figures)
    assert {area.code for area in areas} & {PLACEHOLDER, "13Q"} == set()
    codes = {area.code for areas_of_report in figures.values() for area in areas_of_report.values()}
    assert codes & {PLACEHOLDER, "13Q"} == set()


def test_what_ended_and_what_came_of_it_lead_to_each_other(
    figures: dict[str, dict[str, AreaFigures]], release: Release, config: ReportConfig
) -> None:
    areas = {area.id: area for area in list_areas(release, config, figures)}
    joint = areas[f"sub-icb-{MERGED_INTO}"]
    assert [related.area for related in joint.before] == [f"sub-icb-{code}" for code in MERGED]
    assert joint.ended == ""
    for code in MERGED:
        ended = areas[f"sub-icb-{code}"]
        assert [related.area for related in ended.after] == [joint.id]
        assert ended.ended == "30 June 2022"
    assert OLD_CODE in areas["icb-QHM"].note
    assert areas["icb-QHM"].before == areas["icb-QHM"].after == ()


def test_a_release_without_the_days_of_boundary_moves_is_refused_to_plain_words(
    tmp_path: Path, folder: Path, config: ReportConfig
) -> None:
    query = "select * exclude (boundary_moves) from original"
    copied = copy_release(folder, tmp_path / "release", dim_organisation=query)
    with pytest.raises(ReleaseUnreadableError, match="older version"):
        read_release(copied, config, {})


def test_two_organisations_of_one_code_in_one_period_stay_apart(
    tmp_path: Path, folder: Path, config: ReportConfig
) -> None:
    query = """
        from original union all by name
        select * replace ('stp' as org_level) from original where org_code = 'QHM' and period = '2022-23'
    """
    copied = copy_release(folder, tmp_path / "release", mart_outcomes=query)
    read = read_release(copied, config, {})
    areas_read = _read_by_area(read, config, "annual")
    assert [level for _, level, _ in areas_read["icb-QHM"].levels] == ["stp", "icb"]
    assert areas_read["icb-QHM"].levels[0][2] == OLD_CODE
    assert [level for _, level, _ in areas_read["stp-QHM"].levels] == ["stp"]
    areas = {area.id: area for area in list_areas(read, config, {"annual": areas_read})}
    assert [related.area for related in areas["stp-QHM"].after] == ["icb-QHM"]


def test_a_measure_that_never_applies_has_no_series(
    figures: dict[str, dict[str, AreaFigures]], config: ReportConfig
) -> None:
    mean = config.measure_order.index("mean_wait_accessing_services")
    assert figures["annual"]["england"].series[EVERYONE][mean]
    assert not figures["annual"]["england"].series["age_band/18_to_25"][mean]


def test_organisations_are_listed_under_their_newest_name(
    release: Release, config: ReportConfig, figures: dict[str, dict[str, AreaFigures]]
) -> None:
    areas = {area.id: area for area in list_areas(release, config, figures)}
    assert areas["sub-icb-02P"].name == "NHS South Yorkshire ICB - 02P"
    assert areas["sub-icb-02P"].reports == ("monthly", "quarterly", "annual")
    assert HOSTILE_NAME in {area.name for area in areas.values()}
    assert "Ended on 30 June 2022" in areas["sub-icb-15E"].note
    order = [family.slug for family in config.families]
    assert [order.index(area.family) for area in areas.values()] == sorted(
        order.index(area.family) for area in areas.values()
    )


def _make_figures(prefix: str, code: str, *levels: str) -> dict[str, dict[str, AreaFigures]]:
    spans = tuple(LevelSpan(number, level, code) for number, level in enumerate(levels))
    return {"monthly": {f"{prefix}-{code}": AreaFigures(f"{prefix}-{code}", prefix, code, spans, {})}}


def test_an_organisation_is_described_at_the_newest_level_at_which_it_has_figures(
    tmp_path: Path, folder: Path, config: ReportConfig
) -> None:
    """In no drop, if only totals built here name it; and not as a listed organisation that never had a figure."""
    query = """
        select * replace (false as is_in_drops) from original
        union all by name
        select * replace ('icb' as org_level, 'A NEW BOARD' as org_name, null as valid_to)
        from original where org_level = 'stp' and org_code = 'QF7'
    """
    copied = copy_release(folder, tmp_path / "release", dim_organisation=query)
    read = read_release(copied, config, {})
    [board] = list_areas(read, config, _make_figures("icb", "QHM", "stp", "icb"))
    assert "Ended" not in board.note
    [partnership] = list_areas(read, config, _make_figures("icb", "QF7", "stp"))
    assert "Ended on 30 June 2022" in partnership.note
    assert partnership.name != "A NEW BOARD"


def test_an_organisation_that_nothing_describes_stops_the_report(release: Release, config: ReportConfig) -> None:
    with pytest.raises(ReleaseUnreadableError, match="expected icb Q00, which has figures"):
        list_areas(release, config, _make_figures("icb", "Q00", "icb"))


def test_a_status_that_no_page_knows_stops_the_report(tmp_path: Path, folder: Path, config: ReportConfig) -> None:
    copied = copy_release(
        folder,
        tmp_path / "release",
        mart_outcomes="select * replace ('guessed' as count_recovery_status) from original",
    )
    read = read_release(copied, config, {})
    with pytest.raises(duckdb.Error, match="found guessed"):
        list(read_area_figures(read, config, "annual"))


def test_how_a_figure_stands_to_its_standard_is_the_releases_word(
    tmp_path: Path, folder: Path, config: ReportConfig
) -> None:
    """By period; and of a figure that is suppressed nothing is said, whatever stands beside it."""
    words = "if(period = '2022-23', 'missed', if(org_level = 'england', 'met', 'ambiguous'))"
    query = f"select * replace ({words} as percentage_recovery_standard_status) from original"
    copied = copy_release(folder, tmp_path / "release", mart_outcomes=query)
    read = read_release(copied, config, {})
    areas_read = _read_by_area(read, config, "annual")
    years = [period.period for period in read.periods["annual"]]
    words = areas_read["england"].standards[EVERYONE]["percentage_recovery"].split(",")
    assert {year: word for year, word in zip(years, words, strict=True) if word} == {
        year: "missed" if year == "2022-23" else "met" for year in years if year not in NOT_LOADED
    }
    assert "bme_group/bme" in areas_read["england"].standards
    assert "age_band/18_to_25" not in areas_read["england"].standards
    assert all(text for measures in areas_read["england"].standards.values() for text in measures.values())
    number = config.measure_order.index("percentage_recovery")
    cells = [
        (cell, word)
        for area in areas_read.values()
        for key, measures in area.standards.items()
        for cell, word in zip_longest(
            area.series[key][number].split(","), measures["percentage_recovery"].split(","), fillvalue=""
        )
    ]
    assert "c" in {cell for cell, _ in cells}
    assert {word for cell, word in cells if not cell.isdigit()} == {""}


def test_the_exposure_names_the_tables_a_report_is_made_from(config: ReportConfig) -> None:
    path = DBT_PROJECT / "models" / "topics" / "_exposures.yml"
    exposures = {exposure["name"]: exposure for exposure in yaml.safe_load(path.read_text("utf-8"))["exposures"]}
    named = re.findall(r"ref\('(\w+)'\)", " ".join(exposures["statistics_report"]["depends_on"]))
    assert sorted(named) == sorted(list_tables_read(config))


def test_a_folder_without_the_tables_is_refused_and_says_which(
    tmp_path: Path, folder: Path, config: ReportConfig
) -> None:
    copied = shutil.copytree(folder, tmp_path / "release")
    (copied / "dim_standard.parquet").unlink()
    with pytest.raises(ReleaseUnreadableError, match=r"dim_standard\.parquet") as error:
        read_release(copied, config, {})
    assert "Name a release folder" in str(error.value)


def test_only_standards_whose_text_is_held_are_drawn(release: Release) -> None:
    assert {standard["label"] for standard in release.standards} == {"50% recovery standard", "75% within 6 weeks"}


def test_data_cannot_end_the_script_that_carries_it() -> None:
    hostile: Any = {"name": "</script><!-- \u2028 &", "x": 1}
    script = to_data_script("site", hostile)
    assert "<" not in script
    assert "\u2028" not in script
    assert json.loads(re.fullmatch(r'iapt\.receive\("site",(.*)\);\n', script)[1]) == hostile  # type: ignore[index]


def test_notes_on_released_figures_are_with_them_and_no_others(
    figures: dict[str, dict[str, AreaFigures]], release: Release
) -> None:
    months = [period.period for period in release.periods["monthly"]]
    notes = [note.id for note in release.notes]
    assert notes == sorted({note for note, *_ in NOTES})
    areas_read = {
        (notes[note], months[number], area.code, measure)
        for area in figures["monthly"].values()
        for number, measure, note in [
            *((number, measure, note) for key, measure, number, note in area.notes if key == EVERYONE),
            *area.remarks,
        ]
    }
    assert areas_read == {(note, period, code, measure) for note, _, period, _, code, measure in NOTES}
    assert [measure for _, measure, _ in figures["monthly"]["provider-RGD"].remarks] == ["mean_hi_sessions"]
    assert not any(area.notes for report in ("quarterly", "annual") for area in figures[report].values())
