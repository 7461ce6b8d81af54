"""The demonstration's files against the truth behind them: layouts, the rule in every cell, provenance."""

import csv
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from iapt.synthetic import (
    Truth,
    build_truth,
    england,
    folder,
    geography,
    measures,
    names,
    national,
    write_demonstration_drops,
)
from iapt.synthetic.levels import group_parts, list_parts
from iapt.synthetic.measures import Measure, compute_true_figure, get_counts
from iapt.synthetic.truth import (
    DEMONSTRATION_MONTHS,
    LONG_QUARTERS,
    MONTHLY_MONTHS,
    TIMESERIES_MONTHS,
    WIDE_QUARTERS,
    make_annual_table,
    make_month_table,
    make_quarterly_table,
)
from iapt.workspace import DBT_PROJECT
from orchestration.cli import app
from tests.factories import drops


@dataclass(frozen=True)
class Spell:
    """The days on which a code stands for an organisation."""

    first: date
    last: date


#: The level of each group type, under every spelling of the files.
LEVELS = pd.DataFrame(
    [
        ("England", "england"),
        ("CommissioningRegion", "region"),
        ("Commissioning Region", "region"),
        ("STP", "stp"),
        ("ICB", "icb"),
        ("CCG", "ccg"),
        ("SubICB", "sub_icb"),
        ("Provider", "provider"),
        ("CCG/Provider", "ccg_provider"),
        ("SubICB/Provider", "sub_icb_provider"),
        ("SubICB-Provider", "sub_icb_provider"),
    ],
    columns=["published", "level"],
)
#: A table of published cells for each series: period, level, code, partner, population, measure and the text.
#: `{part}` stands for the place of the period in the unpacked file's path.
PERIOD = "split_part(filename, '/', -2)"
MONTHLY_CELLS = f"""
create table cells_monthly as
select
    {PERIOD} as period, level,
    case level when 'england' then 'England' when 'provider' then ORG_CODE2 else ORG_CODE1 end as code,
    case when level like '%_provider' then ORG_CODE2 else '' end as partner,
    'Total' as variable_type, '' as a, '' as b, MEASURE_ID as measure,
    MEASURE_VALUE_SUPPRESSED as text
from monthly join levels on published = GROUP_TYPE
"""
WORKBOOK_CELLS = """
create table cells_timeseries as
select
    left("Month / Year", 7) as period, level,
    case level when 'england' then 'England' when 'provider' then "Provider Code" else "CCG Code" end as code,
    case when level like '%_provider' then "Provider Code" else '' end as partner,
    'Total' as variable_type, '' as a, '' as b, measure, text
from (
    unpivot timeseries on columns(* exclude (
        "CCG Code", "CCG Name", "Provider Code", "Provider Name", "Group Type", "Month / Year", filename
    )) into name measure value text
) join levels on published = "Group Type"
where text <> '-'
"""
WIDE_QUARTER_CELLS = f"""
create table cells_quarterly_wide as
select
    replace({PERIOD}, '-q', ' Q') as period, level, CCG as code, '' as partner,
    VariableType as variable_type, if(VariableA = 'Total', '', VariableA) as a, '' as b, measure, text
from (
    unpivot quarterly_wide on columns(* exclude (
        Quarter, STP, STPName, CCG, CCGName, Provider, ProviderName, GroupType, VariableType, VariableA,
        VariableB, ProbDescMeanSession, filename
    )) into name measure value text
) join levels on published = GroupType
"""
LONG_QUARTER_CELLS = f"""
create table cells_quarterly_long as
select distinct
    replace({PERIOD}, '-q', ' Q') as period, level,
    case level
        when 'england' then 'England' when 'region' then ICB when 'icb' then ICB when 'provider' then Provider
        else SubICB
    end as code,
    case when level like '%_provider' then Provider else '' end as partner,
    VariableType as variable_type, if(VariableA = 'Total', '', VariableA) as a,
    if(VariableB = 'null', '', VariableB) as b, MEASURE_ID as measure, MEASURE_VALUE_SUPPRESSED as text
from quarterly_long join levels on published = GroupType
"""
ANNUAL_CELLS = f"""
create table cells_annual as
select
    {PERIOD} as period, level, if(level = 'england', 'England', OrgCode) as code, '' as partner,
    VariableType as variable_type, if(VariableA = 'NULL', '', VariableA) as a,
    if(VariableB = 'NULL', '', VariableB) as b,
    replace(replace(replace(measure, '_', ''), 'CountAccessingServices', 'CountFirstTreatment'),
        'WaitAccessingServices', 'WaitEnteredTreatment') as measure,
    text
from (
    unpivot annual on columns(* exclude (
        OrgType, OrgCode, OrgName, VariableType, VariableA, VariableB, filename
    )) into name measure value text
) join levels on published = OrgType
where text <> 'NULL'
"""
CELLS = (MONTHLY_CELLS, WORKBOOK_CELLS, WIDE_QUARTER_CELLS, LONG_QUARTER_CELLS, ANNUAL_CELLS)
NAMES = """
create table names as
          select distinct ORG_CODE1 as code, ORG_NAME1 as name from monthly
union     select ORG_CODE2, ORG_NAME2 from monthly
union     select "CCG Code", "CCG Name" from timeseries
union     select "Provider Code", "Provider Name" from timeseries
union     select STP, STPName from quarterly_wide
union     select CCG, CCGName from quarterly_wide
union     select Provider, ProviderName from quarterly_wide
union     select ICB, ICBName from quarterly_long
union     select SubICB, SubICBName from quarterly_long
union     select Provider, ProviderName from quarterly_long
union     select OrgCode, OrgName from annual
"""
#: The publisher's rule as inequalities over true counts; nothing of the module that applies it.
CELL_IS_RIGHT = r"""
case
    when level <> 'england' and if(statistic in ('count', 'percentage'), figure, base) between 0 and 4
        then text = '*'
    when not regexp_full_match(text, '[0-9]+([.][1-9])?') then false
    when statistic = 'count' and level = 'england' then value = figure
    when statistic = 'count' then value % 5 = 0 and abs(value - figure) <= 2
    when statistic = 'percentage' and level = 'england'
        then (20 * value - 1) * base <= 2000 * figure and 2000 * figure < (20 * value + 1) * base
    when statistic = 'percentage'
        then value % 1 = 0
            and (2 * value - 1) * base <= 200 * figure and 200 * figure < (2 * value + 1) * base
    when statistic = 'mean'
        then (20 * value - 1) * base <= 20 * figure and 20 * figure < (20 * value + 1) * base
    when statistic = 'median' then 2 * value = figure
    else value = figure
end
"""


@dataclass(frozen=True)
class Demonstration:
    root: Path
    paths: list[Path]
    truth: Truth
    files: duckdb.DuckDBPyConnection  # every table of every file as text, and the cells of every series

    def texts(self, query: str) -> list[tuple[str, ...]]:
        return self.files.execute(query).fetchall()


def members_of(path: Path) -> list[tuple[str, bytes]]:
    """The tables of a drop as CSV."""
    if path.suffix == ".csv":
        return [(path.name, path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def unpack_sheet(path: Path, header_row: int, target: Path) -> None:
    """The table of a workbook as CSV, its numbers and dates as text."""
    sheet = next(one for one in CalamineWorkbook.from_path(path).sheet_names if one.startswith(("iapt", "Table")))
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for row in rows[header_row - 1 :]:
            writer.writerow(int(cell) if isinstance(cell, float) and cell % 1 == 0 else cell for cell in row)


def read_files(root: Path, paths: Iterable[Path], unpacked: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    tables: dict[str, list[str]] = {}
    for path in paths:
        series, period, _ = path.relative_to(root).parts
        kind = f"{series}_{'long' if path.suffix == '.zip' else 'wide'}" if series == "quarterly" else series
        target = unpacked / kind / period
        target.mkdir(parents=True)
        if path.suffix == ".xlsx":
            unpack_sheet(path, 8 if series == "timeseries" else 1, target / "table.csv")
        else:
            for name, content in members_of(path):
                (target / name).write_bytes(content)
        tables.setdefault(kind, []).extend(str(file) for file in target.iterdir())
    for kind, files in tables.items():
        # What is empty in a file stays an empty text; null is only what another file's header has. Only the annual
        # headers differ in more than a name, and to be told the columns is faster than to find them out.
        with Path(files[0]).open(encoding="utf-8", newline="") as file:
            columns = dict.fromkeys(next(csv.reader(file)), "varchar")
        how = f"columns = {columns}, auto_detect = false"
        if kind == "annual":
            how = "all_varchar = true, union_by_name = true"
        connection.execute(
            f"create table {kind} as select * from read_csv(?, {how}, header = true, filename = true, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = 'no such text')",
            [sorted(files)],
        )
    connection.register("levels", LEVELS)
    for statement in (*CELLS, NAMES):
        connection.execute(statement)
    return connection


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    root, truth = tmp_path_factory.mktemp("demonstration"), build_truth()
    paths = folder.write_folder(root, folder.make_default_drops(truth))
    with read_files(root, paths, tmp_path_factory.mktemp("unpacked")) as files:
        yield Demonstration(root, paths, truth, files)


def true_cells(frame: pd.DataFrame, shown: Sequence[Measure]) -> pd.DataFrame:
    """The true figure and base of every cell of a truth table."""
    counts = get_counts(frame)
    keys = frame[["period", "level", "code", "partner_code", "variable_type", "variable_a", "variable_b"]]
    keys.columns = pd.Index(["period", "level", "code", "partner", "variable_type", "a", "b"])
    figures = [compute_true_figure(measure, counts) for measure in shown]
    cells = pd.concat([keys] * len(shown), ignore_index=True)
    cells["measure"] = np.repeat([measure.key for measure in shown], len(frame))
    cells["statistic"] = np.repeat([measure.statistic for measure in shown], len(frame))
    cells["figure"] = np.concatenate([figure for figure, _ in figures])
    cells["base"] = np.concatenate([base for _, base in figures])
    return cells


def assert_published(demonstration: Demonstration, series: str, true: pd.DataFrame) -> None:
    """Every true cell is published once, by the rule, and nothing else is."""
    connection = demonstration.files
    connection.register("true_cells", true)
    wrong = connection.execute(f"""
        with cells as (
            select *, try_cast(text as decimal(12, 1)) as value
            from cells_{series}
            full join true_cells using (period, level, code, partner, variable_type, a, b, measure)
        )
        select * from cells where ({CELL_IS_RIGHT}) is not true limit 5
    """).fetchall()
    assert wrong == []
    published = connection.execute(f"select count(*) from cells_{series}").fetchone()
    assert published == (len(true),)


def test_every_month_follows_the_rule_in_every_cell(demonstration: Demonstration) -> None:
    true = true_cells(demonstration.truth.monthly, measures.MONTHLY)
    starts = true["measure"].map({measure.key: measure.names[0][0] for measure in measures.MONTHLY})
    assert_published(demonstration, "monthly", true[true["period"] >= starts])


def test_the_workbook_follows_the_rule_in_every_cell(demonstration: Demonstration) -> None:
    true = true_cells(demonstration.truth.timeseries, measures.WORKBOOK)
    assert_published(demonstration, "timeseries", true)


def test_every_older_quarter_follows_the_rule_in_every_cell(demonstration: Demonstration) -> None:
    truth = demonstration.truth.quarterly
    shown = truth[truth["period"].isin(WIDE_QUARTERS) & (truth["level"] == "ccg")]
    assert_published(demonstration, "quarterly_wide", true_cells(shown, measures.WIDE_QUARTERLY))


def test_every_newer_quarter_follows_the_rule_in_every_cell(demonstration: Demonstration) -> None:
    truth = demonstration.truth.quarterly
    shown = truth[truth["period"].isin(LONG_QUARTERS)]
    assert_published(demonstration, "quarterly_long", true_cells(shown, measures.LONG_QUARTERLY))


def test_every_year_follows_the_rule_in_every_cell(demonstration: Demonstration) -> None:
    true = true_cells(demonstration.truth.annual, measures.ANNUAL)
    applies = (true["variable_type"] == "Total") | ~true["measure"].isin(measures.ANNUAL_TOTALS_ONLY)
    assert_published(demonstration, "annual", true[applies])


def test_a_pack_repeats_england_in_each_of_its_files(demonstration: Demonstration) -> None:
    england_rows = demonstration.texts("""
        select distinct count(*) from quarterly_long where GroupType = 'England' group by filename
    """)
    assert england_rows == [(31 * 12,)]
    groups = demonstration.texts("""
        select distinct split_part(filename, 'quarterly_', -1)[:-14] as kind, GroupType
        from quarterly_long
        where GroupType <> 'England'
        order by all
    """)
    assert groups == [
        ("ICB_subICB", "CommissioningRegion"),
        ("ICB_subICB", "ICB"),
        ("ICB_subICB", "SubICB"),
        ("provider", "Provider"),
        ("subICB_provider", "SubICB-Provider"),
    ]


@pytest.mark.parametrize("series", ["monthly", "timeseries", "quarterly", "annual"])
def test_every_level_adds_up_to_england(demonstration: Demonstration, series: str) -> None:
    frame: pd.DataFrame = getattr(demonstration.truth, series)
    counts = [name for name in get_counts(frame) if not name.endswith("_appointments")]
    totals = frame[frame["variable_type"] == "Total"].groupby(["period", "level"])[counts].sum()
    for period, by_level in totals.groupby("period"):
        whole = by_level.xs((period, "england"))
        assert len(by_level) > 1
        assert (by_level == whole).all(axis=None), period


@pytest.mark.parametrize("series", ["quarterly", "annual"])
def test_every_breakdown_adds_up_to_its_total(demonstration: Demonstration, series: str) -> None:
    frame: pd.DataFrame = getattr(demonstration.truth, series)
    counts = list(get_counts(frame))
    organisation = ["period", "level", "code", "partner_code"]
    leaves = frame[
        (frame["variable_type"] != "Ethnic Group")
        | (frame["variable_b"] != "All")
        | frame["variable_a"].str.startswith("Not stated")
    ]
    sums = leaves.groupby([*organisation, "variable_type"])[counts].sum().reset_index("variable_type")
    total = sums[sums["variable_type"] == "Total"][counts]
    for kind, rows in sums.groupby("variable_type"):
        assert (rows[counts] == total.loc[rows.index]).all(axis=None), kind
    assert set(sums["variable_type"]) >= {"Total", "Age Group", "Gender", "Ethnic Group", "BME Group"}


def test_the_true_counts_belong_together(demonstration: Demonstration) -> None:
    truth = demonstration.truth
    for frame in (truth.monthly, truth.timeseries, truth.quarterly, truth.annual):
        assert (pd.DataFrame(get_counts(frame)) >= 0).all(axis=None)
        assert (frame["recovery_base"] == frame["finished"] - frame["not_at_caseness"]).all()
        assert (frame["reliable_recovery"] <= frame["recovery"]).all()
        assert (frame["recovery"] <= frame["recovery_base"]).all()
        changes = frame["improvement"] + frame["deterioration"] + frame["no_reliable_change"]
        assert (changes <= frame["finished"]).all()
        assert (frame["at_caseness"] + frame["not_at_caseness"] <= frame["finished"]).all()
        assert (frame["finished_within_6_weeks"] <= frame["finished_within_18_weeks"]).all()
        assert (frame["finished_within_18_weeks"] <= frame["finished"]).all()
        assert (frame["anxiety_measure_paired"] <= frame["anxiety_measure_finished"]).all()
        assert (frame["anxiety_measure_finished"] <= frame["finished"]).all()
    small = (truth.monthly["finished"] <= 4).mean()
    assert 0.1 < small < 0.5  # enough small cells for disclosure control to matter


def test_the_published_months_of_england_are_in_the_files(demonstration: Demonstration) -> None:
    rows = demonstration.texts("""
        pivot (
            select * from cells_monthly union all select * from cells_timeseries
        ) on measure in ('M001', 'M192', 'Referrals Received', 'Recovery rate') using any_value(text)
        group by period, level
    """)
    shown = {
        period: (referrals or workbook_referrals, rate or workbook_rate)
        for period, level, referrals, rate, workbook_referrals, workbook_rate in rows
        if level == "england"
    }
    published = {
        period: (str(month.referrals), f"{month.recovery_tenths / 10:g}")
        for period, month in england.PUBLISHED_MONTHS.items()
        if period in (*DEMONSTRATION_MONTHS, *TIMESERIES_MONTHS)
    }
    assert len(published) == 32
    assert published["2025-01"] == ("163748", "50.6")
    assert {period: shown[period] for period in published} == published


#: Referrals, finished, rates of recovery, reliable recovery, reliable improvement; then BME, White British.
PUBLISHED_YEARS = {
    "2019-20": (["1694790", "606192", "51.1", "48.5", "67"], None),
    "2020-21": (["1456446", "634649", "51.4", "48.7", "68.3"], ["49.8", "52"]),
    "2021-22": (["1812596", "664087", "50.2", "47.3", "66.9"], ["48.9", "50.7"]),
    "2022-23": (["1759581", "672193", "49.9", "46.8", "66.5"], ["47.6", "50.7"]),
    "2024-25": (["1813432", "670419", "50.5", "47.5", "67.5"], ["47.7", "51.8"]),
}
YEAR_MEASURES = (
    *("CountReferralsReceived", "CountFinishedCourseTreatment", "PercentageRecovery"),
    *("PercentageReliableRecovery", "PercentageImprovement"),
)


@pytest.mark.parametrize("year", PUBLISHED_YEARS)
def test_the_published_years_of_england_are_in_the_files(demonstration: Demonstration, year: str) -> None:
    rows = demonstration.texts(f"""
        select variable_type, a, measure, text from cells_annual where level = 'england' and period = '{year}'
    """)
    shown = {row[:3]: row[3] for row in rows}
    totals, by_group = PUBLISHED_YEARS[year]
    assert [shown["Total", "", measure] for measure in YEAR_MEASURES] == totals
    if by_group is not None:
        groups = [("BME Group", group, "PercentageRecovery") for group in ("BME", "White British")]
        assert [shown[group] for group in groups] == by_group


HEADERS = {
    # The digests of the first lines of the publisher's own files.
    "annual/2019-20": "ee33f4f8c9dc508728d7a4204fdc12a7d4b5e5872d90fdb473d2bffc38d214e4",
    "annual/2020-21": "2de6457cb58bb9fb16fb4f369a7c43447d2cf55baa5c4a782e34b43c47b26f16",
    "annual/2021-22": "2de6457cb58bb9fb16fb4f369a7c43447d2cf55baa5c4a782e34b43c47b26f16",
    "annual/2022-23": "955bbb832f1ad62096774d5640d6003ed40bc94877773ccc5afc275147f8da8f",
    "annual/2024-25": "3db94ae4f7f36422e90b2bf8513763fbebd84cec3deb31425eab0ba264265046",
    "quarterly/2020-21-q3": "9dc2649c416660e95318140a151b3eed4468510c48b11367e4c1ad38f3581d0b",
    "quarterly/2025-26-q3": "4f1b358a2f80349ebe2c6fb7a01f96fcb786355dc3e679686cc6ea48ff85e5d8",
    "monthly/2022-01": "a90e94ea01d94b7e59aa63f9794751a2f0ee5e31fd375175605b8077a47331af",
    "monthly/2024-04": "a90e94ea01d94b7e59aa63f9794751a2f0ee5e31fd375175605b8077a47331af",
    "monthly/2026-03": "c0376258bcc4bd78c330430203e0d2d08a4842fc3ef4d7cf9f27ef86a3984d2e",
}


def first_line(path: Path) -> bytes:
    return members_of(path)[0][1].splitlines()[0] + b"\n"


@pytest.mark.parametrize("place", HEADERS)
def test_a_header_is_the_publishers_own(demonstration: Demonstration, place: str) -> None:
    (path,) = (demonstration.root / place).iterdir()
    assert hashlib.sha256(first_line(path)).hexdigest() == HEADERS[place]


def test_the_headers_that_differ_differ_in_one_name(demonstration: Demonstration) -> None:
    (year,) = (demonstration.root / "annual/2023-24").iterdir()
    (year_before,) = (demonstration.root / "annual/2022-23").iterdir()
    expected = first_line(year_before).replace(b"Mean_WaitAccessingServices", b"Mean_WaitEnteredTreatment")
    assert first_line(year) == expected != first_line(year_before)
    (march,) = (demonstration.root / "monthly/2021-03").iterdir()
    assert first_line(march).endswith(b",MEASURE_NAME,MEASURE_VALUE\n")
    counts = [len(first_line(path).split(b",")) for path in sorted((demonstration.root / "annual").glob("*/*"))]
    assert counts == [46, 47, 47, 48, 48, 50]


@pytest.mark.parametrize(
    ("period", "name", "first_row"),
    [
        ("2022-01", "iapt-month-january-2022-final-data.csv", b"01/01/2022,31/01/2022,England,all,all CCGs,all"),
        ("2022-07", "iapt_month_jul_22_activity_updated.csv", b"01/07/2022,31/07/2022,England,all,all SubICBs"),
        ("2023-02", "iapt_month_feb_2023_activity v2.csv", b"01/02/2023,28/02/2023,England,all,all SubICBs"),
        (
            "2024-04",
            "nhstalkingtherapies_month_apr_2024_activity_performance.csv",
            b"2024-04-01,2024-04-30,England,all,all SubICBs",
        ),
        (
            "2026-01",
            "nhstalkingtherapies_month_jan_2026_activity_performance.csv",
            b'"2026-01-01","2026-01-31","England","all"',
        ),
    ],
)
def test_a_month_is_written_in_the_manner_of_its_day(
    demonstration: Demonstration, period: str, name: str, first_row: bytes
) -> None:
    (path,) = (demonstration.root / "monthly" / period).iterdir()
    assert path.name == name
    assert path.read_bytes().splitlines()[1].startswith(first_row)


def test_one_month_is_a_workbook_and_one_a_pack(demonstration: Demonstration) -> None:
    odd = [path for path in demonstration.paths if "monthly" in path.parts and path.suffix != ".csv"]
    assert [path.name for path in odd] == ["iapt-month-Jan-2021-final-data.xlsx", "iapt_month_Jan_23_activity.zip"]
    book = CalamineWorkbook.from_path(odd[0])
    assert book.sheet_names == ["iapt-month-Jan-21-final-data"]
    assert book.get_sheet_by_index(0).to_python()[1][:3] == [date(2021, 1, 1), date(2021, 1, 31), "England"]


def names_in(demonstration: Demonstration, period: str, identity: str) -> set[str]:
    rows = demonstration.texts(f"""
        select distinct MEASURE_NAME from monthly where {PERIOD} = '{period}' and MEASURE_ID = '{identity}'
    """)
    return {name for (name,) in rows}


def test_a_measure_is_renamed_under_its_id(demonstration: Demonstration) -> None:
    assert names_in(demonstration, "2023-02", "M018") == {"Count_IAPTReferrals"}
    assert names_in(demonstration, "2024-04", "M018") == {"Count_NHSTalkingTherapiesReferrals"}
    assert names_in(demonstration, "2022-06", "M031") == {"Count_FirstTreatment"}
    assert names_in(demonstration, "2023-01", "M031") == {"Count_AccessingServices"}
    assert names_in(demonstration, "2024-09", "M1010") == {"Percentage_Deterioration"}
    assert names_in(demonstration, "2024-10", "M1010") == {"Percentage_ReliableDeterioration"}
    assert names_in(demonstration, "2025-01", "M049") == {"Median_WaitEnteredTreatment"}
    assert names_in(demonstration, "2025-02", "M049") == {"Median_WaitAccessingServices"}


def test_in_july_2022_two_measures_have_one_name(demonstration: Demonstration) -> None:
    mislabelled = names_in(demonstration, "2022-07", "M031")
    assert mislabelled == names_in(demonstration, "2022-07", "M023") == {"Count_FirstAssessment"}
    assert names_in(demonstration, "2022-07", "M052") == {"Count_FirstTreatment6WeeksFinishedCourseTreatment"}


def test_a_measure_is_absent_before_it_is_published(demonstration: Demonstration) -> None:
    for identity, before, first in (("M121", "2023-02", "2024-04"), ("M206", "2024-09", "2024-10")):
        assert names_in(demonstration, before, identity) == set()
        assert len(names_in(demonstration, first, identity)) == 1


def test_the_quarter_that_never_was_is_not_there(demonstration: Demonstration) -> None:
    folders = sorted(path.name for path in (demonstration.root / "quarterly").iterdir())
    assert "2020-21-q2" not in folders
    assert {"2020-21-q1", "2020-21-q3"} <= set(folders)
    assert len(folders) == 12
    labels = {label for (label,) in demonstration.texts("select distinct Quarter from quarterly_wide")}
    assert "Quarter 2 2020/21" not in labels
    assert "Quarter 3 2020/21" in labels


def test_the_months_run_on_after_those_that_have_something_of_their_own(demonstration: Demonstration) -> None:
    run = [f"{year}-{month:02d}" for year in range(2025, 2027) for month in range(1, 13)]
    months = sorted(path.name for path in (demonstration.root / "monthly").iterdir())
    assert months == [
        *("2021-01", "2021-03", "2022-01", "2022-06", "2022-07", "2023-01", "2023-02"),
        *("2024-04", "2024-09", "2024-10"),
        *(month for month in run if month <= "2026-03"),
    ]


@pytest.mark.parametrize(
    ("quarter", "first_row"),
    [("2023-24-q4", b"01/01/2024,31/03/2024,All_ICB,"), ("2025-26-q1", b'"2025-04-01","2025-06-30","All_ICB",')],
)
def test_a_newer_quarter_is_written_in_the_manner_of_its_day(
    demonstration: Demonstration, quarter: str, first_row: bytes
) -> None:
    (path,) = (demonstration.root / "quarterly" / quarter).iterdir()
    assert [content.splitlines()[1].startswith(first_row) for _, content in members_of(path)] == [True] * 3


def test_the_read_me_names_no_invented_total_of_a_period_that_is_not_there(demonstration: Demonstration) -> None:
    text = (demonstration.root / "README.md").read_text(encoding="utf-8")
    _, _, text = text.partition("the totals of")
    listed = set(re.findall("20[0-9]{2}-[0-9]{2}", text.partition("\n- ")[0]))
    assert listed == {"2023-24", "2021-03", "2022-07", "2023-01", "2024-10", "2025-07", "2026-03"}
    assert listed <= {path.parent.name for path in demonstration.paths}


def test_the_workbook_has_rows_without_data_and_a_code_that_is_blank(demonstration: Demonstration) -> None:
    (path,) = (demonstration.root / "timeseries").glob("*/*.xlsx")
    assert CalamineWorkbook.from_path(path).sheet_names == ["Title sheet", "Table 1", "Constructions"]
    figures = [measure.key for measure in measures.WORKBOOK]
    dashes = " + ".join(f"(\"{name}\" = '-')::int" for name in figures)
    # Whole rows, never mixed with figures.
    assert set(demonstration.texts(f"select distinct {dashes} from timeseries")) == {(0,), (len(figures),)}
    invalid = demonstration.texts("""select distinct "Group Type" from timeseries where "CCG Code" = '' """)
    assert set(invalid) == {("CCG",), ("CCG/Provider",)}


def test_the_workbook_gives_an_organisation_one_name_and_every_month(demonstration: Demonstration) -> None:
    rows = demonstration.texts("""
        select distinct count(*), count(distinct "Month / Year"), count(distinct "Provider Name")
        from timeseries group by "Group Type", "CCG Code", "Provider Code"
    """)
    assert rows == [(13, 13, 1)]
    renamed = demonstration.texts("""
        select distinct "CCG Code", "Provider Name" from timeseries
        where "Provider Code" = 'ZX004' order by all
    """)
    assert renamed == [  # the pair that ended before the change of name keeps the old one
        ("02Q", "DEMONSTRATION PARTNERSHIP 004 (SYNTHETIC)"),
        ("03N", "DEMONSTRATION PROVIDER 004 (SYNTHETIC)"),
        ("all", "DEMONSTRATION PARTNERSHIP 004 (SYNTHETIC)"),
    ]


def test_every_name_below_england_wears_the_mark(demonstration: Demonstration) -> None:
    shown = demonstration.texts("select code, name from names")
    unmarked = [(code, name) for code, name in shown if not name.endswith(" (SYNTHETIC)")]
    assert {code for code, _ in unmarked} == {"all", "All", "All_ICB", "All_SubICB", "All_Provider"}
    of_england = {"all CCGs", "all SubICBs", "all Providers", "All", "null", ""}
    assert {name for _, name in unmarked} == of_england
    assert len(shown) > 150


def test_no_provider_has_a_code_that_could_be_real(demonstration: Demonstration) -> None:
    providers = demonstration.texts("select distinct code from names where name like 'DEMONSTRATION %'")
    assert len(providers) == 26
    assert all(code.startswith("ZX") and len(code) == 5 for (code,) in providers)


def test_provenance_names_every_drop_with_its_digest(demonstration: Demonstration) -> None:
    record = json.loads((demonstration.root / "provenance.json").read_text(encoding="utf-8"))
    assert (record["data_origin"], record["made_by"]) == ("synthetic", "iapt demo-drops")
    written = {
        path.relative_to(demonstration.root).as_posix(): path
        for path in demonstration.root.rglob("*")
        if path.is_file()
    }
    assert set(written) - {"provenance.json", "README.md"} == set(record["files"])
    assert list(record["files"]) == sorted(record["files"])
    for name, entry in record["files"].items():
        content = written[name].read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}, name
    assert [demonstration.root / name for name in record["files"]] == demonstration.paths
    assert "Every figure below England's totals is invented" in written["README.md"].read_text(encoding="utf-8")


def test_the_truth_of_a_period_is_the_same_again_and_alone(demonstration: Demonstration) -> None:
    truth = demonstration.truth
    pairs = geography.list_demonstration_pairs()
    for table, again in (
        (truth.monthly, make_month_table(["2022-01", "2024-10"], pairs)),
        (truth.quarterly, make_quarterly_table(["2020-21 Q3", "2025-26 Q4"])),
        (truth.annual, make_annual_table(["2019-20", "2022-23"])),
    ):
        before = table[table["period"].isin(set(again["period"]))].reset_index(drop=True)
        pd.testing.assert_frame_equal(before, again)


@pytest.mark.parametrize("period", ["2022-01", "2021-01", "2023-01"], ids=["csv", "xlsx", "zip"])
def test_a_second_run_writes_the_same_bytes(demonstration: Demonstration, period: str) -> None:
    table = make_month_table([period], geography.list_demonstration_pairs())
    file, content = folder.make_month_drop(period, table, measures.MONTHLY)
    assert (demonstration.root / file.path).read_bytes() == content


def test_the_bytes_are_the_same_on_every_machine(demonstration: Demonstration) -> None:
    digests = [
        hashlib.sha256((demonstration.root / file.path).read_bytes()).hexdigest()
        for file in (names.name_month_file("2022-01"), names.name_long_quarter_file("2023-24 Q4"))
    ]
    assert digests == [
        "141c231c371919a6697952df1bc93b7301425a0b0e3649b00b1fa37f5560ae8e",
        "7ba0bf09f2ec4b64d6d2ccd7c05c88bc5635dba332354604138c6c83cbafdae8",
    ]


def test_an_earlier_demonstration_is_replaced(tmp_path: Path) -> None:
    drops = [
        folder.make_month_drop(
            period, make_month_table([period], geography.list_demonstration_pairs()), measures.MONTHLY
        )
        for period in ("2022-01", "2022-02")
    ]
    folder.write_folder(tmp_path, drops)
    assert [path.parent.name for path in folder.write_folder(tmp_path, drops[1:])] == ["2022-02"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "README.md",
        "iapt-month-february-2022-final-data.csv",
        "provenance.json",
    ]


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    published = tmp_path / "monthly" / "2021-06" / "iapt-month-jun-2021-final-data.csv"
    published.parent.mkdir(parents=True)
    published.write_text("a real drop")
    with pytest.raises(FileExistsError, match="choose another folder"):
        write_demonstration_drops(tmp_path, national=True, months=1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [published]
    assert published.read_text() == "a real drop"


def test_a_failed_run_leaves_no_file_without_provenance(tmp_path: Path) -> None:
    def failing() -> Iterator[folder.Drop]:
        yield names.name_month_file("2022-01"), b"half"
        raise RuntimeError("no space")

    with pytest.raises(RuntimeError, match="no space"):
        folder.write_folder(tmp_path, failing())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_national_month_has_the_size_of_a_real_one() -> None:
    shown, table = national.list_national_measures(), make_month_table(["2026-03"], national.make_national_pairs())
    assert len(shown) == len({measure.key for measure in shown}) == 217
    assert 280_000 < len(shown) * len(table) < 300_000
    assert table.groupby("level").size().loc[["region", "sub_icb"]].tolist() == [7, 106]


def test_national_months_are_written_for_as_many_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(national, "list_national_measures", lambda: measures.MONTHLY[:1])
    paths = write_demonstration_drops(tmp_path, national=True, months=2)
    assert [path.parent.name for path in paths] == ["2026-02", "2026-03"]
    lines = paths[1].read_bytes().splitlines()
    assert lines[1].endswith(
        b'"England","all","all SubICBs","all","all Providers","M001","Count_ReferralsReceived","156700"'
    )
    with pytest.raises(ValueError, match="expected 1 to 67 months"):
        write_demonstration_drops(tmp_path, national=True, months=68)
    assert all(path.is_file() for path in paths)  # refused before anything was replaced


def test_national_months_follow_each_other_from_the_first_of_the_monthly_data_set() -> None:
    numbers = [12 * int(period[:4]) + int(period[5:]) for period in MONTHLY_MONTHS]
    assert MONTHLY_MONTHS[0] == "2020-09"
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_the_command_offers_as_many_national_months_as_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(national, "list_national_measures", lambda: measures.MONTHLY[:1])
    monkeypatch.setattr(national, "PAIRS", 200)
    answers = {
        months: CliRunner().invoke(app, ["demo-drops", str(tmp_path / "drops"), "--national", "--months", str(months)])
        for months in (0, len(MONTHLY_MONTHS), len(MONTHLY_MONTHS) + 1)
    }
    assert [answer.exit_code for answer in answers.values()] == [2, 0, 2]
    assert len(list((tmp_path / "drops" / "monthly").iterdir())) == len(MONTHLY_MONTHS)


@pytest.mark.parametrize("period", MONTHLY_MONTHS)
def test_a_national_month_names_the_commissioners_of_its_day(period: str, listed: dict[tuple[str, str], Spell]) -> None:
    """Every one of the 106 has its own code, which stood for a CCG or a sub-ICB location on that day, and a name."""
    day = date.fromisoformat(f"{period}-01")
    parts = list_parts(national.make_national_pairs(), day)
    organisations = group_parts("commissioner", parts, day).organisations
    level = "sub_icb" if period >= "2022-07" else "ccg"
    assert {organisation.level for organisation in organisations} == {level}
    assert len({organisation.code for organisation in organisations}) == len(organisations) == 106
    assert all(organisation.name.endswith(geography.MARK) for organisation in organisations)
    not_in_force = [
        organisation.code
        for organisation in organisations
        if (level, organisation.code) not in listed
        or not listed[level, organisation.code].first <= day <= listed[level, organisation.code].last
    ]
    assert not_in_force == []
    assert len(group_parts("pair", parts, day).organisations) == len(parts)


@pytest.fixture(scope="module")
def listed() -> dict[tuple[str, str], Spell]:
    with (DBT_PROJECT / "seeds" / "organisations.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["org_level"], row["org_code"]): Spell(
                date.fromisoformat(row["valid_from"] or "0001-01-01"),
                date.fromisoformat(row["valid_to"] or "9999-12-31"),
            )
            for row in csv.DictReader(file)
        }


def test_a_day_of_which_the_lists_know_no_ccg_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="a CCG in force on 2012-01-01 under the code 00N"):
        geography.find_listed_ccg("00N", date(2012, 1, 1))


@pytest.mark.parametrize("months", [1, 45, 46, 48, 60, 65, 67])
def test_any_number_of_national_months_is_written_and_read(
    months: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of them is of the organisations of its day, and the pipeline reads it without losing a cell."""
    monkeypatch.setattr(national, "list_national_measures", lambda: measures.MONTHLY[:1])
    monkeypatch.setattr(national, "PROVIDERS", 3)
    monkeypatch.setattr(national, "PAIRS", 110)
    paths = write_demonstration_drops(tmp_path / "drops", national=True, months=months)
    assert [path.parent.name for path in paths] == MONTHLY_MONTHS[-months:]
    oldest = paths[0]
    summary = drops.read(tmp_path, oldest.name, oldest.read_bytes()).summary
    assert [period for table in summary.tables for period in table.periods] == [MONTHLY_MONTHS[-months]]
    assert summary.quarantined == 0
    assert summary.observations == summary.cells > 200
