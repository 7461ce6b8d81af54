"""What the publisher calls its files: folder, file and member of every period. Names only, no contents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileName:
    """Where a drop stands below the root, and what its members or its sheet are called."""

    path: str
    inside: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """The ending of the file's name, such as `.csv`."""
        return self.path[self.path.rindex(".") :]


# The months whose names follow no pattern.
_ODD_MONTHS = {
    "2021-01": "iapt-month-Jan-2021-final-data.xlsx",
    "2021-03": "iapt-month-Mar-2021-final-data.csv",
    "2022-04": "iapt_month_apr_2022_activity_updated.csv",
    "2023-01": "iapt_month_Jan_23_activity.zip",
    "2023-02": "iapt_month_feb_2023_activity v2.csv",
    "2025-07": "nhstalkingtherapies_month_jul_2025_activity_final.csv",
}
_INSIDE_MONTHS = {"2021-01": ("iapt-month-Jan-21-final-data",), "2023-01": ("iapt_month_Jan_23_activity.csv",)}
_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def name_month_file(period: str) -> FileName:
    """The monthly file, in the publisher's pattern of its day."""
    year, month = period.split("-")
    long = _MONTH_NAMES[int(month) - 1]
    short = long[:3]
    if period in _ODD_MONTHS:
        name = _ODD_MONTHS[period]
    elif period < "2022-04":
        name = f"iapt-month-{long}-{year}-final-data.csv"
    elif period < "2023-01":
        name = f"iapt_month_{short}_{year[2:]}_activity_updated.csv"
    elif period < "2023-05":
        name = f"iapt_month_{short}_{year}_activity_final.csv"
    else:
        name = f"nhstalkingtherapies_month_{short}_{year}_activity_performance.csv"
    return FileName(f"monthly/{period}/{name}", _INSIDE_MONTHS.get(period, ()))


def name_workbook_file() -> FileName:
    """The time-series workbook of the older data set and its three sheets."""
    return FileName("timeseries/2019-02_2020-02/feb2019_feb2020.xlsx", ("Title sheet", "Table 1", "Constructions"))


def name_wide_quarter_file(period: str) -> FileName:
    """A quarterly file of the older shape."""
    year, quarter = period.split(" Q")
    return FileName(f"quarterly/{year}-q{quarter}/iapt-quarter-q{quarter}-{year}-final-data.csv")


def name_long_quarter_file(period: str) -> FileName:
    """A quarterly pack and its three members: ICB and sub-ICB, provider, and pairs of both."""
    year, quarter = period.split(" Q")
    ending = f"q{quarter}_{year[2:4]}_{year[5:]}"
    kinds = ("ICB_subICB", "provider", "subICB_provider")
    return FileName(
        f"quarterly/{year}-q{quarter}/nhstalkingtherapies_quarterly_data_{ending}.zip",
        tuple(f"nhstalkingtherapies_quarterly_{kind}_{ending}.csv" for kind in kinds),
    )


_ANNUAL = {
    "2018-19": ("psych-ther-ann-2018-19-csvs.zip", "psych-ther-ann-rep-csv-2018-19-main-csv.csv"),
    "2019-20": ("psych-ther-ann-2019-20-csvs.zip", "psych-ther-ann-rep-csv-2019-20-main-csv.csv"),
    "2020-21": ("psych-ther-ann-rep-csvs-2020-21.zip", "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv"),
    "2021-22": ("psych-ther-ann-rep-csvs-2021-22.zip", "psych-ther-ann-rep-csv-2021-22-main-csv.csv"),
    "2022-23": ("psych-ther-ann-rep-csvs-2022-23.zip", "psych-ther-ann-rep-csv-2022-23-main-v2.csv"),
    "2023-24": ("psych-ther-ann-rep-csvs-2023-24.zip", "psych-ther-ann-rep-csv-2023-24-main.csv"),
    "2024-25": ("psych-ther-ann-rep-csv-2024-25-2.zip", "psych-ther-ann-rep-csv-2024-25-main2.csv"),
}


def name_annual_file(year: str) -> FileName:
    """An annual pack and its main table."""
    name, member = _ANNUAL[year]
    return FileName(f"annual/{year}/{name}", (member,))
