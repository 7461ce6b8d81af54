"""The landing schema: what was read and what the catalogue says, as the tables the marts stand on, and nothing else."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from iapt.catalogue.disclosure_policy import Policy, load_policy
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.completeness import assess_release
from iapt.ingest.landing import BY_HAND, STORAGE_VERSION, find_doubt, load_landing_tables
from iapt.ingest.observation_store import COMPANION_OF, DropSummary, ObservationStore
from iapt.workspace import Workspace
from iapt.workspace_state import read_warehouse_state
from tests.factories import drops
from tests.factories.drops import make_monthly_csv, make_row

APRIL = ("iapt_month_apr_2026_activity.csv", make_monthly_csv(make_row("25"), make_row("100", level="England")))
MAY_DAYS = {"start": "01/05/2026", "end": "31/05/2026"}
MAY = ("iapt_month_may_2026_activity_provisional_v2.csv", make_monthly_csv(make_row("35", **MAY_DAYS)))
PACK = drops.make_published_drops()["quarterly_long"]


def read(folder: Path, *offered: tuple[str, bytes]) -> list[tuple[ArchivedDrop, DropSummary]]:
    found = [drops.read(folder, name, content) for name, content in offered]
    return [(each.drop, each.summary) for each in found]


def landed(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def land_in(
    folder: Path, reading: list[tuple[ArchivedDrop, DropSummary]], policy: Policy | None = None, *, build: str = ""
) -> Path:
    warehouse = folder / "warehouse.duckdb"
    load_landing_tables(
        warehouse,
        reading,
        ObservationStore(folder / "observations"),
        drops.catalogue(),
        policy or load_policy(),
        publications=assess_release(Workspace(folder), drops.catalogue(), reading) if reading else (),
        build=build,
    )
    return warehouse


def test_a_warehouse_is_trusted_that_one_of_the_builds_landed_in_last(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL), build="the second")
    assert not find_doubt(warehouse, ("the first", "the second"))
    assert "another build" in find_doubt(warehouse, ("the first", "the third"))
    assert "another build" in find_doubt(warehouse, ())


def test_a_warehouse_is_not_trusted_in_which_dbt_was_run_by_hand(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL), build="the second")
    with duckdb.connect(str(warehouse)) as connection:
        row = f"('fct_monthly', 'month', date '2026-04-01', '{BY_HAND}at noon')"
        connection.execute(f"insert into landing.period_builds values {row}")
    assert "fct_monthly" in find_doubt(warehouse, ("the second",))


def test_a_warehouse_is_not_trusted_in_which_rows_were_changed_after_it_was_built(tmp_path: Path) -> None:
    """Neither reading it nor a copy with its times is a change."""
    warehouse = land_in(tmp_path, read(tmp_path, APRIL), build="the second")
    state = read_warehouse_state(warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("from landing.period_builds").fetchall()
    copy = Path(shutil.copy2(warehouse, tmp_path / "copy.duckdb"))
    for file in (warehouse, copy):
        assert not find_doubt(file, ("the second",), state)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update landing.drops set file = 'another'")
    assert "was written to" in find_doubt(warehouse, ("the second",), state)
    assert not find_doubt(warehouse, ("the second",))  # a build that was begun writes to it too


def test_a_warehouse_is_not_trusted_that_does_not_say_who_made_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(warehouse)).close()
    assert "does not say" in find_doubt(warehouse, ("the first",))


def test_the_observations_of_the_drops_given_are_landed_and_no_others(tmp_path: Path) -> None:
    reading = read(tmp_path, APRIL, MAY, PACK)
    warehouse = land_in(tmp_path, reading[:2])
    assert landed(warehouse, "select source_file, value from landing.observations order by all") == [
        (APRIL[0], 25.0),
        (APRIL[0], 100.0),
        (MAY[0], 35.0),
    ]
    assert land_in(tmp_path, reading[1:]) == warehouse
    files = "select distinct source_file from landing.observations order by 1"
    assert landed(warehouse, files) == [(MAY[0],), (PACK[0],)]
    assert landed(warehouse, "select count(*) from landing.drops") == [(2,)]


def test_every_drop_is_landed_with_its_provenance_and_standing(tmp_path: Path) -> None:
    (april, _), (may, _) = reading = read(tmp_path, APRIL, MAY)
    set_aside = {"a blank": 4, f"{COMPANION_OF}MEASURE_VALUE_SUPPRESSED is not read": 9}
    summary = replace(reading[1][1], tables=[replace(reading[1][1].tables[0], quarantined=set_aside)])
    reading[1] = (
        replace(may, status="provisional", revision=2, sequence=2, batch=2, made="O'Zed's copy"),
        summary,
    )
    warehouse = land_in(tmp_path, reading)
    assert landed(warehouse, "from landing.drops order by sequence") == [
        (
            *(april.sha256, APRIL[0], "published", "", april.source, april.licence),
            *("definitive", False, 1, 1, 1, APRIL[0], 0),
        ),
        (
            *(may.sha256, MAY[0], "published", "O'Zed's copy", may.source, may.licence),
            *("provisional", True, 2, 2, 2, MAY[0], 4),
        ),
    ]


def test_the_periods_and_levels_of_each_drop_are_landed(tmp_path: Path) -> None:
    (april, _), (pack, _) = reading = read(tmp_path, APRIL, PACK)
    warehouse = land_in(tmp_path, reading)
    first = dt.date(2026, 4, 1)
    assert landed(warehouse, "from landing.drop_periods order by period_grain, org_level") == [
        (april.sha256, "monthly", "month", first, "england"),
        (april.sha256, "monthly", "month", first, "provider"),
        (pack.sha256, "quarterly", "quarter", first, "england"),
        (pack.sha256, "quarterly", "quarter", first, "provider"),
        (pack.sha256, "quarterly", "quarter", first, "sub_icb"),
        (pack.sha256, "quarterly", "quarter", first, "sub_icb_provider"),
    ]


def test_the_quarter_that_was_never_published_is_landed_as_a_gap(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    gaps = landed(warehouse, "select series, period_grain, period, kind, reason, source from landing.gaps")
    assert ("quarterly", "quarter", "2020-21 Q2", "not_published") in [gap[:4] for gap in gaps]
    assert all(reason and source for *_, reason, source in gaps)
    assert len(gaps) == len(drops.catalogue().gaps)


def test_the_one_statement_on_the_missing_quarter_is_cited_as_the_code_comment_that_it_is() -> None:
    (gap,) = (gap for gap in drops.catalogue().gaps if gap.period == "2020-21 Q2")
    for text in (gap.reason, gap.known, gap.source):
        assert "comment in NHS England's" in text
        assert "no publication" in text
    assert "nhsengland/MHSDS" in gap.source
    assert "was not found" not in f"{gap.reason} {gap.known}"


def test_a_catalogue_without_gaps_lands_an_empty_table(tmp_path: Path) -> None:
    catalogue = drops.with_limits()
    catalogue.__dict__["gaps"] = []
    reading = read(tmp_path, APRIL)
    load_landing_tables(
        tmp_path / "warehouse.duckdb",
        reading,
        ObservationStore(tmp_path / "observations"),
        catalogue,
        load_policy(),
        publications=(),
    )
    assert landed(tmp_path / "warehouse.duckdb", "from landing.gaps") == []


def test_what_became_of_each_publication_is_landed_with_its_page_and_address(tmp_path: Path) -> None:
    ((drop, _),) = reading = read(tmp_path, APRIL)
    warehouse = land_in(tmp_path, reading)
    (april,) = landed(warehouse, "from landing.publication_states where state = 'present'")
    listed = drops.catalogue().publications.find("monthly/2026-04/1")
    assert listed is not None
    assert april[:7] == ("monthly", "month", "2026-04", "2026-04", 1, "definitive", "present")
    day = dt.date.fromisoformat(drop.archived_at[:10])
    assert april[8:11] == (dt.date(2026, 6, 11), day, "reviewed")
    assert april[11].endswith(
        "/nhs-talking-therapies-monthly-statistics-including-employment-advisors/performance-april-2026"
    )
    assert april[12:] == (listed.file, APRIL[0], drop.sha256, drop.bytes, day, None)
    assert len(landed(warehouse, "from landing.publication_states")) >= len(drops.catalogue().publications.rows)


def test_beside_synthetic_figures_no_page_and_no_address_is_landed(tmp_path: Path) -> None:
    ((drop, summary),) = read(tmp_path, APRIL)
    warehouse = land_in(tmp_path, [(replace(drop, origin="synthetic"), summary)])
    counts = landed(warehouse, "select count(*) > 100, count(page), count(address) from landing.publication_states")
    assert counts == [(True, 0, 0)]


def test_publications_of_restricted_drops_are_refused(tmp_path: Path) -> None:
    ((drop, summary),) = reading = read(tmp_path, APRIL)
    states = assess_release(Workspace(tmp_path), drops.catalogue(), reading)
    restricted = [(replace(drop, origin="restricted"), summary)]
    with pytest.raises(ValueError, match="no publications of restricted drops"):
        load_landing_tables(
            tmp_path / "warehouse.duckdb",
            restricted,
            ObservationStore(tmp_path / "observations"),
            drops.catalogue(),
            load_policy(),
            publications=states,
        )


def test_the_days_of_the_calendar_are_landed_to_its_end(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    ends = landed(
        warehouse,
        "select series, period_grain, min(expected_on), max(period) from landing.publication_days "
        "group by all order by all",
    )
    assert ends == [
        ("annual", "year", dt.date(2015, 1, 15), "2040-41"),
        ("monthly", "month", dt.date(2020, 11, 12), "2041-03"),
        ("quarterly", "quarter", dt.date(2020, 11, 12), "2040-41 Q4"),
    ]


def test_the_monthly_file_is_believed_before_a_time_series(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    ranks = landed(warehouse, "from landing.series_precedence order by all")
    assert ranks == [
        ("month", "monthly", 1, None, None),
        ("month", "timeseries", 2, None, None),
        ("quarter", "quarterly", 1, None, None),
        ("year", "annual", 1, None, None),
    ]


def test_one_policy_is_landed_the_last_one_asked_for(tmp_path: Path) -> None:
    reading = read(tmp_path, APRIL)
    land_in(tmp_path, reading, load_policy(profile="hardened"))
    hardened = landed(tmp_path / "warehouse.duckdb", "from landing.disclosure_policy")
    assert hardened == [(1, "hardened", 5, 5, 4, 250)]
    warehouse = land_in(tmp_path, reading, load_policy(profile="publisher"))
    assert landed(warehouse, "from landing.disclosure_policy") == [(1, "publisher", 5, 5, None, None)]


def test_every_kind_of_statistic_is_landed_with_whether_it_is_released_and_its_decimals(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    kinds = landed(
        warehouse, "select statistic, decimals from landing.disclosure_statistics where is_released order by all"
    )
    assert kinds == [("count", None), ("mean", 1), ("median", 1), ("percentage", 0)]
    staying = landed(
        warehouse, "select statistic from landing.disclosure_statistics where not is_released order by all"
    )
    assert staying == [("maximum",), ("minimum",), ("sum",), ("unknown",)]


def test_nothing_is_never_landed_and_what_was_landed_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one drop"):
        land_in(tmp_path, [])
    assert not (tmp_path / "warehouse.duckdb").exists()
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    with pytest.raises(ValueError, match="at least one drop"):
        land_in(tmp_path, [])
    assert landed(warehouse, "select count(*) from landing.observations") == [(2,)]


def test_a_landing_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    (drop, summary), other = read(tmp_path, APRIL, MAY)
    warehouse = land_in(tmp_path, [(drop, summary)])
    broken = replace(summary.tables[0], coverage=[("the first of never", "provider")])
    with pytest.raises(duckdb.Error):
        land_in(tmp_path, [other, (drop, replace(summary, tables=[broken]))])
    assert landed(warehouse, "select file from landing.drops") == [(APRIL[0],)]
    assert landed(warehouse, "select distinct source_file from landing.observations") == [(APRIL[0],)]


def test_quotes_and_brackets_in_the_path_of_a_home_survive(tmp_path: Path) -> None:
    home = tmp_path / "O'Zed's \"home\" [1]*"
    home.mkdir()
    (home.parent / "O'Zed's \"home\" 1").mkdir()
    warehouse = land_in(home, read(home, APRIL, PACK))
    assert landed(warehouse, "select count(distinct source_file) from landing.observations") == [(2,)]


def test_the_warehouse_keeps_its_other_schemas(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts; create table marts.fct as select 1 as value")
    land_in(tmp_path, read(tmp_path, MAY))
    assert landed(warehouse, "from marts.fct") == [(1,)]


def test_a_new_warehouse_keeps_text_in_the_way_that_is_fast_to_write(tmp_path: Path) -> None:
    warehouse = land_in(tmp_path, read(tmp_path, APRIL))
    # A later writer, as dbt is, asks for no version: it finds that of the file.
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table written_later as select 1 as x")
    [(tags,)] = landed(warehouse, "select tags from duckdb_databases() where database_name = 'warehouse'")
    assert tags["storage_version"].startswith(STORAGE_VERSION)
