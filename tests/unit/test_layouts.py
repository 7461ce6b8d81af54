"""Layouts: what a declaration may say, which one a published header belongs to, and what a reader is told of drift."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.layouts import (
    DEEPEST_HEADER_ROW,
    Layout,
    PeriodFromColumns,
    WideMeasures,
    compile_period_pattern,
    compute_layouts_digest,
    load_layouts,
)
from iapt.ingest.layout_matching import compare_header, match_layouts
from iapt.rejection import DropRejectedError
from tests.factories import drops
from tests.factories.seeds import read_seed

LAYOUTS = sorted(path.stem for path in (drops.CATALOGUE / "layouts").glob("*.yml"))
MONTHLY_OR_SERIES = ("monthly_long", "timeseries_long")


def layout(name: str) -> Layout:
    return next(layout for layout in drops.catalogue().layouts if layout.name == name)


def recognised(*rows: drops.Row) -> tuple[str, ...]:
    found = match_layouts(rows, drops.catalogue().layouts, file="offered.csv", place="")
    return tuple(layout.name for layout in found.layouts)


def rejected(*rows: drops.Row) -> DropRejectedError:
    with pytest.raises(DropRejectedError) as rejection:
        match_layouts(rows, drops.catalogue().layouts, file="offered.csv", place="sheet 'One', ")
    return rejection.value


# the catalogue


def test_every_layout_of_the_catalogue_loads_under_the_name_of_its_file() -> None:
    assert [layout.name for layout in drops.catalogue().layouts] == LAYOUTS
    assert set(LAYOUTS) == set(drops.make_published_drops())


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_says_what_each_marker_means(name: str) -> None:
    found = layout(name)
    assert found.tokens["*"] == "suppressed"
    assert found.tokens["NULL"] == "not_applicable"
    assert "" in found.quarantine_tokens
    assert all(found.quarantine_tokens.values())
    assert not set(found.tokens) & set(found.quarantine_tokens)
    assert "published" not in found.tokens.values()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_knows_the_words_that_stand_for_no_organisation(name: str) -> None:
    placeholders = layout(name).levels.placeholders
    assert {"all", "All", "NULL", "null"} <= set(placeholders)
    if name == "quarterly_long":
        assert {"All_ICB", "All_SubICB", "All_Provider"} <= set(placeholders)
    # The publisher's own words for an organisation that is not known have their place in totals
    # (docs/sources.md#organisations).
    assert not {"UNKNOWN", "InvalidCode", "13Q"} & set(placeholders)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_dash_stands_for_what_was_never_published(name: str) -> None:
    assert layout(name).tokens["-"] == "not_published"


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_says_whether_a_file_of_it_was_read(name: str) -> None:
    assert layout(name).evidence in {"read", "inferred"}


@pytest.mark.parametrize(
    "name", [name for name in LAYOUTS if layout(name).levels.column and "England" in layout(name).levels.values]
)
def test_a_region_is_known_under_every_name_that_the_publisher_gives_it(name: str) -> None:
    levels = layout(name).levels.values
    spellings = ["CommissioningRegion", "Commissioning Region", "CommRegion"]
    if name != "timeseries_workbook" and layout(name).levels.otherwise is None:
        assert {levels[spelling].level for spelling in spellings} == {"region"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_period_that_stands_in_a_text_names_two_years_that_must_agree(name: str) -> None:
    found = layout(name)
    if not isinstance(found.period, PeriodFromColumns):
        groups = set(compile_period_pattern(found).groupindex)
        assert groups == {"first_year", "next_year"} | ({"quarter"} if found.period_grain == "quarter" else set())


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_wide_measure_column_leads_to_a_measure(name: str) -> None:
    found = layout(name)
    if not isinstance(found.measures, WideMeasures) or found.series == "data_quality":
        return
    aliases = {(row["series"], row["name_as_published"]) for row in read_seed("measure_aliases")}
    assert [column for column in found.measures.columns if (found.series, column) not in aliases] == []


def test_the_digest_of_layouts_is_of_what_they_say_not_of_how_they_are_written(tmp_path: Path) -> None:
    for name in LAYOUTS:
        content = yaml.safe_load((drops.CATALOGUE / "layouts" / f"{name}.yml").read_text("utf-8"))
        (tmp_path / f"{name}.yml").write_text("# rewritten\n" + yaml.safe_dump(content, sort_keys=False), "utf-8")
    same = load_layouts(tmp_path)
    assert compute_layouts_digest(same) == compute_layouts_digest(drops.catalogue().layouts)
    changed = same[0].model_copy(update={"tokens": {**same[0].tokens, "..": "suppressed"}})
    assert compute_layouts_digest([changed, *same[1:]]) != compute_layouts_digest(same)


# what a declaration may say


def edited(name: str, edit: Callable[[dict[str, Any]], object], folder: Path) -> Path:
    content = yaml.safe_load((drops.CATALOGUE / "layouts" / f"{name}.yml").read_text("utf-8"))
    edit(content)
    (folder / f"{name}.yml").write_text(yaml.safe_dump(content), "utf-8")
    return folder


@pytest.mark.parametrize("part", ["", "recognise", "period", "levels", "measures", "variables", "levels.values.CCG"])
def test_a_key_that_means_nothing_is_rejected_with_its_file_and_place(part: str, tmp_path: Path) -> None:
    def add_key(content: dict[str, Any]) -> None:
        for step in filter(None, part.split(".")):
            content = content[step]
        content["supressed_by"] = "a slip of the pen"

    with pytest.raises(ValueError, match=r"quarterly_wide\.yml[\s\S]*supressed_by"):
        load_layouts(edited("quarterly_wide", add_key, tmp_path))


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("monthly_long", lambda c: c["recognise"].pop("value_columns"), "long layouts, and only long ones"),
        (
            "quarterly_wide",
            lambda c: c["recognise"].update(value_columns=["V"]),
            "long layouts, and only long ones",
        ),
        ("monthly_long", lambda c: c["levels"]["values"]["CCG/Provider"].pop("partner"), "pairs, and only pairs"),
        ("monthly_long", lambda c: c["levels"]["values"]["CCG"].update(partner=["A", "B"]), "pairs, and only pairs"),
        ("monthly_long", lambda c: c["levels"]["values"]["CCG"].pop("organisation"), "names its organisation column"),
        (
            "monthly_long",
            lambda c: c["levels"]["values"]["England"].update(organisation=["A"]),
            "level but england",
        ),
        ("monthly_long", lambda c: c["levels"].update(always={"level": "england"}), "either `always`"),
        ("monthly_long", lambda c: c["levels"].pop("column"), "either `always`"),
        ("monthly_long", lambda c: c["levels"]["values"]["CCG"].update(level="parish"), "england"),
        ("monthly_long", lambda c: c["tokens"].update({"?": "unknown"}), "not_applicable"),
        ("monthly_long", lambda c: c.pop("quarantine_tokens"), "quarantine_tokens"),
        ("monthly_long", lambda c: c["period"].update({"from": "the weather"}), "weather"),
        ("monthly_long", lambda c: c["recognise"].update(header_row=DEEPEST_HEADER_ROW + 1), "header_row"),
        ("monthly_long", lambda c: c["recognise"].update(header_row=0), "header_row"),
        ("monthly_long", lambda c: c.update(name="Monthly Long"), "name"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_rejected(
    name: str, edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"{name}\.yml[\s\S]*{re.escape(message)}"):
        load_layouts(edited(name, edit, tmp_path))


def test_two_layouts_of_one_name_and_an_empty_folder_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found none"):
        load_layouts(tmp_path)
    edited("monthly_long", lambda content: None, tmp_path)
    edited("timeseries_long", lambda content: content.update(name="monthly_long"), tmp_path)
    with pytest.raises(ValueError, match="distinct names"):
        load_layouts(tmp_path)


# recognition


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(drops.MONTHLY_HEADER, MONTHLY_OR_SERIES, id="MEASURE_VALUE_SUPPRESSED"),
        pytest.param(drops.UNSUPPRESSED_HEADER, MONTHLY_OR_SERIES, id="MEASURE_VALUE"),
        pytest.param(drops.BOTH_VALUES_HEADER, MONTHLY_OR_SERIES, id="both value columns"),
        pytest.param(drops.QUARTERLY_LONG_HEADER, ("quarterly_long",), id="quarterly long"),
        pytest.param([*drops.QUARTERLY_LONG_HEADER[:-1], "MEASURE_VALUE"], ("quarterly_long",), id="its other value"),
        pytest.param(drops.QUARTERLY_WIDE_HEADER, ("quarterly_wide",), id="quarterly wide"),
        pytest.param(drops.DATA_QUALITY_HEADER, ("data_quality",), id="data quality"),
        *(
            pytest.param(header, ("annual_main_wide",), id=f"annual {year}")
            for year, header in drops.ANNUAL_HEADERS.items()
        ),
    ],
)
def test_each_published_header_has_its_layout(header: list[str], expected: tuple[str, ...]) -> None:
    assert recognised(header) == expected
    assert recognised(list(reversed(header))) == expected


@pytest.mark.parametrize("year", drops.ANNUAL_HEADERS)
def test_the_annual_headers_tested_are_as_wide_as_each_years_file(year: str) -> None:
    header = drops.ANNUAL_HEADERS[year]
    assert len(header) == len(set(header)) == drops.ANNUAL_WIDTHS[year]


def test_the_annual_header_of_2023_24_is_that_of_2022_23_with_the_old_name_of_the_wait() -> None:
    before, after = drops.ANNUAL_HEADERS["2022-23"], drops.ANNUAL_HEADERS["2023-24"]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [("Mean_WaitAccessingServices", "Mean_WaitEnteredTreatment")]


def test_the_workbooks_header_is_looked_for_in_row_eight_only() -> None:
    assert recognised(*drops.WORKBOOK_BANNER, drops.WORKBOOK_HEADER) == ("timeseries_workbook",)
    figures = drops.make_workbook_row(25)
    for rows, row in (([drops.WORKBOOK_HEADER], 1), ([*drops.WORKBOOK_BANNER[1:], drops.WORKBOOK_HEADER, figures], 7)):
        rejection = rejected(*rows)
        assert rejection.place == "sheet 'One', row 8"
        assert "nearest: timeseries_workbook" in rejection.expected
        assert rejection.found == f"it in row {row}"


def test_a_byte_order_mark_outer_spaces_and_empty_cells_at_the_end_do_not_hide_a_header() -> None:
    first, *others = drops.MONTHLY_HEADER
    assert recognised([f"\ufeff{first} ", *(f" {name}" for name in others), "", None]) == MONTHLY_OR_SERIES


@pytest.mark.parametrize("mark", ["\u200b", "\u00a0", "\u2060", "\ufeff", "\u200e", "\t", "\n"])
def test_characters_that_show_nothing_at_the_ends_of_a_column_name_do_not_hide_it(mark: str) -> None:
    assert recognised([f"{mark}{name}{mark}" for name in drops.MONTHLY_HEADER]) == MONTHLY_OR_SERIES


# drift


def test_a_renamed_column_is_named_with_its_likely_new_spelling() -> None:
    header = ["REPORTING_PERIOD_STARTS" if name.endswith("START") else name for name in drops.QUARTERLY_LONG_HEADER]
    rejection = rejected(header)
    assert rejection.file == "offered.csv"
    assert rejection.place == "sheet 'One', row 1"
    assert "nearest: quarterly_long, Quarterly, long" in rejection.expected
    assert rejection.found == (
        "a header of 15 columns that no layout recognises: "
        "missing 'REPORTING_PERIOD_START' (perhaps now 'REPORTING_PERIOD_STARTS'); unknown 'REPORTING_PERIOD_STARTS'"
    )
    assert "catalogue/layouts" in rejection.remedy


def test_a_missing_column_and_a_new_one_are_each_named() -> None:
    missing = rejected([name for name in drops.DATA_QUALITY_HEADER if name != "Org_Code"])
    assert "nearest: data_quality" in missing.expected
    assert missing.found.endswith("missing 'Org_Code'")
    extra = rejected([*drops.ANNUAL_HEADERS["2024-25"], "Count_Telepathy"])
    assert "nearest: annual_main_wide" in extra.expected
    assert extra.found.endswith("unknown 'Count_Telepathy'")


def test_a_table_without_its_value_column_is_rejected_naming_both_spellings() -> None:
    assert "missing 'MEASURE_VALUE_SUPPRESSED or MEASURE_VALUE'" in rejected(drops.MONTHLY_HEADER[:-1]).found


def test_a_table_without_either_spelling_of_an_annual_measure_is_rejected() -> None:
    header = [name for name in drops.ANNUAL_HEADERS["2020-21"] if name != "Count_ReferralsReceived"]
    assert "missing 'CountReferralsReceived or Count_ReferralsReceived'" in rejected(header).found


def test_a_column_that_stands_twice_is_rejected() -> None:
    rejection = rejected([*drops.MONTHLY_HEADER, "MEASURE_ID"])
    assert rejection.found.endswith("'MEASURE_ID' stands more than once")


def test_a_column_in_other_letters_is_a_drift_not_a_match() -> None:
    header = [name.replace("MEASURE_ID", "measure_id") for name in drops.MONTHLY_HEADER]
    assert "missing 'MEASURE_ID' (perhaps now 'measure_id')" in rejected(header).found
    assert "unknown 'measure_id'" in rejected(header).found


def test_the_letters_of_a_header_do_not_hide_its_nearest_layout() -> None:
    assert "nearest: monthly_long" in rejected([name.lower() for name in drops.MONTHLY_HEADER]).expected
    assert "nearest: annual_main_wide" in rejected([name.upper() for name in drops.ANNUAL_HEADERS["2022-23"]]).expected


def test_a_long_difference_is_cut_and_counted() -> None:
    rejection = rejected([*drops.ANNUAL_HEADERS["2024-25"], *(f"Column {number}" for number in range(40))])
    assert rejection.place.endswith("row 1")
    assert len(rejection.found.split("; ")) == 13
    assert rejection.found.endswith("; and 28 more")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_column_without_a_name_is_known_to_no_layout(name: str) -> None:
    difference = compare_header(layout(name), [*layout(name).known_columns[:1], "", "Another"])
    assert "" in difference.unexpected


def test_a_whole_text_where_a_name_was_expected_is_cut() -> None:
    rejection = rejected([*drops.MONTHLY_HEADER, "x" * 100_000])
    assert rejection.found.endswith(f"unknown '{'x' * 60}...'")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(["Measure ID", "Measure name", "Description"], id="a metadata sheet of the publisher"),
        pytest.param(
            ["MEASURE_ID", "MEASURE_NAME", "Numerator", "Denominator", "Construction"], id="a list of measures"
        ),
        pytest.param(["OrgType", "OrgCode", "OrgName"], id="a list of organisations"),
        pytest.param(["OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB"], id="keys alone"),
        pytest.param(["CCG Code", "CCG Name", "Provider Code", "Provider Name"], id="a look-up of providers"),
        pytest.param([f"Column {number}" for number in range(40)], id="nothing in common"),
        pytest.param(["A single cell"], id="a sentence"),
    ],
)
def test_a_table_that_resembles_no_layout_is_told_so_and_no_layout_is_named(header: list[str]) -> None:
    rejection = rejected(["A title above it"], header)
    assert rejection.expected == "the header of a known layout"
    assert "that no layout recognises or resembles" in rejection.found
    assert repr(header[0]) in rejection.found or len(header) == 1
    assert not any(name in str(rejection) for name in LAYOUTS)
    assert "take it out of the drop folder" in rejection.remedy


def without(header: list[str], *names: str) -> list[str]:
    assert set(names) <= set(header)
    return [f"Changed {number}" if name in names else name for number, name in enumerate(header)]


@pytest.mark.parametrize(
    ("header", "nearest"),
    [
        (without(drops.MONTHLY_HEADER, "GROUP_TYPE", "MEASURE_VALUE_SUPPRESSED"), "monthly_long"),
        (without(drops.QUARTERLY_LONG_HEADER, "ICB", "SubICB", "MEASURE_VALUE_SUPPRESSED"), "quarterly_long"),
        (without(drops.QUARTERLY_WIDE_HEADER, "Quarter"), "quarterly_wide"),
        (without(drops.QUARTERLY_WIDE_HEADER, "STP", "CCG", "RecoveryRate"), "quarterly_wide"),
        (without(drops.DATA_QUALITY_HEADER, "Org_Code", "UID"), "data_quality"),
        (without(drops.ANNUAL_HEADERS["2024-25"], "OrgType", "Count_ReferralsReceived"), "annual_main_wide"),
        # Long like the monthly file, in the names of the annual one: its measures stand in rows.
        ([*drops.MONTHLY_HEADER, "OrgType", "OrgCode", "OrgName", "VariableType", "VariableA"], "monthly_long"),
    ],
)
def test_the_nearest_layout_has_the_shape_of_the_table(header: list[str], nearest: str) -> None:
    assert f"(nearest: {nearest}," in rejected(header).expected


def test_the_nearest_layout_has_the_most_names_in_common_not_the_fewest_differences() -> None:
    renamed = [f"New_{name}" if name.startswith("Mean") else name for name in drops.ANNUAL_HEADERS["2024-25"]]
    rejection = rejected([*renamed, *(f"Extra_{number}" for number in range(10))])
    assert "nearest: annual_main_wide" in rejection.expected
    assert rejection.place.endswith("row 1")


def test_an_empty_table_has_no_header() -> None:
    assert "no header" in rejected().found
    assert "no header" in rejected([], ["", None]).found


# a new layout

FERRY_LAYOUT = """
name: ferry_wide
title: Ferry crossings to the counselling island, invented
series: monthly
period_grain: month
source: a test
evidence: own
recognise:
  header_row: 3
  required: [Month begins, Harbour code, Harbour, Kind, Crossings]
  optional: [Weather]
period:
  from: columns
  start: Month begins
  date_styles: [iso]
levels:
  column: Kind
  values:
    All harbours: {level: england}
    Harbour: {level: provider, organisation: [Harbour code, Harbour]}
variables: total
measures:
  shape: wide
  columns: [Crossings, Mean passengers]
tokens:
  "small": suppressed
  "closed": not_applicable
quarantine_tokens:
  "": a blank says nothing
"""

FERRY_CSV = """Ferry crossings
,
Month begins,Harbour code,Harbour,Kind,Weather,Crossings,Mean passengers
2026-04-01,,,All harbours,fog,120,8.5
2026-04-01,ZZ-H1,Ultima Thule,Harbour,rain,small,closed
2026-04-01,ZZ-H2,Hy-Brasil,Harbour,,45,
"""


def test_a_new_layout_takes_one_yaml_file_and_no_python(tmp_path: Path) -> None:
    before = drops.read(tmp_path, "ferries.csv", FERRY_CSV.encode())
    assert "no layout recognises" in before.rejection

    grown = tmp_path / "catalogue"
    shutil.copytree(drops.CATALOGUE, grown)
    (grown / "layouts" / "ferry_wide.yml").write_text(FERRY_LAYOUT, "utf-8")
    after = drops.read(tmp_path, "ferries.csv", FERRY_CSV.encode(), using=Catalogue(grown))

    columns = ("source_row", "org_level", "org_code", "measure_name", "value", "value_status")
    assert [tuple(cell[column] for column in columns) for cell in after.observations] == [
        (4, "england", "E92000001", "Crossings", 120.0, "published"),
        (4, "england", "E92000001", "Mean passengers", 8.5, "published"),
        (5, "provider", "ZZ-H1", "Crossings", None, "suppressed"),
        (5, "provider", "ZZ-H1", "Mean passengers", None, "not_applicable"),
        (6, "provider", "ZZ-H2", "Crossings", 45.0, "published"),
    ]
    assert [(cell["source_row"], cell["reason"]) for cell in after.quarantine] == [(6, "a blank says nothing")]
    assert after.summary.tables[0].periods == ["2026-04"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  column: Kind", "  column: Kind\n  expected: [[england], [icb]]", "icb is expected and no text means it"),
        ("  shape: wide", "  shape: wide\n  expected: [[Sailings]]", "Sailings is expected and stands in no columns"),
    ],
)
def test_a_layout_expects_only_what_it_knows(before: str, after: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "ferry_wide.yml").write_text(FERRY_LAYOUT.replace(before, after, 1), "utf-8")
    with pytest.raises(ValueError, match=message):
        load_layouts(tmp_path)
    (tmp_path / "ferry_wide.yml").write_text(FERRY_LAYOUT, "utf-8")
    assert load_layouts(tmp_path)


def test_every_column_of_a_reviewed_annual_measure_is_expected_where_each_year_has_it() -> None:
    """The lists of `expected` are the aliases of one measure each, from the first year to the last."""
    aliases = [
        row for row in read_seed("measure_aliases") if row["series"] == "annual" and row["first_period"] >= "2017"
    ]
    by_measure: dict[str, set[str]] = {}
    for row in aliases:
        by_measure.setdefault(row["measure"], set()).add(row["name_as_published"])
    since_first = {row["measure"] for row in aliases if row["first_period"] == "2017-18"}
    measures = layout("annual_main_wide").measures
    assert isinstance(measures, WideMeasures)
    assert sorted(map(sorted, measures.expected)) == sorted(sorted(by_measure[measure]) for measure in since_first)


def test_the_years_of_annual_columns_are_those_of_their_aliases() -> None:
    measures = layout("annual_main_wide").measures
    assert isinstance(measures, WideMeasures)
    years = [f"{year}-{(year + 1) % 100}" for year in range(2017, 2026)]
    for row in read_seed("measure_aliases"):
        if row["series"] == "annual" and row["first_period"] >= "2017":
            of_column = [
                year
                for year in years
                if not any(rule.excludes(row["name_as_published"], year) for rule in measures.years)
            ]
            last = row["last_period"] or years[-1]
            assert of_column == [year for year in years if row["first_period"] <= year <= last], row[
                "name_as_published"
            ]
