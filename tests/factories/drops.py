"""Small drops in each published layout, and a desk to read them at. Every organisation and figure is invented.

No organisation code of the NHS has a hyphen, so none of these can be one. The headers are written out as published, not
taken from the catalogue: a test that holds the two together must be able to fail.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import hashlib
import io
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reading import open_reading_connection, read_drop
from iapt.rejection import DropRejectedError

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "catalogue"

Cell = str | int | float | dt.date | None
Row = Sequence[Cell]

# -- what is published ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Body:
    """An organisation that does not exist."""

    code: str
    name: str


PROVIDER = Body("ZZ-P1", "Neverwhere Listening Service")
OTHER_PROVIDER = Body("ZZ-P2", "Erewhon Talking Rooms")
COMMISSIONER = Body("ZZ-C1", "NHS Nowhere-on-Sea")
OTHER_COMMISSIONER = Body("ZZ-C2", "NHS Utopia and District")
REGION = Body("ZZ-R1", "Atlantis Commissioning Region")
BOARD = Body("ZZ-B1", "NHS Lyonesse Board")

REFERRALS = ("M001", "Count_ReferralsReceived")
FINISHED = ("M076", "Count_FinishedCourseTreatment")

MONTHLY_HEADER = [
    *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "GROUP_TYPE"),
    *("ORG_CODE1", "ORG_NAME1", "ORG_CODE2", "ORG_NAME2"),
    *("MEASURE_ID", "MEASURE_NAME", "MEASURE_VALUE_SUPPRESSED"),
]
UNSUPPRESSED_HEADER = [*MONTHLY_HEADER[:-1], "MEASURE_VALUE"]
BOTH_VALUES_HEADER = [*MONTHLY_HEADER, "MEASURE_VALUE"]

WORKBOOK_MEASURES = [
    "Referrals Received",
    "First Treatment",
    "Ended Referrals",
    "Finished a Course of Treatment",
    "First Treatment within 6 weeks Finished a Course of Treatment",
    "First Treatment within 18 weeks Finished a Course of Treatment",
    "Recovery rate",
    "Improvement rate",
    "Reliable Recovery rate",
]
WORKBOOK_HEADER = [
    *("CCG Code", "CCG Name", "Provider Code", "Provider Name", "Group Type", "Month / Year"),
    *WORKBOOK_MEASURES,
]
WORKBOOK_BANNER: list[Row] = [
    ["Psychological Therapies: key measures, invented for tests"],
    [],
    ["Figures are rounded; * is a small figure"],
    [],
    [],
    [],
    ["Table 1"],
]

QUARTERLY_LONG_HEADER = [
    *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END"),
    *("ICB", "ICBName", "SubICB", "SubICBName", "Provider", "ProviderName", "GroupType"),
    *("VariableType", "VariableA", "VariableB"),
    *("MEASURE_ID", "MEASURE_NAME", "MEASURE_VALUE_SUPPRESSED"),
]
QUARTERLY_WIDE_MEASURES = [
    *("ReferralsReceived", "FirstTreatment", "EndedTreatedOnce", "FinishedCourseTreatment", "NotCaseness"),
    *("Recovery", "Improvement", "Deterioration", "NoReliableChange", "ReliableRecovery", "ProbDescMeanSession"),
    *("FirstTreatment6WeeksFinishedCourse", "FirstTreatment18WeeksFinishedCourse"),
    *("RecoveryRate", "ImprovementRate", "ReliableRecoveryRate"),
    *("FirstTreatment6WeeksFinishedCourseRate", "FirstTreatment18WeeksFinishedCourseRate"),
    *("CountAppropriatePairedADSM", "CountADSMFinishedTreatment", "PercentageAppropriatePairedADSM"),
]
QUARTERLY_WIDE_HEADER = [
    *("Quarter", "STP", "STPName", "CCG", "CCGName", "Provider", "ProviderName"),
    *("GroupType", "VariableType", "VariableA", "VariableB"),
    *QUARTERLY_WIDE_MEASURES,
]
DATA_QUALITY_HEADER = [
    *("ReportingPeriodStartDate", "ReportingPeriodEndDate", "Org_Code", "DataTable", "UID", "DataItem"),
    *("Valid_suppressed", "Default_suppressed", "Invalid_suppressed", "Missing_suppressed", "Denominator_suppressed"),
]

STP_CCG_LONG_HEADER = [
    {"ICB": "STP", "ICBName": "STPName", "SubICB": "CCG", "SubICBName": "CCGName"}.get(name, name)
    for name in QUARTERLY_LONG_HEADER
]
#: Not published figures' own names alone: two of the measures here stand for the hundred that no list knows.
MONTHLY_WIDE_MEASURES = ["ReferralsReceived", "SelfReferrals", "FirstTreatment", "FinishedCourseTreatment", "OddOne"]
MONTHLY_WIDE_HEADER = ["GroupType", "Month", "CCG", "CCGName", "Provider", "ProviderName", *MONTHLY_WIDE_MEASURES]
BY_VARIABLE_2015_HEADER = ["CCG_CODE", "CCG_NAME", "RELIGION", "ALL_FIN", "ALL_SOMETHING", "ALL_RECOVERED_PCNT"]
BY_VARIABLE_2016_HEADER = ["CCG", "CCGName", "LTC", "FinishedCourseTreatment", "Something", "NoRelibableChange"]

ANNUAL_KEYS = ["OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB"]
_ANNUAL_2017 = [
    *("CountReferralsReceived", "CountFirstTreatment", "CountFinishedCourseTreatment"),
    *("PercentageFinishedCourseTreatment", "CountEndedReferrals", "CountEndedBeforeTreatment"),
    *("MeanTreatmentAppointments", "MeanWaitEnteredTreatment", "MeanWaitFinishedCourseTreatment"),
    *("CountPairedADSM", "PercentagePairedADSM", "CountAtCaseness", "CountNotAtCaseness", "CountImprovement"),
    *("PercentageImprovement", "CountNoReliableChange", "PercentageNoReliableChange", "CountDeterioration"),
    *("PercentageDeterioration", "CountRecovery", "PercentageRecovery", "CountReliableRecovery"),
    *("PercentageReliableRecovery", "CountBAFIndicatorCompletion", "PercentageBAFIndicatorCompletion"),
    *("CountFinishedTreatmentFirst6Months", "CountFinishedTreatmentFirst6MonthsFollowUp"),
    *("PercentageFollowUpAppointment", "MeanContactDuration", "MedianContactDuration", "SumContactDuration"),
    *("CountApptsFinishedCourseTreatment", "MeanTotalContactDurationPerReferral"),
    *("MedianTotalContactDurationPerReferral", "CountFinishedCourseTreatmentContactDuration"),
    *("MeanTreatmentAppointmentsRecovery", "MeanTreatmentAppointmentsImprovement"),
    *("MeanTreatmentAppointmentsNoChange", "MeanTreatmentAppointmentsDeterioration"),
    "MeanTreatmentAppointmentsReliableRecovery",
]
_ANNUAL_2020 = [
    *("Count_ReferralsReceived", "Count_FirstTreatment", "Count_SecondTreatment", "Count_FinishedCourseTreatment"),
    *("Percentage_FinishedCourseTreatment", "Count_EndedReferrals", "Count_EndedBeforeTreatment"),
    *("Mean_ApptsFinishedCourseTreatment", "Mean_WaitEnteredTreatment", "Mean_WaitFinishedCourseTreatment"),
    *("Count_AppropriatePairedADSM", "Percentage_AppropriatePairedADSM", "Count_AtCaseness", "Count_NotAtCaseness"),
    *("Count_Improvement", "Percentage_Improvement", "Count_NoReliableChange", "Percentage_NoReliableChange"),
    *("Count_Deterioration", "Percentage_Deterioration", "Count_Recovery", "Percentage_Recovery"),
    *("Count_ReliableRecovery", "Percentage_ReliableRecovery", "Count_BAFIndicatorCompletion"),
    *("Percentage_BAFIndicatorCompletion", "Count_FinishedTreatmentFirst6Months"),
    *("Count_FinishedTreatmentFirst6MonthsFollowUp", "Percentage_FollowUpAppointment", "Mean_ContactDuration"),
    *("Median_ContactDuration", "Sum_ContactDuration", "Count_ApptsFinishedCourseTreatment"),
    *("Mean_TotalContactDurationPerReferral", "Median_TotalContactDurationPerReferral"),
    *("Count_FinishedCourseTreatmentContactDuration", "Mean_TreatmentAppointmentsRecovery"),
    *("Mean_TreatmentAppointmentsImprovement", "Mean_TreatmentAppointmentsNoChange"),
    *("Mean_TreatmentAppointmentsDeterioration", "Mean_TreatmentAppointmentsReliableRecovery"),
]


def _renamed(names: Sequence[str], new_names: Mapping[str, str]) -> list[str]:
    assert set(new_names) <= set(names)
    return [new_names.get(name, name) for name in names]


_ANNUAL_2022 = _renamed(
    _ANNUAL_2020,
    {"Count_FirstTreatment": "Count_AccessingServices", "Mean_WaitEnteredTreatment": "Mean_WaitAccessingServices"},
)
_ANNUAL_2022.insert(_ANNUAL_2022.index("Count_EndedBeforeTreatment") + 1, "Count_EndedAfterOneTreatment")
_ANNUAL_2024 = [
    *_renamed(_ANNUAL_2022, {"Percentage_FinishedCourseTreatment": "Percentage_Variable_withFCT"}),
    *("Count_FinishedCourseTreatment_with_EmpSup", "Percentage_Variable_withFCTandES"),
]
_ANNUAL_2023 = _renamed(_ANNUAL_2022, {"Mean_WaitAccessingServices": "Mean_WaitEnteredTreatment"})
ANNUAL_HEADERS = {
    year: [*ANNUAL_KEYS, *columns]
    for years, columns in {
        ("2017-18", "2018-19", "2019-20"): _ANNUAL_2017,
        ("2020-21", "2021-22"): _ANNUAL_2020,
        ("2022-23",): _ANNUAL_2022,
        ("2023-24",): _ANNUAL_2023,
        ("2024-25",): _ANNUAL_2024,
    }.items()
    for year in years
}
#: How many columns the main table of each year has.
ANNUAL_WIDTHS = {
    **{"2017-18": 46, "2018-19": 46, "2019-20": 46, "2020-21": 47, "2021-22": 47},
    **{"2022-23": 48, "2023-24": 48, "2024-25": 50},
}


def make_row(
    *values: Cell,
    level: str = "Provider",
    commissioner: Body = COMMISSIONER,
    provider: Body = PROVIDER,
    measure: tuple[str, str] = REFERRALS,
    start: Cell = "01/04/2026",
    end: Cell = "30/04/2026",
) -> list[Cell]:
    """A row of the monthly file or its time series; levels are spelt as published, such as `SubICB/Provider`."""
    first = {"Provider": ("all", "all SubICBs"), "England": ("all", "all SubICBs")}.get(level)
    second = ("all", "all Providers") if "Provider" not in level else (provider.code, provider.name)
    return [start, end, level, *(first or (commissioner.code, commissioner.name)), *second, *measure, *values]


def make_workbook_row(
    *values: Cell,
    level: str = "Provider",
    commissioner: Body = COMMISSIONER,
    provider: Body = PROVIDER,
    month: Cell = dt.date(2019, 2, 1),
) -> list[Cell]:
    """A row of the time-series workbook; the last value given fills its other measures."""
    first = ("All", "All") if level in {"Provider", "England"} else (commissioner.code, commissioner.name)
    second = (provider.code, provider.name) if "Provider" in level else ("All", "All")
    figures = [*values, *[values[-1]] * (len(WORKBOOK_MEASURES) - len(values))]
    return [*first, *second, level, month, *figures]


def make_quarterly_row(
    value: Cell,
    *,
    level: str = "England",
    board: Body = BOARD,
    commissioner: Body = COMMISSIONER,
    provider: Body = PROVIDER,
    population: tuple[str, str, str] = ("Total", "Total", "null"),
    measure: tuple[str, str] = REFERRALS,
    start: str = "01/04/2026",
    end: str = "30/06/2026",
) -> list[Cell]:
    """A row of the quarterly file of 2023-24 on, with its own placeholders."""
    icb = (board.code, board.name) if level in {"ICB", "SubICB", "SubICB-Provider"} else ("All_ICB", "null")
    sub_icb = (commissioner.code, commissioner.name) if level.startswith("SubICB") else ("All_SubICB", "null")
    service = (provider.code, provider.name) if level.endswith("Provider") else ("All_Provider", "null")
    return [start, end, *icb, *sub_icb, *service, level, *population, *measure, value]


def make_quarterly_wide_row(
    *values: Cell,
    commissioner: Body = COMMISSIONER,
    quarter: str = "Quarter 3 2020/21",
    population: tuple[str, str, str] = ("Total", "Total", "NULL"),
) -> list[Cell]:
    """A row of the quarterly file in the v1.5 shape; the last value given fills its other measures."""
    figures = [*values, *[values[-1]] * (len(QUARTERLY_WIDE_MEASURES) - len(values))]
    where = ("InvalidCode", "Unknown", commissioner.code, commissioner.name, "All_Provider", "nan")
    return [quarter, *where, "CCG", *population, *figures]


def make_stp_ccg_row(value: Cell, *, level: str = "England", **others: Any) -> list[Cell]:
    """A row of the quarterly STP and CCG file of 2021-22; what others are is said as of `make_quarterly_row`."""
    now = {"STP": "ICB", "CCG": "SubICB", "CCG-Provider": "SubICB-Provider"}.get(level, level)
    others = {"start": "01/04/2021", "end": "30/06/2021", **others}
    words = {"All_ICB": "All_STP", "All_SubICB": "All_CCG", now: level}
    return [words.get(str(cell), cell) for cell in make_quarterly_row(value, level=now, **others)]


def make_monthly_wide_row(
    *values: Cell,
    level: str = "CCG",
    commissioner: Body = COMMISSIONER,
    provider: Body = PROVIDER,
    month: Cell = "01/04/2016",
) -> list[Cell]:
    """A row of the monthly file of 2015 to 2020; the last value given fills its other measures."""
    first = (commissioner.code, commissioner.name) if "CCG" in level else ("All", "All")
    second = (provider.code, provider.name) if "Provider" in level else ("All", "All")
    figures = [*values, *[values[-1]] * (len(MONTHLY_WIDE_MEASURES) - len(values))]
    return [level, month, *first, *second, *figures]


def make_by_variable_row(*values: Cell, body: Body | None = None, category: str = "None") -> list[Cell]:
    """A row of an annual table of one variable, of England where no body is given; the last value fills the others."""
    who = ("England", "England") if body is None else (body.code, body.name)
    return [*who, category, *values, *[values[-1]] * (3 - len(values))]


def make_annual_row(
    *values: Cell,
    year: str = "2022-23",
    level: str = "Provider",
    body: Body = PROVIDER,
    population: tuple[str, str, str] = ("Total", "NULL", "NULL"),
) -> list[Cell]:
    """A row of an annual main table; the last value given fills its other measures."""
    who = ("All", "All") if level == "England" else (body.code, body.name)
    width = len(ANNUAL_HEADERS[year]) - len(ANNUAL_KEYS)
    return [level, *who, *population, *values, *[values[-1]] * (width - len(values))]


def make_data_quality_row(*values: Cell, provider: Body = PROVIDER, item: str = "NHS NUMBER") -> list[Cell]:
    """A row of the data quality file; the last value given fills its other counts."""
    counts = [*values, *[values[-1]] * (5 - len(values))]
    return ["2026-04-01", "2026-04-30", provider.code, "IDS001 Master Patient Index", "I001040", item, *counts]


# -- as bytes ---------------------------------------------------------------------------------------------------------


def make_csv(
    header: Row,
    rows: Iterable[Row],
    *,
    banner: Iterable[Row] = (),
    line_end: str = "\n",
    encoding: str = "utf-8",
    quoted: bool = False,
) -> bytes:
    """A CSV file as the publisher would write it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([*banner, header, *rows])
    return text.getvalue().encode(encoding)


def make_xlsx(sheets: Mapping[str, Iterable[Row]]) -> bytes:
    """A workbook of sheets by name. Text stays text, numbers are numbers, days are true dates."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as workbook:
        day = workbook.add_format({"num_format": "dd/mm/yyyy"})
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell)
                    elif isinstance(cell, dt.date):
                        sheet.write_datetime(number, column, dt.datetime.combine(cell, dt.time()), day)
                    elif cell is not None:
                        sheet.write_number(number, column, cell)
    return stream.getvalue()


def make_zip(members: Mapping[str, bytes] | Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """A ZIP of members by name; as pairs, names may repeat and be anything."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name given twice is meant
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, content)
    return stream.getvalue()


def make_monthly_csv(*rows: Row, header: Row = MONTHLY_HEADER, **style: Any) -> bytes:
    """A monthly CSV of these rows."""
    return make_csv(header, rows, **style)


def make_published_drops() -> dict[str, tuple[str, bytes]]:
    """One small drop of each layout in the catalogue: its file name and its bytes."""
    series = [make_row("25"), make_row("30", start="01/05/2026", end="31/05/2026")]
    workbook = {
        "Title sheet": [["Psychological Therapies"]],
        "Table 1": [*WORKBOOK_BANNER, WORKBOOK_HEADER, make_workbook_row(25, 20, "*", 50, 52.5)],
        "Constructions": [["Caseness"], ["A score at or above the threshold"]],
    }
    levels = {"ICB_subICB": "SubICB", "provider": "Provider", "subICB_provider": "SubICB-Provider"}
    quarter = {
        f"nhstalkingtherapies_quarterly_{part}_q1_26_27.csv": make_csv(
            QUARTERLY_LONG_HEADER, [make_quarterly_row("12345"), make_quarterly_row("25", level=level)], quoted=True
        )
        for part, level in levels.items()
    }
    quarter_of_2021 = [
        make_stp_ccg_row("12345"),
        make_stp_ccg_row("25", level="CCG"),
        make_stp_ccg_row("*", level="STP"),
    ]
    month_of_2016 = [make_monthly_wide_row("1000", level="England"), make_monthly_wide_row("25", "*")]
    of_ccg = make_by_variable_row("25", "*", body=COMMISSIONER)
    drops: dict[str, tuple[str, Mapping[str, bytes] | bytes]] = {
        "monthly_long": (
            "nhstalkingtherapies_month_apr_2026_activity_performance.csv",
            make_monthly_csv(make_row("25"), make_row("*", measure=FINISHED)),
        ),
        "timeseries_long": ("talking_therapies_time_series_apr_2026.csv", make_csv(UNSUPPRESSED_HEADER, series)),
        "timeseries_workbook": ("feb2019_feb2020.xlsx", make_xlsx(workbook)),
        "quarterly_long": ("nhstalkingtherapies_quarterly_data_q1_26_27.zip", quarter),
        "quarterly_wide": (
            "iapt-quarter-q3-2020-21-final-data.csv",
            make_csv(QUARTERLY_WIDE_HEADER, [make_quarterly_wide_row("25", "20", "*")]),
        ),
        "annual_main_wide": (
            "psych-ther-ann-rep-csvs-2022-23.zip",
            {
                "psych-ther-ann-rep-csv-2022-23-main-v2.csv": make_csv(
                    ANNUAL_HEADERS["2022-23"], [make_annual_row("25", "NULL", "*")]
                )
            },
        ),
        "quarterly_stp_ccg_long": (
            "iapt_quarterly_STP_and_CCGs_q1_2122.zip",
            {"iapt-quarterly-STP-and-CCG-Q1.csv": make_csv(STP_CCG_LONG_HEADER, quarter_of_2021)},
        ),
        "monthly_wide": ("IAPT_month_Apr_2016_data.csv", make_csv(MONTHLY_WIDE_HEADER, month_of_2016)),
        "annual_by_variable_2015": (
            "psych-ther-ann-rep-csv-pack-2015-16.zip",
            {"religion.csv": make_csv(BY_VARIABLE_2015_HEADER, [make_by_variable_row("1000", "60", "50.5"), of_ccg])},
        ),
        "annual_by_variable_2016": (
            "psych-ther-ann-rep-csv-pack-2016-17_v3.0.zip",
            {"ltc.csv": make_csv(BY_VARIABLE_2016_HEADER, [make_by_variable_row("1000"), of_ccg])},
        ),
        "data_quality": (
            "nhstalkingtherapies_month_apr_2026_data_quality.csv",
            make_csv(DATA_QUALITY_HEADER, [make_data_quality_row("85", "*")], line_end="\r\n"),
        ),
    }
    return {
        layout: (name, content if isinstance(content, bytes) else make_zip(content))
        for layout, (name, content) in drops.items()
    }


# -- read -------------------------------------------------------------------------------------------------------------


@functools.cache
def catalogue() -> Catalogue:
    """The project's own catalogue."""
    return Catalogue(CATALOGUE)


@functools.cache
def connection() -> duckdb.DuckDBPyConnection:
    """One connection for every reading of a test run, as a refresh uses one for its drops."""
    return open_reading_connection()


def with_limits(**limits: int) -> Catalogue:
    """The project's catalogue under other limits."""
    other = Catalogue(CATALOGUE)
    other.__dict__["layouts"] = catalogue().layouts
    other.__dict__["limits"] = catalogue().limits.model_copy(update=limits)
    return other


def kept(name: str, content: bytes, *, sequence: int = 1) -> ArchivedDrop:
    """The provenance of bytes, as if a store had kept them."""
    return ArchivedDrop(
        sha256=hashlib.sha256(content).hexdigest(),
        file=name,
        bytes=len(content),
        origin="published",
        made="",
        source="an invented publisher",
        licence="Open Government Licence v3.0",
        status="definitive",
        revision=1,
        sequence=sequence,
        batch=1,
        source_path=name,
        archived_at="2026-06-01T00:00:00+00:00",
    )


@dataclass(frozen=True)
class ReadDrop:
    """A drop after reading: its summary and where its cells lie."""

    drop: ArchivedDrop
    summary: DropSummary
    store: ObservationStore

    @property
    def rejection(self) -> str:
        """What the reader said of a drop it rejected; a drop that it read fails the test."""
        assert self.summary.rejection is not None, f"{self.drop.file} was read: {self.summary.tables}"
        return str(DropRejectedError(**self.summary.rejection))

    @property
    def observations(self) -> list[dict[str, Any]]:
        """The observations in the order of the file; a rejected drop fails the test."""
        assert self.summary.rejection is None, self.rejection
        return read_rows(self.store.observations_path(self.drop.sha256))

    @property
    def quarantine(self) -> list[dict[str, Any]]:
        """The quarantined cells in the order of the file; none where there is no such file."""
        path = self.store.quarantine_path(self.drop.sha256)
        return read_rows(path) if path.exists() else []

    @property
    def files(self) -> list[Path]:
        """Everything that reading left behind."""
        return sorted(path for path in self.store.folder.rglob("*") if path.is_file())


def read_rows(parquet: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file as they stand in it."""
    cursor = connection().cursor().execute("select * from read_parquet(?)", [str(parquet)])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read(
    folder: Path,
    name: str,
    content: bytes,
    *,
    using: Catalogue | None = None,
    over: duckdb.DuckDBPyConnection | None = None,
) -> ReadDrop:
    """Read these bytes, offered under this name, in a folder of the test's own."""
    drop = kept(name, content)
    path = folder / "kept" / drop.sha256 / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    store = ObservationStore(folder / "observations")
    summary = read_drop(over or connection(), drop, path, using or catalogue(), store)
    return ReadDrop(drop, summary, store)


def read_monthly(
    folder: Path,
    *rows: Row,
    header: Row = MONTHLY_HEADER,
    name: str = "iapt_month_apr_2026_activity.csv",
    **style: Any,
) -> ReadDrop:
    """Read a monthly CSV of these rows, under a name that must fit their month."""
    return read(folder, name, make_monthly_csv(*rows, header=header, **style))


def named(body: Body, name: str) -> Body:
    """The same organisation under another name."""
    return replace(body, name=name)
