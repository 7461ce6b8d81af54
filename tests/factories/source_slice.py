"""A slice of a released home: a few periods and organisations of its warehouse, and of the extracts made from them.

Small enough to be audited over and over. What stands in the extracts is what the pipeline made. Two things that the
demonstration lacks are added: a measure that nobody has reviewed, and a count of England below the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from iapt.contract import CURRENT_BOUNDARIES, DIMENSIONS, EXTRACT_GRAINS, TOPICS, parquet_name
from iapt.disclosure.auditor import WAREHOUSE_TABLES
from iapt.workspace import Workspace

FACTS = {"extract_monthly": "fct_monthly", "extract_quarterly": "fct_quarterly", "extract_annual": "fct_annual"}
#: A month of dashes, a month of every statistic; both sides of the gap, a quarter of every level; both geographies.
PERIODS = {
    "extract_monthly": "period in ('2019-05', '2025-06')",
    "extract_quarterly": (
        "variable_type in ('Total', 'Gender') and period in ('2020-21 Q1', '2020-21 Q2', '2020-21 Q3', '2025-26 Q3')"
    ),
    "extract_annual": "variable_type in ('Total', 'Gender') and period in ('2019-20', '2024-25')",
}
#: Of each of these levels the first few organisations; of every other level all.
FIRST_OF_LEVEL = {"stp": 3, "icb": 3, "ccg": 4, "sub_icb": 4, "provider": 4, "ccg_provider": 2, "sub_icb_provider": 2}
#: The parts of a body whose months are sums of theirs, kept whole.
SUMMED = ("icb", "QT1")
PARTS_OF_SUMMED = (("sub_icb", "02Q"), ("sub_icb", "52R"))
#: The seeds by which such a sum is traced.
SEEDS = ("organisation_parents", "measures")
#: A measure of the latest month that is in the source alone, as if nobody had reviewed it.
UNREVIEWED = "count_calls_answered"
#: A count that the source publishes for England in the latest month, and that an extract must hide all the same.
SMALL = "count_appts_dna"
SMALL_COUNT = 3
_MONTH = "period = '2025-06' and measure = 'count_referrals_received'"


@dataclass(frozen=True)
class SourceSlice:
    """A small source, and the clean extracts that were made from it."""

    warehouse: Path
    staged: Path


def write_source_slice(home: Workspace, folder: Path) -> SourceSlice:
    """Write the slice of a released home into a folder that is there."""
    staged = folder / "staged"
    staged.mkdir()
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect() as connection:
        # a view of the warehouse names its catalogue, which is the file's stem
        connection.execute(f"attach '{home.warehouse}' as {home.warehouse.stem} (read_only)")
        connection.execute(f"attach '{warehouse}' as slice")
        connection.execute(f"use {home.warehouse.stem}")
        for schema in ("marts", "extracts", "seeds"):
            connection.execute(f"create schema slice.{schema}")
        for table, fact in FACTS.items():
            connection.execute(f"create temp table kept as {_kept_organisations(fact)}")
            where = f"{PERIODS[table]} and (org_level, org_code) in (from kept)"
            connection.execute(f"create table slice.marts.{fact} as from marts.{fact} where {where}")
            connection.execute(
                f"copy (from read_parquet('{home.latest / parquet_name(table)}') where {where} "
                f"or (is_derived and {PERIODS[table]} and (org_level, org_code) = {SUMMED})) "
                f"to '{staged / parquet_name(table)}' (format parquet)"
            )
            connection.execute("drop table kept")
        connection.execute(
            f"""
            insert into slice.marts.fct_monthly
            select * replace ('{UNREVIEWED}' as measure, null as measure_id, false as is_reviewed)
            from slice.marts.fct_monthly where {_MONTH}
            union all
            select * replace ('{SMALL}' as measure, null as measure_id, {SMALL_COUNT} as value)
            from slice.marts.fct_monthly where {_MONTH} and org_level = 'england'
            """
        )
        monthly = staged / parquet_name("extract_monthly")
        connection.execute(
            f"""
            create temp table extract_monthly as from read_parquet('{monthly}');
            insert into extract_monthly
            select * replace (
                '{SMALL}' as measure, null as measure_id, null as value, 'suppressed' as value_status,
                '[c]' as value_marker, 0 as lower_bound, 4 as upper_bound
            )
            from extract_monthly where {_MONTH} and org_level = 'england';
            copy extract_monthly to '{monthly}' (format parquet)
            """
        )
        for seed in SEEDS:
            connection.execute(f"create table slice.seeds.{seed} as from seeds.{seed}")
        for table, source in WAREHOUSE_TABLES.items():
            where = "true" if table in DIMENSIONS else _of_the_slice(table, staged)
            connection.execute(f"create table slice.{source} as from {source} where {where}")
            connection.execute(f"copy slice.{source} to '{staged / parquet_name(table)}' (format parquet)")
    return SourceSlice(warehouse, staged)


def _of_the_slice(table: str, staged: Path) -> str:
    """Which rows of a table that follows from the extracts follow from those of the slice."""
    extracts = {extract: f"read_parquet('{staged / parquet_name(extract)}')" for extract in EXTRACT_GRAINS}
    if table in CURRENT_BOUNDARIES:
        figures = extracts[CURRENT_BOUNDARIES[table]]
        population = "variable_type, coalesce(variable_a, ''), coalesce(variable_b, ''), measure"
        return f"""
            list_has_all(
                (select list(distinct (period, org_level, org_code)) from {figures}),
                list_transform(string_split(codes_as_published, '; '), lambda code: (period, level_as_published, code))
            )
            and (period, {population}) in (select (period, {population}) from {figures})
        """
    if table in TOPICS or table == "mart_recovery_rate":
        population = (
            "period, org_level, org_code, coalesce(partner_code, ''), variable_type, "
            "coalesce(variable_a, ''), coalesce(variable_b, '')"
        )
        kept = " union ".join(
            f"select ('{grain}', {population}) from {extracts[extract]}" for extract, grain in EXTRACT_GRAINS.items()
        )
        return f"(period_grain, {population}) in ({kept})"
    if table == "mart_rolling_totals":  # no window of the slice has all its months
        kept = f"select (period, org_level, org_code, measure) from {extracts['extract_monthly']}"
        return f"value_status = 'not_published' and (period, org_level, org_code, measure) in ({kept})"
    return "true"


def _kept_organisations(fact: str) -> str:
    most = " ".join(f"when '{level}' then {number}" for level, number in FIRST_OF_LEVEL.items())
    return f"""
        select org_level, org_code
        from (select distinct org_level, org_code from marts.{fact})
        qualify row_number() over (partition by org_level order by org_code) <= case org_level {most} else 100 end
            or (org_level, org_code) in {PARTS_OF_SUMMED}
    """
