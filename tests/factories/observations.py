"""Observations of five small drops that keep every rule of the drops. All invented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

_OTHER_TYPES = {
    **{"source_row": "bigint", "duplicate_of_row": "bigint", "value": "double"},
    **{"period_start": "date", "period_end": "date"},
}
COLUMNS = {
    name: _OTHER_TYPES.get(name, "varchar")
    for name in (
        *("drop_sha256", "source_file", "source_member", "source_row", "source_column", "series", "period_grain"),
        *("period_start", "period_end", "group_type", "org_level", "org_code", "org_name", "partner_code"),
        *("partner_name", "parent_code", "parent_name", "variable_type", "variable_a", "variable_b", "measure_id"),
        *("measure_name", "value_as_published", "value", "value_status", "duplicate_of_row"),
    )
}
DROPS = ("annual.csv", "data_quality.csv", "monthly.csv", "quarterly.csv", "timeseries.csv")
STATUSES = {"*": "suppressed", "-": "not_published", "NULL": "not_applicable"}

ENGLAND = {"org_level": "england", "org_code": "E92000001"}
REGION = {"org_level": "region", "org_code": "Y90"}
SUB_ICB = {"org_level": "sub_icb", "org_code": "90A"}
CCG = {"org_level": "ccg", "org_code": "91A"}
OTHER_CCG = {"org_level": "ccg", "org_code": "92A"}
PROVIDER = {"org_level": "provider", "org_code": "RZ90"}
PAIR = {"org_level": "sub_icb_provider", "org_code": "90A", "partner_code": "RZ90"}
UNKNOWN_PAIR = {"org_level": "ccg_provider", "org_code": "UNKNOWN", "partner_code": "RZ90"}

NAMES = {
    **{"M001": "Count_ReferralsReceived", "M031": "Count_AccessingServices", "M048": "Mean_WaitAccessingServices"},
    **{"M049": "Median_WaitAccessingServices", "M056": "Count_EndedReferrals", "M075": "Count_EndedTreatedOnce"},
    **{"M076": "Count_FinishedCourseTreatment", "M080": "Percentage_EndedOneOrMoreTreatment"},
    **{"M141": "Mean_ApptsFinishedCourseTreatment", "M142": "Median_ApptsFinishedCourseTreatment"},
    **{"M143": "Max_ApptsFinishedCourseTreatment", "M144": "Min_ApptsFinishedCourseTreatment"},
    **{"M179": "Count_NotAtCaseness", "M185": "Count_ReliableImprovement", "M187": "Count_NoReliableChange"},
    **{"M189": "Count_ReliableDeterioration", "M191": "Count_Recovery", "M192": "Percentage_Recovery"},
    **{"M193": "Count_ReliableRecovery", "M195": "Percentage_ReliableRecovery"},
    **{"M206": "Percentage_ReliableRecovery_EthnicGroupWhite", "M999": "Count_SomethingNew"},
}
MONTHLY = {
    "England": (
        ENGLAND,
        {
            **{"M001": "1003", "M031": "600", "M048": "21.4", "M049": "18.5", "M056": "450", "M075": "3"},
            **{"M076": "403", "M080": "90.2", "M141": "7.9", "M142": "7", "M143": "31", "M144": "2", "M179": "31"},
            **{"M185": "250", "M187": "90", "M189": "20", "M191": "187", "M192": "50.3", "M193": "150", "M195": "40.3"},
            **{"M206": "41.5", "M999": "0"},
        },
    ),
    "Provider": (
        PROVIDER,
        {
            **{"M001": "105", "M031": "60", "M048": "15.2", "M049": "12", "M056": "50", "M075": "*"},
            **{"M076": "45", "M080": "90", "M141": "6.5", "M142": "6", "M143": "22", "M144": "2", "M179": "*"},
            **{"M185": "30", "M187": "5", "M189": "*", "M191": "20", "M192": "47", "M193": "15", "M195": "36"},
            **{"M206": "2", "M999": "*"},
        },
    ),
    "SubICB": (SUB_ICB, {"M001": "25"}),
    "SubICB/Provider": (
        PAIR,
        {
            **{"M001": "10", "M031": "*", "M048": "*", "M049": "*", "M056": "10", "M075": "*", "M076": "5"},
            # Two hidden counts may be enough together to show what rests on both.
            **{"M191": "*", "M192": "*", "M193": "*", "M195": "*"},
        },
    ),
}


def sound_rows() -> Iterator[dict[str, object]]:
    """The cells of the drops, one a row, numbered in the order of their file."""
    yield from _monthly()
    yield from _annual()
    yield from _quarterly()
    yield from _timeseries()
    yield from _data_quality()


def _monthly() -> Iterator[dict[str, object]]:
    row = 1
    for organisation, cells in MONTHLY.values():
        for measure_id, text in cells.items():
            row += 1
            measure = {"measure_id": measure_id, "measure_name": NAMES[measure_id]}
            yield _cell("monthly", row, "MEASURE_VALUE_SUPPRESSED", text, **organisation, **measure)


def _annual() -> Iterator[dict[str, object]]:
    female = {"variable_type": "Gender", "variable_a": "Female"}
    rows = (
        (ENGLAND, {}, ("4001", "1203", "93", "560", "50.5")),
        (REGION, {}, ("2000", "600", "45", "280", "50")),
        (PROVIDER, {}, ("205", "60", "5", "30", "55")),
        (PROVIDER, female, ("100", "30", "*", "*", "*")),
        (PROVIDER, {"variable_type": "Waiting Time", "variable_a": "Up to 6 weeks"}, ("10", "5", *["NULL"] * 3)),
        ({"org_level": "icb", "org_code": "UNKNOWN"}, {}, ("*", "*", "*", "*", "*")),
    )
    columns = (
        *("Count_ReferralsReceived", "Count_FinishedCourseTreatment"),
        *("Count_NotAtCaseness", "Count_Recovery", "Percentage_Recovery"),
    )
    for row, (organisation, population, texts) in enumerate(rows, start=2):
        for column, text in zip(columns, texts, strict=True):
            yield _cell("annual", row, column, text, measure_name=column, **{**organisation, **population})


def _quarterly() -> Iterator[dict[str, object]]:
    measure = {"measure_id": "M001", "measure_name": NAMES["M001"]}
    # Some layouts print `Total` as the category of a total too.
    total = {"variable_type": "Total", "variable_a": "Total", **measure}
    young = {"variable_type": "Age Group", "variable_a": "18 to 25", **measure}
    yield _cell("quarterly", 2, "MEASURE_VALUE", "3004", **ENGLAND, **total)
    yield _cell("quarterly", 3, "MEASURE_VALUE", "701", **ENGLAND, **young)
    yield _cell("quarterly", 4, "MEASURE_VALUE", "300", **PROVIDER, **total)
    # Each file of a pack repeats the England rows, and the reader marks them.
    yield _cell("quarterly", 5, "MEASURE_VALUE", "3004", **ENGLAND, **total) | {"duplicate_of_row": 2}


def _timeseries() -> Iterator[dict[str, object]]:
    rows = (
        (ENGLAND, ("137647", "53.6")),
        (CCG, ("305", "51")),
        (OTHER_CCG, ("-", "-")),
        (PROVIDER, ("*", "*")),
        (UNKNOWN_PAIR, ("10", "*")),
    )
    for row, (organisation, texts) in enumerate(rows, start=9):
        for column, text in zip(("Referrals Received", "Recovery rate"), texts, strict=True):
            yield _cell("timeseries", row, column, text, measure_name=column, **organisation)


def _data_quality() -> Iterator[dict[str, object]]:
    number = {"variable_type": "IDS001", "variable_a": "M1", "variable_b": "NHS NUMBER"}
    submission = {"variable_type": "IDS001", "variable_a": "S1", "variable_b": "IDS001 Submission"}
    for row, (item, texts) in enumerate(((number, ("125", "*", "130")), (submission, ("1", "0", "1"))), start=2):
        for name, text in zip(("Valid", "Missing", "Denominator"), texts, strict=True):
            column = f"{name}_suppressed"
            yield _cell("data_quality", row, column, text, measure_name=column, **PROVIDER, **item)


PERIODS = {
    **{"monthly": ("month", "2022-06-01", "2022-06-30"), "annual": ("year", "2020-04-01", "2021-03-31")},
    **{"quarterly": ("quarter", "2025-10-01", "2025-12-31"), "timeseries": ("month", "2019-02-01", "2019-02-28")},
    "data_quality": ("month", "2026-04-01", "2026-04-30"),
}


def _cell(series: str, row: int, column: str, text: str, **fields: str) -> dict[str, object]:
    grain, first, last = PERIODS[series]
    status = STATUSES.get(text, "published")
    return {
        **dict.fromkeys(COLUMNS),
        **{
            "drop_sha256": compute_sha256(f"{series}.csv"),
            "source_file": f"{series}.csv",
            "source_member": f"{series}.csv",
        },
        **{"source_row": row, "source_column": column, "series": series, "period_grain": grain},
        **{"period_start": first, "period_end": last, "variable_type": "Total"},
        **{"value_as_published": text, "value": float(text) if status == "published" else None},
        "value_status": status,
        **fields,
    }


def compute_sha256(file: str) -> str:
    """The sha256 that a drop of this name has here."""
    return hashlib.sha256(file.encode()).hexdigest()


def create_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table `rows` of the sound drops in a DuckDB database."""
    connection.execute(f"create table rows ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
    marks = ", ".join("?" for _ in COLUMNS)
    connection.executemany(f"insert into rows values ({marks})", [list(row.values()) for row in sound_rows()])


def write_observations(connection: duckdb.DuckDBPyConnection, folder: Path, drops: Sequence[str] = DROPS) -> list[Path]:
    """Write the rows of drops as the reader does, one Parquet file a drop, in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for drop in drops:
        files.append(folder / f"{compute_sha256(drop)}.parquet")
        connection.execute(f"copy (from rows where source_file = '{drop}') to '{files[-1]}' (format parquet)")
    return files
