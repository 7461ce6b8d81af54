"""The reader: each cell is an observation with a status or quarantined with a reason, or the whole drop is rejected."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iapt.ingest import reading
from iapt.ingest.loading import is_spoilt
from iapt.ingest.shaping import ShapedCells, shape_cells
from tests.factories import drops
from tests.factories.drops import (
    ANNUAL_HEADERS,
    ANNUAL_KEYS,
    BOARD,
    BOTH_VALUES_HEADER,
    COMMISSIONER,
    FINISHED,
    MONTHLY_HEADER,
    OTHER_COMMISSIONER,
    OTHER_PROVIDER,
    PROVIDER,
    QUARTERLY_LONG_HEADER,
    QUARTERLY_WIDE_HEADER,
    REFERRALS,
    UNSUPPRESSED_HEADER,
    WORKBOOK_BANNER,
    WORKBOOK_HEADER,
    WORKBOOK_MEASURES,
    Body,
    ReadDrop,
    make_annual_row,
    make_csv,
    make_monthly_csv,
    make_quarterly_row,
    make_quarterly_wide_row,
    make_row,
    make_workbook_row,
    make_xlsx,
    make_zip,
    named,
    read,
    read_monthly,
)
from tests.factories.xls_writer import make_xls

SHORT_ANNUAL_HEADER = [*ANNUAL_KEYS, "Count_ReferralsReceived", "Count_FinishedCourseTreatment"]
SHORT_WIDE_HEADER = [*QUARTERLY_WIDE_HEADER[:12], "FinishedCourseTreatment", "NotCaseness", "RecoveryRate"]

#: The name of a file of several months.
SERIES = "time_series_apr_2026_may_2026.csv"


def cells(found: ReadDrop, *columns: str) -> list[Any]:
    """These columns of the observations; one column comes bare."""
    rows = [tuple(cell[column] for column in columns) for cell in found.observations]
    return [row[0] for row in rows] if len(columns) == 1 else rows


def short_annual_row(*values: str, body: Body = PROVIDER, level: str = "Provider") -> list[drops.Cell]:
    return [*make_annual_row("", body=body, level=level)[: len(ANNUAL_KEYS)], *values]


def read_workbook(folder: Path, *rows: drops.Row, sheet: str = "Table 1") -> ReadDrop:
    book = make_xlsx({"Title sheet": [["A title"]], sheet: [*WORKBOOK_BANNER, WORKBOOK_HEADER, *rows]})
    return read(folder, "feb2019_feb2020.xlsx", book)


# -- every layout -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", drops.make_published_drops())
def test_a_small_drop_of_each_layout_is_read_in_full(layout: str, tmp_path: Path) -> None:
    name, content = drops.make_published_drops()[layout]
    found = read(tmp_path, name, content)
    (table,) = found.summary.tables
    observations, quarantine = found.observations, found.quarantine
    assert table.layout == layout
    assert len(observations) + len(quarantine) == table.cells == found.summary.cells
    assert Counter(cell["value_status"] for cell in observations) == table.observations
    assert {cell["drop_sha256"] for cell in observations} == {found.drop.sha256}
    assert {cell["source_file"] for cell in observations} == {name}
    assert {cell["series"] for cell in observations} == {table.series}
    assert all((cell["value"] is not None) == (cell["value_status"] == "published") for cell in observations)
    assert [path.suffix for path in found.files if path.parent == found.store.folder].count(".parquet") == 1
    assert len(found.files) == 2, "nothing but the observations and the summary is left behind"


# -- markers and numbers ----------------------------------------------------------------------------------------------


def test_each_marker_of_a_monthly_file_has_a_status_of_its_own(tmp_path: Path) -> None:
    texts = ["25", "*", "NULL", ""]
    rows = [make_row(text, measure=(f"M00{number}", "Count_X")) for number, text in enumerate(texts)]
    found = read_monthly(tmp_path, *rows)
    assert cells(found, "value_as_published", "value_status", "value") == [
        ("25", "published", 25.0),
        ("*", "suppressed", None),
        ("NULL", "not_applicable", None),
    ]
    (blank,) = found.quarantine
    assert (blank["source_row"], blank["source_column"], blank["value_as_published"]) == (
        5,
        "MEASURE_VALUE_SUPPRESSED",
        "",
    )
    assert blank["reason"] == "a blank is neither a value nor a suppression"
    assert found.summary.tables[0].quarantined == {blank["reason"]: 1}


def test_a_dash_in_a_time_series_is_a_month_never_published(tmp_path: Path) -> None:
    found = read_workbook(tmp_path, make_workbook_row("-"), make_workbook_row("*", 5, month=dt.date(2019, 3, 1)))
    statuses = cells(found, "source_row", "value_status")
    assert statuses[:9] == [(9, "not_published")] * 9
    assert statuses[9:] == [(10, "suppressed"), *[(10, "published")] * 8]


def test_blank_and_nan_in_a_copied_quarterly_file_are_quarantined_each_with_its_reason(tmp_path: Path) -> None:
    found = read(tmp_path, "q3.csv", make_csv(SHORT_WIDE_HEADER, [make_quarterly_wide_row("5", "", "nan", "*")[:15]]))
    assert cells(found, "measure_name", "value_status") == [
        ("ReferralsReceived", "published"),
        ("RecoveryRate", "suppressed"),
    ]
    blank, nan = found.quarantine
    assert (blank["source_column"], nan["source_column"]) == ("FinishedCourseTreatment", "NotCaseness")
    assert blank["reason"] != nan["reason"]
    assert found.summary.quarantined == 2


@pytest.mark.parametrize(
    "text",
    ["null", "--", "nan", "n/a", "1,000", "1e3", "1e400", "inf", "-inf", "5 ", ".", "+5", "1_000", "\uff15", "0x1f"],
)
def test_any_other_text_in_a_figures_cell_is_rejected_with_row_and_column(text: str, tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("25"), make_row(text, measure=FINISHED))
    assert found.rejection.startswith(
        "iapt_month_apr_2026_activity.csv, row 3, column MEASURE_VALUE_SUPPRESSED: expected a number, or one of "
        f"'*', '-', 'NULL', ''; found {text!r}."
    )


def test_a_rejected_token_of_a_wide_table_is_named_by_its_own_column_and_member(tmp_path: Path) -> None:
    bad = make_csv(SHORT_WIDE_HEADER, [make_quarterly_wide_row("5", "10", "lost", "50")[:15]])
    assert (
        "pack.zip, b.csv, row 2, column NotCaseness: " in read(tmp_path, "pack.zip", make_zip({"b.csv": bad})).rejection
    )


def test_a_number_keeps_its_text_and_gains_a_value(tmp_path: Path) -> None:
    values = {"0": 0.0, "-1.8": -1.8, "1357.6": 1357.6, "2.0": 2.0, "007": 7.0, ".5": 0.5, "1440000": 1440000.0}
    rows = [make_row(text, measure=(f"M{number}", "Mean_X")) for number, text in enumerate(values)]
    found = read_monthly(tmp_path, *rows)
    assert dict(cells(found, "value_as_published", "value")) == values
    assert set(cells(found, "value_status")) == {"published"}


def test_a_spreadsheets_numbers_read_as_they_were_typed(tmp_path: Path) -> None:
    book = make_xlsx(
        {
            "Data": [
                MONTHLY_HEADER,
                *[make_row(figure, measure=(f"M{n}", "X")) for n, figure in enumerate([20, 52.5, "*", "20.0"])],
            ]
        }
    )
    found = read(tmp_path, "iapt-month-Apr-2026-final-data.xlsx", book)
    assert cells(found, "value_as_published") == ["20", "52.5", "*", "20.0"]


TOKENS = st.one_of(
    st.sampled_from(["*", "NULL", "", "nan", "0", "-1.8", "20.0", "100"]),
    st.integers(0, 99_999).map(str),
)
STATUS_OF = {"*": "suppressed", "NULL": "not_applicable"}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(table=st.lists(st.lists(TOKENS, min_size=4, max_size=4), min_size=1, max_size=7))
def test_every_cell_in_is_an_observation_or_a_quarantined_cell_in_the_order_of_the_file(
    table: list[list[str]], tmp_path: Path
) -> None:
    rows = [
        make_quarterly_wide_row(*texts, "0", commissioner=Body(f"ZZ-{9 - number}", "Nowhere"))[:15]
        for number, texts in enumerate(table)
    ]
    found = read(tmp_path, "q3.csv", make_csv(SHORT_WIDE_HEADER, rows))
    measures = SHORT_WIDE_HEADER[11:]
    placed = [
        (row, column, text)
        for row, texts in enumerate(table, start=2)
        for column, text in zip(measures, texts, strict=True)
    ]

    def is_quarantined(cell: tuple[int, str, str]) -> bool:
        """A lost cell, a count or a rate below 0, or a rate beyond 100: none can be."""
        _, column, text = cell
        if text in STATUS_OF:
            return False
        return text in ("", "nan") or float(text) < 0 or (column == "RecoveryRate" and float(text) > 100)

    def is_of_another_measure(column: str) -> bool:
        """Whether most figures of a column, and three or more, cannot be its own."""
        numbers = [cell for cell in placed if cell[1] == column and cell[2] not in {*STATUS_OF, "", "nan"}]
        impossible = sum(is_quarantined(cell) for cell in numbers)
        return impossible >= 3 and impossible * 2 > len(numbers)

    if any(is_of_another_measure(column) for column in measures):
        assert "its figures are those of another measure" in found.rejection
        return
    assert cells(found, "source_row", "source_column", "value_as_published", "value_status", "value") == [
        (*cell, STATUS_OF.get(cell[2], "published"), None if cell[2] in STATUS_OF else float(cell[2]))
        for cell in placed
        if not is_quarantined(cell)
    ]
    quarantined = [(cell["source_row"], cell["source_column"], cell["value_as_published"]) for cell in found.quarantine]
    assert quarantined == [cell for cell in placed if is_quarantined(cell)]
    assert found.summary.cells == len(placed) == found.summary.observations + found.summary.quarantined


def test_a_cell_lost_on_the_way_stops_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shape_and_lose_one(*stages: Any) -> ShapedCells:
        shaped = shape_cells(*stages)
        return replace(shaped, observations={"published": shaped.observations["published"] - 1})

    monkeypatch.setattr(reading, "shape_cells", shape_and_lose_one)
    with pytest.raises(AssertionError, match="2 cells in, 1 observations and 0 quarantined cells out"):
        read_monthly(tmp_path, make_row("25"), make_row("30", measure=FINISHED))


# -- where a figure comes from ----------------------------------------------------------------------------------------


def test_row_and_column_lead_back_to_the_published_text(tmp_path: Path) -> None:
    rows = [
        make_row("25", provider=named(PROVIDER, "Two\nlines")),
        make_row("*", provider=named(OTHER_PROVIDER, 'A "quoted" name, with a comma')),
        make_row("30", level="England"),
        make_row("", level="SubICB"),
    ]
    content = drops.make_monthly_csv(*rows, header=BOTH_VALUES_HEADER[:-1], quoted=True)
    found = read(tmp_path, "a.csv", content)
    published = list(csv.reader(io.StringIO(content.decode(), newline="")))
    for cell in [*found.observations, *found.quarantine]:
        column = published[0].index(cell["source_column"])
        assert published[cell["source_row"] - 1][column] == cell["value_as_published"]
    assert cells(found, "source_row") == [2, 3, 4]


def test_a_sheets_rows_are_numbered_as_the_spreadsheet_numbers_them(tmp_path: Path) -> None:
    found = read_workbook(
        tmp_path, make_workbook_row(5), [], ["", ""], make_workbook_row(10, month=dt.date(2019, 3, 1))
    )
    assert sorted(set(cells(found, "source_row", "value_as_published"))) == [(9, "5"), (12, "10")]
    assert cells(found, "source_column")[:9] == WORKBOOK_MEASURES


def test_each_member_of_a_pack_numbers_its_own_rows(tmp_path: Path) -> None:
    parts = {
        "provider.csv": make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("5", level="Provider")]),
        "icb.csv": make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("100"), make_quarterly_row("*", level="ICB")]),
    }
    found = read(tmp_path, "quarterly.zip", make_zip(parts))
    assert cells(found, "source_member", "source_row", "value_as_published") == [
        ("provider.csv", 2, "5"),
        ("icb.csv", 2, "100"),
        ("icb.csv", 3, "*"),
    ]
    assert found.summary.tables[0].members == ["provider.csv", "icb.csv"]


def test_the_order_of_the_file_is_kept_across_periods_and_levels(tmp_path: Path) -> None:
    months = [("01/05/2026", "31/05/2026"), ("01/04/2026", "30/04/2026")]
    rows = [
        make_row(str(5 * number), level=level, start=start, end=end)
        for number, (level, (start, end)) in enumerate(
            (level, month) for level in ("SubICB/Provider", "Provider", "England", "SubICB") for month in months
        )
    ]
    found = read_monthly(tmp_path, *rows, header=UNSUPPRESSED_HEADER, name=SERIES)
    assert cells(found, "value_as_published") == [str(5 * number) for number in range(8)]
    assert cells(found, "source_row") == list(range(2, 10))


def test_a_file_longer_than_a_row_group_keeps_its_order_on_many_threads(tmp_path: Path) -> None:
    count = 123_500  # a row group holds 122,880
    line = ",".join(map(str, make_row("5", provider=Body("ZZ-{}", "Neverwhere"))))
    lines = [line.format(number) for number in range(count)]
    with reading.open_reading_connection() as connection:
        connection.execute("set threads = 4")
        content = "\n".join([",".join(MONTHLY_HEADER), *lines, ""]).encode()
        found = read(tmp_path, "a.csv", content, over=connection)
    assert found.summary.observations == count
    path = found.store.observations_path(found.drop.sha256)
    misplaced = drops.connection().execute(
        f"""
        select count(*) from (
            select source_row, org_code, row_number() over () as position from read_parquet('{path}')
        ) where source_row <> position + 1 or org_code <> 'ZZ-' || (position - 1)
        """
    )
    assert misplaced.fetchone() == (0,)


@pytest.mark.parametrize("layout", ["timeseries_workbook", "quarterly_long"])
def test_reading_again_gives_the_same_bytes(layout: str, tmp_path: Path) -> None:
    name, content = drops.make_published_drops()[layout]
    first, second = (read(tmp_path / turn, name, content) for turn in ("first", "second"))
    assert [path.name for path in first.files] == [path.name for path in second.files]
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in second.files]


# -- text -------------------------------------------------------------------------------------------------------------

STYLES: list[dict[str, Any]] = [
    {},
    {"line_end": "\r\n"},
    {"quoted": True},
    {"quoted": True, "line_end": "\r\n", "encoding": "utf-8-sig"},
    {"encoding": "utf-8-sig"},
    {"encoding": "latin-1"},
    {"encoding": "cp1252", "line_end": "\r\n"},
    {"encoding": "latin-1", "line_end": "\r\n", "quoted": True},
]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: " ".join(map(repr, style.values())) or "plain")
def test_names_and_figures_survive_every_way_of_writing_a_csv(style: dict[str, Any], tmp_path: Path) -> None:
    names = [
        "Caf\u00e9 Llareggub",
        '=HYPERLINK("x")',
        "+1",
        "-2",
        "@sum",
        "A\nB",
        "A\r\nB",
        '"',
        ",",
        "in  side",
        "O'Zed",
    ]
    rows = [make_row("25", provider=Body(f"ZZ-{number}", name)) for number, name in enumerate(names)]
    found = read_monthly(tmp_path, *rows, **style)
    assert cells(found, "org_name") == names
    assert set(cells(found, "value_as_published")) == {"25"}


def test_names_of_a_spreadsheet_survive_unchanged(tmp_path: Path) -> None:
    names = ["=1+1", "Caf\u00e9", "A\nB", "in  side"]
    rows = [make_row(25, provider=Body(f"ZZ-{number}", name)) for number, name in enumerate(names)]
    found = read(tmp_path, "iapt-month-Apr-2026.xlsx", make_xlsx({"Data": [MONTHLY_HEADER, *rows]}))
    assert cells(found, "org_name") == names


def test_a_byte_that_is_not_utf_8_in_the_last_row_is_read_as_of_windows(tmp_path: Path) -> None:
    content = drops.make_monthly_csv(make_row("25"), make_row("\u00e9", measure=FINISHED))
    found = read(tmp_path, "a.csv", content.decode().encode("latin-1"))
    assert "found '\u00e9'" in found.rejection


def test_windows_punctuation_is_read_in_every_member_of_a_pack(tmp_path: Path) -> None:
    names = ["Nowhere\u2019s \u2013 \u20ac \u0178", "Caf\u00e9 Llareggub", "Plain"]
    rows = [make_quarterly_row("5", level="Provider", provider=Body(f"ZZ-{n}", name)) for n, name in enumerate(names)]
    members = {f"{n}.csv": make_csv(QUARTERLY_LONG_HEADER, [row], encoding="cp1252") for n, row in enumerate(rows)}
    found = read(tmp_path, "pack.zip", make_zip(members))
    assert cells(found, "source_member", "org_name") == [(f"{n}.csv", name) for n, name in enumerate(names)]


def test_text_read_as_windows_1252_is_told_with_the_first_letter_that_may_be_another(tmp_path: Path) -> None:
    names = ("Caf\u00e9 Llareggub", "Ren\u00e9es Rooms")
    rows = [make_row("25"), *(make_row("25", provider=Body(f"ZZ-P{n}", name)) for n, name in enumerate(names, start=3))]
    for encoding, letter in (("cp1252", "\u00e9"), ("latin-1", "\u00e9"), ("cp437", "\u201a")):
        found = read(tmp_path, f"iapt_month_apr_2026_{encoding}.csv", drops.make_monthly_csv(*rows, encoding=encoding))
        told = [notice for notice in found.summary.notices if "Windows-1252" in notice]
        assert len(told) == 1
        assert f"look at its letters: line 3, 'll SubICBs,ZZ-P3,Caf{letter} Llareggub" in told[0]
    plain = read(tmp_path, "iapt_month_apr_2026.csv", drops.make_monthly_csv(*rows))
    assert not any("Windows-1252" in notice for notice in plain.summary.notices)


@pytest.mark.parametrize(
    ("name", "is_spoilt"),
    [
        ("Caf\u00e9 S\u00e9ance\u2019s", False),
        ("Caf\u00e9 S\u00e9ance\u2019s".encode().decode("cp1252"), True),
        ("Caf\u00e9 S\u00e9ance\u2019s".encode().decode("latin-1"), True),
        ("Caf\ufffd", True),
        ("\u00c3lvaro \u2013 \u20ac", False),
    ],
)
def test_letters_that_were_lost_or_encoded_twice_are_told(name: str, is_spoilt: bool, tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("25"), make_row("25", provider=Body("ZZ-P3", name)))
    told = [notice for notice in found.summary.notices if "lost, or encoded twice" in notice]
    assert told == (
        [f"a text has letters that were lost, or encoded twice, before it came: ORG_NAME2 {name!r} (row 3)"]
        if is_spoilt
        else []
    )
    assert cells(found, "org_name")[1] == name


@given(text=st.text(st.characters(codec="latin-1"), min_size=1), encoding=st.sampled_from(["latin-1", "cp1252"]))
def test_any_text_beyond_ascii_that_was_encoded_twice_is_known_and_no_plain_text_is(text: str, encoding: str) -> None:
    assert not is_spoilt("".join(letter for letter in text if letter.isascii()))
    with contextlib.suppress(UnicodeDecodeError):
        twice = text.encode().decode(encoding)
        assert is_spoilt(twice) == (twice != text)


def test_a_byte_that_is_neither_utf_8_nor_windows_1252_is_rejected_with_its_place(tmp_path: Path) -> None:
    content = drops.make_monthly_csv(make_row("25"), make_row("30", measure=FINISHED, start="\u20ac"))
    broken = content.decode().replace("\u20ac", "!").encode().replace(b"!", b"\x9d")
    expected = "line 3, byte 1: expected text in UTF-8 or Windows-1252; found the byte 0x9D, which is neither. "
    assert read(tmp_path, "a.csv", broken).rejection.startswith(f"a.csv, {expected}")
    assert read(tmp_path, "pack.zip", make_zip({"b.csv": broken})).rejection.startswith(f"pack.zip, b.csv, {expected}")


def test_quotes_and_brackets_in_names_of_files_and_members_survive(tmp_path: Path) -> None:
    name, member = "O'Zed's [1] *drop?.zip", "the 'figures' [2]*.csv"
    found = read(tmp_path, name, make_zip({member: drops.make_monthly_csv(make_row("25"))}))
    assert cells(found, "source_file", "source_member") == [(name, member)]
    bare = read(tmp_path, "O'Zed's [1] *drop?.csv", drops.make_monthly_csv(make_row("25")))
    assert cells(bare, "value_as_published") == ["25"]


# -- periods ----------------------------------------------------------------------------------------------------------


def test_the_first_of_april_is_april_however_it_is_written(tmp_path: Path) -> None:
    written = [
        ("01/04/2026", "30/04/2026"),
        ("1/4/2026", "30/4/2026"),
        ("2026-04-01", "2026-04-30"),
        ("2026-04-01 00:00:00", "2026-04-30 00:00:00"),
        ("46113", "46142"),
        ("2026-04-01", "30/04/2026"),
    ]
    rows = [make_row("25", start=s, end=e, measure=(f"M{n}", "Count_X")) for n, (s, e) in enumerate(written)]
    found = read_monthly(tmp_path, *rows)
    assert cells(found, "period_start", "period_end") == [(dt.date(2026, 4, 1), dt.date(2026, 4, 30))] * len(written)
    assert found.summary.tables[0].periods == ["2026-04"]


def test_a_spreadsheets_dates_are_read_whether_shown_as_dates_or_not(tmp_path: Path) -> None:
    written = [(dt.date(2026, 4, 1), dt.date(2026, 4, 30)), (46113, 46142), (46113.0, "30/04/2026")]
    rows = [make_row(25, start=s, end=e, measure=(f"M{n}", "Count_X")) for n, (s, e) in enumerate(written)]
    found = read(tmp_path, "iapt-month-Apr-2026.xlsx", make_xlsx({"Data": [MONTHLY_HEADER, *rows]}))
    assert cells(found, "period_start", "period_end") == [(dt.date(2026, 4, 1), dt.date(2026, 4, 30))] * len(written)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("04/01/2026", "04/30/2026"),
        ("04/01/2026", "30/04/2026"),
        ("01/04/2026", "29/04/2026"),
        ("01/04/2026", "31/05/2026"),
        ("02/04/2026", "30/04/2026"),
        ("April 2026", "April 2026"),
        ("", ""),
    ],
)
def test_dates_that_do_not_bound_a_month_are_rejected_with_their_row(start: str, end: str, tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("25"), make_row("25", start=start, end=end, measure=FINISHED))
    assert (
        f"row 3: expected the first and last day of a month; found REPORTING_PERIOD_START {start!r}, "
        f"REPORTING_PERIOD_END {end!r}"
    ) in found.rejection


def test_a_quarter_of_a_long_file_must_start_in_april_july_october_or_january(tmp_path: Path) -> None:
    def quarter(start: str, end: str) -> ReadDrop:
        return read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("5", start=start, end=end)]))

    assert quarter("2026-01-01", "2026-03-31").summary.tables[0].periods == ["2025-26 Q4"]
    assert "first and last day of a quarter (from April)" in quarter("2026-02-01", "2026-04-30").rejection


def test_a_quarter_written_as_a_label_is_read_and_a_slip_in_it_rejected(tmp_path: Path) -> None:
    def quarter(label: str) -> ReadDrop:
        row = make_quarterly_wide_row("5", quarter=label)[:15]
        return read(tmp_path, "q.csv", make_csv(SHORT_WIDE_HEADER, [row]))

    assert cells(quarter("Quarter 4 2020/21"), "period_start", "period_end")[0] == (
        dt.date(2021, 1, 1),
        dt.date(2021, 3, 31),
    )
    for label in ("Quarter 5 2020/21", "Quarter 3 2020/22", "Q3 2020/21", ""):
        rejection = quarter(label).rejection
        assert "row 2: expected a period like Quarter (?P<quarter>[1-4])" in rejection
        assert f"found {label!r}" in rejection


def test_one_month_is_a_monthly_file_and_several_are_a_time_series(tmp_path: Path) -> None:
    one = read_monthly(tmp_path, make_row("25"), make_row("5", measure=FINISHED), header=UNSUPPRESSED_HEADER)
    may = {"start": "01/05/2026", "end": "31/05/2026"}
    two = read_monthly(tmp_path, make_row("25"), make_row("-", **may), header=UNSUPPRESSED_HEADER, name=SERIES)
    assert (one.summary.tables[0].layout, one.summary.tables[0].series) == ("monthly_long", "monthly")
    assert (two.summary.tables[0].layout, two.summary.tables[0].series) == ("timeseries_long", "timeseries")
    assert two.summary.tables[0].periods == ["2026-04", "2026-05"]
    assert cells(two, "value_status") == ["published", "not_published"]
    assert two.summary.tables[0].coverage == [("2026-04-01", "provider"), ("2026-05-01", "provider")]


@pytest.mark.parametrize(
    "name",
    [
        "nhs_talking_therapies_time_series_2026_04.csv",
        "NHSTalkingTherapies-TimeSeries-Apr-2026.csv",
        "key%20measures%20time%20series%20apr%202026.csv",
    ],
)
def test_a_time_series_of_one_month_is_no_monthly_file(name: str, tmp_path: Path) -> None:
    found = read_monthly(tmp_path, make_row("25"), header=UNSUPPRESSED_HEADER, name=name)
    assert (found.summary.tables[0].layout, found.summary.tables[0].series) == ("timeseries_long", "timeseries")
    assert cells(found, "series") == ["timeseries"]
    packed = read(tmp_path, "april_2026.zip", make_zip({f"april/{name}": make_monthly_csv(make_row("26"))}))
    assert packed.summary.tables[0].series == "timeseries"


def test_a_time_series_in_the_layout_of_the_monthly_file_alone_is_rejected(tmp_path: Path) -> None:
    stricter = drops.with_limits()
    stricter.__dict__["layouts"] = [layout for layout in stricter.layouts if layout.name != "timeseries_long"]
    rejection = read(tmp_path, "time_series_apr_2026.csv", make_monthly_csv(make_row("25")), using=stricter).rejection
    assert "its name: expected the name of a file of one month, as layout monthly_long is of" in rejection
    assert "found the name of a time series" in rejection


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("psych-ther-ann-2017-18-csvs.zip", "main-csv.csv"),
        ("annual.zip", "psych-ther-ann-rep-csv-2017-18-main-csv-v2.csv"),
        ("psych-ther-ann-rep-csv-2017-18-2.zip", "psych-ther-ann-rep-csv-2017-18-main2.csv"),
        ("psych-ther-ann-2017-18-published-2018-11.zip", "main.csv"),
        ("psych_ther_ann_2017_18.zip", "main_2017_18_v2.csv"),
        ("psych-ther-ann-2017-2018.zip", "main-2017-18.csv"),
    ],
)
def test_the_year_of_an_annual_pack_stands_in_its_names(name: str, member: str, tmp_path: Path) -> None:
    content = make_csv(SHORT_ANNUAL_HEADER, [short_annual_row("25", "*")])
    found = read(tmp_path, name, make_zip({member: content}))
    assert set(cells(found, "period_start", "period_end")) == {(dt.date(2017, 4, 1), dt.date(2018, 3, 31))}


@pytest.mark.parametrize(
    ("name", "member", "years"),
    [
        ("psych-ther-ann-2017-18.zip", "main-2018-19.csv", "[2017, 2018]"),
        ("annual.zip", "main.csv", "none"),
        ("annual-2017-12.zip", "main.csv", "none"),
        ("annual-2017-2019.zip", "main.csv", "none"),
        ("annual-2017-1918.zip", "main.csv", "none"),
        ("annual_2017_11.zip", "main.csv", "none"),
        ("annual-2017-2018.zip", "main_2018_19.csv", "[2017, 2018]"),
    ],
)
def test_names_that_give_no_one_year_are_rejected(name: str, member: str, years: str, tmp_path: Path) -> None:
    content = make_csv(SHORT_ANNUAL_HEADER, [short_annual_row("25", "*")])
    rejection = read(tmp_path, name, make_zip({member: content})).rejection
    assert "its name: expected one financial year, such as 2020-21" in rejection
    assert f"found {years} in {name}, {member}" in rejection


@pytest.mark.parametrize(("start", "end"), [("01/04/2011", "30/04/2011"), ("2111-04-01", "2111-04-30")])
def test_a_month_the_calendar_lacks_is_rejected_with_its_row(start: str, end: str, tmp_path: Path) -> None:
    for level in ("Provider", "England"):
        odd = make_row("5", measure=FINISHED, level=level, start=start, end=end)
        rejection = read_monthly(tmp_path, make_row("25"), odd).rejection
        year = 2011 if "2011" in start else 2111
        assert (
            f"row 3: expected a period within 2012-04-01 to 2041-03-31, the pipeline's calendar; found {year}-04. "
            "Look at the file's dates"
        ) in rejection


def test_a_year_and_a_quarter_the_calendar_lacks_are_rejected(tmp_path: Path) -> None:
    annual = make_csv(SHORT_ANNUAL_HEADER, [short_annual_row("25", "*")])
    rejection = read(tmp_path, "psych-ther-ann-2011-12.zip", make_zip({"main.csv": annual})).rejection
    assert "its name: expected a period within 2012-04-01 to 2041-03-31" in rejection
    assert "found 2011-12." in rejection
    wide = make_csv(SHORT_WIDE_HEADER, [make_quarterly_wide_row("5", quarter="Quarter 1 2041/42")[:15]])
    assert "row 2: expected a period within" in read(tmp_path, "q.csv", wide).rejection


def test_the_first_and_the_last_month_of_the_calendar_are_read(tmp_path: Path) -> None:
    bounds = [("01/04/2012", "30/04/2012"), ("01/03/2041", "31/03/2041")]
    rows = [make_row("25", start=start, end=end) for start, end in bounds]
    found = read(tmp_path, "activity.csv", make_monthly_csv(*rows))
    assert found.summary.tables[0].periods == ["2012-04", "2041-03"]


# -- organisations and populations ------------------------------------------------------------------------------------

PARTIES = ("org_level", "org_code", "org_name", "partner_code", "partner_name", "parent_code")


def test_each_level_of_a_monthly_file_puts_its_codes_in_their_columns(tmp_path: Path) -> None:
    levels = ["England", "CommissioningRegion", "CCG", "SubICB", "Provider", "CCG/Provider", "SubICB/Provider"]
    found = read_monthly(tmp_path, *[make_row("25", level=level) for level in levels])
    commissioner, provider = (COMMISSIONER.code, COMMISSIONER.name), (PROVIDER.code, PROVIDER.name)
    assert cells(found, *PARTIES) == [
        ("england", "E92000001", "England", None, None, None),
        ("region", *commissioner, None, None, None),
        ("ccg", *commissioner, None, None, None),
        ("sub_icb", *commissioner, None, None, None),
        ("provider", *provider, None, None, None),
        ("ccg_provider", *commissioner, *provider, None),
        ("sub_icb_provider", *commissioner, *provider, None),
    ]
    assert cells(found, "group_type") == levels
    assert set(cells(found, "variable_type", "variable_a", "variable_b")) == {("Total", None, None)}


def test_a_sub_icb_of_a_quarterly_file_keeps_its_parent(tmp_path: Path) -> None:
    levels = ["England", "ICB", "SubICB", "Provider", "SubICB-Provider"]
    content = make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("25", level=level) for level in levels])
    found = read(tmp_path, "q.csv", content)
    assert cells(found, "org_level", "org_code", "partner_code", "parent_code") == [
        ("england", "E92000001", None, None),
        ("icb", BOARD.code, None, None),
        ("sub_icb", COMMISSIONER.code, None, BOARD.code),
        ("provider", PROVIDER.code, None, None),
        ("sub_icb_provider", COMMISSIONER.code, PROVIDER.code, BOARD.code),
    ]


def test_a_blank_commissioner_code_of_the_workbook_keeps_its_place_as_unknown(tmp_path: Path) -> None:
    invalid = Body("", "Invalid commissioner code")
    found = read_workbook(
        tmp_path,
        make_workbook_row(5, level="CCG", commissioner=invalid),
        make_workbook_row("*", level="CCG/Provider", commissioner=invalid),
        make_workbook_row(25),
    )
    assert cells(found, "org_level", "org_code", "org_name", "partner_code")[::9] == [
        ("ccg", "UNKNOWN", invalid.name, None),
        ("ccg_provider", "UNKNOWN", invalid.name, PROVIDER.code),
        ("provider", PROVIDER.code, PROVIDER.name, None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (make_row("5", measure=("", "Count_X")), "row 3: expected a MEASURE_ID; found a blank"),
        (make_row("5", level="Parish"), "row 3, column GROUP_TYPE: expected GROUP_TYPE one of England, "),
    ],
)
def test_a_row_that_does_not_say_of_what_it_is_is_rejected(row: drops.Row, message: str, tmp_path: Path) -> None:
    assert message in read_monthly(tmp_path, make_row("25", measure=FINISHED), row).rejection


def test_a_region_of_a_quarterly_file_that_is_no_region_is_rejected(tmp_path: Path) -> None:
    rows = [make_quarterly_row("25"), make_quarterly_row("25", level="CommissioningRegion")]
    rejection = read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, rows)).rejection
    assert "row 3: expected an organisation code of the level region; found the placeholder 'All_ICB'" in rejection


def test_placeholders_stand_for_no_category_and_other_texts_for_themselves(tmp_path: Path) -> None:
    populations = [
        ("Total", "Total", "null"),
        ("Ethnic Group", "Not Stated", "NULL"),
        ("Problem Descriptor", "Anxiety and stress related disorders", "723916001 - MUS Not Otherwise Specified"),
        ("Disability", "01 Behaviour and Emotional", ""),
    ]
    content = make_csv(QUARTERLY_LONG_HEADER, [make_quarterly_row("25", population=each) for each in populations])
    assert cells(read(tmp_path, "q.csv", content), "variable_type", "variable_a", "variable_b") == [
        ("Total", "Total", None),
        ("Ethnic Group", "Not Stated", None),
        populations[2],
        ("Disability", "01 Behaviour and Emotional", None),
    ]


def test_two_ids_under_one_name_and_one_id_under_two_names_stay_apart(tmp_path: Path) -> None:
    measures = [("M023", "Count_FirstAssessment"), ("M031", "Count_FirstAssessment")]
    found = read_monthly(tmp_path, *[make_row(str(n), measure=measure) for n, measure in enumerate(measures)])
    assert cells(found, "measure_id", "measure_name", "value") == [(*measures[0], 0.0), (*measures[1], 1.0)]

    renamed = [("M031", "Count_FirstTreatment"), ("M031", "Count_AccessingServices")]
    months = [("01/04/2022", "30/04/2022"), ("01/09/2022", "30/09/2022")]
    series = [make_row("25", measure=m, start=s, end=e) for m, (s, e) in zip(renamed, months, strict=True)]
    found = read(tmp_path, "time_series_2022_04_to_2022_09.csv", make_monthly_csv(*series))
    assert cells(found, "measure_id", "measure_name") == renamed


def test_a_wide_column_is_the_measures_name_and_has_no_id(tmp_path: Path) -> None:
    found = read(tmp_path, "a-2022-23.csv", make_csv(ANNUAL_HEADERS["2022-23"], [make_annual_row("25", "NULL", "*")]))
    assert cells(found, "measure_name") == ANNUAL_HEADERS["2022-23"][len(ANNUAL_KEYS) :]
    assert set(cells(found, "measure_id")) == {None}
    assert cells(found, "value_status")[:3] == ["published", "not_applicable", "suppressed"]


# -- two value columns ------------------------------------------------------------------------------------------------

CANARY_VALUE = "7654321"


def everything(found: ReadDrop) -> str:
    """All that reading left behind, decoded."""
    tables = [str(drops.read_rows(path)) for path in found.files if path.suffix == ".parquet"]
    return "".join([*tables, *(path.read_text("utf-8") for path in found.files if path.suffix == ".json")])


@pytest.mark.parametrize("swapped", [False, True])
def test_beside_the_suppressed_column_an_unsuppressed_one_is_counted_and_never_read(
    swapped: bool, tmp_path: Path
) -> None:
    header, row = list(BOTH_VALUES_HEADER), make_row("*", CANARY_VALUE)
    if swapped:
        header[-2:], row[-2:] = reversed(header[-2:]), reversed(row[-2:])
    found = read_monthly(tmp_path, row, header=header)
    assert cells(found, "source_column", "value_as_published") == [("MEASURE_VALUE_SUPPRESSED", "*")]
    (companion,) = found.quarantine
    assert (companion["source_row"], companion["source_column"]) == (2, "MEASURE_VALUE")
    assert companion["value_as_published"] is None
    assert companion["reason"] == "an unsuppressed companion of MEASURE_VALUE_SUPPRESSED is not read"
    assert found.summary.cells == 2
    assert "MEASURE_VALUE" in everything(found)
    assert CANARY_VALUE not in everything(found)


def test_a_rejection_says_nothing_of_an_unsuppressed_column(tmp_path: Path) -> None:
    for rows in (
        [make_row("*", CANARY_VALUE), make_row("?", CANARY_VALUE, measure=FINISHED)],
        [make_row("*", CANARY_VALUE), make_row("*", "5")],
        [make_row("*", CANARY_VALUE), [*make_row("*", CANARY_VALUE, measure=FINISHED), "stray"]],
        [make_row("*", CANARY_VALUE, level="Parish")],
    ):
        found = read_monthly(tmp_path, *rows, header=BOTH_VALUES_HEADER)
        assert found.rejection
        assert CANARY_VALUE not in everything(found)


# -- repeated rows ----------------------------------------------------------------------------------------------------


def test_a_row_that_repeats_another_under_a_second_name_is_marked_not_dropped(tmp_path: Path) -> None:
    rows = [
        short_annual_row("25", "*"),
        short_annual_row("30", "10", body=OTHER_PROVIDER),
        short_annual_row("25", "*", body=named(PROVIDER, "Neverwhere Drug and Alcohol Rooms")),
    ]
    found = read(tmp_path, "annual-2023-24.csv", make_csv(SHORT_ANNUAL_HEADER, rows))
    assert cells(found, "source_row", "duplicate_of_row") == [(2, None)] * 2 + [(3, None)] * 2 + [(4, 2)] * 2
    assert found.summary.tables[0].duplicate_rows == 1


@pytest.mark.parametrize("other", ["30", "*", "", "25.0"])
def test_repeated_rows_that_disagree_are_rejected_naming_both(other: str, tmp_path: Path) -> None:
    rows = [
        short_annual_row("30", "10", body=OTHER_PROVIDER),
        short_annual_row("25", "*"),
        short_annual_row("5", "5", level="England"),
        short_annual_row(other, "*", body=named(PROVIDER, "Another name")),
    ]
    found = read(tmp_path, "annual-2023-24.csv", make_csv(SHORT_ANNUAL_HEADER, rows))
    assert "row 5: expected the same figures as row 3, which has the same key; found other figures" in found.rejection


def test_rows_that_differ_in_any_part_of_the_key_are_no_repeats(tmp_path: Path) -> None:
    rows = [
        make_row("25"),
        make_row("30", provider=OTHER_PROVIDER),
        make_row("30", measure=FINISHED),
        make_row("30", level="SubICB"),
        make_row("30", level="SubICB/Provider"),
        make_row("30", start="01/05/2026", end="31/05/2026"),
    ]
    assert cells(read_monthly(tmp_path, *rows, name=SERIES), "duplicate_of_row") == [None] * len(rows)


def test_rows_that_differ_in_partner_or_population_only_are_no_repeats(tmp_path: Path) -> None:
    pair = {"level": "SubICB-Provider"}
    rows = [
        make_quarterly_row("5", **pair),
        make_quarterly_row("10", **pair, provider=OTHER_PROVIDER),
        make_quarterly_row("15", **pair, commissioner=OTHER_COMMISSIONER),
        make_quarterly_row("20", **pair, population=("Age Group", "18 to 25", "null")),
        make_quarterly_row("25", **pair, population=("Age Group", "18 to 25", "Female")),
    ]
    found = read(tmp_path, "q.csv", make_csv(QUARTERLY_LONG_HEADER, rows))
    assert cells(found, "duplicate_of_row") == [None] * 5


def pack_of(*parts: Sequence[drops.Row], header: Sequence[str] = QUARTERLY_LONG_HEADER) -> bytes:
    return make_zip({f"part-{number}.csv": make_csv(header, rows) for number, rows in enumerate(parts)})


def test_the_england_rows_that_each_file_of_a_pack_repeats_collapse(tmp_path: Path) -> None:
    england = [make_quarterly_row("12345"), make_quarterly_row("50.5", measure=("M192", "Percentage_Recovery"))]
    parts = [[*england, make_quarterly_row("25", level=level)] for level in ("SubICB", "Provider", "SubICB-Provider")]
    found = read(tmp_path, "quarterly.zip", pack_of(*parts))
    kept = [cell for cell in found.observations if cell["duplicate_of_row"] is None]
    assert Counter(cell["org_level"] for cell in kept) == {
        "england": 2,
        "sub_icb": 1,
        "provider": 1,
        "sub_icb_provider": 1,
    }
    assert {cell["source_member"] for cell in kept if cell["org_level"] == "england"} == {"part-0.csv"}
    assert found.summary.tables[0].duplicate_rows == 4
    assert found.summary.cells == 9


def test_files_of_a_pack_that_disagree_are_rejected_naming_both(tmp_path: Path) -> None:
    parts = [[make_quarterly_row("12345")], [make_quarterly_row("5", level="Provider"), make_quarterly_row("12346")]]
    rejection = read(tmp_path, "quarterly.zip", pack_of(*parts)).rejection
    assert "quarterly.zip, part-1.csv, row 3: expected the same figures as row 2 of part-0.csv" in rejection


# -- files cut short ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [{}, {"line_end": "\r\n"}, {"quoted": True}], ids=str)
def test_a_csv_whose_last_row_has_no_line_end_is_rejected_as_perhaps_cut_short(
    style: dict[str, Any], tmp_path: Path
) -> None:
    whole = drops.make_monthly_csv(make_row("25"), make_row("455", measure=FINISHED), **style)
    assert cells(read(tmp_path, "a.csv", whole), "value") == [25.0, 455.0]
    unended = whole.rstrip(b"\r\n")
    for content in [unended] if style.get("quoted") else [unended, unended[:-1]]:
        rejection = read(tmp_path, "a.csv", content).rejection
        assert rejection == (
            "a.csv, the last row: expected a line end after the last row; found none: the file may be cut short. "
            "Get the file again; if it is whole, end its last line and offer it so."
        )
        packed = read(tmp_path, "pack.zip", make_zip({"b.csv": content})).rejection
        assert packed.startswith("pack.zip, b.csv, the last row: ")


def organisation(body: Body, measures: int, **parts: Any) -> list[list[drops.Cell]]:
    """The rows of one organisation of a monthly file, one for each of so many measures."""
    return [make_row("25", provider=body, measure=(f"M{n:03}", "Count_X"), **parts) for n in range(measures)]


def test_a_monthly_csv_that_ends_within_an_organisation_is_rejected_as_perhaps_cut_short(tmp_path: Path) -> None:
    others = [*organisation(PROVIDER, 4, level="England"), *organisation(PROVIDER, 3)]
    cut = [*others, *organisation(OTHER_PROVIDER, 2)]
    rejection = read_monthly(tmp_path, *cut).rejection
    assert "row 10, the last: expected 3 measures or more of the last organisation, as of every other one" in rejection
    assert "found 2: the file may be cut short. Get the file again; if it is published so, set rectangular" in rejection
    assert read_monthly(tmp_path, *others, *organisation(OTHER_PROVIDER, 3)).observations

    pairs = {"level": "SubICB/Provider"}
    rows = [*others, *organisation(PROVIDER, 2, **pairs), *organisation(OTHER_PROVIDER, 1, **pairs)]
    assert "row 11, the last" in read_monthly(tmp_path, *rows).rejection


def test_only_a_last_organisation_with_fewer_measures_than_every_other_of_its_type_tells_of_a_cut(
    tmp_path: Path,
) -> None:
    third = Body("ZZ-P3", "Brobdingnag Mind")
    whole = [
        # the last has as few as another one of its type
        [*organisation(PROVIDER, 2), *organisation(third, 1), *organisation(OTHER_PROVIDER, 1)],
        # one with fewer stands before the last
        [*organisation(PROVIDER, 1), *organisation(OTHER_PROVIDER, 2)],
        # there is no other one of its type
        [*organisation(PROVIDER, 3), *organisation(PROVIDER, 1, level="SubICB/Provider")],
    ]
    for rows in whole:
        assert len(read_monthly(tmp_path, *rows).observations) == len(rows)
    short = [*organisation(PROVIDER, 2), *organisation(OTHER_PROVIDER, 1)]
    book = make_xlsx({"Data": [MONTHLY_HEADER, *short]})
    assert len(read(tmp_path, "iapt-month-Apr-2026.xlsx", book).observations) == 3, "a cut workbook does not open"
    may = {"start": "01/05/2026", "end": "31/05/2026"}
    series = [*organisation(PROVIDER, 2), *organisation(OTHER_PROVIDER, 2, **may), *organisation(third, 1, **may)]
    found = read_monthly(tmp_path, *series, name=SERIES)
    assert len(found.observations) == 5, "a time series is not known to be rectangular"


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("ends", [("\n", "\r\n"), ("\r\n", "\n")])
def test_lines_ended_in_two_ways_are_rejected_in_plain_words(
    ends: tuple[str, str], quoted: bool, tmp_path: Path
) -> None:
    header, rows = (
        drops.make_monthly_csv(make_row("25"), make_row("30", measure=FINISHED), line_end=end, quoted=quoted)
        for end in ends
    )
    mixed = header[: header.index(b"\n") + 1] + rows[rows.index(b"\n") + 1 :]
    rejection = read(tmp_path, "a.csv", mixed).rejection
    assert rejection.startswith(
        "a.csv, the whole file: expected text with every line of it ended alike; found lines ended by CRLF and by LF. "
        "Get the file again; if it is published so, save it with one kind of line end"
    )
    assert "pack.zip, b.csv: expected text with" in read(tmp_path, "pack.zip", make_zip({"b.csv": mixed})).rejection


def test_a_row_of_commas_alone_is_passed_over_as_a_blank_row_of_a_sheet_is(tmp_path: Path) -> None:
    blank = [""] * len(MONTHLY_HEADER)
    rows = [make_row("25"), blank, make_row("30", measure=FINISHED), blank, blank]
    found = read_monthly(tmp_path, *rows, quoted=True)
    assert cells(found, "source_row", "value") == [(2, 25.0), (4, 30.0)]
    assert cells(read_monthly(tmp_path, *rows), "source_row", "value") == [(2, 25.0), (4, 30.0)]
    assert found.summary.tables[0].rows == found.summary.cells == 2
    assert "rows of figures; found none" in read_monthly(tmp_path, blank).rejection


# -- packs and books --------------------------------------------------------------------------------------------------


def drifted(header: Sequence[str]) -> list[str]:
    return ["ICB_Name" if name == "ICBName" else name for name in header]


def test_a_quarterly_pack_with_one_drifted_member_is_rejected_whole(tmp_path: Path) -> None:
    rows = [make_quarterly_row("5")]
    pack = make_zip(
        {"a.csv": make_csv(QUARTERLY_LONG_HEADER, rows), "b.csv": make_csv(drifted(QUARTERLY_LONG_HEADER), rows)}
    )
    found = read(tmp_path, "quarterly.zip", pack)
    assert "b.csv, row 1: expected the header of a known layout (nearest: quarterly_long" in found.rejection
    assert "missing 'ICBName' (perhaps now 'ICB_Name')" in found.rejection
    assert not found.store.observations_path(found.drop.sha256).exists()


def test_a_drifted_workbook_in_a_pack_is_rejected_as_a_drifted_csv_is(tmp_path: Path) -> None:
    rows = [make_quarterly_row("5")]
    pack = make_zip(
        {
            "a.csv": make_csv(QUARTERLY_LONG_HEADER, rows),
            "b.xlsx": make_xlsx({"Data": [drifted(QUARTERLY_LONG_HEADER), *rows]}),
        }
    )
    assert "quarterly.zip, b.xlsx sheet 'Data', row 1: " in read(tmp_path, "quarterly.zip", pack).rejection


@pytest.mark.parametrize("bare", [0, 1])
def test_a_member_of_a_pack_that_holds_only_its_header_is_rejected_by_name(bare: int, tmp_path: Path) -> None:
    parts = [[make_quarterly_row("12345")], [make_quarterly_row("12345")]]
    parts[bare] = []
    rejection = read(tmp_path, "quarterly.zip", pack_of(*parts)).rejection
    assert f"quarterly.zip, part-{bare}.csv, below the header: expected rows of figures; found none" in rejection


def test_members_of_one_layout_under_two_headers_are_rejected(tmp_path: Path) -> None:
    rows = [make_quarterly_row("12345")]
    pack = make_zip(
        {
            "a.csv": make_csv(QUARTERLY_LONG_HEADER, rows),
            "b.csv": make_csv([*QUARTERLY_LONG_HEADER[:-1], "MEASURE_VALUE"], rows),
        }
    )
    rejection = read(tmp_path, "quarterly.zip", pack).rejection
    assert "b.csv, the header: expected 'MEASURE_VALUE_SUPPRESSED', as in a.csv; found 'MEASURE_VALUE'" in rejection


def test_the_other_tables_of_an_annual_pack_are_kept_unread_and_said_so(tmp_path: Path) -> None:
    main = make_csv(SHORT_ANNUAL_HEADER, [short_annual_row("25", "*")])
    others = {"effect-size.csv": b"OrgCode,Effect\nZZ-P1,0.5\n", "notes.pdf": b"%PDF"}
    found = read(tmp_path, "annual-2022-23.zip", make_zip({"main.csv": main, **others}))
    assert set(cells(found, "source_member")) == {"main.csv"}
    assert found.summary.unread == ["effect-size.csv"]
    assert sorted(notice for notice in found.summary.notices if "archived with the drop" in notice) == [
        "a member that is a note, not a table, is archived with the drop, unread: notes.pdf",
        "a table without a known layout is archived with the drop, unread: effect-size.csv",
    ]


def test_a_pack_in_which_nothing_is_known_names_its_nearest_table_and_a_few_others(tmp_path: Path) -> None:
    others = {f"table-{number}.csv": f"OrgType,OrgCode,Effect {number}\n".encode() for number in range(6)}
    main = make_csv([*ANNUAL_HEADERS["2024-25"], "Count_Telepathy"], [make_annual_row("25", year="2024-25")])
    rejection = read(tmp_path, "annual-2024-25.zip", make_zip({**others, "main.csv": main})).rejection
    assert rejection.startswith(
        "annual-2024-25.zip, main.csv, row 1: expected the header of a known layout (nearest: annual_main_wide, "
        "Annual report, main table); found a header of 51 columns that no layout recognises: "
        "unknown 'Count_Telepathy'. No layout recognises the other tables either: "
        "table-0.csv, table-1.csv, table-2.csv and 3 more. "
    )
    assert len(rejection) < 600
    pair = make_zip({"effect-size.csv": b"OrgCode,Effect\n", "therapy.csv": b"OrgType,OrgCode,Therapy\n"})
    rejection = read(tmp_path, "annual-2022-23.zip", pair).rejection
    assert "therapy.csv, row 1: " in rejection
    assert "the other tables either: effect-size.csv. If it holds figures" in rejection
    only_notes = read(tmp_path, "annual-2022-23.zip", make_zip({"read me.txt": b"notes"}))
    assert "expected a published table; found none" in only_notes.rejection


METADATA = [["Measure ID", "Measure name", "Description"], ["M001", "Count_ReferralsReceived", "Referrals, counted"]]


def test_members_that_are_no_tables_of_ours_are_named_and_left_and_the_table_beside_them_is_read(
    tmp_path: Path,
) -> None:
    members = {
        "iapt_metadata.xlsx": make_xlsx({"Metadata": METADATA, "Notes": [["A note"]]}),
        "measures.csv": make_csv(METADATA[0], METADATA[1:]),
        "activity.csv": drops.make_monthly_csv(make_row("25")),
        "semicolons.csv": b"Code;Meaning;Since\n1;one;2021\n",
        "guide.pdf": b"%PDF-1.7",
        "map.PNG": b"\x89PNG\r\n",
        "inner.zip": make_zip({"b.csv": drops.make_monthly_csv(make_row("30"))}),
        "figures.rar": b"Rar!\x1a\x07\x01\0",
        "old.xls": make_xls({"Metadata": METADATA, "Old": [["x"]]}, visibility={"Old": 1}),
        "locked.xlsb": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "Workbook".encode("utf-16-le") + bytes(48),
        "LICENCE": b"Open Government Licence",
        "~$iapt_metadata.xlsx": b"\x07Analyst",
    }
    found = read(tmp_path, "iapt_month_apr_2026.zip", make_zip(members))
    assert cells(found, "source_member", "value_as_published") == [("activity.csv", "25")]
    notices = "\n".join(found.summary.notices)
    for name in set(members) - {"activity.csv"}:
        assert name in notices
    assert "inner.zip (a ZIP container)" in notices
    assert "figures.rar (a RAR archive)" in notices
    assert "unread: old.xls sheet 'Metadata'" in notices
    assert "a hidden sheet is not read: old.xls sheet 'Old'" in notices
    assert "locked.xlsb (an old Excel workbook (XLS))" in notices
    assert "LICENCE (a file ending in nothing)" in notices


@pytest.mark.parametrize("name", ["drifted.csv", "drifted.xlsx"])
def test_a_member_that_is_a_table_of_ours_but_for_a_column_never_vanishes(name: str, tmp_path: Path) -> None:
    header, row = [*MONTHLY_HEADER, "NEW_COLUMN"], [*make_row("30"), "new"]
    drifted = make_csv(header, [row]) if name.endswith(".csv") else make_xlsx({"A": METADATA, "B": [header, row]})
    pack = make_zip({"activity.csv": drops.make_monthly_csv(make_row("25")), name: drifted})
    rejection = read(tmp_path, "iapt_month_apr_2026.zip", pack).rejection
    assert f"iapt_month_apr_2026.zip, {name}" in rejection
    assert "unknown 'NEW_COLUMN'" in rejection


def test_a_second_sheet_with_a_changed_header_refuses_the_workbook(tmp_path: Path) -> None:
    changed = [*MONTHLY_HEADER[:-1], "VALUE"]
    book = make_xlsx({"A": [MONTHLY_HEADER, make_row(25)], "B": [changed, make_row(30, measure=FINISHED)]})
    assert "sheet 'B', row 1: " in read(tmp_path, "iapt_month_apr_2026.xlsx", book).rejection


def test_a_changed_main_table_beside_the_old_one_refuses_an_annual_pack(tmp_path: Path) -> None:
    main = make_csv(ANNUAL_HEADERS["2022-23"], [make_annual_row("25")])
    renamed = ["Count_Arrivals" if name == "Count_ReferralsReceived" else name for name in ANNUAL_HEADERS["2022-23"]]
    pack = make_zip({"main.csv": main, "main-v2.csv": make_csv(renamed, [make_annual_row("30")])})
    rejection = read(tmp_path, "annual-2022-23.zip", pack).rejection
    assert "annual-2022-23.zip, main-v2.csv, row 1: " in rejection
    assert "unknown 'Count_Arrivals'" in rejection
    # A table of the pack's own that shares its keys and two of its measures is none.
    other = [*drops.ANNUAL_KEYS, "TherapyType", "Count_Sessions", "Count_Recovery", "Count_Improvement"]
    pack = make_zip({"main.csv": main, "therapy.csv": make_csv(other, [["x"] * len(other)])})
    assert read(tmp_path, "annual-2022-23.zip", pack).summary.unread == ["therapy.csv"]


def test_a_table_with_semicolons_is_rejected_for_them_and_never_vanishes_from_a_pack(tmp_path: Path) -> None:
    text = drops.make_monthly_csv(make_row("25")).replace(b",", b";")
    expected = "expected commas between the values; found semicolons between the values. "
    alone = read(tmp_path, "iapt_month_apr_2026_activity.csv", text).rejection
    assert alone.startswith(f"iapt_month_apr_2026_activity.csv, row 1: {expected}")
    assert "save this one with commas" in alone
    pack = make_zip({"a.csv": drops.make_monthly_csv(make_row("25")), "b.csv": text})
    assert (
        f"iapt_month_apr_2026.zip, b.csv, row 1: {expected}"
        in read(tmp_path, "iapt_month_apr_2026.zip", pack).rejection
    )


def test_a_sheets_name_may_end_in_a_space_and_other_sheets_are_passed_over_with_a_notice(tmp_path: Path) -> None:
    book = make_xlsx(
        {
            "Notes": [["A note"]],
            "iapt-month-Apr-26-final-data ": [MONTHLY_HEADER, make_row(25), make_row("*", measure=FINISHED)],
        }
    )
    found = read(tmp_path, "iapt-month-apr-2026-final-data.xlsx", book)
    assert set(cells(found, "source_member")) == {"sheet 'iapt-month-Apr-26-final-data '"}
    assert found.summary.notices == ["a table without a known layout is archived with the drop, unread: sheet 'Notes'"]


def test_the_workbooks_banner_is_passed_over_and_its_header_read_in_row_eight(tmp_path: Path) -> None:
    found = read_workbook(tmp_path, make_workbook_row(25, 20, "*", 50, month=dt.date(2019, 2, 1)))
    assert cells(found, "source_row", "source_column", "value_as_published")[:4] == [
        (9, "Referrals Received", "25"),
        (9, "First Treatment", "20"),
        (9, "Ended Referrals", "*"),
        (9, "Finished a Course of Treatment", "50"),
    ]
    assert cells(found, "period_start", "period_end")[0] == (dt.date(2019, 2, 1), dt.date(2019, 2, 28))


# -- rejections -------------------------------------------------------------------------------------------------------


def test_a_rejected_drop_leaves_no_observations_even_of_an_earlier_reading(tmp_path: Path) -> None:
    name, content = "a.csv", drops.make_monthly_csv(make_row("25"), make_row("", measure=FINISHED))
    before = read(tmp_path, name, content)
    assert before.observations
    assert before.quarantine
    stricter = drops.with_limits()
    stricter.__dict__["layouts"] = [layout for layout in stricter.layouts if layout.series == "annual"]
    after = read(tmp_path, name, content, using=stricter)
    assert after.rejection
    assert [path.suffix for path in after.files if after.store.folder in path.parents] == [".json"]


def test_a_fault_of_the_machine_is_not_taken_for_a_fault_of_the_drop(tmp_path: Path) -> None:
    class Failing:
        def execute(self, query: str, *parameters: object) -> object:
            if "read_csv" in query:
                raise duckdb.OutOfMemoryException("failed to allocate data")
            return drops.connection().execute(query, *parameters)

    found = read_monthly(tmp_path, make_row("25"))
    path = tmp_path / "kept" / found.drop.sha256 / found.drop.file
    with pytest.raises(duckdb.OutOfMemoryException):
        reading.read_drop(Failing(), found.drop, path, drops.catalogue(), found.store)  # type: ignore[arg-type]


def test_the_mark_of_a_demonstration_is_seen_in_any_name(tmp_path: Path) -> None:
    marked = named(PROVIDER, "Neverwhere Listening Service (Synthetic)")
    assert not read_monthly(tmp_path, make_row("25")).summary.has_synthetic_mark
    assert read_monthly(tmp_path, make_row("25", provider=marked)).summary.has_synthetic_mark
    pair = make_row("25", level="SubICB/Provider", provider=marked)
    assert read_monthly(tmp_path, make_row("25", measure=REFERRALS), pair).summary.has_synthetic_mark
