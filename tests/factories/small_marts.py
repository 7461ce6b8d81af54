"""Small marts that keep every rule: the facts of the staged release, and what rules of them read beside."""

from __future__ import annotations

import duckdb

from expectations.suites.marts import SCHEMA
from iapt.contract import EXTRACT_GRAINS, FACT_GRAINS, MARTS
from tests.factories.staged_release import build_tables

EXTRACT_OF = {
    fact: extract
    for (fact, grain) in FACT_GRAINS.items()
    for extract in EXTRACT_GRAINS
    if EXTRACT_GRAINS[extract] == grain
}

#: A fact is as published: of England exact counts, small ones too; of others what the staged release holds already.
FACT = """
create table marts.{fact} as
select
    * exclude (value_marker, is_derived, lower_bound, upper_bound, suppressed_parts, drop_sha256),
    cast(null as varchar) as parent_code,
    cast(null as varchar) as parent_name,
    true as is_reviewed,
    case value_status when 'published' then cast(value as varchar) when 'suppressed' then '*' end as value_as_published,
    'monthly' as series,
    drop_sha256,
    case when drop_sha256 is not null then 'a.csv' end as source_member,
    case when drop_sha256 is not null then row_number() over () end as source_row,
    case when drop_sha256 is not null then 'VALUE' end as source_column
from {extract}
where not is_derived;
create or replace table marts.{fact} as select {columns} from marts.{fact};
insert into marts.{fact} by name
select
    * replace (
        'published' as value_status, 3 as value, '3' as value_as_published,
        'count_new' as measure, 'M999' as measure_id, false as is_reviewed
    )
from marts.{fact} where org_level = 'england' and measure = 'count_recovery' and value_status = 'published';
insert into marts.{fact} by name
select
    * replace (
        'published' as value_status, 33 as value, '3.3' as value_as_published, 'count_corrected' as measure,
        'M998' as measure_id, false as is_reviewed, 'corrected' as source_column
    )
from marts.{fact} where org_level = 'england' and measure = 'count_recovery' and value_status = 'published';
insert into intermediate.int_corrected_cells
select drop_sha256, source_member, source_row, source_column, 'replace', true
from marts.{fact} where source_column = 'corrected';
insert into marts.{fact} by name
select
    * replace (
        'not_applicable' as value_status, null as value, 'NULL' as value_as_published,
        'count_new' as measure, 'M999' as measure_id, false as is_reviewed
    )
from marts.{fact} where org_level = 'provider' and measure = 'count_recovery' and value_status = 'suppressed';
"""


def build_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the marts in a DuckDB database, which is left in their schema."""
    build_tables(connection)
    connection.execute(f"create schema {SCHEMA}; create schema landing; create schema intermediate")
    connection.execute(
        "create table intermediate.int_corrected_cells (drop_sha256 varchar, source_member varchar, "
        "source_row bigint, source_column varchar, action varchar, is_applied boolean)"
    )
    for table in MARTS.keys() - FACT_GRAINS.keys():
        connection.execute(f"create table {SCHEMA}.{table} as from {table}")
    for fact, extract in EXTRACT_OF.items():
        connection.execute(FACT.format(fact=fact, extract=extract, columns=", ".join(MARTS[fact])))
    drops = " union ".join(f"select drop_sha256 from {SCHEMA}.{fact}" for fact in FACT_GRAINS)
    connection.execute(
        f"create table landing.drops as select drop_sha256 as sha256 from ({drops}) where sha256 is not null"
    )
    connection.execute(f"use {SCHEMA}")
