"""The publisher's layouts: header, columns, placeholders, quoting and row order of each era's files.

A layout turns rows of a truth table and their published texts into lines or cells. It rounds and hides nothing
(`publisher`), and writes no bytes (`writers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import pandas as pd

from iapt.synthetic import geography, measures
from iapt.synthetic.levels import ENGLAND
from iapt.synthetic.measures import Measure
from iapt.synthetic.publisher import TextArray
from iapt.synthetic.truth import TIMESERIES_MONTHS, WIDE_QUARTERS, get_period_bounds

Cell = str | int | float | date

MONTHLY_HEADER = (
    *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "GROUP_TYPE"),
    *("ORG_CODE1", "ORG_NAME1", "ORG_CODE2", "ORG_NAME2"),
    *("MEASURE_ID", "MEASURE_NAME", "MEASURE_VALUE_SUPPRESSED"),
)
LONG_QUARTERLY_HEADER = (
    *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END"),
    *("ICB", "ICBName", "SubICB", "SubICBName", "Provider", "ProviderName", "GroupType"),
    *("VariableType", "VariableA", "VariableB"),
    *("MEASURE_ID", "MEASURE_NAME", "MEASURE_VALUE_SUPPRESSED"),
)
WIDE_QUARTERLY_HEADER = (
    *("Quarter", "STP", "STPName", "CCG", "CCGName", "Provider", "ProviderName"),
    *("GroupType", "VariableType", "VariableA", "VariableB"),
    *("ReferralsReceived", "FirstTreatment", "EndedTreatedOnce", "FinishedCourseTreatment", "NotCaseness"),
    *("Recovery", "Improvement", "Deterioration", "NoReliableChange", "ReliableRecovery"),
    *("ProbDescMeanSession", "FirstTreatment6WeeksFinishedCourse", "FirstTreatment18WeeksFinishedCourse"),
    *("RecoveryRate", "ImprovementRate", "ReliableRecoveryRate"),
    *("FirstTreatment6WeeksFinishedCourseRate", "FirstTreatment18WeeksFinishedCourseRate"),
    *("CountAppropriatePairedADSM", "CountADSMFinishedTreatment", "PercentageAppropriatePairedADSM"),
)
WORKBOOK_KEYS = ("CCG Code", "CCG Name", "Provider Code", "Provider Name", "Group Type", "Month / Year")
WORKBOOK_HEADER = (*WORKBOOK_KEYS, *(measure.key for measure in measures.WORKBOOK))
WORKBOOK_HEADER_ROW = 8

_ANNUAL_KEYS = ("OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB")
_ANNUAL_OLD = (
    *("CountReferralsReceived", "CountFirstTreatment", "CountFinishedCourseTreatment"),
    *("PercentageFinishedCourseTreatment", "CountEndedReferrals", "CountEndedBeforeTreatment"),
    *("MeanTreatmentAppointments", "MeanWaitEnteredTreatment", "MeanWaitFinishedCourseTreatment"),
    *("CountPairedADSM", "PercentagePairedADSM", "CountAtCaseness", "CountNotAtCaseness"),
    *("CountImprovement", "PercentageImprovement", "CountNoReliableChange", "PercentageNoReliableChange"),
    *("CountDeterioration", "PercentageDeterioration", "CountRecovery", "PercentageRecovery"),
    *("CountReliableRecovery", "PercentageReliableRecovery"),
    *("CountBAFIndicatorCompletion", "PercentageBAFIndicatorCompletion"),
    *("CountFinishedTreatmentFirst6Months", "CountFinishedTreatmentFirst6MonthsFollowUp"),
    *("PercentageFollowUpAppointment", "MeanContactDuration", "MedianContactDuration", "SumContactDuration"),
    *("CountApptsFinishedCourseTreatment", "MeanTotalContactDurationPerReferral"),
    *("MedianTotalContactDurationPerReferral", "CountFinishedCourseTreatmentContactDuration"),
    *("MeanTreatmentAppointmentsRecovery", "MeanTreatmentAppointmentsImprovement"),
    *("MeanTreatmentAppointmentsNoChange", "MeanTreatmentAppointmentsDeterioration"),
    "MeanTreatmentAppointmentsReliableRecovery",
)
_STATISTICS = ("Count", "Percentage", "Mean", "Median", "Sum")
_RENAMED_2020_21 = {
    "MeanTreatmentAppointments": "Mean_ApptsFinishedCourseTreatment",
    "CountPairedADSM": "Count_AppropriatePairedADSM",
    "PercentagePairedADSM": "Percentage_AppropriatePairedADSM",
}


def _add_underscore(name: str) -> str:
    if name in _RENAMED_2020_21:
        return _RENAMED_2020_21[name]
    statistic = next(word for word in _STATISTICS if name.startswith(word))
    return f"{statistic}_{name.removeprefix(statistic)}"


def list_annual_columns(year: str) -> list[str]:
    """The measure columns of an annual main table, as that year's file has them."""
    if year <= "2019-20":
        return list(_ANNUAL_OLD)
    columns = [_add_underscore(name) for name in _ANNUAL_OLD]
    columns.insert(columns.index("Count_FirstTreatment") + 1, "Count_SecondTreatment")
    if year >= "2022-23":
        columns.insert(columns.index("Count_EndedBeforeTreatment") + 1, "Count_EndedAfterOneTreatment")
        columns[columns.index("Count_FirstTreatment")] = "Count_AccessingServices"
    if year >= "2022-23" and year != "2023-24":
        columns[columns.index("Mean_WaitEnteredTreatment")] = "Mean_WaitAccessingServices"
    if year >= "2024-25":
        columns[columns.index("Percentage_FinishedCourseTreatment")] = "Percentage_Variable_withFCT"
        columns += ["Count_FinishedCourseTreatment_with_EmpSup", "Percentage_Variable_withFCTandES"]
    return columns


def find_annual_measure(column: str) -> Measure | None:
    """The measure a column of any year's annual table shows, if the demonstration fills it."""
    name = column.replace("_", "")
    name = name.replace("CountAccessingServices", "CountFirstTreatment")
    name = name.replace("WaitAccessingServices", "WaitEnteredTreatment")
    return next((measure for measure in measures.ANNUAL if measure.key == name), None)


def format_csv_field(text: str, *, always_quoted: bool) -> str:
    """A field of a CSV file, quoted always or only where it must be."""
    if always_quoted or "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def format_csv_line(fields: Iterable[str], *, always_quoted: bool = False) -> str:
    """A line of a CSV file, without its end."""
    return ",".join(format_csv_field(field, always_quoted=always_quoted) for field in fields)


class _Row(NamedTuple):
    """What a row of a truth table says of itself, without its counts."""

    period: str
    level: str
    code: str
    name: str
    partner_code: str
    partner_name: str
    icb_code: str
    icb_name: str
    variable_type: str
    variable_a: str
    variable_b: str


def _read_rows(frame: pd.DataFrame) -> list[_Row]:
    columns = (frame[name].tolist() for name in _Row._fields)
    return [_Row(*values) for values in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Style:
    """How a CSV file of an era is written."""

    iso_dates: bool
    always_quoted: bool
    line_end: str

    def day(self, day: date) -> str:
        """A day as text."""
        return day.isoformat() if self.iso_dates else f"{day:%d/%m/%Y}"


def get_month_style(period: str) -> Style:
    """The style of a monthly CSV file."""
    return Style(
        iso_dates=period >= "2024-04",
        always_quoted=period >= "2026-01",
        line_end="\r\n" if "2023-05" <= period < "2026-01" else "\n",
    )


def make_month_header(period: str) -> list[str]:
    """The header of a monthly file: in March 2021 the last column had another name."""
    last = "MEASURE_VALUE" if period == "2021-03" else MONTHLY_HEADER[-1]
    return [*MONTHLY_HEADER[:-1], last]


def get_month_measure_name(measure: Measure, period: str) -> str:
    """The name of a measure in a month's file: in July 2022 two ids had one name."""
    name = measure.get_name(period)
    return name.replace("FirstTreatment", "FirstAssessment") if _is_mislabelled(measure, period) else name


def _is_mislabelled(measure: Measure, period: str) -> bool:
    return period == "2022-07" and "M031" <= measure.key <= "M037"


_GROUP_TYPES = {
    "england": "England",
    "region": "CommissioningRegion",
    "icb": "ICB",
    "ccg": "CCG",
    "sub_icb": "SubICB",
    "provider": "Provider",
    "ccg_provider": "CCG/Provider",
    "sub_icb_provider": "SubICB/Provider",
}


def _make_month_organisation(row: _Row, commissioners: str) -> tuple[str, str, str, str]:
    if row.level == ENGLAND:
        return "all", commissioners, "all", "all Providers"
    if row.level == "provider":
        return "all", commissioners, row.code, row.name
    if row.level.endswith("_provider"):
        return row.code, row.name, row.partner_code, row.partner_name
    return row.code, row.name, "all", "all Providers"


def make_month_rows(
    period: str, frame: pd.DataFrame, shown: Sequence[Measure]
) -> tuple[list[list[str]], list[list[str]]]:
    """The fields before the measure for each row of a month's truth, and the two fields of each measure."""
    start, end = get_period_bounds(period)
    commissioners = "all SubICBs" if end >= geography.ICB_DAY else "all CCGs"
    style = get_month_style(period)
    days = [style.day(start), style.day(end)]
    organisations = [
        [*days, _GROUP_TYPES[row.level], *_make_month_organisation(row, commissioners)] for row in _read_rows(frame)
    ]
    return organisations, [[measure.key, get_month_measure_name(measure, period)] for measure in shown]


def format_crossed_lines(
    before: Sequence[Sequence[str]], after: Sequence[Sequence[str]], texts: TextArray, style: Style
) -> Iterator[str]:
    """Yield the lines of a long file: those of every measure of a row as one text, each with its line end."""
    quote = '"' if style.always_quoted else ""
    end = quote + style.line_end
    heads = [format_csv_line(fields, always_quoted=style.always_quoted) for fields in before]
    tails = [f",{format_csv_line(fields, always_quoted=style.always_quoted)},{quote}" for fields in after]
    for head, row in zip(heads, texts, strict=True):
        yield "".join([f"{head}{tail}{text}{end}" for tail, text in zip(tails, row.tolist(), strict=True)])


def format_month_lines(period: str, frame: pd.DataFrame, shown: Sequence[Measure], texts: TextArray) -> list[str]:
    """The lines of a monthly CSV file."""
    style = get_month_style(period)
    header = format_csv_line(make_month_header(period), always_quoted=style.always_quoted) + style.line_end
    before, after = make_month_rows(period, frame, shown)
    return [header, *format_crossed_lines(before, after, texts, style)]


def make_month_cells(
    period: str, frame: pd.DataFrame, shown: Sequence[Measure], texts: TextArray
) -> Iterator[list[Cell]]:
    """Yield the rows of a monthly workbook: true dates, and numbers where there is a number."""
    start, end = get_period_bounds(period)
    before, after = make_month_rows(period, frame, shown)
    yield list(make_month_header(period))
    for fields, row in zip(before, texts, strict=True):
        for measure, text in zip(after, row.tolist(), strict=True):
            yield [start, end, *fields[2:], *measure, parse_spreadsheet_value(text)]


def parse_spreadsheet_value(text: str) -> Cell:
    """A published text as a spreadsheet holds it: a number, or the marker."""
    if text in {"*", "-"}:
        return text
    return float(text) if "." in text else int(text)


def format_long_quarter_lines(
    period: str, frame: pd.DataFrame, shown: Sequence[Measure], texts: TextArray
) -> list[str]:
    """The lines of one quarterly file of the newer shape. Unquoted and day first before April 2024."""
    start, end = get_period_bounds(period)
    newer = period >= "2024-25"
    style = Style(iso_dates=newer, always_quoted=newer, line_end="\n")
    days = [style.day(start), style.day(end)]
    before = []
    for row in _read_rows(frame):
        icb, commissioner, provider = ("All_ICB", "null"), ("All_SubICB", "null"), ("All_Provider", "null")
        if row.level in {"region", "icb"}:
            icb = (row.code, row.name)
        elif row.level == "provider":
            provider = (row.code, row.name)
        elif row.level != ENGLAND:
            icb, commissioner = (row.icb_code, row.icb_name), (row.code, row.name)
        if row.level == "sub_icb_provider":
            provider = (row.partner_code, row.partner_name)
        group = _GROUP_TYPES[row.level].replace("/", "-")
        population = (row.variable_type, row.variable_a or "Total", row.variable_b or "null")
        before.append([*days, *icb, *commissioner, *provider, group, *population])
    month = f"{end:%Y-%m}"
    after = [[measure.key, measure.get_name(month)] for measure in shown]
    header = format_csv_line(LONG_QUARTERLY_HEADER, always_quoted=newer) + style.line_end
    return [header, *format_crossed_lines(before, after, texts, style)]


def format_wide_quarter_lines(period: str, frame: pd.DataFrame, texts: TextArray) -> list[str]:
    """The lines of one quarterly file of the older shape: CCGs only, one column always blank."""
    if period not in WIDE_QUARTERS:
        raise ValueError(f"expected a quarter of the older shape, found {period}")
    year, quarter = period.split(" Q")
    label = f"Quarter {quarter} {year[:4]}/{year[5:]}"
    columns = {measure.key: place for place, measure in enumerate(measures.WIDE_QUARTERLY)}
    keyed = []
    for row, values in zip(_read_rows(frame), texts.tolist(), strict=True):
        icb = (row.icb_code, row.icb_name)
        if not icb[0]:
            icb = (geography.NO_ICB, geography.add_synthetic_mark("Unknown"))
        fields = [label, *icb, row.code, row.name, "All_Provider", "", "CCG"]
        fields += [row.variable_type, row.variable_a or "Total", "NULL"]
        fields += [
            values[columns[column]] if column in columns else "" for column in WIDE_QUARTERLY_HEADER[len(fields) :]
        ]
        keyed.append(fields)
    keyed.sort(key=lambda fields: (fields[1] != geography.NO_ICB, fields[1], fields[3], *fields[8:10]))
    return [format_csv_line(fields) + "\n" for fields in (WIDE_QUARTERLY_HEADER, *keyed)]


_ANNUAL_LEVELS = {
    "england": "England",
    "region": "Commissioning Region",
    "stp": "STP",
    "icb": "ICB",
    "ccg": "CCG",
    "provider": "Provider",
}


def format_annual_lines(year: str, frame: pd.DataFrame, texts: TextArray) -> list[str]:
    """The lines of an annual main table; NULL where a measure is not filled or does not apply."""
    columns = list_annual_columns(year)
    shown = [find_annual_measure(column) for column in columns]
    places = {measure.key: place for place, measure in enumerate(measures.ANNUAL)}
    lines = [format_csv_line([*_ANNUAL_KEYS, *columns])]
    for row, values in zip(_read_rows(frame), texts.tolist(), strict=True):
        organisation = ("All", "All") if row.level == ENGLAND else (row.code, row.name)
        population = (row.variable_type, row.variable_a or "NULL", row.variable_b or "NULL")
        figures = [
            "NULL"
            if measure is None or (row.variable_type != "Total" and measure.key in measures.ANNUAL_TOTALS_ONLY)
            else values[places[measure.key]]
            for measure in shown
        ]
        lines.append(format_csv_line([_ANNUAL_LEVELS[row.level], *organisation, *population, *figures]))
    return [line + "\n" for line in lines]


def make_workbook_rows(frame: pd.DataFrame, texts: TextArray) -> list[list[Cell]]:
    """The data rows of the time-series workbook: every organisation in every month, under its latest name.

    The latest name is that of the last month with data, so that a pair which ended keeps an old name of its provider. A
    month without data is a row of `-`.
    """
    figures: dict[tuple[str, str, str, str], list[str]] = {}
    organisations: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for row, values in zip(_read_rows(frame), texts.tolist(), strict=True):
        key = (row.level, row.code, row.partner_code)
        organisations[key] = (*_make_month_organisation(row, "all CCGs"), _GROUP_TYPES[row.level])
        figures[*key, row.period] = values
    order = ["england", "ccg", "provider", "ccg_provider"]
    rows: list[list[Cell]] = []
    for key in sorted(organisations, key=lambda key_fields: (order.index(key_fields[0]), key_fields)):
        for period in TIMESERIES_MONTHS:
            values = figures.get((*key, period), ["-"] * len(measures.WORKBOOK))
            start, _ = get_period_bounds(period)
            rows.append([*organisations[key], start, *(parse_spreadsheet_value(text) for text in values)])
    return rows


def make_title_sheet(statement: str) -> list[list[Cell]]:
    """The cells of the title sheet."""
    lines = [
        *[""] * 6,
        "Improving Access to Psychological Therapies (IAPT)",
        "Monthly time series for key measures (February 2019 to February 2020)",
        "",
        statement,
    ]
    return [[line] for line in lines]


def make_table_sheet(frame: pd.DataFrame, texts: TextArray) -> list[list[Cell]]:
    """The cells of the table: the banner, the header in its row, the data."""
    banner: list[list[Cell]] = [[] for _ in range(WORKBOOK_HEADER_ROW - 1)]
    banner[1] = ["Return to Contents"]
    banner[5] = ["Table 1: Monthly time series of key measures, England, CCG, Provider and CCG-Provider (SYNTHETIC)"]
    return [*banner, list(WORKBOOK_HEADER), *make_workbook_rows(frame, texts)]


def make_constructions_sheet() -> list[list[Cell]]:
    """The cells of the sheet that says how each measure is made."""
    blank: list[Cell] = ["", "", "", ""]
    rows: list[list[Cell]] = [[] for _ in range(WORKBOOK_HEADER_ROW - 1)]
    rows[1] = ["Return to Contents"]
    rows[3] = ["Constructions"]
    rows.append(["Description of measure", "", "", "Technical construction", *blank, "Additional notes"])
    for measure in measures.WORKBOOK:
        over = f" over {' + '.join(measure.base)}" if measure.base else ""
        rows.append([measure.key, "", "", " + ".join(measure.figure) + over])
    return rows
