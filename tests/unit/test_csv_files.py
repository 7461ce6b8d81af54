"""How a released figure reads in a spreadsheet."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iapt.release.csv_files import format_csv_column, list_csv_files, write_csv_file
from iapt.sql import quote_literal


def _cell(name: str, kind: str, row: str) -> object:
    with duckdb.connect() as connection:
        column = format_csv_column(name, kind, has_statistic="statistic" in row)
        return connection.execute(f"select {column} from (select {row})").fetchall()[0][0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    assert _cell("org_name", "VARCHAR", f"'{start}cmd()' as org_name") == f"'{start}cmd()"


@pytest.mark.parametrize("name", ["<18 weeks", "00L", "MIND", "'quoted'"])
def test_other_names_leave_as_they_are(name: str) -> None:
    assert _cell("org_name", "VARCHAR", f"{quote_literal(name)} as org_name") == name


@pytest.mark.parametrize(
    ("statistic", "value", "text"),
    [("count", "634650", "634650"), ("percentage", "51", "51"), ("mean", "23", "23.0"), ("median", "15.5", "15.5")],
)
def test_whole_figures_have_no_decimals_and_means_have_one(statistic: str, value: str, text: str) -> None:
    assert _cell("value", "DOUBLE", f"cast({value} as double) as value, '{statistic}' as statistic") == text


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [("count_recovery", "634650", "634650"), ("recovery_rate", "51", "51"), ("mean_wait", "23", "23.0")],
)
def test_a_column_of_its_own_reads_as_its_statistic(column: str, value: str, text: str) -> None:
    assert _cell(column, "DOUBLE", f"cast({value} as double) as {column}") == text


def test_a_mean_below_zero_stays_a_number() -> None:
    assert _cell("value", "DOUBLE", "cast(-1.8 as double) as value, 'mean' as statistic") == "-1.8"


def test_a_hidden_value_is_an_empty_cell() -> None:
    assert _cell("value", "DOUBLE", "cast(null as double) as value, 'count' as statistic") is None


#: DuckDB reads so many rows at a time; a period that begins just before the end of them once had its first rows last.
AT_A_TIME = 2048


def _write_months(folder: Path) -> None:
    """Write an extract of two months, the second of which begins with nine rows of a batch."""
    source = folder / "extract_monthly.parquet"
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"""
            copy (
                select if(number < {AT_A_TIME - 9}, '2022-10', '2022-11') as period, 'org' || number as org_code,
                       'count' as statistic, cast(number as double) as value
                from range({3 * AT_A_TIME}) as numbers(number)
            ) to '{source}' (format parquet)
            """
        )
        for file in list_csv_files(connection, "extract_monthly", str(source)):
            write_csv_file(connection, file, folder / file.name)


def _values(file: Path) -> list[int]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return [int(row["value"]) for row in csv.DictReader(lines)]


def test_each_period_is_a_file_with_its_rows_in_the_order_of_the_table(tmp_path: Path) -> None:
    _write_months(tmp_path)
    first, second = "extract_monthly_2022-10.csv.gz", "extract_monthly_2022-11.csv.gz"
    assert {path.name for path in tmp_path.iterdir()} == {"extract_monthly.parquet", first, second}
    assert _values(tmp_path / first) == list(range(AT_A_TIME - 9))
    assert _values(tmp_path / second) == list(range(AT_A_TIME - 9, 3 * AT_A_TIME))


def test_the_same_rows_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        _write_months(tmp_path / name)
    name = "extract_monthly_2022-11.csv.gz"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    # No flags, so no name; and no time.
    assert (tmp_path / "one" / name).read_bytes()[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


#: Texts that a program could take for something else.
TEXTS = ("None", "NA", "null", "NaN", "01", "1e5", "2.1", "true", "2024-04-01", 'a "quoted", text', "Überall")


@pytest.fixture
def odd_texts(tmp_path: Path) -> Path:
    """A CSV file of texts that look like something else, numbers beside them, and a row that lacks all of it."""
    source, target = tmp_path / "dim_of_texts.parquet", tmp_path / "dim_of_texts.csv"
    with duckdb.connect() as connection:
        connection.execute("create table texts (number bigint, word varchar, figure double, day date, is_so boolean)")
        rows = [(number, text, number / 2, "2024-04-01", True) for number, text in enumerate(TEXTS)]
        connection.executemany("insert into texts values (?, ?, ?, ?, ?)", [*rows, (None,) * 5])
        connection.execute(f"copy texts to '{source}' (format parquet)")
        (file,) = list_csv_files(connection, "dim_of_texts", str(source))
        write_csv_file(connection, file, target)
    return target


def test_every_text_is_quoted_and_nothing_else(odd_texts: Path) -> None:
    header, first, *_, last = odd_texts.read_text("utf-8").splitlines()
    assert header == 'number,"word",figure,day,is_so'
    assert first == '0,"None",0,2024-04-01,true'
    assert last == ",,,,"


def test_texts_and_absent_values_stay_apart_in_pandas(odd_texts: Path) -> None:
    frame = pd.read_csv(odd_texts, keep_default_na=False, na_values=[""], dtype={"word": "string"})
    assert frame["word"].dropna().tolist() == list(TEXTS)
    assert frame["word"].isna().tolist() == [False] * len(TEXTS) + [True]
    assert frame["figure"].tolist()[: len(TEXTS)] == [number / 2 for number in range(len(TEXTS))]


def test_texts_and_absent_values_stay_apart_in_duckdb(odd_texts: Path) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(f"select number, word, is_so from read_csv('{odd_texts}')").fetchall()
    assert rows == [*((number, text, True) for number, text in enumerate(TEXTS)), (None, None, None)]


_CSV_TEXTS = st.none() | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
_CSV_ROW = st.tuples(
    _CSV_TEXTS,
    _CSV_TEXTS | st.sampled_from(TEXTS),
    st.none() | st.integers(-(2**62), 2**62),
    st.none() | st.floats(-1e6, 1e6).map(lambda figure: round(figure, 1)),
    st.none() | st.dates(),
    st.none() | st.booleans(),
)


@settings(max_examples=20)
@given(st.lists(_CSV_ROW, max_size=20))
def test_a_csv_file_is_that_of_duckdbs_own_writer(rows: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        parquet, written, expected = (Path(folder) / name for name in ("t.parquet", "t.csv.gz", "expected.csv"))
        connection.execute(
            "create table written (org_name text, word text, number bigint, figure double, day date, is_so boolean)"
        )
        if rows:
            connection.executemany("insert into written values (?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"copy written to '{parquet}' (format parquet)")
        (file,) = list_csv_files(connection, "dim_of_texts", str(parquet))
        write_csv_file(connection, file, written)
        connection.execute(f"copy ({file.rows}) to '{expected}' (format csv, header, force_quote (org_name, word))")
        assert gzip.decompress(written.read_bytes()) == expected.read_bytes()
