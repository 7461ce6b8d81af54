"""Small drops of every layout, of several organisations whose figures agree with one another: bases of mutated drops.

They are cut from the demonstration's truth where it has the layout, so that every rule of a drop holds of them; each is
taken apart into tables of rows, so that a mutation can change it and write it again. All figures are invented.
"""

from __future__ import annotations

import csv
import functools
import io
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from iapt.synthetic import folder, layouts, measures, names, truth, writers
from iapt.synthetic.measures import format_published_texts
from tests.factories import drops
from tests.factories.drops import Cell

#: A name with a letter and a mark beyond ASCII, and the plain one of the demonstration that it replaces.
ACCENTED_NAME = "Café Séance’s"
_PLAIN_NAME = "DEMONSTRATION PROVIDER 001"
_ORGANISATIONS = {
    "region": ("Y56", "Y60"),
    "icb": ("QHM", "QOP", "UNKNOWN"),
    "stp": ("E54000005", "E54000007", "QHM", "QOP"),
    "commissioner": ("00L", "01D", "11J"),
    "provider": ("ZX001", "ZX002", "ZX003"),
}
_POPULATIONS = (("Total", ""), ("Gender", "Female"), ("Gender", "Male"))


@dataclass(frozen=True)
class TableStyle:
    """How a CSV is written. `line_ends` are used in turn; `encoding` may be any that Python knows."""

    delimiter: str = ","
    quoted: bool = False
    line_ends: tuple[str, ...] = ("\n",)
    encoding: str = "utf-8"


@dataclass
class EditableTable:
    """A CSV, or a sheet of a workbook, as rows: those above the header, the header, those below it.

    `written` are the bytes of a CSV whose text was changed.
    """

    name: str
    banner: list[list[Cell]]
    header: list[str]
    rows: list[list[Cell]]
    style: TableStyle = TableStyle()
    written: bytes | None = None

    def encode(self) -> bytes:
        """The table as the bytes of a CSV."""
        if self.written is not None:
            return self.written
        text = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if self.style.quoted else csv.QUOTE_MINIMAL
        lines = []
        for number, row in enumerate([*self.banner, self.header, *self.rows]):
            text.seek(0)
            text.truncate()
            csv.writer(text, delimiter=self.style.delimiter, quoting=quoting, lineterminator="").writerow(row)
            lines.append(text.getvalue() + self.style.line_ends[number % len(self.style.line_ends)])
        return "".join(lines).encode(self.style.encoding, errors="replace")


@dataclass
class EditableDrop:
    """A drop taken apart: `kind` is that of its container; `others` are sheets that are no tables.

    `written` are the bytes of a drop whose container was changed.
    """

    file: str
    layout: str
    kind: str
    tables: list[EditableTable]
    others: list[tuple[str, list[list[Cell]]]] = field(default_factory=list)
    day_format: str = "dd/mm/yyyy"
    written: bytes | None = None

    def encode(self) -> bytes:
        """The drop as bytes, the same on every run."""
        if self.written is not None:
            return self.written
        if self.kind == "csv":
            return self.tables[0].encode()
        if self.kind == "zip":
            return make_zip([(table.name, table.encode()) for table in self.tables])
        sheets = [(table.name, [*table.banner, table.header, *table.rows]) for table in self.tables]
        return writers.make_workbook(
            {name: _replace_nothing(rows) for name, rows in [*self.others[:1], *sheets, *self.others[1:]]},
            day_format=self.day_format,
        )

    def copy(self) -> EditableDrop:
        """Another drop of the same rows."""
        tables = [
            replace(
                table,
                banner=[list(row) for row in table.banner],
                header=list(table.header),
                rows=[list(row) for row in table.rows],
            )
            for table in self.tables
        ]
        return replace(self, tables=tables, others=list(self.others))


def _copy_rows(rows: Iterable[Sequence[Cell]]) -> list[list[Cell]]:
    return [[*row] for row in rows]


def _replace_nothing(rows: Sequence[Sequence[Cell]]) -> list[list[layouts.Cell]]:
    return [["" if cell is None else cell for cell in row] for row in rows]


def make_zip(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A ZIP without a clock; names may repeat."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return stream.getvalue()


@functools.cache
def make_small_drops() -> Mapping[str, EditableDrop]:
    """One drop of each layout, several of those that had several eras, by a name of our own."""
    bases = {
        "monthly": _make_month("2025-09"),
        "monthly_quoted": _make_month("2026-02"),
        "monthly_workbook": _make_month("2021-01"),
        "monthly_zip": _make_month("2023-01"),
        "monthly_day_first": _make_month("2021-03"),
        "timeseries": _make_timeseries(),
        "timeseries_workbook": _make_workbook(),
        "quarterly": _make_quarter("2025-26 Q1"),
        "quarterly_stp_ccg": _make_stp_ccg_quarter(),
        "quarterly_wide": _make_wide_quarter("2020-21 Q3"),
        "annual_2019": _make_year("2019-20"),
        "annual_2023": _make_year("2023-24"),
        "monthly_wide": _make_wide_month(),
        "by_variable_2015": _make_by_variable("2015-16", drops.BY_VARIABLE_2015_HEADER, "religion.csv"),
        "by_variable_2016": _make_by_variable("2016-17", drops.BY_VARIABLE_2016_HEADER, "ltc.csv"),
        "data_quality": _make_data_quality(),
    }
    for drop in bases.values():
        for table in drop.tables:
            for row in table.rows:
                row[:] = [cell.replace(_PLAIN_NAME, ACCENTED_NAME) if isinstance(cell, str) else cell for cell in row]
    return bases


def make_small_drop(series: str, period: str) -> EditableDrop:
    """One drop of a period of a series: monthly, quarterly or annual, in the layout that the period had."""
    if series == "monthly":
        return _make_month(period)
    if series == "annual":
        return _make_year(period)
    return _make_wide_quarter(period) if period in truth.WIDE_QUARTERS else _make_quarter(period)


def _choose_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a few organisations and populations."""
    commissioners = _ORGANISATIONS["commissioner"]
    by_level = {**_ORGANISATIONS, "ccg": commissioners, "sub_icb": commissioners}
    keep = frame["level"] == "england"
    for level, codes in by_level.items():
        keep |= (frame["level"] == level) & frame["code"].isin(codes)
    pairs = frame[frame["level"].str.endswith("_provider") & frame["code"].isin(commissioners)]
    keep |= frame.index.isin(pairs[pairs["partner_code"].isin(pairs["partner_code"].unique()[:3])].index)
    populations = set(_POPULATIONS) | {("Age Group", "18 to 25")}
    of_population = [pair in populations for pair in zip(frame["variable_type"], frame["variable_a"], strict=True)]
    return frame[keep & pd.Series(of_population, index=frame.index)]


def _take_apart(name: str, content: bytes) -> EditableTable:
    """A CSV as a table, in the style that it has."""
    text = content.decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    style = TableStyle(quoted=text.startswith('"'), line_ends=("\r\n" if "\r\n" in text else "\n",))
    return EditableTable(name, [], header, [list(row) for row in rows], style)


def _encode(lines: Sequence[str]) -> bytes:
    return writers.encode_lines(lines)


def _get_file_name(file: names.FileName) -> str:
    return file.path.rpartition("/")[2]


def _make_month(period: str) -> EditableDrop:
    frame = _choose_rows(truth.make_month_table([period], truth.list_demonstration_pairs()))
    file, content = folder.make_month_drop(period, frame, measures.MONTHLY)
    if file.suffix != ".xlsx":
        if file.suffix == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(file.inside[0])
        name = file.inside[0] if file.suffix == ".zip" else ""
        return EditableDrop(_get_file_name(file), "monthly_long", file.suffix[1:], [_take_apart(name, content)])
    shown = [measure for measure in measures.MONTHLY if measure.exists_in(period)]
    header, *rows = layouts.make_month_cells(period, frame, shown, format_published_texts(frame, shown))
    table = EditableTable(file.inside[0], [], [str(cell) for cell in header], [list(row) for row in rows])
    return EditableDrop(_get_file_name(file), "monthly_long", "xlsx", [table])


def _make_timeseries() -> EditableDrop:
    table: EditableTable | None = None
    for period in ("2025-07", "2025-08", "2025-09"):
        month = _make_month(period).tables[0]
        keep = [row for row in month.rows if row[7] in {"M001", "M076", "M179", "M191", "M192"}]
        if table is None:
            table = replace(month, rows=keep, header=[*month.header[:-1], "MEASURE_VALUE"])
        else:
            table.rows += keep
    assert table is not None
    table.style = TableStyle()
    return EditableDrop("talking_therapies_time_series_jul_2025_sep_2025.csv", "timeseries_long", "csv", [table])


def _make_workbook() -> EditableDrop:
    file = names.name_workbook_file()
    periods = truth.TIMESERIES_MONTHS[:3]
    pairs = truth.list_demonstration_pairs()
    frame = _choose_rows(truth.make_month_table(periods, pairs))
    frame = frame[frame["level"] != "region"]
    rows = layouts.make_table_sheet(frame, format_published_texts(frame, measures.WORKBOOK))
    depth = layouts.WORKBOOK_HEADER_ROW
    shown = [row for row in rows[depth:] if str(row[5])[:7] in periods]
    table = EditableTable(
        file.inside[1],
        _copy_rows(rows[: depth - 1]),
        list(map(str, rows[depth - 1])),
        _copy_rows(shown),
    )
    sheets = (layouts.make_title_sheet(folder.STATEMENT), layouts.make_constructions_sheet())
    others = [(name, _copy_rows(sheet)) for name, sheet in zip(file.inside[::2], sheets, strict=True)]
    return EditableDrop(_get_file_name(file), "timeseries_workbook", "xlsx", [table], others, "mmm yyyy")


def _make_quarter(period: str) -> EditableDrop:
    frame, file = _choose_rows(truth.make_quarterly_table([period])), names.name_long_quarter_file(period)
    tables = []
    for name, levels in zip(
        file.inside, (("region", "icb", "sub_icb"), ("provider",), ("sub_icb_provider",)), strict=True
    ):
        rows = frame[frame["level"].isin(["england", *levels])]
        texts = format_published_texts(rows, measures.LONG_QUARTERLY)
        lines = layouts.format_long_quarter_lines(period, rows, measures.LONG_QUARTERLY, texts)
        tables.append(_take_apart(name, _encode(lines)))
    return EditableDrop(_get_file_name(file), "quarterly_long", "zip", tables)


def _make_stp_ccg_quarter() -> EditableDrop:
    """The long file of STPs and CCGs: the newer quarterly one in the words of its day."""
    frame = _choose_rows(truth.make_quarterly_table(["2021-22 Q1"]))
    texts = format_published_texts(frame, measures.LONG_QUARTERLY)
    lines = layouts.format_long_quarter_lines("2021-22 Q1", frame, measures.LONG_QUARTERLY, texts)
    table = _take_apart("iapt-quarterly-STP-and-CCG-Q1.csv", _encode(lines))
    words = {"All_ICB": "All_STP", "All_SubICB": "All_CCG"}
    table.header = list(drops.STP_CCG_LONG_HEADER)
    table.rows = [[words.get(str(cell), cell) for cell in row] for row in table.rows]
    return EditableDrop("iapt_quarterly_STP_and_CCGs_q1_2122.zip", "quarterly_stp_ccg_long", "zip", [table])


def _make_wide_quarter(period: str) -> EditableDrop:
    frame = _choose_rows(truth.make_quarterly_table([period]))
    frame = frame[frame["level"] == "ccg"]
    lines = layouts.format_wide_quarter_lines(period, frame, format_published_texts(frame, measures.WIDE_QUARTERLY))
    file = names.name_wide_quarter_file(period)
    return EditableDrop(_get_file_name(file), "quarterly_wide", "csv", [_take_apart("", _encode(lines))])


def _make_year(year: str) -> EditableDrop:
    frame, file = _choose_rows(truth.make_annual_table([year])), names.name_annual_file(year)
    lines = layouts.format_annual_lines(year, frame, format_published_texts(frame, measures.ANNUAL))
    return EditableDrop(_get_file_name(file), "annual_main_wide", "zip", [_take_apart(file.inside[0], _encode(lines))])


def _draw_count(made: random.Random, *, is_england: bool) -> str:
    return str(made.randrange(20_000, 90_000) if is_england else made.randrange(10, 180) * 5)


def _make_wide_month() -> EditableDrop:
    """The monthly file of 2015 to 2020: its counts agree as parts and wholes do."""
    made = random.Random("monthly_wide")
    rows: list[list[Cell]] = []
    for level, commissioner, provider in _list_organisations():
        received, first, finished = sorted(
            (int(_draw_count(made, is_england=level == "England")) for _ in range(3)), reverse=True
        )
        values = (received, made.randrange(5, received // 5) * 5, first, finished, made.randrange(5, 90) * 5)
        rows.append(
            drops.make_monthly_wide_row(*map(str, values), level=level, commissioner=commissioner, provider=provider)
        )
    table = EditableTable("", [], list(drops.MONTHLY_WIDE_HEADER), rows)
    return EditableDrop("IAPT_month_Apr_2016_data.csv", "monthly_wide", "csv", [table])


def _list_organisations() -> list[tuple[str, drops.Body, drops.Body]]:
    commissioners = [drops.Body(code, f"NHS Place {code} CCG") for code in _ORGANISATIONS["commissioner"]]
    providers = [drops.Body(code, f"{_PLAIN_NAME[:-1]}{code[-1]}") for code in _ORGANISATIONS["provider"]]
    first, second = commissioners[0], providers[0]
    return [
        ("England", first, second),
        *(("CCG", commissioner, second) for commissioner in commissioners),
        *(("Provider", first, provider) for provider in providers),
        *(("CCG/Provider", commissioner, provider) for commissioner in commissioners for provider in providers[:2]),
    ]


def _make_by_variable(year: str, header: Sequence[str], member: str) -> EditableDrop:
    made = random.Random(year)
    rows: list[list[Cell]] = []
    for code in ("", *_ORGANISATIONS["commissioner"]):
        body = drops.Body(code, f"NHS Place {code} CCG") if code else None
        for category in ("None", "Buddhist", "Not stated"):
            finished, something = (_draw_count(made, is_england=not code) for _ in range(2))
            last = f"{made.randrange(400, 600) / 10}" if "2015" in year and not code else str(made.randrange(8, 11) * 5)
            rows.append(drops.make_by_variable_row(finished, something, last, body=body, category=category))
    file = {
        "2015-16": "psych-ther-ann-rep-csv-pack-2015-16.zip",
        "2016-17": "psych-ther-ann-rep-csv-pack-2016-17_v3.0.zip",
    }[year]
    layout = f"annual_by_variable_{year[:4]}"
    return EditableDrop(file, layout, "zip", [EditableTable(member, [], list(header), rows)])


def _make_data_quality() -> EditableDrop:
    made = random.Random("data_quality")
    rows: list[list[Cell]] = []
    for code in _ORGANISATIONS["provider"]:
        for number, item in enumerate(("NHS NUMBER", "POSTCODE", "GENDER CODE"), start=1):
            counts = [made.randrange(1, 60) * 5 for _ in range(4)]
            row = drops.make_data_quality_row(
                *map(str, [*counts, sum(counts)]), provider=drops.Body(code, ""), item=item
            )
            rows.append([*row[:4], f"I00104{number}", *row[5:]])
    table = EditableTable("", [], list(drops.DATA_QUALITY_HEADER), rows, TableStyle(line_ends=("\r\n",)))
    return EditableDrop("nhstalkingtherapies_month_apr_2026_data_quality.csv", "data_quality", "csv", [table])
