"""Keys as they are read: white space at the ends, words for no organisation, the shape of codes, numbers too large.

Every kind is tried in every layout: what is odd in one row must not spoil the others, and must not become a figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iapt.catalogue.organisation_codes import OrganisationCodes, reduce_to_word
from iapt.ingest.cell_conditions import is_number, is_too_large
from iapt.ingest.shaping import TOO_LARGE
from iapt.sql import quote_literal
from tests.factories import drops
from tests.factories.drops import (
    ANNUAL_HEADERS,
    BOARD,
    BOTH_VALUES_HEADER,
    BY_VARIABLE_2015_HEADER,
    BY_VARIABLE_2016_HEADER,
    COMMISSIONER,
    DATA_QUALITY_HEADER,
    FINISHED,
    MONTHLY_HEADER,
    MONTHLY_WIDE_HEADER,
    PROVIDER,
    QUARTERLY_LONG_HEADER,
    QUARTERLY_WIDE_HEADER,
    STP_CCG_LONG_HEADER,
    WORKBOOK_BANNER,
    WORKBOOK_HEADER,
    Body,
    Cell,
    ReadDrop,
    Row,
    make_annual_row,
    make_by_variable_row,
    make_csv,
    make_data_quality_row,
    make_monthly_wide_row,
    make_quarterly_row,
    make_quarterly_wide_row,
    make_row,
    make_stp_ccg_row,
    make_workbook_row,
    make_xlsx,
    read,
    read_monthly,
)
from tests.factories.seeds import read_seed

#: A file of each layout and its header.
FILES: dict[str, tuple[str, Row]] = {
    "monthly_long": ("monthly.csv", MONTHLY_HEADER),
    "timeseries_long": ("series.csv", MONTHLY_HEADER),
    "timeseries_workbook": ("series.xlsx", WORKBOOK_HEADER),
    "quarterly_long": ("quarter.csv", QUARTERLY_LONG_HEADER),
    "quarterly_wide": ("quarter.csv", QUARTERLY_WIDE_HEADER),
    "annual_main_wide": ("annual-2022-23.csv", ANNUAL_HEADERS["2022-23"]),
    "quarterly_stp_ccg_long": ("quarter.csv", STP_CCG_LONG_HEADER),
    "monthly_wide": ("month.csv", MONTHLY_WIDE_HEADER),
    "annual_by_variable_2015": ("annual-2015-16.csv", BY_VARIABLE_2015_HEADER),
    "annual_by_variable_2016": ("annual-2016-17.csv", BY_VARIABLE_2016_HEADER),
    "data_quality": ("dq.csv", DATA_QUALITY_HEADER),
}
#: A row of each layout, of an organisation of the kind that the layout has most of.
ROWS: dict[str, Callable[[Body, str], list[Cell]]] = {
    "monthly_long": lambda body, value: make_row(value, provider=body),
    "timeseries_long": lambda body, value: make_row(value, provider=body),
    "timeseries_workbook": lambda body, value: make_workbook_row(value, provider=body),
    "quarterly_long": lambda body, value: make_quarterly_row(value, level="Provider", provider=body),
    "quarterly_wide": lambda body, value: make_quarterly_wide_row(value, commissioner=body),
    "annual_main_wide": lambda body, value: make_annual_row(value, body=body),
    "quarterly_stp_ccg_long": lambda body, value: make_stp_ccg_row(value, level="Provider", provider=body),
    "monthly_wide": lambda body, value: make_monthly_wide_row(value, level="Provider", provider=body),
    "annual_by_variable_2015": lambda body, value: make_by_variable_row(value, body=body),
    "annual_by_variable_2016": lambda body, value: make_by_variable_row(value, body=body),
    "data_quality": lambda body, value: make_data_quality_row(value, provider=body),
}
LAYOUTS = sorted(FILES)
GOOD = Body("ZZ-G1", "Neverwhere")


def read_rows(folder: Path, layout: str, *bodies: Body, values: tuple[str, ...] = ()) -> ReadDrop:
    """Read a file of a layout with a row for each organisation."""
    texts = values or ("25",) * len(bodies)
    return read_file(folder, layout, *(ROWS[layout](body, value) for body, value in zip(bodies, texts, strict=True)))


def read_file(folder: Path, layout: str, *rows: Row) -> ReadDrop:
    """Read a file of a layout; a time series has a row of a second month too."""
    file, header = FILES[layout]
    if layout == "timeseries_long":
        rows = (*rows, make_row("30", provider=GOOD, start="01/05/2026", end="31/05/2026"))
    if file.endswith(".xlsx"):
        return read(folder, file, make_xlsx({"Table 1": [*WORKBOOK_BANNER, header, *rows]}))
    return read(folder, file, make_csv(header, rows))


def codes_read(found: ReadDrop) -> set[str]:
    return {cell["org_code"] for cell in found.observations}


# -- words for no organisation ----------------------------------------------------------------------------------------


def test_every_layout_is_tried() -> None:
    assert set(LAYOUTS) == {layout.name for layout in drops.catalogue().layouts}


#: Where the organisation is a CCG, `InvalidCode` is a placeholder that keeps its place in totals.
CCG_LAYOUTS = {"quarterly_wide", "annual_by_variable_2015", "annual_by_variable_2016"}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "word",
    ["NULL", "null", " Null ", "INVALID", "invcode", "Inv Code", "Invalid code\u00a0", "", "None", "nan", "N/A", "-"],
)
def test_a_row_of_no_organisation_is_quarantined_and_the_others_are_read(
    layout: str, word: str, tmp_path: Path
) -> None:
    if layout in CCG_LAYOUTS and reduce_to_word(word) == "invalidcode":
        pytest.skip("a placeholder that CCGs keep in totals")
    found = read_rows(tmp_path, layout, GOOD, Body(word, "Nobody"), values=("25", "10"))
    if layout == "timeseries_workbook" and not word.strip():
        pytest.skip("a blank code of the workbook is the placeholder UNKNOWN; a provider has none")
    assert codes_read(found) == {GOOD.code}
    assert found.quarantine
    assert {cell["value_as_published"] for cell in found.quarantine} == {"10"}
    (reason,) = {cell["reason"] for cell in found.quarantine}
    assert ("is blank" if not word.strip() else f"is the placeholder {word.strip()!r}") in reason
    assert found.summary.cells == found.summary.observations + found.summary.quarantined
    assert any("quarantined" in notice and "1 rows, the first at " in notice for notice in found.summary.notices)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("word", ["All", "TOTAL"])
def test_a_word_for_everyone_beside_real_codes_is_quarantined(layout: str, word: str, tmp_path: Path) -> None:
    found = read_rows(tmp_path, layout, GOOD, Body(word, "All"))
    assert codes_read(found) == {GOOD.code}
    assert found.summary.quarantined == len(found.quarantine) > 0


def test_a_level_with_nothing_but_words_for_everyone_is_a_layout_that_does_not_fit(tmp_path: Path) -> None:
    england = make_row("100", level="England")
    found = read_monthly(tmp_path, england, make_row("25", provider=Body("all", "all Providers")))
    assert "row 3: expected an organisation code of the level provider; found the placeholder 'all'" in found.rejection


def test_a_file_in_which_no_row_names_an_organisation_is_rejected(tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("25", provider=Body("NULL", "NULL")))
    assert "expected the code of an organisation in some row" in found.rejection


@pytest.mark.parametrize(
    "word", ["UNK", "TBC", "XXX", "Other", "DUMMY", "TRUE", "False", "n/a", "--", "NaN", "Invalid"]
)
def test_a_usual_word_in_place_of_a_code_names_no_organisation(word: str) -> None:
    assert codes().names_no_organisation(word)


def test_a_code_spelt_like_a_word_for_no_value_in_capitals_may_be_real() -> None:
    assert not codes().names_no_organisation("NAN")


@pytest.mark.parametrize(
    ("level", "commissioner", "partner", "expected"),
    [
        ("SubICB", "UNKNOWN", "", "UNKNOWN"),
        ("SubICB", "Unknown ", "", "UNKNOWN"),
        ("CCG", "InvalidCode", "", "InvalidCode"),
        ("CCG", "INVALID CODE", "", "InvalidCode"),
        ("CCG/Provider", "UNKNOWN", PROVIDER.code, "UNKNOWN"),
        ("SubICB", "13Q", "", "13Q"),
        ("SubICB", "InvalidCode", "", None),
        ("Provider", "", "UNKNOWN", None),
        ("SubICB/Provider", COMMISSIONER.code, "NULL", None),
        ("SubICB/Provider", COMMISSIONER.code, "all", None),
        ("SubICB/Provider", "NULL", PROVIDER.code, None),
        ("ICB", "UNKNOWN", "", "UNKNOWN"),
        ("CommRegion", "unknown", "", "UNKNOWN"),
    ],
)
def test_a_placeholder_is_kept_where_the_lists_know_it_as_no_place_and_quarantined_elsewhere(
    level: str, commissioner: str, partner: str, expected: str | None, tmp_path: Path
) -> None:
    row = make_row("25", level=level, commissioner=Body(commissioner, "Unknown"), provider=Body(partner, "A service"))
    good = make_row(
        "5", level=level, measure=FINISHED, commissioner=Body("ZZ-G2", "A place"), provider=Body("ZZ-G3", "A service")
    )
    found = read_monthly(tmp_path, good, row)
    kept = [cell["org_code"] for cell in found.observations if cell["source_row"] == 3]
    assert kept == ([expected] if expected else [])
    assert len(found.quarantine) == (0 if expected else 1)


def test_the_kept_placeholders_are_those_that_the_list_of_organisations_has() -> None:
    listed = {
        (row["org_code"], row["org_level"])
        for row in read_seed("organisations")
        if row["is_place"] == "false" and row["org_name"] == "Unknown"
    }
    kept = {(entry.code, level) for entry in codes().kept for level in entry.levels}
    assert kept == listed


def test_a_parent_that_is_no_organisation_leaves_its_row_without_a_parent(tmp_path: Path) -> None:
    rows = [
        make_quarterly_row("25", level="SubICB"),
        make_quarterly_row("30", level="SubICB", board=Body("NULL", "NULL"), measure=FINISHED),
    ]
    found = read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, rows))
    assert [cell["parent_code"] for cell in found.observations] == [BOARD.code, None]
    assert not found.quarantine


def test_rows_quarantined_count_both_value_columns_and_write_down_neither_unsuppressed_value(tmp_path: Path) -> None:
    rows = [make_row("25", "26"), make_row("10", "7654321", provider=Body("NULL", "NULL"))]
    found = read_monthly(tmp_path, *rows, header=BOTH_VALUES_HEADER)
    assert found.summary.cells == 4
    assert len(found.observations) == 1
    assert [cell["value_as_published"] for cell in found.quarantine if cell["source_row"] == 3] == ["10", None]
    assert "7654321" not in str(found.quarantine)


def test_rows_quarantined_do_not_tell_of_a_cut_file_nor_conflict_with_others(tmp_path: Path) -> None:
    nobody = Body("NULL", "NULL")
    rows = [make_row("25"), make_row("30", measure=FINISHED)]
    rows += [make_row("5", provider=nobody), make_row("10", provider=nobody)]
    found = read_monthly(tmp_path, *rows)
    assert len(found.observations) == len(found.quarantine) == 2


# -- the shape of codes -----------------------------------------------------------------------------------------------

SPOILT = [
    "1.00E+10",
    "1E+05",
    "1E10",
    "12E3",
    "8.00E+01",
    "1e+05",
    "15.0",
    "80",
    "rw4",
    "Rw4",
    "R W4",
    "R/W4",
    "#RW4",
    "RW4\u2009X",
]


def codes() -> OrganisationCodes:
    return drops.catalogue().organisation_codes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", SPOILT)
def test_a_code_that_is_a_number_or_in_lower_case_is_quarantined_naming_row_and_code(
    layout: str, code: str, tmp_path: Path
) -> None:
    found = read_rows(tmp_path, layout, GOOD, Body(code, "Neverwhere"))
    assert codes_read(found) == {GOOD.code}
    (reason,) = {cell["reason"] for cell in found.quarantine}
    assert repr(code) in reason
    row = 10 if layout == "timeseries_workbook" else 3
    assert {cell["source_row"] for cell in found.quarantine} == {row}
    assert any(repr(code) in notice and f"row {row}" in notice for notice in found.summary.notices)


def test_a_partner_and_a_parent_are_held_to_the_shape_of_codes_too(tmp_path: Path) -> None:
    good = make_quarterly_row("25", level="SubICB-Provider")
    for odd in (
        make_quarterly_row("5", level="SubICB-Provider", provider=Body("1.00E+10", "A service"), measure=FINISHED),
        make_quarterly_row("5", level="SubICB-Provider", board=Body("qmj", "A board"), measure=FINISHED),
    ):
        found = read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, [good, odd]))
        assert (len(found.observations), len(found.quarantine)) == (1, 1)


def test_a_file_with_mostly_spoilt_codes_is_rejected_naming_row_and_code(tmp_path: Path) -> None:
    good = [make_row("5", provider=Body(f"ZZ-{number}", "A service")) for number in range(3)]
    odd = [make_row("5", provider=Body(f"{number}.0", "A service")) for number in range(4)]
    found = read_monthly(tmp_path, *good, *odd)
    assert (
        "row 5: expected an organisation code of the level provider; found '0.0', and 3 more like it" in found.rejection
    )
    fewer = read_monthly(tmp_path, *good, *odd[:3])
    assert (len(fewer.observations), len(fewer.quarantine)) == (3, 3)


@pytest.mark.parametrize(
    ("level", "good", "bad"),
    [
        ("region", ["Y56", "E40000003"], ["Y5", "y56", "56", "QMJ"]),
        ("stp", ["E54000008", "QMJ", "QE1"], ["E5400008", "5.4E+07", "Q1", "00L"]),
        ("icb", ["QE1", "D7T5G", "E54000008"], ["d7t5g", "Q12E", "Y56"]),
        ("ccg", ["00L", "99A", "W2U3Z", "E38000001"], ["00l", "0L", "W2U33", "1E+05", "15", "000"]),
        ("sub_icb", ["15E", "A3A8R"], ["15E ", "15", "A3A8"]),
        (
            "provider",
            ["RW4", "8J990", "8E724", "TAF90", "Y02692", "NAN"],
            ["RW", "12345", "1E5", "8E1", "8E1234", "Y56"],
        ),
        ("parent", ["QE1", "Y56", "E54000008"], ["00L", "qe1"]),
    ],
)
def test_each_level_has_the_shapes_that_its_real_codes_have(level: str, good: list[str], bad: list[str]) -> None:
    assert [code for code in good if not codes().has_shape_of(code, level)] == []
    assert [code for code in bad if codes().has_shape_of(code, level)] == []


def test_every_code_of_the_lists_has_the_shape_of_its_level() -> None:
    listed = [(row["org_level"], row["org_code"]) for row in read_seed("organisations")]
    assert len(listed) > 700
    odd = [
        (level, code)
        for level, code in listed
        if level != "england"
        and not codes().find_kept_placeholder(code, level)
        and not codes().has_shape_of(code, level)
    ]
    assert odd == []


@given(st.floats(min_value=1, max_value=1e300), st.sampled_from(["{:.0e}", "{:.2E}", "{:.1f}", "{!r}", "{:.0f}"]))
def test_no_number_is_the_code_of_any_level(number: float, form: str) -> None:
    text = form.format(number)
    levels = ["region", "stp", "icb", "ccg", "sub_icb", "provider", "parent"]
    assert not any(codes().has_shape_of(text, level) for level in levels)
    assert not any(codes().has_shape_of(str(int(number))[:9], level) for level in levels)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8))
def test_a_code_with_anything_but_capitals_and_digits_is_never_one_of_a_real_organisation(text: str) -> None:
    if not re.fullmatch("[0-9A-Z]+", text) and not text.startswith("ZZ-"):
        assert not any(codes().has_shape_of(text, level) for level in ("stp", "ccg", "provider", "parent"))


# -- odd figures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if not FILES[name][0].endswith(".xlsx")])
def test_errors_of_a_spreadsheet_among_the_figures_of_a_csv_are_told_with_row_and_column(
    layout: str, tmp_path: Path
) -> None:
    found = read_rows(tmp_path, layout, GOOD, Body("ZZ-G2", "Neverwhere"), values=("25", "#N/A"))
    cell = next(cell for cell in found.quarantine if cell["value_as_published"] == "#N/A")
    told = [text for text in found.summary.notices if text.startswith("a cell with a spreadsheet's error is no figure")]
    assert len(told) == 1
    assert f"row 3, column {cell['source_column']} #N/A" in told[0]


@pytest.mark.parametrize("text", ["1e400", "1,234", "\uff11\uff12\uff13", "inf", "see note"])
def test_one_odd_figure_is_rejected_with_a_remedy_for_the_cell(text: str, tmp_path: Path) -> None:
    rejection = read_monthly(tmp_path, make_row("25"), make_row(text, measure=FINISHED)).rejection
    assert "mend the cell" in rejection
    assert "layout" not in rejection


def test_a_mark_that_stands_in_many_cells_is_for_the_layout(tmp_path: Path) -> None:
    rows = [make_row("c", provider=Body(f"ZZ-{number}", "A service")) for number in range(3)]
    rejection = read_monthly(tmp_path, *rows).rejection
    assert "'c', in 3 cells" in rejection
    assert "mend its layout" in rejection


def test_a_row_without_a_measure_and_a_blank_line_are_rejected_with_a_remedy_for_the_row(tmp_path: Path) -> None:
    rejection = read_monthly(tmp_path, make_row("25"), make_row("5", measure=("", "Count_A"))).rejection
    assert "a MEASURE_ID; found a blank" in rejection
    assert "mend the row" in rejection


# -- organisations of other levels ------------------------------------------------------------------------------------


def with_cells(row: Row, header: Row, **cells: str) -> list[Cell]:
    """A row with other texts in some of its columns."""
    return [cells.get(str(name), cell) for name, cell in zip(header, row, strict=True)]


#: A good row of a layout, and the same row with an organisation of another level than its own in it.
OTHER_LEVELS: dict[str, tuple[str, Row, dict[str, str]]] = {
    "England's row of a pair": (
        "monthly_long",
        make_row("100", level="England"),
        {"ORG_CODE1": "06Q", "ORG_CODE2": "RX4"},
    ),
    "a provider's row of a pair": ("monthly_long", make_row("100"), {"ORG_CODE1": "06Q"}),
    "a location's row of a pair": ("monthly_long", make_row("100", level="SubICB"), {"ORG_CODE2": "RX4"}),
    "England's row of a provider": ("timeseries_long", make_row("100", level="England"), {"ORG_CODE2": "RX4"}),
    "England's row of a CCG": ("timeseries_workbook", make_workbook_row("100", level="England"), {"CCG Code": "06Q"}),
    "an ICB's row of a location": ("quarterly_long", make_quarterly_row("100", level="ICB"), {"SubICB": "06Q"}),
    "England's row of an ICB": ("quarterly_long", make_quarterly_row("100"), {"ICB": "QMJ"}),
    "an STP's row of a CCG": ("quarterly_stp_ccg_long", make_stp_ccg_row("100", level="STP"), {"CCG": "06Q"}),
    "a CCG's row of a pair": ("quarterly_wide", make_quarterly_wide_row("100"), {"Provider": "RX4"}),
    "a provider's row of a pair, 2016": (
        "monthly_wide",
        make_monthly_wide_row("100", level="Provider"),
        {"CCG": "06Q"},
    ),
    "England's row of a provider, annual": (
        "annual_main_wide",
        make_annual_row("100", level="England"),
        {"OrgCode": "RX4"},
    ),
}


@pytest.mark.parametrize("kind", OTHER_LEVELS)
def test_a_row_that_names_an_organisation_of_another_level_is_quarantined_naming_row_and_text(
    kind: str, tmp_path: Path
) -> None:
    layout, good, cells = OTHER_LEVELS[kind]
    odd = with_cells(["77" if cell == "100" else cell for cell in good], FILES[layout][1], **cells)
    found = read_file(tmp_path, layout, good, odd)
    assert {cell["value_as_published"] for cell in found.observations} <= {"100", "30"}
    assert {cell["value_as_published"] for cell in found.quarantine} == {"77"}
    row = 10 if layout == "timeseries_workbook" else 3
    column, text = next(iter(cells.items()))
    assert {cell["source_row"] for cell in found.quarantine} == {row}
    assert all(f"{column} holds {text!r}" in cell["reason"] for cell in found.quarantine)
    assert any(f"row {row}, {column} holds {text!r}" in notice for notice in found.summary.notices)
    assert found.summary.cells == found.summary.observations + found.summary.quarantined


@pytest.mark.parametrize("word", ["all", "All", "ALL", "All_ICB", "All_SubICB", "NULL", "", "England", "Total", "-"])
def test_a_word_for_everyone_or_for_nobody_in_a_column_of_other_levels_is_no_organisation(
    word: str, tmp_path: Path
) -> None:
    rows = [
        with_cells(make_row("100", level="England"), MONTHLY_HEADER, ORG_CODE1=word, ORG_CODE2=word),
        with_cells(make_row("25"), MONTHLY_HEADER, ORG_CODE1=word),
    ]
    found = read_monthly(tmp_path, *rows)
    assert [cell["org_level"] for cell in found.observations] == ["england", "provider"]


def test_a_file_in_which_every_row_of_a_level_names_one_of_another_is_rejected(tmp_path: Path) -> None:
    measures = [("M001", "Count_A"), ("M002", "Count_B"), ("M003", "Count_C")]
    england = [
        with_cells(make_row("100", level="England", measure=measure), MONTHLY_HEADER, ORG_CODE1="06Q")
        for measure in measures
    ]
    found = read_monthly(tmp_path, *england, make_row("25"))
    assert "row 2: expected no organisation of another level than the row's own" in found.rejection
    assert "ORG_CODE1 holds '06Q' in a row of GROUP_TYPE 'England'" in found.rejection
    assert "all 3 rows" in found.rejection
    alone = read_monthly(tmp_path, england[0])
    assert "ORG_CODE1 holds '06Q'" in alone.rejection


# -- white space ------------------------------------------------------------------------------------------------------

PADDINGS = ["{} ", " {}", "{}\t", "{}\u00a0", "\u200b{}", "{}\ufeff", "{}\u2060", "\u2003{}\u3000", "{}\u200e", "{}\n"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("padding", PADDINGS)
def test_white_space_at_the_ends_of_code_and_name_comes_off_with_a_notice(
    layout: str, padding: str, tmp_path: Path
) -> None:
    code, name = padding.format(GOOD.code), padding.format(GOOD.name)
    found = read_rows(tmp_path, layout, Body(code, name))
    assert {(cell["org_code"], cell["org_name"]) for cell in found.observations} <= {
        (GOOD.code, GOOD.name),
        (GOOD.code, None),
    }
    assert found.observations
    assert not found.quarantine
    (notice, *_) = [notice for notice in found.summary.notices if "white space" in notice]
    assert repr(code) in notice
    assert "row " in notice


def test_every_key_text_of_a_quarterly_file_is_treated_alike(tmp_path: Path) -> None:
    plain = make_quarterly_row(
        "25", level="SubICB-Provider", population=("Disability", "01 Behaviour", "B"), start="2026-04-01"
    )
    plain[1] = "2026-06-30"
    padded = [f"\u00a0{text} \u200b" for text in plain[:-1]]
    found = read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, [[*padded, "25"]]))
    as_plain = read(tmp_path / "plain", "q.csv", make_csv(QUARTERLY_LONG_HEADER, [plain]))
    apart = {"drop_sha256"}
    assert [{k: v for k, v in cell.items() if k not in apart} for cell in found.observations] == [
        {k: v for k, v in cell.items() if k not in apart} for cell in as_plain.observations
    ]
    assert len([notice for notice in found.summary.notices if "white space" in notice]) == len(plain) - 1


def test_a_padded_key_is_the_same_key_as_the_plain_one(tmp_path: Path) -> None:
    same = [make_row("25"), make_row("25", provider=Body(f"{PROVIDER.code} ", PROVIDER.name))]
    assert read_monthly(tmp_path, *same).summary.tables[0].duplicate_rows == 1
    other = [make_row("25"), make_row("30", provider=Body(f"{PROVIDER.code} ", PROVIDER.name))]
    assert "the same figures as row 2" in read_monthly(tmp_path, *other).rejection


def test_a_notice_names_the_first_few_texts_and_counts_the_rest(tmp_path: Path) -> None:
    rows = [make_row("5", provider=Body(f"ZZ-{number}", f"Service {number} ")) for number in range(8)]
    notices = read_monthly(tmp_path, *rows).summary.notices
    (notice,) = [notice for notice in notices if not notice.startswith("no rows of a level")]
    assert notice.startswith(
        "white space is taken off the ends of keys: ORG_NAME2 'Service 0 ' (row 2), 'Service 1 ' (row 3)"
    )
    assert notice.endswith("and 3 more, 8 rows")


def test_white_space_within_a_text_stays(tmp_path: Path) -> None:
    name = "Neverwhere  \u00a0 Listening\tService"
    found = read_monthly(tmp_path, make_row("5", provider=Body("ZZ-1", name)))
    assert found.observations[0]["org_name"] == name
    assert not found.summary.notices


SPACES = st.text(alphabet=" \t\u00a0\u2003\u200b\u200d\u2060\ufeff\u200e", max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    before=SPACES, name=st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9 ]{0,10}[A-Za-z0-9])?", fullmatch=True), after=SPACES
)
def test_a_name_between_any_white_space_is_read_as_the_name(
    before: str, name: str, after: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = read_monthly(tmp_path_factory.mktemp("a"), make_row("5", provider=Body("ZZ-1", f"{before}{name}{after}")))
    assert found.observations[0]["org_name"] == name


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("text", ["9" * 400, "-" + "9" * 400, "9007199254740993", "9" * 400 + ".5", "1" + "0" * 309])
def test_a_number_that_is_not_held_exactly_is_quarantined_where_it_is_read(
    layout: str, text: str, tmp_path: Path
) -> None:
    found = read_rows(tmp_path, layout, GOOD, Body("ZZ-G9", "Erewhon"), values=("25", text))
    assert {cell["value_as_published"] for cell in found.quarantine} == {text}
    assert {cell["reason"] for cell in found.quarantine} == {TOO_LARGE}
    assert all(cell["value"] is None or abs(cell["value"]) < 2**53 for cell in found.observations)
    assert "25" in {cell["value_as_published"] for cell in found.observations}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("Count_ReferralsReceived", "-5", "a count is a whole number of 0 or more"),
        ("Count_ReferralsReceived", "25.5", "a count is a whole number of 0 or more"),
        ("count_of_a_measure_to_come", "-0.5", "a count is a whole number of 0 or more"),
        ("Percentage_Recovery", "100.1", "a percentage lies between 0 and 100"),
        ("Percentage_Recovery", "-1", "a percentage lies between 0 and 100"),
        ("Percentage_Recovery", "100", None),
        ("Percentage_Recovery", "0", None),
        ("Count_ReferralsReceived", "0", None),
        ("Count_ReferralsReceived", "20.0", None),
        ("Mean_HISessions", "-1.8", None),
        ("Mean_WaitAccessingServices", "1357.6", None),
        ("Median_WaitAccessingServices", "17.5", None),
        ("Sum_ContactDuration", "-10", None),
        ("Something_Else", "-10.5", None),
    ],
)
def test_a_value_that_its_measure_cannot_have_is_quarantined_and_a_negative_mean_is_kept(
    name: str, text: str, reason: str | None, tmp_path: Path
) -> None:
    found = read_monthly(tmp_path, make_row("25"), make_row(text, measure=("M999", name)))
    assert [cell["reason"] for cell in found.quarantine] == ([reason] if reason else [])
    assert len(found.observations) == (1 if reason else 2)
    assert any("row 3, column MEASURE_VALUE_SUPPRESSED" in notice for notice in found.summary.notices) == bool(reason)


def test_a_file_whose_figures_stand_under_other_measures_is_rejected_and_a_few_odd_ones_are_quarantined(
    tmp_path: Path,
) -> None:
    def rows(values: list[str]) -> list[list[Cell]]:
        rate = ("M192", "Percentage_Recovery")
        bodies = [Body(f"ZZ-G{number}", f"Erewhon {number}") for number in range(len(values))]
        pairs = zip(bodies, values, strict=True)
        return [
            row
            for body, text in pairs
            for row in (make_row("25", provider=body), make_row(text, measure=rate, provider=body))
        ]

    few = read_monthly(tmp_path / "few", *rows(["605", "1200", "50", "47", "45"]))
    assert (len(few.observations), len(few.quarantine)) == (8, 2)
    half = read_monthly(tmp_path / "half", *rows(["605", "1200", "310", "47", "45", "51"]))
    assert len(half.quarantine) == 3
    found = read_monthly(tmp_path / "most", *rows(["605", "1200", "310", "47", "*"]))
    assert "row 3: expected figures of Percentage_Recovery: a percentage lies between 0 and 100" in found.rejection
    assert "3 of its 4 figures that cannot be" in found.rejection


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("text", ["-5", "-1000"])
def test_no_layout_reads_a_count_below_zero(layout: str, text: str, tmp_path: Path) -> None:
    found = read_rows(tmp_path, layout, GOOD, Body("ZZ-G9", "Erewhon"), values=("25", text))
    below = {cell["measure_name"] for cell in found.observations if (cell["value"] or 0) < 0}
    assert text in {cell["value_as_published"] for cell in found.quarantine}
    entries = drops.catalogue().impossible_values.values
    assert not [name for name in below if any(entry.is_about(name) for entry in entries)]


def test_every_reviewed_count_and_percentage_is_held_to_what_it_can_be_and_nothing_else_is() -> None:
    statistics = {row["measure"]: row["statistic"] for row in read_seed("measures")}
    by_id = {row["measure_id"]: row["measure"] for row in read_seed("measures") if row["measure_id"]}
    published = [(row["name_as_published"], row["measure"]) for row in read_seed("measure_aliases")]
    published += [
        (row["name"], by_id[row["measure_id"]]) for row in read_seed("measure_names") if row["measure_id"] in by_id
    ]
    assert len(published) > 400
    counts, percentages = drops.catalogue().impossible_values.values
    for name, measure in published:
        assert counts.is_about(name) == (statistics[measure] == "count"), name
        assert percentages.is_about(name) == (statistics[measure] == "percentage"), name


def test_the_largest_number_that_is_held_exactly_is_read(tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("9007199254740991"), make_row("0.1", measure=("M048", "Mean_X")))
    assert [cell["value"] for cell in found.observations] == [2.0**53 - 1, 0.1]


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.integers(min_value=-(10**30), max_value=10**30).map(str),
        st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda number: f"{number:f}"),
        st.text(alphabet="0123456789.-+eE_, \uff10", max_size=12),
    )
)
def test_a_text_is_a_number_only_where_it_is_a_plain_decimal_and_then_exact_or_quarantined(text: str) -> None:
    quoted = quote_literal(text)
    row = duckdb.sql(f"select {is_number('t')}, {is_too_large('t')} from (select {quoted} as t)").fetchone()
    assert row is not None
    found_number, found_too_large = row
    is_plain = re.fullmatch(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", text) is not None
    assert found_number == is_plain
    if is_plain:
        assert found_too_large == (abs(float(text)) >= 2**53)
