"""A refresh under the hardened profile: what it suppresses beyond the publisher profile, and that it names itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from iapt.catalogue.disclosure_policy import load_policy
from iapt.contract import CONTRACTS, EXTRACT_GRAINS, POPULATION
from iapt.workspace import Workspace
from orchestration.refresh import refresh
from tests.integration.conftest import BuiltHome

SAME_CELL = " and ".join(f"publisher.{column} is not distinct from hardened.{column}" for column in POPULATION)
OTHER_COLUMNS_DIFFER = " or ".join(
    f"publisher.{column} is distinct from hardened.{column}"
    for column in CONTRACTS["extract_monthly"]
    if column not in ("value", "value_status", "value_marker")
)
SAME_POPULATION = " and ".join(f"rates.{column} is not distinct from counts.{column}" for column in POPULATION)


@pytest.fixture(scope="module")
def hardened_home(released_home: BuiltHome, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The built home after a second refresh, from the same drops, under the hardened profile."""
    root = tmp_path_factory.mktemp("hardened") / "home"
    shutil.copytree(released_home.home.root, root, symlinks=True, ignore=shutil.ignore_patterns("dagster"))
    outcome = refresh(Workspace(root), released_home.drops, profile="hardened")
    assert outcome.failure is None
    assert outcome.is_new
    assert outcome.drops_read == 0
    return Workspace(root)


def _manifest(home: Workspace) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((home.latest / "manifest.json").read_text("utf-8"))
    return manifest


def _read_table_sql(release: Path, table: str) -> str:
    return f"read_parquet('{release / table}.parquet')"


def test_another_profile_is_another_release_and_says_which(released_home: BuiltHome, hardened_home: Workspace) -> None:
    publisher, hardened = _manifest(released_home.home), _manifest(hardened_home)
    assert hardened["previous_release"] == publisher["release_id"] != hardened["release_id"]
    assert publisher["disclosure"] == load_policy().to_manifest()
    assert hardened["disclosure"] == load_policy(profile="hardened").to_manifest()
    assert "profile `publisher`" in (released_home.home.latest / "README.md").read_text("utf-8")
    assert "profile `hardened`" in (hardened_home.latest / "README.md").read_text("utf-8")


@pytest.mark.parametrize("table", EXTRACT_GRAINS)
def test_hardened_suppresses_strictly_more_percentages_and_changes_nothing_that_stays(
    released_home: BuiltHome, hardened_home: Workspace, table: str
) -> None:
    publisher, hardened = (
        _read_table_sql(released_home.home.latest, table),
        _read_table_sql(hardened_home.latest, table),
    )
    with duckdb.connect() as connection:
        newly_hidden, otherwise_changed, rows, rows_of_publisher = connection.execute(
            f"""
            with cells as (
                select
                    publisher.value_status as status_before,
                    hardened.value_status as status_now,
                    publisher.statistic = 'percentage' and publisher.value_status = 'published'
                    and hardened.value_status = 'suppressed' and hardened.value_marker = '[c]' as is_newly_hidden,
                    publisher.value is distinct from hardened.value as is_changed,
                    {OTHER_COLUMNS_DIFFER} as is_another
                from {publisher} as publisher
                join {hardened} as hardened on publisher.measure = hardened.measure and {SAME_CELL}
            )
            select
                count_if(is_newly_hidden),
                count_if(is_another or ((is_changed or status_before <> status_now) and not is_newly_hidden)),
                count(*),
                (select count(*) from {publisher})
            from cells
            """
        ).fetchall()[0]
    assert rows == rows_of_publisher
    assert newly_hidden > 0
    assert otherwise_changed == 0


@pytest.mark.parametrize("table", EXTRACT_GRAINS)
def test_every_remaining_percentage_is_safe_by_the_declared_bounds_of_its_own_release(
    hardened_home: Workspace, table: str
) -> None:
    """Calculated from the release alone: the formulas of dim_measure, and the bounds beside the counts."""
    release = hardened_home.latest
    with duckdb.connect() as connection:
        unsafe, left = connection.execute(
            f"""
            with terms as (
                select measure, 'numerator' as part, unnest(regexp_extract_all('+ ' || numerator, '[+-] \\w+')) as term
                from {_read_table_sql(release, "dim_measure")} where statistic = 'percentage'
                union all
                select measure, 'denominator', unnest(regexp_extract_all('+ ' || denominator, '[+-] \\w+'))
                from {_read_table_sql(release, "dim_measure")} where statistic = 'percentage'
            ),
            parts as (select measure, part, term[1] = '+' as is_added, term[3:] as component from terms),
            rates as (
                select * from {_read_table_sql(release, table)}
                where statistic = 'percentage' and value is not null and org_level <> 'england'
            ),
            counts as (select * from {_read_table_sql(release, table)} where statistic = 'count'),
            margins as (
                select
                    rates.measure, {", ".join(f"rates.{column}" for column in POPULATION)},
                    count(parts.component) as parts, count(counts.lower_bound) as parts_known,
                    sum(if(is_added, counts.lower_bound, -counts.upper_bound)) filter (part = 'denominator') as least,
                    sum(if(is_added, counts.upper_bound, -counts.lower_bound)) filter (part = 'numerator') as most
                from rates
                left join parts on parts.measure = rates.measure
                left join counts on counts.measure = parts.component and {SAME_POPULATION}
                group by all
            )
            select
                count_if(not coalesce(parts > 0 and parts = parts_known and least - most > 4 and least >= 250, false)),
                count(*)
            from margins
            """
        ).fetchall()[0]
    assert left > 0
    assert unsafe == 0
