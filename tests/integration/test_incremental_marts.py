"""A build of the affected periods alone leaves the tables that a full rebuild makes, and says which it made again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from iapt.affected_periods import find_affected_periods, list_period_inputs
from iapt.catalogue.disclosure_policy import load_policy
from iapt.ingest.landing import load_landing_tables
from iapt.ingest.observation_store import ObservationStore
from iapt.period_inputs import PeriodInputs
from iapt.workspace import DBT_PROJECT
from orchestration import dbt_command, warm_dbt
from orchestration.assets.marts import prepare_manifest
from tests.factories import drops
from tests.factories.drops import Body, ReadDrop, Row, make_csv, make_monthly_csv, make_quarterly_row, make_row, named
from tests.factories.seeds import read_seed
from tests.oracles.home_contents import list_different_tables_of_warehouses

# The codes of an ICB with a single location, so that its monthly counts are sums of what is printed of that.
_LOCATIONS = defaultdict(list)
for _row in read_seed("organisation_parents"):
    if _row["org_level"] == "sub_icb" and not _row["valid_to"]:
        _LOCATIONS[_row["parent_code"]].append(_row["org_code"])
BOARD_CODE, (LOCATION_CODE,) = next(item for item in sorted(_LOCATIONS.items()) if len(item[1]) == 1)
BOARD = Body(BOARD_CODE, "An Invented Board")
LOCATION = Body(LOCATION_CODE, "An Invented Location")
RECOVERED = ("M191", "Count_Recovery")
MONTHLY = ("fct_monthly", "int_derived_monthly_totals", "extract_monthly", "extract_monthly_current_boundaries")
TOPICS = ("int_topic_values", "mart_activity", "mart_outcomes")


class MartsHome:
    """A warehouse that is built from some drops and then from others, as a refresh plans it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warehouse = root / "warehouse.duckdb"
        self.inputs: dict[str, PeriodInputs] = {}
        self.builds = 0

    def read(self, name: str, content: bytes) -> ReadDrop:
        return drops.read(self.root, name, content)

    def build(self, offered: Sequence[ReadDrop]) -> set[tuple[str, str]]:
        """Build what these drops affect; return the affected periods by grain and label."""
        catalogue, reading = drops.catalogue(), [(each.drop, each.summary) for each in offered]
        assert all(each.observations for each in offered)
        inputs = list_period_inputs(reading, catalogue)
        foundation = {"all": "the same"}
        affected = find_affected_periods(inputs, foundation, self.inputs, foundation if self.builds else {})
        self.builds += 1
        load_landing_tables(
            self.warehouse,
            reading,
            ObservationStore(self.root / "observations"),
            catalogue,
            load_policy(),
            publications=(),
            affected=affected,
            build=f"build {self.builds}",
        )
        self.run_dbt(self.warehouse, *(["--full-refresh"] if self.builds == 1 else []))
        self.inputs = inputs
        return {(period.grain, period.label) for period in affected}

    def rebuild(self) -> Path:
        """Make every period again in a copy of the warehouse."""
        whole = self.root / "whole" / self.warehouse.name
        whole.parent.mkdir(exist_ok=True)
        shutil.copy(self.warehouse, whole)
        self.run_dbt(whole, "--full-refresh")
        return whole

    def run_dbt(self, warehouse: Path, *options: str) -> None:
        result = subprocess.run(
            [
                *(sys.executable, "-m", dbt_command.MODULE, "--no-use-colors", "build"),
                *("--resource-type", "model", "--resource-type", "seed", *options),
                *("--target-path", self.root / "target", "--log-path", self.root / "logs"),
            ],
            cwd=DBT_PROJECT,
            env={
                **os.environ,
                "IAPT_WAREHOUSE": str(warehouse),
                "IAPT_BUILD": f"build {self.builds}",
                "IAPT_DUCKDB_SPILL": str(self.root / "spill"),
                "DBT_PROFILES_DIR": str(DBT_PROJECT),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-4000:]

    def list_made(self) -> dict[str, set[tuple[str, str]]]:
        """Return the periods that the last build made, by model: grain and first day."""
        made = defaultdict(set)
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            for model, grain, start in connection.execute(
                "select model, period_grain, cast(period_start as varchar) from landing.period_builds "
                "where build = (select build from landing.current_build)"
            ).fetchall():
                made[model].add((grain, start))
        return dict(made)


def make_month(start: str, end: str, *, location: Body = LOCATION, value: int = 25, only: bool = False) -> bytes:
    days = {"start": start, "end": end}
    rows = [
        make_row(str(value * 10), level="England", **days),
        make_row(str(value), level="SubICB", commissioner=location, **days),
        make_row("*", level="SubICB", commissioner=location, measure=RECOVERED, **days),
        make_row(str(value), **days),
    ]
    return make_monthly_csv(*(rows[:-1] if only else rows))


def make_quarter(start: str, end: str, board: Body) -> bytes:
    rows: list[Row] = [
        make_quarterly_row(value, level=level, board=board, commissioner=LOCATION, start=start, end=end)
        for level, value in (("England", "12345"), ("ICB", "60"), ("SubICB", "55"))
    ]
    return make_csv(drops.QUARTERLY_LONG_HEADER, rows)


@pytest.fixture
def home(tmp_path: Path) -> MartsHome:
    prepare_manifest()
    warm_dbt.start(dbt_command.MODULE, tmp_path)  # for all builds
    return MartsHome(tmp_path)


def test_affected_periods_alone_are_made_again_and_the_tables_are_those_of_a_full_rebuild(home: MartsHome) -> None:
    november, december, january, february = (
        home.read(f"iapt_month_{month}_activity.csv", make_month(*days))
        for month, days in {
            "nov_2023": ("01/11/2023", "30/11/2023"),
            "dec_2023": ("01/12/2023", "31/12/2023"),
            "jan_2024": ("01/01/2024", "31/01/2024"),
            "feb_2024": ("01/02/2024", "29/02/2024"),
        }.items()
    )
    third = home.read(
        "nhstalkingtherapies_quarterly_data_q3_23_24.csv", make_quarter("01/10/2023", "31/12/2023", BOARD)
    )
    beside_the_gap = home.read(*drops.make_published_drops()["quarterly_wide"])
    assert ("quarter", "2020-21 Q2") in home.build([november, december, january, february, third, beside_the_gap])
    assert home.list_made()["fct_quarterly"] == {
        *(("quarter", "2023-10-01"), ("quarter", "2020-10-01"), ("quarter", "2020-07-01"))
    }

    # One is added, one withdrawn, one issued again without a row, and the drop beside a gap is withdrawn.
    march = home.read("iapt_month_mar_2024_activity.csv", make_month("01/03/2024", "31/03/2024"))
    again = home.read(
        "iapt_month_feb_2024_activity_v2.csv", make_month("01/02/2024", "29/02/2024", value=40, only=True)
    )
    again = replace(again, drop=replace(again.drop, revision=2, sequence=2, batch=2))
    assert home.build([november, december, february, again, march, third]) == {
        *(("month", "2024-01"), ("month", "2024-02"), ("month", "2024-03")),
        *(("quarter", "2020-21 Q2"), ("quarter", "2020-21 Q3")),
    }
    assert list_different_tables_of_warehouses(home.warehouse, home.rebuild()) == []
    made = {("month", "2024-02-01"), ("month", "2024-03-01")}
    assert home.list_made() == dict.fromkeys((*MONTHLY, *TOPICS), made)

    # Nothing but a quarter is added; in it the board goes by another name, which older rows carry.
    fourth = home.read(
        "nhstalkingtherapies_quarterly_data_q4_23_24.csv",
        make_quarter("01/01/2024", "31/03/2024", named(BOARD, "A Renamed Board")),
    )
    assert home.build([november, december, february, again, march, third, fourth]) == {("quarter", "2023-24 Q4")}
    assert list_different_tables_of_warehouses(home.warehouse, home.rebuild()) == []
    quarter = {("quarter", "2024-01-01")}
    months = {("month", f"{month}-01") for month in ("2023-11", "2023-12")} | made
    assert home.list_made() == {
        **dict.fromkeys(("fct_quarterly", "extract_quarterly", TOPICS[0]), quarter),
        "extract_quarterly_current_boundaries": quarter | {("quarter", "2023-10-01")},
        "mart_activity": months | quarter | {("quarter", "2023-10-01")},
        "mart_outcomes": months,
        **dict.fromkeys(MONTHLY[1:], months),
    }
