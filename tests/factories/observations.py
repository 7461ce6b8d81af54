"""Observations of five small drops that keep every rule of the drops, and changes that break them. All invented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from iapt.workspace import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"
#: A figure no drop holds: wherever it turns up, a value has leaked.
CANARY_VALUE = 7654321

COLUMNS = {
    "drop_sha256": "varchar",
    "source_file": "varchar",
    "source_member": "varchar",
    "source_row": "bigint",
    "source_column": "varchar",
    "series": "varchar",
    "period_grain": "varchar",
    "period_start": "date",
    "period_end": "date",
    "group_type": "varchar",
    "org_level": "varchar",
    "org_code": "varchar",
    "org_name": "varchar",
    "partner_code": "varchar",
    "partner_name": "varchar",
    "parent_code": "varchar",
    "parent_name": "varchar",
    "variable_type": "varchar",
    "variable_a": "varchar",
    "variable_b": "varchar",
    "measure_id": "varchar",
    "measure_name": "varchar",
    "value_as_published": "varchar",
    "value": "double",
    "value_status": "varchar",
    "duplicate_of_row": "bigint",
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
    "M001": "Count_ReferralsReceived",
    "M031": "Count_AccessingServices",
    "M048": "Mean_WaitAccessingServices",
    "M049": "Median_WaitAccessingServices",
    "M056": "Count_EndedReferrals",
    "M075": "Count_EndedTreatedOnce",
    "M076": "Count_FinishedCourseTreatment",
    "M080": "Percentage_EndedOneOrMoreTreatment",
    "M141": "Mean_ApptsFinishedCourseTreatment",
    "M142": "Median_ApptsFinishedCourseTreatment",
    "M143": "Max_ApptsFinishedCourseTreatment",
    "M144": "Min_ApptsFinishedCourseTreatment",
    "M179": "Count_NotAtCaseness",
    "M185": "Count_ReliableImprovement",
    "M187": "Count_NoReliableChange",
    "M189": "Count_ReliableDeterioration",
    "M191": "Count_Recovery",
    "M192": "Percentage_Recovery",
    "M193": "Count_ReliableRecovery",
    "M195": "Percentage_ReliableRecovery",
    "M206": "Percentage_ReliableRecovery_EthnicGroupWhite",
    "M999": "Count_SomethingNew",
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
    "monthly": ("month", "2022-06-01", "2022-06-30"),
    "annual": ("year", "2020-04-01", "2021-03-31"),
    "quarterly": ("quarter", "2025-10-01", "2025-12-31"),
    "timeseries": ("month", "2019-02-01", "2019-02-28"),
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


@dataclass(frozen=True)
class Mutant:
    """A change to the rows of one drop that one rule must refuse."""

    rule: str
    drop: str
    sql: str
    number: int

    @property
    def id(self) -> str:
        """What the tests call it."""
        return f"{self.rule}-{self.number}"


def _set(change: str, where: str) -> str:
    return f"update rows set {change} where {where}"


def _show(text: str, where: str) -> str:
    return _set(f"value_as_published = '{text}', value = {text}, value_status = 'published'", where)


def _hide(where: str) -> str:
    return _set("value_as_published = '*', value = null, value_status = 'suppressed'", where)


MONTH = "source_file = 'monthly.csv'"
AT_PROVIDER = f"{MONTH} and org_level = 'provider'"
AT_ENGLAND = f"{MONTH} and org_level = 'england'"
AT_PAIR = f"{MONTH} and org_level = 'sub_icb_provider'"
A_COUNT = f"{AT_PROVIDER} and measure_id = 'M001'"
YEAR_AT_PROVIDER = "source_file = 'annual.csv' and org_level = 'provider' and variable_type = 'Total'"
A_RATE = f"{AT_PROVIDER} and measure_id = 'M192'"

#: rule -> changes that break it, each of one drop
CHANGES: dict[str, tuple[str, ...]] = {
    "series_is_known_and_has_its_grain": (
        _set("series = 'weekly'", MONTH),
        _set("series = null", MONTH),
        _set("period_grain = 'year'", MONTH),
    ),
    "periods_are_whole": (
        _set("period_start = '2022-06-02'", A_COUNT),
        _set("period_end = '2022-07-31'", A_COUNT),
        _set("period_start = null", A_COUNT),
        _set("period_end = '2020-12-31'", "source_file = 'annual.csv'"),
    ),
    "organisation_level_is_known": (_set("org_level = 'ward'", A_COUNT), _set("org_level = null", A_COUNT)),
    "organisations_have_a_code": (_set("org_code = null", A_COUNT), _set("org_code = ' '", A_COUNT)),
    "pairs_have_both_codes": (
        _set("partner_code = null", AT_PAIR),
        _set("partner_code = 'RZ91'", A_COUNT),
        _set("partner_code = ''", AT_PAIR),
    ),
    "only_england_uses_its_code": (
        _set("org_code = 'E92000001'", A_COUNT),
        _set("org_code = 'ENG'", AT_ENGLAND),
        _set("partner_code = 'E92000001'", AT_PAIR),
    ),
    "populations_are_named": (
        _set("variable_type = null", A_COUNT),
        _set("variable_a = null", "source_file = 'annual.csv' and variable_type = 'Gender'"),
    ),
    "figures_stand_once": (
        f"insert into rows select * replace (99 as source_row) from rows where {A_COUNT}",
        f"insert into rows select * replace (99 as source_row, 110 as value) from rows where {A_COUNT}",
        _set("duplicate_of_row = null", "source_file = 'quarterly.csv'"),
    ),
    "duplicates_repeat_a_figure": (
        _set("duplicate_of_row = 2", A_COUNT),
        _set("value = 3005", "source_file = 'quarterly.csv' and duplicate_of_row is not null"),
    ),
    "kind_of_statistic_is_known": (
        _set("measure_id = null, measure_name = 'Tally_Referrals'", f"{AT_PROVIDER} and measure_id = 'M999'"),
    ),
    "markers_mean_one_status": (
        _set("value_status = 'not_published'", "source_file = 'timeseries.csv' and value_as_published = '*'"),
        _set("value_status = 'suppressed'", "source_file = 'timeseries.csv' and value_as_published = '-'"),
        _set("value_status = 'suppressed'", "value_as_published = 'NULL'"),
        _set("value_status = 'not_applicable'", f"{AT_PROVIDER} and value_as_published = '*'"),
        _set("value_as_published = 'x'", f"{AT_PROVIDER} and value_as_published = '*'"),
    ),
    "dashes_fill_whole_rows": (
        _show("51", "source_file = 'timeseries.csv' and org_code = '92A' and measure_name = 'Recovery rate'"),
        _hide("source_file = 'timeseries.csv' and org_code = '92A' and measure_name = 'Recovery rate'"),
    ),
    "status_is_known": (_set("value_status = 'secret'", A_COUNT), _set("value_status = null", A_COUNT)),
    "published_figures_are_numbers": (
        _set("value = null", A_COUNT),
        _set("value = 'infinity'", A_COUNT),
        _set("value = 'nan'", f"{AT_PROVIDER} and measure_id = 'M048'"),
    ),
    "only_published_figures_have_a_value": (
        _set("value = 0", f"{AT_PROVIDER} and value_status = 'suppressed'"),
        _set("value = 5", "value_status = 'not_published'"),
        _set(f"value = {CANARY_VALUE}", "value_status = 'not_applicable'"),
    ),
    "england_is_never_suppressed": (
        _hide(f"{AT_ENGLAND} and measure_id = 'M001'"),
        _hide(f"{AT_ENGLAND} and measure_id = 'M048'"),
        _hide("source_file = 'annual.csv' and org_level = 'england' and measure_name = 'Percentage_Recovery'"),
    ),
    "counts_are_whole_and_not_negative": (
        _show("1003.5", f"{AT_ENGLAND} and measure_id = 'M001'"),
        _show("-5", A_COUNT),
    ),
    "counts_below_england_are_at_least_five": (
        _show("3", A_COUNT),
        _show("0", f"{AT_PAIR} and measure_id = 'M001'"),
        _show("3", f"{YEAR_AT_PROVIDER} and measure_name = 'Count_ReferralsReceived'"),
        _show("0", "source_file = 'data_quality.csv' and variable_a = 'M1' and value_status = 'suppressed'"),
        _show("3", "source_file = 'timeseries.csv' and org_code = '91A' and measure_name = 'Referrals Received'"),
    ),
    "counts_below_england_are_multiples_of_five": (
        _show("107", A_COUNT),
        _show(str(CANARY_VALUE), A_COUNT),
        _show("107", f"{YEAR_AT_PROVIDER} and measure_name = 'Count_ReferralsReceived'"),
        _show("131", "source_file = 'data_quality.csv' and variable_a = 'M1' and source_column like 'Denominator%'"),
        _show("7", f"{AT_PROVIDER} and measure_id = 'M999'"),
    ),
    "percentages_lie_between_0_and_100": (_show("101", A_RATE), _show("-1", f"{AT_ENGLAND} and measure_id = 'M192'")),
    "percentages_below_england_are_whole": (
        _show("47.1", A_RATE),
        _show("2.5", f"{AT_PROVIDER} and measure_id = 'M206'"),
    ),
    "percentages_of_england_have_one_decimal": (_show("50.27", f"{AT_ENGLAND} and measure_id = 'M192'"),),
    "means_have_one_decimal": (
        _show("15.23", f"{AT_PROVIDER} and measure_id = 'M048'"),
        _show("21.44", f"{AT_ENGLAND} and measure_id = 'M048'"),
    ),
    "medians_are_whole_or_halves": (_show("12.3", f"{AT_PROVIDER} and measure_id = 'M049'"),),
    "means_and_medians_are_not_negative": (_show("-1.8", f"{AT_PROVIDER} and measure_id = 'M048'"),),
    "extremes_and_sums_are_whole_and_not_negative": (
        _show("22.5", f"{AT_PROVIDER} and measure_id = 'M143'"),
        _show("-2", f"{AT_PROVIDER} and measure_id = 'M144'"),
    ),
    "submissions_are_0_or_1": (
        _show("2", "source_file = 'data_quality.csv' and variable_a = 'S1' and value = 1"),
        _hide("source_file = 'data_quality.csv' and variable_a = 'S1' and value = 1"),
    ),
    "waits_are_likely": (_show("1357.6", f"{AT_PROVIDER} and measure_id = 'M048'"),),
    "percentages_are_hidden_with_their_numerator": (
        _show("40", f"{AT_PAIR} and measure_id = 'M192'"),
        _hide(f"{AT_PROVIDER} and measure_id = 'M191'"),
        _show("40", "source_file = 'annual.csv' and variable_type = 'Gender' and measure_name = 'Percentage_Recovery'"),
    ),
    "percentages_are_shown_with_their_numerator": (_hide(A_RATE),),
    "means_and_medians_are_hidden_with_their_base": (
        _show("15.2", f"{AT_PAIR} and measure_id = 'M048'"),
        _show("12", f"{AT_PAIR} and measure_id = 'M049'"),
    ),
    "means_and_medians_are_shown_with_their_base": (_hide(f"{AT_PROVIDER} and measure_id = 'M048'"),),
    "percentages_agree_with_their_counts": (
        _show("60", A_RATE),
        _show("37", A_RATE),
        _show("50.2", f"{AT_ENGLAND} and measure_id = 'M192'"),
    ),
    "middles_lie_between_extremes": (
        _show("1.5", f"{AT_PROVIDER} and measure_id = 'M141'"),
        _show("23", f"{AT_PROVIDER} and measure_id = 'M142'"),
    ),
    "parts_do_not_exceed_their_whole": (
        _show("25", f"{AT_PROVIDER} and measure_id = 'M193'"),
        _show("5", f"{AT_PAIR} and measure_id = 'M193'"),
    ),
    "outcomes_do_not_exceed_finished_courses": (_show("30", f"{AT_PROVIDER} and measure_id = 'M187'"),),
}


def mutants() -> list[Mutant]:
    """Every change, with the drop it is made to."""
    return [
        Mutant(rule, _drop_of(sql), sql, number)
        for rule, changes in CHANGES.items()
        for number, sql in enumerate(changes)
    ]


def _drop_of(sql: str) -> str:
    named = [drop for drop in DROPS if drop in sql]
    if named:
        return named[0]
    return "timeseries.csv" if "not_published" in sql.partition("where")[2] else "annual.csv"
